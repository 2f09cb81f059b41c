"""Where does a claim stand, all of them, and who are the sources? The readings, over HTTP."""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from ledger import UsageError
from ledger.cuts import number_of
from ledger.names import source_id
from projections import diff
from projections.diff import Diff
from projections.flags import FLAGS
from projections.part import PartOfBoard, Wanted
from projections.provenance import Provenance
from projections.sources import Source
from projections.status import RULES, Status
from projections.timeline import History
from projections.tracking.rows import CLAIM_KINDS, STATUSES
from projections.views import cursors, pages
from projections.views.changes import Changes, check_place, place_of
from projections.views.file import ledger_id
from projections.views.roster import Roster

from . import asking, service
from .asking import reading
from .operations import CLAIM, CUTS, Parameter
from .questions import About, Between, OfChanges, OfSources, OfSubject, OnBoard
from .settings import MAX_PAGE

_AXES: Final = ("said", "recorded")


class Head(Struct, frozen=True, kw_only=True):
    """How far the ledger has come, and the view of the board behind it."""

    ledger: str
    """By which the ledger is known: the id of its first record; "" for an empty one."""
    position: int
    recorded_at: str | None
    view: int
    """The position that the board is answered at, where no other is asked for."""
    rules: str = RULES


async def head(request: Request) -> Response:
    """How far the ledger has come, or had by a cut."""
    served = service.of(request)
    cuts = await asking.fixed(request)
    found = Head(
        ledger=ledger_id(served.ledger),
        position=cuts.position,
        recorded_at=served.ledger.question(as_of=cuts.position).as_of.recorded_at,
        view=await served.made(),
    )
    return Response(
        msgspec.json.encode(found), headers={"Cache-Control": asking.ASK_AGAIN}, media_type="application/json"
    )


async def claim(request: Request) -> Response:
    """Where a claim stands, and why."""
    return await _of_subject(request, "status", request.path_params["claim"])


async def claim_provenance(request: Request) -> Response:
    """Who said so first, and through whom it came."""
    return await _of_subject(request, "provenance", request.path_params["claim"])


async def claim_history(request: Request) -> Response:
    """How a claim came to stand where it stands."""
    return await _of_subject(request, cast(About, _axis(request)), request.path_params["claim"])


async def source(request: Request) -> Response:
    """All that a source said and carried."""
    return await _of_subject(request, "source", source_id(request.path_params["source"]))


async def claim_diff(request: Request) -> Response:
    """What changed about a claim between two cuts."""
    query, axis, ledger = request.query_params, _axis(request), service.of(request).ledger
    other = "said_by" if axis == "said" else "as_of"
    if other in query:
        raise UsageError(f"`from` and `to` are the cuts of the axis {axis}; leave {other} out")
    ends = {name: query[name] for name in ("from", "to") if name in query}
    if len(ends) < 2:
        raise UsageError("from, to: give both; they are the cuts between which is asked what changed")
    cuts = await asking.fixed(request)
    if axis == "said":
        for name, end in ends.items():
            diff.check_moment(name, end, "axis=recorded")
        before, after = ((cuts.position, ledger.question(said_by=end).said_by_text) for end in ends.values())
    else:
        before, after = ((ledger.question(as_of=end).as_of.position, cuts.said_by) for end in ends.values())
    asked = Between(claim=request.path_params["claim"], before=before, after=after)
    return await asking.answered(request, asked, cuts)


async def board(request: Request) -> Response:
    """Where all claims stand."""
    wanted = _wanted(request)
    pinned = None if wanted.cursor is None else pages.place_of(cast(pages.Order, wanted.order), wanted.cursor)[0]
    cuts = await asking.fixed(request, on_board=True, cursor_at=pinned)
    most = service.of(request).settings.page
    asked = OnBoard(wanted=wanted, most=most, as_of=cuts.position, said_by=cuts.said_by)
    return await asking.answered(request, asked, cuts)


async def changes(request: Request) -> Response:
    """Which claims stand elsewhere than they stood after a position, each as it stood and as it stands."""
    query, ledger = request.query_params, service.of(request).ledger
    if "after" not in query:
        raise UsageError("after: say since when; it is a position, an event id, or a time")
    after = ledger.question(as_of=query["after"]).as_of.position
    place = None if "cursor" not in query else place_of(query["cursor"])
    cuts = await asking.fixed(request, on_board=True, cursor_at=place and place[1])
    if place is not None:
        check_place(query["cursor"], place, after, cuts.position)
    if after > cuts.position:
        raise UsageError(f"after: position {after} comes after position {cuts.position}; ask for an earlier one")
    # Else what reads as a moment may come to mean a later position.
    cuts = cuts._replace(pinned=cuts.pinned and (after < cuts.position or number_of(query["after"]) is not None))
    beyond, limit = "" if place is None else place[2], asking.page_size(request)
    asked = OfChanges(after=after, beyond=beyond, limit=limit, as_of=cuts.position)
    return await asking.answered(request, asked, cuts)


