"""May this event be appended here? Pure: an event and what is known, in; the tags it is stored under, or an error, out.

`Known` is what the ledger has told so far. `Known.wants` names the tags still to be read for an event; when it wants
nothing more, `decide` decides. Rules see the batch so far: each accepted event is given to `Known.add` before the next
is decided. An amendment or correction is decided as the event it makes of its target. Nothing here reads a clock or a
disk.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress

from . import events as ev
from . import names, records, when
from .clerk import Clerk
from .errors import InvalidEvent, NotFound, Refused
from .events import Event
from .intake import changed
from .lines import Lines
from .records import Record
from .saying import Key, Said, corrected, order

_RETRACTABLE = (*records.ACTS, ev.Retraction)
_CHANGES = (ev.RecordAmended, ev.Correction)
_ACTS = frozenset(records.ACTS)
#: Later than anything is said or recorded.
_AT_LAST = 1 << 62
#: So many events may be about one another, the void of a void of a void …: each is settled for every one above it.
MAX_DEPTH = 20


def decide(event: Event, event_id: str, known: Known, recorded_us: int) -> list[str]:
    """The tags to store an event under.

    `recorded_us` is when it is recorded, in microseconds since 1970-01-01T00:00:00Z. Raises Refused where a rule
    forbids the event, NotFound for claims and targets that are not there, InvalidEvent for changes that do not fit.
    """
    return decide_on(event, records.tags(event), event_id, known, recorded_us)


def is_decided_alone(event: Event, known: Known, recorded_us: int) -> bool:
    """Whether an event may be appended, and all there is to ask of the ledger is known: an act about no other, on
    claims that are registered. Most events are, and this is the hot path of every append.

    Raises Refused where it lies ahead of its recording.
    """
    if (
        not isinstance(event, records.ACTS)
        or records.targets(event)
        or not known.registered.issuperset(claims_of(event))
    ):
        return False
    if event.said_at is not None:
        _check_said(event.said_at, recorded_us)
    return True


def decide_on(event: Event, own: list[str], event_id: str, known: Known, recorded_us: int) -> list[str]:
    """As `decide`, of an event whose own tags are known."""
    if not records.targets(event):
        _check_itself(event, event_id, known, recorded_us)
        return own
    _check(event, event_id, known, recorded_us)
    tags: dict[str, None] = {}
    for made in known.turns(event):
        tags |= dict.fromkeys(records.tags(made))
        for target in records.targets(made):
            tags |= dict.fromkeys(known.owed(target))
    return list(tags)


class Known:
    """What has been read of a ledger to decide on events.

    `registered` are claims known beforehand to be there; the set is taken over and grows.
    """

    def __init__(self, registered: set[str] | None = None) -> None:
        self.registered = set() if registered is None else registered
        self.read: set[str] = set()
        self.clerk = Clerk()
        self._corrections: dict[str, list[str]] = {}  # act -> ids of its corrections
        self._said: dict[str, _Versions] = {}  # by the act
        self._unread: set[str] = set()  # targets of changes that were read before them
        self._registrations: dict[str, str] = {}  # event id -> claim
        self._registered_by: dict[str, list[str]] = {}  # claim -> ids of its registrations
        self._principals: dict[str, list[tuple[str, str]]] | None = None
        """Whom each source speaks for, with the ids of the relations; None where that is to be found anew."""
        self._made: dict[
            int, tuple[Event, Event, Event]
        ] = {}  # by the identity of the change: it, its target, the result

    def add(self, record: Record) -> None:
        """Takes a record in, read or just accepted."""
        if record.id in self.clerk.by_id:
            return
        self.clerk.add(record)
        if self._unread:
            self._unread.discard(record.id)
        event = record.event
        if type(event) in _ACTS:  # changes nothing that is known
            return
        if isinstance(event, ev.ClaimRegistered):
            self._registrations[record.id] = event.claim
            self._registered_by.setdefault(event.claim, []).append(record.id)
            if self.clerk.effective(record.id) is not None:  # its void may have been read before it
                self.registered.add(event.claim)
            return
        if isinstance(event, _CHANGES):
            self._unread.update(target for target in records.targets(event) if target not in self.clerk.by_id)
        if isinstance(event, ev.Correction):
            self._correct(record, event)
        elif isinstance(event, (ev.RecordVoided, ev.RecordAmended)):
            self._principals = None
            self._said.clear()
            self._recheck_registered(record)
        elif isinstance(event, (ev.SourceRelated, ev.RelationWithdrawn)):
            self._relate(record)

    def without(self, ids: Set[str | None]) -> Known:
        """What is known if records with these ids had never come; this one is used up."""
        self.registered.difference_update(self._registrations.values())  # those that hold come in again
        known = Known(self.registered)
        known.read = self.read
        for event_id, record in self.clerk.by_id.items():
            if event_id not in ids:
                known.add(record)
        return known

    def wants(self, events: Iterable[Event]) -> Set[str]:
        """Tags still to be read before `decide` can decide on these events.

        Of what was read since, only an event that is about another can want more than when it was first asked.
        """
        # A change that moved something here is found before it is.
        wanted = {f"{name}:{target}" for target in self._unread for name in ("id", "act")}
        claims: list[str] = []  # of the acts among them: most events are, and want nothing else
        for event in events:
            if records.targets(event):
                wanted.update(self._needs(event))
            elif type(event) in _ACTS:
                claims += claims_of(event)
            else:
                wanted.update(self._needs_itself(event))
        wanted.update([f"relation:claim:{claim}" for claim in set(claims).difference(self.registered)])
        return wanted - self.read

    def made_of(self, event: ev.RecordAmended | ev.Correction, event_id: str | None = None) -> Event:
        """The event that an amendment or correction makes of its target. Raises InvalidEvent, NotFound.

        A correction is made of what the act says by those that were said before it; `event_id` is its own.
        """
        record = self.target(records.targets(event)[0])
        target = record.event
        if isinstance(event, ev.Correction) and isinstance(target, records.ACTS):
            target = self._corrected_before(record, event, event_id)
        known = self._made.get(id(event))
        if known is not None and known[0] is event and known[1] == target:  # each is asked for again and again
            return known[2]
        try:
            made = changed(target, event.changes)
        except InvalidEvent as error:
            raise InvalidEvent(error.reason, f"/changes{error.pointer}") from None
        self._made[id(event)] = event, target, made
        return made

    def turns(self, event: Event) -> Iterator[Event]:
        """The event; where it changes another, what it makes of that; where that one does, what it then makes …"""
        yield event
        event_id: str | None = None
        while isinstance(event, _CHANGES):
            event, event_id = self.made_of(event, event_id), records.targets(event)[0]
            yield event

    def target(self, event_id: str) -> Record:
        """The record an event is about, as it now stands. Raises NotFound, and Refused where it was voided."""
        record = self.clerk.effective(event_id)
        if record is not None:
            return record
        if event_id in self.clerk.by_id:
            raise Refused(f"event {event_id!r} was voided; void the voiding to have it back")
        raise NotFound(f"there is no event {event_id!r} before this one; `claims log` lists what there is")

    def chains(self, record: Record) -> Iterable[tuple[ev.Link, ...]]:
        """Whose words an act was told to be: by itself, and by each correction of it in its turn."""
        if isinstance(record.event, records.ACTS):
            return self._versions_said(record).chains
        assert isinstance(record.event, ev.Retraction)  # nothing else has words that may be taken back
        return [record.event.chain]

    def principal_of(self, source: str, but: str) -> tuple[str, str] | None:
        """For whom a source speaks, with the id of the relation, by any but the one with this id."""
        if self._principals is None:
            self._principals = {}
            for event_id, relation in source_relations(self.clerk):
                if relation.relation == "speaks_for":
                    self._principals.setdefault(relation.from_, []).append((relation.to, event_id))
        return next((found for found in self._principals.get(source, ()) if found[1] != but), None)

    def owed(self, event_id: str) -> Iterator[str]:
        """The tags that whatever is about a record carries on from it, as it was and as each change made it.

        Those of its targets are among them: who reads a record with what is about it, reads the void of its void.
        """
        record = self.clerk.by_id.get(event_id)
        if record is not None and self._is_plain(event_id):
            yield from records.tags(record.event)
            return
        versions = self._around([event_id])
        for known_id in (queue := _Queue([event_id])):
            for version in versions[known_id]:
                yield from records.tags(version)
                queue.add(records.targets(version))

    def lines(self) -> Lines:
        """The relations between sources that were read and hold."""
        return Lines(event for _, event in source_relations(self.clerk))

    def _needs(self, event: Event) -> Iterator[str]:
        targets = _Queue(())
        try:
            for made in self.turns(event):
                yield from self._needs_itself(made)
                targets.add(records.targets(made))
        except (InvalidEvent, NotFound, Refused):  # its target is not read yet, or for `decide` to refuse
            pass
        for event_id in targets if all(map(self._is_plain, targets)) else self._around(targets):
            yield f"id:{event_id}"
            yield f"act:{event_id}"

    def _needs_itself(self, event: Event) -> list[str]:
        registered = self.registered
        needs = [f"relation:claim:{claim}" for claim in claims_of(event) if claim not in registered]
        match event:
            case ev.ClaimRegistered():
                needs.append(f"relation:claim:{event.claim}")
            case ev.SourceRelated(relation="speaks_for"):
                needs.append(f"relation:source:{event.from_}")
            case ev.Retraction() | ev.Correction():
                needs += self._needs_of_line(event)
            case _:  # decided by its claims and targets alone
                pass
        return needs

    def _near(self, event_id: str) -> list[str]:
        """The ids of what voids or changes a record, or may by an amendment."""
        return [*self.clerk.about(event_id), *self._corrections.get(event_id, ())]

    def _is_plain(self, event_id: str) -> bool:
        """Whether a record is about no other, and no other about it, as far as was read; most are so."""
        record = self.clerk.by_id.get(event_id)
        return (record is None or not records.targets(record.event)) and not self._near(event_id)

    def _around(self, ids: Iterable[str]) -> dict[str, list[Event]]:
        """These records and those they hang on: what is about them, what they are about, and so on, read or not yet;
        each as it was, and as each change made it."""
        queue = _Queue(ids)
        while True:
            for event_id in queue:
                queue.add(self._near(event_id))
                record = self.clerk.by_id.get(event_id)
                if record is not None:
                    queue.add(records.targets(record.event))
            versions = self._versions(queue)
            moved = {target for made in versions.values() for version in made for target in records.targets(version)}
            if moved <= versions.keys():
                return versions
            queue.add(sorted(moved))

    def _versions(self, ids: Iterable[str]) -> dict[str, list[Event]]:
        versions: dict[str, list[Event]] = {event_id: [] for event_id in ids}
        known = [self.clerk.by_id[event_id] for event_id in versions if event_id in self.clerk.by_id]
        # From the last back, for what changes a record came after it.
        for record in sorted(known, key=_position, reverse=True):
            made = versions[record.id]
            made.append(record.event)
            changing = [self.clerk.by_id[i] for i in self._near(record.id) if i in self.clerk.by_id]
            for change in (version for other in sorted(changing, key=_position) for version in versions[other.id]):
                if isinstance(change, _CHANGES):
                    with suppress(InvalidEvent):  # fitted when it was made; what it built on is gone
                        made.append(changed(made[-1], change.changes))
        return versions

    def _corrections_of(self, record: Record) -> list[Said]:
        """The corrections of an act that hold."""
        if not self._corrections and not self.clerk.about(record.id):
            return []
        ids = dict.fromkeys((*self._corrections.get(record.id, ()), *self.clerk.about(record.id)))
        left = (self.clerk.effective(event_id) for event_id in ids)
        return [
            Said.of(one)
            for one in left
            if one is not None and isinstance(one.event, ev.Correction) and one.event.act == record.id
        ]

    def _corrected_before(self, record: Record, correction: ev.Correction, correction_id: str | None) -> Event:
        """What an act says by the corrections that were said before one of them, or before a new one."""
        own = None if correction_id is None else self.clerk.by_id.get(correction_id)
        if own is not None:
            key = Said.of(own, correction).key
            others = (one for one in self._corrections_of(record) if one.record.id != correction_id)
            return corrected(record.event, [one for one in others if one.key < key])
        versions = self._versions_said(record)
        span = when.parse(correction.said_at) if correction.said_at is not None else when.UNKNOWN
        key = order(when.Span(span.earliest, _AT_LAST if span.latest is None else span.latest), _AT_LAST)
        return versions.events[bisect_left(versions.keys, key)]

    def _versions_said(self, record: Record) -> _Versions:
        """What an act says, correction by correction. Remembered: each of a batch of corrections asks for it."""
        versions = self._said.get(record.id)
        if versions is None:
            versions = self._said[record.id] = _Versions(record.event)
            for one in sorted(self._corrections_of(record), key=_key):
                versions.add(one)
        return versions

    def _correct(self, record: Record, event: ev.Correction) -> None:
        """Keeps up what an act says, where the correction is the last of it."""
        self._corrections.setdefault(event.act, []).append(record.id)
        versions = self._said.get(event.act)
        said = Said.of(record)
        if self._near(record.id):  # it may be of another act by now
            self._said.clear()
        elif versions is not None and versions.keys and said.key < versions.keys[-1]:
            del self._said[event.act]
        elif versions is not None:
            versions.add(said)

    def _needs_of_line(self, event: ev.Retraction | ev.Correction) -> Iterator[str]:
        target = self.clerk.effective(event.act)
        if target is None or not isinstance(target.event, _RETRACTABLE):
            return
        retractor = names.speaker(event.chain)
        links = dict.fromkeys(link for chain in self.chains(target) for link in names.sources(chain))
        if retractor in links:
            return
        lines = self.lines()
        reached = {*lines.line(retractor), *(step for link in links for step in lines.line(link))}
        met = {retractor, *links}
        for _, relation in source_relations(self.clerk):
            met |= {relation.from_, relation.to}
        yield from (f"relation:source:{source}" for source in met if lines.class_of(source) in reached)

    def _recheck_registered(self, record: Record) -> None:
        """A void or an amendment may strike registrations, or bring them back: those that it leads down to."""
        found = _Queue([record.id])
        for event_id in found:
            known = self.clerk.by_id.get(event_id)
            if known is not None and not isinstance(known.event, ev.ClaimRegistered):  # which is about nothing
                found.add(records.leads_to(known.event))
                found.add(self._near(event_id))
        for event_id in found:
            claim = self._registrations.get(event_id)
            if claim is not None:
                live = any(self.clerk.effective(one) is not None for one in self._registered_by[claim])
                (self.registered.add if live else self.registered.discard)(claim)

    def _relate(self, record: Record) -> None:
        """Keeps up whom a source speaks for, where nothing is about the relation."""
        event = record.event
        if isinstance(event, ev.SourceRelated) and event.relation != "speaks_for":
            return
        if self._principals is None or not isinstance(event, ev.SourceRelated) or self._near(record.id):
            self._principals = None
        else:
            self._principals.setdefault(event.from_, []).append((event.to, record.id))


class _Versions:
    """What an act says by its corrections, in the order in which they were said."""

    def __init__(self, event: Event) -> None:
        self.events = [event]
        self.keys: list[Key] = []
        """Of the corrections; by each, `events` has one more."""
        self.chains: dict[tuple[ev.Link, ...], None] = {}
        self._note(event)

    def add(self, said: Said) -> None:
        """The next correction."""
        self.keys.append(said.key)
        self.events.append(corrected(self.events[-1], [said]))
        self._note(self.events[-1])

    def _note(self, event: Event) -> None:
        assert isinstance(event, records.ACTS)
        self.chains[event.chain] = None


class _Queue:
    """Ids to be walked, each once; it may grow while it is walked."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids: list[str] = []
        self._seen: set[str] = set()
        self.add(ids)

    def add(self, ids: Iterable[str]) -> None:
        """More of them."""
        for event_id in ids:
            if event_id not in self._seen:
                self._seen.add(event_id)
                self._ids.append(event_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)


