"""How does a person append an act? A form, checked as the API checks, with a preview of where claims would stand.

A browser sends cookies along wherever a request comes from. So what is sent must show itself to come from a page of
this service, and bring what only such a page can read: the seal of a form that this service gave to this very caller.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from typing import Final
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from ledger import Ledger
from ledger.errors import Busy, Conflict, InvalidEvent, NotFound, Refused

from .. import access, service
from ..problems import Problem
from . import drafted, form, urls
from .drafted import Change
from .form import Filled
from .look import Context, rendered
from .serving import HEADERS, look_of, shown

_SECRET: Final = secrets.token_bytes(32)
_MAX_BODY: Final = 512 * 1024
_MAX_FIELDS: Final = 400
_FORM: Final = "application/x-www-form-urlencoded"
_STALE: Final = "This form was given out before the service began anew, or to somebody else. Send it again."


@shown
async def blank(request: Request) -> Response:
    """The form, with what the address fills in."""
    access.check(request, "append")
    return await _again(request, Filled.of(dict(request.query_params)), register=False)


@shown
async def append(request: Request) -> Response:
    """The form again, with errors or a preview; or, once the act is appended, the way to its page."""
    caller = access.check(request, "append")
    pairs = await form_of(request)
    filled, register = Filled.of(pairs), "register" in pairs
    if "more" in pairs:
        return await _again(request, Filled(filled.values, min(filled.links + 1, form.MOST_LINKS)), register)
    if not hmac.compare_digest(pairs.get("seal", "").encode(), seal(request).encode()):
        return await _again(request, filled, register, {"": _STALE})
    ledger = service.of(request).ledger
    errors = await run_in_threadpool(checked, ledger, filled, caller.name, register)
    if errors:
        return await _again(request, filled, register, errors)
    entry = filled.entry(caller.name)
    if pairs.get("do") != "append":
        changes = await run_in_threadpool(drafted.changes, ledger, entry, time.time_ns() // 1_000)
        return await _again(request, filled, register, changes=changes)
    try:
        await asyncio.wrap_future(service.of(request).writer.submit([entry], register=register))
    except (InvalidEvent, NotFound, Refused, Conflict, Busy) as error:  # what it hung on has changed since
        return await _again(request, filled, register, {"": str(error)})
    return RedirectResponse(urls.event_url(filled.get("id")), 303, headers=HEADERS)


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form that was sent from a page of this service; the last of each name. Raises Problem."""
    if not access.is_from_here(request.headers):
        raise Problem("elsewhere", "this form was not sent from a page of this service; open /append here")
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    body = await request.body()
    if media != _FORM or len(body) > _MAX_BODY:
        raise Problem("usage", f"a form comes as {_FORM}, of {_MAX_BODY:,} bytes at most")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError as error:
        raise Problem("usage", f"the form cannot be read: {error}") from None
    return dict(pairs)


def seal(request: Request) -> str:
    """What a form is known by: that it was given out by this service, to whoever shows the same token."""
    shown_token = request.cookies.get(access.COOKIE, "")
    return hmac.new(_SECRET, shown_token.encode(), "sha256").hexdigest()


def checked(ledger: Ledger, filled: Filled, recorded_by: str | None, register: bool) -> dict[str, str]:
    """Why it may not be appended, by field; under no name what is about none. As `POST /v1/events` has it."""
    errors = filled.errors()
    if errors:
        return errors
    try:
        entry = filled.entry(recorded_by)
    except InvalidEvent as error:
        return {"": str(error)}
    found = dict[str, str]()
    for registering in dict.fromkeys((register, True)):  # what else is wrong, were its claims registered
        for wrong in ledger.check([entry], register=registering):
            found.setdefault(filled.field_of(wrong.pointer) if wrong.pointer else "", str(wrong))
    return found


async def _again(
    request: Request,
    filled: Filled,
    register: bool,
    errors: dict[str, str] | None = None,
    changes: list[Change] | None = None,
) -> Response:
    context = _context(request, filled) | {"register": register, "errors": errors or {}, "changes": changes}
    body = await run_in_threadpool(rendered, look_of(request), "append.html", context)
    return HTMLResponse(body, 422 if errors else 200, headers=HEADERS)


def _context(request: Request, filled: Filled) -> Context:
    return {
        "filled": filled,
        "seal": seal(request),
        "has_token": access.COOKIE in request.cookies,
        "label_of": form.label_of,
        "types": form.TYPES,
        "about": form.ABOUT,
        "own": form.OWN,
        "telling": form.WORDS,
        "link_fields": form.LINK,
        "most_links": form.MOST_LINKS,
    }
