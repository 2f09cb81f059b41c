"""Where does a claim of which much was said stand after one more act? Without judging all the others again.

To judge a claim is to read all acts on it and near it. That is quick where they are few, and most are. Of the others,
those that something is said of again while a view is open are kept up to date in memory by a tracker, each with all
claims that anything ties to it. Only plain acts are taken in so; whatever else comes near has them let go.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Final, NamedTuple

from ledger import Ledger, Record, names
from ledger import events as ev
from ledger.fold import Question
from ledger.records import targets

from .board import Row
from .dossier import new_sources, new_targets
from .reached import named_of, sources_of
from .tracker import Tracker, reading

HOT: Final = 32
"""Where an act reaches claims of so many acts, they are kept from the next one on; to judge fewer takes little."""
LARGE: Final = 2_000
"""A cluster of more records is not kept: to read it takes longer than to judge what one act reaches."""
MOST: Final = 100_000
"""So many records may be held in all; the clusters that were asked for longest ago are let go first."""


class Standing(NamedTuple):
    """Where a claim stands: its row, and of what kind it is; None and "" where it is not registered."""

    row: Row | None
    kind: str


class _Cluster(NamedTuple):
    tracker: Tracker
    claims: frozenset[str]
    sources: set[str]
    """Of these everything that is told is known; of others, that nothing was told when they came in."""
    records: int


class Live:
    """The clusters that are kept, as of a position."""

    def __init__(self, ledger: Ledger, weigh: Callable[[Collection[str]], int]) -> None:
        """`weigh` tells how many acts there are on claims."""
        self._ledger = ledger
        self._weigh = weigh
        self._clusters: dict[str, _Cluster] = {}
        self._held: dict[int, _Cluster] = {}  # by identity, those that were asked for longest ago first
        self._records = 0
        self._large: set[str] = set()  # claims of clusters that are not kept
        self._slow: set[str] = set()  # claims that are, when something is said of them again
        self.position = 0

    def take(self, record: Record) -> dict[str, Standing] | None:
        """Takes a plain act in; gives the claims that may stand elsewhere now, None where it is to be judged."""
        event = record.event
        assert isinstance(event, (ev.Statement, ev.Denial, ev.Assessment))
        before = record.position - 1
        if not self._are_worth_it(event.claims):
            return None
        sources = set(names.sources(event.chain))
        clusters = self._around(event.claims, sources, before)
        if clusters is None:
            return None
        found: dict[str, Standing] = {}
        for cluster in clusters:
            cluster.sources.update(sources)
            for claim in cluster.claims.intersection(cluster.tracker.take(record)):
                found[claim] = Standing(cluster.tracker.row(claim), cluster.tracker.kind_of(claim))
        return found

    def judged(self, claims: Collection[str]) -> None:
        """These were judged, as an act may have reached them."""
        if self._weigh(claims) >= HOT:
            self._slow.update(claims)

    def forget(self, claims: Iterable[str], sources: Collection[str]) -> None:
        """Something else came about these: what is kept of them is no longer so."""
        for claim in claims:
            if claim in self._clusters:
                self._let_go(self._clusters[claim])
        for cluster in list(self._held.values()) if sources else ():
            if not cluster.sources.isdisjoint(sources):
                self._let_go(cluster)

    def clear(self) -> None:
        """Lets all go."""
        for cluster in list(self._held.values()):
            self._let_go(cluster)

    def _are_worth_it(self, claims: Iterable[str]) -> bool:
        """Whether any of these claims is kept, or took long to judge, and none has too much tied to it."""
        if not self._large.isdisjoint(claims):
            return False
        return any(claim in self._clusters or claim in self._slow for claim in claims)

    def _around(self, claims: Iterable[str], sources: Collection[str], until: int) -> list[_Cluster] | None:
        """The clusters of claims, each once, as of a position; None where one of them is too large to be kept."""
        found: dict[int, _Cluster] = {}
        for claim in claims:
            cluster = self._clusters.get(claim) or next((c for c in found.values() if claim in c.claims), None)
            if cluster is None or self._are_news(cluster, sources, until):
                cluster = self._load(claim, sources, until)
            if cluster is None:
                return None
            found[id(cluster)] = cluster
            if id(cluster) in self._held:  # else it was let go for another
                self._held[id(cluster)] = self._held.pop(id(cluster))
        return list(found.values())

    def _are_news(self, cluster: _Cluster, sources: Iterable[str], until: int) -> bool:
        """Whether anything is told of sources that were not in the cluster before."""
        news = set(sources) - cluster.sources
        return bool(news) and bool(self._ledger.state(_Told(news), as_of=until))

    def _load(self, claim: str, sources: Iterable[str], until: int) -> _Cluster | None:
        read: _Reading = self._ledger.state(_Reading(claim, sources, self._large), as_of=until)
        if read.is_too_much:
            self.forget(read.claims, ())
            self._large |= read.claims
            return None
        tracker = Tracker(reading(self._ledger), within=read.claims)
        for position in sorted(read.records):
            tracker.take(read.records[position])
        self.forget(read.claims, ())
        cluster = _Cluster(tracker, frozenset(read.claims), read.sources, len(read.records))
        self._hold(cluster)
        return cluster

    def _hold(self, cluster: _Cluster) -> None:
        while self._held and self._records + cluster.records > MOST:
            self._let_go(next(iter(self._held.values())))
        self._held[id(cluster)] = cluster
        self._clusters |= dict.fromkeys(cluster.claims, cluster)
        self._records += cluster.records

    def _let_go(self, cluster: _Cluster) -> None:
        del self._held[id(cluster)]
        self._records -= cluster.records
        for claim in cluster.claims:
            del self._clusters[claim]


class _Reading:
    """A projection: all that bears on a claim or on what was ever tied to it, and what is told of all its sources."""

    def __init__(self, claim: str, sources: Iterable[str], large: Collection[str]) -> None:
        self.claims = {claim}
        self.sources = set(sources)
        self.records: dict[int, Record] = {}
        self._large = large
        self._events: dict[str, ev.Event] = {}  # by id
        self._targets: set[str] = set()
        self._changed: set[str] = set()  # ids of what is changed, or may be by a change that is moved

    @property
    def is_too_much(self) -> bool:
        """Whether there is more than is kept."""
        return len(self.records) > LARGE or not self.claims.isdisjoint(self._large)

    def initial(self, question: Question) -> _Reading:
        """Nothing yet."""
        return self

    def wants(self, state: _Reading) -> set[str]:
        """Whatever names them, or is about that."""
        if self.is_too_much:
            return set()
        wanted = {f"{kind}:{claim}" for claim in self.claims for kind in ("claim", "relation:claim")}
        wanted |= {f"relation:source:{source}" for source in self.sources}
        return wanted | {f"{kind}:{target}" for target in self._targets - self._events.keys() for kind in ("id", "act")}

    def evolve(self, state: _Reading, record: Record) -> _Reading:
        """Takes a record in, with the claims and sources that it ties to the others."""
        event = record.event
        self.records[record.position] = record
        self._events[record.id] = event
        self._targets.update(targets(event))
        if chain := getattr(event, "chain", ()):
            self.sources.update(names.sources(chain))
        changes = getattr(event, "changes", {})
        if changes:
            self._targets.update(new_targets(changes))
            self.sources.update(new_sources(changes))
            self._changed |= {*targets(event), *new_targets(changes)}
            for changed in self._changed & self._events.keys():  # what it is now hangs on what it was of
                self.claims.update(named_of(self._events[changed]))
        if (
            changes
            or record.id in self._changed
            or isinstance(event, ev.ClaimsRelated)
            or getattr(event, "possible_claims", ())
        ):
            self.claims.update(named_of(event))
        self.sources.update(sources_of(event))
        return self


class _Told:
    """A projection: whether anything is told of any of these sources."""

    def __init__(self, sources: Iterable[str]) -> None:
        self._tags = {f"relation:source:{source}" for source in sources}

    def initial(self, question: Question) -> bool:
        """Nothing yet."""
        return False

    def wants(self, state: bool) -> set[str]:
        """What the register says of them."""
        return self._tags

    def evolve(self, state: bool, record: Record) -> bool:
        """Something."""
        return True
