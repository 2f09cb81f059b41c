"""What do all handlers share? The ledger, its view, and the answers that were given."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import TypeVar

from starlette.requests import Request

from ledger import Ledger
from projections.views import Views

from .settings import Settings

T = TypeVar("T")


class Service:
    """One ledger, served. Made by whoever serves it, closed by them; the ledger stays theirs."""

    def __init__(self, ledger: Ledger, settings: Settings | None = None) -> None:
        self.ledger = ledger
        self.settings = settings or Settings()
        self.answers = Answers(self.settings.answers)
        self._view = Views.open(ledger)
        self._viewing = threading.Lock()

    def with_view(self, read: Callable[[Views], T]) -> T:
        """What a reader makes of the view of the board, caught up; not for the event loop."""
        with self._viewing:
            self._view.catch_up()
            return read(self._view)

    def close(self) -> None:
        """Ends what the service began; idempotent."""
        self._view.close()


class Answers:
    """The last answers, by what was asked at which position: the same question has the same answer for ever."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[object, ...], bytes] = OrderedDict()

    def get(self, question: tuple[object, ...]) -> bytes | None:
        """The answer, where it is kept."""
        found = self._kept.get(question)
        if found is not None:
            self._kept.move_to_end(question)
        return found

    def keep(self, question: tuple[object, ...], answer: bytes) -> bytes:
        """Keeps an answer, in place of the one that was asked for longest ago."""
        self._kept[question] = answer
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return answer


def of(request: Request) -> Service:
    """The service that a request came to."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service
