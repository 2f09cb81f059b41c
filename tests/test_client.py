"""Is a ledger that lives elsewhere used as one that lives here: same verbs, answers and errors, nothing twice?"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from elsewhere import Told
from ledgers import ANN, registers, states
from remote import HEAD, asked
from served import served_here
from test_readme import console_steps

from ledger import (
    Assessment,
    Conflict,
    Entry,
    GroupCommit,
    IntegrityError,
    InvalidEvent,
    Ledger,
    LedgerError,
    Likelihood,
    NotFound,
    Receipt,
    Record,
    Retraction,
    UsageError,
    records,
)
from ledger.client import RemoteLedger
from ledger.client.reading import stored_of
from ledger.testing import by
from ledger.testing.contract import CONTRACT
from projections import board, provenance, sources, status, timeline

# -- the same answers --------------------------------------------------------------------------------------------------

CUTS: tuple[dict[str, Any], ...] = (
    {},
    {"said_by": "2024-10-09"},
    {"said_by": "2024-10-09", "as_of": "2024-10-12"},
    {"as_of": 62},
    {"as_of": "A12"},
    {"as_of": "2024-10-11T09:30:00Z", "said_by": "2024"},
)


@pytest.mark.parametrize("cuts", CUTS, ids=str)
def test_every_answer_is_the_one_that_the_file_gives(here: Ledger, elsewhere: Ledger, cuts: dict[str, Any]) -> None:
    whole = here.state(board, **cuts)
    assert elsewhere.state(board, **cuts) == whole
    for row in whole.claims:
        for projection in (status, provenance, timeline.said, timeline.recorded):
            answer = elsewhere.state(projection, row.claim, **cuts)
            assert answer == here.state(projection, row.claim, **cuts)
            assert type(answer) is type(here.state(projection, row.claim, **cuts))
    for source in ("dmitry-peskov", "a-source-in-ukraine@the-guardian"):
        assert elsewhere.state(sources, source, **cuts) == here.state(sources, source, **cuts)


@pytest.mark.parametrize(
    "ask",
    [
        lambda ledger, at: next(ledger.follow(after=at)),
        lambda ledger, at: list(ledger.events(after=at)),
        lambda ledger, at: list(ledger.tagged(["claim:x"], after=at)),
        lambda ledger, at: ledger.append(states("x"), expected=at),
        lambda ledger, at: ledger.state(status, "x", as_of=at),
    ],
    ids=["follow", "events", "tagged", "append", "state"],
)
def test_a_service_whose_ledger_has_another_history_is_told_from_the_one_before(
    kept: Ledger, desk: Ledger, ask
) -> None:
    with Ledger.open(":memory:") as before:
        for ledger, event_id in ((before, "lost"), (kept, "other")):
            ledger.append_all([registers("x"), Entry(event=states("x"), id=event_id), states("x")])
        with pytest.raises(UsageError, match="'lost' does not stand at position 2 here"):
            ask(desk, before.record("lost"))
    with suppress(Conflict):
        ask(desk, kept.record("other"))


class Count:
    """A projection of somebody's own."""

    def __init__(self, wants: Callable[[Any], Any] | None) -> None:
        if wants is not None:
            self.wants = wants

    def initial(self, question: Any) -> dict[str, Any]:
        return {"question": question, "records": []}

    def evolve(self, state: dict[str, Any], record: Record) -> dict[str, Any]:
        return state | {"records": [*state["records"], record]}


@pytest.mark.parametrize("cuts", CUTS, ids=str)
@pytest.mark.parametrize("wants", [None, lambda state: {"claim:six-killed", "id:A10", "act:A10"}], ids=["all", "tags"])
def test_a_projection_of_ones_own_is_folded_over_the_same_records(
    here: Ledger, elsewhere: Ledger, cuts: dict[str, Any], wants: Any
) -> None:
    answer = elsewhere.state(Count(wants), "six-killed", **cuts)
    assert answer == here.state(Count(wants), "six-killed", **cuts)
    assert answer["records"]


