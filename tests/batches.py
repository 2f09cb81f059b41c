"""Batches that are appended with others: to what ledger, what becomes of each, and how many events a commit has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ledgers import T0, entry, registers, states

from ledger import Entry, Ledger, LedgerError, Receipt
from ledger.events import Event


def opened(url: str | Path = ":memory:") -> Ledger:
    return Ledger.open(url, recorded_by="the desk", clock=lambda: T0)


@contextmanager
def begun() -> Iterator[Ledger]:
    """A ledger with a claim and a statement."""
    with opened() as one:
        one.append_all([entry("x", registers("x")), entry("s", states("x"))])
        yield one


def told(answer: list[Receipt] | LedgerError) -> Any:
    """An answer as it can be compared: ids that the ledger gave are random."""
    if isinstance(answer, LedgerError):
        positions, pointer = getattr(answer, "positions", None), getattr(answer, "pointer", None)
        return type(answer), str(answer), answer.index, positions, pointer
    return [(r.position, r.recorded_at, r.replayed) for r in answer]


def together(ledger: Ledger, *batches: Sequence[Event | Entry], **options: Any) -> list[Any]:
    """What becomes of batches that are appended at once: positions, or the type of an error."""
    answers = ledger.append_each([ledger.batch(batch, **options) for batch in batches])
    return [type(a) if isinstance(a, LedgerError) else [r.position for r in a] for a in answers]


@contextmanager
def commits(ledger: Ledger) -> Iterator[list[int]]:
    """How many events each commit from here on has."""
    store, sizes = ledger._store, list[int]()
    append = store.append

    def counted(drafts: Any, **options: Any) -> Any:
        done = append(drafts, **options)
        sizes.append(len(drafts))
        return done

    store.append = counted  # type: ignore[method-assign]
    yield sizes
    store.append = append  # type: ignore[method-assign]
