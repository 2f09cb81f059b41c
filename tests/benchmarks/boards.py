"""What does a page of the board cost, now and in the middle of history, and what does it cost to keep the view up?

The view is that of the shared ledger, in a process that has both open.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from random import Random

import apsw
from measure import Bar, Figure, Measured, Setting, Watch, figures, settled
from msgspec.structs import replace
from rebuilds import rebuilt
from whole import LATELY, imported, said_again

from ledger import ClaimsRelated, Ledger, SourceRelated, names
from ledger.events import Event
from projections.views import ORDERS, Views
from projections.views.reached import OutOfReach, concerned, reached

PAGES = 1_000
ACTS = 200
RELATIONS = 40
WARM_UP = 10
MOST_REACHED = 100
"""Relations that reach more claims are left out: what each costs for a claim shows without them."""


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
    Figure(
        "catch_up_relations", "ms/claim", None, f"the append of the relation, which reaches {MOST_REACHED} at most; p95"
    ),
)
def catching_up(setting: Setting) -> Iterator[tuple[str, Measured]]:
    """What an open view needs until who has appended an act sees it; of a relation, for each claim it reaches."""
    with Ledger.open(_copied(setting)) as ledger, Views.open(ledger) as view, settled():
        acts = ((act, 1) for act in said_again(ledger))
        yield "catch_up_vs_append", _caught_up(ledger, view, islice(acts, WARM_UP + ACTS))
        yield "catch_up_relations", _caught_up(ledger, view, islice(_relations(ledger), WARM_UP + RELATIONS))


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


def _caught_up(ledger: Ledger, view: Views, counted: Iterable[tuple[Event, int]]) -> Measured:
    """How long until the view has an event, shared among so many claims, beside the append of it."""
    append, catch_up = Watch(), Watch()
    for event, claims in counted:
        with append.lap():
            receipt = ledger.append(event)
        with catch_up.lap():
            view.catch_up(wait_for=receipt)
        catch_up.laps[-1] /= claims
    for watch in (append, catch_up):
        del watch.laps[:WARM_UP]
    return Measured(catch_up.percentile(95), append.percentile(95))


def _relations(ledger: Ledger) -> Iterator[tuple[Event, int]]:
    """Relations of claims and of sources that were talked of lately, and how many claims each reaches by then."""
    acts = list(islice(said_again(ledger), LATELY))
    claims = sorted({claim for act in acts for claim in act.claims})
    sources = sorted({names.speaker(act.chain) for act in acts})
    random = Random(0)
    for _ in range(LATELY):  # in a ledger where all hangs together it may find none
        one, other = random.sample(claims, 2)
        relations = (
            ClaimsRelated(from_=one, to=other, relation="entails"),
            SourceRelated(from_=random.choice(sources), to="their-common-body", relation="member_of"),
        )
        for event in relations:
            with suppress(OutOfReach):
                yield event, _reached(ledger, event)


def _reached(ledger: Ledger, event: Event) -> int:
    head = ledger.head
    record = replace(next(ledger.events(after=head - 1)), event=event)
    return len(reached(ledger, record, concerned(ledger, event, head), MOST_REACHED))
