"""What does a client make of a wire that breaks, a service that is busy or none of ours, and a token?"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from elsewhere import Told, Wire
from ledgers import registers, states
from remote import HEAD, JSON, TOKEN, asked
from served import serving

from ledger import (
    Busy,
    Conflict,
    Entry,
    Forbidden,
    IdReused,
    IntegrityError,
    InvalidEvent,
    Ledger,
    LedgerError,
    NotFound,
    Refused,
    RulingRecorded,
    Unavailable,
    UsageError,
)
from ledger.client import Silence
from ledger.client.following import sent_in
from ledger.client.problems import ERRORS, errors_of
from ledger.service import problems

# -- a wire that breaks ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own_id", [None, "mine"])
def test_an_append_whose_answer_was_lost_is_sent_again_and_stands_there_once(url: str, own_id: str | None) -> None:
    claim = f"lost-{own_id or 'none'}"
    with Wire(url) as wire, Ledger.open(wire.url) as ledger:
        seen = ledger.append(registers(claim))
        lost: list[bytes] = []
        wire.loses = lambda answer: b" 201 " in answer and not lost and not lost.append(answer)  # type: ignore[func-returns-value]
        receipt = ledger.append(states(claim), id=own_id, expected=seen)
        assert lost
        assert receipt.position == seen.position + 1
        assert receipt.replayed is (own_id is not None)
        assert [record.id for record in ledger.events(claim=claim)] == [seen.id, receipt.id]


def test_an_answer_that_broke_half_way_is_asked_for_again(seed: tuple[str, str], here: Ledger) -> None:
    with Wire(seed[1]) as wire, Ledger.open(wire.url) as ledger:
        lost: list[bytes] = []
        wire.loses = lambda answer: not lost and not lost.append(answer)  # type: ignore[func-returns-value]
        assert list(ledger.stored()) == list(here.stored())
        assert lost


def test_a_wire_that_stays_broken_is_told_with_what_to_do(url: str) -> None:
    with Wire(url) as wire, Ledger.open(wire.url) as ledger:
        wire.loses = lambda answer: True
        with pytest.raises(Silence, match="try again"):
            ledger.append(registers("broken"))
    with Ledger.open(url) as ledger:
        assert len(list(ledger.events(claim="broken"))) == 1


def test_what_stands_there_is_no_fault_in_a_file_that_is_checked_again(alike: tuple[Ledger, Ledger]) -> None:
    desk = alike[1]
    desk.append(states("x"), id="here")
    stands, other = Entry(event=states("x"), id="here"), Entry(event=states("x", note="other"), id="here")
    found = list(desk.check([stands, *([states("x")] * 1_000), other]))
    assert [(type(error), error.index) for error in found] == [(IdReused, 1_001)]


def test_a_service_that_falls_silent_is_no_fault_of_the_events_that_are_checked(
    alike: tuple[Ledger, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def silent(*args: Any, **options: Any) -> Any:
        asked.append(args)
        raise Silence("nobody answers")

    monkeypatch.setattr(alike[1]._store, "tagged", silent)
    with pytest.raises(Silence):
        list(alike[1].check([states("gone")] * 1_001))
    assert len(asked) == 1


def test_nobody_there_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with Told(HEAD) as told:
        nobody = told.url
    with Ledger.open(nobody) as ledger, pytest.raises(LedgerError, match="see whether `claims serve` runs there"):
        _ = ledger.head
    assert asked(nobody, "status").exit_code == 1
    room = sys.modules["ledger.client.following"]  # the package has a function of that name
    monkeypatch.setattr(room, "_AGAIN_S", (0.01,) * 3)  # not for a minute, as it waits for one that was there
    with Ledger.open(nobody) as ledger, pytest.raises(Silence, match="see whether `claims serve` runs there"):
        next(ledger.follow())


def test_a_follower_skips_nothing_and_doubles_nothing_where_the_wire_breaks(url: str) -> None:
    with Wire(url) as wire, Ledger.open(wire.url) as follower, Ledger.open(url) as writer:
        head, seen = writer.head, list[int]()
        writer.append_all([registers(f"a{n}") for n in range(20)])
        for record in follower.follow(after=head):
            seen.append(record.position - head)
            if seen[-1] in (10, 20, 30):
                wire.cut()
            if seen[-1] in (20, 25, 30):
                writer.append_all([registers(f"{seen[-1]}-{n}") for n in range(5)])
            if seen[-1] == 35:
                break
        assert seen == list(range(1, 36))


def test_a_follower_that_waits_ends_when_it_is_stopped(desk: Ledger) -> None:
    desk.append(registers("x"))
    stop, seen = threading.Event(), list[int]()

    def follow() -> None:
        seen.extend(record.position for record in desk.follow(stop=stop, poll_s=0.05))

    thread = threading.Thread(target=follow)
    thread.start()
    while not seen and thread.is_alive():
        desk.append(registers(f"y{desk.head}"))
        time.sleep(0.05)
        stop.set()
        thread.join(20)
    assert not thread.is_alive()
    assert seen[0] == 1


def test_a_stream_is_read_whatever_its_pieces() -> None:
    first = b': hello\n\nretry: 5\n\nid: a:1\r\nevent: record\r\ndata: {"x":"\xe2\x80\xa8"}\r\n\r\n'
    sent = first + b"id: a:9\nevent: checkpoint\ndata\n\nid: a:10"
    for size in range(1, len(sent)):
        pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
        found = [(one.event, one.data, one.id) for one in sent_in(pieces)]
        assert found == [("record", b'{"x":"\xe2\x80\xa8"}', "a:1"), ("checkpoint", b"", "a:9")]


# -- what a service may say --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status_code", [429, 502, 503, 504])
def test_a_service_that_is_busy_is_asked_again(status_code: int) -> None:
    with Told((status_code, {"Retry-After": "0"}, b""), HEAD) as told, Ledger.open(told.url) as ledger:
        assert ledger.head == 0
        assert len(told.asked) == 2


def test_for_as_long_as_it_says_when_to_come_again() -> None:
    later = (503, {"Retry-After": "1"}, b"")
    with Told(later, HEAD) as told, Ledger.open(told.url) as ledger:
        begun = time.monotonic()
        assert ledger.head == 0
        assert time.monotonic() - begun >= 1.0


def test_but_not_for_ever() -> None:
    busy = (503, {"Retry-After": "0", **JSON}, b'{"type":"/problems/busy","detail":"too much at once"}')
    with Told(busy) as told, Ledger.open(told.url) as ledger:
        with pytest.raises(LedgerError, match="too much at once") as caught:
            _ = ledger.head
        assert isinstance(caught.value, Unavailable)
        assert 2 < len(told.asked) < 10


def test_and_not_where_it_says_to_come_tomorrow() -> None:
    with Told((429, {"Retry-After": "86400"}, b"{}")) as told, Ledger.open(told.url) as ledger:
        with pytest.raises(Busy) as caught:
            _ = ledger.head
        assert (caught.value.retry_after_s, len(told.asked)) == (86_400, 1)


@pytest.mark.parametrize(
    ("status_code", "body"),
    [(200, b"<html>"), (200, b'{"position":"x"}'), (200, b"\xff"), (404, b"<html>"), (500, b""), (200, b"[" * 9_999)],
)
def test_what_is_no_service_of_ours_is_told(status_code: int, body: bytes) -> None:
    with (
        Told((status_code, {}, body)) as told,
        Ledger.open(told.url) as ledger,
        pytest.raises(LedgerError, match=told.url),
    ):
        _ = ledger.head


@pytest.mark.parametrize("status_code", [401, 403])
def test_whoever_is_not_let_in_is_told_so_whoever_answers(status_code: int) -> None:
    for body in (b"<html>", b'{"type":"/problems/unauthorized","detail":"this takes a token"}', b'{"title":"No"}'):
        (error,) = errors_of(status_code, body, "https://desk.example", 1.0)
        assert type(error) is Forbidden


@pytest.mark.parametrize("status_code", [429, 502, 503, 504, 500])
def test_what_may_pass_is_told_apart_whoever_answers(status_code: int) -> None:
    for body in (b"<html>", b'{"type":"/problems/not-ready","detail":"not now"}'):
        (error,) = errors_of(status_code, body, "https://desk.example", 1.0)
        assert isinstance(error, Unavailable) == (status_code != 500)


def test_every_kind_of_problem_comes_back_as_the_error_it_was() -> None:
    for error in (NotFound, Forbidden, Refused, IdReused, Conflict, InvalidEvent, IntegrityError):
        kind = problems.Problem.of(error("why")).kind.name
        assert ERRORS[kind] is error
    assert ERRORS.keys() <= problems.KINDS.keys()


# -- the token ---------------------------------------------------------------------------------------------------------


def test_the_token_goes_to_the_service_and_into_nothing_that_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = (401, JSON, b'{"type":"/problems/unauthorized","detail":"this takes a token"}')
    with Told(refused) as told:
        with Ledger.open(told.url, token=TOKEN) as ledger, pytest.raises(Forbidden, match="CLAIMS_TOKEN") as caught:
            _ = ledger.head
        assert f"authorization: bearer {TOKEN}".encode() in told.asked[0].lower()
        assert TOKEN not in ledger.name + repr(ledger) + str(caught.value)
        monkeypatch.setenv("CLAIMS_TOKEN", "of-the-environment")
        ran = asked(told.url, "status")
        assert b"bearer of-the-environment" in told.asked[1].lower()
        assert "of-the-environment" not in ran.output


def test_a_token_allows_what_it_was_made_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, file = tmp_path / "desk.db", tmp_path / "events.ndjson"
    assert asked(str(path), "init").exit_code == 0
    scopes = {"City desk": ("read", "append"), "robot": ("append",)}
    secrets = {
        name: asked(str(path), "token", "create", name, *(f"--scope={scope}" for scope in given)).stdout.strip()
        for name, given in scopes.items()
    }
    with serving(path) as server:
        with Ledger.open(server.url, token=secrets["City desk"]) as desk:
            receipt = desk.append(states("x"), register=True)
            assert desk.record(receipt.id).recorded_by == "City desk"
            with pytest.raises(Forbidden, match=r"takes the scope 'curate'.*CLAIMS_TOKEN"):
                desk.append(RulingRecorded(claim="x", ruling="refuted", by="Ann", reasons="none"))
        for token in ("", "guessed"):
            with Ledger.open(server.url, token=token) as nobody, pytest.raises(Forbidden, match="CLAIMS_TOKEN"):
                _ = nobody.head
        file.write_text(json.dumps({"type": "claim_registered", "claim": "y", "text": "Y", "id": "y"}))
        monkeypatch.setenv("CLAIMS_TOKEN", secrets["robot"])
        assert "1 new" in asked(server.url, "append", str(file)).stderr
        assert asked(server.url, "status", "y", "--json").exit_code == 1
        monkeypatch.setenv("CLAIMS_TOKEN", "guessed")
        assert asked(server.url, "append", str(file)).exit_code == 1
    with Ledger.open(path) as ledger:
        assert ledger.record("y").recorded_by == "robot"


def test_without_a_token_none_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLAIMS_TOKEN", raising=False)
    with Told(HEAD) as told, Ledger.open(told.url) as ledger:
        assert ledger.head == 0
        assert b"authorization" not in told.asked[0].lower()


def test_nobody_is_led_elsewhere_with_a_token() -> None:
    with Told(HEAD) as other, Told((307, {"Location": f"{other.url}/v1/head"}, b"")) as told:
        with (
            Ledger.open(told.url, token=TOKEN) as ledger,
            pytest.raises(LedgerError, match="redirects are not followed"),
        ):
            _ = ledger.head
        assert not other.asked


def test_the_url_of_the_api_is_the_url_of_its_service() -> None:
    with Told(HEAD) as told, Ledger.open(f"{told.url}/v1/") as ledger:
        assert (ledger.name, ledger.head) == (told.url, 0)
        assert told.asked[0].startswith(b"GET /v1/head ")


@pytest.mark.parametrize(
    "url", [f"http://:{TOKEN}@127.0.0.1:1", f"https://desk:{TOKEN}@example.org", f"http://127.0.0.1:1?token={TOKEN}"]
)
def test_a_url_holds_no_secret(url: str) -> None:
    with pytest.raises(UsageError, match=r"no URL of a service|no secret") as caught:
        Ledger.open(url)
    assert "?" in url or TOKEN not in str(caught.value)


def test_a_token_is_not_sent_in_clear_text_unnoticed() -> None:
    with pytest.warns(UserWarning, match="unencrypted"):
        Ledger.open("http://ledger.example", token=TOKEN).close()
    Ledger.open("https://ledger.example", token=TOKEN).close()


@pytest.mark.parametrize("token", ["two words", "a\nb", "ü"])
def test_what_is_no_token_is_told_without_showing_it(token: str) -> None:
    with pytest.raises(UsageError) as caught:
        Ledger.open("https://ledger.example", token=token)
    assert token not in str(caught.value)


def test_a_file_takes_no_token(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no token"):
        Ledger.open(tmp_path / "desk.db", token=TOKEN)
    assert not list(tmp_path.iterdir())
