"""Does an answer read all it needs? By tags, until it wants no more, it comes to what it would over every record."""

from __future__ import annotations

from functools import partial
from random import Random

import pytest
from laws import DAYS, Laws, answer, answers, but_for, tried

from ledger.testing import CLAIMS, Author, Story, opened
from projections import board, provenance, sources, status
from projections.reach import Near, Reach, Relation

law = Laws()


@pytest.mark.slow
@pytest.mark.parametrize("test", law.all)
def test_it_reads_all_it_needs_of_many_more_ledgers(test):
    tried(test, 300)()


class Whole:
    """A projection without `wants`: it is given every record."""

    def __init__(self, projection):
        self.initial, self.evolve, self.answer = projection.initial, projection.evolve, projection.answer


@law
def test_a_single_claims_answer_reads_all_it_needs(written, rnd):
    """It reads by tags until it wants no more, and comes to what it would have come to over every record."""
    with opened(written) as ledger:
        for cut in (len(written), rnd.randint(1, len(written))):
            assert answers(ledger, as_of=cut) == answers(ledger, Whole(status), as_of=cut)


MENDING = ("record_amended", "record_amended", "record_voided", "correction", "claims_related", "source_registered")


def test_it_reads_all_it_needs_where_the_clerk_mends_and_mends_again():
    for seed in range(80):
        author = Author(Random(seed))
        author.write(15, "statement", "denial", "assessment", "claims_related", "source_related", "retraction")
        author.write(30, *MENDING)
        with opened(author.written) as ledger:
            assert answers(ledger) == answers(ledger, Whole(status)), f"seed {seed}"


def test_what_is_near_claims_is_the_same_in_whatever_order_relations_come_in():
    for seed in range(200):
        rnd = Random(seed)
        claims = [f"c{number}" for number in range(rnd.randint(2, 9))]
        kinds = ("entails", "entails", "negates", "same_as")
        relations = [Relation("", *rnd.choices(claims, k=2), rnd.choice(kinds)) for _ in range(rnd.randint(0, 12))]
        begun, same = rnd.sample(claims, 1), rnd.sample(claims, 1)
        reach = Reach(relations)
        near = set().union(*map(reach.neighbourhood, begun), *map(reach.signs, same))
        growing = Near()
        steps = [partial(growing.relate, relation) for relation in relations]
        steps += [partial(growing.begin, claim) for claim in begun]
        steps += [partial(growing.begin, claim, same=True) for claim in same]
        rnd.shuffle(steps)
        for step in steps:
            step()
        assert growing.claims.keys() == near, f"seed {seed}"


@pytest.fixture
def story():
    return Story()


@pytest.fixture
def x(story, shown):
    """Where claim x of the story stands: read by tags, over every record, and on the board."""

    def line():
        single = answer(story.ledger, "x")
        assert single == answer(story.ledger, "x", Whole(status))
        assert on_the_board(story.ledger)["x"] == as_a_row(single)
        return shown(story.ask(status, "x"))

    return line


def test_a_void_amended_to_strike_something_else_is_found_from_there(story, x):
    said = story.states("Ann", "x")
    slip = story.voids(story.registers("y"))
    story.amends(slip, target=said)
    assert x() == "raised"


def test_a_void_amended_twice_is_found_from_what_it_strikes_in_the_end(story, x):
    said = story.states("Ann", "x")
    mended = story.amends(story.voids(story.registers("y")), why="another reason")
    story.amends(mended, changes={"target": said})
    assert x() == "raised"


def test_a_relation_amended_twice_leads_where_it_leads_now(story, x):
    story.states("Ann", "z")
    story.registers("w")
    story.registers("x")
    first = story.amends(story.relates("z", "same_as", "y"), to="w")
    story.amends(first, changes={"to": "x"})
    assert x() == "asserted [1,1]"


def test_a_relation_amended_by_what_was_moved_to_it_leads_where_it_leads_now(story, x):
    story.states("Ann", "z")
    story.registers("x")
    relation = story.relates("z", "same_as", "y")
    amendment = story.amends(story.relates("v", "same_as", "w"), to="x")
    story.amends(amendment, target=relation)
    assert x() == "asserted [1,1]"


def test_a_void_of_a_void_is_found_from_the_claim_its_act_was_moved_to(story, x):
    story.registers("x")
    denied = story.denies("Ann", "y")
    struck = story.voids(denied)
    story.amends(story.voids(story.registers("z")), target=struck)
    story.corrects("Ann", denied, claims=["x"])
    assert x() == "denied [0,0]/[1,1]"


