"""Is the view kept up and are long folds done beside the service, once each, and does nothing outlive it?"""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from asker import Asker

import ledger
from ledger import ClaimRegistered, Denial, Ledger, Link, Statement, UsageError
from ledger.service import Service, Settings, owing, processes, service
from ledger.service.answers import Answer
from ledger.service.problems import NotYet, Overloaded
from ledger.service.questions import OfSubject, TooMuch
from ledger.service.readers import Readers
from projections import board, status, timeline
from projections.views import Views
from projections.views.file import discard

PATIENCE_S = 30.0


def comes(condition: Callable[[], Any]) -> bool:
    """Whether something becomes so before long."""
    ends = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(0.05)
    return True


def children(of: int, module: str) -> list[int]:
    """The processes of a module of the service that a process has started, and that still run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent, state = _stat(entry)
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == of and state != "Z" and f"ledger.service.{module}".encode() in words:
                found.append(int(entry.name))
    return found


def _stat(entry: Path) -> tuple[int, str]:
    state, parent, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
    return int(parent), state


def runs(pid: int) -> bool:
    try:
        return _stat(Path(f"/proc/{pid}"))[1] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Ledger]:
    """A claim on which a dozen speak, in a file."""
    with Ledger.open(tmp_path / "a.db") as made:
        made.append(ClaimRegistered(claim="contested", text="It is contested."))
        for number in range(12):
            event = (Statement, Denial)[number % 2]
            made.append(
                event(
                    claims=("contested",), said_at=f"2024-10-{number + 1:02}", chain=(Link(name=f"Speaker {number}"),)
                )
            )
        yield made


@pytest.fixture
def asker(book: Ledger) -> Iterator[Asker]:
    with Asker(book, Settings(wait_s=PATIENCE_S), started=True) as made:
        yield made


# -- the view ----------------------------------------------------------------------------------------------------------


def test_the_board_is_kept_up_by_a_process_of_its_own(book: Ledger, asker: Asker) -> None:
    assert asker.get("/v1/claims?wait_for=13").content == msgspec.json.encode(book.state(board))
    receipt = book.append(ClaimRegistered(claim="newer", text="It is newer."))
    found = asker.get(f"/v1/claims?wait_for={receipt.position}")
    assert [row["claim"] for row in found.json()["claims"]] == ["contested", "newer"]
    assert asker.get("/v1/head").json()["view"] == receipt.position
    assert asker.service.lag() == 0
    assert len(children(os.getpid(), "keeper")) == 1


def test_a_board_that_nobody_has_made_yet_is_not_an_empty_one(book: Ledger) -> None:
    with Asker(book, Settings(wait_s=0.0), started=True) as asker:
        found = asker.get("/v1/claims")
        if found.status_code == 503:  # it may have been quick
            assert found.headers["retry-after"] == "1"
            assert found.json()["type"] == "/problems/not-yet"
        else:
            assert found.json()["claims"]


def test_a_cut_that_the_view_has_not_come_to_is_waited_for(book: Ledger, asker: Asker) -> None:
    assert asker.get("/v1/claims?wait_for=13").status_code == 200
    [keeper] = children(os.getpid(), "keeper")
    os.kill(keeper, signal.SIGSTOP)
    position = book.append(ClaimRegistered(claim="newer", text="It is newer.")).position
    threading.Timer(0.3, os.kill, (keeper, signal.SIGCONT)).start()
    at_once, later = asker.get_all("/v1/claims", f"/v1/claims?as_of={position}")
    assert at_once.json()["as_of"]["position"] == 13
    assert later.json()["as_of"]["position"] == position


def test_a_view_that_is_behind_for_too_long_is_told_so(book: Ledger) -> None:
    with Asker(book, Settings(wait_s=0.2), started=True) as asker:
        assert comes(lambda: asker.get("/v1/claims").status_code == 200)
        [keeper] = children(os.getpid(), "keeper")
        os.kill(keeper, signal.SIGSTOP)
        position = book.append(ClaimRegistered(claim="newer", text="It is newer.")).position
        behind = asker.get(f"/v1/claims?wait_for={position}")
        assert (behind.status_code, behind.headers["retry-after"]) == (503, "1")
        assert asker.get(f"/v1/claims/newer?wait_for={position}").status_code == 200, "it is read from the ledger"
        assert asker.service.lag() == 1
        os.kill(keeper, signal.SIGCONT)


def test_a_keeper_that_was_killed_is_followed_by_another(book: Ledger, asker: Asker) -> None:
    assert asker.get("/v1/claims?wait_for=13").status_code == 200
    [keeper] = children(os.getpid(), "keeper")
    os.kill(keeper, signal.SIGKILL)
    receipt = book.append(ClaimRegistered(claim="newer", text="It is newer."))
    assert asker.get(f"/v1/claims?wait_for={receipt.position}").status_code == 200
    assert children(os.getpid(), "keeper") != [keeper]


def fails_once(monkeypatch: pytest.MonkeyPatch, module: str) -> list[str]:
    """Has the machine no process to spare for the first of a module of the service; tells of each that it started."""
    start, failed, started = asyncio.create_subprocess_exec, list[str](), list[str]()

    async def starting(*words: str, **more: Any) -> asyncio.subprocess.Process:
        if not failed and words[3] == f"ledger.service.{module}":
            failed.append(module)
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        started.append(words[3])
        return await start(*words, **more)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", starting)
    return started


def test_a_keeper_that_could_not_be_started_is_followed_by_another(
    book: Ledger, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    started = fails_once(monkeypatch, "keeper")
    with Asker(book, Settings(wait_s=PATIENCE_S), started=True) as asker:
        assert asker.get("/v1/claims?wait_for=13").status_code == 200
        assert started == ["ledger.service.keeper"]
    assert "no process could be started that keeps up the view" in caplog.text


def test_a_service_whose_keeper_could_not_be_started_ends_in_good_order(
    book: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = fails_once(monkeypatch, "keeper")
    monkeypatch.setattr(processes, "_AGAIN_S", PATIENCE_S)
    with Asker(book, started=True) as asker:
        assert asker.get("/v1/head").status_code == 200
    assert not started


def test_a_view_that_was_deleted_is_made_anew_and_nobody_reads_on_in_the_old_one(book: Ledger, asker: Asker) -> None:
    assert asker.get("/v1/claims?wait_for=13").status_code == 200
    view = Path(f"{book.name}.views")
    view.unlink()
    assert comes(lambda: asker.get("/v1/head") and view.exists())
    position = book.append(ClaimRegistered(claim="newer", text="It is newer.")).position
    found = asker.get(f"/v1/claims?as_of={position}")
    assert [row["claim"] for row in found.json()["claims"]] == ["contested", "newer"]


@pytest.mark.parametrize("all_of_it", [True, False])
def test_a_view_that_is_damaged_is_made_anew_and_nobody_is_told_what_it_says(book: Ledger, all_of_it: bool) -> None:
    with Views.open(book) as view:
        view.catch_up()
        [(page,)] = view._connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'row'").fetchall()
    path = Path(f"{book.name}.views")
    begins, ends = (4096, path.stat().st_size) if all_of_it else ((page - 1) * 4096, page * 4096)
    with path.open("r+b") as file:
        file.seek(begins)
        file.write(b"\xff" * (ends - begins))
    answers = []
    with Asker(book, Settings(wait_s=0.2), started=True) as asker:
        assert comes(lambda: answers.append(asker.get("/v1/claims")) or answers[-1].status_code == 200)
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert answers[-1].content == msgspec.json.encode(book.state(board))


# -- long folds --------------------------------------------------------------------------------------------------------


def test_what_many_records_bear_on_is_folded_by_another_process(
    book: Ledger, asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    light = asker.get("/v1/claims/contested").content
    assert not children(os.getpid(), "worker"), "nobody needed one"
    monkeypatch.setattr(service, "_FEW", 5)
    found = asker.get("/v1/claims/contested?as_of=12").content
    assert found == msgspec.json.encode(book.state(status, "contested", as_of=12))
    assert len(children(os.getpid(), "worker")) == 1
    assert asker.get("/v1/claims/contested").content == light
    history = asker.get("/v1/claims/contested/history").content
    assert history == msgspec.json.encode(book.state(timeline.said, "contested"))


def test_a_few_records_are_not_too_much_and_one_more_is(book: Ledger, asker: Asker) -> None:
    question = OfSubject(about="status", subject="contested", as_of=13)
    needed = 13
    assert question.answer(asker.service.readers, needed) == question.answer(asker.service.readers)
    with pytest.raises(TooMuch):
        question.answer(asker.service.readers, needed - 1)


def test_a_board_by_what_had_been_said_is_folded_once_and_then_read(book: Ledger, asker: Asker) -> None:
    cut = "said_by=2024-10-05"
    assert asker.get("/v1/claims?wait_for=13").status_code == 200
    assert asker.get(f"/v1/claims?{cut}").content == msgspec.json.encode(book.state(board, said_by="2024-10-05"))
    [worker] = children(os.getpid(), "worker")
    os.kill(worker, signal.SIGKILL)
    assert comes(lambda: not runs(worker))
    assert asker.get(f"/v1/claims?{cut}&order=acts").status_code == 200
    assert not children(os.getpid(), "worker"), "the view has kept it"


def test_what_goes_wrong_in_another_process_is_told_as_here(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    here = asker.get("/v1/claims/nobody-said-so")
    monkeypatch.setattr(service, "_FEW", -1)
    asker.service._heavy.update({("status", "nobody-said-so-either"), ("source", "nobody")})
    there = asker.get("/v1/claims/nobody-said-so-either")
    assert (there.status_code, there.json()["type"]) == (404, "/problems/not-found")
    assert there.json()["detail"] == here.json()["detail"].replace("nobody-said-so", "nobody-said-so-either")
    assert asker.get("/v1/sources/nobody").status_code == 404


def test_a_worker_that_was_killed_is_followed_by_another(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_FEW", 5)
    first = asker.get("/v1/claims/contested?as_of=12").content
    [worker] = children(os.getpid(), "worker")
    os.kill(worker, signal.SIGKILL)
    assert comes(lambda: not runs(worker))
    assert asker.get("/v1/claims/contested?as_of=11").status_code == 200
    asker.service.answers.__init__(10, 10)  # type: ignore[misc]
    assert asker.get("/v1/claims/contested?as_of=12").content == first


def test_who_asks_while_no_worker_can_be_started_is_told_to_come_again(
    asker: Asker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert asker.get("/v1/claims?wait_for=13").status_code == 200
    monkeypatch.setattr(service, "_FEW", 5)
    fails_once(monkeypatch, "worker")
    answer = asker.get("/v1/claims/contested")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert answer.json()["type"] == "/problems/not-ready"
    assert asker.get("/v1/claims/contested").status_code == 200


class Slow:
    """A question that is answered when it is told to be; how often it was asked is counted."""

    kin = ("slow",)

    def __init__(self) -> None:
        self.asked = 0
        self.go_on = threading.Event()

    def answer(self, readers: Any, few: int | None = None) -> bytes:
        self.asked += 1
        assert self.go_on.wait(PATIENCE_S)
        return b"at last"


@pytest.fixture
def resting() -> Iterator[Callable[[Settings], Service]]:
    """Services over an empty ledger in memory."""
    made: list[Service] = []

    def make(settings: Settings) -> Service:
        made.append(Service(Ledger.open(":memory:"), settings))
        return made[-1]

    yield make
    for one in made:
        one.close()
        one.ledger.close()


def test_the_same_question_is_asked_once_however_many_ask(resting: Callable[[Settings], Service]) -> None:
    served, question = resting(Settings()), Slow()

    async def ask() -> list[Answer]:
        asking = [asyncio.create_task(served.answer(question)) for _ in range(50)]  # type: ignore[arg-type]
        await asyncio.sleep(0.05)
        question.go_on.set()
        return [*await asyncio.gather(*asking), await served.answer(question)]  # type: ignore[arg-type]

    assert {answer.body for answer in asyncio.run(ask())} == {b"at last"}
    assert question.asked == 1


def test_who_is_told_to_ask_again_finds_the_answer_then(resting: Callable[[Settings], Service]) -> None:
    served, question = resting(Settings(answer_s=0.05)), Slow()

    async def ask() -> Answer:
        for _ in range(2):
            with pytest.raises(NotYet):
                await served.answer(question)  # type: ignore[arg-type]
        question.go_on.set()
        await asyncio.sleep(0.05)
        return await served.answer(question)  # type: ignore[arg-type]

    assert asyncio.run(ask()).body == b"at last"
    assert question.asked == 1, "nobody began anew"


def test_more_than_may_wait_is_refused_at_once(resting: Callable[[Settings], Service]) -> None:
    served, one, other = resting(Settings(max_asked=1)), Slow(), Slow()

    async def ask() -> None:
        first = asyncio.create_task(served.answer(one))  # type: ignore[arg-type]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await served.answer(other)  # type: ignore[arg-type]
        one.go_on.set()
        other.go_on.set()
        await first
        await served.answer(other)  # type: ignore[arg-type]

    asyncio.run(ask())
    assert (one.asked, other.asked) == (1, 1)


def test_no_more_folds_wait_than_may(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_FEW", 5)
    with Asker(book, Settings(workers=1, max_folds_waiting=1), started=True) as asker:
        found = asker.get_all(*(f"/v1/claims/contested?as_of={position}" for position in range(8, 14)))
        assert sorted(answer.status_code for answer in found) == [200, 200, 503, 503, 503, 503]
        assert {answer.headers.get("retry-after") for answer in found if answer.status_code == 503} == {"2"}
        assert asker.get("/v1/claims/contested?as_of=13").status_code == 200


def test_a_fold_that_takes_too_long_is_given_up(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_FEW", 5)
    with Asker(book, Settings(fold_s=0.001), started=True) as asker:
        assert asker.get("/v1/claims/contested").status_code == 503
        assert comes(lambda: not children(os.getpid(), "worker"))


class SlowBoards:
    """Folds of boards by what had been said that end when they are told to; at which positions is noted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folded: list[int] = []
        self.go_on = threading.Event()
        keep = Readers.keep_board

        def slow(readers: Readers, *, as_of: int, said_by: str) -> None:
            self.folded.append(as_of)
            assert self.go_on.wait(PATIENCE_S)
            keep(readers, as_of=as_of, said_by=said_by)

        monkeypatch.setattr(Readers, "keep_board", slow)


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowBoards]:
    made = SlowBoards(monkeypatch)
    yield made
    made.go_on.set()


