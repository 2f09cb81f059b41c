"""Does every store keep the promises of its port, and does the SQLite file survive what files go through?

The first part is the contract, and runs over each store. The rest is about one file: what is refused, who may use it
at the same time, and what is left when a process is killed.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import pytest
from eventsourcing.dcb.api import (
    DCBAppendCondition,
    DCBEvent,
    DCBQuery,
    DCBQueryItem,
    DCBReadResponse,
    DCBSequencedEvent,
)
from eventsourcing.dcb.popo import InMemoryDCBRecorder
from eventsourcing.dcb.tests import DCBRecorderTestCase
from eventsourcing.persistence import IntegrityError as ConditionFailed
from eventsourcing.persistence import ProgrammingError

import ledger.store
from ledger import when
from ledger.errors import IntegrityError, LedgerError, NewerVersion, NotFound, UsageError
from ledger.store import Appended, Draft, Head, Overtaken, Store, port, sqlite, sqlite_file, sqlite_reads
from ledger.store.port import PortStore, SQLiteRecorder
from ledger.store.sqlite import SQLiteStore, open_sqlite

START = 1_700_000_000_000_000
FAR = 2**62


def draft(id_: str, *tags: str, type_: str = "statement", at: int | None = None, size: int = 0) -> Draft:
    before, after = f'{{"id":"{id_}","recorded_at":"'.encode(), b'","x":"' + b"x" * size + b'"}'
    if at is not None:
        before, after = before + when.stamp(at).encode() + after, b""
    return Draft(id_, type_, before, after, tags, at)


def tick(last: int) -> int:
    """A clock for which every append takes a microsecond."""
    return max(last, START) + 1


def put(store: Store, *drafts: Draft, unless: Sequence[str] = (), after: int = 0) -> Appended:
    return store.append(drafts, unless=unless, after=after, clock=tick)


def fill(store: Store, count: int, tags: Callable[[int], Sequence[str]] = lambda n: (), size: int = 0) -> None:
    """Records at positions 1 to `count` of an empty store, with ids e1, e2 …"""
    for start in range(1, count + 1, 1_000):
        numbers = range(start, min(start + 1_000, count + 1))
        put(store, *(draft(f"e{n}", *tags(n), size=size) for n in numbers))


def positions(records: Iterator[ledger.store.Stored]) -> list[int]:
    return [position for position, _ in records]


def tagged(store: Store, *tags: str, types: Sequence[str] = (), after: int = 0, until: int = FAR) -> list[int]:
    return positions(store.tagged(tags, types=types, after=after, until=until))


# -- the contract, for every store -----------------------------------------------------------------------------------


@pytest.fixture(params=["sqlite file", "sqlite memory", "port over memory", "port over sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    base = open_sqlite(tmp_path / "claims.db" if request.param == "sqlite file" else ":memory:")
    match request.param:
        case "port over memory":
            made: Store = PortStore(InMemoryDCBRecorder(), "memory")
        case "port over sqlite":
            made = PortStore(SQLiteRecorder(base), "sqlite")
        case _:
            made = base
    yield made
    made.close()
    base.close()


def test_who_is_about_to_append_finds_what_everybody_finds(store: Store) -> None:
    fill(store, 1_500, lambda n: [f"tag:{n % 3}"])
    index = store.to_append
    for tags in (["tag:0"], ["tag:1", "tag:2"], ["nobody's"], []):
        assert [*index.tagged(tags, after=3, until=1_400)] == [*store.tagged(tags, after=3, until=1_400)]
    assert index.by_id(["e7", "nobody's"]) == store.by_id(["e7"]) != {}


def test_an_empty_store_holds_nothing(store: Store) -> None:
    assert store.head() == Head(0, 0)
    assert list(store.scan(0, FAR)) == [] == tagged(store, "claim:a")
    assert store.by_id(["a"]) == {} == store.by_id([])
    assert store.at_or_before(FAR) == 0
    assert store.recorded_at(0) is None and store.recorded_at(1) is None


def test_a_batch_stands_at_the_next_positions_in_its_order(store: Store) -> None:
    assert put(store, draft("a"), draft("b")) == Appended(1, 2, START + 1)
    assert put(store, draft("c"), after=2) == Appended(3, 3, START + 2)
    assert store.head() == Head(3, START + 2)
    assert [json.loads(data)["id"] for _, data in store.scan(0, FAR)] == ["a", "b", "c"]


def test_stored_bytes_are_the_drafts_with_the_moment_between(store: Store) -> None:
    put(store, Draft("a", "statement", b'{"recorded_at": "', b'" ,"e":1.0e2, "n":"\xc3\xa9"}', ("claim:a",)))
    expected = b'{"recorded_at": "' + when.stamp(START + 1).encode() + b'" ,"e":1.0e2, "n":"\xc3\xa9"}'
    assert list(store.scan(0, FAR)) == list(store.tagged(["claim:a"], after=0, until=1)) == [(1, expected)]
    assert store.by_id(["a"]) == {"a": (1, expected)}


def test_the_clock_hears_the_last_moment_and_gives_the_next(store: Store) -> None:
    heard: list[int] = []

    def clock(last: int) -> int:
        heard.append(last)
        return last + 7_000_000

    for n in range(3):
        store.append([draft(f"e{n}")], unless=(), after=n, clock=clock)
    assert heard == [0, 7_000_000, 14_000_000]
    assert [store.recorded_at(n) for n in (1, 2, 3)] == [7_000_000, 14_000_000, 21_000_000]


def test_a_draft_that_brings_its_moment_keeps_it(store: Store) -> None:
    assert put(store, draft("a", at=5), draft("b"), draft("c", at=FAR >> 12)) == Appended(1, 3, FAR >> 12)
    assert [store.recorded_at(n) for n in (1, 2, 3)] == [5, START + 1, FAR >> 12]
    texts = [json.loads(data)["recorded_at"] for _, data in store.scan(0, FAR)]
    assert texts == [when.stamp(5), when.stamp(START + 1), when.stamp(FAR >> 12)]
    assert store.head().recorded_at == FAR >> 12


def test_an_append_of_nothing_makes_no_sense(store: Store) -> None:
    with pytest.raises(UsageError, match="nothing to append"):
        put(store)


def test_a_taken_id_is_never_taken_again_and_nothing_is_written(store: Store) -> None:
    put(store, draft("a"))
    for after in (0, 1):
        with pytest.raises(Overtaken):
            put(store, draft("b", "claim:b"), draft("a"), after=after)
    with pytest.raises(Overtaken):
        put(store, draft("c"), draft("c"), after=1)
    assert store.head().position == 1
    assert tagged(store, "claim:b") == [] and store.by_id(["b", "c"]) == {}


@pytest.mark.parametrize("met", ["claim:b", "id:b"])
def test_a_condition_sees_what_came_after_and_only_that(store: Store, met: str) -> None:
    put(store, draft("a", "claim:a"))
    put(store, draft("b", "claim:b", "claim:c"), after=1)
    with pytest.raises(Overtaken):
        put(store, draft("x"), unless=["claim:unknown", "id:unknown", met], after=1)
    assert store.head().position == 2
    put(store, draft("x"), unless=["claim:a", "id:a"], after=1)
    put(store, draft("y"), unless=[met], after=2)
    assert store.head().position == 4


def test_a_condition_may_hold_thousands_of_tags(store: Store) -> None:
    put(store, draft("a", "claim:a"), draft("b", "claim:b"))
    unless = [f"{kind}:{n}" for kind in ("id", "claim") for n in range(1_500)]
    put(store, draft("c"), unless=unless, after=1)
    with pytest.raises(Overtaken):
        put(store, draft("d"), unless=[*unless, "claim:b"], after=1)


def test_a_clock_that_refuses_leaves_everything_as_it_was(store: Store) -> None:
    def refusing(last: int) -> int:
        raise ZeroDivisionError

    put(store, draft("a", "claim:a"))
    with pytest.raises(ZeroDivisionError):
        store.append([draft("b", "claim:b")], unless=(), after=1, clock=refusing)
    assert store.head() == Head(1, START + 1)
    assert put(store, draft("b", "claim:c"), after=1).first == 2
    assert tagged(store, "claim:b") == [] and tagged(store, "claim:c") == [2]


def test_a_scan_reads_exactly_its_range_over_many_pages(store: Store) -> None:
    fill(store, 2_100)
    assert positions(store.scan(0, FAR)) == list(range(1, 2_101))
    assert positions(store.scan(999, 2_000)) == list(range(1_000, 2_001))
    assert positions(store.scan(2_100, FAR)) == [] == positions(store.scan(5, 5))


def test_a_record_with_several_of_the_tags_comes_once_and_in_order(store: Store) -> None:
    put(store, draft("a", "x", "y"), draft("b", "y"), draft("c", "z"), draft("d", "z", "x"))
    assert tagged(store, "z", "y", "x", "x", "nobody's") == [1, 2, 3, 4]
    assert tagged(store, "x", "y", after=1, until=2) == [2]
    assert tagged(store) == []


def test_what_has_all_the_tags_and_one_of_the_types_comes_with_them(store: Store) -> None:
    put(store, draft("a", "x", "y"), draft("b", "y"), draft("c", "y", "x"), draft("d", "x"))

    def found(*items: tuple[Sequence[str], Sequence[str]], after: int = 0, limit: int = 9) -> list[int]:
        return [kept.position for kept in store.matching(items, after=after, until=3, limit=limit)]

    assert found() == [1, 2, 3]
    assert found(((), ("x", "y"))) == [1, 3]
    assert found(((), ("x", "y")), ((), ("id:b",)), after=1) == [2, 3]
    assert found((("statement",), ("x",)), limit=1) == [1]
    assert found((("denial",), ("x",))) == [] == found(((), ("nobody's",)))
    (kept,) = store.matching([((), ("y",))], after=2, until=3, limit=9)
    assert (kept.position, kept.type, set(kept.tags)) == (3, "statement", {"id:c", "x", "y"})
    assert [(kept.position, kept.data)] == list(store.scan(2, 3))


def test_types_narrow_what_is_tagged(store: Store) -> None:
    put(store, draft("a", "x", type_="denial"), draft("b", "x"), draft("c", "x", type_="assessment"), draft("d"))
    assert tagged(store, "x", types=["denial"]) == [1]
    assert tagged(store, "x", "y", types=["assessment", "denial", "nothing"]) == [1, 3]


@pytest.mark.parametrize(
    "tags",
    [["hot"], ["hot", "even"], ["hot", *(f"claim:{n}" for n in range(40))], [f"claim:{n}" for n in range(1_500)]],
    ids=["hot", "two hot", "hot among many", "thousands"],
)
def test_hot_tags_and_thousands_of_tags_are_read_whole(store: Store, tags: list[str]) -> None:
    def tags_of(n: int) -> list[str]:
        return ["hot", *(["even"] if n % 2 == 0 else []), *(f"claim:{n * k % 1_700}" for k in range(1, 5))]

    fill(store, 1_250, lambda n: list(dict.fromkeys(tags_of(n))))
    expected = [n for n in range(1, 1_251) if not set(tags).isdisjoint(tags_of(n))]
    assert tagged(store, *tags) == expected
    assert tagged(store, *tags, types=["statement"], after=100, until=1_100) == [
        n for n in expected if 100 < n <= 1_100
    ]
    assert tagged(store, *tags, types=["denial"]) == []


def test_ids_and_tags_are_any_text(store: Store) -> None:
    strange = ['"quoted"', "naïve:名前", "nul\0inside", "' OR 1=1 --", "%_", "\u202eright-to-left", "🧾"]
    put(store, *(Draft(text, "t", b'{"recorded_at":"', b'"}', (text,)) for text in strange))
    assert [tagged(store, text) for text in strange] == [[n] for n in range(1, len(strange) + 1)]
    assert {id_: at for id_, (at, _) in store.by_id(strange).items()} == {id_: n for n, id_ in enumerate(strange, 1)}


def test_ids_that_are_not_there_are_left_out(store: Store) -> None:
    fill(store, 1_500)
    found = store.by_id(["e7", "nobody", *(f"e{n}" for n in range(1, 1_400)), "e7"])
    assert {id_: position for id_, (position, _) in found.items()} == {f"e{n}": n for n in range(1, 1_400)}


def test_the_last_position_at_a_moment_counts_those_of_the_same_moment(store: Store) -> None:
    put(store, *(draft(f"e{n}", at=at) for n, at in enumerate([10, 20, 20, 20, 30])))
    assert [store.at_or_before(at) for at in (9, 10, 19, 20, 29, 30, 31)] == [0, 1, 1, 4, 4, 5, 5]


def test_a_moment_is_known_only_where_a_record_stands(store: Store) -> None:
    fill(store, 3)
    assert [store.recorded_at(n) for n in (-1, 0, 1, 3, 4)] == [None, None, START + 1, START + 1, None]


def test_waiting_ends_with_the_time_or_with_a_record(store: Store) -> None:
    assert not store.wait(0, 0) and not store.wait(0, 0.01)
    put(store, draft("a"))
    assert store.wait(0, 0) and not store.wait(1, 0)


def test_an_append_in_this_process_wakes_who_waits(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_POLL_S", 600.0)
    monkeypatch.setattr(port, "_POLL_S", 600.0)
    woken: list[bool] = []
    waiter = threading.Thread(target=lambda: woken.append(store.wait(0, 600)), daemon=True)
    waiter.start()
    while not store._news._waiters:  # type: ignore[attr-defined]  # until it really waits
        threading.Event().wait(0.001)
    put(store, draft("a"))
    waiter.join(20)
    assert woken == [True]


def test_threads_append_side_by_side_and_nothing_is_lost(store: Store) -> None:
    def work(who: int) -> None:
        start.wait()
        for n in range(40):
            put(store, draft(f"{who}-{n}", f"who:{who}", "everybody"), unless=[f"id:{who}-{n}"])
            assert tagged(store, f"who:{who}")[-1] <= store.head().position

    failed: list[BaseException] = []
    start = threading.Barrier(4)
    threads = [threading.Thread(target=_noting(failed, work), args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert tagged(store, "everybody") == list(range(1, 161))
    assert all(len(tagged(store, f"who:{who}")) == 40 for who in range(4))
    moments = [store.recorded_at(n) or 0 for n in range(1, 161)]
    assert moments == sorted(moments)


def test_one_thread_appends_at_a_time(store: Store) -> None:
    inside: list[int] = []
    most: list[int] = []

    def clock(last: int) -> int:
        inside.append(1)
        threading.Event().wait(0.002)
        most.append(len(inside))
        inside.pop()
        return tick(last)

    failed: list[BaseException] = []
    work = _noting(failed, lambda who: store.append([draft(f"{who}")], unless=(), after=0, clock=clock))
    threads = [threading.Thread(target=work, args=(who,)) for who in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert set(most) == {1}


def test_a_closed_store_says_so_and_closes_again_in_peace(store: Store) -> None:
    fill(store, 1_200, lambda n: ["x"])
    rest = store.scan(0, FAR)
    next(rest)
    store.close()
    store.close()
    for verb in verbs(store):
        with pytest.raises(UsageError, match="closed"):
            verb()
    with pytest.raises(UsageError, match="closed"):
        list(rest)


def verbs(store: Store) -> list[Callable[[], Any]]:
    """Every verb of a store but `close`."""
    return [
        store.head,
        lambda: put(store, draft("verb")),
        lambda: store.scan(0, FAR),
        lambda: store.tagged(["x"], after=0, until=FAR),
        lambda: store.by_id(["a"]),
        lambda: store.at_or_before(FAR),
        lambda: store.recorded_at(1),
        lambda: store.wait(0, 0),
    ]


def _noting(failed: list[BaseException], work: Callable[..., object]) -> Callable[..., None]:
    def run(*args: Any) -> None:
        try:
            work(*args)
        except BaseException as error:
            failed.append(error)

    return run


# -- any recorder behind the port ------------------------------------------------------------------------------------


class Recorder(InMemoryDCBRecorder):
    """Counts its reads, wants a limit on each, and lets others append first as often as it is told to."""

    def __init__(self, overtaken: int = 0) -> None:
        super().__init__()
        self.overtaken = overtaken
        self.reads = 0

    def read(
        self, query: DCBQuery | None = None, *, after: int | None = None, limit: int | None = None
    ) -> DCBReadResponse:
        assert limit is not None and limit <= 1_000
        self.reads += 1
        return super().read(query, after=after, limit=limit)

    def append(self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None = None) -> int:
        if self.overtaken:
            self.overtaken -= 1
            other = draft(f"other-{self.overtaken}")
            data = other.before + when.stamp(START + 50).encode() + other.after
            super().append([DCBEvent(other.type, data, [f"id:{other.id}", "claim:other"])])
        return super().append(events, condition)


def test_a_recorder_is_asked_again_when_others_came_first() -> None:
    recorder = Recorder(overtaken=3)
    store = PortStore(recorder, "recorder")
    assert put(store, draft("a")) == Appended(4, 4, START + 51)  # stamped after what came in between


def test_a_condition_is_looked_at_again_when_others_came_first() -> None:
    store = PortStore(Recorder(overtaken=1), "recorder")
    with pytest.raises(Overtaken, match="carries one of the tags"):
        put(store, draft("a"), unless=["claim:other"])


def test_a_recorder_that_is_always_overtaken_is_given_up() -> None:
    store = PortStore(Recorder(overtaken=1_000), "recorder")
    with pytest.raises(Overtaken, match="times in a row"):
        put(store, draft("a"))


def test_the_head_is_found_without_reading_the_log() -> None:
    recorder = Recorder()
    fill(PortStore(recorder, "writer"), 3_000)
    store = PortStore(recorder, "reader")
    recorder.reads = 0
    assert store.head().position == 3_000
    assert recorder.reads < 40
    store.head()
    assert recorder.reads < 42


def test_positions_with_gaps_are_no_trouble() -> None:
    recorder = Recorder()
    store = PortStore(recorder, "gaps")
    put(store, *(draft(f"e{n}", at=n * 10) for n in range(1, 6)))
    for event, position in zip(recorder.events, (3, 4, 90, 91, 4_000), strict=True):
        event.position = position
    store = PortStore(recorder, "gaps")
    assert store.head() == Head(4_000, 50)
    assert [store.at_or_before(at) for at in (5, 10, 29, 30, 45, 60)] == [0, 3, 4, 90, 91, 4_000]
    assert store.recorded_at(5) is None and store.recorded_at(90) == 30


def test_a_damaged_record_is_named() -> None:
    recorder = Recorder()
    recorder.append([DCBEvent("statement", b"[]", ["id:a"])])
    with pytest.raises(IntegrityError, match="position 1 is damaged"):
        PortStore(recorder, "damaged").head()


# -- SQLite as a recorder --------------------------------------------------------------------------------------------


@pytest.fixture(params=["file", "memory"])
def recorder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SQLiteRecorder]:
    store = open_sqlite(tmp_path / "claims.db" if request.param == "file" else ":memory:")
    yield SQLiteRecorder(store)
    store.close()


def test_the_library_finds_its_append_and_read(recorder: SQLiteRecorder) -> None:
    DCBRecorderTestCase()._test_append_read(recorder)


def test_the_library_finds_its_append_and_subscribe(recorder: SQLiteRecorder) -> None:
    DCBRecorderTestCase()._test_append_subscribe(recorder)


def test_an_event_gets_its_tags_back_in_their_order(recorder: SQLiteRecorder) -> None:
    given = [["b", "a", "c"], ["z", "id:one", "a"], [], ["a", "a"], ["id:"]]
    recorder.append([DCBEvent("t", b"{}", tags) for tags in given])
    assert [each.event.tags for each in recorder.read()] == given
    assert [each.position for each in recorder.read(DCBQuery([DCBQueryItem(tags=["a", "id:one"])]))] == [2]
    assert recorder.store._ask("SELECT count(*) FROM event_tag WHERE tag_id = 0") == [(0,)]  # an id is no indexed tag


def test_a_record_of_the_store_carries_its_id_as_a_tag(recorder: SQLiteRecorder) -> None:
    put(recorder.store, draft("e1", "claim:b", "claim:a"))
    (event,) = recorder.read(DCBQuery([DCBQueryItem(types=["statement"], tags=["id:e1"])]))
    assert event.event.tags == ["id:e1", "claim:b", "claim:a"]
    assert recorder.store.by_id(["e1"]) == {"e1": (1, event.event.data)}


def test_an_id_belongs_to_one_event_and_an_event_has_one_id(recorder: SQLiteRecorder) -> None:
    recorder.append([DCBEvent("t", b"{}", ["id:one"])])
    with pytest.raises(ConditionFailed):
        recorder.append([DCBEvent("t", b"{}", ["id:two"]), DCBEvent("t", b"{}", ["id:one"])])
    with pytest.raises(ProgrammingError, match="one id"):
        recorder.append([DCBEvent("t", b"{}", ["id:three", "id:four"])])
    assert recorder.read().head == 1
    assert list(recorder.read(DCBQuery([DCBQueryItem(tags=["id:one", "id:two"])]))) == []


def test_hundreds_of_items_are_one_query(recorder: SQLiteRecorder) -> None:
    recorder.append([DCBEvent(f"t{n % 7}", b"{}", [f"n:{n}", f"id:{n}"]) for n in range(1_200)])
    items = [DCBQueryItem(tags=[f"n:{n}"]) for n in range(0, 1_200, 3)]
    items += [DCBQueryItem(types=["t1"]), DCBQueryItem(types=["t2", "t3"], tags=["n:2", "id:2"])]
    expected = [n + 1 for n in range(1_200) if n % 3 == 0 or n % 7 == 1 or n == 2]
    assert [each.position for each in recorder.read(DCBQuery(items))] == expected
    assert [each.position for each in recorder.read(DCBQuery(items), after=50, limit=20)] == [
        position for position in expected if position > 50
    ][:20]
    with pytest.raises(ConditionFailed):
        recorder.append([DCBEvent("t", b"")], DCBAppendCondition(DCBQuery(items), after=1_190))
    recorder.append([DCBEvent("t", b"")], DCBAppendCondition(DCBQuery(items), after=1_200))


def test_a_read_without_a_limit_ends_where_the_log_ended(recorder: SQLiteRecorder) -> None:
    recorder.append([DCBEvent("t", b"{}") for _ in range(1_000)])
    reading = recorder.read()
    recorder.append([DCBEvent("t", b"{}")])
    assert len(list(reading)) == reading.head == 1_000


def test_a_subscription_passes_what_does_not_match_and_ends_when_stopped(recorder: SQLiteRecorder) -> None:
    recorder.append([DCBEvent("t", b"{}", ["a" if n % 2 else "b"]) for n in range(2_400)])
    seen: list[DCBSequencedEvent] = []
    with recorder.subscribe(DCBQuery([DCBQueryItem(tags=["b"])]), after=1) as subscription:
        follower = threading.Thread(target=lambda: seen.extend(subscription))
        follower.start()
        recorder.append([DCBEvent("t", b"{}", ["a"]), DCBEvent("t", b"{}", ["b"])])
        while not seen or seen[-1].position < 2_402:
            threading.Event().wait(0.001)
    follower.join()
    assert [each.position for each in seen] == [*range(3, 2_400, 2), 2_402]


# -- what is opened and what is refused ------------------------------------------------------------------------------


def snapshot(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(directory.iterdir()) if path.is_file()}


def sqlite_with(path: Path, *statements: str) -> None:
    with_closing = apsw.Connection(str(path))
    for statement in statements:
        with_closing.execute(statement)
    with_closing.close()


def foreign_files(directory: Path) -> dict[str, str]:
    (directory / "text.txt").write_text("Dear diary,\n" * 20)
    (directory / "short").write_bytes(b"SQLite")
    sqlite_with(directory / "other.db", "CREATE TABLE mine (a)")
    sqlite_with(directory / "wal.db", "PRAGMA journal_mode = wal", "CREATE TABLE mine (a)")
    sqlite_with(directory / "empty.db", "PRAGMA journal_mode = wal")
    sqlite_with(directory / "newer.db", sqlite_file._SCHEMA, "PRAGMA user_version = 2")
    sqlite_with(directory / "versionless.db", sqlite_file._SCHEMA, "PRAGMA user_version = 0")
    return {
        "text.txt": "no SQLite file",
        "short": "no SQLite file",
        "other.db": "another program",
        "wal.db": "another program",
        "empty.db": "another program",
        "newer.db": "later version.*upgrade",
        "versionless.db": "damaged",
    }


@pytest.mark.parametrize("how", [{}, {"create": False}, {"read_only": True}], ids=["write", "existing", "read"])
def test_what_is_no_ledger_is_refused_and_left_byte_for_byte(tmp_path: Path, how: dict[str, bool]) -> None:
    refusals = foreign_files(tmp_path)
    before = snapshot(tmp_path)
    for name, why in refusals.items():
        with pytest.raises(IntegrityError, match=why) as caught:
            open_sqlite(tmp_path / name, **how)
        assert name in str(caught.value)
        assert isinstance(caught.value, NewerVersion) == (name == "newer.db")
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("read_only", [False, True])
def test_a_newer_version_that_stands_in_the_log_alone_is_refused_too(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "claims.db"
    open_sqlite(path).close()
    run_and_kill(f"""
        connection = apsw.Connection({str(path)!r})
        connection.execute("PRAGMA user_version = 2")
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    before = snapshot(tmp_path)
    with pytest.raises(NewerVersion):
        open_sqlite(path, read_only=read_only)
    after = snapshot(tmp_path)
    assert after["claims.db"] == before["claims.db"] and after["claims.db-wal"] == before["claims.db-wal"]


