"""The answers on the seed article, as people and as machines get them: each question answered by one command."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from ledger import ClaimRegistered, Ledger
from ledger.cli import log, main
from ledger.events import TYPES
from projections import board, provenance, sources, status, timeline
from projections.flags import FLAGS

Run = Callable[..., str]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The ledger of the demo."""
    path = str(tmp_path_factory.mktemp("story") / "story.db")
    assert CliRunner().invoke(main, ["demo", "--db", path]).exit_code == 0
    return path


@pytest.fixture(scope="module")
def asked(database: str) -> Callable[..., Result]:
    return lambda *args: CliRunner().invoke(main, ["--db", database, *args])


@pytest.fixture(scope="module")
def claims(asked: Callable[..., Result]) -> Run:
    """Asks the ledger of the demo, and gives what is printed."""

    def run(*args: str) -> str:
        ran = asked(*args)
        assert ran.exit_code == 0, ran.stderr
        printed: str = ran.stdout
        return printed

    return run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Writes to and asks a ledger of its own, and gives what is printed."""

    def run(*args: str, stdin: str = "") -> str:
        ran = CliRunner().invoke(main, ["--db", str(tmp_path / "x.db"), *args], input=stdin)
        assert ran.exit_code == 0, ran.stderr
        return ran.stdout

    return run


# One call, one answer


@pytest.mark.parametrize(
    ("args", "projection", "subject", "cuts"),
    [
        (["status", "six-killed"], status, "six-killed", {}),
        (["status", "six-killed", "--said-by", "2024-10-09"], status, "six-killed", {"said_by": "2024-10-09"}),
        (["status", "six-killed", "--as-of", "A16"], status, "six-killed", {"as_of": "A16"}),
        (["status", "six-killed", "--as-of", "60"], status, "six-killed", {"as_of": 60}),
        (["status"], board, None, {}),
        (
            ["status", "--said-by", "2024-10-09", "--as-of", "2024-10-12"],
            board,
            None,
            {"said_by": "2024-10-09", "as_of": "A16"},
        ),
        (["provenance", "kn23-teams"], provenance, "kn23-teams", {}),
        (["history", "officer-casualties"], timeline.said, "officer-casualties", {}),
        (["history", "officer-casualties", "--axis", "recorded"], timeline.recorded, "officer-casualties", {}),
        (["source", "Dmitry Peskov"], sources, "dmitry-peskov", {}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_json_is_what_the_python_call_returns(
    claims: Run, database: str, args: list[str], projection: Any, subject: str | None, cuts: dict[str, Any]
) -> None:
    with Ledger.open(database, read_only=True) as ledger:
        answer = msgspec.json.encode(ledger.state(projection, subject, **cuts)).decode()
    assert claims(*args, "--json") == f"{answer}\n"


def test_a_status_has_the_shape_that_is_promised(claims: Run) -> None:
    answer = json.loads(claims("status", "six-killed", "--json"))
    assert {"claim", "text", "kind", "status", "own_words", "support", "opposition", "assessments", "flags"} <= set(
        answer
    )
    assert {"ruling", "why", "as_of", "said_by", "rules"} <= set(answer)
    assert set(answer["support"]) == {"provable", "possible", "roots"}
    assert {"root", "name", "kind", "acts", "inferred"} <= set(answer["support"]["roots"][0])
    weighed = {"act", "by", "term", "scale", "low", "high", "confidence", "verdict", "label", "capacity"}
    assert weighed <= set(answer["assessments"][0])


# Where does it stand?


def test_the_status_of_a_claim_is_told_with_its_interval_and_its_assessments(claims: Run) -> None:
    lines = claims("status", "six-killed").splitlines()
    assert lines[0] == "six-killed"
    assert "disputed [1,1]/[1,1] · assessed probably correct .55–.80 (Kim Yong-hyun)" in lines
    assert "against    [1,1] Russia (state): A10, inferred" in lines
    assert lines[-1] == "as of position 63, recorded 2024-10-14 16:00:00Z · rules status/1"


def test_a_flag_is_told_with_its_sentence(claims: Run) -> None:
    printed = claims("status", "six-killed")
    for flag in json.loads(claims("status", "six-killed", "--json"))["flags"]:
        assert any(line.split(maxsplit=1) == [flag, FLAGS[flag]] for line in printed.splitlines())


def test_why_shows_who_said_what_through_whom_and_by_which_relations(claims: Run) -> None:
    printed = " ".join(claims("status", "six-killed", "--why").split())
    assert "A10, said 2024-10-10: Dmitry Peskov (Kremlin spokesman) via AFP, the article, counted for Russia" in printed
    assert "dismisses operating-in-occupied-areas “This seems like yet another fake news story”" in printed
    assert (
        "six-killed entails officer-casualties entails operating-in-occupied-areas, so it opposes six-killed (inferred)"
        in printed
    )
    assert "link-six-killed-entails-casualties, by the desk: If six died" in printed
    assert "own words asserted: so it would stand without what entails carries here" in printed


def test_why_reads_support_from_the_narrow_claim_to_the_broad(claims: Run) -> None:
    printed = " ".join(claims("status", "operating-in-occupied-areas", "--why").split())
    assert "for [1,3]: 3 origins, of which no more than 1 provably distinct" in printed
    assert (
        "states six-killed six-killed entails officer-casualties entails operating-in-occupied-areas, "
        "so it supports operating-in-occupied-areas (inferred)" in printed
    )


def test_both_cuts_are_told_with_the_answer(claims: Run) -> None:
    printed = claims("status", "engineers-deployed", "--said-by", "2024-10-09", "--as-of", "2024-10-12")
    assert "raised [0,0]" in printed.splitlines()
    assert "  time-uncertain  " in printed
    assert printed.endswith("as of position 62, recorded 2024-10-11 09:30:00Z · said by 2024-10-09 · rules status/1\n")
    assert "  time-uncertain  " not in claims("status", "engineers-deployed", "--said-by", "2024-10-09")


def test_what_denies_an_utterance_says_which_and_an_untold_time_is_first_perhaps(run: Run) -> None:
    run("register", "dam", "The dam leaks")
    run("state", "dam", "--by", "Ana", "--id", "s1", "--said-at", "2024-10-01")
    assert "\nfirst said by  Ana; said 2024-10-01 (s1)\n" in run("provenance", "dam")
    run("state", "dam", "--by", "Bo", "--id", "s2")
    assert "\nperhaps first said by  Bo; said at a time untold (s2)\n" in run("provenance", "dam")
    run("deny", "--act", "s2", "--by", "Bo", "--via", "Wire", "--id", "d1")
    run("retract", "s1", "--by", "Ana", "--id", "r1")
    history = run("history", "dam", "--axis", "recorded")
    assert "d1: denial of s2 by Bo" in history
    assert "r1: retraction of s1 by Ana" in history
    for source in ("Bo", "Wire"):
        assert any("d1" in line and "having said s2" in line for line in run("source", source).splitlines())


def test_what_stands_beside_a_status_is_shown_and_never_folded_in(run: Run) -> None:
    run("register", "dam", "The dam leaks")
    run("state", "dam", "--by", "Ana", "--id", "s1")
    run("state", "dam", "--by", "Bo", "--id", "s2")
    run(
        "assess",
        "dam",
        "--by",
        "Fact desk",
        "--kind",
        "organisation",
        "--verdict",
        "false",
        "--label",
        "Nope",
        "--id",
        "a1",
    )
    run("retract", "s2", "--by", "Bo")
    run("rule", "dam", "confirmed", "--by", "Court", "--reasons", "Wet feet.", "--id", "r1")
    run("grade", "source", "Ana", "C")
    run("grade", "act", "s1", "2")
    run("reword", "dam", "The dam leaks badly", "--why", "precision")
    printed = run("status", "dam", "--why")
    assert "asserted [1,1] · assessed false “Nope” (Fact desk)" in printed
    for line in (
        "ruling     confirmed by Court: Wet feet. (r1)",
        "graded     ana C, s1 2",
        "  s2: Bo: states dam; retracted by its speaker",
        "      the claim then read: The dam leaks",
    ):
        assert line in printed.splitlines()


def test_what_took_an_act_back_is_told_and_what_went_with_it(run: Run) -> None:
    run("register", "dam", "The dam leaks")
    run("state", "dam", "--by", "Ana", "--via", "Gazette", "--said-at", "2024-10-01", "--id", "s1")
    run("state", "dam", "--by", "Ana", "--via", "Herald", "--said-at", "2024-10-03", "--id", "s2")
    run("state", "dam", "--by", "Bo", "--via", "Herald", "--said-at", "2024-10-03", "--id", "s3")
    run("state", "dam", "--by", "Cy", "--said-at", "2024-10-03", "--id", "s4")
    run("retract", "s2", "--by", "Ana", "--said-at", "2024-10-05", "--reason", "misheard", "--id", "r1")
    run("retract", "s3", "--by", "Herald", "--said-at", "2024-10-06", "--id", "r2")
    run("deny", "--act", "s4", "--by", "Cy", "--id", "d1")
    told = " ".join(run("status", "dam", "--why").partition("taken back\n")[2].split())
    assert told.startswith("s1: Ana via Gazette: states dam; retracted by its speaker s2: Ana via Herald")
    with_it = "and with it all that its speaker said on that side up to then"
    assert f"r1, said 2024-10-05: Ana takes back s2, {with_it} “misheard”" in told
    assert "r2, said 2024-10-06: Herald takes back s3 d1, said at a time untold: Cy denies having said s4" in told


def test_what_an_act_says_by_a_correction_is_told_with_it(run: Run) -> None:
    run("register", "dam", "The dam leaks")
    run("state", "dam", "--by", "Ana", "--via", "Wire", "--said-at", "2024-10-01", "--quote", "at noon", "--id", "s1")
    run("assess", "dam", "--by", "Desk", "--verdict", "true", "--quote", "sure", "--id", "a1")
    corrects = ("--said-at", "2024-10-03", "--set")
    run("correct", "s1", "--by", "Wire", *corrects, "quote=at one", "--set", "note=n", "--id", "k1")
    run("correct", "a1", "--by", "Desk", *corrects, "quote=fairly sure", "--id", "k2")
    printed = run("status", "dam", "--why").splitlines()
    assert "      as corrected by Wire, said 2024-10-03: note, quote (k1)" in printed
    assert "      as corrected by Desk, said 2024-10-03: quote (k2)" in printed
    assert "as corrected by k1" in run("provenance", "dam")
    assert [act["corrected_by"] for act in acts(run, "provenance", "dam") if act["act"] == "s1"] == [["k1"]]
    before = ("--said-by", "2024-10-02")
    assert "corrected" not in run("status", "dam", "--why", *before) + run("provenance", "dam", *before)
    assert all("corrected_by" not in act for act in acts(run, "provenance", "dam", *before))


def test_a_correction_that_fits_no_more_is_not_told_and_the_others_as_they_were_said(run: Run) -> None:
    run("register", "dam", "The dam leaks")
    run("assess", "dam", "--by", "Desk", "--verdict", "false", "--said-at", "2024-10-01", "--id", "a1")
    band = '{"term":"likely","scale":"icd203"}'
    run("correct", "a1", "--by", "Desk", "--said-at", "2024-10-03", "--set", f"likelihood={band}", "--id", "k1")
    run("correct", "a1", "--by", "Desk", "--said-at", "2024-10-05", "--set", "verdict=null", "--id", "k2")
    run("correct", "a1", "--by", "Desk", "--said-at", "2024-10-04", "--set", "note=n", "--id", "k3")
    assert [act["corrected_by"] for act in acts(run, "provenance", "dam")] == [["k1", "k3", "k2"]]
    run("void", "k1", "--why", "typed twice")
    assert [act["corrected_by"] for act in acts(run, "provenance", "dam")] == [["k3"]]
    assert "k2" not in run("status", "dam", "--why")


def acts(run: Run, *asked: str) -> list[dict[str, Any]]:
    """The acts of a provenance."""
    return [act for origin in json.loads(run(*asked, "--json"))["origins"] for act in origin["acts"]]


def test_the_way_of_the_words_shows_where_they_can_be_read(run: Run) -> None:
    run("register", "dam", "The dam leaks")
    link = {"name": "Wire", "kind": "outlet", "published_at": "2024-10-02", "report": "direct_quote"}
    chain = [{"name": "Ana", "kind": "person"}, {**link, "url": "https://example.org/wire"}]
    said = {"type": "statement", "claims": ["dam"], "chain": chain, "url": "https://example.org/said"}
    run("append", "-", stdin=json.dumps(said))
    run("attach", "--claim", "dam", "--url", "https://example.org/photo", "--description", "a photo", "--id", "e1")
    printed = run("provenance", "dam")
    assert "\n       https://example.org/said\n" in printed
    assert "Wire (outlet, direct quote, published 2024-10-02, https://example.org/wire)" in printed
    assert "context: a photo, https://example.org/photo (e1)" in printed


def test_the_sources_there_are_can_be_listed_those_without_a_name_too(run: Run) -> None:
    run("register", "dam", "The dam leaks")
    run("state", "dam", "--unnamed", "a medic", "--via", "The Post", "--id", "s1")
    run("source", "register", "Ana Ruiz", "--kind", "person")
    assert [line.split() for line in run("source", "list").splitlines()[1:4]] == [
        ["a-medic@the-post", "a", "medic"],
        ["ana-ruiz", "Ana", "Ruiz", "person", "registered"],
        ["the-post", "The", "Post"],
    ]
    assert "\n2 sources\n" in run("source", "list", "--search", "post")
    assert [json.loads(line)["source"] for line in run("source", "list", "--format", "ndjson").splitlines()] == [
        "a-medic@the-post",
        "ana-ruiz",
        "the-post",
    ]
    assert json.loads(run("source", "list", "--json", "--limit", "1", "--as-of", "2"))["as_of"]["position"] == 2
    assert "\n0 sources\n" in "\n" + run("source", "list", "--as-of", "1")


# The board


def test_the_board_shows_every_claim_with_its_interval_and_who_assessed_it(claims: Run) -> None:
    rows = {line.split()[0]: line.split(maxsplit=1)[1] for line in claims("status").splitlines()[1:22]}
    assert len(rows) == 21
    assert rows["missiles-in-use"].split() == ["disputed", "[1,1]/[2,2]", "1"]
    assert rows["six-killed"].startswith("disputed [1,1]/[1,1]  asserted   Kim Yong-hyun: probably correct")
    assert rows["regular-troops"].startswith("assessed [0,0]")


def test_the_board_is_turned_page_by_page(asked: Callable[..., Result], claims: Run) -> None:
    whole = json.loads(claims("status", "--json"))
    assert "next" not in whole
    seen, cursor, pages = [], [], 0
    while True:
        page = json.loads(claims("status", "--json", "--limit", "8", *cursor))
        seen += page["claims"]
        pages += 1
        if "next" not in page:
            break
        cursor = ["--cursor", page["next"]]
    assert (seen, pages) == (whole["claims"], 3)
    assert asked("status", "--limit", "8").stderr == "more: --cursor 63:id:growing-dependence\n"
    assert asked("status", "--limit", "21").stderr == ""


def test_the_board_as_ndjson_is_a_row_a_line(claims: Run) -> None:
    rows = list(map(json.loads, claims("status", "--format", "ndjson").splitlines()))
    assert rows == json.loads(claims("status", "--json"))["claims"]


def test_an_empty_ledger_has_an_empty_board(tmp_path: Path) -> None:
    db = str(tmp_path / "x.db")
    CliRunner().invoke(main, ["--db", db, "init"])
    assert "no claims here" in CliRunner().invoke(main, ["--db", db, "status"]).stdout
    assert json.loads(CliRunner().invoke(main, ["--db", db, "status", "--json"]).stdout)["claims"] == []
    assert CliRunner().invoke(main, ["--db", db, "log", "--json"]).stdout == "[]\n"
    assert CliRunner().invoke(main, ["--db", db, "replay"]).exit_code == 0


def test_a_cut_before_the_first_record_is_told_from_an_empty_ledger(claims: Run, asked: Callable[..., Result]) -> None:
    shown = " ".join(claims("status", "--as-of", "2023-01-01").split())
    assert shown.startswith("nothing was recorded by then (`claims log --limit 1` tells the first); --said-by cuts by")
    assert shown.endswith("as of position 0, before anything was recorded · rules status/1")
    ran = asked("status", "six-killed", "--as-of", "2023-01-01")
    assert ran.exit_code == 3
    assert "as of position 0, before anything was recorded" in ran.stderr


# How it came so


def test_provenance_draws_the_way_from_who_said_it_to_the_document_in_hand(claims: Run) -> None:
    lines = claims("provenance", "kn23-teams").splitlines()
    start = lines.index("A source in Ukraine, as The Guardian had it (unnamed)")
    assert lines[start + 1].startswith("└─ A2  a source in Ukraine: statement; said 2024-10-03/2024-10-10, supports")
    assert "       └─ the Guardian (outlet, “reported”)" in lines
    assert "          └─ the article (outlet)" in lines
    assert "first said by  a source in Ukraine via the Guardian, the article; said 2024-10-03/2024-10-10 (A2)" in lines
    assert "Russia (state), by Dmitry Peskov → The Kremlin → Russia" in lines


def test_history_tells_each_step_and_what_made_it(claims: Run) -> None:
    lines = claims("history", "officer-casualties").splitlines()
    first = lines.index("2024-10-08  assessed [0,0] · highly likely .80–.95 (Kim Yong-hyun)")
    assert lines[first + 1].strip() == "A6: assessment by Kim Yong-hyun on officer-casualties, said 2024-10-08"
    assert "2024-10-10  disputed [1,1]/[1,1] · assessed highly likely .80–.95 (Kim Yong-hyun)" in lines


def test_history_of_what_was_recorded_goes_by_position(claims: Run) -> None:
    lines = claims("history", "engineers-deployed", "--axis", "recorded").splitlines()
    assert [line.split()[0] for line in lines if "2024-10-11 0" in line] == ["1", "48", "56"]


def test_diff_tells_what_changed_between_two_days(claims: Run) -> None:
    lines = claims("diff", "engineers-deployed", "2024-10-09", "2024-10-10").splitlines()
    assert "said by 2024-10-09  raised [0,0]" in lines
    assert "said by 2024-10-10  disputed [1,1]/[1,1]" in lines
    assert "  against    Russia: nothing → A10" in lines
    changed = json.loads(claims("diff", "engineers-deployed", "2024-10-09", "2024-10-10", "--json"))["changed"]
    assert changed == ["status", "own_words", "support", "opposition"]


def test_diff_says_so_when_nothing_changed(claims: Run) -> None:
    assert "nothing changed" in claims("diff", "six-killed", "2024-10-11", "2024-10-12").splitlines()


def test_diff_between_two_moments_of_the_record(claims: Run) -> None:
    args = ("diff", "engineers-deployed", "A16", "A10-dated", "--axis", "recorded", "--said-by", "2024-10-09")
    assert "  flags      -time-uncertain" in claims(*args).splitlines()


def test_a_source_is_told_with_whom_it_speaks_for_and_what_it_said(claims: Run) -> None:
    printed = claims("source", "Dmitry Peskov")
    assert printed.startswith("Dmitry Peskov (person, dmitry-peskov)\n")
    assert "speaks for     The Kremlin → Russia" in printed
    assert (
        "A10  2024-10-10  denial: dismissal  engineers-deployed, operating-in-occupied-areas  AFP, the article"
        in printed
    )


# The record


def test_the_log_can_be_narrowed(claims: Run) -> None:
    def ids(*args: str) -> list[str]:
        return [json.loads(line)["id"] for line in claims("log", "--format", "ndjson", *args).splitlines()]

    assert len(ids()) == 63
    related = "link-six-killed-entails-casualties"
    assert ids("six-killed") == ["claim-six-killed", related, "A1", "A8", "A10", "A10-dated"]
    assert ids("six-killed", "--type", "denial") == ["A10"]
    assert ids("--type", "denial", "--type", "assessment") == ["A6", "A7", "A8", "A10", "A12", "A13"]
    assert ids("--source", "Dmitry Peskov", "--type", "denial") == ["A10"]
    assert ids("missiles-in-use", "--source", "russia", "--type", "denial") == ["A12"]
    assert ids("six-killed", "--as-of", "A8", "--after", "3") == [related, "A1", "A8"]
    assert ids("--limit", "2", "--after", "46") == ["A1", "A2"]
    assert ids("six-killed", "--after", "63") == []


def test_a_log_that_is_followed_leaves_out_nothing_that_comes_while_it_is_printed() -> None:
    with Ledger.open(":memory:") as ledger:
        ledger.append(ClaimRegistered(claim="c1", text="One."))
        following, found = log._following(ledger, {}, 0), []
        for number in (2, 3, 4):
            ledger.append(ClaimRegistered(claim=f"c{number}", text="More."))
            found.append(next(following)[0])
        assert [*found, next(following)[0]] == [1, 2, 3, 4]


def test_the_log_for_people_says_who_said_what(claims: Run) -> None:
    (line,) = [line for line in claims("log").splitlines() if line.startswith("56 ")]
    for word in ("2024-10-11 09:30:00Z", "A10", "denial", "Dmitry Peskov", "dismisses engineers-deployed"):
        assert word in line


def test_a_log_that_a_filter_leaves_empty_is_no_claim_or_source_that_is_missing(
    claims: Run, asked: Callable[..., Result]
) -> None:
    known = (
        ("six-killed", "--type", "retraction"),
        ("six-killed", "--source", "experts@the-article"),
        ("--source", "afp", "--type", "retraction"),
        ("six-killed", "--after", "63"),
    )
    for args in known:
        assert json.loads(claims("log", *args, "--json")) == []
    for args, missing in (
        (("nobody-said-so", "--type", "retraction"), "claim 'nobody-said-so'"),
        (("nobody-said-so", "--after", "63"), "claim 'nobody-said-so'"),
        (("six-killed", "--as-of", "1"), "claim 'six-killed'"),
        (("six-killed", "--source", "nobody"), "source 'nobody'"),
        (("--source", "nobody"), "source 'nobody'"),
    ):
        ran = asked("log", *args)
        assert (ran.exit_code, f"nothing about {missing}" in ran.stderr) == (3, True), args


def test_the_log_as_json_is_one_array_of_the_same_lines(claims: Run) -> None:
    lines = claims("log", "--format", "ndjson").splitlines()
    assert json.loads(claims("log", "--json")) == list(map(json.loads, lines))


def test_a_record_is_shown_as_recorded_with_what_became_of_it(claims: Run) -> None:
    lines = claims("show", "A10").splitlines()
    assert lines[0] == "A10  denial"
    assert "  said_at          ../2024-10-10" in lines
    place = lines.index("as it now stands")
    assert lines[place + 1] == "  said_at  2024-10-10"
    assert "as it now stands" not in claims("show", "A10", "--as-of", "A16")
    found = json.loads(claims("show", "A10", "--json"))
    assert found["event"]["said_at"] == "../2024-10-10"
    (dated,) = found.pop("about")
    assert json.loads(claims("show", "A10", "--format", "ndjson")) == found
    assert json.loads(claims("show", "A10-dated", "--format", "ndjson")) == dated
    assert json.loads(claims("show", "A10", "--json", "--as-of", "A16"))["about"] == []


@pytest.mark.parametrize(
    "projection", ["board", "status", "provenance", "timeline.said", "timeline.recorded", "sources"]
)
def test_answers_can_be_rebuilt_from_the_records_alone(tmp_path: Path, seeds: Path, projection: str) -> None:
    db = str(tmp_path / "hard.db")
    for path in sorted((seeds / "hard").glob("*.ndjson")):
        assert CliRunner().invoke(main, ["--db", db, "append", str(path)]).exit_code == 0
    ran = CliRunner().invoke(main, ["--db", db, "replay", "--projection", projection])
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert ran.stdout.endswith(f" answers of {projection}: same\n")


@pytest.mark.parametrize("projection", ["board", "status"])
def test_a_replay_can_end_at_a_cut(claims: Run, projection: str) -> None:
    assert (
        claims("replay", "--projection", projection)
        == f"63 records up to position 63, 21 answers of {projection}: same\n"
    )
    told = json.loads(claims("replay", "--projection", projection, "--to", "A5", "--json"))
    assert told == {"projection": projection, "position": 51, "records": 51, "answers": 21, "same": True}


# The schema


@pytest.mark.parametrize("tag", TYPES)
def test_the_schema_of_a_type_is_that_of_its_lines(claims: Run, tag: str) -> None:
    found = json.loads(claims("schema", tag))
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["properties"]["type"] == {"const": tag}
    assert "type" in found["required"]
    assert found["additionalProperties"] is False
    fields = {field.encode_name for field in msgspec.structs.fields(TYPES[tag])}
    assert set(found["properties"]) == fields | {"type", "id", "recorded_by"}


def test_every_reference_of_the_schema_leads_somewhere(claims: Run) -> None:
    whole = json.loads(claims("schema"))
    assert len(whole["oneOf"]) == len(TYPES)
    for ref in json.dumps(whole).split('"$ref": "')[1:]:
        path = ref.split('"')[0]
        assert path.removeprefix("#/$defs/") in whole["$defs"]