@pytest.fixture
def hasty(book: Ledger, slow: SlowBoards) -> Iterator[Asker]:
    """A service that folds by itself, and does not wait for it."""
    with Asker(book, Settings(answer_s=0.01)) as made:
        yield made
        slow.go_on.set()


def grows(book: Ledger) -> None:
    number = book.head + 1
    book.append(ClaimRegistered(claim=f"claim-{number}", text="It is one more."))


def test_a_board_that_takes_long_is_there_for_who_asks_again_however_the_ledger_grows(
    book: Ledger, hasty: Asker, slow: SlowBoards
) -> None:
    url = "/v1/claims?said_by=2024-10-05"
    for _ in range(3):
        found = hasty.get(url)
        assert (found.status_code, found.headers["retry-after"]) == (503, "1")
        assert "as_of=13" in found.json()["detail"]
        grows(book)
    slow.go_on.set()
    assert comes(lambda: hasty.get(f"{url}&as_of=13").status_code == 200)
    assert hasty.get(url).json()["as_of"]["position"] == 13
    assert slow.folded == [13]
    assert comes(lambda: hasty.get(url).status_code == 200)
    assert slow.folded == [13, 16], "who has had the answer is given a newer one"


def test_another_part_of_a_board_that_is_being_folded_is_of_the_same_position(
    book: Ledger, hasty: Asker, slow: SlowBoards
) -> None:
    assert hasty.get("/v1/claims?said_by=2024-10-05").status_code == 503
    grows(book)
    for url in ("/v1/claims?said_by=2024-10-05&order=acts", "/v1/claims?said_by=2024-10-05T23:59:59.999999Z"):
        assert "as_of=13" in hasty.get(url).json()["detail"]
    assert "as_of=14" in hasty.get("/v1/claims?said_by=2024-10-06").json()["detail"], "it is another board"


