"""What does a request to the service cost, and does one that takes long delay the others?

Both ask a real server process over loopback. The load comes from a process of its own, a bounded number of requests.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import NamedTuple

from measure import Bar, Figure, Measured, Setting, figures
from processes import CLAIMS
from rebuilds import rebuilt
from whole import CLAIM, imported

import ledger

REQUESTS = 5_000
ROUNDS = 5
OTHERS = 400
"""Requests among which the slowest of a hundred are looked for."""
EVERY_S = 0.01
_SCHEDULED = 2
"""Which clock of a process, in the number that `clock_getcpuclockid` makes of it (Linux, `CPUCLOCK_SCHED`)."""
_BARE = """
import sys, uvicorn
from pathlib import Path
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
body = Path(sys.argv[1]).read_bytes()
async def answer(request): return Response(body, media_type="application/json")
app = Starlette(routes=[Route("/v1/claims/{claim}", answer)])
config = uvicorn.Config(app, port=int(sys.argv[2]), server_header=False, log_config=None, access_log=False)
uvicorn.Server(config).run()
"""


class Server(NamedTuple):
    """A server process, and where it listens."""

    pid: int
    port: int

    @property
    def used_s(self) -> float:
        """The processor time that the process has taken, in seconds, to the nanosecond.

        `/proc` counts whole ticks, by whoever runs when one is over: of short bursts it may tell half.
        """
        return time.clock_gettime((~self.pid << 3) | _SCHEDULED)


@figures(
    Figure(
        "service_claim", "requests/cpu s", Bar(">=", 0.35), "a bare Starlette route with the same bytes, by the server"
    )
)
def claim(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """`GET /v1/claims/{id}` again and again, in turn with a route that does nothing."""
    path = f"/v1/claims/{CLAIM}"
    with ExitStack() as stack:
        service = stack.enter_context(serving(setting, imported(setting).path))
        body = setting.path("body.json")
        body.write_bytes(asked(service, path))
        bare = stack.enter_context(_serving_bare(setting, body))
        laps = [(_rate(service, path), _rate(bare, path)) for _ in range(ROUNDS + 1)]
    yield "service_claim", Measured(*(median(one) for one in zip(*laps[1:], strict=True)))


@figures(
    Figure(
        "service_said_by_delay_ms", "ms", Bar("<=", 50, "ms"), "p99 of the same requests while nothing else is asked"
    )
)
def said_by(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """How much later the slowest of a hundred requests are answered while a cold board by what had been said is made.

    The value is what is added to the floor.
    """
    rebuilt(setting)
    with serving(setting, imported(setting).path) as service:
        asked(service, "/v1/claims?limit=1")  # the view is there
        alone = _p99(_latencies(service))
        with _asking(service, "/v1/claims?said_by=2024-01-01&limit=1") as is_made:
            time.sleep(2)  # its process has started
            beside = _p99(_latencies(service))
            if is_made():
                print("service_said_by_delay_ms: the board was made before it could delay anybody", file=sys.stderr)
    yield "service_said_by_delay_ms", Measured(beside - alone, alone)


@contextmanager
def serving(setting: Setting, path: Path) -> Iterator[Server]:
    """`claims serve`, in a process of its own."""
    port = _free_port()
    with _process(
        setting, [sys.executable, "-c", CLAIMS, "--db", str(path), "serve", "--port", str(port)], port
    ) as one:
        yield one


@contextmanager
def _serving_bare(setting: Setting, body: Path) -> Iterator[Server]:
    port = _free_port()
    with _process(setting, [sys.executable, "-c", _BARE, str(body), str(port)], port) as one:
        yield one


@contextmanager
def _process(setting: Setting, words: Sequence[str], port: int) -> Iterator[Server]:
    environment = {**os.environ, "PYTHONPATH": str(Path(ledger.__file__).parents[1])}
    process = subprocess.Popen(words, cwd=setting.directory, env=environment, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port, process)
        yield Server(process.pid, port)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def asked(server: Server, path: str) -> bytes:
    """The body of an answer, once there is one."""
    from urllib.error import HTTPError
    from urllib.request import urlopen

    for _ in range(600):
        try:
            with urlopen(f"http://127.0.0.1:{server.port}{path}") as response:
                return response.read()
        except HTTPError as error:
            with error:
                if error.code != 503:
                    raise
        time.sleep(0.5)
    raise RuntimeError(f"{path} was never answered")


def _rate(server: Server, path: str) -> float:
    """Requests that the server answers in a second of its own processor time."""
    before = server.used_s
    _load("rate", server.port, path, REQUESTS)
    return REQUESTS / (server.used_s - before)


def _latencies(server: Server) -> list[float]:
    """How long each of many requests takes, in milliseconds, sent one after the other at a steady pace."""
    found: list[float] = json.loads(_load("latencies", server.port, f"/v1/claims/{CLAIM}", OTHERS))
    return found


def _p99(laps: Sequence[float]) -> float:
    return quantiles(laps, n=100, method="inclusive")[98]


@contextmanager
def _asking(server: Server, path: str) -> Iterator[Callable[[], bool]]:
    """Asks for something; gives whether it was answered by now."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(_request(path))
        connection.setblocking(False)

        def is_answered() -> bool:
            try:
                return connection.recv(12) == b"HTTP/1.1 200"
            except BlockingIOError:
                return False

        yield is_answered


def _load(what: str, port: int, path: str, count: int) -> str:
    words = [sys.executable, __file__, what, str(port), path, str(count)]
    return subprocess.run(words, capture_output=True, check=True, text=True).stdout


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.1)
    raise RuntimeError(f"nobody listens on {port}")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port: int = one.getsockname()[1]
        return port


# What the process that makes the load does


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()


def _answer(connection: socket.socket, before: bytes) -> bytes:
    """Reads one answer; gives what came after it."""
    while b"\r\n\r\n" not in before:
        before += connection.recv(1 << 16)
    head, _, body = before.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    [length] = [int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")]
    while len(body) < length:
        body += connection.recv(1 << 16)
    return body[length:]


def _make_load(what: str, port: str, path: str, count: str) -> None:
    laps = []
    with socket.create_connection(("127.0.0.1", int(port))) as connection:
        for _ in range(int(count)):
            began = time.perf_counter()
            connection.sendall(_request(path))
            assert not _answer(connection, b"")
            laps.append((time.perf_counter() - began) * 1_000)
            if what == "latencies":
                time.sleep(EVERY_S)
    print(json.dumps(laps))


if __name__ == "__main__":
    _make_load(*sys.argv[1:])
