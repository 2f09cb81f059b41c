"""Where does a claim stand, and why? The rules `status/1`, deterministic and explainable.

1. *Stands.* A speaker takes a stand by committing acts only: asserted statements, flat denials, dismissals. The latest
   stands, by when it was said at the earliest; what was said at a time unknown comes before all else
   (`projections.stands`).
2. *Taking back.* Retracted and denied utterances are gone before anything is counted. Who takes back an act of its own,
   or of one that speaks for it, takes back all that was said on that side up to then; a carrier, its report alone
   (`projections.world`).
3. *Roots.* Named speakers (person, office, organisation, state) count for whom they speak for, all others for
   themselves; a root counts once on each side (`projections.roots`).
4. *Relations.* `same_as` and `negates` make acts on one claim own words on the other, but for a dismissal, which takes
   no side on the opposite; `entails` carries inferred stands, which own words beat (`projections.reach`).
5. *Count.* The roots of a side are an interval: so many are known to be distinct, declared so or both named with
   nothing in common; so many there are (`projections.distinct`).
6. *Primary status*, the first that fits: disputed, corroborated, asserted, denied, assessed, withdrawn, raised
   (`projections.judgement`).
7. *Beside it*, never folded in: own words, assessments, the ruling, grades, flags (`projections.flags`).
8. *Why*: the rule that fired, and the act that decides for each speaker of each root, with the relations it came
   through. Whoever recomputes by hand from `why` comes to the same status.

`projections.tracking` keeps the same rules up for the whole board, record by record, by counters; it names where. Who
changes a rule changes it there too.

No score, no majority, no decay: a number cannot be defended line by line, repetition would raise it, and decay would
change a status without an event.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from ledger import events as ev
from ledger.fold import AsOf, Question, Served
from ledger.records import Record
from ledger.saying import span_of

from . import dossier as _dossier
from .dossier import Dossier
from .doubt import Doubt
from .flags import flags
from .judgement import Assessed, Judgement, Side
from .reach import Relation
from .register import Register, claim_info
from .stands import Stand, Stands
from .world import World

name: Final = "status"
version: Final = 1
RULES: Final = f"{name}/{version}"

RULE_TEXTS: Final = {
    "disputed": "both sides are taken",
    "corroborated": "factual; at least two provably distinct roots support it in own words, no assessment opposes it",
    "asserted": "at least one root supports it, none opposes it",
    "denied": "at least one root opposes it, none supports it",
    "assessed": "nobody stands on it, somebody assessed it",
    "withdrawn": "all who supported it took it back themselves",
    "raised": "registered, and nobody commits",
}

_DISPUTED_BY_ASSESSMENTS: Final = "nobody stands on it, and assessments are on both sides"

initial = _dossier.initial
evolve = _dossier.evolve
wants = _dossier.wants


class RootAnswer(Struct, frozen=True):
    """An origin that counts on a side, with the acts that decide."""

    root: str
    name: str
    kind: str | None
    acts: list[str]
    inferred: bool


class SideAnswer(Struct, frozen=True):
    """The roots of a side as an interval: so many are provably distinct, so many possible."""

    provable: int
    possible: int
    roots: list[RootAnswer]


class IntervalAnswer(Struct, frozen=True):
    """A side as its interval alone."""

    provable: int
    possible: int


class AssessmentAnswer(Struct, frozen=True, omit_defaults=True):
    """A live assessment, its band and verdict turned to the claim asked about."""

    act: str
    by: str
    term: str | None
    scale: str | None
    low: float | None
    high: float | None
    confidence: str | None
    verdict: str | None
    label: str | None
    capacity: str
    counts: bool
    """Whether it is its speaker's latest; only those count."""
    turned: bool = False
    """Whether it was of the opposite: the band and the verdict are turned, the term and the label verbatim."""


class RulingAnswer(Struct, frozen=True):
    """The latest ruling; shown beside the status."""

    event: str
    ruling: str
    by: str
    reasons: str
    said_at: str | None


class Through(Struct, frozen=True, rename={"from_": "from"}):
    """A relation by which an act bears on the claim asked about, as recorded in `event`."""

    from_: str
    relation: str
    to: str
    event: str


class Reason(Struct, frozen=True, omit_defaults=True):
    """One line of the why: the rule that fired, or an act that decides for a speaker, or an assessment that counts."""

    rule: str | None = None
    text: str | None = None
    side: str | None = None
    root: str | None = None
    speaker: str | None = None
    act: str | None = None
    type: str | None = None
    form: str | None = None
    said_at: str | None = None
    claims: list[str] | None = None
    about: str | None = None
    inferred: bool = False
    through: list[Through] | None = None


class Grades(Struct, frozen=True):
    """Admiralty grades of the counted roots (A–F) and of the acts that decide or count (1–6)."""

    sources: dict[str, str]
    acts: dict[str, int]


class Status(Struct, frozen=True):
    """Where a claim stands at both cuts, and why."""

    claim: str
    text: str
    kind: str
    status: str
    own_words: str
    support: SideAnswer
    opposition: SideAnswer
    assessments: list[AssessmentAnswer]
    flags: list[str]
    ruling: RulingAnswer | None
    grades: Grades
    why: list[Reason]
    as_of: AsOf
    said_by: str | None
    rules: str = RULES


