"""What was recorded last, ready to be sent? Records as the bytes that clients get, and which of them is whose.

A record is encoded once, and told apart by its type and tags; no client has anything decoded or encoded for itself.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import islice
from typing import Final, NamedTuple

from msgspec import Struct

from ledger import records

_CHUNK: Final = 64 * 1024
_SHARED: Final = 64


class Wanted(Struct, frozen=True, kw_only=True):
    """Which records a client wants: those of a claim, of a source, of any of the types, where given."""

    claim: str | None = None
    source: str | None = None
    types: tuple[str, ...] = ()

    @property
    def tags(self) -> list[tuple[str, ...]]:
        """By which tags such a record is found, one of each group."""
        return records.tags_about(self.claim, self.source)


EVERYTHING: Final = Wanted()


class Frame(NamedTuple):
    """A record as a client is sent it, and what tells who wants it."""

    position: int
    data: bytes
    type: str
    tags: frozenset[str]


class Batch(NamedTuple):
    """What a client is given: frames, the position of the last of them (0: there is none), how far was looked."""

    data: bytes
    last: int
    upto: int


class Recent:
    """The last records: all of them after `floor`, up to `upto`."""

    def __init__(self, after: int, most: int, most_bytes: int) -> None:
        self.floor = self.upto = after
        self._most, self._most_bytes = most, most_bytes
        self._frames: list[Frame] = []
        self._positions: list[int] = []
        self._bytes = 0
        self._given: dict[tuple[int, Wanted], Batch] = {}

    def take_in(self, frames: Iterable[Frame], upto: int) -> None:
        """Takes in all records after `upto`, up to a new one; lets go of the oldest where they are too many."""
        for frame in frames:
            self._frames.append(frame)
            self._positions.append(frame.position)
            self._bytes += len(frame.data)
        self.upto = upto
        self._given.clear()
        gone = 0
        while len(self._frames) - gone > self._most or self._bytes > self._most_bytes:
            self.floor = self._frames[gone].position
            self._bytes -= len(self._frames[gone].data)
            gone += 1
        del self._frames[:gone], self._positions[:gone]

    def since(self, position: int, wanted: Wanted) -> Batch:
        """What is wanted after a position that is not before the floor, as much as goes into one chunk."""
        asked = (position, wanted)  # whoever stands where another stood is given the same
        found = self._given.get(asked)
        if found is None:
            if len(self._given) >= _SHARED:
                self._given.clear()
            found = self._given[asked] = self._since(position, wanted)
        return found

    def _since(self, position: int, wanted: Wanted) -> Batch:
        groups, types = wanted.tags, wanted.types
        start = bisect_right(self._positions, position)
        frames = (
            (frame.position, frame.data)
            for frame in islice(self._frames, start, None)
            if not any(map(frame.tags.isdisjoint, groups)) and (not types or frame.type in types)
        )
        return batch(frames, max(position, self.upto))


def frame(mark: str, position: int, stored: bytes) -> bytes:
    """A record as an event of the stream: the line of `claims log --format ndjson`, stored bytes as they are."""
    lines = records.line(position, stored).splitlines()  # one, unless another program wrote them with spaces between
    return b"id: %b:%d\nevent: record\ndata: %b\n\n" % (mark.encode(), position, b"\ndata: ".join(lines))


def batch(frames: Iterable[tuple[int, bytes]], upto: int) -> Batch:
    """Frames, each with its position, as far as they go into one chunk, at least one."""
    chosen: list[bytes] = []
    last = size = 0
    for position, data in frames:
        size += len(data)
        if chosen and size > _CHUNK:
            return Batch(b"".join(chosen), last, last)
        chosen.append(data)
        last = position
    return Batch(b"".join(chosen), last, upto)
