"""How does a browser show a token? In a cookie that no script reads and no other site has sent, until one signs out."""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .. import access
from .append import form_of
from .serving import HEADERS, public

_TOKEN: Final = re.compile(r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,500}")
"""What a cookie may hold (RFC 6265, cookie-octet)."""
_HERE: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
"""An address of this service, from the root on."""


@public
async def begin(request: Request) -> Response:
    """Keeps the token of a form in the browser, and goes where one wanted to. Whether it holds is seen there."""
    fields = await form_of(request)
    token, wanted = fields.get("token", "").strip(), fields.get("next", "")
    answer = RedirectResponse(wanted if _HERE.fullmatch(wanted) else "/", 303, headers=HEADERS)
    if _TOKEN.fullmatch(token):
        by_tls = request.url.scheme == "https"
        answer.set_cookie(access.COOKIE, token, httponly=True, samesite="strict", secure=by_tls, path="/")
    return answer


@public
async def end(request: Request) -> Response:
    """Takes the token from the browser."""
    await form_of(request)
    answer = RedirectResponse("/", 303, headers=HEADERS)
    answer.delete_cookie(access.COOKIE, httponly=True, samesite="strict", path="/")
    return answer
