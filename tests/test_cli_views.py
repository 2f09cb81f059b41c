"""Is the board from the view the board from the records, on the command line too, and is it told where it is not?"""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner, Result

from ledger.cli import main
from projections.tracking import columns
from projections.tracking.rows import STATUSES
from projections.views import Views

Run = Callable[..., Result]


@pytest.fixture
def story(tmp_path: Path) -> Path:
    """The ledger of the demo."""
    path = tmp_path / "story.db"
    assert CliRunner().invoke(main, ["demo", "--db", str(path)]).exit_code == 0
    return path


@pytest.fixture
def claims(story: Path) -> Run:
    return lambda *args: CliRunner().invoke(main, ["--db", str(story), *args])


@pytest.mark.parametrize("cut", [(), ("--as-of", "A16"), ("--as-of", "40")])
def test_the_board_is_the_same_with_a_view_and_without(claims: Run, story: Path, cut: tuple[str, ...]) -> None:
    forms = ((), ("--json",), ("--limit", "5"), ("--format", "ndjson"))
    without = [claims("status", *cut, *form).stdout for form in forms]
    assert claims("replay", "--views").exit_code == 0
    assert Path(f"{story}.views").exists()
    assert [claims("status", *cut, *form).stdout for form in forms] == without


def test_a_view_is_caught_up_before_it_is_read(claims: Run) -> None:
    claims("replay", "--views")
    claims("state", "dam-leaks", "--by", "Ann", "--register")
    row = next(row for row in json.loads(claims("status", "--json").stdout)["claims"] if row["claim"] == "dam-leaks")
    assert row["status"] == "asserted"


def test_a_view_that_cannot_be_read_is_done_without(claims: Run, story: Path) -> None:
    without = claims("status", "--json").stdout
    Path(f"{story}.views").mkdir()
    assert claims("status", "--json").stdout == without
    assert claims("status", "--order", "acts").exit_code == 1


def test_the_board_is_paged_in_any_order(claims: Run) -> None:
    whole = json.loads(claims("status", "--order", "acts", "--json").stdout)["claims"]
    first = claims("status", "--order", "acts", "--limit", "8", "--json")
    page = json.loads(first.stdout)
    rest = json.loads(claims("status", "--order", "acts", "--cursor", page["next"], "--json").stdout)
    assert page["claims"] + rest["claims"] == whole
    acts = [sum(row["acts"].values()) for row in whole]
    assert acts == sorted(acts, reverse=True)


def test_the_board_is_filtered_by_status_and_flag(claims: Run) -> None:
    whole = json.loads(claims("status", "--json").stdout)["claims"]
    filtered = claims("status", "--status", "disputed", "--flag", "support-inferred", "--json")
    found = json.loads(filtered.stdout)["claims"]
    assert found == [row for row in whole if row["status"] == "disputed" and "support-inferred" in row["flags"]]
    assert found


@pytest.mark.parametrize(
    ("args", "found"),
    [
        (("--search", "peskov NEWS"), {"engineers-deployed", "operating-in-occupied-areas"}),
        (("--search", "soldiers", "--status", "disputed"), {"officer-casualties", "six-killed"}),
        (("--source", "Kim Yong-hyun", "--status", "asserted"), {"alliance-like-agreements"}),
        (("--kind", "predictive"), {"regular-troops"}),
        (("--kind", "predictive", "--kind", "normative", "--status", "denied"), set()),
        (("--changed-since", "2024-10-14"), {"six-killed", "engineers-deployed", "operating-in-occupied-areas"}),
        (("--changed-until", "2024-10-10"), set()),
    ],
)
def test_the_board_is_filtered_and_searched(claims: Run, args: tuple[str, ...], found: set[str]) -> None:
    ran = claims("status", *args, "--json")
    assert ran.exit_code == 0
    assert {row["claim"] for row in json.loads(ran.stdout)["claims"]} == found


def test_a_page_tells_how_many_claims_there_are_of_each_status(claims: Run) -> None:
    whole = json.loads(claims("status", "--json").stdout)
    page = json.loads(claims("status", "--limit", "3", "--json").stdout)
    statuses = [row["status"] for row in whole["claims"]]
    assert page["counts"] == {status: statuses.count(status) for status in STATUSES}
    assert "counts" not in whole
    counted = ", ".join(f"{count} {status}" for status, count in page["counts"].items() if count)
    assert f"\nof 21 claims: {counted}\n" in claims("status", "--order", "acts", "--limit", "3").stdout
    assert "no claims like that" in claims("status", "--search", "nowhere to be found").stdout


