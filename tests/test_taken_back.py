"""Does a view tell what is left of a claim, act by act, once some of what was said of it was taken back?"""

import pytest
from test_views import folded

from ledger import ClaimRegistered, ClaimsRelated, Denial, Entry, Ledger, Retraction, Statement
from ledger.testing import by
from projections.tracking.tracker import Tracker

ANN, BOB = (by("Ann"),), (by("Bob"),)


@pytest.fixture
def ledger():
    with Ledger.open(":memory:") as made:
        for claim in ("dam", "dyke"):
            made.append(ClaimRegistered(claim=claim, text=f"The {claim} broke."))
        yield made


def last_row(ledger, claim="dam"):
    """The row of a claim; on the way there, that of every record is what folding all of them comes to."""
    tracker, kept = Tracker(ledger.record), {}
    for record in ledger.events():
        kept |= {name: tracker.row(name) for name in tracker.take(record)}
        assert sorted(kept.values(), key=lambda row: row.claim) == folded(ledger, record.position), record
    return kept[claim]


def test_of_two_retractions_the_later_one_takes_back_what_was_said_between_them_and_recorded_late(ledger):
    for act, said_at in (("first", "2024-10-01"), ("second", "2024-10-03")):
        ledger.append(Statement(claims=("dam",), chain=ANN, said_at=said_at), id=act)
    for act, said_at in (("second", "2024-10-05"), ("first", "2024-10-02")):
        ledger.append(Retraction(act=act, chain=ANN, said_at=said_at))
    ledger.append(Statement(claims=("dam",), chain=ANN, said_at="2024-10-04"))
    assert last_row(ledger).status == "withdrawn"


def test_a_denial_of_an_act_perhaps_means_a_claim_no_longer_once_it_is_taken_back(ledger):
    ledger.append(Statement(claims=("dyke",), chain=BOB), id="said")
    ledger.append(Denial(acts=("said",), possible_claims=("dam",), chain=ANN), id="denied")
    assert "possibly-denied" in last_row(ledger).flags
    ledger.append(Retraction(act="denied", chain=ANN))
    assert "possibly-denied" not in last_row(ledger).flags


def test_a_claim_is_not_withdrawn_where_somebody_who_takes_no_side_any_more_took_nothing_back(ledger):
    ledger.append(ClaimsRelated(from_="dyke", to="dam", relation="negates"))
    ledger.append(Statement(claims=("dam",), chain=BOB), id="bobs")
    ledger.append(Retraction(act="bobs", chain=BOB))
    ledger.append_all(
        [
            Entry(event=Statement(claims=("dam",), chain=ANN, said_at="2024-10-01")),
            Entry(event=Denial(claims=("dam",), chain=ANN, said_at="2024-10-02")),
            Entry(event=Denial(claims=("dyke",), form="dismissal", chain=ANN, said_at="2024-10-03")),
        ]
    )
    assert last_row(ledger).status == "raised"
