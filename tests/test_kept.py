"""Is what a view keeps in memory while it catches up, what it would judge, and no more than it may hold?"""

from __future__ import annotations

from itertools import pairwise
from random import Random

import pytest
from boards import ANN, BOB, folded, keeps_up, rows

from ledger import (
    ClaimRegistered,
    ClaimReworded,
    Correction,
    Denial,
    Entry,
    Ledger,
    RecordAmended,
    Retraction,
    SourceRelated,
    Statement,
    Unavailable,
)
from ledger.testing import Author, Story, by, opened, random_ledger
from projections.views import OutOfReach, Views, catching, finding, live


@pytest.fixture
def story():
    return Story()


@pytest.mark.parametrize("seed", range(200, 220))
def test_what_is_kept_up_in_memory_is_what_is_judged(seed, monkeypatch):
    with opened(random_ledger(Random(seed), 60)) as ledger, Views.open(ledger) as judged, Views.open(ledger) as kept:
        monkeypatch.setattr(live, "MOST", 0)
        judged.catch_up()
        assert not judged._live._records
        monkeypatch.setattr(live, "HOT", 0)
        monkeypatch.setattr(live, "MOST", 50)
        kept.catch_up()
        assert kept.difference(judged) is None
        assert kept.finds_hash() == judged.finds_hash()


@pytest.fixture
def in_parts(monkeypatch):
    """Has nothing kept whole, and what bears on a claim as soon as it was judged."""
    for name, value in (("HOT", 0), ("LARGE", 0), ("_TWICE", 0), ("_FOLDED", 10**9), ("_AGAIN", 1)):
        monkeypatch.setattr(live, name, value)


@pytest.mark.parametrize("seed", range(220, 250))
def test_what_is_kept_up_in_part_is_what_a_rebuild_finds(seed, in_parts, monkeypatch):
    author = Author(Random(seed))
    author.write(40)
    author.write(40, "statement", "denial", "assessment", "retraction", "source_related", "source_registered")
    parts, load = [], live.Live._load_part
    monkeypatch.setattr(live.Live, "_load_part", lambda *way: parts.append(way[1]) or load(*way))
    with opened(author.written) as ledger, Views.open(ledger) as kept, Views.open(ledger) as built:
        kept.catch_up()
        built.rebuild()
        assert parts
        assert kept.difference(built) is None
        assert kept.finds_hash() == built.finds_hash()


def test_what_is_kept_up_in_memory_takes_in_whatever_comes_about_it(story, monkeypatch):
    monkeypatch.setattr(live, "HOT", 0)
    loaded = []
    load = live.Live._load
    monkeypatch.setattr(live.Live, "_load", lambda self, *args: loaded.append(args) or load(self, *args))
    story.relates("x", "entails", "y")
    story.states("Ann", "x", at="2024-10-04")
    with Views.open(story.ledger) as view:
        view.catch_up()
        said = story.states("Bob", "x", at="2024-10-05")
        view.catch_up()
        before = len(loaded)
        story.amends(said, said_at="2024-10-03")
        story.connects("bob", "speaks_for", "ann")
        story.retracts("Ann", said, at="2024-10-06")
        story.relates("y", "negates", "x")
        story.denies("Cy", "y", at="2024-10-07")
        view.catch_up()
        assert len(loaded) == before
        for position in range(1, story.ledger.head + 1):
            assert rows(view, as_of=position) == folded(story.ledger, position)


def test_what_was_kept_in_memory_apart_is_kept_together_once_it_is_tied(story, monkeypatch):
    monkeypatch.setattr(live, "HOT", 0)
    for claim in ("x", "y", "x", "y"):
        story.states("Ann", claim)
    with Views.open(story.ledger) as view:
        view.catch_up()
        story.relates("x", "entails", "y")
        for speaker in ("Bob", "Cy"):
            story.states(speaker, "x")
            view.catch_up()
            assert rows(view) == folded(story.ledger)


