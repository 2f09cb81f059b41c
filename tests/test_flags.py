"""Is every flag raised when it should be, and not when it only nearly should?

Two tests a flag, `test_FLAG_when_…` and `test_FLAG_not_when_…`; each second one is a near miss of the first.
"""

from __future__ import annotations

from itertools import pairwise

import pytest

from ledger.testing import Story, by
from projections import board, status
from projections.flags import FLAGS
from projections.views import Views

A_SOURCE = by("a source", "unnamed")
REPORTS = by("several reports", "untraced")


@pytest.fixture
def story() -> Story:
    return Story()


@pytest.fixture
def flags(story):
    """The flags of claim x of the story, or of another claim, at the cuts."""
    return lambda claim="x", **cuts: set(story.ask(status, claim, **cuts).flags)


def test_every_flag_is_raised_and_spared_here():
    for flag in FLAGS:
        prefix = f"test_{flag.replace('-', '_')}"
        for kind in ("when", "not_when"):
            assert any(name.startswith(f"{prefix}_{kind}_") for name in globals()), f"{prefix}_{kind}_… is missing"


def test_every_flag_and_every_status_is_explained_in_a_sentence():
    assert all(text and not text.endswith(".") for text in (*FLAGS.values(), *status.RULE_TEXTS.values()))
    statuses = {"disputed", "corroborated", "asserted", "denied", "assessed", "withdrawn", "raised"}
    assert set(status.RULE_TEXTS) == statuses


# -- the roots ---------------------------------------------------------------------------------------------------------


def test_unnamed_only_when_no_supporter_has_a_name(story, flags):
    story.states(A_SOURCE, "x", via="AFP")
    assert "unnamed-only" in flags()


def test_unnamed_only_not_when_one_supporter_has_a_name(story, flags):
    story.states(A_SOURCE, "x", via="AFP")
    story.states("Ann", "x")
    assert "unnamed-only" not in flags()


def test_untraced_only_when_nobody_knows_whose_words_these_are(story, flags):
    story.states(REPORTS, "x", via="AFP")
    assert {"untraced-only", "unnamed-only"} <= flags()


def test_untraced_only_not_when_an_outlet_knows_its_source(story, flags):
    story.states(REPORTS, "x", via="AFP")
    story.states(A_SOURCE, "x", via="AFP")
    assert "untraced-only" not in flags()


def test_denial_unnamed_only_when_no_denier_has_a_name(story, flags):
    story.denies(A_SOURCE, "x", via="AFP")
    assert "denial-unnamed-only" in flags()


def test_denial_unnamed_only_not_when_one_denier_has_a_name(story, flags):
    story.denies(A_SOURCE, "x", via="AFP")
    story.denies("Ann", "x")
    assert "denial-unnamed-only" not in flags()


def test_kind_unstated_when_nobody_tells_what_a_root_is(story, flags):
    story.states(by("Ann", None), "x")
    assert "kind-unstated" in flags()


def test_kind_unstated_not_when_another_act_tells_it(story, flags):
    story.states(by("Ann", None), "x")
    story.states("Bob", "x", via=by("Ann", "person"))
    assert "kind-unstated" not in flags()


def test_source_unregistered_when_a_root_is_not_in_the_register(story, flags):
    story.states("Ann", "x")
    assert "source-unregistered" in flags()


def test_source_unregistered_not_when_only_a_carrier_is_missing(story, flags):
    story.knows("Ann")
    story.states("Ann", "x", via="AFP")
    assert "source-unregistered" not in flags()


def test_independence_unproven_when_two_roots_may_be_one(story, flags):
    story.states("Ann", "x")
    story.states("Bob", "x")
    story.connects("ann", "member_of", "the-club")
    story.connects("bob", "member_of", "the-club")
    assert "independence-unproven" in flags()


def test_independence_unproven_not_when_members_are_declared_independent(story, flags):
    story.states("Ann", "x")
    story.states("Bob", "x")
    story.connects("ann", "member_of", "the-club")
    story.connects("bob", "member_of", "the-club")
    story.connects("ann", "independent_of", "bob")
    assert "independence-unproven" not in flags()


def independent_sources(story, number):
    """So many unnamed sources that state x, each declared independent of the next."""
    ids = [f"source-{n}" for n in range(number)]
    for source in ids:
        story.states(by(source, "unnamed", source=source), "x")
    for source, following in pairwise(ids):
        story.connects(source, "independent_of", following)


