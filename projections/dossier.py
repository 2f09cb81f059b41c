"""What survives both cuts? The acts, claims, sources and relations that every other projection reads.

Records come in in any order and are kept; the answer settles them. First the clerk's voids and amendments (they obey
`as_of` alone), then, of what had been said by the world cut, corrections, and then retractions and denied utterances.
What is left of an act is *live*, claim by claim: a retraction may take back what was said of one claim and leave what
was said of another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple, TypeAlias

from msgspec import Struct

from ledger import events as ev
from ledger import names, when
from ledger.clerk import Clerk
from ledger.errors import InvalidEvent, NotFound
from ledger.fold import Question
from ledger.intake import changed
from ledger.lines import Lines
from ledger.records import Record, targets

from .reach import Reach, Relation

Key: TypeAlias = tuple[float, int, int]
"""The order in which things were said: (earliest, latest, position), unknown earliest first."""

BY_SPEAKER: Final = "retracted by its speaker"
BY_CARRIER: Final = "retracted by a carrier"
DENIED: Final = "denied as an utterance"

_UTTERANCE: Final = (ev.Statement, ev.Denial, ev.Assessment, ev.Retraction, ev.Correction)
_ACT: Final = (ev.Statement, ev.Denial, ev.Assessment)


class Act:
    """An act at both cuts, corrected, with what was taken back of it."""

    __slots__ = ("event", "gone", "id", "key", "position", "record", "source", "span")

    def __init__(self, record: Record, event: ev.Act, span: when.Span, source: str) -> None:
        self.record = record
        self.event = event
        self.span = span
        self.source = source
        """The class of its speaker."""
        self.id = record.id
        self.position = record.position
        self.key = order(span, record.position)
        self.gone: dict[str, set[str]] = {}
        """What took the act back, by claim: BY_SPEAKER, BY_CARRIER, DENIED."""

    @property
    def live(self) -> list[str]:
        """The claims for which it still stands."""
        return [claim for claim in self.event.claims if claim not in self.gone]

    @property
    def side(self) -> int:
        """+1 for a committing statement, -1 for a committing denial, 0 for what commits nobody."""
        match self.event:
            case ev.Statement(mode="asserted"):
                return 1
            case ev.Denial(form="flat" | "dismissal"):
                return -1
            case _:
                return 0

    @property
    def manner(self) -> str:
        """In one word: the mode of a statement, the form of a denial, the verdict or the term of an assessment."""
        match self.event:
            case ev.Statement():
                return self.event.mode
            case ev.Denial():
                return self.event.form
            case ev.Assessment():
                return self.event.verdict or (self.event.likelihood.term if self.event.likelihood else "")

    @property
    def dismisses(self) -> bool:
        """True for a dismissal, which takes no side on the negation of what it dismisses."""
        return isinstance(self.event, ev.Denial) and self.event.form == "dismissal"

    def side_at(self, sign: int) -> int:
        """The side a committing act takes on a claim in whose class the act's claim has this sign; 0 for none."""
        return 0 if self.dismisses and sign == -1 else self.side * sign


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


class Meaning(NamedTuple):
    """What said what about which act, or is said to: an act about an act."""

    record: Record
    event: ev.Event
    span: when.Span


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
                case ev.ClaimRegistered() as event:
                    if event.claim not in self.claims:  # a second one can only come from a voided voiding
                        self.claims[event.claim] = ClaimInfo(event.claim, event.kind, [(record.position, event.text)])
                case ev.ClaimReworded() as event:
                    if event.claim in self.claims:
                        self.claims[event.claim].texts.append((record.position, event.text))
                case ev.ClaimsRelated() | ev.SourceRelated():
                    self.relations.append(record)
                case ev.RelationWithdrawn() as event:
                    withdrawn.add(event.target)
                case ev.SourceRegistered() as event:
                    self.sources[event.source] = _source_info(event, record.position, self.sources.get(event.source))
                case ev.SourceGraded() as event:
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
        self._by_class: dict[str, list[str]] = {}
        for source in self.sources:
            self._by_class.setdefault(self.lines.class_of(source), []).append(source)

    def registered(self, source_class: str) -> list[SourceInfo]:
        """What is registered of the sources of a class, what was told last at the end."""
        return sorted((self.sources[s] for s in self._by_class.get(source_class, ())), key=lambda info: info.position)


