"""How much, how fast, how often? What a service counts, as Prometheus reads it.

Every label is a word of the project's own: an operation of the table, a status, a type of problem. Nothing that comes
in with a request names a series, so their number is bounded whatever is asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, Literal, TypeAlias

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ledger import LedgerError, Receipt

MEDIA_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
Watched: TypeAlias = Literal["position", "lag", "queue", "groups", "grouped", "clients", "dropped"]

_WATCHED: Final[dict[Watched, tuple[type[GaugeMetricFamily | CounterMetricFamily], str, str]]] = {
    "position": (GaugeMetricFamily, "claims_position", "The last position of the ledger."),
    "lag": (GaugeMetricFamily, "claims_view_lag", "Positions the ledger is ahead of its view."),
    "queue": (GaugeMetricFamily, "claims_queue_length", "Batches that wait to be appended."),
    "groups": (CounterMetricFamily, "claims_groups", "Transactions in which batches were appended."),
    "grouped": (
        CounterMetricFamily,
        "claims_grouped_batches",
        "Batches that were appended in them; by claims_groups, the mean of a transaction.",
    ),
    "clients": (GaugeMetricFamily, "claims_stream_clients", "Clients that follow the stream."),
    "dropped": (CounterMetricFamily, "claims_stream_dropped", "Clients of the stream that were too slow."),
}
_AT_ONCE: Final = 256
_SECONDS: Final = (0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """The counts of one service; any thread may count."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        all_of: dict[str, Any] = {"registry": self._registry}
        self._appends = Counter("claims_appends", "Batches appended.", **all_of)
        self._events = Counter("claims_events", "Events appended.", **all_of)
        self._replays = Counter("claims_replays", "Events that were there already, with the same content.", **all_of)
        self._rejects = Counter("claims_rejects", "Requests answered by a problem.", ["problem"], **all_of)
        self._requests = Histogram(
            "claims_request_seconds",
            "Seconds from a request's coming in until its answer began.",
            ["operation", "status"],
            buckets=_SECONDS,
            **all_of,
        )
        self._answered: deque[tuple[str, int, float]] = deque()
        self._seconds: dict[tuple[str, int], Histogram] = {}
        self._watched = _Watcher()
        self._registry.register(self._watched)

    def appended(self, receipts: Sequence[Receipt]) -> None:
        """A batch was answered: its events are in the ledger, from now or from before."""
        replays = sum(receipt.replayed for receipt in receipts)
        self._replays.inc(replays)
        if replays < len(receipts):
            self._appends.inc()
            self._events.inc(len(receipts) - replays)

    def rejected(self, problem: str) -> None:
        """A request was answered by a problem of `problems.KINDS`."""
        self._rejects.labels(problem).inc()

    def answered(self, operation: str, status: int, seconds: float) -> None:
        """An answer began; `operation` is the method and the template of the path."""
        self._answered.append((operation, status, seconds))
        if len(self._answered) >= _AT_ONCE:
            self._count()

    def watch(self, what: Watched, ask: Callable[[], float]) -> None:
        """Asks for a number whenever the metrics are read; what cannot be told then is not a number."""
        self._watched.asked[what] = ask

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        self._count()
        return generate_latest(self._registry)

    def _count(self) -> None:
        """Counts the answers that were noted: many in a row, which costs a fraction of one beside each answer."""
        with suppress(IndexError):  # until there are no more
            while True:
                operation, status, seconds = self._answered.popleft()
                key = operation, status
                found = self._seconds.get(key)
                if found is None:  # looking the labels up costs three times the counting
                    found = self._seconds[key] = self._requests.labels(operation, str(status))
                found.observe(seconds)


class _Watcher(Collector):
    """Tells numbers that somebody else keeps."""

    def __init__(self) -> None:
        self.asked: dict[Watched, Callable[[], float]] = {}

    def collect(self) -> Iterator[Metric]:
        """Each of them, as it is now."""
        for what, ask in self.asked.items():
            family, name, about = _WATCHED[what]
            try:
                value = ask()
            except LedgerError:
                value = float("nan")
            yield family(name, about, value=value)
