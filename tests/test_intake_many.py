"""Are events that were built in Python, came in by many, or were exported read as any other, and nothing else?"""

from __future__ import annotations

import json
import random
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from incoming import ANN, ASSESSMENT, DENIAL, PEOPLE, RECORD, STATEMENT, assert_says, line, read, refused_event, weighed

from ledger import (
    Assessment,
    ClaimRegistered,
    ClaimReworded,
    Correction,
    Denial,
    EvidenceAttached,
    InvalidEvent,
    Likelihood,
    Link,
    RecordAmended,
    RecordVoided,
    Retraction,
    Statement,
    intake,
    records,
)
from ledger import events as ev

# -- events built in Python ------------------------------------------------------------------------------------------


class Mode(Enum):
    QUESTION = "question"


NAN, INF = float("nan"), float("inf")
LOOP: dict[str, Any] = {}
LOOP["note"] = LOOP


@pytest.mark.parametrize(
    ("event", "pointer"),
    [
        (Statement(claims="x", chain=PEOPLE), "/claims"),
        (Statement(claims=None, chain=PEOPLE), "/claims"),
        (Statement(claims=(1,), chain=PEOPLE), "/claims/0"),
        (Statement(claims=(b"x",), chain=PEOPLE), "/claims/0"),
        (Statement(claims=({},), chain=PEOPLE), "/claims/0"),
        (Statement(claims=("x",), chain=PEOPLE[0]), "/chain"),
        (Statement(claims=("x",), chain="Ann"), "/chain"),
        (Statement(claims=("x",), chain=5), "/chain"),
        (Statement(claims=("x",), chain=()), "/chain"),
        (Statement(claims=("x",), chain=({},)), "/chain/0/name"),
        (Statement(claims=("x",), chain=({"nom": "Ann"},)), "/chain/0/nom"),
        (Statement(claims=("x",), chain=("Ann",)), "/chain/0"),
        (Statement(claims=("x",), chain=(Link(name=7),)), "/chain/0/name"),
        (Statement(claims=("x",), chain=PEOPLE, quote=b"bytes"), "/quote"),
        (Statement(claims=("x",), chain=PEOPLE, quote="é", note=bytearray(b"bytes")), "/note"),
        (Statement(claims=("x",), chain=PEOPLE, quote="\ud800"), "/quote"),
        (Statement(claims=("x",), chain=PEOPLE, quote="a\x7fb"), "/quote"),
        (Statement(claims=("x",), chain=PEOPLE, quote=""), "/quote"),
        (Statement(claims=("x",), chain=PEOPLE, mode="sung"), "/mode"),
        (Statement(claims=("x",), chain=PEOPLE, said_at=datetime(2024, 10, 8)), "/said_at"),
        (Statement(claims=("x",), chain=PEOPLE, said_at=2024), "/said_at"),
        (Statement(claims=("x",), chain=PEOPLE, said_at="é"), "/said_at"),
        (Assessment(claims=("x",), chain=PEOPLE, likelihood="likely"), "/likelihood"),
        (Assessment(claims=("x",), chain=PEOPLE, likelihood=Likelihood(term="t", low=NAN, high=1)), "/likelihood/low"),
        (Assessment(claims=("x",), chain=PEOPLE, likelihood=Likelihood(term="t", low=0, high=INF)), "/likelihood/high"),
        (
            Assessment(claims=("x",), chain=PEOPLE, likelihood=Likelihood(term="t", low=0, high=10**400)),
            "/likelihood/high",
        ),
        (Denial(claims=("x",), chain=PEOPLE, acts="a"), "/acts"),
        (Retraction(act=5, chain=PEOPLE), "/act"),
        (Retraction(act="", chain=PEOPLE), "/act"),
        (RecordAmended(target="a", changes="note", why="w"), "/changes"),
        (RecordAmended(target="a", changes={}, why="w"), "/changes"),
        (RecordAmended(target="a", changes={"note": NAN}, why="w"), "/changes/note"),
        (RecordAmended(target="a", changes={"note": [0.5, -INF]}, why="w"), "/changes/note/1"),
        (RecordAmended(target="a", changes={"note": b"bytes"}, why="w"), "/changes/note"),
        (RecordAmended(target="a", changes={"note": 2**64}, why="é"), "/changes/note"),
        (RecordAmended(target="a", changes={"type": "denial"}, why="w"), "/changes/type"),
        (Correction(act="a", changes={"type": "denial"}, chain=PEOPLE), "/changes/type"),
        (RecordVoided(target="a", why=None), "/why"),
        (ClaimRegistered(claim="A B", text="t"), "/claim"),
        (ClaimReworded(claim="x", text=1, why="w"), "/text"),
        (EvidenceAttached(sha256="a"), "/sha256"),
    ],
)
def test_an_event_built_wrongly_in_python_is_refused_by_its_pointer(event: Any, pointer: str) -> None:
    assert_says(refused_event(event), pointer)


