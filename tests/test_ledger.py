"""Does the ledger keep its word: all or nothing, each id once, no time running back?"""

from __future__ import annotations

import os
import pickle
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from ledgers import ANN, T0, UUID7, Clock, Read, entry, exported, registers, states
from scripts import started

from ledger import (
    Assessment,
    Busy,
    ClockBehind,
    Conflict,
    Denial,
    Entry,
    Forbidden,
    IdReused,
    IntegrityError,
    InvalidEvent,
    Ledger,
    LedgerError,
    Likelihood,
    NotFound,
    RecordVoided,
    Refused,
    Retraction,
    Unavailable,
    UsageError,
    when,
)
from ledger.events import Event
from ledger.ids import Ids
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


@pytest.mark.parametrize("recorded_by", ["", "a\nb", "x" * 201, 7])
def test_a_ledger_is_not_opened_by_who_has_no_name(tmp_path: Path, recorded_by: Any) -> None:
    with pytest.raises(UsageError, match=r"^recorded_by is text of 1 to 200 printable characters$"):
        Ledger.open(tmp_path / "a.db", recorded_by=recorded_by)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("now", [datetime(2024, 10, 11, 12), 1_728_604_800.0])
def test_a_clock_tells_zoned_datetimes(open_ledger: Callable[..., Ledger], now: Any) -> None:
    ledger = open_ledger(clock=lambda: now)
    with pytest.raises(UsageError, match=r"the clock gives .*; give one of zoned datetimes"):
        ledger.append(registers("x"))
    assert ledger.head == 0


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


def test_no_two_threads_are_given_one_id() -> None:
    ids = Ids()
    given: list[list[str]] = [[] for _ in range(4)]

    def take(mine: list[str]) -> None:
        mine.extend(ids(1_728_604_800_000_000) for _ in range(2_000))

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=take, args=(mine,)) for mine in given]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert len({one for mine in given for one in mine}) == 8_000
    assert all(mine == sorted(mine) for mine in given)


# -- replays ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [None, "inferred"])
def test_a_band_has_one_spelling(open_ledger: Callable[..., Ledger], scale: Any) -> None:
    ledger = open_ledger(recorded_by="ann")
    ledger.append(registers("x"))

    def weighs(low: float, high: float) -> Assessment:
        likelihood = Likelihood(term="t", scale=scale, low=low, high=high)
        return Assessment(claims=("x",), chain=(by("Ann"),), likelihood=likelihood)

    for number, (low, high) in enumerate(((0, 1), (0.0, 1.0), (-0.0, 1))):
        event_id = f"a{number}"
        first = ledger.append(weighs(low, high), id=event_id)
        for again in ((0, 1), (0.0, 1.0), (-0.0, 1)):
            assert ledger.append(weighs(*again), id=event_id).position == first.position
            [one, _] = ledger.append_all([Entry(event=weighs(*again), id=event_id)] * 2)
            assert (one.position, one.replayed) == (first.position, True)
    assert ledger.head == 4


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
    "event",
    [
        states("x", note="n"),
        states("x", mode="question"),
        states("x", "y"),
        Denial(claims=("x",), chain=ANN),
        registers("z"),
    ],
)
@pytest.mark.parametrize("recorded_by", ["the desk", "another desk"])
def test_the_same_id_with_other_content_is_refused(ledger: Ledger, event: Event, recorded_by: str) -> None:
    ledger.append_all([registers("x"), registers("y"), entry("a", states("x"))])
    with pytest.raises(
        IdReused, match=r"id 'a' is taken by another event, at position 3 .* give this one an id"
    ) as caught:
        ledger.append(event, id="a", recorded_by=recorded_by)
    assert caught.value.positions == (3,)
    assert caught.value.exit_code == 5
    assert ledger.head == 3


def test_who_brings_what_another_has_recorded_is_told_that_it_is_there(open_ledger: Callable[..., Ledger]) -> None:
    ledger = open_ledger(clock=Clock())
    ledger.append_all([registers("x"), entry("a", states("x"))])
    there = r"id 'a' has this very event already, at position 2 \(recorded by the desk on 2024-10-11T12:00:00.000000Z\)"
    with pytest.raises(IdReused, match=f"{there}; there is nothing to append") as caught:
        ledger.append(states("x"), id="a", recorded_by="another desk")
    assert caught.value.positions == (2,)
    [checked] = ledger.check([entry("a", states("x"), "another desk")])
    assert str(checked) == str(caught.value)
    assert ledger.head == 2


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


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (entry("a", states("x", note="n")), "with another event; give each an id of its own"),
        (entry("a", states("x"), "Bo"), "with this very event, recorded by the desk; leave one of them out"),
    ],
)
def test_but_not_with_other_content(ledger: Ledger, second: Entry, says: str) -> None:
    with pytest.raises(IdReused) as caught:
        ledger.append_all([registers("x"), entry("a", states("x")), second])
    assert (caught.value.index, caught.value.positions, ledger.head) == (2, (), 0)
    assert str(caught.value) == f"id 'a' came before, in the same batch, {says}"


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
        then = "append it in parts" if batch else "give at least one"
        with pytest.raises(UsageError, match=rf"a batch has 1 to 1,000 events, not .*; {then}"):
            ledger.append_all(batch)
    assert ledger.head == 0
    assert ledger.append_all(thousand)[-1].position == 1_000
    assert ledger.append_all([states(f"c{n}", f"new-{n}") for n in range(1_000)], register=True)[-1].position == 3_000


