"""How does a page come to be? A template filled with answers, off the event loop; errors are pages, too.

Nothing that came from outside reaches a page as it is: what would hide or turn around is shown as its code
(`ledger.visible`), then everything is escaped, and no page runs or styles anything but this service's own files.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import cache, wraps
from typing import Any, Final, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ledger.errors import LedgerError
from ledger.visible import visible
from projections import words
from projections.flags import FLAGS

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
        except LedgerError as error:
            return _told(request, Problem.of(error))
        except Problem as problem:
            return _told(request, problem)

    return showing


async def page(request: Request, template: str, answer: Callable[[], Context]) -> Response:
    """The page of an answer, which is asked for and laid out in a thread. The same page has the same tag."""
    body = await run_in_threadpool(lambda: rendered(request, template, answer()))
    return HTMLResponse(body, headers=HEADERS)


def rendered(request: Request, template: str, context: Context) -> str:
    """A template, filled."""
    asked = service.of(request)
    shared: Context = {"cuts": cuts_of(request), "ledger_name": asked.ledger.name, "path": request.url.path}
    return environment().get_template(template).render(shared | context)


def cuts_of(request: Request) -> Cuts:
    """The cuts of a page's address; what is left empty in a form is no cut."""
    asked = request.query_params
    return Cuts(as_of=asked.get("as_of", "").strip() or None, said_by=asked.get("said_by", "").strip() or None)


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
    body = rendered(request, "problem.html", context)
    return HTMLResponse(body, problem.kind.status, {**HEADERS, **problem.headers})


def _helps(request: Request) -> list[tuple[str, str]]:
    """Where else to look: the same page now, and claims that have the words of the one that is not there."""
    claim = request.path_params.get("claim")
    helps = [(request.url.path, "The same page as of now")] if cuts_of(request) else []
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
