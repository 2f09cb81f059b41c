"""What does the status of one claim cost, and does it matter how large the ledger around it is?

The claim has ten acts by the busiest speakers, through the busiest carriers, and two related claims with two acts each.
The small ledger holds the very records that the large one needs for the answer, and little else.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from itertools import islice
from pathlib import Path

import apsw
from agreement import Recording
from floors import Envelope, envelope
from measure import Bar, Figure, Measured, Setting, Watch, figures, settled
from msgspec.structs import replace
from whole import CLAIM, imported

from ledger import Entry, Ledger, Record
from ledger import events as ev
from ledger.records import ACTS
from ledger.synthetic import synthetic
from projections import status

TIMES = 1_000


@figures(
    Figure(
        "claim_status_ms", "ms", Bar("<=", 1, "ms"), "one SELECT and msgspec decode of the records it needs; median"
    ),
    Figure(
        "claim_status_growth", "ms", Bar("<=", 1.2), "in a ledger of a hundredth (below a million, of 100 events); p99"
    ),
    Figure("claim_status_growth_p50", "ms", Bar("<=", 1.2), "the same; median"),
)
def claim_status(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """The same answer from a large ledger, from a small one, and the bare reading of the same records, in turn."""
    large, small = imported(setting).path, setting.path("small.db")
    needed = _needed(large)
    _make(small, _with_filler(needed, 100 if setting.events < 1_000_000 else setting.events // 100))
    reader = _BareReader(large, [record.position for record in needed])
    watches = in_large, in_small, bare = Watch(), Watch(), Watch()
    with Ledger.open(large) as ledger, Ledger.open(small) as lesser, settled():
        _check_same(ledger, lesser)
        for _ in range(TIMES):
            with in_large.lap():
                ledger.state(status, CLAIM)
            with in_small.lap():
                lesser.state(status, CLAIM)
            with bare.lap():
                reader.read()
    for watch in watches:
        del watch.laps[: TIMES // 10]
    yield "claim_status_ms", Measured(*(watch.percentile(50) for watch in (in_large, bare)))
    yield "claim_status_growth", Measured(*(watch.percentile(99) for watch in (in_large, in_small)))
    yield "claim_status_growth_p50", Measured(*(watch.percentile(50) for watch in (in_large, in_small)))


class _BareReader:
    def __init__(self, path: Path, positions: list[int]) -> None:
        self._connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        self._positions = str(positions)

    def read(self) -> list[Envelope]:
        sql = "SELECT data FROM event WHERE position IN (SELECT value FROM json_each(?)) ORDER BY position"
        return [envelope(data) for (data,) in self._connection.execute(sql, (self._positions,)).fetchall()]


def _needed(path: Path) -> list[Record]:
    recording = Recording()
    with Ledger.open(path) as ledger:
        ledger.state(recording, CLAIM)
    return sorted(recording.given, key=lambda record: record.position)


def _with_filler(needed: list[Record], size: int) -> Iterator[tuple[Entry, int]]:
    """The records that matter, among others that do not, all in the order of their times."""
    own = [(Entry(event=r.event, id=r.id, recorded_by=r.recorded_by), r.recorded_us) for r in needed]
    others = ((entry, at) for entry, at in synthetic(10 * size, seed=7) if _stands_alone(entry.event))
    filler = list(islice(others, max(0, size - len(own))))
    return merge(own, filler, key=lambda pair: pair[1])


def _stands_alone(event: ev.Event) -> bool:
    return isinstance(event, ev.ClaimRegistered) or (isinstance(event, ACTS) and bool(event.claims))


def _make(path: Path, content: Iterator[tuple[Entry, int]]) -> None:
    with Ledger.open(path) as ledger:
        for _ in ledger.load(content):
            pass


def _check_same(ledger: Ledger, lesser: Ledger) -> None:
    answers = [replace(one.state(status, CLAIM), as_of=None) for one in (ledger, lesser)]
    if answers[0] != answers[1]:
        raise AssertionError("the claim stands differently in the two ledgers: they cannot be compared")
