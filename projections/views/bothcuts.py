"""Where did all claims stand at both cuts? Boards by what had been said by a moment, kept to be read again in pages.

Such a board is a fold of all records, cluster by cluster of claims that share nothing, and of a large cluster some
claims at a time: memory holds the rows, and beside them about as many records as HELD says, or as a single claim's
answer reads. The last KEPT boards are kept in the file of the view, by position and cut, and read as any other moment
of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final, cast

from ledger import Ledger, Record
from ledger.fold import Question, fold
from ledger.records import decode_all, targets

from .. import board
from ..board import Row
from ..tracking.rows import CLAIM_KINDS, Columns, to_columns
from .book import Book
from .clusters import Plan, plan
from .folding import records_about

KEPT: Final = 4
"""So many boards; each takes about as much room as the board of now."""
HELD: Final = 10_000
"""About so many records are held at a time, or as many as the answer about a single claim has to read."""


def cut_no(connection: Any, ledger: Ledger, question: Question) -> int:
    """The number of the board at both cuts; folded where it is not kept, in place of the one that was kept longest."""
    number = kept(connection, question)
    if number is None:
        held = list(_columns(connection, ledger, question))
        with connection:
            number = kept(connection, question) or _keep(connection, question, held)
    return number


def kept(connection: Any, question: Question) -> int | None:
    """The number of the board at both cuts, where it is kept."""
    find = "SELECT cut_no FROM cut WHERE position = ? AND said_by = ?"
    for (number,) in connection.execute(find, (question.as_of.position, question.said_by)).fetchall():
        return cast(int, number)
    return None


def _keep(connection: Any, question: Question, rows: list[Columns]) -> int:
    [(last,)] = connection.execute("SELECT coalesce(max(cut_no), 0) FROM cut").fetchall()
    number: int = last + 1
    connection.execute("DELETE FROM cut_row WHERE node <= :gone", {"gone": number - KEPT})
    connection.execute("DELETE FROM cut WHERE cut_no <= :gone", {"gone": number - KEPT})
    cut = (number, question.as_of.position, question.said_by)
    connection.execute("INSERT INTO cut VALUES (?, ?, ?)", cut)
    many = (row._replace(node=number) for row in rows)
    connection.executemany("INSERT INTO cut_row VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", many)
    return number


def _columns(connection: Any, ledger: Ledger, question: Question) -> Iterator[Columns]:
    """The rows as they are kept; the kinds of claims are in the register, which knows no other cut than the view."""
    at = question.as_of.position
    known: dict[str, tuple[int, int]] = {
        name: (number, kind)
        for name, number, kind in connection.execute(
            "SELECT name, claim_no, kind FROM row JOIN claim USING (claim_no)"
            " WHERE from_position <= ? AND until_position > ?",
            (at, at),
        )
    }
    for row in rows(ledger, question):
        number, kind = known[row.claim]
        yield to_columns(number, 0, row, CLAIM_KINDS[kind])


def rows(ledger: Ledger, question: Question) -> Iterator[Row]:
    """The rows of the board in any order, chunk by chunk of whole clusters; of a large cluster, part by part."""
    at = question.as_of.position
    found = plan(ledger, at, HELD)
    book = Book(found.desk)
    for chunk, weight, moved in zip(found.chunks, found.weights, found.moved, strict=True):
        if weight > 2 * HELD:
            yield from _parted(ledger, question, chunk, found)
            continue
        claims = {found.claims[number] for number in chunk}
        records = _whole(ledger, records_about(ledger, book, claims, moved, at), at)
        folded: list[Row] = fold(board, question, lambda _: records).claims  # noqa: B023  read before the next
        yield from (row for row in folded if row.claim in claims)  # what is read beside may register others


def _parted(ledger: Ledger, question: Question, chunk: list[int], found: Plan) -> Iterator[Row]:
    """The rows of a cluster, of some claims at a time, each time with what bears on them, too.

    Where much does, by relations that lead from claim to claim, more are taken at a time: what has to be held anyway is
    put to use, and all in all no record is read more than about three times.
    """
    part: list[str] = []
    own, enough = 0, HELD
    for number in chunk:
        part.append(found.claims[number])
        own += found.records[number]
        if own >= enough or number == chunk[-1]:
            counted = _Counted(ledger, question.as_of.position)
            yield from fold(board.Rows(part), question, counted.read)
            part, own, enough = [], 0, max(HELD, counted.records // 2)


class _Counted:
    """Reads records, and counts them."""

    def __init__(self, ledger: Ledger, until: int) -> None:
        self._ledger = ledger
        self._until = until
        self.records = 0

    def read(self, tags: Collection[str]) -> Iterator[Record]:
        """Those that carry any of the tags."""
        for record in decode_all(self._ledger.tagged(tags, as_of=self._until)):
            self.records += 1
            yield record


def _whole(ledger: Ledger, found: Iterable[Record], until: int) -> Iterator[Record]:
    """Records, and those they are about that are not among them, with whatever else is about these.

    What once was about nothing of these claims, a void for one, may have been moved to them by an amendment.
    """
    taken: set[str] = set()
    named: set[str] = set()
    for record in found:
        taken.add(record.id)
        named.update(targets(record.event))
        yield record
    while left := named - taken:
        taken |= left  # those that are not there, too
        tags = {f"{kind}:{event_id}" for event_id in left for kind in ("id", "act")}
        for record in decode_all(ledger.tagged(tags, as_of=until)):
            if record.id in left or record.id not in taken:
                taken.add(record.id)
                named.update(targets(record.event))
                yield record
