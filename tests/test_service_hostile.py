"""What if somebody means harm? Bodies without end, heads that never come, addresses that lead astray, words that bite.

The slow and the large are sent to a real server, byte by byte; what is only odd, to the application in this process.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from served import Asked, Server, serving
from uvicorn.server import ServerState

from ledger import Ledger
from ledger.service import Service, Settings
from ledger.service.wire import within

EVENTS = "/v1/events"
JSON = {"content-type": "application/json"}
MOST = 256 * 1024
WAIT_S = 0.5
CLAIM = {"type": "claim_registered", "claim": "dam-leaks", "text": "The dam leaks."}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "claims.db") as ledger:
        yield ledger


@pytest.fixture
def asked(ledger: Ledger) -> Iterator[Asked]:
    service = Service(ledger, Settings(max_body=MOST, body_s=WAIT_S))
    yield Asked(service)
    service.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    db = tmp_path_factory.mktemp("hostile") / "claims.db"
    with serving(db, max_body=MOST, body_s=WAIT_S, head_s=WAIT_S, max_head=16 * 1024, max_connections=200) as server:
        yield server


@pytest.fixture
def wire(server: Server) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as wire:
        yield wire


def statement(claim: str = "dam-leaks", **more: Any) -> dict[str, Any]:
    return {"type": "statement", "claims": [claim], "chain": [{"name": "Ana Ruiz", "kind": "person"}], **more}


def everything(wire: socket.socket) -> bytes:
    """What comes until the other side closes."""
    parts = []
    try:
        while part := wire.recv(65_536):
            parts.append(part)
    except ConnectionResetError:  # it closed while we were still sending
        pass
    return b"".join(parts)


def is_well(server: Server) -> bool:
    """Whether others are still answered, and soon."""
    return httpx.get(f"{server.url}/v1/head", timeout=5).status_code == 200


def told(app: Any, settings: Settings, sent: bytes, then: bytes = b"") -> bytes:
    """All that an application says on a connection within some limits, until it closes that.

    `then` is sent when it has begun to say something.
    """

    async def talk() -> bytes:
        config = uvicorn.Config(app, http=within(settings), log_config=None)
        config.load()
        state, loop = ServerState(), asyncio.get_running_loop()
        server = await loop.create_server(lambda: config.http_protocol_class(config, state, {}), "127.0.0.1", 0)
        async with server, asyncio.timeout(20):
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(sent)
            answers = b""
            if then:
                answers = await reader.read(65_536)
                writer.write(then)
            with suppress(ConnectionResetError):  # it closed while there was more to come
                answers += await reader.read()
            writer.transport.abort()
        return answers

    return asyncio.run(talk())


# -- too much ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [None, 100_000_000])
def test_of_a_body_of_100_mb_no_more_is_read_than_may_be(asked: Asked, length: int | None) -> None:
    part, read, sent = b"x" * 65_536, [], []

    async def receive() -> dict[str, Any]:
        read.append(len(part))
        return {"type": "http.request", "body": part, "more_body": len(read) * len(part) < 100_000_000}

    async def send(message: Any) -> None:
        sent.append(message)

    told = [(b"transfer-encoding", b"chunked")] if length is None else [(b"content-length", b"%d" % length)]
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": EVENTS,
        "raw_path": EVENTS.encode(),
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json"), *told],
    }
    asyncio.run(asked.app(scope, receive, send))
    assert sent[0]["status"] == 413
    assert sum(read) <= (MOST + len(part) if length is None else 0)
    assert dict(sent[0]["headers"])[b"connection"] == b"close"


def test_a_body_of_100_mb_on_a_wire_ends_early_and_takes_no_memory(server: Server, wire: socket.socket) -> None:
    before = most_memory(server)
    wire.sendall(b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n")
    wire.sendall(b"Transfer-Encoding: chunked\r\n\r\n")
    part = b"10000\r\n" + b"[" * 65_536 + b"\r\n"
    sent = 0
    try:
        while sent < 100_000_000:
            wire.sendall(part)
            sent += len(part)
    except (BrokenPipeError, ConnectionResetError):
        pass
    assert sent < 50_000_000
    assert most_memory(server) - before < 30_000_000
    assert is_well(server)


def most_memory(server: Server) -> int:
    """The most bytes that the server ever had in memory."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def test_a_head_without_end_is_cut_off() -> None:
    async def nobody(scope: Any, receive: Any, send: Any) -> None:
        pytest.fail("this is no request yet")

    head = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"X: %s\r\n" % (b"x" * 1_000) * 20
    assert told(nobody, Settings(max_head=16 * 1024), head).startswith(b"HTTP/1.1 431 ")
    whole = told(nobody, Settings(max_head=16 * 1024), head + b"\r\n")  # nor is one that comes at once
    assert whole.startswith(b"HTTP/1.1 431 ")
    assert whole.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("more", [b"X: " + b"x" * 1_000 + b"\r\n", b"x" * 1_000])
