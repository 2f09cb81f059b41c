"""What does a page of the board cost, now and in the middle of history, and what does it cost to keep the view up?

The view is that of the shared ledger, in a process that has both open.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import NamedTuple

import apsw
from measure import Bar, Figure, Measured, Setting, Watch, figures, settled
from rebuilds import rebuilt
from whole import LATELY, imported, said_again

from ledger import ClaimsRelated, Ledger, Receipt, SourceRelated, names
from ledger.events import Event
from projections.reached import concerned, reached
from projections.views import ORDERS, Views

PAGES = 1_000
ACTS = 200
RELATIONS = 40
WARM_UP = 10
HARDLY_ANY = 100
"""A source of which relations are told is quoted in fewer acts."""


@figures(
    Figure("board_page_ms", "ms", Bar("<=", 5, "ms"), "one SELECT of 50 records; p99"),
    Figure("board_as_of_vs_now", "ms", Bar("<=", 2), "a page of 50 now, the worst of the orders and the counts; p99"),
)
def pages(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """Pages of 50 that follow each other from the first on, in every order; in turn now and as of the middle."""
    rebuilt(setting)
    with Ledger.open(imported(setting).path) as ledger, Views.open(ledger) as view, settled():
        middle = ledger.head // 2
        now, then = _Reader(view, None), _Reader(view, middle)
        bare = _Bare(imported(setting).path, middle)
        for _ in range(PAGES):
            for reader in (now, then, bare):
                reader.read()
    p99 = {name: (now.watches[name].percentile(99), then.watches[name].percentile(99)) for name in now.watches}
    yield "board_page_ms", Measured(max(p99[order][0] for order in ORDERS), bare.watch.percentile(99))
    in_now, in_then = max(p99.values(), key=lambda pair: pair[1] / pair[0])
    yield "board_as_of_vs_now", Measured(in_then, in_now)


@figures(
    Figure("catch_up_vs_append", "ms", Bar("<=", 3), "the append of the act; p95"),
    Figure("catch_up_relations", "ms/claim", None, "the append of the relation; p95"),
)
def catching_up(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """What an open view needs until who has appended an act sees it; of a relation, for each claim it reaches."""
    with Ledger.open(_copied(setting)) as ledger, Views.open(ledger) as view, settled():
        acts = _caught_up(ledger, view, islice(said_again(ledger), WARM_UP + ACTS))
        relations = _caught_up(ledger, view, islice(_relations(ledger), WARM_UP + RELATIONS))
        for lap, receipt in enumerate(relations.receipts):
            record = ledger.record(receipt.id)
            about = concerned(ledger, record.event, record.position)
            relations.catch_up.laps[lap] /= len(reached(ledger, record, about))
    for name, found in (("catch_up_vs_append", acts), ("catch_up_relations", relations)):
        yield name, Measured(found.catch_up.percentile(95), found.append.percentile(95))


class _Reader:
    """Reads the board as of a position page by page, in every order, and its counts."""

    def __init__(self, view: Views, as_of: int | None) -> None:
        self._view, self._as_of = view, as_of
        self._cursors: dict[str, str | None] = dict.fromkeys(ORDERS)
        self.watches = {name: Watch() for name in (*ORDERS, "counts")}

    def read(self) -> None:
        for order in ORDERS:
            with self.watches[order].lap():
                page = self._view.page(order=order, as_of=self._as_of, cursor=self._cursors[order])
            self._cursors[order] = page.cursor
        with self.watches["counts"].lap():
            self._view.counts(as_of=self._as_of)


class _Bare:
    """Reads as many records as a page has rows."""

    def __init__(self, path: Path, after: int) -> None:
        self._connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        self._after = after
        self.watch = Watch()

    def read(self) -> None:
        sql = "SELECT data FROM event WHERE position > ? ORDER BY position LIMIT 50"
        with self.watch.lap():
            self._connection.execute(sql, (self._after,)).fetchall()


def _copied(setting: Setting) -> Path:
    """The shared ledger and its views once more, to be appended to."""
    rebuilt(setting)
    path, copy = imported(setting).path, setting.path("followed.db")
    for end in ("", ".views"):
        shutil.copyfile(f"{path}{end}", f"{copy}{end}")
    return copy


class _Followed(NamedTuple):
    append: Watch
    catch_up: Watch
    receipts: list[Receipt]


def _caught_up(ledger: Ledger, view: Views, events: Iterator[Event]) -> _Followed:
    found = _Followed(Watch(), Watch(), [])
    for event in events:
        with found.append.lap():
            receipt = ledger.append(event)
        with found.catch_up.lap():
            view.catch_up(wait_for=receipt)
        found.receipts.append(receipt)
    for laps in (found.append.laps, found.catch_up.laps, found.receipts):
        del laps[:WARM_UP]
    return found


def _relations(ledger: Ledger) -> Iterator[Event]:
    """Relations of claims that were talked of lately, and of sources that hardly anybody quotes, in turn."""
    acts = list(islice(said_again(ledger), LATELY))
    claims = sorted({claim for act in acts for claim in act.claims})
    sources = sorted({names.speaker(act.chain) for act in acts})
    random = Random(0)
    random.shuffle(sources)
    for source in sources:
        yield ClaimsRelated(**dict(zip(("from_", "to"), random.sample(claims, 2), strict=True)), relation="entails")
        if len(list(islice(ledger.stored(source=source), HARDLY_ANY))) < HARDLY_ANY:
            yield SourceRelated(from_=source, to="their-common-body", relation="member_of")
