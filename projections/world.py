"""What had been said by a moment, and what of it still stands? The acts at both cuts, corrected and taken back.

A correction acts in the world at its own time, and so do a retraction and the denial of an utterance. What is left of
an act is *live*, claim by claim: a retraction may take back what was said of one claim and leave what was said of
another.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Set
from functools import cached_property
from typing import Final, NamedTuple, Protocol

from ledger import events as ev
from ledger import names, when
from ledger.lines import Lines
from ledger.records import ACTS, UTTERANCES, Record
from ledger.saying import Key, Said, order, span_of, with_corrections

from .reach import Sign

BY_SPEAKER: Final = "retracted by its speaker"
BY_PRINCIPAL: Final = "retracted by a principal"
BY_CARRIER: Final = "retracted by a carrier"
DENIED: Final = "denied as an utterance"
THEMSELVES: Final = frozenset({BY_SPEAKER, BY_PRINCIPAL})
"""As what those take an act back for whom it counts: all that was said on that side goes with it."""

_NOTHING: Final[frozenset[str]] = frozenset()


class Act:
    """An act at both cuts, corrected, with what was taken back of it."""

    __slots__ = ("dismisses", "event", "gone", "id", "key", "position", "record", "removed", "side", "source", "span")

    def __init__(self, record: Record, event: ev.Act, span: when.Span, source: str) -> None:
        self.record = record
        self.event = event
        self.span = span
        self.source = source
        """The class of its speaker."""
        self.id = record.id
        self.position = position = record.position
        self.key = order(span, position)
        self.side = 0
        """+1 for a committing statement, -1 for a committing denial, 0 for what commits nobody."""
        self.dismisses = False
        """True for a dismissal, which takes no side on the negation of what it dismisses."""
        if isinstance(event, ev.Statement):
            if event.mode == "asserted":
                self.side = 1
        elif isinstance(event, ev.Denial) and event.form in ("flat", "dismissal"):
            self.side = -1
            self.dismisses = event.form == "dismissal"
        self.gone: dict[str, set[str]] = {}
        """What took the act back, by claim: BY_SPEAKER, BY_PRINCIPAL, BY_CARRIER, DENIED."""
        self.removed = False
        """True where the whole act was taken back by name."""

    @property
    def live(self) -> list[str]:
        """The claims for which it still stands."""
        claims = self.event.claims
        return [claim for claim in claims if claim not in self.gone] if self.gone else list(claims)

    def gone_on(self, claims: Container[str]) -> list[str]:
        """What took it back on any of these claims."""
        return sorted({why for claim, whys in self.gone.items() if claim in claims for why in whys})

    @property
    def is_live(self) -> bool:
        """Whether anything of it still stands."""
        return bool(self.live) if self.event.claims else not self.removed

    @property
    def manner(self) -> str:
        """In one word: the mode of a statement, the form of a denial, the verdict or the term of an assessment."""
        match self.event:
            case ev.Statement():
                return self.event.mode
            case ev.Denial():
                return self.event.form
            case ev.Assessment():
                return self.event.verdict or (self.event.likelihood.term if self.event.likelihood else "")

    def side_at(self, sign: int) -> int:
        """The side a committing act takes on a claim in whose class the act's claim has this sign; 0 for none."""
        return 0 if self.dismisses and sign == -1 else self.side * sign


class Sided(Protocol):
    """What may be taken back beside what a retraction names: an act that takes a side."""

    key: Key

    def side_at(self, sign: int) -> int:
        """The side it takes on a claim in whose class its claim has this sign; 0 for none."""


class Sweep(NamedTuple):
    """What a retraction by a speaker, or a principal, takes back: all that was said on that side of those claims."""

    speaker: str
    """The class of whoever said it."""
    until: Key
    """Up to where in the order of saying."""
    side: int
    claims: tuple[str, ...]
    by: str
    """BY_SPEAKER or BY_PRINCIPAL."""

    def takes(self, act: Sided, claim: str, reach: Classes) -> bool:
        """Whether it takes back what an act of the speaker says on a claim."""
        if act.key > self.until:
            return False
        signs = (sign for named in self.claims for sign in reach.signs(named).get(claim, ()))
        return any(act.side_at(sign) == self.side for sign in signs)


