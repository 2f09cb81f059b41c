"""What does appending cost, beside a bare driver that commits the same rows?"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import islice
from statistics import median

from floors import BareWriter, Written, envelope
from measure import Bar, Figure, Measured, Setting, Watch, figures, settled

from ledger import Entry, Ledger
from ledger import events as ev
from ledger.rules import claims_of
from ledger.synthetic import synthetic

BATCH = 1_000
BEFORE = 10_000
BLOCK = 50
BLOCKS = 14


@figures(
    Figure("bulk_append", "events/s", Bar(">=", 0.4), "bare apsw writing the same rows, made beforehand"),
    Figure("bulk_append_encoding", "events/s", Bar(">=", 0.5), "bare apsw + msgspec encoding, writing the same rows"),
)
def bulk(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """The usual mix of events with ids of their own, 1,000 an append; the three write in turn, each to its own file."""
    _bulk_round(setting, 3 * BATCH, seed=99)
    events = max(BATCH, setting.events // setting.rounds)
    rounds = [_bulk_round(setting, events, seed) for seed in range(setting.rounds)]
    ours, bare, encoding = (BATCH / median(laps) for laps in zip(*rounds, strict=True))
    yield "bulk_append", Measured(ours, bare)
    yield "bulk_append_encoding", Measured(ours, encoding)


@figures(Figure("single_append", "appends/s", Bar(">=", 0.75), "bare apsw committing the same rows, made beforehand"))
def single(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """One act on a registered claim, durable, in an open ledger of 10,000 events; in turn, 50 at a time."""
    stream = synthetic(BEFORE + 4 * BLOCK * BLOCKS)
    before = list(islice(stream, BEFORE))
    acts = _plain_acts(before, stream)
    watch, floor = Watch(), Watch()
    with _beside(setting, 1) as (ledger, written, [writer]):
        for _ in ledger.load(before):
            pass
        writer.commit(written.rows())
        for _ in range(BLOCKS):
            for act in islice(acts, BLOCK):
                with watch.lap():
                    ledger.append(act)
            for rows in written.singly():
                with floor.lap():
                    writer.commit(rows)
    yield "single_append", Measured(*(1 / median(one.laps[2 * BLOCK :]) for one in (watch, floor)))


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
def _beside(setting: Setting, writers: int) -> Iterator[tuple[Ledger, Written, list[BareWriter]]]:
    """A new ledger, what reads its rows, and bare writers to files of the same schema."""
    path, *others = [setting.path(f"append-{place}.db") for place in range(1 + writers)]
    Ledger.open(path).close()
    for other in others:
        shutil.copyfile(path, other)
    with ExitStack() as stack:
        ledger, written = stack.enter_context(Ledger.open(path)), stack.enter_context(closing(Written(path)))
        bare = [stack.enter_context(closing(BareWriter(other))) for other in others]
        with settled():
            yield ledger, written, bare


def _plain_acts(before: Sequence[tuple[Entry, int]], stream: Iterator[tuple[Entry, int]]) -> Iterator[ev.Event]:
    """Acts that need nothing but claims that are there."""
    there = {entry.event.claim for entry, _ in before if isinstance(entry.event, ev.ClaimRegistered)}
    for entry, _ in stream:
        event = entry.event
        if isinstance(event, (ev.Statement, ev.Denial, ev.Assessment)) and there.issuperset(claims_of(event) or "?"):
            yield event