def test_provable_floor_when_more_than_32_are_declared_independent(story, flags):
    independent_sources(story, 33)
    assert "provable-floor" in flags()


def test_provable_floor_not_when_32_are_declared_independent(story, flags):
    independent_sources(story, 32)
    story.states(A_SOURCE, "x", via="AFP")
    assert "provable-floor" not in flags()


def test_repeated_when_two_speakers_of_one_root_say_the_same(story, flags):
    story.connects("ann", "speaks_for", "the-state")
    story.connects("bob", "speaks_for", "the-state")
    story.states("Ann", "x")
    story.states("Bob", "x")
    assert "repeated" in flags()


def test_repeated_not_when_the_second_time_is_only_a_mention(story, flags):
    story.states("Ann", "x")
    story.states("Ann", "x", mode="mention")
    assert "repeated" not in flags()


def test_divided_when_speakers_of_one_root_stand_on_both_sides(story, flags):
    story.states("Minister", "x")
    story.denies("Spokesman", "x")
    story.connects("minister", "speaks_for", "the-state")
    story.connects("spokesman", "speaks_for", "the-state")
    assert "divided" in flags()


def test_divided_not_when_one_of_them_speaks_for_another(story, flags):
    story.states("Minister", "x")
    story.denies("Spokesman", "x")
    story.connects("minister", "speaks_for", "the-state")
    story.connects("spokesman", "speaks_for", "the-party")
    assert "divided" not in flags()


# -- the speakers ------------------------------------------------------------------------------------------------------


def test_reversal_when_a_speaker_stood_on_the_other_side(story, flags):
    story.states("Ann", "x", at="2024-10-05")
    story.denies("Ann", "x", at="2024-10-06")
    assert "reversal" in flags()


def test_reversal_not_when_the_speaker_took_the_first_back(story, flags):
    said = story.states("Ann", "x", at="2024-10-04")
    story.retracts("Ann", said, at="2024-10-05")
    story.denies("Ann", "x", at="2024-10-06")
    assert "reversal" not in flags()


def test_order_uncertain_when_opposite_acts_fall_on_one_day(story, flags):
    story.states("Ann", "x", at="2024-10-05")
    story.denies("Ann", "x", at="2024-10-05")
    assert "order-uncertain" in flags()


def test_order_uncertain_not_when_they_fall_on_two_days(story, flags):
    story.states("Ann", "x", at="2024-10-05")
    story.denies("Ann", "x", at="2024-10-06")
    assert "order-uncertain" not in flags()


# -- the acts ----------------------------------------------------------------------------------------------------------


def test_retracted_when_an_act_was_taken_back(story, flags):
    said = story.states("Ann", "x", at="2024-10-05")
    story.retracts("Ann", said, at="2024-10-06")
    assert "retracted" in flags()


def test_retracted_not_when_the_retraction_was_taken_back(story, flags):
    said = story.states("Ann", "x", at="2024-10-05")
    taking_back = story.retracts("Ann", said, at="2024-10-06")
    story.retracts("Ann", taking_back, at="2024-10-07")
    assert "retracted" not in flags()


def test_attribution_denied_when_the_speaker_never_said_that(story, flags):
    said = story.states("Ann", "x", via="AFP")
    story.denies("Ann", acts=(said,))
    assert "attribution-denied" in flags()


def test_attribution_denied_not_when_somebody_else_says_so(story, flags):
    said = story.states("Ann", "x", via="AFP")
    story.denies("Bob", acts=(said,))
    assert "attribution-denied" not in flags()


def test_partly_denied_when_a_part_of_the_same_claim_was_denied(story, flags):
    story.registers("x")
    story.denies("Ann", "same-as-x", form="partial")
    story.relates("x", "same_as", "same-as-x")
    assert "partly-denied" in flags()


def test_partly_denied_not_when_it_was_a_part_of_the_negation(story, flags):
    story.registers("x")
    story.denies("Ann", "not-x", form="partial")
    story.relates("x", "negates", "not-x")
    assert "partly-denied" not in flags()


@pytest.mark.parametrize("form", ["non_denial", "no_comment", "cannot_confirm"])
def test_declined_when_somebody_will_not_say(story, flags, form):
    story.denies("Ann", "x", form=form)
    assert "declined" in flags()


