"""How many stand on each side, and which status does that make? Counting (rule 5) and the primary status (rule 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from ledger import events as ev

from .distinct import provable
from .register import ClaimInfo, Register
from .roots import Kinds, Root, on_side, origin, roots
from .stands import Stand, Stands
from .world import BY_SPEAKER, Act, World

LIKELY: Final = 0.55
UNLIKELY: Final = 0.45
"""An assessment supports where it is at or above LIKELY throughout, opposes where at or below UNLIKELY throughout."""


class Side(Struct, frozen=True):
    """The roots that stand on one side of a claim, counted."""

    roots: Sequence[Root]
    provable: int
    floor: bool
    """True where more roots were declared independent than are counted exactly."""
    provable_own: int
    """The same count over the roots that stand in own words."""

    @property
    def possible(self) -> int:
        """How many roots there are at most."""
        return len(self.roots)

    @property
    def own(self) -> list[Root]:
        """The roots that stand here in own words."""
        return [root for root in self.roots if not root.inferred]


class Assessed(Struct, frozen=True):
    """A live assessment as it bears on the claim asked about, its band and verdict turned where the claim's sign is."""

    act: Act
    event: ev.Assessment
    low: float | None
    high: float | None
    verdict: str | None
    side: int
    counts: bool


class Judgement:
    """One claim in one world: who stands where, who weighed it how, and what follows."""

    def __init__(self, register: Register, world: World, info: ClaimInfo) -> None:
        self.register = register
        self.info = info
        self.claim = claim = info.claim
        self.members = register.reach.signs(claim)
        stands = Stands(register, world)
        self._sign = stands.sign
        self.acts = stands.acts(claim)
        """The acts on the class, live or not, in position order."""
        neighbourhood = register.reach.neighbourhood(claim)
        self.nearby = [act for act in world.acts if not neighbourhood.isdisjoint(act.event.claims)]
        """The acts that reach the claim, in own words or through entails, live or not, in position order."""
        self.world_acts = world.acts
        kinds = self._kinds = Kinds(register, self.nearby)
        own = stands.own(claim)
        inferred, self.inferred_conflict = stands.inferred(claim)
        self.stands = [*own.values(), *(stand for speaker, stand in inferred.items() if speaker not in own)]
        found = list(roots(self.stands, kinds, register).values())
        found_own = list(roots(own.values(), kinds, register).values()) if inferred else found
        self.support = self._side(1, found, found_own)
        self.opposition = self._side(-1, found, found_own)
        self.assessments = self._assessments()
        self.counting = [assessed for assessed in self.assessments if assessed.counts]
        self.status = self._primary(len(self.support.roots), len(self.opposition.roots))
        self.own_words = self._primary(len(self.support.own), len(self.opposition.own))

    def root_of(self, speaker: str) -> str:
        """The root a speaker counts for."""
        return min(origin(speaker, self._kinds, self.register))

    def name_of(self, source: str) -> str:
        """The name to show for a source, as registered or as last printed near this claim."""
        return self._kinds.name(source)

    def kind_of(self, source: str) -> str | None:
        """The kind of a source, as registered or as last told near this claim."""
        return self._kinds.kind(origin(source, self._kinds, self.register))

    def sign(self, act: Act, claims: Sequence[str] | None = None) -> int | None:
        """How a live act bears on the claim: +1, -1, 0 both ways, None not at all. `claims` replaces its live ones."""
        return self._sign(act, self.claim, act.live if claims is None else claims)

    def text_then(self, act: Act) -> str | None:
        """The text the claim had when an act on it was recorded, where it was changed since."""
        before = [text for position, text in self.info.texts if position <= act.position] or [self.info.texts[0][1]]
        since = [text for position, text in self.info.texts if position > act.position]
        return before[-1] if any(text != before[-1] for text in since) else None

    def _side(self, side: int, all_roots: Sequence[Root], own_roots: Sequence[Root]) -> Side:
        first: dict[str, int] = {}
        for act in self.acts:
            if act.side and (sign := self.sign(act)) and act.side_at(sign) == side:
                first.setdefault(act.source, act.position)

        def first_act(stand: Stand) -> int:
            return min(stand.act.position, first.get(stand.speaker, stand.act.position))

        found = on_side(all_roots, side, first_act)
        count, floor = provable(found, self.register.lines)
        if own_roots is all_roots:
            return Side(found, count, floor, count)
        return Side(found, count, floor, provable(on_side(own_roots, side, first_act), self.register.lines)[0])

    def _assessments(self) -> list[Assessed]:
        """Every live one; those that reach the claim with both signs count for neither, and are shown as they are."""
        weighed = [act for act in self.acts if isinstance(act.event, ev.Assessment)]
        live = [(act, sign) for act in weighed if (sign := self.sign(act)) is not None]
        latest: dict[str, Act] = {}
        for act, sign in sorted(live, key=lambda pair: pair[0].key):
            if sign:
                latest[act.source] = act
        return [_assessed(act, sign, latest.get(act.source) is act) for act, sign in live]

    def _primary(self, support: int, opposition: int) -> str:
        sides = {assessed.side for assessed in self.counting}
        if support and opposition:
            return "disputed"
        if not support and not opposition and {1, -1} <= sides:
            return "disputed"
        if support:
            factual = self.info.kind == "factual"
            return "corroborated" if self.support.provable_own >= 2 and factual and -1 not in sides else "asserted"
        if opposition:
            return "denied"
        if self.counting:
            return "assessed"
        return "withdrawn" if self._withdrawn() else "raised"

    def _withdrawn(self) -> bool:
        """Somebody supported it in own words, and all who did took it back themselves."""
        taken_back = False
        for act in self.acts:
            claims = [claim for claim in act.event.claims if act.gone.get(claim, {BY_SPEAKER}) == {BY_SPEAKER}]
            sign = self.sign(act, claims)
            if (
                act.side and sign and act.side_at(sign) == 1
            ):  # denied utterances and what a carrier took back never counted
                if any(claim not in act.gone and claim in self.members for claim in claims):
                    return False
                taken_back = True
        return taken_back


def _assessed(act: Act, sign: int, counts: bool) -> Assessed:
    event = act.event
    assert isinstance(event, ev.Assessment)
    likelihood = event.likelihood
    low, high = (likelihood.low, likelihood.high) if likelihood else (None, None)
    verdict: str | None = event.verdict
    if sign == -1:
        low, high = (None if high is None else round(1 - high, 4)), (None if low is None else round(1 - low, 4))
        verdict = {"true": "false", "false": "true"}.get(verdict or "", verdict)
    return Assessed(act, event, low, high, verdict, side_of(low, high, verdict) if sign else 0, counts)


def side_of(low: float | None, high: float | None, verdict: str | None) -> int:
    """The side of an assessment: +1, -1, or 0 for neither; the verdict decides where there is one."""
    if verdict is not None:
        return {"true": 1, "false": -1}.get(verdict, 0)
    if low is not None and low >= LIKELY:
        return 1
    return -1 if high is not None and high <= UNLIKELY else 0
