"""Which records are asked for? Those about a claim, a source or an event, of types, or with tags; their very bytes.

They are read in stretches, so that memory is bounded and no other reader waits for long; a page that would have to look
through too much ends early, and its cursor goes on from there.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import ClassVar, Final

import msgspec
from msgspec import Struct

from ledger import Ledger, NotFound, records
from ledger.fold import AsOf
from ledger.store import Stored
from projections import aftermath
from projections.views import cursors

from .readers import Readers

LISTED: Final = "`claims log`, or /v1/events, lists what there is"
"""What to do about an event that is not there."""
_STRETCH: Final = 250
"""Positions that are looked through at a time."""
_STRETCH_BYTES: Final = 256 * 1024
"""Bytes after which a stretch ends before that: a client that does not read holds no more than this."""
_LOOKED: Final = 50_000
"""Positions that are looked through for a page."""
_PAGE_BYTES: Final = 4 * 1024 * 1024


class Records(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A page of records."""

    as_of: AsOf
    events: list[records.Record]
    next: str | None = None
    """The cursor of what follows; left out where nothing does."""


class InLog(Struct, frozen=True, kw_only=True, tag="log"):
    """Records after a position and up to another, oldest first."""

    as_of: int
    after: int = 0
    limit: int = 0
    """At most so many, of which there is no page without; 0 for all."""
    claim: str | None = None
    source: str | None = None
    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    about: str | None = None
    """An event id: what was recorded about it, directly or through what is about it."""

    kin: ClassVar[tuple[str, ...]] = ()

    @property
    def asked(self) -> cursors.Asked:
        """What the cursor of a page carries."""
        return cursors.asked(claim=self.claim, source=self.source, type=self.types, tag=self.tags, about=self.about)

    def answer(self, readers: Readers, few: int | None = None) -> bytes:
        """A page of them. Raises NotFound, UsageError."""
        lines, last = self._page(readers.ledger)
        as_of = msgspec.json.encode(readers.ledger.question(as_of=self.as_of).as_of)
        following = b""
        if last is not None:
            following = b',"next":%b' % msgspec.json.encode(cursors.with_asked(f"{self.as_of}:{last}", self.asked))
        return b'{"as_of":%b,"events":[%b]%b}' % (as_of, b",".join(lines), following)

    def lines(self, ledger: Ledger) -> Iterator[bytes]:
        """All of them, a line each, some lines at a time; at times none, after a stretch without any."""
        left = self.limit or None
        for _, found in self._stretches(ledger):
            some = found[:left]
            yield b"".join(records.line(*pair) + b"\n" for pair in some)
            if left is not None and not (left := left - len(some)):
                return

    def _page(self, ledger: Ledger) -> tuple[list[bytes], int | None]:
        """The lines of a page, and the position it ends at where more may follow."""
        lines: list[bytes] = []
        size, last = 0, self.after
        for scanned, found in self._stretches(ledger):
            for pair in found:
                if len(lines) == self.limit or size > _PAGE_BYTES:
                    return lines, last
                lines.append(records.line(*pair))
                size, last = size + len(lines[-1]), pair[0]
            if not self._is_indexed and scanned - self.after >= _LOOKED and scanned < self.as_of:
                return lines, scanned
        return lines, None

    @property
    def _is_indexed(self) -> bool:
        """Whether an index leads to them; else all records are looked through."""
        return bool(self.tags) or not (self.claim is self.source is self.about is None)

    def _stretches(self, ledger: Ledger) -> Iterator[tuple[int, list[Stored]]]:
        """How far was looked, and what was found there."""
        if not self._is_indexed:
            yield from self._scanned(ledger)
            return
        found = self._indexed(ledger)
        while some := _some(islice(found, _STRETCH))[0]:
            yield some[-1][0], some

    def _scanned(self, ledger: Ledger) -> Iterator[tuple[int, list[Stored]]]:
        at, width = self.after, _STRETCH
        while at < self.as_of:
            until = min(at + width, at + _STRETCH - (at - self.after) % _STRETCH, self.as_of)
            found, is_all = _some(ledger.stored(types=self.types, after=at, as_of=until))
            at = until if is_all else found[-1][0]
            yield at, found
            width = min(2 * width, _STRETCH) if is_all else len(found)  # so that little is read to be let go

    def _indexed(self, ledger: Ledger) -> Iterator[Stored]:
        if self.about is not None:
            return ledger.tagged(self._tags_about(ledger, self.about), after=self.after, as_of=self.as_of)
        if self.tags:
            return ledger.tagged(self.tags, after=self.after, as_of=self.as_of)
        return ledger.stored(claim=self.claim, source=self.source, types=self.types, after=self.after, as_of=self.as_of)

    def _tags_about(self, ledger: Ledger, event: str) -> list[str]:
        clerk = ledger.state(aftermath, event, as_of=self.as_of)
        if event not in clerk.by_id:
            raise NotFound(f"there is no event {event!r} in this ledger; {LISTED}")
        return [f"id:{one.id}" for one in aftermath.others(clerk, event)]


def _some(pairs: Iterator[Stored]) -> tuple[list[Stored], bool]:
    """The next records, as long as they may be together; and whether those are all."""
    found, size = [], 0
    for pair in pairs:
        found.append(pair)
        size += len(pair[1])
        if size >= _STRETCH_BYTES:
            return found, False
    return found, True