def claims_of(event: Event) -> tuple[str, ...]:
    """The claims that must be registered before the event can be appended."""
    if type(event) is ev.ClaimRegistered:  # itself
        return ()
    match event:
        case ev.Statement() | ev.Denial() | ev.Assessment():
            return event.claims + event.possible_claims
        case ev.ClaimsRelated():
            return (event.from_, event.to)
        case ev.ClaimReworded() | ev.RulingRecorded():
            return (event.claim,)
        case ev.EvidenceAttached():
            return event.claims
        case _:  # sources, gradings and voids name no claim; changes do in what they make
            return ()


def source_relations(clerk: Clerk) -> Iterator[tuple[str, ev.SourceRelated]]:
    """The relations between sources that hold, neither voided nor withdrawn, with their event ids, by position."""
    left = (clerk.effective(record.id) for record in sorted(clerk.relating, key=_position))
    settled = [record for record in left if record is not None]
    withdrawn = {r.event.target for r in settled if isinstance(r.event, ev.RelationWithdrawn)}
    return ((r.id, r.event) for r in settled if isinstance(r.event, ev.SourceRelated) and r.id not in withdrawn)


def _check(event: Event, event_id: str, known: Known, recorded_us: int) -> None:
    _check_itself(event, event_id, known, recorded_us)
    while isinstance(event, _CHANGES):  # and then what it makes of its target
        target = known.target(records.targets(event)[0])
        event, event_id, recorded_us = known.made_of(event, event_id), target.id, target.recorded_us
        if isinstance(event, ev.ClaimRegistered):
            _check_same_claim(event, target.event)
        elif not _voids_as_before(event, target.event):
            _check_itself(event, event_id, known, recorded_us)


