"""Which claims' acts bear on which, while relations come and go? Kept up to date relation by relation.

Claims that a relation ever tied to each other make a *web*. For every literal of a web (see `projections.reach`) the
literals that lead to it, and those that it leads to, are kept as the bits of one integer: a new relation joins whole
sets at once, and whether what is told on one claim is near another is a single AND.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from .reach import Relation, Sign

_ALONE: Final = {1}
_NONE: Final[dict[str, Any]] = {}


class Web:
    """Claims that were ever tied to each other; literal 2n says that the n-th is so, 2n + 1 that it is not."""

    __slots__ = ("after", "before", "claims", "down", "forward", "numbers", "told", "up")

    def __init__(self, claim: str) -> None:
        self.claims = [claim]
        self.numbers = {claim: 0}
        self.down = [1, 2]
        """The literals that lead to each, itself among them."""
        self.up = [1, 2]
        """The literals that each leads to, itself among them."""
        self.after: list[list[int]] = [[], []]
        """The literals that each leads to by one relation; `before`, that lead to it."""
        self.before: list[list[int]] = [[], []]
        self.told: dict[str, int] = {}
        """Both literals of the claims on which acts tell of what kind a source is, by source."""
        self.forward: dict[tuple[str, Sign, bool], dict[str, int]] = {}
        """Where a stand is carried to; forgotten when a relation comes or goes."""

    def near(self, claim: str) -> int:
        """All literals that lead to a claim, or to which it leads, as it is so: whose acts may bear on it."""
        number = 2 * self.numbers[claim]
        return self.down[number] | self.up[number]

    def is_near(self, claim: str, told: int) -> bool:
        """Whether any of the claims of which both literals are among `told` is near another."""
        return bool(self.near(claim) & told)

    def near_among(self, claim: str, among: Collection[str]) -> Iterator[str]:
        """Those of some claims that are near one of this web."""
        near, numbers = self.near(claim), self.numbers
        few: Iterable[str] = among if len(among) < len(numbers) else filter(among.__contains__, self.claims)
        return (other for other in few if (number := numbers.get(other)) is not None and near >> 2 * number & 3)

    def names(self, literals: int) -> Iterator[str]:
        """The claims of literals, each once or twice."""
        return (self.claims[number >> 1] for number in _bits(literals))

    def join(self, other: Web) -> None:
        """Takes another web's claims in."""
        shift = len(self.down)
        self.numbers |= {claim: number + len(self.claims) for claim, number in other.numbers.items()}
        self.claims += other.claims
        self.down += [literals << shift for literals in other.down]
        self.up += [literals << shift for literals in other.up]
        self.after += [[number + shift for number in numbers] for numbers in other.after]
        self.before += [[number + shift for number in numbers] for numbers in other.before]
        for source, literals in other.told.items():
            self.told[source] = self.told.get(source, 0) | literals << shift

    def relate(self, relation: Relation) -> int:
        """A relation holds; gives the literals that may be near others now."""
        self.forward.clear()
        changed = 0
        for one, other in self._edges(relation):
            self.after[one].append(other)
            self.before[other].append(one)
            if not self.up[one] >> other & 1:
                before, after = self.down[one], self.up[other]
                for literal in _bits(before):
                    self.up[literal] |= after
                for literal in _bits(after):
                    self.down[literal] |= before
                changed |= before | after
        return changed

    def unrelate(self, relation: Relation) -> int:
        """A relation holds no longer; gives the literals that were near it."""
        self.forward.clear()
        edges = list(self._edges(relation))
        for one, other in edges:
            self.after[one].remove(other)
            self.before[other].remove(one)
        before = after = 0
        for one, other in edges:
            before |= self.down[one]
            after |= self.up[other]
        for literal in _bits(before):
            self.up[literal] = _closure(literal, self.after)
        for literal in _bits(after):
            self.down[literal] = _closure(literal, self.before)
        return before | after

    def _edges(self, relation: Relation) -> Iterator[tuple[int, int]]:
        one, other = 2 * self.numbers[relation.from_], 2 * self.numbers[relation.to]
        turned = 1 if relation.relation == "negates" else 0
        yield one, other ^ turned
        yield other ^ turned ^ 1, one ^ 1
        if relation.relation != "entails":
            yield other ^ turned, one
            yield one ^ 1, other ^ turned ^ 1


