"""Which request goes where? The ASGI application: the table of operations, the pages, and what all answers share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from ledger.errors import LedgerError

from . import events, health, problems, reads, reference
from .observed import Observed
from .operations import Operation
from .problems import Problem
from .reference import Reference
from .service import Service

OPERATIONS: tuple[Operation, ...] = (
    *reads.OPERATIONS,
    *events.OPERATIONS,
    *health.OPERATIONS,
    *reference.OPERATIONS,
)


class Application(Starlette):
    """Starlette, observed from outside: whatever goes wrong in it is told, counted and logged."""

    def build_middleware_stack(self) -> ASGIApp:
        """What a request goes through."""
        return Observed(super().build_middleware_stack(), self.state.service)


def application(service: Service) -> Starlette:
    """The application that answers for a service."""
    app = Application(
        routes=list(_routes()),
        lifespan=_lifespan,
        exception_handlers=dict.fromkeys((LedgerError, Problem, HTTPException, Exception), problems.told),
    )
    app.state.service = service
    app.state.reference = Reference(OPERATIONS)
    return app


@asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    service: Service = app.state.service
    await service.start()
    try:
        yield
    finally:
        await service.stop()


def _routes() -> Iterator[BaseRoute]:
    for one in OPERATIONS:
        yield Route(one.path, one.handler, methods=[one.method])
    yield from reference.PAGES