def test_a_source_is_asked_for_by_its_name(here: Ledger, elsewhere: Ledger) -> None:
    assert elsewhere.state(sources, "Dmitry Peskov") == here.state(sources, "dmitry-peskov")
    found = list(elsewhere.events(source="Dmitry Peskov"))
    assert found == list(here.events(source="dmitry-peskov")) != []
    for none in (".", "", "x" * 2_001):
        with pytest.raises(UsageError):
            elsewhere.events(source=none)
        with pytest.raises(UsageError):
            elsewhere.state(sources, none)
    with pytest.raises(NotFound, match="'ann-lee'"):
        elsewhere.state(sources, "Ann\nLee")


def test_who_wraps_a_reading_of_ours_is_not_taken_for_it(here: Ledger, elsewhere: Ledger) -> None:
    class Shouted:
        initial, evolve, wants = status.initial, status.evolve, status.wants

        @staticmethod
        def answer(state: Any) -> str:
            return status.answer(state).status.upper()

    assert elsewhere.state(Shouted, "six-killed") == "DISPUTED" == here.state(Shouted, "six-killed")


def test_more_tags_than_one_address_holds_are_read_as_one(here: Ledger, elsewhere: Ledger) -> None:
    nothing = [f"claim:{'x' * 90}-{n}" for n in range(300)]
    twice = ["claim:six-killed", *nothing, "source:the-article"]
    assert list(elsewhere.tagged(twice)) == list(here.tagged(twice)) != []
    assert list(elsewhere.tagged([*nothing, *(f"id:{record.id}" for record in here.events())])) == list(here.stored())


FILTERS: tuple[dict[str, Any], ...] = (
    {},
    {"claim": "six-killed"},
    {"source": "the-article"},
    {"claim": "six-killed", "source": "the-article"},
    {"types": ("denial", "assessment")},
    {"claim": "missiles-in-use", "types": ("denial",)},
    {"after": 10, "as_of": 20},
    {"after": 62},
    {"after": 63},
    {"claim": "nobody-registered-this"},
)


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_records_come_with_their_very_bytes(here: Ledger, elsewhere: Ledger, filters: dict[str, Any]) -> None:
    assert list(elsewhere.stored(**filters)) == list(here.stored(**filters))
    assert list(elsewhere.events(**filters)) == list(here.events(**filters))


def test_what_became_of_a_record_is_the_same(here: Ledger, elsewhere: Ledger) -> None:
    assert elsewhere.about("A10") == here.about("A10") == [here.record("A10-dated")]
    assert elsewhere.about("A10", as_of="A16") == here.about("A10", as_of="A16") == []
    for missing in ({"event_id": "nothing"}, {"event_id": "A10", "as_of": 3}):
        with pytest.raises(NotFound, match="there is no event"):
            elsewhere.about(**missing)


def test_a_record_and_the_head_are_the_same(here: Ledger, elsewhere: Ledger) -> None:
    assert elsewhere.record("A10") == here.record("A10")
    assert elsewhere.head == here.head == 63
    assert elsewhere.question("x", as_of="2024-10-12", said_by="2024") == here.question(
        "x", as_of="2024-10-12", said_by="2024"
    )


def test_a_line_is_taken_apart_as_it_was_put_together() -> None:
    for pair in ((1, b'{"id":"a","event":{}}'), (10**15, b'{"id":",\\"position\\":3","event":{}}')):
        assert stored_of(records.line(*pair)) == pair
    for line in (b"", b"1", b'{"position":x,"id":"a"}', b'{"id":"a","position":1}'):
        with pytest.raises(IntegrityError):
            stored_of(line)


# -- the same command line ---------------------------------------------------------------------------------------------


def readings() -> list[str]:
    """What the README asks of the seed."""
    asking = r"claims (status|history|provenance|diff|changes|log|source|show|replay(?! --(views|check))) ?[^|>&]*"
    return [command for command, _ in console_steps() if re.fullmatch(asking, command)]


