"""What do the cells of a claim come to? Its roots, the interval of each side, and its row on the board.

Counters are kept up, so that a row is made without looking at its cells; only roots that something may tie to others
are looked at together, and only when one of them has changed (rules 3, 5 and 6 of `status/1`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from ledger import events as ev

from .cells import (
    AGAINST,
    ASSESSMENTS,
    COUNTING,
    DENIALS,
    FLAGGED,
    FOR,
    NUMBERS,
    PARTIES,
    REVISED,
    STATEMENTS,
    STAYS,
    TAKEN_BACK,
    Cell,
    Light,
    Stance,
)
from .desk import DECLARED, DECLARED_NAMED, SEARCHED, Desk
from .distinct import EXACT, provable
from .roots import Root
from .rows import CLAIM_KINDS, COUNTS, FLAG_BITS, FOREVER, OPEN, STATUSES, claim_key

_K = TypeVar("_K")
_T = TypeVar("_T")


class Told(Protocol):
    """What a claim must be told of the sources that count there."""

    desk: Desk

    def kind(self, claim: Claim, classes: tuple[str, ...]) -> str | None:
        """The kind of a root made of these classes, there."""


# What one root adds to its claim, as bits of one integer; the claim counts each.
_SUMMED: Final = 13
(
    SUPPORT, SUPPORT_OWN, OPPOSITION, OPPOSITION_OWN, SUPPORT_NAMED, SUPPORT_NAMED_OWN, OPPOSITION_NAMED,
    SUPPORT_UNTRACED, KINDLESS, UNREGISTERED, REPEATED, DIVIDED, FRAMED,
) = range(_SUMMED)  # fmt: skip
_TO_OTHERS: Final = (1 << KINDLESS) - 1 & ~(1 << SUPPORT_UNTRACED)
"""Those of its bits by which a root that is tied changes what others come to."""


class Tied(NamedTuple):
    """A root that something may tie to others, in all and in own words alone."""

    classes: tuple[str, ...]
    named: bool
    tie: str | None
    classes_own: tuple[str, ...]
    named_own: bool
    tie_own: str | None


class Searched(NamedTuple):
    """What the tied roots of a side come to."""

    named: int
    """How many of those that are named, and tied."""
    distinct: int
    """How many of these are known to be distinct."""
    largest: int
    """How many of all that are tied, where that is more; the unnamed that were declared independent among them."""
    floor: bool
    beside: int = 0
    """So many named roots that nothing ties must be beside them for this to hold."""


_DECLARED: Final = (DECLARED, DECLARED_NAMED)
_NO_CELLS: Final[tuple[Cell, ...]] = ()
_SUMS: Final = tuple(range(1 << _SUMMED))
"""The same numbers for millions of roots."""


class Arrived(NamedTuple):
    """What entails carries to a claim from another."""

    origin: str
    sides: int
    """As bits: 1 support, 2 opposition."""
    act: Light


class Claim(Struct):
    """A claim and its cells, with the counters that its row is made of."""

    name: str
    alone: tuple[str, ...]
    """Its name alone, shared by the acts that name no other claim."""
    kind: int | None = None
    """None where the claim is not registered."""
    key: bytes = b""
    changed_us: int = 0
    """When the last record came that names the claim, or is about what does."""
    texts: list[tuple[int, str]] = []
    entries: dict[int, ev.ClaimRegistered | ev.ClaimReworded] = {}
    on: dict[str, list[int]] = {}
    """Positions of the acts that are on it, or once were, by speaker; in order."""
    perhaps: dict[str, list[int]] = {}
    """Positions of the denials that perhaps mean it, by speaker."""
    told: dict[str, int] = {}
    """Of what kind a source was last told to be by an act on this claim: position, nearness, kind, as one int."""
    arrived: dict[str, tuple[Arrived, ...]] = {}
    """What entails carries here, by speaker; one for each claim that it comes from."""
    cells: dict[str, Cell] = {}
    stands: dict[str, Stance] = {}
    """What its speakers take in own words, once it is related to another: few of its cells, where much is inferred."""
    open: set[str] = set()
    """The speakers whose kind, or whose root's, may be told otherwise by what acts tell nearby."""
    counts: list[int] = field(default_factory=lambda: [0] * NUMBERS)
    """Its acts by type, and how many of its cells have each bit set."""
    by_root: dict[str, tuple[Cell, ...]] = {}
    """The cells of the speakers that count for a root."""
    sums: dict[str, int] = {}
    totals: list[int] = field(default_factory=lambda: [0] * _SUMMED)
    """How many of its roots have each bit set."""
    tied: dict[str, Tied] = {}
    """The roots that something may tie to another, or that are declared independent of one."""
    searched: dict[tuple[int, bool], Searched] = {}
    """What the tied roots of a side come to, while they are the same."""

    def join(self, root: str, cell: Cell) -> None:
        """The speaker of a cell counts for a root."""
        self.by_root[root] = (*self.by_root.get(root, ()), cell)

    def retext(self) -> None:
        """Brings kind and texts to what the entries say."""
        self.texts, kind = [], None
        for position, event in sorted(self.entries.items()):
            if isinstance(event, ev.ClaimRegistered):
                kind = event.kind
            if kind is not None:
                self.texts.append((position, event.text))
        self.kind = None if kind is None else CLAIM_KINDS.index(kind)
        self.key = claim_key(self.name, self.texts[-1][1]) if self.texts else b""


