"""Which claims stand elsewhere than they stood? The board at two positions of a view, row against row.

Of a claim that may stand elsewhere, the row that held at the first position has ended by the second, or the one that
holds at the second began after the first; its two rows tell whether it does. One that moved and was back by then does
not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from ledger.cuts import number_of
from ledger.errors import UsageError
from ledger.fold import AsOf

from ..board import Row
from ..status import RULES
from ..tracking.rows import OPEN
from . import cursors, pages
from .pages import Moment

WHAT: Final = ("text", "status", "own_words", "flags", "support", "opposition", "acts")
"""What of a row makes it another place to stand: all but when anything was last recorded about the claim."""

_AT_ONCE: Final = 500
"""So many claims are read at a time."""


class Change(Struct, frozen=True):
    """A claim that stands elsewhere than it stood."""

    claim: str
    before: Row | None
    """Its row on the earlier board; None where it was not registered."""
    after: Row | None
    """Its row on the later board; None where it was no longer registered."""

    @property
    def what(self) -> list[str]:
        """What of its row differs; nothing where it has but one."""
        before, after = self.before, self.after
        if before is None or after is None:
            return []
        return [name for name in WHAT if getattr(before, name) != getattr(after, name)]


class Changes(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The claims that stand elsewhere than they stood, by claim id, or a page of them."""

    after: AsOf
    as_of: AsOf
    rules: str
    changes: list[Change]
    next: str | None = None
    """The cursor of what follows; left out where nothing does."""


def changes(connection: Any, one: Moment, other: Moment, beyond: str) -> Iterator[Change]:
    """The claims whose rows differ from one moment of a view to a later one, by id, after a claim; lazily.

    Which may differ is read at once.
    """
    at_one = [node for node in one.nodes if node != OPEN]  # who lies there has ended
    values = {"one": one.at, "other": other.at, "beyond": beyond}
    sql = _MAY_DIFFER.format(at_one=_numbers(at_one), at_other=_numbers(other.nodes))
    numbers = [number for (number,) in connection.execute(sql, values).fetchall()]
    return _differing(connection, one, other, numbers)


def part(found: Iterable[Change], after: AsOf, as_of: AsOf, limit: int | None) -> Changes:
    """The first changes of those found, as everybody is given them."""
    changes = list(found if limit is None else islice(found, limit + 1))
    shown = changes[:limit]
    following = f"{after.position}:{as_of.position}:{shown[-1].claim}" if len(shown) < len(changes) else None
    return Changes(after=after, as_of=as_of, rules=RULES, changes=shown, next=following)


def place_of(cursor: str) -> tuple[int, int, str]:
    """The two positions of a cursor, and the claim after which it goes on. Raises UsageError."""
    parts = cursor.split(":")
    match [*map(number_of, parts[:2]), *parts[2:]]:
        case [int(after), int(as_of), str(claim)]:
            return after, as_of, claim
        case _:
            raise UsageError(f"{cursor!r} is no cursor of changes; give the one that came with the page before")


def check_place(cursor: str, place: tuple[int, int, str], after: int, as_of: int) -> None:
    """Raises UsageError where a cursor goes on between other positions than are asked for."""
    if place[:2] != (after, as_of):
        between = "{} and {}".format(*place[:2])
        raise UsageError(f"{cursor!r} goes on between positions {between}, not {after} and {as_of}; give those")


def asked(ask: cursors.Ask, query: cursors.Query, limit: int | None, cursor: str | None) -> Changes:
    """The changes, from a service."""
    found: list[Change] = []
    for page in cursors.pages(ask, "changes", query, Changes, limit, cursor):
        found += page.changes
    return replace(page, changes=found)


def _differing(connection: Any, one: Moment, other: Moment, claim_nos: list[int]) -> Iterator[Change]:
    for place in range(0, len(claim_nos), _AT_ONCE):
        some = claim_nos[place : place + _AT_ONCE]
        before, after = ({row.claim: row for row in pages.rows(connection, at, some)} for at in (one, other))
        for claim in sorted(before.keys() | after.keys()):
            change = Change(claim, before.get(claim), after.get(claim))
            if None in (change.before, change.after) or change.what:
                yield change


def _numbers(nodes: Iterable[int]) -> str:
    return ", ".join(map(str, nodes))


_MAY_DIFFER: Final = """
SELECT claim_no FROM claim WHERE name > :beyond AND claim_no IN (
    SELECT claim_no FROM row WHERE node IN ({at_one})
    AND from_position <= :one AND until_position > :one AND until_position <= :other
    UNION
    SELECT claim_no FROM row WHERE node IN ({at_other})
    AND from_position <= :other AND until_position > :other AND from_position > :one
) ORDER BY name
"""
