"""Which request goes where? The ASGI application: the table of operations, the pages, and what all answers share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from ledger.errors import LedgerError

from . import access, events, health, problems, reads, reference, stream, writes
from .guard import Guard
from .observed import Observed
from .operations import Operation
from .page.routes import ROUTES
from .page.serving import nowhere
from .problems import Problem
from .reference import Reference
from .service import Service
from .settings import Settings

OPERATIONS: tuple[Operation, ...] = (
    *writes.OPERATIONS,
    *reads.OPERATIONS,
    *events.OPERATIONS,
    *stream.OPERATIONS,
    *health.OPERATIONS,
    *reference.OPERATIONS,
)


class Application(Starlette):
    """Starlette within its limits, observed from outside: whatever goes wrong in it is told, counted and logged."""

    service: Service

    def build_middleware_stack(self) -> ASGIApp:
        """What a request goes through. Starlette's own answer to what nobody foresaw is left out: Observed gives it."""
        app: ASGIApp = ExceptionMiddleware(self.router, handlers=self.exception_handlers)
        for around, positional, named in reversed(self.user_middleware):
            app = around(app, *positional, **named)
        return Observed(Guard(app, self.service), self.service)


def application(service: Service) -> Starlette:
    """The application that answers for a service."""
    app = Application(
        routes=list(_routes()),
        lifespan=_lifespan,
        middleware=list(_around(service.settings)),
        exception_handlers={404: nowhere}
        | dict.fromkeys((LedgerError, Problem, HTTPException, ClientDisconnect), problems.told),
    )
    app.router.redirect_slashes = False  # by an address made from what the client calls this host
    app.service = service
    app.state.reference = Reference(OPERATIONS)
    return app


@asynccontextmanager
async def _lifespan(app: Application) -> AsyncIterator[None]:
    service = app.service
    await service.start()
    try:
        yield
    finally:
        await service.stop()


def _around(settings: Settings) -> Iterator[Middleware]:
    if settings.origins:
        yield Middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", "Last-Event-ID"],
            expose_headers=["ETag", "Link", "Retry-After"],
        )


def _routes() -> Iterator[BaseRoute]:
    for one in OPERATIONS:
        yield Route(one.path, access.Guarded(one), methods=[one.method])
    yield from reference.PAGES
    yield from ROUTES
