"""How does a client hear of what is recorded, as it is recorded? `GET /v1/stream`, Server-Sent Events (WHATWG HTML).

A client has one place, a position, from its first record to its last: what lies there already and what comes later are
read through the same cursor, so that nothing is skipped and nothing comes twice. The id of every event is that place
(`LEDGER:POSITION`), and whoever brings it back goes on right after it. A client that is sent little, because it wants
little, is now and then told how far was looked, so that it need not be looked for again.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from ledger.cuts import beyond
from ledger.errors import LedgerError, UsageError
from ledger.events import TYPES
from ledger.names import source_id

from . import access, asking, service
from .feed import Feed, Listener
from .operations import RECORD, Operation, Parameter
from .problems import Problem
from .reads import one_of
from .recent import Batch, Wanted

ABORT: Final = "ledger.abort"
"""The ASGI extension by which a server lets a connection be cut off: `scope["extensions"][ABORT]["abort"]()`."""

_ID: Final = re.compile(r"([0-9a-f]{16}):([0-9]{1,18})")
_HEARTBEAT: Final = b":\n\n"
_HEADERS: Final = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # proxies that hold answers back until they are whole let this one through
}
_log: Final = logging.getLogger(__name__)


async def stream(request: Request) -> Response:
    """The records as they are recorded, from wherever a client left off."""
    feed = service.of(request).feed
    query = request.query_params
    source = query.get("source")
    wanted = Wanted(
        claim=query.get("claim"),
        source=None if source is None else source_id(source),
        types=tuple(sorted(set(query.getlist("type")))),
    )
    position = _position(request, feed)
    feed.page(feed.ledger.head, wanted)  # reads nothing, but refuses what cannot be asked for
    if len(feed.listeners) >= feed.settings.stream_clients:
        headers = {"Retry-After": str(round(feed.settings.stream_patience_s))}
        raise Problem("too-many-streams", "as many listen as may; come again", headers=headers)
    return Stream(feed, Cursor(feed, wanted, position), partial(access.still_may, request, "read"))


class Cursor:
    """Where a client is: how far was looked for it, and the place it was last told."""

    __slots__ = ("_feed", "_told", "position", "wanted")

    def __init__(self, feed: Feed, wanted: Wanted, position: int) -> None:
        self._feed = feed
        self._told = self.position = position
        self.wanted = wanted

    def took(self, batch: Batch) -> bytes:
        """What is to be sent of a batch that follows on this place; the place is after it."""
        self.position = batch.upto
        self._told = batch.last or self._told
        return batch.data

    def checkpoint(self) -> bytes:
        """An event that tells how far was looked; nothing where the client knows."""
        if self.position == self._told:
            return b""
        self._told = at = self.position
        return b'id: %b:%d\nevent: checkpoint\ndata: {"position":%d}\n\n' % (self._feed.mark.encode(), at, at)


class Stream(Response):
    """A stream for one client, until it goes, may not stay, reads too slowly, or the service ends."""

    def __init__(self, feed: Feed, cursor: Cursor, may_stay: Callable[[], bool]) -> None:
        self.status_code = 200
        self.background = None
        self.init_headers(_HEADERS)
        self._feed = feed
        self._cursor = cursor
        self._may_stay = may_stay

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, as ASGI has it."""
        start: Message = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        if scope["method"] == "HEAD":
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return
        try:
            async with asyncio.timeout(None) as deadline:
                await self._listen(start, receive, send, self._feed.listen(deadline, self._may_stay))
        except TimeoutError:
            if not self._feed.ended:
                self._feed.dropped += 1
            _cut_off(scope)
        except LedgerError:
            _log.exception("a stream could not go on; its client can resume")
            _cut_off(scope)

    async def _listen(self, start: Message, receive: Receive, send: Send, listener: Listener) -> None:
        watching = asyncio.create_task(_watch(receive, listener))
        try:
            await send(start)
            await self._deliver(_Voice(send, listener, self._feed.settings.stream_heartbeat_s), listener)
        finally:
            self._feed.leave(listener)
            watching.cancel()

    async def _deliver(self, voice: _Voice, listener: Listener) -> None:
        """Sends what there is and what comes."""
        feed, cursor = self._feed, self._cursor
        goal, caught_up = feed.ledger.head, False
        await voice.say(b"retry: %d\n\n" % feed.settings.stream_retry_ms)
        while not (feed.ended or listener.gone or listener.over):
            listener.look()
            data = cursor.took(await feed.next(cursor.position, cursor.wanted))
            behind = cursor.position < feed.upto
            if not data and (behind or voice.is_due()):
                data = cursor.checkpoint() or _HEARTBEAT
            if data:
                await voice.say(data)
            if not caught_up and cursor.position >= goal:
                caught_up, listener.due = True, 0.0  # is told so at once, and from then on only after a silence
            elif not behind:
                await listener.news()
        if not listener.gone:
            await voice.say(cursor.checkpoint(), more=False)


