"""What stands in the ledger? Its records, oldest first, and one record with what became of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any, Final

import click
import msgspec

from ledger import Ledger, NotFound, Record, records
from ledger import events as ev
from ledger.clerk import Clerk
from ledger.events import Event
from ledger.store import Stored
from ledger.visible import visible
from projections import aftermath, words

from . import render
from .options import at_ledger, for_reading, in_format
from .render import Column, Screen

_COLUMNS: Final = (
    Column("pos"),
    Column("recorded"),
    Column("id", shrink=True, least=8),  # whoever wants to name a record has its position
    Column("type"),
    Column("who", shrink=True, least=8),
    Column("what", shrink=True, least=20),
)
_WIDE: Final = 120


@click.command("log")
@click.argument("claim", required=False)
@click.option("--source", metavar="SOURCE", help="Records that name this source (an id or a name).")
@click.option(
    "--type", "types", multiple=True, metavar="TYPE", help="Records of this type: statement, denial … Repeatable."
)
@click.option("--as-of", metavar="T", help="What the ledger had recorded by then: a position, an event id, or a time.")
@click.option("--after", type=click.IntRange(0), default=0, metavar="POS", help="Begin after this position.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many, the oldest.")
@click.option("--follow", is_flag=True, help="Wait for what comes next, until interrupted.")
@in_format("table", "json", "ndjson")
@at_ledger
def log_command(
    db: str,
    form: str,
    claim: str | None,
    source: str | None,
    types: tuple[str, ...],
    as_of: str | None,
    after: int,
    limit: int | None,
    follow: bool,
) -> None:
    """The records, oldest first: all of them, or those about CLAIM.

    --format ndjson writes one record a line: {"position", "id", "recorded_at", "recorded_by", "event"}.
    """
    if follow and (as_of is not None or form == "json"):
        raise click.UsageError("--follow has no end: it goes with --format table or ndjson, and without --as-of")
    wanted = {"claim": claim, "source": source, "types": types}
    with for_reading(db) as ledger:
        if follow:
            found = _following(ledger, wanted, after)
        else:
            found = ledger.stored(**wanted, after=after, as_of=as_of)  # type: ignore[arg-type]
            found = _of_known(found, ledger, wanted, as_of)
        _print(_first(found, limit), form, follow)


@click.command("show")
@click.argument("event", metavar="EVENT")
@click.option("--as-of", metavar="T", help="What the ledger had recorded by then: a position, an event id, or a time.")
@in_format("table", "json", "ndjson")
@at_ledger
def show_command(db: str, form: str, event: str, as_of: str | None) -> None:
    """One record, by its id or position, as it was recorded; and what came to be recorded about it.

    --json has these records under "about": what is about it, and what is about that, oldest first, each as it was
    recorded. --format ndjson is the line of the record in the log, and no more.
    """
    with for_reading(db) as ledger:
        event = aftermath.id_at(ledger, event)
        clerk: Clerk = ledger.state(aftermath, event, as_of=as_of)
        if event not in clerk.by_id:
            raise NotFound(f"there is no event {event!r} in {ledger.name}; `claims log` lists what there is")
        if form == "table":
            render.show(_record_page(clerk, event, Screen.here()))
        elif form == "json":
            render.data(aftermath.line(ledger, clerk, event))
        else:
            position = clerk.by_id[event].position
            for pair in ledger.stored(after=position - 1, as_of=position):
                render.data(records.line(*pair))


def _rows(found: Iterable[Record], screen: Screen) -> Iterator[list[str]]:
    """Records as rows of a table, by the day where the terminal is narrow."""
    form = "%Y-%m-%d" if screen.cuts and screen.columns < _WIDE else "%Y-%m-%d %H:%M:%SZ"
    for record in found:
        at = record.recorded_at.strftime(form)
        said = words.what(record.event)
        yield [
            str(record.position),
            at,
            record.id,
            ev.tag_of(record.event),
            words.teller(record.event, record.recorded_by),
            said,
        ]


def _print(found: Iterator[Stored], form: str, follow: bool) -> None:
    if form != "table":
        found = records.sound(found)
    if form == "ndjson":
        for pair in found:
            render.data(records.line(*pair))
            if follow:
                sys.stdout.buffer.flush()
    elif form == "json":
        _print_array(found)
    else:
        # Who follows wants to see each as it comes: nothing is held back to find the widths.
        screen = Screen.here()
        table = render.table(_COLUMNS, _rows(records.decode_all(found), screen), screen, sample=1 if follow else 1_000)
        render.show(table)


def _print_array(found: Iterator[Stored]) -> None:
    between = b"["
    for pair in found:
        render.data(records.line(*pair), before=between)
        between = b","
    render.raw(b"]\n" if between == b"," else b"[]\n")


def _first(found: Iterator[Stored], limit: int | None) -> Iterator[Stored]:
    from itertools import islice

    return found if limit is None else islice(found, min(limit, sys.maxsize))


def _of_known(found: Iterator[Stored], ledger: Ledger, wanted: dict[str, Any], as_of: str | None) -> Iterator[Stored]:
    """The same; where there is none, NotFound for a claim or a source about which there is nothing at all."""
    first = next(found, None)
    if first is not None:
        yield first
        yield from found
        return
    for what in ("claim", "source"):
        name = wanted[what]
        if name is not None and next(ledger.stored(**{what: name}, as_of=as_of), None) is None:
            lists = "`claims status` lists the claims, `claims log` the records"
            raise NotFound(f"nothing about {what} {name!r} in {ledger.name}; {lists}")


def _following(ledger: Ledger, wanted: dict[str, Any], after: int) -> Iterator[Stored]:
    """What is there, then what comes: each new record is looked up as asked, so that its very bytes are shown."""
    last = ledger.head
    yield from ledger.stored(**wanted, after=after, as_of=last)
    for record in ledger.follow(after=max(last, after)):
        yield from ledger.stored(**wanted, after=record.position - 1, as_of=record.position)


def _record_page(clerk: Clerk, event_id: str, screen: Screen) -> Iterator[str]:
    record, now = clerk.by_id[event_id], clerk.effective(event_id)
    about = aftermath.others(clerk, event_id)
    return render.blocks(
        _envelope(record, screen),
        _fields(record.event, screen),
        _what_came_of_it(about, screen),
        _as_it_stands(record, now, screen),
    )


def _envelope(record: Record, screen: Screen) -> Iterator[str]:
    at = record.recorded_at.strftime("%Y-%m-%d %H:%M:%S.%fZ")
    yield render.strong(visible(f"{record.id}  {ev.tag_of(record.event)}"))
    yield from render.wrap(f"position {record.position}, recorded {at} by {record.recorded_by}", screen.columns)


def _what_came_of_it(about: list[Record], screen: Screen) -> Iterator[str]:
    if about:
        yield render.strong("what came of it")
    for other in about:
        line = f"{other.id}  {ev.tag_of(other.event)} by {words.teller(other.event, other.recorded_by)}"
        at = other.recorded_at.strftime("%Y-%m-%d")
        yield from render.wrap(f"{line}, recorded {at}: {words.what(other.event)}", screen.columns, "  ", "      ")


def _as_it_stands(record: Record, now: Record | None, screen: Screen) -> Iterator[str]:
    if now is None:
        yield render.strong("it was voided: it counts as never appended")
    elif now.event != record.event:
        yield render.strong("as it now stands")
        yield from _fields(now.event, screen, unlike=record.event)


def _fields(event: Event, screen: Screen, unlike: Event | None = None) -> Iterator[str]:
    """The fields that say something; of an event as it now stands only those that were changed."""
    fields = {name: value for name, value in msgspec.to_builtins(event).items() if name != "type"}
    if unlike is not None:
        before = msgspec.to_builtins(unlike)
        gone = {name: None for name in before if name not in fields and name != "type"}
        fields = {name: value for name, value in {**fields, **gone}.items() if before.get(name) != value}
    span = max(map(render.width, fields), default=0)
    for name, value in fields.items():
        shown = [_one_line(item) for item in value] if isinstance(value, (list, tuple)) else [_one_line(value)]
        for place, text in enumerate(shown):
            head = render.pad(visible(name) if place == 0 else "", span)
            yield from render.wrap(text, screen.columns, f"  {head}  ")


def _one_line(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_one_line(item)}" for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_one_line, value))
    return "(taken away)" if value is None else str(value)
