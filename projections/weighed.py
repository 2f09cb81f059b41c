"""What do assessments say of the claims of a board? In a word or two for each, to stand beside its status."""

from __future__ import annotations

from typing import Any, Final

from ledger import Assessment, Ledger

from . import status, words
from .board import Board
from .dossier import Dossier

_FEW: Final = 200
"""Of so many claims each is asked who assessed it; of more, all records are, once."""


def verdicts(ledger: Ledger, found: Board) -> dict[str, str]:
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
