"""Which records must be known to keep up to date where claims stand? All that are tied to one, or what bears on some.

With what is told of the sources by whose standing they count. Whatever is recorded later about the same claims and
sources is taken in as it comes.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from ledger import Record, names
from ledger import events as ev
from ledger.fold import Question
from ledger.records import MOVING, leads_to

from ..dossier import Dossier, new_sources, reached_sources
from .reached import is_plain, named_of, sources_of

HELD: Final = 2_000
"""So many records are held while more are looked for; of more than those, only where they are."""
_TAGS: Final = 64
"""So many tags are asked for at a time, while there may be too much to be kept."""
_NO_CLAIMS: Final[Mapping[str, int]] = {}


def counting(act: ev.Act) -> str:
    """By whose standing an act counts that is about no other, with no other about it: its carriers' never matters."""
    return names.speaker(act.chain)


def quoted(event: ev.Event) -> Iterator[str]:
    """Those by which it may count where something is about it: who carries it may take it back."""
    yield from names.sources(getattr(event, "chain", ()))
    yield from new_sources(getattr(event, "changes", {}))


def ties(event: ev.Event) -> bool:
    """Whether an event ties the claims to each other that it, and what it is about, names."""
    return (
        isinstance(event, ev.ClaimsRelated)
        or bool(getattr(event, "possible_claims", ()))
        or not MOVING.isdisjoint(getattr(event, "changes", ()))
    )


class Tied:
    """A projection: where all is that bears on a claim or on what was ever tied to it, and is told of its sources."""

    def __init__(self, claim: str, limit: int, large: Mapping[str, int] = _NO_CLAIMS) -> None:
        """`large` are claims of clusters that have more records than so many: with one of them found, all are."""
        self.claims: set[str] = set()
        self.sources: set[str] = set()
        self.positions = array("Q")
        self.records: dict[int, Record] | None = {}
        """None where they are more than memory should hold besides."""
        self.naming: set[int] = set()
        """Where those are that name a claim."""
        self.is_too_much = False
        """Whether there is more than is allowed."""
        self.too_few = 0
        """So many records were too few then."""
        self._limit = limit
        self._large = large
        self._tags: list[str] = []  # all that are to be asked for, and how many were
        self._asked = 0
        self._named: dict[str, tuple[str, ...]] = {}  # the claims that events name, by their ids
        self._chains: dict[str, Sequence[str]] = {}  # the sources of acts that nothing was about when they came in
        self._leading = _Leading(self.sources)
        self._targets: set[str] = set()
        self._changed: set[str] = set()  # ids of what is changed, or may be by a change that is moved
        self._meet((claim,))

    def initial(self, question: Question) -> Tied:
        """Nothing yet."""
        return self

    def wants(self, state: Tied) -> set[str]:
        """Whatever names them, or is about that; a few tags at a time, as it may soon be too much, and each once. Then
        what is told of the sources, which leads to no more claims."""
        if self.is_too_much:
            return set()
        some = self._tags[self._asked : self._asked + _TAGS]
        self._asked += len(some)
        if some:
            return set(some)
        self._leading.follow()
        return {f"relation:source:{source}" for source in self.sources}

    def evolve(self, state: Tied, record: Record) -> Tied:
        """Takes a record in, with the claims and sources that it ties to the others."""
        event = record.event
        if self.is_too_much:
            return self
        self.positions.append(record.position)
        if len(self.positions) > self._limit:
            self.is_too_much, self.too_few = True, self._limit
        if self.records is not None:
            self.records[record.position] = record
            if len(self.records) > HELD:
                self.records = None
        if is_plain(event) and record.id not in self._targets:  # most are
            self._named[record.id] = event.claims
            self._chains[record.id] = names.sources(event.chain)
            self.naming.add(record.position)
            self.sources.add(counting(event))
            return self
        named = self._named[record.id] = tuple(named_of(event))
        if named:
            self.naming.add(record.position)
        leads = leads_to(event)
        self._target(leads)
        self.sources.update(quoted(event), *[self._chains.pop(id_, ()) for id_ in leads])
        self._leading.take(record)
        changes = getattr(event, "changes", {})
        if changes:
            self._changed.update(leads)
            for changed in leads:  # what it is now hangs on what it was of
                self._meet(self._named.get(changed, ()))
        if changes or record.id in self._changed or ties(event):
            self._meet(named)
        return self

    def _meet(self, claims: Iterable[str]) -> None:
        """Has claims belong to the others."""
        for claim in claims:
            if claim not in self.claims:
                self.claims.add(claim)
                self._tags += (f"claim:{claim}", f"relation:claim:{claim}")
                if 2 * self._large.get(claim, 0) > self._limit:
                    self.is_too_much, self.too_few = True, self._large[claim]

    def _target(self, ids: Iterable[str]) -> None:
        """Has what something is about looked for, with whatever else is about that."""
        for event_id in ids:
            if event_id not in self._targets:
                self._targets.add(event_id)
                if event_id not in self._named:
                    self._tags += (f"id:{event_id}", f"act:{event_id}")


