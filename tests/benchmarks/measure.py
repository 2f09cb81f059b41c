"""What is a figure? A value beside its floor, both measured in this run, in turn, on this machine.

A module of figures declares them with `figures`, above the function that measures them all:

    @figures(Figure("bulk_append", "events/s", Bar(">=", 0.4)))
    def bulk(setting: Setting) -> Iterator[tuple[str, Measured]]: ...

A floor is the least that anybody must do for the same result: a bare driver writing the same rows, a bare SELECT of the
same records. A ratio of two things measured in turn says something; a bare number says what else the machine did.
"""

from __future__ import annotations

import gc
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple


class Measured(NamedTuple):
    """A value, and its floor in the same unit."""

    value: float
    floor: float

    @property
    def ratio(self) -> float:
        return self.value / self.floor if self.floor else float("nan")


class Bar(NamedTuple):
    """What a figure should reach: a limit to the ratio, or to the value where a unit is named."""

    sign: str
    limit: float
    unit: str = "x"

    def __str__(self) -> str:
        return f"{self.sign} {self.limit:g}{'' if self.unit == 'x' else ' '}{self.unit}"

    def is_met(self, measured: Measured) -> bool:
        reached = measured.ratio if self.unit == "x" else measured.value
        return reached >= self.limit if self.sign == ">=" else reached <= self.limit


class Figure(NamedTuple):
    """The name of a figure, the unit of its value and floor, its bar, and what the floor is."""

    name: str
    unit: str
    bar: Bar | None
    floor: str


@dataclass(frozen=True)
class Setting:
    """What all figures of a run share: its size, and a directory on a real disk that is gone afterwards."""

    events: int
    directory: Path

    @property
    def rounds(self) -> int:
        """How often what takes long is measured."""
        return 1 if self.events >= 100_000 else 3

    def path(self, name: str) -> Path:
        """A place for a file of this run; what lay there before is gone."""
        self.remove(self.directory / name)
        return self.directory / name

    def remove(self, *paths: Path) -> None:
        """Removes files, and what databases have beside them."""
        for path in paths:
            for end in ("", "-wal", "-shm"):
                Path(f"{path}{end}").unlink(missing_ok=True)


Measure = Callable[[Setting], Iterator[tuple[str, Measured]]]


class Group(NamedTuple):
    """Figures that are measured together, and how."""

    figures: Sequence[Figure]
    measure: Measure


GROUPS: list[Group] = []


def figures(*declared: Figure) -> Callable[[Measure], Measure]:
    """Declares the figures that a function measures; it yields each name once, with what it measured."""

    def register(measure: Measure) -> Measure:
        GROUPS.append(Group(declared, measure))
        return measure

    return register


class Watch:
    """Adds up, or lists, how long something takes, in seconds."""

    def __init__(self) -> None:
        self.laps: list[float] = []

    @contextmanager
    def lap(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.laps.append(time.perf_counter() - started)

    @property
    def total(self) -> float:
        return sum(self.laps)

    def percentile(self, percent: int) -> float:
        """What so many of a hundred laps do not exceed, in milliseconds."""
        return quantiles(self.laps, n=100, method="inclusive")[percent - 1] * 1_000


@contextmanager
def settled() -> Iterator[None]:
    """The collector runs as it does for any caller, but over what is made here, not over what was there before."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def workplace(events: int, under: str | None) -> Iterator[Setting]:
    """A setting with a directory of its own, on a disk unless told otherwise."""
    directory = Path(tempfile.mkdtemp(prefix="claims-benchmark-", dir=under or _on_disk()))
    try:
        yield Setting(events, directory)
    finally:
        shutil.rmtree(directory)


def filesystem(path: Path) -> str:
    """The type of the file system that holds a path, as far as the system tells."""
    try:
        mounts = [line.split()[1:3] for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return "unknown"
    found = [(len(Path(point).parts), kind) for point, kind in mounts if path.resolve().is_relative_to(point)]
    return max(found, default=(0, "unknown"))[1]


def _on_disk() -> str:
    """A directory for temporary files where a sync reaches a disk."""
    places = [tempfile.gettempdir(), "/var/tmp", str(Path.cwd())]
    for place in places:
        if Path(place).is_dir() and filesystem(Path(place)) not in ("tmpfs", "ramfs"):
            return place
    print(
        "no disk found for temporary files: durable writes will look faster than they are (see --dir)", file=sys.stderr
    )
    return places[0]
