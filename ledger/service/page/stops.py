"""Where can one look back to? The moments of a claim, on either clock, each with the address that shows it.

On the clock of the ledger every record that names the claim is a stop, and so is every other that changed where it
stands; on the clock of the world, every moment by which something more had been said.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from ledger import Ledger, when
from ledger.fold import Projection, Question
from projections import timeline, words
from projections.explained import Explained
from projections.timeline import History, Spoken, Step, spoken

from . import urls
from .urls import Cuts

Clock: TypeAlias = Literal["said", "recorded"]
CLOCKS: Final[dict[Clock, str]] = {
    "said": "what had been said by then, as known today",
    "recorded": "what this ledger knew then",
}
MOST: Final = 200
"""So many stops there are at most, the latest."""
FEW: Final = 100
"""Of a claim that so many acts bear on, it is told unasked what changed when."""
_END_OF_DAY: Final = "T23:59:59.999999Z"


def clock_texts(known_at: int | None) -> dict[Clock, str]:
    """What each clock tells, to who looks at what was known at a position; None is now."""
    if known_at is None:
        return CLOCKS
    return CLOCKS | {"said": f"what had been said by then, as known at position {known_at}"}


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


class Travel:
    """A claim through time: who spoke of it, and where on either clock one can look back to.

    `whole` is known at the knowledge cut of the question, whatever had been said by then. What changed at which stop
    takes a whole answer for each; of a claim with very many acts that is told only where it is asked for.
    """

    def __init__(self, ledger: Ledger, whole: Explained, question: Question, cuts: Cuts, told: bool = False) -> None:
        self._ledger, self._question, self._cuts = ledger, question, cuts
        self._claim = whole.found.claim
        self.told = told or len(whole.acts) <= FEW
        self.inferred, self.spoken = _spoken(whole)
        own = [act for act in self.spoken if act.act not in self.inferred]
        self._moments = {act.latest for act in own}

    def clocks(self) -> list[Stops]:
        """The stops on both clocks."""
        return [self._said(), self._recorded()]

    def _said(self) -> Stops:
        history = self._history(timeline.said, as_of=self._question.as_of.position)
        moments = sorted({*(step.at for step in history.steps), *self._moments} if history else self._moments)
        places = [(when.instant(at), _day(at), _day(at)) for at in moments[-MOST:]]
        steps = [(when.instant(step.at), step) for step in history.steps] if history else []
        truncated = len(moments) > MOST or history is None or history.truncated
        return _stops("said", self._claim, places, steps, self._cuts, self._question.said_by, truncated)

    def _recorded(self) -> Stops:
        history = self._history(timeline.recorded, said_by=self._cuts.said_by)
        steps = [(step.position, step) for step in history.steps] if history else []
        own = deque((position for position, _ in self._ledger.stored(claim=self._claim)), MOST + 1)
        positions = sorted({*own, *(position for position, _ in steps)})
        times = _times(self._ledger, positions[-MOST:])
        places = [(position, str(position), f"{position} · {time}") for position, time in times.items()]
        here = None if self._cuts.as_of is None else self._question.as_of.position
        truncated = len(positions) > MOST or history is None or history.truncated
        return _stops("recorded", self._claim, places, steps, self._cuts, here, truncated)

    def _history(self, axis: Projection, **cuts: Any) -> History | None:
        """How the claim changed; None where that takes too long to be told unasked."""
        return self._ledger.state(axis, self._claim, **cuts) if self.told else None


def _spoken(whole: Explained) -> tuple[set[str], list[Spoken]]:
    """The ids of acts on other claims that decide here all the same, and all acts, those among them."""
    members = whole.register.reach.signs(whole.found.claim).keys()
    inferred = {reason.act for reason in whole.found.why if reason.act is not None and reason.inferred}
    found = []
    for act in sorted(whole.acts.values(), key=lambda act: act.key):
        if not members.isdisjoint(act.event.claims):
            inferred.discard(act.id)
            found.append(spoken(act, live=not members.isdisjoint(act.live)))
        elif act.id in inferred:
            found.append(spoken(act, live=act.is_live))
    return inferred, found


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
