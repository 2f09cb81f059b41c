"""Do several processes use one ledger at the same moment, and is it whole when one of them is killed?"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from scripts import side_by_side
from stores import FAR, draft, positions, put, reopened, run, run_and_kill, snapshot, spawn, sqlite_with, tagged

from ledger.errors import NotFound
from ledger.store import sqlite_file
from ledger.store.sqlite import SQLiteStore, open_sqlite


def test_processes_that_create_the_same_ledger_all_succeed(tmp_path: Path) -> None:
    script = """
        print("ready", flush=True)
        sys.stdin.readline()
        for n in range(12):
            store = open_sqlite(f"{sys.argv[1]}/{n}.db")
            store.append([draft(sys.argv[2])], unless=(), after=0, clock=now)
            store.close()
    """
    side_by_side([spawn(script, tmp_path, who) for who in range(3)])
    assert all(sorted(reopened(tmp_path / f"{n}.db")) == ["0", "1", "2"] for n in range(12))
    assert {path.name for path in tmp_path.iterdir()} == {f"{n}.db" for n in range(12)}


def test_processes_append_side_by_side_and_none_starves(path: Path) -> None:
    script = """
        store = open_sqlite(sys.argv[1])
        print("ready", flush=True)
        sys.stdin.readline()
        for n in range(300):
            store.append([draft(f"{sys.argv[2]}:{n}", f"n:{n}")], unless=[f"id:{sys.argv[2]}:{n}"], after=0, clock=now)
        store.close()
    """
    side_by_side([spawn(script, path, who) for who in range(3)])
    store = open_sqlite(path)
    who_appended = [json.loads(data)["id"].split(":")[0] for _, data in store.scan(0, FAR)]
    assert Counter(who_appended) == {"0": 300, "1": 300, "2": 300}
    assert positions(store.scan(0, FAR)) == list(range(1, 901))
    assert all(len(tagged(store, f"n:{n}")) == 3 for n in range(300))
    moments = [store.recorded_at(n) or 0 for n in range(1, 901)]
    assert moments == sorted(moments)
    # When the first is done, the others have not just been waiting.
    done = min(len(who_appended) - 1 - who_appended[::-1].index(who) for who in "012")
    assert min(Counter(who_appended[: done + 1])[who] for who in "012") >= 15
    store.close()


def test_tags_of_another_process_are_found(file_store: SQLiteStore, path: Path) -> None:
    assert tagged(file_store, "theirs") == []
    run(f"open_sqlite({str(path)!r}).append([draft('a', 'theirs')], unless=(), after=0, clock=now)")
    put(file_store, draft("b", "ours", "theirs"), after=1)
    assert tagged(file_store, "theirs") == [1, 2] and tagged(file_store, "ours") == [2]


def test_an_append_in_another_process_ends_the_waiting(file_store: SQLiteStore, path: Path) -> None:
    process = spawn(f"open_sqlite({str(path)!r}).append([draft('a')], unless=(), after=0, clock=now)")
    assert file_store.wait(0, 60)
    process.communicate()


def test_what_was_acknowledged_before_a_kill_is_there_and_the_rest_is_whole_or_absent(path: Path) -> None:
    script = """
        store = open_sqlite(sys.argv[1])
        for n in range(100000):
            batch = [draft(f"{sys.argv[2]}:{n}:{k}", f"batch:{sys.argv[2]}:{n}", f"new:{n}") for k in range(7)]
            store.append(batch, unless=(), after=0, clock=now)
            print(n, flush=True)
    """
    acknowledged: set[str] = set()
    for turn in range(5):
        process = spawn(script, path, turn)
        assert process.stdout is not None
        for _ in range(1 + 11 * turn):
            acknowledged.add(f"{turn}:{process.stdout.readline().strip()}")
        process.kill()
        said, _ = process.communicate()
        acknowledged |= {f"{turn}:{line.strip()}" for line in said.splitlines(keepends=True) if line.endswith("\n")}
        store = open_sqlite(path)
        ids = [json.loads(data)["id"] for _, data in store.scan(0, FAR)]
        batches = Counter(id_.rpartition(":")[0] for id_ in ids)
        assert positions(store.scan(0, FAR)) == list(range(1, len(ids) + 1))
        assert set(batches.values()) == {7} and acknowledged <= batches.keys()
        assert all(len(tagged(store, f"batch:{batch}")) == 7 for batch in batches)
        writer = store._connections._writer
        assert writer is not None and writer.pragma("integrity_check") == "ok"
        store.close()


@pytest.mark.parametrize("whole", [False, True])
def test_a_creation_cut_off_halfway_is_no_ledger_and_can_be_made_one(path: Path, whole: bool) -> None:
    run_and_kill(f"""
        connection = apsw.Connection({str(path)!r})
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(sqlite_file._SCHEMA)
        connection.cache_flush()
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    journal = path.parent / "claims.db-journal"
    assert path.stat().st_size > 0
    assert journal.stat().st_size > 0
    if whole:  # all pages are written, and yet the journal says that there were none
        sqlite_with(path.parent / "other", sqlite_file._SCHEMA)
        (path.parent / "other").rename(path)
    halfway = snapshot(path.parent)
    for how in ({"read_only": True}, {"create": False}):
        for name, content in halfway.items():
            (path.parent / name).write_bytes(content)
        with pytest.raises(NotFound, match="claims init"):
            open_sqlite(path, **how)
    for name, content in halfway.items():
        (path.parent / name).write_bytes(content)
    store = open_sqlite(path)
    assert put(store, draft("a")).first == 1
    store.close()
    assert snapshot(path.parent).keys() == {"claims.db"}


def test_a_creation_cut_off_before_its_log_is_a_ledger(path: Path) -> None:
    sqlite_with(path, f"BEGIN; {sqlite_file._SCHEMA} COMMIT")
    assert reopened(path) == []
    store = open_sqlite(path)
    put(store, draft("a"))
    writer = store._connections._writer
    assert writer is not None and writer.pragma("journal_mode") == "wal"
    store.close()


def test_creations_killed_at_any_moment_leave_nothing_that_cannot_be_opened(tmp_path: Path) -> None:
    script = """
        for n in range(100000):
            open_sqlite(f"{sys.argv[1]}/{n}.db")
            print(n, flush=True)
    """
    for turn in range(3):
        (tmp_path / str(turn)).mkdir()
        process = spawn(script, tmp_path / str(turn))
        assert process.stdout is not None
        for _ in range(3 + 2 * turn):
            process.stdout.readline()
        process.kill()
        process.communicate()
        for path in sorted((tmp_path / str(turn)).glob("*.db")):
            store = open_sqlite(path)
            assert put(store, draft("a")).first == 1
            store.close()
            assert not path.with_name(path.name + "-wal").exists()
