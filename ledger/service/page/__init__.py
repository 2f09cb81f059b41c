"""What do people see? Pages: the board, a claim, two moments compared, a source, an event, and a form to append an act.

They are answered from the same projections as the API, by the same words as the command line. Everything works without
JavaScript; `static/page.js` only saves clicks.
"""

from __future__ import annotations

from typing import Final

from starlette.routing import Route

from . import session
from .append import append, blank
from .assets import asset
from .board import board
from .claim import claim, compare
from .source import event, source

ROUTES: Final = (
    Route("/", board, methods=["GET"]),
    Route("/claims/{claim}", claim, methods=["GET"]),
    Route("/claims/{claim}/compare", compare, methods=["GET"]),
    Route("/sources/{source}", source, methods=["GET"]),
    Route("/events", event, methods=["GET"]),
    Route("/events/{event:path}", event, methods=["GET"]),
    Route("/append", blank, methods=["GET"]),
    Route("/append", append, methods=["POST"]),
    Route("/session", session.begin, methods=["POST"]),
    Route("/session/end", session.end, methods=["POST"]),
    Route("/static/{name}", asset, methods=["GET"]),
)

__all__ = ["ROUTES"]
