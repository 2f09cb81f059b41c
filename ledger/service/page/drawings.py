"""How does a status, a likelihood or a stretch of days look at a glance? Small drawings, each beside its words."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Final

from markupsafe import Markup

from projections.board import ActCounts
from projections.words import band as band_in_words
from projections.words import count as counted

from .svg import Element, drawing, element, written

_WIDTH: Final = 400.0
_FEW: Final = 4
"""So many acts of a kind have a mark of their own."""
_BARS: Final = (240.0, 40.0)
_SIGNS: Final[dict[str, Sequence[tuple[str, float]]]] = {
    "disputed": (("for", 6), ("against", 18)),
    "corroborated": (("for", 6), ("for", 18)),
    "asserted": (("for", 12),),
    "denied": (("against", 12),),
    "assessed": (("weighed", 12),),
    "withdrawn": (("gone", 12),),
    "raised": (("none", 12),),
}
"""What a status looks like: a disc for support, a barred ring for opposition, a diamond for who weighs."""


def sign(status: str) -> Markup:
    """The sign of a status; the word always stands beside it, so it is hidden from those who hear the page."""
    marks = [part for kind, x in _SIGNS.get(status, ()) for part in mark(kind, x, 8)]
    svg = element("svg", *marks, class_="sign", viewBox="0 0 24 16", width=24, height=16, aria_hidden="true")
    return written(svg)


def mark(kind: str, x: float, y: float, r: float = 4.5) -> list[Element]:
    """A mark for what somebody did: told apart by its form as much as by its colour."""
    match kind:
        case "for":
            return [element("circle", cx=x, cy=y, r=r, class_="for")]
        case "against":
            slope = r * 0.7
            bar = element("path", d=f"M{x - slope:.1f} {y + slope:.1f}L{x + slope:.1f} {y - slope:.1f}")
            bar.set("class", "against line")
            return [element("circle", cx=x, cy=y, r=r - 0.5, class_="against ring"), bar]
        case "weighed":
            return [element("path", d=f"M{x} {y - r}L{x + r} {y}L{x} {y + r}L{x - r} {y}Z", class_="weighed")]
        case "gone":
            return [element("circle", cx=x, cy=y, r=r - 0.5, class_="gone ring")]
        case _:  # nobody commits
            return [element("circle", cx=x, cy=y, r=1.8, class_="none")]


def band(name: str, low: float, high: float, term: str, counts: bool = True) -> Markup:
    """A likelihood as a band on the axis from 0 to 1, all of the same length so that they can be held together."""
    left, right = low * _WIDTH, high * _WIDTH
    inside = [
        element("rect", x=0, y=9, width=_WIDTH, height=2, class_="axis"),
        *(element("rect", x=at * _WIDTH - 0.5, y=5, width=1, height=10, class_="tick") for at in (0.25, 0.5, 0.75)),
        element(
            "rect", x=left, y=3, width=max(3.0, right - left), height=14, rx=2, class_="weighed" if counts else "gone"
        ),
    ]
    about = f"From {low:g} to {high:g} on an axis from 0, it is not so, to 1, it is so."
    return drawing(name, (_WIDTH, 20), f"{term} {band_in_words(low, high)}", about, inside, preserveAspectRatio="none")


def sparkline(name: str, days: Sequence[tuple[str, int]], what: str) -> Markup:
    """How many on which day, as bars; every day is told in words, too."""
    width, height = _BARS
    most = max((number for _, number in days), default=0) or 1
    step = width / max(1, len(days))
    bars = [
        element(
            "rect",
            element("title", text=f"{day}: {number}"),
            x=place * step + step * 0.12,
            y=height - 1 - number / most * (height - 4),
            width=min(step * 0.76, 24),
            height=number / most * (height - 4),
            class_="bar",
        )
        for place, (day, number) in enumerate(days)
        if number
    ]
    base = element("rect", x=0, y=height - 1, width=width, height=1, class_="axis")
    about = "; ".join(f"{day}: {number}" for day, number in days if number) or "none"
    return drawing(name, _BARS, what, about, [base, *bars])


def acts(counts: ActCounts) -> Markup:
    """How many acts of each kind stand on a claim, a mark for each of the first few; told in words, too."""
    kinds = (("for", counts.statement), ("against", counts.denial), ("weighed", counts.assessment))
    words = [
        counted(number, noun)
        for noun, number in (
            ("statement", counts.statement),
            ("denial", counts.denial),
            ("assessment", counts.assessment),
        )
        if number
    ]
    place, shown = count(), []
    for kind, number in kinds:
        shown += [part for _ in range(min(number, _FEW)) for part in mark(kind, 6 + 11 * next(place), 7, 3.8)]
    width = max(1, next(place)) * 11 + 1
    told = ",\n".join(words) or "no acts"
    svg = element("svg", *shown, class_="acts", viewBox=f"0 0 {width} 14", width=width, height=14, aria_hidden="true")
    return Markup("{}<span class='told'>{}</span>").format(written(svg), told)