def test_a_claim_that_is_tied_to_those_in_memory_comes_to_them_with_what_was_said_of_it(story, monkeypatch):
    monkeypatch.setattr(live, "HOT", 0)
    loaded = []
    load = live.Live._load
    monkeypatch.setattr(live.Live, "_load", lambda self, *args: loaded.append(args) or load(self, *args))
    with Views.open(story.ledger) as view:
        for speaker in ("Ann", "Bob"):
            story.states(speaker, "x")
        story.connects("bob", "speaks_for", "ann")
        view.catch_up()
        before = len(loaded)
        story.states(by("Bob", "organisation"), "y", at="2024-10-02")
        story.denies("Cy", "y", at="2024-10-01")
        for speaker in ("Eve", "Fay"):
            story.denies(speaker, "y", at="2024-10-01")
        monkeypatch.setattr(live, "HOT", 32)  # nothing of it is kept
        view.catch_up()
        story.relates("y", "entails", "x")
        story.retracts("Cy", story.denies("Cy", "x", at="2024-10-03"), at="2024-10-04")
        story.connects("eve", "same_as", "fay")
        view.catch_up()
        assert len(loaded) == before and view._live.keeps(["x", "y"])
        for position in range(1, story.ledger.head + 1):
            assert rows(view, as_of=position) == folded(story.ledger, position)


def test_claims_that_one_act_names_are_tied_without_counting_it_twice(story, monkeypatch):
    monkeypatch.setattr(live, "HOT", 0)
    for claim in ("x", "y"):
        story.states("Ann", claim)
    story.states("Bob", "x", "y")
    with Views.open(story.ledger) as view:
        view.catch_up()
        story.states("Cy", "x")
        story.relates("x", "entails", "y")
        story.states("Dee", "y")
        view.catch_up()
        for position in range(1, story.ledger.head + 1):
            assert rows(view, as_of=position) == folded(story.ledger, position)


def test_an_act_on_a_claim_in_memory_and_on_another_has_none_of_those_in_memory_judged(story, monkeypatch):
    with Views.open(story.ledger) as view:
        for number in range(8):
            story.states("Ann", f"c-{number}")
        for number in range(1, 8):
            story.relates("c-0", "entails", f"c-{number}")
        view.catch_up()
        story.states("Bob", "c-0")
        view.catch_up()
        assert view._live.keeps([f"c-{number}" for number in range(8)])
        story.registers("new")
        view.catch_up()
        judged, judge = [], live.Live.judged
        noting = lambda self, claims, n: judged.extend(claims) or judge(self, claims, n)  # noqa: E731
        monkeypatch.setattr(live.Live, "judged", noting)
        story.states("Bob", "c-0", "new")
        view.catch_up()
        assert judged in ([], ["new"])
        assert rows(view) == folded(story.ledger)


def test_what_fails_while_a_claim_comes_to_those_in_memory_leaves_nothing_there(story, monkeypatch):
    monkeypatch.setattr(live, "HOT", 0)
    with Views.open(story.ledger) as view:
        for speaker in ("Ann", "Bob", "Cy"):
            story.states(speaker, "x")
            view.catch_up()
        monkeypatch.setattr(live, "HOT", 32)
        story.states("Dee", "y")
        view.catch_up()
        story.relates("y", "entails", "x")

        def failing(*_):
            raise Unavailable("the disk failed for a moment")

        with monkeypatch.context() as patched:
            patched.setattr(live.Live, "_read", failing)
            with pytest.raises(Unavailable):
                view.catch_up()
        for speaker in ("Eve", "Fay"):
            story.states(speaker, "x")
            view.catch_up()
            assert rows(view) == folded(story.ledger)
        assert view._live._records == sum(len(cluster.positions) for cluster in view._live._held)


def test_a_cluster_is_kept_in_memory_however_large_once_judging_has_read_more(story, monkeypatch):
    monkeypatch.setattr(live, "HOT", 0)
    monkeypatch.setattr(live, "LARGE", 0)
    with Views.open(story.ledger) as view:
        for number in range(12):
            story.states(f"Speaker {number}", "x")
            view.catch_up()
        assert view._live.keeps(["x"])
        assert rows(view) == folded(story.ledger)


def test_what_is_too_large_to_be_kept_in_memory_is_known_by_what_ties_it_to_that(story, monkeypatch):
    for number in range(60):
        story.states("Ann", f"c-{number:02}")
        story.relates(f"c-{number:02}", "entails", f"c-{number - 1:02}") if number else None
    for name, value in (("LARGE", 40), ("_TWICE", 0), ("_FOLDED", 1_000), ("_AGAIN", 1_000)):  # it never pays
        monkeypatch.setattr(live, name, value)
    found, evolve = [], finding.Tied.evolve
    monkeypatch.setattr(finding.Tied, "evolve", lambda *way: found.append(way[-1]) or evolve(*way))
    with Views.open(story.ledger) as view:
        view.rebuild()
        for number in range(0, 60, 6):
            story.states("Bob", f"c-{number:02}")
            view.catch_up()
        assert not view._live._records
        assert len(found) < 6 * 40  # not forty and more for each of ten
        assert rows(view) == folded(story.ledger)


