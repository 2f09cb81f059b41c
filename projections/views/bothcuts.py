"""Where did all claims stand at both cuts? Boards by what had been said by a moment, kept to be read again in pages.

Such a board is a fold of all records, cluster by cluster of claims that share nothing, so that memory holds a few of
them at a time. The last KEPT are kept in the file of the view, by position and cut, and read as any other moment of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

from ledger import Ledger, Record
from ledger.fold import Question, fold
from ledger.records import decode_all, targets

from .. import board
from ..tracking.rows import CLAIM_KINDS, Columns, to_columns
from .book import Book
from .clusters import CHUNK, plan
from .folding import records_about

KEPT: Final = 4
"""So many boards; each takes about as much room as the board of now."""


def cut_no(connection: Any, ledger: Ledger, question: Question) -> int:
    """The number of the board at both cuts; folded where it is not kept, in place of the one that was kept longest."""
    number = kept(connection, question)
    if number is None:
        rows = list(_rows(connection, ledger, question))
        with connection:
            number = kept(connection, question) or _keep(connection, question, rows)
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


def _rows(connection: Any, ledger: Ledger, question: Question) -> Iterator[Columns]:
    """The rows of the board; the kinds of claims are in the register, which knows no other cut than the view."""
    at = question.as_of.position
    known: dict[str, tuple[int, int]] = {
        name: (number, kind)
        for name, number, kind in connection.execute(
            "SELECT name, claim_no, kind FROM row JOIN claim USING (claim_no)"
            " WHERE from_position <= ? AND until_position > ?",
            (at, at),
        )
    }
    found = plan(ledger, at, CHUNK)
    book = Book(found.desk)
    for chunk, moved in zip(found.chunks, found.moved, strict=True):
        claims = {found.claims[place] for place in chunk}
        records = _whole(ledger, records_about(ledger, book, claims, moved, at), at)
        for row in fold(board, question, lambda _: records).claims:  # noqa: B023  read before the next
            if row.claim in claims:  # what is read beside may register others
                number, kind = known[row.claim]
                yield to_columns(number, 0, row, CLAIM_KINDS[kind])


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