@pytest.mark.parametrize("how", [{"create": False}, {"read_only": True}], ids=["existing", "read"])
def test_reading_never_creates_a_ledger(tmp_path: Path, how: dict[str, bool]) -> None:
    (tmp_path / "empty.db").touch()
    for name in ("missing.db", "empty.db"):
        with pytest.raises(NotFound, match=f"{name}.*claims init"):
            open_sqlite(tmp_path / name, **how)
    with pytest.raises(NotFound):
        open_sqlite(":memory:", **how)
    assert snapshot(tmp_path) == {"empty.db": b""}


def test_an_empty_file_becomes_a_ledger(tmp_path: Path) -> None:
    (tmp_path / "claims.db").touch()
    store = open_sqlite(tmp_path / "claims.db")
    put(store, draft("a"))
    store.close()
    assert reopened(tmp_path / "claims.db") == ["a"]


def test_a_log_without_its_ledger_is_not_thrown_away(tmp_path: Path) -> None:
    (tmp_path / "claims.db-wal").write_bytes(b"records")
    for how in ({}, {"read_only": True}):
        with pytest.raises(IntegrityError, match=r"claims\.db-wal still holds records"):
            open_sqlite(tmp_path / "claims.db", **how)
    assert snapshot(tmp_path) == {"claims.db-wal": b"records"}


