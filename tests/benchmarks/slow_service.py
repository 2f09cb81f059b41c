"""A service on a slow disk: `python slow_service.py LEDGER PORT grouped|alone`, whose every sync takes 2 ms longer.

`alone` commits each request by itself, as a service does that knows no better.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from slow_disk import slow_disk

from ledger import Ledger
from ledger.service import Service, Settings
from ledger.service.server import run


class Alone:
    """A writer that commits what each brings by itself."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._writer = ThreadPoolExecutor(1)

    def submit(self, entries: Iterable[Any], **how: Any) -> Future[Any]:
        return self._writer.submit(self._ledger.append_all, entries, **how)

    def close(self) -> None:
        self._writer.shutdown()


def main(path: str, port: str, way: str) -> None:
    with slow_disk(), Ledger.open(path) as ledger:
        service = Service(ledger, Settings(port=int(port)))
        if way == "alone":
            service.writer.close()
            service.writer = Alone(ledger)  # type: ignore[assignment]
        run(service)
        service.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