@pytest.mark.parametrize(
    "event",
    [
        None,
        "statement",
        b"{}",
        5,
        STATEMENT,
        [],
        Statement,
        Link(name="Ann"),
        Likelihood(term="t"),
        intake.Entry(event=Statement(claims=("x",), chain=PEOPLE)),
        object(),
    ],
)
def test_what_is_no_event_is_refused(event: Any) -> None:
    assert "expected an event such as Statement or Denial, got" in str(refused_event(event))


def test_a_class_derived_from_an_event_is_not_an_event() -> None:
    class Rumour(Statement, frozen=True, kw_only=True, tag="rumour"):
        """Nothing that the ledger knows."""

    assert "got Rumour" in str(refused_event(Rumour(claims=("x",), chain=PEOPLE)))


@pytest.mark.parametrize(
    "event",
    [
        Statement(claims=("x",), chain=PEOPLE, quote=object()),
        Statement(claims=(claim for claim in "xy"), chain=PEOPLE),
        Statement(claims=("x",), chain=lambda: PEOPLE),
        RecordAmended(target="a", changes={"note": object()}, why="w"),
        RecordAmended(target="a", changes={1: "x"}, why="w"),
        RecordAmended(target="a", changes={("a", "b"): "x"}, why="é"),
        RecordAmended(target="a", changes=LOOP, why="w"),
        RecordAmended(target="a", changes=LOOP, why="é"),
        Statement(claims=("x",), chain=PEOPLE, quote=type),
    ],
)
def test_what_no_json_can_hold_is_an_invalid_event(event: Any) -> None:
    assert refused_event(event).exit_code == 6


@pytest.mark.parametrize("claims", [["x", "y"], ("x", "y")], ids=["a list", "a tuple"])
def test_plain_data_that_spells_an_event_is_taken_for_it(claims: Any) -> None:
    built = Statement(claims=claims, chain=[{"name": "Ann"}], mode=Mode.QUESTION, said_at=date(2024, 10, 8))
    spelt = Statement(claims=("x", "y"), chain=(Link(name="Ann"),), mode="question", said_at="2024-10-08")
    assert intake.normalise(built) == spelt


def test_a_zoned_datetime_is_a_time() -> None:
    at = datetime(2024, 10, 8, 14, 30, tzinfo=UTC)
    event = intake.normalise(Statement(claims=("x",), chain=PEOPLE, said_at=at))
    assert event.said_at == "2024-10-08T14:30:00Z"


def test_an_event_no_longer_changes_once_it_is_in() -> None:
    changes = {"note": "before"}
    event = intake.normalise(RecordAmended(target="a", changes=changes, why="w"))
    changes["note"] = "after"
    assert event.changes == {"note": "before"}


def test_an_event_is_the_same_whether_it_was_built_or_read() -> None:
    for fields in (
        STATEMENT | {"quote": "é\n", "language": "uk", "said_at": "../2024-10-08~"},
        DENIAL | {"acts": ["a"], "form": "dismissal"},
        weighed(term="even", scale="kent"),
        {"type": "claims_related", "from": "x", "to": "y", "relation": "negates"},
    ):
        event = read(fields)
        assert intake.normalise(event) == event
        assert intake.normalise(records.event_from(records.encode_event(event))) == event


