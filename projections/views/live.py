"""Where do claims of which much was said stand after one more record? Without judging all that bears on them again.

To judge a claim is to read all acts on it and near it. That is quick where they are few, and most are. Of the others,
those that anything comes about again while a view is open are kept up to date in memory by a tracker, each with all
claims that anything ties to it. Whatever comes about them is taken in, and with what ties them to others, those. Where
all that is tied is more than should be held, it is kept as far as it bears on the claims that are judged most, until
anything else is tied to that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from operator import attrgetter
from typing import Any, Final, NamedTuple

from ledger import Ledger, Record
from ledger import events as ev
from ledger.records import decode

from ..tracking.tracker import Tracker
from .finding import Bearing, Borne, Tied, ToldOf, counting, quoted, ties
from .reached import is_plain, sources_of

HOT: Final = 32
"""What reaches one claim alone, with fewer acts, has it judged, which takes little; others are kept."""
LARGE: Final = 2_000
"""A cluster of more records is kept once enough was read to judge claims, or would be for this record alone."""
MOST: Final = 100_000
"""So many records may be held in all; the clusters that were asked for longest ago are let go first."""
_BESIDE: Final = 4
"""To judge claims, so many records are read for each act on them: what is told of sources, and acts on other claims."""
_FOLDED: Final = 2
"""To take a record into a cluster costs as much as to read so many to judge claims."""
_TWICE: Final = 2
"""A cluster is kept where it has no more than this many times the records that judging this once would read: the next
record finds it there."""
_SCANNED: Final = 16
"""To read one record by its position takes as long as to pass over so many."""
_AGAIN: Final = 2
"""A claim of a cluster that is too large to be kept has the records that bear on it kept, once it was judged so often
with much to read each time."""


class Standing(NamedTuple):
    """Where a claim stands: its row as `Tracker.columns` gives it, and its text; None and "" where it is not
    registered."""

    columns: tuple[Any, ...] | None
    text: str


class _Cluster:
    """Claims, and all that bears on where some of them stand, kept up to date."""

    def __init__(self, ledger: Ledger, claims: set[str], sources: set[str], kept: set[str] | None = None) -> None:
        """`kept` are the claims of which it tells where they stand, where these are not all."""
        self.tracker = Tracker(ledger.record, within=claims)
        self.claims = claims
        """Those that the tracker looks at: they are the same set."""
        self.is_whole = kept is None
        """Whether nothing beyond its claims is tied to them."""
        self.kept = claims if kept is None else kept
        """Those of which it tells where they stand: all, the same set; or some, with what bears on them."""
        self.sources = sources
        """Everything that is told of these is known; what is told of others matters to none of its claims."""
        self.positions: set[int] = set()
        """Where the records are that it has."""

    def take(self, record: Record) -> Iterable[str]:
        """Takes a record in; gives its claims whose rows may have changed."""
        self.positions.add(record.position)
        return self.kept.intersection(self.tracker.take(record))

    def standing(self, claim: str) -> Standing:
        """Where a claim stands."""
        columns = self.tracker.columns(claim)
        return Standing(columns, self.tracker.claims[claim].texts[-1][1] if columns is not None else "")


class Live:
    """The clusters that are kept, as of a position."""

    def __init__(self, ledger: Ledger, weigh: Callable[[Collection[str]], dict[str, int]]) -> None:
        """`weigh` tells how many acts there are on claims, of those with any."""
        self._ledger = ledger
        self._weigh = weigh
        self._clusters: dict[str, _Cluster] = {}
        self._parts: dict[str, dict[_Cluster, None]] = {}  # those that are not whole, by the claims they look at
        self._held: dict[_Cluster, None] = {}  # those that were asked for longest ago first
        self._records = 0  # that these have
        self._large: dict[str, int] = {}  # claims of clusters that are not kept, and how many records were too few
        self._judged = 0  # about how many records were read to judge claims
        self._busy: dict[str, int] = {}  # claims whose last judging read many records, and how many
        self._times: Counter[str] = Counter()  # how often, since they were kept last
        self.position = 0

    def covers(self, claims: Collection[str], about: Collection[ev.Event]) -> bool:
        """Whether a record changes where claims stand that are kept, and others nowhere.

        `claims` are those that it, or what it is about, names; `about` is what it is about; itself first.
        """
        clusters = {self._clusters.get(claim) for claim in claims}
        if not all(cluster is not None and cluster.is_whole for cluster in clusters):
            return False
        if len(clusters) > 1 and any(map(ties, about)):
            return False
        return not any(True for one in about for _ in sources_of(one))

    def judged(self, claims: Iterable[str], records: int) -> None:
        """So many records were read to judge claims, as need not be where they are kept."""
        self._judged += records
        if records >= HOT:
            self._busy |= dict.fromkeys(claims, records)
            self._times.update(claims)

    def expect(self, reached: Collection[str], named: Collection[str], until: int) -> None:
        """These claims, some of them named by a record, would be judged: keeps clusters from now on where that pays.

        They are kept as of a position.
        """
        left = [claim for claim in reached if claim not in self._clusters]
        if not left:
            return
        weights = self._weigh(reached)
        busy = {claim: self._busy[claim] for claim in left if claim in self._busy}
        acts = sum(weights.values())
        if len(reached) == 1 and not busy and acts < HOT:
            return
        reading = max(_BESIDE * acts, *busy.values(), 0) + HOT * len(reached)
        limit = min(MOST, max(LARGE, _TWICE * reading, self._judged // _FOLDED))
        for claim in left:
            if claim not in self._clusters and (claim in named or claim in busy or weights.get(claim, 0) >= HOT):
                self._load(claim, limit, until)
        again = {claim for claim in busy if claim not in self._clusters and self._times[claim] >= _AGAIN}
        if again and max(self._busy[claim] for claim in again) <= MOST:
            self._load_part(again, until)

    def stand(self, claims: Iterable[str]) -> dict[str, Standing]:
        """Where claims stand, of those that are kept."""
        return {claim: self._clusters[claim].standing(claim) for claim in claims if claim in self._clusters}

    def take(self, record: Record, named: Collection[str], about: Collection[ev.Event]) -> dict[str, Standing]:
        """Takes a record into what is kept; gives the claims there that may stand elsewhere now.

        `named` and `about` as `covers` has them; `reached.concerned` tells what the record is about.
        """
        told = {source for one in about for source in sources_of(one)}
        event = record.event
        counted = told.union(*map(quoted, about)) if not is_plain(event) else {counting(event)}
        parts = {part: None for claim in named for part in self._parts.get(claim, ())}
        if ties(event):
            for part in parts:  # more may bear on it now than it knows of
                self._let_go(part)
            parts = {}
        concerned = {cluster: None for claim in named if (cluster := self._clusters.get(claim)) and cluster.is_whole}
        if len(named) > 1 and concerned and ties(event) and (len(concerned) > 1 or not self.keeps(named)):
            concerned = dict.fromkeys(self._joined(concerned, named, record.position - 1))
        if told:
            concerned |= {cluster: None for cluster in self._held if not cluster.sources.isdisjoint(told)}
        found: dict[str, Standing] = {}
        for cluster in concerned | parts:
            before = len(cluster.positions)
            self._learn(cluster, counted, record.position - 1)
            found |= {claim: cluster.standing(claim) for claim in cluster.take(record)}
            self._records += len(cluster.positions) - before
            self._held[cluster] = self._held.pop(cluster)
        self._make_room(0)
        return found

    def keeps(self, claims: Iterable[str]) -> bool:
        """Whether all of these claims are kept."""
        return all(claim in self._clusters for claim in claims)

    def clear(self) -> None:
        """Lets all go."""
        # Not one by one: of what an error cut off, half may be there.
        self._clusters.clear()
        self._parts.clear()
        self._held.clear()
        self._records = 0

    def _load(self, claim: str, limit: int, until: int) -> None:
        """Keeps the cluster of a claim, as of a position, unless it has more records than allowed."""
        found = Tied(claim, limit, self._large)
        if not found.is_too_much:  # as is known already of most for which it is
            self._ledger.state(found, as_of=until)
        if found.is_too_much:
            self._large |= dict.fromkeys(found.claims, found.too_few)
            return
        for other in found.claims & self._clusters.keys():  # what was kept apart has been tied to it since
            if other in self._clusters:
                self._let_go(self._clusters[other])
        self._make_room(len(found.positions))
        cluster = _Cluster(self._ledger, found.claims, found.sources)
        self._hold(cluster, self._read(found, until))

    def _load_part(self, claims: set[str], until: int) -> None:
        """Keeps what bears on claims, as of a position, unless it has more records than may be held."""
        for claim in claims:
            del self._times[claim]  # once it is let go, or cannot be kept, it has to pay again
        found: Borne | None = self._ledger.state(Bearing(claims, MOST), as_of=until)
        if found is None:
            return
        self._make_room(len(found.records))
        part = _Cluster(self._ledger, found.claims, found.sources, claims)
        self._hold(part, sorted(found.records, key=attrgetter("position")))
        for claim in part.claims:
            self._parts.setdefault(claim, {})[part] = None

    def _hold(self, cluster: _Cluster, records: Iterable[Record]) -> None:
        for record in records:
            cluster.take(record)
        self._held[cluster] = None
        self._records += len(cluster.positions)
        self._clusters |= dict.fromkeys(cluster.kept, cluster)

    def _joined(self, clusters: Collection[_Cluster], named: Collection[str], until: int) -> list[_Cluster]:
        """Ties clusters to each other and to more claims, all named by a record: the largest takes in what the others
        have. None is left where they cannot be joined."""
        largest = max(clusters, key=lambda cluster: len(cluster.positions))
        for cluster in clusters:
            if cluster is not largest:
                self._let_go(cluster)
        for claim in sorted(named):
            if claim not in largest.claims and not self._take_over(largest, claim, until):
                self._let_go(largest)
                return []
        return [largest]

    def _take_over(self, cluster: _Cluster, claim: str, until: int) -> bool:
        """Has a cluster take in that of a claim, as of a position; False where that has more records, or some that bear
        on both: as nothing there hung on it before, it does not matter that the records come late."""
        found: Tied = self._ledger.state(Tied(claim, max(LARGE, len(cluster.positions))), as_of=until)
        if found.is_too_much or not found.claims.isdisjoint(self._clusters):
            return False
        if not found.naming.isdisjoint(cluster.positions):
            return False
        cluster.claims |= found.claims
        cluster.sources |= found.sources
        before = len(cluster.positions)
        for record in self._read(found, until):
            if record.position not in cluster.positions:
                cluster.take(record)
        self._records += len(cluster.positions) - before
        self._clusters |= dict.fromkeys(found.claims, cluster)
        return True

    def _read(self, found: Tied, until: int) -> Iterator[Record]:
        """What was found, in order."""
        if found.records is not None:
            yield from (found.records[position] for position in sorted(found.records))
        elif len(found.positions) * _SCANNED > until:
            wanted = set(found.positions)
            for position, stored in self._ledger.stored(as_of=until):
                if position in wanted:
                    yield decode(position, stored)
        else:
            for position in sorted(found.positions):
                yield from self._ledger.events(after=position - 1, as_of=position)

    def _learn(self, cluster: _Cluster, sources: Collection[str], until: int) -> None:
        """Has a cluster know of more sources, and of those that anything ties to them."""
        news = set(sources) - cluster.sources
        if not news:
            return
        told: ToldOf = self._ledger.state(ToldOf(news, cluster.sources), as_of=until)
        for position in sorted(told.records.keys() - cluster.positions):
            cluster.take(told.records[position])  # nothing there hung on it before: it does not matter when it comes
        cluster.sources |= told.sources

    def _make_room(self, records: int) -> None:
        while self._held and self._records + records > MOST:
            self._let_go(next(iter(self._held)))

    def _let_go(self, cluster: _Cluster) -> None:
        del self._held[cluster]
        self._records -= len(cluster.positions)
        for claim in cluster.kept:
            del self._clusters[claim]
        for claim in () if cluster.is_whole else cluster.claims:
            del self._parts[claim][cluster]
            if not self._parts[claim]:
                del self._parts[claim]
