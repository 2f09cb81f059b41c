"""How is a row of the board kept in a view? As numbers: what fits an index stands in columns, the rest is packed.

A row holds at the positions `from <= p < until`. Each row lies at one *node* of the relational interval tree (Kriegel,
Pötke, Seidl: Managing Intervals Efficiently in Object-Relational Databases, VLDB 2000), so that the rows that hold at
a position are those of at most 62 nodes, and an index by node and any order gives the first of them at any moment of
history as fast as now. A row that holds still lies at the node OPEN.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from struct import Struct as Layout
from typing import Final, NamedTuple

from ledger import when

from ..board import ActCounts, Row
from ..flags import FLAGS
from ..status import RULE_TEXTS, IntervalAnswer

STATUSES: Final[Sequence[str]] = tuple(RULE_TEXTS)
"""Their numbers are their places here."""
FLAG_BITS: Final = {flag: 1 << place for place, flag in enumerate(FLAGS)}
CLAIM_KINDS: Final[Sequence[str]] = ("factual", "predictive", "normative")
FOREVER: Final = 2**62
OPEN: Final = 0

COUNTS: Final = Layout("<8I")
"""own_words, support (provable, possible), opposition (provable, possible), statements, denials, assessments."""
PACKED: Final = Layout(">QQQQBBQQQ32s")
"""All columns of a row, in bytes that sort as rows do: a third of what a tuple of them takes."""
pack_row: Final = PACKED.pack
_PLAIN: Final = Layout("<BBQQ")


class Columns(NamedTuple):
    """A row as its table has it."""

    claim_no: int
    from_position: int
    until_position: int
    node: int
    status: int
    kind: int
    flags: int
    acts: int
    changed_at: int
    """Microseconds since 1970-01-01T00:00:00Z."""
    counts: bytes


def node(from_position: int, until_position: int) -> int:
    """The node of the interval tree at which a row lies."""
    if until_position >= FOREVER:
        return OPEN
    last = until_position - 1
    return last & -(1 << (from_position - 1 ^ last).bit_length() - 1)


def nodes_at(position: int, head: int) -> Iterator[int]:
    """The nodes at which rows may lie that hold at a position of a view that has come to `head`; OPEN first."""
    yield OPEN
    step = 1 << head.bit_length()
    here = step
    while step > 1:
        if here <= head:
            yield here
        if here == position:
            return
        step >>= 1
        here += step if position > here else -step
    if here <= head:
        yield here


def claim_key(claim: str, text: str) -> bytes:
    """What stands for a claim and its text in the hash of its rows."""
    return blake2b(f"{claim}\0{text}".encode(), digest_size=32).digest()


def row_hash(key: bytes, status: int, kind: int, flags: int, changed_at: int, counts: bytes) -> int:
    """The hash of a row (BLAKE2b, RFC 7693), 128 bits: of what it says, not of where or since when it stands."""
    said = _PLAIN.pack(status, kind, flags, changed_at) + counts
    return int.from_bytes(blake2b(said, digest_size=16, key=key).digest(), "big")


def to_row(claim: str, text: str, columns: Columns) -> Row:
    """The row as people and programs are shown it."""
    own_words, sp, sq, op, oq, statements, denials, assessments = COUNTS.unpack(columns.counts)
    return Row(
        claim=claim,
        text=text,
        status=STATUSES[columns.status],
        own_words=STATUSES[own_words],
        flags=list(_flags(columns.flags)),
        support=IntervalAnswer(sp, sq),
        opposition=IntervalAnswer(op, oq),
        acts=ActCounts(statements, denials, assessments),
        changed_at=when.stamp(columns.changed_at),
    )


def to_columns(claim_no: int, from_position: int, row: Row, kind: str) -> Columns:
    """A row that holds from a position on, as its table has it."""
    acts = (row.acts.statement, row.acts.denial, row.acts.assessment)
    sides = (row.support.provable, row.support.possible, row.opposition.provable, row.opposition.possible)
    return Columns(
        claim_no,
        from_position,
        FOREVER,
        OPEN,
        STATUSES.index(row.status),
        CLAIM_KINDS.index(kind),
        sum(FLAG_BITS[flag] for flag in row.flags),
        sum(acts),
        when.instant(row.changed_at),
        COUNTS.pack(STATUSES.index(row.own_words), *sides, *acts),
    )


@lru_cache(maxsize=4096)  # most rows have one of few sets of flags
def _flags(bits: int) -> tuple[str, ...]:
    return tuple(sorted(flag for flag, bit in FLAG_BITS.items() if bits & bit))
