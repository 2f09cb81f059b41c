"""Where do claims of which much was said stand after one more record? Without judging all that bears on them again.

To judge a claim is to read all acts on it and near it. That is quick where they are few, and most are. Of the others,
those that anything comes about again while a view is open are kept up to date in memory by a tracker, each with all
claims that anything ties to it. Whatever comes about them is taken in, and with what ties them to others, those.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from ledger import Ledger, Record, names
from ledger import events as ev
from ledger.fold import Question
from ledger.records import MOVING, decode, leads_to

from ..dossier import new_sources
from ..tracking.tracker import Tracker
from .reached import is_plain, named_of, sources_of

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
"""What would have so much read has a cluster kept that is twice as large: the next record finds it there."""
_SCANNED: Final = 16
"""To read one record by its position takes as long as to pass over so many."""
_AT_ONCE: Final = 64
"""So many tags are asked for at a time, while there may be too much to be kept."""
_NO_CLAIMS: Final[Mapping[str, int]] = {}


class Standing(NamedTuple):
    """Where a claim stands: its row as `Tracker.columns` gives it, and its text; None and "" where it is not
    registered."""

    columns: tuple[Any, ...] | None
    text: str


class _Cluster:
    """Claims with all that ties them, kept up to date."""

    def __init__(self, tracker: Tracker, found: _Finding) -> None:
        self.tracker = tracker
        self.claims = found.claims
        """Those that the tracker looks at: they are the same set."""
        self.sources = found.sources
        """Everything that is told of these is known; what is told of others matters to none of its claims."""
        self.positions = set(found.positions)
        """Where the records are that it has."""

    def take(self, record: Record) -> Iterable[str]:
        """Takes a record in; gives its claims whose rows may have changed."""
        self.positions.add(record.position)
        return self.claims.intersection(self.tracker.take(record))

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
        self._held: dict[_Cluster, None] = {}  # those that were asked for longest ago first
        self._records = 0  # that these have
        self._large: dict[str, int] = {}  # claims of clusters that are not kept, and how many records were too few
        self._judged = 0  # about how many records were read to judge claims
        self._busy: dict[str, int] = {}  # claims for which, alone or with others, that were many; and how many
        self.position = 0

    def covers(self, claims: Collection[str], about: Collection[ev.Event]) -> bool:
        """Whether a record changes where claims stand that are kept, and others nowhere.

        `claims` are those that it, or what it is about, names; `about` is what it is about; itself first.
        """
        clusters = {self._clusters.get(claim) for claim in claims}
        if None in clusters or (len(clusters) > 1 and any(map(_ties, about))):
            return False
        return not any(True for one in about for _ in sources_of(one))

    def judged(self, claims: Iterable[str], records: int) -> None:
        """So many records were read to judge claims, as need not be where they are kept."""
        self._judged += records
        if records >= HOT:
            self._busy |= dict.fromkeys(claims, records)

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
        judged = max(_BESIDE * acts, *busy.values(), 0) + HOT * len(reached)
        limit = min(MOST, max(LARGE, _TWICE * judged, self._judged // _FOLDED))
        for claim in left:
            if claim not in self._clusters and (claim in named or claim in busy or weights.get(claim, 0) >= HOT):
                self._load(claim, limit, until)

    def stand(self, claims: Iterable[str]) -> dict[str, Standing]:
        """Where claims stand, of those that are kept."""
        return {claim: self._clusters[claim].standing(claim) for claim in claims if claim in self._clusters}

    def take(self, record: Record, named: Collection[str], about: Collection[ev.Event]) -> dict[str, Standing]:
        """Takes a record into what is kept; gives the claims there that may stand elsewhere now.

        `named` and `about` as `covers` has them; `reached.concerned` tells what the record is about.
        """
        told = {source for one in about for source in sources_of(one)}
        event = record.event
        quoted = told.union(*map(_quoted, about)) if not is_plain(event) else {_counting(event)}
        concerned = dict.fromkeys(self._clusters[claim] for claim in named if claim in self._clusters)
        if len(named) > 1 and concerned and _ties(event) and (len(concerned) > 1 or not self.keeps(named)):
            concerned = dict.fromkeys(self._joined(concerned, named, record.position - 1))
        if told:
            concerned |= {cluster: None for cluster in self._held if not cluster.sources.isdisjoint(told)}
        found: dict[str, Standing] = {}
        for cluster in concerned:
            before = len(cluster.positions)
            self._learn(cluster, quoted, record.position - 1)
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
        self._held.clear()
        self._records = 0

    def _load(self, claim: str, limit: int, until: int) -> None:
        """Keeps the cluster of a claim, as of a position, unless it has more records than allowed."""
        if 2 * self._large.get(claim, 0) > limit:
            return
        found: _Finding = self._ledger.state(_Finding(claim, limit, self._large), as_of=until)
        if found.too_few is not None:
            self._large |= dict.fromkeys(found.claims, found.too_few)
            return
        for other in found.claims & self._clusters.keys():  # what was kept apart has been tied to it since
            if other in self._clusters:
                self._let_go(self._clusters[other])
        self._make_room(len(found.positions))
        cluster = _Cluster(Tracker(self._ledger.record, within=found.claims), found)
        for record in self._read(found, until):
            cluster.take(record)
        self._held[cluster] = None
        self._records += len(cluster.positions)
        self._clusters |= dict.fromkeys(cluster.claims, cluster)

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
        found: _Finding = self._ledger.state(_Finding(claim, max(LARGE, len(cluster.positions))), as_of=until)
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

    def _read(self, found: _Finding, until: int) -> Iterator[Record]:
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
        told: _Told = self._ledger.state(_Told(news, cluster.sources), as_of=until)
        for position in sorted(told.records.keys() - cluster.positions):
            cluster.take(told.records[position])  # nothing there hung on it before: it does not matter when it comes
        cluster.sources |= told.sources

    def _make_room(self, records: int) -> None:
        while self._held and self._records + records > MOST:
            self._let_go(next(iter(self._held)))

    def _let_go(self, cluster: _Cluster) -> None:
        del self._held[cluster]
        self._records -= len(cluster.positions)
        for claim in cluster.claims:
            del self._clusters[claim]


def _counting(act: ev.Act) -> str:
    """By whose standing an act counts that is about no other, with no other about it: its carriers' never matters."""
    return names.speaker(act.chain)


