"""How many of a claim's roots are known to be distinct? Only those that something ties to others are looked at.

What they come to is kept with the claim until one of them changes (rule 5 of `status/1`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Final, NamedTuple

from msgspec.structs import replace

from ..distinct import EXACT, provable
from ..roots import Root
from .desk import DECLARED, DECLARED_NAMED, SEARCHED
from .standing import (
    OPPOSITION,
    OPPOSITION_NAMED,
    OPPOSITION_OWN,
    SUPPORT,
    SUPPORT_NAMED,
    SUPPORT_NAMED_OWN,
    SUPPORT_OWN,
    Claim,
    Searched,
    Sources,
    classes_of,
    firsts_of,
    is_named,
)

_DECLARED: Final = (DECLARED, DECLARED_NAMED)
_KEPT: Final = 64
"""So many searches are remembered at a time: a record asks the same of all that it reaches, and the next is another."""


def provable_of(claim: Claim, sources: Sources, side: int, *, own: bool = False) -> tuple[int, bool]:
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
                found = _remembered(_search, sorted(tied, key=attrgetter("root")), sources)
            elif named - sum(of.named for of in tied) > EXACT:
                found = _remembered(_search_many, sorted(tied, key=attrgetter("first", "root")), sources)
            else:
                return provable(_roots(claim, sources, side, own), sources.desk.lines)
        claim.searched[side, own] = found
    return max(named - found.named + found.distinct, found.largest, 1), found.floor


def _count_bodies(claim: Claim, side: int, own: bool) -> Searched | None:
    """What the tied roots of a side come to where each is tied by one body alone; None where there is more to it."""
    place, sums = _place(side, own), claim.sums
    named, bodies = 0, set()
    for root, (_, named_all, tie, _, named_own, tie_own, _) in claim.tied.items():
        if sums[root] >> place & 1:
            if tie in SEARCHED or tie_own in SEARCHED:
                return None
            body = tie_own if own else tie
            if body is not None and (named_own if own else named_all):
                named += 1
                bodies.add(body)
    return Searched(named, len(bodies), 0, False)


class _Root(NamedTuple):
    """A root of a side that something ties to others, and what does."""

    root: str
    classes: tuple[str, ...]
    named: bool
    tie: str
    first: int


def _tied_on(claim: Claim, side: int, own: bool) -> list[_Root]:
    found: list[_Root] = []
    place, sums = _place(side, own), claim.sums
    for root, of in claim.tied.items():
        classes, named, tie = of[3:6] if own else of[:3]
        if tie is not None and sums[root] >> place & 1:
            found.append(_Root(root, classes, named, tie, of.firsts[place]))
    return found


def _remembered(search: Callable[[list[_Root], Sources], Searched], tied: list[_Root], sources: Sources) -> Searched:
    """What a search finds, or found: the same roots may be carried to thousands of claims."""
    known, key = sources.desk.searches, tuple(of[:-1] for of in tied)
    found = known.get((search, key))
    if found is None:
        if len(known) >= _KEPT:
            known.clear()
        found = known[search, key] = search(tied, sources)
    return found


def _search(tied: list[_Root], sources: Sources) -> Searched:
    roots = [(_plain_root(of.root, of.classes, of.named), of.tie) for of in tied]
    named = [root for root, _ in roots if root.named]
    ties = {tie for root, tie in roots if root.named}
    # Each body counts once, by itself or by one of its own, unless there is more to the ties of any.
    distinct, floor = provable(named, sources.desk.lines) if not ties.isdisjoint(SEARCHED) else (len(ties), False)
    largest = 0
    if any(tie == DECLARED for _, tie in roots):
        declared = [root for root, tie in roots if tie in _DECLARED]
        largest, more = provable(declared, sources.desk.lines)
        floor = floor or more
    return Searched(len(named), distinct, largest, floor)


def _search_many(tied: list[_Root], sources: Sources) -> Searched:
    """As `_search`, of so many declared roots, in their order, that it matters, beside more named ones than are exact.

    Those are all in the set that is taken, whichever they are and in whatever order: a few stand for them.
    """
    others = [_plain_root(f"@{place}", (f"@{place}",), True) for place in range(EXACT + 1)]
    roots = [_plain_root(of.root, of.classes, of.named) for of in tied]
    distinct, floor = provable([*others, *roots], sources.desk.lines)
    return Searched(sum(of.named for of in tied), distinct - len(others), 0, floor, len(others))


def _place(side: int, own: bool) -> int:
    return (SUPPORT_OWN if own else SUPPORT) if side == 1 else OPPOSITION_OWN if own else OPPOSITION


def _roots(claim: Claim, sources: Sources, side: int, own: bool) -> list[Root]:
    """The roots that are on a side, those that nothing ties too, in the order of their first acts there."""
    place = _place(side, own)
    found = [_as_root(claim, root, sources, place, own) for root, bits in claim.sums.items() if bits >> place & 1]
    return sorted(found, key=lambda root: (root.first, root.root))


def _as_root(claim: Claim, root: str, sources: Sources, place: int, own: bool) -> Root:
    standing = [cell for cell in claim.by_root[root] if (cell.own if own else cell.own or cell.inferred) is not None]
    classes = classes_of(standing)
    named = is_named(sources.kind(claim, classes), standing)
    return replace(_plain_root(root, classes, named), first=firsts_of(standing)[place])


def _plain_root(root: str, classes: Iterable[str], named: bool) -> Root:
    return Root(root=root, classes=tuple(classes), name=root, kind=None, named=named, registered=False, stands=())
