"""Does every case that was agreed come out as agreed? Each is a short story, told to a real ledger, and its outcome.

An outcome is written as people see it, with all flags but `source-unregistered`: `disputed [1,1]/[1,1] + reversal`.
"""

from __future__ import annotations

import pytest

from ledger import Entry, NotFound, Refused, Retraction, SourceGraded, Statement
from ledger.testing import Story, by, chain, given
from projections import board, sources, status, words
from projections.world import BY_PRINCIPAL, BY_SPEAKER, Sweep

OUTLETS = [f"Outlet {n}" for n in range(1, 11)]
A_SOURCE = by("a source", "unnamed")


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def x(story, shown):
    """Where claim x of the story stands, in a line."""
    return lambda claim="x": shown(story.ask(status, claim))


# -- who counts, and how often -----------------------------------------------------------------------------------------


def test_ten_outlets_that_cite_one_named_source_are_one_root(story, x):
    for outlet in OUTLETS:
        story.states("Ann", "x", at="2024-10-05", via=outlet)
    assert x() == "asserted [1,1] + repeated"


def test_two_named_roots_corroborate(story, x):
    story.states("Ann", "x")
    story.states("Bob", "x")
    assert x() == "corroborated [2,2]"


def test_two_unnamed_through_two_carriers_may_be_one(story, x):
    story.states(A_SOURCE, "x", via="The Guardian")
    story.states(A_SOURCE, "x", via="AFP")
    assert x() == "asserted [1,2] + independence-unproven + unnamed-only"


def test_two_unnamed_declared_independent_corroborate(story, x):
    story.states(A_SOURCE, "x", via="The Guardian")
    story.states(A_SOURCE, "x", via="AFP")
    story.connects("a-source@the-guardian", "independent_of", "a-source@afp")
    assert x() == "corroborated [2,2] + unnamed-only"


def test_an_unnamed_beside_a_named_may_be_the_same(story, x):
    story.states("Ann", "x")
    story.states(A_SOURCE, "x", via="AFP")
    assert x() == "asserted [1,2] + independence-unproven"


def test_a_third_anonymous_supporter_takes_nothing_from_two_named(story, x):
    story.states("Ann", "x")
    story.states("Bob", "x")
    story.states(A_SOURCE, "x", via="AFP")
    assert x() == "corroborated [2,3] + independence-unproven"


def test_ten_outlets_in_their_own_voice_may_be_one_source(story, x):
    for outlet in OUTLETS:
        story.states(by(outlet, "outlet"), "x")
    assert x() == "asserted [1,10] + independence-unproven + unnamed-only"


def test_several_reports_that_nobody_can_trace_assert(story, x):
    story.states(by("several reports", "untraced"), "x", via="AFP")
    assert x() == "asserted [1,1] + unnamed-only + untraced-only"


def test_spokesman_and_minister_are_two_until_it_is_known_for_whom_they_speak(story, x):
    story.states("Spokesman", "x")
    story.states("Minister", "x")
    assert x() == "corroborated [2,2]"
    story.connects("spokesman", "speaks_for", "the-state")
    story.connects("minister", "speaks_for", "the-state")
    assert x() == "asserted [1,1] + kind-unstated + repeated"
    story.knows("The State", "state")
    assert x() == "asserted [1,1] + repeated"


# -- who changes sides -------------------------------------------------------------------------------------------------


def test_a_source_that_denies_its_own_statement_has_turned(story, x):
    story.states("Ann", "x", at="2024-10-05")
    story.denies("Ann", "x", at="2024-10-06")
    assert x() == "denied [0,0]/[1,1] + reversal"


def test_one_turns_while_another_stands(story, x):
    story.states("Ann", "x", at="2024-10-05")
    story.states("Bob", "x", at="2024-10-05")
    story.denies("Ann", "x", at="2024-10-06")
    assert x() == "disputed [1,1]/[1,1] + reversal"


def test_a_speakers_own_no_comment_takes_nothing_back(story, x):
    story.states("Ann", "x", at="2024-10-05")
    story.denies("Ann", "x", at="2024-10-06", form="no_comment")
    assert x() == "asserted [1,1] + declined"


def test_a_partial_denial_moves_no_stand(story, x):
    story.states("Ann", "x")
    story.denies("Bob", "x", form="partial", denied_part="the number")
    assert x() == "asserted [1,1] + partly-denied"


def test_spokesman_and_minister_on_both_sides_are_divided(story, x):
    story.knows("The State", "state")
    story.connects("spokesman", "speaks_for", "the-state")
    story.connects("minister", "speaks_for", "the-state")
    story.states("Minister", "x")
    story.denies("Spokesman", "x")
    assert x() == "disputed [1,1]/[1,1] + divided"


