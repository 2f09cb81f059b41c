"""What can be asked over HTTP? One table: routes, access and the description of the API are all read from it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal, TypeAlias

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
    required: bool = False
    """Whether there is no request without it; one of the path is required as it is."""
    example: Any = None


class Body(Struct, frozen=True, kw_only=True):
    """What comes in with a request: the JSON Schema of each media type that is taken."""

    about: str
    media: dict[str, dict[str, Any]]
    examples: tuple[Any, ...] = ()


class Answer(Struct, frozen=True, kw_only=True):
    """One more way in which all went well."""

    about: str
    status: int = 200
    type: Any = None
    """As `Operation.answer`."""
    media: str = "application/json"


class Operation(Struct, frozen=True, kw_only=True):
    """One thing that can be asked: how, by whom, and what comes back."""

    method: Literal["GET", "POST"]
    path: str
    handler: Handler
    about: str
    """One sentence; its first line is the summary."""
    answer: Any
    """The type of the answer, as msgspec encodes it, or its JSON Schema; None for text."""
    scope: Scope | None = "read"
    """What a token must be good for; None where everybody may ask."""
    parameters: tuple[Parameter, ...] = ()
    media: str = "application/json"
    """What `answer` is written in."""
    body: Body | None = None
    answers: tuple[Answer, ...] = ()
    """Answers beside the first: another status, or another media type."""
    problems: tuple[str, ...] = ()
    """Names of the problems of its own, beside those that its parameters and its scope bring about."""
    etag: bool | None = None
    """Whether answers carry an ETag and may be 304; None: where it is a read that can be asked at a cut."""

    @property
    def tagged(self) -> bool:
        """Whether answers carry an ETag and may be 304."""
        return any(one.name == "as_of" for one in self.parameters) if self.etag is None else self.etag

    @property
    def name(self) -> str:
        """`GET /v1/claims/{claim}`."""
        return f"{self.method} {template(self.path)}"


def template(path: str) -> str:
    """The path as people write it: `/v1/events/{event}`, whatever its parameters may hold."""
    return re.sub(r":\w+}", "}", path)


CLAIM = Parameter(name="claim", place="path", about="The id of a claim.", example="kn23-teams")
CUTS = (
    Parameter(name="as_of", about="What the ledger had recorded by then: a position, an event id, or a time."),
    Parameter(name="said_by", about="What had been said in the world by then: 2024-10-09, 2024-10-09T12:00:00Z …"),
)
WAIT_FOR = Parameter(
    name="wait_for",
    about="A position, as a receipt has it, that the answer must know of.",
    schema={"type": "integer", "minimum": 0},
)
EVENT: Final[dict[str, Any]] = {"$ref": "#/components/schemas/Event"}
RECORD: Final[dict[str, Any]] = {"$ref": "#/components/schemas/Record"}
_BATCH: Final[dict[str, Any]] = {"type": "array", "items": EVENT, "minItems": 1, "maxItems": 1_000}
EVENTS: Final = Body(
    about="1 to 1,000 events: as a JSON array, or one alone as an object; or as NDJSON, one a line.",
    media={"application/json": {"anyOf": [_BATCH, EVENT]}, "application/x-ndjson": _BATCH},
    examples=(
        [
            {
                "type": "denial",
                "id": "A10",
                "claims": ["engineers-deployed"],
                "chain": [
                    {"name": "Dmitry Peskov", "role": "Kremlin spokesman", "kind": "person"},
                    {"name": "AFP", "kind": "outlet"},
                ],
                "form": "dismissal",
                "said_at": "2024-10-10",
            }
        ],
    ),
)
