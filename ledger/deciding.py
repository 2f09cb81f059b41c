"""What do batches come to, decided one after the other on one state of the ledger? Nothing is written here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from contextlib import suppress
from itertools import chain, islice
from typing import Final

from . import events as ev
from . import intake, records, rules, when
from .batch import MAX_BATCH, Batch, Decided, TooOld, check_repeat, replay_of
from .cuts import beyond
from .errors import Conflict, IntegrityError, InvalidEvent, LedgerError, NotFound, Refused
from .events import Event
from .intake import Incoming
from .known import Known
from .records import Record
from .store import Draft, Head, Index, Overtaken, Stored, tagged

#: So many of the events that came in between are named.
_NAMED: Final = 100
_OF_EVENTS: Final = (InvalidEvent, NotFound, Refused, Conflict)


class PutOver(Exception):
    """The outcome of a batch depends on the positions of one before it that is not written yet: decide it after that.

    Internal to the package.
    """


class Deciding:
    """Decides batches in their order, each as if those that were `kept` before it had been appended.

    `known` is what was read before at `head`. Unless the ids that come in are looked up, they are taken to be new.
    `whoever` is a recorder's name that any recorder in the ledger matches, where the real one is not known.
    """

    def __init__(
        self,
        index: Index,
        head: Head,
        known: Known,
        *,
        now_us: int,
        new_id: Callable[[int], str],
        whoever: str | None = None,
    ) -> None:
        self.head = head
        self.known = known
        self.drafts: list[Draft] = []
        self._index = index
        self._now_us = max(now_us, head.recorded_at)
        self._new_id = new_id
        self._whoever = whoever
        self._stored: dict[str, Stored] | None = None
        self._ids: set[str] = set()

    def look_up(self, incoming: Iterable[Incoming]) -> None:
        """Finds what stands in the ledger under the ids of these; nothing else is found from now on.

        What the rules want to know for the others is read at once, too, however many batches they come in.
        """
        incoming = list(incoming)
        self._stored = self._index.by_id([item.id for item in incoming if item.id is not None])
        with suppress(IntegrityError):  # whose batch wants what cannot be read is told so when it is decided
            self._read_wanted(self._new(incoming))

    def decide(self, batch: Batch) -> Decided:
        """What becomes of a batch. One that raises leaves no trace in what later ones are decided on.

        Raises what `Ledger.append` does, and PutOver where a batch kept before it decides what its answer says.
        """
        decided = Decided()
        try:
            self.take(batch.incoming, batch.register, decided)
            if batch.expected is not None and decided.drafts:
                self._check_expected(decided.claims(), batch.expected)
        except (LedgerError, PutOver):
            if decided.drafts:
                self.known = self.known.without({draft.id for draft in decided.drafts})
            raise
        return decided

    def refused(self, looked_at: Iterable[Incoming | LedgerError], register: bool) -> Iterator[LedgerError]:
        """What may not be appended of any number of events, each error with its `index`; lazily, by the thousand.

        Each is decided as if all before it that are good had been appended. What is an error already, is one of them.
        Raises what is wrong with the ledger: a disk's error, a record that is damaged, a service that is silent.
        """
        numbered = enumerate(looked_at)
        while some := list(islice(numbered, MAX_BATCH)):
            self.look_up(item for _, item in some if isinstance(item, Incoming))
            for index, item in some:
                fault = item if isinstance(item, LedgerError) else self._fault(item, register)
                if fault is not None:
                    fault.index = index
                    yield fault

    def keep(self, decided: Decided) -> None:
        """The drafts of a batch are to be written, in one transaction with those kept before."""
        self.drafts += decided.drafts
        self._ids.update([draft.id for draft in decided.drafts if draft.id is not None])

    def take(self, incoming: Sequence[Incoming], register: bool, decided: Decided) -> None:
        """Decides events one after the other. The first bad one is raised, its place as `index`."""
        self._read_wanted(self._new(incoming))
        last_us = self.head.recorded_at
        for index, item in enumerate(incoming):
            try:
                if self._stands(item, decided):
                    continue
                recorded_us = self._now_us if item.recorded_us is None else item.recorded_us
                if recorded_us < last_us:
                    raise TooOld(f"{item.id!r}, recorded on", recorded_us, last_us)
                last_us = recorded_us
                alone = rules.is_decided_alone(item.event, self.known, recorded_us)
                if not alone and self._may_want_more(item.event):
                    self._read_wanted([item.event])
                if not alone and register:
                    self._register(item, recorded_us, decided)
                decided.accepted(self._accept(item, recorded_us, alone))
            except LedgerError as error:
                error.index = index
                raise

    def _fault(self, item: Incoming, register: bool) -> LedgerError | None:
        decided = Decided()
        try:
            self.take([item], register, decided)
        except _OF_EVENTS as error:
            for draft in decided.drafts:  # what was registered for it would not have been
                self.known.take_back(draft.id or "")
            return error
        return None

    def _new(self, incoming: Sequence[Incoming]) -> list[Event]:
        """The events that are not known to stand in the ledger."""
        stood = self._stored or ()
        return [item.event for item in incoming if item.id not in stood]

    def _may_want_more(self, event: Event) -> bool:
        """Whether an event may want what was not read when its batch came in.

        An event about another may, because of what came before it in the batch. And what was read for others may have
        shown that a claim's registration is void; it may have another, which was not read.
        """
        return bool(records.targets(event)) or not self.known.registered.issuperset(records.claims_of(event))

    def _stands(self, item: Incoming, decided: Decided) -> bool:
        """Whether an event needs no writing, because one with its id and content stands already."""
        event_id = item.id
        if event_id is None:
            return False
        if self._stored is not None and event_id in self._stored:
            decided.stood(replay_of(item, *self._stored[event_id], self._whoever))
            return True
        record = self.known.clerk.by_id.get(event_id)
        if record is None:
            return False
        if event_id in self._ids:
            raise PutOver
        if self._stored is None and event_id not in decided:
            raise Overtaken("an id is taken, by a record that a rule has read")
        check_repeat(item, record)
        decided.repeated(event_id)
        return True

    def _register(self, item: Incoming, recorded_us: int, decided: Decided) -> None:
        """Registers what an event is about and is not registered yet."""
        for claim in records.claims_of(item.event):
            if claim not in self.known.registered:
                named = intake.canonical(ev.ClaimRegistered(claim=claim, text=claim))
                registration = Incoming(None, item.recorded_by, *named, item.recorded_us)
                decided.unasked(self._accept(registration, recorded_us))

    def _accept(self, item: Incoming, recorded_us: int, alone: bool = False) -> Draft:
        """Decides on an event, unless it is decided alone, and knows it from now on."""
        event, event_id, recorded_by, known = item.event, item.id, item.recorded_by, self.known
        if event_id is None:
            event_id = self._new_id(recorded_us)
        tags = item.tags if alone else rules.decide_on(event, item.tags, event_id, known, recorded_us)
        # Positions only need to follow each other here; the store gives the real ones.
        position, recorded_at = self.head.position + 1 + len(known.clerk.by_id), when.moment(recorded_us)
        known.add(Record(position=position, id=event_id, recorded_at=recorded_at, recorded_by=recorded_by, event=event))
        if item.stored is not None:
            before, after = item.stored, b""
        else:
            before, after = records.envelope(event_id, recorded_by, item.data)
            if item.recorded_us is not None:
                before, after = before + when.stamp(item.recorded_us).encode() + after, b""
        return Draft(event_id, ev.tag_of(event), before, after, tags, item.recorded_us)

    def _read_wanted(self, events: Sequence[Event]) -> None:
        known, until = self.known, self.head.position
        while wanted := known.wants(events):
            # All of it is read before any is known: what cannot be read is still wanted by the next batch.
            found = list(records.decode_all(tagged(self._index, wanted, until)))
            known.read |= wanted
            for record in found:
                known.add(record)
            events = [event for event in events if records.targets(event)]

    def _check_expected(self, claims: Set[str], expected: int) -> None:
        head = self.head.position
        within = 0 <= expected <= head
        if self.drafts and (not within or not claims.isdisjoint(chain.from_iterable(d.tags for d in self.drafts))):
            raise PutOver
        if not within:
            raise beyond(f"expected position {expected}", head, "give the last one that you have read of this ledger")
        if expected < head and claims:
            found = self._index.tagged(claims, after=expected, until=head)
            between = [position for position, _ in islice(found, _NAMED)]
            if between:
                about = sorted({tag.rpartition(":")[2] for tag in claims})
                came = "event came" if len(between) == 1 else "events came"
                many = f"at least {_NAMED}" if len(between) == _NAMED else str(len(between))
                first = ", ".join(map(str, between[:3])) + (" …" if len(between) > 3 else "")
                raise Conflict(
                    f"{many} {came} after position {expected} about {', '.join(about)} (at {first}); read that "
                    f"(`claims log {about[0]} --after {expected}`), then decide again",
                    between,
                    head,
                )
