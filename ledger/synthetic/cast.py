"""Who speaks in a made-up ledger, through whom, and what does its desk put down of them?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple, TypeAlias, TypeVar

from ledger import events as ev
from ledger.events import Event, Kind, Link
from ledger.names import slug

from .phrases import ANONYMOUS, BODIES, CUES, FAMILY, GIVEN, LETTERS, MEDIA, OUTLETS, PLACES, REPORTS, ROLES

T = TypeVar("T")
Chain: TypeAlias = tuple[Link, ...]

_MOST_SOURCES: Final = 20_000


class Source(NamedTuple):
    """A source as the desk knows it."""

    name: str
    kind: Kind
    role: str | None = None

    @property
    def id(self) -> str:
        """The id that its name makes."""
        return slug(self.name)

    @property
    def short(self) -> str:
        """Its name with the first part cut to an initial, as some print it."""
        given, _, rest = self.name.partition(" ")
        return f"{given[0]}. {rest}"


class Cast:
    """Who speaks, and through whom. The first of each kind are in every mouth, the last in hardly any."""

    def __init__(self, events: int, random: Callable[[], float]) -> None:
        self._random = random
        size, turn = min(_MOST_SOURCES, 24 + events // 40), 9 * int(random() * 1_000)
        self._people = [_person(turn + i) for i in range(size * 55 // 100)]
        self._bodies = [_body(turn + i) for i in range(max(4, size * 15 // 100))]
        self._outlets = [_outlet(turn + i) for i in range(max(4, size * 22 // 100))]
        self._accounts = [
            Source(f"@{one_of(random(), PLACES).lower()}_{turn + i}", "account") for i in range(2 + size // 12)
        ]
        self._principals: dict[str, Source] = {}  # by name: for whom the register has somebody speak
        self._telling = self._all_told()
        self._grading = islice(
            (one for pair in zip(self._people, self._outlets, strict=False) for one in pair), size // 5
        )

    def chain(self) -> Chain:
        """Who uttered it, and the links through which it came."""
        depth = self._random()
        if depth < 0.1:
            return (self._carrier(),)
        speaker = self._speaker()
        if depth < 0.25:
            return (speaker,)
        if depth < 0.75:
            return (speaker, self._carrier())
        if depth < 0.92:
            return (speaker, self._carrier(), self._carrier())
        return (speaker, self._body(), self._carrier(), self._carrier())

    def entitled(self, chain: Chain) -> Chain:
        """Somebody who may take an act back: its speaker; at times its last carrier, or for whom its speaker speaks."""
        chance = self._random()
        if chance > 0.7 and len(chain) > 1:
            return (Link(name=chain[-1].name, kind=chain[-1].kind),)
        principal = self._principals.get(chain[0].name)
        if chance > 0.6 and principal and chain[0].source is None:
            return (Link(name=principal.name, kind=principal.kind),)
        return self.speaking_again(chain)

    @staticmethod
    def speaking_again(chain: Chain) -> Chain:
        """The speaker of an act, as itself; whoever has no name is known by its carrier only."""
        first = chain[0]
        return chain if first.kind in ev.BY_CARRIER else (Link(name=first.name, source=first.source, kind=first.kind),)

    def told(self) -> Event | None:
        """The next thing that the desk puts down of a source, while there is any."""
        return next(self._telling, None)

    def graded(self) -> Event | None:
        """The next grading of a source, while there is any."""
        one = next(self._grading, None)
        return (
            ev.SourceGraded(source=one.id, grade=one_of(self._random(), ("A", "B", "B", "C", "D", "E", "F")))
            if one
            else None
        )

    def _speaker(self) -> Link:
        chance = self._random()
        if chance < 0.58:
            return self._person()
        if chance < 0.78:
            return self._body()
        if chance < 0.88:
            return Link(
                name=self._famous(self._accounts).name, kind="account", medium="Telegram" if chance < 0.85 else None
            )
        name, kind = one_of(self._random(), ANONYMOUS)
        return Link(name=name, kind=kind, report="paraphrase" if chance < 0.94 else None)

    def _person(self) -> Link:
        one, chance = self._famous(self._people), self._random()
        return Link(
            name=one.name if chance > 0.06 else one.short,
            source=one.id if chance < 0.04 else None,
            kind="person" if chance < 0.9 else None,
            role=one.role if chance > 0.3 else None,
            cue=one_of(chance, CUES),
            report=one_of(self._random(), REPORTS) if chance < 0.8 else None,
        )

    def _body(self) -> Link:
        one, chance = self._famous(self._bodies), self._random()
        return Link(name=one.name, kind=one.kind if chance < 0.92 else None, cue=one_of(chance, CUES))

    def _carrier(self) -> Link:
        one, chance = self._famous(self._outlets), self._random()
        if chance < 0.5:
            return Link(name=one.name, kind="outlet")
        return Link(name=one.name, kind="outlet" if chance < 0.95 else None, medium=one_of(self._random(), MEDIA))

    def _famous(self, items: Sequence[Source]) -> Source:
        """One of them by Zipf's law: the n-th comes about 1/n as often as the first."""
        return items[int(len(items) ** self._random()) - 1]

    def _all_told(self) -> Iterator[Event]:
        """All that is ever put down of them, the famous first: a part is registered, some speak for others."""
        for place, one in enumerate(self._outlets):
            if place % 3 == 0:
                yield ev.SourceRegistered(source=one.id, name=one.name, kind="outlet")
            for person in self._people[place * 3 : place * 3 + 3]:
                yield from self._told_of_person(person, self._bodies[place % len(self._bodies)])
            if place < len(self._bodies):
                yield from self._told_of_body(self._bodies[place], self._bodies[place - place % 9])
            if place % 5 == 4:
                yield ev.SourceRelated(
                    from_=one.id, to=self._outlets[place % 4].id, relation="republishes", basis="its wire"
                )
            if place % 4 == 1:  # one who wants no name told two outlets, and both know that it was not the same one
                ends = [
                    f"{slug(ANONYMOUS[place % 3][0])}@{outlet.id}" for outlet in self._outlets[place - 1 : place + 1]
                ]
                yield ev.SourceRelated(from_=ends[0], to=ends[1], relation="independent_of", basis="met both")

    def _told_of_person(self, one: Source, body: Source) -> Iterator[Event]:
        chance = self._random()
        if chance < 0.4:
            known = "Known to the desk." if chance < 0.1 else None
            yield ev.SourceRegistered(source=one.id, name=one.name, kind="person", description=known)
        if chance > 0.5:
            self._principals[one.name] = body
            yield ev.SourceRelated(from_=one.id, to=body.id, relation="speaks_for", basis=one.role)
        elif chance > 0.3:
            yield ev.SourceRelated(from_=one.id, to=body.id, relation="member_of")
        if 0.45 < chance < 0.55 and slug(one.short) != one.id:
            yield ev.SourceRelated(from_=slug(one.short), to=one.id, relation="same_as", basis="initials")

    def _told_of_body(self, one: Source, state: Source) -> Iterator[Event]:
        if self._random() < 0.5:
            yield ev.SourceRegistered(source=one.id, name=one.name, kind=one.kind)
        if one != state:
            self._principals[one.name] = state
            yield ev.SourceRelated(from_=one.id, to=state.id, relation="speaks_for")


def one_of(chance: float, items: Sequence[T]) -> T:
    """The item that a chance from 0 to 1 falls on."""
    return items[int(chance * len(items))]


def _person(number: int) -> Source:
    given, family = GIVEN[number % len(GIVEN)], FAMILY[number // 7 % len(FAMILY)]
    initials = f"{LETTERS[number // 210 % 26]}. {LETTERS[number // 5_460 % 26]}."
    return Source(f"{given} {initials} {family}", "person", ROLES[number % len(ROLES)])


def _body(number: int) -> Source:
    pattern, kind = BODIES[number % 3] if number % 9 else ("Republic of %s", "state")
    return Source(_numbered(pattern, number), kind)


def _outlet(number: int) -> Source:
    return Source(_numbered(OUTLETS[number // len(PLACES) % len(OUTLETS)], number), "outlet")


def _numbered(pattern: str, number: int) -> str:
    return f"{pattern % PLACES[number % len(PLACES)]} {number // len(PLACES)}"