@pytest.mark.parametrize("cut", [("--said-by", "2024-10-09"), ("--said-by", "2024-10-09", "--as-of", "2024-10-12")])
def test_the_board_at_both_cuts_is_paged_filtered_and_ordered(claims: Run, story: Path, cut: tuple[str, ...]) -> None:
    without = [claims("status", *cut, *form).stdout for form in ((), ("--json",), ("--limit", "4", "--json"))]
    assert not Path(f"{story}.views").exists()
    acts = json.loads(claims("status", *cut, "--order", "acts", "--status", "asserted", "--json").stdout)["claims"]
    whole = json.loads(without[1])["claims"]
    assert sorted(row["claim"] for row in acts) == [row["claim"] for row in whole if row["status"] == "asserted"]
    assert [claims("status", *cut, *form).stdout for form in ((), ("--json",), ("--limit", "4", "--json"))] == without


@pytest.mark.parametrize("made", [True, False])
def test_the_next_page_is_of_the_same_moment(claims: Run, made: bool) -> None:
    if made:
        claims("replay", "--views")
    whole = json.loads(claims("status", "--json").stdout)["claims"]
    first = json.loads(claims("status", "--limit", "6", "--json").stdout)
    claims("state", "moved-by-then", "--by", "Ann", "--register")
    second = json.loads(claims("status", "--cursor", first["next"], "--json").stdout)
    assert first["claims"] + second["claims"] == whole
    assert second["as_of"] == first["as_of"]


@pytest.mark.parametrize("made", [True, False])
def test_the_next_page_is_of_the_same_board(claims: Run, made: bool) -> None:
    if made:
        claims("replay", "--views")
    asked = ("status", "--limit", "6", "--said-by", "2024-10-09", "--json")
    first = json.loads(claims(*asked).stdout)
    second = json.loads(claims(*asked, "--cursor", first["next"]).stdout)
    whole = json.loads(claims("status", "--said-by", "2024-10-09", "--json").stdout)["claims"]
    assert first["claims"] + second["claims"] == whole[:12]
    ran = claims("status", "--limit", "6", "--cursor", first["next"])
    assert ran.exit_code == 2
    assert "asked for with said_by" in ran.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("status", "--kind", "true"), "'true' is no kind of claim"),
        (("status", "--search", "!!!"), "search: '!!!' has no word to look for; give letters or digits"),
        (("status", "--search", ""), "search: '' has no word to look for"),
        (("status", "--changed-since", "lately"), "'lately' is no moment"),
        (("status", "--cursor", "40:id:six-killed", "--as-of", "41"), "goes on at position 40, not at 41"),
        (("status", "--status", "true"), "'true' is no status"),
        (("status", "six-killed", "--order", "acts"), "leave the claim out"),
        (("replay", "--views", "--to", "A5"), "leave --to and --projection out"),
        (("status", "--order", "acts", "--cursor", "six-killed"), "is no cursor"),
        (("status", "--cursor", "engineers-deployed!!"), "goes on after a claim that is not there"),
        (("status", "--cursor", "63:id:nowhere"), "goes on after a claim that is not there"),
        (("status", "--status", "denied", "--cursor", "40:id:six-killed"), "asked for without status"),
    ],
)
def test_what_does_not_go_together_is_told(claims: Run, args: tuple[str, ...], said: str) -> None:
    ran = claims(*args)
    assert ran.exit_code == 2
    assert said in ran.stderr


def test_a_view_that_is_what_the_records_say_is_told_so(claims: Run) -> None:
    made = claims("replay", "--views").stdout
    checked = claims("replay", "--check")
    assert (checked.exit_code, checked.stderr) == (0, "")
    assert checked.stdout == f"63 records, every row at every position: same; state {made.split()[-1]}\n"


def test_a_machine_is_told_as_data(claims: Run, story: Path) -> None:
    made = json.loads(claims("replay", "--views", "--json").stdout)
    checked = json.loads(claims("replay", "--check", "--json").stdout)
    assert made == {"view": f"{story}.views", "records": 63, "state": made["state"]}
    assert checked == made | {"same": True}


