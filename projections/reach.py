"""Through which relations does what is said of one claim bear on another?

`same_as` and `negates` make a class of claims, the sign kept or turned: what is said of one member is said of all, in
own words. `entails` carries sides on, support from narrow to broad and opposition from broad to narrow, through any
number of links and through classes between them: what arrives so is inferred.

A literal is a claim with a sign: (x, +1) "x is so", (x, -1) "x is not so". All walks are over literals, breadth first
and in the order of the relations' positions, so they end in circles and give the same path on every run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final, NamedTuple, Protocol, TypeAlias

from ledger.walking import Walked

Sign: TypeAlias = int


class Relation(NamedTuple):
    """A relation between claims that holds."""

    id: str
    from_: str
    to: str
    relation: str


class Linked(Protocol):
    """What relates two claims: a relation that holds, or an event that tells of one."""

    @property
    def from_(self) -> str: ...  # noqa: D102

    @property
    def to(self) -> str: ...  # noqa: D102

    @property
    def relation(self) -> str: ...  # noqa: D102


OWN: Final = "own words"
CARRIED: Final = "carried"
BESIDE: Final = "beside"


class Step(NamedTuple):
    """Where a walk has come to: a literal, and how what is said of it bears on the claim asked about.

    OWN: it is of the claim's class. CARRIED: an entails link begins here that carries stands towards the claim.
    BESIDE: it is of the class of such a claim, and the walk goes on from here.
    """

    claim: str
    sign: Sign
    how: str = OWN


Way: TypeAlias = tuple[Relation, ...]
"""The relations between a step and the claim asked about, the nearest to the claim last."""


class Walk:
    """A walk back from a literal, breadth first: every step it comes to, and from each the shortest way to the start.

    It goes through the class of the claim, and from literals with a sign in `implied` to those that imply them.
    """

    def __init__(self, reach: Reach, claim: str, side: Sign, implied: Collection[Sign]) -> None:
        start = Step(claim, side)
        self._back: dict[Step, tuple[Step, Relation] | None] = {start: None}
        queue = [start]
        for step in queue:  # grows while it is walked
            here, sign, how = step
            turned = OWN if how == OWN else BESIDE
            for other, turn, relation in reach.same(here):
                self._come_to((other, sign * turn, turned), step, relation, queue)
            if sign in implied:
                for other, relation in reach.implying(here, sign):
                    self._come_to((other, sign, CARRIED), step, relation, queue)

    def __iter__(self) -> Iterator[Step]:
        return iter(self._back)

    def __contains__(self, step: Step) -> bool:
        return step in self._back

    def way(self, step: Step) -> Way:
        """The relations from a step to the start."""
        relations: list[Relation] = []
        while (back := self._back[step]) is not None:
            step, relation = back
            relations.append(relation)
        return tuple(relations)

    def _come_to(self, literal: tuple[str, Sign, str], before: Step, relation: Relation, queue: list[Step]) -> None:
        if literal not in self._back:  # a step is equal to what it is made of, and takes longer to make
            step = Step(*literal)
            self._back[step] = (before, relation)
            queue.append(step)


class Reach:
    """The relations that hold between claims, and the walks along them."""

    def __init__(self, relations: Iterable[Relation]) -> None:
        self._same: dict[str, list[tuple[str, Sign, Relation]]] = {}
        self._narrower: dict[str, list[tuple[str, Relation]]] = {}
        self._broader: dict[str, list[tuple[str, Relation]]] = {}
        for relation in relations:
            if relation.relation == "entails":
                self._narrower.setdefault(relation.to, []).append((relation.from_, relation))
                self._broader.setdefault(relation.from_, []).append((relation.to, relation))
            else:
                sign = -1 if relation.relation == "negates" else 1
                self._same.setdefault(relation.from_, []).append((relation.to, sign, relation))
                self._same.setdefault(relation.to, []).append((relation.from_, sign, relation))
        self._signs: dict[str, dict[str, set[Sign]]] = {}

    def same(self, claim: str) -> Iterable[tuple[str, Sign, Relation]]:
        """What `same_as` and `negates` make the same as a claim, with the sign that is kept or turned."""
        return self._same.get(claim, ())

    def implying(self, claim: str, sign: Sign) -> Iterable[tuple[str, Relation]]:
        """The claims that imply a literal by one link: narrower ones that are so, or broader ones that are not."""
        return (self._narrower if sign == 1 else self._broader).get(claim, ())

    def signs(self, claim: str) -> dict[str, set[Sign]]:
        """The class of a claim: every member with its sign; with both where the relations contradict each other."""
        known = self._signs.get(claim)
        if known is None:
            known = {}
            for step in self.own(claim):
                known.setdefault(step.claim, set()).add(step.sign)
            self._signs[claim] = known
        return known

    def own(self, claim: str) -> Walk:
        """The literals of the claim's class that are the same as support of the claim."""
        return Walk(self, claim, 1, ())

    def toward(self, claim: str, side: Sign) -> Walk:
        """Every literal from which `side` on the claim follows, with the shortest way there."""
        return Walk(self, claim, side, (1, -1))

    def dismissed_toward(self, claim: str, side: Sign) -> Walk:
        """As `toward`, for dismissals: they go from broad to narrow, and once turned they go no further.

        With side +1 come those that arrive turned.
        """
        return Walk(self, claim, side, (-1,))

    def neighbourhood(self, claim: str) -> set[str]:
        """All claims whose acts may bear on this one, itself among them."""
        if self.is_alone(claim):
            return {claim}
        return {step.claim for side in (1, -1) for step in self.toward(claim, side)}

    def is_alone(self, claim: str) -> bool:
        """Whether no relation to any other claim holds."""
        return claim not in self._same and claim not in self._narrower and claim not in self._broader


