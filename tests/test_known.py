"""Is enough read of a ledger to decide on an event, found again by what comes later, and not asked for twice?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from proposals import ANN, SAID, STATED, X, Y, allow, amend, claims, correct, named, refuse, retract, states, void

from ledger import (
    ActGraded,
    ClaimRegistered,
    Denial,
    Entry,
    EvidenceAttached,
    Ledger,
    LedgerError,
    NotFound,
    RecordAmended,
    RecordVoided,
    RelationWithdrawn,
    SourceRelated,
    clerk,
    intake,
    rules,
    saying,
    when,
)
from ledger.clerk import Clerk
from ledger.events import Event
from ledger.known import Known
from ledger.records import Record
from ledger.testing import Author
from ledger.testing.author import as_record

LATER = datetime(2025, 1, 1, tzinfo=UTC)

# -- what an event owes to its targets -------------------------------------------------------------------------------


def found(after: Sequence[Event | Entry], *, claim: str) -> set[str]:
    return {record.id for record in allow(after=after).ledger.events(claim=claim) if len(record.id) < 30}


@pytest.mark.parametrize(
    ("events", "x", "y"),
    [
        ([void("s", "v")], "s v", ""),
        ([void("s", "v"), void("v", "v2")], "s v v2", ""),
        ([retract("s", "Ann", event_id="r"), retract("r", "Ann", event_id="r2")], "s r r2", ""),
        ([named("e", EvidenceAttached(act="s", claims=("y",)))], "s e", "e"),
        ([named("d", Denial(acts=("s",), claims=("y",), chain=ANN)), void("d", "v")], "s d v", "d v"),
        ([named("g", ActGraded(act="s", grade=1)), void("g", "v")], "s g v", ""),
        ([amend("s", "a", claims=["y"])], "s a", "a"),
        ([correct("s", "Ann", "c", claims=["y"])], "s c", "c"),
        ([amend("s", "a", possible_claims=["y"]), void("s", "v")], "s a v", "a v"),
        ([correct("s", "Ann", "c", claims=["y"]), void("s", "v")], "s c v", "c v"),
        ([amend("s", "a", claims=["y"]), retract("s", "Ann", event_id="r"), void("r", "v")], "s a r v", "a r v"),
        ([amend("s", "a", note="n"), amend("a", "b", changes={"claims": ["y"]}), void("b", "v")], "s a b v", "b v"),
        ([amend("s", "a", note="n"), amend("a", "b", changes={"claims": ["y"]}), void("s", "v")], "s a b v", "b v"),
        ([correct("s", "Ann", "c", note="n"), amend("c", "a", changes={"claims": ["y"]})], "s c a", "a"),
        ([states("t", "y"), void("s", "v"), void("v", "w")], "s v w", "t"),
    ],
)
def test_what_is_about_an_act_is_found_by_its_claims_old_and_new(events: list[Entry], x: str, y: str) -> None:
    assert found([*STATED, *events], claim="x") == set(x.split())
    assert found([*STATED, *events], claim="y") == set(y.split())


def test_what_moves_from_one_act_to_another_is_found_by_the_claims_of_both() -> None:
    both = [X, Y, states("t", "y"), states("s", "x")]
    for about_s, change in (
        (void("s", "m"), {"target": "t"}),
        (retract("s", "Ann", event_id="m"), {"act": "t"}),
        (correct("s", "Ann", "m", note="n"), {"act": "t"}),
        (amend("s", "m", note="n"), {"target": "t"}),
        (named("m", Denial(acts=("s",), chain=ANN)), {"acts": ["t"]}),
        (named("m", ActGraded(act="s", grade=1)), {"act": "t"}),
        (named("m", EvidenceAttached(act="s")), {"act": "t"}),
    ):
        moved = [*both, about_s, amend("m", "a", **change), void("a", "v")]
        assert found(moved, claim="x") == {"s", "m", "a", "v"}
        assert found(moved, claim="y") == {"t", "a", "v"}


def test_a_correction_that_was_moved_takes_its_claims_along() -> None:
    both = [X, Y, states("t", "x"), states("s", "x"), correct("s", "Ann", "c", claims=["y"])]
    moved = [*both, amend("c", "a", act="t"), void("t", "v")]
    assert found(moved, claim="y") == {"c", "a", "v"}


def test_what_is_about_a_relation_is_found_where_relations_are() -> None:
    """Relations of claims carry no `claim:` tag, so that a claim's log is not that of its neighbours."""
    known = Known()
    scene = allow(
        X, Y, claims("entails", "x", "y", "r"), named("w", RelationWithdrawn(target="r", why="w")), void("w", "v")
    )
    tags = {}
    for record in scene.ledger.events():
        tags[record.id] = set(rules.decide(record.event, record.id, known, record.recorded_us))
        known.add(record)
    for event_id in ("r", "w", "v"):
        assert {"relation:claim:x", "relation:claim:y"} <= tags[event_id]
    assert {"act:r", "act:w"} <= tags["v"]