def test_what_is_no_file_is_refused_with_a_reason(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "file").write_text("")
    for name, why in {
        ".": "is a directory",
        "fifo": "no regular file",
        "no/such/claims.db": "no directory",
        "file/claims.db": "cannot be opened",
        "x" * 300: "cannot be opened",
        "nul\0": "NUL",
    }.items():
        with pytest.raises(LedgerError, match=why):
            open_sqlite(f"{tmp_path}/{name}")
    with pytest.raises(LedgerError, match="is a directory"):
        open_sqlite("")


@pytest.mark.parametrize("name", ["a b.db", "x.db?mode=memory", "50%41#.db", "file:x.db", "naïve-名前.db", "q'\".db"])
def test_a_path_is_taken_literally(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_sqlite(name)
    monkeypatch.chdir("/")  # reading connections are opened later
    put(store, draft("a"))
    assert tagged(store, "none") == [] and store.head().position == 1
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert reopened(tmp_path / name) == ["a"]


def test_a_link_leads_to_the_one_ledger(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "claims.db")
    first, second = open_sqlite(tmp_path / "link.db"), open_sqlite(tmp_path / "real" / "claims.db")
    put(first, draft("a"))
    assert second.head().position == 1
    first.close()
    second.close()
    assert [path.name for path in (tmp_path / "real").iterdir()] == ["claims.db"]
    (tmp_path / "real" / "claims.db").rename(tmp_path / "real" / "claims.db-wal")
    with pytest.raises(IntegrityError, match="still holds records"):
        open_sqlite(tmp_path / "link.db")


def test_a_damaged_file_is_called_damaged(tmp_path: Path) -> None:
    path = tmp_path / "claims.db"
    store = open_sqlite(path)
    fill(store, 500, size=200)
    store.close()
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"damaged.*backup"):
        list(open_sqlite(path, read_only=True).scan(0, FAR))


