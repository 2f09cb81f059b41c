"""A service that is asked in this process, as over HTTP: `with Asker(ledger) as asker: asker.get("/v1/head")`."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

import httpx

from ledger import Ledger
from ledger.service import Service, Settings, application


class Asker:
    """A ledger that is served; with `started`, by all the processes there are."""

    def __init__(self, ledger: Ledger, settings: Settings | None = None, *, started: bool = False) -> None:
        self.service = Service(ledger, settings)
        self._started = started
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(application(self.service))
        self._client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    def __enter__(self) -> Self:
        if self._started:
            self._runner.run(self.service.start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self.service.stop())
        self._runner.run(self._client.aclose())
        self._runner.close()
        self.service.close()

    def get(self, url: str, **headers: str) -> httpx.Response:
        """Asks; `if_none_match="…"` is the header If-None-Match."""
        return self.get_all(url, **headers)[0]

    def get_all(self, *urls: str, **headers: str) -> list[httpx.Response]:
        """Asks all at the same time."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def ask() -> list[Any]:
            return await asyncio.gather(*(self._client.get(url, headers=named) for url in urls))

        return self._runner.run(ask())
