"""Which claims come first, as of when? Pages of the board: filtered, in four orders, at any moment of a view.

A moment is a table of rows and the nodes at which those lie that hold then (see `projections.tracking.rows`). Each node
gives its first rows in the order asked for, from an index; those that are near the moment are asked first, so that the
others need not look beyond what was found already. What is searched, or who is quoted, is looked up first, and then
the rows of the claims found.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from ledger.cuts import number_of
from ledger.errors import UsageError

from ..board import Row
from ..flags import FLAGS
from ..tracking.rows import CLAIM_KINDS, FLAG_BITS, OPEN, STATUSES, Columns, nodes_at, to_row
from . import cursors
from .search import sought

Order: TypeAlias = Literal["id", "newest", "oldest", "acts"]
ORDERS: Final[Sequence[Order]] = ("id", "newest", "oldest", "acts")
Key: TypeAlias = tuple[Any, int]
"""What a page is ordered by, and the number of the claim: claims that were registered earlier have lesser ones."""

_KEYS: Final = {"id": "sought.name", "newest": "row.changed_at", "oldest": "row.changed_at", "acts": "row.acts"}
_SHORT: Final = 1_024
_LEAST: Final = -(2**62)
_MOST: Final = 2**62


class Where(NamedTuple):
    """Which claims: of any of these statuses and kinds, with all of these flags, and so on; all of it at once."""

    status: Collection[str] = ()
    flags: Collection[str] = ()
    kind: Collection[str] = ()
    source: str | None = None
    changed_since: int | None = None
    """Microseconds since 1970-01-01T00:00:00Z, as is the next; both inclusive."""
    changed_until: int | None = None
    search: str | None = None

    def check(self) -> None:
        """Raises UsageError for what is no status, flag or kind, and for one that is in no list."""
        for what, asked, known in (
            ("status", self.status, STATUSES),
            ("flag", self.flags, FLAGS),
            ("kind of claim", self.kind, CLAIM_KINDS),
        ):
            if isinstance(asked, str):
                raise UsageError(f"what is asked of each {what} is a list, not the text {asked!r}; give [{asked!r}]")
            for word in asked:
                if word not in known:
                    raise UsageError(f"{word!r} is no {what}; there are {', '.join(known)}")


class Moment(NamedTuple):
    """When a board is asked for: where its rows are, and how the one of a claim is known."""

    at: int
    """The position up to which the ledger is known."""
    recorded: int
    """When that was recorded, in microseconds since 1970-01-01T00:00:00Z: no row knows of a later change."""
    table: str
    nodes: Sequence[int]
    """The nodes at which rows may lie that hold: those of the longest intervals first."""
    one: str
    """The condition by which a row is the one of the claim `sought.claim_no`."""


def as_of(position: int, recorded: int, head: int) -> Moment:
    """The moment of a position of a view that has come to a head."""
    nodes = [OPEN] if position == head else list(nodes_at(position, head))
    latest = "SELECT max(from_position) FROM row AS r WHERE r.claim_no = sought.claim_no AND r.from_position <= :at"
    return Moment(position, recorded, "row", nodes, f"row.from_position = ({latest}) AND row.until_position > :at")


def at_cut(position: int, recorded: int, cut_no: int) -> Moment:
    """The moment of a board at both cuts that is kept."""
    return Moment(position, recorded, "cut_row", [cut_no], f"row.node = {cut_no}")


def first(
    connection: Any, moment: Moment, order: Order, where: Where, after: Key | None, limit: int | None
) -> list[Key]:
    """The first claims in an order that are among those asked for, after a key."""
    conditions, values = _conditions(where)
    values |= {"at": moment.at, "limit": -1 if limit is None else limit}
    found = _found(where, values)
    if found is not None or order == "id":
        return _among(connection, moment, found or "claim", order, conditions, values, after)
    return _by_node(connection, moment, order, conditions, values, after, limit)


def rows(connection: Any, moment: Moment, claim_nos: Iterable[int]) -> list[Row]:
    """The rows of claims, in the same order; of those that have none, none."""
    numbers = list(claim_nos)
    wording = (
        "SELECT text FROM wording AS w WHERE w.claim_no = row.claim_no AND w.from_position <= :at"
        " ORDER BY w.from_position DESC LIMIT 1"
    )
    sql = (
        f"SELECT claim.name, ({wording}), {', '.join(f'row.{name}' for name in Columns._fields)}"  # noqa: S608
        f" {_from(moment, '(SELECT value AS claim_no FROM json_each(:numbers))')}"
        " JOIN claim ON claim.claim_no = row.claim_no"
    )
    found: dict[int, Row] = {}
    for name, text, *columns in connection.execute(sql, {"numbers": json.dumps(numbers), "at": moment.at}):
        held = Columns(*columns)
        found[held.claim_no] = to_row(name, text, held)
    return [found[number] for number in numbers if number in found]


def counts(connection: Any, moment: Moment) -> dict[int, int]:
    """How many claims are of each status, by its number."""
    if moment.table == "row":
        last = "SELECT claims FROM tally WHERE status = ? AND from_position <= ? ORDER BY from_position DESC LIMIT 1"
        found = {number: connection.execute(last, (number, moment.at)).fetchall() for number in range(len(STATUSES))}
        return {number: claims for number, [*held] in found.items() for (claims,) in held}
    sql = f"SELECT row.status, count(*) FROM {moment.table} AS row WHERE {moment.one} GROUP BY 1"  # noqa: S608
    return dict(connection.execute(sql).fetchall())


def cursor_of(at: int, order: Order, key: Any, claim: str, asked: cursors.Asked) -> str:
    """What asks for the page after a claim, of the same board at the same moment."""
    place = [str(at), order, *([] if order == "id" else [str(key)]), claim]
    return cursors.with_asked(":".join(place), asked)


def place_of(order: Order, cursor: str) -> tuple[int | None, str]:
    """The position of a cursor, and the claim after which it goes on; a claim alone is a cursor by id.

    Raises UsageError.
    """
    if order == "id" and ":" not in cursor:
        return None, cursor
    at, *parts = cursors.place_in(cursor).split(":")
    numbers = [number_of(text) for text in ([at] if order == "id" else [at, *parts[1:2]])]
    if None in numbers or parts[:1] != [order] or len(parts) != len(numbers) + 1:
        raise UsageError(f"{cursor!r} is no cursor by {order}; give the one that came with the page before")
    return numbers[0], parts[-1]


def check_pinned(cursor: str | None, pinned: int | None, as_of: int | None) -> None:
    """Raises UsageError where a cursor goes on at another position than is asked for."""
    if pinned is not None and as_of not in (None, pinned):
        raise UsageError(f"{cursor!r} goes on at position {pinned}, not at {as_of}; leave the position out")


def check_asked(cursor: str | None, asked: cursors.Asked) -> None:
    """Raises UsageError where a cursor is that of another board; one that is a claim alone is of any."""
    if cursor is not None and ":" in cursor:
        cursors.check(cursor, asked)


def key_of(connection: Any, moment: Moment, order: Order, cursor: str) -> Key:
    """The key after which a cursor goes on. Raises UsageError, also where its claim is not on the board."""
    _, claim = place_of(order, cursor)
    numbers = [number for (number,) in connection.execute("SELECT claim_no FROM claim WHERE name = ?", (claim,))]
    if not rows(connection, moment, numbers):
        raise not_there(cursor)
    return (claim, _MOST) if order == "id" else (int(cursors.place_in(cursor).split(":")[2]), numbers[0])


def not_there(cursor: str) -> UsageError:
    """What tells that the claim of a cursor is not on the board it is for."""
    return UsageError(f"{cursor!r} goes on after a claim that is not there; begin with the first page")


def _by_node(
    connection: Any,
    moment: Moment,
    order: Order,
    conditions: str,
    values: dict[str, Any],
    after: Key | None,
    limit: int | None,
) -> list[Key]:
    key, down = _KEYS[order], order != "oldest"
    beyond, within, way = ("<", ">=", "DESC") if down else (">", "<=", "ASC")
    last = _MOST if order == "acts" else moment.recorded
    values["key"], values["claim_no"] = after or ((last, _MOST) if down else (_LEAST, _LEAST))
    values["bound"] = _LEAST if down else last
    best: list[Key] = []
    for nodes in reversed(_groups(moment.nodes)) if down else _groups(moment.nodes):
        asked = {f"node{place}": node for place, node in enumerate(nodes)}
        sql = (
            f"SELECT {key}, row.claim_no FROM {moment.table} AS row"  # noqa: S608
            f" WHERE row.node IN (:{', :'.join(asked)}) AND row.from_position <= :at AND row.until_position > :at"
            f" AND ({key}, row.claim_no) {beyond} (:key, :claim_no) AND {key} {within} :bound{conditions}"
            f" ORDER BY {key} {way}, row.claim_no {way} LIMIT :limit"
        )
        best += connection.execute(sql, values | asked).fetchall()
        best.sort(reverse=down)
        if limit is not None and len(best) >= limit:
            del best[limit:]
            values["bound"] = best[-1][0]
    return best


def _groups(nodes: Sequence[int]) -> list[Sequence[int]]:
    """The nodes as they are asked: one by one, but those of short intervals, which hold few rows, all at once."""
    short = [node for node in nodes if node and node & -node <= _SHORT]
    return [*([node] for node in nodes if node not in short), *([short] if short else [])]


def _among(
    connection: Any,
    moment: Moment,
    claims: str,
    order: Order,
    conditions: str,
    values: dict[str, Any],
    after: Key | None,
) -> list[Key]:
    key, down = _KEYS[order], order in ("newest", "acts")
    beyond, way = ("<", "DESC") if down else (">", "ASC")
    if after is not None:
        values["key"], values["claim_no"] = after
        conditions += f" AND ({key}, row.claim_no) {beyond} (:key, :claim_no)"
    sought = claims if claims == "claim" else f"{claims} CROSS JOIN claim USING (claim_no)"
    sql = (
        f"SELECT {key}, row.claim_no {_from(moment, f'(SELECT claim_no, name FROM {sought})')}"  # noqa: S608
        f" WHERE true{conditions} ORDER BY {key} {way}, row.claim_no {way} LIMIT :limit"
    )
    found: list[Key] = connection.execute(sql, values).fetchall()
    return found


def _from(moment: Moment, driver: str) -> str:
    return (
        f"FROM {driver} AS sought CROSS JOIN {moment.table} AS row ON row.claim_no = sought.claim_no AND {moment.one}"
    )


def _conditions(where: Where) -> tuple[str, dict[str, Any]]:
    conditions: list[str] = []
    values: dict[str, Any] = {}
    for column, words, known in (("status", where.status, STATUSES), ("kind", where.kind, CLAIM_KINDS)):
        if words:
            conditions.append(f"row.{column} IN ({', '.join(str(known.index(word)) for word in sorted(words))})")
    if where.flags:
        conditions.append("row.flags & :flags = :flags")
        values["flags"] = sum(FLAG_BITS[flag] for flag in set(where.flags))
    for name, sign, moment in (("since", ">=", where.changed_since), ("until", "<=", where.changed_until)):
        if moment is not None:
            conditions.append(f"row.changed_at {sign} :{name}")
            values[name] = moment
    return "".join(f" AND {condition}" for condition in conditions), values


def _found(where: Where, values: dict[str, Any]) -> str | None:
    """The claims of a source, and those found by every word that is searched for; None where neither is asked."""
    parts = []
    if where.source is not None:
        parts.append(_QUOTING)
        values["source"] = where.source
    if where.search is not None:
        words = sought(where.search)
        parts += [_FOUND.format(word=f":word{place}") for place in range(len(words))]
        values |= {f"word{place}": word for place, word in enumerate(words)}
    return f"({' INTERSECT '.join(parts)})" if parts else None


_QUOTING: Final = """
SELECT DISTINCT quoted.claim_no FROM source CROSS JOIN quoted USING (source_no)
WHERE source.id = :source AND quoted.from_position <= :at AND quoted.until_position > :at
"""
_FOUND: Final = """
SELECT claim_no FROM (
    SELECT claim_no FROM doc WHERE doc_no IN (SELECT rowid FROM words WHERE words MATCH {word})
    AND from_position <= :at AND until_position > :at
    UNION
    SELECT claim_no FROM quoted WHERE source_no IN (SELECT rowid FROM names WHERE names MATCH {word})
    AND from_position <= :at AND until_position > :at
    UNION
    SELECT quoted.claim_no FROM named CROSS JOIN source ON source.source_no = named.source_no
    CROSS JOIN source AS other ON other.id = source.id CROSS JOIN quoted ON quoted.source_no = other.source_no
    WHERE named.source_no IN (SELECT rowid FROM names WHERE names MATCH {word})
    AND named.from_position <= :at AND named.until_position > :at
    AND quoted.from_position <= :at AND quoted.until_position > :at
)
"""