class World:
    """What had been said, settled: the acts at both cuts, each with what was taken back of it.

    `said_by` is the world cut in microseconds, None for none. `also` picks records that may or may not lie before the
    cut and are to be counted all the same, to see what would change.
    """

    def __init__(
        self,
        register: Register,
        utterances: list[Record],
        said_by: int | None,
        also: Callable[[Record], bool] | None = None,
    ) -> None:
        self._register = register
        self._lines = register.lines
        self.acts: list[Act] = []
        self._versions: dict[str, ev.Event] = {}
        corrections: dict[str, list[Meaning]] = {}
        retractions: dict[str, list[Meaning]] = {}
        denials: dict[str, list[Meaning]] = {}
        retracting: list[Meaning] = []
        # From the last record back: whatever is about a record came after it, and is settled when its turn comes.
        for record in reversed(utterances):
            event = _corrected(record.event, corrections.get(record.id, ()))
            self._versions[record.id] = event
            span = span_of(event, record)
            if (
                said_by is not None
                and not _said(span, said_by)
                and not (also and may_be_said(span, said_by) and also(record))
            ):
                continue
            gone = self._taken_back(event, retractions.get(record.id, ()), denials.get(record.id, ()))
            meaning = Meaning(record, event, span)
            match event:
                case ev.Statement() | ev.Denial() | ev.Assessment():
                    act = Act(record, event, span, self._lines.class_of(names.speaker(event.chain)))
                    if gone:
                        act.gone = {claim: set(gone) for claim in event.claims}
                    self.acts.append(act)
                    if isinstance(event, ev.Denial) and not event.claims and act.side and not gone:
                        for denied in event.acts:
                            denials.setdefault(denied, []).append(meaning)
                case ev.Retraction() if not gone:
                    retractions.setdefault(event.act, []).append(meaning)
                    retracting.append(meaning)
                case ev.Correction():
                    corrections.setdefault(event.act, []).append(meaning)
                case _:  # a retraction that was itself taken back takes nothing back
                    pass
        self.acts.reverse()
        if retracting:
            committed: dict[str, list[Act]] = {}
            for act in self.acts:
                if act.side:
                    committed.setdefault(act.source, []).append(act)
            for retraction in retracting:
                self._take_back_side(retraction, committed)

    def _taken_back(self, event: ev.Event, retractions: Iterable[Meaning], denials: Iterable[Meaning]) -> set[str]:
        gone: set[str] = set()
        for retraction in retractions:
            gone |= {standing} if (standing := self._standing(retraction.event, event)) else set()
        for denial in denials:
            assert isinstance(denial.event, ev.Denial) and isinstance(event, _UTTERANCE)
            if self._class(denial.event) == self._class(event):
                gone.add(DENIED)
        return gone

    def _standing(self, retraction: ev.Event, event: ev.Event) -> str | None:
        """As what somebody takes an act back: its speaker (or a principal), a carrier, or, by now, nobody."""
        assert isinstance(retraction, ev.Retraction) and isinstance(event, _UTTERANCE)
        retractor = self._class(retraction)
        links = names.sources(event.chain)
        if retractor in self._lines.line(links[0]):
            return BY_SPEAKER
        return BY_CARRIER if retractor in map(self._lines.class_of, links) else None

    def _take_back_side(self, retraction: Meaning, committed: dict[str, list[Act]]) -> None:
        """A speaker's retraction takes back all it said on that side of those claims up to then."""
        assert isinstance(retraction.event, ev.Retraction)
        target = self._versions.get(retraction.event.act)
        if not isinstance(target, _ACT) or self._standing(retraction.event, target) != BY_SPEAKER:
            return
        span = retraction.span
        if span.earliest is None:
            span = span._replace(earliest=span.latest)
        until = order(span, retraction.record.position)
        speaker = self._class(target)
        taken = Act(retraction.record, target, span, speaker)
        if not taken.side:
            return
        for act in committed.get(speaker, ()):
            if act.key <= until:
                for claim in act.event.claims:
                    if self._same_side(act, claim, taken):
                        act.gone.setdefault(claim, set()).add(BY_SPEAKER)

    def _same_side(self, act: Act, claim: str, taken: Act) -> bool:
        for named in taken.event.claims:
            if any(act.side_at(sign) == taken.side for sign in self._register.reach.signs(named).get(claim, ())):
                return True
        return False

    def _class(self, event: ev.Act | ev.AboutAct) -> str:
        return self._lines.class_of(names.speaker(event.chain))


