"""Does one thread write what many bring, in few commits, and never answer before it is durable?"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
from batches import begun, commits, opened, told
from ledgers import T0, entry, registers, states
from scripts import side_by_side, started

from ledger import (
    Busy,
    ClaimRegistered,
    Conflict,
    GroupCommit,
    InvalidEvent,
    Ledger,
    LedgerError,
    NotFound,
    Receipt,
    UsageError,
)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with begun() as one:
        yield one


@pytest.fixture
def group(ledger: Ledger) -> Iterator[GroupCommit]:
    with GroupCommit(ledger, waiting=20) as one:
        yield one


@contextmanager
def held(ledger: Ledger, then: Callable[..., Any] | None = None) -> Iterator[Callable[[], None]]:
    """The disk takes as long as it is held; gives what waits until the first commit is at it.

    `then` stands in for the store's `append` in the commits after that.
    """
    store, reached, free = ledger._store, threading.Event(), threading.Event()
    append = store.append

    def slow(drafts: Any, **options: Any) -> Any:
        reached.set()
        assert free.wait(60)
        return append(drafts, **options)

    store.append = slow  # type: ignore[method-assign]
    try:
        yield lambda: assert_set(reached)
    finally:
        store.append = then or append  # type: ignore[method-assign]
        free.set()


def assert_set(event: threading.Event) -> None:
    assert event.wait(60)


# -- one thread writes what many bring -------------------------------------------------------------------------------


def test_what_is_brought_is_answered_as_the_ledger_would(ledger: Ledger, group: GroupCommit) -> None:
    assert told(group.append([states("x"), entry("a", states("x"))])) == [(3, T0, False), (4, T0, False)]
    assert told(group.append([entry("a", states("x"))])) == [(4, T0, True)]
    assert told(group.append([states("y")], register=True)) == [(6, T0, False)]
    with pytest.raises(Conflict) as caught:
        group.append([states("x")], expected=2)
    assert caught.value.positions == (3, 4)
    with pytest.raises(NotFound):
        group.append([states("nowhere")])
    assert ledger.head == 6


def test_what_is_no_event_is_told_before_it_waits(ledger: Ledger, group: GroupCommit) -> None:
    with held(ledger) as reached:
        first = group.submit([states("x")])
        reached()
        with pytest.raises(InvalidEvent):
            group.submit([states("A b")])
        with pytest.raises(UsageError, match="1 to 1,000 events"):
            group.submit([])
        assert not first.done()
    assert first.result(60)[0].position == 3


def test_who_comes_while_a_commit_runs_shares_the_next(ledger: Ledger, group: GroupCommit) -> None:
    with commits(ledger) as sizes:
        with held(ledger) as reached:
            futures = [group.submit([states("x")])]
            reached()
            futures += [group.submit([states("nowhere" if n == 4 else "x", note=str(n))]) for n in range(9)]
            assert not any(future.done() for future in futures)
            assert group.counts.waiting == 9
        answers = [future.exception(60) or future.result() for future in futures]
    assert [type(answer) for answer in answers].count(NotFound) == 1
    assert [told(a)[0][0] for a in answers if isinstance(a, list)] == list(range(3, 12))
    assert sizes == [1, 8]
    counts = group.counts
    assert (counts.waiting, counts.groups, counts.batches, counts.events) == (0, 2, 10, 10)
    assert counts.group_size == 5.0


def test_a_transaction_has_no_more_events_than_the_largest_batch(ledger: Ledger, group: GroupCommit) -> None:
    with commits(ledger) as sizes:
        with held(ledger) as reached:
            futures = [group.submit([states("x")])]
            reached()
            futures += [group.submit([states("x")] * events) for events in (400, 600, 1_000, 700, 301)]
        assert [future.result(60)[0].position for future in futures] == [3, 4, 404, 1_004, 2_004, 2_704]
    assert sizes == [1, 1_000, 1_000, 700, 301]


def test_a_transaction_may_be_told_to_be_shared_by_fewer(ledger: Ledger) -> None:
    with GroupCommit(ledger, together=2) as group, commits(ledger) as sizes:
        with held(ledger) as reached:
            futures = [group.submit([states("x")])]
            reached()
            futures += [group.submit([states("x")] * events) for events in (1, 1, 1, 3, 1, 2)]
        assert [future.result(60)[0].position for future in futures] == [3, 4, 5, 6, 7, 10, 11]
    assert sizes == [1, 2, 1, 3, 1, 2]


@pytest.mark.parametrize(
    "how", [{"waiting": 0}, {"waiting": -1}, {"together": 0}, {"waiting": 2.5}, {"waiting": None}, {"together": True}]
)
def test_a_writer_that_could_take_nothing_is_not_made(ledger: Ledger, how: dict[str, Any]) -> None:
    before = threading.active_count()
    with pytest.raises(UsageError, match=f"{next(iter(how))} is a whole number, 1 at least, not"):
        GroupCommit(ledger, **how)
    assert threading.active_count() == before


def test_a_full_queue_is_refused_at_once_and_takes_more_when_there_is_room(ledger: Ledger, group: GroupCommit) -> None:
    with held(ledger) as reached:
        futures = [group.submit([states("x")])]
        reached()
        futures += [group.submit([states("x")]) for _ in range(20)]
        for _ in range(3):
            with pytest.raises(Busy, match="20 batches wait to be appended; bring this one again") as caught:
                group.submit([states("x")])
        assert caught.value.retry_after_s > 0
        assert (group.counts.waiting, group.counts.refused) == (20, 3)
    assert [future.result(60)[0].position for future in futures] == list(range(3, 24))
    assert group.append([states("x")])[0].position == 24


def test_who_finds_the_queue_full_can_bring_the_same_again(ledger: Ledger) -> None:
    with GroupCommit(ledger, waiting=1) as group:
        events = iter([states("x")])
        with held(ledger) as reached:
            group.submit([states("x")])
            reached()
            waits = group.submit([states("x")])
            with pytest.raises(Busy):
                group.append(events)
        waits.result(60)
        assert group.append(events)[0].position == 5


def test_a_queue_is_full_of_events_too(ledger: Ledger) -> None:
    with GroupCommit(ledger, waiting=1_000) as group:
        with held(ledger) as reached:
            group.submit([states("x")])
            reached()
            batch = ledger.batch([states("x")] * 1_000)
            ledger.batch = lambda *args, **options: batch  # type: ignore[method-assign]
            for _ in range(100):
                last = group.submit([states("x")])
            with pytest.raises(Busy):
                group.submit([states("x")])
            for queued in islice(group._queue, 99):  # they would take long to write
                queued.answer.cancel()
        assert last.result(60)[-1].position == 1_003
        assert group.submit([states("x")]).result(60)[-1].position == 2_003


def test_one_that_is_cancelled_in_time_is_not_written(ledger: Ledger, group: GroupCommit) -> None:
    with held(ledger) as reached:
        begun = group.submit([states("x")])
        reached()
        dropped, taken = group.submit([entry("dropped", states("x"))]), group.submit([entry("taken", states("x"))])
        assert dropped.cancel()
        assert not begun.cancel()
    assert (begun.result(60)[0].position, taken.result(60)[0].position) == (3, 4)
    assert [record.id for record in ledger.events(after=3)] == ["taken"]


def test_a_callback_may_bring_more_but_must_not_wait_for_the_thread_it_runs_in(
    ledger: Ledger, group: GroupCommit
) -> None:
    told: list[Any] = []

    def call_back(_: Any) -> None:
        for wait in (group.close, lambda: group.append([states("x")])):
            with pytest.raises(UsageError, match="must not wait"):
                wait()
        told.append(group.submit([entry("more", states("x"))]))

    with held(ledger) as reached:
        first = group.submit([states("x")])
        reached()
        first.add_done_callback(call_back)
    first.result(60)
    group.close()
    assert told[0].result(60)[0].id == "more"


def test_a_callback_that_would_end_the_thread_is_told_of_and_ends_nothing(
    ledger: Ledger, group: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", told.append)

    def leave(_: Any) -> None:
        sys.exit(3)

    with held(ledger) as reached:
        first = group.submit([states("x")])
        reached()
        first.add_done_callback(leave)
    assert [group.append([states("x")])[0].position for _ in range(2)] == [4, 5]
    assert [one.exc_type for one in told] == [SystemExit]


def test_where_the_disk_fails_all_that_share_the_commit_are_told_and_the_next_may_succeed(
    ledger: Ledger, group: GroupCommit
) -> None:
    append = ledger._store.append

    def full(*args: Any, **options: Any) -> Any:
        ledger._store.append = append  # type: ignore[method-assign]
        raise LedgerError("is full, nothing was written")

    with held(ledger, then=full) as reached:
        first = group.submit([states("x")])
        reached()
        futures = [group.submit([states("x")]) for _ in range(3)]
    assert first.result(60)[0].position == 3
    assert {str(future.exception(60)) for future in futures} == {"is full, nothing was written"}
    assert group.append([states("x")])[0].position == 4


def test_what_was_answered_before_the_disk_failed_stands(ledger: Ledger, group: GroupCommit) -> None:
    append = ledger._store.append

    def once(*args: Any, **options: Any) -> Any:
        ledger._store.append = full  # type: ignore[method-assign]
        return append(*args, **options)

    def full(*args: Any, **options: Any) -> Any:
        raise LedgerError("is full, nothing was written")

    with held(ledger, then=once) as reached:
        group.submit([states("x")])
        reached()
        fine = group.submit([entry("a", states("x"))])
        failed = group.submit([entry("a", states("x")), states("x")])  # decided when that one stands
    assert fine.result(60)[0].position == 4
    assert str(failed.exception(60)) == "is full, nothing was written"
    assert ledger.head == 4


def test_closing_drains_what_was_taken_and_then_nothing_more_is(ledger: Ledger) -> None:
    group = GroupCommit(ledger)
    with held(ledger) as reached:
        futures = [group.submit([states("x")])]
        reached()
        futures += [group.submit([states("x")]) for _ in range(5)]
        closing = threading.Thread(target=group.close)
        closing.start()
        while not group._closed:
            time.sleep(0.001)
        with pytest.raises(UsageError, match="takes nothing more to append"):
            group.submit([states("x")])
        assert closing.is_alive()
    closing.join(60)
    assert [future.result(0)[0].position for future in futures] == list(range(3, 9))
    group.close()
    with pytest.raises(UsageError):
        group.append([states("x")])
    assert ledger.append(states("x")).position == 9  # the ledger stays open


def test_many_threads_bring_and_each_is_answered_for_its_own(tmp_path: Path) -> None:
    answers: dict[str, Receipt] = {}
    with opened(tmp_path / "a.db") as ledger, GroupCommit(ledger) as group:
        ledger.append(registers("x"))

        def bring(who: int) -> None:
            for n in range(25):
                event_id = f"{who}-{n}"
                [answers[event_id]] = group.append([entry(event_id, states("x", note=event_id))])

        threads = [threading.Thread(target=bring, args=(who,)) for who in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert group.counts.groups < group.counts.batches == 400
        records = list(ledger.events(after=1))
    assert len(records) == 400
    assert all((r.position, r.event.note) == (answers[r.id].position, r.id) for r in records)  # type: ignore[union-attr]
    for who in range(16):  # what one brings, stands in the order in which it was brought
        own = [r.id for r in records if r.id.startswith(f"{who}-")]
        assert own == [f"{who}-{n}" for n in range(25)]


def test_who_waits_for_an_append_is_told_what_is_wrong_with_it(group: GroupCommit) -> None:
    with pytest.raises(InvalidEvent) as caught:
        group.append([states("x"), states("No slug")])
    assert (caught.value.index, caught.value.pointer) == (1, "/claims/0")
    with pytest.raises(UsageError, match="1 to 1,000"):
        group.append([])
    assert group.append([states("x")])[0].position == 3


# -- processes -------------------------------------------------------------------------------------------------------

PRELUDE = """
    import os, sys, threading, time
    from ledger import ClaimRegistered, Entry, GroupCommit, Ledger, Link, Statement, UsageError

    def states(event_id):
        return Entry(event=Statement(claims=("x",), chain=(Link(name="Ann"),)), id=event_id)

    def each(threads, bring):
        started = [threading.Thread(target=bring, args=(who,), daemon=True) for who in range(threads)]
        for thread in started:
            thread.start()
        return started
