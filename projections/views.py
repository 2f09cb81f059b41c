"""Where do all claims stand, at any position, in one indexed read? The board, kept beside the ledger.

A view is derived: it lies in an SQLite file of its own and may be deleted at any moment, which costs a replay. Every
row of the board is kept with the positions from and until which it held, so the board as of last March is read like
that of now. Rows and checkpoint change in one transaction; the checkpoint names the ledger by the id of its first
record, and the last record taken in by position and digest (SHA-256). A view that meets another ledger, or one that
was restored to an earlier state, begins anew.

Two ways lead to the same rows, and to the same state hash: `rebuild` folds every record with `projections.tracker`;
`catch_up` judges, record by record, the claims that each new one may reach, by reading only what they need.
"""

from __future__ import annotations

import gc
import hashlib
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Self, TypeAlias

import apsw

from ledger import Ledger, Record, when
from ledger.errors import LedgerError, NotFound, UsageError
from ledger.fold import AsOf

from . import board
from .board import ActCounts, Row
from .reached import reached
from .status import RULES, IntervalAnswer
from .tracker import REACH, Reading, Tracker

name: Final = "views"
VERSION: Final = f"{RULES} board/{board.version} views/1"
"""What a file was made by: a view of another version is rebuilt."""
GRID: Final = 1_000
"""At every so many positions the state hash is kept."""
BATCH: Final = 20_000

Order: TypeAlias = Literal["id", "newest", "oldest", "acts"]
ORDERS: Final[Sequence[Order]] = ("id", "newest", "oldest", "acts")
STATUSES: Final = ("disputed", "corroborated", "asserted", "denied", "assessed", "withdrawn", "raised")

_APPLICATION_ID: Final = 0x434C5657  # "CLVW"
_SCHEMA: Final = f"""
PRAGMA application_id = {_APPLICATION_ID};
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE claim (claim_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE row (
    claim_id INTEGER NOT NULL,
    from_position INTEGER NOT NULL,
    until_position INTEGER NOT NULL, -- the position of the row that took its place; far away for one that holds
    status TEXT NOT NULL,
    own_words TEXT NOT NULL,
    flags TEXT NOT NULL, -- with a space before, between and after
    support_provable INTEGER NOT NULL,
    support_possible INTEGER NOT NULL,
    opposition_provable INTEGER NOT NULL,
    opposition_possible INTEGER NOT NULL,
    statements INTEGER NOT NULL,
    denials INTEGER NOT NULL,
    assessments INTEGER NOT NULL,
    acts INTEGER NOT NULL,
    changed_at INTEGER NOT NULL, -- microseconds since 1970-01-01T00:00:00Z
    PRIMARY KEY (claim_id, from_position)
) STRICT, WITHOUT ROWID;
CREATE TABLE wording (
    claim_id INTEGER NOT NULL, from_position INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (claim_id, from_position)
) STRICT, WITHOUT ROWID;
CREATE TABLE tally (
    status TEXT NOT NULL, from_position INTEGER NOT NULL, claims INTEGER NOT NULL, PRIMARY KEY (status, from_position)
) STRICT, WITHOUT ROWID;
CREATE TABLE state (position INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
"""
_INDEXES: Final = """
CREATE INDEX row_changed ON row (changed_at, claim_id, from_position, until_position);
CREATE INDEX row_acts ON row (acts, claim_id, from_position, until_position);
"""
_FOREVER: Final = 2**62
_MASK: Final = 2**128 - 1
_COLUMNS: Final = (
    "status, own_words, flags, support_provable, support_possible, opposition_provable, opposition_possible,"
    " statements, denials, assessments, changed_at"
)


class Checkpoint(NamedTuple):
    """How far a view has come, in which ledger."""

    ledger: str
    """The id of the ledger's first record; "" for an empty one."""
    position: int
    digest: str
    """SHA-256 of the stored bytes at the position."""


class Page(NamedTuple):
    """A part of the board as of a position, and what to ask for the next: None where nothing follows."""

    as_of: AsOf
    rows: list[Row]
    cursor: str | None


class Difference(NamedTuple):
    """Where two views of one ledger part first."""

    position: int
    claim: str
    one: Row | None
    other: Row | None


