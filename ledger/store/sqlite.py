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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from itertools import chain
from json import dumps
from typing import Any, Final

import apsw

from ledger import when
from ledger.errors import LedgerError, NotFound, UsageError
from ledger.store import Appended, Clock, Draft, Head, Item, Kept, Overtaken, Stored
from ledger.store.sqlite_file import Ask, Connections, explained, fetched, inspect

OWN_ID: Final = "id:"
"""Among the tags of a bare event: the place of the tag of its id, which has a column of its own."""

_PAGE: Final = 1_000
#: Up to so many tags are first tried as one query.
_FEW: Final = 16
#: How many (tag, position) pairs a query about many or hot tags may bring into memory at once.
_HITS: Final = 8_000
_NAMES_KEPT: Final = 60_000
_POLL_S: Final = 0.03
_FOREVER: Final = 2**63 - 1

_HEAD: Final = "SELECT position, recorded_at FROM event ORDER BY position DESC LIMIT 1"
_HEAD_TO_WRITE: Final = (
    "SELECT position, recorded_at, (SELECT coalesce(max(tag_id), 0) FROM tag) FROM event ORDER BY position DESC LIMIT 1"
)
_SCAN: Final = "SELECT position, data FROM event WHERE position > ? AND position <= ? ORDER BY position LIMIT ?"
_BY_ID: Final = "SELECT id, position, data FROM event WHERE id = ?"
_NUMBER: Final = "SELECT name, tag_id FROM tag WHERE name = ?"
_INSERT_TAG: Final = "INSERT OR IGNORE INTO event_tag VALUES (?, ?)"
_INSERT_EVENT: Final = "INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)"
# A long list of integers costs less than a row of bindings for each, and every SQLite reads JSON.
_INSERT_TAGS: Final = (
    "INSERT OR IGNORE INTO event_tag SELECT value / ?1, ?2 + value % ?1 FROM json_each(?3) WHERE value >= ?1"
)
_HIT: Final = (
    "SELECT t.position FROM json_each(?2) AS j CROSS JOIN event_tag AS t ON t.tag_id = j.value"
    " WHERE t.position > ?3 AND t.position <= ?4 LIMIT ?5"
)
# A record of an unwanted type comes without its bytes, so that a page is full or not whatever the types are.
_WANTED: Final = "position, CASE WHEN ?1 IS NULL OR type IN (SELECT value FROM json_each(?1)) THEN data END"
_TAGGED: Final = f"SELECT {_WANTED} FROM event WHERE position IN ({_HIT}) ORDER BY position LIMIT {_PAGE}"  # noqa: S608
_AT: Final = f"SELECT {_WANTED} FROM event WHERE position IN (SELECT value FROM json_each(?2)) ORDER BY position"  # noqa: S608

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


