"""Where do records live? The narrow waist between the ledger and whatever keeps its bytes.

A store is a Dynamic Consistency Boundary event store: it keeps opaque bytes at increasing positions, finds them by
tag, and appends under one condition, "unless anything that matches these tags came after position h". Stores share
this port alone: `sqlite.py` is one, and `port.py` makes one of any recorder of the library that defines DCB, which
nothing above this folder knows.

What a store promises:

* `append` is all or nothing; when it returns, the drafts are durable and stand at consecutive positions, in order.
* positions increase in commit order: whoever has read position n will never see a new record at or before n.
* `recorded_at` is taken while nobody else can append, and never runs backwards.
* stored bytes are never re-encoded. Tags are a derived index, never evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, Protocol, TypeAlias

from msgspec import Struct

FOREVER: Final = 2**63 - 1
"""A position that no record has."""


class Draft(Struct, gc=False, frozen=True):
    """A record but for the moment of its recording: its stored bytes are `before + stamp(recorded_at) + after`.

    One that brings its moment is whole: they are `before`.
    """

    id: str | None
    """None only for what comes in by the library's port."""
    type: str
    before: bytes
    after: bytes
    tags: Sequence[str]
    """Without the `id:` tag, which stands for `id`; distinct, in any order."""
    recorded_at: int | None = None
    """Microseconds since 1970-01-01T00:00:00Z where the moment is known beforehand (an import); else the store's."""

    def stored(self, stamp: bytes) -> bytes:
        """The bytes to store, recorded at a moment of this text unless it brings its own."""
        return self.before if self.recorded_at is not None else self.before + stamp + self.after


class Head(NamedTuple):
    """The last record of a log; (0, 0) where there is none."""

    position: int
    recorded_at: int
    """Microseconds since 1970-01-01T00:00:00Z."""


class Appended(NamedTuple):
    """Where a batch went: positions `first` to `last`, all recorded at one moment."""

    first: int
    last: int
    recorded_at: int


class Overtaken(Exception):
    """The condition of an append met a record it must not meet; nothing was written.

    Internal to the package: the ledger reads again and decides again, or tells its caller what came in between.
    """


class Kept(NamedTuple):
    """An event as it was stored, its tags in the order in which they were given, that of its id among them."""

    position: int
    type: str
    tags: list[str]
    data: bytes


Item: TypeAlias = tuple[Sequence[str], Sequence[str]]
"""Types and tags: matches an event of any of the types (of any type, where none is given) that has all the tags."""
Clock: TypeAlias = Callable[[int], int]
Stored: TypeAlias = tuple[int, bytes]
"""A position and the bytes that stand there."""


class Index(Protocol):
    """Finds records by their tags and ids; in position order, in bounded memory."""

    def tagged(self, tags: Iterable[str], *, types: Sequence[str] = (), after: int, until: int) -> Iterator[Stored]:
        """Every record with after < position <= until that carries any of the tags, each once."""

    def by_id(self, ids: Sequence[str]) -> dict[str, Stored]:
        """The records with these ids; ids that are not there are left out."""


class Store(Index, Protocol):
    """What the ledger asks of a store. All reads are in position order, in bounded memory."""

    name: str
    """How the store is named to people: a path or a URL without secrets."""
    gapless: bool
    """Whether its positions have no gaps, so that one that is missing was lost."""
    file: str | None
    """The file it is kept in, links followed; None where it is not kept in one."""

    @property
    def to_append(self) -> Index:
        """Where whoever is about to append finds records: the same ones, sooner where a store can do that."""

    def head(self) -> Head:
        """The last record now."""

    def append(
        self,
        drafts: Sequence[Draft],
        *,
        unless: Iterable[str],
        after: int,
        clock: Clock,
        committing: Callable[[], None] | None = None,
    ) -> Appended:
        """Appends all drafts, or none.

        `unless` are tags (`id:` among them) of which no record after position `after` may carry any; Overtaken is
        raised where one does, and where an id is taken. They are looked at only where there is a record after it.
        `clock` is called once, under the lock, with the recording time of the last record (0 where there is none), and
        gives that of this batch; it may raise, and then nothing is written. Drafts that bring their own moment keep it;
        that these do not run backwards is the caller's care. `committing` is called, from this thread, when all is
        written and nothing is left but to wait until it is durable.
        """

    def scan(self, after: int, until: int, *, types: Sequence[str] = ()) -> Iterator[Stored]:
        """Every record with after < position <= until, of these types where any are given."""

    def matching(self, items: Sequence[Item], *, after: int, until: int, limit: int) -> list[Kept]:
        """The first records with after < position <= until that match any of the items; any record, without items."""

    def at_or_before(self, recorded_at: int) -> int:
        """The last position recorded at or before a moment; 0 where there is none."""

    def recorded_at(self, position: int) -> int | None:
        """When the record at a position was recorded, in microseconds; None where there is no such record."""

    def probe(self, patience_s: float) -> Head:
        """The last record now, read by whoever could append next: it has taken the lock, and given it back.

        Raises LedgerError where the store cannot be read or written, Unavailable where nobody gave up the lock for so
        long.
        """

    def wait(self, after: int, timeout_s: float) -> bool:
        """Waits until there may be a record after a position; False when the time ran out first."""

    def close(self) -> None:
        """Ends every connection; idempotent."""


def tagged(store: Index, tags: Collection[str], until: int, after: int = 0) -> Iterator[Stored]:
    """Every record with after < position <= until that carries any of the tags, `id:` among them, each once."""
    ids = [tag.removeprefix("id:") for tag in tags if tag.startswith("id:")]
    others = [tag for tag in tags if not tag.startswith("id:")]
    named = sorted(pair for pair in store.by_id(ids).values() if after < pair[0] <= until) if ids else []
    found = store.tagged(others, after=after, until=until) if others else iter(())
    return _with(named, found) if named else found


def _with(few: list[Stored], found: Iterator[Stored]) -> Iterator[Stored]:
    """A few records among many, in order, each once."""
    coming = iter([*few, (FOREVER, b"")])
    position, stored = next(coming)
    for pair in found:
        while position < pair[0]:
            yield position, stored
            position, stored = next(coming)
        if position == pair[0]:
            position, stored = next(coming)
        yield pair
    while position < FOREVER:
        yield position, stored
        position, stored = next(coming)
