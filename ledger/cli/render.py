"""How does it look to a person? Text that others wrote made harmless, and laid out in columns.

A terminal obeys control characters, and a reader trusts what he sees: whatever steers a terminal, turns the direction
of writing or cannot be seen is shown as `\\u{..}`. Every function here that takes text of others escapes it, so that a
page cannot be built in the wrong order.
"""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, zip_longest
from typing import Final, NamedTuple

import click

from ledger.visible import visible, visible_json

ELLIPSIS: Final = "…"
PLAIN_COLUMNS: Final = 100


class Screen(NamedTuple):
    """Where a page is shown: prose is wrapped at `columns`; tables are cut there only where `cuts` is true."""

    columns: int
    cuts: bool

    @classmethod
    def here(cls) -> Screen:
        """The terminal, where stdout is one; else a page that cuts nothing off."""
        if sys.stdout.isatty():
            return cls(max(40, shutil.get_terminal_size((PLAIN_COLUMNS, 24)).columns), True)
        return cls(PLAIN_COLUMNS, False)


def width(text: str) -> int:
    """How many columns a visible text takes: two for each wide character, none for a combining one."""
    if text.isascii():
        return len(text)
    return sum(map(_char_width, text))


def fit(text: str, columns: int) -> str:
    """The text, its end replaced by an ellipsis where it takes more columns."""
    if width(text) <= columns:
        return text
    kept, used = "", 0
    for char in text:
        used += _char_width(char)
        if used > columns - 1:
            break
        kept += char
    return kept.rstrip() + ELLIPSIS


def pad(text: str, columns: int) -> str:
    """The text, filled up with spaces to so many columns."""
    return text + " " * max(0, columns - width(text))


def wrap(text: str, columns: int, first: str = "", rest: str | None = None) -> Iterator[str]:
    """Lines of at most so many columns, the first after `first`, the others after `rest` (as many spaces).

    A newline in the text begins a line. `first` and `rest` are of our own writing and not escaped.
    """
    lead, rest = first, " " * width(first) if rest is None else rest
    for part in text.split("\n"):
        line = lead
        fresh = True
        for word in visible(part).split(" "):
            space = "" if fresh else " "
            if not fresh and width(line) + 1 + width(word) > columns:
                yield line
                line, space = rest, ""
            left = width(word)  # measured once: a word may be a text of thousands of characters
            while width(line) + len(space) + left > columns and left > 1 and columns > width(rest) + 1:
                taken = _taken(word, columns - width(line) - len(space))
                yield line + space + word[:taken]
                left -= width(word[:taken])
                line, space, word = rest, "", word[taken:]
            line, fresh = line + space + word, False
        yield line.rstrip()
        lead = rest


def blocks(*parts: Iterable[str]) -> Iterator[str]:
    """The lines of all parts, a blank line between any two that have any."""
    begun = False
    for part in parts:
        between = begun
        for line in part:
            if between:
                yield ""
            yield line
            begun, between = True, False


class Column(NamedTuple):
    """A column of a table. One that may `shrink` gives way, those with the least `least` last, on a narrow terminal."""

    head: str
    shrink: bool = False
    least: int = 8


def table(
    columns: Sequence[Column],
    rows: Iterable[Sequence[str]],
    screen: Screen,
    *,
    sample: int = 1_000,
    wraps: bool = False,
) -> Iterator[str]:
    """The rows in aligned columns under their heads. Lazily: the first `sample` rows fix the widths.

    What does not fit on a terminal is cut off, or goes on below where the table `wraps`.
    """
    source = iter(rows)
    first = [[visible(cell) for cell in row] for row in islice(source, sample)]
    widths = [max(map(width, (column.head, *(row[i] for row in first)))) for i, column in enumerate(columns)]
    if screen.cuts:
        _shrink(columns, widths, screen.columns)
    yield _row([pad(column.head, w) for column, w in zip(columns, widths, strict=True)], strong)
    for shown in _chained(first, source):
        if not screen.cuts:
            yield _row([pad(cell, w) for cell, w in zip(shown, widths, strict=True)])
        elif wraps:
            yield from _wrapped(shown, widths)
        else:
            yield _row([pad(fit(cell, w), w) for cell, w in zip(shown, widths, strict=True)])


def title(name: str, text: str, columns: int, kind: str = "") -> Iterator[str]:
    """A claim by its id, its kind where that says something, and its text."""
    yield strong(visible(name)) + (faint(f"  {kind}") if kind else "")
    yield from wrap(text, columns)


def strong(text: str) -> str:
    """Text of our own that leads a page; plain where there is no colour."""
    return click.style(text, bold=True)


def faint(text: str) -> str:
    """Text of our own that explains; plain where there is no colour."""
    return click.style(text, dim=True)


def show(lines: Iterable[str]) -> None:
    """Prints lines made here to stdout."""
    for line in lines:
        click.echo(line)


def data(line: bytes, before: bytes = b"") -> None:
    """Prints a line of JSON to stdout: byte for byte, but for a terminal, which gets the same value escaped."""
    raw(before + (visible_json(line) if sys.stdout.isatty() else line) + b"\n")


def raw(text: bytes) -> None:
    """Puts bytes on stdout, after what was printed before them."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text)


def _chained(first: list[list[str]], rest: Iterable[Sequence[str]]) -> Iterator[list[str]]:
    yield from first
    for row in rest:
        yield [visible(cell) for cell in row]


def _wrapped(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    parts = [list(wrap(cell, w)) for cell, w in zip(cells, widths, strict=True)]
    for line in zip_longest(*parts, fillvalue=""):
        yield _row([pad(cell, w) for cell, w in zip(line, widths, strict=True)])


def _row(cells: Sequence[str], paint: Callable[[str], str] | None = None) -> str:
    line = "  ".join(cells).rstrip()
    return paint(line) if paint else line


def _shrink(columns: Sequence[Column], widths: list[int], limit: int) -> None:
    """Takes from the widest column that may shrink, until the table fits or none can give more."""
    while sum(widths) + 2 * (len(widths) - 1) > limit:
        able = [i for i, column in enumerate(columns) if column.shrink and widths[i] > column.least]
        if not able:
            return
        widths[max(able, key=lambda i: widths[i] - columns[i].least)] -= 1


def _taken(word: str, columns: int) -> int:
    """How many characters of a word fit in so many columns; at least one."""
    used = 0
    for place, char in enumerate(word):
        used += _char_width(char)
        if used > columns:
            return max(1, place)
    return len(word)


def _char_width(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me") or "\u1160" <= char <= "\u11ff":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
