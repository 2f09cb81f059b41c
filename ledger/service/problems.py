"""What went wrong, as other programs are told it? RFC 9457 problems, each of a type that has a page to explain it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import (
    Conflict,
    IdReused,
    IntegrityError,
    InvalidEvent,
    LedgerError,
    NotFound,
    Refused,
    UsageError,
)

MEDIA_TYPE: Final = "application/problem+json"


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
        Kind("refused", 422, "A rule forbids it", "Nothing was written. `errors` names each event and the reason."),
        Kind("id-reused", 409, "The id is taken", "Another event has this id; give this one an id of its own."),
        Kind("overtaken", 412, "Something came in between", "Read what stands at `positions`, then append again."),
        Kind("invalid-event", 422, "An event does not meet its schema", "Mend what `errors` points at."),
        Kind("another-ledger", 409, "The place is another ledger's", "Start over: leave out the id of the last event."),
        Kind("too-many-streams", 503, "Too many listen already", "Come again after `Retry-After` seconds."),
        Kind("integrity", 500, "The ledger is not what it says it is", "Whoever runs the service must look at it."),
        Kind("not-yet", 503, "The answer is not there yet", "Ask again after `Retry-After` seconds."),
        Kind("failure", 500, "Something went wrong here", "Whoever runs the service finds more in its log."),
    )
}
_OF_ERROR: Final[tuple[tuple[type[LedgerError], str], ...]] = (
    (IdReused, "id-reused"),
    (Conflict, "overtaken"),
    (NotFound, "not-found"),
    (InvalidEvent, "invalid-event"),
    (Refused, "refused"),
    (UsageError, "usage"),
    (IntegrityError, "integrity"),
)


class Problem(Exception):
    """A request that is answered by a problem; raised anywhere below a handler."""

    def __init__(self, kind: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> None:
        super().__init__(detail)
        self.kind = KINDS[kind]
        self.detail = detail
        self.headers = dict(headers or {})
        self.more = more

    @classmethod
    def of(cls, error: LedgerError) -> Problem:
        """The problem that an error of the ledger is."""
        kind = next((kind for of, kind in _OF_ERROR if isinstance(error, of)), "failure")
        more: dict[str, Any] = {"positions": error.positions} if isinstance(error, Conflict) else {}
        return cls(kind, str(error), **more)

    def response(self, request: Request) -> Response:
        """The answer."""
        told = {
            "type": f"/problems/{self.kind.name}",
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
            "instance": request.url.path,
            **self.more,
        }
        return Response(msgspec.json.encode(told), self.kind.status, self.headers, MEDIA_TYPE)


class NotYet(Problem):
    """What is asked for is on its way: it is there, as a rule, for who asks again."""

    def __init__(self, detail: str, retry_after_s: int = 1) -> None:
        super().__init__("not-yet", detail, headers={"Retry-After": str(retry_after_s)})


class Busy(NotYet):
    """So much is asked at once that more is refused."""

    def __init__(self) -> None:
        super().__init__("more is asked at once than can be answered", retry_after_s=2)


async def told(request: Request, error: Exception) -> Response:
    """Answers what a handler raised."""
    problem = error if isinstance(error, Problem) else Problem.of(error) if isinstance(error, LedgerError) else None
    return (problem or Problem("failure", "this request could not be answered")).response(request)
