"""What do the acts of one speaker come to on one claim? A cell, by the rules `status/1`, from acts that are settled.

`projections.stands` and `projections.judgement` answer the same for one claim and all its speakers at once. Here an act
that nothing was done to is *added* to its cell in constant time, whenever it was said; whatever else happens has the
cell worked out anew from all its acts. A cell's numbers are kept added up in its claim.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, get_args

from msgspec import Struct

from ledger import events as ev
from ledger import names
from ledger.saying import Key

from ..judgement import side_of
from ..world import DENIED, THEMSELVES, Act
from .quotations import Words

# The places of what a claim counts: its acts by type, then how many of its cells have each of these bits set. Those
# from FLAGGED on raise a flag each.
(
    STATEMENTS, DENIALS, ASSESSMENTS, COUNTING, FOR, AGAINST, PARTIES, REVISED, TAKEN_BACK, STAYS,
    RETRACTED, ATTRIBUTED, PARTLY, DECLINED, CONFLICTS, POSSIBLY, REVERSALS, UNSURE, REWORDED, MARKED, MARKED_INFERRED,
) = range(NUMBERS := 21)  # fmt: skip
FLAGGED: Final = RETRACTED
_WEIGHED: Final = 1 << COUNTING | 1 << FOR | 1 << AGAINST | 1 << PARTIES | 1 << REVISED
#: What is not of own words alone, or is brought up to date by itself.
_APART: Final = _WEIGHED | 1 << CONFLICTS | 1 << POSSIBLY | 1 << REWORDED | 1 << MARKED_INFERRED
_OWN_WORDS: Final = (1 << NUMBERS) - 1 & ~_APART & ~7
_NO_WORDS: Final = Words("", ())
_NOWHERE: Final[dict[str, set[str]]] = {}
_CODES: Final = {
    "flat": DENIALS, "dismissal": DENIALS, "partial": PARTLY,
    "non_denial": DECLINED, "no_comment": DECLINED, "cannot_confirm": DECLINED,
}  # fmt: skip
_KINDS: Final = {kind: number for number, kind in enumerate(get_args(ev.Kind), start=1)}
KINDS: Final[tuple[str | None, ...]] = (None, *_KINDS)
"""The kinds of sources; their numbers are their places here."""


class Light(Struct, gc=False):
    """An act as a cell needs it: corrected, with what was taken back of it.

    Millions are made, so it is a Struct, which costs a tenth of other classes to make; and so are cells.
    """

    position: int
    key: Key
    """Where it stands in the order in which things were said."""
    marked: bool
    """Whether its time is marked as uncertain."""
    speaker: str
    claims: tuple[str, ...]
    tells: tuple[str | int, ...]
    """Of what kind its links tell their sources to be (see `kinds`): each source, its place and kind as a number."""
    code: int
    """STATEMENTS, DENIALS, ASSESSMENTS, or what kind of denial it is that commits nobody: PARTLY, DECLINED."""
    side: int
    """+1 for a committing statement, -1 for a committing denial, 0 for what commits nobody."""
    possible: tuple[str, ...] = ()
    dismisses: bool = False
    framed: bool = False
    assessed: int | None = None
    """The side an assessment takes, 0 for neither; None for what is no assessment."""
    party: bool = False
    gone: dict[str, set[str]] = _NOWHERE
    """What took it back, by claim (see `projections.world`)."""
    removed: bool = False
    """True where the whole act was taken back by name."""
    words: Words = _NO_WORDS
    """What its claims are found by, where anybody asked for that."""

    @property
    def is_live(self) -> bool:
        """Whether anything of it still stands."""
        return any(claim not in self.gone for claim in self.claims) if self.claims else not self.removed

    def told(self) -> Iterator[tuple[str, int]]:
        """Of what kind its links tell their sources to be, as numbers of which the greatest counts: the later act, in
        it the link nearest to the utterer; the kind is in the last four bits (see KINDS)."""
        late = self.position << 10 | 63 << 4
        each: Iterator[Any] = iter(self.tells)
        for source, told in zip(each, each, strict=True):
            yield source, late - (told & ~15) | told & 15

    def side_at(self, sign: int) -> int:
        """The side it takes on a claim in whose class its claim has this sign; 0 for none."""
        return 0 if self.dismisses and sign == -1 else self.side * sign


def light_of(event: ev.Act, sources: Sequence[str], key: Key, marked: bool) -> Light:
    """An act as it came in; `sources` are those of its chain."""
    position = key[2]
    telling: list[str | int] = []
    for place, link in enumerate(event.chain):
        if link.kind is not None:
            telling += (sources[place], place << 4 | _KINDS[link.kind])
    tells = tuple(telling)
    speaker, claims = sources[0], event.claims
    if isinstance(event, ev.Statement):
        return Light(position, key, marked, speaker, claims, tells, STATEMENTS, event.mode == "asserted")
    if isinstance(event, ev.Denial):
        code, dismisses, framed = _CODES[event.form], event.form == "dismissal", event.scope != "explicit"
        side = -1 if code == DENIALS else 0
        return Light(
            position, key, marked, speaker, claims, tells, code, side, event.possible_claims, dismisses, framed
        )
    likelihood = event.likelihood
    low, high = (likelihood.low, likelihood.high) if likelihood else (None, None)
    assessed, party = side_of(low, high, event.verdict), event.capacity == "party"
    return Light(position, key, marked, speaker, claims, tells, ASSESSMENTS, 0, (), False, False, assessed, party)


def settled_light(act: Act) -> Light:
    """An act as `projections.world` has settled it."""
    light = light_of(act.event, names.sources(act.event.chain), act.key, act.span.marked)
    light.gone, light.removed = act.gone, act.removed
    return light


class Stance(Struct, gc=False):
    """A side a speaker takes, and the act that decides."""

    side: int
    act: Light

    @property
    def carried_as(self) -> tuple[int, bool]:
        """By what entails carries it: the side, and whether it is a dismissal."""
        return self.side, self.act.dismisses


class Cell(Struct, gc=False):
    """What one speaker's acts come to on one claim."""

    source: str
    """The class of the speaker."""
    own: Stance | None = None
    inferred: Stance | None = None
    assessment: Stance | None = None
    """The assessment that counts, and its side."""
    conflict: bool = False
    """Whether an act bears on the claim both ways in own words."""
    dismissed: bool = False
    """Whether the speaker dismissed the negation of the claim."""
    for_: int = 0
    """How many live committing acts support the claim in own words; `against`, oppose it."""
    against: int = 0
    first_for: int = 0
    """The position of the first of them on either side; 0 for none."""
    first_against: int = 0
    weighed_for: int = 0
    """How many live assessments do."""
    weighed_against: int = 0
    statements: int = 0
    """How many live acts of each type name the claim itself."""
    denials: int = 0
    assessments: int = 0
    bits: int = 0
    """What its claim counts, by place: in own words, but for CONFLICTS, REWORDED, MARKED_INFERRED, which are of all."""
    root: str | None = None
    named: bool = False
    """Whether the speaker is named, here."""
    kind: str | None = None
    """Of what kind the speaker is, here."""
    circle: tuple[str, ...] = ()
    """The classes it counts for; the least is the root."""

    def add(
        self, light: Light, before: Iterable[tuple[Key, int]], counts: list[int], sign: int = 1, named: bool = True
    ) -> bool:
        """One more act, of which nothing was taken back, on the claim itself, or (not `named`) on one of its class that
        has this sign there.

        `before` are when the speaker's other acts on the class that still stand were said, and the sides they take,
        looked at only where opposite ones may overlap; `counts` are the claim's. Gives whether the speaker may count
        otherwise for its root.
        """
        code, side = light.code, light.side * sign
        if named:
            self._count(code, counts)
        if code == ASSESSMENTS:
            self._weigh(light, sign, counts)
        return self._commit(light, side, before, counts) if side else False

    def _count(self, code: int, counts: list[int]) -> None:
        if code == STATEMENTS:
            self.statements += 1
            counts[STATEMENTS] += 1
        elif code == ASSESSMENTS:
            self.assessments += 1
            counts[ASSESSMENTS] += 1
        else:
            self.denials += 1
            counts[DENIALS] += 1
            if code != DENIALS and not self.bits >> code & 1:
                self.bits |= 1 << code
                counts[code] += 1

    def _commit(self, light: Light, side: int, before: Iterable[tuple[Key, int]], counts: list[int]) -> bool:
        bits, own = self.bits, self.own
        if side == 1:
            self.for_ = count = self.for_ + 1
            opposite = self.against
            if count == 1:
                self.first_for = light.position
            if not bits >> STAYS & 1:
                bits |= 1 << STAYS
                counts[STAYS] += 1
        else:
            self.against = count = self.against + 1
            opposite = self.for_
            if count == 1:
                self.first_against = light.position
        if opposite:
            if not bits >> REVERSALS & 1:  # the act that decides is the latest: whatever is opposite came before it
                bits |= 1 << REVERSALS
                counts[REVERSALS] += 1
            if not bits >> UNSURE & 1 and _overlaps(light.key, side, before):
                bits |= 1 << UNSURE
                counts[UNSURE] += 1
        self.bits = bits
        if own is None:
            self.own = Stance(side, light)
            if light.marked:
                self.bits = bits | 1 << MARKED
                counts[MARKED] += 1
            return True
        if light.key < own.act.key:
            return count <= 2  # a second act, of the speaker or of its root, is a repetition
        self.own = Stance(side, light)
        if light.marked != own.act.marked:
            self.put(1 << MARKED, light.marked << MARKED, counts)
        return count <= 2 or side != own.side or light.framed != own.act.framed

    def _weigh(self, light: Light, sign: int, counts: list[int]) -> None:
        assert light.assessed is not None
        side = light.assessed * sign
        if side == 1:
            self.weighed_for += 1
        elif side == -1:
            self.weighed_against += 1
        if self.assessment is None or light.key > self.assessment.act.key:
            self.assessment = Stance(side, light)
        self.count_assessment(counts)

    def count_assessment(self, counts: list[int]) -> None:
        """Brings the bits of the assessment that counts up to date."""
        now = 0
        if self.assessment is not None:
            side = self.assessment.side
            now = 1 << COUNTING | self.assessment.act.party << PARTIES
            if side == 1:
                now |= 1 << FOR | (self.weighed_against > 0) << REVISED
            elif side == -1:
                now |= 1 << AGAINST | (self.weighed_for > 0) << REVISED
        self.put(_WEIGHED, now, counts)

    def put(self, within: int, now: int, counts: list[int]) -> None:
        """Brings some of the bits, and what its claim counts, up to date."""
        different = self.bits & within ^ now
        self.bits ^= different
        while different:
            place = different.bit_length() - 1
            different ^= 1 << place
            counts[place] += 1 if now >> place & 1 else -1

    @property
    def is_bare(self) -> bool:
        """Whether it says nothing."""
        return (
            self.own is None
            and self.inferred is None
            and not (self.bits or self.statements or self.denials or self.assessments)
        )


