"""What comes next? The stream of a service (Server-Sent Events), taken up again where it broke, for ever."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from msgspec import Struct

from ledger import records
from ledger.records import Record

from .connection import Connection, Silence
from .reading import stored_of

_PATIENCE_S: Final = 60.0
"""A service that does not come back within this time is told of; one that was never there, sooner."""
_AGAIN_S: Final = (0.1, 0.3, 1.0, 3.0)


class Sent(Struct, frozen=True):
    """An event of a stream, as the HTML standard has it."""

    event: str
    data: bytes
    id: str | None


def following(connection: Connection, after: object, stop: threading.Event | None, poll_s: float) -> Iterator[Record]:
    """Every record after a position: none skipped, none doubled. Raises Silence where the service stays away."""
    place, gone_s, tries, was_there = {"after": str(after)}, math.inf, 0, False
    while stop is None or not stop.is_set():
        try:
            for sent in _stream(connection, place, stop, poll_s):
                gone_s, tries, was_there = math.inf, 0, True
                if sent.id is not None:
                    place = {"Last-Event-ID": sent.id}
                if sent.event == "record":
                    yield records.decode(*stored_of(sent.data))
                    if stop is not None and stop.is_set():
                        return
        except Silence:
            gone_s = min(gone_s, time.monotonic())
            if time.monotonic() > gone_s + _PATIENCE_S or (not was_there and tries == len(_AGAIN_S)):
                raise
        _pause(stop, _AGAIN_S[min(tries, len(_AGAIN_S) - 1)])
        tries += 1


def _stream(
    connection: Connection, place: dict[str, str], stop: threading.Event | None, poll_s: float
) -> Iterator[Sent]:
    """One stream, until it breaks or is stopped; that it has begun is told first."""
    query = list(place.items()) if "after" in place else []
    with connection.streaming("stream", query, {} if query else place) as answer:
        yield Sent("open", b"", None)
        with _ended_by(stop, answer.extensions["network_stream"].get_extra_info("socket"), poll_s):
            yield from sent_in(answer.iter_raw())


def sent_in(chunks: Iterable[bytes]) -> Iterator[Sent]:
    """The events in a stream of bytes; comments and what is cut off are none."""
    event, data, event_id = "message", list[bytes](), None
    for line in _lines(chunks):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            if data or event_id is not None:
                yield Sent(event, b"\n".join(data), event_id)
            event, data, event_id = "message", [], None
        elif field == b"event":
            event = value.decode()
        elif field == b"data":
            data.append(value)
        elif field == b"id":
            event_id = value.decode()


def _lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The lines that are ended, without their ends; only LF and CRLF end one here, as JSON holds either escaped."""
    rest: list[bytes] = []
    for chunk in chunks:
        *ended, last = chunk.split(b"\n")
        for line in ended:
            yield b"".join([*rest, line]).removesuffix(b"\r")
            rest = []
        rest.append(last)


@contextmanager
def _ended_by(stop: threading.Event | None, connected: socket.socket, poll_s: float) -> Iterator[None]:
    """Ends a connection when `stop` is set, which wakes whoever waits for what comes over it."""
    done = threading.Event()

    def watch(stop: threading.Event) -> None:
        while not done.is_set():
            if stop.wait(poll_s) and not done.is_set():
                with suppress(OSError):
                    connected.shutdown(socket.SHUT_RDWR)
                return

    if stop is not None:
        threading.Thread(target=watch, args=(stop,), name="claims-follow", daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _pause(stop: threading.Event | None, wait_s: float) -> None:
    if stop is None:
        time.sleep(wait_s)
    else:
        stop.wait(wait_s)
