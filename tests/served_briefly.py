"""How is a service tried whose stream never ends? As it is, but that each stream is ended after a moment.

`python served_briefly.py LEDGER` serves as `claims serve` does. A tool that reads every answer to its end can then
read a stream, too, and hold what it brought against the description.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from ledger import Ledger
from ledger.service import Service, Settings, app, server
from ledger.tokens import Tokens

MOMENT_S = 0.05


class Brief(app.Application):
    """The application, with streams that the client leaves, as far as they can tell."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["path"] != "/v1/stream":
            await super().__call__(scope, receive, send)
            return
        begun = whole = False

        async def leaves() -> Any:
            await asyncio.sleep(MOMENT_S)
            return {"type": "http.disconnect"}

        async def sends(message: Any) -> None:
            nonlocal begun, whole
            begun, whole = True, message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        await super().__call__(scope, leaves, sends)
        if begun and not whole:
            await send({"type": "http.response.body", "body": b""})


if __name__ == "__main__":
    app.Application = Brief  # type: ignore[misc]
    with Ledger.open(sys.argv[1]) as ledger:
        service = Service(ledger, Settings(port=0, wait_s=0.05, log="json"), Tokens.beside(ledger.name))
        server.run(service, lambda url: print(url, flush=True))
        service.close()
