"""The ledger itself: open it, append to it, ask it, follow it. One noun; everything else is data.

What is durable when: `append` returns after its events are on disk (SQLite, `synchronous=FULL`); if the process dies
before it returned, either all of the batch is there or nothing of it. Ask again with the same ids: what was written
comes back as `replayed`.

A `Ledger` may be used from several threads. After a fork the child must open its own: every verb refuses there.
"""

from __future__ import annotations

import os
import threading
import time
import warnings
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import date, datetime
from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from types import TracebackType
from typing import Any, Final, Self, TypeAlias

from . import events as ev
from . import fold, intake, records, rules, when
from .batch import Decided, Incoming, Receipt, older, replay, replay_of, unless
from .errors import Conflict, InvalidEvent, LedgerError, NotFound, Refused, UsageError
from .events import Event
from .intake import Entry, Settled
from .records import Record
from .store import Draft, Head, Overtaken, Store, Stored

MAX_BATCH: Final = 1_000
_AHEAD_US: Final = 5_000_000
_ATTEMPTS: Final = 50
_REMEMBERED_CLAIMS: Final = 500_000
_PAST_ALL: Final = 2**63


class ClockBehind(UserWarning):
    """This machine's clock is behind the ledger's last record; new records take the time of the last."""


Cut: TypeAlias = int | str | date | datetime | Receipt | Record
"""A cut as callers write it: a position, an event id, a moment, or what `append` returned."""


