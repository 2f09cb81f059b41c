"""A service to be asked: in this process, or as a process of its own, on a port of this machine."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import uvicorn

import ledger
from ledger import Ledger
from ledger.service import Service, application

HERE = "http://localhost"
PATIENCE_S = 60
CLAIMS = "from ledger.cli import main; main()"
SET = """
import json, sys
from ledger import Ledger
from ledger.service import Service, Settings
from ledger.service.server import run
from ledger.tokens import Tokens
path, changed = sys.argv[1], json.loads(sys.argv[2])
with Ledger.open(path) as book:
    service = Service(book, Settings(**changed), Tokens.beside(path))
    run(service, lambda url: print("serving", path, "on", url, file=sys.stderr, flush=True))
    service.close()
"""
"""As `claims serve`, with settings that it has no options for."""


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


@contextmanager
def served_here(ledger: Ledger) -> Iterator[str]:
    """The URL of a service within this process, which starts sooner."""
    service = Service(ledger)
    server = uvicorn.Server(uvicorn.Config(application(service), port=0, log_config=None))
    running = threading.Thread(target=server.run)
    running.start()
    try:
        while not server.started:
            assert running.is_alive()
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        running.join()
        service.close()


class Server:
    """`claims serve`, or the Python code given, with words for it; started by `with`, killed at its end."""

    def __init__(self, *words: object, code: str = CLAIMS) -> None:
        self.command = [sys.executable, "-c", code, *map(str, words)]

    def __enter__(self) -> Self:
        self.log = tempfile.NamedTemporaryFile()
        environment = {**os.environ, "PYTHONPATH": str(Path(ledger.__file__).parents[1])}
        self.process = subprocess.Popen(
            self.command, env=environment, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        self.port = int(self.said("http://").partition("/")[0].rpartition(":")[2])
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        self.log.close()

    @property
    def url(self) -> str:
        """Where it answers, as 127.0.0.1."""
        return f"http://127.0.0.1:{self.port}"

    def said(self, words: str) -> str:
        """What it said after some words, to the end of that line; waits for them."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            ended = self.process.poll() is not None
            text = Path(self.log.name).read_text()
            _, found, after = text.partition(words)
            if found and "\n" in after:
                return after.partition("\n")[0]
            assert not ended and time.monotonic() < deadline, text
            time.sleep(0.02)

    def ends(self) -> int:
        """Waits for its end; its exit code, negative for a signal."""
        return self.process.wait(PATIENCE_S)


def serving(db: Path, **settings: Any) -> Server:
    """`claims serve` for a ledger, on a port that was free; with settings, whether it has options for them or not."""
    if settings:
        return Server(db, json.dumps({"port": 0, **settings}), code=SET)
    return Server("--db", db, "serve", "--port", 0)