class Views:
    """The board of one ledger at all its positions; made by `Views.open`, closed like a file."""

    def __init__(self, ledger: Ledger, path: str) -> None:
        self._ledger = ledger
        self.path = path
        self._connection: Any = _opened(path)  # its rows are what the schema says

    @classmethod
    def open(cls, ledger: Ledger, path: str | os.PathLike[str] | None = None) -> Self:
        """Opens the view beside a ledger's file, or the one at a path; a new one where there is none.

        Raises LedgerError where no file can be written there.
        """
        where = os.fspath(path) if path is not None else beside(ledger)
        try:
            view = cls(ledger, where)
            view._check()
        except apsw.NotADBError as error:
            if path is not None:  # it may be anything
                raise LedgerError(f"{where} is no view; delete it, or give another path") from error
            Path(where).unlink()
            view = cls(ledger, where)
        except apsw.Error as error:
            raise LedgerError(f"the view {where} cannot be opened ({error}); delete it, and it is made anew") from error
        return view

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file; idempotent."""
        self._connection.close()

    @property
    def checkpoint(self) -> Checkpoint:
        """How far the view has come."""
        meta = dict(self._connection.execute("SELECT key, value FROM meta"))
        return Checkpoint(meta.get("ledger", ""), int(meta.get("position", 0)), meta.get("digest", ""))

    @property
    def lag(self) -> int:
        """How many positions the ledger is ahead."""
        return self._ledger.head - self.checkpoint.position

    # Writing

    def catch_up(self, *, wait_for: Any = None, reach: int = REACH) -> int:
        """Takes in what was appended since; gives the position the view has come to.

        `wait_for` is a receipt, record or position that the view must have come to by then: who has appended sees it.
        Raises UsageError where the ledger does not hold it, OutOfReach where a record changes too many claims.
        """
        self._check()
        wanted = getattr(wait_for, "position", wait_for) or 0
        if wanted > self._ledger.head:
            raise UsageError(f"position {wanted} is not in this ledger, which ends at {self._ledger.head}")
        if self.checkpoint.position == 0 and self._ledger.head > GRID:
            self.rebuild()
        while self.lag:
            with self._connection:
                self._check()
                at = self.checkpoint.position
                writer = _Writer(self._connection)
                for record in self._ledger.events(after=at, as_of=min(self._ledger.head, at + GRID)):
                    at = record.position
                    for claim in sorted(reached(self._ledger, record, reach)):
                        writer.put(at, claim, _judged(self._ledger, claim, at))
                    writer.end(at)
                writer.flush()
                self._mark(at)
        return self.checkpoint.position

    def rebuild(self, *, reach: int = _FOREVER, progress: Callable[[int], object] = lambda _: None) -> None:
        """Makes the view anew from every record, in a new file, which becomes this one in one transaction.

        Whoever reads the view meanwhile, reads on as it was. `progress` is told of every so many records taken in.
        """
        fresh = self.path if self.path == ":memory:" else f"{self.path}.new"
        _remove(fresh)
        build = Views(self._ledger, fresh)
        try:
            build._build(reach, progress)
            # Not by renaming: a log that others still hold would be taken for that of the new file.
            with self._connection.backup("main", build._connection, "main") as copying:
                copying.step()
        finally:
            build.close()
            _remove(fresh)

    def _build(self, reach: int, progress: Callable[[int], object]) -> None:
        connection = self._connection
        connection.pragma("synchronous", "off")  # until it is done it is nothing, and then it is written at once
        connection.execute("DROP INDEX IF EXISTS row_changed; DROP INDEX IF EXISTS row_acts")
        until = self._ledger.head
        tracker = Tracker(_reading(self._ledger), reach=reach)
        with _uncollected(), connection:
            writer = _Writer(connection, alone=True)
            for record in self._ledger.events(as_of=until):
                for claim in tracker.take(record):
                    writer.put(record.position, claim, tracker.row(claim))
                for claim in ():
                    writer.put(record.position, claim, None)
                writer.end(record.position)
                if record.position % GRID == 0:
                    gc.collect(0)
                    progress(GRID)
            writer.flush()
            if until:
                self._mark(until)
        progress(until % GRID)
        connection.execute(_INDEXES)
        connection.pragma("synchronous", "normal")

    def _mark(self, position: int) -> None:
        ledger, digest = _identity(self._ledger), _digest(self._ledger, position)
        values = {"ledger": ledger, "position": position, "digest": digest, "version": VERSION}
        self._connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))

    def _check(self) -> None:
        """Begins anew where the view is of another version, of another ledger, or of a future that is gone."""
        at = self.checkpoint
        found = self._connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchall()
        same = not at.position or (
            found == [(VERSION,)]
            and at.position <= self._ledger.head
            and at.ledger == _identity(self._ledger)
            and at.digest == _digest(self._ledger, at.position)
        )
        if not same:
            tables = ("meta", "claim", "row", "wording", "tally", "state")
            with self._connection:
                self._connection.execute("".join(f"DELETE FROM {table};" for table in tables))  # noqa: S608

    # Reading

    def page(
        self,
        *,
        order: Order = "id",
        limit: int | None = 50,
        cursor: str | None = None,
        as_of: int | None = None,
        status: Collection[str] = (),
        flags: Collection[str] = (),
    ) -> Page:
        """A part of the board as of a position (default: as far as the view has come), in one of the ORDERS.

        `status` and `flags` keep the claims of any of these statuses, and with all of these flags. `cursor` is that of
        the page before; ties go by claim id, so nothing is skipped or shown twice at one position. Raises UsageError.
        """
        at = self._position(as_of)
        if order not in ORDERS:
            raise UsageError(f"{order!r} is no order; there are {', '.join(ORDERS)}")
        for unknown in set(status) - set(STATUSES):
            raise UsageError(f"{unknown!r} is no status; there are {', '.join(STATUSES)}")
        question = self._ledger.question(as_of=at)
        sql, values = _page_query(order, cursor, question.as_of, status, flags)
        rows = self._connection.execute(f"{sql} LIMIT ?", (*values, -1 if limit is None else limit + 1)).fetchall()
        more = limit is not None and len(rows) > limit
        rows = rows[:limit]
        found = [self._row(name_, claim_id, at, columns) for claim_id, name_, _, *columns in rows]
        following = f"{rows[-1][2]}:{rows[-1][1]}" if more else None
        return Page(question.as_of, found, following)

    def row(self, claim: str, *, as_of: int | None = None) -> Row:
        """The row of one claim. Raises NotFound where it is not registered at the position."""
        at = self._position(as_of)
        rows = self._connection.execute(
            f"SELECT claim_id, {_COLUMNS} FROM row JOIN claim USING (claim_id)"  # noqa: S608
            " WHERE name = ? AND from_position <= ? AND until_position > ?"
            " ORDER BY from_position DESC LIMIT 1",
            (claim, at, at),
        ).fetchall()
        if not rows:
            raise NotFound(f"no claim {claim!r} is registered as of position {at}; `claims status` lists what there is")
        claim_id, *columns = rows[0]
        return self._row(claim, claim_id, at, columns)

    def counts(self, *, as_of: int | None = None) -> dict[str, int]:
        """How many claims are of each status."""
        at = self._position(as_of)
        sql = "SELECT claims FROM tally WHERE status = ? AND from_position <= ? ORDER BY from_position DESC LIMIT 1"
        found = {status: self._connection.execute(sql, (status, at)).fetchall() for status in STATUSES}
        return {status: rows[0][0] if rows else 0 for status, rows in found.items()}

    def state_hash(self, *, as_of: int | None = None) -> str:
        """A hash of all rows as of a position, 32 hexadecimal digits; whichever way, and in what steps, it was built.

        It is the sum, modulo 2**128, of the BLAKE2b of each row (RFC 7693), so the order of the rows does not matter.
        """
        at = self._position(as_of)
        total = 0
        sql = (
            f"SELECT name, claim_id, {_COLUMNS} FROM row JOIN claim USING (claim_id)"  # noqa: S608
            " WHERE from_position <= ? AND until_position > ?"
        )
        for name_, claim_id, *columns in self._connection.execute(sql, (at, at)):
            total += _hash(self._row(name_, claim_id, at, columns))
        return f"{total & _MASK:032x}"

    def kept_hash(self, position: int) -> str | None:
        """The state hash that was kept for a position when the view passed it; None where none was."""
        rows = self._connection.execute("SELECT hash FROM state WHERE position = ?", (position,)).fetchall()
        return rows[0][0].hex() if rows else None

    def difference(self, other: Views) -> Difference | None:
        """The first position, and there the first claim, at which two views of one ledger differ; None for none."""
        for changes in zip_longest(_changes(self), _changes(other)):
            if changes[0] != changes[1]:
                position, claim = min(change[:2] for change in changes if change is not None)
                return Difference(position, claim, _at(self, claim, position), _at(other, claim, position))
        return None

    def _position(self, as_of: int | None) -> int:
        head = self.checkpoint.position
        if as_of is None:
            return head
        if not 0 <= as_of <= head:
            raise UsageError(f"position {as_of} is not in this view, which has come to {head}; catch up first")
        return as_of

    def _row(self, claim: str, claim_id: int, at: int, columns: Sequence[Any]) -> Row:
        return _row(self._connection, claim, claim_id, at, columns)


class _Writer:
    """Puts rows into a view, keeping until when each held, how many claims are of each status, and the state hash.

    Alone, nobody else has written to the file, so what is there is known without asking, and rows go in by the batch.
    """

    def __init__(self, connection: Any, *, alone: bool = False) -> None:
        self._connection = connection
        self._alone = alone
        self._ids: dict[str, int] = {}
        self._held: dict[str, tuple[int, Row, int]] = {}  # claim -> from where, the row, its hash
        self._texts: dict[int, str] = {}
        self._rows: list[tuple[Any, ...]] = []
        self._tallies: dict[str, int] = {}
        self._tallied: dict[tuple[str, int], int] = {}
        self._hash = 0
        self._states: list[tuple[int, bytes]] = []
        if not alone:
            meta = dict(connection.execute("SELECT key, value FROM meta"))
            self._hash = int(meta.get("hash", "0"), 16)

    def put(self, position: int, claim: str, row: Row | None) -> None:
        """From this position on, the row of a claim is this; None where it is not registered."""
        claim_id = self._claim_id(claim)
        held = self._held.get(claim) if self._alone else self._read(claim, claim_id)
        if row == (held[1] if held is not None else None):
            return
        if held is not None:
            since, before, hash_ = held
            self._hash -= hash_
            self._tally(before.status, -1, position)
            self._close(claim_id, since, before, position)
        if row is None:
            self._held.pop(claim, None)
            return
        hash_ = _hash(row)
        self._hash += hash_
        self._tally(row.status, 1, position)
        self._word(claim_id, position, row.text)
        if self._alone:
            self._held[claim] = position, row, hash_
        else:
            self._insert([_columns(claim_id, position, _FOREVER, row)])

    def end(self, position: int) -> None:
        """All of a position's rows were put."""
        if position % GRID == 0:
            state = (self._hash & _MASK).to_bytes(16)
            self._states.append((position, state))
        if len(self._rows) >= BATCH:
            self._flush()

    def flush(self) -> None:
        """Writes what holds to the end."""
        for claim, (since, row, _) in self._held.items():
            self._rows.append(_columns(self._ids[claim], since, _FOREVER, row))
        self._flush()
        self._connection.execute("INSERT OR REPLACE INTO meta VALUES ('hash', ?)", (f"{self._hash & _MASK:032x}",))

    def _claim_id(self, claim: str) -> int:
        known = self._ids.get(claim)
        if known is None:
            find = "SELECT claim_id FROM claim WHERE name = ?"
            rows = [] if self._alone else self._connection.execute(find, (claim,)).fetchall()
            if not rows:
                add = "INSERT INTO claim (name) VALUES (?) RETURNING claim_id"
                rows = self._connection.execute(add, (claim,)).fetchall()
            known = self._ids[claim] = rows[0][0]
        return known

    def _read(self, claim: str, claim_id: int) -> tuple[int, Row, int] | None:
        sql = (
            f"SELECT from_position, until_position, {_COLUMNS} FROM row WHERE claim_id = ?"  # noqa: S608
            " ORDER BY from_position DESC LIMIT 1"
        )
        rows = self._connection.execute(sql, (claim_id,)).fetchall()
        if not rows or rows[0][1] != _FOREVER:
            return None
        since, until, *columns = rows[0]
        row = _row(self._connection, claim, claim_id, until, columns)
        self._texts[claim_id] = row.text
        return since, row, _hash(row)

    def _close(self, claim_id: int, since: int, row: Row, position: int) -> None:
        if self._alone:
            if since < position:
                self._rows.append(_columns(claim_id, since, position, row))
        elif since == position:
            self._connection.execute("DELETE FROM row WHERE claim_id = ? AND from_position = ?", (claim_id, since))
        else:
            sql = "UPDATE row SET until_position = ? WHERE claim_id = ? AND from_position = ?"
            self._connection.execute(sql, (position, claim_id, since))

    def _word(self, claim_id: int, position: int, text: str) -> None:
        known = self._texts.get(claim_id)
        if known is None and not self._alone:
            sql = "SELECT text FROM wording WHERE claim_id = ? ORDER BY from_position DESC LIMIT 1"
            rows = self._connection.execute(sql, (claim_id,)).fetchall()
            known = rows[0][0] if rows else None
        if known != text:
            self._connection.execute("INSERT OR REPLACE INTO wording VALUES (?, ?, ?)", (claim_id, position, text))
        self._texts[claim_id] = text

    def _tally(self, status: str, by: int, position: int) -> None:
        known = self._tallies.get(status)
        if known is None:
            sql = "SELECT claims FROM tally WHERE status = ? ORDER BY from_position DESC LIMIT 1"
            rows = self._connection.execute(sql, (status,)).fetchall()
            known = rows[0][0] if rows else 0
        self._tallies[status] = self._tallied[status, position] = known + by

    def _insert(self, rows: list[tuple[Any, ...]]) -> None:
        self._connection.executemany(f"INSERT INTO row VALUES ({', '.join('?' * 15)})", rows)  # noqa: S608

    def _flush(self) -> None:
        self._insert(sorted(self._rows, key=_key))
        tallies = sorted((*key, count) for key, count in self._tallied.items())
        self._connection.executemany("INSERT OR REPLACE INTO tally VALUES (?, ?, ?)", tallies)
        self._connection.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", self._states)
        self._rows, self._tallied, self._states = [], {}, []


