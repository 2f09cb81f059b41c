"""How is what hangs together walked? Each thing once, nearest first, whatever circles there are."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


class Walked(Generic[T]):
    """What was come to so far, in that order; it may be added to while it is walked.

    for one in (reached := Walked(start)):
        reached.add(near(one))
    """

    __slots__ = ("_order", "_seen")

    def __init__(self, start: Iterable[T] = ()) -> None:
        self._order: list[T] = []
        self._seen: set[T] = set()
        self.add(start)

    def add(self, found: Iterable[T]) -> None:
        """What is new of these comes last."""
        seen, order = self._seen, self._order
        for one in found:
            if one not in seen:
                seen.add(one)
                order.append(one)

    def __iter__(self) -> Iterator[T]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self._order)
