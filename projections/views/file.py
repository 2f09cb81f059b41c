"""How does a view lie on disk? An SQLite file of its own: its tables, its checkpoint, and how rows go in by the batch.

Every row, every wording, every quotation stands with the positions from and until which it held, so that nothing is
ever taken out and any moment of history can be read. Claims and sources are numbered as they come in. Texts are kept
only as they are searched: their index has no copy of them, but each has a digest by which it is known again.

Whatever is in a view can be made anew from the ledger. So nothing here is kept from a crash but whole transactions.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple, TypeAlias, cast

import apsw

from ledger import Ledger
from ledger.errors import IntegrityError, LedgerError, Unavailable, UsageError

from .. import board
from ..status import RULES
from .search import searched

VERSION: Final = f"{RULES} board/{board.version} views/2"
"""What a file was made by: a view of another version is rebuilt."""
GRID: Final = 1_000
"""At every so many positions the state hash is kept."""
MASK: Final = 2**128 - 1
PATIENCE_MS: Final = 30_000
"""So long whoever writes waits for others that do."""


class DamagedView(IntegrityError):
    """The file of a view does not hold together; it may be deleted, and is made anew."""


Connection: TypeAlias = apsw.Connection
Wording: TypeAlias = tuple[int, int, str]
"""claim_no, from_position, text."""
Quoted: TypeAlias = tuple[str, str, int, int, int]
"""The id and the printed name of a source, claim_no, from_position, until_position."""
Doc: TypeAlias = tuple[int, int, int, str]
"""claim_no, from_position, until_position, text."""
Named: TypeAlias = tuple[str, str, int, int]
"""The id of a source and its name in the register, from_position, until_position."""

_APPLICATION_ID: Final = 0x434C5657  # "CLVW"
_SCHEMA: Final = f"""
PRAGMA application_id = {_APPLICATION_ID};
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE claim (claim_no INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT; -- in the order of registration
CREATE TABLE row ( -- `rows.Columns`; until_position is far away for one that holds
    claim_no INTEGER NOT NULL,
    from_position INTEGER NOT NULL,
    until_position INTEGER NOT NULL,
    node INTEGER NOT NULL,
    status INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    flags INTEGER NOT NULL,
    acts INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    counts BLOB NOT NULL,
    PRIMARY KEY (claim_no, from_position)
) STRICT, WITHOUT ROWID;
CREATE TABLE wording (
    claim_no INTEGER NOT NULL, from_position INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY (claim_no, from_position)
) STRICT, WITHOUT ROWID;
CREATE TABLE tally (
    status INTEGER NOT NULL, from_position INTEGER NOT NULL, claims INTEGER NOT NULL,
    PRIMARY KEY (status, from_position)
) STRICT, WITHOUT ROWID;
CREATE TABLE state (position INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;
CREATE TABLE source ( -- a source and a name it went by, in a chain or in the register
    source_no INTEGER PRIMARY KEY, id TEXT NOT NULL, name TEXT NOT NULL, UNIQUE (id, name)
) STRICT;
CREATE TABLE quoted ( -- while an act on the claim has the source in its chain, by that name
    source_no INTEGER NOT NULL, claim_no INTEGER NOT NULL, from_position INTEGER NOT NULL,
    until_position INTEGER NOT NULL, PRIMARY KEY (source_no, claim_no, from_position)
) STRICT, WITHOUT ROWID;
CREATE TABLE named ( -- while the register has that name of the source
    source_no INTEGER NOT NULL, from_position INTEGER NOT NULL, until_position INTEGER NOT NULL,
    PRIMARY KEY (source_no, from_position)
) STRICT, WITHOUT ROWID;
CREATE TABLE doc ( -- while a text is the claim's wording, or the quote of an act on it
    doc_no INTEGER PRIMARY KEY, claim_no INTEGER NOT NULL, from_position INTEGER NOT NULL,
    until_position INTEGER NOT NULL, digest INTEGER NOT NULL
) STRICT;
CREATE TABLE cut ( -- boards at both cuts, to be found again
    cut_no INTEGER PRIMARY KEY, position INTEGER NOT NULL, said_by INTEGER NOT NULL, UNIQUE (position, said_by)
) STRICT;
CREATE TABLE cut_row ( -- as `row`, at the node of its cut
    claim_no INTEGER NOT NULL, from_position INTEGER NOT NULL, until_position INTEGER NOT NULL, node INTEGER NOT NULL,
    status INTEGER NOT NULL, kind INTEGER NOT NULL, flags INTEGER NOT NULL, acts INTEGER NOT NULL,
    changed_at INTEGER NOT NULL, counts BLOB NOT NULL, PRIMARY KEY (node, claim_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX cut_changed ON cut_row (node, changed_at, claim_no, from_position, until_position);
CREATE INDEX cut_acts ON cut_row (node, acts, claim_no, from_position, until_position);
CREATE VIRTUAL TABLE words USING fts5 (text, content = '', columnsize = 0, tokenize = 'ascii');
CREATE VIRTUAL TABLE names USING fts5 (id, name, content = '', columnsize = 0, tokenize = 'ascii');
"""
_INDEXES: Final = {
    "row_changed": "row (node, changed_at, claim_no, from_position, until_position)",
    "row_acts": "row (node, acts, claim_no, from_position, until_position)",
    "doc_claim": "doc (claim_no)",
    "quoted_claim": "quoted (claim_no)",
}


class Checkpoint(NamedTuple):
    """How far a view has come, in which ledger."""

    ledger: str
    """The id of the ledger's first record; "" for an empty one."""
    position: int
    digest: str
    """SHA-256 of the stored bytes at the position."""


def open_view(path: str) -> Connection:
    """Opens the view in a file, or a new one. Raises LedgerError for a file of something else, and leaves it alone."""
    connection = apsw.Connection(path)
    connection.set_busy_timeout(PATIENCE_MS)
    empty = not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall()
    if not empty and connection.pragma("application_id") != _APPLICATION_ID:
        connection.close()
        raise LedgerError(f"{path} is no view, but an SQLite file of something else; give another path")
    if path != ":memory:":
        connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "normal")  # what a crash takes away here is caught up again
    connection.transaction_mode = "IMMEDIATE"
    with connection:
        _make(connection)
    return connection


def open_to_read(path: str) -> Connection | None:
    """Opens the view in a file as it is, and takes no lock; None where there is none, or it is not made yet."""
    try:
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READWRITE)
    except apsw.Error:
        return None
    try:
        connection.set_busy_timeout(1_000)
        connection.pragma("query_only", True)
        made = "SELECT 1 FROM sqlite_schema WHERE name = 'meta'"
        if connection.pragma("application_id") == _APPLICATION_ID and connection.execute(made).fetchall():
            return connection
    except apsw.Error:  # it is being made, or was deleted in part
        pass
    connection.close()
    return None


@contextmanager
def explaining(path: str) -> Iterator[None]:
    """Raises what SQLite, or its driver, raises within as what it means for the view in a file."""
    try:
        yield
    except apsw.Error as error:
        raise explained(path, error) from error
    except UnicodeEncodeError as error:
        raise UsageError(f"{error.object!r} is not UTF-8 text; check its encoding") from None
    except OverflowError:
        raise UsageError("a number is larger than any view holds; give one of 64 bits") from None


def explained(path: str, error: apsw.Error) -> LedgerError:
    """What an error of SQLite's means for a view, and what a person can do about it."""
    match error:
        case apsw.BusyError() | apsw.LockedError():
            return Unavailable(f"the view {path} is locked by another process; repeat when that has ended")
        case apsw.FullError() | apsw.IOError():
            return Unavailable(f"the view {path} cannot be read or written ({error}); see to its disk, then repeat")
        case apsw.CorruptError() | apsw.NotADBError() | apsw.ConstraintError():  # rows that are there against the rules
            return _damaged(path, error)
        case apsw.SQLError() if "no such table" in str(error) or "no such column" in str(error):
            return _damaged(path, error)
        case apsw.ConnectionClosedError() | apsw.CursorClosedError():
            return UsageError(f"the view {path} is closed; open it again")
        case apsw.ThreadingViolationError():
            return UsageError(f"the view {path} is used by another thread at this moment; open one for each thread")
        case apsw.CantOpenError() | apsw.ReadOnlyError() | apsw.PermissionsError() | apsw.AuthError():
            text = "see that there is room and that you may write there"
            return LedgerError(f"the view {path} cannot be opened or written ({error}); {text}")
        case _:
            return LedgerError(f"the view {path} failed: {error}; if it does again, `claims replay --views` mends it")


def _damaged(path: str, error: apsw.Error) -> LedgerError:
    return DamagedView(f"the view {path} is damaged ({error}); it is derived: delete {path}, and it is made anew")


def identity(path: str) -> tuple[int, int] | None:
    """By which a file is known, whatever it is called; None where there is none, as for ":memory:"."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def discard(path: str, made: tuple[int, int] | None = None) -> None:
    """Removes a view, or only the one that has this identity; whoever still reads it, reads on.

    Raises LedgerError where it may not be removed.
    """
    if made is not None and made != identity(path):
        return  # somebody has done so already
    try:
        for end in ("-wal", "-shm", ""):  # the file last: once it is gone, the others may be those of the next
            with suppress(FileNotFoundError):
                os.unlink(path + end)  # there is no file for ":memory:"
    except OSError as error:
        raise LedgerError(
            f"the view {path} cannot be removed ({error.strerror}); see that you may write there"
        ) from error


def create_indexes(connection: Connection) -> None:
    """Makes what pages are read by; cheaper once all rows are there."""
    for name, of in _INDEXES.items():
        connection.execute(f"CREATE INDEX IF NOT EXISTS {name} ON {of}")


def drop_indexes(connection: Connection) -> None:
    """Lets them go, for rows to come in by the batch."""
    for name in _INDEXES:
        connection.execute(f"DROP INDEX IF EXISTS {name}")


def checkpoint(connection: Connection) -> Checkpoint:
    """How far a view has come."""
    meta: dict[str, Any] = dict(connection.execute("SELECT key, value FROM meta"))
    return Checkpoint(meta.get("ledger", ""), int(meta.get("position", 0)), meta.get("digest", ""))


def mark(connection: Connection, at: Checkpoint, state: int) -> None:
    """Sets the checkpoint and the state hash there, in the transaction of what brought the view there."""
    values = {**at._asdict(), "hash": f"{state & MASK:032x}", "version": VERSION}
    connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", list(values.items()))


def checkpoint_of(ledger: Ledger, position: int) -> Checkpoint:
    """The checkpoint of a view that has come to a position of a ledger."""
    [(_, stored)] = ledger.stored(after=position - 1, as_of=position)
    return Checkpoint(ledger_id(ledger), position, digest_of(stored))


def ledger_id(ledger: Ledger) -> str:
    """By which a ledger is known: the id of its first record; "" for an empty one."""
    return "" if ledger.head == 0 else next(ledger.events(as_of=1)).id


def digest_of(stored: bytes) -> str:
    """SHA-256 of the stored bytes of a record."""
    return hashlib.sha256(stored).hexdigest()


def text_digest(text: str) -> int:
    """By which a text that is searched is known again: 64 bits of BLAKE2b (RFC 7693), as SQLite has integers."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big", signed=True)


class Bulk:
    """Puts rows into a view by the batch, in transactions of its caller; several processes may do so in turn.

    Where a transaction is rolled back, what it goes by is wrong: make another.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._source_nos: dict[tuple[str, str], int] = {}

    def write(
        self,
        rows: Iterable[Sequence[Any]],
        wordings: Iterable[Wording] = (),
        quoted: Iterable[Quoted] = (),
        docs: Iterable[Doc] = (),
        named: Iterable[Named] = (),
    ) -> None:
        """Adds rows (as `rows.Columns`), and what is searched; quickest where they come by claim and position."""
        many = self._connection.executemany
        many("INSERT INTO row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
        many("INSERT INTO wording VALUES (?, ?, ?)", wordings)
        quotations = [(self._source_no(source, name), *rest) for source, name, *rest in quoted]
        many("INSERT INTO quoted VALUES (?, ?, ?, ?)", sorted(quotations))
        many("INSERT INTO named VALUES (?, ?, ?)", [(self._source_no(source, name), *r) for source, name, *r in named])
        texts = list(enumerate(docs, self._next_doc()))
        many("INSERT INTO doc VALUES (?, ?, ?, ?, ?)", [(no, *doc[:3], text_digest(doc[3])) for no, doc in texts])
        many("INSERT INTO words (rowid, text) VALUES (?, ?)", [(no, searched(doc[3])) for no, doc in texts])

    def _next_doc(self) -> int:
        [(number,)] = self._connection.execute("SELECT coalesce(max(doc_no), 0) + 1 FROM doc").fetchall()
        return cast(int, number)

    def _source_no(self, source: str, name: str) -> int:
        known = self._source_nos.get((source, name))
        if known is None:
            known = self._source_nos[source, name] = source_no(self._connection, source, name)
        return known


def source_no(connection: Connection, source: str, name: str) -> int:
    """The number of a source by one of its names; a new one, and found from now on, where there is none."""
    found = connection.execute("SELECT source_no FROM source WHERE id = ? AND name = ?", (source, name)).fetchall()
    if not found:
        add = "INSERT INTO source (id, name) VALUES (?, ?) RETURNING source_no"
        found = connection.execute(add, (source, name)).fetchall()
        values = (found[0][0], searched(source), searched(name))
        connection.execute("INSERT INTO names (rowid, id, name) VALUES (?, ?, ?)", values)
    return cast(int, found[0][0])


def empty(connection: Connection) -> None:
    """Takes everything out, and makes the tables anew where they were of another version."""
    with connection:
        made = "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type IN ('table', 'virtual')"
        for (name,) in connection.execute(f"{made} AND name NOT LIKE 'sqlite_%'").fetchall():
            connection.execute(f"DROP TABLE {name}")
        _make(connection)


def _make(connection: Connection) -> None:
    if not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchall():
        connection.execute(_SCHEMA)
        create_indexes(connection)
