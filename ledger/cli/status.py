"""Where does a claim stand, and why? One claim on one screen, or all of them on a board."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import click
import msgspec

from projections import status, words
from projections.explained import Explained
from projections.flags import FLAGS
from projections.part import Wanted
from projections.status import RootAnswer, Status
from projections.words import cuts_line

from . import render
from .board import board_page, with_board
from .options import at_ledger, for_reading, in_format, with_cuts
from .render import Screen, wrap
from .why import why

_LABEL: Final = 10  # columns for "own words", the longest label of a page


@click.command("status")
@click.argument("claim", required=False)
@with_cuts
@click.option("--why", "explain", is_flag=True, help="Show which acts decide, and through which relations.")
@with_board
@in_format("table", "json", "ndjson")
@at_ledger
def status_command(
    db: str,
    form: str,
    claim: str | None,
    as_of: str | None,
    said_by: str | None,
    explain: bool,
    wanted: Wanted,
) -> None:
    """Where CLAIM stands, and with --why what decides it; without a claim, the board of all claims.

    A status comes with how many independent origins stand behind it: [1,3] says that one is provable and three are
    possible; two intervals are support / opposition.

    --order, --status, --flag, --kind, --source, --changed-since, --changed-until, --search, --limit and --cursor are of
    the board, and go together. Words of --search are found in any script, each in the text of the claim, a quote or a
    source's name; "words in quotation marks" stand side by side, and the last may be the beginning of one.

    What costs what: the board is folded from every record, unless there is a view (see `claims replay --views`),
    and what is ordered, filtered or searched makes one: a file beside the ledger that may be deleted at any moment.
    From a view, a page as of any --as-of is one read. --said-by folds every record of the ledger, once for each cut
    at each position; the view keeps the last few of these boards. --source and --search know the recorded acts of
    --as-of alone, whatever --said-by leaves out.

    \b
    claims status six-killed --why
    claims status --order newest --status disputed           the disputed ones, what changed last first
    claims status --search "dozens officers" --as-of 40      where the words stood by then
    claims status --said-by 2024-10-09                       where everything stood that day, as known today
    claims status --said-by 2024-10-09 --as-of 2024-10-12    the same, as known on the 12th
    """
    if claim is None:
        if explain:
            raise click.UsageError("--why explains one claim; name it")
        board_page(db, form, as_of, said_by, wanted)
        return
    if wanted != Wanted():
        raise click.UsageError(f"{_asked(wanted)} and the like are of the board; leave the claim out")
    with for_reading(db) as ledger:
        if form != "table":
            render.data(msgspec.json.encode(ledger.state(status, claim, as_of=as_of, said_by=said_by)))
            return
        explained = ledger.state(Explained, claim, as_of=as_of, said_by=said_by)
    render.show(page(explained, Screen.here(), explain))


def _asked(wanted: Wanted) -> str:
    """The first option that asks for a part of the board."""
    asked = next(f for f in Wanted.__struct_fields__ if getattr(wanted, f) != getattr(Wanted(), f))
    return f"--{ {'statuses': 'status', 'flags': 'flag', 'kinds': 'kind'}.get(asked, asked).replace('_', '-') }"


def page(explained: Explained, screen: Screen, explain: bool = False) -> Iterator[str]:
    """Where a claim stands, for people; with `explain`, why."""
    found, columns = explained.found, screen.columns
    return render.blocks(
        render.title(found.claim, found.text, columns, "" if found.kind == "factual" else found.kind),
        stands(found, columns),
        why(explained, columns) if explain else _sides(found, columns),
        _beside(found, columns),
        _flags(found.flags, columns),
        wrap(cuts_line(found.as_of, found.said_by, found.rules), columns),
    )


def stands(found: Status, columns: int) -> Iterator[str]:
    """The headline of a claim."""
    line = words.headline(found.status, found.support, found.opposition, words.assessed(found.assessments))
    return map(render.strong, wrap(line, columns))


def _sides(found: Status, columns: int) -> Iterator[str]:
    for label, side in (("for", found.support), ("against", found.opposition)):
        if side.roots:
            yield from _labelled(label, f"{words.interval(side)} {'; '.join(map(_root, side.roots))}", columns)
    if not found.support.roots and not found.opposition.roots:
        yield from _labelled("for", "[0,0] nobody commits", columns)
    for one in found.assessments:
        yield from _labelled("assessed", f"{words.assessment(one)}: {one.act}", columns)


def _beside(found: Status, columns: int) -> Iterator[str]:
    """What is shown beside the status and never folded into it."""
    if found.own_words != found.status:
        yield from _labelled(
            "own words", f"{found.own_words}: so it would stand without what entails carries here", columns
        )
    if found.ruling is not None:
        yield from _labelled("ruling", words.ruling(found.ruling), columns)
    grades = [f"{name} {grade}" for name, grade in (*found.grades.sources.items(), *found.grades.acts.items())]
    if grades:
        yield from _labelled("graded", ", ".join(grades), columns)


def _root(root: RootAnswer) -> str:
    return f"{words.root(root.name, root.kind)}: {', '.join(root.acts)}{', inferred' if root.inferred else ''}"


def _flags(flags: Iterable[str], columns: int) -> Iterator[str]:
    flags = list(flags)
    span = max(map(len, flags), default=0)
    for flag in flags:
        yield from wrap(FLAGS.get(flag, ""), columns, f"  {render.pad(flag, span)}  ")


def _labelled(label: str, text: str, columns: int) -> Iterator[str]:
    return wrap(text, columns, f"{render.pad(label, _LABEL)} ")
