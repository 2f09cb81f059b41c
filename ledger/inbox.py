"""How is what a caller brings read, whatever the ledger holds? Alone, or many together in half the time."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import islice
from typing import cast

from . import intake
from .batch import Batch, Brought
from .errors import LedgerError
from .events import Event
from .intake import Entry, Incoming, Settled


class Inbox:
    """Reads events, with whatever envelope they bring; `recorded_by` stands where they bring no other."""

    def __init__(self, recorded_by: str | None) -> None:
        self._recorded_by = recorded_by

    def one(self, index: int, item: Event | Entry, recorded_us: int | None = None) -> Incoming:
        """Reads the event at a place of a batch. Raises InvalidEvent."""
        if (found := _as_read(item, recorded_us)) is not None:
            return found
        entry = item if isinstance(item, Entry) else Entry(event=item)
        recorded_by = entry.recorded_by if entry.recorded_by is not None else self._recorder()
        try:
            intake.check_recorder(recorded_by)
            if isinstance(entry, Settled):
                return Incoming(entry.id, recorded_by, entry.event, entry.data, entry.tags, recorded_us)
            if entry.id is not None:
                intake.check_id(entry.id)
            return Incoming(entry.id, recorded_by, *intake.canonical(entry.event), recorded_us)
        except LedgerError as error:
            error.index = index
            raise

    def looked_at(self, index: int, item: Event | Entry) -> Incoming | LedgerError:
        """An event that is one, or what is wrong with it whatever the ledger holds."""
        try:
            return self.one(index, item)
        except LedgerError as error:
            return error

    def all(self, items: Sequence[Event | Entry], times: Sequence[int | None]) -> list[Incoming]:
        """As `one`, of many; `times` are those they bring. Where nothing is wrong with any they are read together."""
        found = list(map(_as_read, items, times))
        if None not in found:  # as an import brings them
            return cast("list[Incoming]", found)
        entries = [item if isinstance(item, Entry) else Entry(event=item) for item in items]
        try:
            recorders = [self._recorder() if e.recorded_by is None else e.recorded_by for e in entries]
            for recorded_by in set(recorders):
                intake.check_recorder(recorded_by)
            ids = [entry.id for entry in entries]
            intake.check_ids(ids)
            return list(map(Incoming, ids, recorders, *_settled(entries), times))
        except (LedgerError, TypeError):  # which of them it is about is told one by one
            return [self.one(*numbered, at) for numbered, at in zip(enumerate(items), times, strict=True)]

    def batch(self, brought: Brought) -> Batch:
        """Reads a batch. Raises InvalidEvent for the first bad event."""
        entries = brought.entries
        if len(entries) == 1:
            return Batch([self.one(0, entries[0])], brought.expected, brought.register)
        return Batch(self.all(entries, [None] * len(entries)), brought.expected, brought.register)

    def each(self, batches: Sequence[Batch | Brought]) -> Sequence[Batch | LedgerError]:
        """All that is unread among these, read together where nothing is wrong with any."""
        unread = [one for one in batches if isinstance(one, Brought)]
        entries = [entry for one in unread for entry in one.entries]
        if not unread:
            return cast("Sequence[Batch]", batches)
        try:
            incoming = iter(self.all(entries, [None] * len(entries)))
        except LedgerError:
            return [self._tried(one) for one in batches]
        return [
            Batch(list(islice(incoming, len(one.entries))), one.expected, one.register)
            if isinstance(one, Brought)
            else one
            for one in batches
        ]

    def _tried(self, one: Batch | Brought) -> Batch | LedgerError:
        try:
            return one if isinstance(one, Batch) else self.batch(one)
        except LedgerError as error:
            return error

    def _recorder(self) -> str:
        if self._recorded_by is None:
            self._recorded_by = _user()
        return self._recorded_by


def _as_read(item: Event | Entry, recorded_us: int | None) -> Incoming | None:
    """What was read before, with the name of its recorder; None for anything else."""
    if type(item) is not Settled or item.recorded_by is None:
        return None
    exported = item.exported
    if exported is not None and exported.recorded_us == recorded_us and _is_of(exported, item):
        return exported
    return Incoming(item.id, item.recorded_by, item.event, item.data, item.tags, recorded_us)


def _is_of(exported: Incoming, item: Settled) -> bool:
    """Whether the envelope is still the one that was read: around another the bytes are not these."""
    return exported.id is item.id and exported.recorded_by is item.recorded_by


def _settled(entries: list[Entry]) -> intake.Columns:
    settled = [entry for entry in entries if type(entry) is Settled]
    if len(settled) < len(entries):
        return intake.canonical_all([entry.event for entry in entries])
    return intake.Columns([e.event for e in settled], [e.data for e in settled], [e.tags for e in settled])


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container that knows no name for its user
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "unknown"
