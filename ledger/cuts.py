"""Which moment does a caller mean? A cut may be a position, an event, a time, or what an append returned."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime
from typing import Final, TypeAlias

from . import when
from .batch import Receipt
from .errors import UsageError
from .records import Record
from .store import Index, Store

Cut: TypeAlias = int | str | date | datetime | Receipt | Record
"""A cut as callers write it: a position, an event id, a moment, or what `append` returned.

Of text, digits alone are a position, and what reads as a moment is one, whatever ids there are: an event that comes to
have such an id changes no answer that was given before.
"""

_DIGITS: Final = 18
"""No position has more, and no moment in microseconds; every store holds what has so many."""

NOT_COME: Final = "ask again once it is appended, and see that it is of this ledger"
"""What to do about a position that was waited for and did not come."""


def number_of(text: str) -> int | None:
    """The number that digits alone are; None for any other text, and for more of them than any number here has."""
    digits = text.lstrip("0") or text[-1:]
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS else None


def position_of(store: Store, cut: Cut, head: int) -> int:
    """The position that a cut means in a log that ends at `head`. Raises UsageError for what is no cut there."""
    match cut:
        case bool():
            raise UsageError(f"{cut!r} is no cut")
        case int():
            return within(cut, head)
        case Receipt() | Record():
            return place_of(store, cut)
        case str() if cut.isascii() and cut.isdigit():
            position = number_of(cut)
            if position is None:
                raise beyond(f"position {cut[:_DIGITS]}…", head)
            return within(position, head)
        case str():
            check_text(cut)
            with suppress(ValueError):
                return store.at_or_before(when.cut(cut))
            stored = store.by_id([cut])
            if stored:
                return stored[cut][0]
            raise UsageError(
                f"{cut!r} is no position, no event of this ledger, and no moment such as 2024-10-09 "
                "or 2024-10-09T12:00:00Z"
            )
        case date():  # and datetime
            return store.at_or_before(moment_of(cut))
        case _:
            raise UsageError(f"{cut!r} is no cut; give a position, an event id or a moment")


def place_of(store: Index, at: int | Receipt | Record) -> int:
    """The position that a caller names by itself, or by what stands there.

    Raises UsageError for what is no position, and where what is to stand there does not: the ledger has another history
    from then on, and to go by the number would pass over what came in its place.
    """
    if isinstance(at, (Receipt, Record)):
        stored = store.by_id([at.id]).get(at.id)
        if stored is None or stored[0] != at.position:
            raise UsageError(
                f"{at.id!r} does not stand at position {at.position} here: this ledger has another history, as after a"
                " backup took its place; begin anew, with position 0"
            )
        return at.position
    if isinstance(at, bool) or not isinstance(at, int):
        raise UsageError(f"{at!r} is no position; give a number, or what `append` returned")
    return at


def said_by(cut: Cut | None) -> tuple[int | None, str | None]:
    """The moment of the world that a cut means, in microseconds, and as text. Raises UsageError for any other."""
    match cut:
        case None:
            return None, None
        case str():
            try:
                return when.cut(cut), cut
            except ValueError as error:
                raise UsageError(f"said_by: {error}") from None
        case date():  # and datetime
            return moment_of(cut), cut.isoformat()
        case _:
            raise UsageError("said_by is a moment of the world, such as 2024-10-09; positions and events go with as_of")


def check_text(*asked: str | None) -> None:
    """Refuses surrogates, as a broken byte on a command line makes them: no ledger holds any."""
    for text in asked:
        try:
            str(text).encode()
        except UnicodeEncodeError:
            raise UsageError(f"{text!r} is not UTF-8 text; check its encoding") from None


def within(position: int, head: int) -> int:
    """A position of a log that ends at `head`. Raises UsageError for any other."""
    if not 0 <= position <= head:
        raise beyond(f"position {position}", head)
    return position


def known_at(position: int) -> str:
    """How a knowledge cut is told."""
    at = f"as of position {position}"
    return at if position else f"{at}, before anything was recorded"


def beyond(what: str, head: int, then: str = "") -> UsageError:
    """What tells that a position is none of a log that ends at `head`, and what to do then."""
    then = then or f"give one from 0 to {head}, or leave it out"
    return UsageError(f"{what} is not in this ledger, which ends at {head}; {then}")


def moment_of(cut: date) -> int:
    """The last microsecond of a date, or a zoned datetime. Raises UsageError for one without a zone."""
    if not isinstance(cut, datetime):
        return when.cut(cut.isoformat())
    if cut.utcoffset() is None:
        raise UsageError(f"{cut.isoformat()} has no zone; give a zoned datetime")
    return when.micros(cut)
