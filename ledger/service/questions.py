"""What can be asked that takes a fold? Questions as data, so that they are answered here, in another process, or once.

A question has its cuts fixed: it names the position up to which the ledger is known. So its answer never changes, and
is kept by the question itself. `answer` gives the bytes, the very ones that `claims … --json` writes; where it is told
to read but `few` records and that is not enough, it gives up and raises TooMuch, at the cost of those few.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final, Literal, TypeAlias, cast

import msgspec
from msgspec import Struct
from starlette.datastructures import QueryParams

from ledger import Ledger
from ledger.fold import Projection
from projections import aftermath, diff, provenance, sources, status, timeline
from projections.part import Wanted
from projections.views import cursors
from projections.views.changes import part
from projections.views.roster import Roster

from .logged import InLog
from .page.look import Elsewhere, Look
from .page.made import ELSEWHERE, made
from .readers import Readers
from .sparing import Few, Sparing, TooMuch, at_position, part_of

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
        return part_of(readers, read, as_of=self.as_of, said_by=self.said_by, few=few).json(self.wanted)


class OfSources(Struct, frozen=True, kw_only=True, tag="sources"):
    """A page of the sources there are."""

    search: str | None
    after: str
    limit: int
    as_of: int

    kin: ClassVar[tuple[str, ...]] = ()

    @property
    def asked(self) -> cursors.Asked:
        """What the cursor of a page carries."""
        return cursors.asked(search=self.search)

    def answer(self, readers: Readers, few: int | None = None) -> bytes:
        """The answer. Raises NotYet."""
        with at_position(readers, self.as_of) as view:
            found = view.sources(as_of=self.as_of, search=self.search, after=self.after, limit=self.limit + 1)
        shown = found[: self.limit]
        more = len(found) > self.limit
        following = cursors.with_asked(f"{self.as_of}:{shown[-1].source}", self.asked) if more else None
        as_of = readers.ledger.question(as_of=self.as_of).as_of
        return msgspec.json.encode(Roster(as_of=as_of, sources=shown, next=following))


class OfRecord(Struct, frozen=True, kw_only=True, tag="record"):
    """A record, and those about it."""

    event: str
    as_of: int

    @property
    def kin(self) -> tuple[str, ...]:
        """What costs as much: the same record at any cut."""
        return ("record", self.event)

    def answer(self, readers: Readers, few: int | None = None) -> bytes:
        """The answer, of a record that is there. Raises TooMuch."""
        clerk = _state(readers.ledger, aftermath, self.event, self.as_of, None, few)
        return aftermath.line(readers.ledger, clerk, self.event)


class OfChanges(Struct, frozen=True, kw_only=True, tag="changes"):
    """A page of the claims that stand elsewhere than they stood."""

    after: int
    beyond: str
    limit: int
    as_of: int

    kin: ClassVar[tuple[str, ...]] = ()

    def answer(self, readers: Readers, few: int | None = None) -> bytes:
        """The answer. Raises NotYet."""
        with at_position(readers, self.as_of) as view:
            found = view.changes(self.after, self.as_of, beyond=self.beyond)
            after, as_of = (readers.ledger.question(as_of=at).as_of for at in (self.after, self.as_of))
            return msgspec.json.encode(part(found, after, as_of, self.limit))


class OnPage(Struct, frozen=True, kw_only=True, tag="page"):
    """A page, as people see it."""

    page: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    query: str = ""
    as_of: int

    @property
    def kin(self) -> tuple[str, ...]:
        """What costs as much: the same page at any cut; of boards, no other."""
        return (self.page, *(value for _, value in self.params)) if self.params else ()

    def answer(self, readers: Readers, few: int | None = None) -> bytes:
        """The page; or `ELSEWHERE` and the address where it stands. Raises what the ledger does, NotYet, TooMuch."""
        look = Look(
            ledger=readers.ledger if few is None else cast(Ledger, Sparing(readers.ledger, few)),
            readers=readers,
            few=few,
            as_of=self.as_of,
            path=self.path,
            params=dict(self.params),
            query=QueryParams(self.query),
        )
        try:
            return made(self.page, look)
        except Elsewhere as there:
            return ELSEWHERE + there.url.encode()


Asked: TypeAlias = OfSubject | Between | OnBoard | OfChanges | OfSources | OfRecord | InLog | OnPage


def _state(
    ledger: Ledger, projection: Projection, subject: str, as_of: int, said_by: str | None, few: int | None
) -> Any:
    weighed = projection if few is None else Few(projection, few)
    return ledger.state(weighed, subject, as_of=as_of, said_by=said_by)


__all__ = [
    "About",
    "Asked",
    "Between",
    "InLog",
    "OfChanges",
    "OfRecord",
    "OfSources",
    "OfSubject",
    "OnBoard",
    "OnPage",
    "TooMuch",
]