@pytest.mark.parametrize("how", ["amended", "amended twice", "corrected"])
def test_who_speaks_by_a_later_change_is_followed_to_whom_it_speaks_for(story, x, how):
    story.knows("The State", "state")
    story.connects("ann", "speaks_for", "the-state")
    said = story.states("Dee", "x", via="AFP")
    ann = [{"name": "Ann", "kind": "person"}]
    if how == "corrected":
        story.corrects("Dee", said, chain=ann)
    else:
        amendment = story.amends(said, **({"chain": ann} if how == "amended" else {"note": "a slip"}))
        if how == "amended twice":
            story.amends(amendment, changes={"chain": ann})
    assert x() == "asserted [1,1]"
    assert [root.root for root in story.ask(status, "x").support.roots] == ["the-state"]


def test_a_denial_that_may_have_meant_it_is_gone_with_all_its_speaker_took_back(story, x):
    story.registers("x")
    first = story.denies("Ann", "y", at="2024-10-04")
    story.denies("Ann", "y", at="2024-10-05", possible_claims=("x",))
    story.retracts("Ann", first, at="2024-10-06")
    assert x() == "raised"


def test_a_denied_utterance_that_may_have_meant_it_is_gone_when_taken_back(story, x):
    story.registers("x")
    said = story.states("Ann", "y", at="2024-10-04")
    denied = story.denies("Ann", acts=(said,), at="2024-10-05", possible_claims=("x",))
    assert x() == "raised + possibly-denied"
    story.retracts("Ann", denied, at="2024-10-06")
    assert x() == "raised"


@pytest.mark.parametrize("changes", [{"possible_claims": ["x"]}, {"claims": ["z"]}])
def test_a_denial_corrected_to_have_perhaps_meant_it_is_gone_with_what_its_speaker_took_back(story, x, changes):
    story.registers("x")
    meant = () if "possible_claims" in changes else ("x",)
    perhaps = story.denies("Ann", "y", at="2024-10-04", possible_claims=meant)
    last = story.denies("Ann", *changes.get("claims", ["y"]), at="2024-10-05")
    story.corrects("Ann", perhaps, **changes)
    assert x() == "raised + possibly-denied"
    story.retracts("Ann", last, at="2024-10-06")
    assert x() == "raised"


def test_what_is_perhaps_meant_is_the_same_by_an_amended_relation(story, x):
    for claim in ("u", "y", "z"):
        story.registers(claim)
    story.states("Ann", "x", at="2024-10-01")
    story.relates("x", "same_as", "u")
    story.relates("y", "entails", "x")
    story.amends(story.relates("y", "entails", "u"), relation="same_as")
    first = story.denies("Ann", "z", at="2024-10-04")
    story.denies("Ann", "z", at="2024-10-05", possible_claims=("y",))
    assert x() == "asserted [1,1] + possibly-denied"
    story.retracts("Ann", first, at="2024-10-06")
    assert x() == "asserted [1,1]"


def test_an_amendment_of_what_was_moved_twice_counts_where_it_came_to(story, x):
    """One amendment is moved by another, which was meant to move a third."""
    said, other = story.states("Ann", "x"), story.states("Bob", "y")
    meant = story.amends(other, mode="question")
    mover = story.amends(story.amends(story.states("Cy", "z"), note="n"), target=said)
    assert x() == "asserted [1,1]"
    story.amends(mover, target=meant)
    assert x() == "raised"


def test_an_amendment_that_was_moved_to_another_of_the_same_may_be_voided(story, x):
    amended = story.amends(story.states("Ann", "x"), mode="question")
    one, other = story.amends(amended, why="q"), story.amends(amended, why="z")
    moved = story.amends(other, target=one)
    assert x() == "raised"
    story.voids(one)
    story.voids(moved)
    assert x() == "raised"


def test_what_acts_elsewhere_perhaps_mean_is_not_read(story):
    """Of a denial that perhaps meant the claim, what else was said there is: what is perhaps meant there, is not."""
    story.registers("x")
    story.denies("Ann", "y", at="2024-10-04", possible_claims=("x",))
    story.denies("Ann", "y", "z", at="2024-10-05", possible_claims=("w",))
    unread = story.states("Bob", "z", at="2024-10-06")
    read = []

    class Reading(Whole):
        wants = staticmethod(status.wants)

        def __init__(self):
            super().__init__(status)
            self.evolve = lambda state, record: read.append(record.id) or status.evolve(state, record)

    assert story.ledger.state(Reading(), "x") == story.ledger.state(status, "x")
    assert story.ledger.record(unread).id not in read
    assert len(read) == len(set(read)) > 3


