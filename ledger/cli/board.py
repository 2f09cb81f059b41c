"""Where do all claims stand? The board, a row a claim, whole or page by page."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, cast

import click
import msgspec

from ledger import Assessment, Ledger, LedgerError
from projections import board, status
from projections.board import Board, Row
from projections.dossier import Dossier
from projections.status import RULES
from projections.views import Order, Views, beside

from . import render, words
from .options import for_reading
from .render import Column, Screen, wrap
from .words import cuts_line

_COLUMNS: Final = (
    Column("claim", shrink=True, least=20),
    Column("stands"),
    Column("own words"),
    Column("assessed", shrink=True, least=12),
    Column("flags"),
)


class Wanted(NamedTuple):
    """Which part of the board is wanted, and in which order."""

    limit: int | None
    cursor: str | None
    order: str = "id"
    statuses: Sequence[str] = ()
    flags: Sequence[str] = ()

    @property
    def plain(self) -> bool:
        """Whether a fold of all records gives it: every claim, by id."""
        return self.order == "id" and not self.statuses and not self.flags


def board_page(db: str, form: str, as_of: str | None, said_by: str | None, wanted: Wanted) -> None:
    """Prints the board, or a part of it; from the view beside the ledger, where there is one or it takes one."""
    if said_by is not None and not wanted.plain:
        raise click.UsageError("--order, --status and --flag know the knowledge cut alone; leave --said-by out")
    with for_reading(db) as ledger:
        viewed = None
        if said_by is None and (not wanted.plain or os.path.exists(beside(ledger))):
            try:
                viewed = _viewed(ledger, as_of, wanted)
            except LedgerError:  # a view that cannot be caught up here, in a folder that may not be written
                if not wanted.plain:
                    raise
        found, following = viewed or page_of(
            ledger.state(board, as_of=as_of, said_by=said_by), wanted.limit, wanted.cursor
        )
        if form == "json":
            whole: dict[str, Any] = msgspec.to_builtins(found)
            render.data(msgspec.json.encode(whole | ({"next": following} if following else {})))
        elif form == "ndjson":
            for row in found.claims:
                render.data(msgspec.json.encode(row))
        else:
            render.show(board_table(ledger, found, Screen.here()))
    if following is not None and form != "json":
        click.echo(f"more: --cursor {render.visible(following)}", err=True)


def _viewed(ledger: Ledger, as_of: str | None, wanted: Wanted) -> tuple[Board, str | None]:
    at = ledger.question(as_of=as_of).as_of
    by_id = wanted.order == "id"
    cursor = f"0:{wanted.cursor}" if by_id and wanted.cursor is not None else wanted.cursor
    with Views.open(ledger) as view:
        view.catch_up()
        page = view.page(
            order=cast(Order, wanted.order), limit=wanted.limit, cursor=cursor, as_of=at.position,
            status=wanted.statuses, flags=wanted.flags,
        )  # fmt: skip
    following = page.cursor
    if by_id and following is not None:
        following = following.partition(":")[2]
    return Board(as_of=at, said_by=None, rules=RULES, claims=page.rows), following


def page_of(found: Board, limit: int | None, cursor: str | None) -> tuple[Board, str | None]:
    """The part of a board after a claim, and the cursor for what follows it, None where nothing does."""
    rows = [row for row in found.claims if cursor is None or row.claim > cursor]
    shown = rows if limit is None else rows[:limit]
    following = shown[-1].claim if shown and len(shown) < len(rows) else None
    return msgspec.structs.replace(found, claims=shown), following


def board_table(ledger: Ledger, found: Board, screen: Screen) -> Iterator[str]:
    """The board for people."""
    legend = (
        "[provable,possible]: how many independent origins stand behind it; where it is disputed, for / against. "
        "own words: where it would stand without what follows from related claims. "
        "`claims status CLAIM --why` explains one claim, flags and all."
    )
    return render.blocks(
        rows(ledger, found, screen),
        wrap(legend if found.claims else "no claims here; `claims register` registers one", screen.columns),
        wrap(cuts_line(found.as_of, found.said_by, found.rules), screen.columns),
    )


def rows(ledger: Ledger, found: Board, screen: Screen) -> Iterator[str]:
    """The rows of a board under their heads."""
    if found.claims:
        assessed = _assessments(ledger, found)
        yield from render.table(_COLUMNS, (_cells(row, assessed.get(row.claim, "")) for row in found.claims), screen)


def _assessments(ledger: Ledger, found: Board) -> dict[str, str]:
    """What counting assessments say of the claims of a board, asked only where a claim or what is the same has any."""
    cuts: dict[str, Any] = {"as_of": found.as_of.position, "said_by": found.said_by}
    weighed = ledger.state(_Assessed, as_of=found.as_of.position)
    claims = [row.claim for row in found.claims if row.claim in weighed]
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