def _quoted(event: ev.Event) -> Iterator[str]:
    """Those by which it may count where something is about it: who carries it may take it back."""
    yield from names.sources(getattr(event, "chain", ()))
    yield from new_sources(getattr(event, "changes", {}))


def _ties(event: ev.Event) -> bool:
    """Whether an event ties the claims to each other that it, and what it is about, names."""
    return (
        isinstance(event, ev.ClaimsRelated)
        or bool(getattr(event, "possible_claims", ()))
        or not MOVING.isdisjoint(getattr(event, "changes", ()))
    )


class _Finding:
    """A projection: where all is that bears on a claim or on what was ever tied to it, and is told of its sources."""

    def __init__(self, claim: str, limit: int, large: Mapping[str, int] = _NO_CLAIMS) -> None:
        """`large` are claims of clusters that have more records than so many: with one of them found, all are."""
        self.claims = {claim}
        self.sources = set[str]()
        self.positions = array("Q")
        self.records: dict[int, Record] | None = {}
        """None where they are more than memory should hold besides."""
        self.naming: set[int] = set()
        """Where those are that name a claim."""
        self.too_few: int | None = None
        """So many records were too few, where there is more than is allowed."""
        self._limit = limit
        self._large = large
        self._asked: set[str] = set()
        self._named: dict[str, tuple[str, ...]] = {}  # the claims that events name, by their ids
        self._chains: dict[str, Sequence[str]] = {}  # the sources of acts that nothing was about when they came in
        self._leading = _Leading(self.sources)
        self._targets: set[str] = set()
        self._changed: set[str] = set()  # ids of what is changed, or may be by a change that is moved

    @property
    def is_too_much(self) -> bool:
        """Whether there is more than is allowed."""
        return self.too_few is not None

    def initial(self, question: Question) -> _Finding:
        """Nothing yet."""
        return self

    def wants(self, state: _Finding) -> set[str]:
        """Whatever names them, or is about that; a few at a time, as it may soon be too much. Then what is told of the
        sources, which leads to no more claims."""
        if self.is_too_much:
            return set()
        wanted = {f"{kind}:{claim}" for claim in self.claims for kind in ("claim", "relation:claim")}
        wanted |= {f"{kind}:{target}" for target in self._targets - self._named.keys() for kind in ("id", "act")}
        if wanted <= self._asked:
            return wanted | {f"relation:source:{source}" for source in self.sources}
        new = set(islice(wanted - self._asked, _AT_ONCE))
        self._asked |= new
        return new

    def evolve(self, state: _Finding, record: Record) -> _Finding:
        """Takes a record in, with the claims and sources that it ties to the others."""
        event = record.event
        if self.is_too_much:
            return self
        self.positions.append(record.position)
        if len(self.positions) > self._limit:
            self.too_few = self._limit
        if self.records is not None:
            self.records[record.position] = record
            if len(self.records) > LARGE:
                self.records = None
        if is_plain(event) and record.id not in self._targets:  # most are
            self._named[record.id] = event.claims
            self._chains[record.id] = names.sources(event.chain)
            self.naming.add(record.position)
            self.sources.add(_counting(event))
            return self
        named = self._named[record.id] = tuple(named_of(event))
        if named:
            self.naming.add(record.position)
        leads = list(leads_to(event))
        self._targets.update(leads)
        self.sources.update(_quoted(event), *[self._chains.pop(id_, ()) for id_ in leads])
        self._leading.take(record)
        changes = getattr(event, "changes", {})
        if changes:
            self._changed.update(leads)
            for changed in self._changed & self._named.keys():  # what it is now hangs on what it was of
                self.claims.update(self._named[changed])
        if changes or record.id in self._changed or _ties(event):
            self.claims.update(named)
            too_few = max(self._large.get(claim, 0) for claim in named) if named else 0
            if 2 * too_few > self._limit:
                self.too_few = too_few
        return self


