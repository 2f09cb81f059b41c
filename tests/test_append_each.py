"""Do batches that are appended in one transaction come to what each would have come to alone?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from batches import begun, commits, opened, together, told
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ledgers import ANN, T0, entry, registers, states

from ledger import (
    Conflict,
    Entry,
    IdReused,
    IntegrityError,
    InvalidEvent,
    Ledger,
    LedgerError,
    NotFound,
    RecordAmended,
    RecordVoided,
    Refused,
    Retraction,
    SourceRelated,
    UsageError,
)
from ledger.store.sqlite_reads import Reads
from ledger.testing import by, random_ledger


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with begun() as one:
        yield one


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
    assert str(second) == (
        "1 event came after position 2 about x (at 4); read that (`claims log x --after 2`), then decide again"
    )
    assert isinstance(beyond, UsageError)
    assert str(beyond).endswith("which ends at 5; give the last one that you have read of this ledger")


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
