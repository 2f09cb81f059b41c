"""One event from options: what is typed is what is recorded, for every type of event there is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ledger.cli import main
from ledger.events import TYPES

Run = Callable[..., str]
ANA = {"name": "Ana Ruiz", "kind": "person"}

WRITTEN: list[tuple[str, dict[str, Any]]] = [
    ("state dam --by 'Ana Ruiz'", {"type": "statement", "claims": ["dam"], "chain": [ANA]}),
    (
        "state dam walls --by Ministry --kind organisation --role 'press office' --source works --via 'Radio Norte'"
        " --via 'Bo Li:person' --via 'Odd: Name' --medium radio --report partial-quote --cue claimed"
        " --said-at 2026-03-02 --quote 'It leaks' --language en --original 'Se filtra'"
        " --url https://example.org/a --note 'read twice'"
        " --mode conditional --possible roof --in-reply-to tweet-1",
        {
            "type": "statement",
            "claims": ["dam", "walls"],
            "chain": [
                {
                    "name": "Ministry",
                    "role": "press office",
                    "source": "works",
                    "kind": "organisation",
                    "medium": "radio",
                    "report": "partial_quote",
                    "cue": "claimed",
                },
                {"name": "Radio Norte", "kind": "outlet"},
                {"name": "Bo Li", "kind": "person"},
                {"name": "Odd: Name", "kind": "outlet"},
            ],
            "quote": "It leaks",
            "language": "en",
            "original": "Se filtra",
            "said_at": "2026-03-02",
            "url": "https://example.org/a",
            "note": "read twice",
            "possible_claims": ["roof"],
            "in_reply_to": "tweet-1",
            "mode": "conditional",
        },
    ),
    (
        "state dam --unnamed 'a source in Ukraine' --via 'The Guardian'",
        {
            "type": "statement",
            "claims": ["dam"],
            "chain": [{"name": "a source in Ukraine", "kind": "unnamed"}, {"name": "The Guardian", "kind": "outlet"}],
        },
    ),
    (
        "state dam --collective experts",
        {"type": "statement", "claims": ["dam"], "chain": [{"name": "experts", "kind": "collective"}]},
    ),
    (
        "state dam --untraced 'several reports'",
        {"type": "statement", "claims": ["dam"], "chain": [{"name": "several reports", "kind": "untraced"}]},
    ),
    (
        "deny dam --by 'Ana Ruiz' --form no-comment --scope framed --denied-part 'the size'",
        {
            "type": "denial",
            "claims": ["dam"],
            "chain": [ANA],
            "form": "no_comment",
            "scope": "framed",
            "denied_part": "the size",
        },
    ),
    ("deny --act e1 --by 'Ana Ruiz'", {"type": "denial", "chain": [ANA], "acts": ["e1"]}),
    (
        "assess dam --by 'Ana Ruiz' --likely 'Very  Likely' --scale icd203 --mapped-by desk --capacity analyst",
        {
            "type": "assessment",
            "claims": ["dam"],
            "chain": [ANA],
            "likelihood": {
                "term": "Very  Likely",
                "scale": "icd203",
                "low": 0.8,
                "high": 0.95,
                "mapped_by": "desk",
            },
            "capacity": "analyst",
        },
    ),
    (
        "assess dam --by 'Ana Ruiz' --verdict not-checkable --label 'No way to tell' --confidence low",
        {
            "type": "assessment",
            "claims": ["dam"],
            "chain": [ANA],
            "verdict": "not_checkable",
            "label": "No way to tell",
            "confidence": "low",
        },
    ),
    (
        "retract e1 --by 'Ana Ruiz' --said-at 2026-03 --reason mistaken",
        {"type": "retraction", "act": "e1", "chain": [ANA], "said_at": "2026-03", "reason": "mistaken"},
    ),
    (
        """correct e1 --by 'Ana Ruiz' --set quote='It drips' --set url=null --set claims='["dam","walls"]'""",
        {
            "type": "correction",
            "act": "e1",
            "changes": {"claims": ["dam", "walls"], "quote": "It drips", "url": None},
            "chain": [ANA],
        },
    ),
    (
        "register leak 'The dam leaks' --kind predictive --language en --external Q1",
        {
            "type": "claim_registered",
            "claim": "leak",
            "text": "The dam leaks",
            "kind": "predictive",
            "language": "en",
            "external": "Q1",
        },
    ),
    (
        "reword dam 'It leaks' --why shorter",
        {"type": "claim_reworded", "claim": "dam", "text": "It leaks", "why": "shorter"},
    ),
    (
        "relate dam same-as walls --by desk --why alike",
        {"type": "claims_related", "from": "dam", "to": "walls", "relation": "same_as", "by": "desk", "why": "alike"},
    ),
    ("unrelate r1 --why mistaken", {"type": "relation_withdrawn", "target": "r1", "why": "mistaken"}),
    (
        "source register 'Ana Ruiz' --kind person --description 'An engineer.'",
        {
            "type": "source_registered",
            "source": "ana-ruiz",
            "name": "Ana Ruiz",
            "kind": "person",
            "description": "An engineer.",
        },
    ),
    (
        "source register experts@radio-norte --name Experts",
        {"type": "source_registered", "source": "experts@radio-norte", "name": "Experts"},
    ),
    (
        "source relate 'Ana Ruiz' member-of works --basis 'her card'",
        {"type": "source_related", "from": "ana-ruiz", "to": "works", "relation": "member_of", "basis": "her card"},
    ),
    (
        "attach --claim dam --act e1 --bearing supports --url https://example.org/p --media-type image/png"
        " --description 'A picture'",
        {
            "type": "evidence_attached",
            "claims": ["dam"],
            "act": "e1",
            "bearing": "supports",
            "url": "https://example.org/p",
            "media_type": "image/png",
            "description": "A picture",
        },
    ),
    (
        "grade source 'Ana Ruiz' b --by desk --why 'right before'",
        {"type": "source_graded", "source": "ana-ruiz", "grade": "B", "by": "desk", "why": "right before"},
    ),
    ("grade act e1 2 --by desk", {"type": "act_graded", "act": "e1", "grade": 2, "by": "desk"}),
    (
        "rule dam refuted --by Court --reasons 'It was rain.' --said-at 2026-04",
        {
            "type": "ruling_recorded",
            "claim": "dam",
            "ruling": "refuted",
            "by": "Court",
            "reasons": "It was rain.",
            "said_at": "2026-04",
        },
    ),
    (
        """amend e1 --set said_at=2026-03-01 --set note='"2024"' --why 'seen the tape'""",
        {
            "type": "record_amended",
            "target": "e1",
            "changes": {"note": "2024", "said_at": "2026-03-01"},
            "why": "seen the tape",
        },
    ),
    ("void e1 --why 'typed twice'", {"type": "record_voided", "target": "e1", "why": "typed twice"}),
]


@pytest.fixture
def claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command line in a folder with a small ledger, and gives what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLAIMS_DB", raising=False)

    def run(line: str, *more: str) -> str:
        import shlex

        ran = CliRunner().invoke(main, [*shlex.split(line), *more])
        assert ran.exit_code == 0, ran.stderr
        return ran.stdout

    for claim in ("dam", "walls", "roof"):
        run(f"register {claim} 'About the {claim}'")
    run("state dam --by 'Ana Ruiz' --id e1 --url https://example.org/0")
    run("relate dam entails walls --id r1")
    return run


def event(claims: Run, event_id: str) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(claims(f"show {event_id} --json"))
    found: dict[str, Any] = record["event"]
    return found


@pytest.mark.parametrize(("line", "expected"), WRITTEN, ids=[line[:50] for line, _ in WRITTEN])
def test_what_is_typed_is_what_is_recorded(claims: Run, line: str, expected: dict[str, Any]) -> None:
    claims(line, "--id", "new")
    assert event(claims, "new") == expected


def test_every_type_of_event_can_be_typed() -> None:
    assert {expected["type"] for _, expected in WRITTEN} == set(TYPES)


SEEDED = {
    "A2": "state kn23-teams --unnamed 'a source in Ukraine' --via 'the Guardian' --via 'the article'",
    "A3": "state donetsk-engineers --by 'Lieutenant Andriy Kovalenko' --source andriy-kovalenko --via AFP"
    ' --role "head of Ukraine\'s centre for countering disinformation"'
    " --via 'the article' --medium Telegram --said-at 2024-10-05",
    "A10": "deny engineers-deployed operating-in-occupied-areas --by 'Dmitry Peskov' --role 'Kremlin spokesman'"
    " --via AFP --via 'the article' --form dismissal --scope framed --possible six-killed --said-at ../2024-10-10",
}


@pytest.mark.parametrize("act", SEEDED)
def test_an_act_of_the_seeds_can_be_typed(claims: Run, seeds: Path, act: str) -> None:
    lines = map(json.loads, (seeds / "20-acts.ndjson").read_text(encoding="utf-8").splitlines())
    seeded = next(line for line in lines if line["id"] == act)
    claims(SEEDED[act], "--register", "--id", "typed")
    typed = event(claims, "typed")
    for name, value in typed.items():
        if name == "chain":
            sources = [
                {k: v for k, v in link.items() if k in ("name", "source", "kind", "role", "medium")}
                for link in seeded["chain"]
            ]
            assert value == sources
        else:
            assert value == seeded[name]


def test_the_hash_and_the_type_of_a_file_are_worked_out(claims: Run, tmp_path: Path) -> None:
    picture = tmp_path / "dam.jpg"
    picture.write_bytes(b"not really a picture")
    claims("attach --claim dam --file dam.jpg --id e9")
    found = event(claims, "e9")
    assert found["sha256"] == hashlib.sha256(picture.read_bytes()).hexdigest()
    assert found["media_type"] == "image/jpeg"


def test_a_file_that_is_not_what_its_hash_says_is_refused(claims: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    ran = CliRunner().invoke(main, ["attach", "--claim", "dam", "--file", "a.txt", "--sha256", "0" * 64])
    assert ran.exit_code == 2
    assert hashlib.sha256(b"a").hexdigest() in ran.stderr


def test_a_person_reads_a_line_and_a_machine_a_receipt(claims: Run) -> None:
    line = claims("state dam --by Bo --id new")
    assert line.startswith("new at position 6, recorded 20")
    again = json.loads(claims("state dam --by Bo --id new --json"))
    assert (again["id"], again["position"], again["replayed"]) == ("new", 6, True)
    assert "nothing was written" in claims("state dam --by Bo --id new")


def test_who_records_and_when_somebody_came_first(claims: Run) -> None:
    claims("state dam --by Bo --id new --recorded-by 'the night desk' --expected 5")
    assert json.loads(claims("show new --json"))["recorded_by"] == "the night desk"
    ran = CliRunner().invoke(main, ["state", "dam", "--by", "Bo", "--expected", "5"])
    assert ran.exit_code == 5


ABOUT_OTHERS = {
    "retract 4 --by 'Ana Ruiz'": "act",
    "correct 4 --by 'Ana Ruiz' --set quote=x": "act",
    "deny --act 4 --by 'Ana Ruiz'": "acts",
    "attach --act 4 --url https://example.org/b": "act",
    "grade act 4 2": "act",
    "amend 4 --set note=x --why w": "target",
    "void 4 --why w": "target",
}


@pytest.mark.parametrize("line", ABOUT_OTHERS)
def test_what_an_event_is_about_may_be_named_by_its_position(claims: Run, line: str) -> None:
    claims(line, "--id", "new")
    assert event(claims, "new")[ABOUT_OTHERS[line]] in ("e1", ["e1"])


def test_a_relation_is_withdrawn_by_its_position(claims: Run) -> None:
    claims("unrelate 5 --why w --id new")
    assert event(claims, "new")["target"] == "r1"


def test_an_id_of_digits_is_the_id_and_no_position(claims: Run) -> None:
    claims("state dam --by Bo --id 4")
    claims("void 4 --why w --id new")
    assert event(claims, "new")["target"] == "4"


@pytest.mark.parametrize(
    ("typed", "value"), [("2025", "2025"), ("true", "true"), ("1e3", "1e3"), ('"2025"', "2025"), ("2025-01", "2025-01")]
)
def test_a_field_of_text_takes_digits_as_text(claims: Run, typed: str, value: str) -> None:
    claims("amend e1 --why w --id new", "--set", f"said_at={typed}" if typed[0] in '2"' else f"note={typed}")
    assert list(event(claims, "new")["changes"].values()) == [value]


def test_a_grade_stays_a_number(claims: Run) -> None:
    claims("grade act e1 2 --id g")
    claims("amend g --set grade=3 --why w --id new")
    assert event(claims, "new")["changes"] == {"grade": 3}


def test_an_unregistered_claim_is_registered_on_demand(claims: Run) -> None:
    claims("state brand-new --by Bo --register")
    assert json.loads(claims("status brand-new --json"))["status"] == "asserted"


def test_what_of_a_claim_is_denied_is_told_wherever_the_denial_is(claims: Run) -> None:
    claims("deny roof --by 'Ana Ruiz' --form partial --denied-part 'the size'")
    for asked in ("log", "provenance roof"):
        assert "namely “the size”" in " ".join(claims(asked).split())
    [origin] = json.loads(claims("provenance roof --json"))["origins"]
    assert origin["acts"][0]["denied_part"] == "the size"


def test_a_source_may_be_called_like_a_command(claims: Run) -> None:
    claims("state dam --by Register")
    assert claims("source show register").startswith("Register (person")
    assert claims("source Register").startswith("Register (person")


@pytest.mark.parametrize("name", ["Ana Ruiz", "ana-ruiz", "ANA RUIZ"])
def test_a_source_is_found_by_its_id_and_by_its_name(claims: Run, name: str) -> None:
    assert json.loads(claims(f"source '{name}' --json"))["source"] == "ana-ruiz"
