"""The least that a server of a stream does: `python bare_stream.py FRAMES PIECE` writes frames, some at a time, to all.

Says at which port it listens, and writes so many more whenever a line comes in.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvloop

_START = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nd\r\nretry: 2000\n\n\r\n"
)


CLIENTS: list[asyncio.Transport] = []


class Client(asyncio.Protocol):
    def connection_made(self, transport: asyncio.Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(_START)
        CLIENTS.append(self.transport)


async def main(frames: str, piece: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Client, "127.0.0.1", 0, backlog=2_048)
    print(f"serving at http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", file=sys.stderr, flush=True)
    each = Path(frames).read_bytes().split(b"\n\n")[:-1]
    for start in range(0, len(each), piece):
        await loop.run_in_executor(None, sys.stdin.readline)
        data = b"".join(frame + b"\n\n" for frame in each[start : start + piece])
        for transport in CLIENTS:
            transport.write(b"%x\r\n%b\r\n" % (len(data), data))
    await loop.create_future()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(sys.argv[1], int(sys.argv[2])))
