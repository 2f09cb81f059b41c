"""Do many who append at once get what each would have got alone, and never an answer before it is durable?"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import ledger as package
from ledger import (
    Busy,
    ClaimRegistered,
    Conflict,
    Entry,
    GroupCommit,
    IdReused,
    IntegrityError,
    InvalidEvent,
    Ledger,
    LedgerError,
    NotFound,
    Receipt,
    RecordAmended,
    RecordVoided,
    Refused,
    Retraction,
    SourceRelated,
    Statement,
    UsageError,
)
from ledger.events import Event
from ledger.store.sqlite_reads import Reads
from ledger.testing import by, random_ledger

T0 = datetime(2025, 10, 11, 12, tzinfo=UTC)
ANN = (by("Ann"), by("AFP", "outlet"))


def registers(claim: str) -> ClaimRegistered:
    return ClaimRegistered(claim=claim, text=f"The claim {claim}.")


def states(*claims: str, **more: Any) -> Statement:
    return Statement(claims=claims, chain=ANN, **more)


def entry(event_id: str, event: Event) -> Entry:
    return Entry(event=event, id=event_id)


def opened(url: str | Path = ":memory:") -> Ledger:
    return Ledger.open(url, recorded_by="the desk", clock=lambda: T0)


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with opened() as one:
        one.append_all([entry("x", registers("x")), entry("s", states("x"))])
        yield one


@pytest.fixture
def group(ledger: Ledger) -> Iterator[GroupCommit]:
    with GroupCommit(ledger, waiting=20) as one:
        yield one


def told(answer: list[Receipt] | LedgerError) -> Any:
    """An answer as it can be compared: ids that the ledger gave are random."""
    if isinstance(answer, LedgerError):
        positions, pointer = getattr(answer, "positions", None), getattr(answer, "pointer", None)
        return type(answer), str(answer), answer.index, positions, pointer
    return [(r.position, r.recorded_at, r.replayed) for r in answer]


def together(ledger: Ledger, *batches: Sequence[Event | Entry], **options: Any) -> list[Any]:
    """What becomes of batches that are appended at once: positions, or the type of an error."""
    answers = ledger.append_each([ledger.batch(batch, **options) for batch in batches])
    return [type(a) if isinstance(a, LedgerError) else [r.position for r in a] for a in answers]


@contextmanager
def commits(ledger: Ledger) -> Iterator[list[int]]:
    """How many events each commit from here on has."""
    store, sizes = ledger._store, list[int]()
    append = store.append

    def counted(drafts: Any, **options: Any) -> Any:
        done = append(drafts, **options)
        sizes.append(len(drafts))
        return done

    store.append = counted  # type: ignore[method-assign]
    yield sizes
    store.append = append  # type: ignore[method-assign]


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


# -- several batches in one transaction ------------------------------------------------------------------------------


def test_independent_batches_stand_in_their_order_and_are_one_commit(ledger: Ledger) -> None:
    with commits(ledger) as sizes:
        assert together(ledger, [states("x")], [states("x"), registers("y")], [states("y")]) == [[3], [4, 5], [6]]
    assert sizes == [4]
    assert len({record.recorded_at for record in ledger.events(after=2)}) == 1


def test_a_batch_is_decided_as_if_those_before_it_had_been_appended(ledger: Ledger) -> None:
    with commits(ledger) as sizes:
        answers = together(
            ledger,
            [states("y")],
            [registers("y")],
            [registers("y")],
            [entry("t", states("y"))],
            [Retraction(act="t", chain=ANN)],
            [RecordVoided(target="t", why="w")],
            [Retraction(act="t", chain=ANN)],
        )
    assert answers == [NotFound, [3], Refused, [4], [5], [6], Refused]
    assert sizes == [4]


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        ([states("nowhere")], NotFound),
        ([registers("x")], Refused),
        ([entry("s", states("x", note="other"))], IdReused),
        ([registers("y"), entry("e", states("y")), states("nowhere")], NotFound),
        ([RecordVoided(target="x", why="w"), registers("x"), registers("x")], Refused),
        ([RecordVoided(target="s", why="w"), Retraction(act="s", chain=ANN)], Refused),
        ([SourceRelated(from_="ann", to="bo", relation="speaks_for"), registers("x")], Refused),
        ([entry("e", states("x")), entry("e", states("x", note="other"))], IdReused),
    ],
)
def test_a_bad_batch_fails_alone_and_leaves_no_trace(ledger: Ledger, bad: list[Any], error: type[LedgerError]) -> None:
    after = [
        [registers("y"), entry("e", states("y"))],
        [SourceRelated(from_="ann", to="cy", relation="speaks_for")],
        [Retraction(act="s", chain=(by("Cy"),))],
        [states("x"), registers("z")],
        [states("z")],
    ]
    with commits(ledger) as sizes:
        assert together(ledger, [states("x")], bad, *after) == [[3], error, [4, 5], [6], [7], [8, 9], [10]]
    assert sizes == [8]
    assert [r.position for r in ledger.events(claim="y")] == [4, 5]
    assert ledger.append(states("y", "z")).position == 11  # nor in what the ledger goes by from here on


def test_what_cannot_be_read_fails_alone_among_batches_that_are_read_together(ledger: Ledger) -> None:
    bad = [states("x"), states("No slug")]
    answers = list(
        ledger.append_each([ledger.brought([states("x")]), ledger.brought(bad), ledger.batch([states("x")])])
    )
    assert [told(answers[0]), told(answers[2])] == [[(3, T0, False)], [(4, T0, False)]]
    assert isinstance(answers[1], InvalidEvent)
    assert (answers[1].index, answers[1].pointer) == (1, "/claims/0")


def test_who_waits_for_an_append_is_told_what_is_wrong_with_it(group: GroupCommit) -> None:
    with pytest.raises(InvalidEvent) as caught:
        group.append([states("x"), states("No slug")])
    assert (caught.value.index, caught.value.pointer) == (1, "/claims/0")
    with pytest.raises(UsageError, match="1 to 1,000"):
        group.append([])
    assert group.append([states("x")])[0].position == 3


def test_a_claim_that_a_bad_batch_would_have_registered_is_not_there(ledger: Ledger) -> None:
    ahead = states("x", "new", said_at="2026-01-01")
    batches = [
        ledger.batch([ahead], register=True),
        ledger.batch([states("new")]),
        ledger.batch([states("new", "x")], register=True),
    ]
    refused, missing, registered = ledger.append_each(batches)
    assert isinstance(refused, Refused)
    assert isinstance(missing, NotFound)
    assert isinstance(registered, list)
    assert [r.position for r in registered] == [4]


@pytest.mark.parametrize("register", [False, True])
@pytest.mark.parametrize("place", [0, 1])
def test_a_claim_registered_again_is_known_though_its_first_registration_is_read_to_be_void(
    ledger: Ledger, place: int, register: bool
) -> None:
    ledger.append_all([entry("r", registers("y")), entry("v", RecordVoided(target="r", why="w")), registers("y")])
    batch: list[Any] = [states("y")]
    batch.insert(place, RecordAmended(target="v", changes={"why": "mistyped"}, why="w"))
    assert together(ledger, [states("x")], batch, [states("y")], register=register) == [[6], [7, 8], [9]]


def test_an_id_that_came_before_in_the_same_transaction_is_a_replay_of_where_it_stands(ledger: Ledger) -> None:
    first, again, reused, partly = ledger.append_each(
        [
            ledger.batch([states("x"), entry("a", states("x"))]),
            ledger.batch([entry("a", states("x"))]),
            ledger.batch([entry("a", states("x", note="other"))]),
            ledger.batch([entry("b", states("x")), entry("a", states("x"))]),
        ]
    )
    assert told(first) == [(3, T0, False), (4, T0, False)]
    assert told(again) == [(4, T0, True)]
    assert isinstance(reused, IdReused)
    assert (reused.index, reused.positions) == (0, (4,))
    assert told(partly) == [(5, T0, False), (4, T0, True)]
    assert ledger.head == 5


def test_an_expectation_is_overtaken_by_batches_of_the_same_transaction(ledger: Ledger) -> None:
    other, first, second, third, beyond = ledger.append_each(
        [
            ledger.batch([registers("y")], expected=2),
            ledger.batch([states("x")], expected=2),
            ledger.batch([states("x")], expected=2),
            ledger.batch([states("y")], expected=3),
            ledger.batch([states("y")], expected=7),
        ]
    )
    assert (told(other), told(first), told(third)) == ([(3, T0, False)], [(4, T0, False)], [(5, T0, False)])
    assert isinstance(second, Conflict)
    assert second.positions == (4,)
    assert str(second) == "1 event(s) about x came after position 2; read them first"
    assert isinstance(beyond, UsageError)
    assert "ends at 5" in str(beyond)


def test_answers_come_as_they_are_durable_and_those_that_nobody_asks_for_are_not_written(ledger: Ledger) -> None:
    batches = [ledger.batch([entry("a", states("x"))]) for _ in range(2)] + [ledger.batch([states("x")])]
    answers = ledger.append_each(batches)
    assert ledger.head == 2
    assert told(next(answers)) == [(3, T0, False)]
    assert ledger.head == 3
    assert [told(answer) for answer in answers] == [[(3, T0, True)], [(4, T0, False)]]


def overtake(ledger: Ledger, other: Callable[[], object]) -> None:
    """Lets another append just before this ledger's next write, after it has read and decided."""
    store, append = ledger._store, ledger._store.append

    def overtaken(drafts: Any, **options: Any) -> Any:
        store.append = append  # type: ignore[method-assign]
        other()
        return append(drafts, **options)

    store.append = overtaken  # type: ignore[method-assign]


