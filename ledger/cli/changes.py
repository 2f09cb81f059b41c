"""Which claims stand elsewhere than they stood? A row for each that moved, as it stood and as it stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click
import msgspec

from ledger import Ledger, UsageError
from ledger.visible import visible
from projections import words
from projections.board import Row
from projections.views.changes import Change, Changes, asked, check_place, part, place_of

from . import render
from .board import caught_up
from .options import at_ledger, at_service, for_reading, in_format
from .render import Column, Screen, wrap

_COLUMNS: Final = (
    Column("claim", shrink=True, least=20),
    Column("stood"),
    Column("stands"),
    Column("what differs", shrink=True, least=12),
)
_LEGEND: Final = (
    "what differs: of the row on the board, between the two positions. "
    "`claims diff CLAIM A B --axis recorded` tells one claim in full."
)


@click.command("changes")
@click.argument("after", metavar="AFTER")
@click.option("--as-of", metavar="T", help="How they stood as the ledger knew it by then, in place of now: as AFTER.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many claims.")
@click.option("--cursor", metavar="CURSOR", help="Go on where the last page ended.")
@in_format("table", "json", "ndjson")
@at_ledger
def changes_command(db: str, form: str, after: str, as_of: str | None, limit: int | None, cursor: str | None) -> None:
    """Which claims stand elsewhere than they stood AFTER: a position, an event id, or a time of recording.

    A claim is told where its row on the board differs, whatever moved it: a record on a claim that entails it, too.
    That something was recorded about it is not enough. `claims status --changed-since` asks which claims a record
    named, which is another question.

    Both boards are read from the view beside the ledger, which is made where there is none.

    \b
    claims changes 60
    claims changes 2024-10-11 --as-of 2024-10-14
    """
    with for_reading(db) as ledger:
        found = _found(ledger, after, as_of, limit, cursor)
    if form == "json":
        render.data(msgspec.json.encode(found))
    elif form == "ndjson":
        for change in found.changes:
            render.data(msgspec.json.encode(change))
    else:
        render.show(_table(found, Screen.here()))
    if found.next is not None and form != "json":
        click.echo(f"more: --cursor {visible(found.next)}", err=True)


def _found(ledger: Ledger, after: str, as_of: str | None, limit: int | None, cursor: str | None) -> Changes:
    place = None if cursor is None else place_of(cursor)
    if as_of is None and place is not None:
        as_of = str(place[1])
    one, other = (ledger.question(as_of=cut).as_of for cut in (after, as_of))
    if cursor is not None and place is not None:
        check_place(cursor, place, one.position, other.position)
    if one.position > other.position:
        raise UsageError(f"position {one.position} comes after position {other.position}; give the earlier one first")
    if (served := at_service(ledger)) is not None:
        query = [("after", str(one.position)), ("as_of", str(other.position))]
        return asked(served.ask, query, limit, cursor)
    with caught_up(ledger) as view:
        changes = view.changes(one.position, other.position, beyond="" if place is None else place[2])
        return part(changes, one, other, limit)


def _table(found: Changes, screen: Screen) -> Iterator[str]:
    count, known = words.count(len(found.changes), "claim"), words.cuts_line(found.as_of, None, found.rules)
    more = ", and more," if found.next is not None else ""
    return render.blocks(
        render.table(_COLUMNS, map(_cells, found.changes), screen) if found.changes else iter(()),
        wrap(_LEGEND if found.changes else "no claim stands elsewhere", screen.columns),
        wrap(f"{count}{more} after position {found.after.position}, {known}", screen.columns),
    )


def _cells(change: Change) -> list[str]:
    differs = ", ".join(name.replace("_", " ") for name in change.what)
    return [change.claim, _stands(change.before), _stands(change.after), differs]


def _stands(row: Row | None) -> str:
    return "not registered" if row is None else words.headline(row.status, row.support, row.opposition, "")
