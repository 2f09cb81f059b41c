"""What does it take to tell a thousand clients of a thousand records, beside a server that only writes their bytes?

The service follows a ledger that another process appends to, some records at a time, the next when every client has
them. The floor is a bare asyncio server, on the same event loop, that writes the same bytes to as many clients in the
same pieces. One process holds all the clients of either, and sees to it that each gets every record, in order.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from measure import Bar, Figure, Measured, Setting, figures
from processes import CLAIMS

import ledger
from ledger import ClaimRegistered, Ledger, Link, Statement
from ledger.service import Settings
from ledger.service.feed import Feed
from ledger.service.recent import frame

CLIENTS = 1_000
RECORDS = 1_000
PIECE = 10
"""Records that are appended at a time."""
HERE = Path(__file__).parent


class Told(NamedTuple):
    """What it took a server to tell all clients of all records."""

    peak_mb: float
    cpu_s: float

    @property
    def pace(self) -> float:
        return CLIENTS * RECORDS / self.cpu_s


@figures(
    Figure("stream_clients", "MB", Bar("<=", 300, "MB"), "peak of a bare asyncio server of as many clients"),
    Figure("stream_delivery", "events/CPU s", None, "a bare asyncio server that writes the same bytes to as many"),
)
def stream_clients(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """1,000 clients are each told of 1,000 records, 10 at a time, as another process appends them."""
    path = setting.path("stream.db")
    with Ledger.open(path, recorded_by="desk") as book:
        book.append(ClaimRegistered(claim="c", text="it is so"))
    service = _service(path)
    floor = _floor(setting, path)
    setting.remove(path)
    yield "stream_clients", Measured(service.peak_mb, floor.peak_mb)
    yield "stream_delivery", Measured(service.pace, floor.pace)


def _service(path: Path) -> Told:
    with (
        Ledger.open(path, recorded_by="desk") as book,
        _running("-c", CLAIMS, "serve", "--port", "0", "--db", str(path)) as server,
    ):
        return _told(server, lambda: book.append_all([_said(number) for number in range(PIECE)]))


def _floor(setting: Setting, path: Path) -> Told:
    frames = setting.path("stream.frames")
    with Ledger.open(path, read_only=True) as book:
        mark = Feed(book, Settings()).mark
        frames.write_bytes(b"".join(frame(mark, *pair) for pair in book.stored(after=1)))
    with _running(str(HERE / "bare_stream.py"), str(frames), str(PIECE)) as server:

        def write() -> None:
            assert server.stdin is not None
            server.stdin.write("\n")
            server.stdin.flush()

        return _told(server, write)


def _said(number: int) -> Statement:
    return Statement(claims=("c",), chain=(Link(name=f"speaker {number}", kind="person"),), quote="It is so. " * 20)


def _told(server: subprocess.Popen[str], more: Callable[[], object]) -> Told:
    """Has clients listen, and tells them piece by piece. Raises RuntimeError where one of them misses something."""
    assert server.stderr is not None
    port = server.stderr.readline().rpartition(":")[2].strip("/\n")
    with _running(str(HERE / "listeners.py"), port, str(CLIENTS), "1", str(PIECE)) as clients:
        _said_by(clients, "listening")
        before = _cpu_s(server)
        for _ in range(RECORDS // PIECE):
            more()
            _said_by(clients, "told")
        return Told(_peak_mb(server), _cpu_s(server) - before)


@contextmanager
def _running(*words: str) -> Iterator[subprocess.Popen[str]]:
    """Python at work beside this process, until it is no longer needed."""
    environment = {**os.environ, "PYTHONPATH": str(Path(ledger.__file__).parents[1])}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [sys.executable, *words], env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    ) as running:
        try:
            yield running
        finally:
            running.kill()


def _said_by(clients: subprocess.Popen[str], word: str) -> None:
    assert clients.stdout is not None and clients.stderr is not None
    said = clients.stdout.readline()
    if said != f"{word}\n":
        clients.kill()
        raise RuntimeError(f"the clients were not {word}: {clients.stderr.read()[-2_000:]}")


def _cpu_s(process: subprocess.Popen[str]) -> float:
    """The seconds that a process has computed for, in the kernel too."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _peak_mb(process: subprocess.Popen[str]) -> float:
    """The most memory that a process has had."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024
