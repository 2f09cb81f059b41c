"""The README is true: its two commands, its console blocks and its Python, run against the installed package."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from contextlib import closing
from pathlib import Path

import pytest
from served import Asked

import ledger
from ledger import Ledger
from ledger.service import Service

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def console_steps() -> list[tuple[str, str]]:
    """Every command of the console blocks with the output printed under it."""
    steps: list[tuple[str, str]] = []
    for kind, body in BLOCK.findall(README):
        if kind == "console":
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                steps.append((command, output))
    return steps


def run_console(folder: Path) -> list[tuple[str, str, str]]:
    """(command, expected, printed) of every console step, run one after another in a folder."""
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "TZ": "UTC"}
    for name in ("CLAIMS_DB", "COLUMNS", "PYTHONPATH"):
        environment.pop(name, None)
    environment["LOGNAME"] = "desk"
    done = []
    for command, expected in console_steps():
        if command.startswith("export "):
            name, value = command.removeprefix("export ").split("=", 1)
            environment[name] = value
            continue
        ran = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, f"{command}\n{ran.stderr}"
        done.append((command, expected, ran.stdout))
    return done


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("readme")


def test_the_console_blocks_print_what_the_readme_shows(folder: Path) -> None:
    shown = run_console(folder)
    assert len(shown) >= 12
    for command, expected, printed in shown:
        assert masked(printed) == masked(expected), f"$ {command}"


def masked(text: str) -> str:
    """Ids and times of the moment, which no two runs share, made alike."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", "<id>", text)
    return re.sub(r"20(2[5-9]|[3-9]\d)-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( UTC|Z)?", "<now>", text).rstrip()


def test_the_python_blocks_run_as_written(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not (folder / "seed.db").exists():
        run_console(folder)
    monkeypatch.chdir(folder)
    blocks = [(kind, body) for kind, body in BLOCK.findall(README) if kind in ("python", "")]
    namespace: dict[str, object] = {}
    ran = 0
    for (kind, body), (next_kind, expected) in zip(blocks, [*blocks[1:], ("python", "")], strict=True):
        if kind == "python":
            exec(compile(body, "README.md", "exec"), namespace)
            printed = capsys.readouterr().out
            ran += 1
            assert printed == (expected if next_kind == "" else "")
    assert ran >= 8


def test_whatever_may_be_raised_has_a_row_that_tells_what_to_do() -> None:
    _, _, table = README.partition("| what is raised | and what to do |\n")
    first = [row.split(" | ")[0] for row in table.partition("\n\n")[0].splitlines()]
    told = set(re.findall(r"`(\w+)`", " ".join(first)))
    public = {name: getattr(ledger, name) for name in ledger.__all__}
    assert told >= {
        name for name, what in public.items() if isinstance(what, type) and issubclass(what, (Exception, Warning))
    }


def test_what_is_sent_over_http_is_taken(tmp_path: Path) -> None:
    sent = re.findall(r"""(?s)-H "Content-Type: (\S+)" "http://127.0.0.1:8000(\S+)" -d '(.*?)'""", README)
    assert sent
    with Ledger.open(tmp_path / "claims.db") as book, closing(Service(book)) as service:
        for kind, path, body in sent:
            answers = [Asked(service).post(path, content=body, headers={"content-type": kind}) for _ in range(2)]
            assert [answer.status_code for answer in answers] == [201, 200]


def test_the_two_commands_stand_word_for_word() -> None:
    assert "\npip install . && claims demo\n" in README
    assert "\npip install '.[test]' && pytest\n" in README
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "test" in project["optional-dependencies"]


def test_the_tests_run_against_the_installed_package() -> None:
    here = Path(ledger.__file__).is_relative_to(ROOT)
    assert here is _is_editable(), "run `pytest`: `python -m pytest` tests this folder, not what is installed"


def _is_editable() -> bool:
    from importlib.metadata import distribution

    direct = distribution("claim-ledger").read_text("direct_url.json") or ""
    return '"editable": true' in direct
