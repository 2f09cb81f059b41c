"""How does an event come in over HTTP? All or none, once, in the name of who brings it; every bad one is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec
import pytest
from served import Asked

from ledger import Ledger
from ledger.errors import Busy, Unavailable
from ledger.ledger import MAX_BATCH
from ledger.service import Service, Settings
from ledger.service.problems import KINDS
from ledger.tokens import Tokens

EVENTS = "/v1/events"
NDJSON = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "claims.db", recorded_by="desk") as ledger:
        yield ledger


@pytest.fixture
def asked(ledger: Ledger) -> Iterator[Asked]:
    service = Service(ledger, Settings(max_body=1_000_000))
    yield Asked(service)
    service.close()


def said(claim: str = "dam-leaks", **more: Any) -> dict[str, Any]:
    return {"type": "statement", "claims": [claim], "chain": [{"name": "Ana Ruiz", "kind": "person"}], **more}


def registered(asked: Asked, *claims: str) -> None:
    answer = asked.post(EVENTS, json=[{"type": "claim_registered", "claim": one, "text": one} for one in claims])
    assert answer.status_code == 201, answer.text


def problem(answer: Any, status: int, kind: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = answer.json()
    assert told["type"] == f"/problems/{kind}"
    assert (told["title"], told["status"]) == (KINDS[kind].title, status)
    return told


# -- what comes in -----------------------------------------------------------------------------------------------------


def test_a_batch_gets_a_receipt_for_each_event_and_stands_in_the_ledger(asked: Asked, ledger: Ledger) -> None:
    registered(asked, "dam-leaks")
    answer = asked.post(EVENTS, json=[said(id="e1"), said(id="e2", quote="It leaks.")])
    assert answer.status_code == 201
    receipts = answer.json()["receipts"]
    assert [(one["id"], one["position"], one["replayed"]) for one in receipts] == [("e1", 2, False), ("e2", 3, False)]
    stood = [ledger.record(one["id"]) for one in receipts]
    assert [msgspec.to_builtins(one.recorded_at) for one in stood] == [one["recorded_at"] for one in receipts]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (json.dumps([said(id="e1")]), JSON),
        (json.dumps(said(id="e1")), JSON),
        (json.dumps(said(id="e1")), {"content-type": "application/json; charset=utf-8"}),
        (f"\n {json.dumps([said(id='e1')])}\n", JSON),
        (json.dumps(said(id="e1")), NDJSON),
        (f"{json.dumps(said(id='e1'))}\r\n\r\n", NDJSON),
    ],
)
def test_an_event_comes_in_an_array_alone_or_on_a_line(asked: Asked, body: str, headers: dict[str, str]) -> None:
    registered(asked, "dam-leaks")
    answer = asked.post(EVENTS, content=body, headers=headers)
    assert answer.status_code == 201, answer.text
    assert [one["id"] for one in answer.json()["receipts"]] == ["e1"]


def test_what_was_sent_twice_stands_once(asked: Asked, ledger: Ledger) -> None:
    registered(asked, "dam-leaks")
    first = asked.post(EVENTS, json=[said(id="e1")]).json()["receipts"][0]
    again = asked.post(EVENTS, json=[said(id="e1")])
    assert again.status_code == 200
    assert again.json()["receipts"] == [{**first, "replayed": True}]
    more = asked.post(EVENTS, json=[said(id="e1"), said(id="e2")])
    assert more.status_code == 201
    assert [one["replayed"] for one in more.json()["receipts"]] == [True, False]
    assert ledger.head == 3


def test_a_claim_is_registered_on_the_way_where_that_is_asked_for(asked: Asked, ledger: Ledger) -> None:
    assert asked.post(EVENTS, json=said(), params={"register": "true"}).status_code == 201
    assert ledger.head == 2
    assert asked.post(EVENTS, json=said("dam-holds"), params={"register": "false"}).status_code == 422


def test_a_dry_run_finds_what_is_wrong_and_writes_nothing(asked: Asked, ledger: Ledger) -> None:
    good = asked.post(EVENTS, json=[said()], params={"dry_run": "true", "register": "true"})
    assert (good.status_code, good.json()) == (200, {"receipts": []})
    told = problem(asked.post(EVENTS, json=[said()], params={"dry_run": "true"}), 422, "refused")
    assert [fault["index"] for fault in told["errors"]] == [0]
    assert ledger.head == 0


# -- what does not -----------------------------------------------------------------------------------------------------


def test_every_bad_event_is_told_by_place_and_pointer_and_nothing_is_written(asked: Asked, ledger: Ledger) -> None:
    registered(asked, "dam-leaks")
    batch = [
        said(),
        said(claims=["Dam Leaks"]),
        {"type": "rumour"},
        said("dam-holds"),
        said(chain=[{"name": "Ana Ruiz", "kind": "person", "mood": "x"}]),
        said(**{"a/b~c": 1}),
        {"type": "record_voided", "target": "e9", "why": "x"},
    ]
    told = problem(asked.post(EVENTS, json=batch), 422, "invalid-event")
    assert [(fault["pointer"], fault["type"].rpartition("/")[2]) for fault in told["errors"]] == [
        ("/1/claims/0", "invalid-event"),
        ("/2/type", "invalid-event"),
        ("/3/claims/0", "not-found"),
        ("/4/chain/0/mood", "invalid-event"),
        ("/5/a~1b~0c", "invalid-event"),
        ("/6/target", "not-found"),
    ]
    assert [fault["index"] for fault in told["errors"]] == [1, 2, 3, 4, 5, 6]
    assert all(fault["detail"] for fault in told["errors"])
    assert ledger.head == 1


def test_where_rules_alone_forbid_some_each_of_them_is_told(asked: Asked, ledger: Ledger) -> None:
    registered(asked, "dam-leaks")
    batch = [said("dam-holds"), said(), said("river-rises")]
    told = problem(asked.post(EVENTS, json=batch), 422, "refused")
    assert [fault["index"] for fault in told["errors"]] == [0, 2]
    assert ledger.head == 1


def test_a_key_that_stands_twice_is_no_event(asked: Asked) -> None:
    body = json.dumps([said(id="e1")]).replace('"id"', '"id": "e0", "id"')
    told = problem(asked.post(EVENTS, content=body, headers=JSON), 422, "invalid-event")
    assert "twice" in told["errors"][0]["detail"]


def test_nobody_records_in_the_name_of_another(asked: Asked, ledger: Ledger) -> None:
    registered(asked, "dam-leaks")
    told = problem(asked.post(EVENTS, json=[said(), said(recorded_by="boss")]), 422, "invalid-event")
    assert [fault["pointer"] for fault in told["errors"]] == ["/1/recorded_by"]
    assert ledger.head == 1


def test_an_id_that_is_taken_names_where_it_stands(asked: Asked, ledger: Ledger) -> None:
    registered(asked, "dam-leaks")
    asked.post(EVENTS, json=[said(id="e1")])
    told = problem(asked.post(EVENTS, json=[said(), said(id="e1", quote="It does not.")]), 409, "id-reused")
    assert told["positions"] == [2]
    assert "head" not in told, "nothing was expected"
    assert [fault["index"] for fault in told["errors"]] == [1]
    assert ledger.head == 2


def test_who_was_overtaken_is_told_by_what(asked: Asked, ledger: Ledger) -> None:
    registered(asked, "dam-leaks", "dam-holds")
    asked.post(EVENTS, json=[said(), said("dam-holds"), said()])
    told = problem(asked.post(EVENTS, json=said(), params={"expected": 2}), 412, "overtaken")
    assert (told["positions"], told["head"]) == ([3, 5], 5)
    assert asked.post(EVENTS, json=said(), params={"expected": told["head"]}).status_code == 201
    assert ledger.head == 6


def test_half_of_a_character_is_said_to_be_that(asked: Asked) -> None:
    body = '[{"type": "claim_registered", "claim": "dam", "text": "\\ud800"}]'
    told = problem(asked.post(EVENTS, content=body, headers=JSON), 400, "not-json")
    assert "half of a surrogate pair" in told["detail"]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ("", JSON),
        ("[", JSON),
        ("[{}] []", JSON),
        ("{} {}", JSON),
        ('[{"type": NaN}]', JSON),
        ("{'type': 1}", JSON),
        ("{}\n{", NDJSON),
        (b'[{"type": "\xff"}]', JSON),
        (b'{"type": "\xed\xa0\x80"}', NDJSON),
        ("[" * 10_000 + "]" * 10_000, JSON),
        ('{"a":' * 10_000 + "1" + "}" * 10_000, NDJSON),
    ],
)
def test_what_is_not_json_is_said_to_be_that(asked: Asked, body: str | bytes, headers: dict[str, str]) -> None:
    problem(asked.post(EVENTS, content=body, headers=headers), 400, "not-json")


@pytest.mark.parametrize("depth", [70, 500])
def test_what_is_json_but_too_deep_is_no_event(asked: Asked, depth: int) -> None:
    deep = f'{{"type":"record_amended","target":"e1","why":"x","changes":{{"note":{"[" * depth}{"]" * depth}}}}}'
    told = problem(asked.post(EVENTS, content=deep, headers=JSON), 422, "invalid-event")
    assert "nested" in told["errors"][0]["detail"]


@pytest.mark.parametrize("number", [0, MAX_BATCH + 1])
def test_a_batch_is_neither_empty_nor_too_long(asked: Asked, number: int) -> None:
    told = problem(asked.post(EVENTS, json=[1] * number), 400, "usage")
    assert "1 to 1,000" in told["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data; boundary=application/json"},
        {"content-type": "application/jsonx"},
        {**JSON, "content-encoding": "gzip"},
    ],
)
def test_a_body_of_another_type_is_not_looked_at(asked: Asked, headers: dict[str, str]) -> None:
    problem(asked.post(EVENTS, content=json.dumps(said()), headers=headers), 415, "media-type")


@pytest.mark.parametrize(
    "params",
    [
        {"expected": "-1"},
        {"expected": "now"},
        {"expected": "٣"},
        {"expected": "9" * 30},
        {"expected": 1},  # past the head
        {"register": "yes"},
        {"dry_run": ""},
        {"dry_run": "true", "expected": 0},
        {"dryrun": "true"},
        {"dry_run": ["false", "true"]},
        {"expected": [1, 0]},
    ],
)
def test_an_append_that_makes_no_sense_writes_nothing(asked: Asked, ledger: Ledger, params: dict[str, Any]) -> None:
    registration = {"type": "claim_registered", "claim": "dam-leaks", "text": "x"}
    problem(asked.post(EVENTS, json=registration, params=params), 400, "usage")
    assert ledger.head == 0


def test_no_more_claims_are_registered_on_the_way_than_others_can_wait_for(asked: Asked, ledger: Ledger) -> None:
    def batch(number: int) -> list[dict[str, Any]]:
        claims = [f"c{n}" for n in range(number)]
        return [{**said(), "claims": claims[n : n + 200]} for n in range(0, number, 200)]

    told = problem(asked.post(EVENTS, json=batch(10_001), params={"register": "true"}), 400, "usage")
    assert "10,000 claims at most" in told["detail"]
    assert ledger.head == 0
    assert asked.post(EVENTS, json=batch(1_000), params={"register": "true"}).status_code == 201


def test_when_too_many_wait_the_next_is_told_when_to_come_again(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> Future[Any]:
        raise Busy("1,000 wait", 1.2)

    monkeypatch.setattr(asked.service.writer, "submit", full)
    answer = asked.post(EVENTS, json=said())
    problem(answer, 429, "busy")
    assert answer.headers["retry-after"] == "2"


def test_an_append_that_its_disk_refuses_is_not_answered_as_if_it_stood(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> Future[Any]:
        answer: Future[Any] = Future()
        answer.set_exception(OSError("secret path"))
        return answer

    monkeypatch.setattr(asked.service.writer, "submit", broken)
    answer = asked.post(EVENTS, json=said())
    problem(answer, 500, "failure")
    assert "secret path" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_who_appends_while_the_disk_is_full_is_told_to_come_again_and_not_where_it_is(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> Future[Any]:
        raise Unavailable("/secret/claims.db is full, nothing was written")

    monkeypatch.setattr(asked.service.writer, "submit", full)
    answer = asked.post(EVENTS, json=said())
    assert "cannot be read or written now" in problem(answer, 503, "not-ready")["detail"]
    assert answer.headers["retry-after"] == "5"
    assert "secret" not in answer.text
    monkeypatch.undo()
    assert asked.post(EVENTS, json=said(), params={"register": "true"}).status_code == 201


# -- who brings it -----------------------------------------------------------------------------------------------------


def test_whoever_holds_the_token_stands_as_the_one_who_recorded(asked: Asked, ledger: Ledger) -> None:
    registered(asked, "dam-leaks")
    assert ledger.record(next(iter(ledger.events())).id).recorded_by == "desk"
    asked.service.tokens = Tokens.beside(ledger.name)
    headers = {
        name: {"authorization": f"Bearer {asked.service.tokens.create(name, ['append'])}"} for name in ("Ana", "Ben")
    }
    asked.post(EVENTS, json=said(id="e1"), headers=headers["Ana"])
    assert ledger.record("e1").recorded_by == "Ana"
    assert asked.post(EVENTS, json=said(id="e1"), headers=headers["Ana"]).status_code == 200
    told = problem(asked.post(EVENTS, json=said(id="e1"), headers=headers["Ben"]), 409, "id-reused")
    assert "(recorded by Ana on " in told["detail"]
    assert told["detail"].endswith("there is nothing to append")
