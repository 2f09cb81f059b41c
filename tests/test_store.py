"""Does every store keep the promises of its port? The same tests run over each."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.dcb.popo import InMemoryDCBRecorder
from stores import FAR, START, draft, fill, positions, put, tagged, tick, verbs

from ledger import when
from ledger.errors import UsageError
from ledger.store import Appended, Draft, Head, Overtaken, Store, port, sqlite
from ledger.store.port import PortStore, SQLiteRecorder
from ledger.store.sqlite import open_sqlite


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


def test_types_narrow_a_scan_of_any_length(store: Store) -> None:
    kinds = ("statement", "denial", "assessment")
    drafts = [draft(f"e{n}", type_=kinds[n % 3] if n < 2_500 else "denial") for n in range(2_600)]
    for start in range(0, len(drafts), 1_000):
        put(store, *drafts[start : start + 1_000], after=start)
    wanted = [n + 1 for n in range(2_600) if n >= 2_500 or n % 3 == 1]
    assert [position for position, _ in store.scan(0, FAR, types=["denial"])] == wanted
    assert [position for position, _ in store.scan(5, 20, types=["denial", "statement"])] == [
        n + 1 for n in range(5, 20) if n % 3 < 2
    ]
    assert list(store.scan(0, FAR, types=["nothing"])) == []


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


def _noting(failed: list[BaseException], work: Callable[..., object]) -> Callable[..., None]:
    def run(*args: Any) -> None:
        try:
            work(*args)
        except BaseException as error:
            failed.append(error)

    return run
