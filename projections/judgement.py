"""How many stand on each side, and which status does that make? Counting (rule 5) and the primary status (rule 6)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct

from ledger import events as ev

from .distinct import provable
from .reach import Way
from .register import ClaimInfo
from .roots import Kinds, Root, on_side, roots
from .stands import Stand, Stands
from .world import THEMSELVES, Act

LIKELY: Final = 0.55
UNLIKELY: Final = 0.45
"""An assessment supports where it is at or above LIKELY throughout, opposes where at or below UNLIKELY throughout."""


class Side(Struct, frozen=True):
    """The roots that stand on one side of a claim, counted."""

    roots: Sequence[Root]
    provable: int
    floor: bool
    """True where more roots were declared independent than are counted exactly."""

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
    turned: bool
    """Whether it was of the opposite of the claim."""
    through: Way


class Judgement:
    """One claim in one world: who stands where, who weighed it how, and what follows."""

    def __init__(self, stands: Stands, info: ClaimInfo) -> None:
        self.register = register = stands.register
        self.info = info
        self.claim = claim = info.claim
        self.members = register.reach.signs(claim)
        self._signs = stands.sign
        self._way = stands.way
        self.acts = stands.acts(self.members)
        """The acts on the class, live or not, in position order."""
        self.bearing = stands.bearing(claim)
        """Those that bear on the claim, each with its sign: +1, -1, or 0 for both ways."""
        self.committing = _by_speaker(self.bearing)
        """Those that take a side on the claim, each with that side, by speaker."""
        toward = {side: register.reach.toward(claim, side) for side in (1, -1)}
        self.neighbourhood = {step.claim for walk in toward.values() for step in walk}
        """The claims whose acts may bear on this one, itself among them."""
        self.nearby = stands.acts(self.neighbourhood)
        """The acts that reach the claim, in own words or through entails, live or not, in position order."""
        self.world = stands.world
        self._kinds = Kinds(register, self.nearby)
        self._own = stands.own(claim)
        self._inferred, self.inferred_conflict = stands.inferred(claim, toward)
        arrived = [stand for speaker, stand in self._inferred.items() if speaker not in self._own]
        self.stands = [*self._own.values(), *arrived]
        found = roots(self.stands, self._kinds, register)
        self.support = self._side(1, found)
        self.opposition = self._side(-1, found)
        self.assessments = self._assessments()
        self.counting = [assessed for assessed in self.assessments if assessed.counts]
        self.status = self._primary(len(self.support.roots), len(self.opposition.roots))
        self.own_words = self._primary(len(self.support.own), len(self.opposition.own))

    def root_of(self, speaker: str) -> str:
        """The root a speaker counts for."""
        return min(self._kinds.origin(speaker))

    def name_of(self, source: str) -> str:
        """The name to show for a source, as registered or as last printed near this claim."""
        return self._kinds.name(source)

    def kind_of(self, source: str) -> str | None:
        """The kind of a source, as registered or as last told near this claim."""
        return self._kinds.kind(self._kinds.origin(source))

    def sign(self, act: Act, claims: Sequence[str] | None = None) -> int | None:
        """How a live act bears on the claim: +1, -1, 0 both ways, None not at all. `claims` replaces its live ones."""
        return self._signs(act, self.claim, act.live if claims is None else claims)

    def text_then(self, act: Act) -> str | None:
        """The text the claim had when an act on it was recorded, where it was changed since."""
        if len(self.info.texts) == 1:
            return None
        before = [text for position, text in self.info.texts if position <= act.position] or [self.info.texts[0][1]]
        since = [text for position, text in self.info.texts if position > act.position]
        return before[-1] if any(text != before[-1] for text in since) else None

    def _side(self, side: int, found: Sequence[Root]) -> Side:
        standing = on_side(found, side, self._first_act)
        return Side(standing, *provable(standing, self.register.lines))

    def _first_act(self, stand: Stand) -> int:
        """The position of the first act by which a speaker came to the side on which it stands."""
        own = (act.position for act, side in self.committing.get(stand.speaker, ()) if side == stand.side)
        return min(next(own, stand.act.position), stand.act.position)

    def _provable_own(self) -> int:
        """How many of those who support the claim in own words are provably distinct."""
        if not self._inferred:
            return self.support.provable
        own = on_side(roots(self._own.values(), self._kinds, self.register), 1, self._first_act)
        return provable(own, self.register.lines)[0]

    def _assessments(self) -> list[Assessed]:
        """Every live one; those that reach the claim with both signs count for neither, and are shown as they are."""
        live = [(act, sign) for act, sign in self.bearing if isinstance(act.event, ev.Assessment)]
        latest: dict[str, Act] = {}
        for act, sign in sorted(live, key=lambda pair: pair[0].key):
            if sign:
                latest[act.source] = act
        return [_assessed(act, sign, latest.get(act.source) is act, self._way(act, self.claim)) for act, sign in live]

    def _primary(self, support: int, opposition: int) -> str:
        sides = {assessed.side for assessed in self.counting}
        if support and opposition:
            return "disputed"
        if not support and not opposition and {1, -1} <= sides:
            return "disputed"
        if support:
            may_be = self.info.kind == "factual" and -1 not in sides
            return "corroborated" if may_be and self._provable_own() >= 2 else "asserted"
        if opposition:
            return "denied"
        if self.counting:
            return "assessed"
        return "withdrawn" if self._withdrawn() else "raised"

    def _withdrawn(self) -> bool:
        """Somebody supported it in own words, and all who did took it back themselves."""
        taken_back = False
        for act in self.acts:
            claims = [claim for claim in act.event.claims if THEMSELVES.issuperset(act.gone.get(claim, ()))]
            sign = self.sign(act, claims)
            if (
                act.side and sign and act.side_at(sign) == 1
            ):  # denied utterances and what a carrier took back never counted
                if any(claim not in act.gone and claim in self.members for claim in claims):
                    return False
                taken_back = True
        return taken_back


def _by_speaker(bearing: Iterable[tuple[Act, int]]) -> dict[str, list[tuple[Act, int]]]:
    found: dict[str, list[tuple[Act, int]]] = {}
    for act, sign in bearing:
        if act.side and sign and (side := act.side_at(sign)):
            found.setdefault(act.source, []).append((act, side))
    return found


def _assessed(act: Act, sign: int, counts: bool, way: Way) -> Assessed:
    event = act.event
    assert isinstance(event, ev.Assessment)
    likelihood = event.likelihood
    low, high = (likelihood.low, likelihood.high) if likelihood else (None, None)
    verdict: str | None = event.verdict
    if sign == -1:
        low, high = (None if high is None else round(1 - high, 4)), (None if low is None else round(1 - low, 4))
        verdict = {"true": "false", "false": "true"}.get(verdict or "", verdict)
    side = side_of(low, high, verdict) if sign else 0
    return Assessed(act, event, low, high, verdict, side, counts, turned=sign == -1, through=way)


def side_of(low: float | None, high: float | None, verdict: str | None) -> int:
    """The side of an assessment: +1, -1, or 0 for neither; the verdict decides where there is one."""
    if verdict is not None:
        return {"true": 1, "false": -1}.get(verdict, 0)
    if low is not None and low >= LIKELY:
        return 1
    return -1 if high is not None and high <= UNLIKELY else 0