class Webs:
    """All relations that hold, as they come and go, and where a stand is carried to."""

    def __init__(self) -> None:
        self._same: dict[str, dict[str, tuple[str, Sign]]] = {}  # claim -> relation id -> the other, kept or turned
        self._narrower: dict[str, dict[str, str]] = {}
        self._broader: dict[str, dict[str, str]] = {}
        self._signs: dict[str, dict[str, set[Sign]]] = {}
        self.of: dict[str, Web] = {}
        """The web of each claim that was ever tied to another."""

    def spin(self, claim: str) -> Web:
        """A claim's own web, until it is tied to another."""
        web = self.of[claim] = Web(claim)
        return web

    def add(self, relation: Relation) -> int:
        """A relation holds from now on; gives the literals of its web that may be near others now."""
        self._hold(relation)
        self._forget(relation)
        return self._tied(relation.from_, relation.to).relate(relation)

    def remove(self, relation: Relation) -> int:
        """A relation holds no longer; gives the literals of its web that were near it."""
        self._forget(relation)
        held: Any
        for held in (self._same, self._narrower, self._broader):
            for claim in {relation.from_, relation.to} & held.keys():
                held[claim].pop(relation.id, None)
                if not held[claim]:
                    del held[claim]
        return self.of[relation.from_].unrelate(relation)

    def signs(self, claim: str) -> dict[str, set[Sign]]:
        """The class of a claim, most of which are alone in theirs."""
        if claim not in self._same:
            return {claim: _ALONE}
        known = self._signs.get(claim)
        if known is None:
            known = self._signs[claim] = {claim: {1}}
            queue = [(claim, 1)]
            for here, sign in queue:  # grows while it is walked
                for other, turn in self._same.get(here, _NONE).values():
                    signs = known.setdefault(other, set())
                    if sign * turn not in signs:
                        signs.add(sign * turn)
                        queue.append((other, sign * turn))
        return known

    def is_alone(self, claim: str) -> bool:
        """Whether no other claim is the same or its negation."""
        return claim not in self._same

    def near(self, claim: str) -> Iterable[str]:
        """All claims whose acts may bear on this one, itself among them; some of them twice."""
        web = self.of.get(claim)
        return (claim,) if web is None else web.names(web.near(claim))

    def leads(self, claim: str, side: Sign) -> bool:
        """Whether entails carries a stand on this claim anywhere."""
        return claim in (self._broader if side == 1 else self._narrower)

    def forward(self, claim: str, side: Sign, dismisses: bool) -> dict[str, int]:
        """The claims to which entails carries a stand on a claim, each with its sides as bits: 1 support, 2 opposition.

        A dismissal, once turned, goes no further.
        """
        if not self.leads(claim, side) or (dismisses and side == 1):
            return {}
        known = self.of[claim].forward
        found = known.get((claim, side, dismisses))
        if found is None:
            first = [(other, side) for other in (self._broader if side == 1 else self._narrower)[claim].values()]
            found = known[claim, side, dismisses] = self.onward(first, dismisses)
        return found

    def onward(self, literals: Iterable[tuple[str, Sign]], dismisses: bool) -> dict[str, int]:
        """The claims of these literals and of all that follow from them, each with its sides as bits."""
        sides: dict[str, int] = {}
        queue: list[tuple[str, Sign]] = []
        same, broader, narrower = self._same, self._broader, self._narrower

        def reach(claim: str, sign: Sign) -> None:
            bit = 1 if sign == 1 else 2
            known = sides.get(claim, 0)
            if not known & bit:
                sides[claim] = known | bit
                queue.append((claim, sign))

        for claim, sign in literals:
            reach(claim, sign)
        for here, sign in queue:  # grows while it is walked
            for other, turn in same.get(here, _NONE).values():
                reach(other, sign * turn)
            if sign == -1:
                for other in narrower.get(here, _NONE).values():
                    reach(other, sign)
            elif not dismisses:
                for other in broader.get(here, _NONE).values():
                    reach(other, sign)
        return sides

    def carried_toward(self, claim: str, side: Sign, dismisses: bool) -> dict[str, int]:
        """The claims at which an entails link begins that carries stands towards a side of a claim, with the sides."""
        starts: dict[str, int] = {}
        seen = {(claim, side)}
        queue = [(claim, side)]
        for here, sign in queue:  # grows while it is walked
            before = [(other, sign * turn) for other, turn in self._same.get(here, _NONE).values()]
            if sign == -1 or not dismisses:
                implying = (self._narrower if sign == 1 else self._broader).get(here, _NONE)
                bit = 1 if sign == 1 else 2
                for other in implying.values():
                    starts[other] = starts.get(other, 0) | bit
                    before.append((other, sign))
            for literal in before:
                if literal not in seen:
                    seen.add(literal)
                    queue.append(literal)
        return starts

    def _hold(self, relation: Relation) -> None:
        one, other = relation.from_, relation.to
        if relation.relation == "entails":
            self._broader.setdefault(one, {})[relation.id] = other
            self._narrower.setdefault(other, {})[relation.id] = one
        else:
            turn = -1 if relation.relation == "negates" else 1
            self._same.setdefault(one, {})[relation.id] = other, turn
            self._same.setdefault(other, {})[relation.id] = one, turn

    def _forget(self, relation: Relation) -> None:
        """The classes of both ends are other ones now, where it is not entails."""
        if relation.relation != "entails":
            for end in (relation.from_, relation.to):
                for member in list(self.signs(end)):
                    self._signs.pop(member, None)

    def _tied(self, one: str, other: str) -> Web:
        webs = [self.of.get(claim) or self.spin(claim) for claim in (one, other)]
        larger, smaller = sorted(webs, key=lambda web: -len(web.claims))
        if larger is not smaller:
            larger.join(smaller)
            self.of.update(dict.fromkeys(smaller.claims, larger))
        return larger


def _closure(literal: int, following: list[list[int]]) -> int:
    found = 1 << literal
    for here in (queue := [literal]):  # grows while it is walked
        for other in following[here]:
            if not found >> other & 1:
                found |= 1 << other
                queue.append(other)
    return found


def _bits(literals: int) -> Iterator[int]:
    while literals:
        low = literals & -literals
        yield low.bit_length() - 1
        literals ^= low
