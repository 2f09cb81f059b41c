"""Which claims' acts bear on which, while relations come and go? Kept up to date relation by relation.

Claims that a relation ever tied to each other make a *web*. For every literal of a web (see `projections.reach`) the
literals that lead to it, and those that it leads to, are kept as the bits of one integer: a new relation joins whole
sets at once, whether what is told on one claim is near another is a single AND, and what a relation changes that comes
or goes is the difference of two integers.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final, NamedTuple

from ..reach import Relation, Sign

_ALONE: Final = {1}
_NONE: Final[dict[str, Any]] = {}


class Leads:
    """What leads where, by links between literals that come and go."""

    __slots__ = ("after", "before", "down", "up")

    def __init__(self) -> None:
        """The two literals of one claim, which lead to themselves alone."""
        self.down = [1, 2]
        """The literals that lead to each, itself among them."""
        self.up = [1, 2]
        """The literals that each leads to, itself among them."""
        self.after: list[list[int]] = [[], []]
        """The literals that each leads to by one link; `before`, that lead to it."""
        self.before: list[list[int]] = [[], []]

    def join(self, other: Leads) -> None:
        """Takes the literals of another in, after those that are here."""
        shift = len(self.down)
        self.down += [literals << shift for literals in other.down]
        self.up += [literals << shift for literals in other.up]
        self.after += [[number + shift for number in numbers] for numbers in other.after]
        self.before += [[number + shift for number in numbers] for numbers in other.before]

    def link(self, one: int, other: int) -> None:
        """From now on, one literal leads to another."""
        self.after[one].append(other)
        self.before[other].append(one)
        if not self.up[one] >> other & 1:
            before, after = self.down[one], self.up[other]
            for literal in bits(before):
                self.up[literal] |= after
            for literal in bits(after):
                self.down[literal] |= before

    def unlink(self, links: Iterable[tuple[int, int]]) -> None:
        """These links are there no longer."""
        before = after = 0
        for one, other in links:
            self.after[one].remove(other)
            self.before[other].remove(one)
            before |= self.down[one]
            after |= self.up[other]
        _close_anew(self.up, before, self.after)
        _close_anew(self.down, after, self.before)


class Carrying(NamedTuple):
    """Where entails carries some stands otherwise than it did."""

    lost: int
    """The literals to which it carries them no longer; `more`, to which it does now."""
    more: int


class Changed(NamedTuple):
    """What a relation changes that comes or goes."""

    carried: dict[str, dict[tuple[Sign, bool], Carrying]]
    """By claim, then by the side of the stands there, and whether it is dismissals that are carried so, or others."""
    near: dict[int, list[str]]
    """The claims near which other literals are now, by those that came or went."""


class Web:
    """Claims that were ever tied to each other; literal 2n says that the n-th is so, 2n + 1 that it is not."""

    __slots__ = ("all", "claims", "dismissed", "forward", "implied", "numbers", "told")

    def __init__(self, claim: str) -> None:
        self.claims = [claim]
        self.numbers = {claim: 0}
        self.all = Leads()
        """Where what is said of a literal leads."""
        self.dismissed = Leads()
        """Where a dismissal leads: from broad to narrow, and once turned no further."""
        self.implied: list[list[int]] = [[], []]
        """The literals that each entails by one relation."""
        self.told: dict[str, int] = {}
        """Both literals of the claims on which acts tell of what kind a source is, by source."""
        self.forward: dict[tuple[str, Sign, bool], list[tuple[str, int]]] = {}
        """Where a stand is carried to; forgotten when a relation comes or goes."""

    def near(self, claim: str) -> int:
        """All literals that lead to a claim, or to which it leads, as it is so: whose acts may bear on it."""
        number = 2 * self.numbers[claim]
        return self.all.down[number] | self.all.up[number]

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
        return (self.claims[number >> 1] for number in bits(literals))

    def carried(self, literal: int, dismisses: bool) -> int:
        """The literals to which entails carries a stand on one; a dismissal is carried as an opposition alone."""
        if dismisses and not literal & 1:
            return 0
        found, up = 0, (self.dismissed if dismisses else self.all).up
        for other in self.implied[literal]:
            found |= up[other]
        return found

    def sides(self, literals: int) -> list[tuple[str, int]]:
        """The claims of literals, each with its sides as bits: 1 support, 2 opposition."""
        found: dict[int, int] = {}
        for number in bits(literals):
            found[number >> 1] = found.get(number >> 1, 0) | 1 << (number & 1)
        return [(self.claims[number], sides) for number, sides in found.items()]

    def join(self, other: Web) -> None:
        """Takes another web's claims in."""
        shift = len(self.implied)
        self.numbers |= {claim: number + len(self.claims) for claim, number in other.numbers.items()}
        self.claims += other.claims
        self.all.join(other.all)
        self.dismissed.join(other.dismissed)
        self.implied += [[number + shift for number in numbers] for numbers in other.implied]
        for source, literals in other.told.items():
            self.told[source] = self.told.get(source, 0) | literals << shift

    def relate(self, relation: Relation, there: bool) -> Changed:
        """A relation holds from now on, or no longer."""
        links, leads = list(self._links(relation)), self.all
        before = after = 0
        for one, other in links:
            before |= leads.down[one]
            after |= leads.up[other]
        literals = list(bits(before))
        ways = [(literal, dismisses) for literal in literals for dismisses in (False, True)]
        carried = [self.carried(literal, dismisses) for literal, dismisses in ways]
        claims = [self.claims[number >> 1] for number in bits((before | after) & _as_they_are(len(self.claims)))]
        near = [self.near(claim) for claim in claims]
        self._link(relation, links, there)
        changed = Changed({}, {})
        for (literal, dismisses), then in zip(ways, carried, strict=True):
            now = self.carried(literal, dismisses)
            if now != then:
                of_claim = changed.carried.setdefault(self.claims[literal >> 1], {})
                of_claim[-1 if literal & 1 else 1, dismisses] = Carrying(then & ~now, now & ~then)
        for claim, then in zip(claims, near, strict=True):
            now = self.near(claim)
            if now != then:
                changed.near.setdefault(then ^ now, []).append(claim)
        return changed

    def _links(self, relation: Relation) -> Iterator[tuple[int, int]]:
        one, other = 2 * self.numbers[relation.from_], 2 * self.numbers[relation.to]
        turned = 1 if relation.relation == "negates" else 0
        yield one, other ^ turned
        yield other ^ turned ^ 1, one ^ 1
        if relation.relation != "entails":
            yield other ^ turned, one
            yield one ^ 1, other ^ turned ^ 1

    def _link(self, relation: Relation, links: list[tuple[int, int]], there: bool) -> None:
        self.forward.clear()
        entails = relation.relation == "entails"
        dismissed = links[1:] if entails else links
        for one, other in links if entails else ():
            if there:
                self.implied[one].append(other)
            else:
                self.implied[one].remove(other)
        for leads, among in ((self.all, links), (self.dismissed, dismissed)):
            if there:
                for one, other in among:
                    leads.link(one, other)
            else:
                leads.unlink(among)


