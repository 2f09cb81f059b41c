"""The command as a process: what help costs, how it ends, what goes to which stream, what it leaves behind."""

from __future__ import annotations

import errno
import importlib.util
import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from ledger import Ledger
from ledger.cli import COMMANDS, main

CLAIMS = [sys.executable, "-m", "ledger.cli"]
NAMES = [name for section in COMMANDS.values() for name in section]
READING = [
    ["status"],
    ["status", "dam-leaks"],
    ["status", "dam-leaks", "--json"],
    ["history", "dam-leaks"],
    ["provenance", "dam-leaks"],
    ["diff", "dam-leaks", "2024", "2025"],
    ["log"],
    ["show", "e1"],
    ["source", "Ana Ruiz"],
    ["replay"],
    ["export"],
    ["append", "--dry-run", "-"],
]
Run = Callable[..., subprocess.CompletedProcess[str]]


def environment(**extra: str) -> dict[str, str]:
    """That of the tests, without what would change the output, and with the package where the tests have it from."""
    kept = {name: value for name, value in os.environ.items() if name not in ("CLAIMS_DB", "COLUMNS", "NO_COLOR")}
    spec = importlib.util.find_spec("ledger")
    assert spec is not None
    assert spec.origin is not None
    found = str(Path(spec.origin).parents[1])
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, (found, kept.get("PYTHONPATH")))), **extra}


