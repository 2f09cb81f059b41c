"""What do the acts of one speaker come to on one claim? A cell, by the rules `status/1`, from acts that are settled.

`projections.stands` and `projections.judgement` answer the same for one claim and all its speakers at once. Here an act
that nothing was done to is *added* to its cell in constant time, whenever it was said; whatever else happens has the
cell worked out anew from all its acts. A cell's numbers are kept added up in its claim.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, get_args

from ledger import events as ev
from ledger import names

from .judgement import side_of
from .world import BY_SPEAKER, DENIED, Act, Key

# The places of a cell's numbers, which its claim adds up.
NUMBERS: Final = 21
(
    STATEMENTS, DENIALS, ASSESSMENTS, RETRACTED, ATTRIBUTED, PARTLY, DECLINED, CONFLICTS, POSSIBLY, REVERSALS, UNSURE,
    TAKEN_BACK, STAYS, COUNTING, FOR, AGAINST, PARTIES, REVISED, REWORDED, MARKED, MARKED_INFERRED,
) = range(NUMBERS)  # fmt: skip
_COUNTED: Final = {PARTLY: DENIALS, DECLINED: DENIALS}
_BY_SPEAKER: Final = {BY_SPEAKER}
_NOWHERE: Final[dict[str, set[str]]] = {}
_CODES: Final = {
    "flat": DENIALS, "dismissal": DENIALS, "partial": PARTLY,
    "non_denial": DECLINED, "no_comment": DECLINED, "cannot_confirm": DECLINED,
}  # fmt: skip
_KINDS: Final = {kind: number for number, kind in enumerate(get_args(ev.Kind), start=1)}
KINDS: Final[tuple[str | None, ...]] = (None, *_KINDS)
"""The kinds of sources; their numbers are their places here."""


class Light:
    """An act as a cell needs it: corrected, with what was taken back of it."""

    __slots__ = (
        "assessed", "claims", "code", "dismisses", "framed", "gone", "key", "marked", "party", "position", "possible",
        "removed", "side", "speaker", "tells",
    )  # fmt: skip

    def __init__(self, event: ev.Act, sources: list[str], key: Key, marked: bool) -> None:
        self.key = key
        self.position = position = key[2]
        self.speaker = sources[0]
        self.claims = event.claims
        self.possible: tuple[str, ...] = ()
        self.side = 0
        self.dismisses = self.framed = self.party = self.removed = False
        self.marked = marked
        self.gone = _NOWHERE
        self.assessed: int | None = None
        """The side an assessment takes, 0 for neither; None for what is no assessment."""
        self.code = STATEMENTS
        if isinstance(event, ev.Statement):
            self.side = 1 if event.mode == "asserted" else 0
        elif isinstance(event, ev.Denial):
            form = event.form
            self.code = code = _CODES[form]
            self.side = -1 if code == DENIALS else 0
            self.dismisses = form == "dismissal"
            self.framed = event.scope != "explicit"
            self.possible = event.possible_claims
        else:
            self.code = ASSESSMENTS
            likelihood = event.likelihood
            low, high = (likelihood.low, likelihood.high) if likelihood else (None, None)
            self.assessed = side_of(low, high, event.verdict)
            self.party = event.capacity == "party"
        # Of what kind its links tell their sources to be, the nearest to the utterer the most: the number of the kind
        # in the last four bits, behind position and nearness.
        self.tells = [
            (source, position << 10 | (63 - place) << 4 | _KINDS[link.kind])
            for place, (link, source) in enumerate(zip(event.chain, sources, strict=True))
            if link.kind is not None
        ]

    @classmethod
    def settled(cls, act: Act) -> Light:
        """An act as `projections.world` has settled it."""
        light = cls(act.event, list(names.sources(act.event.chain)), act.key, act.span.marked)
        light.gone, light.removed = act.gone, act.removed
        return light

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
        "against", "assessment", "circle", "conflict", "dismissed", "first_against", "first_for", "for_", "inferred",
        "kind", "named", "numbers", "own", "root", "source", "weighed_against", "weighed_for",
    )  # fmt: skip

    def __init__(self, source: str) -> None:
        self.source = source
        """The class of the speaker."""
        self.own: Stance | None = None
        self.inferred: Stance | None = None
        self.assessment: Stance | None = None
        """The assessment that counts, and its side."""
        self.conflict = 0
        """1 where an act bears on the claim both ways in own words."""
        self.dismissed = False
        """Whether the speaker dismissed the negation of the claim."""
        self.for_ = self.against = 0
        """How many live committing acts support and oppose the claim in own words."""
        self.first_for = self.first_against = 0
        """The position of the first of them on either side; 0 for none."""
        self.weighed_for = self.weighed_against = 0
        """How many live assessments do."""
        self.numbers = [0] * NUMBERS
        """In own words, but for CONFLICTS, REWORDED, MARKED_INFERRED, which are of all: what the claim has added up."""
        self.root: str | None = None
        self.named = False
        """Whether the speaker is named, here."""
        self.kind: str | None = None
        """Of what kind the speaker is, here."""
        self.circle: tuple[str, ...] = ()
        """The classes it counts for; the least is the root."""

    @property
    def stand(self) -> Stance | None:
        """The side that counts: own words beat what is inferred."""
        return self.own or self.inferred

    def add(self, light: Light, before: Iterable[Light], totals: list[int]) -> bool:
        """One more act on the claim itself, which is alone in its class, and of which nothing was taken back.

        `before` are the speaker's other acts on the claim that still stand, looked at only where opposite ones may
        overlap; `totals` are the claim's numbers. Gives whether the speaker's stand may count otherwise for its root. This is the hot path of every rebuild.
        """
        numbers, code, side = self.numbers, light.code, light.side
        if code <= ASSESSMENTS:
            numbers[code] += 1
            totals[code] += 1
        else:
            numbers[DENIALS] += 1
            totals[DENIALS] += 1
            if not numbers[code]:
                numbers[code] = 1
                totals[code] += 1
        if side:
            return self._commit(light, side, before, totals)
        if light.assessed is not None:
            self._weigh(light, light.assessed, totals)
        return False

    def _commit(self, light: Light, side: int, before: Iterable[Light], totals: list[int]) -> bool:
        numbers, own = self.numbers, self.own
        if side == 1:
            self.for_ = count = self.for_ + 1
            opposite = self.against
            if count == 1:
                self.first_for = light.position
            if not numbers[STAYS]:
                numbers[STAYS] = 1
                totals[STAYS] += 1
        else:
            self.against = count = self.against + 1
            opposite = self.for_
            if count == 1:
                self.first_against = light.position
        if opposite:
            if not numbers[REVERSALS]:  # the act that decides is the latest, so whatever is opposite came before it
                numbers[REVERSALS] = 1
                totals[REVERSALS] += 1
            if not numbers[UNSURE] and overlaps(light, before):
                numbers[UNSURE] = 1
                totals[UNSURE] += 1
        if own is not None and light.key < own.act.key:
            return count == 2
        self.own = Stance(side, light)
        if light.marked != bool(numbers[MARKED]):
            totals[MARKED] += 1 if light.marked else -1
            numbers[MARKED] = int(light.marked)
        return True

    def _weigh(self, light: Light, side: int, totals: list[int]) -> None:
        if side == 1:
            self.weighed_for += 1
        elif side == -1:
            self.weighed_against += 1
        if self.assessment is None or light.key > self.assessment.act.key:
            self.assessment = Stance(side, light)
        self.count_assessment(totals)

    def count_assessment(self, totals: list[int]) -> None:
        """Brings the numbers of the assessment that counts up to date."""
        if self.assessment is None:
            now = (0, 0, 0, 0, 0)
        else:
            side, light = self.assessment
            revised = self.weighed_against if side == 1 else self.weighed_for if side == -1 else 0
            now = (1, int(side == 1), int(side == -1), int(light.party), int(revised > 0))
        numbers = self.numbers
        for place, number in enumerate(now, start=COUNTING):
            if numbers[place] != number:
                totals[place] += number - numbers[place]
                numbers[place] = number


def overlaps(light: Light, others: Iterable[Light]) -> bool:
    """Whether an act and an opposite one may have come in either order: the earlier begun is still under way."""
    earliest, latest, _ = light.key
    for other in others:
        if other.side == -light.side:
            key = other.key
            if (key[1] >= earliest) if key < light.key else (latest >= key[0]):
                return True
    return False


def work_out(cell: Cell, claim: str, members: dict[str, set[int]], acts: list[Light], totals: list[int]) -> None:
    """What acts in position order come to on a claim of this class, in own words (rules 1, 2 and 4).

    The numbers that are not of own words stay as they are.
    """
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
            numbers[_COUNTED.get(code, code)] += 1
        for why in {why for own in named for why in gone.get(own, ())} if gone else ():
            numbers[ATTRIBUTED if why == DENIED else RETRACTED] = 1
        if live and code == DECLINED:
            numbers[DECLINED] = 1
        elif code == PARTLY and any(1 in members[own] for own in live):
            numbers[PARTLY] = 1
        if sign == 0 and (light.side or light.assessed is not None):
            numbers[CONFLICTS] = 1
        if light.assessed is not None and sign is not None:
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
    before = cell.numbers
    cell.conflict = numbers[CONFLICTS]
    for place in (CONFLICTS, POSSIBLY, REWORDED, MARKED_INFERRED):
        numbers[place] = before[place]
    for place in range(COUNTING, REVISED + 1):
        numbers[place] = before[place]
    for place, (old, new) in enumerate(zip(before, numbers, strict=True)):
        if old != new:
            totals[place] += new - old
    cell.numbers = numbers
    _weigh_all(cell, assessments)
    cell.count_assessment(totals)


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
    cell.for_, cell.against = len(supporting), len(opposing)
    cell.first_for, cell.first_against = min(supporting, default=0), min(opposing, default=0)
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


def _weigh_all(cell: Cell, assessments: list[tuple[Light, int]]) -> None:
    cell.assessment = None
    cell.weighed_for = cell.weighed_against = 0
    for light, sign in sorted(assessments, key=_said):
        assert light.assessed is not None
        side = light.assessed * sign
        cell.weighed_for += side == 1
        cell.weighed_against += side == -1
        if sign:
            cell.assessment = Stance(side, light)


def reworded(texts: list[tuple[int, str]], position: int) -> bool:
    """Whether the text a claim had at a position was changed since."""
    then = next((text for at, text in reversed(texts) if at <= position), texts[0][1])
    return any(text != then for at, text in texts if at > position)


def _said(pair: tuple[Light, int]) -> tuple[float, int, int]:
    return pair[0].key
