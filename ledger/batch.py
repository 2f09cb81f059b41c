"""What becomes of a batch: which events are written, which stood there before, and what is the receipt of each?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from . import records, when
from .errors import IdReused, Refused, UsageError
from .events import Event
from .intake import Entry, Incoming
from .known import Known
from .records import Record
from .store import Draft

MAX_BATCH: Final = 1_000
"""So many events a batch has at most."""


class Receipt(Struct, gc=False, frozen=True, kw_only=True):
    """Where an event stands. `replayed` tells that it stood there before, and nothing was written."""

    id: str
    position: int
    recorded_at: datetime
    replayed: bool = False


class Brought(Struct, frozen=True):
    """Events that are to be appended all or none, unread; `Ledger.brought` makes one."""

    entries: Sequence[Event | Entry]
    expected: int | None = None
    register: bool = False


class Batch(Struct, frozen=True):
    """Events that are appended all or none, read strictly; `Ledger.batch` makes one."""

    incoming: Sequence[Incoming]
    expected: int | None = None
    register: bool = False


def listed(entries: Iterable[Event | Entry]) -> Iterable[Event | Entry]:
    """The same. Raises UsageError for an event alone."""
    if isinstance(entries, Struct):
        raise UsageError("events come in a list; give [event], or `append` it")
    return entries


def check_size(events: int) -> None:
    """Raises UsageError where there are none, or more than a batch has."""
    if not 1 <= events <= MAX_BATCH:
        then = "append it in parts" if events else "give at least one"
        raise UsageError(f"a batch has 1 to {MAX_BATCH:,} events, not {events:,}; {then}")


class Decided:
    """What becomes of a batch: the drafts to be written, and for each event that came in what its receipt is."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self._answers: list[Receipt | int] = []  # a receipt, or the place of a draft
        self._repeats: set[int] = set()  # which answers are about a draft that stands earlier in the batch

    def __contains__(self, event_id: str) -> bool:
        return any(draft.id == event_id for draft in self.drafts)

    @property
    def replays(self) -> bool:
        """Whether any event was in the ledger before."""
        return any(isinstance(answer, Receipt) for answer in self._answers)

    def claims(self) -> set[str]:
        """The tags of all claims that the drafts are about or relate."""
        tags = set().union(*[draft.tags for draft in self.drafts])
        claims = {tag.removeprefix("relation:") for tag in tags if tag.startswith(("claim:", "relation:claim:"))}
        return claims | {f"relation:{claim}" for claim in claims}

    def accepted(self, draft: Draft) -> None:
        """An event is written."""
        self._answers.append(len(self.drafts))
        self.drafts.append(draft)

    def unasked(self, draft: Draft) -> None:
        """An event is written that nobody sent."""
        self.drafts.append(draft)

    def stood(self, receipt: Receipt) -> None:
        """An event was in the ledger before."""
        self._answers.append(receipt)

    def repeated(self, event_id: str) -> None:
        """An event stands earlier in the batch."""
        # Where events are only checked, each by itself, the earlier one is no draft here; nobody asks for a receipt.
        place = next((place for place, draft in enumerate(self.drafts) if draft.id == event_id), 0)
        self._repeats.add(len(self._answers))
        self._answers.append(place)

    def receipts(self, first: int, recorded_at: datetime) -> list[Receipt]:
        """One for each event that came in, the first draft being written at this position and moment."""
        receipts: list[Receipt] = []
        for index, answer in enumerate(self._answers):
            if isinstance(answer, Receipt):
                receipts.append(answer)
                continue
            draft = self.drafts[answer]
            assert draft.id is not None
            at = recorded_at if draft.recorded_at is None else when.moment(draft.recorded_at)
            receipt = Receipt(id=draft.id, position=first + answer, recorded_at=at, replayed=index in self._repeats)
            receipts.append(receipt)
        return receipts


def unless(kept: Iterable[tuple[Batch, Decided]], known: Known) -> Iterator[str]:
    """The condition of an append: it fails where an event that others appended since carries one of these tags."""
    yield from known.read
    for batch, decided in kept:
        for tag in decided.claims():
            if batch.expected is not None or tag.startswith("relation:"):
                yield tag
        yield from (f"id:{item.id}" for item in batch.incoming if item.id is not None)


class TooOld(Refused):
    """A record is older than the one before it, and has no place in this ledger. Internal to the package."""

    def __init__(self, what: str, recorded_us: int, last_us: int) -> None:
        super().__init__(
            f"{what} {when.stamp(recorded_us)}, is older than the one before it, of {when.stamp(last_us)}; "
            "a backfill goes into a new ledger"
        )


def replay_of(item: Incoming, position: int, stored: bytes, whoever: str | None = None) -> Receipt:
    """The receipt of an event whose id stands in the ledger. Raises IdReused where something else stands there.

    An event whose recorder is `whoever` may have been recorded by anybody.
    """
    if item.recorded_us is not None and item.stored == stored:  # as a rule, of an import that goes on
        at = when.moment(item.recorded_us)
        return Receipt(id=item.id or "", position=position, recorded_at=at, replayed=True)
    return replay(item, records.decode(position, stored), whoever)


def replay(item: Incoming, stood: Record, whoever: str | None = None) -> Receipt:
    """The same, of a record that was read."""
    if not _is_same(item, stood, whoever):
        at = f"at position {stood.position} (recorded by {stood.recorded_by} on {when.stamp(stood.recorded_us)})"
        if _has_its_event(item, stood):
            told = f"id {item.id!r} has this very event already, {at}; there is nothing to append"
        else:
            told = f"id {item.id!r} is taken by another event, {at}; give this one an id of its own"
        raise IdReused(told, [stood.position])
    return Receipt(id=stood.id, position=stood.position, recorded_at=stood.recorded_at, replayed=True)


def check_repeat(item: Incoming, accepted: Record) -> None:
    """Raises IdReused where an id was accepted just before with other content; that has no position yet."""
    if not _is_same(item, accepted):
        if _has_its_event(item, accepted):
            told = f"this very event, recorded by {accepted.recorded_by}; leave one of them out"
        else:
            told = "another event; give each an id of its own"
        raise IdReused(f"id {item.id!r} came before, in the same batch, with {told}")


def _is_same(item: Incoming, stood: Record, whoever: str | None = None) -> bool:
    same_time = item.recorded_us is None or item.recorded_us == stood.recorded_us
    return _has_its_event(item, stood) and same_time and item.recorded_by in (stood.recorded_by, whoever)


def _has_its_event(item: Incoming, stood: Record) -> bool:
    return records.encode_event(stood.event) == item.data
