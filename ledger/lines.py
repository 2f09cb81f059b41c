"""Who is who among the sources, and who speaks for whom?

Sources that are the same make a *class*, named by its smallest slug. A class speaks for one principal at a time; the
way up from principal to principal is its *line*. A line that comes back on itself is a circle, which counts as one,
named by its smallest slug.

Relations are kept under the class of their near end, with their far end as it was named: so two classes that become
one only put their relations together, whatever hangs on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import count

from .events import SourceRelated
from .walking import Walked


class Lines:
    """The relations between sources that hold, given in position order, or with their positions."""

    def __init__(self, relations: Iterable[SourceRelated] = ()) -> None:
        self._same: dict[str, str] = {}
        self._far: dict[str, dict[str, list[tuple[int, str]]]] = {}  # relation -> near class -> (position, far end)
        self._held: dict[int, SourceRelated] = {}
        self._next = count()
        for relation in relations:
            self.add(relation)

    def add(self, relation: SourceRelated, position: int | None = None) -> None:
        """A relation holds; without a position, it came after all others that have none."""
        position = next(self._next) if position is None else position
        self._held[position] = relation
        if relation.relation == "same_as":
            self._join(relation.from_, relation.to)
        else:
            self._hold(relation.relation, relation.from_, relation.to, position)
            if relation.relation == "independent_of":
                self._hold(relation.relation, relation.to, relation.from_, position)

    def holds(self, position: int) -> bool:
        """Whether the relation of a position holds."""
        return position in self._held

    def remove(self, position: int) -> None:
        """The relation of a position holds no longer."""
        relation = self._held.pop(position)
        if relation.relation == "same_as":
            held, self._same, self._far, self._held = self._held, {}, {}, {}
            for at, other in held.items():
                self.add(other, at)
        else:
            for near in (relation.from_, relation.to):
                links = self._far[relation.relation].get(self.class_of(near), [])
                links[:] = [link for link in links if link[0] != position]

    def class_of(self, source: str) -> str:
        """The smallest slug among the sources that are the same as this one."""
        same = self._same
        while (parent := same.get(source, source)) != source:
            source = parent
        return source

    def classes_of(self, sources: Sequence[str]) -> Sequence[str]:
        """The class of each of these sources; as a rule none is the same as any other."""
        return [self.class_of(source) for source in sources] if self._same else sources

    def leads(self, source_class: str) -> bool:
        """Whether a class speaks, or once spoke, for any other."""
        return source_class in self._far.get("speaks_for", ())

    def principal(self, source_class: str) -> str | None:
        """Whom a class speaks for; of two, the later recorded. Nobody speaks for itself."""
        fars = self.beyond("speaks_for", source_class)
        return fars[-1] if fars else None

    def beyond(self, relation: str, source_class: str) -> list[str]:
        """The classes at the far ends of the relations of a class, what was recorded last at the end."""
        links = self._far.get(relation, {}).get(source_class)
        if not links:
            return []
        # A relation within a class is none: same_as beats it.
        return [far for _, end in links if (far := self.class_of(end)) != source_class]

    def closure(self, relation: str, classes: Iterable[str]) -> frozenset[str]:
        """These classes, those at the far ends of their relations, and so on."""
        if relation not in self._far:
            return frozenset(classes)
        for name in (found := Walked(classes)):
            found.add(self.beyond(relation, name))
        return frozenset(found)

    def line(self, source: str) -> Iterator[str]:
        """The classes up from a source, its own first, each once."""
        seen: set[str] = set()
        here: str | None = self.class_of(source)
        while here is not None and here not in seen:
            seen.add(here)
            yield here
            here = self.principal(here)

    def circle(self, source: str) -> list[str]:
        """The classes at the end of the line: one, or the circle in which it ends."""
        own = self.class_of(source)
        if not self.leads(own):  # most speak for themselves
            return [own]
        line = list(self.line(own))
        back = self.principal(line[-1])
        return line[line.index(back) :] if back is not None else line[-1:]

    def _hold(self, relation: str, near: str, far: str, position: int) -> None:
        links = self._far.setdefault(relation, {}).setdefault(self.class_of(near), [])
        links.append((position, far))
        if len(links) > 1 and links[-2][0] > position:
            links.sort()

    def _join(self, one: str, other: str) -> None:
        one, other = sorted((self.class_of(one), self.class_of(other)))
        if one != other:
            self._same[other] = one
            for by_near in self._far.values():
                if other in by_near:
                    by_near[one] = sorted((*by_near.get(one, ()), *by_near.pop(other)))
