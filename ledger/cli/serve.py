"""How is the ledger opened to other programs and to people? `claims serve`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from ledger import Ledger, UsageError

from .demo import told
from .options import at_ledger, file_of


@click.command("serve")
@click.option("--host", default="127.0.0.1", metavar="HOST", help="Where to listen. Default: 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, metavar="PORT", help="Default: 8000; 0: any.")
@click.option("--demo", is_flag=True, help="Serve the seed article, in a throw-away ledger.")
@at_ledger
def serve_command(db: str, host: str, port: int, demo: bool) -> None:
    """Serve the ledger over HTTP: the API under /v1, and pages to look at, from / on."""
    try:
        from ledger.service import Service, Settings
        from ledger.service.server import run
    except ImportError as error:
        raise UsageError(f"{error}; install the server: pip install 'claim-ledger[server]'") from error
    with ExitStack() as stack:
        ledger = stack.enter_context(_demo() if demo else Ledger.open(file_of(db)))
        service = Service(ledger, Settings(host=host, port=port))
        stack.callback(service.close)
        run(service, lambda url: click.echo(f"serving {ledger.name} on {url}", err=True))


@contextmanager
def _demo() -> Iterator[Ledger]:
    """The seed article in a ledger that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="claims-demo-") as folder:
        path = str(Path(folder) / "demo.db")
        with told(path):
            pass
        with Ledger.open(path) as ledger:
            yield ledger
