"""Does the ledger keep its word: all or nothing, each id once, no time running back?"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ledgers import ANN, T0, Clock, Read, entry, exported, registers, states
from scripts import side_by_side, started

from ledger import (
    Busy,
    ClaimRegistered,
    ClaimsRelated,
    ClockBehind,
    Conflict,
    Denial,
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
    SourceRegistered,
    UsageError,
    when,
)
from ledger.events import Event
from ledger.store import Overtaken
from ledger.testing import by

# -- receipts --------------------------------------------------------------------------------------------------------


def test_a_receipt_tells_where_an_event_stands(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(clock=Clock())
    receipt = ledger.append(registers("x"), id="a")
    assert (receipt.id, receipt.position, receipt.recorded_at, receipt.replayed) == ("a", 1, T0, False)
    record = ledger.record("a")
    assert (record.id, record.position, record.recorded_at) == ("a", 1, T0)
    assert (record.recorded_by, record.event) == ("the desk", registers("x"))
    assert ledger.head == 1


def test_a_batch_stands_in_its_order_at_one_moment(ledger: Ledger) -> None:
    receipts = ledger.append_all([registers("x"), entry("b", states("x")), entry(None, states("x"), "Bo"), states("x")])
    assert [r.position for r in receipts] == [1, 2, 3, 4]
    assert len({r.recorded_at for r in receipts}) == 1
    assert [(r.id, r.recorded_by) for r in ledger.events()] == [
        (receipts[0].id, "the desk"),
        ("b", "the desk"),
        (receipts[2].id, "Bo"),
        (receipts[3].id, "the desk"),
    ]


def test_claims_registered_by_the_way_have_no_receipts(ledger: Ledger) -> None:
    receipts = ledger.append_all([states("x", "y"), states("y", "z", possible_claims=("x",))], register=True)
    assert [r.position for r in receipts] == [3, 5]
    assert [r.event.claim for r in ledger.events(types=["claim_registered"])] == ["x", "y", "z"]
    assert ledger.append(states("x"), register=True).position == 6


def test_whoever_opens_a_ledger_records_in_it(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(recorded_by=None)
    ledger.append(registers("x"), id="mine")
    ledger.append(registers("y"), id="yours", recorded_by="Bo")
    assert ledger.record("mine").recorded_by
    assert ledger.record("yours").recorded_by == "Bo"
    with pytest.raises(InvalidEvent, match="/recorded_by"):
        ledger.append(registers("z"), recorded_by="")


UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_an_id_that_the_ledger_gives_is_a_uuid_of_its_moment(open_ledger: Callable[..., Ledger]) -> None:
    clock = Clock()
    ledger = open_ledger(clock=clock)
    given: list[str] = []
    for number in range(60):
        clock.now = T0 + timedelta(milliseconds=7 * number)
        receipts = ledger.append_all([registers(f"c{number}-{n}") for n in range(5)])
        given += [r.id for r in receipts]
        assert int(receipts[0].id.replace("-", "")[:12], 16) == when.micros(clock.now) // 1000
    assert all(UUID7.fullmatch(event_id) for event_id in given)
    assert given == sorted(set(given))


def test_ids_grow_even_where_the_clock_does_not(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(clock=Clock())
    given = [r.id for n in range(5) for r in ledger.append_all([registers(f"c{n}-{m}") for m in range(200)])]
    assert given == sorted(set(given))
    assert all(UUID7.fullmatch(event_id) for event_id in given)


# -- replays ---------------------------------------------------------------------------------------------------------


def test_the_same_id_with_the_same_content_is_a_no_op(open_ledger: Callable[..., Ledger]) -> None:
    clock = Clock()
    ledger = open_ledger(clock=clock)
    first = ledger.append_all([entry("a", registers("x")), entry("b", states("x", quote="e\u0301\r\n"))])
    clock.now += timedelta(days=1)
    again = ledger.append_all([entry("b", states("x", quote="\u00e9\n")), entry("a", registers("x"))])
    assert [(r.id, r.position, r.recorded_at, r.replayed) for r in again] == [("b", 2, T0, True), ("a", 1, T0, True)]
    assert [r.replayed for r in first] == [False, False]
    assert ledger.head == 2


@pytest.mark.parametrize(
    ("event", "recorded_by"),
    [
        (states("x", note="n"), "the desk"),
        (states("x", mode="question"), "the desk"),
        (states("x", "y"), "the desk"),
        (Denial(claims=("x",), chain=ANN), "the desk"),
        (registers("z"), "the desk"),
        (states("x"), "another desk"),
    ],
)
def test_the_same_id_with_other_content_is_refused(ledger: Ledger, event: Event, recorded_by: str) -> None:
    ledger.append_all([registers("x"), registers("y"), entry("a", states("x"))])
    with pytest.raises(
        IdReused, match=r"id 'a' is taken by another event, at position 3 .* give this one an id"
    ) as caught:
        ledger.append(event, id="a", recorded_by=recorded_by)
    assert caught.value.positions == (3,)
    assert caught.value.exit_code == 5
    assert ledger.head == 3


def test_a_replay_is_answered_before_any_rule(ledger: Ledger) -> None:
    """What could not be appended any more was appended then."""
    ledger.append_all(
        [entry("x", registers("x")), entry("a", states("x")), entry("v", RecordVoided(target="a", why="w"))]
    )
    ledger.append(RecordVoided(target="x", why="w"))
    for again in (entry("x", registers("x")), entry("a", states("x")), entry("v", RecordVoided(target="a", why="w"))):
        assert ledger.append_all([again], expected=1)[0].replayed
    assert ledger.head == 4


def test_the_id_of_what_an_event_is_about_is_taken(ledger: Ledger) -> None:
    ledger.append_all([entry(None, registers("x")), entry("s", states("x"))])
    with pytest.raises(IdReused, match="id 's' is taken by another event, at position 2"):
        ledger.append(RecordVoided(target="s", why="typed twice"), id="s")
    assert ledger.head == 2


def test_a_replay_among_new_events_is_told_apart_from_them(ledger: Ledger) -> None:
    ledger.append_all([entry("r", registers("x")), entry("s", states("x"))])
    for repeated in range(2):
        batch = [entry("r", registers("x")), entry("t", states("x")), entry("s", states("x"))]
        got = [(receipt.id, receipt.position, receipt.replayed) for receipt in ledger.append_all(batch)]
        assert got == [("r", 1, True), ("t", 3, bool(repeated)), ("s", 2, True)]


def test_an_id_may_come_twice_in_one_batch_with_the_same_content(ledger: Ledger) -> None:
    twice = [entry("x", registers("x")), entry("a", states("x")), entry("x", registers("x")), entry("a", states("x"))]
    receipts = ledger.append_all([*twice, entry("b", states("x")), entry("a", states("x"))], register=True)
    assert [(r.id, r.position, r.replayed) for r in receipts] == [
        ("x", 1, False),
        ("a", 2, False),
        ("x", 1, True),
        ("a", 2, True),
        ("b", 3, False),
        ("a", 2, True),
    ]
    assert len({r.recorded_at for r in receipts}) == 1
    again = ledger.append_all([entry("b", states("x")), entry("c", states("x")), entry("b", states("x"))])
    assert [(r.position, r.replayed) for r in again] == [(3, True), (4, False), (3, True)]


@pytest.mark.parametrize("second", [entry("a", states("x", note="n")), entry("a", states("x"), "Bo")])
def test_but_not_with_other_content(ledger: Ledger, second: Entry) -> None:
    with pytest.raises(IdReused) as caught:
        ledger.append_all([registers("x"), entry("a", states("x")), second])
    assert (caught.value.index, caught.value.positions, ledger.head) == (2, (), 0)
    assert "id 'a' came before, in the same batch, with another event" in str(caught.value)


def test_a_replay_registers_nothing(ledger: Ledger) -> None:
    ledger.append(states("x"), id="a", register=True)
    assert ledger.append(states("x"), id="a", register=True).replayed
    assert ledger.head == 2


# -- batches ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (states("nowhere"), NotFound),
        (states("A b"), InvalidEvent),
        (registers("x"), Refused),
        (entry("a", states("x", note="other")), IdReused),
        (entry("", states("x")), InvalidEvent),
        (Retraction(act="nowhere", chain=ANN), NotFound),
        (None, InvalidEvent),
        (entry(None, "statement"), InvalidEvent),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 3])
def test_a_batch_with_one_bad_event_leaves_nothing(ledger: Ledger, bad: Any, error: type, place: int) -> None:
    ledger.append_all([registers("x"), entry("a", states("x"))])
    batch: list[Any] = [states("x"), registers("y"), states("y")]
    batch.insert(place, bad)
    with pytest.raises(error) as caught:
        ledger.append_all(batch)
    assert caught.value.index == place
    assert ledger.head == 2
    assert ledger.append_all([states("x"), registers("y")])[0].position == 3


def test_the_first_bad_event_is_told(ledger: Ledger) -> None:
    with pytest.raises(NotFound) as caught:
        ledger.append_all([registers("x"), states("no"), registers("x"), states("nor-this")])
    assert caught.value.index == 1


def test_a_batch_has_one_to_a_thousand_events(ledger: Ledger) -> None:
    thousand = [registers(f"c{n}") for n in range(1_000)]
    for batch in ([], [*thousand, registers("more")]):
        with pytest.raises(UsageError, match=r"a batch has 1 to 1,000 events, not .*; append it in parts"):
            ledger.append_all(batch)
    assert ledger.head == 0
    assert ledger.append_all(thousand)[-1].position == 1_000
    assert ledger.append_all([states(f"c{n}", f"new-{n}") for n in range(1_000)], register=True)[-1].position == 3_000


def test_a_check_finds_every_bad_event_and_writes_nothing(ledger: Ledger) -> None:
    ledger.append_all([registers("x"), entry("a", states("x"))])
    batch = [
        entry("r", registers("y")),
        states("no"),
        states("y"),
        registers("x"),
        entry("a", states("x")),
        entry("a", states("x", note="n")),
        entry("r", registers("z")),
        Retraction(act="r", chain=ANN),
        Retraction(act="a", chain=(by("Cy"),)),
        *([states("y")] * 2_000),
        states("A b"),
    ]
    found = [(error.index, type(error)) for error in ledger.check(batch)]
    assert found == [
        (1, NotFound),
        (3, Refused),
        (5, IdReused),
        (6, IdReused),
        (7, Refused),
        (8, Refused),
        (2_009, InvalidEvent),
    ]
    assert [error.index for error in ledger.check(batch[:9], register=True)] == [3, 5, 6, 7, 8]
    assert ledger.head == 2


# -- expected --------------------------------------------------------------------------------------------------------


def test_an_expectation_is_overtaken_by_what_came_about_its_claims(ledger: Ledger) -> None:
    seen = ledger.append_all([registers("x"), registers("y"), entry("a", states("x"))])[-1]
    ledger.append(states("y"))
    ledger.append_all([entry("b", states("x")), SourceRegistered(source="ann", name="Ann")])
    ledger.append(Retraction(act="a", chain=ANN))
    with pytest.raises(Conflict, match=r"2 events came after position 3 about x \(at 5, 7\)") as caught:
        ledger.append(states("x"), expected=seen)
    assert caught.value.positions == (5, 7)
    assert caught.value.exit_code == 5
    assert not isinstance(caught.value, IdReused)
    for known in (seen, seen.position, ledger.record("a")):
        with pytest.raises(Conflict):
            ledger.append(states("x"), expected=known)
    assert ledger.head == 7
    assert ledger.append(states("x"), expected=7).position == 8
    assert ledger.append(states("y"), expected=4).position == 9


def test_other_claims_do_not_disturb_an_expectation(ledger: Ledger) -> None:
    ledger.append_all([registers("x"), registers("y")])
    for number in range(3):
        ledger.append(states("y"))
        assert ledger.append(states("x"), expected=2 if number == 0 else ledger.head - 1)
    assert ledger.append(registers("z"), expected=0)
    assert ledger.append(SourceRegistered(source="ann", name="Ann"), expected=0)


@pytest.mark.parametrize("first", ["statement", "relation", "void", "amendment"])
@pytest.mark.parametrize("second", ["statement", "relation"])
def test_whatever_bears_on_a_claim_overtakes(ledger: Ledger, first: str, second: str) -> None:
    ledger.append_all([registers("x"), registers("y"), entry("y1", states("y")), entry("x1", states("x"))])
    bears = {
        "statement": states("y"),
        "relation": ClaimsRelated(from_="x", to="y", relation="entails"),
        "void": RecordVoided(target="y1", why="w"),
        "amendment": RecordAmended(target="x1", changes={"claims": ["y"]}, why="w"),
    }
    ledger.append(bears[first])
    with pytest.raises(Conflict) as caught:
        ledger.append(bears[second], expected=4)
    assert caught.value.positions == (5,)
    ledger.append(bears[second], expected=5)


@pytest.mark.parametrize("expected", [3, 10**30, -1, "2", 1.5, True, T0])
def test_an_expectation_is_a_position_of_the_ledger(ledger: Ledger, expected: Any) -> None:
    ledger.append_all([registers("x"), states("x")])
    with pytest.raises(UsageError):
        ledger.append(states("x"), expected=expected)
    assert ledger.head == 2


def test_an_expectation_holds_against_what_comes_while_it_is_decided(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "a.db") as ours, Ledger.open(tmp_path / "a.db") as theirs:
        ours.append_all([registers("x"), registers("y")])
        overtake(ours, lambda: theirs.append(states("x")))
        with pytest.raises(Conflict) as caught:
            ours.append(states("x"), expected=2)
        assert caught.value.positions == (3,)
        overtake(ours, lambda: theirs.append(states("y")))
        assert ours.append(states("x"), expected=3).position == 5


def overtake(ledger: Ledger, other: Callable[[], object]) -> None:
    """Lets another append just before this ledger's next write, after it has read and decided."""
    store = ledger._store
    append = store.append

    def late(*args: Any, **kwargs: Any) -> Any:
        store.append = append
        other()
        return append(*args, **kwargs)

    store.append = late