"""


UNDER_LOAD = """
    ledger = Ledger.open(sys.argv[1], recorded_by="desk")
    group = GroupCommit(ledger)
    ledger.append(ClaimRegistered(claim="x", text="x"), id="x")

    def bring(who):
        for n in range(1_000_000):
            names = [f"{sys.argv[2]}-{who}-{n}-{part}" for part in range(1 + n % 3)]
            receipts = group.append(map(states, names))
            os.write(1, "".join(f"{r.id} {r.position}\\n" for r in receipts).encode())

    each(12, bring)
    time.sleep(600)
"""


def kill_under_load(path: Path, rounds: int) -> None:
    """What was acknowledged before a kill is there, once, and where it was said to be; a batch is whole or absent."""
    acknowledged: dict[str, int] = {}
    for turn in range(rounds):
        process = started(UNDER_LOAD, path, turn, prelude=PRELUDE)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(1 + 37 * (turn % 7))]
        process.kill()
        said, errors = process.communicate()
        assert errors == ""
        for line in "".join([*lines, said]).splitlines(keepends=True):
            if line.endswith("\n"):
                event_id, position = line.split()
                acknowledged[event_id] = int(position)
        with Ledger.open(path, create=False) as ledger:
            stands = {record.id: record.position for record in ledger.events()}
            assert list(stands.values()) == list(range(1, ledger.head + 1))
        assert acknowledged.items() <= stands.items()
        batches = Counter(event_id.rpartition("-")[0] for event_id in stands if event_id != "x")
        assert all(size == 1 + int(name.rpartition("-")[2]) % 3 for name, size in batches.items())


def test_what_was_acknowledged_under_load_is_there_after_a_kill(tmp_path: Path) -> None:
    kill_under_load(tmp_path / "a.db", rounds=4)


@pytest.mark.slow
def test_what_was_acknowledged_under_load_is_there_after_fifty_kills(tmp_path: Path) -> None:
    kill_under_load(tmp_path / "a.db", rounds=50)


SIDE_BY_SIDE = """
    with Ledger.open(sys.argv[1], recorded_by=sys.argv[2]) as ledger, GroupCommit(ledger) as group:
        print("ready", flush=True)
        sys.stdin.readline()

        def bring(who):
            for n in range(20):
                group.append([states(f"{sys.argv[2]}-{who}-{n}")], register=True)
                shared = Entry(event=states("").event, id=f"both-{who}-{n}", recorded_by="both")
                group.append([shared], register=True)

        for thread in each(8, bring):
            thread.join()