def test_the_readme_asks_something_for_each_of_its_questions() -> None:
    assert len(readings()) >= 10


@pytest.mark.parametrize(
    "command",
    [
        *readings(),
        "claims status",
        "claims status --json",
        "claims status --format ndjson --limit 2",
        "claims status --order newest --status disputed --flag unnamed-only --json",
        "claims status --kind factual --source peskov --changed-since 2024-10-12",
        "claims status --cursor six-killed",
        "claims status six-killed --json",
        "claims status six-killed --said-by 2024-10-09 --json",
        "claims provenance kn23-teams --json",
        "claims history six-killed --axis recorded --json",
        "claims diff engineers-deployed A16 A10-dated --axis recorded --said-by 2024-10-09 --json",
        "claims changes 46",
        "claims changes 0 --as-of A10 --limit 4 --json",
        "claims changes 9999",
        "claims source afp --json",
        "claims source list",
        "claims source list --search korea --limit 2 --json",
        "claims source list --search '!!!'",
        "claims log --format ndjson",
        "claims log --json --limit 3",
        "claims log six-killed --source the-article --type statement --as-of 60",
        "claims show A10",
        "claims show 3 --json",
        "claims show A10 --json",
        "claims export",
        "claims replay --projection provenance --json",
        "claims status nobody-registered-this",
        "claims show nothing",
        "claims source nobody",
        "claims log nobody-registered-this",
        "claims status --as-of 9999",
        "claims status --said-by yesterday",
        "claims status --status odd",
    ],
)
def test_every_command_prints_of_a_url_what_it_prints_of_the_file(seed: tuple[str, str], command: str) -> None:
    args = shlex.split(command.partition("#")[0])[1:]
    of_file, of_url = (asked(db, *args) for db in seed)
    assert (of_url.stdout, of_url.exit_code) == (of_file.stdout, of_file.exit_code), of_url.stderr


def test_what_is_recorded_by_command_stands_there(url: str) -> None:
    for args in (
        ("register", "dam", "The dam leaks"),
        ("state", "dam", "--by", "Ana", "--id", "S1"),
        ("retract", "S1", "--by", "Ana"),
        ("deny", "dam", "--by", "Bo", "--id", "D1"),
    ):
        ran = asked(url, *args)
        assert ran.exit_code == 0, ran.stderr
    assert "denied" in asked(url, "status", "dam").stdout
    assert asked(url, "state", "dam", "--by", "Cy", "--id", "S1").exit_code == Conflict.exit_code
    assert asked(url, "state", "dry", "--by", "Cy").exit_code == NotFound.exit_code
    assert asked(url, "state", "dam", "--by", "Cy", "--expected", "0").exit_code == Conflict.exit_code
    named = asked(url, "state", "dam", "--by", "Cy", "--recorded-by", "me")
    assert (named.exit_code, "token" in named.stderr) == (InvalidEvent.exit_code, True)