def _check_itself(event: Event, event_id: str, known: Known, recorded_us: int) -> None:
    claims = claims_of(event)
    if not known.registered.issuperset(claims):
        claim = next(claim for claim in claims if claim not in known.registered)
        made = type(event) in _ACTS and event_id in known.clerk.by_id  # by a change, with which nothing is registered
        raise NotFound(
            f"claim {claim!r} is not registered; register it first (`claims register`)"
            + ("" if made else ", or append with register=True (--register)")
        )
    said_at = getattr(event, "said_at", None)
    if said_at is not None:
        _check_said(said_at, recorded_us)
    if targets := records.targets(event):
        for target_id in targets:
            _check_target(event, event_id, known.target(target_id), known)
        _check_depth(targets, known)
    if type(event) in _ACTS:
        return  # that its claims and targets are there is all it takes
    match event:
        case ev.Statement() | ev.Denial() | ev.Assessment():
            pass
        case ev.ClaimRegistered():
            if event.claim in known.registered:
                raise Refused(f"claim {event.claim!r} is registered already; `claims reword` changes its text")
        case ev.ClaimsRelated() | ev.SourceRelated():
            _check_relation(event, event_id, known)
        case ev.Retraction() | ev.Correction():
            _check_standing(event, known)
        case (
            ev.ClaimReworded()
            | ev.RelationWithdrawn()
            | ev.SourceRegistered()
            | ev.EvidenceAttached()
            | ev.SourceGraded()
            | ev.ActGraded()
            | ev.RecordAmended()
            | ev.RecordVoided()
            | ev.RulingRecorded()
        ):
            pass  # and so it is with these


