"""How long until the command answers, beside a Python that only imports what it must?"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from measure import Bar, Figure, Measured, Setting, figures
from processes import CLAIMS, ran

IMPORTS = (sys.executable, "-c", "import click, msgspec, apsw")
TIMES = 10


@figures(Figure("help_startup", "ms", Bar("<=", 1.3), "python -c 'import click, msgspec, apsw'; median of 10 in turn"))
def help_startup(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """`claims --help`, the whole process."""
    yield "help_startup", _in_turn(setting, [*_claims(), "--help"], 1_000)


@figures(
    Figure("demo_seconds", "s", Bar("<=", 2, "s"), "python -c 'import click, msgspec, apsw'; median of 10 in turn")
)
def demo(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """`claims demo`, the whole process."""
    yield "demo_seconds", _in_turn(setting, [*_claims(), "demo"], 1)


def _in_turn(setting: Setting, command: Sequence[str], in_a_second: int) -> Measured:
    laps = [(ran(setting, command), ran(setting, IMPORTS)) for _ in range(TIMES + 1)]
    return Measured(*(median(one) * in_a_second for one in zip(*laps[1:], strict=True)))


def _claims() -> list[str]:
    """The command as it is installed beside this Python; else what its script would do."""
    script = Path(sys.executable).with_name("claims")
    return [str(script)] if script.exists() else [sys.executable, "-c", CLAIMS]