def test_only_a_denial_is_denied(story, x):
    story.denies("Ann", "x")
    assert x() == "denied [0,0]/[1,1]"


def test_a_conditional_commits_nobody(story, x):
    story.states("Ann", "x", mode="conditional")
    assert x() == "raised"


def test_a_headline_that_only_mentions_it_commits_nobody(story, x):
    story.states(by("The Guardian", "outlet"), "x", mode="mention")
    assert x() == "raised"


def test_a_prediction_is_asserted_however_many_make_it(story, x):
    story.registers("x", kind="predictive")
    story.states("Ann", "x")
    story.states("Bob", "x")
    assert x() == "asserted [2,2]"


# -- what follows from other claims ------------------------------------------------------------------------------------


def test_who_states_the_negation_opposes(story, x):
    story.states("Ann", "x")
    story.states("Bob", "not-x")
    story.relates("not-x", "negates", "x")
    assert x() == "disputed [1,1]/[1,1]"


def test_who_states_it_and_later_its_negation_has_turned(story, x):
    story.states("Ann", "x", at="2024-10-05")
    story.states("Ann", "not-x", at="2024-10-06")
    story.relates("not-x", "negates", "x")
    assert x() == "denied [0,0]/[1,1] + reversal"


def test_what_two_say_of_the_narrower_claim_asserts_the_broader_and_corroborates_it_not(story, x):
    story.states("Ann", "six-died")
    story.states("Bob", "six-died")
    story.registers("some-died")
    story.relates("six-died", "entails", "some-died")
    assert x("some-died") == "asserted [2,2] + support-inferred"
    assert story.ask(status, "some-died").own_words == "raised"


def test_who_took_the_narrower_claim_back_supports_the_broader_no_more(story, x):
    story.states("Ann", "six-died", at="2024-10-05")
    story.denies("Ann", "six-died", at="2024-10-06")
    story.registers("some-died")
    story.relates("six-died", "entails", "some-died")
    assert x("some-died") == "raised"


def test_a_dismissal_says_nothing_of_the_negation(story, x):
    story.states("Ann", "x", at="2024-10-05")
    story.denies("Ann", "x", at="2024-10-06", form="dismissal")
    story.registers("not-x")
    story.relates("not-x", "negates", "x")
    assert x("not-x") == "raised"
    assert x("x") == "denied [0,0]/[1,1] + reversal"


def test_the_grade_of_any_source_that_a_root_is_made_of_is_shown(story):
    for near, far in (("aa", "bb"), ("bb", "aa")):
        story.connects(near, "speaks_for", far)
    for source, grade in (("aa", "B"), ("bb", "C"), ("stranger", "D")):
        story.tell(SourceGraded(source=source, grade=grade))
    story.states(by("Bb", source="bb"), "x")
    assert story.ask(status, "x").grades.sources == {"aa": "B", "bb": "C"}


# -- who weighs it -----------------------------------------------------------------------------------------------------


def test_very_likely_against_very_unlikely_is_a_dispute(story, x):
    story.assesses("Ann", "x", term="very likely", capacity="analyst")
    story.assesses("Bob", "x", term="very unlikely", capacity="analyst")
    assert x() == "disputed + assessments-diverge"


def test_assessments_do_not_dispute_what_somebody_states(story, x):
    story.states("Ann", "x")
    story.assesses("Bob", "x", term="very likely", capacity="analyst")
    story.assesses("Cy", "x", term="unlikely", capacity="analyst")
    assert x() == "asserted [1,1] + assessed-against + assessments-diverge"


def test_an_analyst_who_changes_his_mind_disputes_nothing(story, x):
    story.assesses("Ann", "x", term="very likely", at="2024-10-05", capacity="analyst")
    story.assesses("Ann", "x", term="very unlikely", at="2024-10-06", capacity="analyst")
    assert x() == "assessed + assessment-revised"


def test_likely_against_roughly_even_is_no_dispute(story, x):
    story.assesses("Ann", "x", term="likely", capacity="analyst")
    story.assesses("Bob", "x", term="roughly even chance", capacity="analyst")
    assert x() == "assessed"


def test_an_assessment_of_the_opposite_is_told_as_it_was_said_and_through_which_relation_it_came(story):
    negates = story.relates("not-x", "negates", "x")
    story.assesses("Ann", "x", term="very likely", capacity="analyst")
    story.assesses("Bob", "x", verdict="true", label="Correct", capacity="fact_checker")
    told = story.ask(status, "not-x")
    assert words.assessed(told.assessments) == (
        "very likely (of the opposite) .05–.20 (Ann), false “Correct” (of the opposite) (Bob)"
    )
    assert [[link.event for link in reason.through] for reason in told.why[1:]] == [[negates], [negates]]
    own = story.ask(status, "x")
    assert words.assessed(own.assessments) == "very likely .80–.95 (Ann), true “Correct” (Bob)"
    assert [reason.through for reason in own.why[1:]] == [None, None]