def test_what_is_too_large_is_kept_as_far_as_it_bears_on_what_is_judged_most(story, in_parts, monkeypatch):
    for number in range(20):
        story.relates(f"c-{number:02}", "entails", "hub")
        story.relates(f"c-{number:02}", "entails", f"d-{number:02}")
        story.relates(f"e-{number:02}", "entails", f"d-{number:02}")
    with Views.open(story.ledger) as view:
        view.rebuild()
        for _ in range(3):
            story.states("Ann", "hub")
            view.catch_up()
        [part] = [part for part in view._live._held if "hub" in part.kept]
        assert {"c-07", "d-07"} <= part.claims and "e-07" not in part.claims
        read, judged = [], live.Live.judged
        monkeypatch.setattr(live.Live, "judged", lambda self, claims, n: read.extend(claims) or judged(self, claims, n))
        story.states("Bob", "hub")
        view.catch_up()
        assert read == []
        assert rows(view) == folded(story.ledger)
        story.relates("hub", "same_as", "e-07")
        story.denies("Cy", "e-07")
        view.catch_up()
        assert rows(view) == folded(story.ledger)
        assert all("e-07" in part.claims for part in view._live._held if "hub" in part.kept)


def test_what_bears_on_a_claim_has_to_be_judged_again_before_it_is_kept_again(story, in_parts, monkeypatch):
    monkeypatch.setattr(live, "_AGAIN", 3)
    kept = []
    with Views.open(story.ledger) as view:
        for number in range(12):
            story.states("Ann", "x")
            view.catch_up()
            kept.append(view._live.keeps(["x"]))
            if kept[-1]:
                story.relates("x", "entails", f"y-{number}")
                view.catch_up()
    assert any(kept)
    assert not any(now and again for now, again in pairwise(kept))


def test_of_sources_only_those_by_whom_an_act_counts_are_kept_in_memory(story, monkeypatch):
    monkeypatch.setattr(live, "HOT", 0)
    for number in range(30):
        story.connects(f"spokesman-{number}", "speaks_for", "ministry")
        story.connects("agency", "republishes", f"wire-{number}")
    story.connects("ministry", "member_of", "state")
    with Views.open(story.ledger) as view:
        said = story.states("spokesman-1", "x", via="Agency")
        story.states("Ann", "x")
        view.catch_up()
        [cluster] = view._live._held
        assert {"spokesman-1", "ministry", "state", "ann"} <= cluster.sources
        assert cluster.sources.isdisjoint({"spokesman-2", "agency", "wire-1"})
        story.retracts("Agency", said)  # a carrier may take it back, or who is the same
        story.connects("spokesman-1", "same_as", "spokesman-2")
        story.states("spokesman-3", "x")
        view.catch_up()
        assert {"agency", "spokesman-2", "spokesman-3"} <= cluster.sources
        assert [cluster] == list(view._live._held)
        assert rows(view) == folded(story.ledger)
        assert keeps_up(story.ledger)


def test_a_relation_found_before_who_leads_there_does_leads_on_all_the_same(story):
    club, tied = story.connects("spokesman", "member_of", "club"), story.connects("p", "speaks_for", "gov")
    story.amends(story.withdraws(tied), target=club)  # it was the other that was to be withdrawn
    for one, other in (("spokesman", "a"), ("a", "b"), ("b", "p"), ("gov", "state")):
        story.connects(one, "speaks_for", other)
    for _ in range(live.HOT + 8):
        story.states("Spokesman", "x")
    with Views.open(story.ledger) as view:
        view.rebuild()
        story.states("State", "x")
        view.catch_up()
        assert rows(view) == folded(story.ledger)
        assert rows(view)[0].support.possible == 1


def test_a_relation_that_was_amended_may_lead_where_neither_end_did(story, monkeypatch):
    monkeypatch.setattr(live, "HOT", 0)
    tied = story.connects("ann", "independent_of", "bob")
    story.connects("bob", "speaks_for", "gov")
    story.amends(tied, relation="same_as")
    story.states("Ann", "x")
    with Views.open(story.ledger) as view:
        view.rebuild()
        for speaker in ("Ann", "Gov"):
            story.states(speaker, "x")
            view.catch_up()
        assert rows(view) == folded(story.ledger)
        assert rows(view)[0].support.possible == 1


