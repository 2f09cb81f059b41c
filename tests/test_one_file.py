"""Does a ledger's file keep its promises to all who use it at the same time?"""

from __future__ import annotations

import os
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from stores import (
    FAR,
    START,
    draft,
    fill,
    positions,
    put,
    reopened,
    run,
    snapshot,
    sqlite_with,
    tagged,
    verbs,
)

from ledger.errors import Unavailable, UsageError
from ledger.store import Head, Overtaken, sqlite, sqlite_file, sqlite_reads
from ledger.store.sqlite import SQLiteStore, open_sqlite
from ledger.store.sqlite_file import explained


def test_events_can_be_neither_changed_nor_deleted_nor_replaced(file_store: SQLiteStore, path: Path) -> None:
    put(file_store, draft("a", "x"), draft("b"))
    before = list(file_store.scan(0, FAR))
    columns = "'t', 0, x'', x'00'"
    with_any_tool = apsw.Connection(str(path))
    for statement, why in {
        "UPDATE event SET data = x'00' WHERE position = 1": "never changed",
        "UPDATE OR REPLACE event SET position = 2 WHERE position = 1": "never changed",
        "DELETE FROM event WHERE position = 2": "never deleted",
        "DELETE FROM event": "never deleted",
        f"INSERT OR REPLACE INTO event VALUES (1, 'new', {columns})": "never replaced",
        f"INSERT OR REPLACE INTO event VALUES (3, 'a', {columns})": "never replaced",
        f"REPLACE INTO event VALUES (2, 'b', {columns})": "never replaced",
        f"INSERT OR IGNORE INTO event VALUES (9, 'gap', {columns})": "never replaced",
        f"INSERT INTO event VALUES (NULL, 'late', {columns})": "never replaced",
        f"INSERT INTO event VALUES (1, 'x', {columns}) ON CONFLICT DO UPDATE SET data = x''": "never replaced",
        "INSERT INTO event VALUES (3, 'c', 't', 'text', x'', x'')": "cannot store TEXT",
    }.items():
        with pytest.raises(apsw.ConstraintError, match=why):
            with_any_tool.execute(statement)
    with_any_tool.close()
    assert list(file_store.scan(0, FAR)) == before
    assert put(file_store, draft("c"), after=2).first == 3


def test_the_file_is_marked_and_durable_by_its_settings(file_store: SQLiteStore, path: Path) -> None:
    writer = file_store._connections._writer
    assert writer is not None
    assert (writer.pragma("journal_mode"), writer.pragma("synchronous")) == ("wal", 2)
    put(file_store, draft("a"))
    assert sqlite_file._header(str(path))[68:72] == b"CLLG"
    assert writer.pragma("integrity_check") == "ok"


def test_a_rolled_back_append_gives_no_number_to_a_tag(file_store: SQLiteStore) -> None:
    put(file_store, draft("a", "known"))
    with pytest.raises(Overtaken):
        put(file_store, draft("b", "lost"), draft("a"), after=1)  # fails after "lost" has its number
    other = open_sqlite(file_store.name)
    put(other, draft("c", "other's"), after=1)  # and gets the number that "lost" had
    other.close()
    put(file_store, draft("d", "lost"), after=2)
    assert tagged(file_store, "lost") == [3]
    assert tagged(file_store, "other's") == [2]


