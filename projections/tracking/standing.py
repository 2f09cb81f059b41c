"""What do the cells of a claim come to? Its roots, and what they and the cells add up to (rules 3 and 5 of `status/1`).

The counters are kept up, root by root, so that a row is made without looking at any cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol, TypeVar

from msgspec import Struct, field

from ledger import events as ev

from ..distinct import EXACT
from .cells import NUMBERS, Cell, Light, Stance
from .desk import Desk
from .rows import CLAIM_KINDS, claim_key

_K = TypeVar("_K")
_T = TypeVar("_T")


class Sources(Protocol):
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
    firsts: tuple[int, ...]
    """The positions of its first acts for SUPPORT, SUPPORT_OWN, OPPOSITION, OPPOSITION_OWN; 0 for none."""


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


def sum_root(claim: Claim, root: str, sources: Sources) -> bool:
    """Adds a root up anew (rules 3 and 5); gives whether that changed what is counted, or what ties it to others."""
    cells = claim.by_root.get(root, _NO_CELLS)
    if not cells:
        claim.by_root.pop(root, None)
    before, after, tied, desk = claim.sums.get(root, 0), 0, None, sources.desk
    standing = [cell for cell in cells if cell.own is not None or cell.inferred is not None]
    if len(cells) == 1 and standing:  # most roots have one speaker
        [cell] = cells
        classes = cell.circle
        kind = cell.kind if len(classes) == 1 and classes[0] == cell.source else sources.kind(claim, classes)
        named = kind in ev.NAMED or (cell.named and (kind is None or kind == "outlet"))
        after = _sum_one(cell, kind, named)
        if desk.registered.isdisjoint(classes):
            after |= 1 << UNREGISTERED
        tie = desk.tie(classes, named)
        if tie is not None:
            tied = Tied(classes, named, tie, classes, named, tie, firsts_of(standing))
    elif standing:
        own = standing if len(standing) == 1 else [cell for cell in standing if cell.own is not None]
        classes = classes_of(standing)
        # A speaker that counts for itself alone is of the kind that its cell knows.
        kind = standing[0].kind if classes == (standing[0].source,) else sources.kind(claim, classes)
        named = is_named(kind, standing)
        if len(own) == len(standing):
            classes_own, named_own = classes, named
        else:
            classes_own = classes_of(own) if own else ()
            named_own = bool(own) and is_named(sources.kind(claim, classes_own), own)
        after = _sum(standing, kind, named, named_own)
        if _repeats(after, cells):
            after |= 1 << REPEATED
        if desk.registered.isdisjoint(classes):
            after |= 1 << UNREGISTERED
        tie = desk.tie(classes, named)
        tie_own = tie if classes_own is classes else desk.tie(classes_own, named_own) if own else None
        if tie is not None or tie_own is not None:
            tied = Tied(classes, named, tie, classes_own, named_own, tie_own, firsts_of(standing))
    changed = _hold_tied(claim, root, tied, before ^ after)
    if changed:
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


def _hold_tied(claim: Claim, root: str, now: Tied | None, different: int) -> bool:
    """Holds what ties a root now; gives whether the roots that are tied may come to something else by that.

    They do where it is tied otherwise, on another side, or named, and where so many are tied that it matters which acts
    came first.
    """
    before = claim.tied.get(root)
    if before is None and now is None:
        return False
    if before != now:
        put(claim.tied, root, now)
        if before is None or now is None or before[:-1] != now[:-1] or len(claim.tied) > EXACT:
            return True
    return bool(different & _TO_OTHERS)


def firsts_of(standing: Sequence[Cell]) -> tuple[int, ...]:
    """The positions of the first acts by which these speakers came to where they stand."""
    firsts = [0] * (OPPOSITION_OWN + 1)
    for cell in standing:
        stance = cell.own or cell.inferred
        assert stance is not None
        place, first = (SUPPORT, cell.first_for) if stance.side == 1 else (OPPOSITION, cell.first_against)
        first = min(first or stance.act.position, stance.act.position)
        for at in (place, place + 1) if cell.own is not None else (place,):
            firsts[at] = min(firsts[at] or first, first)
    return tuple(firsts)


def classes_of(cells: Sequence[Cell]) -> tuple[str, ...]:
    """The classes that a root of these speakers is made of."""
    return cells[0].circle if len(cells) == 1 else tuple(sorted({name for cell in cells for name in cell.circle}))


def is_named(kind: str | None, standing: Sequence[Cell]) -> bool:
    """Whether a root of these speakers is, and of this kind where that is known, is named."""
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


def put(held: dict[_K, _T], key: _K, value: _T | None) -> None:
    """Holds a value under a key, or nothing where there is none."""
    if value is None:
        held.pop(key, None)
    else:
        held[key] = value