def reopened(path: Path) -> list[str]:
    store = open_sqlite(path, read_only=True)
    try:
        return [json.loads(data)["id"] for _, data in store.scan(0, FAR)]
    finally:
        store.close()


# -- one file --------------------------------------------------------------------------------------------------------


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "claims.db"


@pytest.fixture
def file_store(path: Path) -> Iterator[SQLiteStore]:
    store = open_sqlite(path)
    yield store
    store.close()


def test_events_can_be_neither_changed_nor_deleted_nor_replaced(file_store: SQLiteStore, path: Path) -> None:
    put(file_store, draft("a", "x"), draft("b"))
    before = list(file_store.scan(0, FAR))
    columns = "'t', 0, x'', x'00'"
    with_any_tool = apsw.Connection(str(path))
    for statement, why in {
        "UPDATE event SET data = x'00' WHERE position = 1": "never changed",
        "UPDATE OR REPLACE event SET position = 2 WHERE position = 1": "never changed",
        "DELETE FROM event WHERE position = 2": "never deleted",
        "DELETE FROM event": "never deleted",
        f"INSERT OR REPLACE INTO event VALUES (1, 'new', {columns})": "never replaced",
        f"INSERT OR REPLACE INTO event VALUES (3, 'a', {columns})": "never replaced",
        f"REPLACE INTO event VALUES (2, 'b', {columns})": "never replaced",
        f"INSERT OR IGNORE INTO event VALUES (9, 'gap', {columns})": "never replaced",
        f"INSERT INTO event VALUES (NULL, 'late', {columns})": "never replaced",
        f"INSERT INTO event VALUES (1, 'x', {columns}) ON CONFLICT DO UPDATE SET data = x''": "never replaced",
        "INSERT INTO event VALUES (3, 'c', 't', 'text', x'', x'')": "cannot store TEXT",
    }.items():
        with pytest.raises(apsw.ConstraintError, match=why):
            with_any_tool.execute(statement)
    with_any_tool.close()
    assert list(file_store.scan(0, FAR)) == before
    assert put(file_store, draft("c"), after=2).first == 3


