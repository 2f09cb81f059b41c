"""Who is who among the sources, and who speaks for whom?

Sources that are the same make a *class*, named by its smallest slug. A class speaks for one principal at a time; the
way up from principal to principal is its *line*. A line that comes back on itself is a circle, which counts as one,
named by its smallest slug.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .events import SourceRelated


class Lines:
    """The relations between sources that hold, given in position order."""

    def __init__(self, relations: Iterable[SourceRelated]) -> None:
        held = list(relations)
        self._same: dict[str, str] = {}
        for relation in held:
            if relation.relation == "same_as":
                self._join(relation.from_, relation.to)
        self._principal: dict[str, str] = {}
        self.bodies: dict[str, set[str]] = {}
        self.republishes: dict[str, set[str]] = {}
        self.independent: set[tuple[str, str]] = set()
        for relation in held:
            self.add(relation)

    def add(self, relation: SourceRelated) -> None:
        """A relation that came after all others; not same_as, which would make other classes of the sources."""
        near, far = self.class_of(relation.from_), self.class_of(relation.to)
        if near == far:
            return  # the same source: same_as beats independent_of, and nobody speaks for itself
        match relation.relation:
            case "speaks_for":
                self._principal[near] = far  # of two principals, the later recorded
            case "member_of":
                self.bodies.setdefault(near, set()).add(far)
            case "republishes":
                self.republishes.setdefault(near, set()).add(far)
            case "independent_of":
                self.independent |= {(near, far), (far, near)}
            case "same_as":
                pass

    def class_of(self, source: str) -> str:
        """The smallest slug among the sources that are the same as this one."""
        same = self._same
        while (parent := same.get(source, source)) != source:
            source = parent
        return source

    def classes_of(self, sources: Sequence[str]) -> Sequence[str]:
        """The class of each of these sources; as a rule none is the same as any other."""
        return [self.class_of(source) for source in sources] if self._same else sources

    def directed(self) -> Iterator[tuple[str, str]]:
        """Every relation that leads from one class up to another: speaks_for, member_of, republishes."""
        yield from self._principal.items()
        for relations in (self.bodies, self.republishes):
            for near, fars in relations.items():
                yield from ((near, far) for far in fars)

    def line(self, source: str) -> Iterator[str]:
        """The classes up from a source, its own first, each once."""
        seen: set[str] = set()
        here: str | None = self.class_of(source)
        while here is not None and here not in seen:
            seen.add(here)
            yield here
            here = self._principal.get(here)

    def top(self, source: str) -> str:
        """The end of the line; where the line ends in a circle, its smallest slug."""
        return min(self.circle(source))

    def circle(self, source: str) -> list[str]:
        """The classes at the end of the line: one, or the circle in which it ends."""
        own = self.class_of(source)
        if own not in self._principal:  # most speak for themselves
            return [own]
        line = list(self.line(own))
        back = self._principal.get(line[-1])
        return line[line.index(back) :] if back is not None else line[-1:]

    def _join(self, one: str, other: str) -> None:
        one, other = self.class_of(one), self.class_of(other)
        if one != other:
            self._same[max(one, other)] = min(one, other)