class _Voice:
    """Says something to a client; it is known since when it has been at it, and when there has been silence enough."""

    __slots__ = ("_listener", "_send", "_silence_s", "_time")

    def __init__(self, send: Send, listener: Listener, silence_s: float) -> None:
        self._send = send
        self._listener = listener
        self._silence_s = silence_s
        self._time = asyncio.get_running_loop().time

    def is_due(self) -> bool:
        return self._time() >= self._listener.due

    async def say(self, data: bytes, *, more: bool = True) -> None:
        listener = self._listener
        listener.saying_since = now = self._time()
        await self._send({"type": "http.response.body", "body": data, "more_body": more})
        listener.saying_since = None
        listener.due = now + self._silence_s


async def _watch(receive: Receive, listener: Listener) -> None:
    """Notices when the client has gone, or sends a body that nobody asked for, without end."""
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
        listener.gone = True
    except Problem:  # from then on it would not be noticed
        listener.over = True
    listener.wake()


def _cut_off(scope: Scope) -> None:
    """Ends a connection with what still waits to be written to it, which nobody may ever read."""
    extension = scope.get("extensions", {}).get(ABORT)
    if extension is not None:
        extension["abort"]()


def _position(request: Request, feed: Feed) -> int:
    """After which position a client begins. Raises UsageError, and Problem for an id of another ledger."""
    head = feed.ledger.head
    # Who connects again by itself brings the header, beside the query it began with.
    last = request.headers.get("last-event-id") or request.query_params.get("last_event_id")
    if not last:
        after = asking.number(request, "after", 0)
        if after > head:
            raise beyond(f"after: position {after}", head)
        return after
    found = _ID.fullmatch(last)
    if found is None:
        raise UsageError(f"Last-Event-ID: {last!r} is no id of this stream; leave it out to begin anew")
    if not head or found[1] != feed.mark:
        raise Problem("another-ledger", "this id is another ledger's; start over, without it")
    if int(found[2]) > head:
        raise Problem("another-ledger", f"this ledger ends at {head}, before this id; start over, without it")
    return int(found[2])


_AT: Final = {"type": "object", "properties": {"position": {"type": "integer"}}, "required": ["position"]}
_MESSAGE: Final = {
    "description": "A message: a record, or how far the stream has looked; `id` is where to go on from.",
    "type": "object",
    "properties": {
        "event": {"enum": ["record", "checkpoint"]},
        "id": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": {"anyOf": [RECORD, _AT]}},
    },
    "required": ["event"],
}
_STREAM: Final = Operation(
    method="GET",
    path="/v1/stream",
    handler=stream,
    about="The records as they are recorded, from wherever a client left off, as Server-Sent Events.",
    answer=_MESSAGE,
    media="text/event-stream",
    problems=("usage", "another-ledger", "too-many-streams"),
    parameters=(
        Parameter(name="claim", about="Only records about this claim."),
        Parameter(name="source", about="Only records that name this source (an id or a name)."),
        one_of("type", "Only records of this type, or another that is given.", TYPES, many=True),
        Parameter(name="after", about="Begin after this position.", schema={"type": "integer", "minimum": 0}),
        Parameter(name="last_event_id", about="As the header, for those who cannot send one."),
        Parameter(
            name="Last-Event-ID",
            place="header",
            about="The id of the last event that arrived: go on right after it, whatever `after` says.",
        ),
    ),
)
OPERATIONS: Final = (msgspec.structs.replace(_STREAM, handler=asking.checked(_STREAM)),)
