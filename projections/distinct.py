"""How many of the roots of a side are known to be distinct? The largest set any two of which are.

Two roots are distinct where they are declared independent of each other, or where both are named, no body has both
(through member_of, as far as it goes; a body is its own body) and neither republishes the other, directly or through
others. Provable means distinct, not truthful.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from ledger.lines import Lines

from .roots import Root

EXACT: Final = 32
"""So many roots of a side that are declared independent are counted exactly; the rest one by one."""
BUDGET: Final = 20_000
"""So many steps a search may take; where roots share bodies in ways that want more, the best set found is a floor."""


def provable(side: Sequence[Root], lines: Lines) -> tuple[int, bool]:
    """The size of the largest set of distinct roots; and whether it is a floor, for want of an exact count."""
    if len(side) <= 1:
        return len(side), False
    graph = _Distinct(side, lines)
    declared = [i for i in range(len(side)) if graph.declared[i]]
    if len(declared) <= EXACT:
        return graph.largest(range(len(side))), graph.gave_up
    left = declared[EXACT:]
    rest = sorted(set(range(len(side))) - set(left))
    taken = graph.first_largest(rest)
    for i in left:
        if all(graph.distinct(i, j) for j in taken):
            taken.append(i)
    return len(taken), True


class _Distinct:
    """Which roots of a side are known to be distinct, by their index."""

    def __init__(self, side: Sequence[Root], lines: Lines) -> None:
        self.gave_up = False
        self._ids = [root.root for root in side]
        self._named = [root.named for root in side]
        self._bodies = [lines.closure("member_of", root.classes) for root in side]
        self._republished = [lines.closure("republishes", root.classes) for root in side]
        self._classes = [frozenset(root.classes) for root in side]
        homes: dict[str, set[int]] = {}  # a source by itself may stand beside the circle that it is in
        for i, root in enumerate(side):
            for name in root.classes:
                homes.setdefault(name, set()).add(i)
        self.declared: list[set[int]] = [set() for _ in side]
        for near, here in homes.items():
            for far in lines.beyond("independent_of", near):
                for i in here if far in homes else ():
                    self.declared[i] |= homes[far] - {i}

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
        named or all declared; each is searched by itself. By id: a search that gives up has found the same in whatever
        order they came.
        """
        some = sorted(among, key=self._ids.__getitem__)
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
        """The size of the largest set of these any two of which are distinct."""
        if len(some) <= 1:
            return len(some)
        masks = [0] * len(some)
        for a in range(len(some)):
            for b in range(a):
                if self.distinct(some[a], some[b]):
                    masks[a] |= 1 << b
                    masks[b] |= 1 << a
        clique = _Clique(masks)
        self.gave_up |= clique.gave_up
        return clique.largest


class _Clique:
    """The largest clique, by branch and bound over bit masks, with a greedy colouring as bound (Tomita 2003)."""

    def __init__(self, masks: Sequence[int]) -> None:
        self.largest = 0
        self.gave_up = False
        steps = 0
        branches = [_Branch((1 << len(masks)) - 1, masks)]  # no recursion: it may be as deep as there are vertices
        while branches:
            branch, size = branches[-1], len(branches) - 1
            steps += bool(branch.order)
            if not branch.order or size + branch.bounds[-1] <= self.largest:
                branches.pop()
            elif steps > BUDGET:
                self.gave_up = True
                return
            else:
                self.largest = max(self.largest, size + 1)
                branches.append(_Branch(branch.take(), masks))


class _Branch:
    """What may be added to the vertices taken so far: any of the candidates is next to all of them."""

    def __init__(self, candidates: int, masks: Sequence[int]) -> None:
        self._candidates = candidates
        self._masks = masks
        self.order, self.bounds = _colour(candidates, masks)

    def take(self) -> int:
        """Takes the last of the candidates out; gives those that are next to it."""
        vertex = self.order.pop()
        self.bounds.pop()
        beside = self._candidates & self._masks[vertex]
        self._candidates &= ~(1 << vertex)
        return beside


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
