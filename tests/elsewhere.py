"""What a client meets elsewhere: a wire that breaks, and a service that says what it is told to say."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

HOST = "127.0.0.1"


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
