"""Which files are opened, and which refused and left as they are?"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw
import pytest
from stores import (
    FAR,
    draft,
    fill,
    put,
    reopened,
    run_and_kill,
    snapshot,
    sqlite_with,
    tagged,
    verbs,
)

from ledger import Ledger
from ledger.errors import IntegrityError, LedgerError, NewerVersion, NotFound, Unavailable, UsageError
from ledger.store import sqlite_file
from ledger.store.sqlite import SQLiteStore, open_sqlite

# -- what is opened and what is refused ------------------------------------------------------------------------------


def foreign_files(directory: Path) -> dict[str, str]:
    (directory / "text.txt").write_text("Dear diary,\n" * 20)
    (directory / "short").write_bytes(b"SQLite")
    sqlite_with(directory / "other.db", "CREATE TABLE mine (a)")
    sqlite_with(directory / "wal.db", "PRAGMA journal_mode = wal", "CREATE TABLE mine (a)")
    sqlite_with(directory / "empty.db", "PRAGMA journal_mode = wal")
    sqlite_with(directory / "newer.db", sqlite_file._SCHEMA, "PRAGMA user_version = 2")
    sqlite_with(directory / "versionless.db", sqlite_file._SCHEMA, "PRAGMA user_version = 0")
    return {
        "text.txt": "no SQLite file",
        "short": "no SQLite file",
        "other.db": "another program",
        "wal.db": "another program",
        "empty.db": "another program",
        "newer.db": "later version.*upgrade",
        "versionless.db": "damaged",
    }


@pytest.mark.parametrize("how", [{}, {"create": False}, {"read_only": True}], ids=["write", "existing", "read"])
def test_what_is_no_ledger_is_refused_and_left_byte_for_byte(tmp_path: Path, how: dict[str, bool]) -> None:
    refusals = foreign_files(tmp_path)
    before = snapshot(tmp_path)
    for name, why in refusals.items():
        with pytest.raises(IntegrityError, match=why) as caught:
            open_sqlite(tmp_path / name, **how)
        assert name in str(caught.value)
        assert isinstance(caught.value, NewerVersion) == (name == "newer.db")
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_version_that_stands_in_the_log_alone_is_refused_too(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "claims.db"
    open_sqlite(path).close()
    run_and_kill(f"""
        connection = apsw.Connection({str(path)!r})
        connection.execute("PRAGMA user_version = 2")
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    before = snapshot(tmp_path)
    with pytest.raises(NewerVersion):
        open_sqlite(path, read_only=read_only)
    after = snapshot(tmp_path)
    assert after["claims.db"] == before["claims.db"] and after["claims.db-wal"] == before["claims.db-wal"]


@pytest.mark.parametrize("how", [{"create": False}, {"read_only": True}], ids=["existing", "read"])
def test_reading_never_creates_a_ledger(tmp_path: Path, how: dict[str, bool]) -> None:
    (tmp_path / "empty.db").touch()
    for name in ("missing.db", "empty.db"):
        with pytest.raises(NotFound, match=f"{name}.*claims init"):
            open_sqlite(tmp_path / name, **how)
    with pytest.raises(NotFound):
        open_sqlite(":memory:", **how)
    assert snapshot(tmp_path) == {"empty.db": b""}


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    (tmp_path / "claims.db").touch()
    store = open_sqlite(tmp_path / "claims.db")
    put(store, draft("a"))
    store.close()
    assert reopened(tmp_path / "claims.db") == ["a"]


def test_a_log_without_its_ledger_is_not_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "claims.db-wal").write_bytes(b"records")
    for how in ({}, {"read_only": True}):
        with pytest.raises(IntegrityError, match=r"claims\.db-wal still holds records"):
            open_sqlite(tmp_path / "claims.db", **how)
    assert snapshot(tmp_path) == {"claims.db-wal": b"records"}


def test_what_is_no_file_is_refused_with_a_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("")
    for name, why in {
        ".": "is a directory",
        "fifo": "no regular file",
        "no/such/claims.db": "no directory",
        "file/claims.db": "cannot be opened",
        "x" * 300: "cannot be opened",
        "nul\0": "NUL",
    }.items():
        with pytest.raises(LedgerError, match=why):
            open_sqlite(f"{tmp_path}/{name}")
    with pytest.raises(LedgerError, match="is a directory"):
        open_sqlite("")


