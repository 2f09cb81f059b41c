"""How does the library's port meet ours, in either direction?

`PortStore` is a Store over any recorder of Dynamic Consistency Boundary events; `SQLiteRecorder` is such a recorder
over the SQLite store. A ledger in SQLite needs neither.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Annotated, Final

import msgspec
from eventsourcing.dcb.api import (
    DCBAppendCondition,
    DCBEvent,
    DCBQuery,
    DCBQueryItem,
    DCBReadResponse,
    DCBRecorder,
    DCBSequencedEvent,
    DCBSubscription,
)
from eventsourcing.persistence import IntegrityError as ConditionFailed
from eventsourcing.persistence import ProgrammingError

from ledger import when
from ledger.errors import IntegrityError, UsageError
from ledger.store import Appended, Clock, Draft, Head, Item, Kept, Overtaken, Stored
from ledger.store.sqlite import SQLiteStore
from ledger.store.sqlite_reads import OWN_ID

_PAGE: Final = 1_000
_POLL_S: Final = 0.03
_LOOK_UP_S: Final = 0.1
_ATTEMPTS: Final = 32
_EVERYTHING: Final = DCBQuery()


class PortStore:
    """A Store over a DCB recorder, which is never read without a limit.

    A recorder gives nobody its lock, so the stored bytes are made first and appended on the condition that nothing
    at all came after the head they were made for; where something did, they are made again. `close` leaves the
    recorder open: whoever made it ends it.
    """

    def __init__(self, recorder: DCBRecorder, name: str) -> None:
        self.name = name
        self.file: str | None = None
        self.gapless = False
        self._recorder = recorder
        self._pid = os.getpid()
        self._closed = False
        self._last: DCBSequencedEvent | None = None
        self._lock = threading.Lock()
        self._news = threading.Condition()

    @property
    def to_append(self) -> PortStore:
        """Itself: a recorder has one way to be read."""
        return self

    def head(self) -> Head:
        """The last record now; (0, 0) where there is none."""
        event = self._last_event()
        return Head(0, 0) if event is None else Head(event.position, _recorded_at(event))

    def probe(self, patience_s: float) -> Head:
        """The last record now: all that can be told without appending."""
        return self.head()

    def append(
        self,
        drafts: Sequence[Draft],
        *,
        unless: Iterable[str],
        after: int,
        clock: Clock,
        committing: Callable[[], None] | None = None,
    ) -> Appended:
        """Appends all drafts, or none; see Store. The clock is asked once for each attempt."""
        if not drafts:
            raise UsageError("there is nothing to append; give at least one event")
        ids, unless = [f"{OWN_ID}{draft.id}" for draft in drafts], list(unless)
        with self._lock:
            for _ in range(_ATTEMPTS):
                head = self.head()
                if len(set(ids)) < len(ids) or self._first(ids, 0):
                    raise Overtaken("an id is taken")
                if head.position > after and self._first(unless, after):
                    raise Overtaken(f"a record after position {after} carries one of the tags")
                at = clock(head.recorded_at)
                events = [_event(draft, at) for draft in drafts]
                if committing is not None:
                    committing()
                try:
                    last = self._recorder.append(events, DCBAppendCondition(_EVERYTHING, after=head.position))
                except ConditionFailed:
                    continue
                with self._news:
                    self._news.notify_all()
                own = drafts[-1].recorded_at
                return Appended(last - len(events) + 1, last, at if own is None else own)
        raise Overtaken(f"others appended first, {_ATTEMPTS} times in a row")

    def scan(self, after: int, until: int, *, types: Sequence[str] = ()) -> Iterator[Stored]:
        """Every record with after < position <= until, of these types where any are given."""
        self._check()
        return self._read(DCBQuery([DCBQueryItem(types=list(types))]) if types else None, after, until)

    def tagged(self, tags: Iterable[str], *, types: Sequence[str] = (), after: int, until: int) -> Iterator[Stored]:
        """Every record with after < position <= until that carries any of the tags, each once."""
        self._check()
        items = [DCBQueryItem(types=list(types), tags=[tag]) for tag in dict.fromkeys(tags)]
        return self._read(DCBQuery(items), after, until) if items else iter(())

    def matching(self, items: Sequence[Item], *, after: int, until: int, limit: int) -> list[Kept]:
        """The first records with after < position <= until that match any of the items; any record, without items."""
        self._check()
        query = DCBQuery([DCBQueryItem(types=list(types), tags=list(tags)) for types, tags in items])
        page = self._recorder.read(query, after=after, limit=limit)
        return [Kept(e.position, e.event.type, e.event.tags, e.event.data) for e in page if e.position <= until]

    def by_id(self, ids: Sequence[str]) -> dict[str, Stored]:
        """The records with these ids; ids that are not there are left out."""
        self._check()
        found: dict[str, Stored] = {}
        for start in range(0, len(ids), _PAGE):
            query = _any_of(f"{OWN_ID}{id_}" for id_ in ids[start : start + _PAGE])
            for event in self._recorder.read(query, limit=_PAGE):
                found[_id_of(event.event)] = (event.position, event.event.data)
        return found

    def at_or_before(self, recorded_at: int) -> int:
        """The last position recorded at or before a moment; 0 where there is none."""
        low, high = 0, self.head().position  # the answer lies between them, both included
        while low < high:
            middle = (low + high) // 2
            event = self._next(middle)
            if event is None or _recorded_at(event) > recorded_at:
                high = middle
            else:
                low = event.position
        return low

    def recorded_at(self, position: int) -> int | None:
        """When the record at a position was recorded, in microseconds; None where there is no such record."""
        event = self._next(position - 1)
        return None if event is None or event.position != position else _recorded_at(event)

    def wait(self, after: int, timeout_s: float) -> bool:
        """Waits until there is a record after a position; False when the time ran out first."""
        deadline = time.monotonic() + timeout_s
        while self._next(after) is None:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            with self._news:
                self._news.wait(min(left_s, _POLL_S))
        return True

    def close(self) -> None:
        """Ends the use of the recorder; idempotent."""
        self._closed = True
        with self._news:
            self._news.notify_all()

    def _check(self) -> None:
        if self._pid != os.getpid():
            raise UsageError(f"{self.name} was opened before a fork; open it again in the new process")
        if self._closed:
            raise UsageError(f"{self.name} is closed; open it again")

    def _read(self, query: DCBQuery | None, after: int, until: int) -> Iterator[Stored]:
        while True:
            self._check()
            page = list(self._recorder.read(query, after=after, limit=_PAGE))
            for event in page:
                if event.position > until:
                    return
                yield event.position, event.event.data
            if len(page) < _PAGE:
                return
            after = page[-1].position

    def _next(self, after: int) -> DCBSequencedEvent | None:
        """The first event after a position."""
        self._check()
        return next(iter(self._recorder.read(after=after, limit=1)), None)

    def _first(self, tags: Sequence[str], after: int) -> bool:
        """Whether any event after a position carries any of the tags."""
        return bool(tags) and any(True for _ in self._recorder.read(_any_of(tags), after=after, limit=1))

    def _last_event(self) -> DCBSequencedEvent | None:
        """The last event: by leaps that double from the last one known, then by halving the leap that was too far."""
        known = self._last
        further = self._next(known.position if known else 0)
        if further is None:
            return known
        low, leap = further, 1
        while (further := self._next(low.position + leap)) is not None:
            low, leap = further, leap * 2
        high = low.position + leap  # nothing comes after it
        while low.position < high:
            middle = (low.position + high) // 2
            further = self._next(middle)
            if further is None:
                high = middle
            else:
                low = further
        self._last = low
        return low


class SQLiteRecorder(DCBRecorder):
    """The DCB port of an SQLite ledger: events are stored as they come, an `id:` tag as the event's id.

    An event has one `id:` tag at most, and no two events the same. Its moment is that of its storing; nothing is put
    into its bytes.
    """

    def __init__(self, store: SQLiteStore) -> None:
        self.store = store

    def read(
        self, query: DCBQuery | None = None, *, after: int | None = None, limit: int | None = None
    ) -> DCBReadResponse:
        """Reads in pages; without a limit the head is that of the whole log, with one that of what was read."""
        return _Response(self.store, _items(query), after or 0, limit)

    def append(self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None = None) -> int:
        """Appends events durably, all or none; gives the last position."""
        if not events:
            raise ProgrammingError("there is nothing to append; give at least one event")
        unless = None if condition is None else _items(condition.fail_if_events_match)
        after = 0 if condition is None else condition.after or 0
        try:
            return self.store.append_bare([_draft(event) for event in events], unless=unless, after=after).last
        except Overtaken as error:
            raise ConditionFailed(condition) from error

    def subscribe(self, query: DCBQuery | None = None, *, after: int | None = None) -> DCBSubscription[SQLiteRecorder]:
        """Follows the log, this process's appends and those of others."""
        return _Subscription(self, query, after)