def test_a_file_of_events_goes_in_whole_or_not_at_all(url: str, tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    lines = [
        {"type": "statement", "claims": [f"c{n}"], "chain": [{"name": "Ann"}], "id": f"s{n}"} for n in range(1_100)
    ]
    bad = {"type": "statement", "claims": ["no slug"], "chain": [{"name": "Ann"}]}
    file.write_text("\n".join(map(json.dumps, [*lines[:2], bad])))
    ran = asked(url, "append", "--register", str(file))
    assert (ran.exit_code, "line 3: /claims/0" in ran.stderr) == (InvalidEvent.exit_code, True)
    assert asked(url, "log", "c0").exit_code == NotFound.exit_code
    file.write_text("\n".join(map(json.dumps, lines)))
    assert "1,100 good lines; nothing was written" in asked(url, "append", "--register", "--dry-run", str(file)).stderr
    assert "1,100 new, 0 already there" in asked(url, "append", "--register", str(file)).stderr
    assert "0 new, 1,100 already there" in asked(url, "append", "--register", str(file)).stderr


def test_a_log_is_followed_by_command(url: str) -> None:
    with Ledger.open(url) as ledger:
        following = ["log", "--follow", "--format", "ndjson", "--type", "statement", "--after", str(ledger.head)]
        command = [sys.executable, "-m", "ledger.cli", "--db", url, *following]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as log:
            assert log.stdout is not None
            try:
                for n in range(3):
                    ledger.append(states("followed"), id=f"followed-{n}", register=True)
                    assert log.stdout.readline() == records.line(*list(ledger.stored())[-1]) + b"\n"
            finally:
                log.terminate()


@pytest.mark.parametrize("command", [("serve",), ("replay", "--views"), ("replay", "--check"), ("import", "-")])
def test_what_needs_the_file_says_so(seed: tuple[str, str], command: tuple[str, ...]) -> None:
    ran = asked(seed[1], *command)
    assert (ran.exit_code, "the ledger's file" in ran.stderr) == (UsageError.exit_code, True)


# -- the same verbs that write -----------------------------------------------------------------------------------------

#: What these promise of an event's own recorder, or of times that are brought, a service leaves to nobody.
OWN_ENVELOPES = {
    "_a_batch_stands_at_consecutive_positions_as_it_was_given",
    "_the_same_id_comes_back_as_the_first_receipt",
    "_an_answer_knows_what_was_recorded_by_its_cut",
    "_whatever_is_about_a_claim_is_found_by_it",
    "_what_is_loaded_keeps_its_id_and_its_time",
}
PROMISES = [check for check in CONTRACT if check.__name__ not in OWN_ENVELOPES]


@pytest.mark.parametrize("check", PROMISES, ids=lambda check: check.__name__.strip("_"))
def test_it_keeps_the_promises_of_a_ledger(desk: Ledger, check: Callable[[Ledger], None]) -> None:
    check(desk)


class WrittenPast(RemoteLedger):
    """Reads from a service, and writes past it, with envelopes of its own."""

    def __init__(self, url: str, kept: Ledger) -> None:
        super().__init__(url)
        self.append, self.append_all, self.load = kept.append, kept.append_all, kept.load  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "check",
    [check for check in CONTRACT if check.__name__ in OWN_ENVELOPES],
    ids=lambda check: check.__name__.strip("_"),
)
def test_it_reads_what_others_write(kept: Ledger, check: Callable[[Ledger], None]) -> None:
    with served_here(kept) as url, WrittenPast(url, kept) as ledger:
        check(ledger)


def test_a_receipt_tells_where_an_event_stands(desk: Ledger) -> None:
    receipts = desk.append_all([registers("x"), Entry(event=states("x"), id="said")])
    assert [(one.position, one.replayed) for one in receipts] == [(1, False), (2, False)]
    assert [record.id for record in desk.events()] == [receipts[0].id, "said"]
    again = desk.append(states("x"), id="said")
    assert again == msgspec.structs.replace(receipts[1], replayed=True)
    weighed = Assessment(claims=("x",), chain=ANN, likelihood=Likelihood(term="likely", scale="icd203"))
    assert desk.record(desk.append(weighed).id).event.likelihood.low == 0.55  # type: ignore[union-attr]


