"""What do assessments say of the claims of a board? In a word or two for each, to stand beside its status."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

from ledger import Assessment, Ledger, Record, fold, records
from ledger.fold import Question

from . import status, words
from .board import Board
from .dossier import Dossier, new_claims
from .status import Status

_FEW: Final = 200
"""Of so many claims each is asked who assessed it; of more, all records are, once."""


def verdicts(ledger: Ledger, found: Board, most: int | None = None) -> dict[str, str]:
    """What counting assessments say of the claims of a board, asked only where a claim or what is the same has any.

    Of each claim so many at most are told, and how many more there are.
    """
    cuts: dict[str, Any] = {"as_of": found.as_of.position, "said_by": found.said_by}
    claims = [row.claim for row in found.claims]
    if len(claims) > _FEW:
        weighed = _assessed(ledger, ledger.question(as_of=found.as_of.position))
        claims = [claim for claim in claims if claim in weighed]
    return {claim: words.verdicts(ledger.state(status, claim, **cuts).assessments, most) for claim in claims}


class Verdicts:
    """What counting assessments say of claims, remembered for as long as nothing is recorded that bears on them.

    A fold by tags comes to the same answer where nothing new carries a tag that it asked for. To be used for one
    ledger, by any number of threads; it remembers so many `claims` at most.
    """

    def __init__(self, most: int | None = None, *, claims: int = 20_000) -> None:
        self._most = most
        self._claims = claims
        self._known: dict[str, tuple[int, frozenset[str], str]] = {}

    def of(self, ledger: Ledger, found: Board) -> dict[str, str]:
        """As `verdicts`, with so many of each claim as it was made for."""
        if found.said_by is not None or len(found.claims) > _FEW:
            return verdicts(ledger, found, self._most)
        return {row.claim: self._of_claim(ledger, row.claim, found.as_of.position) for row in found.claims}

    def _of_claim(self, ledger: Ledger, claim: str, position: int) -> str:
        at, tags, told = self._known.get(claim, (0, frozenset(), ""))
        if not 0 < at <= position or any(ledger.tagged(tags, after=at, as_of=position)):
            tags, told = self._asked(ledger, claim, position)
        if at <= position:
            if len(self._known) >= self._claims:
                self._known.clear()
            self._known[claim] = (position, tags, told)
        return told

    def _asked(self, ledger: Ledger, claim: str, position: int) -> tuple[frozenset[str], str]:
        """The tags that were asked for to tell what is said of a claim, and what that is."""
        tags: set[str] = set()

        def read(wanted: Collection[str]) -> Iterator[Record]:
            tags.update(wanted)
            return records.decode_all(ledger.tagged(wanted, as_of=position))

        answer: Status = fold.fold(status, ledger.question(claim, as_of=position), read)
        return frozenset(tags), words.verdicts(answer.assessments, self._most)


_TELLING: Final = ("assessment", "correction", "claims_related", "record_amended", "record_voided")


def _assessed(ledger: Ledger, question: Question) -> Collection[str]:
    """The claims on which, or on what is the same or its negation, anybody's assessment may bear; of all records only
    those are held that relate claims or change what is recorded."""
    dossier, named = Dossier(question), set[str]()
    for record in ledger.events(types=_TELLING, as_of=question.as_of.position):
        if isinstance(record.event, Assessment):
            named.update(record.event.claims)
        else:
            named.update(new_claims(getattr(record.event, "changes", {}), "claims"))
            dossier.evolve(record)
    return dossier.claims_near((), named)
