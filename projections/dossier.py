"""Which records does an answer about a claim need? The shared fold: records as they come, until nothing more is wanted.

Records come in in any order and are kept; the answer settles them: first the clerk's voids and amendments
(`ledger.clerk`), which leave the register (`projections.register`), then, by the world cut, what was said
(`projections.world`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import Any

from msgspec import ValidationError, convert

from ledger import events as ev
from ledger import names
from ledger.clerk import Clerk
from ledger.fold import Question
from ledger.records import UTTERANCES, Record, changes_within, leads_to, new_targets, targets
from ledger.walking import Walked

from .reach import Near, Relation
from .register import Register


class Dossier:
    """The state of the shared fold: records as they come, and what is still to be read for the claim asked about."""

    def __init__(self, question: Question, *, carriers: bool = False, claims: Collection[str] = ()) -> None:
        """`carriers` reads what is registered of those who only carried, too: an answer that names them needs it.

        `claims` are asked about at once, in place of the one in the question.
        """
        self.question = question
        self._asked = claims or ((question.subject,) if question.subject is not None else ())
        self._carriers = carriers
        self.clerk = Clerk()
        self._near = Near()
        self._relations: list[ev.SourceRelated] = []
        self._tied: dict[tuple[str, str], ev.SourceRelated] = {}  # what changes may have made of them
        self._amendments: list[str] = []
        self._untied = False  # whether any came in since all was tied
        self._speakers: set[str] = set()
        self._about: set[str] = set()  # the sources of what is about acts, and of chains that a change puts in
        self._targets: set[str] = set()
        self._moved_to: set[str] = set()  # the claims that changes put in the place of others
        self._perhaps: dict[str, set[str]] = {}  # by the id of an act, or of a change, the claims it has an act mean
        self._changes: dict[str, list[Record]] = {}  # those of an act, or of what is about one, by its id

    def evolve(self, record: Record) -> Dossier:
        """Takes a record in."""
        self.clerk.add(record)
        event = record.event
        match event:
            case ev.Statement() | ev.Denial() | ev.Assessment():
                self._speakers.add(names.speaker(event.chain))
                if self._carriers:
                    self._speakers.update(names.sources(event.chain))
                if event.possible_claims:
                    self._perhaps[record.id] = set(event.possible_claims)
                if isinstance(event, ev.Denial) and event.acts:
                    self._about.add(names.speaker(event.chain))
                    self._targets.update(event.acts)
            case ev.ClaimsRelated():
                self._near.relate(event)
                self._untied = True
            case ev.SourceRelated():
                self._relations.append(event)
                self._untied = True
            case ev.SourceRegistered() | ev.ClaimRegistered() | ev.ClaimReworded() | ev.SourceGraded():
                pass
            case ev.Retraction() | ev.Correction():
                self._about.update(names.sources(event.chain))
                self._targets.add(event.act)
                if isinstance(event, ev.Correction):
                    self._take_changes(record, event.changes)
            case ev.RecordAmended():
                self._amendments.append(record.id)
                self._untied = True
                self._targets.add(event.target)
                self._take_changes(record, event.changes)
            case ev.RecordVoided() | ev.RelationWithdrawn() | ev.EvidenceAttached() | ev.ActGraded():
                self._targets.update(targets(event))
            case ev.RulingRecorded():
                pass  # it names no claim but the one it was read for
        return self

    def wants(self) -> set[str]:
        """The tags still to be read: more than enough at times, never less."""
        if not self._asked:
            return set()
        claims = self.near()
        wanted = {f"claim:{claim}" for claim in claims} | {f"relation:claim:{claim}" for claim in claims}
        wanted |= self.missing()
        wanted.update([f"relation:source:{source}" for source in self.sources()])
        return wanted

    def near(self) -> Collection[str]:
        """The claims acts on which bear on those asked about: more than do at times, never fewer."""
        self._relate_changed()
        # Whether an act that perhaps means the claim is live may hang on what its speaker took back elsewhere.
        return self.claims_near(self._asked, self._claims_beside())

    def sources(self) -> set[str]:
        """The sources by whose standing those acts count."""
        return reached_sources(self._speakers | self.concerned(), self.source_relations())

    def missing(self) -> set[str]:
        """The tags of the targets still to be read, and of what is about them."""
        unread = self._targets.difference(self.clerk.by_id)
        return {f"{name}:{target}" for target in unread for name in ("id", "act")}

    def targets_read(self) -> Iterator[ev.Event]:
        """What the records are about, or may be by a change, as far as it was read."""
        return (self.clerk.by_id[target].event for target in self._targets & self.clerk.by_id.keys())

    def concerned(self) -> set[str]:
        """The sources of what is about acts, and of those acts: who is who among them tells what is taken back."""
        acts = (event for event in self.targets_read() if isinstance(event, UTTERANCES))
        return self._about.union(*(names.sources(event.chain) for event in acts))

    def claims_of_targets(self) -> set[str]:
        """The claims of what the records are about, as it was and as changes make it."""
        return self._moved_to.union(*(getattr(event, "claims", ()) for event in self.targets_read()))

    def settle(self) -> Register:
        """What the register says, voids and amendments settled, with all utterances."""
        return Register(self.clerk.settled())

    def source_relations(self) -> list[ev.SourceRelated]:
        """Relations between sources as they are and as any change may have made them."""
        self._relate_changed()
        return [*self._relations, *self._tied.values()]

    def claims_near(self, claims: Iterable[str], same: Iterable[str]) -> Collection[str]:
        """These claims and all that may bear on them, by the relations as they are and as any change may have made
        them; of some only what is the same or its negation."""
        self._relate_changed()
        for claim in claims:
            self._near.begin(claim)
        for claim in same:
            self._near.begin(claim, same=True)
        return self._near.claims.keys()

    def _relate_changed(self) -> None:
        """Ties all that a relation leads, or ever led, from or to by any change, as if all of it were the same: changes
        are voided and changed, too, and it may have been any. What leads too far is read in vain, and no more."""
        if not self._untied:
            return
        self._untied = False
        seen: set[str] = set()
        for amendment in self._amendments:
            bases, ends = self._hanging(amendment, seen)
            for base in bases:
                for end in (base.to, *ends):
                    if isinstance(base, ev.ClaimsRelated):
                        self._near.relate(Relation("", base.from_, end, "same_as"))
                        self._near.relate(Relation("", base.from_, end, "negates"))
                    elif (base.from_, end) not in self._tied:
                        tied = ev.SourceRelated(from_=base.from_, to=end, relation="same_as")
                        self._tied[base.from_, end] = tied

    def _hanging(
        self, amendment: str, seen: set[str]
    ) -> tuple[list[ev.ClaimsRelated | ev.SourceRelated], dict[str, None]]:
        """The relations that an amendment changes, or may by a change of it or of what it amends, with where all these
        changes have them lead; none of what was `seen` before."""
        bases: list[ev.ClaimsRelated | ev.SourceRelated] = []
        ends: dict[str, None] = {}
        queue = [amendment] if amendment not in seen else []
        seen.update(queue)
        for event_id in queue:  # grows while it is walked
            event = self.clerk.by_id[event_id].event if event_id in self.clerk.by_id else None
            if isinstance(event, ev.RecordAmended):
                ends |= dict.fromkeys(new_ends(event.changes))
            elif isinstance(event, (ev.ClaimsRelated, ev.SourceRelated)):
                bases.append(event)
            else:
                continue
            for other in (*leads_to(event), *(change.id for change in self._changes.get(event_id, ()))):
                if other not in seen:
                    seen.add(other)
                    queue.append(other)
        return bases, ends

    def _take_changes(self, record: Record, changes: dict[str, Any]) -> None:
        self._targets.update(new_targets(changes))
        self._about.update(new_sources(changes))
        self._moved_to.update(new_claims(changes, "claims"))
        for target in leads_to(record.event):
            self._changes.setdefault(target, []).append(record)
        if meant := set(new_claims(changes, "possible_claims")):
            self._perhaps[record.id] = meant

    def _claims_beside(self) -> set[str]:
        """The claims of the acts that perhaps mean what is asked about or the same, as they were and as any change made
        them. What other acts perhaps mean has no say there, and is not read."""
        found: set[str] = set()
        if not self._perhaps:
            return found
        same, by_id = self._near.same(self._asked), self.clerk.by_id
        meant = [event_id for event_id, claims in self._perhaps.items() if not claims.isdisjoint(same)]
        for event_id in (reached := Walked(meant)):
            event = by_id[event_id].event if event_id in by_id else None
            found.update(getattr(event, "claims", ()))
            found.update(new_claims(getattr(event, "changes", {}), "claims"))
            about = leads_to(event) if isinstance(event, (ev.RecordAmended, ev.Correction)) else ()
            reached.add((*about, *(change.id for change in self._changes.get(event_id, ()))))
        return found


def initial(question: Question) -> Dossier:
    """An empty dossier."""
    return Dossier(question)


evolve = Dossier.evolve
wants = Dossier.wants


def reached_sources(start: set[str], relations: Iterable[ev.SourceRelated]) -> set[str]:
    """These sources, what is the same as they, whom they speak for, and so on, but for what they are independent of."""
    links: dict[str, set[str]] = {}
    for relation in relations:
        if relation.relation != "independent_of":
            links.setdefault(relation.from_, set()).add(relation.to)
            if relation.relation == "same_as":
                links.setdefault(relation.to, set()).add(relation.from_)
    for source in (reached := Walked(start & links.keys())):
        reached.add(links.get(source, ()))
    return start.union(reached)


def new_sources(changes: dict[str, Any]) -> Iterator[str]:
    """The sources of a chain that a change puts in the place of another: who speaks may be somebody else now."""
    for within in changes_within(changes):
        with suppress(ValidationError):  # of something that has no chain: refused or passed over where it is settled
            yield from names.sources(convert(within.get("chain", ()), tuple[ev.Link, ...]))


def new_ends(changes: dict[str, Any]) -> Iterator[str]:
    """What a change has a relation lead from or to."""
    for within in changes_within(changes):
        yield from (end for end in (within.get("from"), within.get("to")) if isinstance(end, str))


def new_claims(changes: dict[str, Any], field: str) -> Iterator[str]:
    """The claims that a change puts in the place of others in a field of what was said."""
    for within in changes_within(changes):
        claims = within.get(field)
        yield from claims if isinstance(claims, (list, tuple)) else ()