@pytest.mark.parametrize("url", ["ftp://x", "file:///claims.db", "sqlite://claims.db", "PostgreSQL://ann:secret@x/db"])
def test_a_url_that_is_no_services_is_refused_and_shows_no_secret(
    tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    scheme = url.partition("//")[0]
    with pytest.raises(UsageError, match=f"no ledger is opened by {scheme}//; give the path of a file, or") as told:
        Ledger.open(url)
    assert "secret" not in str(told.value)
    assert not snapshot(tmp_path)


@pytest.mark.parametrize("name", ["a b.db", "x.db?mode=memory", "50%41#.db", "file:x.db", "naïve-名前.db", "q'\".db"])
def test_a_path_is_taken_literally(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_sqlite(name)
    monkeypatch.chdir("/")  # reading connections are opened later
    put(store, draft("a"))
    assert tagged(store, "none") == [] and store.head().position == 1
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert reopened(tmp_path / name) == ["a"]


def test_a_link_leads_to_the_one_ledger(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "claims.db")
    first, second = open_sqlite(tmp_path / "link.db"), open_sqlite(tmp_path / "real" / "claims.db")
    put(first, draft("a"))
    assert second.head().position == 1
    first.close()
    second.close()
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["claims.db"]
    (tmp_path / "real" / "claims.db").rename(tmp_path / "real" / "claims.db-wal")
    with pytest.raises(IntegrityError, match="still holds records"):
        open_sqlite(tmp_path / "link.db")


def test_what_takes_the_place_of_an_open_ledger_is_neither_written_to_nor_read_nor_robbed_of_its_log(
    path: Path, file_store: SQLiteStore
) -> None:
    fill(file_store, 900)
    sqlite_with(path, "PRAGMA wal_checkpoint(truncate)")
    shutil.copy(path, path.with_name("backup.db"))
    put(file_store, draft("later"))
    sqlite_with(path, "PRAGMA wal_checkpoint(truncate)")
    path.with_name("backup.db").replace(path)
    for verb in verbs(file_store):
        with pytest.raises(IntegrityError, match="is another file since it was opened, and is neither read nor"):
            verb()
    restored = open_sqlite(path)
    put(restored, draft("after"))
    file_store.close()
    assert path.with_name("claims.db-wal").exists()  # which holds what was put since
    assert reopened(path)[900:] == ["after"]
    put(restored, draft("last"))
    restored.close()
    assert reopened(path)[899:] == ["e900", "after", "last"]


def test_what_is_gone_is_not_written_to(path: Path, file_store: SQLiteStore) -> None:
    put(file_store, draft("a"))
    path.rename(path.with_name("moved.db"))
    for verb in verbs(file_store):
        with pytest.raises(IntegrityError, match=r"is gone since it was opened, .*; open it again"):
            verb()


def test_who_may_no_longer_look_at_an_open_ledger_goes_on_with_it(
    path: Path, file_store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "stat", refused)
    assert put(file_store, draft("a")).last == file_store.head().position == 1


def test_nothing_is_written_to_a_file_with_two_names(path: Path, file_store: SQLiteStore) -> None:
    put(file_store, draft("a"))
    alias = path.with_name("alias.db")
    alias.hardlink_to(path)
    with pytest.raises(IntegrityError, match=r"has 2 names \(hard links\), .*: copy it to a file of its own"):
        put(file_store, draft("b"))
    assert file_store.head().position == 1
    alias.unlink()
    assert put(file_store, draft("b")).last == 2


def test_a_damaged_file_is_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "claims.db"
    store = open_sqlite(path)
    fill(store, 500, size=200)
    store.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"damaged.*backup"):
        list(open_sqlite(path, read_only=True).scan(0, FAR))


# -- reading only ----------------------------------------------------------------------------------------------------


def test_a_ledger_opened_for_reading_cannot_be_appended_to(file_store: SQLiteStore, path: Path) -> None:
    put(file_store, draft("a", "x"))
    reader = open_sqlite(path, read_only=True)
    with pytest.raises(UsageError, match="for reading only"):
        put(reader, draft("b"))
    put(file_store, draft("b", "x"), after=1)
    assert tagged(reader, "x") == [1, 2]
    (connection,) = reader._connections._idle
    with pytest.raises(apsw.ReadOnlyError):
        connection.execute("DELETE FROM tag")
    reader.close()


@contextmanager
def frozen(directory: Path) -> Iterator[None]:
    """Makes a directory and its files unwritable, even for root where that can be done."""
    if os.geteuid() != 0:
        paths = [directory, *directory.iterdir()]
        for each in paths:
            each.chmod(each.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        yield
        for each in paths:
            each.chmod(each.stat().st_mode | stat.S_IWUSR)
        return
    target = str(directory)
    if subprocess.run(["mount", "--bind", target, target], capture_output=True).returncode:
        pytest.skip("root may write everywhere, and may not mount here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", target], check=True)
        yield
    finally:
        subprocess.run(["umount", target], check=True)


def test_a_ledger_on_read_only_media_can_be_read_and_not_written(tmp_path: Path) -> None:
    media = tmp_path / "media #1"
    media.mkdir()
    store = open_sqlite(media / "claims.db")
    fill(store, 1_500, lambda n: ["x"])
    store.close()
    with frozen(media):
        reader = open_sqlite(media / "claims.db", read_only=True)
        assert len(tagged(reader, "x")) == 1_500
        reader.close()
        with pytest.raises(LedgerError, match=r"read-only|may read and write"):
            open_sqlite(media / "claims.db")
        with pytest.raises(LedgerError, match="read and write"):
            open_sqlite(media / "new.db")


def test_a_full_disk_is_told_to_whoever_reads_there(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk(disk):
        store = open_sqlite(disk / "claims.db")
        put(store, draft("a", "x"))
        store.close()
        with (disk / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            while True:
                filler.write(bytes(4096))
        with pytest.raises(Unavailable, match=r"its disk is full, .*; make room there"):
            open_sqlite(disk / "claims.db", read_only=True)
        (disk / "filler").unlink()
        assert reopened(disk / "claims.db") == ["a"]


@contextmanager
def small_disk(directory: Path) -> Iterator[None]:
    """Mounts a disk of a megabyte in memory there."""
    mounting = ["mount", "-t", "tmpfs", "-o", "size=1m", "small", str(directory)]
    if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def test_a_log_on_read_only_media_is_not_passed_over(tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    run_and_kill(f"""
        store = open_sqlite({str(media / "claims.db")!r})
        store.append([Draft("a", "t", b"", b"", ())], unless=(), after=0, clock=lambda last: 1)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    (media / "claims.db-shm").unlink()
    with frozen(media), pytest.raises(LedgerError, match=r"last records are in .*claims\.db-wal"):
        open_sqlite(media / "claims.db", read_only=True)
    reader = open_sqlite(media / "claims.db", read_only=True)
    assert reader.head().position == 1
    reader.close()