def test_whatever_is_about_what_is_kept_is_found_in_however_many_steps(story):
    story.registers("x")
    for number in range(60):
        said = story.states(f"P{number}", f"y{number}")
        never = story.tell(Denial(acts=(said,), form="flat", chain=(by(f"P{number}"),)))
        story.retracts(f"P{number}", never)
        story.corrects(f"P{number}", never, possible_claims=["x"])
    for number in range(live.HOT + 8):
        story.states(f"Q{number}", "x")
    with Views.open(story.ledger) as view:
        view.rebuild()
        for number in range(3):
            story.states(f"R{number}", "x")
            view.catch_up()
        assert rows(view) == folded(story.ledger)


def test_what_bears_on_claims_is_not_kept_where_it_is_more_than_may_be_held(story, in_parts, monkeypatch):
    monkeypatch.setattr(live, "MOST", 100)
    monkeypatch.setattr(catching, "_CLAIMS", 4)  # of which each has less to be read
    for number in range(20):
        story.relates("hub", "entails", f"c-{number}")
        story.relates(f"d-{number}", "entails", f"c-{number}")
        for speaker in range(5):
            story.states(f"Speaker {speaker}", f"d-{number}")
    story.states("Ann", "other")
    with Views.open(story.ledger) as view:
        view.rebuild()
        for number in range(5):
            story.states(f"Speaker {number}", "other")
            view.catch_up()
            story.states(f"Speaker {number}", "hub")
            view.catch_up()
        assert view._live.keeps(["other"])
        assert not view._live.keeps(["hub"])
        assert rows(view) == folded(story.ledger)


def test_what_is_kept_up_in_memory_is_let_go_where_another_has_brought_the_view_on(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "HOT", 0)
    with Ledger.open(tmp_path / "claims.db") as ledger, Views.open(ledger) as one, Views.open(ledger) as other:
        for view, speaker in ((one, "Ann"), (other, "Bob"), (one, "Cy"), (other, "Dee"), (one, "Ann")):
            ledger.append(Statement(claims=("dam",), chain=(by(speaker),)), register=True)
            view.catch_up()
            assert rows(view) == folded(ledger)


def test_a_step_that_fails_leaves_nothing_in_memory_that_is_not_in_the_view(ledger, monkeypatch):
    monkeypatch.setattr(live, "HOT", 0)
    for claim in ("dam", "dyke"):
        ledger.append(Statement(claims=(claim,), chain=ANN), register=True)
    with Views.open(ledger) as view:
        view.catch_up()
        ledger.append(Denial(claims=("dam",), chain=BOB))
        ledger.append(SourceRelated(from_="ann", to="council", relation="speaks_for"))
        with pytest.raises(OutOfReach):
            view.catch_up(reach=1)
        view.catch_up()
        assert rows(view) == folded(ledger)


def test_what_is_kept_in_memory_takes_in_what_a_correction_lets_perhaps_mean_it(ledger, monkeypatch):
    monkeypatch.setattr(live, "HOT", 0)
    for claim in ("dam", "dyke"):
        ledger.append(Statement(claims=(claim,), chain=(by("Cy"),)), register=True)
    with Views.open(ledger) as view:
        ledger.append(Denial(claims=("dyke",), chain=ANN), id="denied")
        ledger.append(Correction(act="denied", changes={"possible_claims": ["dam"]}, chain=ANN))
        ledger.append(Retraction(act="denied", chain=ANN))
        view.catch_up()
        for _ in range(3):
            ledger.append(Denial(claims=("dam",), chain=BOB))
            view.catch_up()
            assert rows(view) == folded(ledger)


def test_a_rewording_that_is_moved_to_a_claim_in_memory_brings_along_what_was_amended_of_it(monkeypatch):
    monkeypatch.setattr(live, "HOT", 0)
    with Ledger.open(":memory:") as ledger, Views.open(ledger) as view:
        for event in (
            ClaimRegistered(claim="dam", text="It broke."),
            ClaimRegistered(claim="dyke", text="It broke."),
            Statement(claims=("dam",), chain=(by("Ann"),)),
            Entry(event=ClaimReworded(claim="dyke", text="It did not.", why="w"), id="reworded"),
            RecordAmended(target="reworded", changes={"text": "It broke again."}, why="w"),
            RecordAmended(target="reworded", changes={"claim": "dam"}, why="w"),
        ):
            ledger.append_all([event])
            view.catch_up()
            assert rows(view) == folded(ledger)
