"""How do other programs and people reach the ledger? Over HTTP, by the same calls, words, errors and JSON.

`application(service)` is an ASGI application, to be mounted or served; `claims serve` runs it. Everything is answered
from one `Service`, which holds the ledger, its view and what else the handlers share.

Needs the extra `claim-ledger[server]`; nothing of it is imported unless this package is.
"""

from __future__ import annotations

from .app import application
from .service import Service
from .settings import Settings

__all__ = ["Service", "Settings", "application"]
