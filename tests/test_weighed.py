"""Is what is remembered of assessments what asking anew would give, whatever was recorded meanwhile?"""

from __future__ import annotations

from itertools import islice
from random import Random

import pytest
from msgspec.structs import replace

from ledger import Assessment, ClaimsRelated, Ledger, Link, RecordVoided, Retraction
from ledger.synthetic import synthetic
from ledger.testing import Author, opened
from projections import board, weighed
from projections.weighed import Verdicts

ANN = (Link(name="Ann", kind="person"),)


@pytest.mark.parametrize("seed", range(2))
def test_whatever_is_recorded_what_is_remembered_is_what_is_so(seed):
    known, told = Verdicts(), set()
    with Ledger.open(":memory:") as ledger:
        events = synthetic(300, claims=20, seed=seed)
        while list(ledger.load(islice(events, 25))):
            found = ledger.state(board)
            remembered = known.of(ledger, found)
            assert remembered == weighed.verdicts(ledger, found)
            told.update(filter(None, remembered.values()))
    assert len(told) > 5


def test_it_does_not_hang_on_how_many_claims_there_are_what_is_told_of_each(monkeypatch):
    told = 0
    for seed in range(40):
        author = Author(Random(seed))
        author.write(25, "assessment", "statement", "claims_related", "claims_related")
        author.write(15, "record_amended", "correction", "record_voided", "relation_withdrawn")
        with opened(author.written) as ledger, monkeypatch.context() as patch:
            found = ledger.state(board)
            each = weighed.verdicts(ledger, found)
            patch.setattr(weighed, "_FEW", 0)
            at_once = weighed.verdicts(ledger, found)
            assert {claim: at_once.get(claim, "") for claim in each} == each, f"seed {seed}"
            told += any(each.values())
    assert told > 20


@pytest.fixture
def weighing():
    """A ledger in which `c` was assessed, and what is remembered of that."""
    with Ledger.open(":memory:") as ledger:
        ledger.append(Assessment(claims=("c",), chain=ANN, verdict="false"), id="a", register=True)
        ledger.append(Assessment(claims=("d",), chain=ANN, verdict="true"), register=True)
        known = Verdicts()
        assert known.of(ledger, ledger.state(board)) == {"c": "Ann: false", "d": "Ann: true"}
        yield ledger, lambda: known.of(ledger, ledger.state(board))


@pytest.mark.parametrize(
    ("event", "then"),
    [
        (Retraction(act="a", chain=ANN), ""),
        (RecordVoided(target="a", why="twice"), ""),
        (Assessment(claims=("c",), chain=ANN, verdict="mixed"), "Ann: mixed"),
        (ClaimsRelated(from_="c", to="d", relation="negates"), "Ann: false"),
    ],
)
def test_what_bears_on_a_claim_is_seen_at_once(weighing, event, then):
    ledger, remembered = weighing
    ledger.append(event)
    assert remembered()["c"] == then
    assert remembered() == weighed.verdicts(ledger, ledger.state(board))


def test_a_board_of_the_past_is_told_as_of_then(weighing):
    ledger, _ = weighing
    ledger.append(Retraction(act="a", chain=ANN))
    known = Verdicts()
    now, then = ledger.state(board), ledger.state(board, as_of=4)
    assert known.of(ledger, now)["c"] == ""
    assert known.of(ledger, then)["c"] == "Ann: false"
    assert known.of(ledger, replace(now, said_by="2000-01-01"))["c"] == ""


def test_of_very_many_assessments_a_few_are_told_and_how_many_more(weighing):
    ledger, _ = weighing
    for number in range(4):
        speaker = Link(name=f"Speaker {number}", kind="person")
        ledger.append(Assessment(claims=("c",), chain=(speaker,), verdict="mixed"))
    found = ledger.state(board)
    told = "Ann: false; Speaker 0: mixed; 3 more"
    assert Verdicts(2).of(ledger, found)["c"] == weighed.verdicts(ledger, found, 2)["c"] == told


def test_no_more_claims_are_remembered_than_were_allowed(weighing):
    ledger, known = weighing[0], Verdicts(claims=1)
    found = ledger.state(board)
    assert known.of(ledger, found) == weighed.verdicts(ledger, found) == {"c": "Ann: false", "d": "Ann: true"}
    assert len(known._known) == 1
