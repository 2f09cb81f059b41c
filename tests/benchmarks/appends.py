"""What does appending cost, beside a bare driver that commits the same rows?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from pathlib import Path
from statistics import median

from floors import BareWriter, Written, envelope
from measure import Bar, Figure, Measured, Setting, Watch, figures, settled
from slow_disk import slow_disk
from whole import BATCH, imported, said_again

from ledger import Ledger
from ledger.synthetic import synthetic

BLOCK = 50
BLOCKS = 14


@figures(
    Figure("bulk_append", "events/s", Bar(">=", 0.5), "bare apsw + msgspec encoding, writing the same rows"),
    Figure("bulk_append_prebuilt", "events/s", Bar(">=", 0.4), "bare apsw writing the same rows, made beforehand"),
)
def bulk(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """The usual mix of events with ids of their own, 1,000 an append; the three write in turn, each to its own file."""
    _bulk_round(setting, 3 * BATCH, seed=99)
    events = max(BATCH, setting.events // setting.rounds)
    rounds = [_bulk_round(setting, events, seed) for seed in range(setting.rounds)]
    ours, bare, encoding = (BATCH / median(laps) for laps in zip(*rounds, strict=True))
    yield "bulk_append", Measured(ours, encoding)
    yield "bulk_append_prebuilt", Measured(ours, bare)


@figures(
    Figure("single_append", "appends/s", Bar(">=", 0.75), "bare apsw committing the same rows, made beforehand"),
    Figure("single_append_slow_disk", "appends/s", None, "the same, each sync taking 2 ms longer"),
)
def single(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """One act on a registered claim, durable, in an open ledger of the run's size; in turn, 50 at a time.

    What Python does beside the commit is the more of it, the quicker the disk is.
    """
    yield "single_append", _single(setting)
    with slow_disk():
        yield "single_append_slow_disk", _single(setting)


def _single(setting: Setting) -> Measured:
    watch, floor = Watch(), Watch()
    with _beside(setting, 1, imported(setting).path) as (ledger, written, [writer]):
        acts = said_again(ledger)
        for _ in range(BLOCKS):
            for act in islice(acts, BLOCK):
                with watch.lap():
                    ledger.append(act)
            for rows in written.singly():
                with floor.lap():
                    writer.commit(rows)
    return Measured(*(1 / median(one.laps[2 * BLOCK :]) for one in (watch, floor)))


def _bulk_round(setting: Setting, events: int, seed: int) -> list[float]:
    """How long a batch takes us, the bare driver, and the bare driver that encodes."""
    stream = synthetic(events, seed=seed)
    ours, bare, encoding = Watch(), Watch(), Watch()
    with _beside(setting, 2) as (ledger, written, [writer, encoder]):
        while len(batch := [entry for entry, _ in islice(stream, BATCH)]) == BATCH:
            with ours.lap():
                ledger.append_all(batch)
            rows = written.rows()
            with bare.lap():
                writer.commit(rows)
            envelopes = [envelope(row[5]) for row in rows.events]
            with encoding.lap():
                encoder.commit_encoding(rows, envelopes)
    return [median(watch.laps) for watch in (ours, bare, encoding)]


@contextmanager
def _beside(
    setting: Setting, writers: int, begin: Path | None = None
) -> Iterator[tuple[Ledger, Written, list[BareWriter]]]:
    """A new ledger, or a copy of one, what reads its rows, and bare writers to files of the same content."""
    path, *others = [setting.path(f"append-{place}.db") for place in range(1 + writers)]
    if begin is None:
        Ledger.open(path).close()
    for other in others if begin is None else (path, *others):
        shutil.copyfile(begin or path, other)
    with ExitStack() as stack:
        ledger, written = stack.enter_context(Ledger.open(path)), stack.enter_context(closing(Written(path)))
        bare = [stack.enter_context(closing(BareWriter(other))) for other in others]
        with settled():
            yield ledger, written, bare
    setting.remove(path, *others)
