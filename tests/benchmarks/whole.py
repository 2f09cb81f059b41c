"""What do whole ledgers cost: to import one, to rebuild its board at every position, to read a page of that?

Imports and rebuilds run in processes of their own, start and end counted, so that their memory is theirs.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import apsw
from appends import BATCH, _plain_acts
from floors import DECODER, BareWriter, Rows, envelope
from measure import Bar, Figure, Measured, Setting, Watch, figures, settled

from ledger import Ledger
from ledger.synthetic import synthetic
from projections.views import ORDERS, Views

PAGES = 100
CAUGHT_UP = 40
_NUMBER = struct.Struct("<I")


class Ran(NamedTuple):
    """What a process took."""

    seconds: float
    peak_mb: float


@figures(
    Figure("import", "events/s", Bar(">=", 0.5), "bare apsw + msgspec encoding, writing the same rows"),
    Figure("import_peak_mb", "MB", Bar("<=", 150, "MB"), "python -c 'import ledger.store.sqlite'"),
    Figure("rebuild", "events/s", Bar(">=", 0.03), "SELECT and msgspec decode of every record"),
    Figure("rebuild_peak_mb", "MB", Bar("<=", 700, "MB"), "python -c 'import ledger.store.sqlite'"),
    Figure("board_page_ms", "ms", Bar("<=", 5, "ms"), "one SELECT of 50 records; p99"),
    Figure("board_as_of_vs_now", "ms", Bar("<=", 2), "a page of 50 now, the worst of the orders and the counts; p99"),
    Figure("catch_up_vs_append", "ms", Bar("<=", 3), "the append of the act; p95"),
)
def whole(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """A synthetic ledger, imported, its view built, read and caught up."""
    stream, path = synthetic(setting.events + 10 * CAUGHT_UP), setting.path("whole.db")
    before = list(islice(stream, setting.events)) if setting.events <= 100_000 else []
    exported = setting.path("whole.ndjson")
    _export(setting, exported, path)
    idle = _run(setting, "import ledger.store.sqlite")
    taken = _run(setting, "from ledger.cli import main; main()", "--db", str(path), "import", str(exported))
    yield "import", Measured(setting.events / taken.seconds, setting.events / _written_barely(setting, path))
    yield "import_peak_mb", Measured(taken.peak_mb, idle.peak_mb)
    built = _run(setting, _REBUILD, str(path))
    decoding = _decoded(path)
    yield "rebuild", Measured(setting.events / built.seconds, setting.events / decoding)
    yield "rebuild_peak_mb", Measured(built.peak_mb, idle.peak_mb)
    with Ledger.open(path) as ledger, Views.open(ledger) as view, settled():
        yield from _pages(ledger, view)
        if before:
            yield "catch_up_vs_append", _caught_up(ledger, view, before, stream)


_REBUILD = """
import sys
from ledger import Ledger
from projections.views import Views
with Ledger.open(sys.argv[1], read_only=True, create=False) as ledger, Views.open(ledger) as view:
    view.rebuild()
"""


def _run(setting: Setting, code: str, *arguments: str) -> Ran:
    import ledger as package

    peak = setting.path("peak")
    environment = {**os.environ, "PYTHONPATH": str(Path(package.__file__).parents[1]), "PEAK": str(peak)}
    command = [sys.executable, "-c", _PEAK + code, *arguments]
    started = time.perf_counter()
    subprocess.run(command, env=environment, stderr=subprocess.DEVNULL, check=True)
    return Ran(time.perf_counter() - started, int(peak.read_text()) / 1024)


# What getrusage tells of a child begins with what its parent had.
_PEAK = """
import atexit, os
@atexit.register
def tell():
    with open("/proc/self/status") as status, open(os.environ["PEAK"], "w") as peak:
        peak.write(next(line for line in status if line.startswith("VmHWM")).split()[1])
"""


def _export(setting: Setting, exported: Path, path: Path) -> None:
    """Writes the NDJSON that `claims export` writes."""
    with Ledger.open(path) as ledger, exported.open("wb") as file:
        for _ in ledger.load(islice(synthetic(setting.events + 10 * CAUGHT_UP), setting.events)):
            pass
        for _, stored in ledger.stored():
            file.write(stored + b"\n")
    setting.path(path.name)


def _written_barely(setting: Setting, path: Path) -> float:
    """How long a bare driver takes that encodes and writes what an import wrote."""
    other = setting.path("bare.db")
    Ledger.open(other).close()
    writer, watch = BareWriter(other), Watch()
    for rows in _batches(path):
        envelopes = [envelope(row[5]) for row in rows.events]
        with watch.lap():
            writer.commit_encoding(rows, envelopes)
    writer.close()
    return watch.total


def _batches(path: Path) -> Iterator[Rows]:
    ask = apsw.Connection(str(path)).execute
    position = told = 0
    while events := ask(
        "SELECT * FROM event WHERE position > ? ORDER BY position LIMIT ?", (position, BATCH)
    ).fetchall():
        position = events[-1][0]
        pairs = sorted((number, row[0]) for row in events for (number,) in _NUMBER.iter_unpack(row[4]))
        tags = ask("SELECT * FROM tag WHERE tag_id > ? AND tag_id <= ?", (told, pairs[-1][0])).fetchall()
        told = max(told, pairs[-1][0])
        yield Rows(events, tags, pairs)


def _decoded(path: Path) -> float:
    connection = apsw.Connection(str(path))
    started = time.perf_counter()
    for (data,) in connection.execute("SELECT data FROM event ORDER BY position"):
        DECODER.decode(data)
    return time.perf_counter() - started


def _pages(ledger: Ledger, view: Views) -> Iterator[tuple[str, Measured]]:
    middle = ledger.head // 2
    bare, now, then = Watch(), {o: Watch() for o in ("counts", *ORDERS)}, {o: Watch() for o in ("counts", *ORDERS)}
    ask: Any = apsw.Connection(ledger.name).execute
    for _ in range(PAGES):
        with bare.lap():
            ask("SELECT data FROM event WHERE position > ? LIMIT 50", (middle,)).fetchall()
        for watches, at in ((now, None), (then, middle)):
            for order in ORDERS:
                with watches[order].lap():
                    view.page(order=order, as_of=at)
            with watches["counts"].lap():
                view.counts(as_of=at)
    slowest = max(ORDERS, key=lambda order: now[order].percentile(99))
    yield "board_page_ms", Measured(now[slowest].percentile(99) * 1e3, bare.percentile(99) * 1e3)
    worst = max(now, key=lambda order: then[order].percentile(99) / now[order].percentile(99))
    yield "board_as_of_vs_now", Measured(then[worst].percentile(99) * 1e3, now[worst].percentile(99) * 1e3)


def _caught_up(ledger: Ledger, view: Views, before: list[Any], stream: Iterator[Any]) -> Measured:
    append, catch_up = Watch(), Watch()
    for act in islice(_plain_acts(before, stream), CAUGHT_UP):
        with append.lap():
            receipt = ledger.append(act)
        with catch_up.lap():
            view.catch_up(wait_for=receipt)
    return Measured(catch_up.percentile(95) * 1e3, append.percentile(95) * 1e3)
