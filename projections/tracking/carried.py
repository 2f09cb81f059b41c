"""What does a change come to, cell by cell, and where is it carried? A record leaves work to do; here it is done.

In the order in which one follows from the other: cells that are to be worked out anew, stands that arrive from other
claims, speakers that may count for another root, roots to be added up.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Final

from ledger import events as ev
from ledger.saying import Key

from ..distinct import EXACT
from ..reach import Relation, Sign
from .cells import (
    CONFLICTS,
    KINDS,
    MARKED_INFERRED,
    POSSIBLY,
    REWORDED,
    Cell,
    Light,
    Stance,
    following,
    reworded,
    work_out,
)
from .kinds import Kinds
from .standing import Arrived, Claim, put, sum_root
from .webs import Carrying, Web

_NOWHERE: Final[list[tuple[str, int]]] = []
#: With so many speakers for each literal, it takes less time to find those for whom the literal matters first.
_MANY: Final = 4


class Carried(Kinds):
    """The claims of a tracker, their cells, and what is left to be done for the record being taken."""

    def __init__(self, within: Container[str] | None) -> None:
        super().__init__(within)
        self._dirty: dict[tuple[str, str], None] = {}
        self._arriving: dict[tuple[str, str], None] = {}
        self._changed: dict[str, None] = {}

    def _mark(self, name: str, source: str) -> None:
        for member in self.reach.signs(name):
            self._dirty[member, source] = None

    def _work_out(self, name: str, source: str) -> None:
        """What the acts of a speaker come to on a claim, in own words."""
        claim = self._claim(name)
        if claim is None:
            return
        members = self.reach.signs(name)
        cell = claim.cells.get(source)
        before = cell.own if cell is not None else None
        acts = self._acts(members, "on", source)
        possible = self._acts([member for member, signs in members.items() if 1 in signs], "perhaps", source)
        if cell is None:
            if not acts and not possible and source not in claim.arrived:
                return
            cell = self._new_cell(claim, source)
        work_out(cell, name, members, acts, claim.counts)
        meant = any(light.is_live and any(1 in members.get(own, ()) for own in light.possible) for light in possible)
        cell.put(1 << POSSIBLY, meant << POSSIBLY, claim.counts)
        if cell.own is not before:
            self._move(name, source, before, cell.own)
        self._changed[name] = None
        if cell.root is not None:
            self._unsummed[name, cell.root] = None
        self._arriving[name, source] = None

    def _acts(self, members: Iterable[str], place: str, source: str) -> list[Light]:
        """The acts of a speaker that are, or perhaps are, on these claims; in order."""
        positions: set[int] = set()
        for member in members:
            claim = self.claims.get(member)
            if claim is not None:
                held: dict[str, list[int]] = getattr(claim, place)
                for raw in self.desk.members(source):
                    positions.update(held.get(raw, ()))
        lights = (self._lights.get(position) for position in sorted(positions))
        class_of = self.desk.lines.class_of
        return [light for light in lights if light is not None and class_of(light.speaker) == source]

    def _new_cell(self, claim: Claim, source: str) -> Cell:
        self._cells_of.setdefault(source, set()).add(claim.name)
        cell = claim.cells[source] = Cell(source)
        return cell

    def _is_empty(self, claim: Claim, cell: Cell, source: str) -> bool:
        if not cell.is_bare:
            return False
        members = self.reach.signs(claim.name)
        return not self._acts(members, "on", source) and not self._acts(members, "perhaps", source)

    def _move(self, name: str, source: str, before: Stance | None, now: Stance | None) -> None:
        """A stand has changed: entails carries another."""
        put(self.claims[name].stands, source, now)
        where = [
            self.reach.forward(name, stance.side, stance.act.dismisses) if stance is not None else _NOWHERE
            for stance in (before, now)
        ]
        if before is not None and where[0] is not where[1]:
            self._take_away(name, source, where[0])
        if now is not None:
            self._bring(name, source, now.act, where[1])

    def _bring(self, name: str, source: str, act: Light, sides: Iterable[tuple[str, int]]) -> None:
        """Brings a stand on a claim to others."""
        first: dict[int, tuple[Arrived, ...]] = {}  # shared by all claims where nothing else arrives: most of millions
        for far, bits in sides:
            claim = self._claim(far)
            assert claim is not None  # whoever is within brings all that it is related to
            known = claim.arrived.get(source)
            if known is None:
                claim.arrived[source] = first.get(bits) or first.setdefault(bits, (Arrived(name, bits, act),))
            else:
                before = next((one for one in known if one.origin == name), None)
                sides_now = bits if before is None else bits | before.sides
                if before is not None and before.sides == sides_now and before.act is act:
                    continue
                others = (one for one in known if one is not before)
                claim.arrived[source] = (*others, Arrived(name, sides_now, act))
            self._arriving[far, source] = None

    def _take_away(self, name: str, source: str, sides: Iterable[tuple[str, int]]) -> None:
        """Takes a stand on a claim away from others."""
        for far, bits in sides:
            claim = self.claims[far]
            left = [
                one if one.origin != name else one._replace(sides=one.sides & ~bits) for one in claim.arrived[source]
            ]
            put(claim.arrived, source, tuple(one for one in left if one.sides) or None)
            self._arriving[far, source] = None

    def _carry_on(self, web: Web, name: str, carried: dict[tuple[Sign, bool], Carrying]) -> None:
        """Carries what stands on a claim to where it is carried now, and no longer to where it was."""
        claim = self.claims[name]
        stands = [(of, source, own.act) for source, own in claim.stands.items() if (of := own.carried_as) in carried]
        where = {of: (web.sides(carried[of].lost), web.sides(carried[of].more)) for of in {of for of, _, _ in stands}}
        for of, source, act in stands:
            lost, more = where[of]
            self._take_away(name, source, lost)
            self._bring(name, source, act, more)

    def _spin(self, relation: Relation) -> None:
        """A claim that comes into a web brings along what acts tell on it."""
        for name in (relation.from_, relation.to):
            if name not in self.reach.of:
                web, claim = self.reach.spin(name), self.claims[name]
                web.told = dict.fromkeys(claim.told, 3)
                claim.stands = {source: cell.own for source, cell in claim.cells.items() if cell.own is not None}

    def _tell_among(self, web: Web, literals: int, claims: list[Claim], there: bool) -> None:
        """Acts on these literals are near some claims now, or no longer, and so is what they tell of sources."""
        looked_at = [claim.open if there else claim.cells.keys() for claim in claims]
        if sum(map(len, looked_at)) > _MANY * literals.bit_count():
            telling = self._telling(web, literals)
            looked_at = [speakers & telling for speakers in looked_at]
        for claim, speakers in zip(claims, looked_at, strict=True):
            for source in speakers:
                if self._is_told_among(web, literals, claim, source, there):
                    self._rootless[claim.name, source] = None

    def _telling(self, web: Web, literals: int) -> set[str]:
        """All speakers for whom it may matter that acts on these claims tell of what kind some sources are."""
        raws = set().union(*[self.claims[name].told for name in set(web.names(literals))])
        return self.desk.below(map(self.desk.lines.class_of, raws), ("speaks_for",))

    def _is_told_among(self, web: Web, literals: int, claim: Claim, source: str, there: bool) -> bool:
        """Whether acts on any of these claims tell of what kind a speaker or its root is; those on its own do not."""
        told, members, cell = web.told, self.desk.members, claim.cells[source]
        is_open = source in claim.open
        if source in claim.told and cell.circle == (source,) and not is_open:
            return False
        # Where the speaker is known, and stays so, what is open is of what kind its root is.
        known = there and is_open and cell.kind is not None and not self._is_unsure((source,))
        for name in cell.circle if known else {source, *cell.circle}:
            for raw in members(name):
                if told.get(raw, 0) & literals:
                    return True
        return False

    def _infer(self, name: str, source: str) -> None:
        """Adds what arrives to a cell, and what the cell now comes to, to its claim."""
        claim = self.claims[name]
        cell = claim.cells.get(source)
        if cell is None:
            if source not in claim.arrived:
                return
            cell = self._new_cell(claim, source)
        before, bits_before = cell.inferred, cell.bits
        cell.inferred, conflict = self._inferred(claim, cell, source)
        bits = (cell.conflict or conflict) << CONFLICTS
        if cell.own is None and cell.inferred is not None:
            bits |= cell.inferred.act.marked << MARKED_INFERRED
        if len(claim.texts) > 1:
            counted = [stance.act for stance in (cell.own or cell.inferred, cell.assessment) if stance is not None]
            bits |= any(reworded(claim.texts, light.position) for light in counted) << REWORDED
        cell.put(1 << CONFLICTS | 1 << MARKED_INFERRED | 1 << REWORDED, bits, claim.counts)
        if cell.bits != bits_before:
            self._changed[name] = None
        if cell.root is None and cell.inferred is not None:  # as a rule, the first that comes here
            self._take_root(claim, cell, source)
        elif cell.root is None or self._is_empty(claim, cell, source):
            self._rootless[name, source] = None
        elif cell.own is None and cell.inferred is not before:
            self._unsummed[name, cell.root] = None
            if len(claim.tied) > EXACT:  # which act came first may matter of every root then, tied or not
                self._changed[name] = None

    def _inferred(self, claim: Claim, cell: Cell, source: str) -> tuple[Stance | None, int]:
        arrived = claim.arrived.get(source)
        if not arrived:
            return None, 0
        stance: Stance | None = None
        conflict = 0
        for _, sides, light in arrived if len(arrived) == 1 else _by_act(arrived):
            if not self.reach.is_alone(claim.name) and self._is_both(claim, light):
                continue
            if sides == 3:
                conflict = 1
            else:
                stance = following(stance, Stance(1 if sides == 1 else -1, light))
        if cell.dismissed and stance is not None and stance.side == -1:
            stance = None
        return stance, conflict

    def _is_both(self, claim: Claim, light: Light) -> bool:
        """Whether an act bears on a claim both ways in own words, and so counts there for neither."""
        members = self.reach.signs(claim.name)
        return len({sign for own in light.claims if own not in light.gone for sign in members.get(own, ())}) > 1

    def _root(self, name: str, source: str) -> None:
        """Finds the root a speaker counts for on a claim, or lets an empty cell go."""
        claim = self.claims.get(name)
        cell = claim.cells.get(source) if claim is not None else None
        if claim is None or cell is None:
            return
        if not self._is_empty(claim, cell, source):
            self._take_root(claim, cell, source)
            return
        if cell.root is not None:
            self._leave(claim, cell.root, source)
        del claim.cells[source]
        self._cells_of[source].discard(name)
        self._close(claim, source)

    def _take_root(self, claim: Claim, cell: Cell, source: str) -> None:
        self._know(claim, cell, source)
        name, root = claim.name, min(cell.circle)
        if cell.root != root:
            if cell.root is not None:
                self._leave(claim, cell.root, source)
            claim.join(root, cell)
            self._claims_of_root.setdefault(root, set()).add(name)
            cell.root = root
        self._unsummed[name, root] = None

    def _leave(self, claim: Claim, root: str, source: str) -> None:
        cells = claim.by_root[root] = tuple(cell for cell in claim.by_root[root] if cell.source != source)
        if not cells:
            self._claims_of_root[root].discard(claim.name)
        self._unsummed[claim.name, root] = None

    def _know(self, claim: Claim, cell: Cell, source: str) -> None:
        """Finds of what kind a speaker is on a claim, and for whom it counts."""
        desk, alone = self.desk, source not in self.desk.plural
        kind = desk.kinds.get(source)
        is_open = kind is None
        if is_open:
            kinds = self._kinds_told.get(source, 0) if alone else -1
            if kinds & kinds - 1:
                kind = self.kind(claim, (source,))
                is_open = kind is None or self._is_unsure((source,))
            elif kinds and self._is_told(claim, source):  # and never to be of another kind
                kind, is_open = KINDS[kinds.bit_length() - 1], False
        cell.kind = kind
        cell.named = kind in ev.NAMED
        cell.circle = desk.circle(source) if cell.named else desk.alone(source)
        if not is_open and cell.circle != (source,):
            is_open = self._is_unsure(cell.circle) or self.kind(claim, cell.circle) is None
        # Open is what acts nearby, once those are others, may tell otherwise: of what kind a speaker or its root is.
        if is_open:
            self._open(claim, source)
        elif source in claim.open:
            self._close(claim, source)

    def _work_off(self) -> None:
        if self._dirty:
            dirty, self._dirty = self._dirty, {}
            for name, source in dirty:
                self._work_out(name, source)
        if self._arriving:
            arriving, self._arriving = self._arriving, {}
            for name, source in arriving:
                self._infer(name, source)
        if self._rootless:
            rootless, self._rootless = self._rootless, {}
            for name, source in rootless:
                self._root(name, source)
        if self._unsummed:
            unsummed, self._unsummed = self._unsummed, {}
            for name, root in unsummed:
                if sum_root(self.claims[name], root, self):
                    self._changed[name] = None


def _by_act(arrived: Iterable[Arrived]) -> Iterable[Arrived]:
    """What arrives, in the order of saying; what one act brings from several claims, together."""
    by_act: dict[int, Arrived] = {}
    for one in arrived:
        known = by_act.get(one.act.position)
        by_act[one.act.position] = one if known is None else one._replace(sides=one.sides | known.sides)
    return sorted(by_act.values(), key=_said) if len(by_act) > 1 else by_act.values()


def _said(arrived: Arrived) -> Key:
    return arrived.act.key
