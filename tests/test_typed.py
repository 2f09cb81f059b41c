"""Does a type checker know what is answered, and does it refuse what the ledger would?"""

from __future__ import annotations

import re
from contextlib import chdir
from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).parent.parent
ASKING = '''\
from ledger import Ledger
from ledger.client import RemoteLedger
from ledger.fold import Question
from ledger.records import Record
from projections import board, diff, provenance, sources, status, timeline


class Counted:
    """A projection of one's own, with an answer."""

    def initial(self, question: Question) -> list[int]:
        return []

    def evolve(self, state: list[int], record: Record) -> list[int]:
        return [*state, record.position]

    def answer(self, state: list[int]) -> int:
        return len(state)


class Listed:
    """One without: its state is the answer."""

    def initial(self, question: Question) -> list[int]:
        return []

    def evolve(self, state: list[int], record: Record) -> list[int]:
        return [*state, record.position]


def ask(ledger: Ledger, elsewhere: RemoteLedger) -> None:
    reveal_type(ledger.state(status, "c"))  # Status
    reveal_type(ledger.state(board))  # Board
    reveal_type(ledger.state(provenance, "c", as_of=3))  # Provenance
    reveal_type(ledger.state(timeline.said, "c"))  # History
    reveal_type(ledger.state(timeline.recorded, "c"))  # History
    reveal_type(ledger.state(sources, "s", said_by="2024"))  # Source
    reveal_type(diff.between(ledger.state(status, "c"), ledger.state(status, "c")))  # Diff
    reveal_type(ledger.state(Counted()))  # int
    reveal_type(ledger.state(Listed()))  # Any
    reveal_type(elsewhere.state(status, "c"))  # Status
'''
WRONG = """\
from ledger import Ledger
from projections import board, diff, status
from projections.board import Board


def ask(ledger: Ledger) -> None:
    whole: Board = ledger.state(status, "c")
    ledger.state(status, "c").claims
    ledger.state(diff, "c")
    ledger.state(status, 3)
    ledger.state(status, "c", said_by=3.5)
    diff.between(ledger.state(board), ledger.state(board))
"""


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[int, str]]]:
    """What mypy says of each of the two: lines and what is told there."""
    tmp_path = tmp_path_factory.mktemp("typed")
    files = {"asking": ASKING, "wrong": WRONG}
    for name, code in files.items():
        (tmp_path / f"{name}.py").write_text(code)
    paths = [str(tmp_path / f"{name}.py") for name in files]
    with chdir(ROOT):  # where the packages are
        out, err, _ = api.run(["--strict", "--cache-dir", str(tmp_path / "cache"), *paths])
    assert not err, err
    told: dict[str, list[tuple[int, str]]] = {name: [] for name in files}
    for name, line, text in re.findall(r"(\w+)\.py:(\d+): (?:note|error): (.*)", out):
        told[name].append((int(line), text))
    return told


def test_what_is_asked_tells_a_type_checker_what_is_answered(checked: dict[str, list[tuple[int, str]]]) -> None:
    wanted = [
        (line, re.escape(code.rpartition("# ")[2]))
        for line, code in enumerate(ASKING.splitlines(), 1)
        if "reveal_type" in code
    ]
    assert len(wanted) == len(checked["asking"])
    for (line, name), (at, text) in zip(wanted, checked["asking"], strict=True):
        assert at == line
        assert re.search(rf'Revealed type is "([\w.]+\.)?{name}"', text), text


def test_a_wrong_use_is_refused_before_it_is_run(checked: dict[str, list[tuple[int, str]]]) -> None:
    begins = WRONG.splitlines().index("def ask(ledger: Ledger) -> None:") + 2
    refused = {line for line, _ in checked["wrong"]}
    assert refused == set(range(begins, len(WRONG.splitlines()) + 1)), checked["wrong"]
