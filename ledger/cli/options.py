"""What do the commands share? The ledger they are about, the cuts, the form of the answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, get_args

import click

from ledger import Ledger, LedgerError, NotFound, UsageError
from ledger.batch import Receipt
from ledger.ledger import is_url
from ledger.visible import visible

if TYPE_CHECKING:
    from ledger.client import RemoteLedger

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT_DB = "claims.db"


class Words(click.Choice[str]):
    """A choice among the words of the vocabulary, which may be typed with hyphens for underscores."""

    def __init__(self, words: object) -> None:
        super().__init__([str(word) for word in (words if isinstance(words, tuple) else get_args(words))])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The word as the vocabulary spells it."""
        return super().convert(value.replace("-", "_") if isinstance(value, str) else value, param, ctx)


def at_ledger(command: F) -> F:
    """Gives a command `db`: what --db says here or before the command, else CLAIMS_DB, else ./claims.db."""
    return _db(command, "PATH|URL", "The ledger, or a service that has it.")


def at_file(command: F) -> F:
    """The same, for a command that takes the ledger's file (see `file_of`)."""
    return _db(command, "PATH", "The ledger's file; no service's URL.")


def _db(command: F, metavar: str, what: str) -> F:
    def chosen(ctx: click.Context, _: click.Parameter, value: str | None) -> str:
        return value or ctx.find_object(str) or os.environ.get("CLAIMS_DB") or DEFAULT_DB

    told = f"{what} Default: $CLAIMS_DB, else ./claims.db."
    return click.option("--db", metavar=metavar, callback=chosen, help=told)(command)


def with_cuts(command: F) -> F:
    """Gives a command `as_of` and `said_by`."""
    command = click.option(
        "--said-by", metavar="T", help="What had been said in the world by then: 2024-10-09, 2024-10-09T12:00:00Z …"
    )(command)
    return click.option(
        "--as-of", metavar="T", help="What the ledger had recorded by then: a position, an event id, or a time."
    )(command)


def in_format(*formats: str) -> Callable[[F], F]:
    """Gives a command `form`: one of these, the first by default; --json is short for --format json."""

    def decorate(command: F) -> F:
        @wraps(command)
        def formed(*args: Any, form: str | None, as_json: bool, **rest: Any) -> Any:
            if as_json and form not in (None, "json"):
                raise click.UsageError(f"--json and --format {form} exclude each other; give one")
            return command(*args, form="json" if as_json else form or formats[0], **rest)

        short = click.option("--json", "as_json", is_flag=True, help="Short for --format json.")(formed)
        choice = click.option("--format", "form", type=click.Choice(formats), help=f"Default: {formats[0]}.")
        return choice(short)  # type: ignore[return-value]

    return decorate


@contextmanager
def for_checking(db: str, recorded_by: str | None = None) -> Iterator[Ledger]:
    """Opens the ledger to check against; an empty one in memory where there is none, so that no file is created."""
    try:
        ledger = Ledger.open(db, read_only=True, create=False, recorded_by=recorded_by)
    except NotFound:
        ledger = Ledger.open(":memory:", recorded_by=recorded_by)
    with ledger:
        yield ledger


def for_reading(db: str) -> Ledger:
    """Opens a ledger that must be there, and leaves it as it is."""
    return Ledger.open(db, read_only=True, create=False)


def at_service(ledger: Ledger) -> RemoteLedger | None:
    """The ledger, where a service has it; None where it is a file."""
    if not is_url(ledger.name):
        return None
    from ledger.client import RemoteLedger  # only for who has one

    assert isinstance(ledger, RemoteLedger)
    return ledger


def file_of(db: str) -> str:
    """The same, for what takes the ledger's file. Raises UsageError where a service has it."""
    if is_url(db):
        raise UsageError(f"this takes the ledger's file, which only the machine of {db} has; run it there")
    return db


def receipt_line(receipt: Receipt) -> str:
    """Where an event went, for people."""
    at = receipt.recorded_at.strftime("%Y-%m-%d %H:%M:%SZ")
    where = f"{visible(receipt.id)} at position {receipt.position}, recorded {at}"
    return f"{where} (it stood there already; nothing was written)" if receipt.replayed else where


@contextmanager
def told(what: str) -> Iterator[None]:
    """Where what is printed cannot be, says so, and what was done all the same."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise unprinted(error, what) from error


def unprinted(error: OSError, what: str) -> LedgerError:
    """Why nothing can be printed, and what was done all the same."""
    return LedgerError(f"stdout cannot be written ({error.strerror or error}); {what}")


def cores() -> int:
    """How many cores this process is given; not every system tells."""
    given: set[int] = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    return len(given) or os.cpu_count() or 1
