"""Does the service do what its own description says, whatever is asked? Tried by a tool that reads nothing else.

schemathesis asks every operation of the live `/openapi.json` of a real server, with what the description allows and
with what it forbids, and holds every answer against it: no operation and no check is left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.story import told
from ledger.tokens import Tokens

HERE = Path(__file__).parent
SEED = "20261129"


@pytest.fixture
def token(tmp_path: Path) -> str:
    """A token for everything, so that whatever is asked without one must be refused."""
    with told(str(tmp_path / "claims.db")):
        return Tokens.beside(str(tmp_path / "claims.db")).create("tester", ["admin"])


@pytest.fixture
def url(tmp_path: Path, token: str) -> Iterator[str]:
    command = [sys.executable, str(HERE / "served_briefly.py"), str(tmp_path / "claims.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout is not None
            yield serving.stdout.readline().strip()
        finally:
            serving.terminate()


def tried(url: str, token: str, phases: str, examples: int, folder: Path) -> subprocess.CompletedProcess[str]:
    """What schemathesis says of a service."""
    command = [str(Path(sys.executable).with_name("schemathesis")), "--no-color"]
    command += ["--config-file", str(HERE / "schemathesis.toml"), "run", f"{url}openapi.json"]
    command += ["--header", f"Authorization: Bearer {token}", "--checks", "all", "--phases", phases]
    command += ["--max-examples", str(examples), "--seed", SEED, "--generation-deterministic"]
    python = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = os.environ | {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": python}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def test_the_service_does_what_its_description_says(url: str, token: str, tmp_path: Path) -> None:
    ran = tried(url, token, "examples,fuzzing,stateful", 5, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
def test_the_service_does_what_its_description_says_at_every_edge(url: str, token: str, tmp_path: Path) -> None:
    ran = tried(url, token, "examples,coverage,fuzzing,stateful", 30, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
