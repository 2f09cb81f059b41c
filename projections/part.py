"""Which part of the board is asked for? The same words, answers and bytes for whoever asks, by whatever way.

A part is read from the view beside the ledger, or folded from all records where there is none: every claim, by id.
"""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter
from typing import Any, NamedTuple, cast

import msgspec
from msgspec import Struct

from ledger import Ledger, cuts, names
from ledger.fold import AsOf

from .board import Board, Row
from .status import RULES
from .tracking.rows import STATUSES
from .views import Order, Views, bothcuts, cursors, pages
from .views.view import Time


class Wanted(Struct, frozen=True, kw_only=True):
    """Which part of the board is wanted, and in which order. See `Views.page` for what each means."""

    limit: int | None = None
    cursor: str | None = None
    order: str = "id"
    statuses: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    source: str | None = None
    """An id, or the name it stands for."""
    changed_since: str | None = None
    changed_until: str | None = None
    search: str | None = None

    @property
    def plain(self) -> bool:
        """Whether a fold of all records gives it: every claim, by id."""
        return self == Wanted(limit=self.limit, cursor=self.cursor)

    def asked(self, said_by: str | None) -> cursors.Asked:
        """What its cursor carries, as that of `Views.page` does. Raises UsageError."""
        return cursors.asked(
            said_by,
            status=self.statuses,
            flag=self.flags,
            kind=self.kinds,
            source=None if self.source is None else names.source_id(self.source),
            search=self.search,
            changed_since=self.changed_since,
            changed_until=self.changed_until,
        )


class PartOfBoard(Struct, frozen=True, omit_defaults=True):
    """The board at both cuts, or the part of it that was asked for."""

    as_of: AsOf
    said_by: str | None
    rules: str
    claims: list[Row]
    counts: dict[str, int] | None = None
    """Beside a part: how many claims of the whole board are of each status."""
    next: str | None = None
    """The cursor of what follows; left out where nothing does."""


class Part(NamedTuple):
    """A part of the board, with how many claims of the whole are of each status, and the cursor of what follows."""

    board: Board
    counts: dict[str, int]
    following: str | None

    def json(self, wanted: Wanted) -> bytes:
        """The answer, as everybody is given it."""
        return msgspec.json.encode(self.answer(wanted))

    def answer(self, wanted: Wanted) -> PartOfBoard:
        """The whole board without a word more, a part of it with its counts."""
        whole, counts = self.board, self.counts if wanted != Wanted() else None
        return PartOfBoard(whole.as_of, whole.said_by, whole.rules, whole.claims, counts, self.following or None)


def viewed(view: Views, wanted: Wanted, *, as_of: int | None = None, said_by: Time | None = None) -> Part:
    """The part, from a view that has been caught up. Raises UsageError for words that are none."""
    page = view.page(
        order=cast(Order, wanted.order),
        limit=wanted.limit,
        cursor=wanted.cursor,
        as_of=as_of,
        said_by=said_by,
        status=wanted.statuses,
        flags=wanted.flags,
        kind=wanted.kinds,
        source=wanted.source,
        changed_since=wanted.changed_since,
        changed_until=wanted.changed_until,
        search=wanted.search,
    )
    counts = view.counts(as_of=page.as_of.position, said_by=said_by)
    found = Board(as_of=page.as_of, said_by=page.said_by, rules=RULES, claims=page.rows)
    return Part(found, counts, page.cursor)


def folded(ledger: Ledger, wanted: Wanted, *, as_of: Any = None, said_by: Any = None) -> Part:
    """The part, from all records; of what is `plain` only."""
    at, after = (None, "") if wanted.cursor is None else pages.place_of("id", wanted.cursor)
    asked = wanted.asked(cuts.said_by(said_by)[1])
    pages.check_asked(wanted.cursor, asked)
    pages.check_pinned(wanted.cursor, at, None if as_of is None else ledger.question(as_of=as_of).as_of.position)
    question = ledger.question(as_of=as_of if at is None else at, said_by=said_by)
    every = sorted(bothcuts.rows(ledger, question), key=attrgetter("claim"))  # no more of the ledger is held than these
    found = Board(as_of=question.as_of, said_by=question.said_by_text, rules=RULES, claims=every)
    counts = dict.fromkeys(STATUSES, 0)
    for row in found.claims:
        counts[row.status] += 1
    if wanted.cursor is not None and all(row.claim != after for row in found.claims):
        raise pages.not_there(wanted.cursor)
    rows = [row for row in found.claims if row.claim > after]
    shown = rows if wanted.limit is None else rows[: wanted.limit]
    more = len(shown) < len(rows)
    following = pages.cursor_of(found.as_of.position, "id", None, shown[-1].claim, asked) if more else None
    return Part(msgspec.structs.replace(found, claims=shown), counts, following)


def asked(ask: cursors.Ask, wanted: Wanted, *, as_of: str | None = None, said_by: str | None = None) -> Part:
    """The part, from a service."""
    rows: list[Row] = []
    query = [*_cuts_asked(as_of, said_by), *_asked(wanted)]
    for page in cursors.pages(ask, "claims", query, _Page, wanted.limit, wanted.cursor):
        rows += page.claims
    found = Board(as_of=page.as_of, said_by=page.said_by, rules=page.rules, claims=rows)
    return Part(found, page.counts, page.next)


class _Page(Board, frozen=True):
    """A page of the board, as `Part.json` has it."""

    counts: dict[str, int]
    next: str | None = None


def _asked(wanted: Wanted) -> Iterator[tuple[str, str]]:
    """The words of a query that ask for a part; what is repeated there has its singular."""
    for name, values in (("status", wanted.statuses), ("flag", wanted.flags), ("kind", wanted.kinds)):
        yield from ((name, value) for value in values)
    for name in ("source", "changed_since", "changed_until", "search"):
        value = getattr(wanted, name)
        if value is not None:
            yield name, str(value)
    if wanted.order != Wanted().order:
        yield "order", wanted.order


def _cuts_asked(as_of: str | None, said_by: str | None) -> Iterator[tuple[str, str]]:
    for name, cut in (("as_of", as_of), ("said_by", said_by)):
        if cut is not None:
            yield name, cut
