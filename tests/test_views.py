"""Does the board beside the ledger say what the records say, at every position, whichever way it came about?"""

from __future__ import annotations

import os
import queue
import threading
from itertools import islice
from pathlib import Path
from random import Random

import apsw
import pytest

from ledger import (
    ClaimRegistered,
    ClaimReworded,
    ClaimsRelated,
    Correction,
    Denial,
    Entry,
    Ledger,
    LedgerError,
    Link,
    NotFound,
    RecordAmended,
    RecordVoided,
    Refused,
    Retraction,
    SourceRelated,
    Statement,
    UsageError,
    intake,
)
from ledger.synthetic import synthetic
from ledger.testing import Story, by, opened, random_ledger
from projections import board, carried, distinct, live, standing, status, tied, views
from projections.reached import OutOfReach
from projections.rows import COUNTS
from projections.tracker import Tracker
from projections.views import ORDERS, STATUSES, Views

ANN = (by("Ann"),)
BOB = (by("Bob"),)


def folded(ledger, as_of=None):
    """The board as a fold of all records gives it."""
    return ledger.state(board, as_of=as_of).claims


def rows(view, **how):
    return view.page(limit=None, **how).rows


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "claims.db") as made:
        yield made


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Two thousand records, and the view of them."""
    with Ledger.open(tmp_path_factory.mktemp("large") / "claims.db") as made:
        for _ in made.load(islice(synthetic(2_500, seed=5), 2_500)):
            pass
        with Views.open(made) as view:
            view.catch_up()
            yield made, view


# The same rows, whichever way


@pytest.mark.parametrize("many", [carried._MANY, 0])
@pytest.mark.parametrize("seed", range(40))
def test_the_tracker_says_after_every_record_what_a_fold_of_all_says(seed, many, monkeypatch):
    monkeypatch.setattr(carried, "_MANY", many)
    with opened(random_ledger(Random(seed), 40)) as ledger:
        tracker = Tracker(ledger.record)
        kept = {}
        for record in ledger.events():
            for claim in tracker.take(record):
                kept.pop(claim, None)
                if (row := tracker.row(claim)) is not None:
                    kept[claim] = row
            assert sorted(kept.values(), key=lambda row: row.claim) == folded(ledger, record.position), record


def test_what_a_retraction_swept_away_comes_back_when_it_is_voided_claim_by_claim(ledger):
    ledger.append_all([ClaimRegistered(claim=claim, text=claim) for claim in ("dam", "dyke")])
    for event_id, claims in (("both", ("dam", "dyke")), ("one", ("dam",)), ("other", ("dyke",))):
        ledger.append(Statement(claims=claims, chain=ANN), id=event_id)
    ledger.append(Retraction(act="one", chain=ANN), id="back")
    ledger.append(Retraction(act="other", chain=ANN))
    ledger.append(RecordVoided(target="back", why="mistyped"))
    tracker, kept = Tracker(ledger.record), {}
    for record in ledger.events():
        kept |= {claim: tracker.row(claim) for claim in tracker.take(record)}
        assert sorted(kept.values(), key=lambda row: row.claim) == folded(ledger, record.position)
    assert [row.status for row in kept.values()] == ["asserted", "withdrawn"]


@pytest.mark.parametrize(("one", "other"), ["ab", "ba"])
def test_what_a_retraction_swept_away_stays_so_when_two_speakers_become_one(ledger, one, other):
    ledger.append(Statement(claims=("dam",), chain=(by(one),)), register=True)
    ledger.append(Statement(claims=("dam",), chain=(by(other),)), id="said")
    ledger.append(Retraction(act="said", chain=(by(other),)))
    ledger.append(SourceRelated(from_=one, to=other, relation="same_as"))
    tracker = Tracker(ledger.record)
    for record in ledger.events():
        tracker.take(record)
    assert [tracker.row("dam")] == folded(ledger)
    assert tracker.row("dam").status == "withdrawn"


def test_a_source_by_itself_stands_beside_the_circle_that_it_is_in_whoever_spoke_first(ledger):
    ledger.append(SourceRelated(from_="a", to="b", relation="speaks_for"))
    ledger.append(SourceRelated(from_="b", to="a", relation="speaks_for"))
    ledger.append(SourceRelated(from_="a", to="b", relation="independent_of"))
    ledger.append(ClaimRegistered(claim="dam", text="It broke."))
    tracker, kept = Tracker(ledger.record), []
    for speaker, kind, said_at in (
        ("b", "person", "2024-01-02"),
        ("a", "person", None),
        ("b", "untraced", None),
        ("a", "person", None),
    ):
        ledger.append(
            Statement(claims=("dam",), chain=(Link(name=speaker, kind=kind, source=speaker),), said_at=said_at)
        )
    for record in ledger.events():
        if "dam" in tracker.take(record):
            assert [tracker.row("dam")] == folded(ledger, record.position)
            kept.append(tracker.row("dam"))
    assert len(kept) == 5


def crowded(seed):
    """A claim on which many stand, some of them declared independent of each other, some in bodies, some unnamed."""
    rnd, entries = Random(seed), []
    names = [f"s{number}" for number in range(16)]
    kinds = {name: "unnamed" if rnd.random() < 0.2 else "person" for name in names}
    entries += [ClaimRegistered(claim=claim, text=claim) for claim in ("dam", "dyke")]
    entries.append(ClaimsRelated(from_="dyke", to="dam", relation="entails"))
    said = []
    for number in range(60):
        one, other = rnd.sample(names, 2)
        match rnd.randrange(8):
            case 0 | 1:
                entries.append(SourceRelated(from_=one, to=other, relation="independent_of"))
            case 2 if rnd.random() < 0.4:
                entries.append(SourceRelated(from_=one, to=f"body{rnd.randrange(3)}", relation="member_of"))
            case 3 if said:
                act, by_whom = said.pop(rnd.randrange(len(said)))
                entries.append(Retraction(act=act, chain=by_whom))
            case _:
                chain = (Link(name=one, kind=kinds[one], source=one),)
                kind = Statement if rnd.random() < 0.7 else Denial
                said_at = rnd.choice((None, "2024-10-01", "2024-10-05"))
                event = kind(claims=(rnd.choice(("dam", "dam", "dyke")),), chain=chain, said_at=said_at)
                entries.append(Entry(event=event, id=f"e{number}"))
                said.append((f"e{number}", chain))
    return entries


@pytest.mark.parametrize("exact", [1, 2, 3])
@pytest.mark.parametrize("seed", [*range(11), 146])
def test_where_more_are_declared_independent_than_are_counted_exactly_the_first_come_first(seed, exact, monkeypatch):
    for module in (distinct, standing, tied, carried):
        monkeypatch.setattr(module, "EXACT", exact)
    with Ledger.open(":memory:") as ledger:
        tracker, kept = Tracker(ledger.record), {}
        for entry in crowded(seed):
            try:
                ledger.append_all([entry])
            except Refused:  # a source related to itself by way of others, or what was taken back before
                continue
            [record] = ledger.events(after=ledger.head - 1)
            for claim in tracker.take(record):
                kept[claim] = tracker.row(claim)
            assert sorted(kept.values(), key=lambda row: row.claim) == folded(ledger, record.position), record


def test_where_more_are_declared_independent_than_are_counted_exactly_an_untied_source_may_come_first() -> None:
    with Ledger.open(":memory:") as ledger:
        for claim in ("dam", "dyke"):
            ledger.append(ClaimRegistered(claim=claim, text="It broke."))
        ledger.append(ClaimsRelated(from_="dyke", to="dam", relation="entails"))
        unnamed = [f"u{number:02}" for number in range(distinct.EXACT - 1)]
        for one in (*unnamed, "q"):
            ledger.append(SourceRelated(from_="p", to=one, relation="independent_of"))
        # To the dam all is carried: there the free one comes first, and after the others once it has said so again.
        for one in ("free", *unnamed, "p", "q", "free"):
            kind = "unnamed" if one in unnamed else "person"
            ledger.append(Statement(claims=("dyke",), chain=(Link(name=one, source=one, kind=kind),)))
        tracker, provable = Tracker(ledger.record), []
        for record in ledger.events():
            if "dam" in tracker.take(record):
                provable.append(tracker.row("dam").support.provable)
                assert tracker.row("dam") == folded(ledger, record.position)[0]
    assert provable[-2:] == [3, 2]


def test_who_comes_first_among_many_that_are_declared_independent_is_another_once_an_act_is_voided(monkeypatch):
    for module in (distinct, standing, tied, carried):
        monkeypatch.setattr(module, "EXACT", 1)
    with Ledger.open(":memory:") as ledger:
        ledger.append(ClaimRegistered(claim="dam", text="It broke."))
        for one in "abcd":
            ledger.append(SourceRelated(from_=one, to="body", relation="member_of"))
        for one, other in ("ab", "ac", "bc", "ad"):
            ledger.append(SourceRelated(from_=one, to=other, relation="independent_of"))
        said = {one: ledger.append(Statement(claims=("dam",), chain=(by(one),))) for one in "dabcuv"}
        ledger.append(Statement(claims=("dam",), chain=(by("d"),)))
        ledger.append(RecordVoided(target=said["d"].id, why="mistyped"))
        tracker, kept = Tracker(ledger.record), []
        for record in ledger.events():
            if "dam" in tracker.take(record):
                row = tracker.row("dam")
                assert [row] == folded(ledger, record.position)
                kept.append(row.support.provable)
    assert kept[-2:] == [4, 5]  # beside the other two: `d` and whoever is with it; the three that are with each other


@pytest.mark.parametrize("seed", range(100, 130))
def test_a_view_that_was_built_is_the_view_that_caught_up(seed):
    with opened(random_ledger(Random(seed), 50)) as ledger, Views.open(ledger) as built, Views.open(ledger) as caught:
        built.rebuild()
        caught.catch_up()
        assert built.difference(caught) is None
        assert built.state_hash() == caught.state_hash()
        for position in range(0, ledger.head + 1, 9):
            assert rows(built, as_of=position) == rows(caught, as_of=position) == folded(ledger, position)


@pytest.mark.parametrize("seed", range(200, 220))
def test_what_is_kept_up_in_memory_is_what_is_judged(seed, monkeypatch):
    with opened(random_ledger(Random(seed), 60)) as ledger, Views.open(ledger) as judged, Views.open(ledger) as kept:
        judged.catch_up()
        monkeypatch.setattr(live, "HOT", 0)
        monkeypatch.setattr(live, "MOST", 50)
        kept.catch_up()
        assert kept.difference(judged) is None
        assert kept.finds_hash() == judged.finds_hash()


@pytest.fixture
def story():
    return Story()


def keeps_up(ledger):
    """Whether a view that catches up record by record says at every position what the records say."""
    with Views.open(ledger) as view:
        view.catch_up()
        return all(rows(view, as_of=position) == folded(ledger, position) for position in range(1, ledger.head + 1))


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


def test_a_cluster_is_kept_in_memory_however_large_once_judging_has_read_more(story, monkeypatch):
    monkeypatch.setattr(live, "HOT", 0)
    monkeypatch.setattr(live, "LARGE", 0)
    with Views.open(story.ledger) as view:
        for number in range(12):
            story.states(f"Speaker {number}", "x")
            view.catch_up()
        assert view._live.keeps(["x"])
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


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(300, 330))
def test_and_so_it_is_on_longer_ledgers(seed):
    with opened(random_ledger(Random(seed), 120)) as ledger, Views.open(ledger) as built, Views.open(ledger) as caught:
        built.rebuild()
        caught.catch_up()
        assert built.difference(caught) is None
        for position in range(0, ledger.head + 1, 17):
            assert rows(built, as_of=position) == folded(ledger, position)


def test_a_view_says_what_the_board_and_the_single_status_say(large):
    ledger, view = large
    for position in (500, 1_700, ledger.head):
        assert rows(view, as_of=position) == folded(ledger, position)
    picked = Random(1).sample([row.claim for row in rows(view)], 60)
    for claim in picked:
        single, row = ledger.state(status, claim), view.row(claim)
        assert (row.text, row.status, row.own_words, row.flags) == (
            single.text, single.status, single.own_words, single.flags,
        )  # fmt: skip
        for side in ("support", "opposition"):
            one, other = getattr(single, side), getattr(row, side)
            assert (one.provable, one.possible) == (other.provable, other.possible)


def test_it_does_not_matter_in_how_many_steps_a_view_came_about(large, tmp_path):
    _, view = large
    with Ledger.open(tmp_path / "copy.db") as copy, Views.open(copy) as stepwise:
        exported = iter(list(synthetic(2_500, seed=5))[:2_500])
        for size in (700, 1, 550, 1_249):
            for _ in copy.load(islice(exported, size)):
                pass
            stepwise.catch_up()
        assert stepwise.difference(view) is None
        assert stepwise.state_hash() == view.state_hash()
        for position in (1_000, 2_000):
            assert stepwise.kept_hash(position) == view.kept_hash(position) == view.state_hash(as_of=position)


# Orders, filters, pages


def test_pages_follow_each_other_in_every_order_and_skip_nothing(large):
    ledger, view = large
    for order in ORDERS:
        for as_of in (None, 1_200):
            whole = rows(view, order=order, as_of=as_of)
            assert sorted(row.claim for row in whole) == sorted(row.claim for row in folded(ledger, as_of))
            paged, cursor = [], None
            while True:
                page = view.page(order=order, as_of=as_of, limit=37, cursor=cursor)
                paged += page.rows
                cursor = page.cursor
                if cursor is None:
                    break
            assert paged == whole


def test_orders_are_by_id_by_change_and_by_acts(large):
    _, view = large
    assert [row.claim for row in rows(view)] == sorted(row.claim for row in rows(view))
    changes = [row.changed_at for row in rows(view, order="newest")]
    assert changes == sorted(changes, reverse=True)
    assert [row.changed_at for row in rows(view, order="oldest")] == sorted(changes)
    acts = [row.acts.statement + row.acts.denial + row.acts.assessment for row in rows(view, order="acts")]
    assert acts == sorted(acts, reverse=True)


def test_claims_are_found_by_status_and_by_flag(large):
    _, view = large
    whole = rows(view, as_of=2_000)
    assert rows(view, as_of=2_000, status=["disputed", "denied"]) == [
        row for row in whole if row.status in ("disputed", "denied")
    ]
    flagged = rows(view, as_of=2_000, flags=["unnamed-only", "independence-unproven"])
    assert flagged == [row for row in whole if {"unnamed-only", "independence-unproven"} <= set(row.flags)]
    assert flagged


def test_claims_are_counted_by_status_as_of_any_position(large):
    ledger, view = large
    for position in (0, 1, 999, 1_750, ledger.head):
        found = [row.status for row in folded(ledger, position)]
        assert view.counts(as_of=position) == {status: found.count(status) for status in STATUSES}


@pytest.mark.parametrize(
    "how", [{"order": "loudest"}, {"status": ["true"]}, {"cursor": "x:y", "order": "acts"}, {"as_of": 99_999}]
)
def test_what_is_no_order_status_cursor_or_position_is_told(large, how):
    with pytest.raises(UsageError):
        large[1].page(**how)


# Keeping up


def test_who_has_appended_sees_it(ledger):
    with Views.open(ledger) as view:
        said = ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
        assert view.lag == 2
        assert view.catch_up(wait_for=said) == 2
        assert view.lag == 0
        assert view.row("dam").status == "asserted"
        assert view.row("dam", as_of=1).status == "raised"
        with pytest.raises(NotFound):
            view.row("dam", as_of=0)
        with pytest.raises(UsageError, match="position 3 is not in this ledger"):
            view.catch_up(wait_for=3)


def test_a_view_follows_its_ledger_until_it_is_stopped(tmp_path):
    stop, heard = threading.Event(), queue.SimpleQueue()
    path = tmp_path / "claims.db"

    def follow():
        with Ledger.open(path, read_only=True, create=False) as ledger, Views.open(ledger) as view:
            for position in view.follow(stop=stop, poll_s=0.05):
                heard.put((position, view.page().rows))

    with Ledger.open(path) as ledger:
        ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
        following = threading.Thread(target=follow)
        following.start()
        assert heard.get(timeout=10) == (2, folded(ledger))
        ledger.append_all([Denial(claims=("dam",), chain=BOB), Statement(claims=("dam",), chain=BOB)])
        assert heard.get(timeout=10) == (4, folded(ledger))  # what came together is taken in together
        stop.set()
        following.join(timeout=10)
        assert not following.is_alive()
        ledger.append(Denial(claims=("dam",), chain=ANN))
    assert heard.empty()


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


def test_a_view_that_is_far_behind_is_made_anew_and_one_that_is_not_catches_up(ledger, monkeypatch):
    made = []
    monkeypatch.setattr(Views, "_rebuild", lambda view, *_, **__: made.append(view))
    monkeypatch.setattr(views, "GRID", 4)
    monkeypatch.setattr(views, "COSTS", 2)
    with Views.open(ledger) as view:
        ledger.append_all([Statement(claims=(f"dam-{n}",), chain=ANN) for n in range(2)], register=True)
        view.catch_up()
        assert not made  # a few records are never worth it
        ledger.append_all([Statement(claims=("dam-0",), chain=ANN) for _ in range(6)])
        view.catch_up()
        assert made == [view]
        ledger.append_all([Statement(claims=("dam-0",), chain=ANN) for _ in range(4)])
        view.catch_up()
        assert made == [view]


def test_a_view_is_taken_up_where_it_was_left(ledger):
    ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
    with Views.open(ledger) as view:
        view.catch_up()
    ledger.append(Denial(claims=("dam",), chain=BOB))
    with Views.open(ledger) as view:
        assert view.checkpoint.position == 2
        view.catch_up()
        assert rows(view) == folded(ledger)
        assert view.row("dam", as_of=2).status == "asserted"


@pytest.mark.parametrize("harm", ["deleted", "no database", "of another version"])
def test_a_view_that_is_lost_costs_a_replay_and_no_more(ledger, harm):
    ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
    with Views.open(ledger) as view:
        view.catch_up()
        path = Path(view.path)
    if harm == "of another version":
        connection = apsw.Connection(str(path))
        connection.execute("UPDATE meta SET value = 'older' WHERE key = 'version'; UPDATE row SET status = 3")
        connection.close()
    else:
        path.unlink() if harm == "deleted" else path.write_bytes(b"no database at all, but long enough to be one" * 99)
    with Views.open(ledger) as view:
        assert view.checkpoint.position == 0
        view.catch_up()
        assert rows(view) == folded(ledger)


def test_a_view_that_meets_another_ledger_begins_anew(ledger, tmp_path):
    ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
    with Ledger.open(tmp_path / "other.db") as other:
        other.append(Denial(claims=("dam",), chain=BOB), register=True)
        with Views.open(ledger, tmp_path / "shared.views") as view:
            view.catch_up()
        with Views.open(other, tmp_path / "shared.views") as view:
            assert view.checkpoint.position == 0
            view.catch_up()
            assert rows(view) == folded(other)


def test_a_view_that_knows_more_than_a_restored_ledger_begins_anew(ledger, tmp_path):
    ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
    exported = [stored for _, stored in ledger.stored()]
    ledger.append(Denial(claims=("dam",), chain=BOB))
    with Views.open(ledger, tmp_path / "shared.views") as view:
        view.catch_up()
    with Ledger.open(tmp_path / "restored.db") as restored:
        for _ in restored.load(map(intake.record, exported)):
            pass
        with Views.open(restored, tmp_path / "shared.views") as view:
            view.catch_up()
            assert view.row("dam").status == "asserted"
        restored.append(Statement(claims=("dam",), chain=BOB))  # at the position where the other ledger had a denial
        with Views.open(ledger, tmp_path / "elsewhere.views") as view:
            view.catch_up()
        with Views.open(restored, tmp_path / "elsewhere.views") as view:
            view.catch_up()
            assert view.row("dam").status == "corroborated"


@pytest.mark.parametrize("content", ["a text that somebody needs", "a ledger"])
def test_what_is_no_view_is_left_alone(ledger, tmp_path, content):
    path = tmp_path / "needed"
    if content == "a ledger":
        with Ledger.open(path) as other:
            other.append(Statement(claims=("dam",), chain=ANN), register=True)
    else:
        path.write_text(content * 99)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="is no view"):
        Views.open(ledger, path)
    assert path.read_bytes() == before


def test_a_view_is_read_on_while_it_is_rebuilt(ledger):
    ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
    with Views.open(ledger) as reader, Views.open(ledger) as builder:
        reader.catch_up()
        ledger.append(Denial(claims=("dam",), chain=BOB))
        seen = []
        builder.rebuild(progress=lambda _: seen.append(reader.row("dam").status))
        assert seen == ["asserted"]
        assert builder.row("dam").status == reader.row("dam").status == "disputed"


def test_a_record_that_reaches_too_many_claims_is_told_and_nothing_is_lost(ledger):
    for claim in ("dam", "dyke", "sluice"):
        ledger.append(Statement(claims=(claim,), chain=ANN), register=True)
    with Views.open(ledger) as view:
        view.catch_up()
        ledger.append(SourceRelated(from_="ann", to="council", relation="speaks_for"))
        with pytest.raises(OutOfReach, match=r"position 7: .* 3 claims stand, more than 2"):
            view.catch_up(reach=2)
        assert view.checkpoint.position == 6
        view.rebuild()  # which knows no bound
        assert rows(view) == folded(ledger)


def test_a_difference_is_told_with_position_claim_and_both_rows(large, tmp_path):
    ledger, view = large
    with Views.open(ledger, tmp_path / "other.views") as other:
        other.rebuild()
        assert view.difference(other) is None
    connection = apsw.Connection(str(tmp_path / "other.views"))
    since, claim = connection.execute(
        "SELECT from_position, name FROM row JOIN claim USING (claim_no) WHERE from_position > 1500"
        " ORDER BY from_position, name LIMIT 1"
    ).fetchall()[0]
    of_it = "WHERE from_position = ? AND claim_no = (SELECT claim_no FROM claim WHERE name = ?)"
    [(counts,)] = connection.execute(f"SELECT counts FROM row {of_it}", (since, claim)).fetchall()
    numbers = [*COUNTS.unpack(counts)]
    numbers[2] = 99  # how many may support it
    connection.execute(f"UPDATE row SET counts = ? {of_it}", (COUNTS.pack(*numbers), since, claim))
    connection.close()
    with Views.open(ledger, tmp_path / "other.views") as other:
        found = view.difference(other)
        assert (found.position, found.claim) == (since, claim)
        assert (found.one.support.possible, found.other.support.possible) == (
            view.row(claim, as_of=since).support.possible,
            99,
        )


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


def test_a_ledger_has_one_view_by_whatever_path_it_is_opened(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "claims.db")
    monkeypatch.chdir(tmp_path / "real")
    with Ledger.open("claims.db") as ledger:
        ledger.append(ClaimRegistered(claim="dam", text="It broke."))
        monkeypatch.chdir(tmp_path)
        with Views.open(ledger) as view:
            view.catch_up()
            assert view.path == str(tmp_path / "real" / "claims.db.views")
    with Ledger.open("link.db") as ledger, Views.to_read(ledger) as view:
        assert view.made == 1
    assert not list(tmp_path.glob("*.views"))


def test_a_view_beside_a_ledger_on_read_only_media_is_made_in_memory(tmp_path, monkeypatch):
    with Ledger.open(tmp_path / "claims.db") as ledger:
        ledger.append(ClaimRegistered(claim="dam", text="It broke."))

    def refused(path):
        if path != ":memory:":
            raise apsw.CantOpenError("unable to open database file")
        return open_view(path)

    open_view = views.open_view
    monkeypatch.setattr(views, "open_view", refused)
    with Ledger.open(tmp_path / "claims.db", read_only=True) as ledger:
        with pytest.raises(LedgerError, match="see that there is room"):
            Views.open(ledger, or_in_memory=True)
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        with pytest.raises(LedgerError, match="see that there is room"):
            Views.open(ledger)
        with Views.open(ledger, or_in_memory=True) as view:
            view.catch_up()
            assert [row.claim for row in rows(view)] == ["dam"]
    assert [path.name for path in tmp_path.iterdir()] == ["claims.db"]
