"""Where do pages stand?"""

from __future__ import annotations

from typing import Final

from starlette.routing import Route

from . import session
from .append import append, blank
from .assets import asset
from .serving import paged, public

ROUTES: Final = (
    Route("/", paged("board"), methods=["GET"]),
    Route("/claims/{claim}", paged("claim"), methods=["GET"]),
    Route("/claims/{claim}/compare", paged("compare"), methods=["GET"]),
    Route("/sources/{source:path}", paged("source"), methods=["GET"]),
    Route("/events", paged("event"), methods=["GET"]),
    Route("/events/{event:path}", paged("event"), methods=["GET"]),
    Route("/append", blank, methods=["GET"]),
    Route("/append", append, methods=["POST"]),
    Route("/session", session.begin, methods=["POST"]),
    Route("/session/end", session.end, methods=["POST"]),
    Route("/static/{name}", public(asset), methods=["GET"]),
)