# -- chains of changes -----------------------------------------------------------------------------------------------


def chained(link: Callable[[str, str], Entry], length: int) -> list[Event | Entry]:
    return [X, states("e0", "x"), *(link(f"e{n}", f"e{n + 1}") for n in range(length))]


def amend_on(target: str, event_id: str) -> Entry:
    return amend(target, event_id, **({"note": "n"} if target == "e0" else {"why": "why not"}))


def retract_on(act: str, event_id: str) -> Entry:
    return retract(act, "Ann", event_id=event_id)


@pytest.mark.parametrize("link", [void, amend_on, retract_on])
def test_so_many_events_are_about_one_another_and_no_more(link: Callable[[str, str], Entry]) -> None:
    """Each is settled again for every one above it, so that an endless chain would stop the ledger."""
    longest = chained(link, rules.MAX_DEPTH)
    refuse(link(f"e{rules.MAX_DEPTH}", "more"), "more than 20 events would be about one another", after=longest)
    allow(link("e0", "beside") if link is not void else states("beside", "x"), after=longest)


def test_nor_by_amendments_that_move_them() -> None:
    """Retractions of one act, each moved to be of the one before it."""
    events = chained(lambda _, event_id: retract("e0", "Ann", event_id=event_id), rules.MAX_DEPTH + 1)
    moves = [amend(f"e{n + 1}", f"m{n}", act=f"e{n}") for n in range(1, rules.MAX_DEPTH + 1)]
    refuse(moves[-1], "more than 20 events would be about one another", after=[*events, *moves[:-1]])


@pytest.mark.parametrize("length", [1, 2, 3, 19, 20])
def test_of_a_chain_of_voids_the_first_word_is_settled_by_the_last(length: int) -> None:
    chain = chained(void, length)
    if length % 2:
        refuse(retract("e0", "Ann"), "'e0' was voided", after=chain)
    else:
        allow(retract("e0", "Ann"), after=chain)


def test_a_clerk_voids_nothing_that_came_later_and_ends_whatever_it_is_given() -> None:
    """No rule lets such records in, but a log may come from elsewhere."""
    clerk = Clerk()
    events = {
        "v": void("s").event,
        "s": states("s", "x").event,
        "a": amend("b", why="w").event,
        "b": amend("a", why="w").event,
    }
    for position, (event_id, event) in enumerate(events.items(), 1):
        clerk.add(Record(position=position, id=event_id, recorded_at=LATER, recorded_by="nobody", event=event))
    assert [record.id for record in clerk.settled()] == list(events)
    assert clerk.effective("s") == clerk.by_id["s"]


# -- what is read is enough ------------------------------------------------------------------------------------------

ABOUT_OTHERS = (
    "record_amended",
    "record_voided",
    "retraction",
    "correction",
    "relation_withdrawn",
    "source_related",
    "claims_related",
    "denial",
)


@pytest.mark.parametrize("seed", range(12))
def test_what_is_read_by_tags_decides_as_all_there_is_would(seed: int) -> None:
    """Events of one random ledger are proposed to another, where most of them are about something else."""
    held, proposed = Author(Random(seed)), Author(Random(seed + 1_000))
    for author in (held, proposed):
        author.write(20)
        author.write(60, *ABOUT_OTHERS)
    known = Known()
    with Ledger.open(":memory:", clock=lambda: LATER) as ledger:
        for _ in ledger.load(held.written):
            pass
        for record in ledger.events():
            known.add(record)
        decided = set()
        for number, (entry, _) in enumerate(proposed.written):
            by_all, by_tags = (
                outcome_of_all(known, entry.event, f"p{number}"),
                outcome(ledger, entry.event, f"p{number}"),
            )
            assert by_tags == by_all
            decided.add(by_all.partition(":")[0])
            if by_all == "accepted":
                known.add(ledger.record(f"p{number}"))
        assert {"accepted", "Refused"} <= decided


