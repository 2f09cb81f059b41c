"""What do many threads gain that append at once, beside one that does so through the same writer?"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from statistics import median

from measure import Bar, Figure, Measured, Setting, figures, settled
from slow_disk import slow_disk
from whole import imported, said_again

from ledger import GroupCommit, Ledger
from ledger.events import Event

THREADS = 64
ROUNDS = 7
ALONE = 250
EACH = 20


@figures(
    Figure("group_commit", "appends/s", Bar(">=", 3), "one thread through the same writer"),
    Figure("group_size", "appends", None, "one thread through the same writer"),
)
def fast(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """64 threads and one, in turn: each appends an act on a registered claim, and the next when that is durable."""
    yield from zip(("group_commit", "group_size"), _beside(setting), strict=True)


@figures(
    Figure("group_commit_slow_disk", "appends/s", Bar(">=", 15), "one thread, each sync taking 2 ms"),
    Figure("group_size_slow_disk", "appends", None, "one thread, each sync taking 2 ms"),
)
def slow(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """The same on a disk that takes 2 ms for a sync."""
    with slow_disk():
        yield from zip(("group_commit_slow_disk", "group_size_slow_disk"), _beside(setting), strict=True)


def _beside(setting: Setting) -> tuple[Measured, Measured]:
    """Appends a second, and how many of them share a commit in the mean: of 64 threads, and of one."""
    path = setting.path("group.db")
    shutil.copyfile(imported(setting).path, path)
    with Ledger.open(path) as ledger, settled():
        acts = said_again(ledger)
        _appended(ledger, [list(islice(acts, EACH))] * THREADS)  # names and claims are known from here on
        many, one = [], []
        for _ in range(ROUNDS):
            one.append(_appended(ledger, [list(islice(acts, ALONE))]))
            many.append(_appended(ledger, [list(islice(acts, EACH)) for _ in range(THREADS)]))
    setting.remove(path)
    rates, sizes = ([median(column) for column in zip(*rounds, strict=True)] for rounds in (many, one))
    return Measured(rates[0], sizes[0]), Measured(rates[1], sizes[1])


def _appended(ledger: Ledger, shares: Sequence[Sequence[Event]]) -> tuple[float, float]:
    """Appends a share in each of as many threads: appends a second, and the mean size of a group."""
    gate = threading.Barrier(len(shares) + 1)
    with GroupCommit(ledger) as group:

        def append(share: Sequence[Event]) -> None:
            gate.wait()
            for event in share:
                group.append([event])

        threads = [threading.Thread(target=append, args=(share,)) for share in shares]
        for thread in threads:
            thread.start()
        gate.wait()
        started = time.perf_counter()
        for thread in threads:
            thread.join()
        seconds = time.perf_counter() - started
    return sum(map(len, shares)) / seconds, group.counts.group_size
