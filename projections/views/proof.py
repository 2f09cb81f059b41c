"""Do two views of a ledger say the same, and where do they part first? Hashes of all they hold, and the difference.

The hashes are sums, so it does not matter in which order, by which way and in what steps a view came about.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from ..board import Row
from ..tracking.rows import FOREVER, STATUSES, Columns, claim_key, row_hash, to_row
from ..words import count
from .file import MASK, Connection

_WORDING: Final = (
    "SELECT text FROM wording AS w WHERE w.claim_no = row.claim_no AND w.from_position <= row.from_position"
    " ORDER BY w.from_position DESC LIMIT 1"
)
_ROWS: Final = f"SELECT name, ({_WORDING}), row.* FROM row JOIN claim USING (claim_no)"  # noqa: S608
_CHANGES: Final = f"""
SELECT from_position, name, status, kind, flags, acts, changed_at, counts, ({_WORDING})
FROM row JOIN claim USING (claim_no)
UNION ALL
SELECT until_position, name, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM row JOIN claim USING (claim_no) WHERE until_position < {FOREVER} AND NOT EXISTS
(SELECT 1 FROM row AS n WHERE n.claim_no = row.claim_no AND n.from_position = row.until_position)
ORDER BY 1, 2
"""  # noqa: S608  every row by the position from which it held, and the end of every row that none followed
_FOUND: Final = """
SELECT {position} AS position, claim.name AS claim, 'text ' || digest AS what, {sign} AS sign
FROM doc JOIN claim USING (claim_no) WHERE {when}
UNION ALL
SELECT {position}, claim.name, 'quoted ' || source.id || ' ' || source.name, {sign}
FROM quoted JOIN source USING (source_no) JOIN claim USING (claim_no) WHERE {when}
UNION ALL
SELECT {position}, '', 'named ' || source.id || ' ' || source.name, {sign}
FROM named JOIN source USING (source_no) WHERE {when}
"""
_BEGINNING: Final = _FOUND.format(position="from_position", sign="1", when="true")
_ENDING: Final = _FOUND.format(position="until_position", sign="-1", when=f"until_position < {FOREVER}")
_FINDS: Final = f"""
SELECT position, claim, what, sum(sign) FROM ({_BEGINNING} UNION ALL {_ENDING})
GROUP BY 1, 2, 3 HAVING sum(sign) ORDER BY 1, 2, 3
"""  # noqa: S608


_TALLIES: Final = "SELECT from_position, status, claims FROM tally ORDER BY 1, 2"


class Difference(NamedTuple):
    """Where two views of one ledger part first: what either holds there; None where it holds nothing."""

    position: int
    claim: str
    """"" for a name in the register of sources, and for how many claims are of a status."""
    one: Row | str | None
    other: Row | str | None


def state_hash(connection: Connection, position: int) -> int:
    """The hash of all rows as of a position, 128 bits: the sum of those of each (see `rows.row_hash`)."""
    total = 0
    sql = f"{_ROWS} WHERE from_position <= :at AND until_position > :at"
    for name, text, *columns in _asked(connection, sql, position):
        row = Columns(*columns)
        total += row_hash(claim_key(name, text), row.status, row.kind, row.flags, row.changed_at, row.counts)
    return total & MASK


def finds_hash(connection: Connection, position: int) -> int:
    """The hash of all that is searched as of a position: texts, who is quoted, names in the register."""
    total = 0
    sql = _FOUND.format(position="0", sign="1", when="from_position <= :at AND until_position > :at")
    for _, claim, what, _ in _asked(connection, sql, position):
        total += int.from_bytes(hashlib.blake2b(f"{claim}\0{what}".encode(), digest_size=16).digest(), "big")
    return total & MASK


def difference(one: Connection, other: Connection) -> Difference | None:
    """The first position, and there the first claim, at which two views differ in a row, in how many there are of a
    status, or in a find; None for none."""
    parts = (part(one, other) for part in (_rows_part, _tallies_part, _finds_part))
    return min((part for part in parts if part is not None), key=lambda part: part.position, default=None)


def _rows_part(one: Connection, other: Connection) -> Difference | None:
    for changes in _pairs(one, other, _CHANGES):
        if changes[0] != changes[1]:
            position, claim = min(change[:2] for change in changes if change is not None)
            return Difference(position, claim, _row_at(one, claim, position), _row_at(other, claim, position))
    return None


def _tallies_part(one: Connection, other: Connection) -> Difference | None:
    for tallies in _pairs(one, other, _TALLIES):
        if tallies[0] != tallies[1]:
            at = min(tally[:2] for tally in tallies if tally is not None)
            told = [
                count(tally[2], f"{STATUSES[at[1]]} claim") if tally and tally[:2] == at else None for tally in tallies
            ]
            return Difference(at[0], "", *told)
    return None


def _finds_part(one: Connection, other: Connection) -> Difference | None:
    for changes in _pairs(one, other, _FINDS):
        if changes[0] != changes[1]:
            at = min(change[:3] for change in changes if change is not None)
            told = [_told(change[3]) + change[2] if change and change[:3] == at else None for change in changes]
            return Difference(at[0], at[1], *told)
    return None


def _told(sign: int) -> str:
    return "" if sign > 0 else "no more "


def _pairs(one: Connection, other: Connection, sql: str) -> Iterator[tuple[Any, Any]]:
    return zip_longest(one.execute(sql), other.execute(sql))


def _row_at(connection: Connection, claim: str, position: int) -> Row | None:
    sql = f"{_ROWS} WHERE name = :claim AND from_position <= :at AND until_position > :at"
    for _, text, *columns in _asked(connection, sql, position, claim=claim):
        return to_row(claim, text, Columns(*columns))
    return None


def _asked(connection: Connection, sql: str, position: int, **values: str) -> Iterator[Any]:
    return iter(connection.execute(sql, {"at": position, **values}))
