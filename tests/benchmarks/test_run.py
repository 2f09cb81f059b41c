"""The benchmarks run and report in the form that others read; how fast it was is nobody's business here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import apsw
from peer import Peer

import ledger
from ledger.records import ACTS
from ledger.synthetic import synthetic

AGREED = (
    "bulk_append", "single_append", "import", "import_peak_mb", "rebuild_status", "rebuild", "rebuild_both_cores",
    "rebuild_vs_eventsourcing", "rebuild_peak_mb", "hot_claim", "claim_status_growth", "board_as_of_vs_now",
    "board_page_ms", "catch_up_vs_append", "catch_up_relations", "group_commit", "group_commit_slow_disk",
    "service_append", "service_claim", "service_said_by_delay_ms",
    "stream_clients", "stream_delivery",
)  # fmt: skip
RUN = Path(__file__).with_name("run.py")


def run(*arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(Path(ledger.__file__).parents[1])}
    command = [sys.executable, str(RUN), "--events", "1000", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout


def test_every_figure_stands_beside_its_floor(tmp_path: Path) -> None:
    found = json.loads(run("--json", "--only", "help_startup", "--dir", str(tmp_path)))
    assert found.keys() == {"help_startup"}
    figure = found["help_startup"]
    assert figure.keys() == {"value", "floor", "ratio", "unit"}
    assert figure["ratio"] == figure["value"] / figure["floor"]
    assert not list(tmp_path.iterdir())  # it cleans up


def test_help_names_the_figures() -> None:
    told = run("--help").replace(",", " ").split()
    assert [name for name in AGREED if name not in told] == []


def test_answers_are_compared_beside_the_figures(tmp_path: Path) -> None:
    told = run("--only", "--triples", "5", "--dir", str(tmp_path))
    assert "5 triples of claim, as_of and said_by in three ways" in told
    assert told.endswith("none differ\n")


def test_the_peer_takes_in_every_act_as_often_as_it_is_told_to(tmp_path: Path) -> None:
    told = list(synthetic(400))
    acts = Counter((claim, type(entry.event)) for entry, _ in told for claim in getattr(entry.event, "claims", ()))
    with Peer(tmp_path / "peer.db", iter(told)) as peer:
        for board in (tmp_path / "one.db", tmp_path / "two.db"):
            peer.rebuilt(board, synced=False)
            with closing(apsw.Connection(str(board))) as connection:
                rows = connection.execute("SELECT claim, statements, denials, assessments FROM board").fetchall()
            found = {(claim, act): n for claim, *counts in rows for act, n in zip(ACTS, counts, strict=True) if n}
            assert found == {pair: n for pair, n in acts.items() if pair[1] in ACTS}
