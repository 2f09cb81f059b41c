"""What does the status of one claim cost, and does it matter how large the ledger around it is?

The claim has ten acts by the busiest speakers, through the busiest carriers, and two related claims with two acts each.
The small ledger holds the very records that the large one needs for the answer, and little else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from heapq import merge
from itertools import islice
from pathlib import Path
from typing import Any

import apsw
from floors import Envelope, envelope
from measure import Bar, Figure, Measured, Setting, Watch, figures, settled
from msgspec.structs import replace

from ledger import Entry, Ledger, Record, names
from ledger import events as ev
from ledger.fold import Question
from ledger.synthetic import synthetic
from projections import status

CLAIM = "the-claim-asked-about"
RELATED = (("a-narrower-claim", "entails"), ("its-negation", "negates"))
TIMES = 1_000


@figures(
    Figure(
        "claim_status_ms", "ms", Bar("<=", 1, "ms"), "one SELECT and msgspec decode of the records it needs; median"
    ),
    Figure("claim_status_growth", "ms", Bar("<=", 1.2), "the same claim in a ledger a thousandth as large; p99"),
    Figure("claim_status_growth_p50", "ms", Bar("<=", 1.2), "the same; median"),
)
def claim_status(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """The same answer from a large ledger, from a small one, and the bare reading of the same records, in turn."""
    large, small = setting.path("large.db"), setting.path("small.db")
    _make(large, _embedded(setting.events))
    needed = _needed(large)
    _make(small, _with_filler(needed, 100 if setting.events < 1_000_000 else setting.events // 100))
    reader = _BareReader(large, [record.position for record in needed])
    watches = in_large, in_small, bare = Watch(), Watch(), Watch()
    with Ledger.open(large) as ledger, Ledger.open(small) as lesser, settled():
        _check_same(ledger, lesser)
        for _ in range(TIMES):
            with in_large.lap():
                ledger.state(status, CLAIM)
            with in_small.lap():
                lesser.state(status, CLAIM)
            with bare.lap():
                reader.read()
    for watch in watches:
        del watch.laps[: TIMES // 10]
    yield "claim_status_ms", _in_ms(in_large, bare, 50)
    yield "claim_status_growth", _in_ms(in_large, in_small, 99)
    yield "claim_status_growth_p50", _in_ms(in_large, in_small, 50)


class _BareReader:
    def __init__(self, path: Path, positions: list[int]) -> None:
        self._connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        self._positions = str(positions)

    def read(self) -> list[Envelope]:
        sql = "SELECT data FROM event WHERE position IN (SELECT value FROM json_each(?)) ORDER BY position"
        return [envelope(data) for (data,) in self._connection.execute(sql, (self._positions,)).fetchall()]


class _Recording:
    """The projection of a claim's status, which notes the records it was given."""

    wants, answer = staticmethod(status.wants), staticmethod(status.answer)

    def __init__(self) -> None:
        self.given: list[Record] = []

    def initial(self, question: Question) -> Any:
        return status.initial(question)

    def evolve(self, state: Any, record: Record) -> Any:
        self.given.append(record)
        return status.evolve(state, record)


def _embedded(events: int) -> Iterator[tuple[Entry, int]]:
    """A synthetic ledger of so many events, the claim and its acts spread over it."""
    own = _own_events(events)
    every = max(1, events // (len(own) + 1))
    stream = synthetic(events - len(own))
    for number, event in enumerate(own):
        for entry, at in islice(stream, every):
            yield entry, at
        yield Entry(event=event, id=f"own-{number}", recorded_by="desk"), at
    yield from stream


def _own_events(events: int) -> list[ev.Event]:
    acts = [entry.event for entry, _ in islice(synthetic(events), 20_000) if isinstance(entry.event, _ACTS)]
    acts = [act for act in acts if act.claims]
    busiest = Counter(names.speaker(act.chain) for act in acts).most_common(10)
    said = [next(act for act in acts if names.speaker(act.chain) == speaker) for speaker, _ in busiest]
    claims = [CLAIM, *(claim for claim, _ in RELATED)]
    own: list[ev.Event] = [ev.ClaimRegistered(claim=claim, text=f"This is {claim}.") for claim in claims]
    own += [ev.ClaimsRelated(from_=claim, to=CLAIM, relation=relation) for claim, relation in RELATED]  # type: ignore[arg-type]
    own += [_about(act, CLAIM) for act in said]
    own += [_about(said[place + 3 * end], claim) for end, (claim, _) in enumerate(RELATED) for place in range(2)]
    return own


def _about(act: ev.Act, claim: str) -> ev.Event:
    return replace(act, claims=(claim,), possible_claims=(), in_reply_to=None, said_at=None)


def _needed(path: Path) -> list[Record]:
    recording = _Recording()
    with Ledger.open(path) as ledger:
        ledger.state(recording, CLAIM)
    return sorted(recording.given, key=lambda record: record.position)


def _with_filler(needed: list[Record], size: int) -> Iterator[tuple[Entry, int]]:
    """The records that matter, among others that do not, all in the order of their times."""
    own = [(Entry(event=r.event, id=r.id, recorded_by=r.recorded_by), r.recorded_us) for r in needed]
    others = ((entry, at) for entry, at in synthetic(10 * size, seed=7) if _stands_alone(entry.event))
    filler = list(islice(others, max(0, size - len(own))))
    return merge(own, filler, key=lambda pair: pair[1])


def _stands_alone(event: ev.Event) -> bool:
    return isinstance(event, ev.ClaimRegistered) or (isinstance(event, _ACTS) and bool(event.claims))


def _make(path: Path, content: Iterator[tuple[Entry, int]]) -> None:
    with Ledger.open(path) as ledger:
        for _ in ledger.load(content):
            pass


def _check_same(ledger: Ledger, lesser: Ledger) -> None:
    answers = [replace(one.state(status, CLAIM), as_of=None) for one in (ledger, lesser)]
    if answers[0] != answers[1]:
        raise AssertionError("the claim stands differently in the two ledgers: they cannot be compared")


def _in_ms(value: Watch, floor: Watch, percent: int) -> Measured:
    return Measured(value.percentile(percent) * 1_000, floor.percentile(percent) * 1_000)


_ACTS = (ev.Statement, ev.Denial, ev.Assessment)
