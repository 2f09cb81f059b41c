"""How is the ledger opened to other programs and to people? `claims serve`."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ledger import Ledger, UsageError
from ledger.story import told

from .options import at_ledger, file_of

if TYPE_CHECKING:
    from ledger.service.logs import Form


@click.command("serve")
@click.option("--host", default="127.0.0.1", metavar="HOST", help="Where to listen. Default: 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, metavar="PORT", help="Default: 8000.")
@click.option("--demo", is_flag=True, help="Serve the seed article, in a throw-away ledger.")
@click.option(
    "--log",
    type=click.Choice(["json", "text", "none"]),
    help="A line for each request, on standard error. Default: text on a terminal, json elsewhere.",
)
@at_ledger
def serve_command(db: str, host: str, port: int, demo: bool, log: Form | None) -> None:
    """Serve the ledger over HTTP: the API under /v1, and pages to look at, from / on."""
    try:
        from ledger.service import Service, Settings
        from ledger.service.server import run
    except ImportError as error:
        raise UsageError(f"{error}; install the server: pip install 'claim-ledger[server]'") from error
    with ExitStack() as stack:
        ledger = stack.enter_context(_demo() if demo else Ledger.open(file_of(db)))
        service = Service(ledger, Settings(host=host, port=port, log=log or _log()))
        stack.callback(service.close)
        click.echo(f"serving {ledger.name} on http://{host}:{port}/", err=True)
        run(service)


def _log() -> Form:
    """For people where people look, for machines elsewhere."""
    return "text" if sys.stderr.isatty() else "json"


@contextmanager
def _demo() -> Iterator[Ledger]:
    """The seed article in a ledger that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="claims-demo-") as folder:
        path = str(Path(folder) / "demo.db")
        with told(path):
            pass
        with Ledger.open(path) as ledger:
            yield ledger
