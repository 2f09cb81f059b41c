"""What does a page need beside itself? A style sheet, a module and a sign, named by what is in them, kept for ever."""

from __future__ import annotations

from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from ledger.errors import NotFound

_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Asset(NamedTuple):
    """A file as it is served."""

    body: bytes
    media_type: str


@cache
def _assets() -> tuple[dict[str, str], dict[str, Asset]]:
    """The name under which each file is served, and what is served under each."""
    names: dict[str, str] = {}
    served: dict[str, Asset] = {}
    for file in sorted(_FOLDER.iterdir()):
        if file.suffix in _TYPES:
            body = file.read_bytes()
            name = f"{file.stem}.{sha256(body).hexdigest()[:16]}{file.suffix}"
            names[file.name], served[name] = name, Asset(body, _TYPES[file.suffix])
    return names, served


def asset_url(file: str) -> str:
    """Where a file is served; another file, or another version of it, is served elsewhere."""
    return f"/static/{_assets()[0][file]}"


@cache
def version() -> str:
    """What all of it is known by, templates and code with it: another version makes other pages."""
    whole = sha256(metadata.version("claim-ledger").encode())
    for file in sorted((*_FOLDER.iterdir(), *_FOLDER.parent.glob("templates/*.html"))):
        whole.update(file.read_bytes())
    return whole.hexdigest()[:12]


async def asset(request: Request) -> Response:
    """A file by the name that its content gives it."""
    found = _assets()[1].get(request.path_params["name"])
    if found is None:
        raise NotFound(f"there is no file {request.path_params['name']!r}; the page that names it is an older one")
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(found.body, headers=headers, media_type=found.media_type)
