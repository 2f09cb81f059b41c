"""Where may one record change where claims stand? More claims than it does at times, never fewer.

What is said of a claim reaches what is the same or its negation, and what entails leads to. What is known of a source
reaches every claim on which it, or whoever speaks for it, is quoted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from itertools import permutations
from typing import Final, TypeGuard

from ledger import Ledger, NotFound, Record
from ledger import events as ev
from ledger.clerk import Clerk
from ledger.errors import LedgerError
from ledger.fold import Question
from ledger.records import ACT_TYPES, ACTS, changes_within, decode, leads_to, new_targets, targets
from ledger.walking import Walked

from ..dossier import new_claims, new_ends, new_sources
from ..named import named_by
from ..reach import Near, Relation

REACH: Final = 10_000
"""So many claims one record may reach, unless its reader allows more."""


class OutOfReach(LedgerError):
    """One record changes where more claims stand than its reader allows; `Views.rebuild` takes it in all the same."""


def reached(ledger: Ledger, record: Record, about: list[ev.Event], limit: int = REACH) -> set[str]:
    """The claims whose rows on the board a record may change; `about` is what it is about, as `concerned` tells.

    Raises OutOfReach where there are more than the limit.
    """
    claims = {claim for event in about for claim in named_of(event)}
    sources = {source for event in about for source in sources_of(event)}
    if sources:
        claims |= _quoted(ledger, sources, record.position)
        check_reach(claims, limit, record)
    if len(about) > 1 or not isinstance(record.event, ACTS):
        near = _near(ledger, claims, record.position)
        check_reach(near, limit, record)
        # Whether a denial is live that perhaps means another claim, may hang on what its speaker took back.
        for claim in near:
            claims.update(_perhaps_meant(ledger, claim, record.position))
    found = _near(ledger, claims, record.position)
    check_reach(found, limit, record)
    return found


def check_reach(claims: Collection[str], limit: int, record: Record) -> None:
    """Raises OutOfReach where a record may change more claims than the limit."""
    if len(claims) > limit:
        raise OutOfReach(
            f"position {record.position}: {record.id!r} may change where {len(claims):,} claims stand, more than "
            f"{limit:,}; rebuild the view (`Views.rebuild()`, `claims replay --views`), or allow more (`reach=`)"
        )


def concerned(ledger: Ledger, event: ev.Event, until: int) -> list[ev.Event]:
    """An event, what it is about, and what else is about that, and so on, up to a position; of one that changes nothing
    of what was said, only what it is about and what changes that."""
    if isinstance(event, (ev.ActGraded, ev.EvidenceAttached)):
        return _below(ledger, event, until)
    return list(_concerned(ledger, event, until, set()))


def sources_of(event: ev.Event) -> Iterator[str]:
    """The sources that an event of the register is about, or that a change makes one be about."""
    if isinstance(event, ev.SourceRelated):
        yield from (event.from_, event.to)
    elif isinstance(event, ev.SourceRegistered):
        yield event.source
    for within in changes_within(getattr(event, "changes", {})):
        for field in ("source", "from", "to"):
            if isinstance(value := within.get(field), str):
                yield value


class Registered:
    """A projection: the name that the register has of a source; None for none."""

    @staticmethod
    def initial(question: Question) -> tuple[str, Clerk]:
        """Nothing yet."""
        return question.subject or "", Clerk()

    @staticmethod
    def wants(state: tuple[str, Clerk]) -> set[str]:
        """What the register says of the source, and what that is about."""
        source, clerk = state
        missing = set().union(*[leads_to(record.event) for record in clerk.by_id.values()]) - clerk.by_id.keys()
        return {f"relation:source:{source}"} | {f"{kind}:{target}" for target in missing for kind in ("id", "act")}

    @staticmethod
    def evolve(state: tuple[str, Clerk], record: Record) -> tuple[str, Clerk]:
        """Takes a record in."""
        state[1].add(record)
        return state

    @staticmethod
    def answer(state: tuple[str, Clerk]) -> str | None:
        """The name that was registered last."""
        source, clerk = state
        events = [record.event for record in clerk.settled()]
        names = [event.name for event in events if isinstance(event, ev.SourceRegistered) and event.source == source]
        return names[-1] if names else None


#: By these a change is told before it is read: what else is about an act may be a thousand gradings.
_CHANGING: Final = (b'"type":"record_amended"', b'"type":"correction"')


def _below(ledger: Ledger, event: ev.Event, until: int) -> list[ev.Event]:
    """An event, what it is about, and so on, with the changes of that; not what else is about it, which may be much."""
    found, seen = [event], dict.fromkeys(targets(event))
    queue, asked = list(seen), 0
    while queue:
        for event_id in queue:  # grows while it is walked
            with suppress(NotFound):  # a change may name what is not there
                found.append(ledger.record(event_id).event)
                new = [target for target in leads_to(found[-1]) if target not in seen]
                seen |= dict.fromkeys(new)
                queue += new
        tags, queue = [f"act:{event_id}" for event_id in list(seen)[asked:]], []
        asked = len(seen)
        for position, stored in ledger.tagged(tags, as_of=until):
            if any(tag in stored for tag in _CHANGING) and (change := decode(position, stored)).id not in seen:
                seen[change.id] = None
                queue.append(change.id)
    return found


def _concerned(ledger: Ledger, event: ev.Event, until: int, seen: set[str]) -> Iterator[ev.Event]:
    """An event, what it is about, and what else is about that, and so on."""
    yield event
    for target in leads_to(event):
        if target in seen:
            continue
        seen.add(target)
        try:
            found = ledger.record(target)
        except NotFound:
            continue  # a change may name what is not there
        yield from _concerned(ledger, found.event, until, seen)
        for other in ledger.state(_About(target), as_of=until):
            if other.id not in seen:
                seen.add(other.id)
                yield from _concerned(ledger, other.event, until, seen)


class _About:
    """A projection: the records that are about an event, or about what is about it."""

    def __init__(self, event_id: str) -> None:
        self._event_id = event_id

    def initial(self, question: Question) -> list[Record]:
        """None."""
        return []

    def wants(self, state: list[Record]) -> set[str]:
        """Whatever has it for its target."""
        return {f"act:{self._event_id}"}

    def evolve(self, state: list[Record], record: Record) -> list[Record]:
        """One more."""
        state.append(record)
        return state


def is_plain(event: ev.Event) -> TypeGuard[ev.Act]:
    """Whether an event is an act that is about no other, and means no claim but those that it names."""
    return type(event) in ACT_TYPES and not targets(event) and not getattr(event, "possible_claims", ())


def named_of(event: ev.Event) -> Iterator[str]:
    """The claims that an event names, or that a change makes one name."""
    yield from named_by(event)
    for within in changes_within(getattr(event, "changes", {})):
        for field in ("claims", "possible_claims"):
            value = within.get(field)
            yield from (c for c in value if isinstance(c, str)) if isinstance(value, (list, tuple)) else ()
        for field in ("claim", "from", "to"):
            if isinstance(value := within.get(field), str):
                yield value


def _quoted(ledger: Ledger, sources: Iterable[str], until: int) -> set[str]:
    """The claims of all acts in whose chains one of these sources stands, or one that counts by what is known of it."""
    claims: set[str] = set()
    for source in (below := Walked(sources)):
        for record in ledger.events(source=source, as_of=until):
            event = record.event
            if isinstance(event, ACTS):
                claims.update(named_by(event))
                continue
            for about in _concerned(ledger, event, until, set()):
                claims.update(named_of(about))
                if not isinstance(about, ACTS):
                    below.add((*sources_of(about), *new_sources(getattr(about, "changes", {}))))
    return claims


def _perhaps_meant(ledger: Ledger, claim: str, until: int) -> Iterator[str]:
    """The claims that denials of a claim perhaps mean, as they were and as any change made them."""
    for record in ledger.events(claim=claim, types=["denial", "correction", "record_amended"], as_of=until):
        changes = getattr(record.event, "changes", {})
        moves = any((*new_claims(changes, "claims"), *new_claims(changes, "possible_claims"), *new_targets(changes)))
        for about in concerned(ledger, record.event, until) if moves else (record.event,):
            yield from getattr(about, "possible_claims", ())
            yield from new_claims(getattr(about, "changes", {}), "possible_claims")


def _near(ledger: Ledger, claims: Iterable[str], until: int) -> set[str]:
    near = Near()
    for claim in claims:
        near.begin(claim)
    for relation in ledger.state(_Related(near.claims), as_of=until):
        near.relate(relation)
    return set(near.claims)


class _Related:
    """A projection: the relations in which claims hang, held once or still, and as any change may have made them."""

    def __init__(self, claims: Iterable[str]) -> None:
        self.claims = set(claims)
        self.relations: dict[str, ev.ClaimsRelated] = {}
        self.amendments: dict[str, ev.RecordAmended] = {}

    def initial(self, question: Question) -> _Related:
        """No relations."""
        return self

    def wants(self, state: _Related) -> set[str]:
        """The relations of what was found, and what was made of them."""
        amended = {target for amendment in self.amendments.values() for target in leads_to(amendment)}
        wanted = {f"relation:claim:{claim}" for claim in self.claims}
        return wanted | {f"{kind}:{target}" for target in amended for kind in ("id", "act")}

    def evolve(self, state: _Related, record: Record) -> _Related:
        """Takes a relation in, or what changes one."""
        event = record.event
        if isinstance(event, ev.ClaimsRelated):
            self.relations[record.id] = event
            self.claims |= {event.from_, event.to}
        elif isinstance(event, ev.RecordAmended):
            self.amendments[record.id] = event
            self.claims.update(new_ends(event.changes))
        return self

    def answer(self, state: _Related) -> list[Relation]:
        """The relations; of an amended one, between any two of the claims it ever named."""
        found = [Relation(id_, r.from_, r.to, r.relation) for id_, r in self.relations.items()]
        for id_ in self.amendments:
            for one, other in permutations(sorted(self._ever_named(id_)), 2):
                for relation in ("entails", "negates"):
                    found.append(Relation(f"{id_} {one} {other} {relation}", one, other, relation))
        return found

    def _ever_named(self, amendment: str) -> set[str]:
        """The claims that an amendment names, and those of what it amends, or by another amends."""
        named: set[str] = set()
        for id_ in (reached := Walked([amendment])):
            if id_ in self.amendments:
                named.update(new_ends(self.amendments[id_].changes))
                reached.add(leads_to(self.amendments[id_]))
            elif id_ in self.relations:
                named |= {self.relations[id_].from_, self.relations[id_].to}
        return named
