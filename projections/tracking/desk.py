"""Who is who among the sources at this moment, what is registered of them, and what may tie two of them to each other?

Kept up to date by one entry of the register at a time. Every change names the classes of sources for which something
may be otherwise now.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Final, NamedTuple

from ledger import events as ev
from ledger.lines import Lines
from ledger.walking import Walked

from ..register import SourceInfo, source_info

DECLARED: Final = "@"
"""What ties a root that is not named, and declared independent of another; no body has such an id."""
DECLARED_NAMED: Final = "@@"
"""What ties one that is named, and declared so: it must be searched with all that are named, too."""
TANGLED: Final = ""
"""What ties any other root that is named and must be searched with all that are."""
SEARCHED: Final = frozenset((DECLARED, DECLARED_NAMED, TANGLED))
"""What takes a search of the roots that it ties."""


DIRECTED: Final = ("speaks_for", "member_of", "republishes")
_NONE: Final[Any] = frozenset()


class Moved(NamedTuple):
    """The classes for which something may be otherwise, once a relation of theirs came or went."""

    leading: set[str] = _NONE
    """Those whose line may lead through others."""
    counting: set[str] = _NONE
    """Those of them whose speakers may count for another root."""
    beyond: set[str] = _NONE
    """Those that may be tied as roots to others than they were."""
    tied: set[str] = _NONE
    """Those of them that are tied otherwise by themselves."""
    regrouped: set[str] = _NONE
    """Those of which the sources are others now."""


class Desk:
    """The register of sources, entry by entry."""

    def __init__(self) -> None:
        self.lines = Lines()
        self.plural: set[str] = set()
        """The sources that share, or once shared, a kind with others: the same as another, or in a circle with it."""
        self.registered: set[str] = set()
        """The classes any source of which is registered."""
        self.kinds: dict[str, str] = {}
        """The kinds of the classes that were registered with one."""
        self._ends: dict[str, dict[str, int]] = {}  # relation -> source -> at how many of them it stands at either end
        self._nears: dict[str, dict[str, dict[str, int]]] = {}  # relation -> far end -> near ends -> how often
        self._entries: dict[str, dict[int, ev.SourceRegistered]] = {}
        self._infos: dict[str, SourceInfo] = {}
        self._same: dict[str, list[str]] = {}
        self._circles: dict[str, tuple[str, ...]] = {}
        self._alone: dict[str, tuple[str, ...]] = {}
        self._ties: dict[tuple[str, bool], str | None] = {}
        self.searches: dict[Hashable, Any] = {}
        """What was lately found of roots that something ties, while no source is related anew."""

    def members(self, source_class: str) -> Sequence[str]:
        """The sources of a class."""
        return self._same.get(source_class) or (source_class,)

    def alone(self, source_class: str) -> tuple[str, ...]:
        """A class by itself, the same tuple for whoever asks."""
        return self._alone.get(source_class) or self._alone.setdefault(source_class, (source_class,))

    def circle(self, source_class: str) -> tuple[str, ...]:
        """The classes at the end of the line of a class; the least of them is the root of whoever is named."""
        known = self._circles.get(source_class)
        if known is None and not self.lines.leads(source_class):
            return self.alone(source_class)
        if known is None:
            known = self._circles[source_class] = tuple(self.lines.circle(source_class))
            if len(known) > 1:
                self.plural.update(source for name in known for source in self.members(name))
        return known

    def kind(self, classes: tuple[str, ...]) -> str | None:
        """The kind of a root made of these classes as it was last registered; None where it was not."""
        if len(classes) == 1:
            return self.kinds.get(classes[0])
        sources = [source for name in classes if name in self.registered for source in self.members(name)]
        return self._registered_kind(sources)

    def _registered_kind(self, sources: Iterable[str]) -> str | None:
        infos = [info for source in sources if (info := self._infos.get(source)) is not None and info.kind]
        return max(infos, key=_position).kind if infos else None

    def _note_registered(self, name: str) -> None:
        members = self.members(name)
        self.registered.discard(name)
        if any(source in self._infos for source in members):
            self.registered.add(name)
        kind = self._registered_kind(members)
        self.kinds.pop(name, None)
        if kind is not None:
            self.kinds[name] = kind

    def is_spoken_for(self, classes: Iterable[str]) -> bool:
        """Whether anybody speaks for one of these classes."""
        nears = self._nears.get("speaks_for", {})
        return any(source in nears and nears[source] for name in classes for source in self.members(name))

    def is_at(self, relation: str, classes: Iterable[str]) -> bool:
        """Whether any source of these classes stands at either end of such a relation."""
        ends = self._ends.get(relation, {})
        return bool(ends) and any(source in ends for name in classes for source in self.members(name))

    def tie(self, classes: tuple[str, ...], named: bool) -> str | None:
        """What ties a root to others: the one body it belongs to or is, or one of SEARCHED where there is more to it.

        Named roots that one body ties exclude each other, and nobody else: one of them counts, whichever it is.
        """
        if len(classes) > 1:
            return self._tie(classes, named)
        key = classes[0], named
        if key not in self._ties:
            self._ties[key] = self._tie(classes, named)
        return self._ties[key]

    def _tie(self, classes: tuple[str, ...], named: bool) -> str | None:
        if self.is_at("independent_of", classes):
            return DECLARED_NAMED if named else DECLARED
        if not named:
            return None  # not known to be distinct from anybody, tied or not
        republishes = self.is_at("republishes", classes)
        if not republishes and not self.is_at("member_of", classes):
            return None
        if republishes or len(classes) > 1:
            return TANGLED
        bodies = self.lines.closure("member_of", classes) - {classes[0]}
        if not bodies:
            return classes[0]
        if len(bodies) > 1 or classes[0] in self.lines.closure("member_of", bodies):  # each is the other's
            return TANGLED
        return next(iter(bodies))

    def below(self, classes: Iterable[str], relations: Iterable[str]) -> set[str]:
        """These classes, and those that lead to them by one of these relations, or by several."""
        nears = [self._nears[relation] for relation in relations if relation in self._nears]
        if not nears:
            return set(classes)
        for name in (found := Walked(classes)):
            for source in self.members(name):
                for by_far in nears:
                    found.add(map(self.lines.class_of, by_far.get(source, ())))
        return set(found)

    def register(self, event: ev.SourceRegistered, position: int, there: bool) -> str:
        """A registration counts from now on, or no longer; gives the class of its source."""
        entries = self._entries.setdefault(event.source, {})
        if there:
            entries[position] = event
        else:
            entries.pop(position, None)
        self._infos.pop(event.source, None)
        for at in sorted(entries):
            self._infos[event.source] = source_info(entries[at], at, self._infos.get(event.source))
        name = self.lines.class_of(event.source)
        self._note_registered(name)
        return name

    def relate(self, event: ev.SourceRelated, position: int, there: bool) -> Moved:
        """A relation holds from now on, or no longer."""
        if not there and not self.lines.holds(position):
            return Moved()
        if event.relation == "same_as":
            return self._identify(event, position, there)
        near, far = map(self.lines.class_of, (event.from_, event.to))
        below = self.below([near], [event.relation])  # whatever is beyond the near end is so for these alone
        if event.relation == "speaks_for":
            circles = {name: self.circle(name) for name in below}
            self._hold(event, position, there)
            for name in below:
                self._circles.pop(name, None)
            return Moved(leading=below, counting={name for name in below if self.circle(name) != circles[name]})
        ends = below | {far}
        ties = {name: self._ties_of(name) for name in ends}
        self._hold(event, position, there)
        for name in ends:
            self._ties.pop((name, True), None)
            self._ties.pop((name, False), None)
        # A circle is tied by all that is in it.
        tied = {name for name in ends if name in self.plural or self._ties_of(name) != ties[name]}
        return Moved(beyond=ends, tied=tied)

    def _ties_of(self, name: str) -> tuple[str | None, str | None]:
        return self.tie((name,), True), self.tie((name,), False)

    def _identify(self, event: ev.SourceRelated, position: int, there: bool) -> Moved:
        """Two sources are the same from now on, or no longer."""
        lines, ends = self.lines, (event.from_, event.to)
        classes = {lines.class_of(end) for end in ends}
        sources = {source for name in classes for source in self.members(name)} | set(ends)
        moved = self.below(classes, DIRECTED)
        self._hold(event, position, there)
        self._regroup(classes, sources)
        after = {lines.class_of(source) for source in sources}
        moved |= self.below(after, DIRECTED)
        self._ties.clear()
        self._circles.clear()
        for name in moved:
            self.circle(name)  # who is in a circle now is noted
        return Moved(moved, moved, moved, moved, classes | after)

    def _hold(self, event: ev.SourceRelated, position: int, there: bool) -> None:
        relation, by = event.relation, 1 if there else -1
        self.searches.clear()
        if there:
            self.lines.add(event, position)
        else:
            self.lines.remove(position)
        for end in (event.from_, event.to):
            _count(self._ends.setdefault(relation, {}), end, by)
        if relation in DIRECTED:
            _count(self._nears.setdefault(relation, {}).setdefault(event.to, {}), event.from_, by)

    def _regroup(self, before: Iterable[str], sources: Iterable[str]) -> None:
        for name in before:
            self._same.pop(name, None)
        groups: dict[str, list[str]] = {}
        for source in sorted(sources):
            groups.setdefault(self.lines.class_of(source), []).append(source)
        for name, members in groups.items():
            if len(members) > 1:
                self._same[name] = members
                self.plural.update(members)
        for name in {*before, *groups}:
            self._note_registered(name)


def _position(info: SourceInfo) -> int:
    return info.position


def _count(counts: dict[str, int], key: str, by: int) -> None:
    counts[key] = counts.get(key, 0) + by
    if not counts[key]:
        del counts[key]
