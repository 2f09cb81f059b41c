"""What is a source's record? All it said and carried, on what, what was reversed or taken back; whom it speaks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from ledger import events as ev
from ledger import names, when
from ledger.errors import NotFound
from ledger.fold import AsOf, Question
from ledger.records import Record, targets

from .dossier import Dossier
from .register import Register
from .status import RULES
from .world import Act, World, span_of

name: Final = "sources"
version: Final = 1


class Said(Struct, frozen=True):
    """An act the source uttered."""

    act: str
    type: str
    manner: str
    claims: list[str]
    said_at: str | None
    recorded_at: str
    via: list[str]
    """The names of those who carried it."""
    live: bool
    gone: list[str]
    reversed_by: list[str]
    """Later acts of its own on the opposite side of one of the claims."""
    grade: int | None


class Carried(Struct, frozen=True):
    """An act the source passed on."""

    act: str
    type: str
    by: str
    claims: list[str]
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
    """The ids of those who speak for it; so are the next three ids, as there may be thousands."""
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


class SourceDossier(Dossier):
    """The shared dossier, reading by source in place of claim."""

    def wants(self) -> set[str]:
        """The source's own tags, those of what is the same, its line, and what its retractions take back."""
        subject = self.question.subject
        assert subject is not None
        relations = [r for r in self.possible_relations() if isinstance(r, ev.SourceRelated)]
        same, up = {subject}, {subject}
        for _ in range(len(relations) + 1):
            for relation in relations:
                if relation.relation == "same_as" and not same.isdisjoint((relation.from_, relation.to)):
                    same |= {relation.from_, relation.to}
                if relation.relation in ("same_as", "speaks_for") and relation.from_ in up | same:
                    up.add(relation.to)
        wanted = {f"source:{source}" for source in same} | {f"relation:source:{source}" for source in up | same}
        for record in list(self.clerk.by_id.values()):
            for target in targets(record.event):
                if target not in self.clerk.by_id:
                    wanted |= {f"id:{target}", f"act:{target}"}
                elif isinstance(record.event, ev.Retraction):
                    # what else of that side goes with it may stand on what is the same, or its negation
                    named = getattr(self.clerk.by_id[target].event, "claims", ())
                    wanted |= {f"relation:claim:{claim}" for claim in self._class_of(named)}
        return wanted

    def _class_of(self, claims: tuple[str, ...]) -> set[str]:
        found = set(claims)
        relations = [
            r for r in self.possible_relations() if isinstance(r, ev.ClaimsRelated) and r.relation != "entails"
        ]
        for _ in relations:
            for relation in relations:
                if not found.isdisjoint((relation.from_, relation.to)):
                    found |= {relation.from_, relation.to}
        return found


def initial(question: Question) -> SourceDossier:
    """An empty dossier for the source asked about."""
    return SourceDossier(question)


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
            f"no source {question.subject!r} is known as of position {question.as_of.position}; "
            "`claims log --type source_registered` lists the registered ones"
        )
    name_of = _Names(register, [*said, *carried])
    return Source(
        source=own,
        name=name_of(own),
        kind=next((info.kind for info in reversed(infos) if info.kind), None) or _told_kind(own, register, world),
        description=next((info.description for info in reversed(infos) if info.description), None),
        registered=bool(infos),
        grade=next((g for s, g in register.source_grades.items() if lines.class_of(s) == own), None),
        same_as=sorted(
            {s for e in related if e.relation == "same_as" for s in (e.from_, e.to) if lines.class_of(s) == own} - {own}
        ),
        speaks_for=[name_of(step) for step in list(lines.line(own))[1:]],
        spoken_for_by=_spoken_for_by(related, register, own),
        member_of=_related(related, register, own, "member_of"),
        republishes=_related(related, register, own, "republishes"),
        independent_of=sorted(far for near, far in lines.independent if near == own),
        said=[_said(act, said, register) for act in sorted(said, key=lambda act: act.key)],
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
    """The ids at the far ends of the source's own relations of a kind."""
    far = (register.lines.class_of(e.to) for e in related if e.relation == relation and _is(register, e.from_, own))
    return sorted(set(far) - {own})


def _spoken_for_by(related: list[ev.SourceRelated], register: Register, own: str) -> list[str]:
    near = (
        register.lines.class_of(e.from_) for e in related if e.relation == "speaks_for" and _is(register, e.to, own)
    )
    return sorted(set(near) - {own})


def _is(register: Register, source: str, own: str) -> bool:
    return register.lines.class_of(source) == own


def _said(act: Act, all_said: list[Act], register: Register) -> Said:
    event = act.event
    opposite = [
        other.id
        for other in all_said
        if act.side and other.side == -act.side and other.key > act.key and not set(other.live).isdisjoint(event.claims)
    ]
    return Said(
        act=act.id,
        type=ev.tag_of(event),
        manner=act.manner,
        claims=list(event.claims),
        said_at=event.said_at,
        recorded_at=when.stamp(act.record.recorded_us),
        via=[link.name for link in event.chain[1:]],
        live=bool(act.live) or not event.claims,
        gone=sorted({why for whys in act.gone.values() for why in whys}),
        reversed_by=opposite,
        grade=register.act_grades.get(act.id),
    )


def _carried(act: Act) -> Carried:
    return Carried(
        act=act.id,
        type=ev.tag_of(act.event),
        by=act.event.chain[0].name,
        claims=list(act.event.claims),
        said_at=act.event.said_at,
        live=bool(act.live),
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
