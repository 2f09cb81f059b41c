"""Services to ask, in a process of their own or here; a wire that breaks; and one that says what it is told to say."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import uvicorn

from ledger import Ledger
from ledger.service import Service, application

HOST = "127.0.0.1"


@contextmanager
def serving(db: Path | str, **environment: str) -> Iterator[str]:
    """The URL at which `claims serve` answers for a ledger."""
    command = [sys.executable, "-m", "ledger.cli", "--db", str(db), "serve", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment})
    assert process.stderr is not None
    said = []
    with process.stderr:
        try:
            for line in process.stderr:
                said.append(line)
                if found := re.search(r"serving .* on (http://\S+?)/?$", line):
                    # What it says from now on must not fill the pipe.
                    threading.Thread(target=_drain, args=(process.stderr,), daemon=True).start()
                    yield found[1]
                    return
            raise AssertionError(f"it does not serve: {''.join(said)}")
        finally:
            process.terminate()
            process.wait(20)


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
        yield f"http://{HOST}:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        running.join()
        service.close()


def _drain(stream: Any) -> None:
    with suppress(ValueError, OSError):
        for _ in stream:
            pass


def _hang_up(listening: socket.socket) -> None:
    """Listens no more: whoever waits for a client is woken."""
    with suppress(OSError):
        listening.shutdown(socket.SHUT_RDWR)
    listening.close()


class Wire:
    """Carries bytes between clients and a service, and breaks where it is told to."""

    def __init__(self, url: str) -> None:
        self._to = (HOST, int(url.rpartition(":")[2]))
        self._listening = socket.create_server((HOST, 0))
        self.url = f"http://{HOST}:{self._listening.getsockname()[1]}"
        self.carried = 0
        """Requests that came through."""
        self.loses: Callable[[bytes], bool] = lambda answer: False
        """Whether the wire breaks before these bytes of an answer reach the client; the service has sent them."""
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        _hang_up(self._listening)
        self.cut()

    def cut(self) -> None:
        """Breaks what is open."""
        for one in list(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._to) as service:
            self._open |= {client, service}
            there = threading.Thread(target=self._there, args=(client, service), daemon=True)
            there.start()
            with suppress(OSError):
                while (answer := service.recv(65_536)) and not self.loses(answer):
                    client.sendall(answer)
            for one in (client, service):
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            there.join()
            self._open -= {client, service}

    def _there(self, client: socket.socket, service: socket.socket) -> None:
        with suppress(OSError):
            while asked := client.recv(65_536):
                self.carried += asked.startswith((b"GET ", b"POST "))
                service.sendall(asked)
            service.shutdown(socket.SHUT_WR)


class Told:
    """A service that answers one request after another as it is told, and remembers what it was asked."""

    def __init__(self, *answers: tuple[int, dict[str, str], bytes]) -> None:
        self._answers = list(answers)
        self.asked: list[bytes] = []
        self._listening = socket.create_server((HOST, 0))
        self.url = f"http://{HOST}:{self._listening.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Told:
        return self

    def __exit__(self, *_: object) -> None:
        _hang_up(self._listening)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                with client:
                    self.asked.append(client.recv(65_536))
                    status, headers, body = self._answers[min(len(self.asked), len(self._answers)) - 1]
                    lines = [f"HTTP/1.1 {status} Told", *(f"{name}: {value}" for name, value in headers.items())]
                    lines += [f"Content-Length: {len(body)}", "Connection: close", "", ""]
                    client.sendall("\r\n".join(lines).encode() + body)
