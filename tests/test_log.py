"""Does a ledger's write-ahead log stay short, whoever copies it into the file, and however that fails?"""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest
from stores import draft, put

from ledger.store import FOREVER
from ledger.store import sqlite_log as log
from ledger.store.sqlite import SQLiteStore, open_sqlite

PAGE = 4096 + 24
"""A page in the log, and what is said of it there."""


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "PAGES", 40)
    monkeypatch.setattr(log, "MOST", 80)
    monkeypatch.setattr(log, "_FEW", 8)


class Opening:
    """Opens connections to copy by; the first waits until it is let go."""

    def __init__(self, connect: Callable[[], apsw.Connection]) -> None:
        self.times = 0
        self.go = threading.Event()
        self._connect = connect

    def __call__(self) -> apsw.Connection:
        self.times += 1
        assert self.go.wait(30)
        return self._connect()


@pytest.fixture
def opening(file_store: SQLiteStore) -> Opening:
    checkpoints = file_store._connections._checkpoints
    checkpoints._connect = opening = Opening(checkpoints._connect)  # type: ignore[assignment]
    return opening


def append(store: SQLiteStore, times: int) -> None:
    for _ in range(times):
        at = store.head().position
        put(store, draft(f"e{at + 1}"), after=at)


def pages(path: Path) -> float:
    """How long the log has ever been."""
    return path.with_name(f"{path.name}-wal").stat().st_size / PAGE


def in_the_file(path: Path) -> int:
    """How many records the file holds, without its log."""
    [(records,)] = apsw.Connection(
        f"file:{path}?immutable=1", flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    ).execute("SELECT count(*) FROM event")
    return int(records)


def test_a_log_is_begun_anew_however_much_is_appended(file_store: SQLiteStore, path: Path) -> None:
    append(file_store, 400)
    # Of some thousand pages that were written, whenever the copying thread gets its turn.
    assert 40 <= pages(path) <= 400


def test_the_commit_that_fills_the_log_does_not_wait_until_it_is_copied(
    file_store: SQLiteStore, path: Path, opening: Opening
) -> None:
    append(file_store, 20)
    assert (opening.times, in_the_file(path)) == (1, 0)
    opening.go.set()
    file_store._connections._checkpoints.wait()
    assert 0 < in_the_file(path) <= 20


class Copied:
    """A connection to a log of which so many pages can be copied: when that happens, nobody else can time."""

    def __init__(self, most: int = 1_000) -> None:
        self.times = self.pages = 0
        self._most = most

    def execute(self, _: str) -> Copied:
        return self

    def fetchall(self) -> None:
        """What there is does not matter."""

    def wal_checkpoint(self) -> tuple[int, int]:
        self.times += 1
        return self.pages, min(self.pages, self._most)

    def close(self) -> None:
        """It holds nothing."""


def after(lengths: list[int], aside: Copied, writer: Copied) -> tuple[int, int]:
    """How often a thread, and who commits, copied a log that was so long after each commit."""
    checkpoints = log.Checkpoints(lambda: aside)  # type: ignore[arg-type, return-value]
    for pages in lengths:
        aside.pages = writer.pages = pages
        checkpoints._committed(writer, "main", pages)  # type: ignore[arg-type]
        checkpoints.wait()
    return aside.times, writer.times


@pytest.mark.parametrize(("meanwhile", "copied"), [(1, (1, 1)), (8, (1, 1)), (9, (2, 0))])
def test_the_few_pages_that_came_in_while_a_log_was_copied_the_next_commit_copies(
    meanwhile: int, copied: tuple[int, int]
) -> None:
    assert after([39, 40, 40 + meanwhile], Copied(), Copied()) == copied


def test_each_commit_copies_the_few_pages_left_until_one_finds_nobody_reading() -> None:
    assert after([40, 44, 46, 48], Copied(), Copied()) == (1, 3)


def test_a_log_that_others_have_begun_anew_and_filled_again_is_copied_again() -> None:
    # Somebody reads what they hold, and keeps the rest from being copied.
    assert after([40, 47, 48, 55], Copied(5), Copied()) == (2, 0)
    assert after([40, 47, 48, 41], Copied(5), Copied()) == (3, 0)


def test_a_log_that_grows_twice_as_long_meanwhile_is_copied_by_who_appends(
    file_store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> apsw.Connection:
        raise apsw.CantOpenError("too many open files")

    monkeypatch.setattr(file_store._connections._checkpoints, "_connect", refused)
    append(file_store, 400)
    assert 80 <= pages(path) <= 90
    assert [position for position, _ in file_store.scan(0, FOREVER)] == [*range(1, 401)]


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()])
def test_where_no_thread_can_be_started_who_appends_copies_the_log(
    file_store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refused(thread: threading.Thread) -> None:
        raise error

    monkeypatch.setattr(threading.Thread, "start", refused)
    append(file_store, 400)
    assert 40 <= pages(path) <= 50


def test_a_fork_waits_until_nothing_is_being_copied(file_store: SQLiteStore, opening: Opening) -> None:
    append(file_store, 20)
    threading.Timer(0.05, opening.go.set).start()
    child = os.fork()
    if not child:
        os._exit(0)
    assert opening.go.is_set()
    assert "claims-checkpoint" not in {thread.name for thread in threading.enumerate()}
    os.waitpid(child, 0)


def test_a_log_that_somebody_reads_is_not_tried_to_be_copied_by_every_commit(
    file_store: SQLiteStore, path: Path, opening: Opening
) -> None:
    opening.go.set()
    append(file_store, 5)
    reader = apsw.Connection(str(path))
    reader.execute("BEGIN; SELECT count(*) FROM event").fetchall()
    for _ in range(60):
        append(file_store, 1)
        file_store._connections._checkpoints.wait()
    assert pages(path) > 100  # it could not be begun anew
    assert 1 <= opening.times <= (80 - 40) / 8
    reader.close()
    append(file_store, 10)
    file_store._connections._checkpoints.wait()
    append(file_store, 1)
    assert in_the_file(path) >= 65


def test_a_ledger_that_is_closed_while_its_log_is_copied_leaves_a_single_file(
    file_store: SQLiteStore, path: Path, opening: Opening
) -> None:
    append(file_store, 20)
    threading.Timer(0.05, opening.go.set).start()
    file_store.close()
    assert "claims-checkpoint" not in {thread.name for thread in threading.enumerate()}
    assert [file.name for file in path.parent.iterdir()] == ["claims.db"]
    assert in_the_file(path) == 20


def test_a_ledger_that_nobody_holds_any_more_leaves_a_single_file_without_waiting_for_the_collector(path: Path) -> None:
    gc.disable()
    try:
        append(open_sqlite(path), 1)
        assert [file.name for file in path.parent.iterdir()] == ["claims.db"]
    finally:
        gc.enable()
