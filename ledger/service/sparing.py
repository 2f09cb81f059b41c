"""How is only so much read that nobody waits for it? A fold gives up, and no board is folded in passing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ledger import Ledger
from ledger.fold import Question
from ledger.records import Record
from projections.part import Part, Wanted, viewed
from projections.views import Views, pages

from .problems import NotYet
from .readers import Readers


class TooMuch(Exception):
    """More records than a few bear on the answer."""


def part_of(readers: Readers, wanted: Wanted, *, as_of: int, said_by: str | None, few: int | None) -> Part:
    """A part of the board; by what had been said, a fold of all records, unless the view keeps that board.

    Raises UsageError, NotYet; TooMuch where it takes that fold, and but a few records may be read.
    """
    pages.check_asked(wanted.cursor, wanted.asked(said_by))  # before it is folded
    while True:
        with at_position(readers, as_of) as view:
            if said_by is None or view.has_board(as_of=as_of, said_by=said_by):
                return viewed(view, wanted, as_of=as_of, said_by=said_by)
        if few is not None:
            raise TooMuch
        readers.keep_board(as_of=as_of, said_by=said_by)


@contextmanager
def at_position(readers: Readers, position: int) -> Iterator[Views]:
    """The view at one moment, where it has come to a position. Raises NotYet where it has not."""
    with readers.view() as view, view.still():
        if view.made < position:
            raise NotYet(f"the view of the board has not come to position {position} yet")
        yield view


class Sparing:
    """A ledger whose every fold gives up once it was given more than a few records."""

    def __init__(self, ledger: Ledger, few: int) -> None:
        self._ledger = ledger
        self._few = few

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)

    def state(self, projection: Any, subject: str | None = None, **cuts: Any) -> Any:
        """As the ledger itself. Raises TooMuch."""
        return self._ledger.state(Few(projection, self._few), subject, **cuts)


class Few:
    """A projection that gives up once it was given more than a few records."""

    def __init__(self, projection: Any, few: int) -> None:
        self._projection = projection
        self._left = few
        self.wants, self.answer = projection.wants, projection.answer

    def initial(self, question: Question) -> Any:
        """As the projection itself."""
        return self._projection.initial(question)

    def evolve(self, state: Any, record: Record) -> Any:
        """As the projection itself. Raises TooMuch."""
        self._left -= 1
        if self._left < 0:
            raise TooMuch
        return self._projection.evolve(state, record)
