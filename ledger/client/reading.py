"""How are records read where a service has them? The reading half of a store, page by page.

Each page is a request of its own, at the position of the first, so that what is left off half-way holds nothing open.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct

from ledger import when
from ledger.cuts import number_of
from ledger.errors import IntegrityError, UsageError
from ledger.store import Appended, Draft, Head, Stored

from .connection import Connection, Query

PAGE: Final = 1_000
"""Records, or claims of the board, that are asked for at once."""
_URL: Final = 4_000
"""So many characters of tags go into one URL."""
_POSITION: Final = b'{"position":'
_POLL_S: Final = 1.0


class ServedStore:
    """A Store that a service reads; it appends nothing by itself (see `RemoteLedger`)."""

    def __init__(self, connection: Connection) -> None:
        self.name = connection.name
        self.file: str | None = None
        self.gapless = False
        self._connection = connection

    @property
    def to_append(self) -> ServedStore:
        """Itself: the service finds what it needs to append."""
        return self

    def read(self, asked: Query, after: int, until: int) -> Iterator[Stored]:
        """Every record with after < position <= until that is as asked: of a claim, a source, types or tags."""
        self._connection.check()
        return self._pages(asked, after, until)

    def head(self) -> Head:
        """The last record now."""
        return self._head(())

    def append(self, drafts: Sequence[Draft], **how: Any) -> Appended:
        """Refused: the service decides what is appended, and puts it into its envelope."""
        raise UsageError(f"{self.name} makes its records itself; append events")

    def scan(self, after: int, until: int, *, types: Sequence[str] = ()) -> Iterator[Stored]:
        """Every record with after < position <= until, of these types where any are given."""
        return self.read([("type", type_) for type_ in types], after, until)

    def tagged(self, tags: Iterable[str], *, types: Sequence[str] = (), after: int, until: int) -> Iterator[Stored]:
        """Every record with after < position <= until that carries any of the tags, each once."""
        self._connection.check()
        found = self._tagged(tags, after, until)
        return found if not types else (stored for stored in found if _of_record(stored).event.type in types)

    def matching(self, items: Sequence[Any], *, after: int, until: int, limit: int) -> list[Any]:
        """Refused: a service tells no tags, which who serves its ledger to others would have to know."""
        raise UsageError(f"{self.name} is a service already; ask it")

    def probe(self, patience_s: float) -> Head:
        """The last record now; whether it may append as well, the service tells of itself (`/readyz`)."""
        return self.head()

    def by_id(self, ids: Sequence[str]) -> dict[str, Stored]:
        """The records with these ids; ids that are not there are left out."""
        self._connection.check()
        found = self._tagged([f"id:{event_id}" for event_id in ids], 0, None)
        return {_of_record(stored).id: stored for stored in found}

    def at_or_before(self, recorded_at: int) -> int:
        """The last position recorded at or before a moment; 0 where there is none."""
        return self._head([("as_of", when.stamp(recorded_at))]).position

    def recorded_at(self, position: int) -> int | None:
        """When the record at a position was recorded, in microseconds; None where there is no such record."""
        return self._head([("as_of", str(position))]).recorded_at or None

    def wait(self, after: int, timeout_s: float) -> bool:
        """Waits until there is a record after a position; False when the time ran out first."""
        deadline = time.monotonic() + timeout_s
        while self.head().position <= after:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            time.sleep(min(left_s, _POLL_S))
        return True

    def close(self) -> None:
        """Ends every connection; idempotent."""
        self._connection.close()

    def _head(self, query: Query) -> Head:
        found = self._connection.read(self._connection.ask("head", query), _HeadAnswer)
        return Head(found.position, 0 if found.recorded_at is None else when.instant(found.recorded_at))

    def _tagged(self, tags: Iterable[str], after: int, until: int | None) -> Iterator[Stored]:
        runs = [self._pages([("tag", tag) for tag in some], after, until) for some in _by_length(dict.fromkeys(tags))]
        return (next(same) for _, same in groupby(merge(*runs, key=itemgetter(0)), key=itemgetter(0)))

    def _pages(self, asked: Query, after: int, until: int | None) -> Iterator[Stored]:
        if until is not None and after >= until:
            return
        cut = [] if until is None else [("as_of", str(until))]
        for page in self._connection.pages("events", [*asked, *cut, ("after", str(after)), ("limit", str(PAGE))]):
            yield from map(stored_of, self._connection.read(page, _Page).events)


class _HeadAnswer(Struct, frozen=True):
    """Where the ledger ends, or ended at a cut."""

    position: int
    recorded_at: str | None = None


class _Page(Struct, frozen=True):
    """Some records, each as the line that it is."""

    events: list[msgspec.Raw]


class _OfEvent(Struct, frozen=True):
    """An event, by its type alone."""

    type: str


class _OfRecord(Struct, frozen=True):
    """A record, by what it is asked for here."""

    id: str
    event: _OfEvent


def _of_record(stored: Stored) -> _OfRecord:
    return msgspec.json.decode(stored[1], type=_OfRecord)


def stored_of(line: bytes | msgspec.Raw) -> Stored:
    """The position and the stored bytes of a line as `records.line` made it. Raises IntegrityError for another."""
    first, _, rest = bytes(line).partition(b",")
    position = number_of(first.removeprefix(_POSITION).decode(errors="replace"))
    if not first.startswith(_POSITION) or position is None:
        raise IntegrityError(f"this is no line of a record: {bytes(line)[:80]!r}")
    return position, b"{" + rest


def _by_length(tags: Iterable[str]) -> Iterator[list[str]]:
    """The tags by as many as go into one URL."""
    some: list[str] = []
    length = 0
    for tag in tags:
        length += len(quote(tag, safe="")) + len("&tag=")
        if some and length > _URL:
            yield some
            some, length = [], 0
        some.append(tag)
    if some:
        yield some
