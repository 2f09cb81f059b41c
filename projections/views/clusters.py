"""Which claims must be judged together? The clusters that a ledger falls into, each of which is a world of its own.

Where a claim stands depends on the records that name it, on those that name what it is related to, and on what is
known of the sources in their chains. So claims that a relation ever tied to each other make a *cluster*, with whatever
an amendment moved from one to another. Clusters share no record that matters to both in the same way, and can be folded
in any order, or at the same time.

Two things tie no claims by themselves, as an act that names several does not. A denial that perhaps means another claim
matters there for as long as it stands where it was made: only what takes back several acts of a speaker at once can end
that unseen from there, so the two are tied where anything of that speaker was ever taken back. An act that a change
moved to another claim is read there with all that was about it before; unless what is about it was moved, too.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any, Final, Union

import msgspec
from msgspec import Struct, defstruct

from ledger import Ledger, NotFound, Record, names
from ledger import events as ev
from ledger.records import ACTS, CLERKS, MOVING, decode, leads_to, targets
from ledger.store import Stored

from ..dossier import new_ends
from .reached import named_of

CHUNK: Final = 25_000
"""About so many records are folded at a time, by each process; a cluster that has more is folded at once."""


class Plan(Struct):
    """The claims of a ledger up to a position, by number, and how they fall into chunks of whole clusters."""

    claims: list[str]
    """By number, in the order in which they were registered."""
    chunks: list[list[int]]
    """The numbers of the claims of each chunk; a chunk that is a single large cluster comes first."""
    weights: list[int]
    """About how many records each chunk has."""
    records: array[int]
    """The same of each claim, by its number."""
    desk: list[Stored]
    """What is told of sources, and whatever amends, voids or withdraws that, as stored."""
    moved: list[list[str]]
    """The ids of the acts that a change moved to claims of each chunk: what was about them before is there, too."""


def plan(ledger: Ledger, until: int, size: int) -> Plan:
    """Reads every record up to a position once, and parts the claims into chunks of about so many records."""
    finder = _Finder(ledger)
    for position, stored in ledger.whole(as_of=until):
        finder.take(position, stored)
    weighed = list(_chunked(finder.clusters(), size))
    chunks, moved = [numbers for _, numbers in weighed], finder.moved()
    moved_to = [sorted({event_id for number in chunk for event_id in moved.get(number, ())}) for chunk in chunks]
    weights = [records for records, _ in weighed]
    return Plan(finder.claims, chunks, weights, finder.records, finder.desk, moved_to)


# Only what ties claims to each other is read of a record, which takes half the time of reading all of it. A type that
# this version does not know is told of by reading the record whole.
_FIELDS: Final[dict[str, list[Any]]] = {
    "statement": [("claims", tuple[str, ...])],
    "denial": [
        ("claims", tuple[str, ...], ()),
        ("possible_claims", tuple[str, ...], ()),
        ("acts", tuple[str, ...], ()),
    ],
    "assessment": [("claims", tuple[str, ...])],
    "retraction": [("act", str)],
    "claim_registered": [("claim", str)],
    "claims_related": [("from_", str, msgspec.field(name="from")), ("to", str)],
    "relation_withdrawn": [("target", str)],
    "record_voided": [("target", str)],
}
_KINDS: Final[dict[str, type[Struct]]] = {
    tag: defstruct(cls.__name__, _FIELDS.get(tag, []), tag=tag, tag_field="type") for tag, cls in ev.TYPES.items()
}


#: What a change has others say, or be about.
_RECASTING: Final = frozenset(("chain", "relation", "from", "to", "act", "acts", "target", "changes"))
_ABOUT: Final = frozenset(("act", "acts", "target", "changes"))


class _Entry(Struct):
    id: str
    event: Union[tuple(_KINDS.values())]  # type: ignore[valid-type]  # noqa: UP007


_decode: Final = msgspec.json.Decoder(_Entry).decode


class _Finder:
    """Finds what ties claims to each other."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.claims: list[str] = []
        self.records = array("I")
        self.desk: list[Stored] = []
        self._numbers: dict[str, int] = {}
        self._parents = array("I")
        self._told: set[str] = set()  # the ids of what the desk is told of sources, and of what changes it
        self._moved: dict[str, set[str]] = {}  # the ids of acts, and the claims that changes moved them to
        self._hanging: set[str] = set()  # the ids of all that any other move was about
        self._perhaps: list[tuple[str, ev.Denial]] = []  # those that perhaps mean other claims, too, with their ids
        self._taken_back: set[str] = set()  # the ids of what a retraction, or a denial of the utterance, is about
        self._recast: set[str] = set()  # the ids of what may have been given another speaker, or be about another act
        self._same: dict[str, str] = {}  # sources that were ever the same, each under one that is nearer to the first

    def take(self, position: int, stored: bytes) -> None:
        """Takes the next record in."""
        try:
            entry = _decode(stored)
        except (msgspec.MsgspecError, ValueError):
            self._take_whole(decode(position, stored), stored)
            return
        tag = entry.event.__struct_config__.tag
        match tag:
            case "statement" | "denial" | "assessment":
                event: Any = entry.event
                for claim in event.claims:
                    self.records[self._numbers[claim]] += 1
                if tag == "denial" and (event.possible_claims or event.acts):
                    self._take_whole(decode(position, stored), stored)
            case "retraction":
                self._taken_back.add(entry.event.act)
            case "claim_registered":
                self._number(entry.event.claim)
            case "claims_related":
                self._tie((entry.event.from_, entry.event.to))
            case "source_registered":
                self._tell(entry.id, (position, stored))
            case "source_related":
                self._take_whole(decode(position, stored), stored)
            case "relation_withdrawn" | "record_voided":
                if entry.event.target in self._told:
                    self._tell(entry.id, (position, stored))
            case "record_amended" | "correction":
                self._take_whole(decode(position, stored), stored)
            case _:  # gradings, rulings, evidence, wordings: of one claim, or of none that stands by them
                pass

    def clusters(self) -> Iterator[tuple[int, list[int]]]:
        """How many records are of each cluster, and the numbers of its claims."""
        for event_id in sorted(self._moved.keys() & self._hanging):
            self._tie([*self._concerned(self._ledger.record(event_id).event, set()), *self._moved[event_id]])
        for claims in list(self._tied_perhaps()):
            self._tie(claims)
        members: dict[int, list[int]] = {}
        for number in range(len(self.claims)):
            members.setdefault(self._find(number), []).append(number)
        for numbers in members.values():
            yield sum(self.records[number] for number in numbers), numbers

    def moved(self) -> dict[int, list[str]]:
        """By the number of a claim, the ids of the acts that a change moved there."""
        found: dict[int, list[str]] = {}
        for event_id, claims in self._moved.items():
            for number in (self._numbers[claim] for claim in claims if claim in self._numbers):
                found.setdefault(number, []).append(event_id)
        return found

    def _take_whole(self, record: Record, stored: bytes) -> None:
        event = record.event
        match event:
            case ev.Denial():
                self._taken_back.update(event.acts)
                if event.possible_claims:
                    self._perhaps.append((record.id, event))
            case ev.Retraction():
                self._taken_back.add(event.act)
            case ev.ClaimRegistered():
                self._number(event.claim)
            case ev.ClaimsRelated():
                self._tie((event.from_, event.to))
            case ev.SourceRegistered() | ev.SourceRelated():
                self._tell(record.id, (record.position, stored))
                if isinstance(event, ev.SourceRelated) and event.relation == "same_as":
                    self._unite((event.from_, event.to))
            case ev.RecordAmended() | ev.Correction() | ev.RecordVoided() | ev.RelationWithdrawn():
                about = leads_to(event)
                if not self._told.isdisjoint(about):
                    for target in about:
                        self._tell_of(target)
                    self._tell(record.id, (record.position, stored))
                self._change(event, getattr(event, "changes", {}))
            case _:
                pass

    def _change(self, event: ev.Event, changes: dict[str, Any]) -> None:
        """What a change may tie or untie that was not so before."""
        if not (MOVING | _RECASTING).isdisjoint(changes):
            met: set[str] = set()
            claims = list(self._concerned(event, met))
            if not (MOVING.isdisjoint(changes) or self._move(targets(event)[0], changes)):
                self._tie(claims)
                self._hanging |= met
            if not _RECASTING.isdisjoint(changes):
                self._recast |= met
            if not _ABOUT.isdisjoint(changes):
                self._taken_back |= met
            ends, made = (list(chain.from_iterable(map(of, sorted(met)))) for of in (self._ends_of, self._ends_made_by))
            if ends:
                self._unite([*ends, *made, *new_ends(changes)])

    def _move(self, event_id: str, changes: dict[str, Any]) -> bool:
        """Whether a change moves an act from some claims to others, and nothing else to anywhere."""
        if MOVING.intersection(changes) != {"claims"} or not isinstance(self._ledger.record(event_id).event, ACTS):
            return False
        self._moved.setdefault(event_id, set()).update(changes["claims"] or ())
        return True

    def _ends_of(self, event_id: str) -> tuple[str, ...]:
        """The sources that a record relates to each other, if it does."""
        with suppress(NotFound):
            event = self._ledger.record(event_id).event
            if isinstance(event, ev.SourceRelated):
                return event.from_, event.to
        return ()

    def _ends_made_by(self, event_id: str) -> Iterator[str]:
        """The sources that a change has a relation lead from or to, if it does."""
        with suppress(NotFound):
            yield from new_ends(getattr(self._ledger.record(event_id).event, "changes", {}))

    def _tied_perhaps(self) -> Iterator[tuple[str, ...]]:
        """The claims that a denial is on and those that it perhaps means, where these hang on what else is on those."""
        taken: set[tuple[int, str | None]] = set()  # the cluster, and who said there what was taken back; None: anybody
        for event_id in self._taken_back:
            with suppress(NotFound):
                event = self._ledger.record(event_id).event
                if isinstance(event, ACTS):
                    who = None if event_id in self._recast else self._class_of(names.speaker(event.chain))
                    claims = self._moved.get(event_id, set()).union(event.claims)
                    taken |= {(self._find(self._numbers[claim]), who) for claim in claims if claim in self._numbers}
        for event_id, denial in self._perhaps:
            speaker = self._class_of(names.speaker(denial.chain))
            on = {self._find(self._numbers[claim]) for claim in denial.claims}
            if (
                denial.acts
                or event_id in self._recast
                or event_id in self._moved
                or any((root, who) in taken for root in on for who in (speaker, None))
            ):
                yield *denial.claims, *denial.possible_claims, *self._moved.get(event_id, ())

    def _concerned(self, event: ev.Event, seen: set[str]) -> Iterator[str]:
        """The claims that an event names, or would, and those of what it is about, or would be."""
        yield from named_of(event)
        for target in leads_to(event):
            if target not in seen:
                seen.add(target)
                try:
                    yield from self._concerned(self._ledger.record(target).event, seen)
                except NotFound:  # a change may name what is not there
                    continue

    def _tell_of(self, event_id: str) -> None:
        """A change that is moved to what is told of sources was of something else until then."""
        if event_id not in self._told:
            with suppress(NotFound):  # a change may name what is not there
                record = self._ledger.record(event_id)
                if isinstance(record.event, (*CLERKS, ev.RelationWithdrawn)):
                    self._tell(event_id, *self._ledger.stored(after=record.position - 1, as_of=record.position))

    def _tell(self, event_id: str, stored: Stored) -> None:
        self._told.add(event_id)
        self.desk.append(stored)

    def _number(self, claim: str) -> int:
        known = self._numbers.get(claim)
        if known is None:
            known = self._numbers[claim] = len(self.claims)
            self.claims.append(claim)
            self._parents.append(known)
            self.records.append(1)
        return known

    def _tie(self, claims: Iterable[str]) -> None:
        roots = {self._find(self._numbers[claim]) for claim in claims if claim in self._numbers}
        for root in roots:
            self._parents[root] = min(roots)

    def _unite(self, sources: Iterable[str]) -> None:
        """Some sources may ever have been the same."""
        tops = {self._class_of(source) for source in sources}
        for top in tops:
            self._same[top] = min(tops)

    def _class_of(self, source: str) -> str:
        while (nearer := self._same.get(source, source)) != source:
            source = nearer
        return source

    def _find(self, number: int) -> int:
        parents = self._parents
        while parents[number] != number:
            parents[number] = parents[parents[number]]
            number = parents[number]
        return number


def _chunked(clusters: Iterable[tuple[int, list[int]]], size: int) -> Iterator[tuple[int, list[int]]]:
    """Whole clusters put together until they hold so many records; those that hold more by themselves come first."""
    chunk: list[int] = []
    held = 0
    found = list(clusters)
    yield from sorted((cluster for cluster in found if cluster[0] >= size), reverse=True)
    for records, numbers in found:  # in the order of registration, so that what lies together is read together
        if records < size:
            chunk += numbers
            held += records
            if held >= size:
                yield held, chunk
                chunk, held = [], 0
    if chunk:
        yield held, chunk
