"""Are those claims told that stand elsewhere than they stood, and no others, with their rows before and after?"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice, pairwise
from pathlib import Path
from random import Random

import pytest
from asker import Asker
from boards import folded
from click.testing import CliRunner, Result
from ledgers import ANN, registers, states

from ledger import ClaimsRelated, Ledger, RecordAmended, RecordVoided, Retraction, UsageError
from ledger.cli import main
from ledger.synthetic import synthetic
from ledger.testing import opened, random_ledger
from projections.board import Row
from projections.views import Views
from projections.views.changes import WHAT, Change


def compared(ledger: Ledger, after: int, upto: int) -> list[Change]:
    """The same, by folding both boards from all records and holding every row against the other."""
    before, now = ({row.claim: row for row in folded(ledger, at)} for at in (after, upto))
    pairs = [(claim, before.get(claim), now.get(claim)) for claim in sorted(before.keys() | now.keys())]
    return [Change(*pair) for pair in pairs if _told(pair[1]) != _told(pair[2])]


def _told(row: Row | None) -> list[object] | None:
    return None if row is None else [getattr(row, name) for name in WHAT]


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "claims.db") as made:
        yield made


@pytest.fixture
def view(ledger: Ledger) -> Iterator[Views]:
    with Views.open(ledger) as made:
        yield made


def told(view: Views, after: int, upto: int | None = None) -> list[tuple[str, str | None, str | None]]:
    """Each change by its claim and both statuses."""
    view.catch_up()
    return [
        (one.claim, one.before and one.before.status, one.after and one.after.status)
        for one in view.changes(after, upto)
    ]


def test_a_claim_that_another_one_moved_is_told_though_no_record_named_it(ledger: Ledger, view: Views) -> None:
    ledger.append_all([registers("a"), registers("b")])
    seen = ledger.append(ClaimsRelated(from_="a", to="b", relation="entails", why="it follows"))
    ledger.append(states("a"))
    assert told(view, seen.position) == [("a", "raised", "asserted"), ("b", "raised", "asserted")]
    assert list(view.changes(seen)) == list(view.changes(seen.position))


def test_a_claim_that_was_registered_or_struck_since_has_but_one_row(ledger: Ledger, view: Views) -> None:
    ledger.append(registers("a"), id="A")
    ledger.append(registers("b"))
    ledger.append(RecordVoided(target="A", why="not a claim"))
    assert told(view, 1) == [("a", "raised", None), ("b", None, "raised")]
    assert told(view, 0, 1) == [("a", None, "raised")]


def test_what_moved_and_was_back_by_then_has_not_changed(ledger: Ledger, view: Views) -> None:
    ledger.append(registers("a"))
    said = ledger.append(states("a"))
    ledger.append(RecordVoided(target=said.id, why="typed twice"))
    assert told(view, 1) == []
    assert told(view, 1, 2) == [("a", "raised", "asserted")]
    assert told(view, 2) == [("a", "asserted", "raised")]


def test_that_something_was_recorded_about_a_claim_does_not_move_it(ledger: Ledger, view: Views) -> None:
    ledger.append(registers("a"))
    said = ledger.append(states("a"))
    ledger.append(RecordAmended(target=said.id, changes={"note": "by telephone"}, why="how it came"))
    assert told(view, 2) == []
    assert view.row("a", as_of=2) != view.row("a")  # for that was recorded later
    ledger.append(Retraction(act=said.id, chain=ANN))
    assert told(view, 3) == [("a", "asserted", "withdrawn")]


def test_of_positions_that_make_no_sense_it_is_said_so(ledger: Ledger, view: Views) -> None:
    ledger.append_all([registers("a"), registers("b")])
    view.catch_up()
    assert list(view.changes(2)) == list(view.changes(1, 1)) == []
    with pytest.raises(UsageError, match="position 2 comes after position 1"):
        view.changes(2, 1)
    with pytest.raises(UsageError, match="position 3 is not in this view"):
        view.changes(3)


@pytest.mark.parametrize("seed", range(12))
def test_random_ledgers_change_as_their_whole_boards_do(seed: int) -> None:
    rnd = Random(seed)
    with opened(random_ledger(rnd, 40)) as ledger, Views.open(ledger) as view:
        view.catch_up()
        for _ in range(15):
            after, upto = sorted(rnd.randint(0, ledger.head) for _ in range(2))
            assert list(view.changes(after, upto)) == compared(ledger, after, upto), (after, upto)
        assert list(view.changes(0)) == compared(ledger, 0, ledger.head)


def test_a_large_ledger_changes_as_its_whole_board_does_and_goes_on_after_a_claim() -> None:
    with Ledger.open(":memory:") as ledger, Views.open(ledger) as view:
        for _ in ledger.load(islice(synthetic(3_000, seed=8), 3_000)):
            pass
        view.catch_up()
        for after, upto in ((0, 1_500), (1_500, 1_501), (1_024, 2_048), (2_900, ledger.head), (0, ledger.head)):
            whole = list(view.changes(after, upto))
            assert whole == compared(ledger, after, upto)
            assert whole
        beyond = whole[len(whole) // 2].claim
        assert list(view.changes(0, beyond=beyond)) == [one for one in whole if one.claim > beyond]
        assert all(one.claim < other.claim for one, other in pairwise(whole))


# By command, and over HTTP


@pytest.fixture
def claims(ledger: Ledger) -> Callable[..., Result]:
    """Three claims, of which the second entails the third; the last three records move two of them."""
    ledger.append_all([registers(claim) for claim in ("a", "b", "c")])
    ledger.append(ClaimsRelated(from_="b", to="c", relation="entails", why="it follows"))
    for event_id in ("s1", "s2", "s3"):
        ledger.append(states("b"), id=event_id)
    return lambda *args: CliRunner().invoke(main, ["--db", ledger.name, *args])


def test_the_command_tells_where_each_claim_stood_and_stands(claims: Callable[..., Result]) -> None:
    found = json.loads(claims("changes", "4", "--as-of", "s1", "--json").stdout)
    assert (found["after"]["position"], found["as_of"]["position"], "next" in found) == (4, 5, False)
    assert [(one["claim"], one["before"]["status"], one["after"]["status"]) for one in found["changes"]] == [
        ("b", "raised", "asserted"),
        ("c", "raised", "asserted"),
    ]
    lines = claims("changes", "4", "--as-of", "s1", "--format", "ndjson").stdout.splitlines()
    assert [json.loads(line) for line in lines] == found["changes"]
    table = claims("changes", "4").stdout
    assert "b      raised [0,0]  asserted [1,1]  status, own words, flags, support, acts\n" in table
    assert "\n2 claims after position 4, as of position 7" in table
    assert "not registered  raised [0,0]" in claims("changes", "0", "--as-of", "1").stdout
    assert "no claim stands elsewhere" in claims("changes", "7").stdout


def test_what_no_command_can_mean_is_told(claims: Callable[..., Result]) -> None:
    for args, says in (
        (("7", "--as-of", "5"), "position 7 comes after position 5"),
        (("8",), "position 8 is not in this ledger"),
        (("soon",), "'soon' is no position"),
        (("4", "--cursor", "4:b"), "is no cursor of changes"),
        (("5", "--cursor", "4:7:b"), "goes on between positions 4 and 7, not 5 and 7"),
    ):
        ran = claims("changes", *args)
        assert (ran.exit_code, says in ran.stderr) == (2, True), ran.stderr


def test_a_page_follows_the_one_before_whatever_was_recorded_since(
    ledger: Ledger, claims: Callable[..., Result]
) -> None:
    first = json.loads(claims("changes", "4", "--limit", "1", "--json").stdout)
    assert first["next"] == "4:7:b"
    told = claims("changes", "4", "--limit", "1")
    assert told.stderr == "more: --cursor 4:7:b\n"
    assert "1 claim, and more, after position 4" in told.stdout
    ledger.append(states("a"))
    rest = json.loads(claims("changes", "4", "--cursor", first["next"], "--json").stdout)
    assert [one["claim"] for one in rest["changes"]] == ["c"]
    assert rest["as_of"] == first["as_of"]
    with Asker(ledger) as asker:
        assert asker.get("/v1/changes?after=4&limit=1&as_of=7").json() == first
        assert asker.get("/v1/changes?after=4&cursor=4:7:b").json() == rest
        assert "a" in [one["claim"] for one in asker.get("/v1/changes?after=4").json()["changes"]]


def test_only_what_can_have_no_other_answer_is_kept_for_ever(ledger: Ledger, claims: Callable[..., Result]) -> None:
    with Asker(ledger) as asker:
        for query, for_ever in (
            ("after=4&as_of=7", True),
            ("after=s1&as_of=s3", True),
            ("after=1999-01-01&as_of=7", True),
            ("after=4", False),
            ("after=2999-01-01&as_of=7", False),  # what is recorded until then comes after position 7
        ):
            answer = asker.get(f"/v1/changes?{query}")
            assert answer.status_code == 200
            assert ("immutable" in answer.headers["cache-control"]) == for_ever, query
