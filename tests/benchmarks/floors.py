"""What is the least that writing and reading records takes? A bare driver, the same rows, the same schema."""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import msgspec

from ledger.events import Event


class Rows(NamedTuple):
    """What an append wrote: rows of the tables event, tag and event_tag, each in the order of its key."""

    events: Sequence[tuple[Any, ...]]
    tags: Sequence[tuple[int, str]]
    pairs: Sequence[tuple[int, int]]


class Written:
    """Reads from a ledger's file what was written there since the last time."""

    def __init__(self, path: Path) -> None:
        self._connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        [(self._position, self._tag)] = self._connection.execute(
            "SELECT ifnull((SELECT max(position) FROM event), 0), ifnull((SELECT max(tag_id) FROM tag), 0)"
        )

    def rows(self) -> Rows:
        """The new rows; their event ids, times and bytes as the ledger made them."""
        ask = self._connection.execute
        events = ask("SELECT * FROM event WHERE position > ? ORDER BY position", (self._position,)).fetchall()
        tags = ask("SELECT * FROM tag WHERE tag_id > ? ORDER BY tag_id", (self._tag,)).fetchall()
        self._position = events[-1][0] if events else self._position
        self._tag = tags[-1][0] if tags else self._tag
        return Rows(events, tags, sorted(pair for event in events for pair in _pairs(event)))

    def singly(self) -> Iterator[Rows]:
        """The new rows, where each event was an append of its own."""
        rows = self.rows()
        told = 0
        for event in rows.events:
            pairs = sorted(_pairs(event))
            upto = told + sum(number <= pairs[-1][0] for number, _ in rows.tags[told : told + len(pairs)])
            yield Rows([event], rows.tags[told:upto], pairs)
            told = upto

    def close(self) -> None:
        self._connection.close()


class BareWriter:
    """Commits rows to a copy of a ledger's file with the driver alone, under the pragmas that a ledger uses."""

    def __init__(self, path: Path) -> None:
        self._connection = connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "full")
        connection.pragma("cache_size", -32_000)
        connection.pragma("journal_size_limit", 64 * 1024 * 1024)
        connection.wal_autocheckpoint(16_000)

    def commit(self, rows: Rows) -> None:
        """One transaction; durable when it returns."""
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO event VALUES (?, ?, ?, ?, ?, ?)", rows.events)
        connection.executemany("INSERT INTO tag VALUES (?, ?)", rows.tags)
        connection.executemany("INSERT INTO event_tag VALUES (?, ?)", rows.pairs)
        connection.execute("COMMIT")

    def commit_encoding(self, rows: Rows, envelopes: Sequence[Envelope]) -> None:
        """The same, but the bytes of the records are made here."""
        encode = _ENCODER.encode
        events = [(*row[:5], encode(envelope)) for row, envelope in zip(rows.events, envelopes, strict=True)]
        self.commit(rows._replace(events=events))

    def close(self) -> None:
        self._connection.close()


class Envelope(msgspec.Struct):
    """What the stored bytes of a record are made of."""

    id: str
    recorded_at: str
    recorded_by: str
    event: Event


def envelope(stored: bytes) -> Envelope:
    """What the stored bytes of a record were made of."""
    return _DECODER.decode(stored)


def batches(path: Path, size: int) -> Iterator[Rows]:
    """All rows of a ledger's file, in its order, so many events at a time."""
    ask = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE).execute
    position = told = 0
    while events := ask(
        "SELECT * FROM event WHERE position > ? ORDER BY position LIMIT ?", (position, size)
    ).fetchall():
        position = events[-1][0]
        pairs = sorted(pair for event in events for pair in _pairs(event))
        upto = max(told, pairs[-1][0])
        tags = ask("SELECT * FROM tag WHERE tag_id > ? AND tag_id <= ? ORDER BY tag_id", (told, upto)).fetchall()
        told = upto
        yield Rows(events, tags, pairs)


def decoding(path: Path) -> float:
    """How long it takes to read and decode every record of a ledger's file, in seconds."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    decode = _DECODER.decode
    started = time.perf_counter()
    for (data,) in connection.execute("SELECT data FROM event ORDER BY position"):
        decode(data)
    return time.perf_counter() - started


def _pairs(event: tuple[Any, ...]) -> Iterator[tuple[int, int]]:
    """The rows of event_tag that belong to a row of event."""
    return ((number, event[0]) for (number,) in _NUMBER.iter_unpack(event[4]))


_DECODER = msgspec.json.Decoder(Envelope)
_ENCODER = msgspec.json.Encoder(order="deterministic")
_NUMBER = struct.Struct("<I")
