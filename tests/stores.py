"""Drafts, stores and files to try a store with, and processes that use one."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw
import pytest
from scripts import started

import ledger.store
from ledger import when
from ledger.store import Appended, Draft, Store
from ledger.store.sqlite import SQLiteStore, open_sqlite

START = 1_700_000_000_000_000
FAR = 2**62


def draft(id_: str, *tags: str, type_: str = "statement", at: int | None = None, size: int = 0) -> Draft:
    before, after = f'{{"id":"{id_}","recorded_at":"'.encode(), b'","x":"' + b"x" * size + b'"}'
    if at is not None:
        before, after = before + when.stamp(at).encode() + after, b""
    return Draft(id_, type_, before, after, tags, at)


def tick(last: int) -> int:
    """A clock for which every append takes a microsecond."""
    return max(last, START) + 1


def put(store: Store, *drafts: Draft, unless: Sequence[str] = (), after: int = 0) -> Appended:
    return store.append(drafts, unless=unless, after=after, clock=tick)


def fill(store: Store, count: int, tags: Callable[[int], Sequence[str]] = lambda n: (), size: int = 0) -> None:
    """Records at positions 1 to `count` of an empty store, with ids e1, e2 …"""
    for start in range(1, count + 1, 1_000):
        numbers = range(start, min(start + 1_000, count + 1))
        put(store, *(draft(f"e{n}", *tags(n), size=size) for n in numbers))


def positions(records: Iterator[ledger.store.Stored]) -> list[int]:
    return [position for position, _ in records]


def tagged(store: Store, *tags: str, types: Sequence[str] = (), after: int = 0, until: int = FAR) -> list[int]:
    return positions(store.tagged(tags, types=types, after=after, until=until))


def verbs(store: Store) -> list[Callable[[], Any]]:
    """Every verb of a store but `close`."""
    return [
        store.head,
        lambda: put(store, draft("verb")),
        lambda: store.scan(0, FAR),
        lambda: store.tagged(["x"], after=0, until=FAR),
        lambda: store.by_id(["a"]),
        lambda: store.at_or_before(FAR),
        lambda: store.recorded_at(1),
        lambda: store.wait(0, 0),
        lambda: store.probe(1),
    ]


def snapshot(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir()) if path.is_file()}


def sqlite_with(path: Path, *statements: str) -> None:
    with_closing = apsw.Connection(str(path))
    for statement in statements:
        with_closing.execute(statement)
    with_closing.close()


def reopened(path: Path) -> list[str]:
    store = open_sqlite(path, read_only=True)
    try:
        return [json.loads(data)["id"] for _, data in store.scan(0, FAR)]
    finally:
        store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "claims.db"


@pytest.fixture
def file_store(path: Path) -> Iterator[SQLiteStore]:
    store = open_sqlite(path)
    yield store
    store.close()


_PRELUDE = """
import os, random, signal, sys, time
import apsw
from ledger.store import Draft, sqlite_file
from ledger.store.sqlite import open_sqlite
def now(last): return max(last, time.time_ns() // 1000)
def draft(id_, *tags): return Draft(id_, "t", b'{"id":"' + id_.encode() + b'","recorded_at":"', b'"}', tags)
"""


def spawn(script: str, *args: object) -> subprocess.Popen[str]:
    return started(script, *args, prelude=_PRELUDE)


def run(script: str, *args: object) -> str:
    process = spawn(script, *args)
    out, errors = process.communicate()
    assert (process.returncode, errors) == (0, "")
    return out


def run_and_kill(script: str) -> None:
    process = spawn(script)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
