"""What went wrong, as other programs are told it? RFC 9457 problems, each of a type that has a page to explain it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Match, Route

from ledger.errors import (
    Busy,
    Conflict,
    Forbidden,
    IdReused,
    IntegrityError,
    InvalidEvent,
    LedgerError,
    NotFound,
    Refused,
    Unavailable,
    UsageError,
)

MEDIA_TYPE: Final = "application/problem+json"
NOT_ANSWERED: Final = "this request could not be answered; the log of the service tells why"
_UNTOLD: Final = {
    "failure": NOT_ANSWERED,
    "integrity": NOT_ANSWERED,
    "not-ready": "the ledger cannot be read or written now; the log of the service tells why",
}
"""What is told of errors that say where the ledger is kept."""
_LATER: Final = {"Retry-After": "5"}


class Kind(Struct, frozen=True):
    """A type of problem: its name in `/problems/{name}`, its status, and what to do about it."""

    name: str
    status: int
    title: str
    about: str


KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind("usage", 400, "The request makes no sense as asked", "Read what `detail` says, and ask otherwise."),
        Kind("not-json", 400, "The body is not JSON", "Send one JSON array of events, or NDJSON, in UTF-8."),
        Kind("not-found", 404, "There is no such thing", "Look it up in `/v1/claims` or `/v1/events`."),
        Kind(
            "unauthorized",
            401,
            "This takes a token",
            "Send `Authorization: Bearer`, and a token: `claims token create`.",
        ),
        Kind("forbidden", 403, "The token does not allow this", "Ask for a token with the scope that `scope` names."),
        Kind("elsewhere", 403, "A page of another origin asks", "Only pages of this service may write from a browser."),
        Kind("misdirected", 421, "This service has another name", "Ask for it as localhost; or make tokens first."),
        Kind("no-such-method", 405, "This is not asked in this way", "`Allow` names the methods there are."),
        Kind("too-slow", 408, "The body did not come in time", "Send it again, in smaller batches if it is large."),
        Kind("too-large", 413, "The body is too large", "Send fewer events at a time."),
        Kind("too-long", 414, "The address is too long", "Ask for less at once."),
        Kind(
            "media-type",
            415,
            "The body is of another type",
            "Send application/json or application/x-ndjson, not encoded.",
        ),
        Kind("busy", 429, "Too much at once", "Come again after as many seconds as `Retry-After` says."),
        Kind("refused", 422, "A rule forbids it", "Nothing was written. `errors` names each event and the reason."),
        Kind("id-reused", 409, "The id is taken", "Another event has this id; give this one an id of its own."),
        Kind("overtaken", 412, "Something came in between", "Read what came up to `head`, then append again."),
        Kind("invalid-event", 422, "An event does not meet its schema", "Mend what `errors` points at."),
        Kind("another-ledger", 409, "The place is another ledger's", "Start over: leave out the id of the last event."),
        Kind("too-many-streams", 503, "Too many listen already", "Come again after `Retry-After` seconds."),
        Kind("integrity", 500, "The ledger is not what it says it is", "Whoever runs the service must look at it."),
        Kind("not-ready", 503, "The service cannot do its work now", "Ask again after `Retry-After` seconds."),
        Kind("not-yet", 503, "The answer is not there yet", "Ask again after `Retry-After` seconds."),
        Kind("failure", 500, "Something went wrong here", "Whoever runs the service finds more in its log."),
    )
}
_OF_ERROR: Final[tuple[tuple[type[LedgerError], str], ...]] = (
    (Busy, "busy"),
    (IdReused, "id-reused"),
    (Conflict, "overtaken"),
    (NotFound, "not-found"),
    (Forbidden, "forbidden"),
    (InvalidEvent, "invalid-event"),
    (Refused, "refused"),
    (UsageError, "usage"),
    (IntegrityError, "integrity"),
    (Unavailable, "not-ready"),
)


def kind_of(error: LedgerError) -> str:
    """The name of the kind of problem that an error of the ledger is."""
    return next((kind for of, kind in _OF_ERROR if isinstance(error, of)), "failure")


def type_of(kind: str) -> str:
    """What stands as `type` in a problem of this kind: where its page is."""
    return f"/problems/{kind}"


class Problem(Exception):
    """A request that is answered by a problem; raised anywhere below a handler."""

    untold: Exception | None = None
    """What went wrong, where the log alone is told."""

    def __init__(self, kind: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.kind = KINDS[kind]
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    @classmethod
    def of(cls, error: LedgerError) -> Problem:
        """The problem that an error of the ledger is. What is wrong with the place it lies in, the log tells alone."""
        kind = kind_of(error)
        if kind in _UNTOLD:
            return cls._hiding(error, kind)
        more: dict[str, Any] = {"positions": error.positions} if isinstance(error, Conflict) else {}
        if isinstance(error, Conflict) and error.head is not None:
            more["head"] = error.head
        wait = {"Retry-After": str(math.ceil(error.retry_after_s))} if isinstance(error, Busy) else None
        return cls(kind, str(error), headers=wait, **more)

    @classmethod
    def unforeseen(cls, error: Exception) -> Problem:
        """The problem that any other error is."""
        return cls._hiding(error, "failure")

    @classmethod
    def _hiding(cls, error: Exception, kind: str) -> Problem:
        problem = cls(kind, _UNTOLD[kind], headers=_LATER if kind == "not-ready" else None)
        problem.untold = error
        return problem

    def note(self, request: Request) -> None:
        """Notes of a request, for those who count and for the log, that this is its answer."""
        request.scope["problem"] = self.kind.name
        if self.untold is not None:
            request.scope["error"] = self.untold

    def response(self, request: Request) -> Response:
        """The answer."""
        self.note(request)
        request_id = request.scope.get("request_id")
        told = {
            "type": type_of(self.kind.name),
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "instance": request.url.path,
            **({"request_id": request_id} if request_id else {}),
            **self.more,
        }
        return Response(msgspec.json.encode(told), self.kind.status, self.headers, MEDIA_TYPE)


class NotYet(Problem):
    """What is asked for is on its way: it is there, as a rule, for who asks again."""

    def __init__(self, detail: str, retry_after_s: int = 1) -> None:
        super().__init__("not-yet", detail, headers={"Retry-After": str(retry_after_s)})


class Overloaded(NotYet):
    """So much is asked at once that more is refused."""

    def __init__(self) -> None:
        super().__init__("more is asked at once than can be answered", retry_after_s=2)


async def told(request: Request, error: Exception) -> Response:
    """Answers what a handler raised."""
    match error:
        case Problem():
            problem = error
        case LedgerError():
            problem = Problem.of(error)
        case ClientDisconnect():  # nobody hears this; but it is no failure of the service
            problem = Problem("too-slow", "the body broke off")
        case HTTPException(status_code=404):
            problem = Problem("not-found", f"there is nothing at {request.url.path}")
        case HTTPException(status_code=405):
            problem = Problem("no-such-method", f"{request.method} is not asked here", headers=_allowed(request))
        case _:
            problem = Problem.unforeseen(error)
    return problem.response(request)


def _allowed(request: Request) -> dict[str, str]:
    """The methods of all that is at a path; the router knows only those of the first that it tried."""
    there = (route for route in request.app.routes if isinstance(route, Route))
    found = {method for one in there if one.matches(request.scope)[0] != Match.NONE for method in one.methods or ()}
    return {"Allow": ", ".join(sorted(found))}
