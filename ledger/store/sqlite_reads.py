"""How are records found in an SQLite ledger? By position, by id and by tag, a page at a time, on whatever connection.

Tags stand as numbers in the index. Which number a name has never changes once it is committed, so it is remembered.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from json import dumps
from typing import Any, Final

from ledger.store import FOREVER, Head, Item, Kept, Stored
from ledger.store.sqlite_file import Ask

OWN_ID: Final = "id:"
"""Among the tags of a bare event: the place of the tag of its id, which has a column of its own."""

_PAGE: Final = 1_000
#: Up to so many tags are first tried as one query.
_FEW: Final = 16
#: How many (tag, position) pairs a query about many or hot tags may bring into memory at once.
_HITS: Final = 8_000
_NAMES_KEPT: Final = 60_000

_HEAD: Final = "SELECT position, recorded_at FROM event ORDER BY position DESC LIMIT 1"
# Many are asked for at once, in a list: one query for each would take three times as long.
_BY_ID: Final = "SELECT event.id, position, data FROM json_each(?) CROSS JOIN event ON event.id = value"
_NUMBERS: Final = "SELECT name, tag_id FROM json_each(?) CROSS JOIN tag ON name = value"
_NAMES: Final = "SELECT tag_id, name FROM json_each(?) CROSS JOIN tag ON tag_id = value"
_ID_AFTER: Final = "SELECT 1 FROM json_each(?) CROSS JOIN event ON event.id = value WHERE position > ? LIMIT 1"
_HIT: Final = (
    "SELECT t.position FROM json_each(?2) AS j CROSS JOIN event_tag AS t ON t.tag_id = j.value"
    " WHERE t.position > ?3 AND t.position <= ?4 LIMIT ?5"
)


class _Query:
    """A query for records, of all types or of some. To ask for some takes longer, up to twice as long."""

    def __init__(self, sql: str) -> None:
        # A record of an unwanted type comes without its bytes, so that a page is full or not whatever the types are.
        wanted = "CASE WHEN type IN (SELECT value FROM json_each(?1)) THEN data END"
        self._of_all, self._of_types = (sql.format(data=data, page=_PAGE, hit=_HIT) for data in ("data", wanted))

    def of(self, types: str | None) -> str:
        return self._of_all if types is None else self._of_types


_SCAN: Final = _Query(
    "SELECT position, {data} FROM event WHERE position > ?2 AND position <= ?3 ORDER BY position LIMIT {page}"
)
# Most questions are about one tag, whose hits come in order: half the time of the general way.
_OF_ONE: Final = _Query(
    "SELECT position, {data} FROM event_tag AS t CROSS JOIN event USING (position)"
    " WHERE t.tag_id = ?2 AND t.position > ?3 AND t.position <= ?4 ORDER BY t.position LIMIT {page}"
)
_TAGGED: Final = _Query("SELECT position, {data} FROM event WHERE position IN ({hit}) ORDER BY position LIMIT {page}")
_AT: Final = _Query(
    "SELECT position, {data} FROM event WHERE position IN (SELECT value FROM json_each(?2)) ORDER BY position"
)


class Names:
    """The numbers of tags that are remembered; any thread may use them."""

    def __init__(self) -> None:
        self.known: dict[str, int] = {OWN_ID: 0}

    def remember(self, found: Mapping[str, int]) -> None:
        """Those of committed records, and no others: a rollback takes numbers back, and they are given out anew."""
        if len(self.known) + len(found) > _NAMES_KEPT:
            self.known = {OWN_ID: 0}  # a new one: other threads may be reading the old
        self.known.update(found)


class Reads:
    """Reads by way of `ask`: what is committed, and in a transaction of its connection what was written there.

    Names are remembered as they are found, so within a transaction it is asked before any tag is written.
    """

    def __init__(self, ask: Ask, names: Names) -> None:
        self._ask = ask
        self._names = names

    def head(self) -> Head:
        """The last record now; (0, 0) where there is none."""
        rows = self._ask(_HEAD)
        return Head(*rows[0]) if rows else Head(0, 0)

    def scan(self, after: int, until: int, *, types: Sequence[str] = ()) -> Iterator[Stored]:
        """Every record with after < position <= until, of these types where any are given."""
        wanted = dumps(list(types)) if types else None
        page = self._ask(_SCAN.of(wanted), (wanted, after, until))
        return iter(_wanted(page)) if len(page) < _PAGE else self._scan_on(page, wanted, until)

    def tagged(self, tags: Iterable[str], *, types: Sequence[str] = (), after: int, until: int) -> Iterator[Stored]:
        """Every record with after < position <= until that carries any of the tags, each once.

        Not for `id:` tags, which are no tags of this index: `by_id` finds records by their ids.
        """
        numbers = self._numbers(set(tags))
        if not numbers:
            return iter(())
        wanted = dumps(list(types)) if types else None
        if len(numbers) == 1:
            [number] = numbers.values()
            page = self._ask(_OF_ONE.of(wanted), (wanted, number, after, until))
            return iter(_wanted(page)) if len(page) < _PAGE else self._tagged_on(page, wanted, number, until)
        listed = str(sorted(numbers.values()))
        if len(numbers) <= _FEW:
            # Each tag hits a record once at most. So where the hits are cut off at _PAGE for each tag, the page is
            # full; and where the page is not full, no hit is missing.
            page = self._ask(_TAGGED.of(wanted), (wanted, listed, after, until, _PAGE * len(numbers)))
            if len(page) < _PAGE:
                return iter(_wanted(page))
        return self._tagged_in_stretches(wanted, listed, after, until)

    def by_id(self, ids: Sequence[str]) -> dict[str, Stored]:
        """The records with these ids; ids that are not there are left out."""
        rows = self._ask(_BY_ID, (dumps(list(dict.fromkeys(ids))),)) if ids else ()
        return {id_: (position, data) for id_, position, data in rows}

    def at_or_before(self, recorded_at: int) -> int:
        """The last position recorded at or before a moment; 0 where there is none."""
        low, high = 0, self.head().position
        while low < high:  # positions have no gaps, and the times at them do not run backwards
            middle = (low + high + 1) // 2
            at = self.recorded_at(middle)
            if at is not None and at <= recorded_at:
                low = middle
            else:
                high = middle - 1
        return low

    def recorded_at(self, position: int) -> int | None:
        """When the record at a position was recorded, in microseconds; None where there is no such record."""
        rows = self._ask("SELECT recorded_at FROM event WHERE position = ?", (position,))
        return rows[0][0] if rows else None

    def matching(self, items: Sequence[Item], *, after: int, until: int, limit: int) -> list[Kept]:
        """The first events with after < position <= until that match any of the items; any event, without items."""
        positions = self._positions(items, after, until, limit)
        rows = self._ask(
            "SELECT position, type, tags, data, id FROM event"
            " WHERE position IN (SELECT value FROM json_each(?)) ORDER BY position",
            (str(positions),),
        )
        numbers = {number for row in rows for number in _unpacked(row[2])}
        names = dict(self._ask(_NAMES, (dumps(list(numbers)),)))
        return [Kept(at, type_, _in_order(_unpacked(tags), id_, names), data) for at, type_, tags, data, id_ in rows]

    def carried(self, tags: Iterable[str], after: int) -> bool:
        """Whether a record after a position carries any of the tags."""
        tags = set(tags)
        ids = [tag[len(OWN_ID) :] for tag in tags if tag.startswith(OWN_ID)]
        if ids and self._ask(_ID_AFTER, (dumps(ids), after)):
            return True
        numbers = self._numbers({tag for tag in tags if not tag.startswith(OWN_ID)})
        return bool(self._ask(_HIT, (None, str(sorted(numbers.values())), after, FOREVER, 1)))

    def _positions(self, items: Sequence[Item], after: int, until: int, limit: int) -> list[int]:
        """The first positions with after < position <= until whose event matches any of the items, in order."""
        numbers = self._numbers({tag for _, tags in items for tag in tags if not tag.startswith(OWN_ID)})
        arms = [arm for item in items or [((), ())] if (arm := _arm(item, numbers, after, until))]
        positions: set[int] = set()
        for start in range(0, len(arms), 100):  # one query takes 500 arms
            some = arms[start : start + 100]
            query = " UNION ".join(sql for sql, _ in some) + " ORDER BY 1 LIMIT ?"
            found = self._ask(query, (*chain.from_iterable(values for _, values in some), limit))
            positions.update(position for (position,) in found)
        return sorted(positions)[:limit]

    def _numbers(self, tags: set[str]) -> dict[str, int]:
        """The numbers of the tags that any committed record carries; the other tags are left out."""
        known = self._names.known
        numbers = {tag: known[tag] for tag in tags if tag in known}
        if len(numbers) < len(tags):
            found = numbered(self._ask, list(tags.difference(numbers)))
            self._names.remember(found)
            numbers |= found
        return numbers

    def _scan_on(self, page: list[Any], wanted: str | None, until: int) -> Iterator[Stored]:
        while page:
            yield from _wanted(page)
            page = self._ask(_SCAN.of(wanted), (wanted, page[-1][0], until))

    def _tagged_on(self, page: list[Any], wanted: str | None, number: int, until: int) -> Iterator[Stored]:
        while page:
            yield from _wanted(page)
            page = self._ask(_OF_ONE.of(wanted), (wanted, number, page[-1][0], until))

    def _tagged_in_stretches(self, wanted: str | None, listed: str, after: int, until: int) -> Iterator[Stored]:
        until = min(until, self.head().position)
        width = until - after
        while after < until:
            upto = min(until, after + width)
            hits = self._ask(_HIT, (None, listed, after, upto, _HITS + 1))
            if len(hits) > _HITS and width > 1:  # more than memory should hold, and in no order: take a shorter one
                width = max(1, width // 8)
                continue
            positions = sorted({position for (position,) in hits})
            for start in range(0, len(positions), _PAGE):
                yield from _wanted(self._ask(_AT.of(wanted), (wanted, str(positions[start : start + _PAGE]))))
            after = upto
            if len(hits) < _HITS // 8:
                width *= 2


def numbered(ask: Ask, names: Sequence[str]) -> dict[str, int]:
    """The numbers of names; those that have none are left out."""
    return dict(ask(_NUMBERS, (dumps(names),)))


def _wanted(page: list[Any]) -> list[Stored]:
    return [row for row in page if row[1] is not None]


def _unpacked(tags: bytes) -> tuple[int, ...]:
    return struct.unpack(f"<{len(tags) // 4}I", tags)


def _in_order(numbers: Sequence[int], id_: str | None, names: Mapping[int, str]) -> list[str]:
    """The tags of an event; that of its id comes first where its writer gave it no place."""
    own = f"{OWN_ID}{id_}"
    tags = [names[number] if number else own for number in numbers]
    return tags if id_ is None or 0 in numbers else [own, *tags]


def _arm(item: Item, numbers: Mapping[str, int], after: int, until: int) -> tuple[str, list[Any]] | None:
    """A query for the positions that match one item; None where nothing can."""
    types, tags = item
    own = [numbers.get(tag, -1) for tag in set(tags) if not tag.startswith(OWN_ID)]
    ids = {tag[len(OWN_ID) :] for tag in tags if tag.startswith(OWN_ID)}
    if -1 in own or len(ids) > 1:
        return None
    tables = [f"event_tag AS t{place}" for place in range(len(own))]
    where = [f"t{place}.tag_id = ?" for place in range(len(own))]
    if types or ids or not own:
        tables.append("event AS e")
        where += ["e.id = ?"] * len(ids) + [f"e.type IN ({', '.join('?' * len(types))})"] * bool(types)
    first, *others = [table.split()[-1] for table in tables]
    where += [f"{first}.position > ?", f"{first}.position <= ?"]
    where += [f"{other}.position = {first}.position" for other in others]
    sql = f"SELECT {first}.position FROM {', '.join(tables)} WHERE {' AND '.join(where)}"  # noqa: S608
    return sql, [*own, *ids, *types, after, until]
