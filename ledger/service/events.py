"""Which records does the ledger hold? Their very bytes, page by page as JSON or all at once as NDJSON."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from ledger import Ledger, NotFound, UsageError
from ledger.cuts import number_of
from ledger.events import TYPES
from ledger.names import source_id
from projections.views import cursors
from projections.views.pages import check_pinned

from . import asking, operations, service
from .asking import Cuts, reading
from .logged import LISTED, InLog, Records
from .operations import RECORD, Parameter
from .questions import OfRecord
from .reads import AS_OF, CURSOR, LIMIT, one_of

NDJSON: Final = "application/x-ndjson"
_FILTERS: Final = frozenset(("claim", "source", "type"))


async def events(request: Request) -> Response:
    """The records, oldest first: all of them, or those about a claim, a source, an event.

    JSON comes page by page. `Accept: application/x-ndjson` gives all that is asked for, a record a line.
    """
    cursor = request.query_params.get("cursor")
    position, after = _place(cursor)
    cuts = await asking.fixed(request, cursor_at=position)
    check_pinned(cursor, position, cuts.position)
    asked = _asked(request, cuts, after)
    if cursor is not None:
        cursors.check(cursor, asked.asked)
    if _wants_lines(request):
        return await _streamed(request, asked, cuts)
    return await asking.answered(request, asked, cuts)


async def event(request: Request) -> Response:
    """One record, by its id or position, as it was recorded; and what came to be recorded about it.

    `about` has what is about it, and what is about that, oldest first, each as it was recorded.
    """
    cuts = await asking.fixed(request)
    event_id = _id(service.of(request).ledger, request.path_params["event"], cuts.position)
    return await asking.answered(request, OfRecord(event=event_id, as_of=cuts.position), cuts)


async def _streamed(request: Request, asked: InLog, cuts: Cuts) -> Response:
    served = service.of(request)
    tag = served.tag(cuts.position, "-lines")
    if asking.has(request, tag):
        return asking.unchanged(tag, for_ever=cuts.pinned)
    lines = asked.lines(served.ledger)
    first = await served.in_thread(_next, lines)  # what goes wrong at once is told as a problem

    async def chunks() -> AsyncIterator[bytes]:
        chunk = first
        while chunk is not None:
            if chunk:
                yield chunk
            chunk = await served.in_thread(_next, lines)

    return StreamingResponse(chunks(), headers=asking.headers_of(tag, for_ever=cuts.pinned), media_type=NDJSON)


def _wants_lines(request: Request) -> bool:
    return NDJSON.encode() in asking.header(request, b"accept")


def _next(lines: Iterator[bytes]) -> bytes | None:
    return next(lines, None)


def _asked(request: Request, cuts: Cuts, after: int) -> InLog:
    query = request.query_params
    for name, others in (("tag", _FILTERS | {"about"}), ("about", _FILTERS)):
        for other in others & query.keys():
            if name in query:
                raise UsageError(f"{name}, {other}: ask for one of them")
    source = query.get("source")
    types = tuple(query.getlist("type"))
    for one in types:
        if one not in TYPES:
            raise UsageError(f"type: {one!r} is no event type; there are {', '.join(TYPES)}")
    limit = asking.number(request, "limit", 0, least=1) if _wants_lines(request) else asking.page_size(request)
    return InLog(
        as_of=cuts.position,
        after=min(after or asking.number(request, "after", 0), cuts.position),
        limit=limit,
        claim=query.get("claim"),
        source=None if source is None else source_id(source),
        types=types,
        tags=tuple(query.getlist("tag")),
        about=query.get("about"),
    )


def _place(cursor: str | None) -> tuple[int | None, int]:
    """The position of a cursor of records, and that after which it goes on."""
    if cursor is None:
        return None, 0
    position, after = map(number_of, cursors.place_in(cursor).partition(":")[::2])
    if position is None or after is None:
        raise UsageError(f"{cursor!r} is no cursor of records; give the one that came with the page before")
    return position, after


def _id(ledger: Ledger, name: str, until: int) -> str:
    """The id of a record that is named by it, or by its position. Raises NotFound."""
    for _ in ledger.tagged([f"id:{name}"], as_of=until):
        return name
    position = number_of(name)
    if position is not None and 0 < position <= until:
        for record in ledger.events(after=position - 1, as_of=position):
            return record.id
    raise NotFound(f"there is no event {name!r} in this ledger as of position {until}; {LISTED}")


_WITH_ABOUT: Final[dict[str, Any]] = {
    "allOf": [RECORD, {"properties": {"about": {"type": "array", "items": RECORD}}, "required": ["about"]}]
}

OPERATIONS: Final = (
    reading(
        "/v1/events",
        events,
        Records,
        Parameter(name="claim", about="Records about this claim."),
        Parameter(name="source", about="Records that name this source: an id or a name."),
        one_of("type", "Records of this type, or another that is given.", TYPES, many=True),
        Parameter(
            name="tag",
            about="Records with this tag of the ledger, or another that is given, and no other filter: claim:ID, "
            "source:ID, act:ID, id:ID, relation:claim:ID or relation:source:ID.",
            many=True,
        ),
        Parameter(name="about", about="What was recorded about this event, and about that, and so on."),
        Parameter(name="after", about="Begin after this position.", schema={"type": "integer", "minimum": 0}),
        LIMIT,
        CURSOR,
        AS_OF,
        answers=(operations.Answer(about="All of them, a record a line.", type=RECORD, media=NDJSON),),
    ),
    reading(
        "/v1/events/{event:path}",
        event,
        _WITH_ABOUT,
        Parameter(name="event", place="path", about="The id of an event, or its position."),
        AS_OF,
    ),
)
