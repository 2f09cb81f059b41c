"""Whole files: every bad line is told and nothing written; what is exported comes back byte for byte."""

from __future__ import annotations

import gzip
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner, Result

from ledger import Ledger
from ledger.cli import main
from ledger.synthetic import synthetic

Run = Callable[..., Result]
REGISTERED = '{"type":"claim_registered","claim":"dam","text":"The dam leaks","id":"c1"}'
STATED = '{"type":"statement","claims":["dam"],"chain":[{"name":"Ana"}],"id":"s1"}'

BAD_LINES: list[tuple[str, bytes, str, int]] = [
    ("not JSON", b"dam leaks", "not JSON", 6),
    ("cut off", b'{"type":"statement"', "not JSON", 6),
    ("an array", b"[]", "expected a JSON object", 6),
    ("not UTF-8", b'{"type":"\xff"}', "not UTF-8", 6),
    ("a key twice", b'{"type":"a","type":"b"}', "'type' stands twice", 6),
    ("NaN", b'{"type":"assessment","likelihood":{"low":NaN}}', "NaN", 6),
    ("nested too deep", b'{"a":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "nested", 6),
    ("too long", b'{"type":"statement","note":"' + b"a" * 300_000 + b'"}', "300,030 bytes", 6),
    ("no type", b"{}", "/type:", 6),
    ("an unknown type", b'{"type":"rumour"}', "/type:", 6),
    ("a Python path for a type", b'{"type":"os.system"}', "/type:", 6),
    ("an unknown field", b'{"type":"statement","colour":"red"}', "/colour: unknown field", 6),
    ("a missing field", b'{"type":"statement","claims":["dam"]}', "/chain: required", 6),
    (
        "an unknown field of a link",
        b'{"type":"statement","claims":["dam"],"chain":[{"name":"Ana","mood":"sad"}]}',
        "/chain/0/mood",
        6,
    ),
    ("no slug", b'{"type":"statement","claims":["The Dam"],"chain":[{"name":"Ana"}]}', "write 'the-dam'", 6),
    ("a control character", b'{"type":"statement","claims":["dam"],"chain":[{"name":"A\\u0007"}]}', "U+0007", 6),
    (
        "a time without zone",
        b'{"type":"statement","claims":["dam"],"chain":[{"name":"Ana"}],"said_at":"2024-10-05T10:00"}',
        "/said_at",
        6,
    ),
    (
        "the far future",
        b'{"type":"statement","claims":["dam"],"chain":[{"name":"Ana"}],"said_at":"9000"}',
        "lies ahead of its recording",
        4,
    ),
    ("an empty id", b'{"type":"statement","claims":["dam"],"chain":[{"name":"Ana"}],"id":""}', "/id", 6),
    ("an unregistered claim", b'{"type":"statement","claims":["roof"],"chain":[{"name":"Ana"}]}', "'roof'", 3),
    ("an act that is not there", b'{"type":"retraction","act":"e9","chain":[{"name":"Ana"}]}', "'e9'", 3),
    ("a stranger's retraction", b'{"type":"retraction","act":"s1","chain":[{"name":"Zoe"}]}', "'Zoe'", 4),
    (
        "a claim related to itself",
        b'{"type":"claims_related","from":"dam","to":"dam","relation":"entails"}',
        "itself",
        4,
    ),
    (
        "an id with other content",
        b'{"type":"statement","claims":["dam"],"chain":[{"name":"Zoe"}],"id":"s1"}',
        "'s1'",
        5,
    ),
]


@pytest.fixture
def claims(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `claims` in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLAIMS_DB", raising=False)
    return lambda *args, stdin=b"": CliRunner().invoke(main, args, input=stdin)


def records(claims: Run, *db: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in claims(*db, "log", "--format", "ndjson").stdout.splitlines()]


@pytest.mark.parametrize(("what", "line", "said", "code"), BAD_LINES, ids=[row[0] for row in BAD_LINES])
def test_a_bad_line_is_told_and_nothing_is_written(
    claims: Run, tmp_path: Path, what: str, line: bytes, said: str, code: int
) -> None:
    ran = claims("append", "-", stdin=b"\n".join([REGISTERED.encode(), STATED.encode(), b"", line, STATED.encode()]))
    assert ran.exit_code == code, what
    assert ran.stdout == ""
    told = ran.stderr.splitlines()
    assert told[0].startswith("claims: line 4: ")
    assert said in told[0]
    assert told[-1] == "claims: 1 bad line; nothing was written"
    assert not (tmp_path / "claims.db").exists()


def test_every_bad_line_is_told_in_order_and_the_first_decides(claims: Run) -> None:
    bad = [line for what, line, _, _ in BAD_LINES if what != "too long"]
    lines = [REGISTERED.encode(), STATED.encode(), *reversed(bad)]
    ran = claims("append", "-", stdin=b"\n".join(lines))
    numbers = [int(line.split()[2].rstrip(":")) for line in ran.stderr.splitlines()[:-1]]
    assert numbers == list(range(3, len(bad) + 3))
    assert ran.exit_code == 5
    assert ran.stderr.endswith(f"claims: {len(bad)} bad lines; nothing was written\n")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("command", ["append", "import"])
def test_a_file_in_another_encoding_is_told_what_it_is(claims: Run, command: str, encoding: str) -> None:
    ran = claims(command, "-", stdin=REGISTERED.encode(encoding))
    assert ran.exit_code == 6
    assert ran.stderr.startswith("claims: line 1: the file ")
    assert len(ran.stderr.splitlines()) == 1


def test_receipts_tell_line_id_and_position(claims: Run) -> None:
    ran = claims("append", "-", stdin=f"{REGISTERED}\n\n  \r\n{STATED}\r\n{STATED}\n")
    assert list(map(json.loads, ran.stdout.splitlines())) == [
        {"line": 1, "id": "c1", "position": 1, "replayed": False},
        {"line": 4, "id": "s1", "position": 2, "replayed": False},
        {"line": 5, "id": "s1", "position": 2, "replayed": True},
    ]
    assert ran.stderr == "2 new, 1 already there\n"


def test_the_same_file_again_writes_nothing(claims: Run) -> None:
    claims("append", "-", stdin=f"{REGISTERED}\n{STATED}")
    before = records(claims)
    ran = claims("append", "-", stdin=f"{REGISTERED}\n{STATED}")
    assert all(json.loads(line)["replayed"] for line in ran.stdout.splitlines())
    assert records(claims) == before


def test_a_dry_run_checks_and_writes_nothing(claims: Run, tmp_path: Path) -> None:
    ran = claims("append", "--dry-run", "-", stdin=f"{REGISTERED}\n{STATED}")
    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "", "2 good lines; nothing was written\n")
    assert claims("append", "--dry-run", "-", stdin=STATED).exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_claims_are_registered_on_demand(claims: Run) -> None:
    assert claims("append", "-", stdin=STATED).exit_code == 3
    ran = claims("append", "--register", "-", stdin=STATED)
    assert json.loads(ran.stdout) == {"line": 1, "id": "s1", "position": 2, "replayed": False}


def test_a_line_may_say_who_records_it(claims: Run) -> None:
    named = STATED.replace('"id":"s1"', '"id":"s2","recorded_by":"night desk"')
    claims("append", "--recorded-by", "day desk", "-", stdin=f"{REGISTERED}\n{STATED}\n{named}")
    assert [record["recorded_by"] for record in records(claims)] == ["day desk", "day desk", "night desk"]


def test_more_than_a_thousand_lines_go_in_by_the_thousand(claims: Run) -> None:
    lines = [
        json.dumps({"type": "claim_registered", "claim": f"c{i}", "text": "x", "id": f"e{i}"}) for i in range(2_500)
    ]
    ran = claims("append", "-", stdin="\n".join(lines))
    receipts = list(map(json.loads, ran.stdout.splitlines()))
    assert [receipt["position"] for receipt in receipts] == list(range(1, 2_501))
    assert len({record["recorded_at"] for record in records(claims)}) == 3


def test_what_nobody_hears_of_is_appended_all_the_same(tmp_path: Path) -> None:
    lines = [json.dumps({"type": "claim_registered", "claim": f"c{i}", "text": "x"}) for i in range(5_000)]
    (tmp_path / "claims.ndjson").write_text("\n".join(lines))
    command = [sys.executable, "-m", "ledger.cli", "--db", "claims.db", "append", "claims.ndjson"]
    source = str(Path(sys.modules["ledger"].__file__ or "").parents[1])
    with subprocess.Popen(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": source}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.wait(60) == 0
        assert running.stderr.read() == b"5,000 new, 0 already there\n"


# Out and in again


@pytest.fixture
def exported(claims: Run, seeds: Path) -> bytes:
    """The seeds, appended and exported."""
    for name in ("10-register", "20-acts", "30-amendment"):
        assert claims("append", str(seeds / f"{name}.ndjson")).exit_code == 0
    return claims("export").stdout_bytes


def test_export_import_export_is_the_identity(claims: Run, exported: bytes) -> None:
    ran = claims("--db", "copy.db", "import", "-", stdin=exported)
    assert (ran.exit_code, ran.stderr) == (0, "63 new, 0 already there\n")
    assert claims("--db", "copy.db", "export").stdout_bytes == exported
    assert claims("--db", "copy.db", "status", "--json").stdout == claims("status", "--json").stdout


def test_an_export_is_the_stored_bytes_and_nothing_else(claims: Run, exported: bytes) -> None:
    with Ledger.open("claims.db", read_only=True) as ledger:
        assert exported == b"".join(stored + b"\n" for _, stored in ledger.stored())


def test_an_import_passes_over_what_is_there(claims: Run, exported: bytes) -> None:
    ran = claims("import", "-", stdin=exported)
    assert (ran.exit_code, ran.stderr) == (0, "0 new, 63 already there; nothing was written\n")
    claims("--db", "part.db", "import", "-", stdin=b"".join(exported.splitlines(keepends=True)[:40]))
    assert claims("--db", "part.db", "import", "-", stdin=exported).stderr == "23 new, 40 already there\n"


def test_the_log_can_be_imported_too(claims: Run, exported: bytes) -> None:
    claims("--db", "copy.db", "import", "-", stdin=claims("log", "--format", "ndjson").stdout_bytes)
    assert claims("--db", "copy.db", "export").stdout_bytes == exported


def test_the_log_is_the_export_with_positions(claims: Run, exported: bytes) -> None:
    found = records(claims)
    assert [record.pop("position") for record in found] == list(range(1, 64))
    assert found == list(map(json.loads, exported.splitlines()))
    assert list(found[0]) == ["id", "recorded_at", "recorded_by", "event"]


@pytest.mark.parametrize(
    ("before", "after", "said", "code"),
    [
        (b'"recorded_at":"', b'"recorded_at":"never', "/recorded_at", 6),
        (b'"recorded_by":', b'"recorded_for":', "/recorded_by", 6),
        (b'"claims":["six-killed"]', b'"claims":["Six Killed"]', "/event/claims/0", 6),
        (b'"event":{', b'"sealed":{},"event":{', "/sealed", 6),
        (b'"recorded_at":"20', b'"recorded_at":"19', "is older than the one before it", 4),
    ],
)
def test_a_bad_record_is_told_before_anything_is_written(
    claims: Run, tmp_path: Path, exported: bytes, before: bytes, after: bytes, said: str, code: int
) -> None:
    lines = exported.splitlines()
    assert before in lines[46]
    lines[46] = lines[46].replace(before, after)
    ran = claims("--db", "copy.db", "import", "-", stdin=b"\n".join(lines))
    assert ran.exit_code == code
    assert ran.stderr.startswith("claims: line 47: ")
    assert said in ran.stderr.splitlines()[0]
    assert not (tmp_path / "copy.db").exists()


def test_records_whose_order_was_mixed_up_are_refused_before_anything_is_written(
    claims: Run, tmp_path: Path, exported: bytes
) -> None:
    ran = claims("--db", "copy.db", "import", "-", stdin=b"\n".join(reversed(exported.splitlines())))
    assert ran.exit_code != 0
    assert not (tmp_path / "copy.db").exists()


def test_a_backfill_is_refused_and_told_of_its_line(claims: Run, exported: bytes) -> None:
    claims("--db", "other.db", "register", "dam", "The dam leaks")
    first = exported.splitlines()[0].replace(b'"recorded_at":"20', b'"recorded_at":"19')
    ran = claims("--db", "other.db", "import", "-", stdin=first)
    assert ran.exit_code == 4
    assert ran.stderr.startswith("claims: line 1: 'claim-engineers-deployed', recorded on 19")
    assert ran.stderr.endswith("; a backfill goes into a new ledger; nothing was written\n")
    assert len(records(claims, "--db", "other.db")) == 1


@pytest.fixture(scope="module")
def many() -> list[bytes]:
    """An export of two and a half thousand records."""
    with Ledger.open(":memory:") as ledger:
        for _ in ledger.load(islice(synthetic(2_500, seed=3), 2_500)):
            pass
        return [stored for _, stored in ledger.stored()]


def test_an_import_that_was_cut_off_goes_on_with_the_same_file(claims: Run, many: list[bytes]) -> None:
    ran = claims("import", "-", stdin=b"\n".join([*many[:2_300], b"{", *many[2_300:]]))
    assert ran.exit_code == 6
    assert ran.stderr.startswith("claims: line 2301: not JSON")
    assert ran.stderr.endswith("; 2,000 records before it were written; mend it and import the same file again\n")
    with Ledger.open("claims.db", read_only=True) as ledger:
        assert [stored for _, stored in ledger.stored()] == many[:2_000]
    assert claims("import", "-", stdin=b"\n".join(many)).stderr == "500 new, 2,000 already there\n"
    assert claims("export").stdout_bytes.splitlines() == many


def test_a_record_that_a_rule_refuses_is_told_by_its_line(claims: Run, many: list[bytes]) -> None:
    alien = many[-1].replace(json.loads(many[-1])["id"].encode(), b"e1")
    alien = re.sub(rb'"event":.*', b'"event":{"type":"record_voided","target":"nobody","why":"w"}}', alien)
    ran = claims("import", "-", stdin=b"\n".join([*many, b"", alien]))
    assert ran.exit_code == 3
    assert ran.stderr.startswith("claims: line 2502: there is no event 'nobody' before this one")
    assert "2,000 records before it were written" in ran.stderr


def test_a_refused_record_is_told_by_its_line_however_much_came_before_and_after(claims: Run) -> None:
    with Ledger.open(":memory:") as ledger:
        for _ in ledger.load(islice(synthetic(7_500, seed=3), 7_500)):
            pass
        lines = [stored for _, stored in ledger.stored()]
    event = b'"event":{"type":"record_voided","target":"nobody","why":"w"}}'
    alien = re.sub(rb'"event":.*', event, lines[5_000]).replace(json.loads(lines[5_000])["id"].encode(), b"alien")
    ran = claims("import", "-", stdin=b"\n".join([b"", *lines[:5_000], alien, *lines[5_000:]]))
    assert ran.stderr.startswith("claims: line 5002: there is no event 'nobody' before this one")
    assert "5,000 records before it were written" in ran.stderr


@pytest.mark.parametrize(("end", "magic"), [(".gz", b"\x1f\x8b"), (".zst", b"\x28\xb5\x2f\xfd"), ("", b'{"id":')])
def test_a_ledger_travels_compressed(claims: Run, tmp_path: Path, many: list[bytes], end: str, magic: bytes) -> None:
    claims("import", "-", stdin=b"\n".join(many))
    for name in ("one", "other"):
        assert claims("export", f"{name}{end}").stderr == "2,500 records exported\n"
    packed = (tmp_path / f"one{end}").read_bytes()
    assert packed.startswith(magic)
    assert packed == (tmp_path / f"other{end}").read_bytes()
    (tmp_path / "renamed").write_bytes(packed)
    assert claims("--db", "copy.db", "import", "renamed").stderr == "2,500 new, 0 already there\n"
    assert claims("--db", "copy.db", "export").stdout_bytes.splitlines() == many


@pytest.mark.parametrize("end", [".gz", ".zst"])
@pytest.mark.parametrize("kept", [0.5, 0.9])
def test_a_compressed_file_that_was_cut_off_is_told_where(
    claims: Run, tmp_path: Path, many: list[bytes], end: str, kept: float
) -> None:
    claims("import", "-", stdin=b"\n".join(many))
    claims("export", f"all{end}")
    packed = (tmp_path / f"all{end}").read_bytes()
    (tmp_path / "part").write_bytes(packed[: int(len(packed) * kept)])
    ran = claims("--db", "copy.db", "import", "part")
    assert ran.exit_code == 6
    assert re.match(r"claims: line \d+: the file cannot be read on .*; it was cut off or damaged", ran.stderr)


def test_events_are_appended_from_a_compressed_file(claims: Run) -> None:
    assert claims("append", "-", stdin=gzip.compress(f"{REGISTERED}\n{STATED}".encode())).exit_code == 0
    assert [record["id"] for record in records(claims)] == ["c1", "s1"]


def test_events_and_records_are_not_taken_for_each_other(claims: Run, exported: bytes) -> None:
    assert "`claims append`" in claims("--db", "copy.db", "import", "-", stdin=REGISTERED).stderr
    ran = claims("--db", "copy.db", "append", "-", stdin=exported)
    assert ran.exit_code == 6
    assert "line 1: this is a record of an export: `claims import` takes it" in ran.stderr


def test_an_export_takes_the_place_of_a_file_but_never_of_a_ledger(
    claims: Run, tmp_path: Path, exported: bytes
) -> None:
    target = tmp_path / "out.ndjson"
    target.write_text("old")
    target.chmod(0o600)
    assert claims("export", "out.ndjson").exit_code == 0
    assert target.read_bytes() == exported
    assert target.stat().st_mode & 0o777 == 0o600
    ledger = (tmp_path / "claims.db").read_bytes()
    assert claims("export", "claims.db").exit_code == 2
    assert (tmp_path / "claims.db").read_bytes() == ledger
    assert claims("export", os.devnull).exit_code == 0
    assert not Path(os.devnull).is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"claims.db", "out.ndjson"}


@pytest.mark.parametrize("end", [".gz", ".zst"])
def test_a_compressed_file_that_was_damaged_anywhere_is_told_of(
    claims: Run, exported: bytes, tmp_path: Path, end: str
) -> None:
    assert claims("export", f"all{end}").exit_code == 0
    packed = (tmp_path / f"all{end}").read_bytes()
    header = 10 if end == ".gz" else 6  # whose time and name of a system say nothing of the content
    for place in range(header, len(packed), 61):
        flipped = packed[:place] + bytes([packed[place] ^ 1]) + packed[place + 1 :]
        (tmp_path / "flipped").write_bytes(flipped)
        ran = claims("--db", ":memory:", "import", "flipped")
        assert (ran.exit_code, "cut off or damaged" in ran.stderr) == (6, True), place


def test_a_zstandard_file_may_begin_with_a_frame_that_says_nothing(
    claims: Run, exported: bytes, tmp_path: Path
) -> None:
    assert claims("export", "all.zst").exit_code == 0
    skipped = b"\x50\x2a\x4d\x18\x04\x00\x00\x00none"
    (tmp_path / "all.zst").write_bytes(skipped + (tmp_path / "all.zst").read_bytes())
    assert claims("--db", "copy.db", "import", "all.zst").stderr == "63 new, 0 already there\n"


def tampered(path: Path, *statements: str) -> None:
    """Does to a ledger's file what no ledger allows."""
    connection = apsw.Connection(str(path))
    for trigger in ("changed", "deleted"):
        connection.execute(f"DROP TRIGGER event_is_never_{trigger}")
    for statement in statements:
        connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("UPDATE event SET data = CAST('{\"id\":' AS BLOB) WHERE position = 3", "position 3 holds no record"),
        ("DELETE FROM event WHERE position = 5", "position 5 is missing"),
    ],
)
def test_an_export_of_a_damaged_ledger_never_takes_the_place_of_a_good_one(
    claims: Run, exported: bytes, tmp_path: Path, how: str, why: str
) -> None:
    assert claims("export", "backup").exit_code == 0
    tampered(tmp_path / "claims.db", how)
    for args in (["export", "backup"], ["export"], ["replay"], ["replay", "--views"]):
        ran = claims(*args)
        assert (ran.exit_code, why in ran.stderr) == (7, True), args
    assert (tmp_path / "backup").read_bytes() == exported


