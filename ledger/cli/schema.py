"""What must a line look like to come in? `claims schema`."""

from __future__ import annotations

import click
import msgspec

from ledger.schema import schema

from . import render
from .options import in_format


@click.command("schema")
@click.argument("type_", metavar="[TYPE]", required=False)
@in_format("json", "ndjson")
def schema_command(form: str, type_: str | None) -> None:
    """The JSON Schema (2020-12) that a line for `claims append` must meet: of every event, or of one TYPE."""
    encoded = msgspec.json.encode(schema(type_))
    render.data(encoded if form == "ndjson" else msgspec.json.format(encoded, indent=2))
