"""Where does a claim stand, and all of them? The readings, over HTTP."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from projections import provenance, status
from projections.board import Board
from projections.part import Part, Wanted, viewed
from projections.provenance import Provenance
from projections.status import Status

from . import asking, service
from .operations import CLAIM, CUTS, WAIT_FOR, Operation


async def claim(request: Request) -> Response:
    """Where a claim stands, and why."""
    return await asking.state(request, status, request.path_params["claim"])


async def claim_provenance(request: Request) -> Response:
    """Who said so first, and through whom it came."""
    return await asking.state(request, provenance, request.path_params["claim"])


async def board(request: Request) -> Response:
    """Where all claims stand."""
    asked = service.of(request)
    wanted = Wanted(limit=asking.number(request, "limit", asked.settings.page, asked.settings.max_page))
    question = asking.question_of(request)

    def answer() -> bytes:
        part: Part = asked.with_view(
            lambda view: viewed(view, wanted, as_of=question.as_of.position, said_by=question.said_by_text)
        )
        return part.json(wanted)

    return await asking.at_position(request, question, answer)


OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/v1/claims",
        handler=board,
        about="Where all claims stand.",
        answer=Board,
        parameters=(*CUTS, WAIT_FOR),
    ),
    Operation(
        method="GET",
        path="/v1/claims/{claim}",
        handler=claim,
        about="Where a claim stands, and why.",
        answer=Status,
        parameters=(CLAIM, *CUTS, WAIT_FOR),
    ),
    Operation(
        method="GET",
        path="/v1/claims/{claim}/provenance",
        handler=claim_provenance,
        about="Who said so first, and through whom it came.",
        answer=Provenance,
        parameters=(CLAIM, *CUTS, WAIT_FOR),
    ),
)
