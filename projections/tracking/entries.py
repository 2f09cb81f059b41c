"""Which entries are not as they came in? What amends, voids, corrects, takes back or denies them, and what is left.

Only records that something is about are kept here; all others are as they came in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any

from ledger import events as ev
from ledger.clerk import Clerk
from ledger.errors import NotFound
from ledger.records import ACTS, CLERKS, UTTERANCES, Record, leads_to, new_targets, targets
from ledger.walking import Walked


class Entries:
    """The records that others are about, and those others."""

    def __init__(self, by_id: Callable[[str], Record]) -> None:
        self._by_id = by_id
        self._clerk = Clerk()
        self._about: dict[
            str, dict[str, None]
        ] = {}  # event id -> ids of the utterances that are about it, or once were
        self._held: dict[str, Record | None] = {}

    def raw(self, event_id: str) -> Record:
        """A record as it came in. Raises NotFound."""
        return self._clerk.by_id.get(event_id) or self._by_id(event_id)

    def find(self, event_id: str) -> Record | None:
        """The same; None where it is not there."""
        with suppress(NotFound):
            return self.raw(event_id)
        return None

    def effective(self, record: Record) -> Record | None:
        """A record as it now stands; None where it was voided."""
        return self._clerk.effective(record.id) if record.id in self._clerk.by_id else record

    def keep(self, record: Record) -> None:
        """Takes in a record that is about others, and all that it is about, or may be by a change."""
        if record.id not in self._clerk.by_id:
            self._clerk.add(record)
            for target in leads_to(record.event):
                with suppress(NotFound):  # a change may name what is not there
                    self.keep(self.raw(target))

    def bases(self, event_id: str) -> Iterator[Record]:
        """The entries that an amendment or void changes in the end: it may void a void that amends …"""
        for known in (found := Walked([event_id])):
            record = self._clerk.by_id.get(known)
            if record is None:
                continue
            if not isinstance(record.event, CLERKS):
                yield record
                continue
            found.add(targets(record.event))
            for changes in self._changes(known):  # it may be moved, or may have been
                found.add(new_targets(changes))

    def _changes(self, event_id: str) -> Iterator[dict[str, Any]]:
        """What is changed of a record, and of what is about it, as far as that is here."""
        for other in self._clerk.concerning(event_id):
            if other in self._clerk.by_id:
                yield getattr(self._clerk.by_id[other].event, "changes", {})

    def change(self, raw: Record) -> tuple[Record | None, Record | None]:
        """What an entry of the register said until now, and says from now on; None for nothing."""
        before, now = self._held.get(raw.id, raw), self._clerk.effective(raw.id)
        if before is not None and now is not None and before.event == now.event:
            return None, None
        self._held[raw.id] = now
        return before, now

    def hanging(self, raw: Record) -> Iterator[Record]:
        """The acts that an utterance is, or is about, or what it is about is about, and so on."""
        found = {raw.id: None}
        for event_id in (queue := list(found)):  # grows while it is walked
            record = self._clerk.by_id.get(event_id)
            if record is None:
                continue
            reached = list(leads_to(record.event)) if isinstance(record.event, UTTERANCES) else []
            for changes in self._changes(event_id):  # by a change it is about others, or was until it was voided
                reached += new_targets(changes)
            for target in reached:
                self._about.setdefault(target, {})[event_id] = None
                if target not in found:
                    found[target] = None
                    queue.append(target)
                    with suppress(NotFound):
                        self.keep(self.raw(target))
            if isinstance(record.event, ACTS):
                yield record

    def about(self, event_id: str) -> Iterator[ev.Event]:
        """What is said about an utterance, as it came in and as it now stands."""
        for other in self._about.get(event_id, ()):
            for version in (self._clerk.by_id.get(other), self._clerk.effective(other)):
                if version is not None:
                    yield version.event

    def spoken(self, acts: Iterable[Record]) -> list[Record]:
        """Acts and all that is said about them, as they now stand; in order."""
        records = {act.id: now for act in acts if (now := self.effective(act)) is not None}
        for event_id in (queue := list(records)):  # grows while it is walked
            for other in self._about.get(event_id, ()):
                utterance = self._clerk.effective(other)
                if utterance is None or other in records:
                    continue
                records[other] = utterance
                queue.append(other)
                if isinstance(utterance.event, ev.Correction):  # it may have made what it corrects be about this
                    corrected = self._clerk.effective(utterance.event.act)
                    if corrected is not None and corrected.id not in records:
                        records[corrected.id] = corrected
                        queue.append(corrected.id)
        return sorted(records.values(), key=_position)


def _position(record: Record) -> int:
    return record.position