# -- many at once ----------------------------------------------------------------------------------------------------

ORDINARY: list[Any] = [
    Statement(claims=("x",), chain=PEOPLE, quote='He said "no" \\ twice\n', language="uk", said_at="2024-10-08"),
    Statement(claims=("x", "é"), chain=(Link(name="Марія", kind="unnamed"), Link(name="AFP")), possible_claims=("z",)),
    Denial(acts=("a", "b"), chain=PEOPLE, said_at="../2024-10-08~"),
    Assessment(claims=("x",), chain=PEOPLE, likelihood=Likelihood(term="likely", scale="icd203")),
    ClaimRegistered(claim="x", text="X."),
    Correction(act="a", chain=PEOPLE, changes={"note": "n", "claims": ["x"]}),
    RecordAmended(target="a", changes={"grade": 1, "deep": [{"a": [1.5, None, True]}]}, why="w"),
    EvidenceAttached(claims=("x",)),
]
MENDED: list[Any] = [
    Statement(claims=("x",), chain=PEOPLE, quote="e\u0301\r\n"),
    Statement(claims=["x"], chain=list(PEOPLE)),  # type: ignore[arg-type]
    RecordAmended(target="a", changes={"quote": "e\u0301", "claims": ("x",)}, why="w"),
    Statement(claims=("x",), chain=PEOPLE, note=Enum("Word", {"A": "a note"}).A),  # type: ignore[arg-type]
]
BAD: list[Any] = [
    None,
    "statement",
    PEOPLE[0],
    Statement(claims=("A b",), chain=PEOPLE),
    Statement(claims=("x", "x"), chain=PEOPLE),
    Statement(claims=(), chain=PEOPLE),
    Statement(claims=(1,), chain=PEOPLE),  # type: ignore[arg-type]
    Statement(claims=("x",), chain=(Link(name="Ann"), Link(name="…"), Link(name="?", published_at="soon"))),
    Statement(claims=("x",), chain=(Link(name="a" * 500),) * 5 + (Link(name="A", source="A"),)),
    Statement(claims=("x",), chain=(Link(name="\ufdfa" * 499, kind="unnamed"), Link(name="AFP"))),
    Statement(claims=("x",), chain=PEOPLE, quote="a\x7fb"),
    Statement(claims=("x",), chain=PEOPLE, quote="a\x85b"),
    Statement(claims=("x",), chain=PEOPLE, quote="a\x00b"),
    Statement(claims=("x",), chain=PEOPLE, quote="a\ud800b"),
    Statement(claims=("x",), chain=PEOPLE, quote="\u4e2d" * 20_001),
    Statement(claims=("x",), chain=PEOPLE, said_at="2024-13"),
    Statement(claims=("x",), chain=PEOPLE, said_at="2024-W41-2"),
    Statement(claims=("x",), chain=PEOPLE, language="en\n"),
    Statement(claims=("x",), chain=PEOPLE, note=msgspec.Raw(b'"a"\n"b"')),  # type: ignore[arg-type]
    Denial(chain=PEOPLE),
    Denial(acts=("a", "a"), chain=PEOPLE),
    Assessment(claims=("x",), chain=PEOPLE),
    Assessment(claims=("x",), chain=PEOPLE, likelihood=Likelihood(term="so so", scale="kent")),
    Assessment(claims=("x",), chain=PEOPLE, likelihood=Likelihood(term="so so", low=float("nan"), high=1)),
    Correction(act="a", chain=PEOPLE, changes={"type": "denial"}),
    RecordAmended(target="a", changes={"n": 2**63}, why="w"),
    RecordAmended(target="a", changes={"type": "denial", "n": 2**63}, why="w"),
    RecordAmended(target="a", changes={"n": json.loads("[" * 65 + "]" * 65)}, why="w"),
    RecordAmended(target="a", changes={"n": date(2024, 10, 8), 1: "one"}, why="w"),  # type: ignore[dict-item]
    EvidenceAttached(),
]


