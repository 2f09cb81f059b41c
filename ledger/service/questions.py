"""What can be asked that takes a fold? Questions as data, so that they are answered here, in another process, or once.

A question has its cuts fixed: it names the position up to which the ledger is known. So its answer never changes, and
is kept by the question itself. `answer` gives the bytes, the very ones that `claims … --json` writes; where it is told
to read but `few` records and that is not enough, it gives up and raises TooMuch, at the cost of those few.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from ledger import Ledger
from ledger.fold import Projection, Question
from ledger.records import Record
from projections import diff, provenance, sources, status, timeline
from projections.part import Wanted, viewed
from projections.roster import Roster
from projections.views import Views

from .logged import InLog
from .problems import NotYet
from .readers import Readers

About: TypeAlias = Literal["status", "provenance", "said", "recorded", "source"]
_PROJECTIONS: Final[dict[str, Projection]] = {
    "status": status,
    "provenance": provenance,
    "said": timeline.said,
    "recorded": timeline.recorded,
    "source": sources,
}
_STEPS: Final = 8
"""A history judges its records again at every step: so many times fewer of them are few."""


class TooMuch(Exception):
    """More records than a few bear on the answer."""


class OfSubject(Struct, frozen=True, kw_only=True, tag="subject"):
    """A reading of one claim or source."""

    about: About
    subject: str
    as_of: int
    said_by: str | None = None

    @property
    def kin(self) -> tuple[str, ...]:
        """What costs as much: the same question at any cut."""
        return (self.about, self.subject)

    def answer(self, readers: Readers, few: int | None = None) -> bytes:
        """The answer. Raises NotFound, TooMuch."""
        if few is not None and self.about in ("said", "recorded"):
            few //= _STEPS
        projection = _PROJECTIONS[self.about]
        return msgspec.json.encode(_state(readers.ledger, projection, self.subject, self.as_of, self.said_by, few))


class Between(Struct, frozen=True, kw_only=True, tag="between"):
    """What changed about a claim from one pair of cuts to another."""

    claim: str
    before: tuple[int, str | None]
    """As of a position, and said by a moment."""
    after: tuple[int, str | None]

    @property
    def kin(self) -> tuple[str, ...]:
        """What costs as much."""
        return ("status", self.claim)

    def answer(self, readers: Readers, few: int | None = None) -> bytes:
        """The answer. Raises NotFound, TooMuch."""
        one, other = (_state(readers.ledger, status, self.claim, *cuts, few) for cuts in (self.before, self.after))
        return msgspec.json.encode(diff.between(one, other))


class OnBoard(Struct, frozen=True, kw_only=True, tag="board"):
    """A part of the board."""

    wanted: Wanted
    most: int
    """Claims of a page, where none are wanted in so many words."""
    as_of: int
    said_by: str | None = None

    kin: ClassVar[tuple[str, ...]] = ()

    def answer(self, readers: Readers, few: int | None = None) -> bytes:
        """The answer; by what had been said, a fold of all records, unless the view keeps that board.

        Raises UsageError, NotYet, TooMuch.
        """
        read = msgspec.structs.replace(self.wanted, limit=self.wanted.limit or self.most)
        while True:
            with at_position(readers, self.as_of) as view:
                if self.said_by is None or view.has_board(as_of=self.as_of, said_by=self.said_by):
                    part = viewed(view, read, as_of=self.as_of, said_by=self.said_by)
                    return part.json(self.wanted)
            if few is not None:
                raise TooMuch
            readers.keep_board(as_of=self.as_of, said_by=self.said_by)


class OfSources(Struct, frozen=True, kw_only=True, tag="sources"):
    """A page of the sources there are."""

    search: str | None
    after: str
    limit: int
    as_of: int

    kin: ClassVar[tuple[str, ...]] = ()

    def answer(self, readers: Readers, few: int | None = None) -> bytes:
        """The answer. Raises NotYet."""
        with at_position(readers, self.as_of) as view:
            found = view.sources(as_of=self.as_of, search=self.search, after=self.after, limit=self.limit + 1)
        shown = found[: self.limit]
        following = f"{self.as_of}:{shown[-1].source}" if len(found) > self.limit else None
        as_of = readers.ledger.question(as_of=self.as_of).as_of
        return msgspec.json.encode(Roster(as_of=as_of, sources=shown, next=following))


@contextmanager
def at_position(readers: Readers, position: int) -> Iterator[Views]:
    """The view at one moment, where it has come to a position. Raises NotYet where it has not."""
    with readers.view() as view, view.still():
        if view.made < position:
            raise NotYet(f"the view of the board has not come to position {position} yet")
        yield view


Asked: TypeAlias = OfSubject | Between | OnBoard | OfSources | InLog


def _state(
    ledger: Ledger, projection: Projection, subject: str, as_of: int, said_by: str | None, few: int | None
) -> Any:
    weighed = projection if few is None else _Few(projection, few)
    return ledger.state(weighed, subject, as_of=as_of, said_by=said_by)


class _Few:
    """A projection that gives up once it was given more than a few records."""

    def __init__(self, projection: Any, few: int) -> None:
        self._projection = projection
        self._left = few
        self.wants, self.answer = projection.wants, projection.answer

    def initial(self, question: Question) -> Any:
        return self._projection.initial(question)

    def evolve(self, state: Any, record: Record) -> Any:
        self._left -= 1
        if self._left < 0:
            raise TooMuch
        return self._projection.evolve(state, record)
