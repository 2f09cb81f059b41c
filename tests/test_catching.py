"""Is a view that keeps up with its ledger, record by record, the view that is built of all records?"""

from __future__ import annotations

from random import Random

import pytest
from boards import ANN, folded, keeps_up, rows

from ledger import (
    ActGraded,
    SourceRelated,
    Statement,
)
from ledger.testing import Story, opened, random_ledger
from projections import board
from projections.views import OutOfReach, Views, catching, live
from projections.views.reached import concerned


@pytest.fixture
def story():
    return Story()


@pytest.mark.parametrize("seed", range(100, 130))
def test_a_view_that_was_built_is_the_view_that_caught_up(seed):
    with opened(random_ledger(Random(seed), 50)) as ledger, Views.open(ledger) as built, Views.open(ledger) as caught:
        built.rebuild()
        caught.catch_up()
        assert built.difference(caught) is None
        assert built.state_hash() == caught.state_hash()
        for position in range(0, ledger.head + 1, 9):
            assert rows(built, as_of=position) == rows(caught, as_of=position) == folded(ledger, position)


def test_a_view_follows_a_retraction_to_what_a_correction_lets_an_act_perhaps_mean(story):
    perhaps, taken = (story.denies("Ann", "y", at=day) for day in ("2024-10-04", "2024-10-05"))
    story.registers("x")
    story.corrects("Ann", perhaps, possible_claims=["x"])
    story.retracts("Ann", taken, at="2024-10-06")
    assert keeps_up(story.ledger)


def test_a_view_follows_a_retraction_to_what_an_act_perhaps_means_that_was_moved_to_its_claim(story):
    story.registers("x")
    perhaps = story.denies("Ann", "y", at="2024-10-04", possible_claims=("x",))
    taken = story.denies("Ann", "z", at="2024-10-05")
    story.corrects("Ann", perhaps, claims=["z"])
    story.retracts("Ann", taken, at="2024-10-06")
    assert keeps_up(story.ledger)


def test_a_view_follows_a_retraction_to_what_an_amendment_moved_to_an_act_lets_it_perhaps_mean(story):
    perhaps, taken = (story.denies("Ann", "y", at=day) for day in ("2024-10-04", "2024-10-05"))
    story.registers("x")
    amendment = story.amends(story.denies("Bob", "z"), possible_claims=["x"])
    story.amends(amendment, target=perhaps)
    story.retracts("Ann", taken, at="2024-10-06")
    assert keeps_up(story.ledger)


def test_a_view_follows_a_relation_to_where_an_amendment_moved_to_it_leads(story):
    story.states("Ann", "z")
    story.registers("x")
    relation = story.relates("z", "same_as", "y")
    amendment = story.amends(story.relates("v", "same_as", "w"), to="x")
    story.amends(amendment, target=relation)
    story.states("Bob", "z")
    assert keeps_up(story.ledger)


@pytest.mark.parametrize("relation", ["entails", "negates"])
def test_a_chain_of_relations_is_taken_in_without_reading_it_anew_for_each_claim(story, monkeypatch, relation):
    read = []
    judged = live.Live.judged
    monkeypatch.setattr(live.Live, "judged", lambda self, claims, n: read.append(n) or judged(self, claims, n))
    with Views.open(story.ledger) as view:
        for number in range(30):
            story.states("Ann", f"c-{number}")
        for number in range(29):
            story.relates(f"c-{number}", relation, f"c-{number + 1}")
        view.catch_up()
        assert sum(read) < 10 * story.ledger.head
        assert rows(view) == folded(story.ledger)


def test_of_what_was_graded_only_what_it_is_about_is_read(story, monkeypatch):
    said = story.states("Ann", "x")
    for number in range(5):
        story.tell(ActGraded(act=said, grade=number + 1))
    for grade in range(1, 3):
        event = ActGraded(act=said, grade=grade)
        assert concerned(story.ledger, event, story.ledger.head) == [event, story.ledger.record(said).event]
    with Views.open(story.ledger) as view:
        view.catch_up()
        assert rows(view) == folded(story.ledger)


def test_what_bears_on_several_claims_that_a_record_reaches_is_read_once(story, monkeypatch):
    monkeypatch.setattr(live, "MOST", 0)
    for number in range(20):
        story.relates("c-00", "entails", f"c-{number + 1:02}")
    for number in range(50):
        story.states(f"Speaker {number}", "c-00")
    with Views.open(story.ledger) as view:
        view.catch_up()
        read, judged = [], live.Live.judged
        monkeypatch.setattr(live.Live, "judged", lambda self, claims, n: read.append(n) or judged(self, claims, n))
        story.states("Ann", "c-00")
        view.catch_up()
        assert sum(read) <= story.ledger.head
        assert rows(view) == folded(story.ledger)


def test_each_claim_that_a_record_reaches_is_judged_once(story, monkeypatch):
    monkeypatch.setattr(live, "MOST", 0)
    monkeypatch.setattr(catching, "_CLAIMS", 4)
    for number in range(20):
        story.relates(f"c-{number}", "same_as", f"c-{number + 1}")
    judged, judge = [], board.rows
    monkeypatch.setattr(board, "rows", lambda *way: judged.extend(way[-1]) or judge(*way))
    with Views.open(story.ledger) as view:
        view.rebuild()
        story.states("Ann", "c-0")
        view.catch_up()
        assert sorted(judged) == sorted(f"c-{number}" for number in range(21))
        monkeypatch.undo()
        assert rows(view) == folded(story.ledger)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(300, 330))
def test_and_so_it_is_on_longer_ledgers(seed):
    with opened(random_ledger(Random(seed), 120)) as ledger, Views.open(ledger) as built, Views.open(ledger) as caught:
        built.rebuild()
        caught.catch_up()
        assert built.difference(caught) is None
        for position in range(0, ledger.head + 1, 17):
            assert rows(built, as_of=position) == folded(ledger, position)


def test_a_record_that_reaches_too_many_claims_is_told_and_nothing_is_lost(ledger):
    for claim in ("dam", "dyke", "sluice"):
        ledger.append(Statement(claims=(claim,), chain=ANN), register=True)
    with Views.open(ledger) as view:
        view.catch_up()
        ledger.append(SourceRelated(from_="ann", to="council", relation="speaks_for"))
        with pytest.raises(
            OutOfReach,
            match=r"position 7: .* 3 claims stand, .* 2; .*`Views.rebuild\(\)`, .*--views`\), .*\(`reach=`\)",
        ):
            view.catch_up(reach=2)
        assert view.checkpoint.position == 6
        view.rebuild()  # which knows no bound
        assert rows(view) == folded(ledger)
