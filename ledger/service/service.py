"""What do all handlers share? The ledger, its view, and the answers that were given.

A service that was started has its view kept up, and its long folds done, by processes of their own; without them (a
ledger in memory, an application that is mounted without its lifespan) it does both itself.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib.metadata import version
from typing import Final, TypeVar

from starlette.requests import HTTPConnection

from ledger import GroupCommit, Ledger
from ledger.cuts import NOT_COME, beyond
from ledger.tokens import Tokens
from projections.views import beside
from projections.views.file import VERSION, ledger_id

from .answers import Answer, Answers
from .feed import Feed
from .logs import Log
from .metrics import Metrics
from .owing import Owing
from .problems import NotYet, Overloaded
from .processes import Keeper, Workers
from .questions import Asked, OfSubject, OnBoard, OnPage, TooMuch
from .readers import Readers
from .readiness import Readiness
from .settings import Settings

T = TypeVar("T")
_FEW: Final = 160
"""Records that are folded here; of more, another process takes care."""
_HEAVY_KNOWN: Final = 10_000
_THREADS: Final = 4


class Service:
    """One ledger, served. Made by whoever serves it, closed by them; the ledger stays theirs.

    With `tokens` it is for this machine alone until the first is made, and then for who has one. Without, it is for
    whoever reaches it: somebody else stands before it. Raises UsageError for settings that make no sense.
    """

    def __init__(self, ledger: Ledger, settings: Settings | None = None, tokens: Tokens | None = None) -> None:
        self.ledger = ledger
        self.tokens = tokens
        self.settings = settings or Settings()
        self.settings.check()
        self.log = Log(self.settings.log)
        self.metrics = Metrics()
        self.metrics.watch("position", lambda: ledger.head)
        self.metrics.watch("lag", self.lag)
        self.readiness = Readiness(ledger, self.lag, self.settings)
        self.writer = GroupCommit(ledger, waiting=self.settings.max_waiting)
        self.metrics.watch("queue", lambda: self.writer.counts.waiting)
        self.metrics.watch("groups", lambda: self.writer.counts.groups)
        self.metrics.watch("grouped", lambda: self.writer.counts.batches)
        self.readers = Readers(ledger)
        self.feed = Feed(ledger, self.settings)
        self.metrics.watch("clients", lambda: len(self.feed.listeners))
        self.metrics.watch("dropped", lambda: self.feed.dropped)
        self.answers = Answers(self.settings.answers, self.settings.answers_bytes)
        self.owing = Owing(self.settings.answer_s)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="claims-reading")
        self._flights: dict[Hashable, asyncio.Task[Answer]] = {}
        self._heavy: set[tuple[str, ...]] = set()
        self._keeper: Keeper | None = None
        self._workers: Workers | None = None
        self._board_worker: Workers | None = None
        self._mark = ""

    async def start(self) -> None:
        """Starts the processes that work beside the service, where its ledger is a file."""
        if beside(self.ledger) == ":memory:" or self._workers is not None:
            return
        settings, path = self.settings, self.ledger.file or self.ledger.name
        self._keeper = Keeper(path)
        fold = partial(Workers, path, waiting=settings.max_folds_waiting, within_s=settings.fold_s)
        self._workers, self._board_worker = fold(count=settings.workers), fold(count=1)
        self.readers.kept = True

    def end(self) -> None:
        """Lets go whoever would stay for ever, so that the requests come to an end; on the event loop."""
        self.feed.end()

    async def stop(self) -> None:
        """Ends them; idempotent."""
        await self.feed.stop()
        for flight in list(self._flights.values()):
            flight.cancel()
        await asyncio.gather(*self._flights.values(), return_exceptions=True)
        started = (self._keeper, self._workers, self._board_worker)
        await asyncio.gather(*(one.close() for one in started if one is not None))
        self._keeper = self._workers = self._board_worker = None
        self.readers.kept = False

    def close(self) -> None:
        """Ends what the service began; idempotent."""
        self.feed.close()
        self.writer.close()
        self._threads.shutdown()
        self.readers.close()
        self.log.flush()

    # Reading

    async def answer(self, question: Asked) -> Answer:
        """The answer to a question, which is asked once, however many ask it meanwhile.

        Raises NotYet where it takes too long (the work goes on: ask again), Overloaded where too much is asked already.
        """
        kept = self.answers.get(question)
        if kept is not None:
            return kept
        flight = self._flights.get(question)
        if flight is None:
            if len(self._flights) >= self.settings.max_asked:
                raise Overloaded
            flight = self._flights[question] = asyncio.create_task(self._answered(question))
            flight.add_done_callback(partial(self._landed, question))
        try:
            return await asyncio.wait_for(asyncio.shield(flight), self.settings.answer_s)
        except TimeoutError:
            raise NotYet(f"the answer takes long; it is being worked on{_pinned(question)}") from None

    async def in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        """What some work gives that may block for a moment, and no longer."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    async def made(self) -> int:
        """The position that the view has come to."""
        if self.readers.kept:  # a look into its file, which is shorter than the way to a thread
            return self.readers.made
        return await self.in_thread(lambda: self.readers.made)

    def lag(self) -> int:
        """How many positions the ledger is ahead of the view; not for the event loop."""
        return self.ledger.head - self.readers.made

    async def until(self, position: int, *, on_board: bool = False) -> None:
        """Waits until the ledger, or the view of the board, has come to a position, `wait_s` at most.

        Raises UsageError where the ledger does not hold it by then, NotYet where the view has not come so far.
        """
        if not await self._comes(position, self._head):
            raise beyond(f"position {position}", self.ledger.head, NOT_COME)
        if on_board and not await self._comes(position, self.made):
            raise NotYet(f"the view of the board has not come to position {position} yet")

    def tag(self, position: int, form: str = "") -> str:
        """By which an answer that knows the ledger up to a position is known again (RFC 9110, ETag)."""
        if not self._mark and position:
            made_by = f"{ledger_id(self.ledger)} {VERSION} {version('claim-ledger')}"
            self._mark = hashlib.blake2b(made_by.encode(), digest_size=8).hexdigest()
        return f'W/"{self._mark}-{position}{form}"'

    # Private

    async def _answered(self, question: Asked) -> Answer:
        # Boards take longest by far: what is asked of single claims does not wait for them.
        of_board = isinstance(question, OnBoard) or (isinstance(question, OnPage) and not question.params)
        workers = self._board_worker if of_board else self._workers
        if workers is None:
            return self._kept(question, await self.in_thread(question.answer, self.readers))
        if question.kin not in self._heavy:
            try:
                return self._kept(question, await self.in_thread(question.answer, self.readers, _FEW))
            except TooMuch:
                self._remember(question)
        try:
            return self._kept(question, await workers.ask(question))
        except TimeoutError:
            raise NotYet("the answer took too long to fold, and was given up") from None

    def _kept(self, question: Asked, body: bytes) -> Answer:
        return self.answers.keep(question, body)

    def _remember(self, question: Asked) -> None:
        """What many records bear on, more will."""
        if question.kin:
            if len(self._heavy) >= _HEAVY_KNOWN:
                self._heavy.clear()
            self._heavy.add(question.kin)

    def _landed(self, question: Asked, flight: asyncio.Task[Answer]) -> None:
        del self._flights[question]
        if not flight.cancelled():
            flight.exception()  # looked at, whether or not anybody still waits

    async def _head(self) -> int:
        return self.ledger.head

    async def _comes(self, position: int, made: Callable[[], Awaitable[int]]) -> bool:
        ends = time.monotonic() + self.settings.wait_s
        pause_s = 0.004
        while await made() < position:
            if time.monotonic() >= ends:
                return False
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, 0.1)
        return True


def _pinned(question: Asked) -> str:
    """How the very same answer is asked for, whatever is recorded meanwhile."""
    if isinstance(question, (OfSubject, OnBoard)):
        return f"; ask again, or at any time with as_of={question.as_of}"
    return ""


def of(request: HTTPConnection) -> Service:
    """The service that a request came to."""
    service: Service = request.scope["app"].service
    return service
