"""Does the tracker say after every record what a fold of all records says?"""

from __future__ import annotations

from random import Random

import pytest
from boards import ANN, BOB, folded

from ledger import (
    Assessment,
    ClaimRegistered,
    ClaimsRelated,
    Denial,
    Entry,
    Ledger,
    Link,
    RecordVoided,
    Refused,
    Retraction,
    SourceRelated,
    Statement,
)
from ledger.testing import Story, by, opened, random_ledger
from projections import distinct
from projections.tracking import carried, standing, tied
from projections.tracking.tracker import Tracker


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


def said_on_a_class(rnd, count):
    """Acts of two speakers on claims of which one is the negation of the others, or one too many."""
    for claim in "abc":
        yield ClaimRegistered(claim=claim, text=claim)
    yield ClaimsRelated(from_="a", to="b", relation="negates")
    yield ClaimsRelated(from_="b", to="c", relation=rnd.choice(("same_as", "negates")))
    if rnd.random() < 0.3:
        yield ClaimsRelated(from_="c", to="a", relation=rnd.choice(("same_as", "negates")))
    for _ in range(count):
        claims = tuple(rnd.sample("abc", rnd.choice((1, 1, 1, 1, 2))))
        day, chain = rnd.randint(1, 9), rnd.choice((ANN, BOB))
        said = {
            "claims": claims,
            "chain": chain,
            "said_at": rnd.choice((f"2024-01-0{day}", f"2024-01-0{day}~", "2024-01", None)),
        }
        yield rnd.choice(
            (
                Statement(**said),
                Statement(**said, mode="conditional"),
                Denial(**said),
                Denial(**said, form=rnd.choice(("dismissal", "partial", "no_comment"))),
                Assessment(**said, verdict=rnd.choice(("true", "false", "mixed"))),
            )
        )


@pytest.mark.parametrize("seed", range(60))
def test_acts_on_what_is_the_same_or_a_negation_add_up_to_what_a_fold_says(ledger, seed):
    for event in said_on_a_class(Random(seed), 25):
        ledger.append(event)
    tracker, kept = Tracker(ledger.record), {}
    for record in ledger.events():
        kept |= {claim: tracker.row(claim) for claim in tracker.take(record)}
        assert sorted(kept.values(), key=lambda row: row.claim) == folded(ledger, record.position), record


def test_an_act_that_bears_on_a_claim_both_ways_makes_no_order_of_the_others_uncertain(ledger):
    for claim in "ab":
        ledger.append(ClaimRegistered(claim=claim, text=claim))
    ledger.append(ClaimsRelated(from_="a", to="b", relation="negates"))
    ledger.append(Statement(claims=("a", "b"), chain=ANN, said_at="2024-01"))
    ledger.append(Statement(claims=("a",), chain=ANN, said_at="2023"))
    ledger.append(Denial(claims=("a",), chain=ANN, said_at="2024-01-09"))
    tracker = Tracker(ledger.record)
    for record in ledger.events():
        tracker.take(record)
    assert [tracker.row(claim) for claim in "ab"] == folded(ledger)
    assert "order-uncertain" not in tracker.row("b").flags


@pytest.mark.parametrize("relation", ["negates", "same_as"])
def test_one_more_act_of_a_speaker_on_a_claim_with_a_negation_has_none_of_the_others_worked_out_anew(
    ledger, relation, monkeypatch
):
    for claim in "ab":
        ledger.append(ClaimRegistered(claim=claim, text=claim))
    ledger.append(ClaimsRelated(from_="a", to="b", relation=relation))
    for number in range(20):
        ledger.append((Statement, Denial)[number % 2](claims=("a",), chain=ANN, said_at=f"2024-01-{number + 1:02}"))
    monkeypatch.setattr(carried, "work_out", lambda *_: pytest.fail("worked out anew"))
    tracker = Tracker(ledger.record)
    for record in ledger.events():
        tracker.take(record)
    assert [tracker.row(claim) for claim in "ab"] == folded(ledger)


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


@pytest.mark.parametrize("seed", range(12))
def test_a_count_that_gives_up_is_the_same_floor_in_whatever_order_all_came_in(seed, monkeypatch):
    monkeypatch.setattr(distinct, "BUDGET", 3)
    floors = set()
    for shuffled in range(4):
        rnd = Random(seed)
        pairs = [(f"s{number}", f"body{body}") for number in range(9) for body in rnd.sample(range(6), 2)]
        entries = [SourceRelated(from_=one, to=body, relation="member_of") for one, body in pairs]
        entries += [Statement(claims=("dam",), chain=(by(f"s{number}"),)) for number in range(9)]
        Random(shuffled).shuffle(entries)
        with Ledger.open(":memory:") as ledger:
            ledger.append_all([ClaimRegistered(claim="dam", text="It broke."), *entries])
            tracker = Tracker(ledger.record)
            for record in ledger.events():
                tracker.take(record)
            row = tracker.row("dam")
            assert [row] == folded(ledger, ledger.head)
            floors.add((row.support.provable, "provable-floor" in row.flags))
    assert len(floors) == 1


def test_what_is_carried_to_many_claims_is_searched_once(monkeypatch):
    searched, search = [], tied.provable
    monkeypatch.setattr(tied, "provable", lambda side, lines: searched.append(len(side)) or search(side, lines))
    counts = []
    for claims in (5, 25):
        with Ledger.open(":memory:") as ledger:
            names = [f"c{number}" for number in range(claims)]
            ledger.append_all([ClaimRegistered(claim=claim, text="It broke.") for claim in ("dam", *names)])
            ledger.append_all([ClaimsRelated(from_=claim, to="dam", relation="entails") for claim in names])
            ledger.append_all([SourceRelated(from_="a", to=one, relation="independent_of") for one in "bcd"])
            ledger.append_all([Denial(claims=("dam",), chain=(by(one),)) for one in "abcd"])
            tracker, kept = Tracker(ledger.record), {}
            searched.clear()
            for record in ledger.events():
                for claim in tracker.take(record):
                    kept[claim] = tracker.row(claim)
            assert sorted(kept.values(), key=lambda row: row.claim) == folded(ledger)
            counts.append(len(searched))
    assert counts[0] == counts[1] > 0


def test_in_own_words_alone_a_root_may_come_later_than_what_was_carried_to_a_claim_has_it(monkeypatch):
    for module in (distinct, standing, tied, carried):
        monkeypatch.setattr(module, "EXACT", 1)
    story = Story()
    story.relates("flood", "entails", "dam")
    story.connects("cy", "speaks_for", "gov")
    story.connects("gov", "independent_of", "bob")
    story.states("Cy", "flood")  # by what is carried the government comes first, and in own words second
    for speaker in (by("Dee", None), by("Gov", "state"), by("Bob")):
        story.states(speaker, "dam")
    tracker, kept = Tracker(story.ledger.record), {}
    for record in story.ledger.events():
        for claim in tracker.take(record):
            kept[claim] = tracker.row(claim)
        assert [kept[row.claim] for row in folded(story.ledger, record.position)] == folded(
            story.ledger, record.position
        )
