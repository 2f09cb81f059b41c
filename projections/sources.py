"""What is a source's record? All it said and carried, on what, what was reversed or taken back; whom it speaks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from ledger import events as ev
from ledger import names, when
from ledger.cuts import known_at
from ledger.errors import NotFound
from ledger.fold import AsOf, Question, Served
from ledger.records import Record, targets
from ledger.saying import span_of

from .dossier import Dossier, reached_sources
from .register import Register
from .status import RULES
from .world import Act, World

name: Final = "sources"
version: Final = 1


class Said(Struct, frozen=True):
    """An act the source uttered."""

    act: str
    type: str
    manner: str
    claims: list[str]
    acts: list[str]
    """The ids of those that it denies having said, or points at."""
    said_at: str | None
    recorded_at: str
    via: list[str]
    """The names of those who carried it."""
    live: bool
    gone: list[str]
    reversed_by: list[str]
    """For each claim, the next act of its own on the other side."""
    grade: int | None


class Carried(Struct, frozen=True):
    """An act the source passed on; live unless that very act was taken back or denied."""

    act: str
    type: str
    by: str
    claims: list[str]
    acts: list[str]
    said_at: str | None
    live: bool


class TakenBack(Struct, frozen=True):
    """A retraction or correction the source made."""

    event: str
    type: str
    act: str
    said_at: str | None


class Source(Struct, frozen=True):
    """A source's record at both cuts."""

    source: str
    name: str
    kind: str | None
    description: str | None
    registered: bool
    grade: str | None
    same_as: list[str]
    speaks_for: list[str]
    """Its line: its principal, that one's principal, and so on."""
    spoken_for_by: list[str]
    """The ids of those who speak for it; ids, not names, in the next three fields too: there may be thousands."""
    member_of: list[str]
    republishes: list[str]
    independent_of: list[str]
    said: list[Said]
    carried: list[Carried]
    took_back: list[TakenBack]
    claims: int
    """How many claims it stated, denied or assessed."""
    as_of: AsOf
    said_by: str | None
    rules: str = RULES


served: Final = Served("sources/{subject}", Source)


class SourceDossier(Dossier):
    """The shared dossier, reading by source in place of claim."""

    def wants(self) -> set[str]:
        """The source's own tags, those of what is the same, and what tells who took what back."""
        assert self.question.subject is not None
        relations = self.source_relations()
        same = reached_sources({self.question.subject}, (r for r in relations if r.relation == "same_as"))
        wanted = self.missing() | {f"source:{source}" for source in same}
        wanted |= {f"relation:source:{source}" for source in reached_sources(same | self.concerned(), relations)}
        # What else of that side goes with what is taken back may stand on what is the same, or its negation.
        return wanted | {f"relation:claim:{claim}" for claim in self.claims_near((), self.claims_of_targets())}


def initial(question: Question) -> SourceDossier:
    """An empty dossier for the source asked about, by its id or its name."""
    return SourceDossier(replace(question, subject=names.source_id(question.subject or "")))


def evolve(dossier: SourceDossier, record: Record) -> SourceDossier:
    """The dossier with one more record."""
    dossier.evolve(record)
    return dossier


def wants(dossier: SourceDossier) -> set[str]:
    """Tags still to be read."""
    return dossier.wants()


def answer(dossier: SourceDossier) -> Source:
    """The record of the source asked about. Raises NotFound where the ledger has never heard of it at the cut."""
    question = dossier.question
    register = dossier.settle()
    world = World(register, register.utterances, question.said_by)
    lines = register.lines
    own = lines.class_of(question.subject or "")
    infos = register.registered(own)
    said = [act for act in world.acts if act.source == own]
    carried = [act for act in world.acts if own in map(lines.class_of, names.sources(act.event.chain)[1:])]
    related = [r.event for r in register.relations if isinstance(r.event, ev.SourceRelated)]
    mentioned = {source for event in related for source in (event.from_, event.to)}
    if not (infos or said or carried or question.subject in mentioned):
        raise NotFound(
            f"no source {question.subject!r} is known {known_at(question.as_of.position)}; "
            "`claims source list` lists those there are"
        )
    name_of = _Names(register, [*said, *carried])
    return Source(
        source=own,
        name=name_of(own),
        kind=next((info.kind for info in reversed(infos) if info.kind), None) or _told_kind(own, register, world),
        description=next((info.description for info in reversed(infos) if info.description), None),
        registered=bool(infos),
        grade=next((g for s, g in reversed(register.source_grades.items()) if lines.class_of(s) == own), None),
        same_as=sorted(
            {s for e in related if e.relation == "same_as" for s in (e.from_, e.to) if lines.class_of(s) == own} - {own}
        ),
        speaks_for=[name_of(step) for step in list(lines.line(own))[1:]],
        spoken_for_by=_related_to(related, register, own, "speaks_for"),
        member_of=_related(related, register, own, "member_of"),
        republishes=_related(related, register, own, "republishes"),
        independent_of=sorted(
            {
                *_related(related, register, own, "independent_of"),
                *_related_to(related, register, own, "independent_of"),
            }
        ),
        said=_all_said(said, register),
        carried=[_carried(act) for act in sorted(carried, key=lambda act: act.key)],
        took_back=list(_took_back(register, own, question)),
        claims=len({claim for act in said for claim in act.event.claims}),
        as_of=question.as_of,
        said_by=question.said_by_text,
    )


