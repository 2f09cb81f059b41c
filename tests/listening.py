"""Clients of a stream, that count for themselves what they were sent."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

from served import PATIENCE_S


class Event(NamedTuple):
    """An event of a stream, as a browser would give it out."""

    id: str
    event: str
    data: bytes

    @property
    def position(self) -> int:
        return int(self.id.rpartition(":")[2])


def events(lines: Iterator[bytes]) -> Iterator[Event]:
    """What a client makes of the lines of a stream: an event counts when its blank line has come."""
    found: dict[bytes, list[bytes]] = {}
    for line in lines:
        if line == b"\n":
            if b"data" in found:
                yield Event(found[b"id"][0].decode(), found[b"event"][0].decode(), b"\n".join(found[b"data"]))
            found = {}
        elif line.endswith(b"\n") and not line.startswith(b":"):
            name, _, value = line[:-1].partition(b": ")
            found.setdefault(name, []).append(value)


class Listening:
    """An open stream; the status of its answer, its events, and whether it was ended in good order."""

    def __init__(self, port: int, last: str | None = None, **query: Any) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)
        headers = {} if last is None else {"Last-Event-ID": last}
        try:
            self._connection.request("GET", f"/v1/stream?{urlencode(query, doseq=True)}", headers=headers)
            self.answer = self._connection.getresponse()
        except BaseException:
            self._connection.close()
            raise
        self.complete = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.answer.close()
        self._connection.close()

    def events(self) -> Iterator[Event]:
        """Event by event, until the stream ends, well or badly."""
        return events(self._lines())

    def _lines(self) -> Iterator[bytes]:
        try:
            while line := self.answer.readline():
                yield line
            self.complete = self.answer.chunk_left is None  # the last chunk, of no bytes, has come
        except (OSError, http.client.HTTPException, ValueError):  # cut off; ValueError: in the middle of a chunk's size
            pass


class Reader(threading.Thread):
    """A client that comes back, whatever happens to the server, until it has seen a position; keeps all it was sent."""

    def __init__(self, port: int, **query: Any) -> None:
        super().__init__(daemon=True)
        self._port, self._query = port, query
        self.lines: list[bytes] = []
        self.last: str | None = None
        self.until: int | None = None
        self.connections = 0

    def run(self) -> None:
        while not self._is_done():
            try:
                with Listening(self._port, self.last, **self._query) as stream:
                    assert stream.answer.status == 200, stream.answer.read()
                    self.connections += 1
                    self._read(stream)
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)  # there is no server at the moment

    def _read(self, stream: Listening) -> None:
        for event in stream.events():
            self.last = event.id
            if event.event == "record":
                self.lines.append(event.data)
            if self._is_done():
                return

    def _is_done(self) -> bool:
        return None not in (self.until, self.last) and int(self.last.rpartition(":")[2]) >= self.until
