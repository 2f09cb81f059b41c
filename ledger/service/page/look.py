"""How does a page come to be? A template filled with answers, off the event loop; errors are pages, too.

A page is a function of the ledger, the view of the board and an address, and of nothing else: so it is kept by its
address and the position it knows, and known again by that (RFC 9110, ETag).

Nothing that came from outside reaches a page as it is: what would hide or turn around is shown as its code
(`ledger.visible`), then everything is escaped, and no page runs or styles anything but this service's own files.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache, wraps
from typing import Any, Final, NamedTuple, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ledger import Ledger
from ledger.errors import LedgerError
from ledger.visible import visible
from projections import words
from projections.flags import FLAGS
from projections.views import Views
from projections.weighed import Verdicts

from .. import access, service
from ..problems import Problem
from . import assets, drawings, urls
from .urls import Cuts

POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "private, no-cache",
    "Vary": "Accept-Encoding, Authorization, Cookie",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
Context: TypeAlias = dict[str, Any]
Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


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
        except Elsewhere as there:
            return RedirectResponse(there.url, 303, headers=HEADERS)
        except LedgerError as error:
            return _told(request, Problem.of(error))
        except Problem as problem:
            return _told(request, problem)

    return showing


class Look(NamedTuple):
    """What a page is made from: the ledger, what is kept beside it, and what the address says."""

    ledger: Ledger
    with_view: Callable[[Callable[[Views], Any]], Any]
    verdicts: Verdicts
    path: str
    params: dict[str, Any]
    query: QueryParams

    @property
    def cuts(self) -> Cuts:
        """The cuts of the address; what is left empty in a form is no cut."""
        return Cuts(as_of=self.get("as_of"), said_by=self.get("said_by"))

    def get(self, name: str) -> str | None:
        """What the query says of a name; None where that is nothing."""
        return self.query.get(name, "").strip() or None


class Elsewhere(Exception):
    """What is asked for stands at another address."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.url = url


def paged(template: str) -> Callable[[Callable[[Look], Context]], Handler]:
    """The handler of a page, by what its template is filled with."""

    def handled(answer: Callable[[Look], Context]) -> Handler:
        @shown
        @wraps(answer)
        async def handler(request: Request) -> Response:
            served, path, query = service.of(request), request.url.path, request.url.query
            position = served.ledger.head
            headers = {**HEADERS, "ETag": f'W/"{position}-{assets.version()}"'}
            if request.headers.get("if-none-match") == headers["ETag"]:
                return Response(status_code=304, headers=headers)
            look = look_of(request)
            body = served.answers.get((path, query, position))
            if body is None:
                filled = await run_in_threadpool(lambda: rendered(look, template, answer(look)).encode())
                body = served.answers.keep((path, query, position), filled)
            return HTMLResponse(body, headers=headers)

        return handler

    return handled


def look_of(request: Request) -> Look:
    """What a page is made from, for a request."""
    served = service.of(request)
    return Look(
        served.ledger,
        served.with_view,
        served.verdicts,
        request.url.path,
        dict(request.path_params),
        request.query_params,
    )


def rendered(look: Look, template: str, context: Context) -> str:
    """A template, filled."""
    shared: Context = {"cuts": look.cuts, "ledger_name": look.ledger.name, "path": look.path}
    return environment().get_template(template).render(shared | context)


def _told(request: Request, problem: Problem) -> Response:
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
        helps.append((f"/{urls.query(search=search)}", f"Claims that have the words “{search}”"))
    return helps


@cache
def environment() -> Environment:
    """Where templates live, and what they know."""
    made = Environment(
        loader=PackageLoader("ledger.service.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
        auto_reload=False,
    )
    made.globals |= {
        "asset": assets.asset_url,
        "claim_url": urls.claim_url,
        "source_url": urls.source_url,
        "event_url": urls.event_url,
        "query": urls.query,
        "web": urls.web,
        "sign": drawings.sign,
        "words": words,
        "flags_told": FLAGS,
        "visible": visible,
    }
    made.filters |= {"exact": _exact, "plain": _plain, "capitalize_first": _sentence}
    return made


def _harmless(value: Any) -> Any:
    """What a template shows: text in which nothing hides. What the project has drawn itself stays as it is."""
    return value if isinstance(value, Markup) or not isinstance(value, str) else visible(value, newline="\n")


def _exact(value: str) -> Markup:
    """The very text, escaped: for a field of a form, which gives back what it was given."""
    return escape(value)


def _plain(word: str) -> str:
    """A word of the vocabulary as people write it: `no_comment` is no comment."""
    return word.replace("_", " ")


def _sentence(text: str) -> str:
    """The same with a capital at its beginning, and the rest as it is."""
    return text[:1].upper() + text[1:]
