"""Many clients of a stream, in one process: `python listeners.py PORT CLIENTS AFTER PIECE`.

Says `listening` when every client is, and `told` whenever each has had PIECE more records after position AFTER, each
once and in order; ends with 1 as soon as one has missed something.
"""

from __future__ import annotations

import asyncio
import re
import sys

import uvloop

_ASK = b"GET /v1/stream?after=%d HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_RECORD = re.compile(rb"\nid: [0-9a-f]+:([0-9]+)\nevent: record\n")


class Listener(asyncio.Protocol):
    """One client. Its count of records goes through those of `Listening`, who waits for all."""

    def __init__(self, listening: Listening) -> None:
        self.listening = listening
        self.next = listening.after + 1
        self.rest = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        transport.write(_ASK % self.listening.after)

    def data_received(self, data: bytes) -> None:
        read, end = self.rest + data, 0
        if self.next <= self.listening.after + 1 and b"retry:" in data:
            self.listening.arrived("listening")
        for found in _RECORD.finditer(read):
            assert int(found[1]) == self.next, f"position {int(found[1])} came in place of {self.next}"
            self.next, end = self.next + 1, found.end()
            if (self.next - 1 - self.listening.after) % self.listening.piece == 0:
                self.listening.arrived("told")
        self.rest = read[max(end, len(read) - 100) :]  # the beginning of a record that is still to come

    def connection_lost(self, error: Exception | None) -> None:
        sys.exit(f"a connection ended at position {self.next}: {error}")


class Listening:
    """All clients, and how many of them have come to where all are waited for."""

    def __init__(self, clients: int, after: int, piece: int) -> None:
        self.clients, self.after, self.piece = clients, after, piece
        self.there = 0

    def arrived(self, word: str) -> None:
        self.there += 1
        if self.there == self.clients:
            self.there = 0
            print(word, flush=True)


async def main(port: int, clients: int, after: int, piece: int) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, problem: sys.exit(f"{problem}"))
    listening = Listening(clients, after, piece)
    for _ in range(clients):
        await loop.create_connection(lambda: Listener(listening), "127.0.0.1", port)
    await loop.create_future()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(*map(int, sys.argv[1:])))