def test_of_much_that_came_in_between_the_first_hundred_are_named(ledger: Ledger) -> None:
    ledger.append_all([registers("x"), *(states("x") for _ in range(300))])
    with pytest.raises(Conflict, match=r"at least 100 events came after position 1 about x \(at 2, 3, 4 …\)") as caught:
        ledger.append(states("x"), expected=1)
    assert caught.value.positions == tuple(range(2, 102))


# -- others at work --------------------------------------------------------------------------------------------------


def voids_the_registration_of(claim: str, ledger: Ledger) -> None:
    (registration,) = ledger.events(claim=claim, types=["claim_registered"])
    ledger.append(RecordVoided(target=registration.id, why="w"))


def test_one_may_state_what_another_has_registered_since(two: tuple[Ledger, Ledger]) -> None:
    one, other = two
    one.append(registers("x"))
    other.append(registers("y"))
    receipt = one.append(states("y"), expected=2)
    assert receipt.position == 3


def test_a_bad_append_is_no_reason_to_forget_which_claims_there_are(ledger: Ledger) -> None:
    ledger.append(registers("x"))
    with pytest.raises(NotFound):
        ledger.append(states("nowhere"))
    ledger._store.tagged = None  # type: ignore[assignment, method-assign]  nothing is read from here on
    assert ledger.append(states("x")).position == 2