def test_what_comes_after_a_body_without_end_is_cut_off(more: bytes) -> None:
    async def nobody(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    sent = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\nY: " + more * 1_000
    assert told(nobody, Settings(max_head=16 * 1024), sent) == b""


def test_what_comes_after_a_body_is_no_header_of_the_request() -> None:
    seen = []

    async def late(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass
        seen.extend(scope["headers"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert told(late, Settings(), head + b"1\r\nx\r\n0\r\nAuthorization: x\r\n\r\n").startswith(b"HTTP/1.1 204 ")
    assert dict(seen).keys() == {b"host", b"connection", b"transfer-encoding"}


def test_no_more_requests_wait_on_a_connection_than_may() -> None:
    begun = []

    async def never(scope: Any, receive: Any, send: Any) -> None:
        begun.append(scope)
        while (await receive())["type"] != "http.disconnect":
            pass

    assert told(never, Settings(), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200) == b""
    assert len(begun) <= 1


def test_what_is_no_request_is_not_answered_into_another_answer() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"100")]})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass

    said = told(slow, Settings(), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\0 is none\r\n\r\n")
    assert said.endswith(b"\r\n\r\nfirst")


def test_an_address_without_end_is_refused(asked: Asked) -> None:
    for url in (f"/v1/claims/{'x' * 9_000}", f"/v1/claims?{'a=b&' * 3_000}"):
        answer = asked.get(url)
        assert (answer.status_code, answer.json()["type"]) == (414, "/problems/too-long")


@pytest.mark.parametrize("text", ['{"a":' * 10_000, "[" * 10_000 + "]" * 10_000, '[{"a":' * 10_000])
def test_json_10_000_deep_is_refused_and_nothing_falls_over(server: Server, text: str) -> None:
    for media in ("application/json", "application/x-ndjson"):
        answer = httpx.post(f"{server.url}{EVENTS}", content=text, headers={"content-type": media})
        assert (answer.status_code, answer.json()["type"]) == (400, "/problems/not-json")
    assert is_well(server)


def test_a_number_of_a_million_digits_is_no_number(asked: Asked) -> None:
    body = json.dumps([statement(said_at="@")]).replace('"@"', "9" * 100_000)
    assert asked.post(EVENTS, content=body, headers=JSON).status_code == 422


# -- too slow ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("head", [b"", b"GET /v1/cl", b"GET /v1/claims HTTP/1.1\r\nHost: localhost\r\nX-Slow: "])
def test_who_never_ends_the_head_is_let_go(server: Server, wire: socket.socket, head: bytes) -> None:
    wire.sendall(head)
    dripping = threading.Event()

    def drip() -> None:
        while head and not dripping.wait(WAIT_S / 5):
            try:
                wire.send(b"x")
            except OSError:
                return

    thread = threading.Thread(target=drip)
    thread.start()
    answer = everything(wire)
    dripping.set()
    thread.join()
    assert answer == b"" or b" 408 " in answer
    assert is_well(server)


def test_who_was_answered_once_is_not_waited_for_longer_the_next_time(wire: socket.socket) -> None:
    wire.sendall(b"GET /v1/head HTTP/1.1\r\nHost: localhost\r\n\r\nGET /v1/head HTTP/1.1\r\nHost: loc")
    answers = everything(wire)
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert b" 408 " in answers


def test_nor_is_who_was_answered_and_sends_nothing_but_an_empty_line(wire: socket.socket) -> None:
    wire.sendall(b"GET /v1/head HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert wire.recv(12) == b"HTTP/1.1 200"
    wire.sendall(b"\r\n")
    wire.settimeout(20)
    assert everything(wire).endswith(b"}")


def test_an_answer_is_not_cut_off_because_the_next_head_is_slow() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
        await asyncio.sleep(3 * WAIT_S)
        await send({"type": "http.response.body", "body": b"whole"})

    said = told(slow, Settings(head_s=WAIT_S), b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HT")
    first, _, second = said.partition(b"whole")
    assert first.startswith(b"HTTP/1.1 200 ")
    assert second.startswith(b"HTTP/1.1 408 ")


def test_who_never_ends_the_body_is_told_so_and_let_go(server: Server, wire: socket.socket) -> None:
    head = (
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    )
    wire.sendall(head + b"[")
    answer = everything(wire)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/too-slow" in answer
    assert is_well(server)


def test_who_was_answered_and_never_ends_the_body_is_let_go(server: Server, wire: socket.socket) -> None:
    wire.sendall(b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n")
    answer = wire.recv(65_536)
    wire.sendall(b"x")  # so that it is no idle connection
    answer += everything(wire)
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert answer.count(b"HTTP/1.1") == 1


def test_the_next_request_has_its_time_after_a_body_that_nobody_read(wire: socket.socket) -> None:
    wire.sendall(b"POST /nowhere HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n")
    assert wire.recv(65_536).startswith(b"HTTP/1.1 404 ")
    wire.sendall(b"{}")
    time.sleep(1.5 * WAIT_S)
    wire.sendall(b"GET /v1/head HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert b"HTTP/1.1 200 " in everything(wire)


def test_a_hundred_who_hang_keep_nobody_else_waiting(server: Server) -> None:
    hanging = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(100)]
    try:
        for wire in hanging:
            wire.sendall(b"GET /v1/claims HTTP/1.1\r\nX: ")
        assert is_well(server)
    finally:
        for wire in hanging:
            wire.close()


def test_no_more_are_connected_than_may_be(server: Server) -> None:
    hanging = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(220)]
    try:
        assert httpx.get(f"{server.url}/v1/head").status_code == 503
    finally:
        for wire in hanging:
            wire.close()
    until = time.monotonic() + 10
    while time.monotonic() < until and httpx.get(f"{server.url}/v1/head").status_code == 503:
        time.sleep(0.05)
    assert is_well(server)


# -- not what it seems -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/v1/claims/../../etc/passwd",
        "/v1/claims/%2e%2e/%2e%2e/etc/passwd",
        "/v1/claims/..%2f..%2fetc%2fpasswd",
        "//v1/claims",
        "/v1//claims",
        "/v1/claims/",
        "/v1/claims/%00",
        "/v1/claims/dam-leaks%00",
        "/v1/claims/%0d%0aset-cookie:%20a=b",
        "/v1/claims/%ff%fe",
        "/v1/claims/%ed%a0%80",
        "/v1/claims/;a",
        "/V1/CLAIMS",
        "/v1/claims/\\..\\x",
        "/.git/config",
        "/v1/claims.db",
    ],
)
def test_no_path_leads_where_none_should(server: Server, wire: socket.socket, path: str) -> None:
    wire.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    head, _, body = everything(wire).partition(b"\r\n\r\n")
    status = int(head.split()[1])
    assert status in (400, 404)
    assert b"root:" not in body
    assert b"set-cookie" not in head.lower()
    if status == 404:
        assert json.loads(body)["type"] == "/problems/not-found"
    assert is_well(server)


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET /v1/claims HTTP/1.1\r\nHost: localhost\r\nX: a\0b",
        b"GET /v1/claims HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2",
        b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        b"GET /v1/claims HTTP/1.1\r\nHost: localhost\r\n X: folded",
        b"GET /v1/claims\r\nX HTTP/1.1\r\nHost: localhost",
        b"GET http://evil.example/v1/claims HTTP/1.1\r\nHost: evil.example",
        b"GET /v1/claims HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost",
        b"GET /v1/claims HTTP/1.1",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"TRACE / HTTP/1.1\r\nHost: localhost",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost",
        b"PRI * HTTP/2.0\r\n\r\nSM",
        b"GET * HTTP/1.1\r\nHost: localhost",
        b"GET /v1/claims HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade, close\r\nX: \x00",
    ],
)
def test_a_request_that_is_none_is_not_answered_as_one(
    server: Server, wire: socket.socket, request_line: bytes
) -> None:
    wire.sendall(request_line + b"\r\nConnection: close\r\n\r\n")
    wire.shutdown(socket.SHUT_WR)
    answer = everything(wire)
    assert not answer or int(answer.split()[1]) >= 400
    assert is_well(server)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEADER", "POST"])
