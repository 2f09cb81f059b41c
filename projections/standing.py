"""What do the cells of a claim come to? Its roots, the interval of each side, and its row on the board.

Counters are kept up, so that a row is made without looking at its cells; only roots that something may tie to others
are looked at together, and only when one of them has changed (rules 3, 5 and 6 of `status/1`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol, TypeVar

from msgspec.structs import replace

from ledger import events as ev

from .cells import (
    AGAINST,
    ASSESSMENTS,
    ATTRIBUTED,
    CONFLICTS,
    COUNTING,
    DECLINED,
    DENIALS,
    FOR,
    MARKED,
    MARKED_INFERRED,
    NUMBERS,
    PARTIES,
    PARTLY,
    POSSIBLY,
    RETRACTED,
    REVERSALS,
    REVISED,
    REWORDED,
    STATEMENTS,
    STAYS,
    TAKEN_BACK,
    UNSURE,
    Cell,
    Light,
)
from .desk import DECLARED, TANGLED, Desk
from .distinct import EXACT, provable
from .roots import Root
from .rows import CLAIM_KINDS, COUNTS, FLAG_BITS, FOREVER, OPEN, STATUSES, Columns, claim_key

_K = TypeVar("_K")
_T = TypeVar("_T")


class Told(Protocol):
    """What a claim must be told of the sources that count there."""

    desk: Desk

    def kind(self, claim: Claim, classes: tuple[str, ...]) -> str | None:
        """The kind of a root made of these classes, there."""


# What one root adds to its claim, each 0 or 1, by place.
(
    SUPPORT, SUPPORT_OWN, OPPOSITION, OPPOSITION_OWN, SUPPORT_NAMED, SUPPORT_NAMED_OWN, OPPOSITION_NAMED,
    SUPPORT_UNTRACED, KINDLESS, UNREGISTERED, REPEATED, DIVIDED, FRAMED,
) = range(13)  # fmt: skip
_NO_ROOT: Final = (0,) * 13
_Sum = tuple[int, ...]


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


class Claim:
    """A claim and its cells, with the counters that its row is made of."""

    __slots__ = (
        "arrived", "by_root", "cells", "changed_us", "entries", "key", "kind", "name", "numbers", "on", "open",
        "perhaps", "searched", "sums", "texts", "tied", "told", "totals",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.kind: int | None = None
        """None where the claim is not registered."""
        self.key = b""
        self.texts: list[tuple[int, str]] = []
        self.entries: dict[int, ev.ClaimRegistered | ev.ClaimReworded] = {}
        self.changed_us = 0
        """When the last record came that names the claim, or is about what does."""
        self.on: dict[str, list[int]] = {}
        """Positions of the acts that are on it, or once were, by speaker; in order."""
        self.perhaps: dict[str, list[int]] = {}
        """Positions of the denials that perhaps mean it, by speaker."""
        self.told: dict[str, list[int]] = {}
        """Of what kinds acts on this claim tell a source to be: position, nearness, kind, as one int; in order."""
        self.arrived: dict[str, dict[str, tuple[int, Light]]] = {}
        """What entails carries here, by speaker and by the claim it comes from: sides as bits, and the act."""
        self.cells: dict[str, Cell] = {}
        self.open: set[str] = set()
        """The speakers whose kind, or whose root's, may be told otherwise by what acts tell nearby."""
        self.numbers = [0] * NUMBERS
        self.by_root: dict[str, list[str]] = {}
        self.sums: dict[str, _Sum] = {}
        self.totals = [0] * len(_NO_ROOT)
        self.tied: dict[str, Tied] = {}
        """The roots that something may tie to another, or that are declared independent of one."""
        self.searched: dict[tuple[int, bool], Searched] = {}
        """What the tied roots of a side come to, while they are the same."""

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
    speakers = claim.by_root.get(root)
    if speakers is not None and not speakers:
        del claim.by_root[root]
    before, after, tied = claim.sums.get(root, _NO_ROOT), _NO_ROOT, None
    cells = [claim.cells[speaker] for speaker in speakers or ()]
    standing = [cell for cell in cells if cell.own is not None or cell.inferred is not None]
    if standing:
        own = standing if len(standing) == 1 else [cell for cell in standing if cell.own is not None]
        classes = _classes(standing)
        # A speaker that counts for itself alone is of the kind that its cell knows.
        kind = standing[0].kind if classes == (standing[0].source,) else told.kind(claim, classes)
        named = _is_named(kind, standing)
        if len(own) == len(standing):
            classes_own, named_own = classes, named and own[0].own is not None
        else:
            classes_own = _classes(own) if own else ()
            named_own = bool(own) and _is_named(told.kind(claim, classes_own), own)
        after = _sum(cells, standing, kind, named, named_own, told.desk.is_registered(classes))
        tie = told.desk.tie(classes, named)
        tie_own = tie if classes_own is classes else told.desk.tie(classes_own, named_own) if own else None
        if tie is not None or tie_own is not None:
            tied = Tied(classes, named, tie, classes_own, named_own, tie_own)
    # What others come to beside a root that is tied hangs on the side it is on, and whether it is named.
    changed = claim.tied.get(root) != tied or (tied is not None and before[:KINDLESS] != after[:KINDLESS])
    if changed:
        claim.searched.clear()
        put(claim.tied, root, tied)
    if before == after:
        return changed
    put(claim.sums, root, after if standing else None)
    totals = claim.totals
    for place, (old, new) in enumerate(zip(before, after, strict=True)):
        if old != new:
            totals[place] += new - old
    return True