def test_a_position_that_is_missing_is_told_of_where_it_is_asked_for(
    claims: Run, exported: bytes, tmp_path: Path
) -> None:
    tampered(tmp_path / "claims.db", "DELETE FROM event WHERE position = 5")
    ran = claims("show", "5")
    assert (ran.exit_code, "no record at position 5" in ran.stderr) == (3, True)


@pytest.mark.parametrize("end", ["-wal", "-shm", ".tokens", ".views", ".views-wal"])
def test_an_export_never_takes_the_place_of_what_belongs_to_a_ledger(
    claims: Run, exported: bytes, tmp_path: Path, end: str
) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "claims.db")
    for db in ("claims.db", "link.db"):
        ran = claims("--db", db, "export", f"claims.db{end}")
        assert (ran.exit_code, "belongs to the ledger" in ran.stderr) == (2, True)
    assert claims("export", "claims.db.ndjson").exit_code == 0


def test_what_an_import_lacks_beside_its_file_is_not_to_be_mended_there(claims: Run, exported: bytes) -> None:
    future = exported.replace(b'"recorded_at":"20', b'"recorded_at":"90')
    ran = claims("--db", "other.db", "import", "-", stdin=future)
    assert "ahead of this machine's clock" in ran.stderr
    assert "mend it" not in ran.stderr
    assert "import the same file again" in ran.stderr
