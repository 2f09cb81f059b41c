"""Which request goes where? The ASGI application: the table of operations, the pages, and what all answers share."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from ledger.errors import LedgerError

from . import problems, reads
from .operations import Operation
from .problems import Problem
from .service import Service

OPERATIONS: tuple[Operation, ...] = (*reads.OPERATIONS,)


def application(service: Service) -> Starlette:
    """The application that answers for a service."""
    app = Starlette(
        routes=list(_routes()),
        exception_handlers={LedgerError: problems.told, Problem: problems.told, Exception: problems.told},
    )
    app.state.service = service
    return app


def _routes() -> Iterator[BaseRoute]:
    for one in OPERATIONS:
        yield Route(one.path, one.handler, methods=[one.method])
