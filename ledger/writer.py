"""How do batches come into the log? One writer decides them in order and writes several in one transaction.

As a rule nobody else appends, and ids are new. So a batch alone is decided by what was known after the last append of
this writer; the condition of the append fails where that is old, and only then is the log read again.
"""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final, TypeAlias

from . import when
from .batch import Batch, Decided, Receipt, TooOld, unless
from .deciding import Deciding, PutOver
from .errors import Busy, LedgerError, Refused
from .ids import Ids
from .known import Known
from .store import Appended, Head, Overtaken, Store

_AHEAD_US: Final = 5_000_000
_ATTEMPTS: Final = 50
_REMEMBERED_CLAIMS: Final = 500_000

Answer: TypeAlias = list[Receipt] | LedgerError
"""What became of a batch: a receipt for each of its events, or why none of it was written."""


class ClockBehind(UserWarning):
    """This machine's clock is behind the ledger's last record; new records take the time of the last."""


class Writer:
    """Appends batches to a store; any thread may use it. `clock_us` tells microseconds since 1970-01-01T00:00:00Z."""

    whoever: str | None = None
    """The recorder's name in what is decided here, where only the store knows the real one."""

    def __init__(self, store: Store, clock_us: Callable[[], int]) -> None:
        self._store = store
        self._clock_us = clock_us
        self.new_id = Ids()
        self._appending = threading.Lock()
        self._at = Head(0, 0)  # after the last append of this writer, where nobody else had appended; else (0, 0)
        self._registered: set[str] = set()  # claims known to be registered there
        self._replaying = False

    def append(self, batch: Batch, committing: Callable[[], None] | None = None) -> list[Receipt]:
        """Appends a batch; durable when it returns. Raises what `Ledger.append` does.

        `committing` is called when nothing is left but to wait until it is, if anything is written.
        """
        [answer] = self.append_first([batch], committing)
        if isinstance(answer, LedgerError):
            raise answer
        return answer

    def append_each(self, batches: Sequence[Batch]) -> Iterator[Answer]:
        """Appends independent batches, as many at once as can be; gives each answer when it is durable."""
        while batches:
            answers = self.append_first(batches)
            batches = batches[len(answers) :]
            yield from answers

    def append_first(self, batches: Sequence[Batch], committing: Callable[[], None] | None = None) -> list[Answer]:
        """Appends in one transaction the first batch, and those after it that need not wait for its positions.

        What the store raises, the disk's errors among it, is about all of them.
        """
        with self._appending:
            look = self._replaying or len(batches) > 1
            for _ in range(_ATTEMPTS):
                try:
                    return self._append_once(batches, look, committing)
                except Overtaken:
                    look = True
                except Refused:  # by the clock, once the lock was held
                    if look:
                        raise
                    look = True
        raise Busy(f"overtaken {_ATTEMPTS} times by others, who append to what this goes by; try again")

    def deciding(self) -> Deciding:
        """Decides on the ledger as it is now, of which nothing was read yet; what it decides is not written."""
        return Deciding(
            self._store,  # by connections that wait for no writer
            self._store.head(),
            Known(),
            now_us=self._clock_us(),
            new_id=self.new_id,
            whoever=self.whoever,
        )

    def _append_once(self, batches: Sequence[Batch], look: bool, committing: Callable[[], None] | None) -> list[Answer]:
        start = self._store.head() if look or not self._at.position else self._at
        # What was read of the rules stays good for as long as nobody else has appended.
        known = Known(self._registered if self._at.position == start.position else None)
        self._registered, self._at = set(), Head(0, 0)
        deciding = Deciding(self._store.to_append, start, known, now_us=self._clock_us(), new_id=self.new_id)
        if look:
            deciding.look_up(item for batch in batches for item in batch.incoming)
        decided = _decided(batches, deciding)
        if not look and any(isinstance(one, LedgerError) for one in decided):
            self._remember(deciding.known, start)
            raise Overtaken("what was known may be old")
        self._replaying = any(isinstance(one, Decided) and one.replays for one in decided)
        if not deciding.drafts:
            self._remember(deciding.known, start)
            return _answers(decided, 0, when.EPOCH)
        done = self._written(batches, decided, deciding, committing)
        if done.first == start.position + 1:
            self._remember(deciding.known, Head(done.last, done.recorded_at))
        return _answers(decided, done.first, when.moment(done.recorded_at))

    def _written(
        self,
        batches: Sequence[Batch],
        decided: Sequence[Decided | LedgerError],
        deciding: Deciding,
        committing: Callable[[], None] | None,
    ) -> Appended:
        times = [draft.recorded_at for draft in deciding.drafts if draft.recorded_at is not None]
        kept = ((batch, one) for batch, one in zip(batches, decided, strict=False) if isinstance(one, Decided))
        return self._store.append(
            deciding.drafts,
            unless=unless(kept, deciding.known),
            after=deciding.head.position,
            clock=lambda last: self._clock(last, times),
            committing=committing,
        )

    def _remember(self, known: Known, at: Head) -> None:
        if len(known.registered) <= _REMEMBERED_CLAIMS:
            self._registered, self._at = known.registered, at

    def _clock(self, last: int, times: Sequence[int]) -> int:
        now = self._clock_us()
        if times:
            previous = last
            for time_ in times:
                if time_ < previous:
                    raise TooOld("a record of", time_, previous)
                previous = time_
            if previous > now + _AHEAD_US:
                raise Refused(
                    f"a record of {when.stamp(previous)} lies ahead of this machine's clock, {when.stamp(now)}"
                )
            return previous
        if last > now:
            name = self._store.name
            warnings.warn(  # in the same words each time, so that it is shown once
                f"{name} is ahead of this machine's clock; the time of its last record is used again until then",
                ClockBehind,
                stacklevel=2,
            )
        return max(now, last)


def now_us() -> int:
    """This machine's clock, in microseconds since 1970-01-01T00:00:00Z."""
    return time.time_ns() // 1_000


def _decided(batches: Sequence[Batch], deciding: Deciding) -> list[Decided | LedgerError]:
    """What becomes of the first batches, up to one that has to wait for the positions of those."""
    decided: list[Decided | LedgerError] = []
    for batch in batches:
        try:
            one = deciding.decide(batch)
        except PutOver:
            break
        except LedgerError as error:
            decided.append(error)
        else:
            deciding.keep(one)
            decided.append(one)
    return decided


def _answers(decided: Sequence[Decided | LedgerError], first: int, recorded_at: datetime) -> list[Answer]:
    """The answers to batches of which the first draft is written at this position and moment."""
    answers: list[Answer] = []
    for one in decided:
        if isinstance(one, LedgerError):
            answers.append(one)
        else:
            answers.append(one.receipts(first, recorded_at))
            first += len(one.drafts)
    return answers
