"""What does the record say, once the clerk's own amendments and voids are settled?

A voided event is as if it had never been appended, whatever it was; amendments, by position, make the record. Voids
and amendments may themselves be voided and amended, so each is asked first what is left of it.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from . import events as ev
from .errors import InvalidEvent
from .intake import changed
from .records import Record


class Clerk:
    """Holds records, taken in in any order, and gives back what is left of them."""

    def __init__(self) -> None:
        self.by_id: dict[str, Record] = {}
        self._about: dict[str, list[str]] = {}  # target -> ids of the voids and amendments that may be about it

    def add(self, record: Record) -> None:
        """Takes a record in; the same one twice is once."""
        if record.id in self.by_id:
            return
        self.by_id[record.id] = record
        event = record.event
        if isinstance(event, ev.RecordVoided):
            self._about.setdefault(event.target, []).append(record.id)
        elif isinstance(event, ev.RecordAmended):
            self._about.setdefault(event.target, []).append(record.id)
            moved_to = event.changes.get("target")
            if isinstance(moved_to, str):  # the void or amendment it amends is about another record now
                self._about.setdefault(moved_to, []).append(event.target)

    def effective(self, event_id: str) -> Record | None:
        """The record as it now stands; None where it was voided, or is not here."""
        record = self.by_id.get(event_id)
        if record is None or event_id not in self._about:
            return record
        event = record.event
        for about in self._live_about(event_id):
            if isinstance(about, ev.RecordVoided):
                return None
            try:
                event = changed(event, about.changes)
            except InvalidEvent:  # fitted what stood there then; that was since amended or voided away
                continue
        return record if event is record.event else replace(record, event=event)

    def settled(self) -> Iterator[Record]:
        """What is left, in position order."""
        for record in sorted(self.by_id.values(), key=lambda record: record.position):
            left = self.effective(record.id) if record.id in self._about else record
            if left is not None:
                yield left

    def _live_about(self, event_id: str) -> list[ev.RecordVoided | ev.RecordAmended]:
        live: list[tuple[int, ev.RecordVoided | ev.RecordAmended]] = []
        for about_id in dict.fromkeys(self._about[event_id]):
            about = self.effective(about_id)
            event = None if about is None else about.event
            if (
                about is not None
                and isinstance(event, (ev.RecordVoided, ev.RecordAmended))
                and event.target == event_id
            ):
                live.append((about.position, event))
        return [event for _, event in sorted(live, key=lambda pair: pair[0])]
