"""Many events at once: append NDJSON, one event a line.

Every line of a file is read and checked before the first is written; then 1,000 at a time, each thousand all or none.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from operator import itemgetter
from typing import IO, TypeVar

import click
import msgspec

from ledger import Entry, Ledger, LedgerError, Receipt, intake
from ledger.batch import MAX_BATCH
from projections.words import count

from . import complain
from .ndjson import Lines, read
from .options import at_ledger, for_checking, unprinted

T = TypeVar("T")


class Faults:
    """What is wrong with which lines."""

    def __init__(self) -> None:
        self._found: list[tuple[int, LedgerError]] = []

    def add(self, number: int, error: LedgerError) -> None:
        """Notes the error of a line."""
        self._found.append((number, error))

    def end(self) -> None:
        """Tells every one of them, in the order of their lines, and ends with the code of the first."""
        if not self._found:
            return
        self._found.sort(key=itemgetter(0))  # what is no event is noticed before what may not be appended
        for number, error in self._found:
            told = str(error)
            at = "" if told.startswith(f"{error.pointer}: ") or not error.pointer else f"{error.pointer}: "
            complain(f"line {number}: {at}{told}")
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
    """Append events from FILE (- for stdin): one JSON object a line, as `claims schema` has it; .gz and .zst, too.

    Beside its fields an event may bring its `id` and `recorded_by`. Every line is checked first; where any is bad,
    each is told with its number, nothing is written, and the exit code is that of the first of them in the file. The
    receipts go to stdout, a JSON object a line.
    """
    numbers: list[int] = []
    entries: list[Entry] = []
    faults = Faults()
    with for_checking(db, recorded_by) as ledger:
        good = _noted(read(Lines(file), intake.entry, faults.add), numbers, entries)
        for error in ledger.check(good, register=register):
            faults.add(numbers[error.index or 0], error)
    faults.end()
    if dry_run or not entries:
        click.echo(f"{count(len(entries), 'good line')}; nothing was written", err=True)
        return
    with Ledger.open(db, recorded_by=recorded_by) as ledger:
        _append(ledger, numbers, entries, register)


def _noted(read: Iterable[tuple[int, T]], numbers: list[int], items: list[T]) -> Iterator[T]:
    for number, item in read:
        numbers.append(number)
        items.append(item)
        yield item


def _append(ledger: Ledger, numbers: list[int], entries: list[Entry], register: bool) -> None:
    out = sys.stdout.buffer
    written = there = 0
    unheard: OSError | None = None
    for start in range(0, len(entries), MAX_BATCH):
        try:
            receipts = ledger.append_all(entries[start : start + MAX_BATCH], register=register)
        except LedgerError as error:
            raise _of_line(error, numbers[start:], written) from error
        there += sum(receipt.replayed for receipt in receipts)
        written += sum(not receipt.replayed for receipt in receipts)
        if unheard is None:
            try:
                out.writelines(map(_receipt, numbers[start:], receipts))
                out.flush()
            except OSError as error:  # nobody reads the receipts, or can: the events are appended all the same
                unheard = error
    done = f"{written:,} new, {there:,} already there"
    if unheard is not None and not isinstance(unheard, BrokenPipeError):
        raise unprinted(unheard, f"{done}: the same file again writes nothing where it brings ids")
    click.echo(done, err=True)


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
