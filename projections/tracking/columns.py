"""Which row does a claim have on the board, as a view keeps it? It is made of counters, without a look at any cell."""

from __future__ import annotations

from itertools import compress
from typing import Any, Final

from .cells import (
    AGAINST,
    ASSESSMENTS,
    COUNTING,
    DENIALS,
    FLAGGED,
    FOR,
    PARTIES,
    REVISED,
    STATEMENTS,
    STAYS,
    TAKEN_BACK,
)
from .rows import COUNTS, FLAG_BITS, FOREVER, OPEN, STATUSES
from .standing import (
    KINDLESS,
    OPPOSITION,
    OPPOSITION_NAMED,
    OPPOSITION_OWN,
    SUPPORT,
    SUPPORT_NAMED,
    SUPPORT_NAMED_OWN,
    SUPPORT_OWN,
    SUPPORT_UNTRACED,
    Claim,
    Sources,
)
from .tied import provable_of

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


def columns_of(claim: Claim, claim_no: int, position: int, sources: Sources) -> tuple[Any, ...]:
    """The `Columns` of a registered claim from a position on, as a plain tuple: more are made than of anything else."""
    totals, counts = claim.totals, claim.counts
    possible, opposing = totals[SUPPORT], totals[OPPOSITION]
    flags = sum(compress(_BY_NUMBER, counts[FLAGGED:]))
    support = opposition = own = 0
    if possible:
        support, floor = provable_of(claim, sources, 1) if possible > 1 else (1, False)
        own = support
        few = totals[SUPPORT_OWN] != possible or totals[SUPPORT_NAMED_OWN] != totals[SUPPORT_NAMED]
        if few or (claim.tied and claim.arrived):  # by whose own words alone, they may be tied otherwise, or come later
            own = provable_of(claim, sources, 1, own=True)[0]
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
        opposition, floor = provable_of(claim, sources, -1) if opposing > 1 else (1, False)
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