@pytest.fixture
def claims(tmp_path: Path) -> Run:
    """Runs `claims` in an empty folder."""

    def run(*args: str, stdin: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*CLAIMS, *args], cwd=tmp_path, env=environment(**extra), input=stdin, capture_output=True, text=True
        )

    return run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The same without a process of its own: for tables of many calls."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CLAIMS_DB", raising=False)

    def run(*args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        ran = CliRunner().invoke(main, args, input=stdin)
        return subprocess.CompletedProcess(args, ran.exit_code, ran.stdout, ran.stderr)

    return run


@pytest.fixture
def leaking(here: Run) -> Run:
    """The same, in a folder with a ledger in which one claim is stated."""
    here("register", "dam-leaks", "The dam leaks")
    assert here("state", "dam-leaks", "--by", "Ana Ruiz", "--id", "e1").returncode == 0
    return here


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ledger of the demo."""
    path = tmp_path_factory.mktemp("story") / "story.db"
    subprocess.run([*CLAIMS, "demo", "--db", str(path)], env=environment(), check=True, capture_output=True)
    return path


def said_why(ran: subprocess.CompletedProcess[str]) -> str:
    """What a failing run said, once it is sure that it said it on stderr, in lines of its own, and nothing else."""
    assert ran.stdout == ""
    assert ran.stderr
    assert all(line.startswith("claims: ") for line in ran.stderr.splitlines())
    return ran.stderr


# What help costs


def modules(code: str) -> set[str]:
    printed = "import sys, json; sys.stderr.write(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\n{printed}"], env=environment(), capture_output=True, text=True, check=True
    )
    return set(json.loads(ran.stderr))


@pytest.mark.parametrize("asked", [["--help"], []])
def test_help_imports_nothing_but_click(asked: list[str]) -> None:
    ran = f"""
import contextlib, io, sys
from ledger.cli import main
with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
    try:
        main({asked!r})
    except SystemExit:
        pass
"""
    loaded = modules(ran) - modules("import click")
    own = {name for name in loaded if name.split(".")[0] not in sys.stdlib_module_names | {"click"}}
    assert own == {"ledger", "ledger.cli"}


def test_a_command_imports_its_own_module_and_no_other_command() -> None:
    loaded = modules("from ledger.cli import main\nmain(['schema', 'denial'], standalone_mode=False)")
    assert "ledger.cli.schema" in loaded
    assert not {"ledger.cli.bulk", "ledger.cli.status", "apsw", "eventsourcing"} & loaded


@pytest.mark.parametrize("name", NAMES)
def test_every_command_of_the_table_can_be_asked_for_help(here: Run, name: str) -> None:
    ran = here(name, "--help")
    assert ran.returncode == 0
    assert ran.stdout.startswith(f"Usage: claims {name} ")


def every_command(group: click.Group = main, path: str = "claims") -> Iterator[tuple[str, click.Command]]:
    """Each command, those below others too, by what is typed for it."""
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from every_command(command, f"{path} {name}")


def test_help_says_of_every_option_that_may_be_repeated_that_it_may() -> None:
    told = {
        f"{path} {option.opts[-1]}": "repeatable" in (option.help or "").lower()
        for path, command in every_command()
        for option in command.params
        if isinstance(option, click.Option) and option.multiple
    }
    assert "claims status --flag" in told
    assert [option for option, is_told in told.items() if not is_told] == []


def test_help_offers_no_service_to_a_command_that_takes_the_file() -> None:
    takes_file = {"claims serve", "claims import"} | {f"claims token {verb}" for verb in ("create", "list", "revoke")}
    for path, command in every_command():
        for option in command.params:
            if option.name == "db" and path != "claims demo":
                assert isinstance(option, click.Option)
                assert ("a service that has it" in (option.help or "")) == (path not in takes_file), path
                assert (option.metavar == "PATH|URL") == (path not in takes_file), path


def test_help_says_which_exit_code_bad_lines_have(claims: Run) -> None:
    assert "exit code is that of the first" in " ".join(claims("append", "--help").stdout.split())


def test_help_names_every_command_with_a_line_of_its_own(claims: Run) -> None:
    lines = claims("--help").stdout.splitlines()
    for section, commands in COMMANDS.items():
        assert f"{section}:" in lines
        for name, (_, text) in commands.items():
            assert any(line.split(maxsplit=1) == [name, text] for line in lines)


# How it ends


def test_a_process_ends_with_the_code_of_its_error(leaking: Run, claims: Run) -> None:
    """Each code once for real; the tables below run without a process of their own."""
    ended = {
        0: ["status", "dam-leaks"],
        1: ["--db", "no/such/folder/x.db", "init"],
        2: ["status", "--bogus"],
        3: ["status", "no-such-claim"],
        4: ["retract", "e1", "--by", "A Stranger"],
        5: ["state", "dam-leaks", "--by", "Somebody Else", "--id", "e1"],
        6: ["state", "dam-leaks", "--by", "Ana", "--said-at", "yesterday"],
        7: ["--db", __file__, "status"],
    }
    for code, args in ended.items():
        ran = claims(*args)
        assert ran.returncode == code
        assert bool(ran.stdout) is (code == 0)
        assert (ran.stderr == "") if code == 0 else said_why(ran)


def test_it_ends_with_0_when_all_went_well(leaking: Run) -> None:
    ran = leaking("status", "dam-leaks")
    assert (ran.returncode, ran.stderr) == (0, "")


def test_it_ends_with_1_when_the_machine_fails(here: Run) -> None:
    ran = here("--db", "no/such/folder/x.db", "init")
    assert ran.returncode == 1
    assert "no/such/folder" in said_why(ran)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["bogus"], "there is no command 'bogus'"),
        (["statsu"], "did you mean status"),
        (["status", "--bogus"], "--bogus"),
        (["state", "dam-leaks"], "say who said it"),
        (["state", "dam-leaks", "--by", "Ana", "--unnamed", "somebody"], "one of --by"),
        (["state", "dam-leaks", "--unnamed", "somebody", "--kind", "state"], "leave --kind out"),
        (["state", "--by", "Ana"], "CLAIM"),
        (["deny", "dam-leaks", "--by", "Ana", "--form", "loud"], "loud"),
        (["assess", "dam-leaks", "--by", "Ana", "--low", ".3"], "--likely"),
        (["amend", "e1", "--set", "quote", "--why", "x"], "FIELD=VALUE"),
        (["amend", "e1", "--set", "a=1", "--set", "a=2", "--why", "x"], "set twice"),
        (["status", "dam-leaks", "--as-of", "999"], "999"),
        (["status", "dam-leaks", "--as-of", "yesterday"], "yesterday"),
        (["status", "dam-leaks", "--said-by", "3"], "'3' is no moment"),
        (["status", "--cursor", "9" * 5_000 + ":id:dam-leaks"], "is no cursor"),
        (["status", "--order", "newest", "--cursor", f"1:newest:{'9' * 23}:dam-leaks"], "is no cursor"),
        (["status", "--why"], "name it"),
        (["status", "dam-leaks", "--limit", "3"], "are of the board"),
        (["status", "--json", "--format", "ndjson"], "exclude each other"),
        (["log", "--follow", "--as-of", "1"], "--follow"),
        (["log", "--type", "rumour"], "'rumour' is no event type"),
        (["diff", "dam-leaks", "2024", "2025", "--said-by", "2023"], "--said-by"),
        (["diff", "dam-leaks", "2024", "3"], "B: '3' is no moment"),
        (["diff", "dam-leaks", "2", "3"], "the two are moments of the world; --axis recorded compares positions"),
        (["schema", "rumour"], "'rumour' is no event type"),
        (["append", "no-such-file"], "no-such-file"),
        (["export", "no/such/folder/x"], "no directory"),
        (["export", "claims.db"], "is a database"),
        (["status", "\udcff"], "not UTF-8"),
    ],
)
def test_it_ends_with_2_when_it_is_called_wrongly(leaking: Run, args: list[str], said: str) -> None:
    ran = leaking(*args)
    assert ran.returncode == 2
    assert said in said_why(ran)


def test_what_can_be_chosen_is_told_in_a_line(here: Run) -> None:
    ran = here("token", "create", "City desk")
    assert ran.returncode == 2
    assert "Choose from: read, append, curate, admin (see " in said_why(ran)


@pytest.mark.parametrize(
    "args",
    [
        ["status", "no-such-claim"],
        ["history", "no-such-claim"],
        ["provenance", "no-such-claim"],
        ["diff", "no-such-claim", "2024", "2025"],
        ["log", "no-such-claim"],
        ["show", "no-such-event"],
        ["show", "9" * 5_000],
        ["source", "No Such Source"],
        ["log", "--source", "No Such Source"],
        ["state", "no-such-claim", "--by", "Ana"],
        ["retract", "no-such-act", "--by", "Ana"],
        ["void", "no-such-event", "--why", "x"],
        ["--db", "no-such.db", "status"],
    ],
)
def test_it_ends_with_3_when_there_is_no_such_thing(leaking: Run, args: list[str]) -> None:
    ran = leaking(*args)
    assert ran.returncode == 3
    said_why(ran)


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["retract", "e1", "--by", "A Stranger"], "neither the speaker"),
        (["correct", "e1", "--by", "A Stranger", "--set", "quote=x"], "neither the speaker"),
        (["relate", "dam-leaks", "entails", "dam-leaks"], "itself"),
        (["register", "dam-leaks", "Again"], "registered already"),
        (["unrelate", "e1", "--why", "x"], "not a relation"),
    ],
)
def test_it_ends_with_4_when_a_rule_forbids_it(leaking: Run, args: list[str], said: str) -> None:
    ran = leaking(*args)
    assert ran.returncode == 4
    assert said in said_why(ran)


def test_it_ends_with_5_when_somebody_came_first(leaking: Run) -> None:
    assert leaking("deny", "dam-leaks", "--by", "Ministry", "--expected", "1").returncode == 5
    reused = leaking("state", "dam-leaks", "--by", "Somebody Else", "--id", "e1")
    assert reused.returncode == 5
    assert "'e1' is taken" in said_why(reused)


@pytest.mark.parametrize(
    ("args", "pointer"),
    [
        (["state", "Not A Slug", "--by", "Ana"], "/claims/0"),
        (["state", "dam-leaks", "--by", "Ana", "--said-at", "yesterday"], "/said_at"),
        (["assess", "dam-leaks", "--by", "Ana", "--likely", "quite"], "/likelihood/low"),
        (["amend", "e1", "--set", "colour=red", "--why", "x"], "/changes/colour"),
        (["amend", "e1", "--set", "type=denial", "--why", "x"], "/changes/type"),
        (["attach", "--url", "https://example.org"], "/claims"),
        (["deny", "--by", "Ana"], "/claims"),
    ],
)
def test_it_ends_with_6_when_the_event_is_none(leaking: Run, args: list[str], pointer: str) -> None:
    ran = leaking(*args)
    assert ran.returncode == 6
    assert f"claims: {pointer}" in said_why(ran)


def test_it_ends_with_7_when_the_file_is_no_ledger(here: Run, tmp_path: Path) -> None:
    (tmp_path / "claims.db").write_text("a shopping list")
    for args in (["status"], ["init"], ["state", "x", "--by", "Ana"], ["append", "-"]):
        ran = here(*args, stdin='{"type":"statement"}')
        assert ran.returncode == 7
        said_why(ran)
    assert (tmp_path / "claims.db").read_text() == "a shopping list"


def test_an_answer_that_the_records_do_not_bear_out_is_7(story: Path, tmp_path: Path) -> None:
    import apsw

    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(story.read_bytes())
    database = apsw.Connection(str(damaged))
    database.execute("DELETE FROM event_tag WHERE tag_id = (SELECT tag_id FROM tag WHERE name = 'claim:six-killed')")
    database.close()
    ran = subprocess.run([*CLAIMS, "--db", str(damaged), "replay"], env=environment(), capture_output=True, text=True)
    assert ran.returncode == 7
    assert "'officer-casualties' differs" in said_why(ran)


def test_it_ends_with_130_when_it_is_interrupted(story: Path) -> None:
    command = [*CLAIMS, "--db", str(story), "log", "--follow", "--format", "ndjson"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        for _ in range(63):  # all there is: from here on it waits
            running.stdout.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(10) == 130
        assert running.stderr.read() == b""


def test_an_interrupt_that_a_compressed_file_swallows_ends_it_with_130_all_the_same(
    here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> int:
        with suppress(KeyboardInterrupt):  # as what is written by way of another stream does
            signal.raise_signal(signal.SIGINT)
        raise ValueError("write to closed file")

    here("register", "dam", "The dam leaks")
    monkeypatch.setattr("ledger.cli.transfer._write", interrupted)
    ran = here("export", "all.ndjson.zst")
    assert (ran.returncode, ran.stderr) == (130, "")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_reader_that_hangs_up_ends_it_quietly(claims: Run, tmp_path: Path) -> None:
    lines = [{"type": "claim_registered", "claim": f"c{i}", "text": "word " * 100} for i in range(1_000)]
    assert claims("append", "-", stdin="\n".join(map(json.dumps, lines))).returncode == 0
    for form in ("table", "ndjson", "json"):
        command = [*CLAIMS, "log", "--format", form]
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as running:
            assert running.stdout is not None
            assert running.stderr is not None
            running.stdout.read(10)
            running.stdout.close()
            assert running.wait(30) == 0
            assert running.stderr.read() == b""


def test_an_unforeseen_failure_is_no_traceback_either(monkeypatch: pytest.MonkeyPatch) -> None:
    import ledger.cli.schema

    def fails(_: object) -> None:
        raise ZeroDivisionError("nobody thought of this")

    monkeypatch.setattr(ledger.cli.schema, "schema", fails)
    ran = CliRunner().invoke(main, ["schema"])
    assert ran.exit_code == 1
    assert ran.stderr.startswith("claims: ZeroDivisionError: nobody thought of this; this is a mistake in claims")


# What it leaves behind


@pytest.mark.parametrize("args", READING, ids=" ".join)
def test_reading_never_creates_a_file(here: Run, tmp_path: Path, args: list[str]) -> None:
    ran = here(*args)
    assert ran.returncode == (0 if args[0] == "append" else 3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("args", READING, ids=" ".join)
def test_reading_leaves_the_ledger_as_it_was(leaking: Run, tmp_path: Path, args: list[str]) -> None:
    before = (tmp_path / "claims.db").read_bytes()
    leaking(*args)
    assert (tmp_path / "claims.db").read_bytes() == before


def test_what_is_refused_leaves_no_new_file(here: Run, tmp_path: Path) -> None:
    assert here("state", "no-such-claim", "--by", "Ana").returncode == 3
    assert here("append", "-", stdin='{"type":"statement"}').returncode == 6
    assert here("import", "-", stdin="{}").returncode == 6
    assert list(tmp_path.iterdir()) == []


def test_the_ledger_is_named_by_the_command_else_before_it_else_by_the_environment(claims: Run, tmp_path: Path) -> None:
    claims("--db", "b.db", "init", "--db", "a.db", CLAIMS_DB="c.db")
    assert {path.name for path in tmp_path.iterdir()} == {"a.db"}
    claims("--db", "b.db", "init", CLAIMS_DB="c.db")
    claims("init", CLAIMS_DB="c.db")
    claims("init")
    assert {path.name for path in tmp_path.iterdir()} == {"a.db", "b.db", "c.db", "claims.db"}


# Terminals


def on_terminal(args: Iterable[str], columns: int, **extra: str) -> str:
    """What `claims` prints when its stdout is a terminal."""
    leader, follower = pty.openpty()
    env = environment(TERM="xterm", COLUMNS=str(columns), **extra)
    with subprocess.Popen([*CLAIMS, *args], env=env, stdout=follower, stderr=subprocess.PIPE) as running:
        os.close(follower)
        printed = b""
        try:
            while more := os.read(leader, 65536):
                printed += more
        except OSError as error:
            assert error.errno == errno.EIO  # noqa: PT017  the terminal was hung up: all was read
    os.close(leader)
    assert running.returncode == 0
    return printed.decode().replace("\r\n", "\n")


def test_colour_is_for_terminals_and_for_those_who_want_it(story: Path) -> None:
    asked = ["--db", str(story), "status", "six-killed"]
    assert "\x1b[1m" in on_terminal(asked, 100)
    assert "\x1b" not in on_terminal(asked, 100, NO_COLOR="1")
    piped = subprocess.run([*CLAIMS, *asked], env=environment(), capture_output=True, text=True, check=True)
    assert "\x1b" not in piped.stdout


def test_a_log_fits_a_narrow_terminal(story: Path) -> None:
    shown = on_terminal(["--db", str(story), "log"], 80, NO_COLOR="1")
    assert max(map(len, shown.splitlines())) <= 80


def test_a_bar_is_drawn_only_for_what_takes_time(story: Path, tmp_path: Path) -> None:
    ledger = tmp_path / "s.db"
    ledger.write_bytes(story.read_bytes())

    def talk(*args: str) -> str:
        leader, follower = pty.openpty()
        with subprocess.Popen([*CLAIMS, *args], env=environment(), stdout=subprocess.DEVNULL, stderr=follower) as ran:
            os.close(follower)
            said = b""
            with suppress(OSError):  # once the other end has gone
                while more := os.read(leader, 65536):
                    said += more
        os.close(leader)
        assert ran.returncode == 0
        return said.decode()

    assert "[####" in talk("--db", str(ledger), "replay", "--views")
    subprocess.run([*CLAIMS, "--db", str(ledger), "register", "new", "New"], env=environment(), check=True)
    assert talk("--db", str(ledger), "status", "--order", "newest") == ""


def test_tables_are_cut_to_a_terminal_and_nowhere_else(story: Path) -> None:
    asked = ["--db", str(story), "log"]
    shown = on_terminal(asked, 100, NO_COLOR="1")
    assert max(map(len, shown.splitlines())) <= 100
    assert "…" in shown
    piped = subprocess.run(
        [*CLAIMS, *asked], env=environment(COLUMNS="100"), capture_output=True, text=True, check=True
    )
    assert max(map(len, piped.stdout.splitlines())) > 200
    assert "…" not in piped.stdout


@pytest.mark.parametrize("asked", [["status"], ["status", "six-killed", "--why"], ["provenance", "kn23-teams"]])
def test_an_answer_fits_a_screen_of_100_columns(story: Path, asked: list[str]) -> None:
    lines = on_terminal(["--db", str(story), *asked], 100, NO_COLOR="1").splitlines()
    assert max(map(len, lines)) <= 100
    assert len(lines) <= 50


def test_what_others_wrote_cannot_steer_a_terminal(here: Run, tmp_path: Path) -> None:
    evil = "a\u202eb\u200b\ufeff\u2066c"
    here("register", "x", evil)
    here("state", "x", "--by", evil, "--quote", evil, "--id", "e1")
    database = str(tmp_path / "claims.db")
    for asked in (
        ["status"],
        ["status", "x", "--why"],
        ["log"],
        ["log", "--json"],
        ["show", "e1"],
        ["provenance", "x"],
    ):
        shown = on_terminal(["--db", database, *asked], 100, NO_COLOR="1")
        assert not set(evil) - set("abc") & set(shown)
    shown = on_terminal(["--db", database, "show", "e1", "--json"], 100)
    assert json.loads(shown)["event"]["quote"] == evil
    piped = here("show", "e1", "--json")
    assert evil in piped.stdout  # a machine gets the very bytes


def test_an_error_cannot_steer_a_terminal_either(leaking: Run) -> None:
    assert leaking("status", "\x1b[31mred\u202e").stderr.startswith("claims: no claim '\\")
    assert "\x1b" not in leaking("status", "x", "--as-of", "\x1b[31m").stderr


# The demo


def test_the_story_is_the_same_on_every_run(claims: Run) -> None:
    told = claims("demo")
    assert told.returncode == 0
    assert told.stderr == ""
    again = claims("demo", PYTHONHASHSEED="7", TZ="Asia/Pyongyang", LC_ALL="C", COLUMNS="60", LOGNAME="somebody")
    assert again.stdout == told.stdout
    assert max(map(len, told.stdout.splitlines())) <= 100


def test_the_story_tells_three_days_one_why_one_tree_and_two_clocks(here: Run) -> None:
    told = here("demo").stdout
    asked = [line.removeprefix("$ claims ") for line in told.splitlines() if line.startswith("$ claims ")]
    assert asked == [
        "status --said-by 2024-10-05",
        "status --said-by 2024-10-09",
        "status --said-by 2024-10-10",
        "status six-killed --why",
        "provenance kn23-teams",
        "status engineers-deployed --said-by 2024-10-09 --as-of 2024-10-12",
        "status engineers-deployed --said-by 2024-10-09 --as-of 2024-10-14",
        "diff engineers-deployed A16 A10-dated --axis recorded --said-by 2024-10-09",
    ]


@pytest.mark.parametrize(
    "asked",
    [
        ["status", "six-killed", "--why"],
        ["provenance", "kn23-teams"],
        ["status", "engineers-deployed", "--said-by", "2024-10-09", "--as-of", "2024-10-12"],
        ["status", "engineers-deployed", "--said-by", "2024-10-09", "--as-of", "2024-10-14"],
        ["diff", "engineers-deployed", "A16", "A10-dated", "--axis", "recorded", "--said-by", "2024-10-09"],
    ],
    ids=" ".join,
)
def test_the_story_shows_what_its_commands_print(here: Run, asked: list[str]) -> None:
    told = here("demo", "--db", "story.db").stdout
    assert here("--db", "story.db", *asked).stdout in told


def test_a_kept_story_can_be_told_again_but_not_into_another_ledger(leaking: Run) -> None:
    first, again = leaking("demo", "--db", "story.db"), leaking("demo", "--db", "story.db")
    assert first.returncode == 0
    assert first.stdout == again.stdout
    assert leaking("demo", "--db", "claims.db").returncode == 2
    elsewhere = leaking("demo", "--db", "http://127.0.0.1:1")
    assert elsewhere.returncode == 2
    assert "give the path of a new one" in elsewhere.stderr
    assert leaking("log", "--json").stdout.count('"position"') == 2


# -- streams that are closed or full -----------------------------------------------------------------------------------


def redirected(folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Runs `claims` as a shell does, with its streams sent elsewhere."""
    line = f"{shlex.join(CLAIMS)} {command}"
    return subprocess.run(["bash", "-c", line], cwd=folder, env=environment(), capture_output=True, text=True)


def positions(folder: Path) -> list[int]:
    with Ledger.open(folder / "claims.db") as ledger:
        return [record.position for record in ledger.events()]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_what_is_recorded_but_cannot_be_told_is_told_as_recorded(tmp_path: Path) -> None:
    for how in ("", " --json"):
        ran = redirected(tmp_path, f"state dam --by Ana --register{how} > /dev/full")
        assert ran.returncode == 1
        assert re.search(
            r"stdout cannot be written .*this is recorded, as \S+ at position \d.* do not repeat", ran.stderr
        )
    assert positions(tmp_path) == [1, 2, 3]
    (tmp_path / "more").write_text(
        "".join(f'{{"type":"claim_registered","claim":"c{n}","text":"x"}}\n' for n in range(1_500))
    )
    ran = redirected(tmp_path, "append more > /dev/full")
    assert (ran.returncode, "1,500 new" in ran.stderr, len(positions(tmp_path))) == (1, True, 1_503)
    ran = redirected(tmp_path, "token create desk --scope read > /dev/full")
    assert (ran.returncode, "claims token revoke desk" in ran.stderr) == (1, True)


def test_a_stream_that_is_closed_is_one_that_nobody_reads_and_where_nothing_comes_in(tmp_path: Path) -> None:
    commands = ("state dam --by Ana --register >&-", "log >&-", "log --json >&-", "export >&-", "import - <&-")
    for command in commands:
        ran = redirected(tmp_path, command)
        assert (ran.returncode, "mistake" in ran.stderr) == (0, False), command
    assert positions(tmp_path) == [1, 2]


def test_a_number_may_be_as_large_as_one_likes(leaking: Run) -> None:
    assert leaking("log", "--limit", "9" * 40).stdout == leaking("log").stdout


def test_what_is_attached_is_a_file(leaking: Run, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    ran = leaking("attach", "--claim", "dam-leaks", "--file", "pipe")
    assert (ran.returncode, "pipe is no file" in ran.stderr) == (2, True)
