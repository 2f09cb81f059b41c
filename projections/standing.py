"""What do the cells of a claim come to? Its roots, the interval of each side, and its row on the board.

Counters are kept up, so that a row is made without looking at its cells; only roots that something may tie to others
are searched, and only when one of them has changed (rules 3, 5 and 6 of `status/1`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple, Protocol, TypeVar

from msgspec.structs import replace

from ledger import events as ev
from ledger import when
from ledger.lines import Lines

from .board import ActCounts, Row
from .cells import (
    AGAINST,
    ASSESSMENTS,
    ATTRIBUTED,
    CONFLICTS,
    COUNTING,
    DECLINED,
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
    add_up,
)
from .distinct import EXACT, provable
from .register import SourceInfo
from .roots import Root
from .status import IntervalAnswer

_K = TypeVar("_K")
_T = TypeVar("_T")


class Desk(Protocol):
    """What a claim must know of sources."""

    lines: Lines
    independent: set[str]
    """The classes that are declared independent of another."""
    tied: set[str]
    """The classes that something may tie to another, or that are declared independent of one."""

    def kind(self, claim: Claim, classes: Iterable[str]) -> str | None:
        """The kind of a root made of these classes, there."""

    def registered(self, source_class: str) -> list[SourceInfo]:
        """What is registered of the sources of a class."""


class RootSum(NamedTuple):
    """What one root adds to its claim; each 0 or 1."""

    support: int = 0
    support_own: int = 0
    opposition: int = 0
    opposition_own: int = 0
    support_named: int = 0
    support_named_own: int = 0
    opposition_named: int = 0
    support_untraced: int = 0
    kindless: int = 0
    unregistered: int = 0
    repeated: int = 0
    divided: int = 0
    framed: int = 0


_NO_ROOT: Final = RootSum()


class Tied(NamedTuple):
    """A root that more is to be known of than its sum, in own words and in all."""

    classes: tuple[str, ...]
    named: bool
    classes_own: tuple[str, ...]
    named_own: bool


class Searched(NamedTuple):
    """What a search for distinct roots found, and among which."""

    among: list[tuple[str, Tied]]
    named: int
    """How many of those that are named."""
    largest_named: int
    largest: int
    floor: bool


class Claim:
    """A claim and its cells, with the counters that its row is made of."""

    __slots__ = (
        "arrived", "by_root", "cells", "changed", "entries", "kind", "name", "numbers", "on", "perhaps", "retold",
        "searched", "sums", "texts", "tied", "told", "totals",
    )  # fmt: skip

    def __init__(self, name: str) -> None:
        self.name = name
        self.kind: str | None = None
        """None where the claim is not registered."""
        self.texts: list[tuple[int, str]] = []
        self.entries: dict[int, ev.ClaimRegistered | ev.ClaimReworded] = {}
        self.changed = (0, 0)
        """Position and time of the last record that names the claim, or is about what does."""
        self.on: dict[str, list[int]] = {}
        """Positions of the acts that are on it, or once were, by speaker; in order."""
        self.perhaps: dict[str, list[int]] = {}
        """Positions of the denials that perhaps mean it, by speaker."""
        self.told: dict[str, int] = {}
        """Of what kind a source was last told to be by an act on this claim: position, nearness, kind, as one int."""
        self.retold: dict[int, dict[str, int]] = {}
        """The same of the acts that are not as they came in, act by act."""
        self.arrived: dict[str, dict[str, tuple[int, Light]]] = {}
        """What entails carries here, by speaker and by the claim it comes from: sides as bits, and the act."""
        self.cells: dict[str, Cell] = {}
        self.numbers = [0] * NUMBERS
        self.by_root: dict[str, list[str]] = {}
        self.sums: dict[str, RootSum] = {}
        self.totals = [0] * len(_NO_ROOT)
        self.tied: dict[str, Tied] = {}
        """The roots that something may tie to another, or that are declared independent of one."""
        self.searched: dict[tuple[int, bool], Searched] = {}
        """How many of the tied roots of a side were found to be distinct."""


def sum_root(claim: Claim, root: str, desk: Desk) -> bool:
    """Adds a root up anew (rules 3 and 5); tells whether that changed anything."""
    speakers = claim.by_root.get(root)
    if speakers is not None and not speakers:
        del claim.by_root[root]
    before = claim.sums.pop(root, _NO_ROOT)
    after = _NO_ROOT
    tied = None
    cells = [claim.cells[speaker] for speaker in speakers or ()]
    standing = [cell for cell in cells if cell.own is not None or cell.inferred is not None]
    if standing:
        own = [cell for cell in standing if cell.own is not None]
        classes = _classes(standing)
        kind = desk.kind(claim, classes)
        named = _is_named(kind, standing)
        if len(own) == len(standing):
            classes_own, named_own = classes, named
        else:
            classes_own = _classes(own)
            named_own = _is_named(desk.kind(claim, classes_own), own)
        registered = any(desk.registered(name) for name in classes)
        after = claim.sums[root] = _root_sum(cells, standing, kind, named, named_own, registered)
        if not desk.tied.isdisjoint(classes):
            tied = Tied(classes, named, classes_own, named_own)
    changed = before != after
    if tied is not None or root in claim.tied:
        changed = changed or claim.tied.get(root) != tied
        put(claim.tied, root, tied)
    if before != after:
        add_up(claim.totals, before, after)
    return changed


def _classes(cells: list[Cell]) -> tuple[str, ...]:
    return cells[0].circle if len(cells) == 1 else tuple(sorted({name for cell in cells for name in cell.circle}))


def _is_named(kind: str | None, standing: list[Cell]) -> bool:
    if kind is None or kind == "outlet":
        return any(cell.named for cell in standing)
    return kind in ev.NAMED


def _root_sum(
    cells: list[Cell], standing: list[Cell], kind: str | None, named: bool, named_own: bool, registered: bool
) -> RootSum:
    support = opposition = support_own = opposition_own = framed = False
    for cell in standing:
        stance = cell.stand
        assert stance is not None
        if stance.side == 1:
            support = True
            support_own = support_own or cell.own is not None
        else:
            opposition = True
            opposition_own = opposition_own or cell.own is not None
            framed = framed or stance.act.framed
    repeated = False
    if len(cells) > 1 or max(cells[0].committed) > 1:
        for_, against = (sum(cell.committed[place] for cell in cells) for place in (0, 1))
        repeated = (support and for_ > 1) or (opposition and against > 1)
    return RootSum(
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


def row_of(claim: Claim, desk: Desk) -> Row:
    """The row of a registered claim on the board."""
    totals, numbers = RootSum(*claim.totals), claim.numbers
    support, support_floor = _provable(claim, desk, 1)
    opposition, opposition_floor = _provable(claim, desk, -1)
    own = support if totals.support_own == totals.support else _provable(claim, desk, 1, own=True)[0]
    if totals.support_own and totals.support_named_own != totals.support_named:
        own = _provable(claim, desk, 1, own=True)[0]
    status = _primary(claim, totals.support, totals.opposition, own)
    own_words = _primary(claim, totals.support_own, totals.opposition_own, own)
    against = numbers[FOR] if status == "denied" else numbers[AGAINST]
    raised = {
        "unnamed-only": totals.support and not totals.support_named,
        "untraced-only": totals.support and totals.support_untraced == totals.support,
        "denial-unnamed-only": totals.opposition and not totals.opposition_named,
        "kind-unstated": totals.kindless,
        "source-unregistered": totals.unregistered,
        "independence-unproven": support < totals.support or opposition < totals.opposition,
        "provable-floor": support_floor or opposition_floor,
        "repeated": totals.repeated,
        "divided": totals.divided,
        "support-inferred": totals.support and not totals.support_own,
        "denial-inferred": totals.opposition and not totals.opposition_own,
        "denial-framed": totals.framed,
        "reversal": numbers[REVERSALS],
        "order-uncertain": numbers[UNSURE],
        "retracted": numbers[RETRACTED],
        "attribution-denied": numbers[ATTRIBUTED],
        "partly-denied": numbers[PARTLY],
        "declined": numbers[DECLINED],
        "relation-conflict": numbers[CONFLICTS],
        "possibly-denied": numbers[POSSIBLY],
        "assessments-diverge": numbers[FOR] and numbers[AGAINST],
        "party-assessed": numbers[COUNTING] and numbers[PARTIES] == numbers[COUNTING],
        "assessed-against": against and (totals.support or status == "denied"),
        "assessment-revised": numbers[REVISED],
        "reworded": numbers[REWORDED],
        "time-uncertain": numbers[MARKED],
        "time-uncertain-inferred": numbers[MARKED_INFERRED],
    }
    return Row(
        claim=claim.name,
        text=claim.texts[-1][1],
        status=status,
        own_words=own_words,
        flags=sorted(flag for flag, is_raised in raised.items() if is_raised),
        support=IntervalAnswer(support, totals.support),
        opposition=IntervalAnswer(opposition, totals.opposition),
        acts=ActCounts(*numbers[STATEMENTS : ASSESSMENTS + 1]),
        changed_at=when.stamp(claim.changed[1]),
    )


def _primary(claim: Claim, support: int, opposition: int, provable_own: int) -> str:
    numbers = claim.numbers
    if (support and opposition) or (not support and not opposition and numbers[FOR] and numbers[AGAINST]):
        return "disputed"
    if support:
        corroborated = provable_own >= 2 and claim.kind == "factual" and not numbers[AGAINST]
        return "corroborated" if corroborated else "asserted"
    if opposition:
        return "denied"
    if numbers[COUNTING]:
        return "assessed"
    return "withdrawn" if numbers[TAKEN_BACK] and not numbers[STAYS] else "raised"


def _provable(claim: Claim, desk: Desk, side: int, *, own: bool = False) -> tuple[int, bool]:
    """How many roots of a side are known to be distinct. Roots that nothing ties need no search."""
    totals = RootSum(*claim.totals)
    if side == 1:
        possible, named = (
            (totals.support_own, totals.support_named_own) if own else (totals.support, totals.support_named)
        )
    else:
        possible, named = totals.opposition, totals.opposition_named
    if possible <= 1:
        return possible, False
    tied = [(root, of) for root, of in claim.tied.items() if _is_on(claim.sums[root], side, own)]
    if len(tied) < 2:
        return max(named, 1), False
    known = claim.searched.get((side, own))
    if known is None or known.among != tied:
        known = claim.searched[side, own] = _search(tied, desk, own)
    declared = sum(1 for _, of in tied if any(name in desk.independent for name in of.classes))
    if declared > EXACT:  # whose order then matters
        roots = [_as_root(claim, root, desk, side, own) for root, of in claim.sums.items() if _is_on(of, side, own)]
        return provable(sorted(roots, key=lambda root: (root.first, root.root)), desk.lines)
    return max(named - known.named + known.largest_named, known.largest), known.floor


def _search(tied: list[tuple[str, Tied]], desk: Desk, own: bool) -> Searched:
    roots = [
        _plain_root(root, of.classes_own if own else of.classes, of.named_own if own else of.named) for root, of in tied
    ]
    named = [root for root in roots if root.named]
    largest_named, floor = provable(named, desk.lines)
    largest = largest_named
    if any(name in desk.independent for root in roots for name in root.classes):
        largest, more = provable(roots, desk.lines)
        floor = floor or more
    return Searched(tied, len(named), largest_named, max(largest, 1), floor)


def _is_on(of: RootSum, side: int, own: bool) -> bool:
    if side == 1:
        return bool(of.support_own if own else of.support)
    return bool(of.opposition_own if own else of.opposition)


def _as_root(claim: Claim, root: str, desk: Desk, side: int, own: bool) -> Root:
    cells = [claim.cells[speaker] for speaker in claim.by_root[root]]
    standing = [cell for cell in cells if (cell.own if own else cell.stand) is not None]
    first = []
    for cell in standing:
        stance = cell.own if own else cell.stand
        if stance is not None and stance.side == side:
            first.append(min(filter(None, (stance.act.position, cell.first[0 if side == 1 else 1]))))
    classes = _classes(standing)
    named = _is_named(desk.kind(claim, classes), standing)
    return replace(_plain_root(root, classes, named), first=min(first))


def _plain_root(root: str, classes: tuple[str, ...], named: bool) -> Root:
    return Root(root=root, classes=classes, name=root, kind=None, named=named, registered=False, stands=())


def put(held: dict[_K, _T], key: _K, value: _T | None) -> None:
    """Holds a value under a key, or nothing where there is none."""
    if value is None:
        held.pop(key, None)
    else:
        held[key] = value