class TakenBack(NamedTuple):
    """By what an act was taken back."""

    said: Said
    act: str
    sweeps: bool
    """Whether all that its speaker said on that side, up to then, went with it."""


class Classes(Protocol):
    """What settling asks of the relations between claims."""

    def signs(self, claim: str) -> dict[str, set[Sign]]:
        """The class of a claim: every member with its sign."""


class Related(Protocol):
    """What settling asks of a register."""

    @property
    def lines(self) -> Lines:
        """Who is who among the sources, and who speaks for whom."""

    @property
    def reach(self) -> Classes:
        """How the claims hang together."""


class World:
    """What had been said, settled: the acts at both cuts, each with what was taken back of it.

    `said_by` is the world cut in microseconds, None for none. `also` picks records that may or may not lie before the
    cut and are to be counted all the same, to see what would change.
    """

    def __init__(
        self,
        register: Related,
        utterances: list[Record],
        said_by: int | None,
        also: Callable[[Record], bool] | None = None,
    ) -> None:
        self._register = register
        self._lines = register.lines
        self.acts: list[Act] = []
        """In position order."""
        self._versions: dict[str, ev.Event] = {}
        self._corrections: dict[str, list[Said]] = {}
        self._fitting: dict[str, list[Said]] = {}
        self._retractions: dict[str, list[Said]] = {}
        self._denials: dict[str, list[Said]] = {}
        # From the last record back: whatever is about a record came after it, and is settled when its turn comes.
        for record in reversed(utterances):
            event = record.event
            if record.id in self._corrections:
                event, self._fitting[record.id] = with_corrections(event, self._corrections[record.id])
            self._versions[record.id] = event
            span = span_of(event, record)
            if said_by is None or _said(span, said_by) or (also and may_be_said(span, said_by) and also(record)):
                self._take(record, event, span)
        self.acts.reverse()
        retractions = (retraction for about in self._retractions.values() for retraction in about)
        self.sweeps = _furthest(sweep for one in retractions if (sweep := self._swept_by(one)) is not None)
        """What was taken back beside what was named."""
        if self.sweeps:
            self._take_back_sides()

    @cached_property
    def on(self) -> dict[str, list[Act]]:
        """The acts on each claim, live or not, in position order."""
        return _by_claim((claim, act) for act in self.acts for claim in act.event.claims)

    @cached_property
    def perhaps_on(self) -> dict[str, list[Act]]:
        """The acts that perhaps mean each claim, too."""
        return _by_claim((claim, act) for act in self.acts for claim in act.event.possible_claims)

    def corrections(self, event_id: str) -> list[Said]:
        """The corrections by which an act says what it says, as they were said."""
        return self._fitting.get(event_id, [])

    def taken_back(self, event_id: str) -> list[TakenBack]:
        """What takes an act back by its name, as it was said."""
        event = self._versions[event_id]
        assert isinstance(event, ACTS)
        found = sorted(self._taking(event_id, event), key=lambda pair: pair[0].key)
        return [TakenBack(said, event_id, by != DENIED and self._swept_by(said) is not None) for said, by in found]

    def _take(self, record: Record, event: ev.Event, span: when.Span) -> None:
        """The next record back, as corrected: what was said by it, unless that was taken back."""
        gone = self._taken_back(record.id, event)
        match event:
            case ev.Statement() | ev.Denial() | ev.Assessment():
                act = Act(record, event, span, self._lines.class_of(names.speaker(event.chain)))
                if gone:
                    act.removed = True
                    act.gone = {claim: set(gone) for claim in event.claims}
                self.acts.append(act)
                if act.side and not event.claims and isinstance(event, ev.Denial) and not gone:
                    for denied in event.acts:
                        self._denials.setdefault(denied, []).append(Said(record, event, span))
            case ev.Retraction() if not gone:
                self._retractions.setdefault(event.act, []).append(Said(record, event, span))
            case ev.Correction():
                self._corrections.setdefault(event.act, []).append(Said(record, event, span))
            case _:  # a retraction that was itself taken back takes nothing back
                pass

    def _taken_back(self, event_id: str, event: ev.Event) -> Set[str]:
        """As what the whole of an utterance is taken back, if it is."""
        if event_id not in self._retractions and event_id not in self._denials:
            return _NOTHING
        return {by for _, by in self._taking(event_id, event)}

    def _taking(self, event_id: str, event: ev.Event) -> Iterator[tuple[Said, str]]:
        """What takes an utterance back by its name, and as what."""
        for retraction in self._retractions.get(event_id, ()):
            if standing := self._standing(retraction.event, event):
                yield retraction, standing
        for denial in self._denials.get(event_id, ()):
            assert isinstance(denial.event, ev.Denial) and isinstance(event, UTTERANCES)
            if self._class(denial.event) == self._class(event):
                yield denial, DENIED

    def _take_back_sides(self) -> None:
        committed: dict[tuple[str, str], list[Act]] = {}
        for act in self.acts:
            for claim in act.event.claims if act.side else ():
                committed.setdefault((act.source, claim), []).append(act)
        reach = self._register.reach
        for sweep in self.sweeps:
            for claim in {member for named in sweep.claims for member in reach.signs(named)}:
                for act in committed.get((sweep.speaker, claim), ()):
                    if sweep.takes(act, claim, reach):
                        act.gone.setdefault(claim, set()).add(sweep.by)

    def _standing(self, retraction: ev.Event, event: ev.Event) -> str | None:
        """As what somebody takes an act back: its speaker, a principal, a carrier, or, by now, nobody."""
        assert isinstance(retraction, ev.Retraction) and isinstance(event, UTTERANCES)
        retractor = self._class(retraction)
        links = names.sources(event.chain)
        if retractor in self._lines.line(links[0]):
            return BY_SPEAKER if retractor == self._lines.class_of(links[0]) else BY_PRINCIPAL
        return BY_CARRIER if retractor in map(self._lines.class_of, links) else None

    def _swept_by(self, retraction: Said) -> Sweep | None:
        """What a retraction takes back beside what it names; None where that is nothing."""
        assert isinstance(retraction.event, ev.Retraction)
        target = self._versions.get(retraction.event.act)
        if not isinstance(target, ACTS) or (by := self._standing(retraction.event, target)) not in THEMSELVES:
            return None
        taken = Act(retraction.record, target, retraction.span, self._class(target))
        if not taken.side:
            return None
        until = taken_back_until(retraction.span, retraction.record.position)
        return Sweep(taken.source, until, taken.side, target.claims, by)

    def _class(self, event: ev.Act | ev.AboutAct) -> str:
        return self._lines.class_of(names.speaker(event.chain))


def _furthest(sweeps: Iterable[Sweep]) -> list[Sweep]:
    """Of those that take back the same, the one that goes furthest stands for all."""
    found: dict[tuple[str, int, tuple[str, ...]], Sweep] = {}
    for sweep in sweeps:
        taken = sweep.speaker, sweep.side, sweep.claims
        if taken not in found or found[taken].until < sweep.until:
            found[taken] = sweep
    return list(found.values())


def taken_back_until(span: when.Span, position: int) -> Key:
    """Up to where in the order of saying a retraction takes back; one with no time, up to where it may come last."""
    return order(span._replace(earliest=span.latest) if span.earliest is None else span, position)


def may_be_said(span: when.Span, cut: int) -> bool:
    """True where it may have been said before the cut, and may not."""
    assert span.latest is not None
    return span.latest > cut and (span.earliest is None or span.earliest <= cut)


def _said(span: when.Span, cut: int) -> bool:
    assert span.latest is not None
    return span.latest <= cut


def _by_claim(pairs: Iterable[tuple[str, Act]]) -> dict[str, list[Act]]:
    found: dict[str, list[Act]] = {}
    for claim, act in pairs:
        found.setdefault(claim, []).append(act)
    return found
