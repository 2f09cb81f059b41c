"""Which pages are there? Each by its name: the template, and what fills it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from .board import board
from .claim import claim, compare
from .look import Context, Look, rendered
from .source import event, source

PAGES: Final[dict[str, Callable[[Look], Context]]] = {
    "board": board,
    "claim": claim,
    "compare": compare,
    "source": source,
    "event": event,
}
ELSEWHERE: Final = b"\0"
"""With what begins, in place of a page, the address where it stands."""


def made(page: str, look: Look) -> bytes:
    """A page, as it is sent. Raises what the ledger does; Elsewhere."""
    return rendered(look, f"{page}.html", PAGES[page](look)).encode()