def test_what_one_knows_of_claims_does_not_outlive_what_another_voids(two: tuple[Ledger, Ledger]) -> None:
    ours, theirs = two
    ours.append_all([registers("x"), registers("y"), states("x", "y")])
    voids_the_registration_of("x", theirs)
    with pytest.raises(NotFound, match="'x' is not registered"):
        ours.append(states("x"))
    ours.append(states("y"))
    theirs.append(registers("x"))
    assert ours.append(states("x")).position == 7


def test_nor_what_is_voided_while_one_appends_about_another_claim(two: tuple[Ledger, Ledger]) -> None:
    ours, theirs = two
    ours.append_all([registers("x"), registers("y")])
    overtake(ours, lambda: voids_the_registration_of("y", theirs))
    assert ours.append(states("x")).position == 4
    with pytest.raises(NotFound, match="'y' is not registered"):
        ours.append(states("y"))


@pytest.mark.parametrize(
    "event",
    [
        states("x"),
        states("y", possible_claims=("x",)),
        ClaimsRelated(from_="x", to="y", relation="entails"),
        ClaimsRelated(from_="y", to="x", relation="same_as"),
    ],
)
def test_nor_what_is_voided_while_one_appends_about_that_claim(two: tuple[Ledger, Ledger], event: Event) -> None:
    ours, theirs = two
    ours.append_all([registers("x"), registers("y")])
    overtake(ours, lambda: voids_the_registration_of("x", theirs))
    with pytest.raises(NotFound, match="'x' is not registered"):
        ours.append(event)
    assert ours.head == 3


