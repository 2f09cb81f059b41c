"""Who asks, and may they? A bearer token tells; where none was ever made, whoever is on this machine may do everything.

Pages show the token in a cookie, which a browser sends wherever a request to this service came from. So a cookie
counts for what changes something only where the request shows itself to come from a page of this very service.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.types import Receive, Send
from starlette.types import Scope as ASGIScope

from ledger.errors import LedgerError
from ledger.tokens import SCOPES, Scope, allows

from . import service
from .operations import Operation
from .problems import Problem

COOKIE: Final = "claims-token"
SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS"))
_REALM: Final = 'Bearer realm="claims"'
#: What it takes to append an event of each type: to record what was said, or to settle what the record makes of it.
SCOPE_OF: Final[dict[str, Scope]] = {
    "statement": "append",
    "denial": "append",
    "assessment": "append",
    "retraction": "append",
    "correction": "append",
    "claim_registered": "append",  # as `register=true` does
    "evidence_attached": "append",
    "claim_reworded": "curate",
    "claims_related": "curate",
    "relation_withdrawn": "curate",
    "source_registered": "curate",
    "source_related": "curate",
    "source_graded": "curate",
    "act_graded": "curate",
    "record_amended": "curate",
    "record_voided": "curate",
    "ruling_recorded": "curate",
}


class Caller(Struct, frozen=True):
    """Who asks: the name of the token, None for whoever is on this machine; and the scopes."""

    name: str | None
    scopes: tuple[Scope, ...]

    def may(self, scope: Scope) -> bool:
        """Whether what takes this scope is allowed."""
        return allows(self.scopes, scope)


ANYBODY: Final = Caller(None, SCOPES)


def of(request: HTTPConnection) -> Caller:
    """Who asks. Raises Problem (401) where it takes a token, and none that holds was shown."""
    caller = known(request)
    if caller is None:
        shown = "authorization" in request.headers or COOKIE in request.cookies
        error = ', error="invalid_token"' if shown else ""
        detail = "this token does not hold; was it revoked?" if shown else "this takes a token; none was shown"
        raise Problem("unauthorized", detail, headers={"WWW-Authenticate": _REALM + error})
    return caller


def known(request: HTTPConnection) -> Caller | None:
    """Who asks; None where it takes a token, and none that holds was shown. It is looked up once."""
    if "caller" not in request.scope:
        request.scope["caller"] = _found(request)
    caller: Caller | None = request.scope["caller"]
    return caller


def check(request: HTTPConnection, scope: Scope) -> Caller:
    """Who asks, and may do what takes this scope. Raises Problem (401, 403)."""
    caller = of(request)
    demand(caller, scope)
    return caller


def still_may(request: HTTPConnection, scope: Scope) -> bool:
    """Whether who asks may do so even now: for answers that last longer than a token may."""
    try:
        caller = _found(request)
    except LedgerError:  # the tokens cannot be read: then nobody may
        return False
    return caller is not None and caller.may(scope)


def demand(caller: Caller, scope: Scope, what: str = "this") -> None:
    """Raises Problem (403) where the caller may not do what takes this scope."""
    if not caller.may(scope):
        headers = {"WWW-Authenticate": f'{_REALM}, error="insufficient_scope", scope="{scope}"'}
        raise Problem("forbidden", f"{what} takes the scope {scope!r}", headers=headers, scope=scope)


class Guarded:
    """What answers an operation, for those who may.

    An application of its own, so that a request goes its way without what Starlette puts around a function: raised
    problems are told once, by what stands around all.
    """

    def __init__(self, operation: Operation) -> None:
        self._handler = operation.handler
        self._scope = operation.scope

    async def __call__(self, scope: ASGIScope, receive: Receive, send: Send) -> None:
        """Answers. Raises Problem (401, 403), and whatever the handler does."""
        request = Request(scope, receive, send)
        if self._scope is not None:
            check(request, self._scope)
        response = await self._handler(request)
        await response(scope, receive, send)


def is_from_here(headers: Headers) -> bool:
    """Whether a request of a browser shows itself to come from a page of this service."""
    origin = headers.get("origin")
    if origin is not None:
        return "://" in origin and origin.partition("://")[2] == headers.get("host")
    return headers.get("sec-fetch-site") == "same-origin"


def _found(request: HTTPConnection) -> Caller | None:
    tokens = service.of(request).tokens
    if tokens is None or not tokens.made:
        return ANYBODY
    secret = _bearer(request.headers) or _cookie(request)
    token = tokens.holder(secret) if secret else None
    return None if token is None else Caller(token.name, token.scopes)


def _bearer(headers: Headers) -> str | None:
    kind, _, secret = headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else None


def _cookie(request: HTTPConnection) -> str | None:
    if request.scope["method"] not in SAFE and not is_from_here(request.headers):
        return None
    return request.cookies.get(COOKIE)