def test_declined_not_when_who_would_not_say_took_that_back(story, flags):
    story.retracts("Ann", story.denies("Ann", "x", form="no_comment"))
    assert "declined" not in flags()


def test_possibly_denied_when_a_denial_may_have_meant_it(story, flags):
    story.registers("x")
    story.denies("Ann", "y", possible_claims=("x",))
    assert "possibly-denied" in flags()


def test_possibly_denied_not_when_that_denial_was_taken_back(story, flags):
    story.registers("x")
    story.retracts("Ann", story.denies("Ann", "y", possible_claims=("x",)))
    assert "possibly-denied" not in flags()


@pytest.mark.parametrize("scope", ["framed", "ambiguous"])
def test_denial_framed_when_it_is_the_outlet_that_says_what_was_denied(story, flags, scope):
    story.denies("Ann", "x", scope=scope)
    assert "denial-framed" in flags()


def test_denial_framed_not_when_the_denier_later_said_it_outright(story, flags):
    story.denies("Ann", "x", scope="framed", at="2024-10-05")
    story.denies("Ann", "x", at="2024-10-06")
    assert "denial-framed" not in flags()


# -- the relations -----------------------------------------------------------------------------------------------------


def test_support_inferred_when_only_the_narrower_claim_was_stated(story, flags):
    story.registers("x")
    story.states("Ann", "narrow")
    story.relates("narrow", "entails", "x")
    assert "support-inferred" in flags()


def test_support_inferred_not_when_one_says_it_in_own_words(story, flags):
    story.states("Bob", "x")
    story.states("Ann", "narrow")
    story.relates("narrow", "entails", "x")
    assert "support-inferred" not in flags()


def test_denial_inferred_when_only_the_broader_claim_was_denied(story, flags):
    story.registers("x")
    story.denies("Ann", "broad")
    story.relates("x", "entails", "broad")
    assert "denial-inferred" in flags()


def test_denial_inferred_not_when_one_denies_it_in_own_words(story, flags):
    story.denies("Bob", "x")
    story.denies("Ann", "broad")
    story.relates("x", "entails", "broad")
    assert "denial-inferred" not in flags()


def test_relation_conflict_when_one_act_states_a_claim_and_its_negation(story, flags):
    story.states("Ann", "x", "not-x")
    story.relates("x", "negates", "not-x")
    assert "relation-conflict" in flags()


def test_relation_conflict_not_when_two_acts_do(story, flags):
    story.states("Ann", "x")
    story.states("Ann", "not-x")
    story.relates("x", "negates", "not-x")
    assert "relation-conflict" not in flags()


# -- the assessments ---------------------------------------------------------------------------------------------------


def test_assessments_diverge_when_they_point_both_ways(story, flags):
    story.assesses("Ann", "x", term="likely")
    story.assesses("Bob", "x", term="unlikely")
    assert "assessments-diverge" in flags()


def test_assessments_diverge_not_when_one_is_even(story, flags):
    story.assesses("Ann", "x", term="likely")
    story.assesses("Bob", "x", term="roughly even chance")
    assert "assessments-diverge" not in flags()


def test_assessment_revised_when_a_verdict_was_turned_round(story, flags):
    story.assesses("Ann", "x", verdict="true", at="2024-10-05")
    story.assesses("Ann", "x", verdict="false", at="2024-10-06")
    assert "assessment-revised" in flags()


def test_assessment_revised_not_when_it_only_became_mixed(story, flags):
    story.assesses("Ann", "x", verdict="true", at="2024-10-05")
    story.assesses("Ann", "x", verdict="mixed", at="2024-10-06")
    assert "assessment-revised" not in flags()


def test_party_assessed_when_all_who_weigh_are_concerned(story, flags):
    story.assesses("Ann", "x", term="likely")
    assert "party-assessed" in flags()


def test_party_assessed_not_when_an_analyst_weighs_too(story, flags):
    story.assesses("Ann", "x", term="likely")
    story.assesses("Bob", "x", term="likely", capacity="analyst")
    assert "party-assessed" not in flags()


def test_assessed_against_when_what_is_stated_is_unlikely(story, flags):
    story.states("Ann", "x")
    story.assesses("Bob", "x", term="unlikely")
    assert "assessed-against" in flags()


