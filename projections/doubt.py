"""What may or may not have been said by the cut, and would it change where a claim stands?

An act whose span reaches over the world cut is left out of the answer. The answer owns up where that matters: where
counting all such records on the claim together would change its status or an interval.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property

from ledger import events as ev
from ledger.records import Record, targets
from ledger.saying import span_of

from .judgement import Judgement
from .stands import Stands
from .world import World, may_be_said


class Doubt:
    """The utterances at the knowledge cut, and those among them that may or may not lie before the world cut."""

    def __init__(self, utterances: list[Record], said_by: int | None) -> None:
        self._utterances = utterances
        self._said_by = said_by

    def matters(self, judgement: Judgement, claims: Collection[str]) -> bool:
        """Whether counting all that may or may not lie before the cut, on these claims, changes status or a count."""
        if self._said_by is None or self._in_doubt.isdisjoint(claims):
            return False
        also = {record.id for claim in claims for record in self._on.get(claim, ())}
        utterances = self._near(judgement)
        world = World(judgement.register, utterances, self._said_by, also=lambda record: record.id in also)
        return _measure(Judgement(Stands(judgement.register, world), judgement.info)) != _measure(judgement)

    @cached_property
    def _in_doubt(self) -> set[str]:
        """The claims on which anything bears that may or may not lie before the cut."""
        doubtful = [record for record in self._utterances if self._is_doubtful(record)]
        return {claim for record in doubtful for claim in self._bears[record.id]} if doubtful else set()

    def _is_doubtful(self, record: Record) -> bool:
        assert self._said_by is not None
        if isinstance(record.event, ev.Correction) and "said_at" in record.event.changes:
            return True
        return may_be_said(span_of(record.event, record), self._said_by)

    @cached_property
    def _bears(self) -> dict[str, Collection[str]]:
        return bearing(self._utterances)

    @cached_property
    def _on(self) -> dict[str, list[Record]]:
        """The utterances that bear on each claim, in position order."""
        return _by_claim(self._utterances, self._bears)

    @cached_property
    def _perhaps_on(self) -> dict[str, list[Record]]:
        """The same, with those that perhaps mean it, too."""
        return _by_claim(self._utterances, bearing(self._utterances, perhaps=True))

    def _near(self, judgement: Judgement) -> list[Record]:
        """The utterances that may have a say in where a claim stands, in position order."""
        signs, on = judgement.register.reach.signs, self._perhaps_on
        # Whether an act that perhaps means the claim is live may hang on what its speaker took back elsewhere.
        beside = {
            member
            for own in judgement.members
            for record in on.get(own, ())
            if getattr(record.event, "possible_claims", ())
            for named in getattr(record.event, "claims", ())
            for member in signs(named)
        }
        found = {r.position: r for claim in judgement.neighbourhood | beside for r in on.get(claim, ())}
        return [found[position] for position in sorted(found)]


def bearing(utterances: list[Record], *, perhaps: bool = False) -> dict[str, Collection[str]]:
    """The claims each utterance bears on, its own and those of what it is about, before and after each correction."""
    fields = ("claims", "possible_claims") if perhaps else ("claims",)
    bears: dict[str, Collection[str]] = {}

    def add(event_id: str, claims: Collection[str]) -> None:  # most bear on what they name, of which no copy is made
        known = bears.get(event_id)
        bears[event_id] = {*known, *claims} if known and claims else claims or known or ()

    for record in utterances:
        for field in fields:
            add(record.id, getattr(record.event, field, ()))
    about = {record.id: targets(record.event) for record in utterances if targets(record.event)}
    moved = False
    for record in utterances:
        event = record.event
        if isinstance(event, ev.Correction):
            for field in fields:
                if isinstance(claims := event.changes.get(field), (list, tuple)):
                    add(event.act, claims)
            if isinstance(acts := event.changes.get("acts"), (list, tuple)):
                about[event.act] = (*about.get(event.act, ()), *acts)
                moved = True
    while True:  # a target comes before what is about it, so it is complete by then, unless a correction moved that
        known = sum(map(len, bears.values())) if moved else 0
        for event_id, acts in about.items():
            for act in acts:
                add(event_id, bears.get(act, ()))
        if not moved or known == sum(map(len, bears.values())):
            break
    return bears


def _by_claim(utterances: list[Record], bears: dict[str, Collection[str]]) -> dict[str, list[Record]]:
    on: dict[str, list[Record]] = {}
    for record in utterances:
        for claim in bears[record.id]:
            on.setdefault(claim, []).append(record)
    return on


def _measure(judgement: Judgement) -> tuple[str, int, int, int, int]:
    support, opposition = judgement.support, judgement.opposition
    return (judgement.status, support.provable, support.possible, opposition.provable, opposition.possible)