def test_the_file_is_marked_and_durable_by_its_settings(file_store: SQLiteStore, path: Path) -> None:
    writer = file_store._connections._writer
    assert writer is not None
    assert (writer.pragma("journal_mode"), writer.pragma("synchronous")) == ("wal", 2)
    put(file_store, draft("a"))
    assert sqlite_file._header(str(path))[68:72] == b"CLLG"
    assert writer.pragma("integrity_check") == "ok"


def test_a_rolled_back_append_gives_no_number_to_a_tag(file_store: SQLiteStore) -> None:
    put(file_store, draft("a", "known"))
    with pytest.raises(Overtaken):
        put(file_store, draft("b", "lost"), draft("a"), after=1)  # fails after "lost" has its number
    other = open_sqlite(file_store.name)
    put(other, draft("c", "other's"), after=1)  # and gets the number that "lost" had
    other.close()
    put(file_store, draft("d", "lost"), after=2)
    assert tagged(file_store, "lost") == [3]
    assert tagged(file_store, "other's") == [2]


def test_an_append_just_before_the_waiting_begins_is_not_slept_through(
    file_store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def head_then_append() -> Head:
        found = head()
        if found.position == 0:
            put(file_store, draft("a"))
        return found

    head = file_store.head
    monkeypatch.setattr(file_store, "head", head_then_append)
    monkeypatch.setattr(file_store._news, "wait", lambda timeout_s: pytest.fail("it went to sleep"))
    assert file_store.wait(0, 60)


@pytest.mark.parametrize("where", ["file", "memory"])
def test_nobody_reads_what_is_not_committed(path: Path, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_sqlite(path if where == "file" else ":memory:")
    seen: list[int] = []
    reader = threading.Thread(target=lambda: seen.append(store.head().position))

    def insert_then_fail(*args: Any) -> int:
        insert(*args)
        reader.start()
        reader.join(0.1)
        raise ZeroDivisionError

    insert = sqlite._insert
    monkeypatch.setattr(sqlite, "_insert", insert_then_fail)
    with pytest.raises(ZeroDivisionError):
        put(store, draft("a"))
    reader.join()
    assert seen == [0]
    store.close()


def test_the_cache_of_tag_numbers_is_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_reads, "_NAMES_KEPT", 50)
    store = open_sqlite(path)
    for start in range(0, 300, 30):
        put(store, *(draft(f"e{n}", f"tag:{n}", f"tag:{n // 2}") for n in range(start, start + 30)), after=start)
    assert len(store._names.known) <= 50
    assert all(tagged(store, f"tag:{n}") for n in range(300)) and len(store._names.known) <= 50
    assert tagged(store, *(f"tag:{n}" for n in range(300))) == list(range(1, 301))
    store.close()


def test_nothing_is_looked_up_where_nothing_can_have_come_in_between(file_store: SQLiteStore) -> None:
    put(file_store, draft("a", "x"))
    asked: list[str] = []
    writer = file_store._connections._writer
    assert writer is not None

    def trace(cursor: apsw.Cursor, sql: str, bindings: object) -> bool:
        asked.append(sql)
        return True

    writer.set_exec_trace(trace)
    put(file_store, draft("b", "x"), unless=["x", "id:a"], after=1)
    assert [sql for sql in asked if "SELECT 1" in sql or "event_tag AS" in sql] == []
    with pytest.raises(Overtaken):
        put(file_store, draft("c"), unless=["y", "x", "id:zz"], after=1)
    assert [sql for sql in asked if "SELECT 1" in sql] != []


def test_the_head_is_read_again_only_where_somebody_else_has_written(file_store: SQLiteStore, path: Path) -> None:
    put(file_store, draft("a", "x"))
    read: list[str] = []
    writer = file_store._connections._writer
    assert writer is not None

    def trace(cursor: apsw.Cursor, sql: str, bindings: object) -> bool:
        if "max(tag_id)" in sql:
            read.append(sql)
        return True

    writer.set_exec_trace(trace)
    assert put(file_store, draft("b", "x", "y"), after=1).first == 2
    with pytest.raises(Overtaken):
        put(file_store, draft("a", "z"), after=2)
    assert put(file_store, draft("c", "y", "z"), after=2).first == 3
    assert read == []
    other = sqlite.open_sqlite(path)
    assert put(other, draft("d", "w"), after=3).first == 4
    assert put(file_store, draft("e", "w", "v"), after=4).first == 5
    assert len(read) == 1
    assert put(other, draft("f", "v"), after=5).first == 6
    other.close()
    assert {tag: tagged(file_store, tag) for tag in "vwxyz"} == {
        "v": [5, 6],
        "w": [4, 5],
        "x": [1, 2],
        "y": [2, 3],
        "z": [3],
    }


def test_who_is_about_to_append_reads_by_the_connection_that_writes(file_store: SQLiteStore, path: Path) -> None:
    put(file_store, draft("a", "x"))
    other = open_sqlite(path)
    put(other, draft("b", "x"), after=1)
    other.close()
    writer = file_store._connections._writer
    assert writer is not None
    asked: list[str] = []
    writer.set_exec_trace(lambda cursor, sql, bindings: not asked.append(sql))
    assert tagged(file_store, "x") == [1, 2] and asked == []
    assert positions(file_store.to_append.tagged(["x"], after=0, until=FAR)) == [1, 2] and asked != []


def test_a_ledger_that_is_only_read_finds_what_an_append_would_ask(file_store: SQLiteStore, path: Path) -> None:
    put(file_store, draft("a", "x"))
    reader = open_sqlite(path, read_only=True)
    assert positions(reader.to_append.tagged(["x"], after=0, until=FAR)) == [1]
    reader.close()


def test_the_clock_is_asked_once_and_under_the_lock(file_store: SQLiteStore, path: Path) -> None:
    heard: list[int] = []

    def clock(last: int) -> int:
        heard.append(last)
        other = apsw.Connection(str(path))
        with pytest.raises(apsw.BusyError):
            other.execute("BEGIN IMMEDIATE")
        other.close()
        return START

    file_store.append([draft("a"), draft("b")], unless=(), after=0, clock=clock)
    assert heard == [0]


def test_memory_stays_small_however_hot_a_tag(file_store: SQLiteStore) -> None:
    fill(file_store, 6_000, lambda n: ["hot", f"also:{n % 3}", f"n:{n}"], size=2_000)
    some = ["hot", "also:1", *(f"n:{n}" for n in range(30))]
    for tags in (None, ["hot"], ["hot", "also:1"], some):
        tracemalloc.start()
        records = file_store.tagged(tags, after=0, until=FAR) if tags else file_store.scan(0, FAR)
        assert sum(1 for _ in records) == 6_000
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 6_000_000  # of 12 MB


def test_tags_that_hit_more_than_memory_may_hold_are_read_in_stretches(
    file_store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_reads, "_HITS", 10)
    fill(file_store, 1_500, lambda n: [f"a:{n % 2}", *(f"b:{k}" for k in range(n % 40))])  # up to 40 hits a record
    tags = ["a:1", *(f"b:{k}" for k in range(40))]
    assert tagged(file_store, *tags) == [n for n in range(1, 1_501) if n % 2 or n % 40]
    assert tagged(file_store, *tags, after=700, until=705) == [701, 702, 703, 704, 705]


def test_a_reader_who_thinks_for_long_keeps_no_snapshot(file_store: SQLiteStore, path: Path) -> None:
    fill(file_store, 2_500, lambda n: ["hot", "warm"])
    thinking = [file_store.scan(0, FAR), file_store.tagged(["hot"], after=0, until=FAR)]
    thinking += [file_store.tagged(["hot", "warm"], after=0, until=FAR)]
    for records in thinking:
        next(records)
    put(file_store, draft("new"), after=2_500)
    other = apsw.Connection(str(path))
    ((busy, *_),) = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert not busy  # as it would be if anybody still held a snapshot
    other.close()
    assert [len(list(records)) for records in thinking] == [2_500, 2_499, 2_499]


def test_threads_that_end_leave_no_connections_behind(file_store: SQLiteStore) -> None:
    put(file_store, draft("a"))
    for _ in range(30):
        thread = threading.Thread(target=file_store.head)
        thread.start()
        thread.join()
    assert len(file_store._connections._idle) == 1


def test_the_last_to_close_leaves_a_single_file(path: Path) -> None:
    first, second, reader = open_sqlite(path), open_sqlite(path), open_sqlite(path, read_only=True)
    put(first, draft("a"))
    put(second, draft("b"), after=1)
    assert [store.head().position for store in (first, second, reader)] == [2, 2, 2]
    for store in (first, second, reader):
        assert (path.parent / "claims.db-wal").exists()
        store.close()
    assert snapshot(path.parent).keys() == {"claims.db"}
    assert reopened(path) == ["a", "b"]
    assert snapshot(path.parent).keys() == {"claims.db"}


def test_opening_a_ledger_twice_keeps_the_first_ones_locks(file_store: SQLiteStore, path: Path) -> None:
    # Another process takes a file that nobody holds for abandoned, and sweeps its log away.
    script = """
        import fcntl
        with open(sys.argv[1], "rb+") as file:
            try:
                fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)
                print("free")
            except OSError:
                print("held")
    """
    put(file_store, draft("a"))
    assert run(script, path) == "held\n"
    open_sqlite(path).close()
    open_sqlite(path, read_only=True).close()
    assert run(script, path) == "held\n"


def test_a_fork_is_refused_in_the_child(file_store: SQLiteStore) -> None:
    fill(file_store, 1_200, lambda n: ["x"])
    records = file_store.scan(0, 1_200)
    next(records)
    child = os.fork()
    if child == 0:
        wrong = 100
        try:
            wrong = len([verb for verb in [*verbs(file_store), lambda: list(records)] if not _refuses(verb)])
            file_store.close()  # which leaves the parent's connections alone
            wrong += file_store._connections.closed
        finally:
            os._exit(wrong)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert put(file_store, draft("after"), after=1_200).first == 1_201
    assert len(list(records)) == 1_199


def _refuses(verb: Callable[[], Any]) -> bool:
    try:
        verb()
    except UsageError as error:
        return "fork" in str(error)
    return False


def test_a_lock_that_is_never_released_ends_in_an_error(
    file_store: SQLiteStore, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_file, "_PATIENCE_S", 0.05)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerError, match="locked by another process"):
        put(file_store, draft("a"))
    other.execute("ROLLBACK")
    other.close()
    assert put(file_store, draft("a")).first == 1


