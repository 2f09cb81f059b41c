"""Does the ledger keep its word: all or nothing, each id once, no time running back, every cut what it says?"""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import ledger as package
from ledger import (
    Busy,
    ClaimRegistered,
    ClaimReworded,
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
    Statement,
    UsageError,
    intake,
    when,
)
from ledger.events import Event, tag_of
from ledger.store import Overtaken
from ledger.testing import by

T0 = datetime(2024, 10, 11, 12, tzinfo=UTC)
ANN = (by("Ann"), by("AFP", "outlet"))


class Clock:
    """A clock that stands where it is put."""

    def __init__(self, now: datetime = T0) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


def registers(claim: str) -> ClaimRegistered:
    return ClaimRegistered(claim=claim, text=f"The claim {claim}.")


def states(*claims: str, **more: Any) -> Statement:
    return Statement(claims=claims, chain=ANN, **more)


def entry(event_id: str | None, event: Event, recorded_by: str | None = None) -> Entry:
    return Entry(event=event, id=event_id, recorded_by=recorded_by)


@pytest.fixture(params=["memory", "file"], scope="module")
def where(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def open_ledger(where: str, tmp_path: Path) -> Iterator[Callable[..., Ledger]]:
    """Opens ledgers in memory or in a file."""
    opened: list[Ledger] = []

    def open_one(**options: Any) -> Ledger:
        url = ":memory:" if where == "memory" else tmp_path / f"{len(opened)}.db"
        opened.append(Ledger.open(url, **({"recorded_by": "the desk"} | options)))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def ledger(open_ledger: Callable[..., Ledger]) -> Ledger:
    return open_ledger()


def ids(found: Iterator[Any]) -> list[str]:
    return [record.id for record in found]


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
    with pytest.raises(Conflict, match=r"2 event\(s\) about x came after position 3; read them first") as caught:
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


# -- others at work --------------------------------------------------------------------------------------------------


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Ledger, Ledger]]:
    with Ledger.open(tmp_path / "a.db") as ours, Ledger.open(tmp_path / "a.db") as theirs:
        yield ours, theirs


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


