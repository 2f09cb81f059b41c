"""Where do all claims stand? The board, a row a claim, whole or page by page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import click
import msgspec

from ledger import Assessment, Ledger
from projections import board, status
from projections.board import Board, Row
from projections.dossier import Dossier

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


def board_page(
    db: str, form: str, as_of: str | None, said_by: str | None, limit: int | None, cursor: str | None
) -> None:
    """Prints the board, or the page of it after `cursor`."""
    with for_reading(db) as ledger:
        found, following = page_of(ledger.state(board, as_of=as_of, said_by=said_by), limit, cursor)
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
