"""Do records survive being stored: the same bytes for ever, read by what comes later, refused where they are none?"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import (
    ActGraded,
    Assessment,
    ClaimRegistered,
    ClaimReworded,
    ClaimsRelated,
    Correction,
    Denial,
    EvidenceAttached,
    IntegrityError,
    Likelihood,
    Link,
    NewerVersion,
    Record,
    RecordAmended,
    RecordVoided,
    RelationWithdrawn,
    Retraction,
    RulingRecorded,
    SourceGraded,
    SourceRegistered,
    SourceRelated,
    Statement,
    records,
)
from ledger import events as ev
from ledger.events import Event
from ledger.testing import random_ledger

ANN = Link(name="Ann", kind="person")
UNNAMED = Link(name="a source", kind="unnamed")
AFP = Link(name="AFP", kind="outlet")
STAMP = b"2024-10-11T00:00:00.000000Z"
STATEMENT = Statement(claims=("x",), chain=(ANN,))
SPELT = {"type": "statement", "claims": ["x"], "chain": [{"name": "Ann", "kind": "person"}]}


def stored(event: Event, event_id: str = "a", recorded_by: str = "the desk") -> bytes:
    before, after = records.envelope(event_id, recorded_by, records.encode_event(event))
    return before + STAMP + after


def raw(event: Any = None, **envelope: Any) -> bytes:
    """The bytes of a record as some other version may have written them."""
    plain = {"id": "a", "recorded_at": STAMP.decode(), "recorded_by": "the desk"}
    return json.dumps(plain | {"event": SPELT if event is None else event} | envelope).encode()


# -- bytes -----------------------------------------------------------------------------------------------------------

EVENTS: list[Event] = [
    Statement(
        claims=("x", "y"),
        chain=(
            Link(
                name="Ann",
                role="minister",
                source="ann",
                kind="person",
                medium="Telegram",
                report="direct_quote",
                cue="said",
                url="https://example.org/?a=b&c",
                published_at="2024-10-08~",
            ),
            AFP,
        ),
        quote='"Quoted"\n\tthe Юлія way \\ \u202e\u200b\u2028',
        language="uk",
        original="Оригінал",
        said_at="../2024-10-10?",
        url="https://example.org",
        note="n",
        possible_claims=("z",),
        in_reply_to="b",
        mode="question",
    ),
    Denial(chain=(ANN,), acts=("b",), form="dismissal", scope="framed", denied_part="p"),
    Assessment(
        claims=("x",),
        chain=(ANN,),
        likelihood=Likelihood(term="t", scale="inferred", low=0.1, high=1.0, mapped_by="Bo"),
        verdict="other",
        label="Pants on fire",
        confidence="low",
        capacity="desk",
    ),
    Retraction(act="b", chain=(ANN,), said_at="2024", reason="r"),
    Correction(act="b", changes={"note": None, "claims": ["x"], "a": {"z": [1, 0.5, True], "y": "é"}}, chain=(ANN,)),
    ClaimRegistered(claim="x", text="X.", kind="predictive", language="en", external="Q1"),
    ClaimReworded(claim="x", text="X!", why="w"),
    ClaimsRelated(from_="x", to="y", relation="entails", by="Bo", why="w"),
    RelationWithdrawn(target="b", why="w"),
    SourceRegistered(source="ann", name="Ann", kind="person", description="d"),
    SourceRelated(from_="ann", to="bo", relation="speaks_for", basis="b"),
    EvidenceAttached(claims=("x",), act="b", bearing="refutes", sha256="a" * 64, media_type="text/plain", url="u"),
    SourceGraded(source="ann", grade="F", by="Bo", why="w"),
    ActGraded(act="b", grade=6, by="Bo", why="w"),
    RecordAmended(target="b", changes={"said_at": "2024-10-08"}, why="w"),
    RecordVoided(target="b", why="w"),
    RulingRecorded(claim="x", ruling="unresolvable", by="a court", reasons="r", said_at="2024"),
]


def test_every_type_of_event_is_among_these() -> None:
    assert [type(event) for event in EVENTS] == list(ev.TYPES.values())


@pytest.mark.parametrize("event", EVENTS, ids=ev.tag_of)
def test_a_record_is_read_back_as_it_was_stored(event: Event) -> None:
    record = records.decode(7, stored(event, "id “1”", 'the "desk" \\'))
    assert record == Record(
        position=7,
        id="id “1”",
        recorded_at=datetime(2024, 10, 11, tzinfo=UTC),
        recorded_by='the "desk" \\',
        event=event,
    )
    assert record.recorded_us == 1_728_604_800_000_000
    assert stored(record.event, record.id, record.recorded_by) == stored(event, "id “1”", 'the "desk" \\')


@pytest.mark.parametrize("event", EVENTS, ids=ev.tag_of)
def test_the_stored_bytes_are_plain_json_in_a_fixed_order(event: Event) -> None:
    data = stored(event)
    assert list(json.loads(data)) == ["id", "recorded_at", "recorded_by", "event"]
    assert json.loads(data)["event"]["type"] == ev.tag_of(event)
    assert b"\n" not in data
    assert records.line(7, data) == b'{"position":7,' + data[1:]
    assert json.loads(records.line(7, data)) == {"position": 7} | json.loads(data)


def test_the_bytes_of_a_record_are_these_for_ever() -> None:
    event = Denial(
        said_at="2024-10-08",
        acts=("b",),
        claims=("x",),
        chain=(Link(kind="person", name="Юлія"), AFP),
        form="dismissal",
    )
    assert stored(event).decode() == (
        '{"id":"a","recorded_at":"2024-10-11T00:00:00.000000Z","recorded_by":"the desk","event":{"type":"denial",'
        '"claims":["x"],"chain":[{"name":"Юлія","kind":"person"},{"name":"AFP","kind":"outlet"}],'
        '"said_at":"2024-10-08","acts":["b"],"form":"dismissal"}}'
    )
    amendment = RecordAmended(target="b", changes={"z": {"b": 1, "a": [0.5, None]}, "é": "", "a": True}, why="w")
    assert records.encode_event(amendment).decode() == (
        '{"type":"record_amended","target":"b","changes":{"a":true,"z":{"a":[0.5,null],"b":1},"é":""},"why":"w"}'
    )
    related = ClaimsRelated(from_="x", to="y", relation="same_as")
    assert records.encode_event(related) == b'{"type":"claims_related","from":"x","to":"y","relation":"same_as"}'


def test_the_order_in_which_an_event_was_built_does_not_show() -> None:
    forth = RecordAmended(target="a", changes={"a": 1, "b": {"c": 2, "d": 3}}, why="w")
    back = RecordAmended(why="w", changes={"b": {"d": 3, "c": 2}, "a": 1}, target="a")
    assert records.encode_event(forth) == records.encode_event(back)


@pytest.mark.parametrize(
    ("event", "left_out"),
    [
        (Statement(claims=("x",), chain=(ANN,), mode="asserted"), {"mode", "quote", "said_at", "possible_claims"}),
        (Denial(claims=("x",), chain=(ANN,), form="flat", scope="explicit", acts=()), {"form", "scope", "acts"}),
        (Denial(acts=("a",), chain=(ANN,), claims=()), {"claims"}),
        (Assessment(claims=("x",), chain=(ANN,), verdict="true", capacity="party"), {"capacity", "likelihood"}),
        (ClaimRegistered(claim="x", text="t", kind="factual"), {"kind", "language", "external"}),
        (EvidenceAttached(claims=("x",), bearing="context"), {"bearing", "act", "sha256"}),
        (SourceRegistered(source="a", name="A", kind=None), {"kind", "description"}),
    ],
)
def test_a_field_that_holds_its_default_is_left_out(event: Event, left_out: set[str]) -> None:
    fields = json.loads(records.encode_event(event))
    assert left_out.isdisjoint(fields)
    assert records.event_from(records.encode_event(event)) == event


def test_defaults_are_for_ever_because_what_is_stored_leaves_them_out() -> None:
    defaults = {
        (tag, field.encode_name): field.default
        for tag, cls in ev.TYPES.items()
        for field in msgspec.structs.fields(cls)
        if field.default not in (None, (), msgspec.NODEFAULT)
    }
    assert defaults == {
        ("statement", "mode"): "asserted",
        ("denial", "form"): "flat",
        ("denial", "scope"): "explicit",
        ("assessment", "capacity"): "party",
        ("claim_registered", "kind"): "factual",
        ("evidence_attached", "bearing"): "context",
    }


@pytest.mark.parametrize("seed", range(5))
def test_random_events_survive_being_stored(seed: int) -> None:
    for position, (entry, _) in enumerate(random_ledger(Random(seed), 60), 1):
        assert entry.id is not None
        data = stored(entry.event, entry.id)
        record = records.decode(position, data)
        assert (record.event, record.id) == (entry.event, entry.id)
        assert stored(record.event, record.id) == data


def test_records_are_decoded_one_after_the_other() -> None:
    def read() -> Any:
        yield 1, stored(STATEMENT)
        yield 5, stored(STATEMENT, "b")
        raise LookupError("too far")

    decoded = records.decode_all(read())
    assert [(r.position, r.id) for r in (next(decoded), next(decoded))] == [(1, "a"), (5, "b")]
    with pytest.raises(LookupError):
        next(decoded)


# -- later versions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "envelope"),
    [
        (SPELT | {"mood": "angry"}, {}),
        (SPELT | {"chain": [{"name": "Ann", "kind": "person", "orcid": [{}]}]}, {}),
        (SPELT | {"chain": [{"x": 1, "name": "Ann", "kind": "person"}], "y": {"z": 1}}, {}),
        (SPELT, {"signature": "0xff", "hash": {"prev": None}}),
        (SPELT | {"mood": 1}, {"signature": "0xff", "position": 999}),
    ],
)
def test_fields_of_a_later_version_are_passed_over(event: Any, envelope: dict[str, Any]) -> None:
    record = records.decode(3, raw(event, **envelope))
    assert (record.position, record.event) == (3, STATEMENT)


def test_a_later_versions_field_of_a_likelihood_is_passed_over() -> None:
    likelihood = {"term": "likely", "scale": "icd203", "low": 0.55, "high": 0.8, "distribution": "beta"}
    chain = [{"name": "Ann", "kind": "person"}]
    record = records.decode(1, raw({"type": "assessment", "claims": ["x"], "chain": chain, "likelihood": likelihood}))
    assert record.event == Assessment(
        claims=("x",), chain=(ANN,), likelihood=Likelihood(term="likely", scale="icd203", low=0.55, high=0.8)
    )


@pytest.mark.parametrize("event", EVENTS, ids=ev.tag_of)
def test_every_type_of_event_takes_a_field_more(event: Event) -> None:
    fields = json.loads(records.encode_event(event))
    assert records.decode(1, raw(fields | {"added in version 2": {"deep": [1]}})).event == event


@pytest.mark.parametrize(
    "data",
    [
        raw({"type": "rumour", "claims": ["x"]}),
        raw({"type": "ledger.events.Statement"}),
        raw({"type": "os.system", "command": "true"}),
        raw({"type": ""}),
        raw().replace(b'"event"', b'"sealed"'),
        b'{"id":"a","recorded_at":"%b","recorded_by":"b","sealed":{"key":"k","nonce":"n","ciphertext":"c"}}' % STAMP,
        raw({"type": "rumour"}, sealed={}),
    ],
)
def test_an_event_of_a_later_version_asks_for_an_upgrade(data: bytes) -> None:
    with pytest.raises(NewerVersion, match=r"position 4 holds a .* which this version does not know; upgrade"):
        records.decode(4, data)


WHOLE = raw()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"null",
        b"[]",
        b"[1]",
        b'"a"',
        b"\0" * 40,
        b"\xff\xfe",
        WHOLE[:-1],
        WHOLE[:40],
        WHOLE[1:],
        b"[" + WHOLE[1:],
        b"x" + WHOLE[1:],
        b"\0" + WHOLE[1:],
        b" " + WHOLE,
        WHOLE + b"}",
        WHOLE + WHOLE,
        WHOLE.replace(b"Ann", b"A\xffn"),
        WHOLE.replace(b"Ann", b"\xed\xa0\x80"),
        b'{"a":' * 10_000,
        b'{"event":{"type":"statement","b":1},"a":' + b"[" * 10_000,
        b"[" + WHOLE[1:].replace(b'"mode"', b'"mood"'),
        raw(id=7),
        raw(id=None),
        raw(recorded_at="2024-10-11"),
        raw(recorded_at="2024-10-11T00:00:00"),
        raw(recorded_at=0),
        raw(recorded_by=None),
        raw({}),
        raw([]),
        raw("statement"),
        raw(7),
        raw({"type": None}),
        raw({"type": ["statement"]}),
        raw({"type": {"a": 1}}),
        raw({"claims": ["x"]}),
        raw({"type": "statement"}),
        raw(SPELT | {"claims": "x"}),
        raw(SPELT | {"chain": "Ann"}),
        raw(SPELT | {"chain": 5}),
        raw(SPELT | {"chain": ["name"]}),
        raw(SPELT | {"chain": [["name"]]}),
        raw(SPELT | {"chain": {"name": "Ann"}}),
        raw(SPELT | {"chain": [{}], "new": 1}),
        raw(SPELT | {"mode": "whispered"}),
        raw({"type": "assessment", "claims": ["x"], "chain": [{"name": "A"}], "likelihood": [1], "new": 1}),
    ],
)
def test_bytes_that_are_no_record_are_damage(data: bytes) -> None:
    with pytest.raises(IntegrityError, match="position 4 holds no record") as caught:
        records.decode(4, data)
    assert not isinstance(caught.value, NewerVersion)
    assert "restore" in str(caught.value)


@given(st.binary(max_size=60) | st.binary(max_size=20).map(lambda noise: WHOLE[:50] + noise + WHOLE[60:]))
def test_any_bytes_are_a_record_or_damage(data: bytes) -> None:
    try:
        records.decode(1, data)
    except IntegrityError as error:
        str(error).encode()


# -- tags ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "tags", "targets"),
    [
        (
            Statement(claims=("x", "y"), chain=(UNNAMED, AFP), possible_claims=("z", "x"), in_reply_to="b"),
            "claim:x claim:y claim:z source:a-source@afp source:afp",
            (),
        ),
        (Statement(claims=("x",), chain=(AFP, AFP)), "claim:x source:afp", ()),
        (
            Assessment(claims=("x",), chain=(ANN,), verdict="true", possible_claims=("y",)),
            "claim:x claim:y source:ann",
            (),
        ),
        (Denial(claims=("x",), chain=(ANN, AFP)), "claim:x source:ann source:afp", ()),
        (Denial(claims=("x",), chain=(ANN,), acts=("a", "b")), "claim:x source:ann act:a act:b", ("a", "b")),
        (Denial(chain=(ANN,), acts=("a",), possible_claims=("y",)), "claim:y source:ann act:a", ("a",)),
        (Retraction(act="a", chain=(ANN, AFP)), "act:a source:ann source:afp", ("a",)),
        (Correction(act="a", changes={"claims": ["z"]}, chain=(ANN,)), "act:a source:ann", ("a",)),
        (ClaimRegistered(claim="x", text="t"), "claim:x relation:claim:x", ()),
        (ClaimReworded(claim="x", text="t", why="w"), "claim:x relation:claim:x", ()),
        (RulingRecorded(claim="x", ruling="confirmed", by="b", reasons="r"), "claim:x", ()),
        (ClaimsRelated(from_="x", to="y", relation="entails"), "relation:claim:x relation:claim:y", ()),
        (ClaimsRelated(from_="x", to="y", relation="negates"), "relation:claim:x relation:claim:y", ()),
        (SourceRegistered(source="a@b", name="A"), "source:a@b relation:source:a@b", ()),
        (SourceGraded(source="ann", grade="A"), "source:ann relation:source:ann", ()),
        *(
            (
                SourceRelated(from_="ann", to="bo", relation=relation),
                "source:ann source:bo relation:source:ann" + (" relation:source:bo" if both else ""),
                (),
            )
            for relation, both in (
                ("same_as", True),
                ("independent_of", True),
                ("speaks_for", False),
                ("member_of", False),
                ("republishes", False),
            )
        ),
        (EvidenceAttached(claims=("x", "y")), "claim:x claim:y", ()),
        (EvidenceAttached(act="a"), "act:a", ("a",)),
        (EvidenceAttached(claims=("x",), act="a"), "claim:x act:a", ("a",)),
        (ActGraded(act="a", grade=1), "act:a", ("a",)),
        (RelationWithdrawn(target="a", why="w"), "act:a", ("a",)),
        (RecordVoided(target="a", why="w"), "act:a", ("a",)),
        (RecordAmended(target="a", changes={"claims": ["z"], "target": "b"}, why="w"), "act:a", ("a",)),
    ],
)
def test_an_event_is_found_by_these_tags(event: Event, tags: str, targets: tuple[str, ...]) -> None:
    assert sorted(records.tags(event)) == sorted(tags.split())
    assert records.targets(event) == targets