class Near:
    """Claims and all whose acts may bear on them, as claims and relations come in; a relation never goes again.

    It comes to what `Reach.toward` comes to, from both sides of each, by any way.
    """

    def __init__(self) -> None:
        self.claims: dict[str, set[tuple[Sign, bool]]] = {}
        """Each with the signs that were come to, and whether entails leads on from there."""
        self._at: dict[str, list[Linked]] = {}
        self._held: set[tuple[str, str, str]] = set()

    def begin(self, claim: str, *, same: bool = False) -> None:
        """Begins at a claim, too; for what is the `same` or its negation, and no more, where that is asked for."""
        self._walk([found for sign in (1, -1) if (found := (claim, sign, not same)) and self._is_new(*found)])

    def same(self, claims: Iterable[str]) -> Collection[str]:
        """These claims, and what is the same or their negation."""
        for claim in (found := Walked(claims)):
            for relation in self._at.get(claim, ()):
                found.add(far for far, _, _ in _across(relation, claim, 1, False))
        return list(found)

    def relate(self, relation: Linked) -> None:
        """A relation that holds, held, or may hold."""
        key = relation.from_, relation.to, relation.relation
        if key in self._held:
            return
        self._held.add(key)
        found: list[tuple[str, Sign, bool]] = []
        for end in dict.fromkeys((relation.from_, relation.to)):
            self._at.setdefault(end, []).append(relation)
            for sign, leads_on in tuple(self.claims.get(end, ())):
                found += [far for far in _across(relation, end, sign, leads_on) if self._is_new(*far)]
        self._walk(found)

    def _walk(self, queue: list[tuple[str, Sign, bool]]) -> None:
        for claim, sign, leads_on in queue:  # grows while it is walked
            for relation in self._at.get(claim, ()):
                queue += [far for far in _across(relation, claim, sign, leads_on) if self._is_new(*far)]

    def _is_new(self, claim: str, sign: Sign, leads_on: bool) -> bool:
        known = self.claims.setdefault(claim, set())
        if (sign, leads_on) in known:
            return False
        known.add((sign, leads_on))
        return True


def _across(relation: Linked, claim: str, sign: Sign, leads_on: bool) -> Iterator[tuple[str, Sign, bool]]:
    """Where a relation leads from a literal at one of its ends."""
    from_, to = relation.from_, relation.to
    if relation.relation == "entails":
        if leads_on and claim == (to if sign == 1 else from_):
            yield (from_ if sign == 1 else to), sign, True
        return
    turned = -sign if relation.relation == "negates" else sign
    if claim == from_:
        yield to, turned, leads_on
    if claim == to:
        yield from_, turned, leads_on