def sum_root(claim: Claim, root: str, told: Told) -> bool:
    """Adds a root up anew (rules 3 and 5); gives whether that changed anything."""
    cells = claim.by_root.get(root, _NO_CELLS)
    if not cells:
        claim.by_root.pop(root, None)
    before, after, tied, desk = claim.sums.get(root, 0), 0, None, told.desk
    standing = [cell for cell in cells if cell.own is not None or cell.inferred is not None]
    if len(cells) == 1 and standing:  # most roots have one speaker
        [cell] = cells
        classes = cell.circle
        kind = cell.kind if len(classes) == 1 and classes[0] == cell.source else told.kind(claim, classes)
        named = kind in ev.NAMED or (cell.named and (kind is None or kind == "outlet"))
        after = _sum_one(cell, kind, named)
        if desk.registered.isdisjoint(classes):
            after |= 1 << UNREGISTERED
        tie = desk.tie(classes, named)
        if tie is not None:
            tied = Tied(classes, named, tie, classes, named, tie)
    elif standing:
        own = standing if len(standing) == 1 else [cell for cell in standing if cell.own is not None]
        classes = _classes(standing)
        # A speaker that counts for itself alone is of the kind that its cell knows.
        kind = standing[0].kind if classes == (standing[0].source,) else told.kind(claim, classes)
        named = _is_named(kind, standing)
        if len(own) == len(standing):
            classes_own, named_own = classes, named
        else:
            classes_own = _classes(own) if own else ()
            named_own = bool(own) and _is_named(told.kind(claim, classes_own), own)
        after = _sum(standing, kind, named, named_own)
        if _repeats(after, cells):
            after |= 1 << REPEATED
        if desk.registered.isdisjoint(classes):
            after |= 1 << UNREGISTERED
        tie = desk.tie(classes, named)
        tie_own = tie if classes_own is classes else desk.tie(classes_own, named_own) if own else None
        if tie is not None or tie_own is not None:
            tied = Tied(classes, named, tie, classes_own, named_own, tie_own)
    # What others come to beside a root that is tied hangs on the side it is on, and whether it is named.
    changed = claim.tied.get(root) != tied or (tied is not None and bool((before ^ after) & _TO_OTHERS))
    if changed:
        put(claim.tied, root, tied)
    if changed or (tied is not None and len(claim.tied) > EXACT):  # of so many it matters which acts came first
        claim.searched.clear()
    if before == after:
        return changed
    if standing:
        claim.sums[root] = _SUMS[after]
    else:
        del claim.sums[root]
    totals, different = claim.totals, before ^ after
    while different:
        place = different.bit_length() - 1
        totals[place] += 1 if after >> place & 1 else -1
        different ^= 1 << place
    return True


def _classes(cells: Sequence[Cell]) -> tuple[str, ...]:
    return cells[0].circle if len(cells) == 1 else tuple(sorted({name for cell in cells for name in cell.circle}))


def _is_named(kind: str | None, standing: list[Cell]) -> bool:
    if kind is None or kind == "outlet":
        return any(cell.named for cell in standing)
    return kind in ev.NAMED