@pytest.mark.parametrize("alone", [registers("x"), entry("a", registers("x"))])
def test_an_event_alone_is_no_list_of_them(ledger: Ledger, alone: Any) -> None:
    for verb in (ledger.append_all, ledger.batch, ledger.check):
        with pytest.raises(UsageError, match=r"events come in a list; give \[event\], or `append` it"):
            verb(alone)
    assert ledger.head == 0


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


def test_with_an_event_that_is_refused_nothing_is_registered_as_far_as_a_check_can_tell(ledger: Ledger) -> None:
    bad, good = states("x", said_at="3000-01-01"), registers("x")
    assert [error.index for error in ledger.check([bad, good, states("x"), bad, good], register=True)] == [0, 3, 4]
    reg, void = entry("r", registers("y")), entry("v", RecordVoided(target="r", why="w"))
    again = states("y", said_at="3000-01-01")
    found = ledger.check(
        [reg, void, again, registers("y"), entry("u", RecordVoided(target="v", why="w"))], register=True
    )
    assert [error.index for error in found] == [2]


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


def test_an_error_that_crosses_to_another_process_is_the_same_there() -> None:
    for error in (Busy("full", 2.5), Conflict("late", (1, 2), 3), InvalidEvent("no time", "/said_at"), Refused("no")):
        there = pickle.loads(pickle.dumps(error))
        assert (type(there), str(there), vars(there)) == (type(error), str(error), vars(error))


#: Those of the ledger, whatever else was imported by now that is one, too; but that it cannot be had now, or not by
#: whoever asks, is a failure like any other.
ERRORS = {cls for cls in LedgerError.__subclasses__() if cls.__module__ == LedgerError.__module__} - {
    Unavailable,
    Forbidden,
}


@pytest.mark.parametrize("error", sorted(ERRORS, key=lambda cls: cls.__name__))
def test_every_error_ends_a_command_with_a_code_of_its_own(error: type[LedgerError]) -> None:
    codes = [cls.exit_code for cls in ERRORS]
    assert codes.count(error.exit_code) == 1
    assert error.exit_code not in (0, LedgerError.exit_code)
    assert Busy("full", retry_after_s=0.1).exit_code == Unavailable.exit_code == LedgerError.exit_code
    assert Forbidden.exit_code == LedgerError.exit_code


# -- another history -------------------------------------------------------------------------------------------------

BY_WHAT_STANDS: dict[str, Callable[[Ledger, Any], Any]] = {
    "append": lambda ledger, at: ledger.append(states("x"), expected=at),
    "append_all": lambda ledger, at: ledger.append_all([states("x")], expected=at),
    "batch": lambda ledger, at: ledger.batch([states("x")], expected=at),
    "brought": lambda ledger, at: ledger.brought([states("x")], expected=at),
    "events": lambda ledger, at: list(ledger.events(after=at)),
    "stored": lambda ledger, at: list(ledger.stored(after=at)),
    "tagged": lambda ledger, at: list(ledger.tagged(["claim:x"], after=at)),
    "follow": lambda ledger, at: next(ledger.follow(after=at)),
    "stretch": lambda ledger, at: ledger.stretch(after=at),
    "wait": lambda ledger, at: ledger.wait(at, 0),
    "question": lambda ledger, at: ledger.question(as_of=at),
    "state": lambda ledger, at: ledger.state(Count, as_of=at),
    "place_of": lambda ledger, at: ledger.place_of(at),
}


class Count:
    """A projection: how many records there are."""

    @staticmethod
    def initial(question: Any) -> int:
        return 0

    @staticmethod
    def evolve(state: int, record: Any) -> int:
        return state + 1


def with_ids(ledger: Ledger, ids: str) -> Ledger:
    """The ledger, once it holds events with these ids, all about claim x."""
    ledger.append(registers("x"), id="x")
    for event_id in ids:
        ledger.append(states("x"), id=event_id)
    return ledger


@pytest.mark.parametrize("verb", BY_WHAT_STANDS)
def test_what_does_not_stand_where_it_is_said_to_is_never_passed_over(verb: str) -> None:
    with Ledger.open(":memory:") as before, Ledger.open(":memory:") as restored:
        with_ids(before, "abc"), with_ids(restored, "acde")  # b is elsewhere, or nowhere
        ask = BY_WHAT_STANDS[verb]
        for event_id in "bc":
            record = before.record(event_id)
            receipt = before.append(record.event, id=event_id)
            for at in (record, receipt):
                with pytest.raises(UsageError, match=f"'{event_id}' does not stand at position .* another history"):
                    ask(restored, at)
        assert restored.head == 5
        with suppress(Conflict):
            ask(restored, restored.record("a"))


@pytest.mark.parametrize("verb", ["stretch", "wait", "follow"])
def test_who_waits_past_the_end_of_a_ledger_is_told(verb: str) -> None:
    with Ledger.open(":memory:") as ledger:
        with_ids(ledger, "abc")
        with pytest.raises(UsageError, match="position 11 is not in this ledger, which ends at 4"):
            BY_WHAT_STANDS[verb](ledger, 11)
        assert ledger.stretch(after=4) == ([], 4)
        assert not ledger.wait(4, 0)