class Dossier:
    """The state of the shared fold: records as they come, and what is still to be read for the claim asked about."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self.clerk = Clerk()
        self._relations: list[ev.ClaimsRelated | ev.SourceRelated] = []
        self._amendments: list[ev.RecordAmended] = []
        self._sources: set[str] = set()
        self._targets: set[str] = set()

    def evolve(self, record: Record) -> Dossier:
        """Takes a record in."""
        self.clerk.add(record)
        event = record.event
        match event:
            case ev.Statement() | ev.Denial() | ev.Assessment():
                self._sources.add(names.speaker(event.chain))
            case ev.Retraction() | ev.Correction():
                self._sources |= set(names.sources(event.chain))
            case ev.ClaimsRelated() | ev.SourceRelated():
                self._relations.append(event)
            case ev.RecordAmended():
                self._amendments.append(event)
            case _:  # says nothing of what else is to be read, but for its targets
                pass
        self._targets.update(targets(event))
        if isinstance(event, (ev.RecordAmended, ev.Correction)):
            self._targets.update(_new_targets(event.changes))
        return self

    def wants(self) -> set[str]:
        """The tags still to be read: more than enough at times, never less."""
        subject = self.question.subject
        if subject is None:
            return set()
        relations = list(self.possible_relations())
        claims = Reach(
            Relation("", r.from_, r.to, r.relation) for r in relations if isinstance(r, ev.ClaimsRelated)
        ).neighbourhood(subject)
        wanted = {f"{kind}:{claim}" for claim in claims for kind in ("claim", "relation:claim")}
        for target in self._targets:
            record = self.clerk.by_id.get(target)
            if record is None:
                wanted |= {f"id:{target}", f"act:{target}"}
            elif isinstance(record.event, _UTTERANCE):
                self._sources |= set(names.sources(record.event.chain))
        wanted |= {f"relation:source:{source}" for source in self._reached_sources(relations)}
        return wanted

    def settle(self) -> Register:
        """What the register says, voids and amendments settled, with all utterances."""
        return Register(self.clerk.settled())

    def possible_relations(self) -> Iterator[ev.ClaimsRelated | ev.SourceRelated]:
        """Relations as they are and as any amendment made them: what leads too far is read in vain, and no more."""
        yield from self._relations
        for amendment in self._amendments:
            raw = self.clerk.by_id.get(amendment.target)
            if raw is None or not isinstance(raw.event, (ev.ClaimsRelated, ev.SourceRelated)):
                continue
            for record in (raw, self.clerk.effective(amendment.target)):
                if record is not None and isinstance(record.event, (ev.ClaimsRelated, ev.SourceRelated)):
                    yield record.event
                    try:
                        amended = changed(record.event, amendment.changes)
                    except InvalidEvent:
                        continue
                    assert isinstance(amended, (ev.ClaimsRelated, ev.SourceRelated))
                    yield amended

    def _reached_sources(self, relations: Iterable[ev.ClaimsRelated | ev.SourceRelated]) -> set[str]:
        links: dict[str, set[str]] = {}
        for relation in relations:
            if isinstance(relation, ev.SourceRelated) and relation.relation != "independent_of":
                links.setdefault(relation.from_, set()).add(relation.to)
                if relation.relation == "same_as":
                    links.setdefault(relation.to, set()).add(relation.from_)
        reached = set(self._sources)
        queue = list(reached)
        for source in queue:  # grows while it is walked
            for other in links.get(source, ()):
                if other not in reached:
                    reached.add(other)
                    queue.append(other)
        return reached


def initial(question: Question) -> Dossier:
    """An empty dossier."""
    return Dossier(question)


def evolve(dossier: Dossier, record: Record) -> Dossier:
    """The dossier with one more record."""
    return dossier.evolve(record)


def wants(dossier: Dossier) -> set[str]:
    """Tags still to be read."""
    return dossier.wants()


def order(span: when.Span, position: int) -> Key:
    """Where something stands in the order in which things were said."""
    assert span.latest is not None
    return (float("-inf") if span.earliest is None else span.earliest, span.latest, position)


def span_of(event: ev.Event, record: Record) -> when.Span:
    """When an utterance was said, as its record could know it."""
    said_at = getattr(event, "said_at", None)
    return (when.UNKNOWN if said_at is None else when.parse(said_at)).known_at(record.recorded_us)


def may_be_said(span: when.Span, cut: int) -> bool:
    """True where it may have been said before the cut, and may not."""
    assert span.latest is not None
    return span.latest > cut and (span.earliest is None or span.earliest <= cut)


def claim_info(register: Register, question: Question) -> ClaimInfo:
    """The claim asked about. Raises NotFound where it is not registered at the cut."""
    info = register.claims.get(question.subject or "")
    if info is None:
        at = f" as of position {question.as_of.position}"
        raise NotFound(f"no claim {question.subject!r} is registered{at}; `claims status` lists the claims there are")
    return info


def _source_info(event: ev.SourceRegistered, position: int, known: SourceInfo | None) -> SourceInfo:
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


def _said(span: when.Span, cut: int) -> bool:
    assert span.latest is not None
    return span.latest <= cut


def _corrected(event: ev.Event, corrections: Iterable[Meaning]) -> ev.Event:
    for correction in sorted(corrections, key=lambda m: order(m.span, m.record.position)):
        assert isinstance(correction.event, ev.Correction)
        try:
            event = changed(event, correction.event.changes)
        except InvalidEvent:  # fitted what was corrected then; that has since been amended
            continue
    return event


def _new_targets(changes: dict[str, object]) -> Iterator[str]:
    acts = changes.get("acts")
    for value in (changes.get("act"), changes.get("target"), *(acts if isinstance(acts, (list, tuple)) else ())):
        if isinstance(value, str):
            yield value
