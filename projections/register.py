"""What does the desk know at the knowledge cut? Claims, sources, how they hang together, rulings, grades, evidence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from operator import attrgetter

from msgspec import Struct

from ledger import events as ev
from ledger.cuts import known_at
from ledger.errors import NotFound
from ledger.fold import Question
from ledger.lines import Lines
from ledger.records import Record

from .reach import Reach, Relation


class ClaimInfo(Struct):
    """A registered claim, with the texts it had."""

    claim: str
    kind: str
    texts: list[tuple[int, str]]
    """(position from which on, text), in order."""

    @property
    def text(self) -> str:
        """The text it has at the cut."""
        return self.texts[-1][1]


class SourceInfo(Struct):
    """What the register tells of a source, and where it last told its kind."""

    source: str
    name: str
    kind: str | None
    description: str | None
    position: int


class Register:
    """What the desk knows at the knowledge cut: claims, sources and how they hang together."""

    def __init__(self, settled: Iterable[Record]) -> None:
        self.claims: dict[str, ClaimInfo] = {}
        self.sources: dict[str, SourceInfo] = {}
        self.source_grades: dict[str, str] = {}
        self.act_grades: dict[str, int] = {}
        self.rulings: dict[str, list[Record]] = {}
        self.evidence: list[Record] = []
        self.utterances: list[Record] = []
        self.relations: list[Record] = []
        withdrawn: set[str] = set()
        for record in settled:
            match record.event:
                case ev.Statement() | ev.Denial() | ev.Assessment() | ev.Retraction() | ev.Correction():
                    self.utterances.append(record)
                case ev.SourceRelated() | ev.ClaimsRelated():
                    self.relations.append(record)
                case ev.SourceRegistered() as event:
                    self.sources[event.source] = source_info(event, record.position, self.sources.get(event.source))
                case ev.ClaimRegistered() as event:
                    known = self.claims.get(event.claim)  # there is one where the voiding of an earlier one was voided
                    texts = [*(known.texts if known else ()), (record.position, event.text)]
                    self.claims[event.claim] = ClaimInfo(event.claim, event.kind, texts)
                case ev.ClaimReworded() as event:
                    if event.claim in self.claims:
                        self.claims[event.claim].texts.append((record.position, event.text))
                case ev.RelationWithdrawn() as event:
                    withdrawn.add(event.target)
                case ev.SourceGraded() as event:
                    self.source_grades.pop(event.source, None)  # the latest last, whichever source of a class it is of
                    self.source_grades[event.source] = event.grade
                case ev.ActGraded() as event:
                    self.act_grades[event.act] = event.grade
                case ev.EvidenceAttached():
                    self.evidence.append(record)
                case ev.RulingRecorded() as event:
                    self.rulings.setdefault(event.claim, []).append(record)
                case ev.RecordAmended() | ev.RecordVoided():
                    pass  # settled already
        self.relations = [record for record in self.relations if record.id not in withdrawn]
        self.lines = Lines(r.event for r in self.relations if isinstance(r.event, ev.SourceRelated))
        self.reach = Reach(
            Relation(r.id, r.event.from_, r.event.to, r.event.relation)
            for r in self.relations
            if isinstance(r.event, ev.ClaimsRelated)
        )
        self._by_class: dict[str, list[SourceInfo]] = {}
        for info in sorted(self.sources.values(), key=attrgetter("position")):
            self._by_class.setdefault(self.lines.class_of(info.source), []).append(info)

    def registered(self, source_class: str) -> Sequence[SourceInfo]:
        """What is registered of the sources of a class, what was told last at the end."""
        return self._by_class.get(source_class, ())


def claim_info(register: Register, question: Question) -> ClaimInfo:
    """The claim asked about. Raises NotFound where it is not registered at the cut."""
    info = register.claims.get(question.subject or "")
    if info is None:
        at = known_at(question.as_of.position)
        raise NotFound(f"no claim {question.subject!r} is registered {at}; `claims status` lists the claims there are")
    return info


def source_info(event: ev.SourceRegistered, position: int, known: SourceInfo | None) -> SourceInfo:
    """A later registration adds to an earlier one: what it leaves out stays as it was."""
    if known is None:
        return SourceInfo(event.source, event.name, event.kind, event.description, position)
    return SourceInfo(
        event.source,
        event.name,
        event.kind or known.kind,
        event.description or known.description,
        position if event.kind else known.position,
    )
