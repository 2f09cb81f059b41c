"""Through whom did the words come? A drawing from the utterers, gathered by root, over the carriers to the document.

A source is one box, however many passed their words through it; the speakers of one root stand in one frame, so that
ten outlets that carry one spokesman are seen to have one origin.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from markupsafe import Markup

from projections.provenance import ActAnswer, LinkAnswer, Origin, Provenance
from projections.words import count as counted
from projections.words import root as root_in_words

from .drawings import mark
from .svg import Element, drawing, element, link, short
from .urls import source_url

MOST: Final = 60
"""So many acts are drawn; the table beside the drawing has them all."""
_BOX, _HEIGHT, _GAP, _BETWEEN = 224.0, 46.0, 14.0, 92.0
_FRAME, _HEAD, _TOP, _EDGE = 10.0, 24.0, 30.0, 2.0
_SHIFTS: Final = {"for": -4.0, "weighed": 0.0, "against": 4.0, "none": 8.0, "gone": -8.0}
_CHARS: Final = 28

Place = tuple[int, str]
"""A column, and what stands in it: a source, or the way past that column of words that nobody there carried."""


class Box(NamedTuple):
    """Where a source stands: the middle of its left side; `passing` where words only go by."""

    x: float
    y: float
    passing: bool = False


class Frame(NamedTuple):
    """The speakers of one root, in one frame."""

    origin: Origin
    top: float
    bottom: float


class Laid(NamedTuple):
    """The whole drawing as it will lie."""

    boxes: dict[Place, Box]
    frames: list[Frame]
    width: float
    height: float


def chosen(found: Provenance, most: int = MOST) -> list[tuple[Origin, ActAnswer]]:
    """Acts with their origins, so many at most: those that decide before others, what stands before what does not."""
    acts = [(origin, act) for origin in found.origins for act in origin.acts]
    first = sorted(acts, key=lambda pair: (pair[1].side is None, not pair[1].live))[:most]
    wanted = {act.act for _, act in first}
    return [pair for pair in acts if pair[1].act in wanted]


def path_of(act: ActAnswer, last: int) -> list[Place]:
    """The places an act's words go through: the utterer first, the document in hand in the last column."""
    first, *carriers = [one.source for one in act.chain]
    if not carriers:
        return [(0, first)]
    *middle, document = carriers
    path = [(0, first), *((place, source) for place, source in enumerate(middle, 1))]
    passed = [(place, f"past:{path[-1][1]}:{document}") for place in range(len(path), last)]
    return [*path, *passed, (last, document)]


def layout(acts: Sequence[tuple[Origin, ActAnswer]]) -> Laid:
    """Where everything lies: columns from left to right, in each what belongs together as near as may be."""
    last = max((len(act.chain) for _, act in acts), default=1) - 1
    paths = [path_of(act, last) for _, act in acts]
    boxes, frames = _speakers(acts)
    for column in range(1, last + 1):
        _stack(column, paths, boxes)
    bottoms = [*(box.y + _HEIGHT / 2 for box in boxes.values()), *(frame.bottom for frame in frames)]
    width = _EDGE * 2 + _FRAME * 2 + (last + 1) * _BOX + last * _BETWEEN
    return Laid(boxes, frames, width, max(bottoms, default=0) + _EDGE)


def ways(found: Provenance, query: str = "") -> Markup:
    """The drawing."""
    acts = chosen(found)
    if not acts:
        return Markup("")
    laid = layout(acts)
    names = {(i, one.source): one for _, act in acts for i, one in _columns(act, laid)}
    inside = [
        *_heads(laid),
        *(_framed(frame) for frame in laid.frames),
        *_edges(acts, laid),
        *(_boxed(box, names[place], query) for place, box in laid.boxes.items() if not box.passing),
    ]
    roots = counted(len(laid.frames), "origin")
    title = f"Through whom the words came: {counted(len(acts), 'act')} of {roots}"
    about = "; ".join(f"{frame.origin.name}: {counted(len(frame.origin.acts), 'act')}" for frame in laid.frames)
    return drawing("ways", (laid.width, laid.height), title, f"{about}. Told act by act in the table.", inside, "group")


def _heads(laid: Laid) -> Iterator[Element]:
    """What each column is."""
    last = max(column for column, _ in laid.boxes)
    for column in range(last + 1):
        text = "who said it" if column == 0 else "the document in hand" if column == last else "who carried it"
        x = _EDGE if column == 0 else _EDGE + _FRAME + column * (_BOX + _BETWEEN)
        yield element("text", text=text, x=x, y=16, class_="head-name")


def _columns(act: ActAnswer, laid: Laid) -> Iterator[tuple[int, LinkAnswer]]:
    last = max(column for column, _ in laid.boxes)
    for place, one in enumerate(act.chain):
        yield (last if place and place == len(act.chain) - 1 else place), one