@pytest.mark.parametrize("seed", range(12))
def test_what_is_remembered_decides_as_what_is_read_anew_would(seed: int) -> None:
    """What hangs together is kept up as changes come in, most of which are about the same few records."""
    author = Author(Random(seed))
    author.write(6)
    author.write(90, *ABOUT_OTHERS[:4])
    proposed = [entry.event for entry, _ in author.written[6:]]
    held = [as_record(position, *one) for position, one in enumerate(author.written, 1)]
    known = Known()
    for number, record in enumerate(held):
        for event in (record.event, Random(number).choice(proposed)):
            anew = Known()
            for one in held[:number]:
                anew.add(one)
            assert known.wants([event]) >= anew.wants([event])  # more, where more hangs together than was asked for
            assert tags_or_why(known, event, record.id) == tags_or_why(anew, event, record.id)
        known.add(record)


def tags_or_why(known: Known, event: Event, event_id: str) -> set[str] | str:
    try:
        return set(rules.decide(event, event_id, known, when.micros(LATER)))
    except LedgerError as error:
        return f"{type(error).__name__}: {error}"


def outcome(ledger: Ledger, event: Event, event_id: str) -> str:
    try:
        ledger.append(event, id=event_id)
    except LedgerError as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"


def outcome_of_all(known: Known, event: Event, event_id: str) -> str:
    try:
        rules.decide(event, event_id, known, when.micros(LATER))
    except LedgerError as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"


@pytest.mark.parametrize("change", [amend("s", claims=["fresh"]), correct("s", "Ann", claims=["fresh"])])
def test_nothing_is_registered_with_a_change_and_nobody_is_told_that_it_could_be(change: Entry) -> None:
    scene = allow(after=SAID)
    with pytest.raises(NotFound, match=r"'fresh' is not registered; register it first \(`claims register`\)$"):
        scene.ledger.append_all([change], register=True)


# -- how much is asked ------------------------------------------------------------------------------------------------


def asked_for(events: Sequence[Event | Entry], monkeypatch: pytest.MonkeyPatch) -> int:
    """How often it is asked what is left of a record until these were decided on."""
    asked, effective = 0, Clerk.effective

    def counted(*args: Any) -> Any:
        nonlocal asked
        asked += 1
        return effective(*args)

    with monkeypatch.context() as patched, Ledger.open(":memory:") as ledger:
        patched.setattr(Clerk, "effective", counted)
        assert list(ledger.check(events)) == []
    return asked


def chain_of_amendments(number: int) -> list[Entry]:
    """An amendment of the act, an amendment of that, and so on: each gives the act another note."""
    links, changes = [], {"note": f"{number}"}
    for depth in range(6):
        target = "s" if depth == 0 else f"a{number}-{depth - 1}"
        links.append(amend(target, f"a{number}-{depth}", **changes))
        changes = {"changes": changes}
    return links


@pytest.mark.parametrize(
    "about",
    [
        lambda n: [correct("s", "Ann", f"c{n}", note=f"{n}")],
        lambda n: [amend("s", f"a{n}", note=f"{n}")],
        chain_of_amendments,
    ],
)
def test_of_many_changes_of_an_act_each_is_built_on_the_last(
    about: Callable[[int], list[Entry]], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, change = 0, intake.changed

    def counted(*args: Any) -> Any:
        nonlocal made
        made += 1
        return change(*args)

    def asked(count: int) -> int:
        nonlocal made
        made = 0
        changes = [one for number in range(count) for one in about(number)]
        with monkeypatch.context() as patched, Ledger.open(":memory:") as ledger:
            ledger.append_all(SAID)
            for room in (saying, clerk):
                patched.setattr(room, "changed", counted)
            assert list(ledger.check(changes)) == []
        return made

    assert 0 < asked(40) <= 2.2 * asked(20)


@pytest.mark.parametrize(
    "about",
    [
        lambda n: RecordAmended(target=f"r{n}", changes={"text": "Another."}, why="w"),
        lambda n: RecordVoided(target=f"r{n}", why="w"),
        lambda n: SourceRelated(from_=f"s{n}", to="gov", relation="speaks_for"),
    ],
    ids=["amended", "voided", "related"],
)
def test_a_batch_twice_as_long_asks_twice_as_much(
    about: Callable[[int], Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    def of(count: int) -> list[Event | Entry]:
        registers = [named(f"r{n}", ClaimRegistered(claim=f"c{n}", text="The claim.")) for n in range(count)]
        return [*registers, *map(about, range(count))]

    assert 0 < asked_for(of(200), monkeypatch) <= 2.2 * asked_for(of(100), monkeypatch)
