"""Where would claims stand if an act were appended? The same projections, over the records and one that is none yet.

Nothing is written: the draft is given to the fold as the record after the last, made now.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from typing import Final

from msgspec import Struct

from ledger import Ledger, NotFound, Record, fold, records, when
from ledger import events as ev
from ledger.events import Event
from ledger.fold import AsOf, Question
from ledger.ids import Ids
from ledger.intake import Entry
from ledger.walking import Walked
from projections import diff, status
from projections.diff import Diff
from projections.explained import Explained
from projections.status import Status

MOST: Final = 50
"""So many claims are looked at: those it names, and those it may reach."""


class Change(Struct, frozen=True):
    """A claim before and after."""

    before: Status
    after: Status
    diff: Diff
    named: bool
    """Whether the act names it; else relations lead there."""

    @property
    def is_one(self) -> bool:
        """Whether anything would be different."""
        told = self.diff
        weighed = told.assessments_in or told.assessments_out
        return bool(told.changed or told.roots or weighed or told.flags_raised or told.flags_dropped)


def changes(ledger: Ledger, entry: Entry, now_us: int) -> list[Change]:
    """What an act would change: every claim it names, and of those that it may reach the ones that would change.

    `now_us` is the moment of recording, in microseconds since 1970-01-01T00:00:00Z.
    """
    head = ledger.question().as_of
    draft = _draft(entry, head, now_us)
    named = _named(ledger, entry.event)
    found = []
    for claim in [*named, *_reached(ledger, named)][:MOST]:
        try:
            before: Status = ledger.state(status, claim, as_of=head.position)
        except NotFound:
            continue
        after = _after(ledger, claim, head, draft)
        found.append(Change(before, after, diff.between(before, after), claim in named))
    return [change for change in found if change.named or change.is_one]


def _draft(entry: Entry, head: AsOf, now_us: int) -> Record:
    """The record that the act would be: under its own id, or one that no other event has."""
    last_us = 0 if head.recorded_at is None else when.instant(head.recorded_at)
    return Record(
        position=head.position + 1,
        id=entry.id or Ids()(now_us),
        recorded_at=when.moment(max(now_us, last_us)),
        recorded_by=entry.recorded_by or "",
        event=entry.event,
    )


def _after(ledger: Ledger, claim: str, head: AsOf, draft: Record) -> Status:
    """The status with the draft; it is read where a record with its tags would be."""
    tags = {*records.tags(draft.event), *(f"claim:{one}" for one in _named(ledger, draft.event))}
    question = Question(subject=claim, as_of=AsOf(draft.position, when.stamp(draft.recorded_us)))

    def read(wanted: Collection[str]) -> Iterable[Record]:
        yield from records.decode_all(ledger.tagged(wanted, as_of=head.position))
        if not tags.isdisjoint(wanted):
            yield draft

    found: Status = fold.fold(status, question, read)
    return found


def _named(ledger: Ledger, event: Event) -> list[str]:
    """The claims an act is on: those it names, and those of the acts whose utterance it denies."""
    named = dict.fromkeys(getattr(event, "claims", ()))
    for act in getattr(event, "acts", ()):
        named |= dict.fromkeys(getattr(ledger.record(act).event, "claims", ()))
    return list(named)


def _reached(ledger: Ledger, named: Iterable[str]) -> Iterator[str]:
    """Claims that relations lead to from those, nearest first."""
    start = len(found := Walked(named))
    for claim in found:
        if len(found) > MOST:
            break
        found.add(sorted(_beside(ledger, claim)))
    return islice(found, start, None)


def _beside(ledger: Ledger, claim: str) -> set[str]:
    """Claims that a relation ties to a claim."""
    try:
        explained: Explained = ledger.state(Explained, claim)
    except NotFound:
        return set()
    events = [record.event for record in explained.register.relations]
    tied = [(event.from_, event.to) for event in events if isinstance(event, ev.ClaimsRelated)]
    return {other for pair in tied if claim in pair for other in pair}
