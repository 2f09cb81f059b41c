"""Where do all claims stand? One row a claim, by claim id, under the same rules as a single claim's status.

It folds every record, settles once what was said of all claims, and then judges claim by claim.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from ledger import events as ev
from ledger import when
from ledger.fold import AsOf, Served
from ledger.records import Record, targets

from . import dossier as _dossier
from .dossier import Dossier
from .doubt import Doubt
from .flags import flags
from .judgement import Judgement
from .stands import Stands
from .status import RULES, IntervalAnswer, interval, judge
from .world import World

name: Final = "board"
version: Final = 1


class ActCounts(Struct, frozen=True):
    """How many live acts name the claim."""

    statement: int
    denial: int
    assessment: int


class Row(Struct, frozen=True):
    """A claim on the board."""

    claim: str
    text: str
    status: str
    own_words: str
    flags: list[str]
    support: IntervalAnswer
    opposition: IntervalAnswer
    acts: ActCounts
    changed_at: str
    """When the ledger last recorded anything that names the claim, or is about what does."""


class Board(Struct, frozen=True):
    """All claims at both cuts."""

    as_of: AsOf
    said_by: str | None
    rules: str
    claims: list[Row]


served: Final = Served("claims", Board, rows="claims")
initial = _dossier.initial
evolve = _dossier.evolve


def answer(dossier: Dossier) -> Board:
    """A row for every claim registered at the cut."""
    question = dossier.question
    register = dossier.settle()
    stands = Stands(register, World(register, register.utterances, question.said_by))
    doubt = Doubt(register.utterances, question.said_by)
    changed = _last_changes(dossier.clerk.by_id.values())
    rows = [_row(Judgement(stands, info), doubt, changed[claim]) for claim, info in sorted(register.claims.items())]
    return Board(as_of=question.as_of, said_by=question.said_by_text, rules=RULES, claims=rows)


class OneRow:
    """A projection: the row of the claim asked about, from the records that bear on it alone."""

    initial = staticmethod(_dossier.initial)
    evolve = staticmethod(_dossier.evolve)
    wants = staticmethod(_dossier.wants)

    @staticmethod
    def answer(dossier: Dossier) -> Row:
        """The row. Raises NotFound where the claim is not registered at the cut."""
        register, question = dossier.settle(), dossier.question
        judgement = judge(register, register.utterances, question)
        changed = _last_changes(dossier.clerk.by_id.values())
        return _row(judgement, Doubt(register.utterances, question.said_by), changed[judgement.claim])


def _row(judgement: Judgement, doubt: Doubt, changed_us: int) -> Row:
    claim = judgement.claim
    counts = {"statement": 0, "denial": 0, "assessment": 0}
    for act in judgement.acts:
        if claim in act.live:
            counts[ev.tag_of(act.event)] += 1
    return Row(
        claim=claim,
        text=judgement.info.text,
        status=judgement.status,
        own_words=judgement.own_words,
        flags=sorted(set(flags(judgement, doubt))),
        support=interval(judgement.support),
        opposition=interval(judgement.opposition),
        acts=ActCounts(**counts),
        changed_at=when.stamp(changed_us),
    )


def _last_changes(records: Iterable[Record]) -> dict[str, int]:
    """When each claim last had a record, in microseconds since 1970-01-01T00:00:00Z."""
    last: dict[str, int] = {}
    names: dict[str, set[str]] = {}
    for record in sorted(records, key=lambda record: record.position):
        claims = set(named_by(record.event))
        for target in targets(record.event):
            claims |= names.get(target, set())
        names[record.id] = claims
        last.update(dict.fromkeys(claims, record.recorded_us))
    return last


def named_by(event: ev.Event) -> tuple[str, ...]:
    """The claims an event names itself, not through what it is about."""
    match event:
        case ev.Statement() | ev.Denial() | ev.Assessment():
            return (*event.claims, *event.possible_claims)
        case ev.EvidenceAttached():
            return event.claims
        case ev.ClaimRegistered() | ev.ClaimReworded() | ev.RulingRecorded():
            return (event.claim,)
        case ev.ClaimsRelated():
            return (event.from_, event.to)
        case ev.RecordAmended() | ev.Correction():
            moved = event.changes.get("claims")
            return tuple(claim for claim in moved if isinstance(claim, str)) if isinstance(moved, list) else ()
        case _:  # named through its target, or about sources
            return ()
