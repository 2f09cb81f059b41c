"""What changed between two cuts? Two answers about one claim, held against each other."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from ledger import when
from ledger.errors import UsageError
from ledger.fold import AsOf

from .status import AssessmentAnswer, IntervalAnswer, SideAnswer, Status

name: Final = "diff"
version: Final = 1


class At(Struct, frozen=True):
    """Where the claim stood at one of the cuts."""

    as_of: AsOf
    said_by: str | None
    text: str
    status: str
    own_words: str
    support: IntervalAnswer
    opposition: IntervalAnswer


class Moved(Struct, frozen=True):
    """A root that stands on a side at one cut and not at the other, or by other acts."""

    side: str
    root: str
    name: str
    before: list[str]
    after: list[str]


class Diff(Struct, frozen=True):
    """What changed about a claim from one cut to another."""

    claim: str
    before: At
    after: At
    changed: list[str]
    """What of status, own_words, text, support and opposition differs."""
    roots: list[Moved]
    assessments_in: list[AssessmentAnswer]
    assessments_out: list[AssessmentAnswer]
    flags_raised: list[str]
    flags_dropped: list[str]
    rules: str


def between(before: Status, after: Status) -> Diff:
    """The difference from one answer to another about the same claim."""
    one, other = _at(before), _at(after)
    was = {weighed.act: weighed for weighed in before.assessments}
    now = {weighed.act: weighed for weighed in after.assessments}
    return Diff(
        claim=after.claim,
        before=one,
        after=other,
        changed=[
            what
            for what in ("status", "own_words", "text", "support", "opposition")
            if getattr(one, what) != getattr(other, what)
        ],
        roots=[
            *_moved("support", before.support, after.support),
            *_moved("opposition", before.opposition, after.opposition),
        ],
        assessments_in=[weighed for act, weighed in now.items() if was.get(act) != weighed],
        assessments_out=[weighed for act, weighed in was.items() if now.get(act) != weighed],
        flags_raised=sorted(set(after.flags) - set(before.flags)),
        flags_dropped=sorted(set(before.flags) - set(after.flags)),
        rules=after.rules,
    )


def check_moment(name: str, cut: str, recorded: str) -> None:
    """Raises UsageError where a cut of the axis `said` is no moment; `recorded` is how the other axis is asked for."""
    try:
        when.cut(cut)
    except ValueError as error:
        raise UsageError(f"{name}: {error}; the two are moments of the world; {recorded} compares positions") from None


def _at(status: Status) -> At:
    return At(
        as_of=status.as_of,
        said_by=status.said_by,
        text=status.text,
        status=status.status,
        own_words=status.own_words,
        support=IntervalAnswer(status.support.provable, status.support.possible),
        opposition=IntervalAnswer(status.opposition.provable, status.opposition.possible),
    )


def _moved(side: str, before: SideAnswer, after: SideAnswer) -> list[Moved]:
    was = {root.root: root for root in before.roots}
    now = {root.root: root for root in after.roots}
    moved = []
    for root in dict.fromkeys((*was, *now)):
        acts_before = was[root].acts if root in was else []
        acts_after = now[root].acts if root in now else []
        if acts_before != acts_after:
            moved.append(Moved(side, root, (now.get(root) or was[root]).name, acts_before, acts_after))
    return moved
