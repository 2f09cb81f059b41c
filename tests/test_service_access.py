"""Who gets in, and how far? Tokens by scope; without any, this machine alone; from a browser, only pages of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from served import Asked

from ledger import Ledger, UsageError
from ledger.cli import main
from ledger.events import TYPES
from ledger.service import Service, Settings
from ledger.service.access import COOKIE, SCOPE_OF
from ledger.service.guard import Pace, is_of_this_machine
from ledger.service.problems import Problem
from ledger.tokens import SCOPES, Tokens

EVENTS = "/v1/events"
REGISTRATION = {"type": "claim_registered", "claim": "dam-leaks", "text": "The dam leaks."}
VOID = {"type": "record_voided", "target": "e1", "why": "A slip."}
OWN_PAGE = {"origin": "http://localhost"}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "claims.db") as ledger:
        yield ledger


@pytest.fixture
def tokens(ledger: Ledger) -> Tokens:
    return Tokens.beside(ledger.name)


@pytest.fixture
def serve(ledger: Ledger, tokens: Tokens) -> Iterator[Any]:
    services = []

    def start(**settings: Any) -> Asked:
        services.append(Service(ledger, Settings(**settings), tokens))
        return Asked(services[-1])

    yield start
    for service in services:
        service.close()


def bearing(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


# -- tokens and scopes -------------------------------------------------------------------------------------------------


def test_until_a_token_was_made_whoever_is_on_this_machine_may_do_everything(serve: Any) -> None:
    asked = serve()
    assert asked.get("/v1/claims").status_code == 200
    assert asked.post(EVENTS, json=[{**REGISTRATION, "id": "e1"}, VOID]).status_code == 201


def test_once_a_token_was_made_nobody_gets_in_without_one(serve: Any, tokens: Tokens) -> None:
    asked = serve()
    assert asked.get("/v1/claims").status_code == 200
    secret = tokens.create("desk", ["admin"])
    for headers in ({}, {"authorization": secret}, {"authorization": f"Basic {secret}"}, bearing(secret + "x")):
        answer = asked.get("/v1/claims", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Bearer ")
        assert answer.json()["type"] == "/problems/unauthorized"
    assert asked.get("/v1/claims", headers=bearing(secret)).status_code == 200
    tokens.revoke("desk")
    assert asked.get("/v1/claims", headers=bearing(secret)).status_code == 401
    assert asked.get("/v1/claims").status_code == 401


@pytest.mark.parametrize("open_to_anybody", [False, True])
def test_when_the_tokens_cannot_be_read_nobody_gets_in(serve: Any, tokens: Tokens, open_to_anybody: bool) -> None:
    asked = serve(open_to_anybody=open_to_anybody)
    Path(tokens.path).write_bytes(b"{")
    for answer in (asked.get("/v1/claims"), asked.post(EVENTS, json=REGISTRATION)):
        assert (answer.status_code, answer.json()["type"]) == (500, "/problems/integrity")
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_token_that_lacks_a_scope_is_told_which(serve: Any, tokens: Tokens, ledger: Ledger) -> None:
    asked = serve()
    held = {scope: bearing(tokens.create(scope, [scope])) for scope in SCOPES}

    def status(scope: str, *request: Any, **rest: Any) -> int:
        answer = asked.request(*request, headers=held[scope], **rest)
        if answer.status_code == 403:
            assert f'scope="{answer.json()["scope"]}"' in answer.headers["www-authenticate"]
        return int(answer.status_code)

    assert [status(scope, "GET", "/v1/claims") for scope in SCOPES] == [200, 403, 403, 200]
    wrong = {**REGISTRATION, "claim": "A B"}
    assert [status(scope, "POST", EVENTS, json=wrong) for scope in SCOPES] == [403, 422, 422, 422]
    assert status("append", "POST", EVENTS, json={**REGISTRATION, "id": "e1"}) == 201
    assert [status(scope, "POST", EVENTS, json=VOID) for scope in SCOPES] == [403, 403, 201, 422]
    assert ledger.head == 2


def test_one_event_that_takes_another_scope_stops_the_whole_batch(serve: Any, tokens: Tokens, ledger: Ledger) -> None:
    headers = bearing(tokens.create("desk", ["read", "append"]))
    answer = serve().post(EVENTS, json=[{**REGISTRATION, "id": "e1"}, VOID], headers=headers)
    assert answer.status_code == 403
    assert answer.json()["scope"] == "curate"
    assert ledger.head == 0


def test_what_it_takes_to_append_is_settled_for_every_type() -> None:
    assert SCOPE_OF.keys() == TYPES.keys()
    assert set(SCOPE_OF.values()) == {"append", "curate"}
    acts = {"statement", "denial", "assessment", "retraction", "correction"}
    assert {SCOPE_OF[tag] for tag in acts} == {"append"}
    desk = {"claims_related", "ruling_recorded", "record_amended", "record_voided", "source_registered"}
    assert {SCOPE_OF[tag] for tag in desk} == {"curate"}


# -- browsers ----------------------------------------------------------------------------------------------------------


def test_a_cookie_counts_for_reading_and_for_what_a_page_of_this_service_sends(serve: Any, tokens: Tokens) -> None:
    asked = serve()
    cookie = {"cookie": f"{COOKIE}={tokens.create('desk', ['read', 'append'])}"}
    assert asked.get("/v1/claims", headers=cookie).status_code == 200
    assert asked.post(EVENTS, json=REGISTRATION, headers=cookie).status_code == 401
    assert asked.post(EVENTS, json=REGISTRATION, headers={**cookie, **OWN_PAGE}).status_code == 201


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:81"},
        {"origin": "http://localhost.evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "localhost"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
    ],
)
def test_no_page_of_another_origin_writes_here(serve: Any, tokens: Tokens, ledger: Ledger, headers: Any) -> None:
    asked = serve()
    answer = asked.post(EVENTS, json=REGISTRATION, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (403, "/problems/elsewhere")
    secret = tokens.create("desk", ["admin"])
    for shown in (bearing(secret), {"cookie": f"{COOKIE}={secret}"}):
        assert asked.post(EVENTS, json=REGISTRATION, headers={**headers, **shown}).status_code == 403
    assert ledger.head == 0


@pytest.mark.parametrize("headers", [{}, OWN_PAGE, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}])
def test_programs_and_its_own_pages_do(serve: Any, headers: Any) -> None:
    assert serve().post(EVENTS, json=REGISTRATION, headers=headers).status_code == 201


def test_other_origins_may_ask_where_they_are_named_and_only_they(serve: Any) -> None:
    desk, other = {"origin": "https://desk.example"}, {"origin": "https://other.example"}
    preflight = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    allowed = "access-control-allow-origin"
    closed, opened = serve(), serve(origins=("https://desk.example",))
    for asked, headers in ((closed, desk), (closed, other), (opened, other)):
        assert allowed not in asked.get("/v1/claims", headers=headers).headers
        assert allowed not in asked.request("OPTIONS", EVENTS, headers={**headers, **preflight}).headers
        assert asked.post(EVENTS, json=REGISTRATION, headers=headers).status_code == 403
    assert opened.get("/v1/claims", headers=desk).headers[allowed] == "https://desk.example"
    assert opened.request("OPTIONS", EVENTS, headers={**desk, **preflight}).headers[allowed] == "https://desk.example"
    assert opened.post(EVENTS, json=REGISTRATION, headers=desk).status_code == 201


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "[2001:db8::1]:80", ""]
)
def test_a_name_that_leads_here_from_elsewhere_is_not_answered(serve: Any, tokens: Tokens, host: str) -> None:
    asked = serve()
    answer = asked.get("/v1/claims", headers={"host": host})
    assert (answer.status_code, answer.json()["type"]) == (421, "/problems/misdirected")
    # Whoever has a token did not come by a trick; a browser sends none to another name.
    headers = {"host": host, **bearing(tokens.create("desk", ["read"]))}
    assert asked.get("/v1/claims", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "localhost:8000", "127.0.0.1:1", "127.9.9.9", "[::1]:8000", "[::1]"])
def test_this_machine_is_known_by_its_names(serve: Any, host: str) -> None:
    assert serve().get("/v1/claims", headers={"host": host}).status_code == 200


def test_open_to_anybody_is_open_by_any_name(serve: Any) -> None:
    assert serve(open_to_anybody=True).get("/v1/claims", headers={"host": "desk.example"}).status_code == 200


# -- where it listens --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "desk.example", ""])
def test_without_tokens_nobody_beyond_this_machine_is_served_unless_told_so(tmp_path: Path, host: str) -> None:
    db = tmp_path / "claims.db"
    result = CliRunner().invoke(main, ["--db", str(db), "serve", "--host", host])
    assert result.exit_code == 2
    assert "--open-to-anybody" in result.stderr
    assert not db.exists()


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings of what would be served."""
    settings: list[Settings] = []
    monkeypatch.setattr("ledger.service.server.run", lambda service, *_: settings.append(service.settings))
    return settings