class _Leading:
    """Has sources lead to those by whose standing they count, or with whom they are one, as what is told of them has it
    or had it. As no answer depends on who else counts for somebody, those that lead to them are left where they are."""

    def __init__(self, sources: set[str]) -> None:
        self._sources = sources
        self._told: dict[str, set[str]] = {}  # what the register says is about these sources, by its id
        self._changed: set[str] = set()  # ids of what is changed, or may be by a change that is moved

    def take(self, record: Record) -> None:
        """Takes in what was found by one of the sources, or is about what was."""
        event = record.event
        about = set(sources_of(event))
        if getattr(event, "changes", {}):
            leads = leads_to(event)
            self._changed.update(leads)
            about.update(*[self._told.get(changed, ()) for changed in leads])
            self._sources |= about  # any relation of any of them may come of it
        elif record.id in self._changed:
            self._sources |= about
        elif isinstance(event, ev.SourceRelated) and event.relation != "independent_of":
            if event.from_ in self._sources:
                self._sources.add(event.to)
            elif event.relation == "same_as":
                self._sources.add(event.from_)
        if about:
            self._told[record.id] = about


class _Told:
    """A projection: what is told of some sources, and of those that this ties to them, but for those that are known."""

    def __init__(self, sources: Collection[str], known: Collection[str]) -> None:
        self.sources = set(sources)
        self.records: dict[int, Record] = {}
        self._leading = _Leading(self.sources)
        self._known = known
        self._ids: set[str] = set()
        self._targets: set[str] = set()

    def initial(self, question: Question) -> _Told:
        """Nothing yet."""
        return self

    def wants(self, state: _Told) -> set[str]:
        """What the register says of them, and whatever is about that."""
        wanted = {f"relation:source:{source}" for source in self.sources.difference(self._known)}
        return wanted | {f"{kind}:{target}" for target in self._targets - self._ids for kind in ("id", "act")}

    def evolve(self, state: _Told, record: Record) -> _Told:
        """Takes a record in."""
        event = record.event
        self.records[record.position] = record
        self._ids.add(record.id)
        self._targets.update(leads_to(event))
        self._leading.take(record)
        return self
