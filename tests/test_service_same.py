"""Does the same question have the same bytes, whoever asks it: Python, the command line, HTTP?

Every claim of the seed article at every cut of the golden answers, and at positions, events and moments; every board.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest
from asker import Asker
from click.testing import CliRunner
from test_seed import GOLDEN_CUTS, NOW, TABLES, load

from ledger import Ledger
from ledger.cli import main
from projections import board, provenance, sources, status, timeline

CUTS: list[dict[str, str]] = []
for cuts in (
    *GOLDEN_CUTS,
    *(cuts for cuts, _ in TABLES),
    *({"as_of": as_of} for as_of in ("40", "62", "63", "A3", "2024-10-13", "2024-10-14T00:00:00Z", "2024-10")),
    {"as_of": "2024-10-12", "said_by": "2024-10-09T12:00:00Z"},
):
    if cuts not in CUTS:
        CUTS.append(cuts)


class Ways:
    """One ledger, asked in three ways."""

    def __init__(self, path: Path, ledger: Ledger, asker: Asker) -> None:
        self._path, self._ledger, self._asker = path, ledger, asker

    def by_python(self, projection: Any, subject: str | None, cuts: dict[str, str]) -> bytes:
        return msgspec.json.encode(self._ledger.state(projection, subject, **cuts))

    def by_command(self, *words: str, form: str = "json", **options: str) -> bytes:
        told = [word for name, value in options.items() for word in (f"--{name.replace('_', '-')}", value)]
        ran = CliRunner().invoke(main, ["--db", str(self._path), *words, *told, "--format", form])
        assert ran.exit_code == 0, ran.stderr
        return ran.stdout_bytes.removesuffix(b"\n")

    def by_http(self, path: str, accept: str = "application/json", **query: str) -> bytes:
        answer = self._asker.get(f"{path}?{urlencode(query)}" if query else path, accept=accept)
        assert answer.status_code == 200, answer.text
        return answer.content


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    path = tmp_path_factory.mktemp("story") / "story.db"
    assert CliRunner().invoke(main, ["demo", "--db", str(path)]).exit_code == 0
    with Ledger.open(path) as ledger, Asker(ledger) as asker:
        yield Ways(path, ledger, asker)


@pytest.mark.parametrize("cuts", CUTS, ids=urlencode)
def test_a_claim_has_the_same_status_in_the_same_bytes(ways: Ways, cuts: dict[str, str]) -> None:
    for claim in NOW:
        told = {ways.by_python(status, claim, cuts), ways.by_command("status", claim, **cuts)}
        assert {ways.by_http(f"/v1/claims/{claim}", **cuts)} == told


@pytest.mark.parametrize("cuts", CUTS, ids=urlencode)
def test_the_board_is_the_same_in_the_same_bytes(ways: Ways, cuts: dict[str, str]) -> None:
    told = {ways.by_python(board, None, cuts), ways.by_command("status", **cuts)}
    assert {ways.by_http("/v1/claims", **cuts)} == told


@pytest.mark.parametrize(
    "options",
    [
        {"limit": "5"},
        {"status": "disputed"},
        {"status": "disputed", "flag": "repeated", "as_of": "60"},
        {"order": "newest", "limit": "3"},
        {"order": "acts", "limit": "4", "said_by": "2024-10-09"},
        {"source": "Dmitry Peskov", "kind": "factual"},
        {"search": "officers", "as_of": "A16"},
        {"changed_since": "2024-10-12"},
        {"changed_until": "2024-10-12", "cursor": "kn23-teams"},
    ],
    ids=urlencode,
)
def test_a_part_of_the_board_is_the_same_in_the_same_bytes(ways: Ways, options: dict[str, str]) -> None:
    assert ways.by_http("/v1/claims", **options) == ways.by_command("status", **options)


@pytest.mark.parametrize("cuts", [{}, {"as_of": "A16"}, {"said_by": "2024-10-09"}], ids=urlencode)
def test_the_other_readings_are_the_same_in_the_same_bytes(ways: Ways, cuts: dict[str, str]) -> None:
    for claim in ("six-killed", "kn23-teams"):
        path = f"/v1/claims/{claim}"
        found = ways.by_http(f"{path}/provenance", **cuts)
        assert {found} == {ways.by_python(provenance, claim, cuts), ways.by_command("provenance", claim, **cuts)}
        for axis, projection in (("said", timeline.said), ("recorded", timeline.recorded)):
            found = ways.by_http(f"{path}/history", axis=axis, **cuts)
            in_words = ways.by_command("history", claim, axis=axis, **cuts)
            assert {found} == {ways.by_python(projection, claim, cuts), in_words}
    found = ways.by_http("/v1/sources/dmitry-peskov", **cuts)
    told = {ways.by_python(sources, "dmitry-peskov", cuts), ways.by_command("source", "Dmitry Peskov", **cuts)}
    assert {found} == told
    assert ways.by_http("/v1/sources/Dmitry%20Peskov", **cuts) == found


@pytest.mark.parametrize("options", [{}, {"search": "korea"}, {"as_of": "A3"}], ids=urlencode)
def test_the_list_of_sources_is_the_same_in_the_same_bytes(ways: Ways, options: dict[str, str]) -> None:
    assert ways.by_http("/v1/sources", **options) == ways.by_command("source", "list", **options)


@pytest.mark.parametrize(
    ("before", "after", "rest"),
    [
        ("2024-10-05", "2024-10-10", {}),
        ("2024-10-09", "2024-10-10", {"as_of": "A16"}),
        ("A16", "A10-dated", {"axis": "recorded", "said_by": "2024-10-09"}),
        ("40", "2024-10-12", {"axis": "recorded"}),
    ],
)
def test_what_changed_is_the_same_in_the_same_bytes(ways: Ways, before: str, after: str, rest: dict[str, str]) -> None:
    by_http = ways.by_http("/v1/claims/engineers-deployed/diff", **{"from": before, "to": after}, **rest)
    assert by_http == ways.by_command("diff", "engineers-deployed", before, after, **rest)


@pytest.mark.parametrize(
    ("after", "rest"),
    [
        ("46", {}),
        ("A1", {"as_of": "A10"}),
        ("2024-10-11", {}),
        ("0", {"limit": "5"}),
        ("0", {"cursor": "0:63:kn23-teams"}),
    ],
)
def test_which_claims_stand_elsewhere_is_the_same_in_the_same_bytes(
    ways: Ways, after: str, rest: dict[str, str]
) -> None:
    assert ways.by_http("/v1/changes", after=after, **rest) == ways.by_command("changes", after, **rest)


def test_a_record_and_what_became_of_it_are_the_same_in_the_same_bytes(ways: Ways) -> None:
    for event in ("A1", "A10", "A10-dated", "5"):
        assert ways.by_http(f"/v1/events/{event}") == ways.by_command("show", event)
    assert ways.by_http("/v1/events/A10", as_of="A16") == ways.by_command("show", "A10", as_of="A16")


@pytest.mark.parametrize("asked", [{}, {"type": "denial"}, {"source": "afp", "as_of": "60"}], ids=urlencode)
def test_a_page_of_records_is_an_object_around_the_bytes_of_the_log(ways: Ways, asked: dict[str, str]) -> None:
    page, log = ways.by_http("/v1/events", **asked), ways.by_command("log", **asked).replace(b"\n", b"")
    assert page.partition(b',"events":')[2] == log + b"}"
    lines = ways.by_http("/v1/events", accept="application/x-ndjson", **asked)
    assert lines == ways.by_command("log", form="ndjson", **asked) + b"\n"


def test_over_http_the_golden_answers_come_out_byte_for_byte(seeds: Path) -> None:
    with load() as article, Asker(article) as asker:
        told = [asker.get(f"/v1/claims/{claim}").content for claim in NOW]
        boards = [asker.get(f"/v1/claims?{urlencode(cuts)}").content for cuts in GOLDEN_CUTS]
    assert _a_line_a_claim(told) == (seeds / "golden" / "status.json").read_bytes()
    assert _a_line_a_claim(boards) == (seeds / "golden" / "board.json").read_bytes()


def _a_line_a_claim(answers: list[bytes]) -> bytes:
    return b"[%b]" % b",".join(answers).replace(b'{"claim":', b'\n{"claim":') + b"\n"