def served(db: Path, *options: str, code: int = 0) -> None:
    result = CliRunner().invoke(main, ["--db", str(db), "serve", *options])
    assert result.exit_code == code, result.output


@pytest.mark.parametrize("way", ["tokens", "flag"])
def test_with_tokens_or_told_so_it_listens_where_it_is_told(tmp_path: Path, heard: list[Settings], way: str) -> None:
    db = tmp_path / "claims.db"
    Ledger.open(db).close()
    if way == "tokens":
        Tokens.beside(db).create("desk", ["read"])
    served(db, "--host", "0.0.0.0", *(["--open-to-anybody"] if way == "flag" else []))
    assert [(one.host, one.open_to_anybody) for one in heard] == [("0.0.0.0", way == "flag")]


def test_who_serves_says_which_origins_may_ask_and_how_often_anybody(tmp_path: Path, heard: list[Settings]) -> None:
    db = tmp_path / "claims.db"
    origins = ("https://desk.example", "http://localhost:3000")
    served(db, *(word for origin in origins for word in ("--allow-origin", origin)), "--requests-per-s", "2.5")
    assert [(one.origins, one.requests_per_s) for one in heard] == [(origins, 2.5)]
    for wrong in ("*", "https://*.example", "desk.example", "https://desk.example/", "null"):
        served(db, "--allow-origin", wrong, code=2)
    for pace in ("0", "nan", "1e-300", "inf"):
        served(db, "--requests-per-s", pace, code=2)
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("page", 0), ("page", 1_001), ("page", 2.5), ("max_body", -1), ("max_waiting", True), ("port", 65_536)),
        *(("requests_per_s", -5.0), ("requests_per_s", math.nan), ("wait_s", -1), ("fold_s", math.nan)),
        *(("body_s", math.inf), ("log", "xml"), ("origins", "https://desk.example")),
        *(("stream_heartbeat_s", 0), ("stream_patience_s", 0)),
    ],
)
def test_a_service_is_not_made_of_a_setting_that_makes_no_sense(ledger: Ledger, name: str, value: Any) -> None:
    with pytest.raises(UsageError, match=rf"^the setting {name} cannot be .+: (expected|invalid) "):
        Service(ledger, Settings(**{name: value}))


