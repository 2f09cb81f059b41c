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

from .readers import Readers

_STRETCH: Final = 1_000
"""Positions that are looked through at a time."""
_STRETCHES: Final = 50
"""So many of them for a page."""
_RECORDS: Final = 250
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

    def answer(self, readers: Readers, few: int | None = None) -> bytes:
        """A page of them. Raises NotFound, UsageError."""
        lines, last = self._page(readers.ledger)
        as_of = msgspec.json.encode(readers.ledger.question(as_of=self.as_of).as_of)
        following = b"" if last is None else b',"next":"%d:%d"' % (self.as_of, last)
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
        for stretch, (scanned, found) in enumerate(self._stretches(ledger), 1):
            for pair in found:
                if len(lines) == self.limit or size > _PAGE_BYTES:
                    return lines, last
                lines.append(records.line(*pair))
                size, last = size + len(lines[-1]), pair[0]
            if stretch == _STRETCHES and scanned < self.as_of:
                return lines, scanned
        return lines, None

    def _stretches(self, ledger: Ledger) -> Iterator[tuple[int, list[Stored]]]:
        """How far was looked, and what was found there."""
        if self.claim is None and self.source is None and not self.tags and self.about is None:
            for at in range(self.after, self.as_of, _STRETCH):
                until = min(at + _STRETCH, self.as_of)
                yield until, list(ledger.stored(types=self.types, after=at, as_of=until))
            return
        found = self._indexed(ledger)
        while some := list(islice(found, _RECORDS)):
            yield some[-1][0], some

    def _indexed(self, ledger: Ledger) -> Iterator[Stored]:
        if self.about is not None:
            return ledger.tagged(self._tags_about(ledger, self.about), after=self.after, as_of=self.as_of)
        if self.tags:
            return ledger.tagged(self.tags, after=self.after, as_of=self.as_of)
        return ledger.stored(claim=self.claim, source=self.source, types=self.types, after=self.after, as_of=self.as_of)

    def _tags_about(self, ledger: Ledger, event: str) -> list[str]:
        clerk = ledger.state(aftermath, event, as_of=self.as_of)
        if event not in clerk.by_id:
            raise NotFound(f"there is no event {event!r} in {ledger.name}; `claims log` lists what there is")
        return [f"id:{one.id}" for one in aftermath.others(clerk, event)]
