"""Who is this source, and what is it on record with? And the register of sources."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import click
import msgspec

from ledger import Ledger, SourceRegistered, SourceRelated
from ledger import events as ev
from ledger.names import source_id
from ledger.visible import visible
from projections import sources, words
from projections.sources import Carried, Said, Source
from projections.views.roster import Roster, asked
from projections.words import cuts_line

from . import render
from .board import caught_up
from .options import Words, at_ledger, at_service, for_reading, in_format, with_cuts
from .render import Column, Screen, wrap
from .writing import Writer, writes

_RELATIONS: Final = ("speaks_for", "member_of", "same_as", "republishes", "independent_of")
_COLUMNS: Final = (
    Column("act"),
    Column("said", shrink=True, least=10),
    Column("what", shrink=True, least=18),
    Column("claims", shrink=True, least=18),
    Column("by way of", shrink=True, least=12),
    Column("since", shrink=True, least=6),
)


_LISTED: Final = (
    Column("source", shrink=True, least=16),
    Column("name", shrink=True, least=16),
    Column("kind"),
    Column("register"),
)


class _Sources(click.Group):
    """A group whose default is `show`, so that `claims source NAME` shows a source."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts `show` in front of whatever is no command of the group."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group("source", cls=_Sources)
def source_command() -> None:
    """Show a source's record, list, register and relate sources.

    SOURCE is an id (dmitry-peskov) or a name ("Dmitry Peskov"). `claims source SOURCE` is short for `claims source
    show SOURCE`.
    """


@source_command.command("show", short_help="All that a source said and carried.")
@click.argument("source")
@with_cuts
@in_format("table", "json", "ndjson")
@at_ledger
def show_source(db: str, form: str, source: str, as_of: str | None, said_by: str | None) -> None:
    """All that SOURCE said and carried, on what, and what came of it; whom it speaks for, and who for it."""
    with for_reading(db) as ledger:
        found: Source = ledger.state(sources, source, as_of=as_of, said_by=said_by)
    if form == "table":
        render.show(_page(found, Screen.here()))
    else:
        render.data(msgspec.json.encode(found))


