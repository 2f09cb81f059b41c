"""What is told of the sources that matter here? The records of the register of sources, found by the sources."""

from __future__ import annotations

from collections.abc import Iterable

from ledger import NotFound, Record
from ledger import events as ev
from ledger.records import CLERKS, decode, leads_to
from ledger.store import Stored

from ..tracking.desk import DIRECTED
from ..tracking.entries import Entries
from ..tracking.rows import FOREVER
from .file import Named
from .reached import sources_of


class Book:
    """All that a ledger is told of sources, and what of it an answer about some of them needs."""

    def __init__(self, told: Iterable[Stored]) -> None:
        self._records: dict[int, Record] = {}
        self._by_id: dict[str, int] = {}
        self._positions: dict[str, list[int]] = {}  # source -> where it is told of, as the near end of a relation
        self._beyond: dict[str, set[str]] = {}  # source -> those on which what it counts for may hang
        concerned: dict[str, set[str]] = {}  # event id -> sources
        for position, stored in told:
            record = decode(position, stored)
            self._records[position] = record
            self._by_id[record.id] = position
            sources = concerned[record.id] = set(sources_of(record.event))
            for target in leads_to(record.event):
                sources |= concerned.get(target, set())
            if isinstance(record.event, ev.SourceRelated):
                self._link(record.event)
            elif len(sources) > 1:  # a change, which may make any relation of any of them
                for source in sources:
                    self._beyond.setdefault(source, set()).update(sources)
            for source in sources - {_far(record.event)}:
                self._positions.setdefault(source, []).append(position)
            if isinstance(record.event, ev.RecordAmended):
                self._concern(record, sources, concerned)

    def _concern(self, change: Record, sources: set[str], concerned: dict[str, set[str]]) -> None:
        """What was of something else until it was changed is of these sources, too, and so is what will be about it."""
        queue = list(leads_to(change.event))
        for event_id in queue:  # grows while it is walked
            if event_id in concerned and (new := sources - concerned[event_id]):
                position = self._by_id[event_id]
                concerned[event_id] |= new
                for source in new - {_far(self._records[position].event)}:
                    self._positions.setdefault(source, []).append(position)
                queue += leads_to(self._records[position].event)

    def by_id(self, event_id: str) -> Record:
        """One of the records. Raises NotFound."""
        position = self._by_id.get(event_id)
        if position is None:
            raise NotFound(f"there is nothing told of sources by the id {event_id!r}")
        return self._records[position]

    def opened(self) -> Reader:
        """Somebody who has read nothing of it yet."""
        return Reader(self._records, self._positions, self._beyond)

    def _link(self, relation: ev.SourceRelated) -> None:
        if relation.relation != "independent_of":
            self._beyond.setdefault(relation.from_, set()).add(relation.to)
        if relation.relation == "same_as":
            self._beyond.setdefault(relation.to, set()).add(relation.from_)


class Reader:
    """Gives what is told of sources and of those on which they hang, each record once."""

    def __init__(
        self, records: dict[int, Record], positions: dict[str, list[int]], beyond: dict[str, set[str]]
    ) -> None:
        self._records, self._positions, self._beyond = records, positions, beyond
        self._sources: set[str] = set()
        self._given: set[int] = set()

    def of(self, sources: Iterable[str]) -> list[Record]:
        """The records that bear on whom these sources count for, and with whom they may be one; in order."""
        known = self._sources
        queue = [source for source in sources if source not in known]
        if not queue:  # most were read before
            return []
        known.update(queue)
        positions: set[int] = set()
        for source in queue:  # grows while it is walked
            positions.update(self._positions.get(source, ()))
            for other in self._beyond.get(source, ()):
                if other not in known:
                    known.add(other)
                    queue.append(other)
        positions -= self._given
        self._given |= positions
        return [self._records[position] for position in sorted(positions)]


def _far(event: ev.Event) -> str | None:
    """The end of a relation from which it is not found: no answer depends on who else speaks for its principal."""
    if isinstance(event, ev.SourceRelated) and event.relation in DIRECTED:
        return event.to
    return None


def register_names(book: Book, told: Iterable[Stored]) -> list[Named]:
    """The names that the register had of sources, each from and until when."""
    return _Names(book).of(told)


class _Names:
    def __init__(self, book: Book) -> None:
        self._entries = Entries(book.by_id)
        self._registered: dict[str, dict[int, str]] = {}  # source -> position -> name
        self._held: dict[str, tuple[str, int]] = {}
        self._found: list[Named] = []

    def of(self, told: Iterable[Stored]) -> list[Named]:
        """All of them."""
        for position, stored in told:
            record = decode(position, stored)
            for source in self._take(record):
                self._settle(source, position)
        return self._found + [(source, name, since, FOREVER) for source, (name, since) in self._held.items()]

    def _take(self, record: Record) -> set[str]:
        changed: list[tuple[Record | None, Record | None]] = [(None, record)]
        if isinstance(record.event, CLERKS):
            self._entries.keep(record)
            changed = [self._entries.change(base) for base in list(self._entries.bases(record.id))]
        touched: set[str] = set()
        for before, now in changed:
            if before is not None and isinstance(before.event, ev.SourceRegistered):
                self._registered.get(before.event.source, {}).pop(before.position, None)
                touched.add(before.event.source)
            if now is not None and isinstance(now.event, ev.SourceRegistered):
                self._registered.setdefault(now.event.source, {})[now.position] = now.event.name
                touched.add(now.event.source)
        return touched

    def _settle(self, source: str, position: int) -> None:
        registered = self._registered.get(source)
        name = registered[max(registered)] if registered else None
        held = self._held.get(source)
        if held is not None and held[0] != name:
            self._found.append((source, *self._held.pop(source), position))
        if name is not None and (held is None or held[0] != name):
            self._held[source] = name, position
