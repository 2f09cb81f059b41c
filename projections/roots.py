"""Whom do the speakers stand for, and how many of those are known to be distinct?

A root is the speaker followed through same_as and, for named speakers, speaks_for. The number of roots on a side is
an interval: *possible* counts them all, *provable* is the size of the largest set of them any two of which are known
to be distinct. Provable means distinct, not truthful. Carriers never count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from ledger import names
from ledger.events import NAMED

from .dossier import Act, Register
from .stands import Stand

EXACT: Final = 32
"""So many roots of a side that are declared independent are counted exactly; the rest one by one."""


class Root(Struct, frozen=True):
    """An origin that counts once on a side, with the speakers that stand for it there."""

    root: str
    classes: tuple[str, ...]
    """The sources it is made of: one class, or the classes of a circle."""
    name: str
    kind: str | None
    named: bool
    registered: bool
    stands: tuple[Stand, ...]
    inferred: bool = False
    """True where no speaker of it stands here in own words."""
    first: int = 0
    """The position of its first act there."""

    @property
    def acts(self) -> list[str]:
        """The ids of the deciding acts, oldest record first."""
        return list(dict.fromkeys(stand.act.id for stand in sorted(self.stands, key=lambda s: s.act.position)))


class Kinds:
    """What kind of source each is, and its name: from the register, else from the latest act that tells."""

    def __init__(self, register: Register, acts: Iterable[Act]) -> None:
        self._register = register
        self._kinds: dict[str, tuple[int, int, str]] = {}  # (position, how near the utterer, kind)
        self._names: dict[str, str] = {}
        for act in acts:  # by position, so the latest stays; within an act the link nearest its utterer
            links = list(zip(act.event.chain, names.sources(act.event.chain), strict=True))
            for place, (link, source) in reversed(list(enumerate(links))):
                source = register.lines.class_of(source)
                self._names[source] = link.name
                if link.kind is not None:
                    self._kinds[source] = (act.position, -place, link.kind)

    def kind(self, classes: Sequence[str]) -> str | None:
        """The kind of a root made of these classes."""
        told = [info for name in classes for info in self._register.registered(name) if info.kind]
        if told:
            return max(told, key=lambda info: info.position).kind
        return max((self._kinds[name] for name in classes if name in self._kinds), default=(0, 0, None))[2]

    def name(self, root: str) -> str:
        """The name to show: as registered, else as last printed, else the id."""
        infos = self._register.registered(root)
        own = [info.name for info in infos if info.source == root]
        return (own or [info.name for info in infos] or [self._names.get(root, root)])[-1]

    def is_named(self, source: str) -> bool:
        """Whether a speaker is named: a person, an office, an organisation or a state."""
        return self.kind([source]) in NAMED


def roots(stands: Iterable[Stand], kinds: Kinds, register: Register) -> dict[str, Root]:
    """The roots of all who stand on a claim, by id, whatever the side (see `on_side`)."""
    held: dict[str, list[Stand]] = {}
    classes: dict[str, set[str]] = {}
    for stand in stands:
        circle = origin(stand.speaker, kinds, register)
        held.setdefault(min(circle), []).append(stand)
        classes.setdefault(min(circle), set()).update(circle)
    return {root: _root(tuple(sorted(classes[root])), held[root], kinds, register) for root in held}


def origin(speaker: str, kinds: Kinds, register: Register) -> list[str]:
    """The classes a speaker counts for: the end of its line where it is named, else its own; the least is the root."""
    return register.lines.circle(speaker) if kinds.is_named(speaker) else [speaker]


def on_side(all_roots: Iterable[Root], side: int, first: Callable[[Stand], int]) -> list[Root]:
    """The roots as they stand on one side, by their first act there.

    `first` gives the position of the first act by which a speaker came to this side.
    """
    found = []
    for root in all_roots:
        stands = tuple(stand for stand in root.stands if stand.side == side)
        if stands:
            inferred = all(stand.inferred for stand in stands)
            found.append(replace(root, stands=stands, inferred=inferred, first=min(map(first, stands))))
    return sorted(found, key=lambda root: (root.first, root.root))


def _root(classes: tuple[str, ...], held: list[Stand], kinds: Kinds, register: Register) -> Root:
    kind = kinds.kind(classes)
    named = kind in NAMED
    if (
        kind is None or kind == "outlet"
    ):  # an outlet is not named where it speaks itself; where its spokesman does, it is
        named = any(kinds.is_named(stand.speaker) for stand in held)
    return Root(
        root=classes[0],
        classes=classes,
        name=kinds.name(classes[0]),
        kind=kind,
        named=named,
        registered=any(register.registered(name) for name in classes),
        stands=tuple(sorted(held, key=lambda stand: stand.act.key)),
    )


def provable(side: Sequence[Root], register: Register) -> tuple[int, bool]:
    """The size of the largest set of distinct roots; and whether more were declared independent than count exactly."""
    if len(side) <= 1:
        return len(side), False
    graph = _Distinct(side, register)
    declared = [i for i in range(len(side)) if graph.declared[i]]
    if len(declared) <= EXACT:
        return graph.largest(range(len(side))), False
    left = declared[EXACT:]
    rest = sorted(set(range(len(side))) - set(left))
    taken = graph.first_largest(rest)
    for i in left:
        if all(graph.distinct(i, j) for j in taken):
            taken.append(i)
    return len(taken), True


class _Distinct:
    """Which roots of a side are known to be distinct, by their index."""

    def __init__(self, side: Sequence[Root], register: Register) -> None:
        lines = register.lines
        self._named = [root.named for root in side]
        self._bodies = [_closure(root.classes, lines.bodies) for root in side]
        self._republished = [_closure(root.classes, lines.republishes) for root in side]
        self._classes = [frozenset(root.classes) for root in side]
        home = {name: i for i, root in enumerate(side) for name in root.classes}
        self.declared: list[set[int]] = [set() for _ in side]
        for near, far in lines.independent:
            if near in home and far in home and home[near] != home[far]:
                self.declared[home[near]].add(home[far])

    def distinct(self, i: int, j: int) -> bool:
        """Declared independent; or both named with no common body and neither republishing the other."""
        if j in self.declared[i]:
            return True
        return (
            self._named[i]
            and self._named[j]
            and self._bodies[i].isdisjoint(self._bodies[j])
            and self._republished[i].isdisjoint(self._classes[j])
            and self._republished[j].isdisjoint(self._classes[i])
        )

    def largest(self, among: Iterable[int]) -> int:
        """The size of the largest set any two of which are distinct.

        An unnamed root is distinct only from those it is declared independent of, so a largest set is either all
        named or all declared; each is searched by itself.
        """
        some = list(among)
        named = self._largest_named([i for i in some if self._named[i]])
        declared = [i for i in some if self.declared[i]]
        return max(named, self._clique(declared) if any(not self._named[i] for i in declared) else 0, 1 if some else 0)

    def first_largest(self, among: Sequence[int]) -> list[int]:
        """Of several largest sets, the one whose roots come first."""
        left, size, taken = list(among), self.largest(among), list[int]()
        while size:
            for place, i in enumerate(left):
                after = [j for j in left[place + 1 :] if self.distinct(i, j)]
                if 1 + self.largest(after) == size:
                    taken.append(i)
                    left, size = after, size - 1
                    break
        return taken

    def _largest_named(self, some: list[int]) -> int:
        """Named roots are distinct unless something ties them, so only those tied to each other need a search."""
        untied, groups = self._ties(some)
        return untied + sum(self._clique(group) for group in groups)

    def _ties(self, some: list[int]) -> tuple[int, list[list[int]]]:
        by_body: dict[str, list[int]] = {}
        home = {name: i for i in some for name in self._classes[i]}
        parent = {i: i for i in some}

        def find(i: int) -> int:
            while parent[i] != i:
                parent[i] = parent[parent[i]]
                i = parent[i]
            return i

        for i in some:
            for body in self._bodies[i]:
                by_body.setdefault(body, []).append(i)
            for name in self._republished[i]:
                if name in home:
                    parent[find(i)] = find(home[name])
        for tied in by_body.values():
            for i in tied[1:]:
                parent[find(i)] = find(tied[0])
        groups: dict[int, list[int]] = {}
        for i in some:
            groups.setdefault(find(i), []).append(i)
        searched = [self._without_twins(group) for group in groups.values() if len(group) > 1]
        return sum(len(group) == 1 for group in groups.values()), searched

    def _without_twins(self, group: list[int]) -> list[int]:
        """Roots that exclude each other and all others alike (members of one body): one of them stands for all."""
        leaned_on: set[str] = set()
        for i in group:
            leaned_on |= (self._bodies[i] | self._republished[i]) - self._classes[i]
        kept: dict[object, int] = {}
        for i in group:
            plain = self._republished[i] == self._classes[i] and leaned_on.isdisjoint(self._classes[i])
            kept.setdefault(self._bodies[i] - self._classes[i] if plain and not self.declared[i] else i, i)
        return list(kept.values())

    def _clique(self, some: list[int]) -> int:
        """The largest set by branch and bound over bit masks, with a greedy colouring as bound (Tomita 2003)."""
        if len(some) <= 1:
            return len(some)
        masks = [0] * len(some)
        for a in range(len(some)):
            for b in range(a):
                if self.distinct(some[a], some[b]):
                    masks[a] |= 1 << b
                    masks[b] |= 1 << a
        best = 0

        def expand(candidates: int, size: int) -> None:
            nonlocal best
            order, bounds = _colour(candidates, masks)
            for vertex, bound in zip(reversed(order), reversed(bounds), strict=True):
                if size + bound <= best:
                    return
                best = max(best, size + 1)
                expand(candidates & masks[vertex], size + 1)
                candidates &= ~(1 << vertex)

        expand((1 << len(some)) - 1, 0)
        return best


def _colour(candidates: int, masks: Sequence[int]) -> tuple[list[int], list[int]]:
    """The candidates by colour class, each with the number of colours up to it: no set among them is larger."""
    order: list[int] = []
    bounds: list[int] = []
    colour = 0
    while candidates:
        colour += 1
        free = candidates
        while free:
            vertex = (free & -free).bit_length() - 1
            free &= ~masks[vertex] & ~(1 << vertex)
            candidates &= ~(1 << vertex)
            order.append(vertex)
            bounds.append(colour)
    return order, bounds


def _closure(start: Iterable[str], links: dict[str, set[str]]) -> frozenset[str]:
    found = set(start)
    queue = list(found)
    for name in queue:  # grows while it is walked
        for other in links.get(name, ()):
            if other not in found:
                found.add(other)
                queue.append(other)
    return frozenset(found)