def test_two_who_register_a_claim_at_once_register_it_once(two: tuple[Ledger, Ledger]) -> None:
    ours, theirs = two
    overtake(ours, lambda: theirs.append(states("x"), register=True))
    assert ours.append(states("x"), register=True).position == 3
    overtake(ours, lambda: theirs.append(registers("y")))
    with pytest.raises(Refused, match="registered already"):
        ours.append(registers("y"))


def test_two_who_bring_an_id_at_once_write_it_once(two: tuple[Ledger, Ledger]) -> None:
    ours, theirs = two
    ours.append(registers("x"))
    overtake(ours, lambda: theirs.append(states("x"), id="a", recorded_by="Bo"))
    assert ours.append(states("x"), id="a", recorded_by="Bo").replayed
    overtake(ours, lambda: theirs.append(states("x", note="theirs"), id="b"))
    with pytest.raises(IdReused):
        ours.append(states("x", note="ours"), id="b")
    assert ours.head == 3


def test_a_rule_holds_against_what_comes_while_it_is_decided(two: tuple[Ledger, Ledger]) -> None:
    ours, theirs = two
    ours.append_all([registers("x"), entry("a", states("x"))])
    overtake(ours, lambda: theirs.append(RecordVoided(target="a", why="w")))
    with pytest.raises(Refused, match="'a' was voided"):
        ours.append(Retraction(act="a", chain=ANN))


