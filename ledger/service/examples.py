"""What does an answer look like? Answers about the seed article, as the ledger gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from ledger import Ledger
from ledger.story import told
from projections import board, diff, provenance, sources, status, timeline
from projections.board import Board
from projections.diff import Diff
from projections.part import PartOfBoard, Wanted, folded
from projections.provenance import Provenance
from projections.sources import Source
from projections.status import Status
from projections.timeline import History

from .health import Alive
from .readiness import Ready

CLAIM: Final = "kn23-teams"
SOURCE: Final = "dmitry-peskov"


_OF: Final[dict[Any, Callable[[Ledger], Any]]] = {
    Alive: lambda _: Alive(),
    Ready: lambda ledger: Ready(ledger.head, 0),
    Board: lambda ledger: _first_rows(ledger.state(board), 2),
    PartOfBoard: lambda ledger: folded(ledger, Wanted(limit=2)).answer(Wanted(limit=2)),
    Status: lambda ledger: ledger.state(status, CLAIM),
    History: lambda ledger: ledger.state(timeline.said, CLAIM),
    Provenance: lambda ledger: ledger.state(provenance, CLAIM),
    Diff: lambda ledger: diff.between(
        ledger.state(status, CLAIM, said_by="2024-10-09"), ledger.state(status, CLAIM, said_by="2024-10-10")
    ),
    Source: lambda ledger: ledger.state(sources, SOURCE),
}


def answers() -> dict[Any, Any]:
    """An answer of each type of which there is an example, as JSON has it."""
    with told(":memory:") as ledger:
        return {type_: msgspec.to_builtins(answer(ledger)) for type_, answer in _OF.items()}


def _first_rows(whole: Board, most: int) -> Board:
    return replace(whole, claims=whole.claims[:most])