def bad_calls() -> dict[str, Callable[[Ledger], Any]]:
    """What both must refuse alike."""
    taken = Entry(event=states("x"), id="said")
    return {
        "a claim that is not registered": lambda ledger: ledger.append(states("y")),
        "an event that is none": lambda ledger: ledger.append_all([registers("z"), states("no slug")]),
        "no event at all": lambda ledger: ledger.append(None),  # type: ignore[arg-type]
        "an id that is none": lambda ledger: ledger.append(states("x"), id=""),
        "an id that is taken": lambda ledger: ledger.append_all(
            [registers("z"), Entry(event=states("x", note="n"), id="said")]
        ),
        "a stranger's retraction": lambda ledger: ledger.append_all(
            [taken, Retraction(act="said", chain=(by("Zed"),))]
        ),
        "a target that is not there": lambda ledger: ledger.append(Retraction(act="gone", chain=ANN)),
        "what was overtaken": lambda ledger: ledger.append(states("x", note="n"), expected=1),
        "an expectation past the head": lambda ledger: ledger.append(states("x", note="n"), expected=99),
        "an expectation that is none": lambda ledger: ledger.append(states("x"), expected="1"),  # type: ignore[arg-type]
        "an empty batch": lambda ledger: ledger.append_all([]),
        "an event alone": lambda ledger: ledger.append_all(states("x")),  # type: ignore[arg-type]
        "an event alone, to be checked": lambda ledger: list(ledger.check(states("x"))),  # type: ignore[arg-type]
        "a batch too large": lambda ledger: ledger.append_all([states("x")] * 1_001),
        "an event that is not there": lambda ledger: ledger.record("gone"),
        "a claim that is not there": lambda ledger: ledger.state(status, "gone"),
        "a source that is not there": lambda ledger: ledger.state(sources, "gone"),
        "a claim without a name": lambda ledger: ledger.state(status, ""),
        "a reading of a claim, about none": lambda ledger: ledger.state(status),
        "the board of a claim": lambda ledger: ledger.state(board, "x"),
        "a cut past the head": lambda ledger: ledger.state(status, "x", as_of=99),
        "a cut that is none": lambda ledger: ledger.state(status, "x", as_of="yesterday"),
        "a cut of another kind": lambda ledger: ledger.state(status, "x", as_of=1.5),  # type: ignore[arg-type]
        "a truth for a cut": lambda ledger: ledger.state(status, "x", as_of=True),
        "a position for a moment of the world": lambda ledger: ledger.state(status, "x", said_by=1),
        "a type that is none": lambda ledger: ledger.events(types=("nonsense",)),
        "a text for a list of types": lambda ledger: ledger.events(types="statement"),
        "a place past the head": lambda ledger: next(ledger.follow(after=99)),
        "a place that is none": lambda ledger: next(ledger.follow(after="x")),  # type: ignore[arg-type]
        "what is no text": lambda ledger: ledger.state(status, "\udcff"),
        "what is no text, either": lambda ledger: list(ledger.events(claim="\udcff")),
    }


@pytest.mark.parametrize("call", bad_calls().values(), ids=bad_calls())
def test_what_is_refused_is_refused_alike(alike: tuple[Ledger, Ledger], call: Callable[[Ledger], Any]) -> None:
    errors = []
    for ledger in alike:
        with pytest.raises(LedgerError) as caught:
            call(ledger)
        error = caught.value
        told = {name: getattr(error, name, None) for name in ("index", "pointer", "reason", "positions", "head")}
        errors.append((type(error), told))
    assert errors[0] == errors[1]
    assert alike[1].head == 2


def test_a_check_tells_of_every_event_and_writes_nothing(alike: tuple[Ledger, Ledger]) -> None:
    entries = [registers("y"), states("no slug"), states("y"), states("gone"), Retraction(act="gone", chain=ANN)]
    for some in (entries, [*entries, *([states("y")] * 1_000)]):
        found = [[(type(e), e.index, str(e)) for e in ledger.check(some)] for ledger in alike]
        assert found[0] == found[1]
        assert [index for _, index, _ in found[0]] == [1, 3, 4]
    assert not list(alike[1].check([states("gone")], register=True))
    assert alike[1].head == 2