async def sources(request: Request) -> Response:
    """Which sources there are."""
    cursor = request.query_params.get("cursor")
    position, after = _place(cursor)
    cuts = await asking.fixed(request, on_board=True, cursor_at=position)
    pages.check_pinned(cursor, position, cuts.position)
    search, limit = request.query_params.get("search"), asking.page_size(request)
    asked = OfSources(search=search, after=after, limit=limit, as_of=cuts.position)
    if cursor is not None:
        cursors.check(cursor, asked.asked)
    return await asking.answered(request, asked, cuts)


async def _of_subject(request: Request, about: About, subject: str) -> Response:
    cuts = await asking.fixed(request)
    asked = OfSubject(about=about, subject=subject, as_of=cuts.position, said_by=cuts.said_by)
    return await asking.answered(request, asked, cuts)


def _axis(request: Request) -> str:
    axis = request.query_params.get("axis", "said")
    if axis not in _AXES:
        raise UsageError(f"axis: {axis!r} is no axis; there are {', '.join(_AXES)}")
    return axis


def _wanted(request: Request) -> Wanted:
    query = request.query_params
    if query.get("order", "id") not in pages.ORDERS:
        raise UsageError(f"order: {query['order']!r} is no order; there are {', '.join(pages.ORDERS)}")
    return Wanted(
        limit=asking.page_size(request) if "limit" in query else None,
        cursor=query.get("cursor"),
        order=query.get("order", "id"),
        statuses=tuple(query.getlist("status")),
        flags=tuple(query.getlist("flag")),
        kinds=tuple(query.getlist("kind")),
        source=query.get("source"),
        changed_since=query.get("changed_since"),
        changed_until=query.get("changed_until"),
        search=query.get("search"),
    )


def _place(cursor: str | None) -> tuple[int | None, str]:
    """The position of a cursor in the list of sources, and the source after which it goes on."""
    if cursor is None:
        return None, ""
    text, colon, after = cursors.place_in(cursor).partition(":")
    position = number_of(text)
    if not colon or position is None:
        raise UsageError(f"{cursor!r} is no cursor of sources; give the one that came with the page before")
    return position, after


def one_of(name: str, about: str, words: Any, *, many: bool = False) -> Parameter:
    """A parameter that is one of some words, or several of them."""
    return Parameter(name=name, about=about, schema={"type": "string", "enum": list(words)}, many=many)


AXIS: Final = one_of("axis", "Which clock: that of the world, or that of this ledger.", _AXES)
LIMIT: Final = Parameter(
    name="limit", about="At most so many on a page.", schema={"type": "integer", "minimum": 1, "maximum": MAX_PAGE}
)
CURSOR: Final = Parameter(name="cursor", about="Go on where the page before ended: its `next`, asked with the same.")
AS_OF: Final = CUTS[0]
SOURCE: Final = Parameter(name="source", place="path", about="The id of a source, or a name it stands for.")
_BOARD: Final = (
    LIMIT,
    CURSOR,
    one_of("order", "By id, by last change, or by the number of acts.", pages.ORDERS),
    one_of("status", "Claims of this status, or another that is given.", STATUSES, many=True),
    one_of("flag", "Claims with this flag, and every other that is given.", FLAGS, many=True),
    one_of("kind", "Claims of this kind, or another that is given.", CLAIM_KINDS, many=True),
    Parameter(name="source", about="Claims on which an act has this source in its chain: an id or a name."),
    Parameter(name="changed_since", about="Claims that a record named then, or later."),
    Parameter(name="changed_until", about="Claims that no record named later."),
    Parameter(name="search", about="Claims whose text, a quote or a source has all these words."),
)

OPERATIONS: Final = (
    reading("/v1/claims/{claim}", claim, Status, CLAIM, *CUTS),
    reading("/v1/claims", board, PartOfBoard, *_BOARD, *CUTS),
    reading(
        "/v1/changes",
        changes,
        Changes,
        Parameter(
            name="after",
            about="Since when: a position, an event id, or a time. How claims stood is as the ledger knew it then.",
            required=True,
            example="60",
        ),
        LIMIT,
        CURSOR,
        AS_OF,
    ),
    reading("/v1/claims/{claim}/history", claim_history, History, CLAIM, AXIS, *CUTS),
    reading("/v1/claims/{claim}/provenance", claim_provenance, Provenance, CLAIM, *CUTS),
    reading(
        "/v1/claims/{claim}/diff",
        claim_diff,
        Diff,
        CLAIM,
        Parameter(name="from", about="The earlier cut, of the axis.", required=True, example="2024-10-09"),
        Parameter(name="to", about="The later cut, of the axis.", required=True, example="2024-10-10"),
        AXIS,
        *CUTS,
    ),
    reading(
        "/v1/sources",
        sources,
        Roster,
        LIMIT,
        CURSOR,
        Parameter(name="search", about="Sources whose id or a name has all these words."),
        AS_OF,
    ),
    reading("/v1/sources/{source:path}", source, Source, SOURCE, *CUTS),
    reading("/v1/head", head, Head, AS_OF, etag=False),
)