def _repeats(bits: int, cells: Sequence[Cell]) -> bool:
    """Whether a root, by any of its speakers, said more than once in own words what counts for it."""
    return (bits & 1 << SUPPORT > 0 and sum([cell.for_ for cell in cells]) > 1) or (
        bits & 1 << OPPOSITION > 0 and sum([cell.against for cell in cells]) > 1
    )


def _sum_one(cell: Cell, kind: str | None, named: bool) -> int:
    """What `_sum` and `_repeats` come to for a root of one speaker."""
    own, stance = cell.own is not None, cell.own or cell.inferred
    assert stance is not None
    if stance.side == 1:
        bits = 1 << SUPPORT | own << SUPPORT_OWN
        if named:
            bits |= 1 << SUPPORT_NAMED | own << SUPPORT_NAMED_OWN
        elif kind == "untraced":
            bits |= 1 << SUPPORT_UNTRACED
        count = cell.for_
    else:
        bits = 1 << OPPOSITION | own << OPPOSITION_OWN | named << OPPOSITION_NAMED | stance.act.framed << FRAMED
        count = cell.against
    if count > 1:
        bits |= 1 << REPEATED
    return bits if kind is not None else bits | 1 << KINDLESS


def _sum(standing: list[Cell], kind: str | None, named: bool, named_own: bool) -> int:
    bits = 0
    for cell in standing:
        stance = cell.own or cell.inferred
        assert stance is not None
        if stance.side == 1:
            bits |= 1 << SUPPORT if cell.own is None else 1 << SUPPORT | 1 << SUPPORT_OWN
        else:
            bits |= 1 << OPPOSITION if cell.own is None else 1 << OPPOSITION | 1 << OPPOSITION_OWN
            if stance.act.framed:
                bits |= 1 << FRAMED
    if bits & 1 << SUPPORT:
        if named:
            bits |= 1 << SUPPORT_NAMED
        elif kind == "untraced":
            bits |= 1 << SUPPORT_UNTRACED
        if named_own and bits & 1 << SUPPORT_OWN:
            bits |= 1 << SUPPORT_NAMED_OWN
        if bits & 1 << OPPOSITION:
            bits |= 1 << DIVIDED
    if named and bits & 1 << OPPOSITION:
        bits |= 1 << OPPOSITION_NAMED
    return bits if kind is not None else bits | 1 << KINDLESS


_DISPUTED, _CORROBORATED, _ASSERTED, _DENIED, _ASSESSED, _WITHDRAWN, _RAISED = range(len(STATUSES))
assert STATUSES[_DISPUTED] == "disputed" and STATUSES[_RAISED] == "raised"
_SUPPORT_FLAGS: Final = FLAG_BITS["unnamed-only"], FLAG_BITS["untraced-only"], FLAG_BITS["support-inferred"]
_OPPOSITION_FLAGS: Final = FLAG_BITS["denial-unnamed-only"], FLAG_BITS["denial-inferred"]
_BY_TOTAL: Final = [
    FLAG_BITS[flag] for flag in ("kind-unstated", "source-unregistered", "repeated", "divided", "denial-framed")
]
"""From KINDLESS on."""
_BY_NUMBER: Final = [
    FLAG_BITS[flag]
    for flag in (
        "retracted", "attribution-denied", "partly-denied", "declined", "relation-conflict", "possibly-denied",
        "reversal", "order-uncertain", "reworded", "time-uncertain", "time-uncertain-inferred",
    )
]  # fmt: skip
"""From FLAGGED on."""
_REVISED: Final = FLAG_BITS["assessment-revised"]
_UNPROVEN: Final = FLAG_BITS["independence-unproven"]
_FLOOR: Final = FLAG_BITS["provable-floor"]
_DIVERGE: Final = FLAG_BITS["assessments-diverge"]
_PARTY: Final = FLAG_BITS["party-assessed"]
_ASSESSED_AGAINST: Final = FLAG_BITS["assessed-against"]


