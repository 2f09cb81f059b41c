"""How is a read answered? Its cuts are fixed first; the same question at the same position has the same bytes.

An answer at a fixed position never changes, so it is kept, tagged by the ledger and the position (RFC 9110, ETag), and
where the position was asked for by name it may be cached for ever (RFC 8246, immutable).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from inspect import getdoc
from typing import Any, Final, NamedTuple

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from ledger import when
from ledger.cuts import number_of
from ledger.errors import UsageError

from . import service
from .answers import WORTH_ZIPPING, Answer
from .operations import WAIT_FOR, Handler, Operation, Parameter
from .owing import Owed, owed_to
from .questions import Asked
from .service import Service
from .settings import MAX_PAGE

FOR_EVER: Final = "private, max-age=31536000, immutable"
ASK_AGAIN: Final = "private, no-cache"
_VARY: Final = "Accept, Accept-Encoding, Authorization, Cookie"


class Cuts(NamedTuple):
    """At which cuts an answer is given, and whether a later request can have no other."""

    position: int
    said_by: str | None = None
    pinned: bool = False
    owed: Owed | None = None
    """What is still owed at this position to who has to ask again."""


def reading(path: str, handler: Handler, answer: Any, *parameters: Parameter, **more: Any) -> Operation:
    """An operation that reads: it may be waited for, and what it does not know of is refused by its name."""
    asked = Operation(
        method="GET",
        path=path,
        handler=handler,
        about=getdoc(handler) or "",
        answer=answer,
        parameters=(*parameters, WAIT_FOR),
        **more,
    )
    return msgspec.structs.replace(asked, handler=checked(asked))


def checked(operation: Operation) -> Handler:
    """The handler of an operation, for requests that ask nothing it does not know of; others are a UsageError."""
    many = {one.name: one.many for one in operation.parameters if one.place == "query"}

    async def handler(request: Request) -> Response:
        if request.scope["query_string"]:
            for name, told in _wrong(request, many):
                raise UsageError(f"{name}: {told}")
        return await operation.handler(request)

    return handler


async def fixed(request: Request, *, on_board: bool = False, cursor_at: int | None = None) -> Cuts:
    """The cuts of a request, once what it waits for is there; of the board, at the position its view has come to.

    Where nothing else is asked, a cursor goes on at its own position. Raises UsageError for what is no cut, NotYet
    where the view has not come so far.
    """
    served = service.of(request)
    if not request.scope["query_string"]:  # what is asked most is quickest
        return Cuts(await board_made(served) if on_board else served.ledger.head)
    query = request.query_params
    wait_for = number(request, "wait_for", 0)
    if wait_for:
        await served.until(wait_for, on_board=on_board)
    head, as_of = served.ledger.head, query.get("as_of", None if cursor_at is None else str(cursor_at))
    if on_board and as_of is None:
        return await board_of_now(request, query.get("said_by"), wait_for)
    question = served.ledger.question(as_of=as_of, said_by=query.get("said_by"))
    position = question.as_of.position
    if on_board:
        await served.until(position, on_board=True)
    return Cuts(position, question.said_by_text, as_of is not None and _is_pinned(as_of, position, head))


async def answered(request: Request, asked: Asked, cuts: Cuts) -> Response:
    """The answer to a question that hangs on nothing but the question and its cuts."""
    served = service.of(request)
    tag = served.tag(cuts.position)
    with served.owing.until_answered(cuts.owed, cuts.position):
        if has(request, tag):
            if header(request, b"if-none-match") == b"*":
                await served.answer(asked)  # there must be one
            return unchanged(tag, for_ever=cuts.pinned)
        return await given(request, await served.answer(asked), tag, for_ever=cuts.pinned)


async def given(request: Request, answer: Answer, tag: str, *, for_ever: bool) -> Response:
    """An answer as JSON, compressed where the asker can read that and it is worth it."""
    return _Given(answer, await goes_zipped(request, answer), tag, for_ever)


async def goes_zipped(request: Request, answer: Answer) -> bool:
    """Whether an answer is sent compressed; where it is, it has been."""
    zips = len(answer.body) in WORTH_ZIPPING and takes_gzip(header(request, b"accept-encoding"))
    if zips and not answer.zipped:
        await service.of(request).in_thread(answer.zip)
    return zips


def unchanged(tag: str, *, for_ever: bool) -> Response:
    """That the asker has the answer already (304)."""
    return Response(status_code=304, headers=headers_of(tag, for_ever=for_ever))


class _Given(Response):
    """An answer as it was kept: what it says of itself is written once."""

    def __init__(self, answer: Answer, zips: bool, tag: str, for_ever: bool) -> None:
        said = (zips, tag, for_ever)
        if answer.said != said:
            coded = {"Content-Encoding": "gzip"} if zips else {}
            super().__init__(
                answer.zipped if zips else answer.body,
                headers=headers_of(tag, for_ever=for_ever) | coded,
                media_type="application/json",
            )
            answer.said, answer.raw = said, tuple(self.raw_headers)
            return
        self.status_code, self.background = 200, None
        self.body = answer.zipped if zips else answer.body
        self.raw_headers = list(answer.raw)  # others may add to it on its way


def headers_of(tag: str, *, for_ever: bool) -> dict[str, str]:
    """What a cache may do with an answer."""
    return {"ETag": tag, "Cache-Control": FOR_EVER if for_ever else ASK_AGAIN, "Vary": _VARY}


def has(request: Request, tag: str) -> bool:
    """Whether the asker has the answer already: that with this tag, or any at all."""
    asked = header(request, b"if-none-match")
    if not asked:
        return False
    bare = tag.removeprefix("W/").encode()
    return asked == b"*" or bare in (one.strip().removeprefix(b"W/") for one in asked.split(b","))


def header(request: Request, name: bytes) -> bytes:
    """A header of the request, named in lower case; b"" where there is none."""
    for key, value in request.scope["headers"]:
        if key == name:
            return bytes(value)
    return b""


def number(request: Request, name: str, default: int, *, least: int = 0, most: int | None = None) -> int:
    """A number of the query. Raises UsageError."""
    text = request.query_params.get(name)
    if text is None:
        return default
    found = number_of(text)
    if found is None or found < least or (most is not None and found > most):
        raise UsageError(f"{name}: {text!r} is no number from {least} {'on' if most is None else f'to {most:,}'}")
    return found


def page_size(request: Request) -> int:
    """How much a page has. Raises UsageError."""
    return number(request, "limit", service.of(request).settings.page, least=1, most=MAX_PAGE)


@lru_cache(maxsize=256)
def takes_gzip(accepted: bytes) -> bool:
    """Whether an Accept-Encoding allows gzip (RFC 9110)."""
    weights: dict[str, float] = {}
    for one in accepted.decode("latin-1").lower().split(","):
        coding, _, weight = one.partition(";")
        try:
            weights[coding.strip()] = float(weight.partition("=")[2]) if weight.strip().startswith("q=") else 1.0
        except ValueError:
            weights[coding.strip()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


async def board_of_now(request: Request, said_by: str | None, at_least: int) -> Cuts:
    """The cuts of the board where no position is asked for: as of its view, or as it is owed. Raises as `fixed`."""
    served, url = service.of(request), request.url
    owed = owed_to(f"{url.path}?{url.query}", said_by)
    position = served.owing.position(owed, await board_made(served), at_least=at_least)
    return Cuts(position, said_by, owed=owed)


async def board_made(served: Service) -> int:
    """The position that the view of the board has come to, once there is one. Raises NotYet."""
    made = await served.made()
    if made == 0 and served.ledger.head:  # nobody has made one yet
        await served.until(1, on_board=True)
        made = await served.made()
    return made


def _wrong(request: Request, many: dict[str, bool]) -> Iterator[tuple[str, str]]:
    """The parameters of a query that an operation does not know, or not more than once."""
    query = request.query_params
    for name in query:
        if name not in many:
            known = f"there are {', '.join(sorted(many))}" if many else "there is none"
            yield repr(name), f"there is no such parameter here; {known}"
        elif not many[name] and len(query.getlist(name)) > 1:
            yield name, "it may be given once"


def _is_pinned(as_of: str, position: int, head: int) -> bool:
    """Whether a cut means the same position for ever; `head` was read before it was asked which.

    A position does, and an event, and a time that came out as a position before the last: nothing is recorded earlier.
    """
    if position < head or (as_of.isascii() and as_of.isdigit()):
        return True
    try:
        when.cut(as_of)
    except ValueError:
        return True
    return False