def _check_said(said_at: str, recorded_us: int) -> None:
    earliest = when.parse(said_at).earliest
    if earliest is not None and earliest > recorded_us + when.AHEAD_US:
        raise Refused(
            f"said_at {said_at!r} lies ahead of its recording, {when.stamp(recorded_us)}; mend the year or the zone"
        )


def _check_target(event: Event, event_id: str, target: Record, known: Known) -> None:
    own = known.clerk.by_id.get(event_id)
    if own is not None and target.position >= own.position:
        raise Refused(f"event {target.id!r} came after {event_id!r}, which cannot be about it")
    match event:
        case ev.Retraction() | ev.Denial():
            fits, what = isinstance(target.event, _RETRACTABLE), "a statement, denial, assessment or retraction"
        case ev.Correction() | ev.ActGraded() | ev.EvidenceAttached():
            fits, what = isinstance(target.event, records.ACTS), "a statement, denial or assessment"
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
        found = known.principal_of(event.from_, event_id)
        if found is not None:
            principal, other_id = found
            raise Refused(
                f"{event.from_!r} speaks for {principal!r} already (event {other_id!r}); "
                f"withdraw that first (`claims unrelate {other_id}`)"
            )


def _check_depth(targets: Iterable[str], known: Known) -> None:
    about = set(targets)
    for _ in range(MAX_DEPTH + 1):
        if not about:
            return
        found = [known.clerk.by_id[target] for target in about if target in known.clerk.by_id]
        about = {further for record in found for further in records.targets(record.event)}
    raise Refused(
        f"more than {MAX_DEPTH} events would be about one another; amend, void or take back the first of them instead"
    )


def _check_standing(event: ev.Retraction | ev.Correction, known: Known) -> None:
    target = known.target(event.act)
    assert isinstance(target.event, _RETRACTABLE)
    lines = known.lines()
    entitled: set[str] = set()
    for chain in known.chains(target):
        links = names.sources(chain)
        entitled.update(lines.line(links[0]), map(lines.class_of, links))
    if lines.class_of(names.speaker(event.chain)) not in entitled:
        raise Refused(
            f"{event.chain[0].name!r} is neither the speaker of {event.act!r} nor a principal of it nor in its chain; "
            "nobody takes back or corrects what others said (deny the claim, or amend a mistake of the record)"
        )


def _key(said: Said) -> Key:
    return said.key


def _position(record: Record) -> int:
    return record.position


def _check_same_claim(made: ev.ClaimRegistered, event: Event) -> None:
    assert isinstance(event, ev.ClaimRegistered)
    if made.claim != event.claim:
        raise Refused("a claim keeps its id; void its registration and register another")


def _voids_as_before(made: Event, event: Event) -> bool:
    """True for a voiding that keeps its target, which is voided, by this very voiding."""
    return isinstance(made, ev.RecordVoided) and isinstance(event, ev.RecordVoided) and made.target == event.target
