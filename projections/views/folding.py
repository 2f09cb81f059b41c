"""Where did the claims of some clusters stand, at every position, and what were they found by? A chunk of a view.

The records that name the claims come as they stand in the ledger. What is told of a source comes in when the source is
first quoted, whenever it was told: nothing hung on it before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from typing import Any, NamedTuple

from ledger import Ledger, NotFound, Record, names
from ledger import events as ev
from ledger.records import ACTS, decode, targets

from ..dossier import new_sources
from ..tracking.quotations import Link, Words
from ..tracking.rows import FOREVER, PACKED, node, pack_row, row_hash
from ..tracking.tracker import Tracker
from .book import Book
from .file import GRID, Doc, Quoted, Wording


class Folded(NamedTuple):
    """All that a view keeps of a chunk of claims, and what it adds to what is counted over all."""

    rows: list[bytes]
    """Packed by `rows.PACKED`, in the order of their table."""
    wordings: list[Wording]
    quoted: list[Quoted]
    docs: list[Doc]
    tallies: dict[tuple[int, int], int]
    """How many claims more are of a status from a position on, by (status, position)."""
    states: dict[int, int]
    """What is added to the state hash, by the multiple of GRID from which on."""


def fold_chunk(
    ledger: Ledger, book: Book, numbers: dict[str, int], moved: Iterable[str], until: int, *, search: bool
) -> Folded:
    """Folds all that is recorded of some claims, whole clusters of them, up to a position; `numbers` are theirs.

    `moved` are the ids of the acts that changes moved there.
    """
    finds = Finds(numbers) if search else None
    rows = _rows(ledger, records_about(ledger, book, numbers, moved, until), numbers, finds)
    folded = rows.folded()  # once all that was tracked is gone, what comes out of it needs no room of its own
    if finds is not None:
        folded.quoted.extend(finds.quoted())
        folded.docs.extend(sorted(finds.docs(), key=_place))
    return folded


def _rows(ledger: Ledger, coming: Iterable[Record], numbers: dict[str, int], finds: Finds | None) -> _Rows:
    """The rows that records make, which are all of their claims; what they are found by, too."""
    tracker = Tracker(ledger.record, within=numbers, finds=finds)
    rows = _Rows(numbers, finds)
    for record in coming:
        changed = tracker.take(record)
        rows.put(record.position, changed, tracker)
        if finds is not None:
            finds.settle(record.position)
    return rows


def records_about(
    ledger: Ledger, book: Book, claims: Iterable[str], moved: Iterable[str], until: int
) -> Iterator[Record]:
    """The records about some claims, each after what was told of the sources that matter to it.

    Whatever is about an act that was moved to one of them, and was recorded before that, does not name it.
    """
    tags = [f"{kind}:{claim}" for claim in claims for kind in ("claim", "relation:claim")]
    tags += [f"{kind}:{event_id}" for event_id in moved for kind in ("id", "act")]
    told, coming = book.opened(), list[tuple[int, Record]]()
    heard: set[tuple[str, str | None] | None] = set()
    taken: set[int] = set()
    for position, stored in ledger.tagged(tags, as_of=until):
        while coming and coming[0][0] < position:
            yield heappop(coming)[1]
        if coming and coming[0][0] == position:
            heappop(coming)  # it is about a claim, too, from which it was moved to what is told of a source
        record = decode(position, stored)
        if (name := _plainly_said_by(record)) in heard:  # most are, by somebody who was heard before
            yield record
            continue
        if name is not None:
            heard.add(name)
        if not isinstance(record.event, ACTS):
            taken.add(position)
        for other in told.of(_speaking(ledger, record)):
            if other.position in taken:
                continue  # so was this
            if other.position < position:
                yield other
            elif other.position <= until:
                heappush(coming, (other.position, other))
        yield record
    while coming:
        yield heappop(coming)[1]


def _plainly_said_by(record: Record) -> tuple[str, str | None] | None:
    """By what an act has its speaker, where that is all by which it counts."""
    event = record.event
    if not isinstance(event, ACTS) or (isinstance(event, ev.Denial) and event.acts):
        return None
    first = event.chain[0]
    return None if first.kind in ev.BY_CARRIER else (first.name, first.source)


def _speaking(ledger: Ledger, record: Record) -> Iterator[str]:
    """The sources by whose standing an utterance counts: who speaks; of what others are about, all in its chain."""
    event = record.event
    about = targets(event)
    if isinstance(event, ACTS) and not about:
        yield names.speaker(event.chain)
        return
    yield from names.sources(getattr(event, "chain", ()))
    yield from new_sources(getattr(event, "changes", {}))
    for target in about:
        try:
            yield from _speaking(ledger, ledger.record(target))
        except NotFound:
            continue  # it is not there to count
    for target in about:
        yield from names.sources(getattr(ledger.record(target).event, "chain", ()))


class _Rows:
    """Holds the row of each claim until another takes its place."""

    def __init__(self, numbers: dict[str, int], finds: Finds | None) -> None:
        self._numbers = numbers
        self._finds = finds
        self._held: dict[int, tuple[tuple[Any, ...], bytes, int]] = {}  # the row, what stands for its text, its hash
        self._texts: dict[str, str] = {}
        self._ended = bytearray()
        """The rows that ended, one after the other: for hundreds of thousands a third less than as many objects."""
        self._folded = Folded([], [], [], [], {}, {})

    def put(self, position: int, changed: Iterable[str], tracker: Tracker) -> None:
        """From this position on, the rows of claims may be others."""
        states, sum_ = self._folded.states, 0
        for claim in changed:
            number = self._numbers[claim]
            new, before = tracker.columns(claim, number), self._held.get(number)
            if new is not None:
                key = tracker.claims[claim].key
                if before is None or before[1] != key:
                    self._reword(position, claim, tracker.claims[claim].texts[-1][1])
                elif before[0][4:] == new[4:]:
                    continue
                hash_ = row_hash(key, new[4], new[5], new[6], new[8], new[9])
                self._held[number] = new, key, hash_
                sum_ += hash_
            elif before is not None:
                self._reword(position, claim, None)
                del self._held[number]
            if before is not None:
                sum_ -= before[2]
            self._end(position, before[0] if before is not None else None, new)
        if sum_:
            grid = -(-position // GRID) * GRID
            states[grid] = states.get(grid, 0) + sum_

    def _end(self, position: int, row: tuple[Any, ...] | None, new: tuple[Any, ...] | None) -> None:
        """A row held up to here, and another from here on; either may be none."""
        if row is not None:
            since = row[1]
            self._ended += pack_row(row[0], since, position, node(since, position), *row[4:])
            if new is not None and new[4] == row[4]:
                return
        tallies = self._folded.tallies
        for columns, more in ((row, -1), (new, 1)):
            if columns is not None:
                tallies[columns[4], position] = tallies.get((columns[4], position), 0) + more

    def folded(self) -> Folded:
        """All of it, sorted as its tables are."""
        found, size = self._folded, PACKED.size
        found.rows.extend(bytes(self._ended[at : at + size]) for at in range(0, len(self._ended), size))
        found.rows.extend(pack_row(*row) for row, _, _ in self._held.values())
        found.rows.sort()
        return found

    def _reword(self, position: int, claim: str, text: str | None) -> None:
        number, before = self._numbers[claim], self._texts.get(claim)
        if text is not None and text != before:
            self._folded.wordings.append((number, position, text))
            self._texts[claim] = text
        if self._finds is not None:
            self._finds.reword(claim, text)


class Finds:
    """What claims are found by, since when: the words of acts, and who stands in their chains by which name."""

    def __init__(self, numbers: dict[str, int]) -> None:
        self._numbers = numbers
        self._links: dict[str, dict[Link, list[int]]] = {}  # claim -> link -> of how many acts, since when
        self._texts: dict[str, dict[str, list[int]]] = {}  # claim -> text -> since when, for each act that has it
        self._wordings: dict[str, str] = {}
        self._moved: dict[str, tuple[Counter[Link], Counter[str]]] = {}
        self._quoted: list[Quoted] = []
        self._docs: list[Doc] = []

    def add(self, claim: str, words: Words, position: int) -> None:
        """An act says more of a claim."""
        held = self._links.setdefault(claim, {})
        for link in words.links:
            known = held.get(link)
            if known is None:
                held[link] = [1, position]
            else:
                known[0] += 1
        if words.text:
            self._texts.setdefault(claim, {}).setdefault(words.text, []).append(position)

    def move(self, claim: str, words: Words, by: int) -> None:
        """An act that was there may say something else: it is taken out (-1), or put in (+1) as it is now."""
        links, texts = self._moved.setdefault(claim, (Counter(), Counter()))
        for link in words.links:
            links[link] += by
        if words.text:
            texts[words.text] += by

    def reword(self, claim: str, text: str | None) -> None:
        """A claim has another text, or none, from the record on that is being taken."""
        before = self._wordings.pop(claim, None)
        _, texts = self._moved.setdefault(claim, (Counter(), Counter()))
        if before is not None:
            texts[before] -= 1
        if text is not None:
            texts[text] += 1
            self._wordings[claim] = text

    def settle(self, position: int) -> None:
        """All that a record moved was told."""
        if not self._moved:
            return
        for claim, (links, texts) in self._moved.items():
            held = self._links.setdefault(claim, {})
            for link, more in links.items():
                self._settle_link(claim, held, link, more, position)
            since = self._texts.setdefault(claim, {})
            for text, more in texts.items():
                for _ in range(more):
                    since.setdefault(text, []).append(position)
                for _ in range(-more):
                    self._docs.append((self._numbers[claim], since[text].pop(), position, text))
        self._moved = {}

    def _settle_link(self, claim: str, held: dict[Link, list[int]], link: Link, more: int, position: int) -> None:
        known = held.setdefault(link, [0, position]) if more > 0 else held.get(link)
        if known is not None:
            known[0] += more
            if not known[0]:
                del held[link]
                self._quoted.append((*link, self._numbers[claim], known[1], position))

    def quoted(self) -> Iterator[Quoted]:
        """Who was quoted by which name, since when and until when; once, for it lets go of them."""
        yield from self._quoted
        while self._links:
            claim, links = self._links.popitem()
            for link, (_, since) in links.items():
                yield *link, self._numbers[claim], since, FOREVER

    def docs(self) -> Iterator[Doc]:
        """The texts, in the same way."""
        yield from self._docs
        while self._texts:
            claim, texts = self._texts.popitem()
            for text, since in texts.items():
                for at in since:
                    yield self._numbers[claim], at, FOREVER, text


def _place(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return row[:2]