@law
def test_provenance_reads_all_it_needs(written, rnd):
    with opened(written) as ledger:
        assert answers(ledger, provenance) == answers(ledger, Whole(provenance))


@law
def test_a_sources_record_reads_all_it_needs(written, rnd):
    with opened(written) as ledger:
        for source in ("ann", "bob", "gov", "a-source@bob"):
            assert answer(ledger, source, sources) == answer(ledger, source, Whole(sources))


def test_a_source_is_named_by_its_class_whoever_asks(story):
    story.connects("bob", "member_of", "gov")
    story.connects("gov", "same_as", "a-body")
    assert answer(story.ledger, "bob", sources) == answer(story.ledger, "bob", Whole(sources))


@pytest.fixture
def live(story):
    """Whether each act of a source's record is live: read by tags, and over every record."""

    def acts(source):
        record = answer(story.ledger, source, sources)
        assert record == answer(story.ledger, source, Whole(sources))
        return {act["act"]: act["live"] for act in (*record["said"], *record["carried"])}

    return acts


def test_what_a_source_carried_is_taken_back_whoever_asks(story, live):
    first = story.states("Ann", "x", at="2024-10-04")
    second = story.states("Ann", "x", at="2024-10-05", via="AFP")
    story.retracts("Ann", first, at="2024-10-06")
    assert live("afp") == {second: True}  # that very act was not


def test_a_principal_takes_back_what_a_source_carried(story, live):
    said = story.assesses("Ann", "x", verdict="true", via="AFP")
    story.connects("ann", "speaks_for", "gov")
    story.retracts("Gov", said)
    assert live("afp") == {said: False}


def test_a_speaker_denies_by_another_name_what_a_source_carried(story, live):
    said = story.states("Ann", "x", via="AFP")
    story.connects("ann", "same_as", "annie")
    story.denies("Annie", acts=(said,))
    assert live("afp") == {said: False}


def test_a_principal_of_its_carrier_takes_back_what_took_an_act_back(story, live):
    said = story.states("Ann", "x", via="AFP")
    story.connects("afp", "speaks_for", "gov")
    story.retracts("Gov", story.retracts("AFP", said))
    assert live("ann") == {said: True}


def test_who_carries_an_act_by_its_correction_carries_it_as_it_was_taken_back(story, live):
    said = story.assesses("Ann", "x", verdict="true")
    story.retracts("Ann", said)
    story.corrects("Ann", said, chain=[{"name": "Annie"}, {"name": "Bob"}])
    assert live("bob") == {said: True}  # Annie took nothing back
    story.connects("annie", "same_as", "ann")
    assert live("bob") == {said: False}


def test_who_carries_an_act_by_an_amendment_moved_to_it_carries_it(story, live):
    said, other = story.states("Ann", "x"), story.states("Cy", "x")
    amendment = story.amends(other, chain=[{"name": "Dee"}, {"name": "Bob"}])
    story.amends(amendment, target=said)
    assert live("bob") == {said: True}


def test_a_source_is_the_same_as_another_by_an_amendment_moved_to_their_relation(story, live):
    said = story.states("Ann", "x")
    relation = story.connects("ann", "republishes", "bob")
    amendment = story.amends(story.relates("x", "entails", "y"), relation="same_as")
    story.amends(amendment, target=relation)
    assert live("bob") == {said: True}


def test_what_is_taken_back_goes_with_what_is_the_same_as_the_claim_it_was_moved_to(story, live):
    first, second = story.states("Ann", "x", at="2024-10-04"), story.states("Ann", "y", at="2024-10-05")
    story.relates("z", "same_as", "x")
    story.corrects("Ann", second, claims=["z"])
    story.retracts("Ann", second, at="2024-10-06")
    assert live("ann") == {first: False, second: False}


@law
def test_the_board_says_of_each_claim_what_its_status_says(written, rnd):
    day = rnd.choice((None, *DAYS))
    with opened(written) as ledger:
        found = {claim: answer(ledger, claim, said_by=day) for claim in CLAIMS}
        rows = {claim: as_a_row(single) for claim, single in found.items() if single}
        assert on_the_board(ledger, said_by=day) == rows


def on_the_board(ledger, **cuts):
    rows = answer(ledger, None, board, **cuts)["claims"]
    return {row["claim"]: but_for(row, "claim", "acts", "changed_at") for row in rows}


def as_a_row(single):
    row = {field: single[field] for field in ("text", "status", "own_words", "flags")}
    return row | {side: but_for(single[side], "roots") for side in ("support", "opposition")}
