"""Where do all claims stand, at any position, in one indexed read? The board, kept beside the ledger.

A view is derived: it lies in an SQLite file of its own and may be deleted at any moment, which costs a replay. Every
row of the board is kept with the positions from and until which it held, so the board as of last March is read like
that of now. Rows and checkpoint change in one transaction; the checkpoint names the ledger by the id of its first
record, and the last record taken in by position and digest (SHA-256). A view that meets another ledger, or one that
was restored to an earlier state, begins anew.

Two ways lead to the same rows, and to the same state hash: `rebuild` folds every record; `catch_up` judges, record by
record, the claims that each new one may reach, by reading only what they need.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import date, datetime
from functools import wraps
from typing import Any, Final, NamedTuple, Self, TypeAlias, TypeVar

import apsw

from ledger import Ledger, Receipt, Record, cuts, names, records, when
from ledger.cuts import NOT_COME, Cut, beyond, known_at, moment_of
from ledger.errors import LedgerError, NotFound, UsageError
from ledger.fold import AsOf, Question

from ..board import Row
from ..tracking.rows import STATUSES
from . import bothcuts, cursors, pages, proof, roster
from .catching import Catching
from .changes import Change, changes
from .clusters import CHUNK
from .file import (
    GRID,
    VERSION,
    Checkpoint,
    DamagedView,
    checkpoint,
    digest_of,
    discard,
    empty,
    explained,
    explaining,
    identity,
    ledger_id,
    mark,
    open_to_read,
    open_view,
)
from .live import Live
from .pages import ORDERS, Order, Where
from .proof import Difference
from .reached import REACH, OutOfReach
from .rebuild import alone, build, unfinished
from .roster import Listed

_PAGES: Final = 16_000
"""So many pages are written to the log of a view that is being made before they go into its file."""
COSTS: Final = 25
"""To catch up with a record takes about as long as to rebuild so many."""

Time: TypeAlias = str | date | datetime
F = TypeVar("F", bound=Callable[..., Any])


class Page(NamedTuple):
    """A part of the board at both cuts, and what to ask for the next: None where nothing follows."""

    as_of: AsOf
    rows: list[Row]
    cursor: str | None
    said_by: str | None = None


def _explained(verb: F) -> F:
    """A verb of a view that raises what SQLite raises as what it means for the view."""

    @wraps(verb)
    def explaining_verb(view: Views, *args: Any, **how: Any) -> Any:
        with explaining(view.path):
            return verb(view, *args, **how)

    return explaining_verb  # type: ignore[return-value]


def _explained_each(path: str, found: Iterator[Change]) -> Iterator[Change]:
    with explaining(path):
        yield from found


class Views:
    """The board of one ledger at all its positions; made by `Views.open`, closed like a file."""

    def __init__(self, ledger: Ledger, path: str, connection: Any = None) -> None:
        self._ledger = ledger
        self.path = path
        self._connection: Any = open_view(path) if connection is None else connection  # its rows are as in the schema
        self._ledger_id = ""
        self._live = Live(ledger, self._weigh)

    @classmethod
    def open(cls, ledger: Ledger, path: str | os.PathLike[str] | None = None, *, or_in_memory: bool = False) -> Self:
        """Opens the view beside a ledger's file, or the one at a path; a new one where there is none.

        One beside its ledger that is seen to be damaged is made anew. Raises LedgerError where no file can be written
        there; with `or_in_memory`, beside a ledger in a folder that may not be written, the view is made in memory.
        This and every other verb raise Unavailable where the file is locked or its disk is full or fails,
        IntegrityError where it is damaged, and may be deleted, and UsageError where the view is closed, or used by two
        threads at one moment.
        """
        where = os.fspath(path) if path is not None else beside(ledger)
        made = identity(where)
        try:
            return cls._opened(ledger, where)
        except apsw.Error as error:
            if or_in_memory and not os.access(os.path.dirname(where), os.W_OK):  # read-only media, for one
                return cls(ledger, ":memory:")
            told = explained(where, error)
            if not isinstance(told, DamagedView):
                raise told from error
            if path is not None:  # it may be anything
                raise LedgerError(f"{where} is no view; delete it, or give another path") from error
        discard(where, made)
        with explaining(where):
            return cls._opened(ledger, where)

    @classmethod
    def _opened(cls, ledger: Ledger, where: str) -> Self:
        view = cls(ledger, where)
        try:
            view._check()
        except BaseException:
            view.close()
            raise
        return view

    @classmethod
    def to_read(cls, ledger: Ledger) -> Self | None:
        """Opens the view beside a ledger's file as somebody else keeps it up; None where nobody has made one yet.

        It is read without a look at the ledger; `made` tells how far it has come.
        """
        connection = open_to_read(beside(ledger))
        return None if connection is None else cls(ledger, beside(ledger), connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @_explained
    def close(self) -> None:
        """Closes the file; idempotent."""
        self._connection.close()

    @property
    @_explained
    def checkpoint(self) -> Checkpoint:
        """How far the view has come."""
        return checkpoint(self._connection)

    @property
    def lag(self) -> int:
        """How many positions the ledger is ahead."""
        return self._ledger.head - self.checkpoint.position

    @property
    @_explained
    def made(self) -> int:
        """The position that whoever keeps the view up has come to; 0 where it is of another version or ledger."""
        meta = dict(self._connection.execute("SELECT key, value FROM meta"))
        ours = meta.get("version") == VERSION and meta.get("ledger") == self._known_id()
        return int(meta["position"]) if ours else 0

    @contextmanager
    def still(self) -> Iterator[Self]:
        """All that is read within is of one moment, whatever somebody else takes in meanwhile; for reading only."""
        with explaining(self.path):
            begins = not self._connection.in_transaction  # else it is still already
            if begins:
                self._connection.execute("BEGIN DEFERRED")
        try:
            yield self
        finally:
            with explaining(self.path):
                if begins and self._connection.in_transaction:  # an error may have ended it
                    self._connection.execute("ROLLBACK")

    # Writing

    @_explained
    def catch_up(
        self,
        *,
        wait_for: int | Receipt | Record | None = None,
        reach: int = REACH,
        workers: int = 1,
        progress: Callable[[int], object] = lambda _: None,
    ) -> int:
        """Takes in what was appended since; gives the position the view has come to.

        `wait_for` is a receipt, record or position that the view must have come to by then: who has appended sees it.
        Where so much is missing that it takes less time to make the view anew, it is, by so many `workers`, and
        `progress` is told as by `rebuild`. Raises UsageError where the ledger does not hold it, OutOfReach where a
        record changes more than `reach` claims: it does so again until `rebuild` has taken that record in.
        """
        head = self._ledger.head
        wanted = 0 if wait_for is None else self._ledger.place_of(wait_for)
        if not 0 <= wanted <= head:
            raise beyond(f"position {wanted}", head, NOT_COME)
        at = self.checkpoint.position
        if not 0 < head - at <= GRID:  # else it is checked as it takes them in
            at = self._check().position
        if _are_too_many(head - at, head):
            self._make_anew(wanted=lambda: _are_too_many(self.lag, head), workers=workers, progress=progress)
            at = self.checkpoint.position
        return self._take_all(at, head, reach)

    def follow(
        self,
        *,
        after: int | Receipt | Record | None = None,
        stop: threading.Event | None = None,
        poll_s: float = 1.0,
        reach: int = REACH,
    ) -> Iterator[int]:
        """Catches up as the ledger grows, for ever; gives the position of the view once it has come further.

        Further than `after`, by default than the view has come when it begins, and than it told last: whoever else
        brings the view on meanwhile, every record is told of. All that has come by then is one step. Ends soon after
        `stop` is set, `poll_s` seconds at most. Raises what `catch_up` does.
        """
        with explaining(self.path):
            told = self._check().position if after is None else self._ledger.place_of(after)
        self._ledger.follow(after=told)  # which tells where the ledger does not come so far
        while stop is None or not stop.is_set():
            at = self.catch_up(reach=reach) if self.lag else self.checkpoint.position
            if at > told:
                told = at
                yield told
            else:
                self._ledger.wait(max(at, told), poll_s)

    @_explained
    def rebuild(
        self,
        *,
        workers: int = 1,
        search: bool = True,
        chunk: int = CHUNK,
        progress: Callable[[int], object] = lambda _: None,
    ) -> None:
        """Makes the view anew from every record, in a new file, which becomes this one in one transaction.

        Whoever reads the view meanwhile, reads on as it was; whoever would rebuild it, too, waits. What is appended
        meanwhile is taken in before it becomes this one. A rebuild that was cut off goes on where it was. With more
        `workers` than one, so many processes share the work. Without `search`, neither texts nor sources can be
        searched for. `chunk` is how many records are folded at a time; the view is the same for any. `progress` is
        told of every so many records taken in. Raises LedgerError where one of the workers ended early.
        """
        self._make_anew(workers=workers, search=search, chunk=chunk, progress=progress)

    def _make_anew(self, wanted: Callable[[], bool] = lambda: True, **how: Any) -> None:
        """Rebuilds where that is still wanted once nobody else does."""
        if self.path == ":memory:":
            self._rebuild(":memory:", **how)
            return
        with alone(f"{self.path}.new-lock"):
            if wanted():
                self._rebuild(f"{self.path}.new", **how)

    def _rebuild(
        self, fresh: str, workers: int, progress: Callable[[int], object], search: bool = True, chunk: int = CHUNK
    ) -> None:
        until = self._ledger.head
        try:
            goes_on = unfinished(fresh, self._ledger, until, search=search, chunk=chunk)
        except apsw.Error:  # it is damaged
            goes_on = False
        how = {"workers": workers, "search": search, "chunk": chunk, "progress": progress}
        try:
            built = self._built(fresh, until, goes_on, **how)
        except DamagedView:
            if not goes_on:
                raise
            built = self._built(fresh, until, False, **how)
        try:
            # Not by renaming: a log that others still hold would be taken for that of the new file.
            with self._connection.backup("main", built, "main") as copying:
                copying.step()
        finally:
            built.close()
        discard(fresh)

    def _built(self, fresh: str, until: int, goes_on: bool, **how: Any) -> Any:
        """A whole view in a file of its own, which may have been begun there."""
        if not goes_on:
            discard(fresh)
        with explaining(fresh):
            built = open_view(fresh)
            try:
                built.wal_autocheckpoint(_PAGES)
                build(built, fresh, self._ledger, until, **how)
                with suppress(OutOfReach):  # whoever keeps the view up is told
                    Views(self._ledger, fresh, built)._take_all(until, self._ledger.head, REACH)
            except BaseException:
                built.close()
                raise
            return built

    def _take_all(self, at: int, until: int, reach: int) -> int:
        while at < until:
            at = self._take_in(min(until, at + GRID), reach)
        return at

    def _take_in(self, until: int, reach: int) -> int:
        """Takes in the next records, in one transaction; gives the position they end at."""
        with self._connection:
            at = self._check()
            if self._live.position != at.position:  # somebody else has brought the view on
                self._live.clear()
            catching = Catching(self._connection, self._ledger, self._live, reach)
            self._live.position = -1  # until all of it is in
            stored = b""
            for position, stored in self._ledger.whole(after=at.position, as_of=until):
                catching.take(records.decode(position, stored))
            if stored:
                at = Checkpoint(self._known_id(), until, digest_of(stored))
                mark(self._connection, at, catching.state)
        self._live.position = at.position
        return at.position

    def _weigh(self, claims: Collection[str]) -> dict[str, int]:
        """How many acts there are on claims, of those with any."""
        sql = (
            "SELECT claim.name, acts FROM json_each(?) CROSS JOIN claim ON claim.name = value"
            " CROSS JOIN row ON row.claim_no = claim.claim_no AND row.from_position ="
            " (SELECT max(from_position) FROM row AS r WHERE r.claim_no = claim.claim_no) WHERE acts > 0"
        )
        return dict(self._connection.execute(sql, (json.dumps(list(claims)),)))

    def _check(self) -> Checkpoint:
        """How far the view has come; it begins anew where it is of another version or ledger, or a future is gone."""
        meta = dict(self._connection.execute("SELECT key, value FROM meta"))
        at = checkpoint(self._connection)
        if not meta.get("version") or (meta["version"] == VERSION and self._is_ours(at)):
            return at
        empty(self._connection)
        return Checkpoint("", 0, "")

    def _is_ours(self, at: Checkpoint) -> bool:
        if at.ledger != self._known_id() or at.position > self._ledger.head:
            return False
        stored = self._ledger.stored(after=at.position - 1, as_of=at.position)
        return all(digest_of(data) == at.digest for _, data in stored)

    def _known_id(self) -> str:
        self._ledger_id = self._ledger_id or ledger_id(self._ledger)
        return self._ledger_id

    # Reading

    @_explained
    def page(
        self,
        *,
        order: Order = "id",
        limit: int | None = 50,
        cursor: str | None = None,
        as_of: Cut | None = None,
        said_by: Time | None = None,
        status: Collection[str] = (),
        flags: Collection[str] = (),
        kind: Collection[str] = (),
        source: str | None = None,
        changed_since: Time | None = None,
        changed_until: Time | None = None,
        search: str | None = None,
    ) -> Page:
        """A part of the board as of a cut (default: as far as the view has come), in one of the ORDERS.

        The filters go together: any of these statuses and kinds, all of these flags, a source (its id or its name) that
        an act on the claim quotes, when a record last named it (or was about what does), words that its text, a quote
        or a source's name must have (each word any of them; "words in quotation marks" side by side; the last word may
        be the beginning of one). `search` and `source` go by what was recorded, also where `said_by` is given. Which
        claims stand elsewhere than they stood is another question: `changes`.

        `cursor` is that of the page before, which it follows at the same moment, whatever came in between; it is asked
        for with the same filters and `said_by`. Ties go by who was registered first, in the direction of the order.
        Raises UsageError.
        """
        if order not in ORDERS:
            raise UsageError(f"{order!r} is no order; there are {', '.join(ORDERS)}")
        _check_limit(limit)
        cuts.check_text(source)
        source = None if source is None else names.source_id(source)
        where = Where(status, flags, kind, source, _since(changed_since), _until(changed_until), search)
        where.check()
        filters = {"status": status, "flag": flags, "kind": kind, "source": source, "search": search}
        changed = {"changed_since": changed_since, "changed_until": changed_until}
        asked = cursors.asked(cuts.said_by(said_by)[1], **filters, **changed)
        pages.check_asked(cursor, asked)
        at = None if as_of is None else self._position(as_of)
        if cursor is not None:
            pinned, _ = pages.place_of(order, cursor)
            pages.check_pinned(cursor, pinned, at)
            at = at if pinned is None else pinned
        self._check_searched(where)
        with self._at(at, said_by) as (question, moment):
            after = None if cursor is None else pages.key_of(self._connection, moment, order, cursor)
            keys = pages.first(self._connection, moment, order, where, after, None if limit is None else limit + 1)
            more = limit is not None and len(keys) > limit
            keys = keys[:limit]
            rows = pages.rows(self._connection, moment, [number for _, number in keys])
        following = pages.cursor_of(moment.at, order, keys[-1][0], rows[-1].claim, asked) if more else None
        return Page(question.as_of, rows, following, question.said_by_text)

    @_explained
    def row(self, claim: str, *, as_of: Cut | None = None) -> Row:
        """The row of one claim. Raises NotFound where it is not registered at the position."""
        with self._at(as_of, None) as (_, moment):
            found = self._connection.execute("SELECT claim_no FROM claim WHERE name = ?", (claim,)).fetchall()
            rows = pages.rows(self._connection, moment, [number for (number,) in found])
        if not rows:
            raise NotFound(
                f"no claim {claim!r} is registered {known_at(moment.at)}; `claims status` lists what there is"
            )
        return rows[0]

    @_explained
    def changes(self, after: Cut, upto: Cut | None = None, *, beyond: str = "") -> Iterator[Change]:
        """The claims that stand elsewhere at `upto` (default: as far as the view has come) than they stood at `after`.

        Each comes with its row on either board, by claim id, those after the id `beyond`; lazily. Other claims may have
        moved it: no record need have named it. A row of which `changed_at` alone differs tells that something was
        recorded, not that the claim stands elsewhere, and is left out; so is what moved and was back by then. Raises
        UsageError for cuts that the view has not come to, and where `upto` lies before `after`.
        """
        with self.still():
            one, other = (self._moment(self._question(at, None)) for at in (after, upto))
            if one.at > other.at:
                raise UsageError(f"position {one.at} comes after position {other.at}; give the earlier one first")
            return _explained_each(self.path, changes(self._connection, one, other, beyond))

    @_explained
    def counts(self, *, as_of: Cut | None = None, said_by: Time | None = None) -> dict[str, int]:
        """How many claims are of each status."""
        with self._at(as_of, said_by) as (_, moment):
            counted = pages.counts(self._connection, moment)
        return {status: counted.get(number, 0) for number, status in enumerate(STATUSES)}

    @_explained
    def sources(
        self, *, as_of: Cut | None = None, search: str | None = None, after: str = "", limit: int | None = None
    ) -> list[Listed]:
        """The sources that an act quotes or the register has as of a position, by id, after an id.

        `search` are words of which each must be in the id or a name, the last may be the beginning of one. Raises
        UsageError where it has none.
        """
        _check_limit(limit)
        self._check_searched(Where(search=""))
        with self._at(as_of, None) as (_, moment):
            return roster.listed(self._connection, self._ledger, moment.at, search, after, limit)

    @_explained
    def has_board(self, *, as_of: Cut, said_by: Time) -> bool:
        """Whether the board at both cuts is kept, so that reading it is as quick as any other moment."""
        return bothcuts.kept(self._connection, self._question(as_of, said_by)) is not None

    @_explained
    def keep_board(self, *, as_of: Cut, said_by: Time) -> None:
        """Folds the board at both cuts from all records, and keeps it, unless it is kept already."""
        bothcuts.cut_no(self._connection, self._ledger, self._question(as_of, said_by))

    @_explained
    def state_hash(self, *, as_of: Cut | None = None) -> str:
        """A hash of all rows as of a position, 32 hexadecimal digits; whichever way, and in what steps, it was built.

        It is the sum, modulo 2**128, of the BLAKE2b of each row (RFC 7693), so the order of the rows does not matter.
        """
        return f"{proof.state_hash(self._connection, self._position(as_of)):032x}"

    @_explained
    def finds_hash(self, *, as_of: Cut | None = None) -> str:
        """The same of all that is searched as of a position: texts, who is quoted, and names in the register."""
        return f"{proof.finds_hash(self._connection, self._position(as_of)):032x}"

    @_explained
    def kept_hash(self, position: int) -> str | None:
        """The state hash that was kept for a position when the view passed it; None where none was."""
        rows = self._connection.execute("SELECT hash FROM state WHERE position = ?", (position,)).fetchall()
        return rows[0][0].hex() if rows else None

    def difference(self, other: Views) -> Difference | None:
        """The first position, and there the first claim, at which two views of one ledger differ; None for none."""
        with explaining(f"{self.path} or {other.path}"):
            return proof.difference(self._connection, other._connection)

    @contextmanager
    def _at(self, as_of: Cut | None, said_by: Time | None) -> Iterator[tuple[Question, pages.Moment]]:
        """A question and its moment, which stays as it is within, whatever somebody else takes in meanwhile."""
        if said_by is not None:
            question = self._question(as_of, said_by)
            self._moment(question)  # a board that is kept from now on is written
            as_of = question.as_of.position
        with self.still():
            question = self._question(as_of, said_by)
            yield question, self._moment(question)

    def _position(self, as_of: Cut | None) -> int:
        head = self.checkpoint.position
        if as_of is None:
            return head
        # A position is known without a look at the ledger.
        at = as_of if type(as_of) is int else self._ledger.question(as_of=as_of).as_of.position
        if not 0 <= at <= head:
            raise UsageError(f"position {at} is not in this view, which has come to {head}; catch up first")
        return at

    def _question(self, as_of: Cut | None, said_by: Time | None) -> Question:
        return self._ledger.question(as_of=self._position(as_of), said_by=said_by)

    def _moment(self, question: Question) -> pages.Moment:
        at, stamp = question.as_of.position, question.as_of.recorded_at
        recorded = when.instant(stamp) if stamp is not None else 0
        if question.said_by is not None:
            return pages.at_cut(at, recorded, bothcuts.cut_no(self._connection, self._ledger, question))
        return pages.as_of(at, recorded, self.checkpoint.position)

    def _check_searched(self, where: Where) -> None:
        if where.search is None and where.source is None:
            return
        if self._connection.execute("SELECT 1 FROM meta WHERE key = 'searched' AND value = 0").fetchall():
            raise UsageError("this view was made without search; `claims replay --views` makes it anew")


def _check_limit(limit: int | None) -> None:
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        raise UsageError(f"a page has one row at least, not {limit!r}; leave `limit` out, or give None for all")


def _are_too_many(missing: int, head: int) -> bool:
    """Whether so many records are missing that it takes less time to make a view anew."""
    return missing > GRID and missing * COSTS > head


def beside(ledger: Ledger) -> str:
    """Where the view of a ledger lies: beside its file, or in memory where it has none."""
    return ":memory:" if ledger.file is None else f"{ledger.file}.views"


def _since(time: Time | None) -> int | None:
    """The first microsecond of a time; a date, month or year begins with it. Raises UsageError for what is none."""
    last = _until(time)
    if time is None or isinstance(time, datetime):
        return last
    return when.parse(time if isinstance(time, str) else time.isoformat()).earliest


def _until(time: Time | None) -> int | None:
    """The last microsecond of a time. Raises UsageError for what is none."""
    match time:
        case None:
            return None
        case date():  # and datetime
            return moment_of(time)
        case str():
            try:
                return when.cut(time)
            except ValueError as error:
                raise UsageError(str(error)) from None
        case _:
            raise UsageError(f"{time!r} is no time; give a date, a zoned datetime, or text such as 2024-10-09")
