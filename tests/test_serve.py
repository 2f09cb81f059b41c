"""Does a service that is killed, told to end, or read slowly lose or double anything? Real processes, real sockets."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from listening import Event, Listening, Reader, events
from served import PATIENCE_S, SET, Server

import ledger
from ledger import ClaimRegistered, Ledger, Link, Statement, records

APPENDS = """
import sys, time
from ledger import Ledger, Link, Statement
with Ledger.open(sys.argv[1]) as book:
    while True:
        for claim in ("a", "b", "b", "b"):
            book.append(Statement(claims=(claim,), chain=(Link(name="Ann"),), quote="so it is"), register=True)
        time.sleep(0.001)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A ledger with 21 records, of which ten are about claim a."""
    path = tmp_path / "claims.db"
    with Ledger.open(path, recorded_by="desk") as book:
        book.append(ClaimRegistered(claim="a", text="a"))
        say(book, 10, "b")
        say(book, 9, "a")
    return path


def say(book: Ledger, times: int, claim: str, quote: str = "it is so") -> None:
    said = Statement(claims=(claim,), chain=(Link(name="Ann", kind="person"),), quote=quote)
    book.append_all([said] * times, register=True)


def lines(path: Path, **wanted: Any) -> list[bytes]:
    """What `claims log --format ndjson` prints."""
    with Ledger.open(path) as book:
        return [records.line(*pair) for pair in book.stored(**wanted)]


def serve(path: Path, port: int = 0) -> Server:
    return Server("serve", "--db", path, "--port", port)


def serve_with(path: Path, before: str = "", **settings: Any) -> Server:
    return Server(path, json.dumps({"port": 0, **settings}), code=textwrap.dedent(before) + SET)


def first(stream: Listening, count: int) -> list[Event]:
    """The first events of a stream that is still open."""
    return [event for _, event in zip(range(count), stream.events(), strict=False)]


# -- killed ------------------------------------------------------------------------------------------------------------


class Poster(threading.Thread):
    """Appends over HTTP, whatever happens to the server, until it is told to stop; keeps what was acknowledged."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self.stop = threading.Event()
        self.acknowledged: list[str] = []

    def run(self) -> None:
        for number in itertools.count():
            if self.stop.is_set():
                return
            said = {"type": "statement", "id": f"posted-{number}", "claims": ["a"], "chain": [{"name": "Bob"}]}
            with suppress(OSError, http.client.HTTPException), closing(self._connection()) as connection:
                connection.request("POST", "/v1/events", json.dumps(said), {"Content-Type": "application/json"})
                if connection.getresponse().status == 201:
                    self.acknowledged.append(said["id"])

    def _connection(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)


def killed_under_load(path: Path, rounds: int) -> None:
    """Kills the service at any moment while one client and another process append; its clients come back."""
    environment = {**os.environ, "PYTHONPATH": str(Path(ledger.__file__).parents[1])}
    appending = subprocess.Popen([sys.executable, "-c", APPENDS, str(path)], env=environment)
    port, readers = 0, []
    poster: Poster | None = None
    try:
        for _ in range(rounds):
            with serve(path, port) as server:
                if not readers:
                    port = server.port
                    readers = [Reader(port), Reader(port, claim="a"), Reader(port, claim="never said")]
                    poster = Poster(port)
                    for thread in (*readers, poster):
                        thread.start()
                time.sleep(random.uniform(0, 0.5))
    finally:
        if poster is not None:
            poster.stop.set()
            poster.join(PATIENCE_S)
        appending.kill()
        appending.wait()
    whole = lines(path)
    with serve(path, port):
        for reader in readers:
            reader.until = len(whole)
        for reader in readers:
            reader.join(PATIENCE_S)
    assert readers[0].connections > rounds / 2
    assert readers[0].lines == whole
    assert readers[1].lines == lines(path, claim="a")
    assert readers[2].lines == []
    posted = Counter(json.loads(line)["id"] for line in readers[0].lines if b'"posted-' in line)
    assert poster is not None and len(poster.acknowledged) > rounds / 2
    assert all(posted[event_id] == 1 for event_id in poster.acknowledged)


def test_a_stream_goes_on_without_gap_or_double_when_the_service_is_killed(path: Path) -> None:
    killed_under_load(path, 5)


@pytest.mark.slow
def test_it_does_so_fifty_times(path: Path) -> None:
    killed_under_load(path, 50)


# -- told to end -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_a_service_with_open_streams_ends_in_good_order(path: Path, told: signal.Signals) -> None:
    with serve(path) as server:
        streams = [Listening(server.port, after=number) for number in range(20)]
        stuck = socket.create_connection(("127.0.0.1", server.port))
        for number, stream in enumerate(streams):
            assert len(first(stream, 21 - number)) == 21 - number
        server.process.send_signal(told)
        assert server.ends() == 0
        for stream in streams:
            assert list(stream.events()) == []
            assert stream.complete
            stream.__exit__(None, None, None)
        stuck.close()


