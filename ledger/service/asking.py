"""How is a read answered? Its cuts are fixed first; the same question at the same position has the same bytes.

An answer at a fixed position never changes, so it is kept, tagged by position (RFC 9110, ETag), and where the position
was asked for by name it may be cached for ever (RFC 8246, immutable).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import UsageError
from ledger.fold import Projection, Question

from . import service

_FOR_EVER: Final = "private, max-age=31536000, immutable"
_ASK_AGAIN: Final = "private, no-cache"


async def state(request: Request, projection: Projection, subject: str) -> Response:
    """The answer of a projection about a subject, at the cuts of the query."""
    asked = service.of(request)
    question = question_of(request, subject)

    def answer() -> bytes:
        cuts: dict[str, Any] = {"as_of": question.as_of.position, "said_by": question.said_by_text}
        return msgspec.json.encode(asked.ledger.state(projection, subject, **cuts))

    return await at_position(request, question, answer)


async def at_position(request: Request, question: Question, answer: Callable[[], bytes]) -> Response:
    """An answer that hangs on nothing but the request and the position of its question."""
    position = question.as_of.position
    headers = {
        "ETag": f'W/"{position}"',
        "Cache-Control": _FOR_EVER if _is_pinned(request) else _ASK_AGAIN,
        "Vary": "Accept-Encoding, Authorization",
    }
    if _has(request, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    answers = service.of(request).answers
    key = (request.url.path, request.url.query, position)
    body = answers.get(key)
    if body is None:
        body = answers.keep(key, await run_in_threadpool(answer))
    return Response(body, headers=headers, media_type="application/json")


def question_of(request: Request, subject: str | None = None) -> Question:
    """The question of a request, its cuts fixed. Raises UsageError."""
    query = request.query_params
    return service.of(request).ledger.question(subject, as_of=query.get("as_of"), said_by=query.get("said_by"))


def _is_pinned(request: Request) -> bool:
    """Whether a later request can have no other answer."""
    as_of = request.query_params.get("as_of", "")
    return as_of.isascii() and as_of.isdigit()


def _has(request: Request, etag: str) -> bool:
    """Whether the asker has the answer already."""
    asked = request.headers.get("if-none-match", "")
    return asked == "*" or etag in (one.strip() for one in asked.split(","))


def number(request: Request, name: str, default: int, most: int) -> int:
    """A number of the query, 1 to `most`. Raises UsageError."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:20]) <= most:
        raise UsageError(f"{name}: {text!r} is no number from 1 to {most:,}")
    return int(text)