def _overlaps(key: Key, side: int, others: Iterable[tuple[Key, int]]) -> bool:
    """Whether an act and an opposite one may have come in either order: the earlier begun is still under way."""
    earliest, latest, _ = key
    for other, taken in others:
        if taken == -side and ((other[1] >= earliest) if other < key else (latest >= other[0])):
            return True
    return False


def work_out(cell: Cell, claim: str, members: dict[str, set[int]], acts: list[Light], counts: list[int]) -> None:
    """What acts in position order come to on a claim of this class, in own words (rules 1, 2 and 4)."""
    bits, by_type = 0, [0, 0, 0]
    committed: list[tuple[Light, int]] = []
    stands: list[tuple[Light, int]] = []
    assessments: list[tuple[Light, int]] = []
    cell.dismissed = cell.conflict = False
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
            by_type[code if code <= ASSESSMENTS else DENIALS] += 1
        for why in {why for own in named for why in gone.get(own, ())} if gone else ():
            bits |= 1 << (ATTRIBUTED if why == DENIED else RETRACTED)
        if (live and code == DECLINED) or (code == PARTLY and any(1 in members[own] for own in live)):
            bits |= 1 << code
        if sign == 0 and (light.side or light.assessed is not None):
            cell.conflict = True
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
        if gone:
            bits |= _withdrawal(light, members)
        elif sign and light.side_at(sign) == 1:  # what that comes to, where nothing was taken back
            bits |= 1 << STAYS
    bits |= _take_stands(cell, stands, committed)
    cell.put(_OWN_WORDS, bits, counts)
    for place, before in enumerate((cell.statements, cell.denials, cell.assessments)):
        counts[place] += by_type[place] - before
    cell.statements, cell.denials, cell.assessments = by_type
    _weigh_all(cell, assessments)
    cell.count_assessment(counts)