class _Response(DCBReadResponse):
    def __init__(self, store: SQLiteStore, items: list[Item], after: int, limit: int | None) -> None:
        self._store, self._items, self._after, self._left = store, items, after, limit
        self._until = store.head().position
        self._head = None if limit is not None else self._until or None
        self._page: Iterator[Kept] = iter(())
        self._more = True

    @property
    def head(self) -> int | None:
        return self._head

    def __next__(self) -> DCBSequencedEvent:
        kept = next(self._page, None)
        if kept is None:
            self._turn()
            kept = next(self._page)
        if self._left is not None:
            self._head = kept.position
        return _sequenced(kept)

    def _turn(self) -> None:
        size = _PAGE if self._left is None else min(_PAGE, self._left)
        if not size or not self._more:
            return
        found = self._store.matching(self._items, after=self._after, until=self._until, limit=size)
        self._page, self._more = iter(found), len(found) == size
        if found:
            self._after = found[-1].position
        if self._left is not None:
            self._left -= len(found)


class _Subscription(DCBSubscription[SQLiteRecorder]):
    """Needs no thread: it waits in the caller's, and looks up now and then to see whether another has stopped it."""

    def __init__(self, recorder: SQLiteRecorder, query: DCBQuery | None, after: int | None) -> None:
        super().__init__(recorder, query, after)
        self._items = _items(query)
        self._page: Iterator[Kept] = iter(())

    def __next__(self) -> DCBSequencedEvent:
        while not self._has_been_stopped:
            kept = next(self._page, None)
            if kept is not None:
                return _sequenced(kept)
            if self._recorder.store.wait(self._last_position, _LOOK_UP_S):
                self._turn()
        raise StopIteration

    def _turn(self) -> None:
        store = self._recorder.store
        head = store.head().position
        found = store.matching(self._items, after=self._last_position, until=head, limit=_PAGE)
        self._page = iter(found)
        self._last_position = found[-1].position if len(found) == _PAGE else head


