"""The ledger itself: open it, append to it, ask it, follow it. One noun; everything else is data.

What is durable when: `append` returns after its events are on disk (SQLite, `synchronous=FULL`); if the process dies
before it returned, either all of the batch is there or nothing of it. Ask again with the same ids: what was written
comes back as `replayed`.

A `Ledger` may be used from several threads. After a fork the child must open its own: every verb refuses there.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import product
from types import TracebackType
from typing import Any, Final, NamedTuple, Self, TypeVar, overload

from . import cuts, fold, names, records, when
from . import events as ev
from .batch import MAX_BATCH, Batch, Brought, Receipt, check_size, listed
from .cuts import Cut, check_text, place_of, position_of, within
from .errors import InvalidEvent, LedgerError, NotFound, UsageError
from .events import Event
from .inbox import Inbox
from .intake import Entry, check_recorder
from .loading import loaded
from .records import Record
from .store import FOREVER, Kept, Store, Stored, tagged
from .writer import Writer, now_us

A = TypeVar("A")
_STRETCH: Final = 20_000
_SCHEME: Final = re.compile("[A-Za-z][A-Za-z0-9+.-]*://")


class Stretch(NamedTuple):
    """A part of the log: what was asked for in it, and the position up to which there is no more of that."""

    records: list[Kept]
    upto: int


class Ledger:
    """An append-only ledger of who said what about a claim.

    Open one with `Ledger.open`; it is a context manager.
    """

    def __init__(self, store: Store, *, recorded_by: str | None = None, clock: Callable[[], datetime] | None = None):
        self._store = store
        self._writer = Writer(store, now_us if clock is None else lambda: _told_us(clock))
        self._inbox = Inbox(recorded_by)

    @classmethod
    def open(
        cls,
        url: str | os.PathLike[str],
        *,
        read_only: bool = False,
        create: bool = True,
        recorded_by: str | None = None,
        clock: Callable[[], datetime] | None = None,
        token: str | None = None,
    ) -> Ledger:
        """Opens the ledger at a path, a throw-away one at ":memory:", or that of a service at "https://…".

        `recorded_by` names who records (default: the user of this process); `clock` gives the time of recording, a
        zoned datetime. Raises NotFound where there is none and it may not be created, IntegrityError for a file that
        is no ledger, NewerVersion for one of a later version of this package; the file is left untouched. Raises
        UsageError for a folder, a URL of another scheme, and arguments that do not go together; Unavailable where the
        file is locked, or its disk is full or fails; LedgerError where it may not be read or written.

        A service records by its own clock under the name of `token` (default: CLAIMS_TOKEN of the environment), and is
        not asked for anything before the first verb.
        """
        if is_url(url):
            return _open_served(str(url), token, read_only, recorded_by, clock)
        _check_scheme(url)
        if token is not None:
            raise UsageError(f"{url} is a file, which takes no token; leave it out")
        if recorded_by is not None:
            _check_recorder(recorded_by)
        from .store.sqlite import open_sqlite  # the driver, only when one is opened

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
    def file(self) -> str | None:
        """The file that the ledger is kept in, links followed; None where it is kept elsewhere."""
        return self._store.file

    @property
    def head(self) -> int:
        """The last position; 0 for an empty ledger."""
        return self._store.head().position

    def probe(self, patience_s: float = 1.0) -> int:
        """The last position, read by whoever could append next; nothing is written.

        Raises LedgerError where the ledger cannot be read or appended to; Unavailable where it was locked for so many
        seconds, or may be had again.
        """
        return self._store.probe(patience_s).position

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

        Raises InvalidEvent, NotFound (an unregistered claim, a target that is not there), Refused, Conflict, IdReused;
        Unavailable where it cannot be written now; UsageError where `expected` is a receipt or a record that does not
        stand here.
        """
        entry = Entry(event=event, id=id, recorded_by=recorded_by)
        return self._writer.append(Batch([self._inbox.one(0, entry)], self._seen(expected), register))[0]

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
        return self._writer.append(self.batch(entries, expected=expected, register=register))

    def batch(
        self,
        entries: Iterable[Event | Entry],
        *,
        expected: int | Receipt | Record | None = None,
        register: bool = False,
    ) -> Batch:
        """Reads what `append_all` would append, for `append_each` to append later.

        The ledger is asked for nothing but whether an `expected` receipt or record stands there. Raises InvalidEvent,
        and UsageError where it does not, or there are not 1 to 1,000 events.
        """
        return self._inbox.batch(self.brought(entries, expected=expected, register=register))

    def brought(
        self,
        entries: Iterable[Event | Entry],
        *,
        expected: int | Receipt | Record | None = None,
        register: bool = False,
    ) -> Brought:
        """As `batch`, but for `append_each` to read, too: together with others that takes half the time.

        Raises UsageError as `batch` does.
        """
        entries = list(listed(entries))
        check_size(len(entries))
        return Brought(entries, self._seen(expected), register)

    def append_each(self, batches: Sequence[Batch | Brought]) -> Iterator[list[Receipt] | LedgerError]:
        """Appends independent batches, each all or nothing, in one transaction where that can be; lazily.

        They are decided in their order, each as if those before it had been appended by themselves, and answered in
        that order, once durable: with receipts, or with what `append_all` would raise. What the store itself raises,
        a full disk for one, is raised, and none of those without an answer was written.
        """
        read = self._inbox.each(batches)
        answers = self._writer.append_each([one for one in read if isinstance(one, Batch)])
        return (next(answers) if isinstance(one, Batch) else one for one in read)

    def check(self, entries: Iterable[Event | Entry], *, register: bool = False) -> Iterator[LedgerError]:
        """What `append_all` would refuse of these, every error with its `index`; writes nothing, takes any number.

        Each event is decided as if all before it that are good had been appended.
        """
        looked_at = (self._inbox.looked_at(index, item) for index, item in enumerate(listed(entries)))
        return self._writer.deciding().refused(looked_at, register)

    def load(self, exported: Iterable[tuple[Entry, int]]) -> Iterator[Receipt]:
        """Takes in records with the ids and times (microseconds since 1970) they bring, 1,000 at a time, lazily.

        What is here already, with the same content, is passed over as `replayed`. Receipts are of what is durable; the
        next thousand are taken from `exported` while the disk is waited for. Raises Refused where a new record is older
        than what the ledger holds: a backfill goes into a new ledger.
        """
        return loaded(exported, self._load)

    # Reading

    @overload
    def state(
        self,
        projection: fold.Answering[A],
        subject: str | None = None,
        *,
        as_of: Cut | None = None,
        said_by: Cut | None = None,
    ) -> A: ...

    @overload
    def state(
        self,
        projection: fold.Projection,
        subject: str | None = None,
        *,
        as_of: Cut | None = None,
        said_by: Cut | None = None,
    ) -> Any: ...

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
        one of yours says what it makes of that. Raises UsageError for a cut that is none, and where a reading of ours
        is asked about no claim, or about one that it does not take.
        """
        return self._answer(projection, subject, as_of, said_by)

    def question(
        self, subject: str | None = None, *, as_of: Cut | None = None, said_by: Cut | None = None
    ) -> fold.Question:
        """The cuts of a question, fixed: whatever is appended from now on does not belong to its answer."""
        check_text(subject)
        head = self._store.head()
        position = head.position if as_of is None else position_of(self._store, as_of, head.position)
        recorded_us = head.recorded_at if position == head.position else self._store.recorded_at(position)
        said_us, said_text = cuts.said_by(said_by)
        return fold.Question(
            subject=subject,
            as_of=fold.AsOf(position, when.stamp(recorded_us) if position and recorded_us is not None else None),
            said_by=said_us,
            said_by_text=said_text,
        )

    def record(self, event_id: str) -> Record:
        """One record by its id. Raises NotFound."""
        check_text(event_id)
        stored = self._store.by_id([event_id]).get(event_id)
        if stored is None:
            raise NotFound(f"there is no event {event_id!r} in this ledger; `claims log` lists what there is")
        return records.decode(*stored)

    def place_of(self, at: int | Receipt | Record) -> int:
        """The position of a receipt or record; of a position, itself.

        Raises UsageError where what is to stand there does not: the ledger has another history since, as after a backup
        took its place.
        """
        return place_of(self._store, at)

    def about(self, event_id: str, *, as_of: Cut | None = None) -> list[Record]:
        """What became of a record: those about it up to a cut, and those about these, oldest first.

        Retractions, corrections, denials of having said it, evidence, gradings, amendments, voids, withdrawals; each as
        it was recorded, whether it was mended or struck since or not. Raises NotFound where there is no such record.
        """
        check_text(event_id)
        until = self._until(as_of)
        fresh = list(records.decode_all(tagged(self._store, [f"id:{event_id}"], until)))
        if not fresh:
            raise NotFound(f"there is no event {event_id!r} in this ledger; `claims log` lists what there is")
        found = {record.position: record for record in fresh}
        while fresh:
            near = records.decode_all(tagged(self._store, [f"act:{record.id}" for record in fresh], until))
            fresh = [record for record in near if record.position not in found]
            found |= {record.position: record for record in fresh}
        return [found[position] for position in sorted(found) if found[position].id != event_id]

    def events(
        self,
        *,
        claim: str | None = None,
        source: str | None = None,
        types: Sequence[str] = (),
        after: int | Receipt | Record = 0,
        as_of: Cut | None = None,
    ) -> Iterator[Record]:
        """Records after a position and up to a cut, oldest first, of a claim, a source or types where given; lazily.

        A source is given by its id or its name. Raises UsageError, at once for what is no cut, source or type.
        """
        return records.decode_all(self.stored(claim=claim, source=source, types=types, after=after, as_of=as_of))

    def stored(
        self,
        *,
        claim: str | None = None,
        source: str | None = None,
        types: Sequence[str] = (),
        after: int | Receipt | Record = 0,
        as_of: Cut | None = None,
    ) -> Iterator[Stored]:
        """As `events`, but (position, stored bytes): what an export or a proof needs."""
        until = self._until(as_of)
        tags = _tags_of(claim, source, types)
        after = min(self.place_of(after), until)
        if not tags:
            return self._store.scan(after, until, types=types)
        found, *more = (self._store.tagged(group, types=types, after=after, until=until) for group in tags)
        return _in_both(found, more[0]) if more else found

    def whole(self, *, after: int = 0, as_of: Cut | None = None) -> Iterator[Stored]:
        """As `stored`, of all records after a position and up to a cut.

        Raises IntegrityError where one is missing that was there.
        """
        found = self.stored(after=after, as_of=as_of)
        return records.gapless(found, after) if self._store.gapless else found

    def tagged(
        self, tags: Collection[str], *, after: int | Receipt | Record = 0, as_of: Cut | None = None
    ) -> Iterator[Stored]:
        """(position, stored bytes) of the records after a position and up to a cut that carry any of these tags.

        Each comes once, oldest first, lazily.

        The tags are those of `ledger.fold`: what a projection wants, without one.
        """
        until = self._until(as_of)
        return tagged(self._store, tags, until, min(self.place_of(after), until))

    def follow(
        self, *, after: int | Receipt | Record = 0, stop: threading.Event | None = None, poll_s: float = 1.0
    ) -> Iterator[Record]:
        """Every record after a position, for ever: blocks for what comes next, never skips, never doubles.

        Ends soon after `stop` is set, `poll_s` seconds at most. Raises UsageError where the ledger does not come so
        far, as when it was restored since: what comes there would be skipped. Nor is it passed over where the ledger
        has grown again by then, if `after` is a record or a receipt: see `place_of`.
        """
        return self._following(self._begin(after), stop, poll_s)

    def stretch(
        self,
        *,
        claim: str | None = None,
        source: str | None = None,
        types: Sequence[str] = (),
        after: int | Receipt | Record = 0,
        limit: int = MAX_BATCH,
    ) -> Stretch:
        """The next records after a position, at most `limit`, with their types and tags; and how far this looked.

        What `events` gives in one go, in pieces that each take a bounded time: go on after `upto`. Raises UsageError as
        `follow`.
        """
        tags = _tags_of(claim, source, types)
        if limit < 1:
            raise UsageError(f"a stretch has one record at least, not {limit}")
        head = self.head
        begin = within(self.place_of(after), head)
        until = min(head, begin + _STRETCH)
        items = [(types, some) for some in product(*tags)] if tags or types else []
        found = self._store.matching(items, after=begin, until=until, limit=limit)
        return Stretch(found, found[-1].position if len(found) >= limit else until)

    def wait(self, after: int | Receipt | Record, timeout_s: float) -> bool:
        """Waits until there is a record after a position; False when the time, in seconds, ran out first.

        Raises UsageError as `follow`.
        """
        return self._store.wait(self._begin(after), timeout_s)

    # Private

    def _answer(self, projection: fold.Projection, subject: str | None, as_of: Cut | None, said_by: Cut | None) -> Any:
        question = self.question(subject, as_of=as_of, said_by=said_by)
        until = question.as_of.position

        def read(tags: Collection[str]) -> Iterator[Record]:
            everything = not fold.ALL.isdisjoint(tags)
            return records.decode_all(self.whole(as_of=until) if everything else tagged(self._store, tags, until))

        return fold.fold(projection, question, read)

    def _until(self, as_of: Cut | None) -> int:
        """The last position at a cut."""
        head = self.head
        return head if as_of is None else position_of(self._store, as_of, head)

    def _seen(self, expected: int | Receipt | Record | None) -> int | None:
        return None if expected is None else self.place_of(expected)

    def _begin(self, after: int | Receipt | Record) -> int:
        """The position after which to begin. Raises UsageError where the ledger does not come so far."""
        return within(self.place_of(after), self.head)

    def _following(self, position: int, stop: threading.Event | None, poll_s: float) -> Iterator[Record]:
        while stop is None or not stop.is_set():
            for pair in self._store.scan(position, self.head):
                position = pair[0]
                yield records.decode(*pair)
                if stop is not None and stop.is_set():
                    return
            self._store.wait(position, poll_s)

    def _load(self, batch: list[tuple[Entry, int]], committing: Callable[[], None]) -> list[Receipt]:
        entries, times = zip(*batch, strict=True)
        when.check_moments(times)
        return self._writer.append(Batch(self._inbox.all(entries, times)), committing)


def _told_us(clock: Callable[[], datetime]) -> int:
    now = clock()
    if not isinstance(now, datetime) or now.utcoffset() is None:
        raise UsageError(f"the clock gives {now!r}; give one of zoned datetimes, such as datetime.now(UTC)")
    return when.micros(now)


def _check_recorder(name: str) -> None:
    try:
        check_recorder(name)
    except InvalidEvent as error:
        raise UsageError(error.reason) from None


def is_url(url: str | os.PathLike[str]) -> bool:
    """Whether this names a service, rather than a file."""
    return isinstance(url, str) and url.lower().startswith(("http://", "https://"))


def _check_scheme(url: str | os.PathLike[str]) -> None:
    """Refuses a URL that is no service's; it may hold a secret, so no more of it is told than its scheme."""
    found = _SCHEME.match(url) if isinstance(url, str) else None
    if found:
        known = "give the path of a file, or the http:// or https:// address of a service"
        raise UsageError(f"no ledger is opened by {found[0]}; {known}")