def test_a_check_waits_for_nobody_who_writes(two: tuple[Ledger, Ledger]) -> None:
    ours, _ = two
    ours.append(registers("x"))
    writer = ours._store._connections._lock  # type: ignore[attr-defined]
    found: list[list[LedgerError]] = []
    checking = threading.Thread(target=lambda: found.append(list(ours.check([registers("y"), registers("x")]))))
    with writer:
        checking.start()
        checking.join(20)
        assert [[type(error) for error in errors] for errors in found] == [[Refused]]


def test_what_is_wrong_with_the_disk_is_no_fault_of_an_event(
    two: tuple[Ledger, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _ = two

    def broken(*args: Any, **options: Any) -> Any:
        raise LedgerError("the disk is broken")

    monkeypatch.setattr(ours._store, "tagged", broken)
    with pytest.raises(LedgerError, match="the disk is broken"):
        list(ours.check([registers("x"), registers("y")]))


def test_nobody_records_under_the_name_that_stands_for_whoever_did(two: tuple[Ledger, Ledger]) -> None:
    from ledger.client.sending import WHOEVER

    ours, _ = two
    ours.append(registers("x"), id="a", recorded_by="ann")
    with pytest.raises(IdReused):
        ours.append(registers("x"), id="a", recorded_by=WHOEVER)


def test_who_is_overtaken_again_and_again_is_told_in_the_end(two: tuple[Ledger, Ledger]) -> None:
    ours, _ = two

    def never(*args: Any, **kwargs: Any) -> Any:
        raise Overtaken("always")

    ours._store.append = never
    with pytest.raises(Conflict, match="overtaken 50 times by others; try again"):
        ours.append(registers("x"))


WRITER = """
    import sys
    from ledger import ClaimRegistered, Entry, Ledger, Link, Statement

    path, name = sys.argv[1:]
    with Ledger.open(path, recorded_by=name) as ledger:
        print("ready", flush=True)
        sys.stdin.readline()
        for n in range(60):
            said = Statement(claims=("x", f"{name}-{n}"), chain=(Link(name=name),))
            shared = Statement(claims=("x",), chain=(Link(name="both"),), note=str(n))
            ledger.append_all(
                [Entry(event=said, id=f"{name}-{n}"), Entry(event=shared, id=f"both-{n}", recorded_by="both")],
                register=True,
            )
"""


def test_two_processes_append_at_once_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    side_by_side([started(WRITER, path, name) for name in ("ann", "bo")])
    with Ledger.open(path) as ledger:
        records = list(ledger.events())
    assert [r.position for r in records] == list(range(1, len(records) + 1))
    found = [r.id for r in records if not UUID7.fullmatch(r.id)]
    assert sorted(found) == sorted(f"{name}-{n}" for name in ("ann", "bo", "both") for n in range(60))
    registered = [r.event.claim for r in records if isinstance(r.event, ClaimRegistered)]
    assert sorted(registered) == sorted({"x", *(f"{name}-{n}" for name in ("ann", "bo") for n in range(60))})
    times = [r.recorded_at for r in records]
    assert times == sorted(times)


def test_many_threads_append_to_one_ledger(ledger: Ledger) -> None:
    ledger.append(registers("x"))
    errors: list[BaseException] = []

    def write(name: int) -> None:
        try:
            for number in range(15):
                ledger.append_all([states("x"), states(f"c{number}")], register=True)
                assert ledger.append(states("x"), id=f"shared-{number}").id == f"shared-{number}"
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert ledger.head == 1 + 6 * 15 * 2 + 15 + 15


# -- clocks ----------------------------------------------------------------------------------------------------------


def test_recorded_at_never_runs_backwards_with_a_clock_that_does(open_ledger: Callable[..., Ledger]) -> None:
    clock = Clock()
    ledger = open_ledger(clock=clock)
    ledger.append(registers("x"))
    clock.now = T0 - timedelta(hours=1)
    told = set()
    for _ in range(2):
        with pytest.warns(ClockBehind, match="is ahead of this machine's clock; the time of its last record") as warned:
            late = ledger.append(states("x"))
        assert late.recorded_at == T0
        told |= {str(one.message) for one in warned}
        clock.now += timedelta(seconds=1)
    assert len(told) == 1  # so it is shown once, unless one asks for more
    clock.now = T0 + timedelta(microseconds=1)
    assert ledger.append(states("x")).recorded_at == clock.now
    assert [r.recorded_at for r in ledger.events()] == [T0, T0, T0, clock.now]


def test_rules_go_by_the_time_an_event_is_recorded_at(open_ledger: Callable[..., Ledger]) -> None:
    clock = Clock()
    ledger = open_ledger(clock=clock)
    ledger.append(registers("x"))
    clock.now = datetime(2020, 1, 1, tzinfo=UTC)
    with pytest.warns(ClockBehind):
        receipt = ledger.append(states("x", said_at="2024-10-11"))
    assert receipt.recorded_at == T0


def test_a_clock_may_tell_the_time_of_any_zone(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(clock=Clock(T0.astimezone(timezone(timedelta(hours=9)))))
    assert ledger.append(registers("x")).recorded_at == T0
    assert b'"recorded_at":"2024-10-11T12:00:00.000000Z"' in next(ledger.stored())[1]


# -- closed and forked -----------------------------------------------------------------------------------------------

VERBS: dict[str, Callable[[Ledger], object]] = {
    "append": lambda ledger: ledger.append(registers("z")),
    "append_all": lambda ledger: ledger.append_all([registers("z")]),
    "append_each": lambda ledger: list(ledger.append_each([ledger.batch([registers("z")])])),
    "replay": lambda ledger: ledger.append(registers("x"), id="x"),
    "check": lambda ledger: list(ledger.check([registers("z")])),
    "load": lambda ledger: list(ledger.load(exported(0))),
    "state": lambda ledger: ledger.state(Read),
    "question": lambda ledger: ledger.question("x"),
    "record": lambda ledger: ledger.record("x"),
    "events": lambda ledger: list(ledger.events()),
    "events of a claim": lambda ledger: list(ledger.events(claim="x")),
    "stored": lambda ledger: list(ledger.stored()),
    "stretch": lambda ledger: ledger.stretch(),
    "wait": lambda ledger: ledger.wait(0, 1),
    "follow": lambda ledger: next(ledger.follow()),
    "head": lambda ledger: ledger.head,
}


@pytest.mark.parametrize("verb", list(VERBS))
def test_a_closed_ledger_refuses_every_verb(ledger: Ledger, verb: str) -> None:
    ledger.append(registers("x"), id="x")
    ledger.close()
    ledger.close()
    with pytest.raises(UsageError, match="is closed; open it again"):
        VERBS[verb](ledger)


def test_a_ledger_is_closed_where_its_context_ends(tmp_path: Path) -> None:
    with suppress(LookupError), Ledger.open(tmp_path / "a.db") as ledger:
        ledger.append(registers("x"))
        raise LookupError
    with pytest.raises(UsageError, match="closed"):
        ledger.head  # noqa: B018
    with Ledger.open(tmp_path / "a.db", read_only=True) as again:
        assert again.head == 1
        with pytest.raises(UsageError, match="opened for reading only"):
            again.append(registers("y"))


FORK = """
    import os, sys
    from ledger import ClaimRegistered, Entry, Ledger, UsageError

    registers = lambda claim: ClaimRegistered(claim=claim, text=claim)

    class Read:
        initial = staticmethod(lambda question: 0)
        evolve = staticmethod(lambda state, record: state + 1)

    ledger = Ledger.open(sys.argv[1])
    ledger.append(registers("x"), id="x")
    reading = ledger.events()
    verbs = [
        lambda: ledger.append(registers("y")),
        lambda: ledger.append(registers("x"), id="x"),
        lambda: list(ledger.append_each([ledger.batch([registers("y")])])),
        lambda: list(ledger.check([registers("y")])),
        lambda: list(ledger.load([(Entry(event=registers("y"), id="y"), 0)])),
        lambda: ledger.state(Read),
        lambda: ledger.question(),
        lambda: ledger.record("x"),
        lambda: list(ledger.events()),
        lambda: list(ledger.events(claim="x")),
        lambda: next(ledger.follow()),
        lambda: ledger.head,
    ]
    child = os.fork()
    if child == 0:
        refused = 0
        for verb in verbs:
            try:
                verb()
            except UsageError as error:
                refused += "before a fork; open it again in the new process" in str(error)
        ledger.close()
        if sys.argv[1] != ":memory:":
            with Ledger.open(sys.argv[1]) as own:
                own.append(registers("of-the-child"))
        os._exit(0 if refused == len(verbs) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    ledger.append(registers("y"))
    print(ledger.head)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize(("name", "head"), [("a.db", "3\n"), (":memory:", "2\n")])
def test_a_ledger_refuses_after_a_fork_and_serves_its_parent_on(tmp_path: Path, name: str, head: str) -> None:
    out, errors = started(FORK, name if name == ":memory:" else tmp_path / name).communicate(timeout=60)
    assert (out, errors) == (head, "")


# -- opening ---------------------------------------------------------------------------------------------------------


def test_what_is_no_ledger_is_refused_and_left_alone(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("These are my notes.\n" * 100)
    with pytest.raises(IntegrityError, match="is no ledger"):
        Ledger.open(notes)
    assert notes.read_text() == "These are my notes.\n" * 100
    for options in ({"create": False}, {"read_only": True}):
        with pytest.raises(NotFound):
            Ledger.open(tmp_path / "nowhere.db", **options)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["notes.txt"]


def test_a_ledger_is_named_by_where_it_lives(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "a.db") as ledger, Ledger.open(":memory:") as other:
        assert ledger.name == str(tmp_path / "a.db")
        assert other.name == ":memory:"


#: Those of the ledger, whatever else was imported by now that is one, too; but that too many append at once is a
#: failure like any other of the moment.
ERRORS = [cls for cls in LedgerError.__subclasses__() if cls.__module__ == LedgerError.__module__ and cls is not Busy]


@pytest.mark.parametrize("error", sorted(ERRORS, key=lambda cls: cls.__name__))
def test_every_error_ends_a_command_with_a_code_of_its_own(error: type[LedgerError]) -> None:
    codes = [cls.exit_code for cls in ERRORS]
    assert codes.count(error.exit_code) == 1
    assert error.exit_code not in (0, LedgerError.exit_code)
    assert Busy("full", retry_after_s=0.1).exit_code == LedgerError.exit_code
