"""On which side does each speaker stand on a claim, by which act, and through which relations?

A speaker takes a stand by committing acts only, and the latest stands, in the order (earliest, latest, position). A
stand is decided on the claim's own class first, in own words; what entails carries here from elsewhere is inferred,
and own words beat it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from ledger.saying import Key

from .reach import CARRIED, Sign, Step, Walk, Way
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
        self.register = register
        self.world = world
        self._reach = register.reach
        self._own: dict[str, dict[str, Stand]] = {}

    def acts(self, claims: Collection[str]) -> list[Act]:
        """The acts on any of these claims, live or not, in position order."""
        on = self.world.on
        if len(claims) == 1:
            return on.get(next(iter(claims)), [])
        found = {act.position: act for claim in claims for act in on.get(claim, ())}
        return [found[position] for position in sorted(found)]

    def bearing(self, claim: str) -> list[tuple[Act, Sign]]:
        """The acts that bear on a claim in own words, each with its sign (see `sign`), in position order."""
        members = self._reach.signs(claim)
        if len(members) == 1 and len(members[claim]) == 1:  # most are alone in their class, and nothing is turned there
            return [(act, 1) for act in self.acts(members) if claim not in act.gone]
        signed = ((act, self.sign(act, claim, act.live)) for act in self.acts(members))
        return [(act, sign) for act, sign in signed if sign is not None]

    def sign(self, act: Act, claim: str, of: Iterable[str]) -> Sign | None:
        """How an act's claims `of` bear on a claim of their class: +1, -1, 0 for both ways, None for not at all."""
        members = self._reach.signs(claim)
        signs: set[Sign] = set()
        for named in of:
            if named in members:
                signs |= members[named]
        return None if not signs else signs.pop() if len(signs) == 1 else 0

    def way(self, act: Act, claim: str) -> Way:
        """The relations by which an act bears on a claim in own words; none where it names the claim."""
        return () if claim in act.live else _through(act, self._reach.own(claim))

    def own(self, claim: str) -> dict[str, Stand]:
        """The stands in own words, by speaker."""
        known = self._own.get(claim)
        if known is None:
            known = self._own[claim] = self._own_stands(claim)
        return known

    def _own_stands(self, claim: str) -> dict[str, Stand]:
        stands: dict[str, Stand] = {}
        committing = [(act, sign) for act, sign in self.bearing(claim) if act.side and sign]
        for act, sign in sorted(committing, key=_said):
            _take(stands, Stand(act.source, act.side * sign, act))
        indirect = [stand for stand in stands.values() if claim not in stand.act.live]
        if indirect:
            walk = self._reach.own(claim)
            for speaker, side, act, *_ in indirect:
                stands[speaker] = Stand(speaker, side, act, _through(act, walk))
        return stands

    def inferred(self, claim: str, toward: Mapping[Sign, Walk]) -> tuple[dict[str, Stand], bool]:
        """What entails carries here of the stands on other claims, by speaker; and whether an act came with both sides.

        `toward` are the walks toward either side of the claim. A dismissal carries opposition from broad to narrow, and
        goes no further once it is turned.
        """
        arrived: dict[str, dict[int, list[Stand]]] = {}
        for side, walk in toward.items():
            carried = self._carried(walk)
            for stand, step in carried:
                if not stand.by_dismissal:
                    self._arrive(arrived, claim, side, stand, walk.way(step))
            if any(stand.by_dismissal for stand, _ in carried):
                walk = self._reach.dismissed_toward(claim, side)
                for stand, step in self._carried(walk):
                    if stand.by_dismissal:
                        self._arrive(arrived, claim, side, stand, walk.way(step))
        stands: dict[str, Stand] = {}
        conflict = False
        dismissed = self._negation_dismissed_by(claim) if arrived else set()
        for speaker, by_act in arrived.items():
            for ways_here in sorted(by_act.values(), key=lambda ways: ways[0].act.key):
                if len({stand.side for stand in ways_here}) > 1:
                    conflict = True
                else:
                    _take(stands, min(ways_here, key=_by_length))
            if speaker in dismissed and speaker in stands and stands[speaker].side == -1:
                del stands[speaker]  # in own words it dismissed the negation, which contradicts what arrives
        return stands, conflict

    def _carried(self, walk: Walk) -> list[tuple[Stand, Step]]:
        """The stands that the walk's literals carry, each with where it comes from."""
        steps = (step for step in walk if step.how == CARRIED)
        return [(stand, step) for step in steps for stand in self.own(step.claim).values() if stand.side == step.sign]

    def _arrive(
        self, arrived: dict[str, dict[int, list[Stand]]], claim: str, side: Sign, stand: Stand, way: Way
    ) -> None:
        if self.sign(stand.act, claim, stand.act.live) == 0:
            return  # in own words it bears on the claim both ways, and counts here for neither
        here = Stand(stand.speaker, side, stand.act, stand.through + way, True)
        arrived.setdefault(stand.speaker, {}).setdefault(stand.act.position, []).append(here)

    def _negation_dismissed_by(self, claim: str) -> set[str]:
        return {act.source for act, sign in self.bearing(claim) if act.dismisses and sign == -1}


def _through(act: Act, own: Walk) -> Way:
    """The relations by which an act that does not name a claim bears on it, in own words."""
    ways = [own.way(step) for named in act.live for sign in (1, -1) if (step := Step(named, sign)) in own]
    return min(ways, key=_way_length)


def _take(stands: dict[str, Stand], stand: Stand) -> None:
    """The next stand in the order of saying. The latest stands; but a dismissal of the negation takes no side: it ends
    an opposition, which it contradicts, and leaves a support, with which it agrees."""
    if not (stand.by_dismissal and stand.side == 1):
        stands[stand.speaker] = stand
    elif stand.speaker in stands and stands[stand.speaker].side == -1:
        del stands[stand.speaker]


def _said(bearing: tuple[Act, Sign]) -> Key:
    return bearing[0].key


def _by_length(stand: Stand) -> tuple[int, list[str]]:
    return _way_length(stand.through)


def _way_length(way: Way) -> tuple[int, list[str]]:
    return len(way), [relation.id for relation in way]
