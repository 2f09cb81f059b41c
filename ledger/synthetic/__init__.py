"""What does a large ledger look like? Made-up ledgers of any size, for tests and benchmarks of whatever builds on one.

`synthetic(events, seed=…)` tells two years of a newsroom's ledger, lazily and in bounded memory: few claims and sources
are in every mouth and most in hardly any; claims hang together in stories; acts come late, undated or vaguely dated,
and are taken back, corrected, amended and voided. The rules accept every event, so a ledger can simply load it:

    with Ledger.open("large.db") as ledger:
        for receipt in ledger.load(synthetic(1_000_000, seed=1)): ...

The same arguments give the same bytes, on every machine. Nothing in it is about anybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from ledger.intake import Entry

from .stories import LARGE_STORY
from .telling import BEGINS, LASTS, Telling

__all__ = ["BEGINS", "LARGE_STORY", "LASTS", "synthetic"]


def synthetic(events: int, claims: int | None = None, seed: int = 0) -> Iterator[tuple[Entry, int]]:
    """So many entries, each with its recorded_at in microseconds, as `Ledger.load` takes them.

    Exactly `claims` of the events register a claim (a fifth of them, unless said). Ids are UUIDv7 that sort as the
    records do; recorded_at increases. Raises ValueError where there are more claims than events.
    """
    claims = min(events, max(1, events // 5)) if claims is None else claims
    if not 0 <= min(events, 1) <= claims <= events:
        raise ValueError(f"{claims:,} claims do not fit into {events:,} events; give 1 to {events:,}")
    return map(Telling(events, claims, Random(seed)).next, range(events))  # noqa: S311  reproducible, not secret
