"""What should a reader know beside the status? One flag each, and when it is raised.

Flags never change a status. Each stands in `FLAGS` with the sentence that explains it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ledger import events as ev

from .doubt import Doubt
from .judgement import Judgement, Side
from .world import DENIED, Act

FLAGS: Final = {
    "unnamed-only": "no supporting root is a named person, office, organisation or state",
    "untraced-only": "all supporting roots are untraced: nobody can say whose words these are",
    "denial-unnamed-only": "no opposing root is a named person, office, organisation or state",
    "kind-unstated": "what kind of source a counted root is, is told nowhere",
    "source-unregistered": "a counted root was never registered",
    "independence-unproven": "some of the roots of a side may be one and the same",
    "provable-floor": "too many roots of a side are tied for an exact count; at least so many are distinct",
    "repeated": "a root said the same more than once; it counts once",
    "reversal": "a speaker that stands on one side stood on the other before",
    "divided": "speakers of one root stand on both sides",
    "order-uncertain": "opposite acts of one speaker may have come in either order",
    "retracted": "an act on this claim was taken back",
    "attribution-denied": "somebody denies having said what an act on this claim has them say",
    "partly-denied": "a part of the claim was denied",
    "declined": "somebody declined to confirm or deny",
    "possibly-denied": "a denial may have meant this claim, too",
    "denial-framed": "that it is this claim that was denied is the carrier's framing, or ambiguous",
    "support-inferred": "all support comes from narrower claims",
    "denial-inferred": "all opposition comes from broader claims",
    "assessments-diverge": "counting assessments point both ways",
    "assessment-revised": "somebody assessed it the other way before",
    "party-assessed": "all counting assessments are by parties",
    "assessed-against": "a counting assessment points against where the claim stands",
    "reworded": "the claim's text was changed after an act that decides or an assessment that counts",
    "time-uncertain": "when something was said is uncertain, and matters",
    "time-uncertain-inferred": "when something was said on a related claim is uncertain, and matters",
    "relation-conflict": "an act reaches this claim with both signs and counts for neither",
}


def flags(judgement: Judgement, doubt: Doubt) -> Iterator[str]:
    """The flags of a claim; `doubt` knows at least the utterances that bear on it, said by the cut or not."""
    yield from _of_roots(judgement)
    yield from _of_speakers(judgement)
    yield from _of_acts(judgement)
    yield from _of_assessments(judgement)
    yield from _of_times(judgement, doubt)


def _of_roots(judgement: Judgement) -> Iterator[str]:
    support, opposition = judgement.support, judgement.opposition
    sides = (support, opposition)
    counted = [root for side in sides for root in side.roots]
    raised = {
        "unnamed-only": support.roots and not any(root.named for root in support.roots),
        "untraced-only": support.roots and all(root.kind == "untraced" for root in support.roots),
        "denial-unnamed-only": opposition.roots and not any(root.named for root in opposition.roots),
        "kind-unstated": any(root.kind is None for root in counted),
        "source-unregistered": any(not root.registered for root in counted),
        "independence-unproven": any(side.provable < side.possible for side in sides),
        "provable-floor": any(side.floor for side in sides),
        "repeated": any(_repeats(judgement, side, sign) for side, sign in zip(sides, (1, -1), strict=True)),
        "divided": not {r.root for r in support.roots}.isdisjoint(r.root for r in opposition.roots),
        "support-inferred": support.roots and not support.own,
        "denial-inferred": opposition.roots and not opposition.own,
        "denial-framed": any(
            isinstance(stand.act.event, ev.Denial) and stand.act.event.scope != "explicit"
            for root in opposition.roots
            for stand in root.stands
        ),
    }
    return (flag for flag, is_raised in raised.items() if is_raised)


def _repeats(judgement: Judgement, side: Side, sign: int) -> bool:
    times: dict[str, int] = {}
    for speaker, acts in judgement.committing.items():
        if count := sum(taken == sign for _, taken in acts):
            root = judgement.root_of(speaker)
            times[root] = times.get(root, 0) + count
    return any(times.get(root.root, 0) > 1 for root in side.roots)


def _of_speakers(judgement: Judgement) -> Iterator[str]:
    both = {speaker: acts for speaker, acts in judgement.committing.items() if len({side for _, side in acts}) > 1}
    for stand in judgement.stands:
        own = both.get(stand.speaker, ())
        if not stand.inferred and any(side == -stand.side and act.key < stand.act.key for act, side in own):
            yield "reversal"
    if any(map(_order_uncertain, both.values())):
        yield "order-uncertain"


def _order_uncertain(acts: Iterable[tuple[Act, int]]) -> bool:
    """Whether two opposite acts overlap in time: going by their beginnings, one of them is still under way."""
    under_way: dict[int, int] = {}
    for act, side in sorted(acts, key=lambda pair: pair[0].key):
        assert act.span.latest is not None
        if -side in under_way and (act.span.earliest is None or under_way[-side] >= act.span.earliest):
            return True
        under_way[side] = max(under_way.get(side, act.span.latest), act.span.latest)
    return False


def _of_acts(judgement: Judgement) -> Iterator[str]:
    members = judgement.members
    gone = {why for act in judgement.acts if act.gone for why in act.gone_on(members)}
    if gone - {DENIED}:
        yield "retracted"
    if DENIED in gone:
        yield "attribution-denied"
    kept_sign = {claim for claim, signs in members.items() if 1 in signs}
    conflict = judgement.inferred_conflict
    for act, sign in judgement.bearing:
        match act.event:
            case ev.Denial(form="partial") if not kept_sign.isdisjoint(act.live):
                yield "partly-denied"
            case ev.Denial(form="non_denial" | "no_comment" | "cannot_confirm"):
                yield "declined"
            case _:  # the other forms commit, and so does a statement
                pass
        if sign == 0 and (act.side or isinstance(act.event, ev.Assessment)):
            conflict = True
    if conflict:
        yield "relation-conflict"
    perhaps = (act for claim in kept_sign for act in judgement.world.perhaps_on.get(claim, ()))
    if any(isinstance(act.event, ev.Denial) and act.is_live for act in perhaps):
        yield "possibly-denied"


def _of_assessments(judgement: Judgement) -> Iterator[str]:
    counting = judgement.counting
    sides = {assessed.side for assessed in counting}
    if {1, -1} <= sides:
        yield "assessments-diverge"
    if counting and all(assessed.event.capacity == "party" for assessed in counting):
        yield "party-assessed"
    against = 1 if judgement.status == "denied" else -1
    if against in sides and (judgement.support.roots or judgement.status == "denied"):
        yield "assessed-against"
    final = {assessed.act.source: assessed for assessed in counting}
    for assessed in judgement.assessments:
        latest = final.get(assessed.act.source)
        if latest and assessed.side and assessed.side == -latest.side:
            yield "assessment-revised"


def _of_times(judgement: Judgement, doubt: Doubt) -> Iterator[str]:
    counted = [stand.act for stand in judgement.stands] + [assessed.act for assessed in judgement.counting]
    if any(judgement.text_then(act) is not None for act in counted):
        yield "reworded"
    for stand in judgement.stands:
        if stand.act.span.marked:
            yield "time-uncertain-inferred" if stand.inferred else "time-uncertain"
    if doubt.matters(judgement, judgement.members.keys()):
        yield "time-uncertain"
    if doubt.matters(judgement, judgement.neighbourhood - judgement.members.keys()):
        yield "time-uncertain-inferred"
