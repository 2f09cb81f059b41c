"""What do the acts of one speaker come to on one claim? A cell, by the rules `status/1`, from acts that are settled.

`projections.stands` and `projections.judgement` answer the same for one claim and all its speakers at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from ledger import events as ev
from ledger import names

from .judgement import side_of
from .world import BY_SPEAKER, DENIED, Act

# The places of a cell's numbers, which its claim adds up.
NUMBERS: Final = 21
(
    STATEMENTS, DENIALS, ASSESSMENTS, RETRACTED, ATTRIBUTED, PARTLY, DECLINED, CONFLICTS, POSSIBLY, REVERSALS, UNSURE,
    TAKEN_BACK, STAYS, COUNTING, FOR, AGAINST, PARTIES, REVISED, REWORDED, MARKED, MARKED_INFERRED,
) = range(NUMBERS)  # fmt: skip
ZEROS: Final[tuple[int, ...]] = (0,) * NUMBERS
_TYPE: Final = {PARTLY: DENIALS, DECLINED: DENIALS}
_BY_SPEAKER: Final = {BY_SPEAKER}
_DECLINING: Final = frozenset({"non_denial", "no_comment", "cannot_confirm"})


def add_up(totals: list[int], before: Sequence[int], after: Sequence[int]) -> None:
    """Puts one part of a sum in the place of what it was."""
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        if old != new:
            totals[place] += new - old


class Light:
    """An act as a cell needs it: corrected, with what was taken back of it."""

    __slots__ = (
        "assessed", "claims", "code", "dismisses", "framed", "gone", "key", "marked", "possible", "removed", "side",
        "speaker",
    )  # fmt: skip

    def __init__(self, act: Act) -> None:
        event = act.event
        self.key = act.key
        self.speaker = names.speaker(event.chain)
        self.claims = event.claims
        self.possible = event.possible_claims if isinstance(event, ev.Denial) else ()
        self.side = act.side
        self.dismisses = act.dismisses
        self.marked = act.span.marked
        self.framed = isinstance(event, ev.Denial) and event.scope != "explicit"
        self.gone: dict[str, set[str]] = act.gone
        self.removed = act.removed
        self.assessed: tuple[int, bool] | None = None
        self.code = STATEMENTS
        if isinstance(event, ev.Denial):
            self.code = PARTLY if event.form == "partial" else DECLINED if event.form in _DECLINING else DENIALS
        elif isinstance(event, ev.Assessment):
            self.code = ASSESSMENTS
            likelihood = event.likelihood
            low, high = (likelihood.low, likelihood.high) if likelihood else (None, None)
            self.assessed = side_of(low, high, event.verdict), event.capacity == "party"

    @property
    def position(self) -> int:
        """Where it stands in the ledger."""
        return self.key[2]

    @property
    def is_live(self) -> bool:
        """Whether anything of it still stands."""
        return any(claim not in self.gone for claim in self.claims) if self.claims else not self.removed

    def side_at(self, sign: int) -> int:
        """The side it takes on a claim in whose class its claim has this sign; 0 for none."""
        return 0 if self.dismisses and sign == -1 else self.side * sign


class Stance(NamedTuple):
    """A side a speaker takes, and the act that decides."""

    side: int
    act: Light


class Cell:
    """What one speaker's acts come to on one claim."""

    __slots__ = (
        "assessment", "base", "circle", "committed", "dismissed", "first", "inferred", "known", "named", "numbers",
        "own", "root",
    )  # fmt: skip

    def __init__(self) -> None:
        self.own: Stance | None = None
        self.inferred: Stance | None = None
        self.assessment: Light | None = None
        """The assessment that counts."""
        self.dismissed = False
        """Whether the speaker dismissed the negation of the claim."""
        self.committed = (0, 0)
        """How many live committing acts support and oppose the claim in own words."""
        self.first = (0, 0)
        """The position of the first of them on either side; 0 for none."""
        self.base = ZEROS
        """The numbers in own words."""
        self.numbers = ZEROS
        """The same, with what is inferred: what the claim has added up."""
        self.root: str | None = None
        self.named = False
        """Whether the speaker is named, here."""
        self.known = False
        """Whether it is known of what kind the speaker is, and its root."""
        self.circle: tuple[str, ...] = ()
        """The classes it counts for; the least is the root."""

    @property
    def stand(self) -> Stance | None:
        """The side that counts: own words beat what is inferred."""
        return self.own or self.inferred