def beside(ledger: Ledger) -> str:
    """Where the view of a ledger lies: beside its file, or in memory as it does."""
    return ":memory:" if ledger.name == ":memory:" else f"{ledger.name}.views"


def _row(connection: Any, claim: str, claim_id: int, at: int, columns: Sequence[Any]) -> Row:
    status, own_words, flags, sp, sq, op, oq, statements, denials, assessments, changed_at = columns
    sql = "SELECT text FROM wording WHERE claim_id = ? AND from_position <= ? ORDER BY from_position DESC LIMIT 1"
    [(text,)] = connection.execute(sql, (claim_id, at)).fetchall()
    return Row(
        claim=claim,
        text=text,
        status=status,
        own_words=own_words,
        flags=flags.split(),
        support=IntervalAnswer(sp, sq),
        opposition=IntervalAnswer(op, oq),
        acts=ActCounts(statements, denials, assessments),
        changed_at=when.stamp(changed_at),
    )


def _judged(ledger: Ledger, claim: str, position: int) -> Row | None:
    try:
        row: Row = ledger.state(board.OneRow, claim, as_of=position)
    except NotFound:
        return None
    return row


def _page_query(
    order: Order, cursor: str | None, at: AsOf, status: Collection[str], flags: Collection[str]
) -> tuple[str, list[Any]]:
    key = {"id": "0", "newest": "changed_at", "oldest": "changed_at", "acts": "acts"}[order]
    where = ["from_position <= ?", "until_position > ?"]
    values: list[Any] = [at.position, at.position]
    if order in ("newest", "oldest") and at.recorded_at is not None:
        where.append("changed_at <= ?")  # no row of then knows of later: the index need not be walked through it
        values.append(when.instant(at.recorded_at))
    down = "DESC" if order in ("newest", "acts") else "ASC"
    if cursor is not None:
        value, _, claim = cursor.partition(":")
        if not value.lstrip("-").isdigit():
            raise UsageError(f"{cursor!r} is no cursor; give the one that came with the page before")
        beyond = "<" if down == "DESC" else ">"
        where.append("name > ?" if order == "id" else f"({key} {beyond} ? OR ({key} = ? AND name > ?))")
        values += [claim] if order == "id" else [int(value), int(value), claim]
    if status:
        where.append(f"status IN ({', '.join('?' * len(status))})")
        values += sorted(status)
    for flag in flags:
        where.append("instr(flags, ?)")
        values.append(f" {flag} ")
    tables = "claim CROSS JOIN row USING (claim_id)" if order == "id" else "row CROSS JOIN claim USING (claim_id)"
    by = "name" if order == "id" else f"{key} {down}, name"
    sql = f"SELECT claim_id, name, {key}, {_COLUMNS} FROM {tables} WHERE {' AND '.join(where)} ORDER BY {by}"  # noqa: S608
    return sql, values


