"""What can be asked over HTTP? One table: routes, access and the description of the API are all read from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field
from starlette.requests import Request
from starlette.responses import Response

from ledger.tokens import Scope

Handler: TypeAlias = Callable[[Request], Awaitable[Response]]


class Parameter(Struct, frozen=True, kw_only=True):
    """A parameter of the path or the query: its name, what it means, its JSON Schema."""

    name: str
    about: str
    place: Literal["path", "query", "header"] = "query"
    schema: dict[str, Any] = field(default_factory=lambda: {"type": "string"})
    many: bool = False


class Operation(Struct, frozen=True, kw_only=True):
    """One thing that can be asked: how, by whom, and what comes back."""

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    about: str
    """One sentence; its first line is the summary."""
    answer: Any
    """The type of the answer, as msgspec encodes it; None where it is described otherwise."""
    scope: Scope = "read"
    parameters: tuple[Parameter, ...] = ()


CLAIM = Parameter(name="claim", place="path", about="The id of a claim.")
CUTS = (
    Parameter(name="as_of", about="What the ledger had recorded by then: a position, an event id, or a time."),
    Parameter(name="said_by", about="What had been said in the world by then: 2024-10-09, 2024-10-09T12:00:00Z …"),
)
WAIT_FOR = Parameter(
    name="wait_for",
    about="A position, as a receipt has it, that the answer must know of.",
    schema={"type": "integer", "minimum": 0},
)