def test_what_is_there_is_asked_as_it_is_asked(asked: Asked, method: str) -> None:
    answer = asked.request(method, "/v1/claims")
    assert (answer.status_code, answer.json()["type"]) == (405, "/problems/no-such-method")
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}


@pytest.mark.parametrize("text", ["e1\r\nset-cookie: a=b", "e\n1", "e\x001", "e\x1b[2J", "e\x85", "e\u2028"])
def test_an_id_that_could_break_a_line_is_refused(asked: Asked, ledger: Ledger, text: str) -> None:
    answer = asked.post(EVENTS, json={**CLAIM, "id": text})
    assert answer.status_code == 422
    assert "set-cookie" not in answer.headers
    assert answer.json()["errors"][0]["pointer"] == "/0/id"
    assert ledger.head == 0


@pytest.mark.parametrize("value", ["'; DROP TABLE event; --", "*", "x" * 3_000, "\r\nset-cookie: a=b", "\udcff", "﷽"])
@pytest.mark.parametrize("header", ["if-none-match", "accept", "accept-encoding", "authorization", "cookie", "range"])
def test_no_header_brings_a_request_down_or_comes_back(asked: Asked, header: str, value: str) -> None:
    answer = asked.get("/v1/claims", headers=[(header.encode(), value.encode("utf-8", "surrogatepass"))])
    assert answer.status_code in (200, 304)
    assert "set-cookie" not in answer.headers


