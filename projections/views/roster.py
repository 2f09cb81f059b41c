"""Which sources are there? Those that an act quotes, or the register has, by id, page by page, from a view."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from msgspec import Struct

from ledger import Ledger, SourceRegistered
from ledger.clerk import Clerk
from ledger.fold import AsOf, Question
from ledger.records import Record, leads_to

from . import cursors
from .search import sought


class Listed(Struct, frozen=True):
    """A source as a list shows it."""

    source: str
    name: str
    """As registered; else the one of its printed names that came in last."""
    kind: str | None
    """As registered. What acts tell of others may differ from claim to claim."""
    registered: bool


class Roster(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of the sources as of a position."""

    as_of: AsOf
    sources: list[Listed]
    next: str | None = None
    """The cursor of what follows; left out where nothing does."""


def listed(connection: Any, ledger: Ledger, at: int, search: str | None, after: str, limit: int | None) -> list[Listed]:
    """The first sources after an id as of a position, of those found by all the words where any are given.

    Raises UsageError for a search without a word.
    """
    words = sought(search) if search is not None else []
    sql = _SOURCES.format(found=" ".join(_FOUND.format(place=place) for place in range(4, 4 + len(words))))
    rows = connection.execute(sql, (at, after, -1 if limit is None else limit, *words)).fetchall()
    registered = {source for source, in_register in rows if in_register}
    known = ledger.state(_Register(registered), as_of=at) if registered else {}
    return [_listed(connection, at, source, known.get(source)) for source, _ in rows]


def asked(ask: cursors.Ask, as_of: AsOf, search: str | None, limit: int | None) -> Roster:
    """The same, from a service."""
    query = [("as_of", str(as_of.position)), *([] if search is None else [("search", search)])]
    found = [one for page in cursors.pages(ask, "sources", query, Roster, limit, None) for one in page.sources]
    return Roster(as_of=as_of, sources=found)


def _listed(connection: Any, at: int, source: str, known: list[SourceRegistered] | None) -> Listed:
    if not known:
        [(name,)] = connection.execute(_PRINTED, (at, source)).fetchall()
        return Listed(source=source, name=name, kind=None, registered=False)
    kind = next((event.kind for event in reversed(known) if event.kind), None)
    return Listed(source=source, name=known[-1].name, kind=kind, registered=True)


class _Register:
    """A projection: what the register says of some sources, the latest at the end."""

    def __init__(self, sources: Collection[str]) -> None:
        self._sources = sources

    def initial(self, question: Question) -> Clerk:
        return Clerk()

    def wants(self, clerk: Clerk) -> set[str]:
        missing = set().union(*[leads_to(record.event) for record in clerk.by_id.values()]) - clerk.by_id.keys()
        about = {f"{kind}:{target}" for target in missing for kind in ("id", "act")}
        return about | {f"relation:source:{source}" for source in self._sources}

    def evolve(self, clerk: Clerk, record: Record) -> Clerk:
        clerk.add(record)
        return clerk

    def answer(self, clerk: Clerk) -> dict[str, list[SourceRegistered]]:
        found: dict[str, list[SourceRegistered]] = {}
        for record in clerk.settled():
            if isinstance(record.event, SourceRegistered):
                found.setdefault(record.event.source, []).append(record.event)
        return found


_SOURCES: Final = """
SELECT id, max(EXISTS (SELECT 1 FROM named AS n WHERE n.source_no = source.source_no
    AND n.from_position <= ?1 AND n.until_position > ?1)) AS in_register
FROM source WHERE id > ?2 AND (
    EXISTS (SELECT 1 FROM named AS n WHERE n.source_no = source.source_no
        AND n.from_position <= ?1 AND n.until_position > ?1)
    OR EXISTS (SELECT 1 FROM quoted AS q WHERE q.source_no = source.source_no
        AND q.from_position <= ?1 AND q.until_position > ?1)
) {found} GROUP BY id ORDER BY id LIMIT ?3
"""
_FOUND: Final = "AND source_no IN (SELECT rowid FROM names WHERE names MATCH ?{place})"
_PRINTED: Final = """
SELECT name FROM source WHERE id = ?2 ORDER BY (
    SELECT max(from_position) FROM quoted AS q WHERE q.source_no = source.source_no
    AND q.from_position <= ?1 AND q.until_position > ?1
) DESC, name LIMIT 1
"""
