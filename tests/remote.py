"""Ledgers that a service has, one with the seed article and one that many tests write to; the command line at them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from ledgers import registers, states
from served import served_here, serving

from ledger import Entry, Ledger
from ledger.cli import main

TOKEN = "a-token-that-nobody-may-see"
JSON = {"Content-Type": "application/json"}
HEAD = (200, JSON, b'{"position":0,"recorded_at":null}')


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The seed article: its file, and the URL of a service that has it."""
    path = str(tmp_path_factory.mktemp("seed") / "seed.db")
    assert CliRunner().invoke(main, ["demo", "--db", path]).exit_code == 0
    with serving(Path(path)) as server:
        yield path, server.url


@pytest.fixture(scope="module")
def here(seed: tuple[str, str]) -> Iterator[Ledger]:
    with Ledger.open(seed[0], read_only=True) as ledger:
        yield ledger


@pytest.fixture(scope="module")
def elsewhere(seed: tuple[str, str]) -> Iterator[Ledger]:
    with Ledger.open(seed[1]) as ledger:
        yield ledger


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a service, a process of its own, whose ledger is written by many tests."""
    with serving(tmp_path_factory.mktemp("url") / "desk.db") as server:
        yield server.url


@pytest.fixture
def kept() -> Iterator[Ledger]:
    """An empty ledger."""
    with Ledger.open(":memory:", recorded_by="the service") as ledger:
        yield ledger


@pytest.fixture
def desk(kept: Ledger) -> Iterator[Ledger]:
    """The same, as a service within this process has it."""
    with served_here(kept) as url, Ledger.open(url) as ledger:
        yield ledger


def asked(db: str, *args: str) -> Result:
    return CliRunner(env={"CLAIMS_DB": db, "COLUMNS": "100"}).invoke(main, args)


@pytest.fixture(scope="module")
def alike(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ledger, Ledger]]:
    """Two ledgers that hold the same, one here and one elsewhere."""
    folder = tmp_path_factory.mktemp("alike")
    with Ledger.open(folder / "here.db") as one, serving(folder / "there.db") as there, Ledger.open(there.url) as other:
        for ledger in (one, other):
            ledger.append_all([registers("x"), Entry(event=states("x"), id="said")])
        yield one, other
