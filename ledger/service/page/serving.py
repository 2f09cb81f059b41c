"""How is a page asked for? As any answer: once for all who ask, off the event loop, kept; errors are pages, too."""

from __future__ import annotations

from functools import wraps
from typing import Final

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ledger.errors import LedgerError

from .. import access, asking, problems, service
from ..operations import Handler
from ..problems import Problem
from ..questions import OnPage
from . import assets, urls
from .look import Look, rendered
from .made import ELSEWHERE
from .urls import Cuts

HEADERS: Final = {
    "Cache-Control": "private, no-cache",
    "Vary": "Accept-Encoding, Authorization, Cookie",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
_TYPE: Final = "text/html; charset=utf-8"


def shown(handler: Handler) -> Handler:
    """A handler for those who may read; whose errors are told on a page, with what to do next."""

    @wraps(handler)
    async def for_readers(request: Request) -> Response:
        access.check(request, "read")
        return await handler(request)

    return public(for_readers)


def public(handler: Handler) -> Handler:
    """A handler for whoever asks; whose errors are told on a page, with what to do next."""

    @wraps(handler)
    async def showing(request: Request) -> Response:
        try:
            return await handler(request)
        except LedgerError as error:
            return _told(request, Problem.of(error))
        except Problem as problem:
            return _told(request, problem)

    return showing


def paged(page: str) -> Handler:
    """The handler of a page."""

    @shown
    async def handler(request: Request) -> Response:
        served, query = service.of(request), request.query_params
        wait_for = asking.number(request, "wait_for", 0)
        if wait_for:
            await served.until(wait_for, on_board=True)
        cuts = asking.Cuts(served.ledger.head)
        if page == "board":
            asked_at = look_of(request).cuts
            cuts = await asking.board_of_now(request, None if asked_at.as_of else asked_at.said_by, wait_for)
        at = cuts.position
        told = tuple((name, str(value)) for name, value in request.path_params.items())
        asked = "&".join(part for part in request.url.query.split("&") if not part.startswith("wait_for="))
        tag = served.tag(at, f"-{assets.version()}")
        with served.owing.until_answered(cuts.owed, at):
            if asking.has(request, tag) and query.get("stop") is None:
                return Response(status_code=304, headers={**HEADERS, "ETag": tag})
            answer = await served.answer(OnPage(page=page, path=request.url.path, params=told, query=asked, as_of=at))
        if answer.body.startswith(ELSEWHERE):
            return RedirectResponse(answer.body.removeprefix(ELSEWHERE).decode(), 303, headers=HEADERS)
        headers = {**HEADERS, "ETag": tag, "Content-Type": _TYPE}
        if await asking.goes_zipped(request, answer):
            return Response(answer.zipped, headers={**headers, "Content-Encoding": "gzip"})
        return Response(answer.body, headers=headers)

    return handler


async def nowhere(request: Request, error: Exception) -> Response:
    """What is told where nothing is: a page to who reads pages, the problem itself to programs."""
    if request.url.path.startswith("/v1/") or "text/html" not in request.headers.get("accept", ""):
        return await problems.told(request, error)
    return _told(request, Problem("not-found", f"there is nothing at {request.url.path}"))


def look_of(request: Request) -> Look:
    """What a page is made from that is for one request alone."""
    served = service.of(request)
    return Look(
        served.ledger, served.readers, None, 0, request.url.path, dict(request.path_params), request.query_params
    )


def _told(request: Request, problem: Problem) -> Response:
    problem.note(request)
    asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    context = {
        "kind": problem.kind,
        "detail": problem.detail,
        "helps": _helps(request),
        "cuts": Cuts(),
        "wanted": asked if request.method == "GET" else "/",
        "has_token": access.COOKIE in request.cookies,
    }
    body = rendered(look_of(request), "problem.html", context)
    return HTMLResponse(body, problem.kind.status, {**HEADERS, **problem.headers})


def _helps(request: Request) -> list[tuple[str, str]]:
    """Where else to look: the same page now, and claims that have the words of the one that is not there."""
    claim = request.path_params.get("claim")
    helps = [(request.url.path, "The same page as of now")] if look_of(request).cuts else []
    if claim is not None:
        search = " ".join(claim.replace("-", " ").split())[:200]
        if any(map(str.isalnum, search)):
            helps.append((f"/{urls.query(search=search)}", f"Claims that have the words “{search}”"))
    return helps
