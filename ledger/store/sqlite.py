"""How is a ledger kept in one SQLite file?

Events stand in one append-only table, their tags as numbers in another. Who appends holds the write lock from before
the head is read until the commit, so position and recording time are nobody else's; the commit returns when the
write-ahead log is on disk. Killing the process or the machine before that loses the whole batch; after it, nothing.
"""

from __future__ import annotations

import os
import struct
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final

import apsw

from ledger import when
from ledger.errors import LedgerError, NotFound, UsageError
from ledger.store import FOREVER, Appended, Clock, Draft, Head, Item, Overtaken
from ledger.store.sqlite_file import Connections, explained, fetched, inspect
from ledger.store.sqlite_reads import Names, Reads, numbered

_POLL_S: Final = 0.03
#: Up to so many pairs are written one by one.
_FEW: Final = 16

_HEAD: Final = (
    "SELECT position, recorded_at, (SELECT coalesce(max(tag_id), 0) FROM tag) FROM event ORDER BY position DESC LIMIT 1"
)
_INSERT_TAG: Final = "INSERT OR IGNORE INTO event_tag VALUES (?, ?)"
_INSERT_EVENT: Final = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)"
# A long list of integers costs less than a row of bindings for each, and every SQLite reads JSON.
_INSERT_TAGS: Final = (
    "INSERT OR IGNORE INTO event_tag SELECT value / ?1, ?2 + value % ?1 FROM json_each(?3) WHERE value >= ?1"
)
_TAKEN: Final = (apsw.SQLITE_CONSTRAINT_TRIGGER, apsw.SQLITE_CONSTRAINT_UNIQUE)


def open_sqlite(path: str | os.PathLike[str], *, read_only: bool = False, create: bool = True) -> SQLiteStore:
    """Opens the ledger in a file, or a new one in memory for ":memory:".

    A missing or empty file becomes a ledger where `create` is true and `read_only` is not; else it is NotFound. A
    file that is something else is an IntegrityError, and nothing is written to it or beside it.
    """
    name = os.fspath(path)
    may_create = create and not read_only
    if name == ":memory:":
        if not may_create:
            raise NotFound("a ledger in memory begins empty; give the path of a file to read one")
        return SQLiteStore(Connections(name, None))
    if "\0" in name:
        raise UsageError(f"{name!r} is no path: it holds a NUL character")
    file = os.path.realpath(name)  # as SQLite does, which puts its log beside the file that a link points to
    try:
        inspect(name, file, may_create)
        return SQLiteStore(Connections(name, file, read_only=read_only, may_create=may_create))
    except apsw.Error as error:
        raise explained(name, error) from error
    except OSError as error:
        raise LedgerError(f"{name} cannot be opened: {error.strerror}") from error


