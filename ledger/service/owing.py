"""As of which position is the board of now answered, by what had been said, while the ledger grows and it is folded?

Each position is another question, and such a fold may take longer than the time between two records: who was told to
ask again would begin another fold each time, for ever. So the position of the first request is kept for those after it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from ledger import cuts

from .problems import NotYet

_COMES_S: Final = 60.0
"""Who was told to ask again does so within this time, or not at all."""
_MOST: Final = 1_000


class Owed(NamedTuple):
    """An answer that is owed: by what had been said by which moment, in microseconds; and the address asked for."""

    said_by: int
    url: str


class _Kept(NamedTuple):
    position: int
    since: float
    """When it was asked for first."""
    until: float
    told: bool = False
    """Whether anybody was told to ask again; until then nobody else has to have it."""


def owed_to(url: str, said_by: str | None) -> Owed | None:
    """What is owed to who asks for the board of now; None for the one that is no fold. Raises UsageError."""
    moment, _ = cuts.said_by(said_by)
    return None if moment is None else Owed(moment, url)


class Owing:
    """The positions of answers that are owed; for one thread."""

    def __init__(self, answer_s: float) -> None:
        self._patience_s = answer_s + _COMES_S
        self._kept: dict[Owed, _Kept] = {}
        """Those that were asked for longest ago stand in front."""

    def position(self, owed: Owed | None, now: int, *, at_least: int = 0) -> int:
        """As of which position this is answered.

        It is that of the first request; or else that at which the same board is owed to others who were told to ask
        again, perhaps for another part of it. Where there is none that will do, it is now.
        """
        if owed is None:
            return now
        self._forget()
        at = time.monotonic()
        own = self._kept.pop(owed, None)
        owed_too = [
            kept
            for other, kept in self._kept.items()
            if other.said_by == owed.said_by and kept.told and at - kept.since <= self._patience_s
        ]
        will_do = [kept for kept in ([own] if own else owed_too) if at_least <= kept.position <= now]
        found = max(will_do, default=_Kept(now, at, at))
        self._kept[owed] = found._replace(until=at + self._patience_s)
        return found.position

    @contextmanager
    def until_answered(self, owed: Owed | None, position: int) -> Iterator[None]:
        """Within, the answer is given, or refused, and owed no longer; unless it is NotYet there."""
        try:
            yield
        except NotYet:
            if owed is not None and owed in self._kept:
                self._kept[owed] = self._kept[owed]._replace(told=True)
            owed = None  # it still is
            raise
        finally:
            if owed is not None and owed in self._kept and self._kept[owed].position == position:
                del self._kept[owed]

    def _forget(self) -> None:
        """Forgets those for which nobody has come for long, and the oldest of too many."""
        now = time.monotonic()
        while self._kept and (len(self._kept) >= _MOST or next(iter(self._kept.values())).until < now):
            del self._kept[next(iter(self._kept))]
