"""What the tests share: `--slow`, the helpers that lie beside them, and an answer written in one line."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent

# Tests import their helpers (`oracle`) by name; in importlib mode pytest itself puts nothing on the path.
sys.path[:0] = [str(HERE), str(HERE / "benchmarks")]
pytest_plugins = ("ledgers", "reader", "remote", "stores")


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell has what it runs in the background ignore interrupts, and whatever that starts: tests send some.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also what takes longer: more random ledgers, more examples")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without `--slow`, slow tests are left out of the run; a skip would look like something missing."""
    if not config.getoption("--slow"):
        slow = [item for item in items if "slow" in item.keywords]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if "slow" not in item.keywords]


@pytest.fixture(scope="session")
def seeds() -> Path:
    """The folder with the seeds."""
    return HERE.parent / "seeds"


@pytest.fixture(scope="session")
def shown() -> Callable[[Any], str]:
    """Writes a status as people read it: `disputed [1,1]/[2,2] + reversal`.

    Left out are the opposition where nobody opposes, support where nobody does either, and the flag
    `source-unregistered`, which all short stories share.
    """

    def line(answer: Any) -> str:
        support, opposition = (
            f"[{side.provable},{side.possible}]" if side.possible else ""
            for side in (answer.support, answer.opposition)
        )
        interval = f"{support or '[0,0]'}/{opposition}" if opposition else support
        flags = [flag for flag in answer.flags if flag != "source-unregistered"]
        return " + ".join([f"{answer.status} {interval}".strip(), *flags])

    return line
