"""Are all sources listed, as the records have them at a position, and is a view read at one moment by others?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from ledger import Ledger, Link, RecordAmended, SourceRegistered, Statement, UsageError, names
from ledger.records import ACTS, targets
from ledger.synthetic import synthetic
from projections import sources
from projections.views import Views
from projections.views.reached import Registered

Listing = tuple[Ledger, Views]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listing]:
    with Ledger.open(tmp_path_factory.mktemp("large") / "claims.db") as made:
        for _ in made.load(islice(synthetic(1_500, seed=3), 1_500)):
            pass
        with Views.open(made) as view:
            view.catch_up()
            yield made, view


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Listing]:
    with Ledger.open(tmp_path / "claims.db") as made, Views.open(made) as view:
        yield made, view


def said_by(*names_: str) -> Statement:
    return Statement(claims=("c",), chain=tuple(Link(name=name) for name in names_))


@pytest.mark.parametrize("at", [0, 300, 900, 1_500])
def test_whoever_is_quoted_or_registered_is_listed_and_nobody_else(large: Listing, at: int) -> None:
    ledger, view = large
    found = {one.source: one for one in view.sources(as_of=at)}
    known = list(ledger.events(as_of=at))
    touched = {target for record in known for target in targets(record.event)}
    acts = [record.event for record in known if isinstance(record.event, ACTS) and record.id not in touched]
    assert {source for act in acts for source in names.sources(act.chain) if act.claims} <= found.keys()
    for source, one in found.items():
        in_register = ledger.state(Registered, source, as_of=at)
        assert one.registered == (in_register is not None)
        assert not one.registered or one.name == in_register
        assert ledger.state(sources, source, as_of=at)
    assert list(found) == sorted(found)


def test_a_name_is_that_of_the_register_or_the_one_printed_last(small: Listing) -> None:
    ledger, view = small
    ledger.append(said_by("Ana Ruiz"), register=True)
    link = Link(name="A. Ruiz", source="ana-ruiz")
    ledger.append(Statement(claims=("c",), chain=(link,)))
    ledger.append(SourceRegistered(source="ana-ruiz", name="Dr Ana Ruiz", kind="person"))
    ledger.append(SourceRegistered(source="ana-ruiz", name="Professor Ana Ruiz"))
    head = view.catch_up()
    named = [view.sources(as_of=at) for at in range(head + 1)]
    assert [[one.name for one in found] for found in named] == [
        *([], [], ["Ana Ruiz"], ["A. Ruiz"], ["Dr Ana Ruiz"], ["Professor Ana Ruiz"])
    ]
    assert [one.kind for found in named[2:] for one in found] == [None, None, "person", "person"]
    assert [one.registered for found in named[2:] for one in found] == [False, False, True, True]


def test_sources_are_found_by_every_word_of_a_name(small: Listing) -> None:
    ledger, view = small
    ledger.append(said_by("Ana Ruiz", "Radio Norte", "Radio Sur"), register=True)
    view.catch_up()
    assert [one.source for one in view.sources(search="radio")] == ["radio-norte", "radio-sur"]
    assert [one.source for one in view.sources(search="radio s")] == ["radio-sur"]
    assert [one.source for one in view.sources(after="ana-ruiz", limit=1)] == ["radio-norte"]
    assert view.sources(search="nobody") == []
    for nothing in ("...", ""):
        with pytest.raises(UsageError, match="has no word to look for; give letters or digits"):
            view.sources(search=nothing)


def test_a_view_without_search_lists_no_sources(small: Listing) -> None:
    ledger, view = small
    ledger.append(said_by("Ana Ruiz"), register=True)
    view.rebuild(search=False)
    with pytest.raises(UsageError, match="made without search"):
        view.sources()


# A view that somebody else keeps up


def test_nobody_reads_a_view_that_is_not_made(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "claims.db") as ledger:
        assert Views.to_read(ledger) is None
        Path(f"{ledger.name}.views").write_bytes(b"")
        assert Views.to_read(ledger) is None
        Path(f"{ledger.name}.views").write_bytes(b"this is no view" * 100)
        assert Views.to_read(ledger) is None


def test_who_reads_at_one_moment_sees_nothing_of_what_comes_in(small: Listing) -> None:
    ledger, kept = small
    ledger.append(said_by("Ana Ruiz"), register=True)
    kept.catch_up()
    reading = Views.to_read(ledger)
    assert reading is not None
    with reading:
        with reading.still():
            before = reading.page()
            ledger.append(said_by("Ben Roy"))
            kept.catch_up()
            assert reading.made == 2
            assert reading.page() == before
        assert reading.made == 3
        assert reading.page().rows[0].acts.statement == 2


def test_a_view_of_another_ledger_has_come_nowhere(small: Listing, tmp_path: Path) -> None:
    ledger, kept = small
    ledger.append(said_by("Ana Ruiz"), register=True)
    kept.catch_up()
    with Ledger.open(tmp_path / "other.db") as other:
        other.append(said_by("Ben Roy"), register=True)
        kept.close()
        Path(f"{ledger.name}.views").rename(f"{other.name}.views")
        reading = Views.to_read(other)
        assert reading is not None
        with reading:
            assert reading.made == 0


def test_a_board_at_both_cuts_is_kept_when_it_is_asked_for(small: Listing) -> None:
    ledger, view = small
    ledger.append(said_by("Ana Ruiz"), register=True)
    at = view.catch_up()
    assert not view.has_board(as_of=at, said_by="2024-10-09")
    view.keep_board(as_of=at, said_by="2024-10-09")
    assert view.has_board(as_of=at, said_by="2024-10-09")
    with view.still():
        assert view.page(as_of=at, said_by="2024-10-09").rows[0].status == "raised"


def test_records_with_tags_are_read_after_a_position(small: Listing) -> None:
    ledger, _ = small
    for name in ("Ana Ruiz", "Ben Roy", "Cho Min"):
        ledger.append(said_by(name), register=True, id=name)
    tags = ["claim:c", "id:Ben Roy"]
    assert [position for position, _ in ledger.tagged(tags, after=2)] == [3, 4]
    assert [position for position, _ in ledger.tagged(tags, after=2, as_of=3)] == [3]
    assert list(ledger.tagged(["id:Ben Roy"], after=3)) == []


def test_a_name_moves_with_the_amendment_that_gives_it_to_a_source(ledger):
    ledger.append(SourceRegistered(source="dee", name="Dee"), id="dee")
    ledger.append(SourceRegistered(source="cy", name="Cy"), id="cy")
    ledger.append(RecordAmended(target="cy", changes={"source": "bob"}, why="mistyped"), id="mended")
    with Views.open(ledger, ":memory:") as caught, Views.open(ledger, ":memory:") as built:
        caught.catch_up()
        ledger.append(RecordAmended(target="mended", changes={"target": "dee"}, why="of the other"))
        caught.catch_up()
        built.rebuild()
        assert built.difference(caught) is None
        assert ledger.state(Registered, "bob") == "Dee"


def test_the_list_names_a_source_as_its_own_answer_does_when_an_amendment_was_moved(small: Listing) -> None:
    ledger, view = small
    ledger.append(SourceRegistered(source="a", name="A", kind="person"), id="r0")
    ledger.append(SourceRegistered(source="c", name="C", kind="person"), id="r1")
    ledger.append(RecordAmended(target="r0", changes={"source": "b"}, why="w"), id="mended")
    ledger.append(RecordAmended(target="mended", changes={"target": "r1"}, why="w"))
    view.catch_up()
    listed = {one.source: (one.name, one.kind, one.registered) for one in view.sources()}
    assert listed["b"] == ("C", "person", True)
    own = ledger.state(sources, "b")
    assert (own.name, own.kind) == ("C", "person")