def columns_of(claim: Claim, claim_no: int, position: int, told: Told) -> tuple[Any, ...]:
    """The `Columns` of a registered claim from a position on, as a plain tuple: more are made than of anything else."""
    totals, counts = claim.totals, claim.counts
    possible, opposing = totals[SUPPORT], totals[OPPOSITION]
    flags = sum(compress(_BY_NUMBER, counts[FLAGGED:]))
    support = opposition = own = 0
    if possible:
        support, floor = _provable(claim, told, 1) if possible > 1 else (1, False)
        own = support
        if totals[SUPPORT_OWN] != possible or totals[SUPPORT_NAMED_OWN] != totals[SUPPORT_NAMED]:
            own = _provable(claim, told, 1, own=True)[0]
        if support < possible:
            flags |= _UNPROVEN
        if floor:
            flags |= _FLOOR
        unnamed, untraced, inferred = _SUPPORT_FLAGS
        if not totals[SUPPORT_NAMED]:
            flags |= unnamed
            if totals[SUPPORT_UNTRACED] == possible:
                flags |= untraced
        if not totals[SUPPORT_OWN]:
            flags |= inferred
    if opposing:
        opposition, floor = _provable(claim, told, -1) if opposing > 1 else (1, False)
        if opposition < opposing:
            flags |= _UNPROVEN
        if floor:
            flags |= _FLOOR
        unnamed, inferred = _OPPOSITION_FLAGS
        if not totals[OPPOSITION_NAMED]:
            flags |= unnamed
        if not totals[OPPOSITION_OWN]:
            flags |= inferred
    if possible or opposing:
        flags |= sum(compress(_BY_TOTAL, totals[KINDLESS:]))
    status = _primary(claim, possible, opposing, own)
    own_words = status
    if totals[SUPPORT_OWN] != possible or totals[OPPOSITION_OWN] != opposing:
        own_words = _primary(claim, totals[SUPPORT_OWN], totals[OPPOSITION_OWN], own)
    if counts[COUNTING]:
        for_, against = counts[FOR], counts[AGAINST]
        if for_ and against:
            flags |= _DIVERGE
        if counts[PARTIES] == counts[COUNTING]:
            flags |= _PARTY
        if for_ if status == _DENIED else against and possible:
            flags |= _ASSESSED_AGAINST
        if counts[REVISED]:
            flags |= _REVISED
    statements, denials, assessments = counts[STATEMENTS], counts[DENIALS], counts[ASSESSMENTS]
    assert claim.kind is not None
    return (
        claim_no,
        position,
        FOREVER,
        OPEN,
        status,
        claim.kind,
        flags,
        statements + denials + assessments,
        claim.changed_us,
        COUNTS.pack(own_words, support, possible, opposition, opposing, statements, denials, assessments),
    )


def _primary(claim: Claim, support: int, opposition: int, provable_own: int) -> int:
    counts = claim.counts
    if support:
        if opposition:
            return _DISPUTED
        corroborated = provable_own >= 2 and not claim.kind and not counts[AGAINST]  # and the claim is factual
        return _CORROBORATED if corroborated else _ASSERTED
    if opposition:
        return _DENIED
    if counts[COUNTING]:
        return _DISPUTED if counts[FOR] and counts[AGAINST] else _ASSESSED
    return _WITHDRAWN if counts[TAKEN_BACK] and not counts[STAYS] else _RAISED


def _provable(claim: Claim, told: Told, side: int, *, own: bool = False) -> tuple[int, bool]:
    """How many roots of a side are known to be distinct. Roots that nothing ties need no search."""
    totals = claim.totals
    if side == -1:
        possible, named = totals[OPPOSITION], totals[OPPOSITION_NAMED]
    elif own:
        possible, named = totals[SUPPORT_OWN], totals[SUPPORT_NAMED_OWN]
    else:
        possible, named = totals[SUPPORT], totals[SUPPORT_NAMED]
    if possible <= 1:
        return possible, False
    if not claim.tied:
        return named or 1, False
    found = claim.searched.get((side, own))
    if found is None or named - found.named < found.beside:
        found = _count_bodies(claim, side, own)
        if found is None:
            tied = _tied_on(claim, side, own)
            if sum(of.tie in _DECLARED for of in tied) <= EXACT:
                found = _search(tied, told)
            elif named - sum(of.named for of in tied) > EXACT:
                found = _search_many(_roots(claim, [of.root for of in tied], told, side, own), told)
            else:
                return provable(_roots(claim, claim.sums, told, side, own), told.desk.lines)
        claim.searched[side, own] = found
    return max(named - found.named + found.distinct, found.largest, 1), found.floor


