"""Where do all claims stand? The board, a row a claim, whole or page by page."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any, Final, TypeVar

import click
import msgspec

from ledger import Assessment, Ledger, LedgerError
from ledger.visible import visible
from projections import status, words
from projections.board import Board, Row
from projections.dossier import Dossier
from projections.part import Part, Wanted, folded, viewed
from projections.views import ORDERS, Views, beside
from projections.words import cuts_line

from . import render
from .ndjson import progress
from .options import cores, for_reading
from .render import Column, Screen, wrap

F = TypeVar("F", bound=Callable[..., Any])
_COLUMNS: Final = (
    Column("claim", shrink=True, least=20),
    Column("stands"),
    Column("own words"),
    Column("assessed", shrink=True, least=12),
    Column("flags"),
)
_FEW: Final = 200
"""Of so many claims each is asked who assessed it; of more, all records are, once."""
_OPTIONS: Final = (
    click.option("--order", type=click.Choice(ORDERS), default="id", help="Default: id. By last change, or by acts."),
    click.option("--status", "statuses", multiple=True, metavar="STATUS", help="Claims of this status, or another."),
    click.option("--flag", "flags", multiple=True, metavar="FLAG", help="Claims with this flag, and every other."),
    click.option("--kind", "kinds", multiple=True, metavar="KIND", help="factual, predictive or normative."),
    click.option("--source", metavar="SOURCE", help="Claims on which an act has this source in its chain."),
    click.option("--changed-since", metavar="T", help="Claims about which anything was recorded then, or later."),
    click.option("--changed-until", metavar="T", help="Claims about which nothing was recorded later."),
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
    """Prints the board, or a part of it; from the view beside the ledger, where there is one or it takes one."""
    with for_reading(db) as ledger:
        part = _viewed_if_possible(ledger, as_of, said_by, wanted) or folded(
            ledger, wanted, as_of=as_of, said_by=said_by
        )
        if form == "json":
            render.data(part.json(wanted))
        elif form == "ndjson":
            for row in part.board.claims:
                render.data(msgspec.json.encode(row))
        else:
            render.show(_table(ledger, part, Screen.here()))
    if part.following is not None and form != "json":
        click.echo(f"more: --cursor {visible(part.following)}", err=True)


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
    with Views.open(ledger) as view:
        with progress("reading the records", ledger.head) as advance:
            view.catch_up(workers=cores(), progress=advance)
        return viewed(view, wanted, as_of=at, said_by=said_by)


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
        wrap(legend if found.claims else _NONE if total else _NONE_YET, screen.columns),
        wrap(f"of {words.count(total, 'claim')}: {counted}", screen.columns) if total else iter(()),
        wrap(cuts_line(found.as_of, found.said_by, found.rules), screen.columns),
    )


_NONE_YET: Final = "no claims here; `claims register` registers one"
_NONE: Final = "no claims like that"


def rows(ledger: Ledger, found: Board, screen: Screen) -> Iterator[str]:
    """The rows of a board under their heads."""
    if found.claims:
        assessed = _assessments(ledger, found)
        yield from render.table(_COLUMNS, (_cells(row, assessed.get(row.claim, "")) for row in found.claims), screen)


def _assessments(ledger: Ledger, found: Board) -> dict[str, str]:
    """What counting assessments say of the claims of a board, asked only where a claim or what is the same has any."""
    cuts: dict[str, Any] = {"as_of": found.as_of.position, "said_by": found.said_by}
    claims = [row.claim for row in found.claims]
    if len(claims) > _FEW:
        weighed = ledger.state(_Assessed, as_of=found.as_of.position)
        claims = [claim for claim in claims if claim in weighed]
    return {claim: words.verdicts(ledger.state(status, claim, **cuts).assessments) for claim in claims}


class _Assessed:
    """A projection: the claims on which, or on what is the same or its negation, anybody's assessment bears."""

    @staticmethod
    def initial(question: Any) -> Dossier:
        return Dossier(question)

    @staticmethod
    def evolve(state: Dossier, record: Any) -> Dossier:
        state.evolve(record)
        return state

    @staticmethod
    def answer(state: Dossier) -> set[str]:
        register = state.settle()
        named = {c for r in register.utterances if isinstance(r.event, Assessment) for c in r.event.claims}
        return {member for claim in named for member in register.reach.signs(claim)}


def _cells(row: Row, assessed: str) -> list[str]:
    own = row.own_words if row.own_words != row.status else ""
    stands = words.headline(row.status, row.support, row.opposition, "")
    return [row.claim, stands, own, assessed, str(len(row.flags) or "")]
