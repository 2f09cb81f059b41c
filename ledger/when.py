"""When was it said? The text of `said_at`, read as [earliest, latest], and the text of a cut, read as a moment.

`said_at` is kept verbatim. It is an ISO 8601 date, month, year or zoned date-time, an interval `A/B`, or an open one
(`../B`, `A/..`), each end with an optional `~`, `?` or `%` of the Extended Date/Time Format (ISO 8601-2). Dates,
months and years are UTC. Inside this package a moment is an `int`: microseconds since 1970-01-01T00:00:00Z.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from .errors import UsageError

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
#: No time zone is more than 14 hours ahead of UTC: what is dated later than that cannot have been said yet.
AHEAD_US: Final = 14 * 3600 * 1_000_000
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY_US: Final = 24 * 3600 * 1_000_000
_EPOCH_DAY: Final = EPOCH.toordinal()
_STAMP: Final = len("2024-10-11T00:00:00.000000Z")

_POINT: Final = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d\d)(?:-(?P<day>\d\d)"
    r"(?P<time>T\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d))?)?)?(?P<mark>[~?%])?",
    re.ASCII,
)
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_UNZONED: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?", re.ASCII)
_FORMS: Final = (
    "a date, month, year or zoned date-time, A/B, ../B or A/.. "
    "(2024-10-08, 2024-10, 2024-10-08T14:30:00Z, ../2024-10-10)"
)


class Span(NamedTuple):
    """When something was said: `earliest` is None where nothing bounds it, and so is `latest` before it is recorded."""

    earliest: int | None
    latest: int | None
    marked: bool = False
    """True where the text carries `~`, `?` or `%`: its author was not sure."""

    def known_at(self, recorded_at: int) -> Span:
        """The same span, neither end later than the moment at which it was recorded."""
        earliest, latest, marked = self
        if latest is not None and latest <= recorded_at:
            return self
        return Span(None if earliest is None else min(earliest, recorded_at), recorded_at, marked)


UNKNOWN: Final = Span(None, None)


def micros(moment: datetime) -> int:
    """Microseconds since 1970-01-01T00:00:00Z of a zoned datetime."""
    return (moment - EPOCH) // _MICROSECOND


@lru_cache(maxsize=1024)  # a batch is recorded at one moment
def moment(micros_: int) -> datetime:
    """The UTC datetime of a number of microseconds since 1970-01-01T00:00:00Z."""
    return EPOCH + timedelta(microseconds=micros_)


def stamp(micros_: int) -> str:
    """A moment as RFC 3339 text in UTC, always with six decimals, so that texts sort as moments do."""
    day, rest = divmod(micros_, _DAY_US)
    second, fraction = divmod(rest, 1_000_000)
    minute = second // 60
    return f"{_day(day)}T{minute // 60:02}:{minute % 60:02}:{second % 60:02}.{fraction:06}Z"


def is_stamp(text: str) -> bool:
    """Whether the text of an instant is what `stamp` makes of it."""
    return len(text) == _STAMP and text[-1] == "Z"


@lru_cache(maxsize=1024)  # what is recorded in one day is much
def _day(number: int) -> str:
    """A day, by its number since 1970-01-01."""
    return moment(number * _DAY_US).date().isoformat()


@lru_cache(maxsize=4096)  # the same few days come back in every act of a story
def parse(text: str) -> Span:
    """Reads the text of `said_at`.

    Raises ValueError, with what to write instead, for anything else.
    """
    first, slash, second = text.partition("/")
    if not slash:
        return _point(text)
    if first == ".." and second == "..":
        raise ValueError(f"{text!r} says nothing; leave said_at out where the time is unknown")
    start = UNKNOWN if first == ".." else _point(first)
    end = UNKNOWN if second == ".." else _point(second)
    if start.earliest is not None and end.latest is not None and start.earliest > end.latest:
        raise ValueError(f"{text!r} ends before it begins; write the earlier end first")
    return Span(start.earliest, end.latest, start.marked or end.marked)


def instant(text: str) -> int:
    """Reads a zoned date-time, such as 2024-10-11T00:00:00.000000Z.

    Raises ValueError, with what to write instead, for anything else.
    """
    if not _INSTANT.fullmatch(text):
        parse(text)  # what is wrong with it, where it is no time at all
        raise ValueError(f"{text!r} is no moment; write 2024-10-11T00:00:00.000000Z")
    return _instant(text)


def cut(text: str) -> int:
    """Reads a cut: a date, month or year stands for its last microsecond, UTC.

    Raises ValueError, with what to write instead, for anything that is no ISO 8601 moment.
    """
    match = _POINT.fullmatch(text)
    if match is None or match["mark"]:
        raise ValueError(
            f"{text!r} is no moment; write {_rather(text) or '2024, 2024-10, 2024-10-08 or 2024-10-08T14:30:00Z'}"
        )
    latest = _point(text).latest
    assert latest is not None
    return latest


def _point(text: str) -> Span:
    if len(text) == 10 and text[4] == text[7] == "-":  # most are a day
        try:
            begins = (date.fromisoformat(text).toordinal() - _EPOCH_DAY) * _DAY_US
            return Span(begins, begins + _DAY_US - 1)
        except ValueError:
            pass  # what is wrong with it is told below
    if _INSTANT.fullmatch(text):
        at = _instant(text)
        return Span(at, at)
    match = _POINT.fullmatch(text)
    if match is None:
        if _UNZONED.fullmatch(text):
            raise ValueError(f"{text!r} has no zone; end it with Z or an offset such as +09:00")
        raise ValueError(f"{text!r} is no time; write {_rather(text) or _FORMS}")
    marked = match["mark"] is not None
    if match["time"]:
        at = _instant(text.rstrip("~?%"))
        return Span(at, at, marked)
    try:
        year, month, day = int(match["year"]), int(match["month"] or 1), int(match["day"] or 1)
        start = datetime(year, month, day, tzinfo=UTC)
        if match["day"]:
            following = micros(start) + _DAY_US
        elif match["month"]:
            following = _first_of(year + month // 12, month % 12 + 1)
        else:
            following = _first_of(year + 1, 1)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no time on the calendar ({error}); write {_FORMS}") from None
    return Span(micros(start), following - 1, marked)


def _rather(text: str) -> str | None:
    """How to write what is a zoned date-time but for its form: seven digits of a second, +0100, a lower-case z."""
    day, between, time = text[:10], text[10:11], text[11:]
    with suppress(ValueError):
        written = datetime.fromisoformat(f"{day}T{time.upper().replace(' ', '')}").isoformat()
        rather = written.replace("+00:00", "Z")
        if between in ("T", "t", " ") and _INSTANT.fullmatch(rather):
            _instant(rather)
            return repr(rather)
    return None


def _first_of(year: int, month: int) -> int:
    if year == 10_000:
        return micros(datetime.max.replace(tzinfo=UTC)) + 1
    return micros(datetime(year, month, 1, tzinfo=UTC))


def _instant(text: str) -> int:
    try:
        if text[11:13] == "24":  # which Python takes for the next day from 3.14 on
            raise ValueError("hour must be in 0..23")
        at = micros(datetime.fromisoformat(text))
        if not _FIRST <= at <= _LAST:  # a zone may carry it past the years that a datetime holds
            raise ValueError("year is out of range")
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is no time on the calendar ({error}); write {_FORMS}") from None
    return at


_FIRST: Final = micros(datetime.min.replace(tzinfo=UTC))
_LAST: Final = micros(datetime.max.replace(tzinfo=UTC))


def on_calendar(micros_: int) -> int:
    """The same moment, or the nearest one of the years 1 to 9999: no datetime holds another."""
    return min(max(micros_, _FIRST), _LAST)


def check_moments(times: Sequence[int]) -> None:
    """Raises UsageError, with `index`, where any of these is no moment of the years 1 to 9999."""
    if min(times) < _FIRST or max(times) > _LAST:
        index, at = next((index, at) for index, at in enumerate(times) if not _FIRST <= at <= _LAST)
        error = UsageError(f"{at} is no moment of the years 1 to 9999, in microseconds since 1970-01-01T00:00:00Z")
        error.index = index
        raise error