class Webs:
    """All relations that hold, as they come and go, and where a stand is carried to."""

    def __init__(self) -> None:
        self._same: dict[str, dict[str, tuple[str, Sign]]] = {}  # claim -> relation id -> the other, kept or turned
        self._signs: dict[str, dict[str, set[Sign]]] = {}
        self.of: dict[str, Web] = {}
        """The web of each claim that was ever tied to another."""

    def spin(self, claim: str) -> Web:
        """A claim's own web, until it is tied to another."""
        web = self.of[claim] = Web(claim)
        return web

    def relate(self, relation: Relation, there: bool) -> Changed:
        """A relation holds from now on, or no longer."""
        web = self._tied(relation.from_, relation.to)
        if relation.relation != "entails":
            self._forget(relation)
            self._hold(relation, there)
        return web.relate(relation, there)

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

    def forward(self, claim: str, side: Sign, dismisses: bool) -> list[tuple[str, int]]:
        """The claims to which entails carries a stand on a claim, each with its sides as bits: 1 support, 2 opposition.

        A dismissal, once turned, goes no further.
        """
        web = self.of.get(claim)
        if web is None:
            return []
        found = web.forward.get((claim, side, dismisses))
        if found is None:
            carried = web.carried(2 * web.numbers[claim] + (side == -1), dismisses)
            found = web.forward[claim, side, dismisses] = web.sides(carried)
        return found

    def _hold(self, relation: Relation, there: bool) -> None:
        one, other = relation.from_, relation.to
        turn = -1 if relation.relation == "negates" else 1
        for near, far in ((one, other), (other, one)):
            if there:
                self._same.setdefault(near, {})[relation.id] = far, turn
            elif near in self._same:
                self._same[near].pop(relation.id, None)
                if not self._same[near]:
                    del self._same[near]

    def _forget(self, relation: Relation) -> None:
        """The classes of both ends are other ones now."""
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


def bits(literals: int) -> Iterator[int]:
    """The places of the bits that are set."""
    while literals:
        low = literals & -literals
        yield low.bit_length() - 1
        literals ^= low


def _as_they_are(claims: int) -> int:
    """Of so many claims, the literals that say that each is so."""
    return ((1 << 2 * claims) - 1) // 3


def _close_anew(reached: list[int], literals: int, following: list[list[int]]) -> None:
    """Works out anew what some literals reach, which may be less than it was."""
    # What reached least comes first: unless there are circles, it follows from none that comes later.
    order = sorted(bits(literals), key=lambda literal: reached[literal].bit_count())
    for literal in order:
        reached[literal] = 1 << literal
    again = True
    while again:
        again = False
        for literal in order:
            found = reached[literal]
            for other in following[literal]:
                found |= reached[other]
            if found != reached[literal]:
                reached[literal], again = found, True