def _speakers(acts: Sequence[tuple[Origin, ActAnswer]]) -> tuple[dict[Place, Box], list[Frame]]:
    """The first column: a frame for each root, its speakers stacked in it."""
    by_root: dict[str, tuple[Origin, list[str]]] = {}
    for origin, act in acts:
        speakers = by_root.setdefault(origin.root, (origin, []))[1]
        if act.chain[0].source not in speakers:
            speakers.append(act.chain[0].source)
    boxes: dict[Place, Box] = {}
    frames: list[Frame] = []
    y = _TOP
    for origin, speakers in by_root.values():
        top, y = y, y + _HEAD + _FRAME
        for speaker in speakers:
            boxes[0, speaker] = Box(_EDGE + _FRAME, y + _HEIGHT / 2)
            y += _HEIGHT + _GAP
        y += _FRAME - _GAP
        frames.append(Frame(origin, top, y))
        y += _GAP
    return boxes, frames


def _stack(column: int, paths: Iterable[list[Place]], boxes: dict[Place, Box]) -> None:
    """One more column: each place at the height of where its words come from, and none over another."""
    sources: dict[Place, list[float]] = {}
    for path in paths:
        for before, place in pairwise(path):
            if place[0] == column:
                sources.setdefault(place, []).append(boxes[before].y)
    x = _EDGE + _FRAME + column * (_BOX + _BETWEEN)
    wanted = sorted((sum(heights) / len(heights), place) for place, heights in sources.items())
    y = _TOP + _HEAD + _FRAME
    for height, place in wanted:
        passing = place[1].startswith("past:")
        room = _GAP if passing else _HEIGHT
        middle = max(height, y + room / 2)
        boxes[place] = Box(x, middle, passing)
        y = middle + room / 2 + _GAP


def _edges(acts: Sequence[tuple[Origin, ActAnswer]], laid: Laid) -> Iterator[Element]:
    """A line for each step of the words, one for all acts of a side that take it."""
    last = max(column for column, _ in laid.boxes)
    steps: dict[tuple[Place, Place, str], list[str]] = {}
    for _, act in acts:
        path = path_of(act, last)
        for before, after in pairwise(path):
            steps.setdefault((before, after, _kind(act)), []).append(act.act)
    for (before, after, kind), ids in steps.items():
        yield _edge(laid.boxes[before], laid.boxes[after], kind, ids)


def _edge(before: Box, after: Box, kind: str, ids: list[str]) -> Element:
    shift = _SHIFTS[kind]  # lines between the same boxes do not lie on each other
    x1, x2 = before.x + _BOX, after.x
    y1, y2 = before.y + shift, after.y + shift
    bend = (x2 - x1) / 2
    d = f"M{x1 - _BOX if before.passing else x1:.1f} {y1:.1f}"
    if before.passing:
        d += f"H{x1:.1f}"
    d += f"C{x1 + bend:.1f} {y1:.1f} {x2 - bend:.1f} {y2:.1f} {x2:.1f} {y2:.1f}"
    return element("path", element("title", text=", ".join(ids)), d=d, class_=f"way {kind}")


def _kind(act: ActAnswer) -> str:
    """What the line of an act looks like: for, against, weighed; what decides nothing is faint."""
    if not act.live:
        return "gone"
    if act.side is not None:
        return "for" if act.side == "support" else "against"
    return "weighed" if act.type == "assessment" else "none"


def _framed(frame: Frame) -> Element:
    width, height = _BOX + _FRAME * 2, frame.bottom - frame.top
    acts = [act for act in frame.origin.acts if act.side is not None]
    sides = dict.fromkeys("for" if act.side == "support" else "against" for act in acts)
    marks = [
        part for i, side in enumerate(sides) for part in mark(side, _EDGE + _FRAME + 6 + i * 14, frame.top + 17, 5)
    ]
    told = root_in_words(frame.origin.name, frame.origin.kind)
    return element(
        "g",
        element("title", text=f"one origin: {told}"),
        element("rect", x=_EDGE, y=frame.top, width=width, height=height, rx=8),
        *marks,
        element(
            "text",
            text=short(frame.origin.name, 33 - 2 * len(sides)),
            x=_EDGE + _FRAME + 14 * len(sides),
            y=frame.top + 21,
        ),
        class_="frame",
    )


def _boxed(box: Box, one: LinkAnswer, query: str) -> Element:
    about = one.role or one.kind or ""
    x, top = box.x, box.y - _HEIGHT / 2
    lines = [
        element("text", text=short(one.name, _CHARS), x=x + 12, y=box.y - 2 if about else box.y + 5, class_="name")
    ]
    if about:
        lines.append(element("text", text=short(about, _CHARS + 4), x=x + 12, y=box.y + 14, class_="about"))
    rect = element("rect", x=x, y=top, width=_BOX, height=_HEIGHT, rx=5)
    title = element("title", text=", ".join(filter(None, (one.name, about))))
    return link(source_url(one.source) + query, title, rect, *lines, class_="box")
