"""What was a page asked with, so that the next is a part of the same whole? Its cursor carries that after its place.

What had been said by when stands there as it was asked for; of what else was asked, by name, a few digits of a digest.
The limit is not among it: the next page may be shorter or longer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import msgspec

from ledger.errors import UsageError

Asked: TypeAlias = Mapping[str, str]
"""The name of all that was asked for, and what is known of it."""
Query: TypeAlias = Sequence[tuple[str, str]]
Ask: TypeAlias = Callable[[str, Query], bytes]
"""Gives the JSON that a service answers at a path below /v1."""
_BYTES: Final = 4
_PAGE: Final = 1_000
"""So many of a list a service is asked for at a time."""


class Page(Protocol):
    """A page of a list."""

    @property
    def next(self) -> str | None:
        """The cursor of what follows; None where nothing does."""


P = TypeVar("P", bound=Page)


def asked(said_by: str | None = None, **filters: Any) -> Asked:
    """What a page is asked with; filters that are None, or an empty list, are none."""
    found = {name: _digest(value) for name, value in filters.items() if isinstance(value, str) or value}
    return found if said_by is None else found | {"said_by": said_by}


def with_asked(place: str, asked: Asked) -> str:
    """The cursor of the page after a place."""
    return ",".join([place, *(f"{name}={known}" for name, known in asked.items())])


def place_in(cursor: str) -> str:
    """The place after which the page of a cursor begins."""
    return cursor.partition(",")[0]


def check(cursor: str, asked: Asked) -> None:
    """Raises UsageError, which names it, where the page before was asked with something else."""
    before = dict(part.partition("=")[::2] for part in cursor.split(",")[1:])
    for name in [*before, *asked]:
        if before.get(name) != asked.get(name):
            how = "without" if name not in before else "with another" if name in asked else "with"
            raise UsageError(
                f"{cursor!r} goes on after a page that was asked for {how} {name}; ask with the same, or leave the"
                " cursor out to begin anew"
            )


def pages(ask: Ask, path: str, query: Query, page: type[P], limit: int | None, cursor: str | None) -> Iterator[P]:
    """The pages of a list that a service has at a path, under a field of that name: so many of what it lists, all where
    no limit is given, after a cursor."""
    left = limit
    while True:
        size = _PAGE if left is None else min(_PAGE, left)
        at = [] if cursor is None else [("cursor", cursor)]
        found = msgspec.json.decode(ask(path, [*query, ("limit", str(size)), *at]), type=page)
        yield found
        cursor = found.next
        left = None if left is None else left - len(getattr(found, path))
        if cursor is None or left == 0:
            return


def _digest(value: Any) -> str:
    told = sorted(set(value)) if isinstance(value, Collection) and not isinstance(value, str) else str(value)
    return blake2b(json.dumps(told).encode(), digest_size=_BYTES).hexdigest()
