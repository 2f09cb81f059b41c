"""Scripts that tests run in processes of their own, with the package that is being tested."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path

import ledger

HOME = str(Path(ledger.__file__).parents[1])


def started(script: str, *args: object, prelude: str = "") -> subprocess.Popen[str]:
    """A process that runs a script; what it prints, also to stderr, is read from it."""
    path = os.pathsep.join(filter(None, [HOME, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(prelude) + textwrap.dedent(script), *map(str, args)],
        env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def side_by_side(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    """Lets processes go on at one moment, once each has printed that it is ready; gives what they printed after."""
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60) for process in processes]
    assert [(process.returncode, errors) for process, (_, errors) in zip(processes, said, strict=True)] == [
        (0, "")
    ] * len(processes)
    return [out for out, _ in said]