def test_an_append_that_sqlite_itself_rolled_back_is_over(file_store: SQLiteStore, path: Path) -> None:
    put(file_store, draft("a"))
    sqlite_with(path, "CREATE TRIGGER t BEFORE INSERT ON event WHEN NEW.id = 'b' BEGIN SELECT RAISE(ROLLBACK, ''); END")
    with pytest.raises(Overtaken):
        put(file_store, draft("b"), after=1)
    assert put(file_store, draft("c"), after=1).first == 2


def test_closing_does_not_wait_for_who_reads(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_sqlite(path)
    put(store, draft("a"))

    def fetched_late(*args: Any, **kwargs: Any) -> list[Any]:
        rows = original(*args, **kwargs)
        store.close()
        return rows

    original = sqlite_file.fetched
    monkeypatch.setattr(sqlite_file, "fetched", fetched_late)
    assert store.head().position == 1
    assert snapshot(path.parent).keys() == {"claims.db"}


def test_a_full_disk_is_said_and_loses_nothing(file_store: SQLiteStore) -> None:
    fill(file_store, 10, size=1_000)
    writer = file_store._connections._writer
    assert writer is not None
    writer.pragma("max_page_count", writer.pragma("page_count") + 2)
    with pytest.raises(LedgerError, match="is full, nothing was written"):
        put(file_store, *(draft(f"big{n}", f"big:{n}", size=9_000) for n in range(20)), after=10)
    assert file_store.head().position == 10
    writer.pragma("max_page_count", 1_000_000)
    assert put(file_store, draft("big1", "big:2"), after=10).first == 11
    assert tagged(file_store, "big:2") == [11] and tagged(file_store, "big:1") == []


# -- reading only ----------------------------------------------------------------------------------------------------


def test_a_ledger_opened_for_reading_cannot_be_appended_to(file_store: SQLiteStore, path: Path) -> None:
    put(file_store, draft("a", "x"))
    reader = open_sqlite(path, read_only=True)
    with pytest.raises(UsageError, match="for reading only"):
        put(reader, draft("b"))
    put(file_store, draft("b", "x"), after=1)
    assert tagged(reader, "x") == [1, 2]
    (connection,) = reader._connections._idle
    with pytest.raises(apsw.ReadOnlyError):
        connection.execute("DELETE FROM tag")
    reader.close()


@contextmanager
def frozen(directory: Path) -> Iterator[None]:
    """Makes a directory and its files unwritable, even for root where that can be done."""
    if os.geteuid() != 0:
        paths = [directory, *directory.iterdir()]
        for each in paths:
            each.chmod(each.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        yield
        for each in paths:
            each.chmod(each.stat().st_mode | stat.S_IWUSR)
        return
    target = str(directory)
    if subprocess.run(["mount", "--bind", target, target], capture_output=True).returncode:
        pytest.skip("root may write everywhere, and may not mount here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", target], check=True)
        yield
    finally:
        subprocess.run(["umount", target], check=True)


def test_a_ledger_on_read_only_media_can_be_read_and_not_written(tmp_path: Path) -> None:
    media = tmp_path / "media #1"
    media.mkdir()
    store = open_sqlite(media / "claims.db")
    fill(store, 1_500, lambda n: ["x"])
    store.close()
    with frozen(media):
        reader = open_sqlite(media / "claims.db", read_only=True)
        assert len(tagged(reader, "x")) == 1_500
        reader.close()
        with pytest.raises(LedgerError, match=r"read-only|may read and write"):
            open_sqlite(media / "claims.db")
        with pytest.raises(LedgerError, match="read and write"):
            open_sqlite(media / "new.db")


def test_a_log_on_read_only_media_is_not_passed_over(tmp_path: Path) -> None:
    media = tmp_path / "media"
    media.mkdir()
    run_and_kill(f"""
        store = open_sqlite({str(media / "claims.db")!r})
        store.append([Draft("a", "t", b"", b"", ())], unless=(), after=0, clock=lambda last: 1)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    (media / "claims.db-shm").unlink()
    with frozen(media), pytest.raises(LedgerError, match=r"last records are in .*claims\.db-wal"):
        open_sqlite(media / "claims.db", read_only=True)
    reader = open_sqlite(media / "claims.db", read_only=True)
    assert reader.head().position == 1
    reader.close()


# -- several processes -----------------------------------------------------------------------------------------------

_PRELUDE = """
import os, random, signal, sys, time
import apsw
from ledger.store import Draft, sqlite_file
from ledger.store.sqlite import open_sqlite
def now(last): return max(last, time.time_ns() // 1000)
def draft(id_, *tags): return Draft(id_, "t", b'{"id":"' + id_.encode() + b'","recorded_at":"', b'"}', tags)
"""


def spawn(script: str, *args: object) -> subprocess.Popen[str]:
    lines = script.strip("\n").splitlines()
    indent = len(lines[0]) - len(lines[0].lstrip())
    code = _PRELUDE + "\n".join(line[indent:] for line in lines)
    root = str(Path(ledger.store.__file__).parents[2])
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, args)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": root},
    )


def run(script: str, *args: object) -> str:
    process = spawn(script, *args)
    out, _ = process.communicate()
    assert process.returncode == 0
    return out


def run_and_kill(script: str) -> None:
    process = spawn(script)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def together(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    """Lets processes go at the same moment, once each has said that it is ready, and gives what they said after."""
    for process in processes:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * len(processes)
    return said


def test_processes_that_create_the_same_ledger_all_succeed(tmp_path: Path) -> None:
    script = """
        print("ready", flush=True)
        sys.stdin.readline()
        for n in range(12):
            store = open_sqlite(f"{sys.argv[1]}/{n}.db")
            store.append([draft(sys.argv[2])], unless=(), after=0, clock=now)
            store.close()
    """
    together([spawn(script, tmp_path, who) for who in range(3)])
    assert all(sorted(reopened(tmp_path / f"{n}.db")) == ["0", "1", "2"] for n in range(12))
    assert {path.name for path in tmp_path.iterdir()} == {f"{n}.db" for n in range(12)}


def test_processes_append_side_by_side_and_none_starves(path: Path) -> None:
    script = """
        store = open_sqlite(sys.argv[1])
        print("ready", flush=True)
        sys.stdin.readline()
        for n in range(300):
            store.append([draft(f"{sys.argv[2]}:{n}", f"n:{n}")], unless=[f"id:{sys.argv[2]}:{n}"], after=0, clock=now)
        store.close()
    """
    together([spawn(script, path, who) for who in range(3)])
    store = open_sqlite(path)
    who_appended = [json.loads(data)["id"].split(":")[0] for _, data in store.scan(0, FAR)]
    assert Counter(who_appended) == {"0": 300, "1": 300, "2": 300}
    assert positions(store.scan(0, FAR)) == list(range(1, 901))
    assert all(len(tagged(store, f"n:{n}")) == 3 for n in range(300))
    moments = [store.recorded_at(n) or 0 for n in range(1, 901)]
    assert moments == sorted(moments)
    # When the first is done, the others have not just been waiting.
    done = min(len(who_appended) - 1 - who_appended[::-1].index(who) for who in "012")
    assert min(Counter(who_appended[: done + 1])[who] for who in "012") >= 15
    store.close()


def test_tags_of_another_process_are_found(file_store: SQLiteStore, path: Path) -> None:
    assert tagged(file_store, "theirs") == []
    run(f"open_sqlite({str(path)!r}).append([draft('a', 'theirs')], unless=(), after=0, clock=now)")
    put(file_store, draft("b", "ours", "theirs"), after=1)
    assert tagged(file_store, "theirs") == [1, 2] and tagged(file_store, "ours") == [2]


def test_an_append_in_another_process_ends_the_waiting(file_store: SQLiteStore, path: Path) -> None:
    process = spawn(f"open_sqlite({str(path)!r}).append([draft('a')], unless=(), after=0, clock=now)")
    assert file_store.wait(0, 60)
    process.communicate()


def test_what_was_acknowledged_before_a_kill_is_there_and_the_rest_is_whole_or_absent(path: Path) -> None:
    script = """
        store = open_sqlite(sys.argv[1])
        for n in range(100000):
            batch = [draft(f"{sys.argv[2]}:{n}:{k}", f"batch:{sys.argv[2]}:{n}", f"new:{n}") for k in range(7)]
            store.append(batch, unless=(), after=0, clock=now)
            print(n, flush=True)
    """
    acknowledged: set[str] = set()
    for turn in range(5):
        process = spawn(script, path, turn)
        assert process.stdout is not None
        for _ in range(1 + 11 * turn):
            acknowledged.add(f"{turn}:{process.stdout.readline().strip()}")
        process.kill()
        said, _ = process.communicate()
        acknowledged |= {f"{turn}:{line.strip()}" for line in said.splitlines(keepends=True) if line.endswith("\n")}
        store = open_sqlite(path)
        ids = [json.loads(data)["id"] for _, data in store.scan(0, FAR)]
        batches = Counter(id_.rpartition(":")[0] for id_ in ids)
        assert positions(store.scan(0, FAR)) == list(range(1, len(ids) + 1))
        assert set(batches.values()) == {7} and acknowledged <= batches.keys()
        assert all(len(tagged(store, f"batch:{batch}")) == 7 for batch in batches)
        writer = store._connections._writer
        assert writer is not None and writer.pragma("integrity_check") == "ok"
        store.close()


@pytest.mark.parametrize("whole", [False, True])
def test_a_creation_cut_off_halfway_is_no_ledger_and_can_be_made_one(path: Path, whole: bool) -> None:
    run_and_kill(f"""
        connection = apsw.Connection({str(path)!r})
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(sqlite_file._SCHEMA)
        connection.cache_flush()
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    journal = path.parent / "claims.db-journal"
    assert path.stat().st_size > 0
    assert journal.stat().st_size > 0
    if whole:  # all pages are written, and yet the journal says that there were none
        sqlite_with(path.parent / "other", sqlite_file._SCHEMA)
        (path.parent / "other").rename(path)
    halfway = snapshot(path.parent)
    for how in ({"read_only": True}, {"create": False}):
        for name, content in halfway.items():
            (path.parent / name).write_bytes(content)
        with pytest.raises(NotFound, match="claims init"):
            open_sqlite(path, **how)
    for name, content in halfway.items():
        (path.parent / name).write_bytes(content)
    store = open_sqlite(path)
    assert put(store, draft("a")).first == 1
    store.close()
    assert snapshot(path.parent).keys() == {"claims.db"}


def test_a_creation_cut_off_before_its_log_is_a_ledger(path: Path) -> None:
    sqlite_with(path, f"BEGIN; {sqlite_file._SCHEMA} COMMIT")
    assert reopened(path) == []
    store = open_sqlite(path)
    put(store, draft("a"))
    writer = store._connections._writer
    assert writer is not None and writer.pragma("journal_mode") == "wal"
    store.close()


def test_creations_killed_at_any_moment_leave_nothing_that_cannot_be_opened(tmp_path: Path) -> None:
    script = """
        for n in range(100000):
            open_sqlite(f"{sys.argv[1]}/{n}.db")
            print(n, flush=True)
    """
    for turn in range(3):
        (tmp_path / str(turn)).mkdir()
        process = spawn(script, tmp_path / str(turn))
        assert process.stdout is not None
        for _ in range(3 + 2 * turn):
            process.stdout.readline()
        process.kill()
        process.communicate()
        for path in sorted((tmp_path / str(turn)).glob("*.db")):
            store = open_sqlite(path)
            assert put(store, draft("a")).first == 1
            store.close()
            assert not path.with_name(path.name + "-wal").exists()
