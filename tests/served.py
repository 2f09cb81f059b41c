"""A service to be asked: in this process, or as a process of its own on a port of this machine."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec

from ledger.service import Service, application

HERE = "http://localhost"


class Asked:
    """A service in this process; asked as httpx is, each request for itself."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.app = application(service)

    def request(self, method: str, url: str, **rest: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url=HERE) as client:
                return await client.request(method, url, **rest)

        return asyncio.run(ask())

    def get(self, url: str, **rest: Any) -> httpx.Response:
        return self.request("GET", url, **rest)

    def post(self, url: str, **rest: Any) -> httpx.Response:
        return self.request("POST", url, **rest)


class Serving(NamedTuple):
    """A process that serves, and where."""

    process: subprocess.Popen[bytes]
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


#: As `claims serve`, with settings that have no option.
_SET = """
import sys, msgspec
from ledger import Ledger
from ledger.service import Service, Settings
from ledger.service.server import run
from ledger.tokens import Tokens
with Ledger.open(sys.argv[1]) as ledger:
    service = Service(ledger, msgspec.json.decode(sys.argv[2], type=Settings), Tokens.beside(ledger.name))
    run(service)
    service.close()
"""


@contextmanager
def serving(db: Path, **settings: Any) -> Iterator[Serving]:
    """A process that serves the ledger on a port that was free, with these settings; killed at the end."""
    port = _free()
    command = [sys.executable, "-m", "ledger.cli", "--db", str(db), "serve", "--port", str(port)]
    if settings:
        command = [sys.executable, "-c", _SET, str(db), msgspec.json.encode({"port": port, **settings}).decode()]
    with (
        open(f"{db}.log", "ab") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            _answered(process, port)
            yield Serving(process, port)
        finally:
            process.kill()


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def _answered(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + 30
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return
        except ConnectionRefusedError:
            time.sleep(0.02)
    raise AssertionError(f"nobody answers at {port}; the process ended with {process.poll()}")
