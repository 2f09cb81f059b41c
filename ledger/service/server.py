"""How does the service run? uvicorn on one port, until it is told to end.

Told by SIGTERM or SIGINT, it takes no more connections, lets the streams go, and answers what was begun; a second
signal ends it at once. What was acknowledged is on disk by then, whichever way it ends.
"""

from __future__ import annotations

import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Final

import uvicorn

from ledger.errors import LedgerError

from . import logs, wire
from .app import application
from .service import Service

_GRACE_S: Final = 3
_AT_LAST_S: Final = 4.5
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)
_OPEN_FILES: Final = 65_536


def run(service: Service, told: Callable[[str], object] = lambda url: None) -> None:
    """Serves until SIGTERM or SIGINT; then ends streams, answers what was begun, and returns.

    `told` is called with the URL as soon as requests are answered there. Raises LedgerError where nobody can be
    listened to at the host and port of the settings, or the service cannot start.
    """
    _open_many_files()
    config = uvicorn.Config(
        application(service),
        http=wire.within(service.settings),
        limit_concurrency=service.settings.max_connections,
        lifespan="on",
        timeout_graceful_shutdown=_GRACE_S,
        server_header=False,
        log_config=None,
        access_log=False,
    )
    logs.take_in(service.log)
    with _listening(service.settings.host, service.settings.port) as listening:
        url = _url(service.settings.host, listening)
        server = _Server(config, service, lambda: told(url))
        try:
            server.run([listening])
        except SystemExit as error:  # it says so of a service that did not start
            raise LedgerError("the service could not be started; its log has the reason") from error


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, service: Service, started: Callable[[], object]) -> None:
        super().__init__(config)
        self._service = service
        self._is_up = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._is_up()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._service.end()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """To be told to end is no failure: the signal is not raised again afterwards, as uvicorn would have it."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {one: signal.signal(one, self.handle_exit) for one in _SIGNALS}
        try:
            yield
        finally:
            if not self.should_exit:
                for one, handler in before.items():
                    signal.signal(one, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ends in good order; at once on the next signal, and on the clock's where something hangs."""
        for one in (*_SIGNALS, signal.SIGALRM):
            signal.signal(one, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, _AT_LAST_S)
        self.should_exit = True


def _listening(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2_048)
    except OSError as error:
        reason = error.strerror or str(error)
        raise LedgerError(f"cannot listen at {host}, port {port}: {reason}; give another --host or --port") from error


def _url(host: str, listening: socket.socket) -> str:
    port = listening.getsockname()[1]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _open_many_files() -> None:
    """A connection is an open file, and many systems allow few unless asked for more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, _OPEN_FILES)
    if soft != resource.RLIM_INFINITY and soft < most:
        with suppress(OSError, ValueError):  # a system that gives fewer than it says: what there is must do
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