def _columns(claim_id: int, since: int, until: int, row: Row) -> tuple[Any, ...]:
    counts = row.acts.statement, row.acts.denial, row.acts.assessment
    return (
        claim_id, since, until, row.status, row.own_words, f" {' '.join(row.flags)} ", row.support.provable,
        row.support.possible, row.opposition.provable, row.opposition.possible, *counts, sum(counts),
        when.instant(row.changed_at),
    )  # fmt: skip


def _key(columns: tuple[Any, ...]) -> tuple[int, int]:
    return columns[0], columns[1]


def _hash(row: Row) -> int:
    return int.from_bytes(hashlib.blake2b(repr(row).encode(), digest_size=16).digest())


def _changes(view: Views) -> Iterator[tuple[Any, ...]]:
    """Every row a view ever had by the position from which it held, and the end of every row that none followed."""
    sql = (
        f"SELECT from_position, name, {_COLUMNS},"  # noqa: S608
        " (SELECT text FROM wording w WHERE w.claim_id = r.claim_id AND w.from_position <= r.from_position"
        " ORDER BY w.from_position DESC LIMIT 1)"
        " FROM row r JOIN claim USING (claim_id)"
        f" UNION ALL SELECT until_position, name{', NULL' * 12} FROM row r JOIN claim USING (claim_id)"
        " WHERE until_position < ? AND NOT EXISTS"
        " (SELECT 1 FROM row n WHERE n.claim_id = r.claim_id AND n.from_position = r.until_position)"
        " ORDER BY 1, 2"
    )
    return iter(view._connection.execute(sql, (_FOREVER,)))


