"""What does a process take, its start and its end counted?"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from measure import Setting

import ledger

CLAIMS = "from ledger.cli import main; main()"
"""What the installed command does."""


class Ran(NamedTuple):
    """How long a process took, and the most memory it had."""

    seconds: float
    peak_mb: float


def ran(setting: Setting, words: Sequence[str], **environment: str) -> float:
    """Runs a command to its end, in the run's directory, and gives the seconds. Raises RuntimeError where it failed."""
    path = {"PYTHONPATH": str(Path(ledger.__file__).parents[1])}
    started = time.perf_counter()
    done = subprocess.run(
        words, cwd=setting.directory, env={**os.environ, **path, **environment}, capture_output=True, check=False
    )
    seconds = time.perf_counter() - started
    if done.returncode:
        told = done.stderr.decode(errors="replace")[-2_000:]
        raise RuntimeError(f"{' '.join(words)[:500]} ended with {done.returncode}: {told}")
    return seconds


def ran_python(setting: Setting, code: str, *arguments: str) -> Ran:
    """Runs Python code in a process of its own, whose memory is its own too."""
    peak = setting.path("peak")
    seconds = ran(setting, [sys.executable, "-c", _PEAK + code, *arguments], PEAK=str(peak))
    return Ran(seconds, int(peak.read_text()) / 1024)


@cache
def idle(setting: Setting) -> Ran:
    """A process that opens nothing, but could."""
    return ran_python(setting, "import ledger.store.sqlite")


# What getrusage tells of a child begins with what its parent had.
_PEAK = """
import atexit, os
@atexit.register
def tell():
    with open("/proc/self/status") as status, open(os.environ["PEAK"], "w") as peak:
        peak.write(next(line for line in status if line.startswith("VmHWM")).split()[1])
"""