def _withdrawal(light: Light, members: dict[str, set[int]]) -> int:
    """Whether the act supported the claim in own words, and stays or was taken back by its speaker (rule 6)."""
    claims = [own for own in light.claims if THEMSELVES.issuperset(light.gone.get(own, ()))]
    signs = {sign for own in claims for sign in members.get(own, ())}
    if len(signs) != 1 or light.side_at(next(iter(signs))) != 1:
        return 0
    return 1 << (STAYS if any(own not in light.gone and own in members for own in claims) else TAKEN_BACK)


def _take_stands(cell: Cell, stands: list[tuple[Light, int]], committed: list[tuple[Light, int]]) -> int:
    stands.sort(key=_said)
    own: Stance | None = None
    for light, sign in stands:
        own = following(own, Stance(light.side * sign, light))
    cell.own = own
    supporting = [light.position for light, side in committed if side == 1]
    opposing = [light.position for light, side in committed if side == -1]
    cell.for_, cell.against = len(supporting), len(opposing)
    cell.first_for, cell.first_against = min(supporting, default=0), min(opposing, default=0)
    bits = own.act.marked << MARKED if own is not None else 0
    if supporting and opposing:
        if own is not None and any(side == -own.side and light.key < own.act.key for light, side in committed):
            bits |= 1 << REVERSALS
        bits |= _order_uncertain(sorted(committed, key=_said)) << UNSURE
    return bits


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
