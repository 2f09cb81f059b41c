"""Where do all claims stand? One row a claim, by claim id, under the same rules as a single claim's status.

It folds every record, settles once what was said of all claims, and then judges claim by claim.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from operator import attrgetter
from typing import Final

from msgspec import Struct

from ledger import events as ev
from ledger import when
from ledger.fold import AsOf, Question, Served
from ledger.records import Record

from . import dossier as _dossier
from .dossier import Dossier
from .doubt import Doubt
from .flags import flags
from .judgement import Judgement
from .named import Naming
from .register import Register
from .stands import Stands
from .status import RULES, IntervalAnswer, interval
from .world import World

name: Final = "board"
version: Final = 2


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
    """When the ledger last recorded anything that names the claim, or is about what does: the last that `claims log
    CLAIM` shows."""


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
    question, register = dossier.question, dossier.settle()
    every = list(rows(dossier, register, register.claims))
    return Board(as_of=question.as_of, said_by=question.said_by_text, rules=RULES, claims=every)


class Rows:
    """A projection: the rows of some claims, of those that are registered, from the records that bear on them alone."""

    evolve = staticmethod(_dossier.evolve)
    wants = staticmethod(_dossier.wants)

    def __init__(self, claims: Collection[str]) -> None:
        self._claims = claims

    def initial(self, question: Question) -> Dossier:
        """An empty dossier."""
        return Dossier(question, claims=self._claims)

    def answer(self, dossier: Dossier) -> list[Row]:
        """The rows, by claim."""
        register = dossier.settle()
        return list(rows(dossier, register, register.claims.keys() & self._claims))


def rows(dossier: Dossier, register: Register, claims: Iterable[str]) -> Iterator[Row]:
    """The rows of claims that are registered, by what was read of them; in order."""
    said_by = dossier.question.said_by
    stands = Stands(register, World(register, register.utterances, said_by))
    doubt = Doubt(register.utterances, said_by)
    changed = _last_changes(dossier.clerk.by_id)
    for claim in sorted(claims):
        yield _row(Judgement(stands, register.claims[claim]), doubt, changed[claim])


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


def _last_changes(by_id: dict[str, Record]) -> dict[str, int]:
    """When each claim last had a record, in microseconds since 1970-01-01T00:00:00Z."""
    last: dict[str, int] = {}
    naming = Naming(by_id.get)
    for record in sorted(by_id.values(), key=attrgetter("position")):
        last.update(dict.fromkeys(naming.take(record), record.recorded_us))
    return last