def work_out(cell: Cell, claim: str, members: dict[str, set[int]], acts: list[Light]) -> None:
    """What acts in position order come to on a claim of this class, in own words (rules 1, 2 and 4)."""
    numbers = [0] * NUMBERS
    committed: list[tuple[Light, int]] = []
    stands: list[tuple[Light, int]] = []
    assessments: list[tuple[Light, int]] = []
    cell.dismissed = False
    for light in acts:
        named = [own for own in light.claims if own in members]
        if not named:
            continue
        gone = light.gone
        live = [own for own in named if own not in gone] if gone else named
        signs = {sign for own in live for sign in members[own]}
        sign = None if not signs else 0 if len(signs) > 1 else next(iter(signs))
        code = light.code
        if claim in live:
            numbers[_TYPE.get(code, code)] += 1
        for why in {why for own in named for why in gone.get(own, ())} if gone else ():
            numbers[ATTRIBUTED if why == DENIED else RETRACTED] = 1
        if live and code == DECLINED:
            numbers[DECLINED] = 1
        elif code == PARTLY and any(1 in members[own] for own in live):
            numbers[PARTLY] = 1
        if sign == 0 and (light.side or light.assessed):
            numbers[CONFLICTS] = 1
        if light.assessed and sign is not None:
            assessments.append((light, sign))
        if not light.side:
            continue
        if sign:
            stands.append((light, sign))
            if side := light.side_at(sign):
                committed.append((light, side))
            elif light.dismisses:
                cell.dismissed = True
        if light.side == 1 or light.dismisses is False:
            _note_withdrawal(numbers, light, members)
    _take_stands(cell, numbers, stands, committed)
    _weigh(cell, numbers, assessments)
    cell.base = tuple(numbers)


def _note_withdrawal(numbers: list[int], light: Light, members: dict[str, set[int]]) -> None:
    """Whether the act supported the claim in own words, and stays or was taken back by its speaker (rule 6)."""
    claims = [own for own in light.claims if light.gone.get(own, _BY_SPEAKER) == _BY_SPEAKER]
    signs = {sign for own in claims for sign in members.get(own, ())}
    if len(signs) == 1 and light.side_at(next(iter(signs))) == 1:
        stays = any(own not in light.gone and own in members for own in claims)
        numbers[STAYS if stays else TAKEN_BACK] = 1


def _take_stands(
    cell: Cell, numbers: list[int], stands: list[tuple[Light, int]], committed: list[tuple[Light, int]]
) -> None:
    stands.sort(key=_said)
    own: Stance | None = None
    for light, sign in stands:
        own = following(own, Stance(light.side * sign, light))
    cell.own = own
    supporting = [light.position for light, side in committed if side == 1]
    opposing = [light.position for light, side in committed if side == -1]
    cell.committed = len(supporting), len(opposing)
    cell.first = min(supporting, default=0), min(opposing, default=0)
    if own is not None:
        numbers[MARKED] = int(own.act.marked)
        if supporting and opposing:
            numbers[REVERSALS] = int(any(side == -own.side and light.key < own.act.key for light, side in committed))
    if supporting and opposing:
        numbers[UNSURE] = int(_order_uncertain(sorted(committed, key=_said)))


def following(before: Stance | None, stance: Stance) -> Stance | None:
    """The latest stands; but a dismissal of the negation takes no side: it ends what it contradicts."""
    if not (stance.act.dismisses and stance.side == 1):
        return stance
    return None if before is not None and before.side == -1 else before


def _order_uncertain(committed: Iterable[tuple[Light, int]]) -> bool:
    under_way: dict[int, float] = {}
    for light, side in committed:
        earliest, latest, _ = light.key
        if -side in under_way and under_way[-side] >= earliest:
            return True
        under_way[side] = max(under_way.get(side, latest), latest)
    return False


def _weigh(cell: Cell, numbers: list[int], assessments: list[tuple[Light, int]]) -> None:
    cell.assessment = None
    if not assessments:
        return
    counting: tuple[Light, int] | None = None
    for light, sign in sorted(assessments, key=_said):
        if sign:
            counting = light, sign
    if counting is None:
        return
    light, sign = counting
    assert light.assessed is not None
    side, party = light.assessed
    side *= sign
    cell.assessment = light
    numbers[COUNTING] = 1
    numbers[FOR], numbers[AGAINST], numbers[PARTIES] = int(side == 1), int(side == -1), int(party)
    numbers[REVISED] = int(bool(side) and any(a.assessed and a.assessed[0] * s == -side for a, s in assessments))


def reworded(texts: list[tuple[int, str]], position: int) -> bool:
    """Whether the text a claim had at a position was changed since."""
    then = next((text for at, text in reversed(texts) if at <= position), texts[0][1])
    return any(text != then for at, text in texts if at > position)


def _said(pair: tuple[Light, int]) -> tuple[float, int, int]:
    return pair[0].key
