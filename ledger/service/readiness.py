"""Can the service do its work now? The ledger is read, its lock taken and given back; nothing is written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

from msgspec import Struct
from starlette.concurrency import run_in_threadpool

from ledger import Ledger, LedgerError

from .problems import Problem
from .settings import Settings

_KEPT_S: Final = 1.0
_AGAIN: Final = {"Retry-After": "1"}


class Ready(Struct, frozen=True):
    """The ledger can be read and appended to, and its view is no more than a little behind."""

    position: int
    """The last position of the ledger."""
    lag: int
    """So many positions the ledger is ahead of its view."""


class Readiness:
    """Whether the service can do its work, looked at once a second at most, however many ask."""

    def __init__(self, ledger: Ledger, lag: Callable[[], int], settings: Settings) -> None:
        self._ledger = ledger
        self._lag = lag
        self._settings = settings
        self._looking = asyncio.Lock()
        self._until = 0.0
        self._found: Ready | Problem = Problem("not-ready", "nobody has looked yet")

    async def found(self) -> Ready | Problem:
        """What was found less than a second ago, or is found now."""
        async with self._looking:
            if monotonic() >= self._until:
                self._found = await run_in_threadpool(self._look)
                self._until = monotonic() + _KEPT_S
        return self._found

    def _look(self) -> Ready | Problem:
        try:
            position = self._ledger.probe(patience_s=self._settings.ready_s)
            lag = self._lag()
        except LedgerError as error:
            return Problem("not-ready", str(error), headers=_AGAIN)
        if lag > self._settings.ready_lag:
            return Problem("not-ready", f"the view is {lag:,} positions behind the ledger", headers=_AGAIN, lag=lag)
        return Ready(position, lag)
