"""Does the ledger keep its word where others append at the same time, and is who was overtaken told so?"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ledgers import ANN, T0, UUID7, entry, registers, states
from scripts import side_by_side, started

from ledger import (
    Busy,
    ClaimRegistered,
    ClaimsRelated,
    Conflict,
    IdReused,
    Ledger,
    LedgerError,
    NotFound,
    RecordAmended,
    RecordVoided,
    Refused,
    Retraction,
    SourceRegistered,
    UsageError,
)
from ledger.events import Event
from ledger.store import Overtaken

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
        assert (caught.value.positions, caught.value.head) == ((3,), 3)
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
    ledger.append(registers("z"))
    assert len(list(ledger.events(claim="x", after=1, as_of=caught.value.head))) == 300
    assert ledger.append(states("x"), expected=caught.value.head).position == 303


def test_who_has_read_up_to_the_head_of_a_conflict_is_told_of_what_came_after_it(ledger: Ledger) -> None:
    ledger.append_all([registers("x"), registers("y"), states("x"), states("y")])
    with pytest.raises(Conflict) as first:
        ledger.append(states("x"), expected=2)
    assert (first.value.positions, first.value.head) == ((3,), 4)
    ledger.append(states("x"))
    with pytest.raises(Conflict) as second:
        ledger.append(states("x"), expected=first.value.head)
    assert (second.value.positions, second.value.head) == ((5,), 5)
    assert Conflict("overtaken").head is None


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
    with pytest.raises(Busy, match=r"overtaken 50 times by others, .*; try again"):
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
