"""How do batches come to a service? As NDJSON, each event with an id made here, so that a batch may be sent twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from ledger.batch import Batch, Receipt
from ledger.errors import InvalidEvent, LedgerError, UsageError
from ledger.intake import Incoming
from ledger.writer import Answer, Writer, now_us

from .connection import Connection, Query, Silence
from .reading import ServedStore

WHOEVER: Final = "(whom the token names)"
"""Stands for who records, which the service tells."""


class Sender(Writer):
    """A writer that has a service append. It refuses events that say who records them."""

    whoever = WHOEVER

    def __init__(self, connection: Connection, store: ServedStore, *, read_only: bool) -> None:
        super().__init__(store, now_us)
        self._connection = connection
        self._read_only = read_only

    def append_first(self, batches: Sequence[Batch], committing: Callable[[], None] | None = None) -> list[Answer]:
        """Has the first batch appended. Raises Silence where the service does not answer."""
        try:
            return [self._sent(batches[0])]
        except Silence:
            raise
        except LedgerError as error:
            return [error]

    def faults(self, good: Sequence[Incoming], register: bool) -> list[LedgerError]:
        """What the service would refuse of these, each with its `index`; nothing is written."""
        query = [("dry_run", "true"), *_registering(register)]
        return self._connection.faults("events", query, _lines((item.id, item) for item in good))

    def _sent(self, batch: Batch) -> list[Receipt]:
        if self._read_only:
            raise UsageError(f"{self._connection.name} was opened for reading only; open it for writing to append")
        for index, item in enumerate(batch.incoming):
            if (fault := recorder_fault(index, item)) is not None:
                raise fault
        at = now_us()
        ids = [item.id or self.new_id(at) for item in batch.incoming]
        expected = [] if batch.expected is None else [("expected", str(batch.expected))]
        lines = _lines(zip(ids, batch.incoming, strict=True))
        answer = self._connection.post("events", [*expected, *_registering(batch.register)], lines)
        receipts = self._connection.read(answer, _Appended).receipts
        return [_known(receipt, item) for receipt, item in zip(receipts, batch.incoming, strict=True)]


class _Appended(Struct, frozen=True):
    """Where the events of a batch stand."""

    receipts: list[Receipt]


def recorder_fault(index: int, item: Incoming) -> InvalidEvent | None:
    """What is wrong with an event that says who records it; None for one that does not."""
    if item.recorded_by == WHOEVER:
        return None
    fault = InvalidEvent("a service records under the name of the token; leave it out", "/recorded_by")
    fault.index = index
    return fault


def _lines(items: Iterable[tuple[str | None, Incoming]]) -> bytes:
    """Events as NDJSON, each with its id in front where it has one."""
    return b"".join(
        (b'{"id":%b,%b\n' % (msgspec.json.encode(event_id), item.data[1:]) if event_id else item.data + b"\n")
        for event_id, item in items
    )


def _registering(register: bool) -> Query:
    return [("register", "true")] if register else []


def _known(receipt: Receipt, item: Incoming) -> Receipt:
    """The receipt. Whose id was made here cannot have stood there before: it is an answer of ours that was lost."""
    return receipt if item.id is not None else msgspec.structs.replace(receipt, replayed=False)
