"""Is the service alive, can it do its work, and how much does it do? For whoever keeps it running."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from . import service
from .metrics import MEDIA_TYPE
from .operations import Operation
from .problems import Problem
from .readiness import Ready


class Alive(Struct, frozen=True):
    """The process answers."""

    alive: bool = True


async def livez(request: Request) -> Response:
    """That the process answers; it looks at nothing."""
    return _json(Alive())


async def readyz(request: Request) -> Response:
    """Whether the ledger can be read and appended to, and the view keeps up with it."""
    found = await service.of(request).readiness.found()
    if isinstance(found, Problem):
        raise found
    return _json(found)


async def metrics(request: Request) -> Response:
    """What the service has counted since it began."""
    text = await run_in_threadpool(service.of(request).metrics.text)
    return Response(text, media_type=MEDIA_TYPE)


def _json(answer: Struct) -> Response:
    return Response(msgspec.json.encode(answer), headers={"Cache-Control": "no-store"}, media_type="application/json")


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/livez",
        handler=livez,
        about="Whether the process answers; it looks at nothing else.",
        answer=Alive,
        scope=None,
    ),
    Operation(
        method="GET",
        path="/readyz",
        handler=readyz,
        about="Whether the ledger can be read and appended to, and the view keeps up with it.",
        answer=Ready,
        scope=None,
        problems=("not-ready",),
    ),
    Operation(
        method="GET",
        path="/metrics",
        handler=metrics,
        about="What the service has counted since it began, as Prometheus reads it.",
        answer=None,
        media=MEDIA_TYPE,
    ),
)