def test_assessed_against_when_what_is_denied_is_likely(story, flags):
    story.denies("Ann", "x")
    story.assesses("Bob", "x", term="likely")
    assert "assessed-against" in flags()


def test_assessed_against_not_when_what_is_stated_is_even(story, flags):
    story.states("Ann", "x")
    story.assesses("Bob", "x", term="roughly even chance")
    assert "assessed-against" not in flags()


def test_assessed_against_not_when_what_is_denied_is_unlikely(story, flags):
    story.denies("Ann", "x")
    story.assesses("Bob", "x", term="unlikely")
    assert "assessed-against" not in flags()


def test_relation_conflict_when_changes_leave_a_claim_the_negation_of_itself(story, flags):
    """No such relation is taken; a change that was taken, and another that is voided, may leave one."""
    story.states("Ann", "y")
    for claim in ("x", "z"):
        story.registers(claim)
    relation = story.relates("x", "negates", "y")
    first = story.amends(relation, to="z")
    story.amends(relation, **{"from": "y"})
    assert "relation-conflict" not in flags("y")
    story.voids(first)
    assert "relation-conflict" in flags("y")
    [row] = (row for row in story.ledger.state(board).claims if row.claim == "y")
    with Views.open(story.ledger) as view:
        view.catch_up()
        assert view.row("y") == row
    assert row.status == "raised"


# -- the texts and the times -------------------------------------------------------------------------------------------


def test_reworded_when_the_text_changed_after_what_decides(story, flags):
    story.states("Ann", "x")
    story.rewords("x", "another text")
    assert "reworded" in flags()


def test_reworded_not_when_the_deciding_act_is_about_the_new_text(story, flags):
    story.states("Ann", "x")
    story.rewords("x", "another text")
    story.states("Ann", "x")
    assert "reworded" not in flags()


def test_time_uncertain_when_what_may_lie_before_the_cut_would_change_it(story, flags):
    story.states("Ann", "x", at="2024-10-03/2024-10-07")
    assert "time-uncertain" in flags(said_by="2024-10-06")


@pytest.mark.parametrize("mark", ["~", "?", "%"])
def test_time_uncertain_when_the_deciding_time_is_marked(story, flags, mark):
    story.states("Ann", "x", at=f"2024-10-05{mark}")
    assert "time-uncertain" in flags()


def test_time_uncertain_not_when_it_certainly_lies_before_the_cut(story, flags):
    story.states("Ann", "x", at="2024-10-03/2024-10-07")
    assert "time-uncertain" not in flags(said_by="2024-10-07")


def test_time_uncertain_not_when_it_would_change_nothing(story, flags):
    story.states("Ann", "x", at="2024-10-01")
    story.states("Ann", "x", at="2024-10-03/2024-10-07")
    assert "time-uncertain" not in flags(said_by="2024-10-06")


@pytest.mark.parametrize(("corrected", "raised"), [("2024-10", True), ("2024-10-03", False)])
def test_time_uncertain_when_a_correction_may_have_turned_a_denial_on_what_stands(story, flags, corrected, raised):
    """Of which utterance was denied: the one on another claim, and by the correction the one on this."""
    other, said = story.states("Ann", "y", at="2024-10-01"), story.states("Ann", "x", at="2024-10-01")
    denied = story.denies("Ann", acts=(other,), at="2024-10-02")
    story.corrects("Ann", denied, at=corrected, acts=[said])
    story.states("Bob", "x", at="2024-10", mode="question")
    assert ("time-uncertain" in flags(said_by="2024-10-05")) is raised


def test_time_uncertain_not_when_the_marked_time_decides_nothing(story, flags):
    story.states("Ann", "x", at="2024-10-05~")
    story.states("Ann", "x", at="2024-10-06")
    assert "time-uncertain" not in flags()


def test_time_uncertain_inferred_when_what_entails_it_may_lie_before_the_cut(story, flags):
    story.registers("x")
    story.states("Ann", "narrow", at="2024-10-03/2024-10-07")
    story.relates("narrow", "entails", "x")
    assert flags(said_by="2024-10-06") == {"time-uncertain-inferred"}


def test_time_uncertain_inferred_not_when_what_it_entails_may_lie_before_the_cut(story, flags):
    story.registers("x")
    story.states("Ann", "broad", at="2024-10-03/2024-10-07")
    story.relates("x", "entails", "broad")
    assert flags(said_by="2024-10-06") == set()
