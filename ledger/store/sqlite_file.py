"""When is an SQLite file a ledger, and who may use it at the same time?

A ledger's file is marked (`application_id`, `user_version`); what is not so marked is refused and left as it is. The
schema is durable in the file itself before the write-ahead log is switched on: a creation cut off at any moment leaves
no ledger or a whole one. Reading connections keep a snapshot for one query at most, so they stop neither the writer
nor a checkpoint, however long their caller thinks.
"""

from __future__ import annotations

import os
import random
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import count
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import quote

import apsw

from ledger.errors import IntegrityError, LedgerError, NewerVersion, NotFound, Unavailable, UsageError

from .sqlite_log import Checkpoints

_T = TypeVar("_T")
Ask: TypeAlias = Callable[..., list[Any]]
"""Like `fetched` on some connection: gives all rows of a query."""

APPLICATION_ID: Final = int.from_bytes(b"CLLG", "big")
SCHEMA_VERSION: Final = 1
# INSERT OR REPLACE deletes without asking the DELETE trigger, hence the look at both keys before every insert.
_SCHEMA: Final = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {SCHEMA_VERSION};
CREATE TABLE event (
    position INTEGER PRIMARY KEY,
    id TEXT UNIQUE,
    type TEXT NOT NULL,
    recorded_at INTEGER NOT NULL, -- microseconds since 1970-01-01T00:00:00Z
    tags BLOB NOT NULL, -- the numbers of its tags in their order, four bytes each, little-endian; 0 is its id's
    data BLOB NOT NULL
) STRICT;
CREATE TABLE tag (tag_id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE event_tag (
    tag_id INTEGER NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (tag_id, position)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
BEGIN SELECT RAISE(ABORT, 'an event is never changed'); END;
CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
BEGIN SELECT RAISE(ABORT, 'an event is never deleted'); END;
CREATE TRIGGER event_is_never_replaced BEFORE INSERT ON event
WHEN NEW.position <> (SELECT coalesce(max(position), 0) + 1 FROM event)
    OR EXISTS (SELECT 1 FROM event WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'an event is never replaced: it takes the next position and an id of its own'); END;
"""  # noqa: S608
_PATIENCE_S: Final = 30.0
#: The index of a log begins with so many bytes.
_INDEX: Final = 32 * 1024
_ELSEWHERE: Final = "give the path of a ledger, or of a file that does not exist yet to create one"


class Connections:
    """One connection that writes, and as many that read as threads ever read at one moment.

    A ledger in memory has the one, which reads and writes under the lock.
    """

    def __init__(self, name: str, file: str | None, *, read_only: bool = False, may_create: bool = True) -> None:
        self.name = name
        self.file = file
        self.closed = False
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._idle: list[apsw.Connection] = []
        self._uri = "" if file is None else _uri(file)
        self._writer: apsw.Connection | None = None
        self._checkpoints = Checkpoints(partial(_connected, self._uri))  # which does not hold on to this
        if file is None:
            self._writer = apsw.Connection(":memory:")
            _create(self._writer)
        elif read_only:
            self._idle.append(self._first_reader(file))
        else:
            self._writer = self._open_writer(may_create)
        self._is = None if file is None else _identity(os.stat(file))

    def ask(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query; nothing stays open."""
        if not self._uri:
            return self.ask_writer(sql, values)
        self.check()
        self._check_file()
        try:
            reader = self._taken()
            try:
                rows = fetched(reader, sql, values)
            except BaseException:
                reader.close(force=True)  # interrupted, it might hold on to its snapshot
                raise
        except apsw.Error as error:
            raise explained(self.name, error) from error
        self._idle.append(reader)
        if self.closed:
            self._close_idle()
        return rows

    def ask_writer(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """As `ask`, by the connection that writes, when it is free; within its transaction, of what it wrote there."""
        if self._writer is None:
            return self.ask(sql, values)
        self.check()
        with self._lock:
            self.check()
            self._check_file()
            try:
                return fetched(self._writer, sql, values)
            except apsw.Error as error:
                raise explained(self.name, error) from error

    def write(self, work: Callable[[apsw.Connection], _T]) -> tuple[_T, int]:
        """Does some work in a transaction that nobody else writes beside, and commits; an exception rolls it back.

        The number is the writer's `data_version`, which stays the same for as long as nobody writes to the file.
        """
        self.check()
        with self._lock:
            self.check()
            if self._writer is None:
                raise UsageError(f"{self.name} was opened for reading only; open it for writing to append")

            def checked(writer: apsw.Connection) -> _T:
                done = work(writer)
                self._check_file(to_write=True)
                return done

            try:
                return _committed(self._writer, checked), self._writer.data_version()
            except apsw.Error as error:
                raise explained(self.name, error) from error

    def probe(self, read: Callable[[apsw.Connection], _T], patience_s: float) -> _T:
        """Reads while it could write, on a connection of its own, and writes nothing."""
        self.check()
        if self._writer is None:
            raise UsageError(f"{self.name} was opened for reading only; open it for writing to append")
        if not self._uri:
            with self._lock:
                return read(self._writer)
        self._check_file()
        try:
            connection = _connected(self._uri, patience_s=patience_s)
            try:
                connection.execute("BEGIN IMMEDIATE")
                return read(connection)
            finally:
                connection.close(force=True)  # which rolls back
        except apsw.Error as error:
            raise explained(self.name, error, patience_s) from error

    def close(self) -> None:
        """Ends every connection; the last to go leaves a single file. In the child of a fork it does nothing."""
        if self._pid != os.getpid():
            return
        self.closed = True
        try:
            with self._lock:
                self._close_idle()
                self._checkpoints.wait()
                if self._writer is not None:
                    self._writer.close()
        except apsw.Error as error:
            raise explained(self.name, error) from error

    def check(self) -> None:
        """Refuses what is closed, and what came into this process by a fork."""
        if self._pid != os.getpid():
            raise UsageError(f"{self.name} was opened before a fork; open it again in the new process")
        if self.closed:
            raise UsageError(f"{self.name} is closed; open it again")

    def _taken(self) -> apsw.Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return self._open_reader()

    def _close_idle(self) -> None:
        with suppress(IndexError):  # until there are no more
            while True:
                self._idle.pop().close()

    def _check_file(self, *, to_write: bool = False) -> None:
        """Refuses what is no longer the file at its path: what is written to that is lost, and its log is not ours.

        A file with two names has two logs, and each name a history of its own: nothing is written to one.
        """
        if self.file is None:
            return
        found = None
        try:
            found = os.stat(self.file)
        except (FileNotFoundError, NotADirectoryError):
            pass
        except OSError:  # who may not look, or cannot just now, knows nothing against it
            return
        if found is None or _identity(found) != self._is:
            gone = "is gone" if found is None else "is another file"
            raise IntegrityError(
                f"{self.name} {gone} since it was opened, and is neither read nor written any more; open it again"
            )
        if to_write and found.st_nlink > 1:
            raise IntegrityError(
                f"{self.name} has {found.st_nlink} names (hard links), and is torn apart once it is written to by two;"
                " nothing was written: copy it to a file of its own"
            )

    def _open_writer(self, may_create: bool) -> apsw.Connection:
        writer = _connected(self._uri, apsw.SQLITE_OPEN_CREATE if may_create else 0)
        with _closed_on_failure(writer):
            if writer.readonly("main"):
                raise apsw.ReadOnlyError
            if may_create:
                _create(writer)
            _check_marks(self.name, writer)
            _keep_log(writer)
            writer.pragma("synchronous", "full")
            writer.pragma("cache_size", -32_000)
            writer.pragma("journal_size_limit", 64 * 1024 * 1024)
            self._checkpoints.keep_short(writer)
        return writer

    def _open_reader(self) -> apsw.Connection:
        # Opened to write, where that is allowed: a connection that may not write leaves the log's files behind.
        reader = _connected(self._uri)
        with _closed_on_failure(reader):
            reader.pragma("query_only", True)
        return reader

    def _first_reader(self, file: str) -> apsw.Connection:
        try:
            return self._checked_reader()
        except (apsw.CantOpenError, apsw.ReadOnlyError):
            # Nothing may be written beside the file, not even the index of its log: see whether it can do without.
            _refuse_logs(self.name, file)
        except (apsw.IOError, apsw.FullError) as error:
            if _has_room(file):
                raise
            told = f"{self.name} cannot be read: its disk is full, and to read it takes some bytes beside it"
            raise Unavailable(f"{told}; make room there") from error
        self._uri += "?immutable=1"  # from here on, what others might yet write is not looked for
        return self._checked_reader()

    def _checked_reader(self) -> apsw.Connection:
        reader = self._open_reader()
        with _closed_on_failure(reader):
            _check_marks(self.name, reader)
        return reader


def inspect(name: str, file: str, may_create: bool) -> None:
    """Refuses what is no ledger, and what is not there unless it may be created; writes nothing."""
    log = _size(f"{file}-wal")  # first: a ledger that is being made at this moment has its file before its log
    try:
        found = os.stat(file)
    except FileNotFoundError:
        found = None
    if found is None or (found.st_size == 0 and stat.S_ISREG(found.st_mode)):
        _inspect_nothing(name, file, log, may_create)
    elif stat.S_ISDIR(found.st_mode):
        raise UsageError(f"{name} is a directory; give the path of a file in it, such as {name.rstrip('/')}/claims.db")
    elif not stat.S_ISREG(found.st_mode):
        raise IntegrityError(f"{name} is no ledger: it is no regular file; {_ELSEWHERE}")
    else:
        header = _header(file)
        if not any(header) and _size(f"{file}-journal"):  # its creation was cut off, and SQLite will undo it
            _inspect_nothing(name, file, log, may_create)
            return
        if not header.startswith(b"SQLite format 3\0"):
            raise IntegrityError(f"{name} is no ledger: it is no SQLite file; {_ELSEWHERE}")
        _check_mark(name, *struct.unpack_from(">i4xi", header, 60))


def fetched(connection: apsw.Connection, sql: str, values: Sequence[Any] = ()) -> list[Any]:
    """All rows of a query."""
    return connection.execute(sql, values).fetchall()


def explained(name: str, error: apsw.Error, patience_s: float = _PATIENCE_S) -> LedgerError:
    """What an error of SQLite's means for a ledger, and what a person can do about it."""
    match error:
        case apsw.FullError():
            return Unavailable(f"{name} is full, nothing was written; make room where it is kept, then repeat")
        case apsw.BusyError() | apsw.LockedError():
            locked = f"has been locked by another process for {patience_s:.0f} s; repeat when that has ended"
            return Unavailable(f"{name} {locked}")
        case apsw.ReadOnlyError():
            text = "cannot be written: the file or its directory is read-only; open it for reading only, or copy it"
        case apsw.CantOpenError() | apsw.PermissionsError() | apsw.AuthError():
            text = "cannot be opened; see that you may read and write the file and its directory"
        case apsw.CorruptError() | apsw.NotADBError():
            return IntegrityError(f"{name} is damaged ({error}); restore it from a backup")
        case apsw.SQLError() if "no such table" in str(error) or "no such column" in str(error):
            return IntegrityError(f"{name} is damaged ({error}); restore it from a backup")
        case apsw.ConnectionClosedError():
            return UsageError(f"{name} is closed; open it again")
        case apsw.IOError():
            unsure = "whether an append that ended so is there, a repeat tells"
            return Unavailable(f"{name} cannot be read or written ({error}); {unsure}")
        case _:
            text = f"failed: {error}"
    return LedgerError(f"{name} {text}")


class _Patience:
    """Waits for a lock in short naps of random length: whoever waits asks as often as anybody else."""

    def __init__(self, patience_s: float = _PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._until = 0.0

    def __call__(self, tries: int) -> bool:
        now = time.monotonic()
        if tries == 0:
            self._until = now + self._patience_s
        time.sleep(random.uniform(0.000_1, 0.001))  # noqa: S311
        return now < self._until


def _connected(uri: str, flags: int = 0, patience_s: float = _PATIENCE_S) -> apsw.Connection:
    connection = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_URI | flags)
    connection.set_busy_handler(_Patience(patience_s))
    connection.config(apsw.SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    connection.pragma("fullfsync", True)  # where a sync ends before the disk is done (macOS), and nowhere else
    return connection


@contextmanager
def _closed_on_failure(connection: apsw.Connection) -> Iterator[None]:
    try:
        yield
    except BaseException:
        connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)  # what is refused stays as it was
        connection.close(force=True)
        raise


def _committed(writer: apsw.Connection, work: Callable[[apsw.Connection], _T]) -> _T:
    writer.execute("BEGIN IMMEDIATE")
    try:
        result = work(writer)
        writer.execute("COMMIT")
    except BaseException:
        if writer.in_transaction:  # a full disk, for one, has rolled back already
            writer.execute("ROLLBACK")
        raise
    return result


def _create(writer: apsw.Connection) -> None:
    """Makes an empty file a ledger, once, whoever else is doing the same."""

    def make(writer: apsw.Connection) -> None:
        if not fetched(writer, "SELECT 1 FROM sqlite_schema LIMIT 1"):
            writer.execute(_SCHEMA)

    if writer.pragma("application_id") != APPLICATION_ID:
        _committed(writer, make)


def _keep_log(writer: apsw.Connection) -> None:
    """Switches the write-ahead log on; SQLite asks nobody for patience here when another process is at it too."""
    patience = _Patience()
    for tries in count():
        try:
            writer.pragma("journal_mode", "wal")
            return
        except apsw.BusyError:
            if not patience(tries):
                raise


def _inspect_nothing(name: str, file: str, log: int, may_create: bool) -> None:
    if log:
        raise IntegrityError(
            f"{name} is gone, but {file}-wal still holds records of it; bring the file back, or move that one away"
        )
    if not may_create:
        raise NotFound(f"there is no ledger at {name}; create one with `claims init`, or give the path of yours")
    if not os.path.isdir(os.path.dirname(file)):
        raise LedgerError(f"{name} cannot be created: {os.path.dirname(file)} is no directory; create that first")


def _refuse_logs(name: str, file: str) -> None:
    for log in (f"{file}-wal", f"{file}-journal"):
        if _size(log):
            raise LedgerError(
                f"{name} cannot be read here: its last records are in {log}, and reading that takes a directory that"
                " may be written; copy both files to one"
            )


def _header(file: str) -> bytes:
    # Through SQLite, because closing a descriptor of our own would drop every lock of this process on the file.
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    connection = apsw.Connection(_uri(file) + "?immutable=1", flags=flags)
    try:
        return connection.read("main", 0, 0, 100)[1]
    finally:
        connection.close()


def _check_marks(name: str, connection: apsw.Connection) -> None:
    """Looks once more, now that the log can be read too: it may know better than the file."""
    if not fetched(connection, "SELECT 1 FROM sqlite_schema LIMIT 1"):
        raise NotFound(f"there is no ledger in {name}, which is empty; create one with `claims init`")
    _check_mark(name, connection.pragma("user_version"), connection.pragma("application_id"))


def _check_mark(name: str, version: int, application_id: int) -> None:
    if application_id != APPLICATION_ID:
        raise IntegrityError(f"{name} is no ledger: it is an SQLite file of another program; {_ELSEWHERE}")
    if version > SCHEMA_VERSION:
        raise NewerVersion(
            f"{name} was written by a later version of this package (its layout is {version}, this one knows"
            f" {SCHEMA_VERSION}); upgrade claim-ledger to open it"
        )
    if version < 1:
        raise IntegrityError(f"{name} is damaged: it gives its layout as {version}; restore it from a backup")


def _has_room(file: str) -> bool:
    """Whether the index of a log would find room beside a file."""
    try:
        disk = os.statvfs(os.path.dirname(file))
    except OSError:
        return True
    return disk.f_bavail * disk.f_frsize >= _INDEX


def _identity(found: os.stat_result) -> tuple[int, int]:
    """By what a file is known, wherever it stands."""
    return found.st_dev, found.st_ino


def _uri(file: str) -> str:
    return "file:" + quote(os.fsencode(file))


def _size(file: str) -> int:
    try:
        return os.stat(file).st_size
    except FileNotFoundError:
        return 0
