"""What would a service refuse of more events than one request holds? They are decided here, by what is read of it.

What they need is read by the thousand, so that a large file costs few requests.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from ledger import events as ev
from ledger import intake, records, rules, when
from ledger.batch import Incoming, replay
from ledger.errors import LedgerError
from ledger.events import Event
from ledger.ids import Ids
from ledger.ledger import MAX_BATCH
from ledger.records import Record
from ledger.store import Stored

from .reading import ServedStore


class Checking:
    """Events decided one after the other on the ledger as it now is, each as if all good ones before it stood there."""

    def __init__(self, store: ServedStore, *, register: bool) -> None:
        self._store = store
        self._register = register
        self._head = store.head()
        self._known = rules.Known()
        self._stored: dict[str, Stored] = {}
        self._new_id = Ids()

    def refused(self, looked_at: Iterable[Incoming | LedgerError]) -> Iterator[LedgerError]:
        """Every error with its `index`; what is an error already, is one of them."""
        numbered = enumerate(looked_at)
        while thousand := list(islice(numbered, MAX_BATCH)):
            self._read_for([item for _, item in thousand if isinstance(item, Incoming)])
            for index, item in thousand:
                try:
                    self._decide(item)
                except LedgerError as error:
                    error.index = index
                    yield error

    def _read_for(self, incoming: Sequence[Incoming]) -> None:
        self._stored = self._store.by_id([item.id for item in incoming if item.id is not None])
        self._read_wanted([item.event for item in incoming if item.id not in self._stored])

    def _read_wanted(self, events: Sequence[Event]) -> None:
        known = self._known
        while wanted := known.wants(events):
            known.read |= wanted
            for record in records.decode_all(self._store.tagged(wanted, after=0, until=self._head.position)):
                known.add(record)
            events = [event for event in events if records.targets(event)]

    def _decide(self, item: Incoming | LedgerError) -> None:
        if isinstance(item, LedgerError):
            raise item
        stood = self._standing(item.id)
        if stood is not None:  # by whom it is recorded, the service knows: it is taken for whoever asks
            replay(msgspec.structs.replace(item, recorded_by=stood.recorded_by), stood)
            return
        if records.targets(item.event):  # it may want more, of what came before it
            self._read_wanted([item.event])
        for claim in rules.claims_of(item.event) if self._register else ():
            if claim not in self._known.registered:
                named = intake.canonical(ev.ClaimRegistered(claim=claim, text=claim))
                self._accept(Incoming(None, item.recorded_by, *named, None))
        self._accept(item)

    def _standing(self, event_id: str | None) -> Record | None:
        if event_id is None:
            return None
        if event_id in self._stored:
            return records.decode(*self._stored[event_id])
        return self._known.clerk.by_id.get(event_id)

    def _accept(self, item: Incoming) -> None:
        now_us = max(time.time_ns() // 1_000, self._head.recorded_at)
        event_id = item.id or self._new_id(now_us)
        rules.decide_on(item.event, item.tags, event_id, self._known, now_us)
        # Positions only need to follow each other here.
        position = self._head.position + 1 + len(self._known.clerk.by_id)
        envelope = {"id": event_id, "recorded_at": when.moment(now_us), "recorded_by": item.recorded_by}
        self._known.add(Record(position=position, event=item.event, **envelope))  # type: ignore[arg-type]