def _classes(cells: list[Cell]) -> tuple[str, ...]:
    return cells[0].circle if len(cells) == 1 else tuple(sorted({name for cell in cells for name in cell.circle}))


def _is_named(kind: str | None, standing: list[Cell]) -> bool:
    if kind is None or kind == "outlet":
        return any(cell.named for cell in standing)
    return kind in ev.NAMED


def _sum(
    cells: list[Cell], standing: list[Cell], kind: str | None, named: bool, named_own: bool, registered: bool
) -> _Sum:
    support = opposition = support_own = opposition_own = framed = False
    for cell in standing:
        stance = cell.own or cell.inferred
        assert stance is not None
        if stance.side == 1:
            support = True
            support_own = support_own or cell.own is not None
        else:
            opposition = True
            opposition_own = opposition_own or cell.own is not None
            framed = framed or stance.act.framed
    repeated = (support and sum(cell.for_ for cell in cells) > 1) or (
        opposition and sum(cell.against for cell in cells) > 1
    )
    return (
        support,
        support_own,
        opposition,
        opposition_own,
        support and named,
        support_own and named_own,
        opposition and named,
        support and kind == "untraced",
        kind is None,
        not registered,
        repeated,
        support and opposition,
        framed,
    )


_DISPUTED, _CORROBORATED, _ASSERTED, _DENIED, _ASSESSED, _WITHDRAWN, _RAISED = range(len(STATUSES))
assert STATUSES[_DISPUTED] == "disputed" and STATUSES[_RAISED] == "raised"
_SUPPORT_FLAGS: Final = FLAG_BITS["unnamed-only"], FLAG_BITS["untraced-only"], FLAG_BITS["support-inferred"]
_OPPOSITION_FLAGS: Final = FLAG_BITS["denial-unnamed-only"], FLAG_BITS["denial-inferred"]
_BY_TOTAL: Final = (
    (KINDLESS, FLAG_BITS["kind-unstated"]),
    (UNREGISTERED, FLAG_BITS["source-unregistered"]),
    (REPEATED, FLAG_BITS["repeated"]),
    (DIVIDED, FLAG_BITS["divided"]),
    (FRAMED, FLAG_BITS["denial-framed"]),
)
_BY_NUMBER: Final = (
    (RETRACTED, FLAG_BITS["retracted"]),
    (ATTRIBUTED, FLAG_BITS["attribution-denied"]),
    (PARTLY, FLAG_BITS["partly-denied"]),
    (DECLINED, FLAG_BITS["declined"]),
    (CONFLICTS, FLAG_BITS["relation-conflict"]),
    (POSSIBLY, FLAG_BITS["possibly-denied"]),
    (REVERSALS, FLAG_BITS["reversal"]),
    (UNSURE, FLAG_BITS["order-uncertain"]),
    (REVISED, FLAG_BITS["assessment-revised"]),
    (REWORDED, FLAG_BITS["reworded"]),
    (MARKED, FLAG_BITS["time-uncertain"]),
    (MARKED_INFERRED, FLAG_BITS["time-uncertain-inferred"]),
)
_UNPROVEN: Final = FLAG_BITS["independence-unproven"]
_FLOOR: Final = FLAG_BITS["provable-floor"]
_DIVERGE: Final = FLAG_BITS["assessments-diverge"]
_PARTY: Final = FLAG_BITS["party-assessed"]
_ASSESSED_AGAINST: Final = FLAG_BITS["assessed-against"]


