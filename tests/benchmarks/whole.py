"""Which ledger do the figures of a run share, and what does it cost to import it?

It is synthetic, and has in it a claim to ask about: ten acts by the busiest speakers, through the busiest carriers, and
two related claims with two acts each. It is written as an export would be, and imported once by a process of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import cycle, islice
from pathlib import Path
from random import Random
from statistics import median
from typing import NamedTuple

from floors import BareWriter, batches, envelope
from measure import Bar, Figure, Measured, Setting, Watch, figures
from msgspec.structs import replace
from processes import CLAIMS, Ran, idle, ran_python

from ledger import Entry, Ledger, names, records, when
from ledger import events as ev
from ledger.records import ACTS
from ledger.synthetic import synthetic

CLAIM = "the-claim-asked-about"
RELATED = (("a-narrower-claim", "entails"), ("its-negation", "negates"))
BATCH = 1_000
LATELY = 5_000


class Imported(NamedTuple):
    """The ledger that a run's figures share, and what its imports took."""

    path: Path
    ran: list[Ran]


@figures(
    Figure("import", "events/s", Bar(">=", 0.5), "bare apsw + msgspec encoding, writing the same rows"),
    Figure("import_peak_mb", "MB", Bar("<=", 150, "MB"), "python -c 'import ledger.store.sqlite'"),
)
def importing(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """`claims import` of NDJSON into a new ledger, the whole process."""
    made = imported(setting)
    seconds = median(one.seconds for one in made.ran)
    yield "import", Measured(setting.events / seconds, setting.events / _written_barely(setting, made.path))
    yield "import_peak_mb", Measured(max(one.peak_mb for one in made.ran), idle(setting).peak_mb)


@cache
def imported(setting: Setting) -> Imported:
    """The ledger that the figures of a run share."""
    exported, taken = setting.path("whole.ndjson"), []
    with exported.open("wb") as file:
        file.writelines(_exported(_content(setting.events)))
    for _ in range(setting.rounds):
        path = setting.path("whole.db")
        taken.append(ran_python(setting, CLAIMS, "--db", str(path), "import", str(exported)))
    exported.unlink()
    return Imported(path, taken)


def said_again(ledger: Ledger) -> Iterator[ev.Act]:
    """What was said lately, said by others now: acts without end, on claims and by sources that are there."""
    lately = [
        record.event
        for record in ledger.events(after=max(0, ledger.head - LATELY))
        if isinstance(record.event, ACTS) and record.event.claims and CLAIM not in record.event.claims
    ]
    others = Random(0).sample(lately, len(lately) - 1)
    for act, other in zip(cycle(lately), cycle(others), strict=False):
        yield replace(act, chain=other.chain, in_reply_to=None)


def _exported(content: Iterator[tuple[Entry, int]]) -> Iterator[bytes]:
    """The lines that `claims export` writes."""
    for entry, at in content:
        assert entry.id and entry.recorded_by
        before, after = records.envelope(entry.id, entry.recorded_by, records.encode_event(entry.event))
        yield b"%b%b%b\n" % (before, when.stamp(at).encode(), after)


def _content(events: int) -> Iterator[tuple[Entry, int]]:
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
    acts = [entry.event for entry, _ in islice(synthetic(events), 20_000) if isinstance(entry.event, ACTS)]
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


def _written_barely(setting: Setting, path: Path) -> float:
    """How long a bare driver takes that encodes and writes what an import wrote."""
    other = setting.path("bare.db")
    Ledger.open(other).close()
    writer, watch = BareWriter(other), Watch()
    for rows in batches(path, BATCH):
        envelopes = [envelope(row[5]) for row in rows.events]
        with watch.lap():
            writer.commit_encoding(rows, envelopes)
    writer.close()
    setting.remove(other)
    return watch.total