def run(script: str, *args: object) -> subprocess.Popen[str]:
    home = str(Path(package.__file__ or "").parent.parent)
    path = os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH")]))
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, args)],
        env=os.environ | {"PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_append_at_once_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    writers = [run(WRITER, path, name) for name in ("ann", "bo")]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()
    for writer in writers:
        assert (writer.wait(60), writer.communicate()[1]) == (0, "")
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
    with pytest.warns(ClockBehind, match=r"is 3600\.000 s ahead of this machine's clock; its last time"):
        late = ledger.append(states("x"))
    assert late.recorded_at == T0
    clock.now = T0 + timedelta(microseconds=1)
    assert ledger.append(states("x")).recorded_at == clock.now
    assert [r.recorded_at for r in ledger.events()] == [T0, T0, clock.now]


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


# -- taking in what another ledger exported --------------------------------------------------------------------------

NOON_US = when.micros(T0)


def exported(*times: int, first: str = "c") -> list[tuple[Entry, int]]:
    return [(entry(f"{first}{n}", registers(f"{first}{n}"), "Bo"), NOON_US + time) for n, time in enumerate(times)]


def load(ledger: Ledger, records: list[tuple[Entry, int]]) -> list[tuple[int, bool]]:
    return [(r.position, r.replayed) for r in ledger.load(records)]


def test_what_is_loaded_keeps_its_ids_and_times(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(clock=Clock())
    receipts = list(ledger.load(exported(-7, -7, -3, 0)))
    assert [(r.id, r.position, when.micros(r.recorded_at) - NOON_US) for r in receipts] == [
        ("c0", 1, -7),
        ("c1", 2, -7),
        ("c2", 3, -3),
        ("c3", 4, 0),
    ]
    assert [intake.record(data) for _, data in ledger.stored()] == exported(-7, -7, -3, 0)
    assert [r.recorded_by for r in ledger.events()] == ["Bo"] * 4


def test_what_was_loaded_before_is_passed_over(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(clock=Clock())
    load(ledger, exported(-9, -8, -7))
    assert load(ledger, exported(-9, -8, -7, -6)) == [(1, True), (2, True), (3, True), (4, False)]
    for other in (
        [(entry("c0", registers("c0"), "Bo"), NOON_US - 8)],
        [(entry("c0", registers("c0"), "Cy"), NOON_US - 9)],
        [(entry("c0", registers("c9"), "Bo"), NOON_US - 9)],
    ):
        with pytest.raises(IdReused, match="id 'c0' is taken"):
            load(ledger, other)
    twice = exported(-5, -5, first="d")
    assert load(ledger, [*twice, *twice]) == [(5, False), (6, False), (5, True), (6, True)]


@pytest.mark.parametrize("times", [(-11,), (-9, -11), (-5, -6), (-4, -4, -5)])
def test_nothing_older_than_the_ledger_is_loaded(open_ledger: Callable[..., Ledger], times: tuple[int, ...]) -> None:
    ledger = open_ledger(clock=Clock())
    load(ledger, exported(-10))
    with pytest.raises(Refused, match=r"is older than the one before it, of .*; a backfill goes into a new ledger"):
        load(ledger, exported(*times, first="d"))
    assert ledger.head == 1
    assert load(ledger, exported(-10, -10, first="e")) == [(2, False), (3, False)]


def test_nothing_older_than_what_another_loaded_since_is_loaded(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "a.db", clock=Clock()) as ours, Ledger.open(tmp_path / "a.db", clock=Clock()) as theirs:
        load(ours, exported(-10))
        load(theirs, exported(-5, first="d"))
        with pytest.raises(Refused, match=r"'e0', recorded on .*, is older than the one before it") as caught:
            load(ours, exported(-7, first="e"))
        assert (caught.value.index, ours.head) == (0, 2)


def test_nothing_is_loaded_from_more_than_five_seconds_ahead(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(clock=Clock())
    with pytest.raises(Refused, match=r"lies ahead of this machine's clock, 2024-10-11T12:00:00.000000Z"):
        load(ledger, exported(0, 5_000_001))
    assert ledger.head == 0
    assert load(ledger, exported(0, 5_000_000)) == [(1, False), (2, False)]
    with pytest.warns(ClockBehind):
        assert when.micros(ledger.append(registers("x")).recorded_at) == NOON_US + 5_000_000


def test_a_load_is_lazy_and_goes_by_the_thousand(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(clock=Clock())
    loading = ledger.load(iter(exported(*range(-2_100, 0))))
    assert ledger.head == 0
    assert next(loading).position == 1
    assert ledger.head == 1_000
    assert len(list(loading)) == 2_099
    assert ledger.head == 2_100


def test_the_next_thousand_are_taken_while_the_disk_is_waited_for_and_told_of_after(
    open_ledger: Callable[..., Ledger],
) -> None:
    ledger = open_ledger(clock=Clock())
    taken: list[int] = []

    def coming() -> Iterator[tuple[Entry, int]]:
        for number, record in enumerate(exported(*range(-2_500, 0))):
            taken.append(number)
            yield record

    loading = ledger.load(coming())
    assert next(loading).position == 1
    assert (len(taken), ledger.head) == (2_000, 1_000)


def test_what_was_loaded_is_told_before_what_goes_wrong_with_the_next(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(clock=Clock())

    def coming() -> Iterator[tuple[Entry, int]]:
        yield from exported(*range(-1_200, 0))
        raise OSError("the file cannot be read any further")

    told: list[int] = []
    with pytest.raises(OSError, match="any further"):
        told.extend(receipt.position for receipt in ledger.load(coming()))
    assert told == list(range(1, 1_001))
    assert ledger.head == 1_000


def test_what_comes_in_may_itself_append(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(clock=Clock())

    def coming() -> Iterator[tuple[Entry, int]]:
        for number, record in enumerate(exported(*range(-1_500, 0))):
            if number == 1_200:
                list(ledger.load(exported(-501, first="d")))
            yield record

    assert [receipt.position for receipt in ledger.load(coming())] == [*range(1, 1_001), *range(1_002, 1_502)]


def test_nobody_is_left_working_when_a_load_is_given_up(open_ledger: Callable[..., Ledger]) -> None:
    before = threading.active_count()
    loading = open_ledger(clock=Clock()).load(exported(*range(-2_500, 0)))
    next(loading)
    assert threading.active_count() == before


@pytest.mark.parametrize("place", [0, 999, 1_000, 1_500])
def test_a_bad_record_is_told_by_its_place_in_the_whole(open_ledger: Callable[..., Ledger], place: int) -> None:
    ledger = open_ledger(clock=Clock())
    records = exported(*range(-1_501, 0))
    records[place] = (entry("bad", states("nowhere")), records[place][1])
    with pytest.raises(NotFound) as caught:
        load(ledger, records)
    assert caught.value.index == place
    assert ledger.head == place // 1_000 * 1_000
    records[place] = (entry("bad", states("A b")), records[place][1])
    with pytest.raises(InvalidEvent) as invalid:
        load(ledger, records)
    assert invalid.value.index == place


def test_rules_hold_for_what_is_loaded(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(clock=Clock())
    ahead = entry("a", states("x", said_at="2024-10-11"))
    with pytest.raises(Refused, match="lies ahead of its recording"):
        load(ledger, [(entry("x", registers("x")), NOON_US - 10**12), (ahead, NOON_US - 10**12)])
    with pytest.raises(NotFound):
        load(ledger, [(entry("a", states("x")), NOON_US)])
    assert ledger.head == 0


# -- cuts ------------------------------------------------------------------------------------------------------------


class Read:
    """A projection that answers with the positions it was given."""

    @staticmethod
    def initial(question: Any) -> tuple[int, ...]:
        return ()

    @staticmethod
    def evolve(state: tuple[int, ...], record: Any) -> tuple[int, ...]:
        return (*state, record.position)


DAYS = [datetime(2024, 9, 30, 23, tzinfo=UTC), T0, T0, T0 + timedelta(hours=20), datetime(2025, 1, 1, tzinfo=UTC)]


@pytest.fixture(scope="module")
def dated(where: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Positions 1 to 5, recorded on 30 September, twice at noon on 11 October, on the 12th, and on New Year's Day."""
    clock = Clock()
    url = ":memory:" if where == "memory" else tmp_path_factory.mktemp("dated") / "a.db"
    with Ledger.open(url, clock=clock, recorded_by="the desk") as ledger:
        for number, clock.now in enumerate(DAYS, 1):
            ledger.append(registers(f"c{number}"), id=f"e{number}")
        yield ledger


@pytest.mark.parametrize(
    ("cut", "position"),
    [
        (0, 0),
        (3, 3),
        (5, 5),
        ("0", 0),
        ("3", 3),
        ("0003", 3),
        ("0" * 5_000 + "3", 3),
        ("e1", 1),
        ("e5", 5),
        ("2024-09-29", 0),
        ("2024-09-30", 1),
        ("2024-10-10", 1),
        ("2024-10-11", 3),
        ("2024-09", 1),
        ("2024-10", 4),
        ("2024-12", 4),
        ("2025-01", 5),
        ("2024-10-11T12:00:00Z", 3),
        ("2024-10-11T11:59:59.999999Z", 1),
        ("2024-10-11T12:00Z", 3),
        ("2024-10-11T21:00+09:00", 3),
        ("2024-10-11T12:00+00:01", 1),
        ("9999-12-31", 5),
        ("0001-01-01", 0),
        (date(2024, 10, 11), 3),
        (date(2024, 10, 10), 1),
        (date.max, 5),
        (date.min, 0),
        (T0, 3),
        (T0 - timedelta(microseconds=1), 1),
        (T0.astimezone(timezone(timedelta(hours=-9))), 3),
        (datetime.max.replace(tzinfo=timezone(timedelta(hours=-1))), 5),
        (datetime.min.replace(tzinfo=timezone(timedelta(hours=1))), 0),
        (None, 5),
    ],
)
def test_a_cut_is_the_last_position_it_includes(dated: Ledger, cut: Any, position: int) -> None:
    question = dated.question(as_of=cut)
    assert question.as_of.position == position
    assert question.as_of.recorded_at == (when.stamp(when.micros(DAYS[position - 1])) if position else None)
    assert dated.state(Read, as_of=cut) == tuple(range(1, position + 1))
    assert ids(dated.events(as_of=cut)) == [f"e{n}" for n in range(1, position + 1)]


def test_a_receipt_and_a_record_are_cuts(dated: Ledger) -> None:
    receipt = dated.append(registers("c2"), id="e2")
    assert dated.question(as_of=receipt).as_of.position == 2
    assert dated.question(as_of=dated.record("e4")).as_of.position == 4


@pytest.mark.parametrize(
    "cut",
    [
        6,
        -1,
        10**30,
        "6",
        "2024",  # digits are a position, never a year
        "9" * 5_000,
        True,
        1.5,
        b"3",
        [],
        "",
        " ",
        "e6",
        "E1",
        "-1",
        "+1",
        "1.0",
        "٣",
        "2024-10-11T12:00:00",
        "2024-10-11~",
        "../2024-10-11",
        "2024-10-11/2024-10-12",
        "2024-02-30",
        "yesterday",
        "e1\n",
        "\0",
        "\ud800",
        datetime(2024, 10, 11),
    ],
)
def test_what_is_no_cut_is_told(dated: Ledger, cut: Any) -> None:
    for ask in (dated.question, dated.events, lambda as_of: dated.state(Read, as_of=as_of)):
        with pytest.raises(UsageError) as caught:
            ask(as_of=cut)
        str(caught.value).encode()


def test_a_cut_past_the_head_tells_where_the_head_is(dated: Ledger) -> None:
    with pytest.raises(UsageError, match="position 6 is not in this ledger, which ends at 5"):
        dated.question(as_of=6)
    with pytest.raises(UsageError, match="has no zone; give a zoned datetime"):
        dated.question(as_of=datetime(2024, 10, 11))


@pytest.mark.parametrize(
    ("cut", "last"),
    [
        ("2024", "2024-12-31T23:59:59.999999Z"),
        ("2024-10", "2024-10-31T23:59:59.999999Z"),
        ("2024-10-08", "2024-10-08T23:59:59.999999Z"),
        ("2024-10-08T12:00+09:00", "2024-10-08T03:00:00.000000Z"),
        (date(2024, 10, 8), "2024-10-08T23:59:59.999999Z"),
        (T0, "2024-10-11T12:00:00.000000Z"),
    ],
)
def test_a_cut_in_the_world_means_its_last_microsecond(dated: Ledger, cut: Any, last: str) -> None:
    question = dated.question("c1", as_of=3, said_by=cut)
    assert when.stamp(question.said_by or 0) == last
    assert question.said_by_text == (cut if isinstance(cut, str) else cut.isoformat())
    assert (question.subject, question.as_of.position) == ("c1", 3)


@pytest.mark.parametrize(
    "cut",
    [
        3,
        0,
        True,
        "e1",
        "tomorrow",
        "2024~",
        "2024/2025",
        "2024-10-08T12:00",
        datetime(2024, 10, 8),
        1.5,
        b"2024",
        "\ud800",
    ],
)
def test_positions_and_events_are_no_cuts_in_the_world(dated: Ledger, cut: Any) -> None:
    with pytest.raises(UsageError):
        dated.question(said_by=cut)
    with pytest.raises(UsageError):
        dated.question(said_by=dated.record("e1"))


def test_a_question_is_about_what_was_there_when_it_was_asked(ledger: Ledger) -> None:
    ledger.append_all([registers("x"), states("x")])

    class Growing(Read):
        @staticmethod
        def evolve(state: tuple[int, ...], record: Any) -> tuple[int, ...]:
            ledger.append(states("x"))
            return (*state, record.position)

    assert ledger.state(Growing) == (1, 2)
    assert ledger.head == 4


# -- reading ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def told(where: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """Two claims, three speakers, an act moved from one claim to the other, and a void."""
    bo = (by("Bo"), by("AFP", "outlet"))
    ledger = Ledger.open(":memory:" if where == "memory" else tmp_path_factory.mktemp("told") / "a.db")
    ledger.append_all(
        [
            entry("x", registers("x")),
            entry("y", registers("y")),
            entry("ax", states("x")),
            entry("bx", Statement(claims=("x",), chain=bo)),
            entry("by", Denial(claims=("y",), chain=bo)),
            entry("axy", states("x", possible_claims=("y",))),
            entry("m", RecordAmended(target="ax", changes={"claims": ["y"]}, why="w")),
            entry("v", RecordVoided(target="bx", why="w")),
            entry("s", SourceRegistered(source="bo", name="Bo")),
        ]
    )
    yield ledger
    ledger.close()


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ({}, "x y ax bx by axy m v s"),
        ({"claim": "x"}, "x ax bx axy m v"),
        ({"claim": "y"}, "y by axy m"),
        ({"claim": "z"}, ""),
        ({"source": "ann"}, "ax axy m"),
        ({"source": "bo"}, "bx by v s"),
        ({"source": "afp"}, "ax bx by axy m v"),
        ({"claim": "x", "source": "bo"}, "bx v"),
        ({"claim": "y", "source": "ann"}, "axy m"),
        ({"claim": "x", "source": "cy"}, ""),
        ({"types": ["statement"]}, "ax bx axy"),
        ({"types": ["statement", "denial"], "claim": "y"}, "by axy"),
        ({"types": ["record_voided"], "claim": "x", "source": "bo"}, "v"),
        ({"types": ["ruling_recorded"]}, ""),
        ({"after": 3}, "bx by axy m v s"),
        ({"after": 9}, ""),
        ({"after": 10**30}, ""),
        ({"after": -5}, "x y ax bx by axy m v s"),
        ({"after": 3, "as_of": 6}, "bx by axy"),
        ({"as_of": "by", "claim": "x"}, "x ax bx"),
        ({"as_of": 0}, ""),
        ({"after": 7, "claim": "x", "source": "bo"}, "v"),
        ({"after": 6, "as_of": 4}, ""),
    ],
)
def test_events_are_found_by_claim_source_type_and_range(told: Ledger, filters: dict[str, Any], found: str) -> None:
    assert ids(told.events(**filters)) == found.split()
    assert [position for position, _ in told.stored(**filters)] == [told.record(i).position for i in found.split()]
    if "as_of" not in filters:
        stretch = told.stretch(**filters)
        assert [(kept.position, kept.data) for kept in stretch.records] == list(told.stored(**filters))
        assert stretch.upto == max(told.head, filters.get("after", 0))


def test_a_log_read_in_stretches_is_the_log(told: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package.ledger, "_STRETCH", 3)
    for filters in ({}, {"claim": "x"}, {"types": ["denial"]}, {"claim": "x", "source": "bo"}):
        whole, after, looked = list(told.stored(**filters)), 0, [0]
        while after < told.head:
            found, after = told.stretch(**filters, after=after, limit=2)
            assert len(found) <= 2
            assert [(kept.position, kept.data) for kept in found] == whole[: len(found)]
            del whole[: len(found)]
            looked.append(after)
        assert whole == []
        assert all(0 < later - earlier <= 3 for earlier, later in itertools.pairwise(looked))


def test_a_stretch_tells_the_tags_by_which_its_records_are_found(told: Ledger) -> None:
    for kept in told.stretch().records:
        assert kept.type == tag_of(told.record(kept.tags[0].removeprefix("id:")).event)
        for tag in kept.tags[1:]:
            assert kept.position in [position for position, _ in told.tagged([tag])]


@pytest.mark.parametrize("types", [["rumour"], ["statement", "Statement"], "statement"])
def test_a_type_that_is_none_is_told_at_once(told: Ledger, types: Any) -> None:
    with pytest.raises(UsageError, match="is no event type; there are statement, denial"):
        told.events(types=types)


@pytest.mark.parametrize("event_id", ["nowhere", "", "a\0b", "AX", "ax "])
def test_an_event_that_is_not_there_is_not_found(told: Ledger, event_id: str) -> None:
    with pytest.raises(NotFound, match=r"there is no event .* `claims log` lists what there is"):
        told.record(event_id)


def test_what_is_no_text_is_asked_for_in_vain(told: Ledger) -> None:
    """As a broken byte on a command line comes in."""
    for ask in (
        lambda: told.record("\udcff"),
        lambda: told.events(claim="\udcff"),
        lambda: told.events(source="\udcff"),
        lambda: told.question("\udcff"),
        lambda: told.question(as_of="\udcff"),
    ):
        with pytest.raises(UsageError, match="is not UTF-8 text"):
            ask()


def test_events_are_read_lazily_and_only_up_to_where_the_ledger_then_was(ledger: Ledger) -> None:
    ledger.append_all([registers(f"c{n}") for n in range(1_000)])
    ledger.append_all([registers(f"d{n}") for n in range(1_000)])
    reading = ledger.events()
    assert next(reading).position == 1
    ledger.append(registers("late"))
    assert [r.position for r in reading] == list(range(2, 2_001))


# -- following -------------------------------------------------------------------------------------------------------


def test_a_follower_skips_nothing_and_doubles_nothing(ledger: Ledger) -> None:
    ledger.append(registers("x"))
    stop, followed = threading.Event(), []

    def follow() -> None:
        for record in ledger.follow(stop=stop, poll_s=0.02):
            followed.append(record.position)
            if len(followed) == 121:
                stop.set()

    follower = threading.Thread(target=follow)
    follower.start()
    writers = [threading.Thread(target=lambda: [ledger.append(states("x")) for _ in range(40)]) for _ in range(3)]
    for writer in writers:
        writer.start()
    for thread in (*writers, follower):
        thread.join(30)
    assert followed == list(range(1, 122))
    assert not follower.is_alive()


def test_a_follower_sees_what_another_process_would_write(two: tuple[Ledger, Ledger]) -> None:
    ours, theirs = two
    following = ours.follow(poll_s=0.02)
    for number in range(5):
        theirs.append(registers(f"c{number}"))
        assert next(following).position == number + 1


def test_what_carries_a_tag_is_told_after_a_position_and_up_to_a_cut(ledger: Ledger) -> None:
    for number in range(1, 6):
        reworded = ClaimReworded(claim="c0", text=f"C {number}.", why="clearer")
        ledger.append(ClaimRegistered(claim=f"c{number % 2}", text="C.") if number < 3 else reworded, id=f"e{number}")

    def found(*tags: str, **cuts: Any) -> list[int]:
        return [position for position, _ in ledger.tagged(tags, **cuts)]

    assert found("claim:c0") == [2, 3, 4, 5]
    assert found("claim:c0", after=2) == [3, 4, 5]
    assert found("claim:c0", after=2, as_of=4) == [3, 4]
    assert found("claim:c0", "id:e1", "id:e3", after=1, as_of=3) == [2, 3]
    assert found("claim:c0", after=5) == found("claim:c0", after=9) == []


def test_a_follower_begins_after_what_its_reader_has_seen(ledger: Ledger) -> None:
    receipts = [ledger.append(registers(f"c{n}")) for n in range(3)]
    for after in (1, receipts[0], ledger.record(receipts[0].id)):
        following = ledger.follow(after=after)
        assert [next(following).position, next(following).position] == [2, 3]
    for nonsense in ("1", True, 0.5):
        with pytest.raises(UsageError, match="is no position"):
            next(ledger.follow(after=nonsense))


def test_a_follower_that_waits_ends_when_it_is_stopped(ledger: Ledger) -> None:
    stop, ended = threading.Event(), threading.Event()

    def follow() -> None:
        assert list(ledger.follow(stop=stop, poll_s=0.02)) == []
        ended.set()

    thread = threading.Thread(target=follow)
    thread.start()
    assert not ended.wait(0.1)
    stop.set()
    thread.join(10)
    assert ended.is_set()
    assert list(ledger.follow(stop=stop)) == []


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
    out, errors = run(FORK, name if name == ":memory:" else tmp_path / name).communicate(timeout=60)
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
