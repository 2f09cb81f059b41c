"""How does the service run? uvicorn on one port, until it is told to end."""

from __future__ import annotations

import uvicorn

from . import logs, wire
from .app import application
from .service import Service


def run(service: Service) -> None:
    """Serves until SIGTERM or SIGINT; then ends streams, answers what was begun, and returns."""
    settings = service.settings
    config = uvicorn.Config(
        application(service),
        host=settings.host,
        port=settings.port,
        http=wire.within(settings),
        limit_concurrency=settings.max_connections,
        timeout_graceful_shutdown=3,
        server_header=False,
        log_config=None,
        access_log=False,
    )
    logs.take_in(service.log)
    uvicorn.Server(config).run()
