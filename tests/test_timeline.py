"""Does the history of a claim say at every moment what its status says then?"""

from __future__ import annotations

from random import Random

import pytest

from ledger import NotFound, when
from ledger.testing import Story, by, opened, random_ledger
from projections import board, status, timeline

DAYS = [f"2024-10-{day:02}" for day in range(1, 13)]
DESK = by("Fact desk", "organisation")


def standing(answer):
    """What a step and a status both tell."""
    sides = [(side.provable, side.possible) for side in (answer.support, answer.opposition)]
    return answer.status, answer.own_words, *sides, answer.assessments


def last(steps, moment):
    """Where the history says that the claim stood at a moment; None before its first step."""
    return next((standing(step) for step in reversed(steps) if step.at <= when.stamp(moment)), None)


@pytest.mark.parametrize("seed", range(60))
def test_history_says_what_status_says_at_every_cut_of_the_world(seed):
    with opened(random_ledger(Random(seed), 40)) as ledger:
        for claim in (row.claim for row in ledger.state(board).claims):
            steps = ledger.state(timeline.said, claim).steps
            for cut in (*DAYS, *(step.at for step in steps)):
                now = ledger.state(status, claim, said_by=cut)
                assert last(steps, when.cut(cut)) in (standing(now), None if standing(now)[0] == "raised" else ())


@pytest.mark.parametrize("seed", range(20))
def test_history_says_what_status_says_after_every_record(seed):
    with opened(random_ledger(Random(seed), 40)) as ledger:
        for claim in (row.claim for row in ledger.state(board).claims):
            steps = ledger.state(timeline.recorded, claim).steps
            for record in ledger.events():
                try:
                    now = standing(ledger.state(status, claim, as_of=record.position))
                except NotFound:
                    continue
                known = [standing(step) for step in steps if step.position <= record.position]
                assert known[-1:] == [now], record


@pytest.fixture
def story():
    return Story()


def test_an_act_that_a_correction_moves_to_later_was_there_until_then(story):
    said = story.states("Ann", "x", at="2024-10-01")
    moved = story.corrects("Ann", said, at="2024-10-03", said_at="2024-10-05")
    steps = story.ask(timeline.said, "x").steps
    assert [(step.at[:10], step.status, [one.event for one in step.by]) for step in steps] == [
        ("2024-10-01", "asserted", [said]),
        ("2024-10-03", "raised", [moved]),
        ("2024-10-05", "asserted", [said]),
    ]


def test_an_act_that_a_correction_moves_to_earlier_was_not_there_before_it_was_said(story):
    said = story.states("Ann", "x", at="2024-10-05")
    story.corrects("Ann", said, at="2024-10-08", said_at="2024-10-01")
    steps = story.ask(timeline.said, "x").steps
    assert [(step.at[:10], step.status, [one.event for one in step.by]) for step in steps] == [
        ("2024-10-05", "asserted", [said])
    ]


def test_a_verdict_that_is_corrected_or_amended_is_a_step(story):
    weighed = story.assesses(DESK, "x", verdict="true", at="2024-10-01")
    story.corrects(DESK, weighed, at="2024-10-03", verdict="mixed")
    assert [[one.verdict for one in step.assessments] for step in story.ask(timeline.said, "x").steps] == [
        ["true"],
        ["mixed"],
    ]
    story.amends(weighed, label="Half true")
    assert [one.label for one in story.ask(timeline.recorded, "x").steps[-1].assessments] == ["Half true"]


def test_a_correction_of_which_utterance_was_denied_is_a_step_on_the_claim_it_moves_to(story):
    other, said = story.states("Ann", "y", at="2024-10-01"), story.states("Ann", "x", at="2024-10-01")
    denied = story.denies("Ann", acts=(other,), at="2024-10-02")
    story.corrects("Ann", denied, at="2024-10-05", acts=[said])
    steps = story.ledger.state(timeline.said, "x").steps
    assert [(step.at[:10], step.status) for step in steps] == [("2024-10-01", "asserted"), ("2024-10-05", "raised")]


def test_what_ends_elsewhere_that_a_denial_perhaps_meant_it_is_a_step(story):
    story.registers("x")
    first = story.denies("Ann", "z", at="2024-10-04")
    story.denies("Ann", "z", at="2024-10-05", possible_claims=("x",))
    story.retracts("Ann", first, at="2024-10-06")
    steps = story.ledger.state(timeline.said, "x").steps
    assert [step.flags_dropped for step in steps if step.at.startswith("2024-10-06")] == [["possibly-denied"]]


def _by_an_amended_amendment(story):
    story.registers("w")
    story.registers("x")
    first = story.amends(story.relates("z", "same_as", "y"), to="w")
    story.voids(story.amends(first, changes={"to": "x"}))


def _by_two_amendments(story):
    story.registers("x")
    story.registers("q")
    relation = story.relates("p", "entails", "q")
    both = [story.amends(relation, **{"from": "z"}), story.amends(relation, to="x")]
    for amendment in both:
        story.voids(amendment)


@pytest.mark.parametrize("related", [_by_an_amended_amendment, _by_two_amendments])
def test_a_relation_that_led_to_a_claim_only_for_a_while_is_in_its_history(story, related):
    story.states("Ann", "z")
    related(story)
    steps = story.ledger.state(timeline.recorded, "x").steps
    assert [step.status for step in steps] == ["raised", "asserted", "raised"]
    for step in steps:
        assert story.ask(status, "x", as_of=step.position).status == step.status
