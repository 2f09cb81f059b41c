"""Does the ledger tell what was there: at every cut, by claim, source and type, and as it comes?"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from ledgers import T0, Clock, Read, entry, ids, registers, states

import ledger as package
from ledger import (
    ActGraded,
    ClaimRegistered,
    ClaimReworded,
    ClaimsRelated,
    Correction,
    Denial,
    EvidenceAttached,
    Ledger,
    NotFound,
    RecordAmended,
    RecordVoided,
    RelationWithdrawn,
    Retraction,
    SourceRegistered,
    Statement,
    UsageError,
    fold,
    when,
)
from ledger.events import tag_of
from ledger.testing import by
from projections import aftermath, board, diff, sources, status, timeline
from projections.views import Views

# -- cuts ------------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("id_", ["2024-10-11", "2024-10-11T12:00:00Z", "2024-10", "2"])
def test_an_id_that_reads_as_a_moment_or_a_position_changes_no_answer_given_before(ledger: Ledger, id_: str) -> None:
    ledger.append_all([registers("c1"), registers("c2")])
    before = ledger.question(as_of=id_).as_of
    assert before.position == (2 if id_ == "2" else 0)
    ledger.append(registers("c3"), id=id_)
    assert ledger.question(as_of=id_).as_of == before
    assert ledger.record(id_).position == 3


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
    with pytest.raises(UsageError, match="position 6 is not in this ledger, which ends at 5; give one from 0 to 5, or"):
        dated.question(as_of=6)
    with pytest.raises(UsageError, match=r"position 9{18}… is not in this ledger, which ends at 5; give one from 0"):
        dated.question(as_of="9" * 40)
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
    if not 0 <= filters.get("after", 0) <= told.head:
        with pytest.raises(UsageError, match="is not in this ledger, which ends at 9"):
            told.stretch(**filters)
    elif "as_of" not in filters:
        stretch = told.stretch(**filters)
        assert [(kept.position, kept.data) for kept in stretch.records] == list(told.stored(**filters))
        assert stretch.upto == told.head


def test_a_stretch_has_a_record(told: Ledger) -> None:
    with pytest.raises(UsageError, match="one record at least, not 0"):
        told.stretch(limit=0)


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


@pytest.mark.parametrize("types", [["rumour"], ["statement", "Statement"]])
def test_a_type_that_is_none_is_told_at_once(told: Ledger, types: Any) -> None:
    with pytest.raises(UsageError, match="is no event type; there are statement, denial"):
        told.events(types=types)


def test_types_are_a_list_of_them(told: Ledger) -> None:
    with pytest.raises(UsageError, match=r"types are a list, not the text 'statement'; give \['statement'\]"):
        told.events(types="statement")


@pytest.mark.parametrize("event_id", ["nowhere", "", "a\0b", "AX", "ax "])
def test_an_event_that_is_not_there_is_not_found(told: Ledger, event_id: str) -> None:
    with pytest.raises(NotFound, match=r"there is no event .* `claims log` lists what there is"):
        told.record(event_id)


def test_what_became_of_a_record_is_told_whatever_it_was(ledger: Ledger) -> None:
    ann, bob = (by("Ann"),), (by("Bob"),)
    ledger.append(Statement(claims=("c",), chain=ann), id="s", register=True)
    ledger.append(Statement(claims=("c",), chain=ann), id="other")
    for event_id, event in {
        "evidence": EvidenceAttached(act="s", url="https://example.org"),
        "grade": ActGraded(act="s", grade=2),
        "denied": Denial(acts=("s",), chain=bob),
        "corrected": Correction(act="s", chain=ann, changes={"quote": "so"}),
        "amended": RecordAmended(target="s", changes={"note": "n"}, why="w"),
        "moved": RecordAmended(target="grade", changes={"act": "other"}, why="of the other one"),
        "back": Retraction(act="s", chain=ann),
        "struck": RecordVoided(target="back", why="not so"),
    }.items():
        ledger.append(event, id=event_id)
    told = ["evidence", "grade", "denied", "corrected", "amended", "moved", "back", "struck"]
    assert [record.id for record in ledger.about("s")] == told
    assert [record.id for record in ledger.about("s", as_of="amended")] == told[:5]
    assert ledger.about("back") == [ledger.record("struck")]
    assert ids(iter(ledger.about("other"))) == ["moved"]
    assert ledger.about("struck") == ledger.about("s", as_of=2) == []
    for event_id in ("s", "other", "grade", "back", "struck"):
        clerk = ledger.state(aftermath, event_id)
        assert ledger.about(event_id) == aftermath.others(clerk, event_id)
    for missing in ({"event_id": "nothing"}, {"event_id": "s", "as_of": 1}):
        with pytest.raises(NotFound, match="there is no event"):
            ledger.about(**missing)


def test_a_source_is_asked_for_by_its_id_or_by_its_name(ledger: Ledger) -> None:
    ledger.append(Statement(claims=("x",), chain=(by("Ann B. Lee"),)), id="said", register=True)
    with Views.open(ledger) as view:
        view.catch_up()
        for source in ("ann-b-lee", "Ann B. Lee", "ANN b lee"):
            assert ids(ledger.events(source=source)) == ["said"]
            assert ledger.state(sources, source).source == "ann-b-lee"
            assert [row.claim for row in view.page(source=source).rows] == ["x"]
    for none in ("", "?!", "x" * 2_001):
        with pytest.raises(UsageError):
            ledger.events(source=none)
        with pytest.raises(UsageError):
            ledger.state(sources, none)


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


def test_what_comes_after_a_receipt_or_a_record_is_read_as_after_its_position(ledger: Ledger) -> None:
    receipts = ledger.append_all([registers("x"), states("x"), states("x")])
    record = next(ledger.events())
    for at in (receipts[0], record, 1):
        assert [r.position for r in ledger.events(after=at)] == [2, 3]
        assert [r.position for r in ledger.events(after=at, claim="x")] == [2, 3]
        assert [position for position, _ in ledger.stored(after=at)] == [2, 3]
        assert [position for position, _ in ledger.tagged({"claim:x"}, after=at)] == [2, 3]
        assert [kept.position for kept in ledger.stretch(after=at).records] == [2, 3]
    with pytest.raises(UsageError, match="no position"):
        ledger.events(after="2024-10-09")  # type: ignore[arg-type]


def test_what_relates_a_claim_to_others_is_about_it(ledger: Ledger) -> None:
    ledger.append_all(
        [
            registers("x"),
            registers("y"),
            entry("related", ClaimsRelated(from_="x", to="y", relation="entails")),
            entry("withdrawn", RelationWithdrawn(target="related", why="w")),
            entry("void", RecordVoided(target="withdrawn", why="w")),
            entry("said", states("y")),
        ]
    )
    about = ["related", "withdrawn", "void"]
    assert ids(ledger.events(claim="x"))[1:] == about
    assert ids(ledger.events(claim="y"))[1:] == [*about, "said"]
    assert ids(ledger.events(claim="x", types=["claims_related"])) == ["related"]
    assert ids(ledger.events(claim="y", source="ann")) == ["said"]
    assert [kept.position for kept in ledger.stretch(claim="x").records] == [1, 3, 4, 5]
    assert [kept.position for kept in ledger.stretch(claim="y", source="ann").records] == [6]


@pytest.mark.parametrize(
    ("reading", "subject", "says"),
    [
        (status, None, "this projection is asked about a claim: give its id"),
        (timeline.said, None, "this projection is asked about a claim: give its id"),
        (sources, None, "this projection is asked about a source: give its id"),
        (board, "x", "this projection is not asked about any one: leave 'x' out"),
    ],
)
def test_a_reading_is_told_about_whom_it_is(ledger: Ledger, reading: Any, subject: str | None, says: str) -> None:
    ledger.append(registers("x"))
    with pytest.raises(UsageError, match=f"^{says}$"):
        ledger.state(reading, subject)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (timeline, "projections.timeline is no projection: .*; in it are recorded, said$"),
        (diff, "projections.diff is no projection: that has `initial` and `evolve`, as projections.status has$"),
        ("status", "'status' is no projection"),
        (None, "None is no projection"),
    ],
)
def test_what_is_no_projection_is_told_from_one(ledger: Ledger, given: Any, says: str) -> None:
    with pytest.raises(UsageError, match=f"^{says}"):
        ledger.state(given, "x")


def test_a_projection_may_want_every_record(ledger: Ledger) -> None:
    ledger.append_all([registers("x"), registers("y"), states("x")])

    class All(Read):
        @staticmethod
        def wants(state: Any) -> Any:
            return fold.ALL

    assert ledger.state(All) == ledger.state(Read) == (1, 2, 3)
