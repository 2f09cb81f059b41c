"""Which claims does a record name, itself or through what it is about?

What is about an act that a change moved from one claim to another is about both, as `claims log CLAIM` shows it: so the
log and the board agree on when a claim was last heard of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ledger import events as ev
from ledger.events import Event
from ledger.records import Record, changes_within, targets, targets_in
from ledger.walking import Walked


def named_by(event: Event) -> tuple[str, ...]:
    """The claims an event names itself, not through what it is about."""
    match event:
        case ev.Statement() | ev.Denial() | ev.Assessment():
            return (*event.claims, *event.possible_claims)
        case ev.EvidenceAttached():
            return event.claims
        case ev.ClaimRegistered() | ev.ClaimReworded() | ev.RulingRecorded():
            return (event.claim,)
        case ev.ClaimsRelated():
            return (event.from_, event.to)
        case _:  # named through its target, or about sources
            return ()


class Naming:
    """The claims that records name, taken in by position; `find` gives a record by its id, as it came in, None where
    it is not there."""

    def __init__(self, find: Callable[[str], Record | None]) -> None:
        self._find = find
        self._position = 0  # nothing later was there yet
        self._claims: dict[str, set[str]] = {}  # by the id of an event, those that changes have it name
        self._targets: dict[str, set[str]] = {}  # the ids of what changes have it be about
        self._changes: dict[str, list[dict[str, Any]]] = {}  # those that changes have a change make

    def take(self, record: Record) -> set[str]:
        """The claims that the next record names."""
        self._position, event = record.position, record.event
        named = set(named_by(event))
        about = targets(event)
        if about:
            self._make(getattr(event, "changes", {}), about)
            named.update(self._through(about))
        return named

    def _event(self, event_id: str) -> Event | None:
        record = self._find(event_id)
        return record.event if record is not None and record.position < self._position else None

    def _through(self, ids: Iterable[str]) -> Iterator[str]:
        """The claims named by these events, and by what they are about, and so on."""
        for event_id in (reached := Walked(ids)):
            event = self._event(event_id)
            if event is not None:
                yield from named_by(event)
                yield from self._claims.get(event_id, ())
                reached.add((*targets(event), *self._targets.get(event_id, ())))

    def _make(self, changes: dict[str, Any], of: Iterable[str]) -> None:
        """Some events are changed; where that changes what a change makes, so is what that is about."""
        changed = set(of)
        for within in changes_within(changes):
            beneath: set[str] = set()
            for event_id in changed:
                event = self._event(event_id)
                if event is not None:
                    self._change(event_id, event, within)
                    beneath |= {*targets(event), *self._targets.get(event_id, ())}
            changed = beneath

    def _change(self, event_id: str, event: Event, within: dict[str, Any]) -> None:
        self._claims.setdefault(event_id, set()).update(_new_names(event, within))
        if made := within.get("changes"):
            self._changes.setdefault(event_id, []).append(made)
        new = set(targets_in(within)).difference(targets(event), self._targets.get(event_id, ()))
        if new:
            self._targets.setdefault(event_id, set()).update(new)
            for changes in (getattr(event, "changes", {}), *self._changes.get(event_id, ())):
                self._make(changes, new)


def _new_names(event: Event, within: dict[str, Any]) -> Iterator[str]:
    """The claims that changes have an event name, as far as it names any."""
    fields: tuple[str, ...] = ()
    match event:
        case ev.Statement() | ev.Denial() | ev.Assessment() | ev.EvidenceAttached():
            fields = ("claims", "possible_claims")
        case ev.ClaimRegistered() | ev.ClaimReworded() | ev.RulingRecorded():
            fields = ("claim",)
        case ev.ClaimsRelated():
            fields = ("from", "to")
        case _:
            pass
    for value in map(within.get, fields):
        if isinstance(value, str):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from (claim for claim in value if isinstance(claim, str))