def test_a_board_that_is_being_folded_is_not_given_to_who_waits_for_a_later_position(
    book: Ledger, hasty: Asker, slow: SlowBoards
) -> None:
    assert hasty.get("/v1/claims?said_by=2024-10-05").status_code == 503
    grows(book)
    for _ in range(2):
        assert "as_of=14" in hasty.get("/v1/claims?said_by=2024-10-05&wait_for=14").json()["detail"]
        grows(book)


def test_a_page_of_a_board_that_takes_long_is_there_for_who_looks_again(
    book: Ledger, hasty: Asker, slow: SlowBoards
) -> None:
    for _ in range(2):
        assert hasty.get("/?said_by=2024-10-05").status_code == 503
        grows(book)
    slow.go_on.set()
    assert comes(lambda: hasty.get("/?said_by=2024-10-05").status_code == 200)
    assert slow.folded == [13]


def test_a_board_that_nobody_came_for_is_folded_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(owing, "_COMES_S", -1.0)
    kept, owed = owing.Owing(0.0), owing.owed_to("/v1/claims", "2024-10-05")
    assert (kept.position(owed, 5), kept.position(owed, 7)) == (5, 7)


def test_a_board_that_is_being_folded_for_others_who_wait_for_it_is_not_owed_to_who_comes_later() -> None:
    kept = owing.Owing(1.0)
    one, other = (owing.owed_to(url, "2024-10-05") for url in ("/v1/claims", "/v1/claims?order=acts"))
    assert (kept.position(one, 5), kept.position(other, 7)) == (5, 7)
    with pytest.raises(NotYet), kept.until_answered(one, 5):
        raise NotYet("later")
    assert kept.position(owing.owed_to("/v1/claims?limit=3", "2024-10-05"), 9) == 5
    assert kept.position(one, 3) == 3, "the ledger was restored to an earlier state"


