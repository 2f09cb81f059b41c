"""What is the ledger shown with? The seed article, in the order and at the times in which it was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from . import intake
from .errors import NotFound, UsageError
from .intake import Entry
from .ledger import Ledger

#: Which file was recorded when. The times are fixed, so that the story is the same on every run.
_FILES: Final = (
    ("10-register.ndjson", datetime(2024, 10, 11, 9, 0, tzinfo=UTC)),
    ("20-acts.ndjson", datetime(2024, 10, 11, 9, 30, tzinfo=UTC)),
    ("30-amendment.ndjson", datetime(2024, 10, 14, 16, 0, tzinfo=UTC)),
)
_RECORDER: Final = "demo desk"


@contextmanager
def told(path: str) -> Iterator[Ledger]:
    """The ledger of the story at a path, where it is told now or stands already."""
    with Ledger.open(path, recorded_by=_RECORDER, clock=lambda: clock[0]) as ledger:
        clock = [_FILES[0][1]]
        _load(ledger, clock)
        yield ledger


def seeds() -> Traversable | Path:
    """The folder of the seed files: in the installed package, else in the checkout it is run from."""
    installed = files("ledger") / "_seeds"
    return installed if installed.is_dir() else Path(__file__).resolve().parents[1] / "seeds"


def _load(ledger: Ledger, clock: list[datetime]) -> None:
    """Appends the seeds, each file on its own day. A ledger that holds them already is left as it is."""
    batches = [(_entries(name), at) for name, at in _FILES]
    told = [entry.id for entries, _ in batches for entry in entries]
    if ledger.head and [record.id for record in ledger.events()] != told:
        raise UsageError(f"{ledger.name} holds other records; give a file that does not exist yet")
    for entries, at in batches:
        clock[0] = at
        ledger.append_all(entries)


def _entries(name: str) -> list[Entry]:
    try:
        lines = (seeds() / name).read_bytes().splitlines()
    except FileNotFoundError:
        raise NotFound(f"the seed file {name} is not in this installation; install claim-ledger anew") from None
    return [intake.entry(line) for line in lines if line.strip()]
