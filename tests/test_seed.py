"""Does the seed article come out as it was read? Its board at every cut, why one claim is disputed, the two clocks.

`seeds/golden/*.json` holds the whole answers, byte for byte. After a change that is meant to change them,
`python tests/test_seed.py` writes them anew; what it changed is for the commit to explain.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from ledger import Ledger, RelationWithdrawn, intake
from projections import board, provenance, status

SEEDS = Path(__file__).parent.parent / "seeds"
RECORDED = {"10-register": "2024-10-11", "20-acts": "2024-10-11", "30-amendment": "2024-10-14"}
BEFORE, AFTER = "A16", "A10-dated"
"""The last record before the amendment, and the amendment itself."""

ONE_EACH = "disputed [1,1]/[1,1]"
NOW = {
    "engineers-deployed": ONE_EACH,
    "operating-in-occupied-areas": "disputed [1,3]/[1,1]",
    "six-killed": ONE_EACH,
    "kn23-teams": ONE_EACH,
    "officer-casualties": ONE_EACH,
    "donetsk-engineers": ONE_EACH,
    "missiles-in-use": "disputed [1,1]/[2,2]",
    "regular-troops": "assessed",
    "alliance-like-agreements": "asserted [1,1]",
    "foreign-mercenaries": "asserted [1,1]",
    "kyiv-monitors-ammunition": "asserted [1,1]",
    "growing-dependence": "asserted [1,1]",
    "low-quality-ammunition": "asserted [1,1]",
    "low-quality-missiles": "asserted [1,1]",
    "weapons-containers": "asserted [1,1]",
    "ties-bolstered": "asserted [1,1]",
    "putin-pyongyang-visit": "asserted [1,1]",
    "defence-agreement": "asserted [1,1]",
    "shells-vital": "asserted [1,1]",
    "first-uniformed-troops": "raised",
    "beyond-materiel": "raised",
}
OF_KOVALENKO = (
    *("donetsk-engineers", "operating-in-occupied-areas"),
    *("kyiv-monitors-ammunition", "growing-dependence", "low-quality-ammunition", "low-quality-missiles"),
)
ON_THE_5TH = dict.fromkeys(NOW, "raised") | dict.fromkeys(OF_KOVALENKO, "asserted [1,1]")
ON_THE_8TH = (
    ON_THE_5TH
    | dict.fromkeys(("officer-casualties", "six-killed", "regular-troops"), "assessed")
    | {"alliance-like-agreements": "asserted [1,1]"}
)


def load(folder=SEEDS):
    """The article in a throw-away ledger: acts recorded on 11 October, the amendment on the 14th."""
    now = datetime.min.replace(tzinfo=UTC)
    ledger = Ledger.open(":memory:", recorded_by="the desk", clock=lambda: now)
    for name, day in RECORDED.items():
        now = datetime.fromisoformat(day).replace(tzinfo=UTC)
        lines = (folder / f"{name}.ndjson").read_bytes().splitlines()
        ledger.append_all([intake.entry(line) for line in lines])
    return ledger


@pytest.fixture(scope="module")
def article():
    with load() as ledger:
        yield ledger


@pytest.fixture
def flags(article):
    return lambda claim, **cuts: set(article.state(status, claim, **cuts).flags)


@pytest.fixture
def told(article, shown):
    """Every claim with its status and interval, at the cuts."""
    return lambda **cuts: {claim: shown(article.state(status, claim, **cuts)).split(" + ")[0] for claim in NOW}


def on_the_board(article, **cuts):
    def line(row):
        sides = [f"[{side.provable},{side.possible}]" for side in (row.support, row.opposition) if side.possible]
        return f"{row.status} {'/'.join(sides)}".strip()

    return {row.claim: line(row) for row in article.state(board, **cuts).claims}


# -- the board at every cut --------------------------------------------------------------------------------------------

TABLES = [
    ({}, NOW),
    ({"said_by": "2024-10-10"}, NOW),
    ({"said_by": "2024-10-09"}, ON_THE_8TH),
    ({"said_by": "2024-10-08"}, ON_THE_8TH),
    ({"said_by": "2024-10-05"}, ON_THE_5TH),
    ({"said_by": "2024-10-04"}, dict.fromkeys(NOW, "raised")),
    ({"as_of": BEFORE}, NOW),
    ({"as_of": "2024-10-12"}, NOW),
    ({"as_of": BEFORE, "said_by": "2024-10-09"}, ON_THE_8TH),
    ({"as_of": AFTER, "said_by": "2024-10-09"}, ON_THE_8TH),
]


@pytest.mark.parametrize(
    ("cuts", "table"), TABLES, ids=lambda value: " ".join(value.values()) if len(value) < 3 else ""
)
def test_every_claim_stands_as_it_was_read(article, told, cuts, table):
    assert told(**cuts) == table
    assert on_the_board(article, **cuts) == table


def test_nobody_denied_anything_before_the_tenth(article):
    for day in ("2024-10-05", "2024-10-08", "2024-10-09"):
        assert all(row.opposition.possible == 0 for row in article.state(board, said_by=day).claims)


def test_all_that_was_read_is_there(article):
    types = [record.event.__struct_config__.tag for record in article.events()]
    assert {tag: types.count(tag) for tag in ("statement", "denial", "assessment", "record_amended")} == {
        "statement": 10,
        "denial": 3,
        "assessment": 3,
        "record_amended": 1,
    }
    assert types[:21] == ["claim_registered"] * 21
    acts = [record.id for record in article.events(types=["statement", "denial", "assessment"])]
    assert acts == [f"A{n}" for n in range(1, 17)]


# -- two clocks --------------------------------------------------------------------------------------------------------


def test_before_it_was_dated_the_denial_might_have_come_by_the_ninth(flags):
    for claim in ("engineers-deployed", "operating-in-occupied-areas"):
        assert "time-uncertain" in flags(claim, as_of=BEFORE, said_by="2024-10-09")


def test_once_it_was_dated_it_might_not(flags):
    for as_of in (AFTER, None):
        assert "time-uncertain" not in flags("engineers-deployed", as_of=as_of, said_by="2024-10-09")


def test_what_the_ledger_knew_on_the_twelfth_stays_as_it_was(article, flags):
    assert (
        article.state(status, "engineers-deployed", as_of="2024-10-12").as_of.position
        == article.record(BEFORE).position
    )
    assert "time-uncertain" in flags("engineers-deployed", as_of="2024-10-12", said_by="2024-10-09")
    assert "time-uncertain" not in flags("engineers-deployed", as_of="2024-10-14", said_by="2024-10-09")


def test_the_report_on_missile_teams_may_still_have_come_by_the_ninth(flags):
    assert "time-uncertain-inferred" in flags("engineers-deployed", as_of=AFTER, said_by="2024-10-09")
    assert "time-uncertain" in flags("kn23-teams", said_by="2024-10-09")


# -- why ---------------------------------------------------------------------------------------------------------------


def test_six_killed_is_opposed_through_two_entails_links(article):
    answer = article.state(status, "six-killed")
    assert (answer.status, answer.own_words) == ("disputed", "asserted")
    assert [(root.root, root.inferred, root.acts) for root in answer.opposition.roots] == [("russia", True, ["A10"])]
    (opposing,) = [reason for reason in answer.why if reason.side == "opposition"]
    assert [(step.from_, step.relation, step.to) for step in opposing.through] == [
        ("officer-casualties", "entails", "operating-in-occupied-areas"),
        ("six-killed", "entails", "officer-casualties"),
    ]
    assert [step.event for step in opposing.through] == [
        "link-casualties-entails-operating",
        "link-six-killed-entails-casualties",
    ]
    assert {"denial-framed", "denial-inferred", "possibly-denied", "party-assessed"} <= set(answer.flags)


def test_without_the_desks_links_only_the_missiles_are_disputed(told, shown):
    with load() as ledger:
        links = [record.id for record in ledger.events(types=["claims_related"])]
        assert len(links) == 5
        ledger.append_all([RelationWithdrawn(target=link, why="to see what it does") for link in links])
        without = {claim: shown(ledger.state(status, claim)).split(" + ")[0] for claim in NOW}
    assert without == NOW | {
        "engineers-deployed": "denied [0,0]/[1,1]",
        "operating-in-occupied-areas": "denied [0,0]/[1,1]",
        "six-killed": "asserted [1,1]",
        "kn23-teams": "asserted [1,1]",
        "donetsk-engineers": "asserted [1,1]",
        "officer-casualties": "assessed",
    }


def test_own_words_are_the_status_without_the_links(article, shown):
    with load() as ledger:
        for record in ledger.events(types=["claims_related"]):
            ledger.append(RelationWithdrawn(target=record.id, why="to see what it does"))
        for claim in NOW:
            assert ledger.state(status, claim).status == article.state(status, claim).own_words


# -- the golden answers ------------------------------------------------------------------------------------------------


GOLDEN_CUTS = [{}, *({"said_by": f"2024-10-{day}"} for day in ("05", "08", "09", "10"))]
GOLDEN_CUTS += [{"as_of": as_of, "said_by": "2024-10-09"} for as_of in (BEFORE, AFTER)]


def golden():
    """File name -> the answers that must come out: every status now, the board at its cuts, one provenance tree."""
    with load() as article:
        return {
            "status.json": a_line_a_claim([article.state(status, claim) for claim in NOW]),
            "board.json": a_line_a_claim([article.state(board, **cuts) for cuts in GOLDEN_CUTS]),
            "provenance-kn23-teams.json": pretty(article.state(provenance, "kn23-teams")),
        }


def a_line_a_claim(answers):
    return msgspec.json.encode(answers).replace(b'{"claim":', b'\n{"claim":') + b"\n"


def pretty(answer):
    return msgspec.json.format(msgspec.json.encode(answer), indent=2) + b"\n"


@pytest.mark.parametrize("name", golden())
def test_the_golden_answers_come_out_byte_for_byte(name):
    assert golden()[name].decode() == (SEEDS / "golden" / name).read_text(encoding="utf-8")


def test_no_golden_answer_is_left_over():
    assert {file.name for file in (SEEDS / "golden").iterdir()} == golden().keys()


if __name__ == "__main__":
    for name, answer in golden().items():
        (SEEDS / "golden" / name).write_bytes(answer)
