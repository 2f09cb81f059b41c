"""Where do all claims stand? The board: by status, searched and filtered, what changed lately, at any cut."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Final, cast

from msgspec import Struct

from ledger import Record, when
from ledger import events as ev
from ledger.records import ACTS
from projections import words
from projections.board import Row
from projections.flags import FLAGS
from projections.part import Wanted
from projections.status import RULE_TEXTS
from projections.tracking.rows import CLAIM_KINDS
from projections.views import pages

from ..sparing import TooMuch, part_of
from . import drawings, urls
from .look import Context, Look
from .urls import Cuts

_PAGE: Final = 50
_LATELY: Final = 8
_LOOKED_AT: Final = 1_000
"""So many of the latest records tell of how much was said on which day."""
_DAYS: Final = 60
ORDER_TEXTS: Final = {"id": "by name", "newest": "changed last", "oldest": "changed first", "acts": "most acts"}


class News(Struct, frozen=True):
    """A record of late, in a line."""

    position: int
    id: str
    at: str
    type: str
    by: str
    what: str


def board(look: Look) -> Context:
    """The board of all claims."""
    cuts, wanted = look.cuts, wanted_of(look)
    at = _position(look, cuts, wanted)
    part = part_of(look.readers, wanted, as_of=at, said_by=cuts.said_by, few=look.few)
    if look.few is not None and sum(map(_acts, part.board.claims)) > look.few:
        raise TooMuch
    # A thousand of the latest, and no more: a ledger may be long.
    lately = list(look.ledger.events(after=max(0, at - _LOOKED_AT), as_of=at))
    said = days(lately)
    return {
        "board": part.board,
        "counts": part.counts,
        "total": sum(part.counts.values()),
        "following": part.following,
        "wanted": wanted,
        "verdicts": look.readers.verdicts.of(look.readers.ledger, part.board),
        "lately": [news(record) for record in lately[: -_LATELY - 1 : -1]],
        "days": drawings.sparkline("days", said, "Acts by the day on which they were said at the latest"),
        "spark_told": sparkled(said),
        "acts_drawn": drawings.acts,
        "orders": ORDER_TEXTS,
        "statuses": RULE_TEXTS,
        "kinds": CLAIM_KINDS,
        "all_flags": FLAGS,
        "part_url": lambda **other: part_url(cuts, wanted, **other),
        "raw_url": f"/v1/claims{urls.query(**asked(cuts, wanted), limit=str(_PAGE), cursor=wanted.cursor)}",
        "line": urls.command("claims", "status", *options(wanted, part.following), *cuts.options()),
    }


def _position(look: Look, cuts: Cuts, wanted: Wanted) -> int:
    """As of which position: that of the page before, where nothing else is asked for."""
    if cuts.as_of is not None:
        return look.ledger.question(as_of=cuts.as_of).as_of.position
    pinned = None if wanted.cursor is None else pages.place_of(cast(pages.Order, wanted.order), wanted.cursor)[0]
    return look.as_of if pinned is None else pinned


def _acts(row: Row) -> int:
    return row.acts.statement + row.acts.denial + row.acts.assessment


def wanted_of(look: Look) -> Wanted:
    """Which part of the board an address asks for; what a form leaves empty asks for nothing."""
    return Wanted(
        limit=_PAGE,
        cursor=look.get("cursor"),
        order=look.get("order") or "id",
        statuses=tuple(filter(None, look.query.getlist("status"))),
        flags=tuple(filter(None, look.query.getlist("flag"))),
        kinds=tuple(filter(None, look.query.getlist("kind"))),
        source=look.get("source"),
        changed_since=look.get("changed_since"),
        changed_until=look.get("changed_until"),
        search=look.get("search"),
    )


def asked(cuts: Cuts, wanted: Wanted) -> dict[str, str | list[str] | None]:
    """A part of the board as its address has it, whichever page of it."""
    return {
        "search": wanted.search,
        "status": list(wanted.statuses),
        "flag": list(wanted.flags),
        "kind": list(wanted.kinds),
        "source": wanted.source,
        "changed_since": None if wanted.changed_since is None else str(wanted.changed_since),
        "changed_until": None if wanted.changed_until is None else str(wanted.changed_until),
        "order": None if wanted.order == "id" else wanted.order,
        **cuts.pairs(),
    }


def part_url(cuts: Cuts, wanted: Wanted, **other: str | list[str] | None) -> str:
    """The address of a part of the board, but for what is asked otherwise."""
    return "/" + urls.query(**{**asked(cuts, wanted), **other})


def options(wanted: Wanted, following: str | None) -> list[str]:
    """The same part, as options of `claims status`; of several pages, the one that is shown."""
    told: list[str] = []
    for option, values in (
        ("--search", [wanted.search]),
        ("--status", wanted.statuses),
        ("--flag", wanted.flags),
        ("--kind", wanted.kinds),
        ("--source", [wanted.source]),
        ("--changed-since", [wanted.changed_since]),
        ("--changed-until", [wanted.changed_until]),
        ("--order", [None if wanted.order == "id" else wanted.order]),
        ("--limit", [wanted.limit if following or wanted.cursor else None]),
        ("--cursor", [wanted.cursor]),
    ):
        told += [word for value in values if value is not None for word in (option, str(value))]
    return told


def news(record: Record) -> News:
    """A record in a line."""
    event = record.event
    return News(
        position=record.position,
        id=record.id,
        at=when.stamp(record.recorded_us),
        type=ev.tag_of(event),
        by=words.teller(event, record.recorded_by),
        what=words.what(event),
    )


def days(records: list[Record]) -> list[tuple[str, int]]:
    """How many of the acts were said on which day, at the latest; every day between has its place."""
    latest = [
        min(when.moment(at), record.recorded_at).date()
        for record in records
        if isinstance(record.event, ACTS)
        for at in [when.parse(record.event.said_at).latest if record.event.said_at else record.recorded_us]
        if at is not None
    ]
    if not latest:
        return []
    counts, last = Counter(latest), max(latest)
    back = min((last - min(latest)).days, _DAYS - 1)
    stretch = [last - timedelta(days=place) for place in range(back, -1, -1)]
    return [(day.isoformat(), counts[day]) for day in stretch]


def sparkled(said: list[tuple[str, int]]) -> str:
    """The same days in a line."""
    if not said:
        return "no acts yet"
    return f"{words.count(sum(number for _, number in said), 'act')} said from {said[0][0]} to {said[-1][0]}, by day"
