"""Ledgers to try things on, in memory or in a file; a clock that stands, events in one word, what reads them all."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ledger import (
    ClaimRegistered,
    Entry,
    Ledger,
    Statement,
    when,
)
from ledger.events import Event
from ledger.testing import by

T0 = datetime(2024, 10, 11, 12, tzinfo=UTC)
NOON_US = when.micros(T0)
ANN = (by("Ann"), by("AFP", "outlet"))
UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Clock:
    """A clock that stands where it is put."""

    def __init__(self, now: datetime = T0) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def registers(claim: str) -> ClaimRegistered:
    return ClaimRegistered(claim=claim, text=f"The claim {claim}.")


def states(*claims: str, **more: Any) -> Statement:
    return Statement(claims=claims, chain=ANN, **more)


def entry(event_id: str | None, event: Event, recorded_by: str | None = None) -> Entry:
    return Entry(event=event, id=event_id, recorded_by=recorded_by)


@pytest.fixture(params=["memory", "file"], scope="module")
def where(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def open_ledger(where: str, tmp_path: Path) -> Iterator[Callable[..., Ledger]]:
    """Opens ledgers in memory or in a file."""
    opened: list[Ledger] = []

    def open_one(**options: Any) -> Ledger:
        url = ":memory:" if where == "memory" else tmp_path / f"{len(opened)}.db"
        opened.append(Ledger.open(url, **({"recorded_by": "the desk"} | options)))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def ledger(open_ledger: Callable[..., Ledger]) -> Ledger:
    return open_ledger()


def ids(found: Iterator[Any]) -> list[str]:
    return [record.id for record in found]


def exported(*times: int, first: str = "c") -> list[tuple[Entry, int]]:
    return [(entry(f"{first}{n}", registers(f"{first}{n}"), "Bo"), NOON_US + time) for n, time in enumerate(times)]


class Read:
    """A projection that answers with the positions it was given."""

    @staticmethod
    def initial(question: Any) -> tuple[int, ...]:
        return ()

    @staticmethod
    def evolve(state: tuple[int, ...], record: Any) -> tuple[int, ...]:
        return (*state, record.position)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Ledger, Ledger]]:
    with Ledger.open(tmp_path / "a.db") as ours, Ledger.open(tmp_path / "a.db") as theirs:
        yield ours, theirs
