"""Which claims of a made-up ledger hang together?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .cast import one_of

LARGE_STORY: Final = 1_000
"""So many claims hang together in the one large story of a ledger that has at least five times as many claims."""

_OPEN_STORIES: Final = 16


class Stories:
    """Which claims hang together: those of one large story, those of many small ones; most stand alone."""

    def __init__(self, claims: int, random: Callable[[], float]) -> None:
        self._random = random
        self._open: list[tuple[int, list[int]]] = [(0, [])] * _OPEN_STORIES  # how many there will be, and are
        self._large: list[int] = []
        self._large_begins = claims // 4 if claims >= 5 * LARGE_STORY else claims
        self._large_share = 2 * LARGE_STORY / max(1, claims)

    def join(self, claim: int) -> list[int]:
        """The earlier claims of its story to which a claim is related: none, one, at times two."""
        members = self._story(claim)
        if members is None:
            return []
        number = min(len(members), 2 if self._random() < 0.06 else 1)
        related = {one_of(self._random(), members) for _ in range(number)}
        members.append(claim)
        return sorted(related)

    def _story(self, claim: int) -> list[int] | None:
        chance = self._random()
        if claim >= self._large_begins and len(self._large) < LARGE_STORY and chance < self._large_share:
            return self._large
        if self._random() > 0.3:
            return None
        place = int(self._random() * _OPEN_STORIES)
        size, members = self._open[place]
        if len(members) >= size:
            size, members = self._open[place] = 2 + int(19 * self._random() ** 2), []
        return members
