"""On which side does each speaker stand on a claim, by which act, and through which relations?

A speaker takes a stand by committing acts only, and the latest stands, in the order (earliest, latest, position). A
stand is decided on the claim's own class first, in own words; what entails carries here from elsewhere is inferred,
and own words beat it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from .reach import CARRIED, OWN, Way
from .register import Register
from .world import Act, World


class Stand(NamedTuple):
    """A side (+1 support, -1 opposition) that a speaker takes on a claim, and the act that decides it."""

    speaker: str
    side: int
    act: Act
    through: Way = ()
    inferred: bool = False

    @property
    def by_dismissal(self) -> bool:
        """Whether the act that decides is a dismissal; on the support side it is one turned, which takes no side."""
        return self.act.dismisses


class Stands:
    """All stands in one world, claim by claim."""

    def __init__(self, register: Register, world: World) -> None:
        self._reach = register.reach
        self._on: dict[str, list[Act]] = {}
        for act in world.acts:
            for claim in act.event.claims:
                self._on.setdefault(claim, []).append(act)
        self._own: dict[str, dict[str, Stand]] = {}

    def acts(self, claim: str) -> list[Act]:
        """The acts on a claim or what is the same or its negation, live or not, in position order."""
        members = self._reach.signs(claim)
        if len(members) == 1:
            return self._on.get(claim, [])
        found = {act.position: act for member in members for act in self._on.get(member, ())}
        return [found[position] for position in sorted(found)]

    def sign(self, act: Act, claim: str, of: Iterable[str]) -> int | None:
        """How an act's claims `of` bear on a claim of their class: +1, -1, 0 for both ways, None for not at all."""
        members = self._reach.signs(claim)
        signs = {sign for named in of for sign in members.get(named, ())}
        return None if not signs else signs.pop() if len(signs) == 1 else 0

    def own(self, claim: str) -> dict[str, Stand]:
        """The stands in own words, by speaker."""
        known = self._own.get(claim)
        if known is None:
            known = self._own[claim] = self._own_stands(claim)
        return known

    def _own_stands(self, claim: str) -> dict[str, Stand]:
        stands: dict[str, Stand] = {}
        for act in sorted((act for act in self.acts(claim) if act.side), key=lambda act: act.key):
            sign = self.sign(act, claim, act.live)
            if not sign:
                continue
            _take(stands, Stand(act.source, act.side * sign, act, self._through(act, claim)))
        return stands

    def inferred(self, claim: str) -> tuple[dict[str, Stand], bool]:
        """What entails carries here of the stands on other claims, by speaker; and whether an act came with both sides.

        A dismissal carries opposition from broad to narrow, and goes no further once it is turned.
        """
        arrived: dict[str, dict[int, list[Stand]]] = {}
        for side in (1, -1):
            for walk_toward, dismissals in ((self._reach.toward, False), (self._reach.dismissed_toward, True)):
                walk = walk_toward(claim, side)
                for step in walk:
                    if step.how != CARRIED:
                        continue
                    for stand in self.own(step.claim).values():
                        if self.sign(stand.act, claim, stand.act.live) == 0:
                            continue  # in own words it bears on the claim both ways, and counts here for neither
                        if stand.side == step.sign and stand.by_dismissal == dismissals:
                            here = Stand(stand.speaker, side, stand.act, (*stand.through, *walk.way(step)), True)
                            arrived.setdefault(stand.speaker, {}).setdefault(stand.act.position, []).append(here)
        stands: dict[str, Stand] = {}
        conflict = False
        dismissed = self._negation_dismissed_by(claim)
        for speaker, by_act in arrived.items():
            for ways_here in sorted(by_act.values(), key=lambda ways: ways[0].act.key):
                if len({stand.side for stand in ways_here}) > 1:
                    conflict = True
                else:
                    _take(stands, min(ways_here, key=_by_length))
            if speaker in dismissed and speaker in stands and stands[speaker].side == -1:
                del stands[speaker]  # in own words it dismissed the negation, which contradicts what arrives
        return stands, conflict

    def _negation_dismissed_by(self, claim: str) -> set[str]:
        return {
            act.source
            for act in self.acts(claim)
            if act.dismisses and act.live and self.sign(act, claim, act.live) == -1
        }

    def _through(self, act: Act, claim: str) -> Way:
        """The relations by which an act in own words bears on a claim of its class, none where it names the claim."""
        if claim in act.live:
            return ()
        ways = [
            walk.way(step)
            for walk in (self._reach.toward(claim, 1), self._reach.toward(claim, -1))
            for step in walk
            if step.how == OWN and step.claim in act.live
        ]
        return min(ways, key=_way_length)


def _take(stands: dict[str, Stand], stand: Stand) -> None:
    """The next stand in the order of saying. The latest stands; but a dismissal of the negation takes no side: it ends
    an opposition, which it contradicts, and leaves a support, with which it agrees."""
    if not (stand.by_dismissal and stand.side == 1):
        stands[stand.speaker] = stand
    elif stand.speaker in stands and stands[stand.speaker].side == -1:
        del stands[stand.speaker]


def _by_length(stand: Stand) -> tuple[int, list[str]]:
    return _way_length(stand.through)


def _way_length(way: Way) -> tuple[int, list[str]]:
    return len(way), [relation.id for relation in way]
