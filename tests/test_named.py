"""When was a claim last heard of? On the board as in its log, whatever a record is about and was made to be about."""

from __future__ import annotations

from random import Random

import pytest

from ledger import ActGraded, when
from ledger.testing import Author, Story, opened
from projections import board
from projections.views import Views, live


@pytest.fixture
def story():
    return Story()


def changed(ledger):
    """When each claim changed, by the board, which a view and the single claim's row are held against."""
    found = ledger.state(board).claims
    with Views.open(ledger) as view:
        view.catch_up()
        assert view.page(limit=None).rows == found
        view.rebuild(chunk=1)
        assert view.page(limit=None).rows == found
    assert [row for one in found for row in ledger.state(board.Rows([one.claim]))] == found
    return {row.claim: row.changed_at for row in found}


def logged(ledger):
    """When the last record was recorded that the log of each claim has."""
    claims = [row.claim for row in ledger.state(board).claims]
    return {claim: when.stamp(list(ledger.events(claim=claim))[-1].recorded_us) for claim in claims}


@pytest.mark.parametrize("most", [0, live.MOST])
def test_a_claim_changed_when_its_log_says_so(most, monkeypatch):
    monkeypatch.setattr(live, "MOST", most)
    monkeypatch.setattr(live, "HOT", 0)
    for seed in range(25):
        author = Author(Random(seed))
        author.write(12, "statement", "denial", "assessment", "claims_related", "source_registered")
        author.write(15, "record_amended", "record_amended", "correction", "record_voided", "claims_related")
        author.write(15, "retraction", "act_graded", "evidence_attached", "record_amended", "denial")
        with opened(author.written) as ledger:
            assert changed(ledger) == logged(ledger), f"seed {seed}"


@pytest.mark.parametrize(
    "about",
    [
        lambda story, said: story.voids(said),
        lambda story, said: story.retracts("Ann", said),
        lambda story, said: story.tell(ActGraded(act=said, grade=2)),
        lambda story, said: story.voids(story.amends(said, note="read again")),
    ],
)
@pytest.mark.parametrize("field", ["claims", "possible_claims"])
def test_what_is_about_a_moved_act_is_about_the_claim_it_left_and_the_one_it_came_to(story, about, field):
    story.registers("y")
    said = story.denies("Ann", "x")
    story.amends(said, **{field: ["y"]})
    before = changed(story.ledger)
    story.registers("z")
    about(story, said)
    after = changed(story.ledger)
    assert after == logged(story.ledger)
    assert after["x"] == after["y"] > before["y"] >= before["x"]


def test_a_void_that_was_moved_is_about_what_it_strikes_now(story):
    said = story.states("Ann", "x")
    void = story.voids(story.states("Bob", "y"))
    story.amends(void, target=said)
    after = changed(story.ledger)
    assert after == logged(story.ledger)
    assert after["x"] == after["y"]


def test_what_only_sources_are_moved_to_is_of_no_claim_of_that_name(story):
    story.states("Ann", "x")
    before = changed(story.ledger)["x"]
    related = story.connects("ann", "member_of", "gov")
    story.amends(related, to="x")
    assert changed(story.ledger)["x"] == before
