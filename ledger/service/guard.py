"""What does nobody get past, whatever they ask? Limits before anything is read.

Around the whole application: how much and how long a body may be, how long an address, how many requests a caller has;
that a browser writes only from pages of this service; and that a service of this machine alone is asked by its name, so
that no page elsewhere reaches it under a name of its own (DNS rebinding).
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import OrderedDict
from functools import lru_cache
from ipaddress import ip_address
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ledger.errors import LedgerError

from . import access
from .problems import Problem, told
from .service import Service
from .settings import Settings

_MAX_ADDRESS: Final = 8 * 1024
_REMEMBERED: Final = 10_000


class Guard:
    """An ASGI application around another, which takes what is within the limits."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._settings = settings = service.settings
        self._is_of_this_machine = service.tokens is not None and not settings.open_to_anybody
        self._pace = None if settings.requests_per_s is None else Pace(settings.requests_per_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope, receive)
        headers = dict(reversed(scope["headers"]))  # the first of a name counts, as it does elsewhere
        try:
            self._check(request, headers)
        except (Problem, LedgerError) as error:  # the tokens cannot be read, for one: then nobody gets in
            await (await told(request, error))(scope, receive, send)
            return
        if b"content-length" in headers or b"transfer-encoding" in headers:
            receive = _Body(receive, self._settings).receive
        await self._app(scope, receive, send)

    def _check(self, request: Request, headers: dict[bytes, bytes]) -> None:
        """Raises Problem where nobody needs to look any further."""
        scope, settings = request.scope, self._settings
        if len(scope.get("raw_path") or scope["path"]) + len(scope["query_string"]) > _MAX_ADDRESS:
            raise Problem("too-long", f"an address has {_MAX_ADDRESS:,} characters at most")
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length[:20]) > settings.max_body:
            raise _too_large(settings.max_body)
        if scope["method"] not in access.SAFE:
            _check_origin(request.headers, settings.origins)
        if self._is_of_this_machine and access.known(request) is access.ANYBODY:
            _check_host(headers.get(b"host", b"").decode("latin-1"))
        if self._pace is not None:
            self._pace.check(_asker(request))


class Pace:
    """So many requests a second for each caller, and as many at once."""

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._most = max(1.0, per_s)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()  # caller -> what was left, when

    def check(self, caller: str) -> None:
        """Counts a request. Raises Problem (429) where it is one too many."""
        now = time.monotonic()
        left, since = self._left.pop(caller, (self._most, now))
        left = min(self._most, left + (now - since) * self._per_s)
        self._left[caller] = (left - 1 if left >= 1 else left), now
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        if left < 1:
            wait = {"Retry-After": str(math.ceil((1 - left) / self._per_s))}
            raise Problem("busy", f"a caller has {self._per_s:g} requests a second", headers=wait)


class _Body:
    """A body as it comes in: no more of it than may be, and no later."""

    def __init__(self, receive: Receive, settings: Settings) -> None:
        self._receive = receive
        self._most = settings.max_body
        self._until = time.monotonic() + settings.body_s
        self._read = 0
        self._coming = True

    async def receive(self) -> Message:
        """The next part. Raises Problem (408, 413)."""
        if not self._coming:  # then it is awaited that the client goes away
            return await self._receive()
        try:
            async with asyncio.timeout(self._until - time.monotonic()):
                message = await self._receive()
        except TimeoutError:
            raise Problem("too-slow", "the body did not come in time", headers={"Connection": "close"}) from None
        self._coming = message.get("more_body", False)
        self._read += len(message.get("body", b""))
        if self._read > self._most:
            raise _too_large(self._most)
        return message


@lru_cache(maxsize=256)  # asked of every request, and most come by one name
def is_of_this_machine(host: str) -> bool:
    """Whether a name or address stands for this machine alone."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _too_large(most: int) -> Problem:
    return Problem("too-large", f"a body has {most:,} bytes at most", headers={"Connection": "close"})


def _check_origin(headers: Headers, origins: tuple[str, ...]) -> None:
    origin = headers.get("origin")
    if origin is None and headers.get("sec-fetch-site") in (None, "none", "same-origin"):
        return  # no browser, or one whose user asked
    if origin not in origins and not access.is_from_here(headers):
        raise Problem("elsewhere", "a page of another origin may not write here; the setting `origins` names who may")


def _check_host(host: str) -> None:
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    if not is_of_this_machine(name):
        raise Problem("misdirected", f"this service is of this machine alone, and not known as {name!r} here")


def _asker(request: Request) -> str:
    caller = access.known(request)
    if caller is not None and caller.name is not None:
        return f"token {caller.name}"
    return f"address {request.client.host}" if request.client is not None else "address unknown"
