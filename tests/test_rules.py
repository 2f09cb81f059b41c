"""May this be appended here? Every rule with what it refuses, and beside it the near miss that it lets pass."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from proposals import (
    AFP,
    ANN,
    SAID,
    STATED,
    X,
    Y,
    allow,
    amend,
    claims,
    correct,
    named,
    refuse,
    retract,
    sources,
    states,
    void,
)

from ledger import (
    ActGraded,
    Assessment,
    ClaimRegistered,
    ClaimReworded,
    ClaimsRelated,
    Correction,
    Denial,
    Entry,
    EvidenceAttached,
    InvalidEvent,
    Ledger,
    Likelihood,
    Link,
    NotFound,
    RecordAmended,
    RecordVoided,
    Refused,
    RelationWithdrawn,
    Retraction,
    RulingRecorded,
    SourceGraded,
    SourceRegistered,
    Statement,
)
from ledger.events import Event
from ledger.testing import by

# -- claims ----------------------------------------------------------------------------------------------------------

NAMES_X: list[Event] = [
    Statement(claims=("x",), chain=(AFP,)),
    Statement(claims=("y", "x"), chain=(AFP,)),
    Statement(claims=("y",), chain=(AFP,), possible_claims=("x",)),
    Denial(claims=("x",), chain=(AFP,)),
    Assessment(claims=("x",), chain=(AFP,), verdict="true"),
    ClaimReworded(claim="x", text="X!", why="clearer"),
    RulingRecorded(claim="x", ruling="confirmed", by="a court", reasons="heard"),
    ClaimsRelated(from_="x", to="y", relation="entails"),
    ClaimsRelated(from_="y", to="x", relation="negates"),
    EvidenceAttached(claims=("x",)),
]


@pytest.mark.parametrize("event", NAMES_X)
def test_a_claim_is_registered_before_anything_is_about_it(event: Event) -> None:
    option = "`--register`, " if isinstance(event, Statement | Denial | Assessment) else ""  # which their commands have
    ways = rf"register it first \(`claims register`\), or append with register=True \({option}`\?register=true`\)"
    refuse(event, f"claim 'x' is not registered; {ways}", after=[Y], error=NotFound)
    allow(Y, X, event)


@pytest.mark.parametrize("event", NAMES_X)
def test_or_in_the_same_append(event: Event) -> None:
    with Ledger.open(":memory:") as ledger:
        receipt = ledger.append(event, register=True)
        registered = [r.event for r in ledger.events(types=["claim_registered"])]
        assert ClaimRegistered(claim="x", text="x") in registered
        assert receipt.position == ledger.head == len(registered) + 1


def test_a_claim_is_registered_once() -> None:
    refuse(ClaimRegistered(claim="x", text="again"), "'x' is registered already; `claims reword`", after=[X])
    allow(X, Y)


def test_a_claim_whose_registration_was_voided_is_registered_no_longer_and_may_be_again() -> None:
    voided = [named("reg", X), void("reg", "v")]
    refuse(states("s", "x"), "'x' is not registered", after=voided, error=NotFound)
    allow(ClaimRegistered(claim="x", text="again"), states("s", "x"), after=voided)
    refuse(ClaimRegistered(claim="x", text="again"), "registered already", after=[*voided, void("v")])
    allow(states("s", "x"), after=[*voided, void("v")])


def test_a_void_that_is_read_before_the_registration_it_voids_counts_all_the_same() -> None:
    scene = allow(Y, states("s", "y"), named("reg", X), void("reg", "v"))
    scene.when(amend("v", why="another slip"), amend("s", claims=["x"])).refused(NotFound, "'x' is not registered")


def test_a_void_that_was_moved_to_a_registration_voids_it() -> None:
    moved = [named("reg", X), Y, states("s", "y"), void("s", "v"), amend("v", target="reg")]
    refuse(states("t", "x"), "'x' is not registered", after=moved, error=NotFound)
    allow(states("t", "y"), retract("s", "Ann"), after=moved)


# -- relations -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("relation", ["negates", "entails", "same_as"])
def test_a_claim_is_not_related_to_itself(relation: Any) -> None:
    refuse(claims(relation, "x", "x"), "'x' cannot be related to itself", after=[X])
    allow(claims(relation, "x", "y"), claims(relation, "x", "y"), claims(relation, "y", "x"), after=[X, Y])


@pytest.mark.parametrize("relation", ["speaks_for", "member_of", "same_as", "republishes", "independent_of"])
def test_a_source_is_not_related_to_itself(relation: Any) -> None:
    refuse(sources(relation, "ann", "ann"), "'ann' cannot be related to itself", after=[])
    allow(sources(relation, "ann", "bo"), sources(relation, "bo", "cy"), sources(relation, "cy", "ann"))


def test_nor_does_an_amendment_relate_it_to_itself() -> None:
    refuse(amend("r", to="x"), "cannot be related to itself", after=[X, Y, claims("entails", "x", "y", "r")])
    refuse(amend("r", to="ann"), "cannot be related to itself", after=[sources("same_as", "ann", "bo", "r")])


SPEAKS = sources("speaks_for", "ann", "gov", "r")


@pytest.mark.parametrize("principal", ["un", "gov"])
def test_a_source_speaks_for_one_principal_at_a_time(principal: str) -> None:
    second = sources("speaks_for", "ann", principal)
    refuse(second, r"'ann' speaks for 'gov' already \(event 'r'\); withdraw that first", after=[SPEAKS])
    allow(second, after=[SPEAKS, RelationWithdrawn(target="r", why="she left")])
    allow(second, after=[SPEAKS, void("r")])
    allow(second, after=[SPEAKS, amend("r", relation="member_of")])
    allow(second, after=[SPEAKS, amend("r", **{"from": "bo"})])
    allow(second, after=[sources("member_of", "ann", "gov"), sources("speaks_for", "bo", "gov")])


@pytest.mark.parametrize(
    "undone",
    [
        [named("w", RelationWithdrawn(target="r", why="w")), void("w")],
        [void("r", "v"), void("v")],
        [void("r", "v"), void("v", "v2"), void("v2", "v3"), void("v3")],
        [amend("r", "a", **{"from": "bo"}), void("a")],
        [amend("r", "a", **{"from": "bo"}), amend("a", changes={"basis": "b"})],
        [
            sources("speaks_for", "bo", "un", "q"),
            named("w", RelationWithdrawn(target="r", why="w")),
            amend("w", target="q"),
        ],
        [sources("speaks_for", "bo", "un", "q"), void("r", "v"), amend("v", target="q")],
    ],
)
def test_a_principal_that_was_not_taken_away_after_all_still_stands(undone: list[Entry]) -> None:
    refuse(sources("speaks_for", "ann", "un"), "'ann' speaks for 'gov' already", after=[SPEAKS, *undone])


def test_nor_does_an_amendment_give_a_second_principal() -> None:
    other = [SPEAKS, sources("speaks_for", "bo", "un", "q"), sources("member_of", "ann", "un", "m")]
    refuse(amend("q", **{"from": "ann"}), "'ann' speaks for 'gov' already", after=other)
    refuse(amend("m", relation="speaks_for"), "'ann' speaks for 'gov' already", after=other)
    allow(amend("r", to="un"), amend("r", basis="a letter"), amend("q", to="gov"), after=other)
    refuse(sources("speaks_for", "cy", "un"), "'cy' speaks for", after=[*other, amend("q", **{"from": "cy"})])


# -- who may take back and correct -----------------------------------------------------------------------------------

TWO_UP = [*SAID, sources("speaks_for", "ann", "ministry"), sources("speaks_for", "ministry", "state")]
SAME = [*SAID, sources("same_as", "a-n-other", "ann")]


@pytest.mark.parametrize(
    ("who", "after"),
    [
        ("Ann", SAID),
        (by("Ann", "office", role="minister"), SAID),
        (by("The minister", source="ann"), SAID),
        (AFP, SAID),
        (by("Bo", source="bo@afp"), SAID),
        ("A. N. Other", SAME),
        ("A. N. Other", [*SAID, sources("same_as", "ann", "x-y"), sources("same_as", "x-y", "a-n-other")]),
        ("Agence France-Presse", [*SAID, sources("same_as", "afp", "agence-france-presse")]),
        (by("Ministry", "organisation"), TWO_UP),
        (by("State", "state"), TWO_UP),
        (by("Realm", "state"), [*TWO_UP, sources("same_as", "realm", "state")]),
        (by("State", "state"), [*TWO_UP, sources("speaks_for", "state", "ann")]),
        (by("Gov"), [*SAME, sources("speaks_for", "a-n-other", "gov")]),
    ],
)
def test_an_act_is_taken_back_by_its_speaker_a_principal_or_another_link(who: str | Link, after: list[Entry]) -> None:
    allow(retract("s", who), after=after)
    link = by(who) if isinstance(who, str) else who
    allow(Correction(act="s", chain=(link,), changes={"note": "n"}), after=after)


@pytest.mark.parametrize(
    ("who", "after"),
    [
        ("Cy", SAID),
        (by("Bo", "unnamed"), SAID),  # another carrier's, or nobody's
        (by("Ann", source="ann-2"), SAID),
        ("A. N. Other", SAID),
        (by("Ministry"), SAID),
        (by("State"), TWO_UP[:-1]),
        (by("Deputy"), [*TWO_UP, sources("speaks_for", "deputy", "ann")]),
        (by("Club"), [*SAID, sources("member_of", "ann", "club")]),
        (by("Owner"), [*SAID, sources("speaks_for", "afp", "owner")]),  # a carrier's principal is no link
        (by("Reuters"), [*SAID, sources("republishes", "reuters", "afp")]),
        ("A. N. Other", [*SAID, sources("same_as", "a-n-other", "ann", "r"), void("r")]),
        (by("Gov"), [*SAID, SPEAKS, RelationWithdrawn(target="r", why="w")]),
        (by("Gov"), [*SAID, SPEAKS, amend("r", to="un")]),
    ],
)
def test_a_stranger_takes_nothing_back(who: str | Link, after: list[Entry]) -> None:
    refuse(retract("s", who), "is neither the speaker of 's' \\(ann\\) nor a principal", after=after)
    link = by(who) if isinstance(who, str) else who
    refuse(Correction(act="s", chain=(link,), changes={"note": "n"}), "is neither the speaker of 's'", after=after)


def test_an_unnamed_source_is_told_how_to_be_named() -> None:
    medic = by("a medic", "unnamed")
    said = [X, Entry(event=Statement(claims=("x",), chain=(medic, by("The Post", "outlet"))), id="s")]
    refuse(retract("s", medic), r"\(a-medic@the-post\) .*; this one is told apart by who carried it", after=said)
    allow(retract("s", medic, by("The Post", "outlet")), after=said)
    allow(retract("s", by("a medic", "unnamed", source="a-medic@the-post")), after=said)


def test_only_the_first_link_of_a_retraction_takes_back() -> None:
    refuse(retract("s", "Cy", "Ann"), "'Cy' is neither", after=SAID)
    allow(retract("s", "Ann", "Cy"), after=SAID)


def test_who_may_take_back_goes_by_the_entry_as_it_was_amended() -> None:
    mended = [*SAID, amend("s", chain=[{"name": "Dee"}])]
    refuse(retract("s", "Ann"), "'Ann' is neither", after=mended)
    allow(retract("s", "Dee"), after=mended)
    refuse(amend("r", chain=[{"name": "Cy"}]), "'Cy' is neither", after=[*SAID, retract("s", "Ann", event_id="r")])


def test_who_may_take_back_is_whoever_an_act_was_told_to_be_of_before_or_after_a_correction() -> None:
    """What had been said before the correction was said, was theirs who spoke by then."""
    other = {"chain": [{"name": "Bob", "kind": "person"}, {"name": "Reuters"}]}
    mended = [*SAID, correct("s", "AFP", "c", **other)]
    for who in ("Bob", "Reuters", "Ann", AFP):
        allow(retract("s", who), after=mended)
        allow(
            Correction(act="s", chain=(who if isinstance(who, Link) else by(who),), changes={"note": "n"}), after=mended
        )
    refuse(retract("s", "Cy"), "'Cy' is neither", after=mended)
    refuse(retract("s", "Bob"), "'Bob' is neither", after=SAID)
    refuse(retract("s", "Bob"), "'Bob' is neither", after=[*mended, void("c")])


def test_a_correction_of_who_spoke_can_itself_be_amended() -> None:
    moved = correct("s", "Ann", "c", chain=[{"name": "Bbo"}])
    after = [*SAID, retract("s", "Ann", event_id="r"), moved]
    allow(amend("c", said_at="2024-10-05"), amend("c", changes={"chain": [{"name": "Bob"}]}), after=after)
    allow(amend("r", reason="It was not so."), after=after)
    refuse(retract("s", "Bbo"), "'Bbo' is neither", after=[*after, amend("c", changes={"chain": [{"name": "Bob"}]})])


def test_a_correction_moved_to_another_act_tells_who_speaks_there() -> None:
    after = [*SAID, states("t", "x", chain=(by("Ann"),)), correct("t", "Ann", "c", chain=[{"name": "Bob"}])]
    refuse(retract("s", "Bob"), "'Bob' is neither", after=after)
    moved = [*after, amend("c", act="s")]
    allow(retract("s", "Bob"), after=moved)
    refuse(retract("t", "Bob"), "'Bob' is neither", after=moved)


def test_a_retraction_is_taken_back_by_whoever_made_it() -> None:
    after = [*SAID, retract("s", AFP, event_id="r")]
    allow(retract("r", AFP), after=after)
    refuse(retract("r", "Ann"), "'Ann' is neither the speaker of 'r'", after=after)


# -- targets ---------------------------------------------------------------------------------------------------------

OF_EACH_TYPE: dict[str, Entry] = {
    "statement": states("s", "x"),
    "denial": named("d", Denial(claims=("x",), chain=(by("Ann"),))),
    "assessment": named("a", Assessment(claims=("x",), chain=(by("Ann"),), verdict="true")),
    "retraction": retract("s", "Ann", event_id="r"),
    "correction": correct("s", "Ann", "c", note="n"),
    "claim_registered": named("reg", X),
    "claim_reworded": named("rew", ClaimReworded(claim="x", text="X!", why="w")),
    "claims_related": claims("entails", "x", "y", "cr"),
    "relation_withdrawn": named("rw", RelationWithdrawn(target="cr", why="w")),
    "source_registered": named("sreg", SourceRegistered(source="ann", name="Ann")),
    "source_related": sources("member_of", "ann", "gov", "sr"),
    "evidence_attached": named("e", EvidenceAttached(claims=("x",))),
    "source_graded": named("sg", SourceGraded(source="ann", grade="A")),
    "act_graded": named("ag", ActGraded(act="s", grade=1)),
    "record_amended": amend("s", "am", note="n"),
    "record_voided": void("e", "v"),
    "ruling_recorded": named("ru", RulingRecorded(claim="x", ruling="confirmed", by="b", reasons="r")),
}
ORDER = ["claim_registered", *(tag for tag in OF_EACH_TYPE if tag != "claim_registered")]
ALL: list[Event | Entry] = [Y, *(OF_EACH_TYPE[tag] for tag in ORDER)]
ID_OF = {tag: entry.id or "" for tag, entry in OF_EACH_TYPE.items()}
ACTS = {"statement", "denial", "assessment"}


def about(verb: str, target: str) -> Event:
    match verb:
        case "retract":
            return Retraction(act=target, chain=ANN)
        case "correct":
            return Correction(act=target, chain=ANN, changes={"note": "n"})
        case "deny":
            return Denial(acts=(target,), chain=ANN)
        case "grade":
            return ActGraded(act=target, grade=2)
        case "attach":
            return EvidenceAttached(act=target)
        case "withdraw":
            return RelationWithdrawn(target=target, why="w")
        case "void":
            return RecordVoided(target=target, why="w")
        case _:
            return RecordAmended(target=target, changes={"why": "because"}, why="w")


FITS = {
    "retract": ACTS | {"retraction"},
    "correct": ACTS,
    "deny": ACTS | {"retraction"},
    "grade": ACTS,
    "attach": ACTS,
    "withdraw": {"claims_related", "source_related"},
    "void": set(OF_EACH_TYPE),
}


@pytest.mark.parametrize("tag", list(OF_EACH_TYPE))
@pytest.mark.parametrize("verb", list(FITS))
def test_an_event_is_about_what_it_can_be_about(verb: str, tag: str) -> None:
    after = [event for event in ALL if event is not OF_EACH_TYPE["record_voided"] or tag == "record_voided"]
    if tag in FITS[verb]:
        allow(about(verb, ID_OF[tag]), after=after)
    else:
        refuse(about(verb, ID_OF[tag]), f"event '{ID_OF[tag]}' is of type {tag}, not a", after=after)


@pytest.mark.parametrize("verb", [*FITS, "amend"])
def test_an_event_is_about_what_is_there(verb: str) -> None:
    refuse(
        about(verb, "nowhere"), "there is no event 'nowhere' before this one; `claims log`", after=[X], error=NotFound
    )
    own = Entry(event=about(verb, "own"), id="own")
    refuse(own, "there is no event 'own' before this one", after=[X], error=NotFound)


@pytest.mark.parametrize("verb", [*FITS, "amend"])
def test_an_event_is_about_what_still_stands(verb: str) -> None:
    target = "r" if verb == "withdraw" else "s"
    there = [X, states("s", "x"), SPEAKS]
    refuse(
        about(verb, target),
        f"event '{target}' was voided; void the voiding to have it back",
        after=[*there, void(target)],
    )
    if verb != "amend":
        allow(about(verb, target), after=[*there, void(target, "v"), void("v")])
        twice = [*there, void(target, "v"), void("v", "v2"), void("v2")]
        refuse(about(verb, target), f"event '{target}' was voided", after=twice)


def test_anybody_may_deny_the_utterance_of_others() -> None:
    allow(Denial(acts=("s",), chain=(by("Cy"),)), Denial(acts=("s",), chain=ANN, form="dismissal"), after=SAID)
    allow(Denial(claims=("x",), acts=("s",), chain=(by("Cy"),)), after=SAID)


# -- amendments and corrections --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"claims": []}, "/changes/claims"),
        ({"claims": None}, "/changes/claims"),
        ({"claims": ["A B"]}, "/changes/claims/0"),
        ({"claims": "y"}, "/changes/claims"),
        ({"chain": []}, "/changes/chain"),
        ({"chain": [{"name": "Ann", "colour": "red"}]}, "/changes/chain/0/colour"),
        ({"said_at": "soon"}, "/changes/said_at"),
        ({"colour": "red"}, "/changes/colour"),
        ({"form": "flat"}, "/changes/form"),
        ({"mode": "sung"}, "/changes/mode"),
        ({"a/b": 1}, "/changes/a~1b"),
    ],
)
def test_changes_make_a_valid_event_or_none(changes: dict[str, Any], pointer: str) -> None:
    for event in (amend("s", **changes), correct("s", "Ann", **changes)):
        with pytest.raises(InvalidEvent) as caught:
            allow(event, after=STATED)
        assert caught.value.pointer == pointer


def test_changes_are_decided_as_the_event_they_make() -> None:
    for change in (amend, lambda target, /, **changes: correct(target, "Ann", **changes)):
        refuse(change("s", claims=["z"]), "'z' is not registered", after=STATED, error=NotFound)
        refuse(change("s", possible_claims=["z"]), "'z' is not registered", after=STATED, error=NotFound)
        allow(change("s", claims=["y"]), change("s", claims=["x", "y"], quote=None, mode="question"), after=STATED)
        ahead = "9999-12-31"
        refuse(change("s", said_at=ahead), f"said_at '{ahead}' lies ahead of its recording", after=STATED)


def test_a_registration_keeps_its_claim() -> None:
    after = [named("reg", X), states("s", "x")]
    refuse(amend("reg", claim="z"), "a claim keeps its id; void its registration and register another", after=after)
    allow(amend("reg", text="X, rather."), amend("reg", claim="x", kind="predictive", language="en"), after=after)


def test_an_amendment_is_amended_and_what_it_then_makes_must_be_valid() -> None:
    after = [*STATED, amend("s", "a", claims=["y"])]
    allow(amend("a", changes={"claims": ["x"]}), amend("a", why="a typo"), after=after)
    refuse(amend("a", changes={"claims": ["z"]}), "'z' is not registered", after=after, error=NotFound)
    refuse(amend("a", changes={}), "/changes/changes", after=after, error=InvalidEvent)
    refuse(amend("a", changes={"type": "denial"}), "never changes its type", after=after, error=InvalidEvent)
    refuse(amend("a", changes={"form": "flat"}), "/form: unknown field", after=after, error=InvalidEvent)
    thrice = [*after, amend("a", "b", changes={"claims": ["x"]})]
    allow(amend("b", changes={"changes": {"claims": ["y"]}}), after=thrice)
    refuse(amend("b", changes={"changes": {"claims": ["z"]}}), "'z' is not registered", after=thrice, error=NotFound)


def test_the_reason_of_a_void_is_amended_and_its_target_moved() -> None:
    after = [*STATED, states("t", "x"), void("s", "v"), states("u", "x")]
    allow(amend("v", why="a better reason"), after=after)
    moved = [*after, amend("v", target="t")]
    allow(retract("s", "Ann"), after=moved)
    refuse(retract("t", "Ann"), "'t' was voided", after=moved)
    refuse(amend("v", target="nowhere"), "there is no event 'nowhere'", after=after, error=NotFound)
    refuse(amend("v", target="u"), "event 'u' came after 'v', which cannot be about it", after=after)
    refuse(amend("v", target="v"), "event 'v' came after 'v'", after=after)
    refuse(amend("v", target="t"), "event 't' was voided", after=[*after, void("t")])


def test_what_is_about_an_event_is_never_moved_to_a_later_one() -> None:
    after = [*STATED, correct("s", "Ann", "c", note="n"), retract("s", "Ann", event_id="r"), states("t", "x")]
    for moved in (amend("r", act="t"), amend("c", act="t")):
        refuse(moved, "event 't' came after", after=after)
    refuse(amend("c", act="nowhere"), "no event 'nowhere'", after=after, error=NotFound)
    early = [X, states("t", "x"), *after[1:-1]]
    allow(amend("r", act="t"), amend("c", act="t"), after=early)
    refuse(amend("r", act="c"), "'c' is of type correction, not a", after=early)


def test_an_amendment_that_was_voided_leaves_what_stood_before() -> None:
    after = [*STATED, amend("s", "a", chain=[{"name": "Dee"}]), void("a", "v")]
    allow(retract("s", "Ann"), after=after)
    refuse(retract("s", "Dee"), "'Dee' is neither", after=after)
    allow(retract("s", "Dee"), after=[*after, void("v")])


def weighed(**more: Any) -> Entry:
    return Entry(event=Assessment(claims=("x",), chain=(by("Ann"),), **more), id="a")


def test_a_correction_is_of_the_act_as_those_said_before_it_left_it() -> None:
    likely = Likelihood(term="perhaps", low=0.6, high=0.7)
    after = [X, weighed(verdict="true", likelihood=likely), correct("a", "Ann", likelihood=None)]
    refuse(correct("a", "Ann", verdict=None), "/changes: an assessment says", after=after, error=InvalidEvent)
    allow(
        correct("a", "Ann", likelihood=None), after=[X, weighed(likelihood=likely), correct("a", "Ann", verdict="true")]
    )
    both = [X, weighed(verdict="true", likelihood=likely), correct("a", "Ann", "c", verdict=None)]
    then = correct("a", "Ann", "d", likelihood=None, verdict="false")
    allow(amend("c", changes={"verdict": None, "note": "hm"}), after=[*both, then])
    said_before = Correction(act="a", chain=(by("Ann"),), changes={"likelihood": None}, said_at="2024-10-01")
    said_after = Correction(act="a", chain=(by("Ann"),), changes={"verdict": "true"}, said_at="2024-10-02")
    refuse(
        said_before,
        "/changes: an assessment says",
        after=[X, weighed(likelihood=likely), said_after],
        error=InvalidEvent,
    )


# -- times -----------------------------------------------------------------------------------------------------------

NOON = datetime(2024, 10, 8, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("said_at", "fits"),
    [
        ("2024-10-08", True),
        ("2024-10-09", True),  # begins 12 hours ahead
        ("2024-10-09T02:00:00Z", True),
        ("2024-10-09T02:00:00.000001Z", False),
        ("2024-10-09T16:00:00+14:00", True),
        ("2024-10-10", False),
        ("2024-11", False),
        ("2025~", False),
        ("9999", False),
        ("2024", True),
        ("../2030", True),
        ("2024-10-08/2030", True),
        ("2030/..", False),
        ("0001-01-01", True),
    ],
)
def test_nothing_was_said_more_than_fourteen_hours_ahead_of_its_recording(said_at: str, fits: bool) -> None:
    with Ledger.open(":memory:", clock=lambda: NOON) as ledger:
        ledger.append_all([named("reg", X), states("s", "x")])
        for event in (
            Statement(claims=("x",), chain=ANN, said_at=said_at),
            Denial(acts=("s",), chain=ANN, said_at=said_at),
            Retraction(act="s", chain=ANN, said_at=said_at),
            Correction(act="s", chain=ANN, said_at=said_at, changes={"note": "n"}),
            RulingRecorded(claim="x", ruling="confirmed", by="b", reasons="r", said_at=said_at),
            RecordAmended(target="s", changes={"said_at": said_at}, why="w"),
        ):
            if fits:
                ledger.append(event)
            else:
                with pytest.raises(Refused, match="lies ahead of its recording, 2024-10-08T12:00"):
                    ledger.append(event)


def test_an_amended_time_is_held_against_the_time_of_the_entry_it_mends() -> None:
    now = NOON
    with Ledger.open(":memory:", clock=lambda: now) as ledger:
        ledger.append_all([named("reg", X), states("s", "x", said_at="2024-10-07")])
        now = NOON.replace(year=2025)
        with pytest.raises(Refused, match="lies ahead of its recording, 2024-10-08"):
            ledger.append_all([amend("s", said_at="2025-01-01")])
        ledger.append_all([amend("s", said_at="2024-10-09"), states("t", "x", said_at="2025-10-09")])


# -- where it is wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        (states("e", "x", "gone"), "/claims/1"),
        (states("e", "x", possible_claims=("gone",)), "/possible_claims/0"),
        (claims("entails", "gone", "x"), "/from"),
        (claims("entails", "x", "gone"), "/to"),
        (claims("entails", "x", "x"), "/to"),
        (named("e", ClaimReworded(claim="gone", text="t", why="w")), "/claim"),
        (named("e", X), "/claim"),
        (states("e", "x", said_at="3000-01-01"), "/said_at"),
        (named("e", Denial(acts=("s", "gone"), chain=ANN)), "/acts/1"),
        (retract("gone", "Ann"), "/act"),
        (retract("s", "Eve"), "/chain/0"),
        (void("gone"), "/target"),
        (named("e", RelationWithdrawn(target="s", why="w")), "/target"),
        (amend("s", claims=["gone"]), "/changes"),
        (correct("s", "Ann", said_at="3000-01-01"), "/changes"),
        (sources("speaks_for", "ann", "other"), "/from"),
    ],
)
def test_what_is_refused_is_told_by_where_it_stands(event: Entry, pointer: str) -> None:
    scene = allow(after=[*SAID, sources("speaks_for", "ann", "gov", "r")])
    with pytest.raises((NotFound, Refused)) as caught:
        scene.ledger.append_all([event])
    assert caught.value.pointer == pointer