def _open_served(
    url: str, token: str | None, read_only: bool, recorded_by: str | None, clock: Callable[[], datetime] | None
) -> Ledger:
    if recorded_by is not None or clock is not None:
        raise UsageError("a service records under the name of the token and by its own clock; leave both out")
    try:
        from .client import RemoteLedger  # which stands above: what is opened is a ledger of another kind
    except ImportError as error:
        raise UsageError(f"{error}; install the client: pip install 'claim-ledger[client]'") from error
    return RemoteLedger(url, token=token, read_only=read_only)


def check_types(types: Sequence[str]) -> None:
    """Raises UsageError for a type that is none, and for one that is not in a list."""
    if isinstance(types, str):
        raise UsageError(f"types are a list, not the text {types!r}; give [{types!r}]")
    for tag in types:
        if tag not in ev.TYPES:
            raise UsageError(f"{tag!r} is no event type; there are {', '.join(ev.TYPES)}")


def _tags_of(claim: str | None, source: str | None, types: Sequence[str]) -> list[tuple[str, ...]]:
    """By which tags the records asked for are found, one of each group. Raises UsageError for a type that is none."""
    check_types(types)
    check_text(claim, source)
    return records.tags_about(claim, None if source is None else names.source_id(source))


def _in_both(one: Iterator[Stored], other: Iterator[Stored]) -> Iterator[Stored]:
    """The records that stand in both of two runs by position."""
    position = -1
    for pair in one:
        while position < pair[0]:
            position, _ = next(other, (FOREVER, b""))
        if position == pair[0]:
            yield pair