@source_command.command("list", short_help="Which sources there are.")
@click.option("--search", metavar="WORDS", help="Sources whose id or a name has all these words.")
@click.option("--as-of", metavar="T", help="What the ledger had recorded by then: a position, an event id, or a time.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="At most so many, the first by id.")
@in_format("table", "json", "ndjson")
@at_ledger
def list_sources(db: str, form: str, search: str | None, as_of: str | None, limit: int | None) -> None:
    """The sources that an act quotes or the register has, by id; those without a name of their own, too.

    They are read from the view beside the ledger, which is made where there is none.

    \b
    claims source list --search guardian
    """
    with for_reading(db) as ledger:
        found = _found(ledger, search, as_of, limit)
    if form == "json":
        render.data(msgspec.json.encode(found))
    elif form == "ndjson":
        for one in found.sources:
            render.data(msgspec.json.encode(one))
    else:
        render.show(_roster(found, Screen.here()))


def _found(ledger: Ledger, search: str | None, as_of: str | None, limit: int | None) -> Roster:
    question = ledger.question(as_of=as_of)
    if (served := at_service(ledger)) is not None:
        return asked(served.ask, question.as_of, search, limit)
    with caught_up(ledger) as view:
        return Roster(
            as_of=question.as_of, sources=view.sources(as_of=question.as_of.position, search=search, limit=limit)
        )


def _roster(found: Roster, screen: Screen) -> Iterator[str]:
    cells = ([one.source, one.name, one.kind or "", "registered" if one.registered else ""] for one in found.sources)
    return render.blocks(
        render.table(_LISTED, cells, screen) if found.sources else iter(()),
        wrap(words.count(len(found.sources), "source"), screen.columns),
        wrap(cuts_line(found.as_of, None, None), screen.columns),
    )


@source_command.command("register", short_help="Record what the desk knows of a source.")
@click.argument("source")
@click.option("--name", metavar="TEXT", help="Its name. Default: SOURCE as typed.")
@click.option("--kind", type=Words(ev.Kind), help="What kind of source it is.")
@click.option("--description", metavar="TEXT", help="What else is known of it.")
@writes
def register_source(writer: Writer, source: str, name: str | None, **known: Any) -> None:
    """Record what the desk knows of SOURCE; it beats what acts say of it.

    \b
    claims source register "Dmitry Peskov" --kind person --description "Press secretary of the President of Russia."
    """
    writer.append(SourceRegistered(source=source_id(source), name=name or source, **known))


@source_command.command("relate", short_help="Record how two sources hang together.")
@click.argument("from_", metavar="FROM")
@click.argument("relation", type=Words(_RELATIONS), metavar="RELATION")
@click.argument("to")
@click.option("--basis", metavar="TEXT", help="How this is known.")
@writes
def relate_sources(writer: Writer, from_: str, relation: Any, to: str, basis: str | None) -> None:
    """FROM speaks_for TO, is member_of it, same_as it, republishes it, or is independent_of it.

    \b
    claims source relate "Dmitry Peskov" speaks_for kremlin --basis "He is its spokesman."
    """
    writer.append(SourceRelated(from_=source_id(from_), to=source_id(to), relation=relation, basis=basis))


def _page(found: Source, screen: Screen) -> Iterator[str]:
    columns = screen.columns
    return render.blocks(
        _title(found, columns),
        _relations(found, columns),
        _listed(f"said, on {words.count(found.claims, 'claim')}", list(map(_said, found.said)), screen),
        _listed("carried", list(map(_carried, found.carried)), screen),
        _took_back(found, columns),
        wrap(cuts_line(found.as_of, found.said_by, found.rules), columns),
    )


def _title(found: Source, columns: int) -> Iterator[str]:
    told = [found.kind or "of a kind told nowhere", "" if found.registered else "not registered", found.source]
    yield render.strong(visible(found.name)) + visible(f" ({', '.join(filter(None, told))})")
    if found.description:
        yield from wrap(found.description, columns)


def _listed(lead: str, rows: list[list[str]], screen: Screen) -> Iterator[str]:
    """A table of acts without the columns that say nothing."""
    if rows:
        yield lead
        kept = [place for place, cells in enumerate(zip(*rows, strict=True)) if any(cells)]
        columns = [_COLUMNS[place] for place in kept]
        yield from render.table(columns, ([row[place] for place in kept] for row in rows), screen, wraps=True)


def _took_back(found: Source, columns: int) -> Iterator[str]:
    for taken in found.took_back:
        said = words.said_when(taken.said_at)
        yield from wrap(f"{taken.event}: {taken.type} of {taken.act}, {said}", columns)


def _relations(found: Source, columns: int) -> Iterator[str]:
    known = (
        ("grade", found.grade or ""),
        ("speaks for", " → ".join(found.speaks_for)),
        ("spoken for by", ", ".join(found.spoken_for_by)),
        ("the same as", ", ".join(found.same_as)),
        ("member of", ", ".join(found.member_of)),
        ("republishes", ", ".join(found.republishes)),
        ("independent of", ", ".join(found.independent_of)),
    )
    for label, text in known:
        if text:
            yield from wrap(text, columns, f"{label:<15}")


def _said(said: Said) -> list[str]:
    since = [*said.gone, *(f"reversed by {act}" for act in said.reversed_by)]
    grade = [f"graded {said.grade}"] if said.grade else []
    manner = said.manner.replace("_", " ")
    what = said.type if manner in ("asserted", "flat") else f"{said.type}: {manner}"
    return [
        said.act,
        said.said_at or "untold",
        what,
        _on(said.claims, said.acts),
        ", ".join(said.via),
        ", ".join(since + grade),
    ]


def _carried(carried: Carried) -> list[str]:
    said = carried.said_at or "untold"
    return [carried.act, said, f"{carried.type} by {carried.by}", _on(carried.claims, carried.acts)]


def _on(claims: list[str], acts: list[str]) -> str:
    """What an act is on: claims; or, where it names none, what it denies was said."""
    return ", ".join(claims) or "having said " + ", ".join(acts)