def many(*events: Any, seed: int = 0) -> list[Any]:
    """More than are read at a time, these among them."""
    batch = [*events, *(ORDINARY * 40)]
    random.Random(seed).shuffle(batch)
    return batch


@pytest.mark.parametrize("seed", range(5))
def test_many_events_are_read_as_each_of_them_is(seed: int) -> None:
    for batch in (many(seed=seed), many(*MENDED, seed=seed), MENDED, ORDINARY[:1], []):
        found = intake.canonical_all(batch)
        assert list(zip(*found, strict=True)) == [tuple(intake.canonical(event)) for event in batch]
        assert all(type(event) is type(given) for event, given in zip(found.events, batch, strict=True))


def test_what_is_ordinary_takes_no_closer_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "canonical", None)
    assert len(intake.canonical_all(many()).data) == 320


@pytest.mark.parametrize("bad", BAD)
def test_one_bad_event_among_many_is_refused_as_it_is_alone(bad: Any) -> None:
    with pytest.raises(InvalidEvent) as alone:
        intake.canonical(bad)
    with pytest.raises(InvalidEvent) as among:
        intake.canonical_all(many(bad))
    assert (str(among.value), among.value.pointer) == (str(alone.value), alone.value.pointer)


@pytest.mark.parametrize("ids", [["a", ""], ["a", "b" * 201], ["a\n", "b"], ["a", "e\u0301"], ["a", 1], ["\u200b\x00"]])
def test_one_bad_id_among_many_is_refused(ids: list[Any]) -> None:
    with pytest.raises((InvalidEvent, TypeError)):
        intake.check_ids([None, *map(str, range(2_000)), *ids])
    intake.check_ids([None, "a", "é", "b" * 200])


# -- changes ---------------------------------------------------------------------------------------------------------


def test_changes_replace_a_field_whole_and_null_takes_it_away() -> None:
    event = read(STATEMENT | {"quote": "q", "chain": [ANN, {"name": "AFP"}]})
    changed = intake.changed(event, {"quote": None, "chain": [{"name": "Bo"}], "mode": "question", "absent": None})
    assert changed == Statement(claims=("x",), chain=(Link(name="Bo"),), mode="question")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"type": "denial"}, "/type"),
        ({"type": None}, "/type"),
        ({"claims": None}, "/claims"),
        ({"claims": []}, "/claims"),
        ({"claims": ["A B"]}, "/claims/0"),
        ({"chain": [{"name": 1}]}, "/chain/0/name"),
        ({"form": "flat"}, "/form"),
        ({"said_at": "soon"}, "/said_at"),
        ({"note": 1}, "/note"),
    ],
)
def test_changes_that_do_not_fit_are_refused(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(InvalidEvent) as caught:
        intake.changed(read(STATEMENT), changes)
    assert caught.value.pointer == pointer


# -- exported records ------------------------------------------------------------------------------------------------


def refused_record(fields: object) -> InvalidEvent:
    with pytest.raises(InvalidEvent) as caught:
        intake.record(json.dumps(fields).encode())
    return caught.value


def exported() -> list[bytes]:
    """Lines as the log stores them."""
    stamp = RECORD["recorded_at"].encode()
    around = [records.envelope(f"é{n}", 'the "desk"', data) for n, data in enumerate(intake.canonical_all(many()).data)]
    return [before + stamp + after for before, after in around]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"", b""),
        (b'","recorded_at"', b'", "recorded_at"'),
        (b'"x"', b'"\\u0078"'),
        (b'"recorded_at":"2024-10-11T00:00:00.000000Z"', b'"recorded_at":"2024-10-11T02:00+02:00"'),
        (b'"event":{', b'"position":7,"event":{'),
        (b'"changes":{', b'"changes":{"z":1e2,'),
        ("é".encode(), b"e"),
    ],
)
def test_many_lines_are_read_as_each_of_them_is(old: bytes, new: bytes) -> None:
    lines = exported()
    for place in range(0, len(lines), 7):
        lines[place] = lines[place].replace(old, new, 1)
    assert intake.record_all(lines) == list(map(intake.record, lines))
    settled = [entry for entry, _ in intake.record_all(lines)]
    assert [(e.data, e.tags) for e in settled] == [  # type: ignore[attr-defined]
        (data, tags) for _, data, tags in map(intake.canonical, [entry.event for entry in settled])
    ]


