"""What does the record say, once the clerk's own amendments and voids are settled?

A voided event is as if it had never been appended, whatever it was; amendments, by position, make the record. Voids
and amendments may themselves be voided and amended, so each is asked first what is left of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter

from msgspec.structs import replace

from . import events as ev
from .errors import InvalidEvent
from .events import Event
from .intake import changed
from .records import ACT_TYPES, Record, changes_within
from .walking import Walked


class Made:
    """What changes make of events. The last of each is remembered: it is asked for again as others come in."""

    def __init__(self) -> None:
        self._last: dict[int, tuple[Event, Event, Event]] = {}  # by the identity of the change: it, its target, this

    def of(self, target: Event, change: ev.RecordAmended | ev.Correction) -> Event:
        """What a change makes of an event. Raises InvalidEvent where it does not fit."""
        last = self._last.get(id(change))
        if last is not None and last[0] is change and (last[1] is target or last[1] == target):
            return last[2]
        made = changed(target, change.changes)
        self._last[id(change)] = change, target, made
        return made


class Clerk:
    """Holds records, taken in in any order, and gives back what is left of them."""

    def __init__(self) -> None:
        self.by_id: dict[str, Record] = {}
        self.relating: list[Record] = []
        """The relations between sources and the withdrawals, as they came in: few, where records are many."""
        self._about: dict[str, list[str]] = {}  # target -> ids of the voids and amendments about it
        self._moving: dict[str, list[str]] = {}  # new target -> ids of the amendments that give it to what they amend
        self._moved: dict[str, list[str]] = {}  # what is amended -> the new targets that it, or what that amends, has
        self._amended = Made()
        self._left: dict[str, Record | None] = {}  # of what voids and amendments are about, as far as it was asked for

    def add(self, record: Record) -> None:
        """Takes a record in; the same one twice is once."""
        if record.id in self.by_id:
            return
        self.by_id[record.id] = record
        event = record.event
        if type(event) in ACT_TYPES:  # most are, and concern no other record's wording
            if self._left:
                self._left.pop(record.id, None)
            return
        self._left.clear()
        if isinstance(event, (ev.SourceRelated, ev.RelationWithdrawn)):
            self.relating.append(record)
        elif isinstance(event, ev.RecordVoided):
            self._about.setdefault(event.target, []).append(record.id)
        elif isinstance(event, ev.RecordAmended):
            self._about.setdefault(event.target, []).append(record.id)
            for changes in changes_within(event.changes):
                for moved_to in (changes.get("target"), changes.get("act")):
                    if isinstance(moved_to, str):
                        self._moving.setdefault(moved_to, []).append(record.id)
                        self._moved.setdefault(event.target, []).append(moved_to)

    def effective(self, event_id: str) -> Record | None:
        """The record as it now stands; None where it was voided, or is not here."""
        if event_id not in self._about and event_id not in self._moving:
            return self.by_id.get(event_id)
        if event_id not in self._left:
            self._left[event_id] = self._settle(self.concerning(event_id)).get(event_id)
        return self._left[event_id]

    def settled(self) -> list[Record]:
        """What is left, in position order."""
        records = sorted(self.by_id.values(), key=attrgetter("position"))
        left = self._settle({*self._about, *self._moving})
        if not left:  # most claims have nothing amended or voided about them
            return records
        return [kept for record in records if (kept := left.get(record.id, record)) is not None]

    def about(self, event_id: str) -> list[str]:
        """The ids of the voids and amendments that are about a record, and of what an amendment may move to it."""
        found = dict.fromkeys(self._about.get(event_id, ()))
        queue = list(self._moving.get(event_id, ()))
        for amendment_id in queue:  # what it amends, or what that amends, is moved here; or what it was moved to itself
            amendment = self.by_id.get(amendment_id)
            if amendment is not None and isinstance(amendment.event, ev.RecordAmended):
                for moved in (amendment.event.target, *self._moved.get(amendment_id, ())):
                    if moved not in found:
                        found[moved] = None
                        queue.append(moved)
        found.pop(event_id, None)  # moved from one amendment to another of the same, it leads back here
        return list(found)

    def concerning(self, event_id: str) -> list[str]:
        """The id, those of what may be about it, of what may be about that, and so on; each once."""
        for known in (found := Walked([event_id])):
            found.add(self.about(known))
        return list(found)

    def source_relations(self) -> Iterator[tuple[str, ev.SourceRelated]]:
        """The relations between sources that hold, neither voided nor withdrawn, with their event ids, by position."""
        left = (self.effective(record.id) for record in sorted(self.relating, key=attrgetter("position")))
        settled = [record for record in left if record is not None]
        withdrawn = {r.event.target for r in settled if isinstance(r.event, ev.RelationWithdrawn)}
        return ((r.id, r.event) for r in settled if isinstance(r.event, ev.SourceRelated) and r.id not in withdrawn)

    def _settle(self, ids: Iterable[str]) -> dict[str, Record | None]:
        """What is left of each of these and of what is about them, from the last record back: what is about a record
        came after it, so that no chain of voids is too long to follow."""
        left: dict[str, Record | None] = {}
        records = [self.by_id[event_id] for event_id in ids if event_id in self.by_id]
        for record in sorted(records, key=lambda record: record.position, reverse=True):
            left[record.id] = self._left_of(record, left)
        return left

    def _left_of(self, record: Record, left: dict[str, Record | None]) -> Record | None:
        event = record.event
        for about in self._live_about(record, left):
            if isinstance(about, ev.RecordVoided):
                return None
            try:
                event = self._amended.of(event, about)
            except InvalidEvent:  # fitted what stood there then; that was since amended or voided away
                continue
        return record if event is record.event else replace(record, event=event)

    def _live_about(self, record: Record, left: dict[str, Record | None]) -> list[ev.RecordVoided | ev.RecordAmended]:
        live: list[tuple[int, ev.RecordVoided | ev.RecordAmended]] = []
        for about_id in self.about(record.id):
            about = left[about_id] if about_id in left else self.by_id.get(about_id)
            if about is None or about.position <= record.position:
                continue
            if isinstance(about.event, (ev.RecordVoided, ev.RecordAmended)) and about.event.target == record.id:
                live.append((about.position, about.event))
        return [event for _, event in sorted(live, key=lambda pair: pair[0])]