"""


def test_the_writers_of_two_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    side_by_side([started(SIDE_BY_SIDE, path, name, prelude=PRELUDE) for name in ("ann", "bo")])
    with Ledger.open(path) as ledger:
        found = [record.id for record in ledger.events() if not isinstance(record.event, ClaimRegistered)]
        assert ledger.head == len(found) + 1
    assert sorted(found) == sorted(
        f"{n}-{who}-{k}" for n in ("ann", "bo", "both") for who in range(8) for k in range(20)
    )


def test_what_ends_a_thread_ends_neither_the_writer_nor_those_who_wait(ledger: Ledger) -> None:
    now, ends = ledger._writer._clock_us, [SystemExit("the clock gave up")]
    ledger._writer._clock_us = lambda: (_ for _ in ()).throw(ends.pop()) if ends else now()  # type: ignore[method-assign]
    with GroupCommit(ledger) as group:
        assert isinstance(group.submit([registers("a")]).exception(60), SystemExit)
        [receipt] = group.submit([registers("b")]).result(60)
    assert receipt.position == ledger.head


FORK = """
    import warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # of 3.12: a process with threads
    ledger = Ledger.open(sys.argv[1])
    group = GroupCommit(ledger)
    group.append([states("a")], register=True)
    child = os.fork()
    if child == 0:
        try:
            group.submit([states("b")])
        except UsageError as error:
            group.close()
            os._exit(0 if "was opened before a fork" in str(error) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    group.append([states("c")])
    print(ledger.head)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_writer_refuses_after_a_fork_and_serves_its_parent_on(tmp_path: Path) -> None:
    # Nor does it keep its process from ending.
    assert started(FORK, tmp_path / "a.db", prelude=PRELUDE).communicate(timeout=60) == ("3\n", "")
