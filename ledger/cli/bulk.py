"""Whole files in and out: append NDJSON events, export records, import what was exported.

Every line of a file is read and checked before the first is written; then 1,000 at a time, each thousand all or none.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Any, Final, NamedTuple, TypeVar

import click
import msgspec

from ledger import Entry, InvalidEvent, Ledger, LedgerError, NotFound, Receipt, Refused, UsageError, intake, when
from ledger.ledger import MAX_BATCH

from . import complain
from .options import at_ledger, for_checking, for_reading
from .words import count

T = TypeVar("T")
_MARKS: Final = (
    (b"\xef\xbb\xbf", "begins with a byte order mark; take it out (`tail -c +4 FILE`)"),
    (b"\xff\xfe", "is UTF-16; convert it (`iconv -f UTF-16 -t UTF-8 FILE`)"),
    (b"\xfe\xff", "is UTF-16; convert it (`iconv -f UTF-16 -t UTF-8 FILE`)"),
)


class Line(NamedTuple):
    """A line of a file: its number from 1, its bytes without the line end, and how many bytes it has."""

    number: int
    data: bytes
    size: int


class Faults:
    """What is wrong with which lines."""

    def __init__(self) -> None:
        self._found: list[tuple[int, LedgerError]] = []

    def add(self, number: int, error: LedgerError) -> None:
        """Notes the error of a line."""
        self._found.append((number, error))

    def end(self) -> None:
        """Tells every one of them, in the order in which they were read, and ends with the code of the first."""
        if not self._found:
            return
        for number, error in self._found:
            complain(f"line {number}: {error}")
        complain(f"{count(len(self._found), 'bad line')}; nothing was written")
        sys.exit(self._found[0][1].exit_code)


@click.command("append")
@click.argument("file", type=click.File("rb"))
@click.option("--dry-run", is_flag=True, help="Check every line, and write nothing.")
@click.option("--register", is_flag=True, help="Register claims that are not.")
@click.option(
    "--recorded-by", metavar="NAME", help="Who records lines that do not say so. Default: the user of this process."
)
@at_ledger
def append_command(db: str, file: IO[bytes], dry_run: bool, register: bool, recorded_by: str | None) -> None:
    """Append events from FILE (- for stdin): one JSON object a line, as `claims schema` has it.

    Beside its fields an event may bring its `id` and `recorded_by`. Every line is checked first; where any is bad,
    each is told with its number, and nothing is written. The receipts go to stdout, a JSON object a line.
    """
    numbers: list[int] = []
    entries: list[Entry] = []
    faults = Faults()
    with for_checking(db, recorded_by) as ledger:
        good = _noted(_read(file, intake.entry, faults), numbers, entries)
        for error in ledger.check(good, register=register):
            faults.add(numbers[error.index or 0], error)
    faults.end()
    if dry_run or not entries:
        click.echo(f"{count(len(entries), 'good line')}; nothing was written", err=True)
        return
    with Ledger.open(db, recorded_by=recorded_by) as ledger:
        _append(ledger, numbers, entries, register)


@click.command("export")
@click.argument("file", default="-")
@at_ledger
def export_command(db: str, file: str) -> None:
    """Write every record to FILE (default: stdout) as NDJSON, with its id and times, oldest first."""
    with for_reading(db) as ledger:
        if file == "-":
            written = _write(ledger, sys.stdout.buffer)
        else:
            with _replacing(Path(file)) as stream:
                written = _write(ledger, stream)
        if file != "-":
            click.echo(f"{count(written, 'record')} exported", err=True)


@click.command("import")
@click.argument("file", type=click.File("rb"))
@at_ledger
def import_command(db: str, file: IO[bytes]) -> None:
    """Take in FILE (- for stdin) as `claims export` wrote it, with its ids and times.

    Records that are here already are passed over. A record older than the ledger's last is refused: a backfill goes
    into a new ledger.
    """
    faults = Faults()
    numbers: list[int] = []
    records: list[tuple[Entry, int]] = []
    with for_checking(db) as ledger:
        read = _in_order(ledger, _read(file, intake.record, faults), faults)
        for error in ledger.check(entry for entry, _ in _noted(read, numbers, records)):
            faults.add(numbers[error.index or 0], error)
    faults.end()
    new = there = 0
    with Ledger.open(db) as ledger:
        try:
            for receipt in ledger.load(records):
                new, there = new + (not receipt.replayed), there + receipt.replayed
        except LedgerError as error:
            raise _of_line(error, numbers, new) from error
    click.echo(f"{new:,} new, {there:,} already there", err=True)


def _read(file: IO[bytes], reader: Callable[[bytes], T], faults: Faults) -> Iterator[tuple[int, T]]:
    """What a reader makes of each line, with its number; what it cannot read goes to the faults."""
    for line in _lines(file):
        try:
            if line.size > intake.MAX_LINE_BYTES:
                raise InvalidEvent(
                    f"the line has {line.size:,} bytes, more than {intake.MAX_LINE_BYTES:,}; "
                    "split the act or shorten its texts"
                )
            yield line.number, reader(line.data)
        except InvalidEvent as error:
            faults.add(line.number, error)


def _lines(file: IO[bytes]) -> Iterator[Line]:
    """Every line that is not blank; no more of a line is held than an event may have."""
    number = 0
    while data := file.readline(intake.MAX_LINE_BYTES + 2):
        number += 1
        if number == 1:
            _check_encoding(data)
        size = len(data)
        if not data.endswith(b"\n") and size == intake.MAX_LINE_BYTES + 2:
            while (more := file.readline(1 << 16)) and not more.endswith(b"\n"):
                size += len(more)
            size += len(more.rstrip(b"\r\n"))
        data = data.rstrip(b"\r\n")
        if data.strip():
            yield Line(number, data, size if size > intake.MAX_LINE_BYTES + 2 else len(data))


def _check_encoding(start: bytes) -> None:
    for mark, reason in _MARKS:
        if start.startswith(mark):
            raise InvalidEvent(f"line 1: the file {reason}; NDJSON is plain UTF-8")
    if b"\0" in start[:4]:
        raise InvalidEvent("line 1: the file has NUL bytes, as UTF-16 and UTF-32 do; NDJSON is plain UTF-8")


def _noted(read: Iterable[tuple[int, T]], numbers: list[int], items: list[T]) -> Iterator[T]:
    for number, item in read:
        numbers.append(number)
        items.append(item)
        yield item


def _in_order(
    ledger: Ledger, read: Iterable[tuple[int, tuple[Entry, int]]], faults: Faults
) -> Iterator[tuple[int, tuple[Entry, int]]]:
    """The same, where a record that is older than the one above it, or than a ledger it is new to, is a fault."""
    head_us = _head_us(ledger)
    last_us = None
    for number, (entry, recorded_us) in read:
        if last_us is not None and recorded_us < last_us:
            faults.add(number, InvalidEvent("recorded before the line above it; an export is in order", "/recorded_at"))
        elif recorded_us < head_us and not _holds(ledger, entry):
            faults.add(
                number, Refused(f"{entry.id!r} is older than what {ledger.name} holds; import into a new ledger")
            )
        last_us = recorded_us if last_us is None else max(last_us, recorded_us)
        yield number, (entry, recorded_us)


def _head_us(ledger: Ledger) -> int:
    recorded_at = ledger.question().as_of.recorded_at
    return 0 if recorded_at is None else when.micros(datetime.fromisoformat(recorded_at))


def _holds(ledger: Ledger, entry: Entry) -> bool:
    try:
        return ledger.record(entry.id or "").position > 0
    except NotFound:
        return False


def _append(ledger: Ledger, numbers: list[int], entries: list[Entry], register: bool) -> None:
    out = sys.stdout.buffer
    written = there = 0
    heard = True
    for start in range(0, len(entries), MAX_BATCH):
        try:
            receipts = ledger.append_all(entries[start : start + MAX_BATCH], register=register)
        except LedgerError as error:
            raise _of_line(error, numbers[start:], written) from error
        there += sum(receipt.replayed for receipt in receipts)
        written += sum(not receipt.replayed for receipt in receipts)
        if heard:
            try:
                out.writelines(map(_receipt, numbers[start:], receipts))
                out.flush()
            except BrokenPipeError:  # nobody reads the receipts: the events are appended all the same
                heard = False
    click.echo(f"{written:,} new, {there:,} already there", err=True)


def _receipt(number: int, receipt: Receipt) -> bytes:
    line = {"line": number, "id": receipt.id, "position": receipt.position, "replayed": receipt.replayed}
    return msgspec.json.encode(line) + b"\n"


def _of_line(error: LedgerError, numbers: list[int], written: int) -> LedgerError:
    """The same error, told of its line and of what was written before it."""
    told = LedgerError(
        (f"line {numbers[error.index]}: " if error.index is not None else "")
        + f"{error}; {count(written, 'event')} before it {'was' if written == 1 else 'were'} written"
    )
    told.exit_code = error.exit_code
    return told


def _write(ledger: Ledger, out: Any) -> int:
    count = 0
    for _, stored in ledger.stored():
        out.write(stored + b"\n")
        count += 1
    out.flush()
    return count


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
            stream.close()
            umask = os.umask(0)
            os.umask(umask)
            made.chmod(stat.S_IMODE(found.st_mode) if found else 0o666 & ~umask)
            made.replace(target)
        except BaseException:
            made.unlink()
            raise
