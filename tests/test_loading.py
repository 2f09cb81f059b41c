"""Does a ledger take in what another exported: with its ids and times, by the thousand, and nothing twice?"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ledgers import ANN, NOON_US, Clock, entry, exported, registers, states
from msgspec.structs import replace

from ledger import (
    Assessment,
    ClockBehind,
    Entry,
    IdReused,
    InvalidEvent,
    Ledger,
    Likelihood,
    NotFound,
    Refused,
    UsageError,
    intake,
    records,
    when,
)


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
    for other, says in (
        ((entry("c0", registers("c0"), "Bo"), NOON_US - 8), "has this very event already"),
        ((entry("c0", registers("c0"), "Cy"), NOON_US - 9), "has this very event already"),
        ((entry("c0", registers("c9"), "Bo"), NOON_US - 9), "is taken by another event"),
    ):
        with pytest.raises(IdReused, match=f"id 'c0' {says}"):
            load(ledger, [other])
    twice = exported(-5, -5, first="d")
    assert load(ledger, [*twice, *twice]) == [(5, False), (6, False), (5, True), (6, True)]


@pytest.mark.parametrize("written", ["2024-10-08T12:00:00.000000Z", "2024-10-08T14:00+02:00", "2024-10-08T12:00:00Z"])
@pytest.mark.parametrize("change", [{}, {"id": "other"}, {"recorded_by": "Cy"}])
@pytest.mark.parametrize("later", [0, 1])
def test_a_record_is_stored_as_it_is_loaded_however_it_was_read(
    ledger: Ledger, written: str, change: dict[str, str], later: int
) -> None:
    event = records.encode_event(registers("x"))
    before, after = records.envelope("c0", "Bo", event)
    [(read, at)] = intake.record_all([before + written.encode() + after])
    before, after = records.envelope(change.get("id", "c0"), change.get("recorded_by", "Bo"), event)
    assert load(ledger, [(replace(read, **change), at + later)]) == [(1, False)]
    assert [*ledger.stored()] == [(1, before + when.stamp(at + later).encode() + after)]


def test_an_assessment_that_comes_without_its_band_is_stored_with_it(ledger: Ledger) -> None:
    load(ledger, exported(-10))
    likely = Assessment(claims=("c0",), chain=ANN, likelihood=Likelihood(term="likely", scale="phia"))
    before, after = records.envelope("a", "Bo", records.encode_event(likely))
    load(ledger, intake.record_all([before + when.stamp(NOON_US).encode() + after]))
    (_, stored), *_ = ledger.stored(after=1)
    before, after = records.envelope("a", "Bo", intake.canonical(likely).data)
    assert b'"low":0.55' in stored
    assert stored == before + when.stamp(NOON_US).encode() + after


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


@pytest.mark.parametrize("at", [10**18, -(10**18), 10**30])
def test_what_is_no_moment_is_told_of_by_its_place(ledger: Ledger, at: int) -> None:
    coming = [*exported(0), (entry("late", registers("late"), "Bo"), at)]
    with pytest.raises(UsageError, match="is no moment of the years 1 to 9999") as caught:
        list(ledger.load(coming))
    assert caught.value.index == 1
    assert ledger.head == 0
