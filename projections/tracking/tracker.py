"""Where do all claims stand after one more record? The rules `status/1` kept up to date, not worked out anew.

`projections.status` judges one claim by the records that bear on it. To judge every claim of a million events at every
position that way would take days, so this keeps, for each claim and each speaker, one *cell*: what the speaker's acts
come to on the claim. A record touches few cells, and the row of a claim is made of counters that its cells and roots
add up to. An act that nothing is done to is added to its cell in constant time. Whatever is taken back, corrected,
amended or voided has its acts settled again by `projections.world`, the code that a single status goes by. The two must
agree at every position; tests hold them against each other.

Each rule of `projections.status` has its twin here: stands (1) in `cells`, taking back (2) in `unsettled`, roots (3) in
`standing`, relations (4) in `webs` and `carried`, counting (5) in `tied`, the primary status and the flags (6, 7) in
`columns`; of what kind a source is, in `kinds`.

It answers at the knowledge cut alone. The world cut is a fold of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from typing import Any, Final

from ledger import events as ev
from ledger import names, when
from ledger.records import ACTS, CLERKS, UTTERANCES, Record
from ledger.saying import Key

from ..board import Row
from ..named import Naming
from ..reach import Relation
from .cells import ASSESSMENTS, KINDS, Light, light_of
from .columns import columns_of
from .desk import SEARCHED
from .quotations import words_of
from .rows import Columns, to_row
from .standing import Claim, put, sum_root
from .unsettled import Finding, Unsettled

_UNKNOWN: Final = float("-inf")


class Tracker(Unsettled):
    """Every claim of a ledger, or of some whole clusters of it, kept up to date record by record.

    `by_id` finds the few records that must be looked at again, none of them later than the one being taken; it raises
    NotFound.
    """

    def __init__(
        self,
        by_id: Callable[[str], Record],
        *,
        within: Container[str] | None = None,
        finds: Finding | None = None,
    ) -> None:
        super().__init__(by_id, within, finds)
        self.position = 0
        self._relations: dict[str, tuple[int, ev.ClaimsRelated | ev.SourceRelated]] = {}
        self._withdrawn: dict[str, set[int]] = {}
        self._naming = Naming(self._entries.find)

    def take(self, record: Record) -> Iterable[str]:
        """Takes the next record in; gives the claims whose rows may have changed."""
        self._changed = {}
        self.position = record.position
        event = record.event
        if isinstance(event, ACTS) and not (isinstance(event, ev.Denial) and event.acts):  # most records are
            self._take_act(record, event)
        else:
            self._touch(record, self._naming.take(record))
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

    def _take_act(self, record: Record, event: ev.Act) -> None:
        """The hot path of every rebuild: an act goes into one cell of each of its claims."""
        position, recorded_us = record.position, record.recorded_us
        sources = names.fresh_sources(event.chain)
        speaker = sources[0]
        key, marked = _said(event.said_at, recorded_us, position)
        light = self._lights[position] = light_of(event, sources, key, marked)
        if len(event.claims) == 1 and event.claims[0] in self.claims:
            light.claims = self.claims[event.claims[0]].alone  # one for all acts on it
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
            elif plain and self._adds_up(name, source, light):
                for member, signs in self.reach.signs(name).items():
                    self._add(self.claims[member], source, light, min(signs), member == name)
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

        What `_root`, `_know` and `_infer` come to there.
        """
        cell, name, desk = self._new_cell(claim, source), claim.name, self.desk
        cell.add(light, (), claim.counts)
        kind = desk.kinds.get(source)
        if kind is None:
            told = claim.told.get(source)
            kinds = self._kinds_told.get(source, 0)
            if told is None or kinds & kinds - 1:
                self._open(claim, source)
            kind = None if told is None else KINDS[told & 15]
        cell.kind = kind
        cell.named = kind in ev.NAMED
        cell.circle = circle = desk.circle(source) if cell.named else desk.alone(source)
        if len(circle) > 1 or circle[0] != source:
            self._know(claim, cell, source)
        cell.root = root = min(circle)
        claim.join(root, cell)
        self._claims_of_root.setdefault(root, set()).add(name)
        if len(claim.texts) > 1:
            self._arriving[name, source] = None
        if cell.own is not None:
            sum_root(claim, root, self)

    def _add(self, claim: Claim, source: str, light: Light, sign: int = 1, named: bool = True) -> None:
        """Adds an act to a cell of a claim: of the one that it names, or of one in whose class that has this sign."""
        cell = claim.cells.get(source)
        if cell is None:
            cell = self._new_cell(claim, source)
        before = cell.own
        restands = cell.add(light, self._still_on(claim, light), claim.counts, sign, named)
        name = claim.name
        self._changed[name] = None
        if cell.own is not before and name in self.reach.of:
            self._move(name, source, before, cell.own)
        if cell.inferred is not None or source in claim.arrived or len(claim.texts) > 1:
            self._arriving[name, source] = None
        if cell.root is None:
            self._rootless[name, source] = None
        elif restands:
            self._unsummed[name, cell.root] = None

    def _adds_up(self, name: str, source: str, light: Light) -> bool:
        """Whether an act only adds to what its speaker's acts come to on a class of claims: a plain one, on one of
        them, where each has one sign. A dismissal may end a side and take none."""
        if light.code > ASSESSMENTS or light.dismisses or len(light.claims) > 1:
            return False
        for member, signs in self.reach.signs(name).items():
            claim = self.claims.get(member)
            cell = claim.cells.get(source) if claim is not None else None
            if claim is None or len(signs) > 1 or (cell is not None and cell.dismissed):
                return False
        return True

    def _still_on(self, claim: Claim, light: Light) -> Iterator[tuple[Key, int]]:
        """The speaker's other acts that still stand on the class of a claim: when they were said, and their sides."""
        members = self.reach.signs(claim.name)
        for member in members:
            for position in self.claims[member].on.get(light.speaker, ()):
                other = self._lights.get(position)
                if other is None or other is light or other.speaker != light.speaker:
                    continue  # it was struck, or is somebody else's by now
                signs = {sign for own in other.claims if own not in other.gone for sign in members.get(own, ())}
                if len(signs) == 1:  # else it bears on the claim both ways, or no longer
                    yield other.key, other.side_at(min(signs))

    def _touch(self, record: Record, claims: Iterable[str]) -> None:
        for claim in self._inside(claims):
            claim.changed_us = record.recorded_us
            self._changed[claim.name] = None

    def _take_other(self, record: Record) -> None:
        event, entries = record.event, self._entries
        if isinstance(event, CLERKS):
            entries.keep(record)
            for base in list(entries.bases(record.id)):
                self._settle(base)
        elif isinstance(event, UTTERANCES):
            entries.keep(record)
            self._settle(record)
        elif (now := entries.effective(record)) is not None:  # what is told late, may have been changed before it came
            self._enter(now, True)

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
                self._reroot([source])
                self._sum_again(self.desk.circle(source))
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
        moved = self.desk.relate(event, position, there)
        if moved.regrouped:
            self._regroup_sources(moved.regrouped)
        for name in moved.leading if self._judging else ():
            for raw in self.desk.members(name):
                self._unsettled.update(self._judging.get(raw, {}))
        self._reroot(moved.counting)
        self._sum_again(moved.tied)
        self._search_again(moved.beyond)

    def _relate_claims(self, relation: Relation, there: bool) -> None:
        """A relation between claims comes or goes, and with it what it carries."""
        reach = self.reach
        if there:
            self._spin(relation)
        parted = () if there else list(reach.signs(relation.from_))
        changed = reach.relate(relation, there)
        web = reach.of[relation.from_]
        for name, carried in changed.carried.items():
            self._carry_on(web, name, carried)
        for among, near in changed.near.items():  # kinds are told nearby, which is elsewhere now
            self._tell_among(web, among, [self.claims[name] for name in near], there)
        if relation.relation != "entails":
            self._regroup_claims(parted or reach.signs(relation.from_))

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

    def _regroup_sources(self, classes: set[str]) -> None:
        """Speakers have become one, or are no longer: their cells are worked out anew."""
        for name in {name for source in classes for name in self._cells_of.get(source, ())}:
            self._changed[name] = None
            untils = [self._sweeping[name, other] for other in classes if (name, other) in self._sweeping]
            for source in classes:
                self._dirty[name, source] = None
                if untils:  # what was taken back of one may be another's, and stand again
                    self._sweeping[name, source] = max(untils)
                if any((name, other) in self._judged for other in classes):
                    self._unsettled[name, source] = None

    def _reroot(self, sources: Iterable[str]) -> None:
        """Some sources may count for others, or be of another kind."""
        for source in sources:
            for name in self._cells_of.get(source, ()):
                self._rootless[name, source] = None

    def _roots_of(self, classes: Iterable[str]) -> Iterator[tuple[str, str]]:
        """The claims on which these classes, or the circles that they are in, count as roots; with the roots."""
        for top in {top for name in classes for top in (name, min(self.desk.circle(name)))}:
            for name in self._claims_of_root.get(top, ()):
                yield name, top

    def _sum_again(self, classes: Iterable[str]) -> None:
        """Some roots may be of another kind, or be tied otherwise."""
        self._unsummed.update(dict.fromkeys(self._roots_of(classes)))

    def _search_again(self, classes: Iterable[str]) -> None:
        """What some roots are tied to may be another, by as many ties."""
        for name, top in self._roots_of(classes):
            claim = self.claims[name]
            tied = claim.tied.get(top)
            if tied is not None and (tied.tie in SEARCHED or tied.tie_own in SEARCHED):
                claim.searched.clear()
                self._changed[name] = None


def _said(said_at: str | None, recorded_us: int, position: int) -> tuple[Key, bool]:
    """Where an act stands in the order in which things were said, and whether its time is marked as uncertain.

    What `ledger.saying` tells, without what it makes in between: this is done for every act.
    """
    if said_at is None:
        return (_UNKNOWN, recorded_us, position), False
    earliest, latest, marked = when.parse(said_at)
    if latest is None or latest > recorded_us:
        latest = recorded_us
    if earliest is None:
        return (_UNKNOWN, latest, position), marked
    return (earliest if earliest < recorded_us else recorded_us, latest, position), marked
