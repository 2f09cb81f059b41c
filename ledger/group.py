"""How do many append at once? One thread writes; whoever comes while it commits shares the next transaction.

Nobody waits for more company: alone, a batch is committed at once, and the busier it gets, the more a commit carries.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Final, NamedTuple, Self, TypeAlias, TypeVar

from msgspec import Struct

from .batch import MAX_BATCH, Batch, Brought, Receipt
from .errors import Busy, LedgerError, UsageError
from .events import Event
from .intake import Entry
from .ledger import Ledger
from .records import Record

_T = TypeVar("_T")
#: So many may wait, in however few batches.
_MOST_EVENTS: Final = 100 * MAX_BATCH
_SHORTEST_S: Final = 0.1

Answer: TypeAlias = "Future[list[Receipt]]"


class Counts(Struct, frozen=True, kw_only=True):
    """What a writer has done since it began, and what waits now."""

    waiting: int
    """Batches that wait for their commit to begin."""
    refused: int
    """Batches that found the queue full."""
    groups: int
    """Groups that were taken to be committed together."""
    batches: int
    """Batches in them, the bad ones included."""
    events: int
    """Events in those."""

    @property
    def group_size(self) -> float:
        """How many batches a group had, in the mean; 0 where there was none."""
        return self.batches / self.groups if self.groups else 0.0


class _Awaited:
    """The answer to one who waits for it and does nothing else: a lock does what a future does in a tenth less time."""

    __slots__ = ("_done", "_error", "_receipts")

    def __init__(self) -> None:
        self._done = threading.Lock()
        self._done.acquire()
        self._receipts: list[Receipt] = []
        self._error: BaseException | None = None

    def set_running_or_notify_cancel(self) -> bool:
        return True

    def set_result(self, receipts: list[Receipt]) -> None:
        self._receipts = receipts
        self._done.release()

    def set_exception(self, error: BaseException) -> None:
        self._error = error
        self._done.release()

    def result(self) -> list[Receipt]:
        with self._done:
            if self._error is not None:
                raise self._error
            return self._receipts


class _Waiting(NamedTuple):
    batch: Batch | Brought
    events: int
    answer: Answer | _Awaited


class GroupCommit:
    """The one that writes to a ledger what many threads bring, in as few transactions as can be.

    At most `waiting` batches wait, and 100,000 events; who comes then is refused. A transaction has at most `together`
    events, or a batch that has more by itself. It is a context manager; the ledger stays open when it ends. After a
    fork the child must make its own, of a ledger of its own. Raises UsageError for numbers below 1.
    """

    def __init__(self, ledger: Ledger, *, waiting: int = 1_000, together: int = MAX_BATCH) -> None:
        for name, number in (("waiting", waiting), ("together", together)):
            if isinstance(number, bool) or not isinstance(number, int) or number < 1:
                raise UsageError(
                    f"{name} is a whole number, 1 at least, not {number!r}: else nothing could be appended"
                )
        self._ledger = ledger
        self._most = waiting
        self._together = together
        self._pid = os.getpid()
        self._news = threading.Condition(threading.Lock())
        self._queue: deque[_Waiting] = deque()
        self._events_waiting = 0
        self._closed = False
        self._pace_s = 0.0  # what a batch took lately
        self._refused = self._groups = self._batches = self._events = 0
        # What still waits when the process ends was never answered: nobody needs to wait for the thread.
        self._thread = threading.Thread(target=self._run, name=f"writer of {ledger.name}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def append(
        self,
        entries: Iterable[Event | Entry],
        *,
        expected: int | Receipt | Record | None = None,
        register: bool = False,
    ) -> list[Receipt]:
        """Appends a batch as `Ledger.append_all` does, in company; durable when it returns.

        Raises what that does, Busy where the queue is full, and UsageError after `close`.
        """
        self._check_taking()
        self._check_waiting()
        answer = _Awaited()
        # Whoever waits for the answer can wait for what is wrong as well: what many bring is read together.
        brought = self._ledger.brought(entries, expected=expected, register=register)
        self._bring(answer, brought, len(brought.entries))
        return answer.result()

    def submit(
        self,
        entries: Iterable[Event | Entry],
        *,
        expected: int | Receipt | Record | None = None,
        register: bool = False,
    ) -> Future[list[Receipt]]:
        """Brings a batch to be appended; its future is answered when the batch is durable, or was refused by itself.

        Batches are decided in the order in which they are brought. The future gives or raises what
        `Ledger.append_all` does; one that is cancelled before its commit begins is not written. Its callbacks run in
        the writing thread: they may submit more, but must not wait. Raises Busy where the queue is full, UsageError
        after `close`, and what `Ledger.batch` raises.
        """
        self._check_taking()
        batch = self._ledger.batch(entries, expected=expected, register=register)
        answer: Answer = Future()
        self._bring(answer, batch, len(batch.incoming))
        return answer

    @property
    def counts(self) -> Counts:
        """What was done since it began, and what waits now."""
        with self._news:
            return Counts(
                waiting=len(self._queue),
                refused=self._refused,
                groups=self._groups,
                batches=self._batches,
                events=self._events,
            )

    def close(self) -> None:
        """Takes nothing more, and returns when all that was taken is answered; idempotent.

        In the child of a fork it does nothing.
        """
        if self._pid != os.getpid():
            return
        self._check_waiting()
        with self._news:
            self._closed = True
            self._news.notify()
        self._thread.join()

    def _bring(self, answer: Answer | _Awaited, batch: Batch | Brought, events: int) -> None:
        with self._news:
            self._check()
            self._queue.append(_Waiting(batch, events, answer))
            self._events_waiting += events
            self._news.notify()

    def _check_taking(self) -> None:
        """Refuses before anything is read; after a fork before the lock, which nobody may be there to give back."""
        if self._pid != os.getpid():
            raise UsageError(f"{self._ledger.name} was opened before a fork; open it again in the new process")
        with self._news:
            self._check()

    def _check_waiting(self) -> None:
        """Refuses to wait for the writing thread within it."""
        if threading.current_thread() is self._thread:
            raise UsageError("a callback of a future runs in the thread that writes; it must not wait for it: submit")

    def _check(self) -> None:
        """Refuses where nothing more is taken, or not now."""
        if self._closed:
            raise UsageError(f"{self._ledger.name} takes nothing more to append: its writer was closed")
        waiting = len(self._queue)
        if waiting >= self._most or self._events_waiting >= _MOST_EVENTS:
            self._refused += 1
            raise Busy(
                f"{waiting:,} batches wait to be appended; bring this one again later",
                max(_SHORTEST_S, waiting * self._pace_s),
            )

    def _run(self) -> None:
        while group := self._next():
            started = time.monotonic()
            self._commit(group)
            self._pace_s = (time.monotonic() - started) / len(group)
            self._give_way(len(group))

    def _next(self) -> list[_Waiting]:
        """What is committed together next; empty when there will be nothing more."""
        with self._news:
            while not self._queue and not self._closed:
                self._news.wait()
            group: list[_Waiting] = []
            events = 0
            while self._queue and (not group or events + self._queue[0].events <= self._together):
                group.append(self._queue.popleft())
                events += group[-1].events
            self._events_waiting -= events
            self._groups += bool(group)
            self._batches += len(group)
            self._events += events
        return group

    def _give_way(self, answered: int) -> None:
        """Lets those that were just answered run, and bring what they have next.

        They were woken, but wait for the interpreter's lock: a commit that began now would begin without them. Nothing
        is waited for; this ends when nothing more comes, or as much as was answered.
        """
        before, most = -1, len(self._queue) + answered
        while before < len(self._queue) < most:
            before = len(self._queue)
            time.sleep(0)

    def _commit(self, group: Sequence[_Waiting]) -> None:
        wanted = [one for one in group if one.answer.set_running_or_notify_cancel()]
        unanswered = iter(wanted)
        try:
            for answer in self._ledger.append_each([one.batch for one in wanted]):
                future = next(unanswered).answer
                if isinstance(answer, LedgerError):
                    _answer(future.set_exception, answer)
                else:
                    _answer(future.set_result, answer)
        except BaseException as error:  # the disk's, for one, or a clock's: whoever has no answer was not written
            for one in unanswered:
                _answer(one.answer.set_exception, error)


def _answer(tell: Callable[[_T], None], answer: _T) -> None:
    """Answers a future; what a callback raises to end its thread, as `sys.exit` does, is for `threading.excepthook`."""
    try:
        tell(answer)
    except BaseException:
        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