def test_two_records_on_what_is_given_as_one_line_are_none() -> None:
    one, two, *others = exported()
    with pytest.raises(InvalidEvent):
        intake.record(one + b"\n" + two)
    with pytest.raises(InvalidEvent):
        intake.record_all([one + b"\n" + two, *others])


def test_lines_as_the_log_stores_them_take_no_closer_look(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = exported()
    monkeypatch.setattr(intake, "record", None)
    assert len(intake.record_all(lines)) == 320


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"type":', b'"type":"statement","type":'),
        (b'"recorded_by":', b'"id":"b","recorded_by":'),
        (b'"chain":', b'"more":1,"chain":'),
        (b'"Ann"', b'"A\x7fnn"'),
        (b'"Ann"', b'"A\xffnn"'),
        (b'"id":"', b'"id":"\\n'),
        (b'"recorded_by":"', b'"recorded_by":"\\t'),
        (b"11T00:00", b"32T00:00"),
        (b'"note":"n"', b'"note":9223372036854775808'),
        (b'"note":"n"', b'"note":' + b"[" * 65 + b"]" * 65),
        (b"}}", b"}"),
    ],
)
def test_one_bad_line_among_many_is_refused_as_it_is_alone(old: bytes, new: bytes) -> None:
    lines = exported()
    place = next(n for n, one in enumerate(lines) if n > 150 and old in one)
    lines[place] = lines[place].replace(old, new, 1)
    with pytest.raises(InvalidEvent) as alone:
        intake.record(lines[place])
    with pytest.raises(InvalidEvent) as among:
        intake.record_all(lines)
    assert (str(among.value), among.value.pointer) == (str(alone.value), alone.value.pointer)


def test_a_line_of_an_export_brings_its_id_and_its_time() -> None:
    entry, recorded_us = intake.record(line(RECORD))
    assert (entry.id, entry.recorded_by, entry.event) == ("a", "the desk", read(STATEMENT))
    assert recorded_us == 1_728_604_800_000_000
    assert intake.record(line({"position": 7} | RECORD)) == (entry, recorded_us)
    assert intake.record(line(RECORD | {"recorded_at": "2024-10-11T02:00:00+02:00"})) == (entry, recorded_us)


@pytest.mark.parametrize(
    ("changes", "pointer", "said"),
    [
        ({"sealed": {}}, "/sealed", "unknown field 'sealed' in a record; written by a later version?"),
        ({"a/b": 1}, "/a~1b", "unknown field 'a/b'"),
        ({"\ud800": 1}, "", "U+D800"),
        ({"id": None}, "/id", "an id is text"),
        ({"id": "e\u0301"}, "/id", "NFC"),
        ({"recorded_by": 5}, "/recorded_by", "recorded_by is text"),
        ({"event": None}, "/event", "expected an object"),
        ({"event": []}, "/event", "expected an object"),
        ({"event": {}}, "/event/type", "an event has a type, one of"),
        ({"event": STATEMENT | {"claims": [1]}}, "/event/claims/0", "expected `str`"),
        ({"event": STATEMENT | {"a/b": 1}}, "/event/a~1b", "unknown field"),
        ({"event": STATEMENT | {"quote": "\0"}}, "/event/quote", "U+0000"),
        ({"event": ASSESSMENT}, "/event", "give likelihood, verdict, or both"),
        ({"event": STATEMENT | {"id": "a"}}, "/event/id", "unknown field"),
        ({"recorded_at": 1728604800}, "/recorded_at", "expected text"),
        ({"recorded_at": None}, "/recorded_at", "expected text"),
        ({"recorded_at": ""}, "/recorded_at", "is no time"),
        ({"recorded_at": "2024-10-11"}, "/recorded_at", "is no moment; write 2024-10-11T00:00:00.000000Z"),
        ({"recorded_at": "2024-10-11T00:00:00"}, "/recorded_at", "has no zone"),
        ({"recorded_at": "2024-10-11T00:00:00Z~"}, "/recorded_at", "is no moment"),
        ({"recorded_at": "2024-10-11T00:00:00Z/2024-10-11T00:00:01Z"}, "/recorded_at", "is no moment"),
        ({"recorded_at": "../2024-10-11T00:00:00Z"}, "/recorded_at", "is no moment"),
    ],
)
def test_a_record_that_is_none_is_refused_by_its_pointer(changes: dict[str, Any], pointer: str, said: str) -> None:
    error = refused_record(RECORD | changes)
    assert_says(error, pointer, said)
    str(error).encode()