class _Stamp(msgspec.Struct):
    recorded_at: Annotated[datetime, msgspec.Meta(tz=True)]


_decode_stamp: Final = msgspec.json.Decoder(_Stamp).decode


def _recorded_at(event: DCBSequencedEvent) -> int:
    try:
        return when.micros(_decode_stamp(event.event.data).recorded_at)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise IntegrityError(f"the record at position {event.position} is damaged: {error}") from error


def _event(draft: Draft, at: int) -> DCBEvent:
    return DCBEvent(draft.type, draft.stored(when.stamp(at).encode()), [f"{OWN_ID}{draft.id}", *draft.tags])


def _any_of(tags: Iterable[str]) -> DCBQuery:
    return DCBQuery([DCBQueryItem(tags=[tag]) for tag in tags])


def _id_of(event: DCBEvent) -> str:
    return next(tag for tag in event.tags if tag.startswith(OWN_ID))[len(OWN_ID) :]


def _items(query: DCBQuery | None) -> list[Item]:
    return [] if query is None else [(item.types, item.tags) for item in query.items]


def _draft(event: DCBEvent) -> Draft:
    ids = {tag for tag in event.tags if tag.startswith(OWN_ID)}
    if len(ids) > 1:
        raise ProgrammingError(f"an event has one id; leave one of these tags: {', '.join(sorted(ids))}")
    own = next(iter(ids), None)
    tags = [OWN_ID if tag == own else tag for tag in event.tags]
    return Draft(None if own is None else own[len(OWN_ID) :], event.type, event.data, b"", tags)


def _sequenced(kept: Kept) -> DCBSequencedEvent:
    return DCBSequencedEvent(DCBEvent(kept.type, kept.data, kept.tags), kept.position)
