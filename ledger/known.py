"""What has a ledger told so far, for events to be decided on?

`Known.wants` names the tags still to be read for an event; when it wants nothing more, `ledger.rules` can decide. Each
event that is accepted is given to `Known.add` before the next of its batch is decided. Nothing here reads a clock or a
disk.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from operator import attrgetter

from . import events as ev
from . import names, records, when
from .clerk import Clerk, Made
from .errors import InvalidEvent, NotFound, Refused
from .events import Event
from .lines import Lines
from .records import ACT_TYPES, CHANGES, RETRACTABLE, Record
from .saying import Key, Said, corrected, order
from .walking import Walked

#: Later than anything is said or recorded.
_AT_LAST = 1 << 62
#: Of so many records it is remembered what they hang on.
_TIED = 100


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
        self._made, self._versions_made = Made(), Made()
        self._tied: dict[str, _Tied] = {}  # by the record that it was asked for

    def add(self, record: Record) -> None:
        """Takes a record in, read or just accepted."""
        if record.id in self.clerk.by_id:
            return
        self.clerk.add(record)
        if self._unread:
            self._unread.discard(record.id)
        if self._tied:
            self._tie(record)
        event = record.event
        if type(event) in ACT_TYPES:  # changes nothing that is known
            return
        if isinstance(event, ev.ClaimRegistered):
            self._registrations[record.id] = event.claim
            self._registered_by.setdefault(event.claim, []).append(record.id)
            if self.clerk.effective(record.id) is not None:  # its void may have been read before it
                self.registered.add(event.claim)
            return
        if isinstance(event, CHANGES):
            self._unread.update(target for target in records.targets(event) if target not in self.clerk.by_id)
        if isinstance(event, ev.Correction):
            self._correct(record, event)
        elif isinstance(event, (ev.RecordVoided, ev.RecordAmended)):
            self._principals = None
            self._said.clear()
            self._recheck_registered(record)
        elif isinstance(event, (ev.SourceRelated, ev.RelationWithdrawn)):
            self._relate(record)

    def take_back(self, registration_id: str) -> None:
        """Forgets a registration that was just accepted, and that nothing is about."""
        claim = self._registrations.pop(registration_id)
        self.registered.discard(claim)
        self._registered_by[claim].remove(registration_id)
        del self.clerk.by_id[registration_id]

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

        Asked again once those were read, only events that are about other events can want more.
        """
        # A change that moved something here is found before it is.
        wanted = {f"{name}:{target}" for target in self._unread for name in ("id", "act")}
        claims: list[str] = []  # of the acts among them: most events are, and want nothing else
        for event in events:
            if records.targets(event):
                wanted.update(self._needs(event))
            elif type(event) in ACT_TYPES:
                claims += records.claims_of(event)
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
        try:
            return self._made.of(target, event)
        except InvalidEvent as error:
            raise InvalidEvent(error.reason, f"/changes{error.pointer}") from None

    def turns(self, event: Event) -> Iterator[Event]:
        """The event; where it changes another, what it makes of that; where that one does, what it then makes …"""
        yield event
        event_id: str | None = None
        while isinstance(event, CHANGES):
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

    def targets_of(self, event_id: str) -> Iterable[str]:
        """What a record is about, or was or will be by any change of it."""
        record = self.clerk.by_id.get(event_id)
        if record is None:
            return ()
        if not self._near(event_id):
            return records.targets(record.event)
        return self._around(event_id).tagged(event_id)[1]

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
            for event_id, relation in self.clerk.source_relations():
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
        tied = self._around(event_id)
        for known_id in (queue := Walked([event_id])):
            tags, targets = tied.tagged(known_id)
            yield from tags
            queue.add(targets)

    def lines(self) -> Lines:
        """The relations between sources that were read and hold."""
        return Lines(event for _, event in self.clerk.source_relations())

    def _needs(self, event: Event) -> Iterator[str]:
        targets = Walked[str]()
        try:
            for made in self.turns(event):
                yield from self._needs_itself(made)
                targets.add(records.targets(made))
        except (InvalidEvent, NotFound, Refused):  # its target is not read yet, or for `decide` to refuse
            pass
        for target in targets:
            for event_id in (target,) if self._is_plain(target) else self._around(target).versions:
                yield f"id:{event_id}"
                yield f"act:{event_id}"

    def _needs_itself(self, event: Event) -> list[str]:
        registered = self.registered
        needs = [f"relation:claim:{claim}" for claim in records.claims_of(event) if claim not in registered]
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

    def _around(self, event_id: str) -> _Tied:
        """A record and those it hangs on: what is about them, what they are about, and so on, read or not yet.

        More than these where they were found with another that they hang together with.
        """
        for tied in self._tied.values():
            if event_id in tied.versions:
                return tied
        queue = Walked([event_id])
        while True:
            for known_id in queue:
                queue.add(self._near(known_id))
                record = self.clerk.by_id.get(known_id)
                if record is not None:
                    queue.add(records.targets(record.event))
            versions = self._versions(queue)
            moved = {target for made in versions.values() for version in made for target in records.targets(version)}
            if moved <= versions.keys():
                break
            queue.add(sorted(moved))
        if len(self._tied) >= _TIED:
            self._tied.clear()
        tied = self._tied[event_id] = _Tied(versions)
        return tied

    def _versions(self, ids: Iterable[str]) -> dict[str, list[Event]]:
        versions: dict[str, list[Event]] = {event_id: [] for event_id in ids}
        known = [self.clerk.by_id[event_id] for event_id in versions if event_id in self.clerk.by_id]
        # From the last back, for what changes a record came after it.
        for record in sorted(known, key=attrgetter("position"), reverse=True):
            made = versions[record.id]
            made.append(record.event)
            changing = [self.clerk.by_id[i] for i in self._near(record.id) if i in self.clerk.by_id]
            for other in sorted(changing, key=attrgetter("position")):
                for change in tuple(versions[other.id]):
                    self._change(made, change)
        return versions

    def _tie(self, record: Record) -> None:
        """Keeps up what hangs together: each of a batch of changes of one record asks for it."""
        about = records.leads_to(record.event) if isinstance(record.event, (*CHANGES, ev.RecordVoided)) else ()
        for event_id, tied in list(self._tied.items()):
            if record.id in tied.versions or any(
                target in tied.versions and not self._ties_last(tied, target, record) for target in about
            ):
                del self._tied[event_id]

    def _ties_last(self, tied: _Tied, target: str, record: Record) -> bool:
        """Takes in what is about a record there and nothing else, the last of it all; False where it is not such."""
        event, by_id = record.event, self.clerk.by_id
        if target not in by_id or isinstance(by_id[target].event, CHANGES) or self._near(record.id):
            return False
        if len(records.leads_to(event)) > 1 or any(
            by_id[known].position > record.position for known in tied.versions if known in by_id
        ):
            return False
        tied.versions[record.id] = [event]
        self._change(tied.versions[target], event)
        return True

    def _change(self, versions: list[Event], change: Event) -> None:
        """Adds to the versions of a record what a change makes of the last."""
        if isinstance(change, CHANGES):
            with suppress(InvalidEvent):  # fitted when it was made; what it built on is gone
                versions.append(self._versions_made.of(versions[-1], change))

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
            for one in sorted(self._corrections_of(record), key=attrgetter("key")):
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
        if target is None or not isinstance(target.event, RETRACTABLE):
            return
        retractor = names.speaker(event.chain)
        links = dict.fromkeys(link for chain in self.chains(target) for link in names.sources(chain))
        if retractor in links:
            return
        lines = self.lines()
        reached = {*lines.line(retractor), *(step for link in links for step in lines.line(link))}
        met = {retractor, *links}
        for _, relation in self.clerk.source_relations():
            met |= {relation.from_, relation.to}
        yield from (f"relation:source:{source}" for source in met if lines.class_of(source) in reached)

    def _recheck_registered(self, record: Record) -> None:
        """A void or an amendment may strike registrations, or bring them back: those that it leads down to."""
        if not self._registrations:
            return
        found = Walked([record.id])
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


class _Tied:
    """Records that hang together."""

    def __init__(self, versions: dict[str, list[Event]]) -> None:
        self.versions = versions
        """Each as it was, and as each change made it; none of one that is not read."""
        self._tagged: dict[str, tuple[int, dict[str, None], dict[str, None]]] = {}

    def tagged(self, event_id: str) -> tuple[Iterable[str], Iterable[str]]:
        """The tags of a record and what it is about, in all its versions."""
        versions = self.versions[event_id]
        seen, tags, targets = self._tagged.get(event_id, (0, {}, {}))
        for version in versions[seen:]:
            tags |= dict.fromkeys(records.tags(version))
            targets |= dict.fromkeys(records.targets(version))
        self._tagged[event_id] = len(versions), tags, targets
        return tags, targets
