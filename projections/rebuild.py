"""How is a view made anew from every record? Folded by the tracker, and written by the batch."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from ledger import Ledger, Record

from .board import Row
from .catching import UNSETTLING, Claims, Finds, Judged, Judging, find
from .reached import concerned, named_of
from .rows import Columns, claim_key, node, row_hash, to_columns
from .tracker import Reading, Tracker
from .viewfile import GRID, MASK, Bulk, Connection, checkpoint_of, create_indexes, drop_indexes, mark


def build(connection: Connection, ledger: Ledger, reach: int, progress: Callable[[int], object], search: bool) -> None:
    """Fills an empty view."""
    connection.pragma("synchronous", "off")  # until it is done it is nothing, and then it is written at once
    until = ledger.head
    tracker = Tracker(reading(ledger), reach=reach)
    with _uncollected(), connection:
        connection.execute("INSERT INTO meta VALUES ('searched', ?)", (int(search),))
        writer = _Writer(connection)
        finds = Finds(connection, writer.claims) if search else None
        for record in ledger.events(as_of=until):
            for claim in tracker.take(record):
                writer.put(record.position, claim, tracker.row(claim), tracker.claims[claim].kind or "")
            for claim in tracker.gone:
                writer.put(record.position, claim, None, "")
            writer.end(record.position)
            if finds is not None:
                _find(finds, ledger, record)
            if record.position % GRID == 0:
                gc.collect(0)
                progress(GRID)
        drop_indexes(connection)
        writer.flush()
        create_indexes(connection)
        if until:
            mark(connection, checkpoint_of(ledger, until), writer.state)
    progress(until % GRID)
    connection.pragma("synchronous", "normal")


def _find(finds: Finds, ledger: Ledger, record: Record) -> None:
    if isinstance(record.event, UNSETTLING):
        about = concerned(ledger, record.event, record.position)
        for claim in sorted({claim for event in about for claim in named_of(event)}):
            judged: Judged = ledger.state(Judging, claim, as_of=record.position)
            finds.settle(record.position, claim, judged)
    find(finds, ledger, record)


class _Writer:
    """Holds the row of each claim until another takes its place."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.claims = Claims(connection)
        self.state = 0
        self._held: dict[str, tuple[Columns, str, int]] = {}
        self._texts: dict[str, str] = {}
        self._rows: list[Columns] = []
        self._wordings: list[tuple[int, int, str]] = []
        self._counts: dict[int, int] = {}
        self._counted: dict[tuple[int, int], int] = {}

    def put(self, position: int, claim: str, row: Row | None, kind: str) -> None:
        """From this position on, the row of a claim is this."""
        held = self._held.get(claim)
        new = None
        if row is not None:
            new = to_columns(self.claims.number(claim), position, row, kind)
            if held is not None and held[0][4:] == new[4:] and held[1] == row.text:
                return
        if held is not None:
            del self._held[claim]
            self._rows.append(_until(held[0], position))
            self._count(held[0].status, -held[2], -1, position)
        if row is not None and new is not None:
            hash_ = row_hash(claim_key(claim, row.text), new.status, new.kind, new.flags, new.changed_at, new.counts)
            self._held[claim] = new, row.text, hash_
            if self._texts.get(claim) != row.text:
                self._texts[claim] = row.text
                self._wordings.append((new.claim_no, position, row.text))
            self._count(new.status, hash_, 1, position)

    def _count(self, status: int, hash_: int, sign: int, position: int) -> None:
        self.state = self.state + hash_ & MASK
        self._counts[status] = self._counted[status, position] = self._counts.get(status, 0) + sign

    def end(self, position: int) -> None:
        """All rows of a position were put."""
        if position % GRID == 0:
            state = self.state.to_bytes(16, "big")
            self._connection.execute("INSERT INTO state VALUES (?, ?)", (position, state))

    def flush(self) -> None:
        """Writes all."""
        self._rows += [held for held, *_ in self._held.values()]
        Bulk(self._connection).write(sorted(self._rows), sorted(self._wordings))
        counted = sorted((*key, claims) for key, claims in self._counted.items())
        self._connection.executemany("INSERT INTO tally VALUES (?, ?, ?)", counted)


def _until(row: Columns, position: int) -> Columns:
    return row._replace(until_position=position, node=node(row.from_position, position))


def reading(ledger: Ledger) -> Reading:
    """How a tracker reads again the few records that it must."""

    def at(position: int) -> Record:
        return next(ledger.events(after=position - 1, as_of=position))

    def of(claim: str, source: str, until: int) -> Iterable[Record]:
        return ledger.events(claim=claim, source=source, as_of=until)

    return Reading(ledger.record, at, of)


@contextmanager
def _uncollected() -> Iterator[None]:
    """A tracker holds millions of objects: to look through all of them for circles would take most of the time.

    What was made since the last look is looked through every so often, which finds what the settling of acts leaves.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()