class Ledger:
    """An append-only ledger of who said what about a claim.

    Open one with `Ledger.open`; it is a context manager.
    """

    def __init__(self, store: Store, *, recorded_by: str | None = None, clock: Callable[[], datetime] | None = None):
        self._store = store
        self._clock_us: Callable[[], int] = (
            (lambda: time.time_ns() // 1_000) if clock is None else (lambda: when.micros(clock()))
        )
        self._recorded_by = recorded_by
        self._new_id = _Ids()
        self._appending = threading.Lock()
        self._at = Head(0, 0)  # after the last append of this ledger, where nobody else had appended; else (0, 0)
        self._registered: set[str] = set()  # claims known to be registered there
        self._replaying = False

    @classmethod
    def open(
        cls,
        url: str | os.PathLike[str],
        *,
        read_only: bool = False,
        create: bool = True,
        recorded_by: str | None = None,
        clock: Callable[[], datetime] | None = None,
    ) -> Self:
        """Opens the ledger at a path, or a throw-away one at ":memory:".

        `recorded_by` names who records (default: the user of this process); `clock` gives the time of recording, a
        zoned datetime. Raises NotFound where there is none and it may not be created, IntegrityError for a file that
        is no ledger, NewerVersion for one of a later version of this package; the file is left untouched.
        """
        from .store.sqlite import open_sqlite  # the driver, and the library behind the port, only when one is opened

        return cls(open_sqlite(url, read_only=read_only, create=create), recorded_by=recorded_by, clock=clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the ledger; idempotent."""
        self._store.close()

    @property
    def name(self) -> str:
        """Where the ledger lives, as shown to people."""
        return self._store.name

    @property
    def head(self) -> int:
        """The last position; 0 for an empty ledger."""
        return self._store.head().position

    # Writing

    def append(
        self,
        event: Event,
        *,
        id: str | None = None,  # noqa: A002  the word of the vocabulary
        recorded_by: str | None = None,
        expected: int | Receipt | Record | None = None,
        register: bool = False,
    ) -> Receipt:
        """Appends one event; durable when it returns.

        The same `id` with the same event and `recorded_by` is a no-op that returns the first receipt. `expected` is
        the last position the caller has seen: Conflict is raised where anything about the event's claims came after
        it. `register=True` registers claims that are not, in the same append.

        Raises InvalidEvent, NotFound (an unregistered claim, a target that is not there), Refused, Conflict, IdReused.
        """
        entry = Entry(event=event, id=id, recorded_by=recorded_by)
        return self._append([self._incoming(0, entry)], _position(expected), register)[0]

    def append_all(
        self,
        entries: Iterable[Event | Entry],
        *,
        expected: int | Receipt | Record | None = None,
        register: bool = False,
    ) -> list[Receipt]:
        """Appends 1 to 1,000 events at consecutive positions, or none; durable when it returns.

        As `append`, for many; the error of the first bad event is raised, its place in the batch as `index`.
        """
        entries = list(entries)
        incoming = self._incoming_all(entries, [None] * len(entries))
        if not 1 <= len(incoming) <= MAX_BATCH:
            raise UsageError(f"a batch has 1 to {MAX_BATCH:,} events, not {len(incoming):,}; append it in parts")
        return self._append(incoming, _position(expected), register)

    def check(self, entries: Iterable[Event | Entry], *, register: bool = False) -> Iterator[LedgerError]:
        """What `append_all` would refuse of these, every error with its `index`; writes nothing, takes any number.

        Each event is decided as if all before it that are good had been appended.
        """
        known = rules.Known()
        head = self._store.head()
        for index, item in enumerate(entries):
            try:
                self._decide([self._incoming(index, item)], known, head, register)
            except LedgerError as error:
                error.index = index
                yield error

    def load(self, exported: Iterable[tuple[Entry, int]]) -> Iterator[Receipt]:
        """Takes in records with the ids and times (microseconds since 1970) they bring, 1,000 at a time, lazily.

        What is here already, with the same content, is passed over as `replayed`. Raises Refused where a new record
        is older than what the ledger holds: a backfill goes into a new ledger.
        """
        exported, before = iter(exported), 0
        while batch := list(islice(exported, MAX_BATCH)):
            yield from self._load(batch, before)
            before += len(batch)

    # Reading

    def state(
        self,
        projection: fold.Projection,
        subject: str | None = None,
        *,
        as_of: Cut | None = None,
        said_by: Cut | None = None,
    ) -> Any:
        """The answer of a projection about a subject (a claim, a source, or nothing for all), at both cuts.

        `as_of` is what the ledger had recorded by then; `said_by` what had been said in the world by then. Both are
        inclusive. The projections of this package raise NotFound for a claim or source that is not there at the cut;
        one of yours says what it makes of that. Raises UsageError for a cut that is none.
        """
        question = self.question(subject, as_of=as_of, said_by=said_by)
        until = question.as_of.position

        def read(tags: Collection[str]) -> Iterator[Record]:
            return records.decode_all(self._store.scan(0, until) if tags is fold.ALL else self._tagged(tags, until))

        return fold.fold(projection, question, read)

    def question(
        self, subject: str | None = None, *, as_of: Cut | None = None, said_by: Cut | None = None
    ) -> fold.Question:
        """The cuts of a question, fixed: whatever is appended from now on does not belong to its answer."""
        _check_text(subject)
        head = self._store.head()
        position = head.position if as_of is None else self._position_of(as_of, head.position)
        recorded_us = head.recorded_at if position == head.position else self._store.recorded_at(position)
        said_us, said_text = _said_by(said_by)
        return fold.Question(
            subject=subject,
            as_of=fold.AsOf(position, when.stamp(recorded_us) if position and recorded_us is not None else None),
            said_by=said_us,
            said_by_text=said_text,
        )

    def record(self, event_id: str) -> Record:
        """One record by its id. Raises NotFound."""
        _check_text(event_id)
        stored = self._store.by_id([event_id]).get(event_id)
        if stored is None:
            raise NotFound(f"there is no event {event_id!r} in {self.name}; `claims log` lists what there is")
        return records.decode(*stored)

    def events(
        self,
        *,
        claim: str | None = None,
        source: str | None = None,
        types: Sequence[str] = (),
        after: int = 0,
        as_of: Cut | None = None,
    ) -> Iterator[Record]:
        """Records after a position and up to a cut, oldest first, of a claim, a source or types where given; lazily."""
        return records.decode_all(self.stored(claim=claim, source=source, types=types, after=after, as_of=as_of))

    def stored(
        self,
        *,
        claim: str | None = None,
        source: str | None = None,
        types: Sequence[str] = (),
        after: int = 0,
        as_of: Cut | None = None,
    ) -> Iterator[Stored]:
        """As `events`, but (position, stored bytes): what an export or a proof needs."""
        head = self.head
        until = head if as_of is None else self._position_of(as_of, head)
        for tag in types:
            if tag not in ev.TYPES:
                raise UsageError(f"{tag!r} is no event type; there are {', '.join(ev.TYPES)}")
        _check_text(claim, source)
        after = min(after, until)
        tags = [f"{name}:{value}" for name, value in (("claim", claim), ("source", source)) if value is not None]
        if not tags and not types:
            return self._store.scan(after, until)
        if not tags:
            return (pair for pair in self._store.scan(after, until) if _type_of(pair) in types)
        found = self._store.tagged(tags[:1], types=types, after=after, until=until)
        if len(tags) == 1:
            return found
        return _in_both(found, self._store.tagged(tags[1:], types=types, after=after, until=until))

    def tagged(self, tags: Collection[str], *, as_of: Cut | None = None) -> Iterator[Stored]:
        """(position, stored bytes) of the records that carry any of these tags, up to a cut; oldest first, lazily.

        The tags are those of `ledger.fold`: what a projection wants, without one.
        """
        head = self.head
        return self._tagged(tags, head if as_of is None else self._position_of(as_of, head))

    def follow(
        self, *, after: int | Receipt | Record = 0, stop: threading.Event | None = None, poll_s: float = 1.0
    ) -> Iterator[Record]:
        """Every record after a position, for ever: blocks for what comes next, never skips, never doubles.

        Ends soon after `stop` is set, `poll_s` seconds at most.
        """
        position = _position(after) or 0
        while stop is None or not stop.is_set():
            for pair in self._store.scan(position, self.head):
                position = pair[0]
                yield records.decode(*pair)
                if stop is not None and stop.is_set():
                    return
            self._store.wait(position, poll_s)

    # Private

    def _incoming(self, index: int, item: Event | Entry, recorded_us: int | None = None) -> Incoming:
        if type(item) is Settled and item.recorded_by is not None:
            return Incoming(item.id, item.recorded_by, item.event, item.data, item.tags, recorded_us)
        entry = item if isinstance(item, Entry) else Entry(event=item)
        recorded_by = entry.recorded_by if entry.recorded_by is not None else self._recorder()
        try:
            if entry.id is not None:
                intake.check_id(entry.id)
            intake.check_recorder(recorded_by)
            return Incoming(entry.id, recorded_by, *intake.canonical(entry.event), recorded_us)
        except LedgerError as error:
            error.index = index
            raise

    def _incoming_all(self, items: Sequence[Event | Entry], times: Sequence[int | None]) -> list[Incoming]:
        """As `_incoming`, of a batch."""
        entries = [item if isinstance(item, Entry) else Entry(event=item) for item in items]
        try:
            recorders = [self._recorder() if e.recorded_by is None else e.recorded_by for e in entries]
            for recorded_by in set(recorders):
                intake.check_recorder(recorded_by)
            ids = [entry.id for entry in entries]
            intake.check_ids(ids)
            return list(map(Incoming, ids, recorders, *_settled(entries), times))
        except (LedgerError, TypeError):  # which of them it is about is told one by one
            return [self._incoming(*numbered, at) for numbered, at in zip(enumerate(items), times, strict=True)]

    def _recorder(self) -> str:
        if self._recorded_by is None:
            self._recorded_by = _user()
        return self._recorded_by

    def _load(self, batch: list[tuple[Entry, int]], before: int) -> list[Receipt]:
        try:
            return self._append(self._incoming_all(*zip(*batch, strict=True)), None, False)
        except LedgerError as error:
            if error.index is not None:
                error.index += before
            raise

    def _append(self, incoming: list[Incoming], expected: int | None, register: bool) -> list[Receipt]:
        with self._appending:
            # As a rule nobody else appends, and ids are new; the condition of the append holds where they are not. So
            # the first try goes by what was known after the last append, and only the next looks what is there.
            look = self._replaying
            for _ in range(_ATTEMPTS):
                try:
                    return self._append_once(incoming, expected, register, look)
                except Overtaken:
                    look = True
                except (InvalidEvent, NotFound, Refused, Conflict, UsageError):
                    if look:
                        raise
                    look = True
        raise Conflict(f"overtaken {_ATTEMPTS} times by others appending to {self.name}; try again")

    def _append_once(self, incoming: list[Incoming], expected: int | None, register: bool, look: bool) -> list[Receipt]:
        start = self._store.head() if look or not self._at.position else self._at
        head = start.position
        # What was read of the rules stays good for as long as nobody else has appended.
        known = rules.Known(self._registered if self._at.position == head else None)
        self._registered, self._at = set(), Head(0, 0)
        decided = self._decide(incoming, known, start, register, look)
        self._replaying = decided.replays
        alone, first, recorded_at = True, 0, when.EPOCH
        if decided.drafts:
            if expected is not None:
                self._check_expected(decided.claims(), expected, head)
            times = [draft.recorded_at for draft in decided.drafts if draft.recorded_at is not None]
            done = self._store.append(
                decided.drafts,
                unless=unless(incoming, known, decided, expected),
                after=head,
                clock=lambda last: self._clock(last, times),
            )
            alone = done.first == head + 1
            first, recorded_at, start = done.first, when.moment(done.recorded_at), Head(done.last, done.recorded_at)
        if alone and len(known.registered) <= _REMEMBERED_CLAIMS:
            self._registered, self._at = known.registered, start
        return decided.receipts(first, recorded_at)

    def _decide(
        self, incoming: Sequence[Incoming], known: rules.Known, start: Head, register: bool, look: bool = True
    ) -> Decided:
        head = start.position
        stored = self._store.by_id([item.id for item in incoming if item.id is not None]) if look else {}
        self._read_wanted([item.event for item in incoming if item.id not in stored], known, head)
        now = max(self._clock_us(), start.recorded_at)
        decided = Decided()
        last_us = start.recorded_at
        by_id = known.clerk.by_id
        for index, item in enumerate(incoming):
            try:
                event_id = item.id
                if event_id is not None and event_id in stored:
                    decided.stood(replay_of(item, *stored[event_id]))
                    continue
                if event_id is not None and event_id in by_id:
                    if not look and event_id not in decided:
                        raise Overtaken("an id is taken, by a record that a rule has read")
                    replay(item, by_id[event_id])
                    decided.repeated(event_id)
                    continue
                recorded_us = now if item.recorded_us is None else item.recorded_us
                if recorded_us < last_us:
                    raise Refused(older(f"{item.id!r}, recorded on", recorded_us, last_us))
                last_us = recorded_us
                if records.targets(item.event):  # it may want more, of what came before it in this batch
                    self._read_wanted([item.event], known, head)
                if register:
                    for claim in rules.claims_of(item.event):
                        if claim not in known.registered:
                            named = intake.canonical(ev.ClaimRegistered(claim=claim, text=claim))
                            registration = Incoming(None, item.recorded_by, *named, item.recorded_us)
                            decided.unasked(self._accept(registration, known, head, recorded_us))
                decided.accepted(self._accept(item, known, head, recorded_us))
            except LedgerError as error:
                error.index = index
                raise
        return decided

    def _accept(self, item: Incoming, known: rules.Known, head: int, recorded_us: int) -> Draft:
        event, event_id, recorded_by = item.event, item.id, item.recorded_by
        if event_id is None:
            event_id = self._new_id(recorded_us)
        tags = rules.decide_on(event, item.tags, event_id, known, recorded_us)
        # Positions within the batch only need to follow each other; the store gives the real ones.
        position, recorded_at = head + 1 + len(known.clerk.by_id), when.moment(recorded_us)
        known.add(Record(position=position, id=event_id, recorded_at=recorded_at, recorded_by=recorded_by, event=event))
        before, after = records.envelope(event_id, recorded_by, item.data)
        return Draft(event_id, ev.tag_of(event), before, after, tags, item.recorded_us)

    def _read_wanted(self, events: Sequence[Event], known: rules.Known, head: int) -> None:
        while wanted := known.wants(events):
            known.read |= wanted
            for record in records.decode_all(self._tagged(wanted, head)):
                known.add(record)
            events = [event for event in events if records.targets(event)]

    def _tagged(self, tags: Collection[str], until: int) -> Iterator[Stored]:
        ids = [tag.removeprefix("id:") for tag in tags if tag.startswith("id:")]
        others = [tag for tag in tags if not tag.startswith("id:")]
        named = sorted(pair for pair in self._store.by_id(ids).values() if pair[0] <= until) if ids else []
        found = self._store.tagged(others, after=0, until=until) if others else iter(())
        return (next(same) for _, same in groupby(merge(named, found), key=itemgetter(0))) if named else found

    def _check_expected(self, claims: Collection[str], expected: int, head: int) -> None:
        if not 0 <= expected <= head:
            raise UsageError(f"expected position {expected} is not in this ledger, which ends at {head}")
        if expected < head and claims:
            between = [position for position, _ in self._store.tagged(claims, after=expected, until=head)]
            if between:
                what = ", ".join(sorted({tag.rpartition(":")[2] for tag in claims}))
                raise Conflict(
                    f"{len(between)} event(s) about {what} came after position {expected}; read them first", between
                )

    def _clock(self, last: int, times: Sequence[int]) -> int:
        now = self._clock_us()
        if times:
            previous = last
            for time_ in times:
                if time_ < previous:
                    raise Refused(older("a record of", time_, previous))
                previous = time_
            if previous > now + _AHEAD_US:
                raise Refused(
                    f"a record of {when.stamp(previous)} lies ahead of this machine's clock, {when.stamp(now)}"
                )
            return previous
        if last > now:
            warnings.warn(
                f"{self.name} is {(last - now) / 1e6:.3f} s ahead of this machine's clock; its last time is used again",
                ClockBehind,
                stacklevel=2,
            )
        return max(now, last)

    def _position_of(self, cut: Cut, head: int) -> int:
        match cut:
            case bool():
                raise UsageError(f"{cut!r} is no cut")
            case int():
                return _within(cut, head)
            case Receipt() | Record():
                return _within(cut.position, head)
            case str() if cut.isascii() and cut.isdigit():
                return _within(int(cut.lstrip("0")[:30] or "0"), head)  # no ledger has more digits than that
            case str():
                _check_text(cut)
                stored = self._store.by_id([cut])
                if stored:
                    return stored[cut][0]
                try:
                    return self._store.at_or_before(when.cut(cut))
                except ValueError:
                    raise UsageError(
                        f"{cut!r} is no position, no event of this ledger, and no moment such as 2024-10-09 "
                        "or 2024-10-09T12:00:00Z"
                    ) from None
            case date():  # and datetime
                return self._store.at_or_before(_moment_of(cut))
            case _:
                raise UsageError(f"{cut!r} is no cut; give a position, an event id or a moment")


class _Ids:
    """UUIDv7 (RFC 9562): ids that sort as they were made, so that their index grows at one end."""

    def __init__(self) -> None:
        self._last = 0
        self._random = b""

    def __call__(self, now_us: int) -> str:
        if not self._random:
            self._random = os.urandom(9 * 64)  # the system is asked for many at once
        random, self._random = self._random[:9], self._random[9:]
        fresh = (now_us // 1000 << 74) | int.from_bytes(random, "big") << 2
        self._last = last = max(fresh, self._last + 1)
        high, low = last >> 62, last & (1 << 62) - 1
        whole = (high >> 12) << 80 | 7 << 76 | (high & 0xFFF) << 64 | 2 << 62 | low
        digits = f"{whole:032x}"
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _settled(entries: list[Entry]) -> intake.Columns:
    settled = [entry for entry in entries if type(entry) is Settled]
    if len(settled) < len(entries):
        return intake.canonical_all([entry.event for entry in entries])
    return intake.Columns([e.event for e in settled], [e.data for e in settled], [e.tags for e in settled])


def _position(at: int | Receipt | Record | None) -> int | None:
    if isinstance(at, (Receipt, Record)):
        return at.position
    if at is not None and (isinstance(at, bool) or not isinstance(at, int)):
        raise UsageError(f"{at!r} is no position; give a number, or what `append` returned")
    return at


def _within(position: int, head: int) -> int:
    if not 0 <= position <= head:
        raise UsageError(f"position {position} is not in this ledger, which ends at {head}")
    return position


def _said_by(cut: Cut | None) -> tuple[int | None, str | None]:
    match cut:
        case None:
            return None, None
        case str():
            try:
                return when.cut(cut), cut
            except ValueError as error:
                raise UsageError(f"said_by: {error}") from None
        case date():  # and datetime
            return _moment_of(cut), cut.isoformat()
        case _:
            raise UsageError("said_by is a moment of the world, such as 2024-10-09; positions and events go with as_of")


def _moment_of(cut: date) -> int:
    if not isinstance(cut, datetime):
        return when.cut(cut.isoformat())
    if cut.utcoffset() is None:
        raise UsageError(f"{cut.isoformat()} has no zone; give a zoned datetime")
    return when.micros(cut)


def _check_text(*asked: str | None) -> None:
    """Refuses surrogates, as a broken byte on a command line makes them: no ledger holds any."""
    for text in asked:
        try:
            str(text).encode()
        except UnicodeEncodeError:
            raise UsageError(f"{text!r} is not UTF-8 text; check its encoding") from None


def _in_both(one: Iterator[Stored], other: Iterator[Stored]) -> Iterator[Stored]:
    """The records that stand in both of two runs by position."""
    position = -1
    for pair in one:
        while position < pair[0]:
            position, _ = next(other, (_PAST_ALL, b""))
        if position == pair[0]:
            yield pair


def _type_of(pair: Stored) -> str:
    return ev.tag_of(records.decode(*pair).event)


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container that knows no name for its user
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "unknown"