def test_a_dispute_of_assessments_alone_is_told_as_one(story):
    story.assesses("Ann", "x", term="very likely", capacity="analyst")
    story.assesses("Bob", "x", term="very unlikely", capacity="analyst")
    assert story.ask(status, "x").why[0].text == "nobody stands on it, and assessments are on both sides"
    story.states("Cy", "x")
    story.denies("Dee", "x")
    assert story.ask(status, "x").why[0].text == "both sides are taken"


def test_an_editors_second_verdict_replaces_the_first(story, x):
    desk = by("Fact desk", "organisation")
    story.assesses(desk, "x", verdict="true", at="2024-10-05", capacity="fact_checker")
    story.assesses(desk, "x", verdict="false", at="2024-10-06", capacity="fact_checker")
    assert x() == "assessed + assessment-revised"


# -- what is taken back ------------------------------------------------------------------------------------------------


def looked_at(claims, monkeypatch):
    """How many acts are held against a retraction, where one outlet speaks of so many claims and takes half back."""
    asked, takes = 0, Sweep.takes

    def counted(*args):
        nonlocal asked
        asked += 1
        return takes(*args)

    story = Story()
    said = [story.states("Outlet", f"x{number}") for number in range(claims)]
    for act in said[::2]:
        story.retracts("Outlet", act)
    with monkeypatch.context() as patched:
        patched.setattr(Sweep, "takes", counted)
        left = story.ledger.state(board).claims
    assert [row.status for row in left].count("withdrawn") == claims // 2
    return asked


def test_a_retraction_is_held_against_what_was_said_of_its_claims_alone(monkeypatch):
    assert 0 < looked_at(40, monkeypatch) <= 2 * looked_at(20, monkeypatch)


def test_a_sole_statement_that_its_speaker_retracts_is_withdrawn(story, x):
    said = story.states("Ann", "x", at="2024-10-05")
    story.retracts("Ann", said, at="2024-10-06")
    assert x() == "withdrawn + retracted"


def test_one_of_ten_reports_that_its_outlet_retracts_is_one_report_less(story, x):
    first, *_ = [story.states("Ann", "x", at="2024-10-05", via=outlet) for outlet in OUTLETS]
    story.retracts(by(OUTLETS[0], "outlet"), first, at="2024-10-06")
    assert x() == "asserted [1,1] + repeated + retracted"


def test_what_its_speaker_retracts_is_gone_from_all_ten_reports(story, x):
    first, *_ = [story.states("Ann", "x", at="2024-10-05", via=outlet) for outlet in OUTLETS]
    story.retracts("Ann", first, at="2024-10-06")
    assert x() == "withdrawn + retracted"


def test_a_stranger_can_take_nothing_back():
    said = Entry(event=Statement(claims=("x",), chain=chain("Ann", via="AFP")), id="said")
    taking_back = Retraction(act="said", chain=chain("A stranger"))
    given(said).when(taking_back).refused(Refused, "neither the speaker")
    given(said).then(status, "x", status="asserted")


def test_nobody_can_take_back_what_is_not_in_the_ledger():
    given().when(Retraction(act="said", chain=chain("Ann"))).refused(NotFound, "no event 'said'")


def test_a_sole_report_that_its_outlet_retracts_was_never_support(story, x):
    said = story.states("Ann", "x", at="2024-10-05", via="AFP")
    story.retracts(by("AFP", "outlet"), said, at="2024-10-06")
    assert x() == "raised + retracted"


def test_an_entry_that_the_clerk_voids_leaves_no_mark(story, x):
    said = story.states("Ann", "x")
    story.voids(said)
    assert x() == "raised"


def test_who_never_said_that_supports_nothing(story, x):
    said = story.states("Ann", "x", at="2024-10-05", via="AFP")
    story.denies("Ann", acts=(said,), at="2024-10-06")
    assert x() == "raised + attribution-denied"


def test_who_took_an_act_back_is_told_its_speaker_or_whom_it_speaks_for(story):
    story.knows("Min", "state")
    story.connects("ann", "speaks_for", "min")
    early = story.states("Ann", "x", at="2024-10-04")
    said = story.states("Ann", "x", at="2024-10-05")
    own = story.states("Ann", "y", at="2024-10-05")
    story.retracts("Min", said, at="2024-10-06")
    story.retracts("Ann", own, at="2024-10-06")
    told = {act.act: act.gone for act in story.ledger.state(sources, "ann").said}
    assert told == {early: [BY_PRINCIPAL], said: [BY_PRINCIPAL], own: [BY_SPEAKER]}
    assert story.ask(status, "x").status == "withdrawn"