class SQLiteStore(Reads):
    """A Store in an SQLite file or in memory, made by `open_sqlite`; any thread may use it.

    Reading goes by connections that never wait for the writer; `to_append` goes by the writer's own, which has in
    memory what it wrote and read, while the others begin anew after every commit.
    """

    def __init__(self, connections: Connections) -> None:
        names = Names()
        super().__init__(connections.ask, names)
        self.name = connections.name
        self.file = connections.file
        self.gapless = True
        self.to_append = Reads(connections.ask_writer, names)
        self._connections = connections
        self._news = threading.Condition()
        self._last = 0
        self._tail = (-1, (0, 0, 0))  # the version of the file after the last append, and what _HEAD tells there
        self._waiting = 0

    def append(
        self,
        drafts: Sequence[Draft],
        *,
        unless: Iterable[str],
        after: int,
        clock: Clock,
        committing: Callable[[], None] | None = None,
    ) -> Appended:
        """Appends all drafts, or none; see Store."""
        return self._append(drafts, lambda: self.to_append.carried(unless, after), after, clock, when.stamp, committing)

    def probe(self, patience_s: float) -> Head:
        """The last record now, by a connection of its own that took the lock to write, and gave it back."""
        return self._connections.probe(
            lambda connection: Reads(partial(fetched, connection), Names()).head(), patience_s
        )

    def wait(self, after: int, timeout_s: float) -> bool:
        """Waits until there is a record after a position; False when the time ran out first."""
        deadline = time.monotonic() + timeout_s
        while self.head().position <= after:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False
            with self._news:
                self._waiting += 1
                if self._last <= after and not self._connections.closed:
                    self._news.wait(min(left_s, _POLL_S))  # other processes do not notify: look again soon
                self._waiting -= 1
        return True

    def append_bare(self, events: Sequence[Draft], *, unless: Sequence[Item] | None, after: int) -> Appended:
        """Appends all events, or none where one after a position matches any of the items; no time is put into them.

        An empty `unless` matches every event; None, no event at all.
        """

        def overtaken() -> bool:
            return unless is not None and bool(self.to_append.matching(unless, after=after, until=FOREVER, limit=1))

        return self._append(events, overtaken, after, _no_earlier, lambda _: "")

    def close(self) -> None:
        """Ends every connection; idempotent. The last one to go leaves a single file.

        In the child of a fork it does nothing: the connections are the parent's.
        """
        self._connections.close()
        with self._news:
            self._news.notify_all()

    def _append(
        self,
        drafts: Sequence[Draft],
        overtaken: Callable[[], bool],
        after: int,
        clock: Clock,
        stamp: Callable[[int], str],
        committing: Callable[[], None] | None = None,
    ) -> Appended:
        if not drafts:
            raise UsageError("there is nothing to append; give at least one event")

        def write(writer: apsw.Connection) -> tuple[Appended, dict[str, int], int]:
            version, last = self._tail
            if version != writer.data_version():  # somebody else has written, or nobody yet
                last = next(iter(fetched(writer, _HEAD)), (0, 0, 0))
            position, recorded_at, highest = last
            # Where the head is still the one the caller saw, nothing can have come in between.
            if position > after and overtaken():
                raise Overtaken(f"a record after position {after} meets the condition")
            at = clock(recorded_at)
            numbers, new = self._interned(writer, drafts, highest)
            last_at = _insert(writer, position + 1, drafts, numbers, at, stamp)
            highest = max(highest, *new.values()) if new else highest
            if committing is not None:
                committing()
            return Appended(position + 1, position + len(drafts), last_at), new, highest

        (appended, new, highest), version = self._connections.write(write)
        self._tail = (version, (appended.last, appended.recorded_at, highest))
        # Not before the commit: a rollback takes numbers back, and they are given out anew.
        if new:
            self._names.remember(new)
        self._last = appended.last
        if self._waiting:  # who begins to wait after this line has counted itself first, and sees the line above
            with self._news:
                self._news.notify_all()
        return appended

    def _interned(
        self, writer: apsw.Connection, drafts: Sequence[Draft], highest: int
    ) -> tuple[dict[str, int], dict[str, int]]:
        """The numbers of the drafts' tags, and apart those that were not among the known ones."""
        tags = set().union(*[draft.tags for draft in drafts])
        known = self._names.known
        numbers = {tag: known[tag] for tag in tags if tag in known}
        if len(numbers) == len(tags):
            return numbers, {}
        missing = sorted(tags.difference(numbers))  # the index is written in its own order
        found: dict[str, int] = {}
        if len(known) <= highest:  # numbers have no gaps: as many names are all the names there are
            found.update(numbered(partial(fetched, writer), missing))
        if len(found) < len(missing):
            new = list(enumerate((name for name in missing if name not in found), highest + 1))
            writer.executemany("INSERT INTO tag VALUES (?, ?)", new)
            found.update((name, number) for number, name in new)
        return numbers | found, found


def _insert(
    writer: apsw.Connection,
    first: int,
    drafts: Sequence[Draft],
    numbers: Mapping[str, int],
    at: int,
    stamp: Callable[[int], str],
) -> int:
    """Writes the events and their tags; gives the moment of the last."""
    span, now, text = len(drafts), at, stamp(at).encode()
    events: list[tuple[int, str | None, str, int, bytes, bytes]] = []
    pairs: list[int] = []  # a tag's number and a place in the batch as one integer, which sorts as the index does
    for place, draft in enumerate(drafts):
        at = now if draft.recorded_at is None else draft.recorded_at
        own = [numbers[tag] for tag in draft.tags]
        pairs += [number * span + place for number in own]
        events.append((first + place, draft.id, draft.type, at, _packer(len(own))(*own), draft.stored(text)))
    pairs.sort()
    try:
        writer.executemany(_INSERT_EVENT, events)
    except apsw.ConstraintError as error:
        # The positions are new, for we hold the lock: the one key that can clash is an id.
        if error.extendedresult in _TAKEN:  # type: ignore[attr-defined]
            raise Overtaken("an id is taken") from error
        raise
    if len(pairs) > _FEW:
        writer.execute(_INSERT_TAGS, (span, first, str(pairs)))
    else:
        writer.executemany(_INSERT_TAG, [(pair // span, first + pair % span) for pair in pairs if pair >= span])
    return at


def _no_earlier(last: int) -> int:
    return max(last, time.time_ns() // 1_000)


@lru_cache(maxsize=64)
def _packer(length: int) -> Callable[..., bytes]:
    return struct.Struct(f"<{length}I").pack
