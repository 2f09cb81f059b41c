"""How is the ledger opened to other programs and to people? `claims serve`."""

from __future__ import annotations

import math
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ledger import Ledger, UsageError
from ledger.story import told
from ledger.tokens import Tokens

from .options import at_file, file_of

if TYPE_CHECKING:
    from ledger.service.logs import Form


def _origins(_: click.Context, __: click.Parameter, origins: tuple[str, ...]) -> tuple[str, ...]:
    for origin in origins:
        if not re.fullmatch(r"https?://[^\s/?#*]+", origin):
            raise click.BadParameter(f"{origin!r} is no origin; write https://desk.example")
    return origins


def _number(_: click.Context, __: click.Parameter, value: float | None) -> float | None:
    if value is not None and math.isnan(value):  # which is in every range
        raise click.BadParameter("'nan' is no number")
    return value


@click.command("serve")
@click.option("--host", default="127.0.0.1", metavar="HOST", help="Where to listen. Default: 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65_535), default=8000, metavar="PORT", help="Default: 8000; 0: any.")
@click.option(
    "--open-to-anybody",
    is_flag=True,
    help="Without tokens, serve others than this machine, who may then do everything.",
)
@click.option(
    "--allow-origin",
    "origins",
    multiple=True,
    callback=_origins,
    metavar="ORIGIN",
    help="An origin whose pages may use the API from a browser, such as https://desk.example. Repeatable.",
)
@click.option(
    "--requests-per-s",
    type=click.FloatRange(0.001, 1e9),
    callback=_number,
    metavar="N",
    help="As many a second of one token, or of one address without one. Default: no limit.",
)
@click.option("--demo", is_flag=True, help="Serve the seed article, in a throw-away ledger.")
@click.option(
    "--log",
    type=click.Choice(["json", "text", "none"]),
    help="A line for each request, on standard error. Default: text on a terminal, json elsewhere.",
)
@at_file
def serve_command(db: str, host: str, port: int, demo: bool, log: Form | None, **limits: Any) -> None:
    """Serve the ledger over HTTP: the API under /v1, and pages to look at, from / on.

    Without tokens (`claims token create`) whoever is on this machine may read and write.
    """
    try:
        from ledger.service import Service, Settings
        from ledger.service.guard import is_of_this_machine
        from ledger.service.server import run
    except ImportError as error:
        raise UsageError(f"{error}; install the server: pip install 'claim-ledger[server]'") from error
    if not (limits["open_to_anybody"] or is_of_this_machine(host) or (not demo and Tokens.beside(db).made)):
        raise UsageError(
            f"{host} is open to others than this machine, and no token was made: `claims token create` makes one; "
            "or say --open-to-anybody, and anybody may read and write"
        )
    with ExitStack() as stack:
        ledger = stack.enter_context(_demo() if demo else Ledger.open(file_of(db)))
        service = Service(
            ledger, Settings(host=host, port=port, log=log or _log(), **limits), Tokens.beside(ledger.name)
        )
        stack.callback(service.close)
        served = ledger.name if ledger.head else f"{ledger.name}, which is empty,"  # a path that was mistyped, perhaps
        run(service, lambda url: click.echo(f"serving {served} on {url}", err=True))


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