def test_an_append_just_before_the_waiting_begins_is_not_slept_through(
    file_store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def head_then_append() -> Head:
        found = head()
        if found.position == 0:
            put(file_store, draft("a"))
        return found

    head = file_store.head
    monkeypatch.setattr(file_store, "head", head_then_append)
    monkeypatch.setattr(file_store._news, "wait", lambda timeout_s: pytest.fail("it went to sleep"))
    assert file_store.wait(0, 60)


@pytest.mark.parametrize("where", ["file", "memory"])
def test_nobody_reads_what_is_not_committed(path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_sqlite(path if where == "file" else ":memory:")
    seen: list[int] = []
    reader = threading.Thread(target=lambda: seen.append(store.head().position))

    def insert_then_fail(*args: Any) -> int:
        insert(*args)
        reader.start()
        reader.join(0.1)
        raise ZeroDivisionError

    insert = sqlite._insert
    monkeypatch.setattr(sqlite, "_insert", insert_then_fail)
    with pytest.raises(ZeroDivisionError):
        put(store, draft("a"))
    reader.join()
    assert seen == [0]
    store.close()


def test_the_cache_of_tag_numbers_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_reads, "_NAMES_KEPT", 50)
    store = open_sqlite(path)
    for start in range(0, 300, 30):
        put(store, *(draft(f"e{n}", f"tag:{n}", f"tag:{n // 2}") for n in range(start, start + 30)), after=start)
    assert len(store._names.known) <= 50
    assert all(tagged(store, f"tag:{n}") for n in range(300)) and len(store._names.known) <= 50
    assert tagged(store, *(f"tag:{n}" for n in range(300))) == list(range(1, 301))
    store.close()


def test_nothing_is_looked_up_where_nothing_can_have_come_in_between(file_store: SQLiteStore) -> None:
    put(file_store, draft("a", "x"))
    asked: list[str] = []
    writer = file_store._connections._writer
    assert writer is not None

    def trace(cursor: apsw.Cursor, sql: str, bindings: object) -> bool:
        asked.append(sql)
        return True

    writer.set_exec_trace(trace)
    put(file_store, draft("b", "x"), unless=["x", "id:a"], after=1)
    assert [sql for sql in asked if "SELECT 1" in sql or "event_tag AS" in sql] == []
    with pytest.raises(Overtaken):
        put(file_store, draft("c"), unless=["y", "x", "id:zz"], after=1)
    assert [sql for sql in asked if "SELECT 1" in sql] != []


def test_the_head_is_read_again_only_where_somebody_else_has_written(file_store: SQLiteStore, path: Path) -> None:
    put(file_store, draft("a", "x"))
    read: list[str] = []
    writer = file_store._connections._writer
    assert writer is not None

    def trace(cursor: apsw.Cursor, sql: str, bindings: object) -> bool:
        if "max(tag_id)" in sql:
            read.append(sql)
        return True

    writer.set_exec_trace(trace)
    assert put(file_store, draft("b", "x", "y"), after=1).first == 2
    with pytest.raises(Overtaken):
        put(file_store, draft("a", "z"), after=2)
    assert put(file_store, draft("c", "y", "z"), after=2).first == 3
    assert read == []
    other = sqlite.open_sqlite(path)
    assert put(other, draft("d", "w"), after=3).first == 4
    assert put(file_store, draft("e", "w", "v"), after=4).first == 5
    assert len(read) == 1
    assert put(other, draft("f", "v"), after=5).first == 6
    other.close()
    assert {tag: tagged(file_store, tag) for tag in "vwxyz"} == {
        "v": [5, 6],
        "w": [4, 5],
        "x": [1, 2],
        "y": [2, 3],
        "z": [3],
    }


def test_who_is_about_to_append_reads_by_the_connection_that_writes(file_store: SQLiteStore, path: Path) -> None:
    put(file_store, draft("a", "x"))
    other = open_sqlite(path)
    put(other, draft("b", "x"), after=1)
    other.close()
    writer = file_store._connections._writer
    assert writer is not None
    asked: list[str] = []
    writer.set_exec_trace(lambda cursor, sql, bindings: not asked.append(sql))
    assert tagged(file_store, "x") == [1, 2] and asked == []
    assert positions(file_store.to_append.tagged(["x"], after=0, until=FAR)) == [1, 2] and asked != []


def test_a_ledger_that_is_only_read_finds_what_an_append_would_ask(file_store: SQLiteStore, path: Path) -> None:
    put(file_store, draft("a", "x"))
    reader = open_sqlite(path, read_only=True)
    assert positions(reader.to_append.tagged(["x"], after=0, until=FAR)) == [1]
    reader.close()


def test_the_clock_is_asked_once_and_under_the_lock(file_store: SQLiteStore, path: Path) -> None:
    heard: list[int] = []

    def clock(last: int) -> int:
        heard.append(last)
        other = apsw.Connection(str(path))
        with pytest.raises(apsw.BusyError):
            other.execute("BEGIN IMMEDIATE")
        other.close()
        return START

    file_store.append([draft("a"), draft("b")], unless=(), after=0, clock=clock)
    assert heard == [0]


def test_memory_stays_small_however_hot_a_tag(file_store: SQLiteStore) -> None:
    fill(file_store, 6_000, lambda n: ["hot", f"also:{n % 3}", f"n:{n}"], size=2_000)
    some = ["hot", "also:1", *(f"n:{n}" for n in range(30))]
    for tags in (None, ["hot"], ["hot", "also:1"], some):
        tracemalloc.start()
        records = file_store.tagged(tags, after=0, until=FAR) if tags else file_store.scan(0, FAR)
        assert sum(1 for _ in records) == 6_000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 6_000_000  # of 12 MB


def test_tags_that_hit_more_than_memory_may_hold_are_read_in_stretches(
    file_store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_reads, "_HITS", 10)
    fill(file_store, 1_500, lambda n: [f"a:{n % 2}", *(f"b:{k}" for k in range(n % 40))])  # up to 40 hits a record
    tags = ["a:1", *(f"b:{k}" for k in range(40))]
    assert tagged(file_store, *tags) == [n for n in range(1, 1_501) if n % 2 or n % 40]
    assert tagged(file_store, *tags, after=700, until=705) == [701, 702, 703, 704, 705]


def test_a_reader_who_thinks_for_long_keeps_no_snapshot(file_store: SQLiteStore, path: Path) -> None:
    fill(file_store, 2_500, lambda n: ["hot", "warm"])
    thinking = [file_store.scan(0, FAR), file_store.tagged(["hot"], after=0, until=FAR)]
    thinking += [file_store.tagged(["hot", "warm"], after=0, until=FAR)]
    for records in thinking:
        next(records)
    put(file_store, draft("new"), after=2_500)
    other = apsw.Connection(str(path))
    ((busy, *_),) = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert not busy  # as it would be if anybody still held a snapshot
    other.close()
    assert [len(list(records)) for records in thinking] == [2_500, 2_499, 2_499]


def test_threads_that_end_leave_no_connections_behind(file_store: SQLiteStore) -> None:
    put(file_store, draft("a"))
    for _ in range(30):
        thread = threading.Thread(target=file_store.head)
        thread.start()
        thread.join()
    assert len(file_store._connections._idle) == 1


def test_the_last_to_close_leaves_a_single_file(path: Path) -> None:
    first, second, reader = open_sqlite(path), open_sqlite(path), open_sqlite(path, read_only=True)
    put(first, draft("a"))
    put(second, draft("b"), after=1)
    assert [store.head().position for store in (first, second, reader)] == [2, 2, 2]
    for store in (first, second, reader):
        assert (path.parent / "claims.db-wal").exists()
        store.close()
    assert snapshot(path.parent).keys() == {"claims.db"}
    assert reopened(path) == ["a", "b"]
    assert snapshot(path.parent).keys() == {"claims.db"}


def test_opening_a_ledger_twice_keeps_the_first_ones_locks(file_store: SQLiteStore, path: Path) -> None:
    # Another process takes a file that nobody holds for abandoned, and sweeps its log away.
    script = """
        import fcntl
        with open(sys.argv[1], "rb+") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)
                print("free")
            except OSError:
                print("held")
    """
    put(file_store, draft("a"))
    assert run(script, path) == "held\n"
    open_sqlite(path).close()
    open_sqlite(path, read_only=True).close()
    assert run(script, path) == "held\n"


def test_a_fork_is_refused_in_the_child(file_store: SQLiteStore) -> None:
    fill(file_store, 1_200, lambda n: ["x"])
    records = file_store.scan(0, 1_200)
    next(records)
    child = os.fork()
    if child == 0:
        wrong = 100
        try:
            wrong = len([verb for verb in [*verbs(file_store), lambda: list(records)] if not _refuses(verb)])
            file_store.close()  # which leaves the parent's connections alone
            wrong += file_store._connections.closed
        finally:
            os._exit(wrong)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert put(file_store, draft("after"), after=1_200).first == 1_201
    assert len(list(records)) == 1_199


def _refuses(verb: Callable[[], Any]) -> bool:
    try:
        verb()
    except UsageError as error:
        return "fork" in str(error)
    return False


def test_a_lock_that_is_never_released_ends_in_an_error(
    file_store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "_PATIENCE_S", 0.05)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable, match="locked by another process"):
        put(file_store, draft("a"))
    other.execute("ROLLBACK")
    other.close()
    assert put(file_store, draft("a")).first == 1