def columns_of(claim: Claim, claim_no: int, position: int, told: Told) -> Columns:
    """The row of a registered claim from a position on."""
    totals, numbers = claim.totals, claim.numbers
    possible, opposing = totals[SUPPORT], totals[OPPOSITION]
    flags = 0
    for place, bit in _BY_NUMBER:
        if numbers[place]:
            flags |= bit
    support = opposition = own = 0
    if possible:
        support, floor = _provable(claim, told, 1)
        own = support
        if totals[SUPPORT_OWN] != possible or totals[SUPPORT_NAMED_OWN] != totals[SUPPORT_NAMED]:
            own = _provable(claim, told, 1, own=True)[0]
        flags |= _UNPROVEN * (support < possible) | _FLOOR * floor
        unnamed, untraced, inferred = _SUPPORT_FLAGS
        flags |= unnamed * (not totals[SUPPORT_NAMED]) | untraced * (totals[SUPPORT_UNTRACED] == possible)
        flags |= inferred * (not totals[SUPPORT_OWN])
    if opposing:
        opposition, floor = _provable(claim, told, -1)
        flags |= _UNPROVEN * (opposition < opposing) | _FLOOR * floor
        unnamed, inferred = _OPPOSITION_FLAGS
        flags |= unnamed * (not totals[OPPOSITION_NAMED]) | inferred * (not totals[OPPOSITION_OWN])
    if possible or opposing:
        for place, bit in _BY_TOTAL:
            if totals[place]:
                flags |= bit
    status = _primary(claim, possible, opposing, own)
    own_words = status
    if totals[SUPPORT_OWN] != possible or totals[OPPOSITION_OWN] != opposing:
        own_words = _primary(claim, totals[SUPPORT_OWN], totals[OPPOSITION_OWN], own)
    if numbers[COUNTING]:
        for_, against = numbers[FOR], numbers[AGAINST]
        flags |= _DIVERGE * bool(for_ and against) | _PARTY * (numbers[PARTIES] == numbers[COUNTING])
        flags |= _ASSESSED_AGAINST * bool(for_ if status == _DENIED else against and possible)
    statements, denials, assessments = numbers[STATEMENTS], numbers[DENIALS], numbers[ASSESSMENTS]
    assert claim.kind is not None
    return Columns(
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
    numbers = claim.numbers
    if support:
        if opposition:
            return _DISPUTED
        corroborated = provable_own >= 2 and not claim.kind and not numbers[AGAINST]  # and the claim is factual
        return _CORROBORATED if corroborated else _ASSERTED
    if opposition:
        return _DENIED
    if numbers[COUNTING]:
        return _DISPUTED if numbers[FOR] and numbers[AGAINST] else _ASSESSED
    return _WITHDRAWN if numbers[TAKEN_BACK] and not numbers[STAYS] else _RAISED


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
    if found is None:
        on_side = [(root, of) for root, of in claim.tied.items() if _is_on(claim.sums[root], side, own)]
        declared = sum(1 for _, of in on_side if told.desk.is_at("independent_of", of.classes))
        if declared > EXACT:  # whose order then matters
            return provable(_all_roots(claim, told, side, own), told.desk.lines)
        found = claim.searched[side, own] = _search(on_side, told, own)
    return max(named - found.named + found.distinct, found.largest, 1), found.floor


def _search(tied: list[tuple[str, Tied]], told: Told, own: bool) -> Searched:
    roots = [
        (_plain_root(root, of.classes_own, of.named_own), of.tie_own)
        if own
        else (_plain_root(root, of.classes, of.named), of.tie)
        for root, of in tied
    ]
    named = [root for root, tie in roots if root.named and tie is not None]
    ties = {tie for root, tie in roots if root.named and tie is not None}
    # Each body counts once, by itself or by one of its own, unless there is more to the ties of any.
    distinct, floor = provable(named, told.desk.lines) if TANGLED in ties else (len(ties), False)
    largest = 0
    if any(tie == DECLARED for _, tie in roots):
        declared = [root for root, _ in roots if told.desk.is_at("independent_of", root.classes)]
        largest, more = provable(declared, told.desk.lines)
        floor = floor or more
    return Searched(len(named), distinct, largest, floor)


def _is_on(of: _Sum, side: int, own: bool) -> bool:
    if side == 1:
        return bool(of[SUPPORT_OWN] if own else of[SUPPORT])
    return bool(of[OPPOSITION_OWN] if own else of[OPPOSITION])


def _all_roots(claim: Claim, told: Told, side: int, own: bool) -> list[Root]:
    found = [_as_root(claim, root, told, side, own) for root, of in claim.sums.items() if _is_on(of, side, own)]
    return sorted(found, key=lambda root: (root.first, root.root))


def _as_root(claim: Claim, root: str, told: Told, side: int, own: bool) -> Root:
    cells = [claim.cells[speaker] for speaker in claim.by_root[root]]
    standing = [cell for cell in cells if (cell.own if own else cell.stand) is not None]
    first = []
    for cell in standing:
        stance = cell.own if own else cell.stand
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
