"""Who said what when? Three lanes over one axis of time: statements, denials, assessments.

What was said on a day or at a moment is a mark; what may have been said at any time of a span is drawn as that span,
and one that nothing bounds begins at the edge.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from markupsafe import Markup

from ledger import when
from projections.timeline import Spoken
from projections.words import count as counted
from projections.words import said_when

from .drawings import mark
from .svg import Element, drawing, element, link, short
from .urls import Cuts, event_url

LANES: Final = {"statement": "statements", "denial": "denials", "assessment": "assessments"}
MARKS: Final = {"statement": "for", "denial": "against", "assessment": "weighed"}
MOST: Final = 100
"""So many acts are drawn, the latest; the table beside it has them all."""
_WIDTH, _LEFT, _RIGHT = 960.0, 100.0, 24.0
_ROW, _TOP, _AXIS = 26.0, 10.0, 30.0
_CHAR = 7.2
_DAY_US: Final = 86_400_000_000


class Mark(NamedTuple):
    """An act as it lies in its lane: from x to x, on which row, and where its label is."""

    act: Spoken
    left: float
    right: float
    row: int
    label: Literal["in", "after", "before"]


class Axis(NamedTuple):
    """A stretch of time, in microseconds since 1970-01-01T00:00:00Z, laid over the width of the drawing."""

    first: int
    last: int

    def x(self, at_us: int) -> float:
        """Where a moment lies."""
        part = (at_us - self.first) / (self.last - self.first)
        return _LEFT + min(1.0, max(0.0, part)) * (_WIDTH - _LEFT - _RIGHT)


def axis_of(acts: Sequence[Spoken]) -> Axis:
    """The stretch in which everything was said, with a little room around it where the calendar has any."""
    known = [when.instant(text) for act in acts for text in (act.earliest, act.latest) if text is not None]
    room = max(_DAY_US // 2, (max(known) - min(known)) // 16)
    return Axis(when.on_calendar(min(known) - room), when.on_calendar(max(known) + room))


def laid(acts: Sequence[Spoken], axis: Axis, inferred: Collection[str] = ()) -> list[Mark]:
    """Acts of one lane on as few rows as hold them without overlap, each with its label: in its span where it fits."""
    ends: list[float] = []
    marks: list[Mark] = []
    for act in acts:
        left, right = _ends(act, axis)
        width = len(_label(act, inferred)) * _CHAR + 18
        place: Literal["in", "after", "before"] = (
            "in" if right - left > width else "before" if right + width > _WIDTH and left - width > _LEFT else "after"
        )
        first, last = {
            "in": (left, right + 4),
            "before": (left - width, right + 8),
            "after": (left - 8, right + width),
        }[place]
        row = next((number for number, end in enumerate(ends) if end <= first), len(ends))
        ends[row : row + 1] = [last]
        marks.append(Mark(act, left, right, row, place))
    return marks


def is_span(act: Spoken) -> bool:
    """Whether it may have been said at more times than those of one day."""
    return act.earliest is None or when.instant(act.latest) - when.instant(act.earliest) >= _DAY_US


def _ends(act: Spoken, axis: Axis) -> tuple[float, float]:
    """Where an act begins and ends; what was said on a day or at a moment does both in the middle of that."""
    left = _LEFT if act.earliest is None else axis.x(when.instant(act.earliest))
    right = axis.x(when.instant(act.latest))
    if is_span(act):
        return left, max(left + 9, right)
    return (left + right) / 2, (left + right) / 2


def ticks(axis: Axis) -> Iterator[tuple[int, str]]:
    """Moments to be named on the axis, about eight at most, and their names: days, months or years, UTC."""
    days = (axis.last - axis.first) / _DAY_US
    if days > 900:
        yield from _years(axis, _step(days / 365, (1, 2, 5, 10, 20, 50, 100, 1_000)))
    elif days > 75:
        yield from _months(axis, _step(days / 30, (1, 2, 3, 6)))
    else:
        step = _step(days, (1, 2, 7, 14)) * _DAY_US
        for at in range(-(-axis.first // _DAY_US) * _DAY_US, axis.last, step):
            yield at, when.stamp(at)[:10]


def _step(many: float, steps: Sequence[int]) -> int:
    """The first step in which so many are eight at most."""
    return next((step for step in steps if many / step <= 8), steps[-1])


def timeline(
    acts: Sequence[Spoken], cut_us: int | None, cuts: Cuts | None = None, inferred: Collection[str] = ()
) -> Markup:
    """The three lanes; acts that were not said by the cut are faint, and the cut is a line.

    `inferred` are ids of acts on other claims that bear on this one: their labels say so.
    """
    acts = sorted(acts, key=lambda act: act.latest)[-MOST:]
    if not acts:
        return Markup("")
    axis = axis_of(acts)
    lanes: list[Element] = []
    marks: list[Element] = []
    y = _TOP
    for lane, title in LANES.items():
        placed = laid([act for act in acts if act.lane == lane], axis, inferred)
        height = _ROW * max((mark.row + 1 for mark in placed), default=1) + 10
        lanes.append(element("rect", x=_LEFT, y=y, width=_WIDTH - _LEFT, height=height - 4, class_="lane"))
        lanes.append(element("text", text=title, x=0, y=y + _ROW - 5, class_="lane-title"))
        marks += [_drawn(mark, y, cut_us, cuts, _label(mark.act, inferred)) for mark in placed]
        y += height
    cut = [] if cut_us is None else [_cut(axis, cut_us, y)]
    told = ", ".join(f"{sum(act.lane == lane for act in acts)} {title}" for lane, title in LANES.items())
    about = (
        f"{told}; the first {acts[0].latest[:10]} at the latest, the last {acts[-1].latest[:10]}. Told in the table."
    )
    title = f"When it was said: {counted(len(acts), 'act')} on one axis of time"
    return drawing(
        "timeline", (_WIDTH, y + _AXIS), title, about, [*lanes, *_scale(axis, y), *marks, *cut], role="group"
    )


def _drawn(placed: Mark, top: float, cut_us: int | None, cuts: Cuts | None, label: str) -> Element:
    act, y = placed.act, top + placed.row * _ROW + _ROW / 2 + 3
    kind = MARKS[act.lane] if act.live else "gone"
    x, anchor = {
        "in": (placed.left + 10, "start"),
        "after": (placed.right + 10, "start"),
        "before": (placed.left - 10, "end"),
    }[placed.label]
    later = cut_us is not None and when.instant(act.latest) > cut_us
    return link(
        event_url(act.act, cuts),
        element("title", text=told(act)),
        *_shape(placed, kind, y),
        element("text", text=label, x=x, y=y + 4.5, text_anchor=anchor),
        class_=f"act {kind}{' later' if later else ''}",
    )


def _shape(placed: Mark, kind: str, y: float) -> list[Element]:
    if not is_span(placed.act):
        return mark(kind, placed.left, y, 5)
    width = placed.right - placed.left
    bar = element("rect", x=placed.left, y=y - 9, width=width, height=18, rx=5, class_=f"span {kind}")
    if placed.act.earliest is not None:
        return [bar]
    fringe = element("path", d=f"M{placed.left} {y - 12}v24", class_=f"open {kind}")
    return [bar, fringe]


def told(act: Spoken) -> str:
    """An act of a lane in a line: who, what, when, and whether it stands."""
    gone = "" if act.live else "; it no longer stands"
    return f"{act.act}: {act.lane} by {act.by}, {said_when(act.said_at)}{gone}"


def _label(act: Spoken, inferred: Collection[str]) -> str:
    return short(act.by, 28) + (" (inferred)" if act.act in inferred else "")


def _scale(axis: Axis, bottom: float) -> Iterator[Element]:
    for at, name in ticks(axis):
        x = axis.x(at)
        yield element("path", d=f"M{x:.1f} {_TOP}V{bottom:.1f}", class_="tick")
        yield element("text", text=name, x=x, y=bottom + 18, text_anchor="middle", class_="tick-name")


def _cut(axis: Axis, cut_us: int, bottom: float) -> Element:
    x = axis.x(cut_us)
    return element(
        "g",
        element("title", text=f"said by {when.stamp(cut_us)}"),
        element("path", d=f"M{x:.1f} 0V{bottom + 4:.1f}"),
        class_="cut",
    )


def _years(axis: Axis, step: int) -> Iterator[tuple[int, str]]:
    first, last = when.moment(axis.first).year + 1, when.moment(axis.last).year
    for year in range(-(-first // step) * step, last + 1, step):
        yield when.micros(datetime(year, 1, 1, tzinfo=UTC)), str(year)


def _months(axis: Axis, step: int) -> Iterator[tuple[int, str]]:
    first, last = when.moment(axis.first), when.moment(axis.last)
    for month in range(first.year * 12 + first.month, last.year * 12 + last.month):
        if month % step == 0:
            at = datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
            yield when.micros(at), at.date().isoformat()[:7]