def test_an_append_that_sqlite_itself_rolled_back_is_over(file_store: SQLiteStore, path: Path) -> None:
    put(file_store, draft("a"))
    sqlite_with(path, "CREATE TRIGGER t BEFORE INSERT ON event WHEN NEW.id = 'b' BEGIN SELECT RAISE(ROLLBACK, ''); END")
    with pytest.raises(Overtaken):
        put(file_store, draft("b"), after=1)
    assert put(file_store, draft("c"), after=1).first == 2


def test_closing_does_not_wait_for_who_reads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_sqlite(path)
    put(store, draft("a"))

    def fetched_late(*args: Any, **kwargs: Any) -> list[Any]:
        rows = original(*args, **kwargs)
        store.close()
        return rows

    original = sqlite_file.fetched
    monkeypatch.setattr(sqlite_file, "fetched", fetched_late)
    assert store.head().position == 1
    assert snapshot(path.parent).keys() == {"claims.db"}


def test_a_full_disk_is_said_and_loses_nothing(file_store: SQLiteStore) -> None:
    fill(file_store, 10, size=1_000)
    writer = file_store._connections._writer
    assert writer is not None
    writer.pragma("max_page_count", writer.pragma("page_count") + 2)
    with pytest.raises(Unavailable, match="is full, nothing was written"):
        put(file_store, *(draft(f"big{n}", f"big:{n}", size=9_000) for n in range(20)), after=10)
    assert file_store.head().position == 10
    writer.pragma("max_page_count", 1_000_000)
    assert put(file_store, draft("big1", "big:2"), after=10).first == 11
    assert tagged(file_store, "big:2") == [11] and tagged(file_store, "big:1") == []


def test_a_disk_that_fails_leaves_open_whether_an_append_is_there() -> None:
    error = explained("claims.db", apsw.IOError("disk I/O error"))
    assert isinstance(error, Unavailable)
    assert "whether an append that ended so is there, a repeat tells" in str(error)
    assert "nothing was written" not in str(error)
