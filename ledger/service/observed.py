"""Who asked for what, and how did it end? Every request gets an id, is counted, timed and logged.

Plain ASGI, because what stands around every request must cost little. It stands outermost: what goes wrong anywhere
below, and was not told, becomes a problem here, and its traceback a line of the log. So it is here too that every
answer gets the headers that none goes without.
"""

from __future__ import annotations

import itertools
import os
import re
import traceback
from time import perf_counter
from typing import Any, Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .headers import RESTRAINT
from .operations import template
from .problems import Problem
from .service import Service

#: What an id of a request may be where it comes in with it: harmless in a header, a log and a page.
_HARMLESS: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_PROCESS: Final = os.urandom(8).hex()
_NUMBER: Final = itertools.count(1)
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_NOWHERE: Final = "(no such path)"


class Observed:
    """An application whose requests are counted, timed and logged."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._metrics = service.metrics
        self._log = service.log
        self._templates: dict[Any, str] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, and tells of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        request_id = scope["request_id"] = _request_id(scope)
        restraint = RESTRAINT[scope["scheme"] == "https"]
        status = size = 0
        whole = False

        async def sending(message: Message) -> None:
            nonlocal status, size, whole
            if message["type"] == "http.response.start":
                status = message["status"]
                restraint.add(message)
                message["headers"].append((b"x-request-id", request_id.encode()))
                operation = f"{_method(scope)} {self._route(scope)}"
                self._metrics.answered(operation, status, perf_counter() - began)
            else:
                size += len(message.get("body", b""))
                whole = not message.get("more_body", False)
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            scope["error"] = error
            if not status:
                await Problem.unforeseen(error).response(Request(scope))(scope, receive, sending)
            elif not whole:
                raise  # half an answer is out; the server cuts the connection
        finally:
            self._tell(scope, status, size, perf_counter() - began)

    def _tell(self, scope: Scope, status: int, size: int, seconds: float) -> None:
        """Counts a problem, and writes the line."""
        problem: str | None = scope.get("problem")
        if problem is not None:
            self._metrics.rejected(problem)
        if self._log.silent:
            return
        error: Exception | None = scope.get("error")
        self._log.write(
            "error" if error else "info",
            request_id=scope["request_id"],
            method=_method(scope),
            route=self._route(scope),
            status=status or None,
            ms=round(seconds * 1_000, 3),
            bytes=size,
            problem=problem,
            token=getattr(scope.get("caller"), "name", None),
            trace=None if error is None else "".join(traceback.format_exception(error)),
        )

    def _route(self, scope: Scope) -> str:
        """The template of the path, which nobody outside can name."""
        if not self._templates:
            self._templates = _templates(scope["app"])
        return self._templates.get(scope.get("endpoint"), _NOWHERE)


def _method(scope: Scope) -> str:
    """The method, where it is one of those there are."""
    method: str = scope["method"]
    return method if method in _METHODS else "OTHER"


def _templates(app: Starlette) -> dict[Any, str]:
    """The template of the path of whatever a request may come to."""
    found: dict[Any, str] = {}
    for route in app.routes:
        if isinstance(route, Route):
            found[route.endpoint] = template(route.path)
        elif isinstance(route, Mount):
            found[route.app] = f"{route.path}/…"
    return found


def _request_id(scope: Scope) -> str:
    """The id a request brings, where that is harmless; else a new one."""
    for name, brought in scope["headers"]:
        if name == b"x-request-id" and _HARMLESS.fullmatch(brought):
            return str(brought, "ascii")
    return f"{_PROCESS}{next(_NUMBER):08x}"
