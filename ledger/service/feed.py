"""What has been recorded lately, for all who listen? Read once, encoded once, however many they are.

One reader waits for what comes and wakes all who listen. The last records are kept ready; who is further behind is read
to from the store, page by page, beside the event loop and few at a time. Either way a client's place is one position:
what it is given begins right after it, and the place it is given back is as far as was looked.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Final

from ledger import Ledger, LedgerError
from ledger.ledger import Stretch
from ledger.store import Kept, Stored
from projections.views.file import ledger_id

from .recent import EVERYTHING, Batch, Frame, Recent, Wanted, batch, frame
from .settings import Settings

_PAGE: Final = 128
_WAIT_S: Final = 0.25
_PARTING_S: Final = 1.0
_AT_ONCE: Final = 2
_AT_A_TIME: Final = 50

_log: Final = logging.getLogger(__name__)


class Listener:
    """One who listens: woken when there is news, after a silence, and when it is over.

    Its deadline is only set when it is to end, and its times are only looked at now and then: a timer for each message
    to each client would cost as much as what is sent.
    """

    __slots__ = ("_deadline", "_may_stay", "_news", "due", "gone", "over", "saying_since")

    def __init__(self, deadline: asyncio.Timeout, may_stay: Callable[[], bool]) -> None:
        self._deadline = deadline
        self._may_stay = may_stay
        self._news = asyncio.Event()
        self.due = 0.0
        """When it is to be woken even without news."""
        self.saying_since: float | None = None
        """Since when it has been sending something that is not read."""
        self.gone = False
        """Whether the other side has gone."""
        self.over = False
        """Whether it may not listen any longer."""

    def look(self) -> None:
        """Called before looking: what comes from now on wakes, even where it was seen."""
        self._news.clear()

    def wake(self) -> None:
        """There may be something new."""
        self._news.set()

    async def news(self) -> None:
        """Waits to be woken."""
        await self._news.wait()

    def tend(self, now: float, patience_s: float) -> None:
        """Wakes it where something is due; ends it where it has been sending for too long, or may not stay."""
        if not self.over and not self._may_stay():
            self.over = True
            self.part(now + _PARTING_S)
        elif self.saying_since is None:
            if now >= self.due:
                self.wake()
        elif now - self.saying_since >= patience_s:
            self.part(now)

    def part(self, at: float) -> None:
        """Lets it go: woken now, it may say a last word until then."""
        if not self._deadline.expired():
            self._deadline.reschedule(at)
        self.wake()


class Feed:
    """A ledger as it grows, for all who listen. Begins with the first of them; ended by the service.

    Its methods are for the event loop.
    """

    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        self.listeners: set[Listener] = set()
        self.dropped = 0
        """How many clients were let go because they read too slowly."""
        self.ended = False
        self.ledger = ledger
        self.settings = settings
        self.recent = Recent(0, 1, 1)
        """What those who are not behind are given from; begins anew with the first who listens."""
        self._running: list[asyncio.Task[None]] = []
        self._watcher = ThreadPoolExecutor(1, "feed-watcher")
        self._readers = ThreadPoolExecutor(_AT_ONCE, "feed-reader")

    @cached_property
    def mark(self) -> str:
        """By which the ids of this ledger's stream are known: a digest of its id, which may hold any character.

        Only of a ledger that holds a record.
        """
        return hashlib.sha256(ledger_id(self.ledger).encode()).hexdigest()[:16]

    @property
    def upto(self) -> int:
        """How far the ledger has been read, for those who are not behind."""
        return self.recent.upto

    def listen(self, deadline: asyncio.Timeout, may_stay: Callable[[], bool]) -> Listener:
        """Takes in one more who listens, until it has left, or is found not to be allowed to stay."""
        if not self._running and not self.ended:
            after = max(0, self.ledger.head - self.settings.stream_kept)
            self.recent = Recent(after, self.settings.stream_kept, self.settings.stream_kept_bytes)
            self._running = [asyncio.create_task(self._watch()), asyncio.create_task(self._tend())]
        listener = Listener(deadline, may_stay)
        self.listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        """One does not listen any longer."""
        self.listeners.discard(listener)

    async def next(self, position: int, wanted: Wanted) -> Batch:
        """What is wanted after a position, and how far was looked. Raises LedgerError where it cannot be read."""
        if position >= self.recent.floor:
            return self.recent.since(position, wanted)
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.page, position, wanted)

    def page(self, position: int, wanted: Wanted) -> Batch:
        """The same from the store; not for the event loop."""
        if wanted == EVERYTHING:  # to look up what nobody asks for, the tags, takes longer than all the rest
            until = min(self.ledger.head, position + _PAGE)
            found = self.ledger.stored(after=position, as_of=until)
            return batch(map(self._encoded, found), until)
        stretch = self.ledger.stretch(
            claim=wanted.claim, source=wanted.source, types=wanted.types, after=position, limit=_PAGE
        )
        return batch((self._encoded((kept.position, kept.data)) for kept in stretch.records), stretch.upto)

    def news(self, after: int) -> tuple[list[Frame], int] | None:
        """What came after a position; None where nothing does for a moment. Not for the event loop."""
        if not self.ledger.wait(after, _WAIT_S):
            return None
        stretch: Stretch = self.ledger.stretch(after=after, limit=_PAGE)
        return [self._frame(kept) for kept in stretch.records], stretch.upto

    def end(self) -> None:
        """Lets all who listen go; idempotent."""
        if not self.ended:
            self.ended = True
            for listener in self.listeners:
                listener.part(asyncio.get_running_loop().time() + _PARTING_S)

    async def stop(self) -> None:
        """Ends, and returns when nothing of it runs any more; idempotent."""
        self.end()
        await asyncio.gather(*self._running)
        self.close()

    def close(self) -> None:
        """Ends its threads, also where nobody ran what it was part of to its end; idempotent. For any thread."""
        self.ended = True
        self._watcher.shutdown()
        self._readers.shutdown(cancel_futures=True)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while not self.ended:
            try:
                news = await loop.run_in_executor(self._watcher, self.news, self.recent.upto)
            except LedgerError:  # a disk that fails for a while: who listens stays, and misses nothing
                _log.exception("the ledger could not be read for its stream; trying again")
                await asyncio.sleep(_WAIT_S)
                continue
            if news is not None:
                self.recent.take_in(*news)
                await self._wake()

    async def _wake(self) -> None:
        """Wakes all, some at a time: what else the event loop has to do is done in between."""
        for number, listener in enumerate(tuple(self.listeners), 1):
            listener.wake()
            if number % _AT_A_TIME == 0:
                await asyncio.sleep(0)

    async def _tend(self) -> None:
        loop, patience_s = asyncio.get_running_loop(), self.settings.stream_patience_s
        while not self.ended:
            await asyncio.sleep(min(_WAIT_S, self.settings.stream_heartbeat_s, patience_s))
            now = loop.time()
            for listener in self.listeners:
                listener.tend(now, patience_s)

    def _frame(self, kept: Kept) -> Frame:
        return Frame(*self._encoded((kept.position, kept.data)), kept.type, frozenset(kept.tags))

    def _encoded(self, stored: Stored) -> tuple[int, bytes]:
        return stored[0], frame(self.mark, *stored)