def test_what_another_writes_meanwhile_is_taken_into_account(tmp_path: Path) -> None:
    with opened(tmp_path / "a.db") as ours, opened(tmp_path / "a.db") as theirs:
        ours.append_all([registers("x"), registers("y")])
        overtake(ours, lambda: theirs.append_all([entry("a", states("x")), registers("z")]))
        replayed, fine, refused = ours.append_each(
            [
                ours.batch([entry("a", states("x"))]),
                ours.batch([states("y")], expected=2),
                ours.batch([registers("z")]),
            ]
        )
        assert (told(replayed), told(fine)) == ([(3, T0, True)], [(5, T0, False)])
        assert isinstance(refused, Refused)
        overtake(ours, lambda: theirs.append(states("y")))
        unrelated, conflict = ours.append_each(
            [ours.batch([states("x")], expected=5), ours.batch([states("y")], expected=5)]
        )
        assert told(unrelated) == [(7, T0, False)]
        overtake(ours, lambda: theirs.append(RecordVoided(target="a", why="w")))
        late, voided = together(ours, [states("y")], [Retraction(act="a", chain=ANN)])
        assert (late, voided) == ([9], Refused)
        assert isinstance(conflict, Conflict)
        assert conflict.positions == (6,)


def test_a_record_that_cannot_be_read_fails_only_whom_it_concerns(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_id = Reads.by_id

    def damaged(reads: Reads, ids: Sequence[str]) -> dict[str, tuple[int, bytes]]:
        return {i: (at, b"?" if i == "s" else data) for i, (at, data) in by_id(reads, ids).items()}

    monkeypatch.setattr(Reads, "by_id", damaged)
    of_s, of_x = [RecordVoided(target="s", why="w")], [RecordVoided(target="x", why="w")]
    answers = together(ledger, [states("x")], of_s, of_x, of_s, [states("x")])
    assert answers == [[3], IntegrityError, [4], IntegrityError, NotFound]


# -- the same as one after the other ---------------------------------------------------------------------------------


def random_batches(rnd: Random) -> list[tuple[list[Entry], dict[str, Any]]]:
    """Batches of which many are good, and some come twice, too early, under a taken id, or with an expectation."""
    entries = [entry for entry, _ in random_ledger(rnd, 45)]
    for _ in range(rnd.randrange(6)):
        place = rnd.randrange(len(entries) - 1)
        entries[place], entries[place + 1] = entries[place + 1], entries[place]
    for _ in range(rnd.randrange(8)):
        one = rnd.choice(entries)
        event_id = rnd.choice((one.id, one.id, f"again-{len(entries)}"))
        again = Entry(event=one.event, id=event_id, recorded_by=rnd.choice((one.recorded_by, "somebody else")))
        entries.insert(rnd.randrange(len(entries)), again)
    stream, batches = iter(entries), []
    while some := list(islice(stream, rnd.choice((1, 1, 2, 3)))):
        expected = rnd.choice((None, None, None, rnd.randrange(-1, 60)))
        batches.append((some, {"expected": expected, "register": rnd.random() < 0.3}))
    return batches


def kept(ledger: Ledger) -> list[Any]:
    """All that stands in a ledger, tags included, but for the ids it gave."""
    stored = ledger._store.matching([], after=0, until=10_000, limit=10_000)  # type: ignore[attr-defined]
    tags = [[tag for tag in one.tags if not tag.startswith("id:")] for one in stored]
    return [(r.position, r.recorded_by, r.recorded_at, r.event, t) for r, t in zip(ledger.events(), tags, strict=True)]


def differs(seed: int) -> list[Any]:
    """Where groups of batches part from the same batches one after the other."""
    rnd = Random(seed)
    batches = random_batches(rnd)
    with opened() as alone, opened() as grouped:
        one_by_one: list[Any] = []
        for entries, options in batches:
            try:
                one_by_one.append(told(alone.append_all(entries, **options)))
            except LedgerError as error:
                one_by_one.append(told(error))
        stream, at_once = iter(batches), list[Any]()
        while some := list(islice(stream, rnd.randrange(1, 12))):
            ways = (grouped.batch, grouped.brought)
            at_once += map(told, grouped.append_each([rnd.choice(ways)(e, **options) for e, options in some]))
        answers = [pair for pair in zip(one_by_one, at_once, strict=True) if pair[0] != pair[1]]
        return answers or [pair for pair in zip(kept(alone), kept(grouped), strict=True) if pair[0] != pair[1]]


@settings(max_examples=60, deadline=None)
@example(8837)  # a claim registered again, while what is read shows that its first registration is void
@given(st.integers(0, 2**32))
def test_groups_of_batches_come_to_the_same_as_one_after_the_other(seed: int) -> None:
    assert differs(seed) == []


@pytest.mark.slow
@settings(max_examples=3_000, deadline=None)
@given(st.integers(0, 2**32))
def test_many_groups_of_batches_come_to_the_same_as_one_after_the_other(seed: int) -> None:
    assert differs(seed) == []


def test_the_random_batches_have_all_that_can_happen_to_one() -> None:
    seen: Counter[str] = Counter()
    for seed in range(30):
        with opened() as ledger:
            batches = [ledger.batch(e, **options) for e, options in random_batches(Random(seed))]
            for answer in ledger.append_each(batches):
                seen[type(answer).__name__] += 1
                seen["replay"] += isinstance(answer, list) and any(r.replayed for r in answer)
    assert seen.keys() == {"list", "replay", "NotFound", "Refused", "Conflict", "IdReused", "UsageError"}


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


def run(script: str, *args: object) -> subprocess.Popen[str]:
    home = str(Path(package.__file__ or "").parent.parent)
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PRELUDE) + textwrap.dedent(script), *map(str, args)],
        env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


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
        process = run(UNDER_LOAD, path, turn)
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
    writers = [run(SIDE_BY_SIDE, path, name) for name in ("ann", "bo")]
    for writer in writers:
        assert writer.stdout is not None and writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        assert (writer.wait(60), writer.communicate()[1]) == (0, "")
    with Ledger.open(path) as ledger:
        found = [record.id for record in ledger.events() if not isinstance(record.event, ClaimRegistered)]
        assert ledger.head == len(found) + 1
    assert sorted(found) == sorted(
        f"{n}-{who}-{k}" for n in ("ann", "bo", "both") for who in range(8) for k in range(20)
    )


FORK = """
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
    assert run(FORK, tmp_path / "a.db").communicate(timeout=60) == ("3\n", "")
