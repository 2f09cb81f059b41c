"""Where can one look back to? The moments of a claim, on either clock, each with the address that shows it.

On the clock of the ledger every record that names the claim is a stop, and so is every other that changed where it
stands; on the clock of the world, every moment by which something more had been said.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from ledger import Ledger, when
from projections import timeline, words
from projections.timeline import History, Step

from . import urls
from .urls import Cuts

Clock: TypeAlias = Literal["said", "recorded"]
CLOCKS: Final[dict[Clock, str]] = {
    "said": "what had been said by then, as known today",
    "recorded": "what this ledger knew then",
}
MOST: Final = 200
"""So many stops there are at most, the latest."""
_END_OF_DAY: Final = "T23:59:59.999999Z"


class Stop(Struct, frozen=True):
    """A moment one can look back to."""

    url: str
    cut: str
    label: str
    step: Step | None
    """What changed then; None where something came in and nothing changed."""
    headline: str


class Stops(Struct, frozen=True):
    """All of a clock, oldest first; the last is now."""

    clock: Clock
    stops: list[Stop]
    here: int | None
    """Which of them is looked at; None where the cut is before the first."""
    truncated: bool


def said(claim: str, history: History, cuts: Cuts, said_by: int | None) -> Stops:
    """The stops on the clock of the world; `said_by` is the cut, in microseconds since 1970-01-01T00:00:00Z."""
    moments = sorted({*(step.at for step in history.steps), *(act.latest for act in history.acts)})
    places = [(when.instant(at), _day(at), _day(at)) for at in moments[-MOST:]]
    steps = [(when.instant(step.at), step) for step in history.steps]
    here = None if said_by is None else said_by
    return _stops("said", claim, places, steps, cuts, here, history.truncated or len(moments) > MOST)


def recorded(ledger: Ledger, claim: str, history: History, cuts: Cuts, as_of: int | None) -> Stops:
    """The stops on the clock of the ledger; `as_of` is the cut, a position."""
    own = deque((position for position, _ in ledger.stored(claim=claim, as_of=history.as_of.position)), MOST + 1)
    steps = [(step.position, step) for step in history.steps]
    positions = sorted({*own, *(position for position, _ in steps)})
    shown = positions[-MOST:]
    times = _times(ledger, shown)
    places = [(position, str(position), f"{position} · {times[position]}") for position in shown]
    return _stops("recorded", claim, places, steps, cuts, as_of, history.truncated or len(positions) > MOST)


def _stops(
    clock: Clock,
    claim: str,
    places: Sequence[tuple[int, str, str]],
    steps: Sequence[tuple[int, Step]],
    cuts: Cuts,
    here: int | None,
    truncated: bool,
) -> Stops:
    """Stops at places (a number on the clock, the cut in the address, the label); `here` is None for now."""
    at_steps = dict(steps)
    numbers = [number for number, _ in steps]
    found = []
    for place, (number, cut, label) in enumerate(places):
        before = bisect_right(numbers, number)
        shown = cut if place < len(places) - 1 else None
        found.append(
            Stop(
                url=_url(claim, clock, cuts, shown),
                cut=cut,
                label=label,
                step=at_steps.get(number),
                headline=_headline(steps[before - 1][1]) if before else "",
            )
        )
    last = len(found) - 1
    at = last if here is None else bisect_right([number for number, _, _ in places], here) - 1
    return Stops(clock, found, at if at >= 0 else None, truncated)


def _url(claim: str, clock: Clock, cuts: Cuts, cut: str | None) -> str:
    there = Cuts(as_of=cuts.as_of, said_by=cut) if clock == "said" else Cuts(as_of=cut, said_by=cuts.said_by)
    return urls.claim_url(claim) + there.query


def _headline(step: Step) -> str:
    return words.headline(step.status, step.support, step.opposition, words.assessed(step.assessments))


def _times(ledger: Ledger, positions: Iterable[int]) -> dict[int, str]:
    """When records were made, by position."""
    return {at: words.time(ledger.question(as_of=str(at)).as_of.recorded_at) for at in positions}


def _day(at: str) -> str:
    """A moment as a cut: its day, where it is the end of one."""
    return at[:10] if at.endswith(_END_OF_DAY) else at


def histories(ledger: Ledger, claim: str, as_of: int, cuts: Cuts) -> tuple[History, History]:
    """How the claim changed, on the clock of the world as known at a position, and on that of the ledger till now."""
    by_said: History = ledger.state(timeline.said, claim, as_of=as_of)
    by_record: History = ledger.state(timeline.recorded, claim, said_by=cuts.said_by)
    return by_said, by_record