def test_this_machine_is_what_loops_back() -> None:
    assert all(map(is_of_this_machine, ("localhost", "LocalHost", "127.0.0.1", "127.1.2.3", "::1", "[::1]")))
    assert not any(map(is_of_this_machine, ("", "0.0.0.0", "::", "10.0.0.1", "localhost.example", "127.1", "x")))


# -- how much ----------------------------------------------------------------------------------------------------------


def test_a_caller_who_asks_too_often_waits_and_others_do_not(serve: Any, tokens: Tokens) -> None:
    asked = serve(requests_per_s=2.0)
    ana, ben = (bearing(tokens.create(name, ["read"])) for name in ("Ana", "Ben"))
    assert [asked.get("/v1/claims", headers=ana).status_code for _ in range(3)] == [200, 200, 429]
    answer = asked.get("/v1/claims", headers=ana)
    assert (answer.headers["retry-after"], answer.json()["type"]) == ("1", "/problems/busy")
    assert asked.get("/v1/claims", headers=ben).status_code == 200
    # A made-up token is no way to a share of one's own.
    wrong = [asked.get("/v1/claims", headers=bearing(f"wrong {n}")).status_code for n in range(3)]
    assert wrong == [401, 401, 429]


def test_who_waited_may_ask_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("ledger.service.guard.time.monotonic", lambda: now[0])
    pace = Pace(0.5)
    pace.check("a")
    with pytest.raises(Problem) as refused:
        pace.check("a")
    assert refused.value.headers["Retry-After"] == "2"
    now[0] = 1.0
    with pytest.raises(Problem):
        pace.check("a")
    now[0] = 2.0
    pace.check("a")


def test_callers_are_not_remembered_without_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ledger.service.guard._REMEMBERED", 3)
    pace = Pace(1.0)
    for number in range(10):
        pace.check(str(number))
    assert len(pace._left) == 3


# -- headers -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "url", "headers"),
    [
        ("GET", "/v1/claims", {}),
        ("GET", "/v1/claims/none", {}),
        ("GET", "/nowhere", {}),
        ("DELETE", "/v1/claims", {}),
        ("POST", EVENTS, {}),
        ("POST", EVENTS, {"origin": "null"}),
        ("GET", "/v1/claims", {"host": "evil.example"}),
    ],
)
def test_every_answer_tells_a_browser_to_trust_nothing(serve: Any, method: str, url: str, headers: Any) -> None:
    answer = serve().request(method, url, headers=headers)
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "strict-transport-security" not in answer.headers
    assert "access-control-allow-origin" not in answer.headers
    secure = serve().request(method, f"https://localhost{url}", headers=headers)
    assert secure.headers["strict-transport-security"]


@pytest.mark.parametrize("url", ["/reference", "/v1/claims"])
def test_that_nothing_changed_leaves_the_policy_of_what_was_kept(serve: Any, url: str) -> None:
    asked = serve()
    first = asked.request("GET", url)
    again = asked.request("GET", url, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert "content-security-policy" in first.headers
    assert "content-security-policy" not in again.headers
