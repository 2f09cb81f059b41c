"""How does a whole ledger come in? By the thousand, the next being read while one is waited for to be on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Generic, TypeAlias, TypeVar

from .batch import MAX_BATCH, Receipt
from .errors import LedgerError
from .intake import Entry

T = TypeVar("T")
Exported: TypeAlias = tuple[Entry, int]
"""A record as it comes in: the entry, and its moment in microseconds since 1970-01-01T00:00:00Z."""
Append: TypeAlias = Callable[[list[Exported], Callable[[], None]], list[Receipt]]
"""Appends some records; tells, once, when nothing but the disk is waited for."""


def loaded(exported: Iterable[Exported], append: Append) -> Iterator[Receipt]:
    """The receipts of records that are appended by the thousand, each thousand all or none; lazily.

    What is brought in is taken from `exported` in the caller's own thread, which holds no lock then.
    """
    coming, before = iter(exported), 0
    batch = list(islice(coming, MAX_BATCH))
    while batch:
        appending = _Aside(lambda committing, batch=batch: append(batch, committing))  # type: ignore[misc]
        try:
            appending.wait()
            following = list(islice(coming, MAX_BATCH))
        finally:  # what was appended is told before what went wrong with the next
            yield from _numbered(appending, before)
        before += len(batch)
        batch = following


def _numbered(appending: _Aside[list[Receipt]], before: int) -> list[Receipt]:
    """What an append gave, its errors told by their place in the whole."""
    try:
        return appending.result()
    except LedgerError as error:
        if error.index is not None:
            error.index += before
        raise


class _Aside(Generic[T]):
    """Some work in a thread of its own, which ends with it."""

    def __init__(self, work: Callable[[Callable[[], None]], T]) -> None:
        self._is_waiting = threading.Event()
        self._found: list[T] = []
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(work,), name="claims-loading")
        self._thread.start()

    def wait(self) -> None:
        """Waits until the work itself does nothing but wait, or has ended."""
        self._is_waiting.wait()

    def result(self) -> T:
        """What the work gives, or raises."""
        self._thread.join()
        if self._fault is not None:
            raise self._fault
        return self._found[0]

    def _run(self, work: Callable[[Callable[[], None]], T]) -> None:
        try:
            self._found.append(work(self._is_waiting.set))
        except BaseException as error:
            self._fault = error
        finally:
            self._is_waiting.set()