class _Leading:
    """Adds to some sources those that they count for, or are the same as, by what the register says or ever said.

    Sources that count for these are not added: no answer depends on them."""

    def __init__(self, sources: set[str]) -> None:
        self._sources = sources
        self._relations: list[ev.SourceRelated] = []
        self._told: dict[str, set[str]] = {}  # what the register says is about these sources, by its id
        self._changed: set[str] = set()  # ids of what is changed, or may be by a change that is moved

    def take(self, record: Record) -> None:
        """Takes in what was found by one of the sources, or by whatever else is about what was."""
        event = record.event
        about = set(sources_of(event))
        if getattr(event, "changes", {}):
            leads = leads_to(event)
            self._changed.update(leads)
            about.update(*[self._told.get(changed, ()) for changed in leads])
            self._sources |= about  # any relation of any of them may come of it
        elif record.id in self._changed:
            self._sources |= about
        elif isinstance(event, ev.SourceRelated):
            self._relations.append(event)
        if about:
            self._told[record.id] = about

    def follow(self) -> None:
        """Adds those that the sources lead to by all that was taken in, in whatever order it came."""
        self._sources |= reached_sources(self._sources, self._relations)


class ToldOf:
    """A projection: what is told of some sources, and of those that this ties to them, but for those that are known."""

    def __init__(self, sources: Collection[str], known: Collection[str]) -> None:
        self.sources = set(sources)
        self.records: dict[int, Record] = {}
        self._leading = _Leading(self.sources)
        self._known = known
        self._ids: set[str] = set()
        self._targets: set[str] = set()

    def initial(self, question: Question) -> ToldOf:
        """Nothing yet."""
        return self

    def wants(self, state: ToldOf) -> set[str]:
        """What the register says of them, and whatever is about that."""
        self._leading.follow()
        wanted = {f"relation:source:{source}" for source in self.sources.difference(self._known)}
        return wanted | {f"{kind}:{target}" for target in self._targets - self._ids for kind in ("id", "act")}

    def evolve(self, state: ToldOf, record: Record) -> ToldOf:
        """Takes a record in."""
        event = record.event
        self.records[record.position] = record
        self._ids.add(record.id)
        self._targets.update(leads_to(event))
        self._leading.take(record)
        return self


class Borne(NamedTuple):
    """What bears on where some claims stand."""

    claims: set[str]
    """All claims acts on which do."""
    sources: set[str]
    records: Collection[Record]


class Bearing:
    """A projection: what bears on where some claims stand, and nothing that hangs on that; None for too much."""

    wants = staticmethod(Dossier.wants)

    def __init__(self, claims: Collection[str], limit: int) -> None:
        self._claims = claims
        self._left = limit

    def initial(self, question: Question) -> Dossier:
        """An empty dossier."""
        return Dossier(question, claims=self._claims)

    def evolve(self, dossier: Dossier, record: Record) -> Dossier:
        """Takes a record in, while they are no more than allowed."""
        self._left -= 1
        return dossier.evolve(record) if self._left >= 0 else dossier

    def answer(self, dossier: Dossier) -> Borne | None:
        """All that was read."""
        if self._left < 0:
            return None
        return Borne(set(dossier.near()), dossier.sources(), dossier.clerk.by_id.values())
