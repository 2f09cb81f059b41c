"""Where do all claims stand after one more record? The rules `status/1` kept up to date, not worked out anew.

`projections.status` judges one claim by the records that bear on it. To judge every claim of a million events at every
position that way would take days, so this keeps, for each claim and each speaker, one *cell*: what the speaker's acts
come to on the claim. A record touches few cells, and the row of a claim is made of counters that its cells and roots
add up to. Whatever is taken back, corrected, amended, voided or related anew has its acts settled again by
`projections.world`, the code that a single status goes by. The two must agree at every position; tests hold them
against each other.

It answers at the knowledge cut alone. The world cut is a fold of its own.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain
from typing import Final, NamedTuple, get_args

from ledger import events as ev
from ledger import names
from ledger.clerk import Clerk
from ledger.errors import NotFound
from ledger.lines import Lines
from ledger.records import ACTS, Record, changes_within, targets

from .board import Row, named_by
from .cells import (
    CONFLICTS,
    MARKED_INFERRED,
    POSSIBLY,
    REWORDED,
    Cell,
    Light,
    Stance,
    add_up,
    following,
    reworded,
    work_out,
)
from .dossier import new_sources, new_targets
from .reach import CARRIED, Literals, Relation
from .reached import REACH, OutOfReach
from .register import SourceInfo, source_info
from .standing import Claim, put, row_of, sum_root
from .world import Act, World, span_of

_KINDS: Final[Sequence[str | None]] = (None, *get_args(ev.Kind))
_KIND: Final = {kind: number for number, kind in enumerate(_KINDS)}
_UTTERANCES: Final = (*ACTS, ev.Retraction, ev.Correction)
_CLERKS: Final = (ev.RecordAmended, ev.RecordVoided)


class Reading(NamedTuple):
    """How the few records that must be looked at again are found, none of them later than the one being taken."""

    by_id: Callable[[str], Record]
    """Raises NotFound."""
    at: Callable[[int], Record]
    of: Callable[[str, str, int], Iterable[Record]]
    """The records about a claim in whose chain a source stands, up to a position."""


class Tracker:
    """Every claim of a ledger, kept up to date record by record."""

    def __init__(self, reading: Reading, *, reach: int = REACH) -> None:
        self._reading = reading
        self._limit = reach
        self.position = 0
        self.gone: list[str] = []
        """The claims that the last record named or reached, and that are not registered."""
        self.claims: dict[str, Claim] = {}
        self.lines = Lines(())
        self.independent: set[str] = set()
        """The classes that are declared independent of another."""
        self.reach = Literals()
        self._lights: dict[int, Light] = {}
        # What is not as it came in: the clerk has all that amends, voids or is about another record, and its targets.
        self._clerk = Clerk()
        self._disturbed: set[int] = set()
        self._about: dict[str, dict[str, None]] = {}
        self._sweeping: set[tuple[str, str]] = set()
        """The claims and speakers of which a retraction may take back what comes late, too."""
        self._judged: dict[tuple[str, str], set[str]] = {}
        """Those whose acts were taken back or denied, with all sources by whose relations that stands or falls."""
        # The register
        self._held: dict[str, Record | None] = {}
        self._relations: dict[int, tuple[str, ev.ClaimsRelated | ev.SourceRelated]] = {}
        self._withdrawn: dict[str, set[int]] = {}
        self._sources: dict[str, SourceInfo] = {}
        self._entries: dict[str, dict[int, ev.SourceRegistered]] = {}
        self._same: dict[str, list[str]] = {}
        self._below: dict[str, set[str]] = {}
        self.tied: set[str] = set()
        self._cells_of: dict[str, set[str]] = {}
        self._kinds_told: dict[str, int] = {}
        self._told_on: dict[str, set[str]] = {}
        """The claims on which acts tell of what kind a source is, or once told."""
        self._unsure: set[str] = set()
        """The sources that were told to be of several kinds."""
        self._plural: set[str] = set()
        """The sources that share a kind with others: the same as another, or in a circle with it."""
        # What is left to be done for the record being taken
        self._unsettled: dict[tuple[str, str], None] = {}
        self._dirty: dict[tuple[str, str], None] = {}
        self._arriving: dict[tuple[str, str], None] = {}
        self._rootless: dict[tuple[str, str], None] = {}
        self._unsummed: dict[tuple[str, str], None] = {}
        self._changed: dict[str, None] = {}

    def take(self, record: Record) -> list[str]:
        """Takes the next record in; gives the registered claims whose rows may have changed.

        Raises OutOfReach where it would change more claims than is allowed.
        """
        self._changed = {}
        self.position = record.position
        event = record.event
        if isinstance(event, ACTS) and not targets(event):  # most records are
            self._touch(record, (*event.claims, *event.possible_claims))
            self._take_act(record)
        else:
            self._touch(record, self._named(event))
            self._take_other(record)
        self._work_off()
        self.gone = [claim for claim in self._changed if self.claims[claim].kind is None]
        return [claim for claim in self._changed if self.claims[claim].kind is not None]

    def row(self, claim: str) -> Row | None:
        """The row of a claim on the board; None where it is not registered."""
        found = self.claims.get(claim)
        return None if found is None or found.kind is None else row_of(found, self)

    def registered(self, source_class: str) -> list[SourceInfo]:
        """What is registered of the sources of a class, what was told last at the end."""
        infos = [self._sources[source] for source in self.members(source_class) if source in self._sources]
        return sorted(infos, key=lambda info: info.position) if len(infos) > 1 else infos

    def members(self, source_class: str) -> Iterable[str]:
        """The sources of a class."""
        return self._same.get(source_class) or (source_class,)

    # Records that are not about others

    def _touch(self, record: Record, claims: Iterable[str]) -> None:
        for name in claims:
            self._claim(name).changed = (record.position, record.recorded_us)
            self._changed[name] = None

    def _named(self, event: ev.Event) -> set[str]:
        claims = set(named_by(event))
        for target in targets(event):
            claims |= self._named(self._reading.by_id(target).event)
        return claims

    def _claim(self, name: str) -> Claim:
        found = self.claims.get(name)
        if found is None:
            found = self.claims[name] = Claim(name)
        return found

    def _take_act(self, record: Record) -> None:
        event = record.event
        assert isinstance(event, ACTS)
        speaker = names.speaker(event.chain)
        source = self.lines.class_of(speaker)
        light = Light(Act(record, event, span_of(event, record), source))
        self._lights[record.position] = light
        for name in event.claims:
            self._place(self._claim(name).on, speaker, record.position)
            self._mark(name, source)
            if (name, source) in self._sweeping:
                self._unsettled[name, source] = None
            self._tell(name, event, record.position)
        for name in light.possible:
            self._place(self._claim(name).perhaps, speaker, record.position)
            self._mark(name, source)

    def _place(self, places: dict[str, list[int]], speaker: str, position: int) -> None:
        held = places.setdefault(speaker, [])
        if not held or held[-1] < position:
            held.append(position)
        elif position not in held:
            insort(held, position)

    def _mark(self, name: str, source: str) -> None:
        for member in self.reach.signs(name):
            self._dirty[member, source] = None

    def _tell(self, name: str, event: ev.Act, position: int) -> None:
        claim = self._claim(name)
        for source, code in _telling(event, position):
            before = max((tells.get(source, 0) for tells in (claim.told, *claim.retold.values())), default=0)
            claim.told[source] = code
            self._told_on.setdefault(source, set()).add(name)
            kinds = self._note_kind(source, code)
            # Else it was told so before, never to be of another kind anywhere, and by nobody else's kind it counts.
            if not before or kinds != 1 << (code & 15) or source in self._plural:
                self._retell(name, source)

    def _note_kind(self, source: str, code: int) -> int:
        """Notes a kind that an act tells; gives all that were ever told, as bits."""
        kinds = self._kinds_told[source] = self._kinds_told.get(source, 0) | 1 << (code & 15)
        if kinds & kinds - 1:
            self._unsure.add(source)
        return kinds

    def _retell(self, name: str, source: str) -> None:
        """The kind of a source is told otherwise by acts on a claim: whoever counts by it is rooted anew."""
        source = self.lines.class_of(source)
        top = self.lines.top(source)
        for near in self.reach.near(name):
            claim = self.claims.get(near)
            if claim is not None:
                if source in claim.cells:
                    self._rootless[near, source] = None
                if top in claim.by_root:
                    self._unsummed[near, top] = None

    # Records about others

    def _take_other(self, record: Record) -> None:
        event = record.event
        if isinstance(event, (*_UTTERANCES, *_CLERKS, ev.RelationWithdrawn)):
            self._keep(record)
        else:
            self._clerk.by_id[record.id] = record
        if isinstance(event, _CLERKS):
            for event_id in list(self._bases(record.id)):
                self._settle(event_id)
        else:
            self._settle(record.id)
            if not isinstance(event, (*_UTTERANCES, ev.RelationWithdrawn)):
                del self._clerk.by_id[record.id]

    def _keep(self, record: Record) -> None:
        """Gives the clerk a record and all that it is about, or may be by a change."""
        if record.id not in self._clerk.by_id:
            self._clerk.add(record)
            for target in (*targets(record.event), *new_targets(getattr(record.event, "changes", {}))):
                self._keep_named(target)

    def _keep_named(self, event_id: str) -> None:
        if event_id not in self._clerk.by_id:
            with suppress(NotFound):  # a change may name what is not there
                self._keep(self._reading.by_id(event_id))

    def _bases(self, event_id: str) -> Iterator[str]:
        """The entries that an amendment or void changes in the end: it may void a void that amends …"""
        found = {event_id: None}
        for known in (queue := list(found)):  # grows while it is walked
            record = self._clerk.by_id.get(known)
            if record is None:
                continue
            if not isinstance(record.event, _CLERKS):
                yield known
                continue
            more = dict.fromkeys(targets(record.event))
            for about in (known, *self._clerk.about(known)):  # it may be moved, or may have been
                more |= dict.fromkeys(new_targets(getattr(self._clerk.by_id[about].event, "changes", {})))
            queue += [target for target in more if target not in found]
            found |= more

    def _settle(self, event_id: str) -> None:
        """Brings an entry to what it now says."""
        raw = self._clerk.by_id[event_id]
        if isinstance(raw.event, _UTTERANCES):
            self._disturb(raw)
            return
        now = self._clerk.effective(event_id)
        before = self._held.get(event_id)
        if before is not None and now is not None and before.event == now.event:
            return
        self._held[event_id] = now
        for record, there in ((before, False), (now, True)):
            if record is not None:
                self._enter(record, there)
                self._work_off()  # what comes next must not find half of it done

    def _disturb(self, raw: Record) -> None:
        """An utterance is about others, or was amended or voided: the acts that hang on it are settled anew."""
        found = {raw.id: None}
        for event_id in (queue := list(found)):  # grows while it is walked
            record = self._clerk.by_id.get(event_id)
            if record is None:
                continue
            for version in (record, self._clerk.effective(event_id)):
                if version is None or not isinstance(version.event, _UTTERANCES):
                    continue
                for target in (*targets(version.event), *new_targets(getattr(version.event, "changes", {}))):
                    self._about.setdefault(target, {})[event_id] = None
                    if target not in found:
                        found[target] = None
                        queue.append(target)
                        self._keep_named(target)
            if isinstance(record.event, ACTS):
                self._disturb_act(record)

    def _disturb_act(self, raw: Record) -> None:
        """Finds the claims and speakers an act is of, was of, or may be of once it is corrected."""
        versions = [raw.event]
        now = self._clerk.effective(raw.id)
        if now is not None:
            versions.append(now.event)
        claims: dict[str, None] = {}
        possible: dict[str, None] = {}
        speakers: dict[str, None] = {}
        for event in versions:
            assert isinstance(event, ACTS)
            claims |= dict.fromkeys(event.claims)
            possible |= dict.fromkeys(event.possible_claims)
            speakers[names.speaker(event.chain)] = None
        for other in self._about.get(raw.id, ()):
            for version in (self._clerk.by_id.get(other), self._clerk.effective(other)):
                changes = getattr(version.event, "changes", {}) if version is not None else {}
                for within in changes_within(changes):
                    claims |= dict.fromkeys(filter(_is_text, within.get("claims") or ()))
                    possible |= dict.fromkeys(filter(_is_text, within.get("possible_claims") or ()))
                speakers |= dict.fromkeys(new_sources(changes))
        light = self._lights.get(raw.position)
        if light is not None:  # as it was until now
            claims |= dict.fromkeys(light.claims)
            possible |= dict.fromkeys(light.possible)
            speakers[light.speaker] = None
        self._disturbed.add(raw.position)
        for names_, place in ((claims, "on"), (possible, "perhaps")):
            for name in names_:
                for speaker in speakers:
                    source = self.lines.class_of(speaker)
                    self._place(getattr(self._claim(name), place), speaker, raw.position)
                    self._unsettled[name, source] = None
                    self._mark(name, source)
        self._untell(raw, claims)

    def _untell(self, raw: Record, claims: Iterable[str]) -> None:
        """What a disturbed act told of kinds, it tells no longer but as it is settled."""
        assert isinstance(raw.event, ACTS)
        for name in claims:
            claim = self._claim(name)
            for source, code in _telling(raw.event, raw.position):
                if claim.told.get(source) != code:
                    continue
                del claim.told[source]
                for record in self._reading.of(name, source, self.position):
                    event = record.event
                    if isinstance(event, ACTS) and name in event.claims and record.position not in self._disturbed:
                        for other, other_code in _telling(event, record.position):
                            if other == source and other_code > claim.told.get(source, 0):
                                claim.told[source] = other_code
                self._retell(name, source)

    def _resettle(self, name: str, source: str) -> None:
        """Settles the acts of a speaker on a class of claims, as a single status does."""
        members = self.reach.signs(name)
        raws = set(self.members(source))
        positions = {
            position
            for member in members
            for places in (self._claim(member).on, self._claim(member).perhaps)
            for raw in raws
            for position in places.get(raw, ())
        }
        utterances = self._utterances(positions)
        acts = {act.position: act for act in World(self, utterances, None).acts}
        for position in positions:
            act = acts.get(position)
            if act is None or act.source == source:  # else it is settled among the acts of who is its speaker by now
                self._replace(position, act, members)
        spoken = [record.event for record in utterances]
        retracted = any(isinstance(event, ev.Retraction) for event in spoken)
        involved: set[str] = set()
        if retracted or any(isinstance(event, ev.Denial) for event in spoken):
            involved.update(chain.from_iterable(names.sources(e.chain) for e in spoken if isinstance(e, _UTTERANCES)))
        for member in members:
            (self._sweeping.add if retracted else self._sweeping.discard)((member, source))
            put(self._judged, (member, source), involved or None)

    def _utterances(self, positions: Iterable[int]) -> list[Record]:
        """Acts and all that is about them, as the clerk has it, in order."""
        records: dict[str, Record] = {}
        for position in positions:
            record = self._reading.at(position)
            known = self._clerk.effective(record.id) if record.id in self._clerk.by_id else record
            if known is not None:
                records[known.id] = known
        for event_id in (queue := list(records)):  # grows while it is walked
            for other in self._about.get(event_id, ()):
                utterance = self._clerk.effective(other)
                if utterance is not None and other not in records:
                    records[other] = utterance
                    queue.append(other)
        return sorted(records.values(), key=_position)

    def _replace(self, position: int, act: Act | None, members: Iterable[str]) -> None:
        """Puts an act in the place of what it was. What was taken back of it outside this class is settled there."""
        before = self._lights.pop(position, None)
        now = None
        if act is not None:
            now = self._lights[position] = Light(act)
            if now.claims:
                now.gone = {claim: why for claim, why in now.gone.items() if claim in members}
                if before is not None:
                    kept = {c: why for c, why in before.gone.items() if c not in members and c in now.claims}
                    now.gone |= kept
        for light in (before, now):
            if light is not None:
                source = self.lines.class_of(light.speaker)
                for name in (*light.claims, *light.possible):
                    self._mark(name, source)
        if position in self._disturbed:
            self._tell_settled(position, before, act)

    def _tell_settled(self, position: int, before: Light | None, act: Act | None) -> None:
        telling = dict(_telling(act.event, position)) if act is not None else {}
        now = set(act.event.claims) if act is not None else set()
        for name in now.union(before.claims if before is not None else ()):
            claim = self._claim(name)
            told = claim.retold.pop(position, {})
            tells = telling if name in now else {}
            if tells:
                claim.retold[position] = tells
                for source, code in tells.items():
                    self._told_on.setdefault(source, set()).add(name)
                    self._note_kind(source, code)
            for source in told.keys() | tells.keys():
                if told.get(source) != tells.get(source):
                    self._retell(name, source)

    # The register

    def _enter(self, record: Record, there: bool) -> None:
        """Makes an entry of the register count, or count no more."""
        event, position = record.event, record.position
        match event:
            case ev.ClaimRegistered() | ev.ClaimReworded():
                claim = self._claim(event.claim)
                put(claim.entries, position, event if there else None)
                self._retext(claim)
            case ev.ClaimsRelated() | ev.SourceRelated():
                put(self._relations, position, (record.id, event) if there else None)
                if record.id not in self._withdrawn:
                    self._relate(event, record.id, position, there)
            case ev.RelationWithdrawn():
                self._withdraw(event.target, position, there)
            case ev.SourceRegistered():
                self._register(event, position, there)
            case _:  # gradings, rulings and evidence stand beside the status
                pass

    def _retext(self, claim: Claim) -> None:
        claim.texts, claim.kind = [], None
        for position, event in sorted(claim.entries.items()):
            if isinstance(event, ev.ClaimRegistered):
                claim.kind = event.kind
            if claim.kind is not None:
                claim.texts.append((position, event.text))
        self._changed[claim.name] = None
        for source in claim.cells:
            self._dirty[claim.name, source] = None

    def _withdraw(self, target: str, position: int, there: bool) -> None:
        by = self._withdrawn.setdefault(target, set())
        held = not by
        (by.add if there else by.discard)(position)
        if not by:
            del self._withdrawn[target]
        now = self._held.get(target)
        entered = self._relations.get(now.position) if now is not None else None
        if now is not None and entered is not None and held != (not by):
            self._relate(entered[1], target, now.position, not by)

    def _register(self, event: ev.SourceRegistered, position: int, there: bool) -> None:
        entries = self._entries.setdefault(event.source, {})
        put(entries, position, event if there else None)
        self._sources.pop(event.source, None)
        for at in sorted(entries):
            self._sources[event.source] = source_info(entries[at], at, self._sources.get(event.source))
        self._reroot([self.lines.class_of(event.source)], f"what is registered of source {event.source!r}")

    def _relate(self, event: ev.ClaimsRelated | ev.SourceRelated, event_id: str, position: int, there: bool) -> None:
        if isinstance(event, ev.ClaimsRelated):
            self._relate_claims(Relation(event_id, event.from_, event.to, event.relation), there)
        else:
            self._relate_sources(event, event_id, position, there)

    def _relate_claims(self, relation: Relation, there: bool) -> None:
        reach = self.reach
        # Near either end with the relation, they are never more than near both without it.
        reached = reach.neighbourhood(relation.from_) | reach.neighbourhood(relation.to)
        self._check_reach(len(reached), f"relation {relation.id!r}")
        if there:
            reach.add(relation, reached)
            self._carry_on(relation)
        else:
            for name in reached:
                self._carry_all(name, there=False)
            reach.remove(relation, reached)
            for name in reached:
                self._carry_all(name, there=True)
        for name in reached:
            for source, cell in self._claim(name).cells.items():
                if not there or not self._is_settled(cell, source):  # kinds are told nearby, which is elsewhere now
                    self._rootless[name, source] = None
                    if cell.root is not None:
                        self._unsummed[name, cell.root] = None
        if relation.relation != "entails":
            self._regroup(reach.signs(relation.from_) if there else reached)

    def _carry_on(self, relation: Relation) -> None:
        """Carries along a new relation what comes to either end of it, and leaves what was carried before."""
        one, other = relation.from_, relation.to
        if relation.relation == "entails":
            links = [((one, 1), (other, 1)), ((other, -1), (one, -1))]
        else:
            turn = -1 if relation.relation == "negates" else 1
            links = [((a, sign), (b, sign * turn)) for a, b in ((one, other), (other, one)) for sign in (1, -1)]
        for near, far in links:
            for dismisses in (False, True):
                if relation.relation == "entails" and dismisses and near[1] == 1:
                    continue  # a dismissal is carried as an opposition alone
                walk = (self.reach.dismissed_toward if dismisses else self.reach.toward)(*near)
                starts = {(step.claim, step.sign): None for step in walk if step.how == CARRIED}
                if relation.relation == "entails":
                    starts[near] = None
                sides = self.reach.sides(self.reach.closure([far], dismisses))
                for name, side in starts:
                    claim = self.claims.get(name)
                    for source, cell in claim.cells.items() if claim is not None else ():
                        if cell.own is not None and cell.own.side == side and cell.own.act.dismisses == dismisses:
                            self._bring(name, source, cell.own.act, sides)

    def _bring(self, name: str, source: str, act: Light, sides: dict[str, int]) -> None:
        for far, bits in sides.items():
            arrived = self._claim(far).arrived.setdefault(source, {})
            known = arrived.get(name)
            if known is None or known[0] | bits != known[0] or known[1] is not act:
                arrived[name] = (bits | known[0] if known is not None else bits, act)
                self._arriving[far, source] = None

    def _regroup(self, reached: Iterable[str]) -> None:
        """Works out the cells of claims whose classes have changed."""
        for name in reached:
            speakers = set(self._claim(name).cells)
            for member in self.reach.signs(name):
                of = self._claim(member)
                speakers.update(map(self.lines.class_of, (*of.on, *of.perhaps)))
            for source in speakers:
                self._dirty[name, source] = None
                if any((member, source) in self._judged for member in self.reach.signs(name)):
                    self._unsettled[name, source] = None  # what a retraction takes back hangs on the class

    def _relate_sources(self, event: ev.SourceRelated, event_id: str, position: int, there: bool) -> None:
        what = f"relation {event_id!r}"
        ends = {event.from_, event.to}
        before = {self.lines.class_of(end) for end in ends}
        sources = {raw for name in before for raw in self.members(name)}
        below = self._all_below(before)
        if there and event.relation != "same_as" and position == self.position:
            self.lines.add(event)  # the latest, as a rule
            self._tie(event)
        else:
            self._relate_sources_anew()
        lines = self.lines
        after = {lines.class_of(source) for source in sources | ends}
        if event.relation == "same_as":
            self._merge(before | after, what)
        below |= self._all_below(after)
        moved = {raw for name in below for raw in self.members(name)} | sources
        for judged, involved in self._judged.items():
            if not involved.isdisjoint(moved):
                self._unsettled[judged] = None
        self._reroot(below, what)

    def _relate_sources_anew(self) -> None:
        held = [
            relation
            for _, (relation_id, relation) in sorted(self._relations.items())
            if isinstance(relation, ev.SourceRelated) and relation_id not in self._withdrawn
        ]
        self.lines = Lines(held)
        self._same, self._below, self.tied, self.independent = {}, {}, set(), set()
        for relation in held:
            if relation.relation == "same_as":
                members = self._same.setdefault(self.lines.class_of(relation.from_), [])
                members += sorted({relation.from_, relation.to}.difference(members))
        self._plural = {raw for members in self._same.values() for raw in members}
        for relation in held:
            self._tie(relation)

    def _tie(self, relation: ev.SourceRelated) -> None:
        """Notes what hangs on a relation between sources that holds."""
        near, far = self.lines.class_of(relation.from_), self.lines.class_of(relation.to)
        if relation.relation == "same_as" or near == far:
            return
        if relation.relation != "speaks_for":
            self.tied |= {near, far}
        if relation.relation == "independent_of":
            self.independent |= {near, far}
            return
        self._below.setdefault(far, set()).add(near)
        if len(circle := self.lines.circle(near)) > 1:
            self._plural.update(circle)

    def _merge(self, classes: set[str], what: str) -> None:
        """Speakers have become one, or are no longer: their cells are worked out anew."""
        reached = {name for source in classes for name in self._cells_of.get(source, ())}
        self._check_reach(len(reached), what)
        for name in reached:
            for source in classes:
                self._dirty[name, source] = None
                self._unsettled[name, source] = None

    def _all_below(self, classes: Iterable[str]) -> set[str]:
        """These classes, and those that speak for them, are members of them or republish them, and so on."""
        found = set(classes)
        for source in (queue := list(found)):  # grows while it is walked
            for other in self._below.get(source, ()):
                if other not in found:
                    found.add(other)
                    queue.append(other)
        return found

    def _reroot(self, classes: Iterable[str], what: str) -> None:
        below = self._all_below(classes)
        reached = {(name, source) for source in below for name in self._cells_of.get(source, ())}
        self._check_reach(len({name for name, _ in reached}), what)
        for name, source in reached:
            claim = self.claims[name]
            self._rootless[name, source] = None
            for root in (self.lines.top(source), source):
                if root in claim.by_root:
                    self._unsummed[name, root] = None
            if claim.searched:
                claim.searched.clear()
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
        for name, source in self._dirty:
            self._work_out(name, source)
        self._dirty = {}
        for name, source in self._arriving:
            self._infer(name, source)
        self._arriving = {}
        for name, source in self._rootless:
            self._root(name, source)
        self._rootless = {}
        for name, root in self._unsummed:
            if sum_root(self.claims[name], root, self):
                self._changed[name] = None
        self._unsummed = {}

    def _work_out(self, name: str, source: str) -> None:
        """What the acts of a speaker come to on a claim, in own words."""
        claim = self._claim(name)
        members = self.reach.signs(name)
        cell = claim.cells.get(source)
        before = cell.own if cell is not None else None
        acts = self._acts(members, "on", source)
        possible = self._acts([member for member, signs in members.items() if 1 in signs], "perhaps", source)
        if cell is None:
            if not acts and not possible and source not in claim.arrived:
                return
            cell = self._new_cell(claim, source)
        work_out(cell, name, members, acts)
        if any(light.is_live and any(1 in members.get(own, ()) for own in light.possible) for light in possible):
            cell.base = (*cell.base[:POSSIBLY], 1, *cell.base[POSSIBLY + 1 :])
        if cell.own != before:
            if before is not None:
                self._carry(name, source, before, there=False)
            if cell.own is not None:
                self._carry(name, source, cell.own, there=True)
        self._arriving[name, source] = None

    def _acts(self, members: Iterable[str], place: str, source: str) -> list[Light]:
        """The acts of a speaker that are, or perhaps are, on these claims; in order."""
        positions: set[int] = set()
        for member in members:
            claim = self.claims.get(member)
            if claim is not None:
                held: dict[str, list[int]] = getattr(claim, place)
                for raw in self.members(source):
                    positions.update(held.get(raw, ()))
        lights = (self._lights.get(position) for position in sorted(positions))
        return [light for light in lights if light is not None and self.lines.class_of(light.speaker) == source]

    def _carry(self, name: str, source: str, stance: Stance, there: bool) -> None:
        """Brings a stand to where entails carries it, or takes it away from there."""
        sides = self.reach.sides(self.reach.forward(name, stance.side, stance.act.dismisses))
        if there:
            self._bring(name, source, stance.act, sides)
            return
        for far in sides:
            claim = self._claim(far)
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
        numbers = list(cell.base)
        numbers[CONFLICTS] += conflict
        if cell.own is None and cell.inferred is not None:
            numbers[MARKED_INFERRED] = int(cell.inferred.act.marked)
        counted = [stance.act for stance in (cell.stand,) if stance is not None]
        if len(claim.texts) > 1:
            counted += [cell.assessment] if cell.assessment is not None else []
            numbers[REWORDED] = int(any(reworded(claim.texts, light.position) for light in counted))
        after = tuple(numbers)
        if after != cell.numbers:
            add_up(claim.numbers, cell.numbers, after)
            cell.numbers = after
            self._changed[name] = None
        if cell.root is None:
            self._rootless[name, source] = None
        else:
            self._unsummed[name, cell.root] = None
        if self._is_empty(claim, cell, source):
            self._rootless[name, source] = None

    def _new_cell(self, claim: Claim, source: str) -> Cell:
        self._cells_of.setdefault(source, set()).add(claim.name)
        cell = claim.cells[source] = Cell()
        return cell

    def _is_empty(self, claim: Claim, cell: Cell, source: str) -> bool:
        if cell.stand is not None or any(cell.numbers):
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
        for bits, light in sorted(by_act.values(), key=lambda arriving: arriving[1].key):
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
        kind = self.kind(claim, (source,))
        cell.named = kind in ev.NAMED
        cell.circle = tuple(self.lines.circle(source)) if cell.named else (source,)
        cell.known = kind is not None and (
            cell.circle == (source,) or all(self.kind(claim, (name,)) for name in cell.circle)
        )
        root = None if empty else min(cell.circle)
        if cell.root is not None and cell.root != root:
            claim.by_root[cell.root].remove(source)
            self._unsummed[name, cell.root] = None
        if root is not None and cell.root != root:
            claim.by_root.setdefault(root, []).append(source)
        if root is not None:
            self._unsummed[name, root] = None
        cell.root = root
        if empty:
            del claim.cells[source]
            self._cells_of[source].discard(name)

    # What is known of roots on a claim

    def kind(self, claim: Claim, classes: Iterable[str]) -> str | None:
        """The kind of a root made of these classes: by the register, else by the latest act near the claim."""
        raws = [raw for name in classes for raw in self.members(name)]
        registered = [info for raw in raws if (info := self._sources.get(raw)) is not None and info.kind]
        if registered:
            return max(registered, key=lambda info: info.position).kind
        kinds = 0
        for raw in raws:
            kinds |= self._kinds_told.get(raw, 0)
        if kinds & kinds - 1 == 0:  # never told to be of two kinds, anywhere: who tells it last is all the same
            return _KINDS[kinds.bit_length() - 1] if kinds and self._is_told(claim, raws) else None
        told = (tells.get(raw, 0) for raw in raws for tells in self._tells_near(claim, raw))
        return _KINDS[max(told, default=0) & 15]

    def _is_told(self, claim: Claim, raws: list[str]) -> bool:
        """Whether any act near a claim tells of what kind one of these sources is."""
        for raw in raws:
            if raw in claim.told:
                return True
            for name in claim.arrived.get(raw, ()):  # as a rule the act that brings a speaker here tells its kind
                if raw in self.claims[name].told:
                    return True
        return any(raw in tells for raw in raws for tells in self._tells_near(claim, raw))

    def _tells_near(self, claim: Claim, raw: str) -> Iterator[dict[str, int]]:
        """What acts tell on those claims near one, on which any told of a source."""
        near, on = self.reach.near(claim.name), self._told_on.get(raw, ())
        few, many = (on, near) if len(on) < len(near) else (near, on)
        for name in few:
            if name in many:
                told = self.claims[name]
                yield told.told
                if told.retold:
                    yield from told.retold.values()

    def _is_settled(self, cell: Cell, source: str) -> bool:
        """Whether no act that comes near can tell otherwise of what kind a speaker is, or its root."""
        if not cell.known or source in self._unsure or source in self._plural:
            return False
        return cell.circle == (source,) or (
            self._unsure.isdisjoint(cell.circle) and self._plural.isdisjoint(cell.circle)
        )


def _telling(event: ev.Act, position: int) -> Iterator[tuple[str, int]]:
    """Of what kind an act tells its sources to be; of two links of one source, the nearest to the utterer tells."""
    best: dict[str, int] = {}
    for place, (link, source) in enumerate(zip(event.chain, names.sources(event.chain), strict=True)):
        if link.kind is not None and source not in best:
            best[source] = position << 10 | (63 - place) << 4 | _KIND[link.kind]
    return iter(best.items())


def _position(record: Record) -> int:
    return record.position


def _is_text(value: object) -> bool:
    return isinstance(value, str)