def test_a_page_that_is_as_it_was_is_no_longer_so_once_the_ledger_has_grown(book: Ledger, asker: Asker) -> None:
    first = asker.get("/?said_by=2024-10-05&wait_for=13")
    etag = first.headers["etag"]
    assert [asker.get("/?said_by=2024-10-05", if_none_match=etag).status_code for _ in range(2)] == [304, 304]
    grows(book)
    assert comes(lambda: asker.service.lag() == 0)
    assert asker.get("/?said_by=2024-10-05", if_none_match=etag).status_code == 200
    assert asker.get("/v1/claims?said_by=2024-10-05").json()["as_of"]["position"] == 14


def test_a_view_that_was_made_anew_is_the_one_that_boards_are_kept_in(book: Ledger) -> None:
    def made() -> None:
        with Views.open(book) as view:
            view.catch_up()

    made()
    with closing(Readers(book, kept=True)) as readers:
        readers.keep_board(as_of=13, said_by="2024-10-05")
        discard(f"{book.file}.views")
        made()
        readers.keep_board(as_of=13, said_by="2024-10-05")
        with readers.view() as view:
            assert view.has_board(as_of=13, said_by="2024-10-05")


def test_a_board_that_was_refused_is_not_owed() -> None:
    kept, owed = owing.Owing(1.0), owing.owed_to("/v1/claims", "2024-10-05")
    for error, later in ((NotYet("later"), 5), (UsageError("never"), 7)):
        position = kept.position(owed, 5)
        with pytest.raises(type(error)), kept.until_answered(owed, position):
            raise error
        assert kept.position(owed, 7) == later


# -- the end -----------------------------------------------------------------------------------------------------------


def test_nothing_is_left_when_the_service_has_stopped(book: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_FEW", 5)
    with Asker(book, started=True) as asker:
        assert asker.get("/v1/claims/contested").status_code == 200
        started = [*children(os.getpid(), "keeper"), *children(os.getpid(), "worker")]
        assert len(started) == 2
    assert not any(map(runs, started))


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_a_server_however_it_ended(book: Ledger, how: signal.Signals) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    command = [sys.executable, "-m", "ledger.cli", "--db", book.name, "serve", "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": str(Path(ledger.__file__).parents[1])}
    server = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}/v1/claims"
        assert comes(lambda: _status(url) == 200)
        assert _status(f"{url}?said_by=2024-10-05") == 200
        started = [*children(server.pid, "keeper"), *children(server.pid, "worker")]
        assert len(started) == 2
        server.send_signal(how)
        server.wait(PATIENCE_S)
        assert comes(lambda: not any(map(runs, started)))
    finally:
        server.kill()
        server.wait()


def _status(url: str) -> int | None:
    try:
        return httpx.get(url, timeout=PATIENCE_S).status_code
    except httpx.TransportError:
        return None
