"""May this event be appended here? Pure: an event and what is known, in; the tags it is stored under, or an error, out.

`Known` is what the ledger has told so far. `Known.wants` names the tags still to be read for an event; when it wants
nothing more, `decide` decides. Rules see the batch so far: each accepted event is given to `Known.add` before the next
is decided. An amendment or correction is decided as the event it makes of its target. Nothing here reads a clock or a
disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress

from . import events as ev
from . import names, records, when
from .clerk import Clerk
from .errors import InvalidEvent, NotFound, Refused
from .events import Event
from .intake import changed
from .lines import Lines
from .records import Record

_ACTS = (ev.Statement, ev.Denial, ev.Assessment)
_RETRACTABLE = (*_ACTS, ev.Retraction)
_CHANGES = (ev.RecordAmended, ev.Correction)


def decide(event: Event, event_id: str, known: Known, recorded_us: int) -> list[str]:
    """The tags to store an event under.

    `recorded_us` is when it is recorded, in microseconds since 1970-01-01T00:00:00Z. Raises Refused where a rule
    forbids the event, NotFound for claims and targets that are not there, InvalidEvent for changes that do not fit.
    """
    _check(event, event_id, known, recorded_us)
    tags = dict.fromkeys(records.tags(event))
    for target in records.targets(event):
        tags |= dict.fromkeys(known.owed(target))
    if isinstance(event, _CHANGES):
        tags |= dict.fromkeys(_lasting(records.tags(known.made_of(event))))
    return list(tags)


class Known:
    """What has been read of a ledger to decide on events.

    `registered` are claims known beforehand to be there; the set is taken over and grows.
    """

    def __init__(self, registered: set[str] | None = None) -> None:
        self.registered = set() if registered is None else registered
        self.read: set[str] = set()
        self.clerk = Clerk()
        self._changes: dict[str, list[ev.RecordAmended | ev.Correction]] = {}

    def add(self, record: Record) -> None:
        """Takes a record in, read or just accepted."""
        if record.id in self.clerk.by_id:
            return
        self.clerk.add(record)
        event = record.event
        if isinstance(event, ev.ClaimRegistered):
            self.registered.add(event.claim)
        if isinstance(event, _CHANGES):
            self._changes.setdefault(records.targets(event)[0], []).append(event)
        if isinstance(event, (ev.RecordVoided, ev.RecordAmended)):
            self._recheck_registered()

    def wants(self, event: Event) -> set[str]:
        """Tags still to be read before `decide` can decide on this event."""
        return set(self._needs(event)) - self.read

    def made_of(self, event: ev.RecordAmended | ev.Correction) -> Event:
        """The event that an amendment or correction makes of its target. Raises InvalidEvent, NotFound."""
        target = self.target(records.targets(event)[0])
        try:
            return changed(target.event, event.changes)
        except InvalidEvent as error:
            raise InvalidEvent(error.reason, f"/changes{error.pointer}") from None

    def target(self, event_id: str) -> Record:
        """The record an event is about, as it now stands. Raises NotFound, and Refused where it was voided."""
        record = self.clerk.effective(event_id)
        if record is not None:
            return record
        if event_id in self.clerk.by_id:
            raise Refused(f"event {event_id!r} was voided; void the voiding to have it back")
        raise NotFound(f"there is no event {event_id!r} before this one; `claims log` lists what there is")

    def owed(self, event_id: str) -> Iterator[str]:
        """The tags that whatever is about a record carries on from it, as it was and as each change made it."""
        record = self.clerk.by_id.get(event_id)
        if record is None:
            return
        version = record.event
        versions = [version]
        for change in self._changes.get(event_id, ()):
            try:
                versions.append(changed(versions[-1], change.changes))
            except InvalidEvent:  # fitted when it was made; what it built on is gone
                continue
        for version in versions:
            yield from _lasting(records.tags(version))
            for target in records.targets(version):
                yield from self.owed(target)

    def lines(self) -> Lines:
        """The relations between sources that were read and hold."""
        return Lines(event for _, event in source_relations(self.clerk))

    def _needs(self, event: Event) -> Iterator[str]:
        for claim in claims_of(event):
            if claim not in self.registered:
                yield f"relation:claim:{claim}"
        for target in records.targets(event):
            yield from self._needs_of_target(target)
        match event:
            case ev.ClaimRegistered():
                yield f"relation:claim:{event.claim}"
            case ev.SourceRelated(relation="speaks_for"):
                yield f"relation:source:{event.from_}"
            case ev.Retraction():
                yield from self._needs_of_line(event)
            case ev.Correction() | ev.RecordAmended():
                if isinstance(event, ev.Correction):
                    yield from self._needs_of_line(event)
                with suppress(InvalidEvent, NotFound, Refused):  # not read yet, or for `decide` to refuse
                    yield from self._needs(self.made_of(event))
            case _:  # decided by its claims and targets alone
                pass

    def _needs_of_target(self, event_id: str) -> Iterator[str]:
        yield f"id:{event_id}"
        yield f"act:{event_id}"
        record = self.clerk.by_id.get(event_id)
        if record is not None:
            for target in records.targets(record.event):
                yield from self._needs_of_target(target)

    def _needs_of_line(self, event: ev.Retraction | ev.Correction) -> Iterator[str]:
        target = self.clerk.effective(event.act)
        if target is None or not isinstance(target.event, _RETRACTABLE):
            return
        retractor, links = names.speaker(event.chain), names.sources(target.event.chain)
        if retractor in links:
            return
        lines = self.lines()
        reached = {*lines.line(retractor), *(step for link in links for step in lines.line(link))}
        met = {retractor, *links}
        for _, relation in source_relations(self.clerk):
            met |= {relation.from_, relation.to}
        yield from (f"relation:source:{source}" for source in met if lines.class_of(source) in reached)

    def _recheck_registered(self) -> None:
        for record in list(self.clerk.by_id.values()):
            if isinstance(record.event, ev.ClaimRegistered):
                if self.clerk.effective(record.id) is None:
                    self.registered.discard(record.event.claim)
                else:
                    self.registered.add(record.event.claim)


def claims_of(event: Event) -> tuple[str, ...]:
    """The claims that must be registered before the event can be appended."""
    match event:
        case ev.Statement() | ev.Denial() | ev.Assessment():
            return (*event.claims, *event.possible_claims) if event.possible_claims else event.claims
        case ev.ClaimReworded() | ev.RulingRecorded():
            return (event.claim,)
        case ev.ClaimsRelated():
            return (event.from_, event.to)
        case ev.EvidenceAttached():
            return event.claims
        case _:  # sources, gradings, voids and the registration itself name no claim; changes do in what they make
            return ()


def source_relations(clerk: Clerk) -> Iterator[tuple[str, ev.SourceRelated]]:
    """The relations between sources that hold, neither voided nor withdrawn, with their event ids, by position."""
    settled = list(clerk.settled())
    withdrawn = {r.event.target for r in settled if isinstance(r.event, ev.RelationWithdrawn)}
    return ((r.id, r.event) for r in settled if isinstance(r.event, ev.SourceRelated) and r.id not in withdrawn)


def _check(event: Event, event_id: str, known: Known, recorded_us: int) -> None:
    for claim in claims_of(event):
        if claim not in known.registered:
            raise NotFound(
                f"claim {claim!r} is not registered; register it first (`claims register`), "
                "or append with register=True (--register)"
            )
    said_at = getattr(event, "said_at", None)
    if said_at is not None:
        earliest = when.parse(said_at).earliest
        if earliest is not None and earliest > recorded_us + when.AHEAD_US:
            raise Refused(
                f"said_at {said_at!r} lies ahead of its recording, {when.stamp(recorded_us)}; mend the year or the zone"
            )
    for target_id in records.targets(event):
        _check_target(event, event_id, known.target(target_id), known)
    match event:
        case ev.ClaimRegistered():
            if event.claim in known.registered:
                raise Refused(f"claim {event.claim!r} is registered already; `claims reword` changes its text")
        case ev.ClaimsRelated() | ev.SourceRelated():
            _check_relation(event, event_id, known)
        case ev.Retraction():
            _check_standing(event, known)
        case ev.Correction():
            _check_standing(event, known)
            _check_made(event, known)
        case ev.RecordAmended():
            _check_made(event, known)
        case (
            ev.Statement()
            | ev.Denial()
            | ev.Assessment()
            | ev.ClaimReworded()
            | ev.RelationWithdrawn()
            | ev.SourceRegistered()
            | ev.EvidenceAttached()
            | ev.SourceGraded()
            | ev.ActGraded()
            | ev.RecordVoided()
            | ev.RulingRecorded()
        ):
            pass  # that its claims and targets are there is all it takes


def _check_target(event: Event, event_id: str, target: Record, known: Known) -> None:
    own = known.clerk.by_id.get(event_id)
    if own is not None and target.position >= own.position:
        raise Refused(f"event {target.id!r} came after {event_id!r}, which cannot be about it")
    match event:
        case ev.Retraction() | ev.Denial():
            fits, what = isinstance(target.event, _RETRACTABLE), "a statement, denial, assessment or retraction"
        case ev.Correction() | ev.ActGraded() | ev.EvidenceAttached():
            fits, what = isinstance(target.event, _ACTS), "a statement, denial or assessment"
        case ev.RelationWithdrawn():
            fits, what = isinstance(target.event, (ev.ClaimsRelated, ev.SourceRelated)), "a relation"
        case _:  # the clerk may amend and void whatever there is
            fits, what = True, ""
    if not fits:
        raise Refused(f"event {target.id!r} is of type {ev.tag_of(target.event)}, not {what}")


def _check_relation(event: ev.ClaimsRelated | ev.SourceRelated, event_id: str, known: Known) -> None:
    if event.from_ == event.to:
        raise Refused(f"{event.from_!r} cannot be related to itself")
    if isinstance(event, ev.SourceRelated) and event.relation == "speaks_for":
        for other_id, other in source_relations(known.clerk):
            if other.relation == "speaks_for" and other.from_ == event.from_ and other_id != event_id:
                raise Refused(
                    f"{event.from_!r} speaks for {other.to!r} already (event {other_id!r}); "
                    f"withdraw that first (`claims unrelate {other_id}`)"
                )


def _check_standing(event: ev.Retraction | ev.Correction, known: Known) -> None:
    target = known.target(event.act)
    assert isinstance(target.event, _RETRACTABLE)
    lines = known.lines()
    links = names.sources(target.event.chain)
    entitled = {*lines.line(links[0]), *map(lines.class_of, links)}
    if lines.class_of(names.speaker(event.chain)) not in entitled:
        raise Refused(
            f"{event.chain[0].name!r} is neither the speaker of {event.act!r} nor a principal of it nor in its chain; "
            "nobody takes back or corrects what others said (deny the claim, or amend a mistake of the record)"
        )


def _check_made(event: ev.RecordAmended | ev.Correction, known: Known) -> None:
    made, target = known.made_of(event), known.target(records.targets(event)[0])
    if isinstance(made, ev.ClaimRegistered):
        assert isinstance(target.event, ev.ClaimRegistered)
        if made.claim != target.event.claim:
            raise Refused("a claim keeps its id; void its registration and register another")
        return
    if (
        isinstance(made, ev.RecordVoided)
        and isinstance(target.event, ev.RecordVoided)
        and made.target == target.event.target
    ):
        return  # its target is voided, by this very voiding
    _check(made, target.id, known, target.recorded_us)


def _lasting(tags: Iterable[str]) -> Iterator[str]:
    """All tags but those of targets: what is about an amendment is not about what was amended."""
    return (tag for tag in tags if not tag.startswith("act:"))
