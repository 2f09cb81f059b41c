"""What does a service of many clients gain by committing together what they bring?"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median

from measure import Bar, Figure, Measured, Setting, figures

import ledger
from ledger import ClaimRegistered, Ledger

CLIENTS = 64
ROUNDS = 5
LAP_S = 1.0
_PROGRAM = Path(__file__).with_name("slow_service.py")
_HEAD = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


@figures(
    Figure("service_append", "requests/s", Bar(">=", 5), "the same service committing each request by itself"),
    Figure("service_group_size", "requests", None, "one a commit; the mean of what shared one"),
)
def service(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """64 clients append one act each, again and again, over HTTP to a disk whose sync takes 2 ms longer; in turn."""
    paths = {way: setting.path(f"service-{way}.db") for way in ("grouped", "alone")}
    rates: dict[str, list[float]] = {way: [] for way in paths}
    with ExitStack() as stack:
        ports = {way: stack.enter_context(_serving(path, way)) for way, path in paths.items()}
        for _ in range(1 + ROUNDS):
            for way, port in ports.items():
                rates[way].append(asyncio.run(_rate(port)))
    grouped, alone = (median(rates[way][1:]) for way in paths)
    yield "service_append", Measured(grouped, alone)
    yield "service_group_size", Measured(*map(_group_size, paths.values()))
    setting.remove(*paths.values())


@contextmanager
def _serving(path: Path, way: str) -> Iterator[int]:
    """A process that serves a new ledger, and its port."""
    with Ledger.open(path) as book:
        book.append(ClaimRegistered(claim="dam-leaks", text="The dam leaks."))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(Path(ledger.__file__).parents[1])}
    command = [sys.executable, str(_PROGRAM), str(path), str(port), way]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _await_answer(process, port)
            yield port
        finally:
            process.kill()


def _await_answer(process: subprocess.Popen[bytes], port: int) -> None:
    while process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise RuntimeError(f"the service ended with {process.returncode}")


async def _rate(port: int) -> float:
    """Requests a second of all clients together."""
    until = time.perf_counter() + LAP_S
    started = time.perf_counter()
    answered = await asyncio.gather(*(_client(port, until) for _ in range(CLIENTS)))
    return sum(answered) / (time.perf_counter() - started)


async def _client(port: int, until: float) -> int:
    """Appends until it is time, and tells how often."""
    act = {"type": "statement", "claims": ["dam-leaks"], "chain": [{"name": "Ana Ruiz", "kind": "person"}]}
    body = json.dumps(act).encode()
    request, answered = _HEAD % len(body) + body, 0
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while time.perf_counter() < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 201 "):
            raise RuntimeError(f"the service answered {head[:200]!r}")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        answered += 1
    writer.close()
    await writer.wait_closed()
    return answered


def _group_size(path: Path) -> float:
    """How many acts shared a commit, in the mean: those of one commit were recorded at one moment."""
    with Ledger.open(path, read_only=True) as book:
        moments = [record.recorded_at for record in book.events(types=["statement"])]
    return len(moments) / len(set(moments))
