"""Does any recorder behind the port make a store, and the SQLite store a recorder?"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from eventsourcing.dcb.api import (
    DCBAppendCondition,
    DCBEvent,
    DCBQuery,
    DCBQueryItem,
    DCBReadResponse,
    DCBSequencedEvent,
)
from eventsourcing.dcb.popo import InMemoryDCBRecorder
from eventsourcing.dcb.tests import DCBRecorderTestCase
from eventsourcing.persistence import IntegrityError as ConditionFailed
from eventsourcing.persistence import ProgrammingError
from stores import START, draft, fill, positions, put

from ledger import Ledger, Statement, when
from ledger.errors import IntegrityError
from ledger.store import Appended, Head, Overtaken
from ledger.store.port import PortStore, SQLiteRecorder
from ledger.store.sqlite import open_sqlite
from ledger.testing import by
from projections.views import Views

# -- any recorder behind the port ------------------------------------------------------------------------------------


class Recorder(InMemoryDCBRecorder):
    """Counts its reads, wants a limit on each, and lets others append first as often as it is told to."""

    def __init__(self, overtaken: int = 0) -> None:
        super().__init__()
        self.overtaken = overtaken
        self.reads = 0

    def read(
        self, query: DCBQuery | None = None, *, after: int | None = None, limit: int | None = None
    ) -> DCBReadResponse:
        assert limit is not None and limit <= 1_000
        self.reads += 1
        return super().read(query, after=after, limit=limit)

    def append(self, events: Sequence[DCBEvent], condition: DCBAppendCondition | None = None) -> int:
        if self.overtaken:
            self.overtaken -= 1
            other = draft(f"other-{self.overtaken}")
            data = other.before + when.stamp(START + 50).encode() + other.after
            super().append([DCBEvent(other.type, data, [f"id:{other.id}", "claim:other"])])
        return super().append(events, condition)


def test_a_recorder_is_asked_again_when_others_came_first() -> None:
    recorder = Recorder(overtaken=3)
    store = PortStore(recorder, "recorder")
    assert put(store, draft("a")) == Appended(4, 4, START + 51)  # stamped after what came in between


def test_a_condition_is_looked_at_again_when_others_came_first() -> None:
    store = PortStore(Recorder(overtaken=1), "recorder")
    with pytest.raises(Overtaken, match="carries one of the tags"):
        put(store, draft("a"), unless=["claim:other"])


def test_a_recorder_that_is_always_overtaken_is_given_up() -> None:
    store = PortStore(Recorder(overtaken=1_000), "recorder")
    with pytest.raises(Overtaken, match="times in a row"):
        put(store, draft("a"))


def test_the_head_is_found_without_reading_the_log() -> None:
    recorder = Recorder()
    fill(PortStore(recorder, "writer"), 3_000)
    store = PortStore(recorder, "reader")
    recorder.reads = 0
    assert store.head().position == 3_000
    assert recorder.reads < 40
    store.head()
    assert recorder.reads < 42


def test_positions_with_gaps_are_no_trouble() -> None:
    recorder = Recorder()
    store = PortStore(recorder, "gaps")
    put(store, *(draft(f"e{n}", at=n * 10) for n in range(1, 6)))
    for event, position in zip(recorder.events, (3, 4, 90, 91, 4_000), strict=True):
        event.position = position
    store = PortStore(recorder, "gaps")
    assert store.head() == Head(4_000, 50)
    assert [store.at_or_before(at) for at in (5, 10, 29, 30, 45, 60)] == [0, 3, 4, 90, 91, 4_000]
    assert store.recorded_at(5) is None and store.recorded_at(90) == 30


def test_a_damaged_record_is_named() -> None:
    recorder = Recorder()
    recorder.append([DCBEvent("statement", b"[]", ["id:a"])])
    with pytest.raises(IntegrityError, match="position 1 is damaged"):
        PortStore(recorder, "damaged").head()


# -- SQLite as a recorder --------------------------------------------------------------------------------------------


@pytest.fixture(params=["file", "memory"])
def recorder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SQLiteRecorder]:
    store = open_sqlite(tmp_path / "claims.db" if request.param == "file" else ":memory:")
    yield SQLiteRecorder(store)
    store.close()


def test_the_library_finds_its_append_and_read(recorder: SQLiteRecorder) -> None:
    DCBRecorderTestCase()._test_append_read(recorder)


def test_the_library_finds_its_append_and_subscribe(recorder: SQLiteRecorder) -> None:
    DCBRecorderTestCase()._test_append_subscribe(recorder)


def test_an_event_gets_its_tags_back_in_their_order(recorder: SQLiteRecorder) -> None:
    given = [["b", "a", "c"], ["z", "id:one", "a"], [], ["a", "a"], ["id:"]]
    recorder.append([DCBEvent("t", b"{}", tags) for tags in given])
    assert [each.event.tags for each in recorder.read()] == given
    assert [each.position for each in recorder.read(DCBQuery([DCBQueryItem(tags=["a", "id:one"])]))] == [2]
    assert recorder.store._ask("SELECT count(*) FROM event_tag WHERE tag_id = 0") == [(0,)]  # an id is no indexed tag


def test_a_record_of_the_store_carries_its_id_as_a_tag(recorder: SQLiteRecorder) -> None:
    put(recorder.store, draft("e1", "claim:b", "claim:a"))
    (event,) = recorder.read(DCBQuery([DCBQueryItem(types=["statement"], tags=["id:e1"])]))
    assert event.event.tags == ["id:e1", "claim:b", "claim:a"]
    assert recorder.store.by_id(["e1"]) == {"e1": (1, event.event.data)}


def test_an_id_belongs_to_one_event_and_an_event_has_one_id(recorder: SQLiteRecorder) -> None:
    recorder.append([DCBEvent("t", b"{}", ["id:one"])])
    with pytest.raises(ConditionFailed):
        recorder.append([DCBEvent("t", b"{}", ["id:two"]), DCBEvent("t", b"{}", ["id:one"])])
    with pytest.raises(ProgrammingError, match="one id"):
        recorder.append([DCBEvent("t", b"{}", ["id:three", "id:four"])])
    assert recorder.read().head == 1
    assert list(recorder.read(DCBQuery([DCBQueryItem(tags=["id:one", "id:two"])]))) == []


def test_hundreds_of_items_are_one_query(recorder: SQLiteRecorder) -> None:
    recorder.append([DCBEvent(f"t{n % 7}", b"{}", [f"n:{n}", f"id:{n}"]) for n in range(1_200)])
    items = [DCBQueryItem(tags=[f"n:{n}"]) for n in range(0, 1_200, 3)]
    items += [DCBQueryItem(types=["t1"]), DCBQueryItem(types=["t2", "t3"], tags=["n:2", "id:2"])]
    expected = [n + 1 for n in range(1_200) if n % 3 == 0 or n % 7 == 1 or n == 2]
    assert [each.position for each in recorder.read(DCBQuery(items))] == expected
    assert [each.position for each in recorder.read(DCBQuery(items), after=50, limit=20)] == [
        position for position in expected if position > 50
    ][:20]
    with pytest.raises(ConditionFailed):
        recorder.append([DCBEvent("t", b"")], DCBAppendCondition(DCBQuery(items), after=1_190))
    recorder.append([DCBEvent("t", b"")], DCBAppendCondition(DCBQuery(items), after=1_200))


def test_a_read_without_a_limit_ends_where_the_log_ended(recorder: SQLiteRecorder) -> None:
    recorder.append([DCBEvent("t", b"{}") for _ in range(1_000)])
    reading = recorder.read()
    recorder.append([DCBEvent("t", b"{}")])
    assert len(list(reading)) == reading.head == 1_000


def test_a_subscription_passes_what_does_not_match_and_ends_when_stopped(recorder: SQLiteRecorder) -> None:
    recorder.append([DCBEvent("t", b"{}", ["a" if n % 2 else "b"]) for n in range(2_400)])
    seen: list[DCBSequencedEvent] = []
    with recorder.subscribe(DCBQuery([DCBQueryItem(tags=["b"])]), after=1) as subscription:
        follower = threading.Thread(target=lambda: seen.extend(subscription))
        follower.start()
        recorder.append([DCBEvent("t", b"{}", ["a"]), DCBEvent("t", b"{}", ["b"])])
        while not seen or seen[-1].position < 2_402:
            threading.Event().wait(0.001)
    follower.join()
    assert [each.position for each in seen] == [*range(3, 2_400, 2), 2_402]


def test_a_store_whose_positions_may_have_gaps_is_not_taken_for_damaged() -> None:
    recorder = InMemoryDCBRecorder()
    ledger = Ledger(PortStore(recorder, "elsewhere"), recorded_by="the desk")
    ledger.append(Statement(claims=("dam",), chain=(by("Ann"),)), register=True)
    next(recorder.position_sequence)  # as where a transaction took a number, and was rolled back
    ledger.append(Statement(claims=("dam",), chain=(by("Bob"),)))
    assert positions(ledger.whole()) == [1, 2, 4]
    with Views.open(ledger) as view:
        view.rebuild()
        assert [row.status for row in view.page().rows] == ["corroborated"]