def _at(view: Views, claim: str, position: int) -> Row | None:
    try:
        return view.row(claim, as_of=position)
    except LedgerError:
        return None


def _reading(ledger: Ledger) -> Reading:
    def at(position: int) -> Record:
        return next(ledger.events(after=position - 1, as_of=position))

    return Reading(ledger.record, at)


def _identity(ledger: Ledger) -> str:
    return "" if ledger.head == 0 else next(ledger.events(as_of=1)).id


def _digest(ledger: Ledger, position: int) -> str:
    return hashlib.sha256(next(ledger.stored(after=position - 1, as_of=position))[1]).hexdigest()


def _opened(path: str) -> apsw.Connection:
    connection = apsw.Connection(path)
    connection.set_busy_timeout(30_000)
    empty = not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
    if not empty and connection.pragma("application_id") != _APPLICATION_ID:
        connection.close()
        raise LedgerError(f"{path} is no view, but an SQLite file of something else; give another path")
    if path != ":memory:":
        connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "normal")  # what a crash takes away here is caught up again
    connection.transaction_mode = "IMMEDIATE"
    with connection:
        if not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall():
            connection.execute(_SCHEMA + _INDEXES)
    return connection


@contextmanager
def _uncollected() -> Iterator[None]:
    """A tracker holds millions of objects: to look through all of them for circles would take most of the time.

    What was made since the last look is looked through every so often, which finds what the settling of acts leaves.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _remove(path: str) -> None:
    for end in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            os.unlink(path + end)  # there is no file for ":memory:"
