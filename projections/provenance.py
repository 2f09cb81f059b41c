"""Who said so first, through whom did it reach us, and is "five outlets say" really one source?

Every act that bears on a claim, with its whole chain, gathered by the root it counts for. Carriers are counted apart:
they show how wide a word travelled, never how many said it.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from ledger import events as ev
from ledger import names
from ledger.fold import AsOf, Question, Served
from ledger.records import Record

from . import dossier as _dossier
from .dossier import Dossier
from .judgement import Judgement
from .register import Register
from .status import RULES, IntervalAnswer, Through, interval, judge, through
from .world import Act

name: Final = "provenance"
version: Final = 1


class LinkAnswer(Struct, frozen=True, omit_defaults=True):
    """One step of a chain, as printed, with the source it counts under."""

    name: str
    source: str
    kind: str | None = None
    role: str | None = None
    medium: str | None = None
    report: str | None = None
    cue: str | None = None
    url: str | None = None
    published_at: str | None = None


class EvidenceAnswer(Struct, frozen=True, omit_defaults=True):
    """A document that bears on the claim or on an act."""

    event: str
    bearing: str
    description: str | None = None
    url: str | None = None
    sha256: str | None = None
    media_type: str | None = None


class ActAnswer(Struct, frozen=True, omit_defaults=True):
    """An act, and the way of its words: the utterer first, the document in hand last."""

    act: str
    type: str
    manner: str
    """The mode of a statement, the form of a denial, the verdict or term of an assessment."""
    side: str | None
    """What it decides on the claim: support or opposition; None where it decides nothing."""
    chain: list[LinkAnswer]
    claims: list[str]
    live: bool
    said_at: str | None = None
    scope: str | None = None
    denied_part: str | None = None
    quote: str | None = None
    language: str | None = None
    note: str | None = None
    url: str | None = None
    gone: list[str] = []
    corrected_by: list[str] = []
    """The corrections by which it says this, as they were said."""
    inferred: bool = False
    perhaps: bool = False
    """True where the claim is only possibly meant: shown, never counted."""
    through: list[Through] = []
    grade: int | None = None
    evidence: list[EvidenceAnswer] = []


class Origin(Struct, frozen=True):
    """A root, whom its speakers count for, and all it is on record with about the claim."""

    root: str
    name: str
    kind: str | None
    lines: list[list[str]]
    """For each speaker the names from it up to the root."""
    acts: list[ActAnswer]


class Carrier(Struct, frozen=True):
    """A source that passed words on: how many acts, of how many roots."""

    source: str
    name: str
    acts: int
    roots: int


class Provenance(Struct, frozen=True):
    """Where all words about a claim come from."""

    claim: str
    text: str
    status: str
    support: IntervalAnswer
    opposition: IntervalAnswer
    first: str | None
    """The act that stated it first, of those that stand; by the earliest time at which it may have been said."""
    origins: list[Origin]
    carriers: list[Carrier]
    evidence: list[EvidenceAnswer]
    as_of: AsOf
    said_by: str | None
    rules: str = RULES


served: Final = Served("claims/{subject}/provenance", Provenance)
evolve = _dossier.evolve
wants = _dossier.wants


def initial(question: Question) -> Dossier:
    """An empty dossier that will name carriers, too."""
    return Dossier(question, carriers=True)


def answer(dossier: Dossier) -> Provenance:
    """The provenance of the claim asked about. Raises NotFound where it is not registered at the cut."""
    question = dossier.question
    register = dossier.settle()
    judgement = judge(register, register.utterances, question)
    shown = _shown(judgement)
    sheet = _Sheet(register, judgement)
    return Provenance(
        claim=judgement.claim,
        text=judgement.info.text,
        status=judgement.status,
        support=interval(judgement.support),
        opposition=interval(judgement.opposition),
        first=_first(judgement),
        origins=sheet.origins(shown),
        carriers=_carriers(register, judgement, shown),
        evidence=[told for event, told in sheet.evidence if not judgement.members.keys().isdisjoint(event.claims)],
        as_of=question.as_of,
        said_by=question.said_by_text,
    )


def _shown(judgement: Judgement) -> list[Act]:
    """The acts on the class, those that perhaps mean it, and those elsewhere that decide; as they were said."""
    deciding = {stand.act.id for stand in judgement.stands}
    near = {act.id for act in judgement.acts} | deciding
    acts = judgement.world.acts
    perhaps = {a.id for a in acts if not judgement.members.keys().isdisjoint(a.event.possible_claims)}
    return sorted((a for a in acts if a.id in near | perhaps), key=lambda act: act.key)


def _first(judgement: Judgement) -> str | None:
    stated = [a for a in judgement.acts if a.side and (sign := judgement.sign(a)) and a.side_at(sign) == 1]
    return min(stated, key=lambda act: act.key).id if stated else None


class _Sheet:
    """What is found for each act: the stand that it decides, and the evidence for it."""

    def __init__(self, register: Register, judgement: Judgement) -> None:
        self._register = register
        self._judgement = judgement
        self._stands = {stand.act.id: stand for stand in reversed(judgement.stands)}
        self.evidence = list(map(_evidence, register.evidence))
        self._evidence_of: dict[str | None, list[EvidenceAnswer]] = {}
        for event, told in self.evidence:
            self._evidence_of.setdefault(event.act, []).append(told)

    def origins(self, shown: list[Act]) -> list[Origin]:
        """The acts by the root that each counts for."""
        by_root: dict[str, list[Act]] = {}
        for act in shown:
            by_root.setdefault(self._judgement.root_of(act.source), []).append(act)
        return [self._origin(root, acts) for root, acts in by_root.items()]

    def _origin(self, root: str, acts: list[Act]) -> Origin:
        judgement, lines = self._judgement, []
        for speaker in dict.fromkeys(act.source for act in acts):
            up = [speaker] if judgement.root_of(speaker) == speaker else list(self._register.lines.line(speaker))
            lines.append([judgement.name_of(source) for source in up])
        return Origin(
            root=root,
            name=judgement.name_of(root),
            kind=judgement.kind_of(root),
            lines=lines,
            acts=list(map(self._act, acts)),
        )

    def _act(self, act: Act) -> ActAnswer:
        event, judgement, stand = act.event, self._judgement, self._stands.get(act.id)
        here = not judgement.members.keys().isdisjoint(event.claims)
        return ActAnswer(
            act=act.id,
            type=ev.tag_of(event),
            manner=act.manner,
            side=None if stand is None else "support" if stand.side == 1 else "opposition",
            chain=[_link(link, source) for link, source in zip(event.chain, names.sources(event.chain), strict=True)],
            claims=list(event.claims),
            live=_live_here(act, judgement),
            said_at=event.said_at,
            scope=event.scope if isinstance(event, ev.Denial) and event.scope != "explicit" else None,
            denied_part=event.denied_part if isinstance(event, ev.Denial) else None,
            quote=event.quote,
            language=event.language,
            note=event.note,
            url=event.url,
            gone=act.gone_on(judgement.members),
            corrected_by=[said.record.id for said in judgement.world.corrections(act.id)],
            inferred=stand.inferred if stand else False,
            perhaps=not here and stand is None,
            through=[through(relation) for relation in stand.through] if stand else [],
            grade=self._register.act_grades.get(act.id),
            evidence=self._evidence_of.get(act.id, []),
        )


def _live_here(act: Act, judgement: Judgement) -> bool:
    """Whether it stands on the claim; for what only perhaps means the claim, or bears on it from afar, anywhere."""
    if judgement.members.keys().isdisjoint(act.event.claims):
        return act.is_live
    return not judgement.members.keys().isdisjoint(act.live)


def _link(link: ev.Link, source: str) -> LinkAnswer:
    return LinkAnswer(
        name=link.name,
        source=source,
        kind=link.kind,
        role=link.role,
        medium=link.medium,
        report=link.report,
        cue=link.cue,
        url=link.url,
        published_at=link.published_at,
    )


def _carriers(register: Register, judgement: Judgement, shown: list[Act]) -> list[Carrier]:
    """Who passed the words on, the widest first; what was taken back was not passed on in the end."""
    acts: dict[str, set[str]] = {}
    roots: dict[str, set[str]] = {}
    for act in shown:
        for source in names.sources(act.event.chain)[1:] if _live_here(act, judgement) else ():
            carrier = register.lines.class_of(source)
            acts.setdefault(carrier, set()).add(act.id)
            roots.setdefault(carrier, set()).add(judgement.root_of(act.source))
    found = [Carrier(c, judgement.name_of(c), len(acts[c]), len(roots[c])) for c in acts]
    return sorted(found, key=lambda carrier: (-carrier.acts, carrier.source))


def _evidence(record: Record) -> tuple[ev.EvidenceAttached, EvidenceAnswer]:
    event = record.event
    assert isinstance(event, ev.EvidenceAttached)
    return event, EvidenceAnswer(
        event=record.id,
        bearing=event.bearing,
        description=event.description,
        url=event.url,
        sha256=event.sha256,
        media_type=event.media_type,
    )
