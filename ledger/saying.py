"""When was something said, in which order, and what does an act say once it was corrected?

A correction acts in the world at its own time: of several the one said last has the last word, whichever was recorded
first.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import NamedTuple, TypeAlias

from . import events as ev
from . import when
from .errors import InvalidEvent
from .intake import changed
from .records import Record

Key: TypeAlias = tuple[float, int, int]
"""The order in which things were said: (earliest, latest, position), unknown earliest first."""


class Said(NamedTuple):
    """What was said, as it stands by now, and when."""

    record: Record
    event: ev.Event
    span: when.Span

    @classmethod
    def of(cls, record: Record, event: ev.Event | None = None) -> Said:
        """What a record says, or by now: `event`."""
        event = record.event if event is None else event
        return cls(record, event, span_of(event, record))

    @property
    def latest(self) -> int:
        """By when it was certainly said, in microseconds since 1970-01-01T00:00:00Z."""
        assert self.span.latest is not None
        return self.span.latest

    @property
    def key(self) -> Key:
        """Where it stands in the order in which things were said."""
        return order(self.span, self.record.position)


def order(span: when.Span, position: int) -> Key:
    """Where something stands in the order in which things were said."""
    assert span.latest is not None
    return (float("-inf") if span.earliest is None else span.earliest, span.latest, position)


def span_of(event: ev.Event, record: Record) -> when.Span:
    """When an utterance was said, as its record could know it."""
    said_at = getattr(event, "said_at", None)
    if said_at is None:
        return when.Span(None, record.recorded_us)
    return when.parse(said_at).known_at(record.recorded_us)


def corrected(event: ev.Event, corrections: Iterable[Said]) -> ev.Event:
    """What an act says with its corrections; one that does not fit what is left of the act changes nothing."""
    return with_corrections(event, corrections)[0]


def with_corrections(event: ev.Event, corrections: Iterable[Said]) -> tuple[ev.Event, list[Said]]:
    """The same, and those of them that fit, as they were said."""
    fitting: list[Said] = []
    for said in sorted(corrections, key=attrgetter("key")):
        assert isinstance(said.event, ev.Correction)
        try:
            event = changed(event, said.event.changes)
        except InvalidEvent:  # fitted what was corrected then; that has since been amended
            continue
        fitting.append(said)
    return event, fitting