def test_who_records_is_told_by_the_token_alone(desk: Ledger) -> None:
    with pytest.raises(InvalidEvent) as caught:
        desk.append_all([registers("x"), Entry(event=registers("y"), recorded_by="me")])
    assert (caught.value.index, caught.value.pointer) == (1, "/recorded_by")
    assert [error.index for error in desk.check([Entry(event=registers("y"), recorded_by="me")])] == [0]
    for more in ({"recorded_by": "me"}, {"clock": time.time}):
        with pytest.raises(UsageError, match="token"):
            Ledger.open(desk.name, **more)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="import them there"):
        desk.load([])
    with Ledger.open(desk.name, read_only=True) as reading, pytest.raises(UsageError, match="reading only"):
        reading.append(registers("x"))
    assert desk.head == 0


def test_batches_that_hang_on_nothing_are_answered_each(desk: Ledger) -> None:
    good, bad = desk.batch([registers("x"), states("x")]), desk.batch([states("y")])
    answers = list(desk.append_each([good, bad, desk.batch([states("x")], expected=0)]))
    assert isinstance(answers[0], list) and [one.position for one in answers[0]] == [1, 2]
    assert [type(one) for one in answers[1:]] == [NotFound, Conflict]
    with GroupCommit(desk) as writer:
        assert writer.submit([states("x")]).result().pop().position == 3


def test_many_threads_append_by_one_ledger(desk: Ledger) -> None:
    receipts: list[Receipt] = []

    def append(n: int) -> None:
        receipts.extend(desk.append(states(f"c{n}"), register=True) for _ in range(5))

    threads = [threading.Thread(target=append, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({receipt.position for receipt in receipts}) == len({receipt.id for receipt in receipts}) == 40
    assert desk.head == 48


# -- the ledger as an object -------------------------------------------------------------------------------------------

VERBS: dict[str, Callable[[Ledger], Any]] = {
    "head": lambda ledger: ledger.head,
    "append": lambda ledger: ledger.append(registers("x")),
    "check": lambda ledger: list(ledger.check([registers("x")])),
    "state": lambda ledger: ledger.state(status, "x"),
    "record": lambda ledger: ledger.record("x"),
    "events": lambda ledger: list(ledger.events()),
    "tagged": lambda ledger: list(ledger.tagged({"claim:x"})),
    "follow": lambda ledger: next(ledger.follow()),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_closed_ledger_refuses_every_verb(verb: str) -> None:
    with Told(HEAD) as told:
        with Ledger.open(told.url) as ledger:
            pass
        ledger.close()
        with pytest.raises(UsageError, match="is closed"):
            VERBS[verb](ledger)
        assert not told.asked


FORKING = """
import os, sys
from test_client import VERBS, Ledger, UsageError

with Ledger.open(sys.argv[1]) as ledger:
    assert ledger.head == 0
    child = os.fork()
    if not child:
        for name, verb in VERBS.items():
            try:
                verb(ledger)
            except UsageError as error:
                print(name, str(error).partition(" was opened ")[2], flush=True)
        os._exit(0)
    os.waitpid(child, 0)
    print(ledger.head)
"""


def test_it_refuses_after_a_fork_and_serves_its_parent_on() -> None:
    with Told(HEAD) as told:
        command = [sys.executable, "-c", FORKING, told.url]
        ran = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent, check=True)
    refusal = "before a fork; open it again in the new process"
    assert ran.stdout.splitlines() == [*(f"{verb} {refusal}" for verb in VERBS), "0"]
    assert len(told.asked) == 2


def test_a_ledger_is_named_by_where_it_lives() -> None:
    for given in ("http://127.0.0.1:8000", "http://127.0.0.1:8000/", "HTTP://127.0.0.1:8000"):
        with Ledger.open(given) as ledger:
            assert ledger.name == "http://127.0.0.1:8000"
    with Ledger.open("https://desk.example/ledger/") as ledger:
        assert ledger.name == "https://desk.example/ledger"


def test_the_library_of_the_client_is_asked_for_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("ledger.client")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(UsageError, match=r"claim-ledger\[client\]"):
        Ledger.open("http://127.0.0.1:8000")