def test_the_last_word_of_a_stream_is_how_far_was_looked(path: Path) -> None:
    with serve_with(path, stream_heartbeat_s=1_000) as server, Listening(server.port, claim="a") as stream:
        assert first(stream, 10)[-1].position == 21
        with Ledger.open(path) as book:
            say(book, 1, "b")
            say(book, 1, "a")
            say(book, 1, "b")
        assert first(stream, 1)[0].position == 23
        with Listening(server.port, after=23) as other:  # the service has seen what follows
            first(other, 1)
        server.process.terminate()
        assert [(event.event, event.position) for event in stream.events()] == [("checkpoint", 24)]
        assert server.ends() == 0


SLOW = """
import time
from ledger import Ledger
state = Ledger.state
def slowly(*asked, **how):
    print("asked", flush=True)
    time.sleep(1)
    return state(*asked, **how)
Ledger.state = slowly
"""


def test_what_was_asked_before_the_end_is_answered(path: Path) -> None:
    with serve_with(path, SLOW) as server, socket.create_connection(("127.0.0.1", server.port)) as client:
        client.settimeout(PATIENCE_S)
        client.sendall(b"GET /v1/claims/a HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        server.said("asked")
        server.process.terminate()
        read = b""
        while more := client.recv(1 << 16):
            read += more
        assert read.startswith(b"HTTP/1.1 200 OK")
        assert json.loads(read.partition(b"\r\n\r\n")[2])["claim"] == "a"
        assert server.ends() == 0


def test_a_client_that_does_not_read_keeps_no_service_from_ending(path: Path) -> None:
    with Ledger.open(path) as book:
        say(book, 1_000, "a", "it is so, " * 1_900)
    with serve(path) as server, unread(server.port), Listening(server.port) as other:
        first(other, 1_021)
        server.process.terminate()
        assert server.ends() == 0


HANGS = """
import asyncio
from ledger.service import Service
async def stop(self):
    print("stopping", flush=True)
    import time; time.sleep(1_000)
Service.stop = stop
"""


def test_a_second_signal_ends_it_at_once(path: Path) -> None:
    with serve_with(path, HANGS) as server:
        server.process.terminate()
        server.said("stopping")
        server.process.terminate()
        assert server.ends() == -signal.SIGTERM


@pytest.mark.slow
def test_whatever_hangs_the_clock_ends_it(path: Path) -> None:
    with serve_with(path, HANGS) as server:
        server.process.terminate()
        assert server.ends() == -signal.SIGALRM


# -- slow --------------------------------------------------------------------------------------------------------------


def unread(port: int) -> socket.socket:
    """A client that asks for the stream and does not read it; its side holds little."""
    client = socket.socket()
    client.settimeout(PATIENCE_S)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    client.connect(("127.0.0.1", port))
    client.sendall(b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return client


def test_who_reads_too_slowly_is_let_go_and_can_resume(path: Path) -> None:
    with Ledger.open(path) as book:
        say(book, 1_000, "a", "it is so, " * 1_900)
    with serve_with(path, stream_patience_s=0.3, stream_clients=1) as server, unread(server.port) as slow:
        deadline = time.monotonic() + PATIENCE_S
        while True:  # there is room for one: for another, as soon as the first is let go
            assert time.monotonic() < deadline
            with Listening(server.port, after=1_021) as other:
                if other.answer.status == 200:
                    break
            time.sleep(0.05)
        read = b""
        try:
            while more := slow.recv(1 << 20):
                read += more
        except ConnectionResetError:
            pass
        assert not read.endswith(b"\r\n0\r\n\r\n")
        seen = list(events(iter(unchunked(read).splitlines(keepends=True))))
        whole = lines(path)
        assert 0 < len(seen) < len(whole)
        with Listening(server.port, seen[-1].id) as resumed:
            seen += first(resumed, len(whole) - len(seen))
    assert [event.data for event in seen] == whole


def unchunked(read: bytes) -> bytes:
    """The body of an answer that was cut off."""
    rest, body = read.partition(b"\r\n\r\n")[2], b""
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        body, rest = body + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
    return body


# -- where it listens --------------------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_told(path: Path) -> None:
    with serve(path) as server:
        other = subprocess.run([*server.command[:-1], str(server.port)], capture_output=True, text=True, check=False)
    assert other.returncode == 1
    assert f"cannot listen at 127.0.0.1, port {server.port}: Address already in use" in other.stderr
    assert "Traceback" not in other.stderr


def test_a_service_that_cannot_start_says_so(path: Path) -> None:
    broken = """
        from ledger.service import Service
        async def start(self):
            raise OSError("no room for what runs beside")
        Service.start = start
    """
    code = textwrap.dedent(broken) + SET
    ran = subprocess.run([sys.executable, "-c", code, str(path), '{"port": 0}'], capture_output=True, text=True)
    assert ran.returncode == 1
    assert "no room for what runs beside" in ran.stderr
    assert "the service could not be started" in ran.stderr


def test_who_serves_a_ledger_that_was_not_there_is_told_that_it_is_empty(path: Path) -> None:
    for db, told in ((path, ""), (path.with_name("typo.db"), ", which is empty,")):
        with serve(db) as server:
            assert server.said("serving ") == f"{db}{told} on {server.url}/"


def test_the_url_that_is_told_is_where_it_listens(path: Path) -> None:
    for host in ("127.0.0.1", "::1"):
        with (
            Server("serve", "--db", path, "--host", host, "--port", 0) as server,
            socket.create_connection((host, server.port)) as client,
        ):
            client.sendall(b"GET /v1/claims HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200 OK")
