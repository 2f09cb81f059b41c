"""What does it cost to rebuild a view from its records, and does it matter what is in them?

Every rebuild runs in a process of its own, start and end counted.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median

from floors import decoding
from measure import Bar, Figure, Measured, Setting, figures
from msgspec.structs import replace
from peer import Peer
from processes import Ran, idle, ran_python
from whole import imported

from ledger import ClaimRegistered, Entry, Ledger
from ledger.records import ACTS
from ledger.synthetic import synthetic

TIMES = 3
HOT_SHARE = 10
"""A hot claim is in a ledger of a tenth of a run's events, and has half of them."""
PEER_EVENTS = 10_000


@figures(Figure("rebuild_status", "events/s", Bar(">=", 0.05), "SELECT and msgspec decode of every record"))
def rebuild_status(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """The board at every position, without the search, by one process."""
    yield "rebuild_status", Measured(*(setting.events / seconds for seconds in (_status(setting), _floor(setting))))


@figures(
    Figure("rebuild", "events/s", Bar(">=", 0.03), "SELECT and msgspec decode of every record"),
    Figure("rebuild_peak_mb", "MB", Bar("<=", 700, "MB"), "python -c 'import ledger.store.sqlite'"),
)
def rebuild(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """All views with the search, by one process."""
    taken = rebuilt(setting)
    yield "rebuild", Measured(*(setting.events / seconds for seconds in (taken.seconds, _floor(setting))))
    yield "rebuild_peak_mb", Measured(taken.peak_mb, idle(setting).peak_mb)


@figures(Figure("rebuild_both_cores", "events/s", Bar(">=", 1.6), "the same by one process"))
def rebuild_both_cores(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """All views with the search, by two processes."""
    both = _taken(setting, imported(setting).path, setting.rounds, workers=2)
    yield "rebuild_both_cores", Measured(*(setting.events / taken.seconds for taken in (both, rebuilt(setting))))


@figures(
    Figure(
        "rebuild_vs_eventsourcing", "events/s", Bar(">=", 10), f"a stock follower, of {PEER_EVENTS:,} events at most"
    ),
    Figure("rebuild_vs_eventsourcing_unsynced", "events/s", None, "the same, not waiting for the disk at each event"),
)
def rebuild_vs_eventsourcing(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """The board at every position, against a board without a past, kept as the library has it (see `peer`)."""
    with Peer(setting.path("peer.db"), synthetic(min(setting.events, PEER_EVENTS))) as peer:
        unsynced = median(peer.rebuilt(setting.path("peer-board.db"), synced=False) for _ in range(TIMES))
        synced = peer.rebuilt(setting.path("peer-board.db"), synced=True)
    ours = setting.events / _status(setting)
    yield "rebuild_vs_eventsourcing", Measured(ours, peer.events / synced)
    yield "rebuild_vs_eventsourcing_unsynced", Measured(ours, peer.events / unsynced)


@figures(Figure("hot_claim", "µs/event", Bar("<=", 1.5), "the usual mix of as many events"))
def hot_claim(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """All views of a ledger in which half of the events are acts on one claim; in turn with the usual mix."""
    events = max(1_000, setting.events // HOT_SHARE)
    contents = {"hot.db": _on_one_claim(synthetic(events)), "usual.db": synthetic(events)}
    ledgers = [setting.path(name) for name in contents]
    for path, content in zip(ledgers, contents.values(), strict=True):
        with Ledger.open(path) as ledger:
            for _ in ledger.load(content):
                pass
    laps = [[_taken(setting, path).seconds for path in ledgers] for _ in range(TIMES)]
    setting.remove(*ledgers)
    yield "hot_claim", Measured(*(median(one) / events * 1e6 for one in zip(*laps, strict=True)))


@cache
def rebuilt(setting: Setting) -> Ran:
    """What it takes to build all views of the shared ledger, by one process; they lie beside it afterwards."""
    ledger = imported(setting).path
    return _taken(setting, ledger, setting.rounds, views=Path(f"{ledger}.views"))


@cache
def _status(setting: Setting) -> float:
    return _taken(setting, imported(setting).path, setting.rounds, search=False).seconds


@cache
def _floor(setting: Setting) -> float:
    return median(decoding(imported(setting).path) for _ in range(TIMES))


def _taken(
    setting: Setting, ledger: Path, times: int = 1, *, views: Path | None = None, workers: int = 1, search: bool = True
) -> Ran:
    """The median time of building views anew, and the most memory it took."""
    taken = []
    for _ in range(times):
        made = views or setting.path("other.views")
        setting.remove(made)
        words = str(ledger), str(made), str(workers), "search" if search else ""
        taken.append(ran_python(setting, _REBUILD, *words))
    return Ran(median(one.seconds for one in taken), max(one.peak_mb for one in taken))


_REBUILD = """
import sys
from ledger import Ledger
from projections.views import Views
path, views, workers, search = sys.argv[1:]
with Ledger.open(path, read_only=True, create=False) as ledger, Views.open(ledger, views) as view:
    view.rebuild(workers=int(workers), search=bool(search))
"""


def _on_one_claim(usual: Iterator[tuple[Entry, int]]) -> Iterator[tuple[Entry, int]]:
    """The same ledger, but that acts are on the claim registered first until these are half of all events."""
    hot, on_it = "", 0
    for place, (entry, at) in enumerate(usual):
        event = entry.event
        if isinstance(event, ClaimRegistered):
            hot = hot or event.claim
        elif isinstance(event, ACTS) and event.claims and 2 * on_it <= place:
            on_it += 1
            event = replace(event, claims=(hot,), possible_claims=())
        yield replace(entry, event=event), at
