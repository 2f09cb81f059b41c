"""Whole ledgers, out and in again: export writes the stored bytes, import takes them in with their ids and times.

Both stream: a ledger of any size in bounded memory. An import goes in by the thousand, each thousand all or none; what
is there already is passed over, so the same file again takes up an import that was cut off, and finds one that was not.
"""

from __future__ import annotations

import os
import stat
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any

import click

from ledger import Entry, InvalidEvent, Ledger, LedgerError, NotFound, UsageError, intake, records
from ledger.batch import MAX_BATCH, TooOld
from projections.words import count

from . import render
from .ndjson import Line, Lines, compressed, progress
from .options import at_file, at_ledger, file_of, for_reading

#: What the files beside a ledger's own end in, or begin with after its name.
_OWN = ("-wal", "-shm", "-journal", ".tokens", ".views")


@click.command("export")
@click.argument("file", default="-")
@at_ledger
def export_command(db: str, file: str) -> None:
    """Write every record to FILE (default: stdout) as NDJSON, with its id and times, oldest first.

    FILE is compressed where its name ends in .gz or .zst.
    """
    with for_reading(db) as ledger:
        if file == "-" and sys.stdout.isatty():
            for _, stored in records.sound(ledger.whole()):
                render.data(stored)  # escaped, as anything that others wrote
            return
        if file == "-":
            _write(ledger, sys.stdout.buffer)
            return
        _refuse_own(ledger, file)
        try:
            with _replacing(Path(file)) as stream, compressed(stream, file) as packed:
                written = _write(ledger, packed)
        except BrokenPipeError:  # FILE is a pipe, and whoever reads it has read enough
            raise
        except OSError as error:  # a full disk, for one
            raise LedgerError(f"{file} cannot be written: {error.strerror or error}; nothing was exported") from error
        click.echo(f"{count(written, 'record')} exported", err=True)


@click.command("import")
@click.argument("file", type=click.File("rb"))
@at_file
def import_command(db: str, file: IO[bytes]) -> None:
    """Take in FILE (- for stdin) as `claims export` wrote it, with its ids and times; plain, .gz or .zst.

    It goes in by the thousand, each thousand all or none. Records that are here already are passed over, so an import
    that was cut off goes on with the same file. The first bad line ends it, and nothing of its thousand is written. A
    record older than the ledger's last is refused: a backfill goes into a new ledger.
    """
    file_of(db)
    lines = Lines(file)
    numbers = _Numbers()
    exported = _read(lines, numbers)
    new = there = 0
    ledger: Ledger | None = None
    try:
        with progress("importing", lines.size) as advance:
            first = next(exported, [])
            ledger = _opened(db, first) if first else None
            receipts = iter(()) if ledger is None else ledger.load(chain(first, chain.from_iterable(exported)))
            at = 0
            while some := list(islice(receipts, MAX_BATCH)):
                replayed = sum(receipt.replayed for receipt in some)
                new, there = new + len(some) - replayed, there + replayed
                if lines.size is not None:
                    advance(lines.at - at)
                    at = lines.at
    except LedgerError as error:
        raise _of_line(error, numbers, new) from error
    finally:
        if ledger is not None:
            ledger.close()
    click.echo(f"{new:,} new, {there:,} already there" + ("" if new else "; nothing was written"), err=True)


class _Numbers:
    """On which lines the last records stood: no error is about one that came long before."""

    def __init__(self) -> None:
        self.noted = 0
        self._last: deque[int] = deque(maxlen=4 * MAX_BATCH)

    def note(self, lines: Sequence[Line]) -> None:
        """The lines of the next records."""
        self._last.extend([line.number for line in lines])
        self.noted += len(lines)

    def __getitem__(self, index: int) -> int:
        """The number of the line of a record, these counted from 0."""
        return self._last[index - self.noted]


def _read(lines: Lines, numbers: _Numbers) -> Iterator[list[tuple[Entry, int]]]:
    """The records of an export by the thousand, the numbers of their lines noted. Raises the error of the first bad
    line."""
    stream = iter(lines)
    fault: LedgerError | None = None
    while fault is None:
        thousand: list[Line] = []
        try:
            thousand.extend(islice(stream, MAX_BATCH))  # what was read before a fault stays there
        except LedgerError as error:
            fault = error
        if thousand:
            read = _records(thousand, numbers)
            if fault is None:
                yield read
        elif fault is None:
            return
    raise fault


def _records(lines: list[Line], numbers: _Numbers) -> list[tuple[Entry, int]]:
    before = numbers.noted
    numbers.note(lines)
    try:
        return intake.record_all([line.data for line in lines])
    except LedgerError:  # which line it is about is told one by one
        return [_record(line, index) for index, line in enumerate(lines, before)]


def _record(line: Line, index: int) -> tuple[Entry, int]:
    try:
        return line.read(intake.record)
    except LedgerError as error:
        error.index = index
        raise


def _opened(db: str, first: list[tuple[Entry, int]]) -> Ledger:
    """The ledger to import into. Where there is none it is made, unless its first records are refused."""
    try:
        return Ledger.open(db, create=False)
    except NotFound:
        with Ledger.open(":memory:") as rehearsal:
            list(rehearsal.load(first))
        return Ledger.open(db)


def _of_line(error: LedgerError, numbers: _Numbers, written: int) -> LedgerError:
    """The same error, told of its line and of what was written before it."""
    line = f"line {numbers[error.index]}: " if error.index is not None else ""
    done = f"{count(written, 'record')} before it {'was' if written == 1 else 'were'} written" if written else ""
    if isinstance(error, TooOld):  # which says where it goes: not here
        then = ""
    elif error.index is not None or isinstance(error, InvalidEvent):
        then = "; mend it and import the same file again"
    else:
        then = "; import the same file again once that is seen to"
    told = LedgerError(f"{line}{error}; {done or 'nothing was written'}{then}")
    told.exit_code = error.exit_code
    return told


def _write(ledger: Ledger, out: Any) -> int:
    written = 0
    with progress("exporting", ledger.head) as advance:
        for _, stored in records.sound(ledger.whole()):
            out.write(stored + b"\n")
            written += 1
            if written % MAX_BATCH == 0:
                advance(MAX_BATCH)
        advance(written % MAX_BATCH)
    out.flush()
    return written


def _refuse_own(ledger: Ledger, file: str) -> None:
    """Refuses what lies beside the ledger and belongs to it."""
    own = ledger.file
    if own is not None and os.path.realpath(file).startswith(tuple(own + end for end in _OWN)):
        raise UsageError(f"{file} belongs to the ledger {ledger.name}; export to another file")


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """A stream whose content takes the place of a file when all of it is written, never that of a ledger."""
    found = None
    with suppress(FileNotFoundError):
        found = path.stat()
    if found is not None and not stat.S_ISREG(found.st_mode):  # a pipe, a device
        with path.open("wb") as stream:
            yield stream
        return
    if found is not None:
        with path.open("rb") as old:
            if old.read(16) == b"SQLite format 3\0":
                raise UsageError(f"{path} is a database, perhaps a ledger; export to another file")
    target = Path(os.path.realpath(path))
    if not target.parent.is_dir():
        raise UsageError(f"{target.parent} is no directory; create it first")
    with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as stream:
        made = Path(stream.name)
        try:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())  # the file that it takes the place of may be the last good one
            stream.close()
            umask = os.umask(0)
            os.umask(umask)
            made.chmod(stat.S_IMODE(found.st_mode) if found else 0o666 & ~umask)
            made.replace(target)
        except BaseException:
            made.unlink()
            raise
