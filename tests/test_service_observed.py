"""Is every request counted, timed and logged, can whoever runs the service see how it is, and is nothing given away?"""

from __future__ import annotations

import asyncio
import io
import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from ledger import ClaimRegistered, IntegrityError, Ledger, Link, Statement, Unavailable
from ledger.service import Service, Settings, application
from ledger.service.logs import Log, take_in
from ledger.service.page.serving import public

STATEMENT = Statement(claims=("rain",), chain=(Link(name="Ann", kind="person"),))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "claims.db") as ledger:
        ledger.append(ClaimRegistered(claim="rain", text="It rains."))
        yield ledger


@pytest.fixture
def service(ledger: Ledger) -> Iterator[Service]:
    service = Service(ledger, Settings(log="json"))
    service.log = Log("json", io.StringIO())
    yield service
    service.close()


@pytest.fixture
def client(service: Service) -> Iterator[TestClient]:
    async def fails(request: Request) -> Response:
        raise ZeroDivisionError("the password is swordfish")

    async def damaged(request: Request) -> Response:
        raise IntegrityError("it is damaged; restore it from a backup")

    async def full(request: Request) -> Response:
        raise Unavailable("the disk is full; make room there")

    async def breaks_off(request: Request) -> Response:
        async def half() -> Any:
            yield b"half"
            raise ZeroDivisionError("halfway")

        return StreamingResponse(half())

    app = application(service)
    app.router.routes += [
        Route("/fails", fails),
        Route("/fails", fails, methods=["POST"]),
        Route("/damaged", damaged),
        Route("/damaged-page", public(damaged)),
        Route("/full", full),
        Route("/full-page", public(full)),
        Route("/breaks-off", breaks_off),
    ]
    with TestClient(app) as client:
        yield client


def lines(service: Service) -> list[dict[str, Any]]:
    service.log.flush()
    out = service.log._out
    assert isinstance(out, io.StringIO)
    return [json.loads(line) for line in out.getvalue().splitlines()]


