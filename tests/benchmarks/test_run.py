"""The benchmarks run and report in the form that others read; how fast it was is nobody's business here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import ledger

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
    assert "single_append, claim_status_ms" in " ".join(run("--help").split())
