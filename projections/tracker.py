"""Where do all claims stand after one more record? The rules `status/1` kept up to date, not worked out anew.

`projections.status` judges one claim by the records that bear on it. To judge every claim of a million events at every
position that way would take days, so this keeps, for each claim and each speaker, one *cell*: what the speaker's acts
come to on the claim. A record touches few cells, and the row of a claim is made of counters that its cells and roots
add up to. An act that nothing is done to is added to its cell in constant time. Whatever is taken back, corrected,
amended or voided has its acts settled again by `projections.world`, the code that a single status goes by. The two must
agree at every position; tests hold them against each other.

It answers at the knowledge cut alone. The world cut is a fold of its own.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Collection, Container, Iterable, Iterator
from itertools import chain
from typing import Any, Final, NamedTuple, Protocol

from ledger import Ledger, names, when
from ledger import events as ev
from ledger.lines import Lines
from ledger.records import ACTS, Record, changes_within, decode, targets

from .board import Row, named_by
from .cells import (
    CONFLICTS,
    KINDS,
    MARKED_INFERRED,
    POSSIBLY,
    REWORDED,
    Cell,
    Light,
    Stance,
    following,
    light_of,
    reworded,
    settled_light,
    work_out,
)
from .desk import DECLARED, TANGLED, Desk
from .dossier import new_sources
from .entries import CLERKS, UTTERANCES, Entries
from .quotations import Words, words_of
from .reach import Relation
from .reached import REACH, OutOfReach
from .rows import CLAIM_KINDS, Columns, to_row
from .standing import KINDLESS, Claim, columns_of, put, sum_root
from .webs import Web, Webs
from .world import Act, Key, World, order, span_of

_UNKNOWN: Final = float("-inf")


class Reading(NamedTuple):
    """How the few records that must be looked at again are found, none of them later than the one being taken."""

    by_id: Callable[[str], Record]
    """Raises NotFound."""
    at: Callable[[int], Record]


def reading(ledger: Ledger) -> Reading:
    """How a tracker of a ledger reads again."""

    def at(position: int) -> Record:
        [(_, stored)] = ledger.stored(after=position - 1, as_of=position)
        return decode(position, stored)

    return Reading(ledger.record, at)


class Finding(Protocol):
    """Who is told of the words by which claims are found."""

    def add(self, claim: str, words: Words, position: int, /) -> None:
        """An act says more of a claim."""

    def move(self, claim: str, words: Words, by: int, /) -> None:
        """An act that was there is taken out (-1), or put in (+1) as it is now."""


class Tracker:
    """Every claim of a ledger, or of some whole clusters of it, kept up to date record by record."""

    def __init__(
        self,
        reading: Reading,
        *,
        within: Container[str] | None = None,
        reach: int = REACH,
        finds: Finding | None = None,
    ) -> None:
        self._reading = reading
        self._finds = finds
        self._within = within
        self._limit = reach
        self.position = 0
        self.claims: dict[str, Claim] = {}
        self.desk = Desk()
        self.reach = Webs()
        self._lights: dict[int, Light] = {}
        self._entries = Entries(reading.by_id)
        self._relations: dict[str, tuple[int, ev.ClaimsRelated | ev.SourceRelated]] = {}
        self._withdrawn: dict[str, set[int]] = {}
        self._disturbed: dict[int, Record] = {}
        """The acts that something is about, as they came in, by position."""
        self._sweeping: dict[tuple[str, str], tuple[float, int, int]] = {}
        """Until when retractions of a speaker take back what it said on a claim, what comes late, too."""
        self._judged: dict[tuple[str, str], set[str]] = {}
        """Those whose acts were taken back or denied, with all sources by whose relations that stands or falls."""
        self._judging: dict[str, dict[tuple[str, str], None]] = {}  # the other way round
        self._cells_of: dict[str, set[str]] = {}
        self._claims_of_root: dict[str, set[str]] = {}
        self._kinds_told: dict[str, int] = {}
        """All kinds that acts ever told a source to be, as bits."""
        # What is left to be done for the record being taken
        self._unsettled: dict[tuple[str, str], None] = {}
        self._dirty: dict[tuple[str, str], None] = {}
        self._arriving: dict[tuple[str, str], None] = {}
        self._rootless: dict[tuple[str, str], None] = {}
        self._unsummed: dict[tuple[str, str], None] = {}
        self._changed: dict[str, None] = {}

    @property
    def lines(self) -> Lines:
        """Who is who among the sources, and who speaks for whom."""
        return self.desk.lines

    def take(self, record: Record) -> Iterable[str]:
        """Takes the next record in; gives the claims whose rows may have changed.

        Raises OutOfReach where it would change more claims than is allowed.
        """
        self._changed = {}
        self.position = record.position
        event = record.event
        if isinstance(event, ACTS) and not (isinstance(event, ev.Denial) and event.acts):  # most records are
            self._take_act(record, event)
        else:
            self._touch(record, self._named(event))
            self._take_other(record)
        if self._unsettled or self._dirty or self._arriving or self._rootless or self._unsummed:
            self._work_off()
        return self._changed

    def columns(self, claim: str, claim_no: int = 0) -> tuple[Any, ...] | None:
        """The row of a claim from the last record on, as a view keeps it; None where the claim is not registered."""
        found = self.claims.get(claim)
        if found is None or found.kind is None:
            return None
        return columns_of(found, claim_no, self.position, self)

    def row(self, claim: str) -> Row | None:
        """The row of a claim on the board; None where it is not registered."""
        columns = self.columns(claim)
        return None if columns is None else to_row(claim, self.claims[claim].texts[-1][1], Columns(*columns))

    def kind_of(self, claim: str) -> str:
        """Of what kind a claim is; "" where it is not registered."""
        found = self.claims.get(claim)
        return "" if found is None or found.kind is None else CLAIM_KINDS[found.kind]

    def _claim(self, name: str) -> Claim | None:
        """A claim, or None for one that is outside."""
        found = self.claims.get(name)
        if found is None and (self._within is None or name in self._within):
            found = self.claims[name] = Claim(name)
        return found

    def _inside(self, claims: Iterable[str]) -> Iterator[Claim]:
        return (claim for name in claims if (claim := self._claim(name)) is not None)

    # Acts

    def _take_act(self, record: Record, event: ev.Act) -> None:
        """The hot path of every rebuild: an act goes into one cell of each of its claims."""
        position, recorded_us = record.position, record.recorded_us
        sources = names.fresh_sources(event.chain)
        speaker = sources[0]
        key, marked = _said(event.said_at, recorded_us, position)
        light = self._lights[position] = light_of(event, sources, key, marked)
        source = self.desk.lines.class_of(speaker)
        plain = speaker not in self.desk.plural
        webs, finds = self.reach.of, self._finds
        if finds is not None:
            light.words = words_of(event)
        for name in event.claims:
            claim = self.claims.get(name) or self._claim(name)
            if claim is None:
                continue
            claim.changed_us = recorded_us
            self._changed[name] = None
            alone = name not in webs
            if light.tells:
                self._tell(claim, light, alone)
            if finds is not None:
                finds.add(name, light.words, position)
            claim.on.setdefault(speaker, []).append(position)
            until = self._sweeping.get((name, source))
            if until is not None and key <= until:
                self._unsettled[name, source] = None
            if plain and alone and source not in claim.cells:
                self._begin(claim, source, light)
            elif plain and (alone or self.reach.is_alone(name)):
                self._add(claim, source, light)
            else:
                self._mark(name, source)
        if event.possible_claims:
            for claim in self._inside(event.possible_claims):
                claim.changed_us = recorded_us
                self._changed[claim.name] = None
                if light.possible:
                    claim.perhaps.setdefault(speaker, []).append(position)
                    self._mark(claim.name, source)

    def _begin(self, claim: Claim, source: str, light: Light) -> None:
        """The first act of a speaker, who is nobody else, on a claim that is in no web: most acts are.

        What `_root`, `_note_open` and `_infer` come to there.
        """
        cell, name, desk = self._new_cell(claim, source), claim.name, self.desk
        cell.add(light, (), claim.counts)
        kind = desk.kinds.get(source)
        if kind is None:
            told = claim.told.get(source)
            kinds = self._kinds_told.get(source, 0)
            if told is None or kinds & kinds - 1:
                claim.open.add(source)
            kind = None if told is None else KINDS[told & 15]
        cell.kind = kind
        cell.named = kind in ev.NAMED
        cell.circle = circle = desk.circle(source) if cell.named else (source,)
        if len(circle) > 1 or circle[0] != source:
            self._note_open(claim, cell, source, kind)
        cell.root = root = min(circle)
        claim.by_root.setdefault(root, {})[source] = cell
        self._claims_of_root.setdefault(root, set()).add(name)
        if len(claim.texts) > 1:
            self._arriving[name, source] = None
        if cell.own is not None:
            sum_root(claim, root, self)

    def _add(self, claim: Claim, source: str, light: Light) -> None:
        """Adds an act to a cell of a claim that is alone in its class."""
        cell = claim.cells.get(source)
        if cell is None:
            cell = self._new_cell(claim, source)
        before = cell.own
        restands = cell.add(light, self._still_on(claim, light), claim.counts)
        name = claim.name
        if cell.own is not before and name in self.reach.of:
            self._move(name, source, before, cell.own)
        if cell.inferred is not None or source in claim.arrived or len(claim.texts) > 1:
            self._arriving[name, source] = None
        elif cell.root is None:
            self._rootless[name, source] = None
        elif restands:
            self._unsummed[name, cell.root] = None

    def _still_on(self, claim: Claim, light: Light) -> Iterator[Light]:
        """The other acts of a speaker that still stand on a claim."""
        for position in claim.on[light.speaker]:
            other = self._lights.get(position)
            if other is None or other is light or other.speaker != light.speaker:
                continue  # it was struck, or is somebody else's by now
            if claim.name in other.claims and claim.name not in other.gone:
                yield other

    def _place(self, places: dict[str, list[int]], speaker: str, position: int) -> None:
        held = places.setdefault(speaker, [])
        if position not in held:
            insort(held, position)

    def _mark(self, name: str, source: str) -> None:
        for member in self.reach.signs(name):
            self._dirty[member, source] = None

    # Of what kind acts tell sources to be

    def _tell(self, claim: Claim, light: Light, alone: bool = False) -> None:
        told, all_kinds, desk = claim.told, self._kinds_told, self.desk
        for source, code in light.tells:
            before, kind = told.get(source, 0), 1 << (code & 15)
            if code > before:
                told[source] = code
            if not before and not alone:
                web = self.reach.of.get(claim.name)
                if web is not None:
                    web.told[source] = web.told.get(source, 0) | 3 << 2 * web.numbers[claim.name]
            kinds = all_kinds.get(source, 0)
            if not kinds & kind:
                all_kinds[source] = kinds | kind
                if kinds or source in desk.plural:  # the first time that it is told to be of another kind
                    self._reopen(source)
            # Else it was told so before, and never to be of another kind anywhere.
            if before and not kinds & kinds - 1 and source not in desk.plural:
                continue
            if not alone or source in desk.plural:
                self._retell(claim, source)
            elif source not in desk.kinds:  # the same where nobody else is near, and the source nobody else
                if source in claim.cells:
                    self._rootless[claim.name, source] = None
                if source in claim.by_root:
                    self._unsummed[claim.name, source] = None

    def _untell(self, claim: Claim, light: Light) -> None:
        for source, code in light.tells:
            if claim.told.get(source) == code:
                del claim.told[source]
                for other, other_code in self._tells_on(claim):
                    if other == source and other_code > claim.told.get(source, 0):
                        claim.told[source] = other_code
                web = self.reach.of.get(claim.name)
                if web is not None and source not in claim.told:
                    web.told[source] &= ~(3 << 2 * web.numbers[claim.name])
                self._retell(claim, source, always=True)

    def _tells_on(self, claim: Claim) -> Iterator[tuple[str, int]]:
        """What acts on a claim tell of what kinds sources are."""
        for position in chain.from_iterable(claim.on.values()):
            light = self._lights.get(position)
            if light is not None and claim.name in light.claims:
                yield from light.tells

    def _retell(self, claim: Claim, source: str, *, always: bool = False) -> None:
        """The kind of a source is told otherwise by acts on a claim: whoever counts by it nearby is rooted anew."""
        desk = self.desk
        source = desk.lines.class_of(source)
        # Of what is told in one way alone, it matters only where it was not told before.
        always = always or self._is_unsure(desk.circle(source)) or self._is_unsure((source,))
        if source in desk.kinds:
            return  # what is registered beats what is told
        claims = self.claims
        for name in self._near_among(claim.name, self._cells_of.get(source, ())):
            if always or claims[name].cells[source].kind is None:
                self._rootless[name, source] = None
        circle = desk.circle(source)
        if source in circle:
            top = min(circle)
            for name in self._near_among(claim.name, self._claims_of_root.get(top, ())):
                if always or claims[name].sums.get(top, 0) >> KINDLESS & 1:
                    self._unsummed[name, top] = None

    def _reopen(self, source: str) -> None:
        """A source was told to be of several kinds: whoever counts by it must look again wherever relations change."""
        source = self.desk.lines.class_of(source)
        for name in self._cells_of.get(source, ()):
            self._rootless[name, source] = None
        for top in {*self.desk.circle(source), source}:
            for name in self._claims_of_root.get(top, ()):
                for speaker in self.claims[name].by_root.get(top, ()):
                    self._rootless[name, speaker] = None

    def _near_among(self, name: str, among: Collection[str]) -> Iterable[str]:
        """Those of some claims that are near one."""
        if not among:
            return ()
        web = self.reach.of.get(name)
        if web is None:
            return (name,) if name in among else ()
        return web.near_among(name, among)

    def kind(self, claim: Claim, classes: tuple[str, ...]) -> str | None:
        """The kind of a root made of these classes: by the register, else by the latest act near the claim."""
        registered = self.desk.kind(classes)
        if registered is not None:
            return registered
        kinds_told = self._kinds_told
        if len(classes) == 1 and classes[0] not in self.desk.plural:
            raws, kinds = list(classes), kinds_told.get(classes[0], 0)
        else:
            raws, kinds = [raw for name in classes for raw in self.desk.members(name)], 0
            for raw in raws:
                kinds |= kinds_told.get(raw, 0)
        if not kinds:
            return None
        if not kinds & kinds - 1:  # never told to be of two kinds, anywhere: who tells it last is all the same
            return KINDS[kinds.bit_length() - 1] if any(self._is_told(claim, raw) for raw in raws) else None
        return KINDS[max(chain.from_iterable(self._told_near(claim, raw) for raw in raws), default=0) & 15]

    def _is_told(self, claim: Claim, raw: str) -> bool:
        """Whether any act near a claim tells of what kind a source is."""
        if raw in claim.told:
            return True
        web = self.reach.of.get(claim.name)
        told = web.told.get(raw, 0) if web is not None else 0
        return bool(told) and web is not None and web.is_near(claim.name, told)

    def _told_near(self, claim: Claim, raw: str) -> Iterator[int]:
        """What acts tell near a claim of the kind of a source."""
        web = self.reach.of.get(claim.name)
        if web is None:
            near: Iterable[str] = (claim.name,)
        else:
            near = web.names(web.told.get(raw, 0) & web.near(claim.name))
        for name in near:
            if name in self.claims and raw in self.claims[name].told:
                yield self.claims[name].told[raw]

    # Records about others

    def _touch(self, record: Record, claims: Iterable[str]) -> None:
        for claim in self._inside(claims):
            claim.changed_us = record.recorded_us
            self._changed[claim.name] = None

    def _named(self, event: ev.Event) -> set[str]:
        claims = set(named_by(event))
        for target in targets(event):
            claims |= self._named(self._entries.raw(target).event)
        return claims

    def _take_other(self, record: Record) -> None:
        event, entries = record.event, self._entries
        if isinstance(event, CLERKS):
            entries.keep(record)
            for base in list(entries.bases(record.id)):
                self._settle(base)
        elif isinstance(event, UTTERANCES):
            entries.keep(record)
            self._settle(record)
        else:
            self._enter(record, True)

    def _settle(self, raw: Record) -> None:
        """Brings an entry to what it now says."""
        if isinstance(raw.event, UTTERANCES):
            for act in self._entries.hanging(raw):
                self._disturb(act)
            return
        before, now = self._entries.change(raw)
        for record, there in ((before, False), (now, True)):
            if record is not None:
                self._enter(record, there)
                self._work_off()  # what comes next must not find half of it done

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
        sweeps = any(isinstance(record.event, ev.Retraction) for record in spoken)
        # What nothing was done to needs a look only where something that was said of others takes it back, or did.
        if sweeps or any((member, source) in self._sweeping for member in members):
            spoken = self._entries.spoken(self._raw(position) for position in sorted(positions))
            sweeps = any(isinstance(record.event, ev.Retraction) for record in spoken)
        else:
            positions = disturbed
        acts = {act.position: act for act in World(self, spoken, None).acts}
        for position in positions:
            act = acts.get(position)
            if act is None or act.source == source:  # else it is settled among the acts of who is its speaker by now
                self._replace(position, act, members)
        until = max((_until(record) for record in spoken if isinstance(record.event, ev.Retraction)), default=None)
        involved: set[str] = set()
        if sweeps or any(isinstance(record.event, ev.Denial) for record in spoken):
            for record in spoken:
                if isinstance(record.event, UTTERANCES):
                    involved.update(names.sources(record.event.chain))
        for member in members:
            put(self._sweeping, (member, source), until)
            self._note_judged((member, source), involved)

    def _raw(self, position: int) -> Record:
        """An act as it came in."""
        return self._disturbed.get(position) or self._reading.at(position)

    def _note_judged(self, judged: tuple[str, str], involved: set[str]) -> None:
        for other in self._judged.pop(judged, set()) - involved:
            self._judging[other].pop(judged, None)
        if involved:
            self._judged[judged] = involved
            for other in involved:
                self._judging.setdefault(other, {})[judged] = None

    def _replace(self, position: int, act: Act | None, members: Iterable[str]) -> None:
        """Puts an act in the place of what it was. What was taken back of it outside this class is settled there."""
        before = self._lights.pop(position, None)
        now = None
        if act is not None:
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
                source = self.desk.lines.class_of(light.speaker)
                for claim in self._inside((*light.claims, *light.possible)):
                    self._mark(claim.name, source)
        if before is None or now is None or (before.claims, before.tells) != (now.claims, now.tells):
            if before is not None:
                for claim in self._inside(before.claims):
                    self._untell(claim, before)
            if now is not None:
                for claim in self._inside(now.claims):
                    self._tell(claim, now)

    # The register

    def _enter(self, record: Record, there: bool) -> None:
        """Makes an entry of the register count, or count no more."""
        event, position = record.event, record.position
        match event:
            case ev.ClaimRegistered() | ev.ClaimReworded():
                for claim in self._inside([event.claim]):
                    put(claim.entries, position, event if there else None)
                    claim.retext()
                    self._changed[claim.name] = None
                    for source in claim.cells:
                        self._arriving[claim.name, source] = None
            case ev.ClaimsRelated() | ev.SourceRelated():
                put(self._relations, record.id, (position, event) if there else None)
                if record.id not in self._withdrawn:
                    self._relate(event, record.id, position, there)
            case ev.RelationWithdrawn():
                self._withdraw(event.target, position, there)
            case ev.SourceRegistered():
                source = self.desk.register(event, position, there)
                self._reroot({source}, set(self.desk.circle(source)), f"what is registered of {event.source!r}")
            case _:  # gradings, rulings and evidence stand beside the status
                pass

    def _withdraw(self, target: str, position: int, there: bool) -> None:
        by = self._withdrawn.setdefault(target, set())
        held = not by
        (by.add if there else by.discard)(position)
        if not by:
            del self._withdrawn[target]
        entered = self._relations.get(target)
        if entered is not None and held != (not by):
            self._relate(entered[1], target, entered[0], not by)

    def _relate(self, event: ev.ClaimsRelated | ev.SourceRelated, event_id: str, position: int, there: bool) -> None:
        if isinstance(event, ev.ClaimsRelated):
            if all(self._claim(end) is not None for end in (event.from_, event.to)):
                self._relate_claims(Relation(event_id, event.from_, event.to, event.relation), there)
            return
        what = f"relation {event_id!r}"
        moved = self.desk.relate(event, position, there)
        if moved.regrouped:
            self._regroup_sources(moved.regrouped, what)
        for name in moved.counting:
            for raw in self.desk.members(name):
                self._unsettled.update(self._judging.get(raw, {}))
        self._reroot(moved.counting, moved.tied, what)

    def _relate_claims(self, relation: Relation, there: bool) -> None:
        """A relation between claims comes or goes, and with it what it carries."""
        reach = self.reach
        if there:
            self._spin(relation)
            changed = reach.add(relation)
            web = reach.of[relation.from_]
            changed |= web.near(relation.from_)
            reached = set(web.names(changed))
            self._carry_on(relation)
        else:
            web = reach.of[relation.from_]
            reached = set(web.names(web.near(relation.from_) | web.near(relation.to)))
            self._check_reach(len(reached), f"relation {relation.id!r}")
            for name in reached:
                self._carry_all(name, there=False)
            changed = reach.remove(relation)
            for name in reached:
                self._carry_all(name, there=True)
        self._check_reach(len(reached), f"relation {relation.id!r}")
        for claim in self._inside(reached):  # kinds are told nearby, which is elsewhere now
            among = changed & web.near(claim.name) if there else changed
            for source in claim.open if there else claim.cells:
                if self._is_told_among(web, among, claim, source):
                    self._rootless[claim.name, source] = None
        if relation.relation != "entails":
            self._regroup_claims(reach.signs(relation.from_) if there else reached)

    def _is_told_among(self, web: Web, literals: int, claim: Claim, source: str) -> bool:
        """Whether acts on any of these claims tell of what kind a speaker or its root is; those on its own do not."""
        told, members, cell = web.told, self.desk.members, claim.cells[source]
        is_open = source in claim.open
        if source in claim.told and cell.circle == (source,) and not is_open:
            return False
        # Where the speaker is known, what is open is of what kind its root is.
        known = is_open and cell.kind is not None and not self._is_unsure((source,))
        for name in cell.circle if known else {source, *cell.circle}:
            for raw in members(name):
                if told.get(raw, 0) & literals:
                    return True
        return False

    def _spin(self, relation: Relation) -> None:
        """A claim that comes into a web brings along what acts tell on it."""
        for name in (relation.from_, relation.to):
            if name not in self.reach.of:
                web = self.reach.spin(name)
                claim = self.claims.get(name)
                web.told = dict.fromkeys(claim.told, 3) if claim is not None else {}

    def _carry_on(self, relation: Relation) -> None:
        """Carries along a new relation what comes to either end of it, and leaves what was carried before."""
        one, other = relation.from_, relation.to
        if relation.relation == "entails":
            links = [((one, 1), (other, 1)), ((other, -1), (one, -1))]
        else:
            turn = -1 if relation.relation == "negates" else 1
            links = [((a, sign), (b, sign * turn)) for a, b in ((one, other), (other, one)) for sign in (1, -1)]
        for (near, side), far in links:
            for dismisses in (False, True):
                if relation.relation == "entails" and dismisses and side == 1:
                    continue  # a dismissal is carried as an opposition alone
                starts = self.reach.carried_toward(near, side, dismisses)
                if relation.relation == "entails":
                    starts[near] = starts.get(near, 0) | (1 if side == 1 else 2)
                if starts:
                    self._carry_from(starts, self.reach.onward([far], dismisses), dismisses)

    def _carry_from(self, starts: dict[str, int], sides: dict[str, int], dismisses: bool) -> None:
        for name, bits in starts.items():
            claim = self.claims.get(name)
            for source, cell in claim.cells.items() if claim is not None else ():
                own = cell.own
                if own is not None and own.act.dismisses == dismisses and bits & (1 if own.side == 1 else 2):
                    self._bring(name, source, own.act, sides)

    def _bring(self, name: str, source: str, act: Light, sides: dict[str, int]) -> None:
        for far, bits in sides.items():
            claim = self._claim(far)
            assert claim is not None  # whoever is within brings all that it is related to
            arrived = claim.arrived.setdefault(source, {})
            known = arrived.get(name)
            if known is None or known[0] | bits != known[0] or known[1] is not act:
                arrived[name] = (bits | known[0] if known is not None else bits, act)
                self._arriving[far, source] = None

    def _regroup_claims(self, reached: Iterable[str]) -> None:
        """Works out the cells of claims whose classes have changed."""
        class_of = self.desk.lines.class_of
        for name in list(reached):
            members = self.reach.signs(name)
            speakers: set[str] = set()
            for claim in self._inside(members):
                speakers.update(map(class_of, (*claim.on, *claim.perhaps)))
            for source in speakers | self.claims[name].cells.keys():
                self._dirty[name, source] = None
                if any((member, source) in self._judged for member in members):
                    self._unsettled[name, source] = None  # what a retraction takes back hangs on the class

    def _regroup_sources(self, classes: set[str], what: str) -> None:
        """Speakers have become one, or are no longer: their cells are worked out anew."""
        reached = {name for source in classes for name in self._cells_of.get(source, ())}
        self._check_reach(len(reached), what)
        for name in reached:
            self._changed[name] = None
            untils = [self._sweeping[name, other] for other in classes if (name, other) in self._sweeping]
            for source in classes:
                self._dirty[name, source] = None
                if untils:  # what was taken back of one may be another's, and stand again
                    self._sweeping[name, source] = max(untils)
                if any((name, other) in self._judged for other in classes):
                    self._unsettled[name, source] = None

    def _reroot(self, counting: set[str], roots: set[str], what: str) -> None:
        """Some sources may count for others, or be of another kind; some roots may be so, or be tied otherwise."""
        tops = {min(self.desk.circle(name)) for name in roots} | roots
        rooted = [(name, top) for top in tops for name in self._claims_of_root.get(top, ())]
        speaking = [(name, source) for source in counting for name in self._cells_of.get(source, ())]
        if len(rooted) + len(speaking) > self._limit:  # as a rule there are too few to count
            self._check_reach(len({name for name, _ in chain(rooted, speaking)}), what)
        self._rootless.update(dict.fromkeys(speaking))
        self._unsummed.update(dict.fromkeys(rooted))
        for name, top in rooted:
            tied = self.claims[name].tied.get(top)
            if tied is not None and {tied.tie, tied.tie_own} & {TANGLED, DECLARED}:
                self.claims[name].searched.clear()  # what it is tied to may be another, by as many ties
                self._changed[name] = None

    def _check_reach(self, count: int, what: str) -> None:
        if count > self._limit:
            raise OutOfReach(
                f"position {self.position}: {what} changes where {count:,} claims stand, more than {self._limit:,}; "
                "allow more reach, or void it"
            )

    # Working off

    def _work_off(self) -> None:
        while self._unsettled:
            (name, source), _ = self._unsettled.popitem()
            self._resettle(name, source)
        if self._dirty:
            dirty, self._dirty = self._dirty, {}
            for name, source in dirty:
                self._work_out(name, source)
        if self._arriving:
            arriving, self._arriving = self._arriving, {}
            for name, source in arriving:
                self._infer(name, source)
        if self._rootless:
            rootless, self._rootless = self._rootless, {}
            for name, source in rootless:
                self._root(name, source)
        if self._unsummed:
            unsummed, self._unsummed = self._unsummed, {}
            for name, root in unsummed:
                if sum_root(self.claims[name], root, self):
                    self._changed[name] = None

    def _work_out(self, name: str, source: str) -> None:
        """What the acts of a speaker come to on a claim, in own words."""
        claim = self._claim(name)
        if claim is None:
            return
        members = self.reach.signs(name)
        cell = claim.cells.get(source)
        before = cell.own if cell is not None else None
        acts = self._acts(members, "on", source)
        possible = self._acts([member for member, signs in members.items() if 1 in signs], "perhaps", source)
        if cell is None:
            if not acts and not possible and source not in claim.arrived:
                return
            cell = self._new_cell(claim, source)
        work_out(cell, name, members, acts, claim.counts)
        meant = any(light.is_live and any(1 in members.get(own, ()) for own in light.possible) for light in possible)
        cell.put(1 << POSSIBLY, meant << POSSIBLY, claim.counts)
        if cell.own is not before:
            self._move(name, source, before, cell.own)
        self._arriving[name, source] = None

    def _acts(self, members: Iterable[str], place: str, source: str) -> list[Light]:
        """The acts of a speaker that are, or perhaps are, on these claims; in order."""
        positions: set[int] = set()
        for member in members:
            claim = self.claims.get(member)
            if claim is not None:
                held: dict[str, list[int]] = getattr(claim, place)
                for raw in self.desk.members(source):
                    positions.update(held.get(raw, ()))
        lights = (self._lights.get(position) for position in sorted(positions))
        class_of = self.desk.lines.class_of
        return [light for light in lights if light is not None and class_of(light.speaker) == source]

    def _move(self, name: str, source: str, before: Stance | None, now: Stance | None) -> None:
        """A stand has changed: entails carries another."""
        if before is not None:
            self._carry(name, source, before, there=False)
        if now is not None:
            self._carry(name, source, now, there=True)

    def _carry(self, name: str, source: str, stance: Stance, there: bool) -> None:
        """Brings a stand to where entails carries it, or takes it away from there."""
        sides = self.reach.forward(name, stance.side, stance.act.dismisses)
        if there:
            self._bring(name, source, stance.act, sides)
            return
        for far in sides:
            claim = self.claims[far]
            arrived = claim.arrived.get(source)
            if arrived is not None:
                arrived.pop(name, None)
                if not arrived:
                    del claim.arrived[source]
            self._arriving[far, source] = None

    def _carry_all(self, name: str, *, there: bool) -> None:
        claim = self.claims.get(name)
        if claim is not None:
            for source, cell in claim.cells.items():
                if cell.own is not None:
                    self._carry(name, source, cell.own, there)

    def _infer(self, name: str, source: str) -> None:
        """Adds what arrives to a cell, and what the cell now comes to, to its claim."""
        claim = self.claims[name]
        cell = claim.cells.get(source)
        if cell is None:
            if source not in claim.arrived:
                return
            cell = self._new_cell(claim, source)
        cell.inferred, conflict = self._inferred(claim, cell, source)
        bits = (cell.conflict or conflict) << CONFLICTS
        if cell.own is None and cell.inferred is not None:
            bits |= cell.inferred.act.marked << MARKED_INFERRED
        if len(claim.texts) > 1:
            counted = [stance.act for stance in (cell.own or cell.inferred, cell.assessment) if stance is not None]
            bits |= any(reworded(claim.texts, light.position) for light in counted) << REWORDED
        cell.put(1 << CONFLICTS | 1 << MARKED_INFERRED | 1 << REWORDED, bits, claim.counts)
        self._changed[name] = None
        if cell.root is None or self._is_empty(claim, cell, source):
            self._rootless[name, source] = None
        else:
            self._unsummed[name, cell.root] = None

    def _new_cell(self, claim: Claim, source: str) -> Cell:
        self._cells_of.setdefault(source, set()).add(claim.name)
        cell = claim.cells[source] = Cell(source)
        return cell

    def _is_empty(self, claim: Claim, cell: Cell, source: str) -> bool:
        if not cell.is_bare:
            return False
        members = self.reach.signs(claim.name)
        return not self._acts(members, "on", source) and not self._acts(members, "perhaps", source)

    def _inferred(self, claim: Claim, cell: Cell, source: str) -> tuple[Stance | None, int]:
        arrived = claim.arrived.get(source)
        if not arrived:
            return None, 0
        members = self.reach.signs(claim.name)
        by_act: dict[int, tuple[int, Light]] = {}
        for bits, light in arrived.values():
            live = {sign for own in light.claims if own not in light.gone for sign in members.get(own, ())}
            if len(live) < 2:  # else it bears on the claim both ways in own words, and counts here for neither
                by_act[light.position] = (bits | by_act.get(light.position, (0, light))[0], light)
        stance: Stance | None = None
        conflict = 0
        for bits, light in sorted(by_act.values(), key=_arriving_key) if len(by_act) > 1 else by_act.values():
            if bits == 3:
                conflict = 1
            else:
                stance = following(stance, Stance(1 if bits == 1 else -1, light))
        if cell.dismissed and stance is not None and stance.side == -1:
            stance = None
        return stance, conflict

    def _root(self, name: str, source: str) -> None:
        """Finds the root a speaker counts for on a claim, or lets an empty cell go."""
        claim = self.claims.get(name)
        cell = claim.cells.get(source) if claim is not None else None
        if claim is None or cell is None:
            return
        empty = self._is_empty(claim, cell, source)
        kind = cell.kind = self.kind(claim, (source,))
        cell.named = kind in ev.NAMED
        cell.circle = self.desk.circle(source) if cell.named else (source,)
        self._note_open(claim, cell, source, kind)
        root = None if empty else min(cell.circle)
        if cell.root != root:
            if cell.root is not None:
                self._leave(claim, cell.root, source)
            if root is not None:
                claim.by_root.setdefault(root, {})[source] = cell
                self._claims_of_root.setdefault(root, set()).add(name)
        if root is not None:
            self._unsummed[name, root] = None
        cell.root = root
        if empty:
            del claim.cells[source]
            self._cells_of[source].discard(name)
            claim.open.discard(source)

    def _leave(self, claim: Claim, root: str, source: str) -> None:
        speakers = claim.by_root[root]
        del speakers[source]
        if not speakers:
            self._claims_of_root[root].discard(claim.name)
        self._unsummed[claim.name, root] = None

    def _note_open(self, claim: Claim, cell: Cell, source: str, kind: str | None) -> None:
        """Whether what acts tell nearby, once that is elsewhere, may tell otherwise of what kind a speaker or its root
        is: where it is not known, or was told in several ways."""
        is_open = kind is None or self._is_unsure((source,))
        if not is_open and cell.circle != (source,):
            is_open = self._is_unsure(cell.circle) or self.kind(claim, cell.circle) is None
        (claim.open.add if is_open else claim.open.discard)(source)

    def _is_unsure(self, classes: tuple[str, ...]) -> bool:
        """Whether acts tell a root made of these classes to be of several kinds."""
        if self.desk.kind(classes) is not None:
            return False
        kinds, told, plural = 0, self._kinds_told, self.desk.plural
        for name in classes:
            for raw in self.desk.members(name) if name in plural else (name,):
                kinds |= told.get(raw, 0)
        return bool(kinds & kinds - 1)


def _said(said_at: str | None, recorded_us: int, position: int) -> tuple[Key, bool]:
    """Where an act stands in the order in which things were said, and whether its time is marked as uncertain."""
    if said_at is None:
        return (_UNKNOWN, recorded_us, position), False
    earliest, latest, marked = when.parse(said_at)
    if latest is None or latest > recorded_us:
        latest = recorded_us
    if earliest is None:
        return (_UNKNOWN, latest, position), marked
    return (earliest if earliest < recorded_us else recorded_us, latest, position), marked


def _until(record: Record) -> tuple[float, int, int]:
    """Up to where in the order of saying a retraction takes back."""
    span = span_of(record.event, record)
    return order(span._replace(earliest=span.latest) if span.earliest is None else span, record.position)


def _arriving_key(arriving: tuple[int, Light]) -> tuple[float, int, int]:
    return arriving[1].key


def _is_text(value: object) -> bool:
    return isinstance(value, str)