WORDS = [
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\u202egnp.exe\u2066 \u200b\ufeff\u2069",
    "</textarea>\"'`{{7*7}}${7*7}<!--",
    '=HYPERLINK("http://evil.example")',
    "𝕬𝖓𝖆 👩‍👩‍👧 Ärztin ﷺ \ufdd0",
    "back\\slash \\u0000 \\n",
]


@pytest.mark.parametrize("words", WORDS)
def test_words_that_bite_come_back_as_they_were(asked: Asked, ledger: Ledger, words: str) -> None:
    assert asked.post(EVENTS, json=[CLAIM, statement(id="e1", quote=words)]).status_code == 201
    assert ledger.record("e1").event.quote == words  # type: ignore[union-attr]
    again = asked.post(EVENTS, json=statement(id="e1", quote=words))
    assert again.json()["receipts"][0]["replayed"]
    told = asked.post(EVENTS, json=statement(id="e2", quote="x", **{words: 1}))
    assert told.headers["content-type"] == "application/problem+json"
    assert words.replace("~", "~0").replace("/", "~1") in told.json()["errors"][0]["pointer"]


@pytest.mark.parametrize("words", ["\x1b[31mred\x1b[0m", "nul\x00", "bell\x07", "c1\x9b31m"])
def test_words_that_steer_a_terminal_do_not_get_in(asked: Asked, ledger: Ledger, words: str) -> None:
    body = json.dumps([CLAIM, statement(quote=words)])
    answer = asked.post(EVENTS, content=body, headers=JSON)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/1/quote"
    assert ledger.head == 0


def test_half_a_character_does_not_get_in_either(asked: Asked, ledger: Ledger) -> None:
    assert asked.post(EVENTS, content=json.dumps([CLAIM, statement(quote="\ud800")]), headers=JSON).status_code == 400
    assert ledger.head == 0


# -- many at once ------------------------------------------------------------------------------------------------------


def crowd(server: Server) -> tuple[list[Any], list[Any]]:
    """What 64 clients are answered who append at once: receipts, and what is none."""
    httpx.post(f"{server.url}{EVENTS}", json={**CLAIM, "claim": "crowd"})
    receipts: list[Any] = []
    faults: list[Any] = []

    def append(client: int) -> None:
        with httpx.Client(base_url=server.url, timeout=30) as http:
            for number in range(5):
                answer = http.post(EVENTS, json=[statement("crowd", id=f"c{client}-{number}-{n}") for n in range(2)])
                (receipts if answer.status_code == 201 else faults).append(answer.json())

    threads = [threading.Thread(target=append, args=(client,)) for client in range(64)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return receipts, faults


def test_of_many_who_append_at_once_each_gets_positions_of_its_own(tmp_path: Path) -> None:
    with serving(tmp_path / "claims.db") as server:
        receipts, faults = crowd(server)
    assert not faults
    pairs = [[one["position"] for one in answer["receipts"]] for answer in receipts]
    assert len({position for pair in pairs for position in pair}) == 64 * 5 * 2
    assert all(second == first + 1 for first, second in pairs)
    ids = [one["id"] for answer in receipts for one in answer["receipts"]]
    assert len(set(ids)) == len(ids)


def test_who_goes_away_while_appending_loses_and_doubles_nothing(tmp_path: Path) -> None:
    db = tmp_path / "claims.db"
    with serving(db) as server:
        httpx.post(f"{server.url}{EVENTS}", json=CLAIM)
        for number in range(30):
            body = json.dumps(statement(id=f"gone-{number}")).encode()
            head = b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            with socket.create_connection(("127.0.0.1", server.port)) as wire:
                wire.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        again = [httpx.post(f"{server.url}{EVENTS}", json=statement(id=f"gone-{n}")).status_code for n in range(30)]
        assert set(again) <= {200, 201}
    with Ledger.open(db) as ledger:
        assert sorted(record.id for record in ledger.events(types=["statement"])) == sorted(
            f"gone-{number}" for number in range(30)
        )
