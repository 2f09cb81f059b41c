"""How did a claim's status change, and what changed it? The same question at every cut that may matter, on one axis.

`said` steps through the world: what had been said by then, as known at the knowledge cut. `recorded` steps through the
ledger: what it knew after each record, at the world cut. Both are projections for `Ledger.state`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Protocol

from msgspec import Struct

from ledger import events as ev
from ledger import when
from ledger.errors import NotFound
from ledger.fold import AsOf, Question, Served
from ledger.records import Record, targets
from ledger.saying import Said, corrected

from . import dossier as _dossier
from .dossier import Dossier
from .doubt import bearing
from .register import Register, claim_info
from .status import RULES, AssessmentAnswer, IntervalAnswer, Status, of_claim
from .world import Act, World

name: Final = "timeline"
version: Final = 1

LIMIT: Final = 1_000
"""So many cuts are looked at, the latest; each is a whole answer."""
WORK: Final = 100_000
"""So many records are looked at in all: on a claim with very many acts there are fewer cuts."""


class Happening(Struct, frozen=True):
    """An event that came in at a step."""

    event: str
    type: str
    position: int
    by: str | None
    said_at: str | None
    claims: list[str]
    about: list[str]
    """The ids of the events that it is about."""


class Step(Struct, frozen=True):
    """The claim after a moment at which something about it changed."""

    at: str
    """The moment on the axis: what had been said by then, or when the record was made."""
    position: int
    status: str
    own_words: str
    support: IntervalAnswer
    opposition: IntervalAnswer
    assessments: list[AssessmentAnswer]
    flags_raised: list[str]
    flags_dropped: list[str]
    by: list[Happening]
    """What came in at this step, and made the change."""


class Spoken(Struct, frozen=True):
    """An act on one of the three lanes, with the span in which it was said."""

    act: str
    lane: str
    by: str
    said_at: str | None
    earliest: str | None
    latest: str
    recorded_at: str
    live: bool
    claims: list[str]


class History(Struct, frozen=True):
    """How a claim came to stand where it stands."""

    claim: str
    text: str
    axis: str
    steps: list[Step]
    acts: list[Spoken]
    truncated: bool
    """True where there were more cuts than are looked at; the steps then begin in the middle."""
    as_of: AsOf
    said_by: str | None
    rules: str = RULES


class _Axis:
    initial = staticmethod(_dossier.initial)
    evolve = staticmethod(_dossier.evolve)
    wants = staticmethod(_dossier.wants)

    def __init__(self, axis: str) -> None:
        self.name = axis
        self.served = Served("claims/{subject}/history", History, query=(("axis", axis),))

    def answer(self, dossier: Dossier) -> History:
        """Every step at which the claim's answer changed, oldest first. Raises NotFound where it is not registered."""
        question = dossier.question
        register = dossier.settle()
        info = claim_info(register, question)
        cuts = list(_said_cuts(register, question) if self.name == "said" else _recorded_cuts(dossier))
        limit = max(10, min(LIMIT, WORK // max(1, len(dossier.clerk.by_id))))
        truncated = len(cuts) > limit
        return History(
            claim=info.claim,
            text=info.text,
            axis=self.name,
            steps=_steps(cuts[-limit:], self._status(dossier, register)),
            acts=list(_spoken(register, question)),
            truncated=truncated,
            as_of=question.as_of,
            said_by=question.said_by_text,
        )

    def _status(self, dossier: Dossier, register: Register) -> _StatusAt:
        return _SaidBy(dossier, register) if self.name == "said" else _AsOf(dossier)


said = _Axis("said")
recorded = _Axis("recorded")


class _Cut(Struct, frozen=True):
    at_us: int
    position: int
    records: list[Record]


class _StatusAt(Protocol):
    def __call__(self, cut: _Cut) -> Status | None:
        """The status at a cut; None where the claim is not there."""


class _SaidBy(_StatusAt):
    """The status by what had been said by a moment."""

    def __init__(self, dossier: Dossier, register: Register) -> None:
        self._register, self._question = register, dossier.question

    def __call__(self, cut: _Cut) -> Status | None:
        question = Question(
            subject=self._question.subject,
            as_of=self._question.as_of,
            said_by=cut.at_us,
            said_by_text=when.stamp(cut.at_us),
        )
        return of_claim(self._register, self._register.utterances, question)


class _AsOf(_StatusAt):
    """The status by what the ledger knew after a record."""

    def __init__(self, dossier: Dossier) -> None:
        self._question = dossier.question
        self._records = sorted(dossier.clerk.by_id.values(), key=lambda record: record.position)

    def __call__(self, cut: _Cut) -> Status | None:
        question = Question(
            subject=self._question.subject,
            as_of=AsOf(cut.position, when.stamp(cut.at_us)),
            said_by=self._question.said_by,
            said_by_text=self._question.said_by_text,
        )
        dossier = Dossier(question)
        for record in self._records:
            if record.position <= cut.position:
                dossier.evolve(record)
        try:
            return _status(dossier)
        except NotFound:  # before the claim was registered
            return None


def _status(dossier: Dossier) -> Status:
    register = dossier.settle()
    return of_claim(register, register.utterances, dossier.question)


def _beside(register: Register, claim: str) -> set[str]:
    """The claims on which it hangs whether an act is live that perhaps means a claim."""
    signs, found = register.reach.signs, set[str]()
    for utterance in register.utterances:
        event = utterance.event
        if not signs(claim).keys().isdisjoint(getattr(event, "possible_claims", ())):
            found.update(member for named in getattr(event, "claims", ()) for member in signs(named))
    return found


def _said_cuts(register: Register, question: Question) -> Iterator[_Cut]:
    """The moments by which something more had certainly been said that bears on the claim."""
    by_moment: dict[int, list[Record]] = {}
    bears = bearing(register.utterances, perhaps=True)
    neighbours = register.reach.neighbourhood(question.subject or "") | _beside(register, question.subject or "")
    corrections: dict[str, list[Said]] = {}
    for record in register.utterances:
        if isinstance(record.event, ev.Correction):
            corrections.setdefault(record.event.act, []).append(Said.of(record))
    for record in register.utterances:
        if neighbours.isdisjoint(bears[record.id]):
            continue
        for latest in _moments(record, corrections.get(record.id, ())):
            if question.said_by is None or latest <= question.said_by:
                by_moment.setdefault(latest, []).append(record)
    for at_us in sorted(by_moment):
        yield _Cut(at_us, question.as_of.position, by_moment[at_us])


def _moments(record: Record, corrections: Iterable[Said]) -> Iterable[int]:
    """When an utterance comes into the world: again, where a correction moves it to a time that is yet to come."""

    def by(moment: int) -> int:
        """By when it was said, as corrected by a moment."""
        return Said.of(record, corrected(record.event, (one for one in timed if one.latest <= moment))).latest

    timed = [one for one in corrections if isinstance(one.event, ev.Correction) and "said_at" in one.event.changes]
    if not timed:
        return [Said.of(record).latest]
    found = {by(moment) for moment in (0, *(one.latest for one in timed))}
    return {moment for moment in found if by(moment) <= moment}


def _recorded_cuts(dossier: Dossier) -> Iterator[_Cut]:
    for record in sorted(dossier.clerk.by_id.values(), key=lambda record: record.position):
        yield _Cut(record.recorded_us, record.position, [record])


def _steps(cuts: list[_Cut], status_at: _StatusAt) -> list[Step]:
    steps: list[Step] = []
    before: Status | None = None
    for cut in cuts:
        after = status_at(cut)
        if after is None or (before is not None and _measure(before) == _measure(after)):
            continue
        flags = set(before.flags) if before else set()
        steps.append(
            Step(
                at=when.stamp(cut.at_us),
                position=cut.position,
                status=after.status,
                own_words=after.own_words,
                support=IntervalAnswer(after.support.provable, after.support.possible),
                opposition=IntervalAnswer(after.opposition.provable, after.opposition.possible),
                assessments=after.assessments,
                flags_raised=sorted(set(after.flags) - flags),
                flags_dropped=sorted(flags - set(after.flags)),
                by=[_happening(record) for record in cut.records],
            )
        )
        before = after
    return steps


def _measure(status: Status) -> tuple[object, ...]:
    """What makes a step: everything that it shows, but flags that come and go with the cut itself."""
    sides = [(side.provable, side.possible) for side in (status.support, status.opposition)]
    flags = [flag for flag in status.flags if not flag.startswith("time-uncertain")]
    return (status.status, status.own_words, *sides, flags, status.assessments)


def _happening(record: Record) -> Happening:
    event = record.event
    chain = getattr(event, "chain", None)
    return Happening(
        event=record.id,
        type=ev.tag_of(event),
        position=record.position,
        by=chain[0].name if chain else None,
        said_at=getattr(event, "said_at", None),
        claims=list(getattr(event, "claims", ())),
        about=list(targets(event)),
    )


def _spoken(register: Register, question: Question) -> Iterator[Spoken]:
    """The acts on the claim's class, for the three lanes, in the order of saying."""
    members = register.reach.signs(question.subject or "")
    world = World(register, register.utterances, question.said_by)
    for act in sorted(world.acts, key=lambda act: act.key):
        if not members.keys().isdisjoint(act.event.claims):
            yield spoken(act, live=not members.keys().isdisjoint(act.live))


def spoken(act: Act, live: bool) -> Spoken:
    """An act as it stands on its lane."""
    assert act.span.latest is not None
    return Spoken(
        act=act.id,
        lane=ev.tag_of(act.event),
        by=act.event.chain[0].name,
        said_at=act.event.said_at,
        earliest=None if act.span.earliest is None else when.stamp(act.span.earliest),
        latest=when.stamp(act.span.latest),
        recorded_at=when.stamp(act.record.recorded_us),
        live=live,
        claims=list(act.event.claims),
    )