def samples(client: TestClient) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of the metrics, by its name and labels."""
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(client: TestClient, name: str, **labels: str) -> float:
    return samples(client)[name, frozenset(labels.items())]


# -- ids of requests ---------------------------------------------------------------------------------------------------


def test_every_request_has_an_id_of_its_own(client: TestClient, service: Service) -> None:
    ids = [client.get("/livez").headers["x-request-id"] for _ in range(3)]
    assert len(set(ids)) == 3
    assert [line["request_id"] for line in lines(service)] == ids


def test_an_id_that_is_brought_along_is_kept_where_it_is_harmless(client: TestClient) -> None:
    assert client.get("/livez", headers={"X-Request-Id": "trace-7.b_C"}).headers["x-request-id"] == "trace-7.b_C"


@pytest.mark.parametrize("brought", ["", "a b", "x" * 65, '"}', "<b>", "a\x1b[2J", "é"])
def test_an_id_that_could_do_harm_is_not_taken_over(client: TestClient, brought: str) -> None:
    got = client.get("/livez", headers={"X-Request-Id": brought.encode("latin-1")}).headers["x-request-id"]
    assert got != brought
    assert got.isalnum()


def test_a_problem_tells_the_id_of_its_request(client: TestClient) -> None:
    answer = client.get("/v1/claims/snow")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_method_that_is_none_here_is_told_all_that_are(client: TestClient) -> None:
    answer = client.put("/fails")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, POST"


# -- the log -----------------------------------------------------------------------------------------------------------


def test_a_request_is_a_line_that_tells_the_route_and_nothing_that_was_asked(
    client: TestClient, service: Service
) -> None:
    answer = client.get("/v1/claims/rain?said_by=2024-10-09&token=swordfish")
    (line,) = lines(service)
    assert (line["method"], line["route"]) == ("GET", "/v1/claims/{claim}")
    assert line["status"] == answer.status_code
    assert line["bytes"] == len(answer.content)
    assert line["ms"] >= 0
    assert line["level"] == "info"
    assert line["time"].endswith("Z")
    assert "swordfish" not in json.dumps(line)
    assert "2024-10-09" not in json.dumps(line)


def test_what_nobody_foresaw_is_told_to_the_log_and_not_to_the_asker(client: TestClient, service: Service) -> None:
    answer = client.get("/fails")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "/problems/failure"
    assert "swordfish" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    (line,) = lines(service)
    assert line["level"] == "error"
    assert line["problem"] == "failure"
    assert "ZeroDivisionError: the password is swordfish" in line["trace"]


def test_an_answer_that_breaks_off_is_an_error_of_the_log_too(client: TestClient, service: Service) -> None:
    with pytest.raises(ZeroDivisionError):
        client.get("/breaks-off")
    (line,) = lines(service)
    assert (line["level"], line["status"], line["bytes"]) == ("error", 200, 4)
    assert "halfway" in line["trace"]


def test_a_damaged_ledger_is_an_error_of_the_log(client: TestClient, service: Service) -> None:
    told = client.get("/damaged").json()
    assert told["type"] == "/problems/integrity"
    assert "damaged" not in told["detail"]  # what is wrong there may name a path
    (line,) = lines(service)
    assert line["level"] == "error"
    assert "restore it from a backup" in line["trace"]


def test_and_so_it_is_where_a_page_was_asked_for(client: TestClient, service: Service) -> None:
    answer = client.get("/damaged-page")
    assert (answer.status_code, "damaged" in answer.text.replace("/damaged-page", "")) == (500, False)
    (line,) = lines(service)
    assert (line["level"], line["problem"]) == ("error", "integrity")
    assert "restore it from a backup" in line["trace"]


@pytest.mark.parametrize("path", ["/full", "/full-page"])
def test_a_disk_that_is_full_is_an_error_of_the_log_and_who_asked_may_come_again(
    client: TestClient, service: Service, path: str
) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.headers["retry-after"], "room" in answer.text) == (503, "5", False)
    (line,) = lines(service)
    assert (line["level"], line["problem"]) == ("error", "not-ready")
    assert "make room there" in line["trace"]


def test_who_hangs_up_in_the_middle_of_a_body_is_no_error_of_the_log(service: Service) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    headers = [(b"host", b"localhost"), (b"content-type", b"application/json"), (b"content-length", b"9")]
    scope = {"type": "http", "method": "POST", "scheme": "http", "path": "/v1/events", "query_string": b""}
    asyncio.run(application(service)({**scope, "headers": headers}, receive, send))
    (line,) = lines(service)
    assert (line["level"], line["problem"]) == ("info", "too-slow")


def test_a_request_that_makes_no_sense_is_no_error_of_the_log(client: TestClient, service: Service) -> None:
    assert client.get("/v1/claims?limit=0").status_code == 400
    (line,) = lines(service)
    assert (line["level"], line["problem"]) == ("info", "usage")


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_line_is_harmless_on_a_terminal(form: Any) -> None:
    out = io.StringIO()
    Log(form, out).write("info", said="\x1b[2J\x9b\u202e\ud800\n", token="a\u202eb")
    (line,) = out.getvalue().split("\n")[:-1]
    assert line.isprintable()


def test_a_line_that_holds_what_is_no_json_is_written_all_the_same() -> None:
    out = io.StringIO()
    Log("json", out).write("info", said=Path("x"), status={"ü": {1}, "odd": object()})
    assert json.loads(out.getvalue())["said"] == "x"


def test_a_line_for_people_begins_with_when_and_ends_with_what_else_there_is() -> None:
    out = io.StringIO()
    told = {"method": "GET", "route": "/livez", "status": 200, "ms": 1.26, "bytes": 14, "problem": None}
    Log("text", out).write("info", request_id="abc", **told)
    assert out.getvalue().split("  ")[1:] == ["1.3 ms", "GET", "/livez", "200", "request_id=abc", "bytes=14\n"]


def test_a_service_that_is_told_so_logs_nothing(ledger: Ledger, capfd: pytest.CaptureFixture[str]) -> None:
    service = Service(ledger)
    TestClient(application(service)).get("/livez")
    service.close()
    assert capfd.readouterr() == ("", "")


def test_what_is_grave_is_written_at_once_and_the_rest_soon() -> None:
    out = io.StringIO()
    log = Log("json", out)

    async def tell() -> None:
        log.write("info", said="well")
        assert not out.getvalue()
        log.write("error", said="ill")
        assert out.getvalue().count("\n") == 2
        log.write("info", said="well again")
        for _ in range(500):
            if out.getvalue().count("\n") == 3:
                return
            await asyncio.sleep(0.01)
        pytest.fail("it was never written")

    asyncio.run(tell())


def test_a_great_many_lines_are_written_before_they_are_due() -> None:
    out = io.StringIO()
    log = Log("json", out)

    async def tell() -> None:
        for number in range(300):
            log.write("info", status=number)
        assert out.getvalue()

    asyncio.run(tell())
    log.flush()
    assert [json.loads(line)["status"] for line in out.getvalue().splitlines()] == list(range(300))


def test_a_line_tells_when_it_was_said_and_not_when_it_was_written(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    log = Log("json", out)

    async def tell() -> None:
        for moment in (1_728_518_400.25, 1_728_518_400.999, 1_728_518_401.0):
            monkeypatch.setattr("ledger.service.logs.time", lambda now=moment: now)
            log.write("info")

    asyncio.run(tell())
    log.flush()
    assert [json.loads(line)["time"] for line in out.getvalue().splitlines()] == [
        "2024-10-10T00:00:00.250Z",
        "2024-10-10T00:00:00.999Z",
        "2024-10-10T00:00:01.000Z",
    ]


def test_a_line_whose_loop_has_ended_comes_with_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    log = Log("json", out)

    async def tell() -> None:
        log.write("info", said="well")

    asyncio.run(tell())
    monkeypatch.setattr("ledger.service.logs.monotonic", lambda: float("inf"))
    asyncio.run(tell())
    assert out.getvalue().count("\n") == 2


def test_a_log_that_nobody_reads_stops_nobody(client: TestClient, service: Service) -> None:
    service.log._out.close()
    assert client.get("/livez").status_code == 200


def test_what_libraries_say_becomes_lines_of_the_log() -> None:
    out = io.StringIO()
    before = logging.root.handlers[:], logging.root.level
    try:
        take_in(Log("json", out))
        logging.getLogger("uvicorn.error").warning("it is %s", "late")
        logging.getLogger("uvicorn.error").info("nobody wants to know")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("the clock is behind", UserWarning, stacklevel=1)
    finally:
        logging.captureWarnings(False)
        logging.root.handlers[:], logging.root.level = before
    late, clock = map(json.loads, out.getvalue().splitlines())
    assert (late["said"], late["by"], late["level"]) == ("it is late", "uvicorn.error", "warning")
    assert "the clock is behind" in clock["said"]


# -- the metrics -------------------------------------------------------------------------------------------------------


def test_requests_are_counted_by_operation_and_status(client: TestClient) -> None:
    for _ in range(3):
        client.get("/v1/claims/rain")
    client.get("/v1/claims/snow")
    operation = "GET /v1/claims/{claim}"
    assert value(client, "claims_request_seconds_count", operation=operation, status="200") == 3
    assert value(client, "claims_request_seconds_count", operation=operation, status="404") == 1
    assert value(client, "claims_rejects_total", problem="not-found") == 1


def test_every_answer_is_counted_however_many_there_are(service: Service) -> None:
    for _ in range(300):
        service.metrics.answered("GET /livez", 200, 0.001)
    assert b'claims_request_seconds_count{operation="GET /livez",status="200"} 300.0' in service.metrics.text()


def test_nothing_that_is_asked_names_a_series(client: TestClient) -> None:
    def ask(n: int) -> None:
        client.get(f"/nowhere/{n}", headers={"X-Request-Id": f"r{n}"})
        client.get(f"/v1/claims/c{n}?said_by=2024-10-{n:02}")
        client.request(f"BREW{n}", "/livez")

    ask(1)
    samples(client)
    before = samples(client).keys()
    for n in range(1, 30):
        ask(n)
    assert samples(client).keys() == before


def test_appends_and_replays_are_counted_apart(client: TestClient, service: Service) -> None:
    first = service.ledger.append_all([STATEMENT, STATEMENT])
    service.metrics.appended(first)
    again = service.ledger.append(STATEMENT, id=first[0].id)
    service.metrics.appended([again])
    assert again.replayed
    assert value(client, "claims_appends_total") == 1
    assert value(client, "claims_events_total") == 2
    assert value(client, "claims_replays_total") == 1


def test_the_position_and_the_lag_of_the_view_are_told(client: TestClient, service: Service) -> None:
    client.get("/v1/claims")
    assert value(client, "claims_view_lag") == 0
    position = service.ledger.append(STATEMENT).position
    assert value(client, "claims_position") == position
    before, told, after = service.lag(), value(client, "claims_view_lag"), service.lag()
    assert after <= told <= before  # the view catches up meanwhile


def test_what_somebody_else_counts_is_told_as_it_is(client: TestClient, service: Service) -> None:
    service.metrics.watch("clients", lambda: 7)
    service.metrics.watch("dropped", lambda: 2)
    service.metrics.watch("queue", lambda: 3)
    assert value(client, "claims_stream_clients") == 7
    assert value(client, "claims_stream_dropped_total") == 2
    assert value(client, "claims_queue_length") == 3


def test_what_cannot_be_told_is_not_a_number(client: TestClient, service: Service) -> None:
    service.ledger.close()
    position = value(client, "claims_position")
    assert position != position


# -- alive and ready ---------------------------------------------------------------------------------------------------


def test_a_service_is_ready_when_its_ledger_can_be_appended_to(client: TestClient, ledger: Ledger) -> None:
    assert client.get("/livez").json() == {"alive": True}
    assert client.get("/readyz").json()["position"] == ledger.head


def test_a_service_is_not_ready_while_nobody_can_append(ledger: Ledger) -> None:
    service = Service(ledger, Settings(ready_s=0.01))
    other = apsw.Connection(ledger.name)
    other.execute("BEGIN IMMEDIATE")
    answer = TestClient(application(service)).get("/readyz")
    other.close()
    service.close()
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert answer.json()["type"] == "/problems/not-ready"
    assert "locked" in answer.json()["detail"]


def test_looking_whether_it_is_ready_writes_nothing(client: TestClient, ledger: Ledger) -> None:
    files = [Path(ledger.name), Path(f"{ledger.name}-wal")]
    before = [file.read_bytes() for file in files]
    assert client.get("/readyz").status_code == 200
    assert [file.read_bytes() for file in files] == before


def test_a_ledger_opened_for_reading_is_not_ready(tmp_path: Path, ledger: Ledger) -> None:
    with Ledger.open(ledger.name, read_only=True) as reader:
        service = Service(reader)
        assert TestClient(application(service)).get("/readyz").status_code == 503
        service.close()


def test_a_ledger_in_memory_is_ready() -> None:
    with Ledger.open(":memory:") as ledger:
        service = Service(ledger)
        assert TestClient(application(service)).get("/readyz").json() == {"position": 0, "lag": 0}
        service.close()


def test_a_service_whose_view_is_far_behind_is_not_ready(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    service = Service(ledger, Settings(ready_lag=5))
    monkeypatch.setattr(service.readiness, "_lag", lambda: 6)
    answer = TestClient(application(service)).get("/readyz")
    service.close()
    assert answer.status_code == 503
    assert answer.json()["lag"] == 6


def test_however_many_ask_it_is_looked_at_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[float] = []
    probe = service.ledger.probe

    def counted(patience_s: float) -> int:
        looks.append(patience_s)
        return probe(patience_s)

    monkeypatch.setattr(service.ledger, "probe", counted)

    async def ask() -> None:
        await asyncio.gather(*(service.readiness.found() for _ in range(20)))

    asyncio.run(ask())
    assert len(looks) == 1
