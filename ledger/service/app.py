"""Which request goes where? The ASGI application: the table of operations, the pages, and what all answers share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from ledger.errors import LedgerError

from . import events, problems, reads, stream
from .operations import Operation
from .problems import Problem
from .service import Service

OPERATIONS: tuple[Operation, ...] = (*reads.OPERATIONS, *events.OPERATIONS, *stream.OPERATIONS)


def application(service: Service) -> Starlette:
    """The application that answers for a service."""
    app = Starlette(
        routes=list(_routes()),
        lifespan=_lifespan,
        exception_handlers={LedgerError: problems.told, Problem: problems.told, Exception: problems.told},
    )
    app.state.service = service
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