@pytest.mark.parametrize("name", list(RECORD))
def test_a_record_without_its_envelope_may_be_a_file_for_append(name: str) -> None:
    fields = {key: value for key, value in RECORD.items() if key != name}
    assert_says(refused_record(fields), f"/{name}", f"has a field {name!r}; is this a file for `claims append`?")


# -- anything at all -------------------------------------------------------------------------------------------------

texts = st.text(max_size=8) | st.sampled_from(["\ud800", "x", "2024-10-08", "statement", "\0", "e\u0301", "a@b"])
numbers = st.integers() | st.floats() | st.sampled_from([2**63, -(2**70), 1e300])
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
fields_of = {tag: sorted(field.encode_name for field in msgspec.structs.fields(cls)) for tag, cls in ev.TYPES.items()}


@st.composite
def near_events(draw: st.DrawFn) -> dict[str, Any]:
    """Objects that are nearly events: mostly known fields, some with values that fit, some with anything."""
    tag = draw(st.sampled_from(sorted(ev.TYPES)))
    names = draw(st.lists(st.sampled_from(fields_of[tag]), unique=True)) + draw(st.lists(texts, max_size=1))
    fields = {name: draw(values) for name in names}
    base = draw(st.sampled_from([{}, {"claims": ["x"], "chain": [ANN]}, {"claim": "x", "text": "t", "why": "w"}]))
    return {"type": tag, **base, **fields}


def never_raises_but_invalid_event(data: bytes) -> None:
    for reader in (intake.entry, intake.record):
        try:
            reader(data)
        except InvalidEvent as error:
            str(error).encode()


@given(st.binary(max_size=200))
def test_any_bytes_are_an_event_or_invalid(data: bytes) -> None:
    never_raises_but_invalid_event(data)


@settings(max_examples=300)
@given(values | near_events())
def test_any_json_is_an_event_or_invalid(value: Any) -> None:
    never_raises_but_invalid_event(json.dumps(value).encode())
    never_raises_but_invalid_event(json.dumps(RECORD | {"event": value}).encode())


@settings(max_examples=300)
@given(near_events())
def test_what_was_read_is_read_again_as_the_same(fields: dict[str, Any]) -> None:
    try:
        event = read(json.loads(json.dumps(fields)))
    except (InvalidEvent, UnicodeEncodeError):
        return
    assert intake.normalise(event) == event
    assert read(json.loads(records.encode_event(event))) == event


@settings(max_examples=300)
@given(st.data())
def test_any_event_built_in_python_is_valid_or_invalid(data: st.DataObject) -> None:
    cls = ev.TYPES[data.draw(st.sampled_from(sorted(ev.TYPES)))]
    odd = st.one_of(
        values, st.binary(max_size=3), st.just(PEOPLE), st.just(("x",)), st.sampled_from([object(), date.min])
    )
    built = cls(**{field.name: data.draw(odd) for field in msgspec.structs.fields(cls)})
    try:
        event = intake.normalise(built)
    except InvalidEvent as error:
        str(error).encode()
    else:
        assert intake.normalise(event) == event
