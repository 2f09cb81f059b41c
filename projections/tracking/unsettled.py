"""What becomes of acts that something was said about? They are settled anew, by the code that a single status goes by.

Whatever retracts, denies, corrects, amends or voids an act has it *disturbed* for good. What a retraction takes back
beside the act that it names, it sweeps away without that: those acts are held against it, and nothing else.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Container, Iterable
from typing import Final, Protocol

from ledger import events as ev
from ledger import names
from ledger.lines import Lines
from ledger.records import ACTS, UTTERANCES, Record, changes_within
from ledger.saying import span_of

from ..dossier import new_sources
from ..world import BY_SPEAKER, Act, Sweep, World, taken_back_until
from .carried import Carried
from .cells import Light, settled_light
from .entries import Entries
from .quotations import Words, words_of
from .standing import put

_NEVER: Final = (float("-inf"), 0, 0)
_TAKEN_BACK: Final = {BY_SPEAKER}  # or by a principal, which comes to the same


class Finding(Protocol):
    """Who is told of the words by which claims are found."""

    def add(self, claim: str, words: Words, position: int, /) -> None:
        """An act says more of a claim."""

    def move(self, claim: str, words: Words, by: int, /) -> None:
        """An act that was there is taken out (-1), or put in (+1) as it is now."""


class Unsettled(Carried):
    """The claims of a tracker, and the acts on them that something is about."""

    def __init__(self, by_id: Callable[[str], Record], within: Container[str] | None, finds: Finding | None) -> None:
        super().__init__(within)
        self._finds = finds
        self._entries = Entries(by_id)
        self._disturbed: dict[int, Record] = {}
        """The acts that something is about, as they came in, by position."""
        self._settled: dict[int, ev.Act] = {}
        """What those said when they were last settled."""
        self._sweeping: dict[tuple[str, str], tuple[float, int, int]] = {}
        """Until when retractions of a speaker take back what it said on a claim, what comes late, too."""
        self._judged: dict[tuple[str, str], set[str]] = {}
        """Those whose acts were taken back or denied, with all sources by whose relations that stands or falls."""
        self._judging: dict[str, dict[tuple[str, str], None]] = {}  # the other way round
        self._unsettled: dict[tuple[str, str], None] = {}
        """The claims and speakers whose acts are to be settled anew, before anything else is worked off."""

    @property
    def lines(self) -> Lines:
        """Who is who among the sources, and who speaks for whom."""
        return self.desk.lines

    def _disturb(self, raw: Record) -> None:
        """Has an act settled anew, on the claims and among the acts of the speakers it is of, was of, or may be of."""
        assert isinstance(raw.event, ACTS)
        now = self._entries.effective(raw)
        claims: dict[str, None] = {}
        possible: dict[str, None] = {}
        speakers: dict[str, None] = {}
        for event in (raw.event,) if now is None else (raw.event, now.event):
            assert isinstance(event, ACTS)
            claims |= dict.fromkeys(event.claims)
            possible |= dict.fromkeys(event.possible_claims)
            speakers[names.speaker(event.chain)] = None
        for event in self._entries.about(raw.id):
            changes = getattr(event, "changes", {})
            for within in changes_within(changes):
                claims |= dict.fromkeys(filter(_is_text, within.get("claims") or ()))
                possible |= dict.fromkeys(filter(_is_text, within.get("possible_claims") or ()))
            speakers |= dict.fromkeys(new_sources(changes))
        light = self._lights.get(raw.position)
        if light is not None:  # as it was until now
            claims |= dict.fromkeys(light.claims)
            possible |= dict.fromkeys(light.possible)
            speakers[light.speaker] = None
        self._disturbed[raw.position] = raw
        for speaker in speakers:
            source = self.desk.lines.class_of(speaker)
            for claim in self._inside(claims):
                self._place(claim.on, speaker, raw.position)
                self._unsettled[claim.name, source] = None
                self._mark(claim.name, source)
            for claim in self._inside(possible):
                self._place(claim.perhaps, speaker, raw.position)
                self._unsettled[claim.name, source] = None
                self._mark(claim.name, source)

    def _resettle(self, name: str, source: str) -> None:
        """Settles the acts of a speaker on a class of claims, as a single status does."""
        members = self.reach.signs(name)
        raws = set(self.desk.members(source))
        positions: set[int] = set()
        for claim in self._inside(members):
            for places in (claim.on, claim.perhaps):
                for raw in raws & places.keys():
                    positions.update(places[raw])
        disturbed = positions & self._disturbed.keys()
        spoken = self._entries.spoken(self._disturbed[position] for position in sorted(disturbed))
        world = World(self, spoken, None)
        acts = {act.position: act for act in world.acts}
        for position in disturbed:
            act = acts.get(position)
            if act is None or act.source == source:  # else it is settled among the acts of who is its speaker by now
                self._replace(position, act, members)
        sweeps = [sweep for sweep in world.sweeps if sweep.speaker == source]
        # To what nothing was done by name, only that can be done, or have been.
        if sweeps or any((member, source) in self._sweeping for member in members):
            class_of = self.desk.lines.class_of
            latest = max((sweep.until for sweep in sweeps), default=_NEVER)
            for position in positions - disturbed:
                light = self._lights.get(position)
                if light is None or not light.side or not (light.gone or light.key <= latest):
                    continue
                if class_of(light.speaker) == source:  # else it is swept among the acts of who it is by now
                    self._sweep(light, sweeps, members)
        retracting = [record for record in spoken if isinstance(record.event, ev.Retraction)]
        involved: set[str] = set()
        if retracting or any(isinstance(record.event, ev.Denial) for record in spoken):
            for record in spoken:
                if isinstance(record.event, UTTERANCES):
                    involved.update(names.sources(record.event.chain))
                    involved.update(new_sources(getattr(record.event, "changes", {})))  # who speaks since
        untils = [taken_back_until(span_of(record.event, record), record.position) for record in retracting]
        for member in members:
            put(self._sweeping, (member, source), max(untils, default=None))
            self._note_judged((member, source), involved)

    def _sweep(self, light: Light, sweeps: list[Sweep], members: Iterable[str]) -> None:
        """Takes back of an act, on some claims, what is swept away there, and nothing else."""
        named = [claim for claim in light.claims if claim in members]
        swept = {claim for claim in named if any(sweep.takes(light, claim, self.reach) for sweep in sweeps)}
        if swept == {claim for claim in named if claim in light.gone}:
            return
        others = {claim: why for claim, why in light.gone.items() if claim not in members}
        light.gone = others | dict.fromkeys(swept, _TAKEN_BACK)
        self._mark_all(light)

    def _mark_all(self, light: Light) -> None:
        """An act says something else, on whatever it is on: the cells of its speaker there are worked out anew."""
        source = self.desk.lines.class_of(light.speaker)
        for claim in self._inside((*light.claims, *light.possible)):
            self._mark(claim.name, source)

    def _note_judged(self, judged: tuple[str, str], involved: set[str]) -> None:
        for other in self._judged.pop(judged, set()) - involved:
            self._judging[other].pop(judged, None)
        if involved:
            self._judged[judged] = involved
            for other in involved:
                self._judging.setdefault(other, {})[judged] = None

    def _replace(self, position: int, act: Act | None, members: Iterable[str]) -> None:
        """Puts an act in the place of what it was. What was taken back of it outside this class is settled there."""
        before = self._lights.get(position)
        if act is not None and before is not None and self._is_as_settled(act, before, members):
            return  # as most are: a retraction has all that its speaker took back looked at
        self._lights.pop(position, None)
        now = None
        if act is not None:
            self._settled[position] = act.event
            now = self._lights[position] = settled_light(act)
            if now.claims:
                now.gone = {claim: why for claim, why in now.gone.items() if claim in members}
                if before is not None:
                    kept = {c: why for c, why in before.gone.items() if c not in members and c in now.claims}
                    now.gone |= kept
        if self._finds is not None and act is not None and now is not None:
            now.words = words_of(act.event)
        for light, by in ((before, -1), (now, 1)):
            if light is not None:
                for claim in self._inside(light.claims) if self._finds is not None else ():
                    self._finds.move(claim.name, light.words, by)  # type: ignore[union-attr]
                self._mark_all(light)
        if before is None or now is None or (before.claims, before.tells) != (now.claims, now.tells):
            if before is not None:
                for claim in self._inside(before.claims):
                    self._untell(claim, before)
            if now is not None:
                for claim in self._inside(now.claims):
                    self._tell(claim, now)

    def _is_as_settled(self, act: Act, light: Light, members: Iterable[str]) -> bool:
        """Whether an act, on these claims, still is what it was when it was last settled."""
        if light.removed != act.removed or self._settled.get(act.position) != act.event:
            return False
        return all(act.gone.get(claim) == light.gone.get(claim) for claim in members)

    def _work_off(self) -> None:
        while self._unsettled:
            (name, source), _ = self._unsettled.popitem()
            self._resettle(name, source)
        super()._work_off()

    def _place(self, places: dict[str, list[int]], speaker: str, position: int) -> None:
        held = places.setdefault(speaker, [])
        if position not in held:
            insort(held, position)


def _is_text(value: object) -> bool:
    return isinstance(value, str)
