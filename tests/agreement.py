"""Do the three ways to an answer agree? The view of all claims, the single read, and the oracle.

A view folds every record into rows; a single read takes the few records that a claim needs; the oracle follows the
rules sentence by sentence over plain data, and is given what the single read was given. So what one of them misses,
another has. Claims and cuts are picked at random, the same for the same seed.
"""

from __future__ import annotations

import json
from bisect import bisect
from collections.abc import Iterator
from random import Random
from typing import Any, NamedTuple, TypeAlias

import msgspec
import oracle

from ledger import Ledger, NotFound, Record
from ledger.fold import Question
from ledger.records import ACTS
from projections import board, status
from projections.board import Row
from projections.views import Views

WORLD_CUTS = 4
"""Of so many pairs of cuts the whole board is read, each for many claims: it costs a fold of all records."""
TOO_MANY = 1_500
"""The oracle, which looks at everything with everything, is not asked about a claim that takes more records."""


Boards: TypeAlias = dict[tuple[int, str], dict[str, Row]]
"""By their cuts, the rows of boards by claim."""


class Triple(NamedTuple):
    """What is asked."""

    claim: str
    as_of: int
    said_by: str | None


class Compared(NamedTuple):
    """A triple, which ways were compared, and the answers where they differ."""

    triple: Triple
    three_ways: bool
    difference: tuple[Any, ...] | None


def compared(ledger: Ledger, view: Views, number: int, seed: int = 0) -> Iterator[Compared]:
    """Triples picked at random, compared, until so many were compared in three ways."""
    boards: Boards = {}
    for triple in _triples(ledger, Random(seed)):
        found = _compare(ledger, triple, _viewed(view, triple, boards))
        yield found
        number -= found.three_ways
        if not number:
            return


def facts(answer):
    """What of a status the oracle tells too, in its form."""

    def side(side):
        roots = {r.root: {"acts": sorted(r.acts), "inferred": r.inferred, "kind": r.kind} for r in side.roots}
        assert len(roots) == side.possible
        return {"provable": side.provable, "possible": side.possible, "roots": roots}

    weighed = ("counts", "low", "high", "verdict")
    return {
        "status": answer.status,
        "own_words": answer.own_words,
        "support": side(answer.support),
        "opposition": side(answer.opposition),
        "assessments": {a.act: {field: getattr(a, field) for field in weighed} for a in answer.assessments},
        "ruling": answer.ruling.event if answer.ruling else None,
        "text": answer.text,
        "kind": answer.kind,
        "flags": answer.flags,
    }


def _compare(ledger: Ledger, triple: Triple, viewed: Row | None) -> Compared:
    """The view's row against that of a single read, this against a single status, and this against the oracle."""
    recording = Recording()
    row = next(iter(ledger.state(board.Rows([triple.claim]), as_of=triple.as_of, said_by=triple.said_by)), None)
    answer = _single(ledger, recording, triple)
    three_ways = len(recording.given) <= TOO_MANY
    pairs = [(viewed, row), (_in_common(row), _in_common(answer))]
    if three_ways:
        theirs = oracle.answer(list(recording.plain()), triple.claim, said_by=triple.said_by)
        pairs.append((answer and facts(answer), theirs))
    return Compared(triple, three_ways, next((pair for pair in pairs if pair[0] != pair[1]), None))


def _viewed(view: Views, triple: Triple, boards: Boards) -> Row | None:
    """What the view says: by a row of its own, or, where it has to know when things were said, by its whole board."""
    if triple.said_by is None:
        try:
            return view.row(triple.claim, as_of=triple.as_of)
        except NotFound:
            return None
    cuts = triple.as_of, triple.said_by
    if cuts not in boards:
        page = view.page(as_of=triple.as_of, said_by=triple.said_by, limit=None)
        boards[cuts] = {row.claim: row for row in page.rows}
    return boards[cuts].get(triple.claim)


def _single(ledger: Ledger, projection: Any, triple: Triple) -> Any:
    try:
        return ledger.state(projection, triple.claim, as_of=triple.as_of, said_by=triple.said_by)
    except NotFound:
        return None


def _in_common(answer: Any) -> list[Any] | None:
    """What a row and a status both tell."""
    if answer is None:
        return None
    sides = [(side.provable, side.possible) for side in (answer.support, answer.opposition)]
    return [answer.claim, answer.text, answer.status, answer.own_words, answer.flags, *sides]


class Recording:
    """The projection of a claim's status, which notes the records it was given, in the order of their positions."""

    wants, answer = staticmethod(status.wants), staticmethod(status.answer)

    def __init__(self) -> None:
        self.given: list[Record] = []

    def initial(self, question: Question) -> Any:
        return status.initial(question)

    def evolve(self, state: Any, record: Record) -> Any:
        self.given.append(record)
        return status.evolve(state, record)

    def plain(self) -> Iterator[Any]:
        """The records as plain data, which is all the oracle reads."""
        for record in sorted(self.given, key=lambda record: record.position):
            yield json.loads(msgspec.json.encode(record))


def _triples(ledger: Ledger, random: Random) -> Iterator[Triple]:
    """Half of them at both cuts. A quarter of the claims are such as are talked about, the others any."""
    registered = [(record.position, record.event.claim) for record in ledger.events(types=["claim_registered"])]
    both = [_cuts(ledger, random) for _ in range(WORLD_CUTS)]
    while True:
        as_of, said_by = random.choice(both) if random.random() < 0.5 else (random.randint(1, ledger.head), None)
        talked_of = _talked_of(ledger, random.randint(1, as_of)) if random.random() < 0.25 else ()
        there = bisect(registered, (as_of, ""))
        claim = random.choice(talked_of or [registered[min(random.randint(0, there), len(registered) - 1)][1]])
        yield Triple(claim, as_of, said_by)


def _cuts(ledger: Ledger, random: Random) -> tuple[int, str]:
    """A position, rather an early one, since all up to it is folded, and a day in the later half of what it holds."""
    as_of = int(ledger.head ** random.uniform(0.75, 1))
    said_by = next(ledger.events(after=random.randint(as_of // 2, as_of) - 1)).recorded_at
    return as_of, said_by.date().isoformat()


def _talked_of(ledger: Ledger, position: int) -> tuple[str, ...]:
    event = next(ledger.events(after=position - 1)).event
    return event.claims if isinstance(event, ACTS) else ()