def test_how_many_claims_are_of_a_status_is_held_against_the_records_too(claims: Run, story: Path) -> None:
    claims("replay", "--views")
    planted = apsw.Connection(f"{story}.views")
    planted.execute("UPDATE tally SET claims = claims + 5 WHERE from_position = (SELECT max(from_position) FROM tally)")
    planted.close()
    ran = claims("replay", "--check")
    assert ran.exit_code == 7
    assert re.search(r"differs: the view has \d+ \w+ claims, the records give \d+ \w+ claims", ran.stderr)


@pytest.mark.parametrize("args", [("status",), ("status", "--order", "newest"), ("replay", "--check")], ids=" ".join)
def test_a_record_that_is_missing_is_told_of_whoever_reads_them_all(
    claims: Run, story: Path, args: tuple[str, ...]
) -> None:
    harmed = apsw.Connection(str(story))
    harmed.execute("DROP TRIGGER event_is_never_deleted; DELETE FROM event WHERE position = 50")
    harmed.close()
    ran = claims(*args)
    assert (ran.exit_code, "position 50 is missing; restore the file from a backup" in ran.stderr) == (7, True)


def test_a_row_that_the_records_do_not_give_is_told_with_its_position_both_ways(claims: Run, story: Path) -> None:
    claims("replay", "--views")
    planted = apsw.Connection(f"{story}.views")
    [(since, claim_no, claim)] = planted.execute(
        "SELECT from_position, claim_no, name FROM row JOIN claim USING (claim_no) WHERE from_position > 40"
        " ORDER BY from_position, name LIMIT 1"
    ).fetchall()
    change = "UPDATE row SET status = ? WHERE claim_no = ? AND from_position = ?"
    planted.execute(change, (STATUSES.index("corroborated"), claim_no, since))
    planted.close()
    ran = claims("replay", "--check")
    assert ran.exit_code == 7
    assert ran.stderr.startswith(f"claims: from position {since} on, {claim!r} differs: the view has Row(")
    assert "status='corroborated'" in ran.stderr
    assert claims("replay", "--views").exit_code == 0
    assert claims("replay", "--check").exit_code == 0


@pytest.mark.parametrize(
    "args", [("status", "--order", "newest"), ("replay", "--views"), ("replay", "--check"), ("status",)]
)
def test_a_damaged_view_is_made_anew_by_whatever_needs_it(claims: Run, story: Path, args: tuple[str, ...]) -> None:
    claims("replay", "--views")
    asked = claims("status", "--order", "newest").stdout
    view = Path(f"{story}.views")
    whole = view.read_bytes()
    view.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    assert claims(*args).exit_code == 0
    assert claims("status", "--order", "newest").stdout == asked


@pytest.mark.parametrize("args", [("status", "--order", "newest"), ("replay", "--check")], ids=" ".join)
def test_a_view_that_one_record_changes_too_much_of_is_made_anew_and_said_to_be(
    claims: Run, monkeypatch: pytest.MonkeyPatch, args: tuple[str, ...]
) -> None:
    expected = claims(*args)
    claims("replay", "--views")
    assert claims("relate", "six-killed", "entails", "kn23-teams", "--why", "w", "--by", "Ann").exit_code == 0
    monkeypatch.setitem(inspect.unwrap(Views.catch_up).__kwdefaults__, "reach", 1)
    ran = claims(*args)
    assert ran.exit_code == expected.exit_code == 0
    assert re.fullmatch(
        r"position 64: .* may change where \d+ claims stand, more than 1: the view is made anew\n", ran.stderr
    )
    assert claims(*args).stderr == "", "it goes on from there"


def test_a_fold_that_is_not_pure_is_found_out(claims: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    pure = columns.columns_of
    hidden = hash("a text, of which every process makes another number")

    def impure(*asked: Any) -> tuple[Any, ...]:
        columns = pure(*asked)
        *before, changed_at, counts = columns
        return (*before, changed_at + 1 + hidden % 1_000, counts)

    with monkeypatch.context() as patched:
        patched.setattr("projections.tracking.tracker.columns_of", impure)
        assert claims("replay", "--views", "--workers", "1").exit_code == 0
    ran = claims("replay", "--check")
    assert ran.exit_code == 7
    assert re.search(r"from position \d+ on, '[a-z0-9-]+' differs: the view has Row.* the records give Row", ran.stderr)
