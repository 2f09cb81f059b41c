"""Where do all claims stand? The board, a row a claim, whole or page by page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final, TypeVar

import click
import msgspec

from ledger import Ledger, LedgerError
from ledger.visible import visible
from projections import words
from projections.board import Board, Row
from projections.part import Part, Wanted, asked, folded, viewed
from projections.views import ORDERS, OutOfReach, Views, beside
from projections.weighed import verdicts
from projections.words import cuts_line

from . import render
from .ndjson import progress
from .options import at_service, cores, for_reading
from .render import Column, Screen, wrap

F = TypeVar("F", bound=Callable[..., Any])
_COLUMNS: Final = (
    Column("claim", shrink=True, least=20),
    Column("stands"),
    Column("own words"),
    Column("assessed", shrink=True, least=12),
    Column("flags"),
)
_OPTIONS: Final = (
    click.option("--order", type=click.Choice(ORDERS), default="id", help="Default: id. By last change, or by acts."),
    click.option(
        "--status",
        "statuses",
        multiple=True,
        metavar="STATUS",
        help="Claims of this status. Repeatable: of any of them.",
    ),
    click.option(
        "--flag", "flags", multiple=True, metavar="FLAG", help="Claims with this flag. Repeatable: with all of them."
    ),
    click.option(
        "--kind",
        "kinds",
        multiple=True,
        metavar="KIND",
        help="factual, predictive or normative. Repeatable: of any of them.",
    ),
    click.option("--source", metavar="SOURCE", help="Claims on which an act has this source in its chain."),
    click.option("--changed-since", metavar="T", help="Claims that a record named then, or later."),
    click.option("--changed-until", metavar="T", help="Claims that no record named later."),
    click.option("--search", metavar="WORDS", help="Claims whose text, a quote or a source has all these words."),
    click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many claims."),
    click.option("--cursor", metavar="CURSOR", help="Go on where the last page ended, or after a claim."),
)


def with_board(command: F) -> F:
    """Gives a command `wanted`: a part of the board."""

    @wraps(command)
    def wanting(*args: Any, **rest: Any) -> Any:
        return command(*args, wanted=Wanted(**{field: rest.pop(field) for field in Wanted.__struct_fields__}), **rest)

    for option in reversed(_OPTIONS):
        wanting = option(wanting)
    return wanting  # type: ignore[return-value]


def board_page(db: str, form: str, as_of: str | None, said_by: str | None, wanted: Wanted) -> None:
    """Prints the board, or a part of it; from the view beside the ledger, where there is one or it takes one, or from
    the service that has it."""
    with for_reading(db) as ledger:
        part = _part(ledger, as_of, said_by, wanted)
        if form == "json":
            render.data(part.json(wanted))
        elif form == "ndjson":
            for row in part.board.claims:
                render.data(msgspec.json.encode(row))
        else:
            render.show(_table(ledger, part, Screen.here()))
    if part.following is not None and form != "json":
        click.echo(f"more: --cursor {visible(part.following)}", err=True)


def _part(ledger: Ledger, as_of: str | None, said_by: str | None, wanted: Wanted) -> Part:
    if (served := at_service(ledger)) is not None:
        if as_of is None and wanted.cursor is None:
            as_of = str(ledger.head)  # else it is as of where the view has come to
        return asked(served.ask, wanted, as_of=as_of, said_by=said_by)
    return _viewed_if_possible(ledger, as_of, said_by, wanted) or folded(ledger, wanted, as_of=as_of, said_by=said_by)


def _viewed_if_possible(ledger: Ledger, as_of: str | None, said_by: str | None, wanted: Wanted) -> Part | None:
    if wanted.plain and not os.path.exists(beside(ledger)):
        return None
    try:
        return _viewed(ledger, as_of, said_by, wanted)
    except LedgerError:  # a view that cannot be caught up here, in a folder that may not be written
        if not wanted.plain:
            raise
        return None


def _viewed(ledger: Ledger, as_of: str | None, said_by: str | None, wanted: Wanted) -> Part:
    at = None if as_of is None else ledger.question(as_of=as_of).as_of.position
    with caught_up(ledger) as view:
        return viewed(view, wanted, as_of=at, said_by=said_by)


@contextmanager
def caught_up(ledger: Ledger) -> Iterator[Views]:
    """The view beside a ledger, made where there is none, once it has come as far."""
    with Views.open(ledger, or_in_memory=True) as view:
        catch_up(view, ledger.head, cores())
        yield view


def catch_up(view: Views, head: int, workers: int) -> None:
    """Brings a view to the head of its ledger; makes it anew where one record changes too much of it."""
    try:
        with progress("reading the records", head) as advance:
            view.catch_up(workers=workers, progress=advance)
    except OutOfReach as error:
        click.echo(f"{visible(str(error).partition(';')[0])}: the view is made anew", err=True)
        with progress("replaying", head) as advance:
            view.rebuild(workers=workers, progress=advance)


def _table(ledger: Ledger, part: Part, screen: Screen) -> Iterator[str]:
    found, total = part.board, sum(part.counts.values())
    counted = ", ".join(f"{count:,} {status}" for status, count in part.counts.items() if count)
    legend = (
        "[provable,possible]: how many independent origins stand behind it; where it is disputed, for / against. "
        "own words: where it would stand without what follows from related claims. "
        "`claims status CLAIM --why` explains one claim, flags and all."
    )
    return render.blocks(
        rows(ledger, found, screen),
        wrap(legend if found.claims else _nothing(ledger, found, total), screen.columns),
        wrap(f"of {words.count(total, 'claim')}: {counted}", screen.columns) if total else iter(()),
        wrap(cuts_line(found.as_of, found.said_by, found.rules), screen.columns),
    )


def _nothing(ledger: Ledger, found: Board, total: int) -> str:
    if total:
        return "no claims like that"
    if found.as_of.position or not ledger.head:
        return "no claims here; `claims register` registers one"
    return "nothing was recorded by then (`claims log --limit 1` tells the first); --said-by cuts by when it was said"


def rows(ledger: Ledger, found: Board, screen: Screen) -> Iterator[str]:
    """The rows of a board under their heads."""
    if found.claims:
        assessed = verdicts(ledger, found)
        yield from render.table(_COLUMNS, (_cells(row, assessed.get(row.claim, "")) for row in found.claims), screen)


def _cells(row: Row, assessed: str) -> list[str]:
    own = row.own_words if row.own_words != row.status else ""
    stands = words.headline(row.status, row.support, row.opposition, "")
    return [row.claim, stands, own, assessed, str(len(row.flags) or "")]