def _count_bodies(claim: Claim, side: int, own: bool) -> Searched | None:
    """What the tied roots of a side come to where each is tied by one body alone; None where there is more to it."""
    place, sums = _place(side, own), claim.sums
    named, bodies = 0, set()
    for root, (_, is_named, tie, _, is_named_own, tie_own) in claim.tied.items():
        if sums[root] >> place & 1:
            if tie in SEARCHED or tie_own in SEARCHED:
                return None
            body = tie_own if own else tie
            if body is not None and (is_named_own if own else is_named):
                named += 1
                bodies.add(body)
    return Searched(named, len(bodies), 0, False)


class _Root(NamedTuple):
    """A root of a side that something ties to others, and what does."""

    root: str
    classes: tuple[str, ...]
    named: bool
    tie: str


def _tied_on(claim: Claim, side: int, own: bool) -> list[_Root]:
    found: list[_Root] = []
    for root, of in claim.tied.items():
        classes, named, tie = of[3:] if own else of[:3]
        if tie is not None and _is_on(claim.sums[root], side, own):
            found.append(_Root(root, classes, named, tie))
    return found


def _search(tied: list[_Root], told: Told) -> Searched:
    roots = [(_plain_root(of.root, of.classes, of.named), of.tie) for of in tied]
    named = [root for root, _ in roots if root.named]
    ties = {tie for root, tie in roots if root.named}
    # Each body counts once, by itself or by one of its own, unless there is more to the ties of any.
    distinct, floor = provable(named, told.desk.lines) if not ties.isdisjoint(SEARCHED) else (len(ties), False)
    largest = 0
    if any(tie == DECLARED for _, tie in roots):
        declared = [root for root, tie in roots if tie in _DECLARED]
        largest, more = provable(declared, told.desk.lines)
        floor = floor or more
    return Searched(len(named), distinct, largest, floor)


def _search_many(tied: list[Root], told: Told) -> Searched:
    """As `_search`, of so many declared roots that their order matters, beside more named ones than are exact.

    Those are all in the set that is taken, whichever they are and in whatever order: a few stand for them.
    """
    others = [_plain_root(f"@{place}", (f"@{place}",), True) for place in range(EXACT + 1)]
    distinct, floor = provable([*others, *tied], told.desk.lines)
    return Searched(sum(root.named for root in tied), distinct - len(others), 0, floor, len(others))


def _is_on(of: int, side: int, own: bool) -> bool:
    return bool(of >> _place(side, own) & 1)


def _place(side: int, own: bool) -> int:
    return (SUPPORT_OWN if own else SUPPORT) if side == 1 else OPPOSITION_OWN if own else OPPOSITION


def _roots(claim: Claim, roots: Iterable[str], told: Told, side: int, own: bool) -> list[Root]:
    """Those of some roots that are on a side, in the order of their first acts there."""
    found = [_as_root(claim, root, told, side, own) for root in roots if _is_on(claim.sums[root], side, own)]
    return sorted(found, key=lambda root: (root.first, root.root))


def _as_root(claim: Claim, root: str, told: Told, side: int, own: bool) -> Root:
    cells = claim.by_root[root]
    standing = [cell for cell in cells if (cell.own if own else cell.own or cell.inferred) is not None]
    first = []
    for cell in standing:
        stance = cell.own if own else cell.own or cell.inferred
        if stance is not None and stance.side == side:
            first.append(min(filter(None, (stance.act.position, cell.first_for if side == 1 else cell.first_against))))
    classes = _classes(standing)
    named = _is_named(told.kind(claim, classes), standing)
    return replace(_plain_root(root, classes, named), first=min(first))


def _plain_root(root: str, classes: Iterable[str], named: bool) -> Root:
    return Root(root=root, classes=tuple(classes), name=root, kind=None, named=named, registered=False, stands=())


def put(held: dict[_K, _T], key: _K, value: _T | None) -> None:
    """Holds a value under a key, or nothing where there is none."""
    if value is None:
        held.pop(key, None)
    else:
        held[key] = value