served: Final = Served("claims/{subject}", Status)


def answer(dossier: Dossier) -> Status:
    """The status of the claim asked about. Raises NotFound where it is not registered at the cut."""
    register = dossier.settle()
    return of_claim(register, register.utterances, dossier.question)


def of_claim(register: Register, utterances: list[Record], question: Question) -> Status:
    """The status of one claim, from a register and (at least) the utterances that bear on the claim."""
    judgement = judge(register, utterances, question)
    info = judgement.info
    return Status(
        claim=info.claim,
        text=info.text,
        kind=info.kind,
        status=judgement.status,
        own_words=judgement.own_words,
        support=_side(judgement.support),
        opposition=_side(judgement.opposition),
        assessments=[_assessment(assessed) for assessed in judgement.assessments],
        flags=sorted(set(flags(judgement, Doubt(utterances, question.said_by)))),
        ruling=_ruling(register, question),
        grades=_grades(register, judgement),
        why=list(_why(judgement)),
        as_of=question.as_of,
        said_by=question.said_by_text,
    )


def judge(register: Register, utterances: list[Record], question: Question) -> Judgement:
    """Who stands where on the claim asked about. Raises NotFound where it is not registered at the cut."""
    info = claim_info(register, question)
    return Judgement(Stands(register, World(register, utterances, question.said_by)), info)


def interval(side: Side) -> IntervalAnswer:
    """A side as its interval alone."""
    return IntervalAnswer(side.provable, side.possible)


def _side(side: Side) -> SideAnswer:
    return SideAnswer(
        side.provable,
        side.possible,
        [RootAnswer(root.root, root.name, root.kind, root.acts, root.inferred) for root in side.roots],
    )


def _assessment(assessed: Assessed) -> AssessmentAnswer:
    event = assessed.event
    return AssessmentAnswer(
        act=assessed.act.id,
        by=event.chain[0].name,
        term=event.likelihood.term if event.likelihood else None,
        scale=event.likelihood.scale if event.likelihood else None,
        low=assessed.low,
        high=assessed.high,
        confidence=event.confidence,
        verdict=assessed.verdict,
        label=event.label,
        capacity=event.capacity,
        counts=assessed.counts,
        turned=assessed.turned,
    )


def _ruling(register: Register, question: Question) -> RulingAnswer | None:
    for record in reversed(register.rulings.get(question.subject or "", [])):
        event = record.event
        assert isinstance(event, ev.RulingRecorded)
        latest = span_of(event, record).latest
        assert latest is not None
        if question.said_by is None or latest <= question.said_by:
            return RulingAnswer(record.id, event.ruling, event.by, event.reasons, event.said_at)
    return None


def _grades(register: Register, judgement: Judgement) -> Grades:
    sides = (judgement.support, judgement.opposition)
    counted = {name for side in sides for root in side.roots for name in root.classes}
    acts = {stand.act.id for stand in judgement.stands} | {assessed.act.id for assessed in judgement.assessments}
    return Grades(
        sources={s: g for s, g in sorted(register.source_grades.items()) if register.lines.class_of(s) in counted},
        acts={a: g for a, g in sorted(register.act_grades.items()) if a in acts},
    )


def _why(judgement: Judgement) -> list[Reason]:
    weighed = judgement.status == "disputed" and not judgement.support.roots
    lines = [Reason(rule=judgement.status, text=_DISPUTED_BY_ASSESSMENTS if weighed else RULE_TEXTS[judgement.status])]
    for word, side in (("support", judgement.support), ("opposition", judgement.opposition)):
        lines += [_deciding(judgement, word, root.root, stand) for root in side.roots for stand in root.stands]
    lines += [_weighing(judgement, assessed) for assessed in judgement.assessments if assessed.counts]
    return lines


def _deciding(judgement: Judgement, side: str, root: str, stand: Stand) -> Reason:
    event = stand.act.event
    return Reason(
        side=side,
        root=root,
        speaker=stand.speaker,
        act=stand.act.id,
        type=ev.tag_of(event),
        form=event.form if isinstance(event, ev.Denial) else None,
        said_at=event.said_at,
        claims=list(event.claims),
        about=judgement.text_then(stand.act),
        inferred=stand.inferred,
        through=[through(relation) for relation in stand.through] or None,
    )


def _weighing(judgement: Judgement, assessed: Assessed) -> Reason:
    event = assessed.event
    return Reason(
        side={1: "support", -1: "opposition"}.get(assessed.side),
        speaker=assessed.act.source,
        act=assessed.act.id,
        type=ev.tag_of(event),
        form=event.verdict or (event.likelihood.term if event.likelihood else None),
        said_at=event.said_at,
        claims=list(event.claims),
        about=judgement.text_then(assessed.act),
        through=[through(relation) for relation in assessed.through] or None,
    )


def through(relation: Relation) -> Through:
    """A relation as shown on the way of an act."""
    return Through(relation.from_, relation.relation, relation.to, relation.id)