class SQLiteStore:
    """A Store in an SQLite file or in memory, made by `open_sqlite`; any thread may use it."""

    def __init__(self, connections: Connections) -> None:
        self.name = connections.name
        self._connections = connections
        self._ask: Ask = connections.ask
        self._names: dict[str, int] = {OWN_ID: 0}
        self._news = threading.Condition()
        self._last = 0
        self._tail = (
            -1,
            (0, 0, 0),
        )  # the version of the file after the last append, and what _HEAD_TO_WRITE tells there
        self._waiting = 0

    def head(self) -> Head:
        """The last record now; (0, 0) where there is none."""
        return _head(self._ask)

    def append(self, drafts: Sequence[Draft], *, unless: Iterable[str], after: int, clock: Clock) -> Appended:
        """Appends all drafts, or none; see Store."""

        def overtaken(ask: Ask) -> bool:
            return self._carried(ask, set(unless), after)

        return self._append(drafts, overtaken, after, clock, when.stamp)

    def scan(self, after: int, until: int) -> Iterator[Stored]:
        """Every record with after < position <= until."""
        page = self._ask(_SCAN, (after, until, _PAGE))
        return iter(page) if len(page) < _PAGE else self._scan_on(page, until)

    def tagged(self, tags: Iterable[str], *, types: Sequence[str] = (), after: int, until: int) -> Iterator[Stored]:
        """Every record with after < position <= until that carries any of the tags, each once.

        Not for `id:` tags, which are no tags of this index: `by_id` finds records by their ids.
        """
        self._connections.check()
        numbers = self._numbers(self._ask, set(tags))
        if not numbers:
            return iter(())
        wanted, listed = dumps(list(types)) if types else None, str(sorted(numbers.values()))
        if len(numbers) > _FEW:
            return self._tagged_in_stretches(wanted, listed, after, until)
        # Each tag hits a record once at most. So where the hits are cut off at _PAGE for each tag, the page is full;
        # and where the page is not full, no hit is missing.
        page = self._ask(_TAGGED, (wanted, listed, after, until, _PAGE * len(numbers)))
        if len(page) < _PAGE:
            return iter(_wanted(page))
        if len(numbers) == 1:  # one tag's hits come in order, cut off or not
            return self._tagged_on(page, wanted, listed, until)
        return self._tagged_in_stretches(wanted, listed, after, until)

    def by_id(self, ids: Sequence[str]) -> dict[str, Stored]:
        """The records with these ids; ids that are not there are left out."""
        rows = self._ask(_BY_ID, many=[(id_,) for id_ in ids])
        return {id_: (position, data) for id_, position, data in rows}

    def at_or_before(self, recorded_at: int) -> int:
        """The last position recorded at or before a moment; 0 where there is none."""
        low, high = 0, self.head().position
        while low < high:  # positions have no gaps, and the times at them do not run backwards
            middle = (low + high + 1) // 2
            at = self.recorded_at(middle)
            if at is not None and at <= recorded_at:
                low = middle
            else:
                high = middle - 1
        return low

    def recorded_at(self, position: int) -> int | None:
        """When the record at a position was recorded, in microseconds; None where there is no such record."""
        rows = self._ask("SELECT recorded_at FROM event WHERE position = ?", (position,))
        return rows[0][0] if rows else None

    def probe(self, patience_s: float) -> Head:
        """The last record now, by a connection of its own that took the lock to write, and gave it back."""
        return self._connections.probe(lambda connection: _head(partial(fetched, connection)), patience_s)

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

        def overtaken(ask: Ask) -> bool:
            return unless is not None and bool(self._matching(ask, unless, after, _FOREVER, 1))

        return self._append(events, overtaken, after, _no_earlier, lambda _: "")

    def matching(self, items: Sequence[Item], *, after: int, until: int, limit: int) -> list[Kept]:
        """The first events with after < position <= until that match any of the items; any event, without items."""
        positions = self._matching(self._ask, items, after, until, limit)
        rows = self._ask(
            "SELECT position, type, tags, data, id FROM event"
            " WHERE position IN (SELECT value FROM json_each(?)) ORDER BY position",
            (str(positions),),
        )
        numbers = {number for row in rows for number in _unpacked(row[2])}
        names = dict(self._ask("SELECT tag_id, name FROM tag WHERE tag_id = ?", many=[(n,) for n in numbers]))
        return [Kept(at, type_, _in_order(_unpacked(tags), id_, names), data) for at, type_, tags, data, id_ in rows]

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
        overtaken: Callable[[Ask], bool],
        after: int,
        clock: Clock,
        stamp: Callable[[int], str],
    ) -> Appended:
        if not drafts:
            raise UsageError("there is nothing to append; give at least one event")

        def write(writer: apsw.Connection) -> tuple[Appended, dict[str, int], int]:
            version, last = self._tail
            if version != writer.data_version():  # somebody else has written, or nobody yet
                last = next(iter(fetched(writer, _HEAD_TO_WRITE)), (0, 0, 0))
            position, recorded_at, highest = last
            # Where the head is still the one the caller saw, nothing can have come in between.
            if position > after and overtaken(partial(fetched, writer)):
                raise Overtaken(f"a record after position {after} meets the condition")
            at = clock(recorded_at)
            numbers, new = self._interned(writer, drafts, highest)
            last_at = _insert(writer, position + 1, drafts, numbers, at, stamp)
            highest = max(highest, *new.values()) if new else highest
            return Appended(position + 1, position + len(drafts), last_at), new, highest

        (appended, new, highest), version = self._connections.write(write)
        self._tail = (version, (appended.last, appended.recorded_at, highest))
        # Not before the commit: a rollback takes numbers back, and they are given out anew.
        if new:
            self._remember(new)
        self._last = appended.last
        if self._waiting:  # who begins to wait after this line has counted itself first, and sees the line above
            with self._news:
                self._news.notify_all()
        return appended

    def _interned(
        self, writer: apsw.Connection, drafts: Sequence[Draft], highest: int
    ) -> tuple[dict[str, int], dict[str, int]]:
        """The numbers of the drafts' tags, and apart those that were not among the known ones."""
        known = self._names
        tags = set().union(*[draft.tags for draft in drafts])
        numbers = {tag: known[tag] for tag in tags if tag in known}
        if len(numbers) == len(tags):
            return numbers, {}
        missing = sorted(tags.difference(numbers))  # the index is written in its own order
        found: dict[str, int] = {}
        if len(known) <= highest:  # numbers have no gaps: as many names are all the names there are
            found.update(fetched(writer, _NUMBER, many=[(name,) for name in missing]))
        if len(found) < len(missing):
            new = list(enumerate((name for name in missing if name not in found), highest + 1))
            writer.executemany("INSERT INTO tag VALUES (?, ?)", new)
            found.update((name, number) for number, name in new)
        return numbers | found, found

    def _carried(self, ask: Ask, tags: set[str], after: int) -> bool:
        """Whether a record after a position carries any of the tags."""
        ids = [(tag[len(OWN_ID) :], after) for tag in tags if tag.startswith(OWN_ID)]
        if ask("SELECT 1 FROM event WHERE id = ? AND position > ?", many=ids):
            return True
        numbers = self._numbers(ask, {tag for tag in tags if not tag.startswith(OWN_ID)})
        return bool(ask(_HIT, (None, str(sorted(numbers.values())), after, _FOREVER, 1)))

    def _matching(self, ask: Ask, items: Sequence[Item], after: int, until: int, limit: int) -> list[int]:
        """The first positions with after < position <= until whose event matches any of the items, in order."""
        numbers = self._numbers(ask, {tag for _, tags in items for tag in tags if not tag.startswith(OWN_ID)})
        arms = [arm for item in items or [((), ())] if (arm := _arm(item, numbers, after, until))]
        positions: set[int] = set()
        for start in range(0, len(arms), 100):  # one query takes 500 arms
            some = arms[start : start + 100]
            query = " UNION ".join(sql for sql, _ in some) + " ORDER BY 1 LIMIT ?"
            found = ask(query, (*chain.from_iterable(values for _, values in some), limit))
            positions.update(position for (position,) in found)
        return sorted(positions)[:limit]

    def _numbers(self, ask: Ask, tags: set[str]) -> dict[str, int]:
        """The numbers of the tags that any committed record carries; the other tags are left out."""
        known = self._names
        numbers = {tag: known[tag] for tag in tags if tag in known}
        if len(numbers) < len(tags):
            found = dict(ask(_NUMBER, many=[(tag,) for tag in tags if tag not in known]))
            self._remember(found)
            numbers |= found
        return numbers

    def _remember(self, found: dict[str, int]) -> None:
        if len(self._names) + len(found) > _NAMES_KEPT:
            self._names = {OWN_ID: 0}  # a new one: other threads may be reading the old
        self._names.update(found)

    def _scan_on(self, page: list[Any], until: int) -> Iterator[Stored]:
        while page:
            yield from page
            page = self._ask(_SCAN, (page[-1][0], until, _PAGE))

    def _tagged_on(self, page: list[Any], wanted: str | None, listed: str, until: int) -> Iterator[Stored]:
        while page:
            yield from _wanted(page)
            page = self._ask(_TAGGED, (wanted, listed, page[-1][0], until, _PAGE))

    def _tagged_in_stretches(self, wanted: str | None, listed: str, after: int, until: int) -> Iterator[Stored]:
        until = min(until, self.head().position)
        width = until - after
        while after < until:
            upto = min(until, after + width)
            hits = self._ask(_HIT, (None, listed, after, upto, _HITS + 1))
            if len(hits) > _HITS and width > 1:  # more than memory should hold, and in no order: take a shorter one
                width = max(1, width // 8)
                continue
            positions = sorted({position for (position,) in hits})
            for start in range(0, len(positions), _PAGE):
                yield from _wanted(self._ask(_AT, (wanted, str(positions[start : start + _PAGE]))))
            after = upto
            if len(hits) < _HITS // 8:
                width *= 2


def _head(ask: Ask) -> Head:
    rows = ask(_HEAD)
    return Head(*rows[0]) if rows else Head(0, 0)


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
        moment = now if draft.recorded_at is None else draft.recorded_at
        if moment != at:
            at, text = moment, stamp(moment).encode()
        own = [numbers[tag] for tag in draft.tags]
        pairs += [number * span + place for number in own]
        data = draft.before + text + draft.after
        events.append((first + place, draft.id, draft.type, at, _packer(len(own))(*own), data))
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


def _wanted(page: list[Any]) -> list[Stored]:
    return [row for row in page if row[1] is not None]


@lru_cache(maxsize=64)
def _packer(length: int) -> Callable[..., bytes]:
    return struct.Struct(f"<{length}I").pack


def _unpacked(tags: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(tags) // 4}I", tags)


def _in_order(numbers: Sequence[int], id_: str | None, names: Mapping[int, str]) -> list[str]:
    """The tags of an event; that of its id comes first where its writer gave it no place."""
    own = f"{OWN_ID}{id_}"
    tags = [names[number] if number else own for number in numbers]
    return tags if id_ is None or 0 in numbers else [own, *tags]


def _arm(item: Item, numbers: Mapping[str, int], after: int, until: int) -> tuple[str, list[Any]] | None:
    """A query for the positions that match one item; None where nothing can."""
    types, tags = item
    own = [numbers.get(tag, -1) for tag in set(tags) if not tag.startswith(OWN_ID)]
    ids = {tag[len(OWN_ID) :] for tag in tags if tag.startswith(OWN_ID)}
    if -1 in own or len(ids) > 1:
        return None
    tables = [f"event_tag AS t{place}" for place in range(len(own))]
    where = [f"t{place}.tag_id = ?" for place in range(len(own))]
    if types or ids or not own:
        tables.append("event AS e")
        where += ["e.id = ?"] * len(ids) + [f"e.type IN ({', '.join('?' * len(types))})"] * bool(types)
    first, *others = [table.split()[-1] for table in tables]
    where += [f"{first}.position > ?", f"{first}.position <= ?"]
    where += [f"{other}.position = {first}.position" for other in others]
    sql = f"SELECT {first}.position FROM {', '.join(tables)} WHERE {' AND '.join(where)}"  # noqa: S608
    return sql, [*own, *ids, *types, after, until]
