"""What is it for? One news article, told by the ledger: its questions, each with the command that asks it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import click
from msgspec.structs import replace

from ledger import Ledger, UsageError
from ledger.ledger import is_url
from ledger.story import told
from ledger.visible import visible
from projections import board, provenance, status, words
from projections.board import Board, Row
from projections.explained import Explained

from . import render
from .board import rows
from .reading import difference, tree
from .render import Screen, wrap
from .status import page

_SCREEN: Final = Screen(100, True)


_OPENING: Final = """\
In October 2024 a news article told of North Korean soldiers at work in Ukraine. It had this from a source
that nobody names, from a Ukrainian officer, and from a South Korean minister. A Kremlin spokesman dismissed
it all. Is it true? A ledger cannot know. It knows who said what, when, through whom it came, and where that
leaves each claim.

Into this ledger went 21 claims, 15 sources and the 16 acts of speech in the article, on 11 October. One
entry was mended on 14 October."""
_FIFTH: Final = """\
1. Where did everything stand on 5 October, by what had been said?"""
_THEN_FIFTH: Final = """\
A Ukrainian officer had posted on Telegram. He never said that North Koreans are at work in occupied areas;
but whoever is in the combat zone of Donetsk is there. The desk has recorded that the one claim entails the
other, so the other is asserted too, if not in anybody's own words. [1,1] counts origins: one provable, one
possible."""
_NINTH: Final = """\
On 9 October four more claims stood elsewhere:"""
_THEN_NINTH: Final = """\
South Korea's minister had spoken. He weighs what others reported: that is an assessment, kept in his words
and apart from statements. Nobody had denied anything yet."""
_TENTH: Final = """\
On 10 October the article was out, and the denials with it:"""
_WHY: Final = """\
2. The spokesman named no six dead. Why is that claim disputed?"""
_THEN_WHY: Final = """\
Every step can be checked, and undone: were those two relations withdrawn (`claims unrelate`), nothing would
oppose the claim, and it would stand by its own words: asserted, by one origin that nobody can trace."""
_WAY: Final = """\
3. Dozens of North Koreans behind the lines: who said so, and through whom did it reach us?"""
_THEN_WAY: Final = """\
Three origins, one document. However many outlets print it next, carriers never count."""
_CLOCKS: Final = """\
4. Had the Kremlin denied anything by 9 October? The article does not say when its spokesman spoke, so A10 was
recorded as said at some time up to the 10th. On 14 October another paper was found that gives the day, and the
entry was amended. A ledger with two clocks still knows what it knew on the 12th:"""
_AFTER: Final = """\
A denial that may have come later is left out, and time-uncertain says that this matters. Since the 14th the
day is known; what stays uncertain is when the unnamed source of A2 spoke:"""
_BETWEEN: Final = """\
The earlier answer was not wrong. It was honest about what was known, and it can be had for ever:"""
_KEEP: Final = """\
This ledger is thrown away now. `claims demo --db story.db` keeps it, to go on asking: `claims --db story.db
history officer-casualties`, `claims --db story.db source "Dmitry Peskov"`, `claims --db story.db log`."""


@click.command("demo")
@click.option("--db", metavar="PATH", help="Keep the ledger of the story in this new file. Default: throw it away.")
@click.pass_context
def demo_command(ctx: click.Context, db: str | None) -> None:
    """Tell the seed article: a ledger, replayed and explained. The output is the same on every run."""
    kept = db or ctx.find_object(str)
    if kept is not None and is_url(kept):
        raise UsageError(f"the demo goes into a file of its own, not to {kept}; give the path of a new one")
    with told(kept or ":memory:") as ledger:
        render.show(_story(ledger))
    if kept is None:
        render.show(["", *_prose(_KEEP)])
    else:
        click.echo(f"\nThe ledger is kept in {visible(kept)}: go on asking, `claims --db {kept} status`.")


def _story(ledger: Ledger) -> Iterator[str]:
    return render.blocks(_prose(_OPENING), _days(ledger), _disputed(ledger), _way(ledger), _clocks(ledger))


def _days(ledger: Ledger) -> Iterator[str]:
    fifth, ninth, tenth = (ledger.state(board, said_by=f"2024-10-{day}") for day in ("05", "09", "10"))
    return render.blocks(
        _prose(_FIFTH),
        _board(ledger, fifth, [row for row in fifth.claims if row.status != "raised"]),
        _prose(_THEN_FIFTH),
        _prose(_NINTH),
        _board(ledger, ninth, [row for row, was in zip(ninth.claims, fifth.claims, strict=True) if _moved(row, was)]),
        _prose(_THEN_NINTH),
        _prose(_TENTH),
        _board(ledger, tenth, [row for row in tenth.claims if row.status == "disputed"]),
    )


def _disputed(ledger: Ledger) -> Iterator[str]:
    found = page(ledger.state(Explained, "six-killed"), _SCREEN, explain=True)
    return render.blocks(_prose(_WHY), _asked("status six-killed --why", found), _prose(_THEN_WHY))


def _way(ledger: Ledger) -> Iterator[str]:
    assessed = words.assessed(ledger.state(status, "kn23-teams").assessments)
    found = tree(ledger.state(provenance, "kn23-teams"), assessed, _SCREEN)
    return render.blocks(_prose(_WAY), _asked("provenance kn23-teams", found), _prose(_THEN_WAY))


def _clocks(ledger: Ledger) -> Iterator[str]:
    claim, said_by = "engineers-deployed", "2024-10-09"
    cuts = ("2024-10-12", "2024-10-14")
    before, after = (ledger.state(Explained, claim, as_of=cut, said_by=said_by) for cut in cuts)
    differing = difference([before.found, after.found], "recorded", ("A16", "A10-dated"), _SCREEN)
    return render.blocks(
        _prose(_CLOCKS),
        _asked(f"status {claim} --said-by {said_by} --as-of {cuts[0]}", page(before, _SCREEN)),
        _prose(_AFTER),
        _asked(f"status {claim} --said-by {said_by} --as-of {cuts[1]}", page(after, _SCREEN)),
        _prose(_BETWEEN),
        _asked(f"diff {claim} A16 A10-dated --axis recorded --said-by {said_by}", differing),
    )


def _board(ledger: Ledger, whole: Board, shown: list[Row]) -> Iterator[str]:
    """Some rows of a board, and how the others stand."""
    yield from _asked(f"status --said-by {whole.said_by}", rows(ledger, replace(whole, claims=shown), _SCREEN))
    names = {row.claim for row in shown}
    left = Counter(row.status for row in whole.claims if row.claim not in names)
    yield f"(and {', '.join(f'{count} {status}' for status, count in sorted(left.items()))})"


def _moved(row: Row, was: Row) -> bool:
    return (row.status, row.support, row.opposition) != (was.status, was.support, was.opposition)


def _asked(command: str, answer: Iterable[str]) -> Iterator[str]:
    yield render.strong(f"$ claims {command}")
    yield from answer


def _prose(text: str) -> Iterator[str]:
    return render.blocks(*(wrap(part.replace("\n", " "), _SCREEN.columns) for part in text.split("\n\n")))
