"""How long may a client take to say what it wants? uvicorn waits for the head of a request for ever; this does not.

Nor does it take in without bound what comes beside heads and bodies: trailers, requests sent ahead of their answers,
and what is left of a body that nobody reads any more.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from .settings import Settings
from .stream import ABORT

_AHEAD: Final = 100
"""Requests that may wait on a connection for the answers before theirs."""


class Wire(HttpToolsProtocol):
    """uvicorn's protocol, for which the head of a request is short, and whole in time."""

    max_head: int
    head_s: float
    _until: asyncio.TimerHandle | None = None
    _head_bytes = 0
    """Bytes of the head so far; or what came after it that was no body."""
    _in_head = False
    _in_body = False
    _had_body = False
    _said = 0
    """Bytes of the head's target and headers."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Somebody came: from now on a head is awaited."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Somebody went: nothing is awaited."""
        self._have_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Something came in: of what, the parser tells."""
        self._had_body = False
        super().data_received(data)
        if self._in_head and self._until is None:  # most heads come whole: no clock is started for those
            self._await_head()
        if self._is_left_idle():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )
        if (self._in_body and not self._had_body) or self._until is not None:
            self._head_bytes += len(data)
            if self._head_bytes > self.max_head:
                self._end(431)

    def on_message_begin(self) -> None:
        """A head begins; whoever answers may cut the connection off.

        That is the only way to be rid of what waits to be written to a client that does not read.
        """
        super().on_message_begin()
        extensions: dict[str, dict[str, Any]] = {ABORT: {"abort": self.transport.abort}}
        self.scope["extensions"] = extensions  # type: ignore[typeddict-item]
        self._in_head, self._said = True, 0

    def on_url(self, url: bytes) -> None:
        """Some of the target."""
        self._said += len(url)
        super().on_url(url)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self._said > self.max_head:  # and came at once
            self._end(431)
            raise ValueError("too long")  # to the parser, which stops at that
        self._have_head()
        self._head_bytes, self._in_head, self._in_body = 0, False, True
        super().on_headers_complete()
        if len(self.pipeline) > _AHEAD:
            raise ValueError("too many requests at once")  # to the parser, which stops at that

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; one that comes after the body is let go, as nobody asks for those."""
        if not self._in_body:
            self._said += len(name) + len(value) + len(": \r\n")
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """Some of the body."""
        self._head_bytes, self._had_body = 0, True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All of it."""
        self._in_body = False
        self._have_head()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """It was answered; what is left of the body has to come as soon as a head would."""
        super().on_response_complete()
        if self._in_body and self.cycle.response_complete and not self.transport.is_closing():
            self._await_head()

    def send_400_response(self, msg: str) -> None:
        """What came is no request: this is said where nothing else is being said."""
        if self.transport.is_closing():
            return
        if self._is_answering():
            self.transport.close()
        else:
            super().send_400_response(msg)

    def _await_head(self) -> None:
        self._head_bytes = 0
        self._until = self.loop.call_later(self.head_s, self._late)

    def _have_head(self) -> None:
        if self._until is not None:
            self._until.cancel()
            self._until = None

    def _late(self) -> None:
        if self._is_answering():  # it is not the client who lets us wait
            self._await_head()
        else:
            self._end(408)

    def _end(self, status: int) -> None:
        self._have_head()
        if self.transport.is_closing():
            return
        if not (self._is_answering() or self._in_body):  # what is being said is not broken into, or said again
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _is_left_idle(self) -> bool:
        """Whether nothing goes on, and nobody counts how long: whatever comes in, if but a line feed, ends that."""
        goes_on = self._in_head or self._in_body or self._is_answering() or self.transport.is_closing()
        return not goes_on and self._until is None and self.timeout_keep_alive_task is None

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete


def within(settings: Settings) -> type[Wire]:
    """The protocol within the limits of these settings."""
    return cast(type[Wire], type("Wire", (Wire,), {"max_head": settings.max_head, "head_s": settings.head_s}))
