"""How long may a client take to say what it wants? uvicorn waits for the head of a request for ever; this does not."""

from __future__ import annotations

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from .settings import Settings


class Wire(HttpToolsProtocol):
    """uvicorn's protocol, for which the head of a request is short, and whole in time."""

    max_head: int
    head_s: float
    _until: asyncio.TimerHandle | None = None
    _head_bytes = 0

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
        super().data_received(data)
        if self._until is not None:
            self._head_bytes += len(data)
            if self._head_bytes > self.max_head:
                self._end(431)

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        if self._until is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._have_head()
        super().on_headers_complete()

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
        if not self._is_answering():  # what is being said is not broken into
            self.transport.write(STATUS_LINE[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete


def within(settings: Settings) -> type[Wire]:
    """The protocol within the limits of these settings."""
    return cast(type[Wire], type("Wire", (Wire,), {"max_head": settings.max_head, "head_s": settings.head_s}))
