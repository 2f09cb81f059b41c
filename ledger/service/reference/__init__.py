"""What can be asked, for people? Pages that tell of the API and of its problems, from the description programs read.

They are written once, on the server, and hold no script.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec
from jinja2 import Environment, FileSystemLoader
from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .. import explanations, openapi
from ..operations import Operation, template
from ..problems import KINDS, Problem

_HERE: Final = Path(__file__).parent
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASK_AGAIN: Final = "no-cache"


class Reference:
    """What is told of a table of operations, each page and the description itself made when first asked for."""

    def __init__(self, operations: tuple[Operation, ...]) -> None:
        self._operations = operations
        self._pages: dict[str, bytes] = {}

    @cached_property
    def document(self) -> dict[str, Any]:
        """The description, as JSON has it."""
        return openapi.document(self._operations)

    @cached_property
    def json(self) -> bytes:
        """The description."""
        return msgspec.json.encode(self.document)

    def page(self, page: str, name: str = "", **told: Any) -> bytes:
        """A page about something of a name; the same again when it is asked for again."""
        key = f"{page} {name}"
        if key not in self._pages:
            self._pages[key] = _TEMPLATES.get_template(page).render(told | self._common).encode()
        return self._pages[key]

    @cached_property
    def _common(self) -> dict[str, Any]:
        operations = [
            {"method": method.upper(), "path": path, **told}
            for path, methods in self.document["paths"].items()
            for method, told in methods.items()
        ]
        return {"api": self.document, "operations": operations, "kinds": KINDS, "look": _LOOK_AT}

    def problem(self, name: str) -> bytes:
        """The page about a type of problem."""
        kind = KINDS[name]
        by = [one for one in self._operations if kind in openapi.problems_of(one)]
        path = template(by[0].path) if by else "/"
        ids = [openapi.operation_id(one) for one in by]
        told, example = explanations.EXPLANATIONS[name], explanations.example(kind, path)
        return self.page("problem.html", name, kind=kind, told=told, example=example, by=ids)


async def description(request: Request) -> Response:
    """The description of the API, for programs."""
    told = _of(request)
    return _answer(request, await run_in_threadpool(lambda: told.json), "application/json")


async def reference(request: Request) -> Response:
    """The description of the API, for people."""
    return await _page(request, _of(request).page, "reference.html")


async def problems(request: Request) -> Response:
    """All types of problem."""
    return await _page(request, _of(request).page, "problems.html")


async def problem(request: Request) -> Response:
    """A type of problem: what it means, an example, what to do next."""
    name = request.path_params["name"]
    if name not in KINDS:
        raise Problem("not-found", "there is no problem of this name; /problems/ lists those there are")
    return await _page(request, _of(request).problem, name)


async def look(request: Request) -> Response:
    """How these pages look."""
    return Response(_LOOK, headers={"Cache-Control": _FOR_EVER}, media_type="text/css")


async def _page(request: Request, made: Callable[[str], bytes], name: str) -> Response:
    return _answer(request, await run_in_threadpool(made, name), "text/html")


def _answer(request: Request, body: bytes, media_type: str) -> Response:
    headers = {"ETag": f'"{_digest(body)}"', "Cache-Control": _ASK_AGAIN}
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)


def _of(request: Request) -> Reference:
    told = request.app.state.reference
    assert isinstance(told, Reference)
    return told


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _prose(text: str) -> Markup:
    """Paragraphs, with what stands in backticks set as code."""
    paragraphs = (Markup("<p>{}</p>").format(_line(part)) for part in text.split("\n\n"))
    return Markup("").join(paragraphs)


def _line(text: str) -> Markup:
    """A line, with what stands in backticks set as code."""
    parts = (
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part) for n, part in enumerate(text.split("`"))
    )
    return Markup("").join(parts)


def _json(value: Any) -> str:
    """A value as JSON, laid out to be read."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _name(ref: str) -> str:
    """The name of what a reference leads to."""
    return ref.rpartition("/")[2]


_LOOK: Final = (_HERE / "reference.css").read_bytes()
_LOOK_AT: Final = f"/reference.css?v={_digest(_LOOK)}"
_TEMPLATES: Final = Environment(loader=FileSystemLoader(_HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True)
_TEMPLATES.filters |= {"prose": _prose, "line": _line, "pretty": _json, "named": _name}

OPERATIONS: Final = (
    Operation(
        method="GET",
        path="/openapi.json",
        handler=description,
        about="What can be asked, and how: this description (OpenAPI 3.1).",
        answer={"type": "object", "required": ["openapi", "info", "paths"]},
        scope=None,
        etag=True,
    ),
)
PAGES: Final = (
    Route("/reference", reference),
    Route("/reference.css", look),
    Route("/problems", problems),
    Route("/problems/", problems),
    Route("/problems/{name}", problem),
)