class _Names:
    """The name of a source as registered, else as last printed in acts that the source asked about said or carried."""

    def __init__(self, register: Register, acts: list[Act]) -> None:
        self._register = register
        self._printed: dict[str, str] = {}
        for act in sorted(acts, key=lambda act: act.position):
            for link, source in zip(act.event.chain, names.sources(act.event.chain), strict=True):
                self._printed[register.lines.class_of(source)] = link.name

    def __call__(self, source: str) -> str:
        infos = self._register.registered(source)
        return infos[-1].name if infos else self._printed.get(source, source)


def _told_kind(own: str, register: Register, world: World) -> str | None:
    for act in reversed(world.acts):
        for link, source in zip(act.event.chain, names.sources(act.event.chain), strict=True):
            if link.kind is not None and register.lines.class_of(source) == own:
                return link.kind
    return None


def _related(related: list[ev.SourceRelated], register: Register, own: str, relation: str) -> list[str]:
    """The ids at the far ends of the source's own relations of a kind, as recorded."""
    return sorted({e.to for e in related if e.relation == relation and _is(register, e.from_, own)} - {own})


def _related_to(related: list[ev.SourceRelated], register: Register, own: str, relation: str) -> list[str]:
    """The ids at the near ends of others' relations to the source."""
    return sorted({e.from_ for e in related if e.relation == relation and _is(register, e.to, own)} - {own})


def _is(register: Register, source: str, own: str) -> bool:
    return register.lines.class_of(source) == own


def _all_said(said: list[Act], register: Register) -> list[Said]:
    """What it said, in the order of saying, each with the next act of its own on the other side of a claim."""
    answers: list[Said] = []
    following: dict[tuple[str, int], str] = {}
    for act in sorted(said, key=lambda act: act.key, reverse=True):
        opposite = (following.get((claim, -act.side)) for claim in act.event.claims) if act.side else ()
        answers.append(_said(act, list(dict.fromkeys(filter(None, opposite))), register))
        if act.side:
            following.update({(claim, act.side): act.id for claim in act.live})
    return answers[::-1]


def _said(act: Act, reversed_by: list[str], register: Register) -> Said:
    event = act.event
    return Said(
        act=act.id,
        type=ev.tag_of(event),
        manner=act.manner,
        claims=list(event.claims),
        acts=list(targets(event)),
        said_at=event.said_at,
        recorded_at=when.stamp(act.record.recorded_us),
        via=[link.name for link in event.chain[1:]],
        live=act.is_live,
        gone=sorted({why for whys in act.gone.values() for why in whys}),
        reversed_by=reversed_by,
        grade=register.act_grades.get(act.id),
    )


def _carried(act: Act) -> Carried:
    return Carried(
        act=act.id,
        type=ev.tag_of(act.event),
        by=act.event.chain[0].name,
        claims=list(act.event.claims),
        acts=list(targets(act.event)),
        said_at=act.event.said_at,
        live=not act.removed,
    )


def _took_back(register: Register, own: str, question: Question) -> Iterator[TakenBack]:
    for record in register.utterances:
        event = record.event
        if isinstance(event, (ev.Retraction, ev.Correction)):
            latest = span_of(event, record).latest
            if question.said_by is not None and latest is not None and latest > question.said_by:
                continue
            if register.lines.class_of(names.speaker(event.chain)) == own:
                yield TakenBack(record.id, ev.tag_of(event), event.act, event.said_at)
