"""How is a ledger used that lives elsewhere? By the same verbs; a service answers (`claims serve`).

`Ledger.open("https://…")` gives a `RemoteLedger`. What is durable when, is as anywhere: `append` returns after its
events are on the service's disk. Each gets its id here, before it is sent, so an append whose answer was lost is sent
again and stands there once.

Needs the extra `claim-ledger[client]`; nothing of it is imported unless a URL is opened.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import chain, islice
from typing import Any
from urllib.parse import quote

import msgspec

from ledger import fold, names, records
from ledger.batch import MAX_BATCH, Receipt, listed
from ledger.cuts import Cut, check_text
from ledger.errors import LedgerError, UsageError
from ledger.events import Event
from ledger.intake import Entry, Incoming
from ledger.ledger import Ledger, check_types
from ledger.records import Record
from ledger.store import Stored

from .connection import Connection, Query, Silence
from .following import following
from .reading import PAGE, ServedStore
from .sending import WHOEVER, Sender, recorder_fault

__all__ = ["RemoteLedger", "Silence"]


class RemoteLedger(Ledger):
    """A ledger that a service has. Who records is whom the token names, or whoever runs the service."""

    def __init__(self, url: str, *, token: str | None = None, read_only: bool = False) -> None:
        self._connection = Connection(url, os.environ.get("CLAIMS_TOKEN") if token is None else token)
        self._records = ServedStore(self._connection)
        super().__init__(self._records, recorded_by=WHOEVER)
        self._writer = self._sender = Sender(self._connection, self._records, read_only=read_only)

    # Writing

    def check(self, entries: Iterable[Event | Entry], *, register: bool = False) -> Iterator[LedgerError]:
        """What `append_all` would refuse of these; see `Ledger.check`.

        The service is asked about up to 1,000. More are checked here, by what is read from it.
        """
        looked_at = (self._looked_at(index, entry) for index, entry in enumerate(listed(entries)))
        some = list(islice(looked_at, MAX_BATCH + 1))
        if len(some) > MAX_BATCH:
            yield from self._sender.deciding().refused(chain(some, looked_at), register)
        else:
            yield from self._refused(some, register)

    def load(self, exported: Iterable[tuple[Entry, int]]) -> Iterator[Receipt]:
        """Refused: only who has the ledger's file takes in records with the times they bring."""
        raise UsageError(f"records keep their times only where the ledger lives; import them there, not by {self.name}")

    def _looked_at(self, index: int, entry: Event | Entry) -> Incoming | LedgerError:
        item = self._inbox.looked_at(index, entry)
        if isinstance(item, LedgerError):
            return item
        return recorder_fault(index, item) or item

    def _refused(self, looked_at: Sequence[Incoming | LedgerError], register: bool) -> list[LedgerError]:
        """What is wrong with the events of a batch, by place; the service tells of those that are events."""
        errors = [item for item in looked_at if isinstance(item, LedgerError)]
        good = [(index, item) for index, item in enumerate(looked_at) if isinstance(item, Incoming)]
        if good:
            for fault in self._sender.faults([item for _, item in good], register):
                fault.index, _ = good[fault.index or 0]
                errors.append(fault)
        return sorted(errors, key=lambda error: error.index or 0)

    # Reading

    def _answer(self, projection: fold.Projection, subject: str | None, as_of: Cut | None, said_by: Cut | None) -> Any:
        """What `state` gives.

        The service is asked for what it answers itself (`ledger.fold.Served`); any other projection is folded here,
        over the records it wants.
        """
        served = getattr(projection, "served", None)
        if not isinstance(served, fold.Served) or bool(subject) != served.has_subject:
            return super()._answer(projection, subject, as_of, said_by)
        if isinstance(as_of, (Receipt, Record)):
            as_of = self.place_of(as_of)
        subject = _text(subject or "")
        if served.path.startswith("sources/"):
            subject = names.source_id(subject)  # a name may have what is no part of a path
        path = served.path.format(subject=quote(subject, safe=""))
        if served.rows is not None and as_of is None:
            as_of = self.head  # else it is as of where the view has come to
        query = [*served.query, *_cut("as_of", as_of), *_cut("said_by", said_by)]
        if served.rows is None:
            return self._connection.read(self._connection.ask(path, query), served.answer)
        query.append(("limit", str(PAGE)))
        whole, *more = (self._connection.read(page, served.answer) for page in self._connection.pages(path, query))
        rows: Iterable[Any] = chain.from_iterable(getattr(page, served.rows) for page in (whole, *more))
        return msgspec.structs.replace(whole, **{served.rows: list(rows)})

    def about(self, event_id: str, *, as_of: Cut | None = None) -> list[Record]:
        """What became of a record; see `Ledger.about`."""
        until = self._until(as_of)
        return list(records.decode_all(self._records.read([("about", _text(event_id))], 0, until)))

    def stored(
        self,
        *,
        claim: str | None = None,
        source: str | None = None,
        types: Sequence[str] = (),
        after: int | Receipt | Record = 0,
        as_of: Cut | None = None,
    ) -> Iterator[Stored]:
        """As `events`, but (position, stored bytes); see `Ledger.stored`."""
        check_types(types)
        until = self._until(as_of)
        source = None if source is None else names.source_id(_text(source))
        wanted = [(name, _text(value)) for name, value in (("claim", claim), ("source", source)) if value is not None]
        return self._records.read([*wanted, *(("type", type_) for type_ in types)], self.place_of(after), until)

    def follow(
        self, *, after: int | Receipt | Record = 0, stop: threading.Event | None = None, poll_s: float = 1.0
    ) -> Iterator[Record]:
        """Every record after a position, for ever; see `Ledger.follow`. A stream that breaks is taken up again."""
        return following(self._connection, self.place_of(after), stop, poll_s)

    def ask(self, path: str, query: Query = ()) -> bytes:
        """The JSON that the service answers to a GET of a path below /v1."""
        return self._connection.ask(path, query)


def _cut(name: str, cut: Cut | None) -> Query:
    """A cut as a query has it. Raises UsageError for what is none; whether there is such a place, the service tells."""
    match cut:
        case None:
            return []
        case str():
            return [(name, _text(cut))]
        case datetime() if cut.utcoffset() is None:
            raise UsageError(f"{cut.isoformat()} has no zone; give a zoned datetime")
        case date():  # and datetime
            return [(name, cut.isoformat())]
        case _ if name == "said_by" or isinstance(cut, bool) or not isinstance(cut, int):
            raise UsageError(f"{cut!r} is no cut for {name}; see Ledger.question")
        case _:
            return [(name, str(cut))]


def _text(asked: str) -> str:
    """The same. Raises UsageError for what is no text."""
    check_text(asked)
    return asked
