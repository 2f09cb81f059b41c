"""What is told of the sources that matter here? The records of the register of sources, found by the sources."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ledger import Record
from ledger import events as ev
from ledger import names
from ledger.records import ACTS, changes_within, decode, targets
from ledger.store import Stored

from .dossier import new_sources


class Book:
    """All that a ledger is told of sources, and what of it an answer about some of them needs."""

    def __init__(self, told: Iterable[Stored]) -> None:
        self._records: dict[int, Record] = {}
        self._positions: dict[str, list[int]] = {}  # source -> where it is told of, as the near end of a relation
        self._beyond: dict[str, set[str]] = {}  # source -> those on which what it counts for may hang
        concerned: dict[str, set[str]] = {}  # event id -> sources
        for position, stored in told:
            record = decode(position, stored)
            self._records[position] = record
            sources = concerned[record.id] = set(_sources(record.event))
            for target in targets(record.event):
                sources |= concerned.get(target, set())
            if isinstance(record.event, ev.SourceRelated):
                self._link(record.event)
            elif len(sources) > 1:  # a change, which may make any relation of any of them
                for source in sources:
                    self._beyond.setdefault(source, set()).update(sources)
            for source in sources - {_far(record.event)}:
                self._positions.setdefault(source, []).append(position)

    def near(self, sources: Iterable[str]) -> list[Record]:
        """The records that bear on whom these sources count for, and with whom they may be one; in order."""
        found = dict.fromkeys(sources)
        positions: set[int] = set()
        for source in (queue := list(found)):  # grows while it is walked
            positions.update(self._positions.get(source, ()))
            for other in self._beyond.get(source, ()):
                if other not in found:
                    found[other] = None
                    queue.append(other)
        return [self._records[position] for position in sorted(positions)]

    def _link(self, relation: ev.SourceRelated) -> None:
        if relation.relation != "independent_of":
            self._beyond.setdefault(relation.from_, set()).add(relation.to)
        if relation.relation == "same_as":
            self._beyond.setdefault(relation.to, set()).add(relation.from_)


def quoted(records: Iterable[Record]) -> set[str]:
    """The sources whose standing matters to these utterances: who speaks; of what was taken back, all in its chain."""
    found: set[str] = set()
    about: set[str] = set()
    chains: dict[str, tuple[ev.Link, ...]] = {}
    for record in records:
        event = record.event
        if isinstance(event, ACTS):
            first = event.chain[0]
            if first.kind in ev.BY_CARRIER:
                found.add(names.speaker(event.chain))
            else:
                found.add(first.source or names.slug(first.name))
            chains[record.id] = event.chain
        elif isinstance(event, (ev.Retraction, ev.Correction)):
            found.update(names.sources(event.chain))
        about.update(targets(event))
        changes = getattr(event, "changes", None)
        if changes:
            found.update(new_sources(changes))
    for target in about & chains.keys():
        found.update(names.sources(chains[target]))
    return found


def _far(event: ev.Event) -> str | None:
    """The end of a relation from which it is not found: nobody's answer depends on who else speaks for its principal."""
    directed = isinstance(event, ev.SourceRelated) and event.relation not in ("same_as", "independent_of")
    return event.to if directed and event.to != event.from_ else None  # type: ignore[union-attr]


def _sources(event: ev.Event) -> Iterator[str]:
    if isinstance(event, ev.SourceRelated):
        yield from (event.from_, event.to)
    elif isinstance(event, ev.SourceRegistered):
        yield event.source
    for within in changes_within(getattr(event, "changes", {})):
        for field in ("source", "from", "to"):
            if isinstance(value := within.get(field), str):
                yield value
