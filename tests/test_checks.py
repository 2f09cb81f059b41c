"""Is an event as it should be, field by field, and told by pointer where it is not?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from incoming import (
    AMENDMENT,
    ANN,
    ASSESSMENT,
    DENIAL,
    EVIDENCE,
    STATEMENT,
    assert_says,
    line,
    read,
    refusal,
    refused,
    weighed,
)

from ledger import (
    Likelihood,
    intake,
    records,
    scales,
)
from ledger import events as ev

# -- schema ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        (STATEMENT | {"colour": 1}, "/colour"),
        (STATEMENT | {"a/b~c": 1}, "/a~1b~0c"),
        (STATEMENT | {"~1": 1}, "/~01"),
        (STATEMENT | {"": 1}, "/"),
        (STATEMENT | {"a`b": 1}, "/a`b"),
        (STATEMENT | {"position": 7}, "/position"),
        (STATEMENT | {"recorded_at": "2024"}, "/recorded_at"),
        (STATEMENT | {"form": "flat"}, "/form"),
        (STATEMENT | {"verdict": "true"}, "/verdict"),
        (STATEMENT | {"chain": [ANN, ANN | {"colour": 1}]}, "/chain/1/colour"),
        (STATEMENT | {"chain": [ANN | {"a/b": 1}]}, "/chain/0/a~1b"),
        (STATEMENT | {"chain": [ANN | {"x` - at `$.y": 1}]}, "/chain/0/x` - at `$.y"),
        (ASSESSMENT | {"likelihood": {"term": "likely", "scale": "icd203", "mid": 0.5}}, "/likelihood/mid"),
        ({"type": "claims_related", "from_": "a", "to": "b", "relation": "entails"}, "/from_"),
    ],
)
def test_an_unknown_field_is_refused_by_its_pointer(fields: dict[str, Any], pointer: str) -> None:
    assert_says(refused(fields), pointer, f"unknown field; see `claims schema {fields['type']}`")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"type": "statement", "chain": [ANN]}, "/claims"),
        ({"type": "statement", "claims": ["x"]}, "/chain"),
        (STATEMENT | {"chain": [{}]}, "/chain/0/name"),
        (STATEMENT | {"chain": [ANN, {"kind": "outlet"}]}, "/chain/1/name"),
        (ASSESSMENT | {"likelihood": {}}, "/likelihood/term"),
        ({"type": "retraction", "chain": [ANN]}, "/act"),
        ({"type": "correction", "act": "a", "chain": [ANN]}, "/changes"),
        ({"type": "claim_registered", "claim": "x"}, "/text"),
        ({"type": "claim_reworded", "claim": "x", "text": "t"}, "/why"),
        ({"type": "claims_related", "to": "b", "relation": "entails"}, "/from"),
        ({"type": "record_voided", "target": "a"}, "/why"),
        ({"type": "record_amended", "target": "a", "why": "w"}, "/changes"),
        ({"type": "ruling_recorded", "claim": "x", "ruling": "confirmed", "by": "a court"}, "/reasons"),
    ],
)
def test_a_missing_field_is_named_by_its_pointer(fields: dict[str, Any], pointer: str) -> None:
    assert_says(refused(fields), pointer, f"required; see `claims schema {fields['type']}`")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"claims": []},
        {"type": "Statement"},
        {"type": "bogus"},
        {"type": "ledger.events.Statement"},
        {"type": "os.system"},
        {"type": ""},
        {"type": None},
        {"type": 1},
        {"type": ["statement"]},
        {"type": {"type": "statement"}},
    ],
)
def test_a_type_that_is_missing_or_unknown_is_answered_with_the_types_there_are(fields: dict[str, Any]) -> None:
    assert_says(refused(fields), "/type", *ev.TYPES)


@pytest.mark.parametrize(
    ("fields", "pointer", "said"),
    [
        (STATEMENT | {"claims": "x"}, "/claims", "expected `array`, got `str`"),
        (STATEMENT | {"claims": None}, "/claims", "expected `array`, got `null`"),
        (STATEMENT | {"claims": ["x", 1]}, "/claims/1", "expected `str`, got `int`"),
        (STATEMENT | {"claims": ["x", ["y"]]}, "/claims/1", "expected `str`, got `array`"),
        (STATEMENT | {"claims": []}, "/claims", "length >= 1"),
        (ASSESSMENT | {"claims": [], "verdict": "true"}, "/claims", "length >= 1"),
        (STATEMENT | {"chain": []}, "/chain", "length >= 1"),
        (STATEMENT | {"chain": ANN}, "/chain", "expected `array`, got `object`"),
        (STATEMENT | {"chain": ["Ann"]}, "/chain/0", "expected `object`, got `str`"),
        (STATEMENT | {"chain": [ANN, ANN | {"name": 7}]}, "/chain/1/name", "expected `str`, got `int`"),
        (STATEMENT | {"chain": [ANN | {"kind": "human"}]}, "/chain/0/kind", "invalid enum value 'human'"),
        (STATEMENT | {"chain": [ANN | {"report": "hearsay"}]}, "/chain/0/report", "invalid enum value 'hearsay'"),
        (STATEMENT | {"chain": [ANN] * 51}, "/chain", "length <= 50"),
        (STATEMENT | {"quote": 1}, "/quote", "expected `str | null`, got `int`"),
        (STATEMENT | {"quote": True}, "/quote", "expected `str | null`, got `bool`"),
        (STATEMENT | {"said_at": 2024}, "/said_at", "expected `str | null`, got `int`"),
        (STATEMENT | {"mode": "shouted"}, "/mode", "invalid enum value 'shouted'"),
        (STATEMENT | {"mode": None}, "/mode", "expected `str`, got `null`"),
        (DENIAL | {"form": "maybe"}, "/form", "invalid enum value 'maybe'"),
        (ASSESSMENT | {"verdict": True}, "/verdict", "expected `str | null`, got `bool`"),
        (ASSESSMENT | {"likelihood": "likely"}, "/likelihood", "expected `object | null`, got `str`"),
        (
            ASSESSMENT | {"likelihood": {"term": "t", "low": "0.1"}},
            "/likelihood/low",
            "expected `float | null`, got `str`",
        ),
        (
            ASSESSMENT | {"likelihood": {"term": "t", "low": True}},
            "/likelihood/low",
            "expected `float | null`, got `bool`",
        ),
        ({"type": "act_graded", "act": "a", "grade": 7}, "/grade", "invalid enum value 7"),
        ({"type": "act_graded", "act": "a", "grade": "1"}, "/grade", "expected `int`, got `str`"),
        ({"type": "source_graded", "source": "a", "grade": "G"}, "/grade", "invalid enum value 'G'"),
        ({"type": "claims_related", "from": "a", "to": "b", "relation": "implies"}, "/relation", "'implies'"),
        (AMENDMENT | {"changes": []}, "/changes", "expected `object`, got `array`"),
        (AMENDMENT | {"changes": {}}, "/changes", "length >= 1"),
        (EVIDENCE | {"sha256": "A" * 64}, "/sha256", "matching regex"),
        (EVIDENCE | {"media_type": "text"}, "/media_type", "matching regex"),
    ],
)
def test_a_wrong_value_is_refused_by_its_pointer(fields: dict[str, Any], pointer: str, said: str) -> None:
    assert_says(refused(fields), pointer, said, f"see `claims schema {fields['type']}`")


# -- ids -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a", "x" * 200, "é" * 200, "01928c8e-7f1a-7c3b", "a b", "№ 7 / 2024~", "42"])
def test_an_event_may_bring_its_id_and_its_recorder(text: str) -> None:
    entry = intake.entry(line(STATEMENT | {"id": text, "recorded_by": text}))
    assert (entry.id, entry.recorded_by, entry.event) == (text, text, read(STATEMENT))


@pytest.mark.parametrize(
    "text", ["", "x" * 201, "a\nb", "a\tb", "a\0", "\x7f", "a\u200bb", "\u202ea", "\ud800", 1, True, ["a"], {}, 0.5]
)
def test_an_id_and_a_recorder_are_200_printable_characters_at_most(text: object) -> None:
    for name, said in (("id", "an id is text"), ("recorded_by", "recorded_by is text")):
        error = refusal(json.dumps(STATEMENT | {name: text}).encode())
        assert_says(error, f"/{name}", said, "of 1 to 200 printable characters")


def test_an_id_is_in_nfc_as_all_that_names_it_is() -> None:
    assert_says(refused(STATEMENT | {"id": "e\u0301"}), "/id", "an id is in NFC; write '\u00e9'")
    assert intake.entry(line(STATEMENT | {"id": "\u00e9"})).id == "\u00e9"


def test_an_event_without_an_id_leaves_it_to_the_ledger() -> None:
    for fields in (STATEMENT, STATEMENT | {"id": None, "recorded_by": None}):
        entry = intake.entry(line(fields))
        assert (entry.id, entry.recorded_by) == (None, None)


@pytest.mark.parametrize(
    ("claim", "said"),
    [
        ("Six killed", "'Six killed' is no claim id; write 'six-killed'"),
        ("six_killed", "write 'six-killed'"),
        ("-six", "write 'six'"),
        ("six--killed", "write 'six-killed'"),
        ("SIX", "write 'six'"),
        ("Straße", "write 'strasse'"),
        ("ﬁve", "write 'five'"),
        ("a@b", "write 'a-b'"),
        ("a/b", "write 'a-b'"),
        ("a\nb", "write 'a-b'"),
        ("a\u200bb", "write 'a-b'"),
        ("-", "it has no letter or digit"),
        ("!?", "it has no letter or digit"),
        ("\u202e", "it has no letter or digit"),
    ],
)
def test_a_claim_id_that_is_no_slug_is_answered_with_the_slug(claim: str, said: str) -> None:
    for fields, pointer in (
        (STATEMENT | {"claims": ["x", claim]}, "/claims/1"),
        (STATEMENT | {"possible_claims": [claim]}, "/possible_claims/0"),
        ({"type": "claim_registered", "claim": claim, "text": "t"}, "/claim"),
        ({"type": "claim_reworded", "claim": claim, "text": "t", "why": "w"}, "/claim"),
        ({"type": "claims_related", "from": claim, "to": "x", "relation": "entails"}, "/from"),
        ({"type": "claims_related", "from": "x", "to": claim, "relation": "entails"}, "/to"),
        ({"type": "ruling_recorded", "claim": claim, "ruling": "confirmed", "by": "b", "reasons": "r"}, "/claim"),
        (EVIDENCE | {"claims": [claim]}, "/claims/0"),
    ):
        assert_says(refused(fields), pointer, said)


@pytest.mark.parametrize("source", ["ann", "a-source@the-guardian", "a@b@c", "міністр@нова-газета", "x" * 2_000])
def test_a_source_id_is_slugs_joined_by_at(source: str) -> None:
    assert read(STATEMENT | {"chain": [ANN | {"source": source}]}).chain[0].source == source
    assert read({"type": "source_registered", "source": source, "name": "A"}).source == source


@pytest.mark.parametrize("source", ["Ann", "a b", "@", "a@", "@a", "a@@b", "a @b", "A@b", "-", "a@-"])
def test_what_is_no_source_id_is_refused(source: str) -> None:
    for fields, pointer in (
        (STATEMENT | {"chain": [ANN, ANN | {"source": source}]}, "/chain/1/source"),
        ({"type": "retraction", "act": "a", "chain": [ANN | {"source": source}]}, "/chain/0/source"),
        ({"type": "source_registered", "source": source, "name": "A"}, "/source"),
        ({"type": "source_graded", "source": source, "grade": "A"}, "/source"),
        ({"type": "source_related", "from": source, "to": "a", "relation": "same_as"}, "/from"),
        ({"type": "source_related", "from": "a", "to": source, "relation": "same_as"}, "/to"),
    ):
        assert_says(refused(fields), pointer, "is no source id")


@pytest.mark.parametrize("name", ["!", "...", "—", "\u200b", "\U0001f600"])
def test_a_name_that_makes_no_id_needs_a_source(name: str) -> None:
    chain = [ANN, {"name": name}]
    assert_says(refused(STATEMENT | {"chain": chain}), "/chain/1/name", "has no letter or digit", "give one")
    assert read(STATEMENT | {"chain": [ANN, {"name": name, "source": "anonymous"}]}).chain[1].name == name


def test_a_source_made_of_a_chain_is_no_longer_than_one_that_is_given() -> None:
    unnamed = [{"name": f"{'x' * 380}{n}", "kind": "unnamed"} for n in range(6)]
    assert read(STATEMENT | {"chain": unnamed[:5]})
    error = refused(STATEMENT | {"chain": unnamed})
    assert_says(error, "/chain/0/name", "a source id of 2,291 characters, more than 2,000; give a source")
    ligatures = [{"name": "\ufdfa" * 400, "kind": "unnamed"}]  # each is eighteen letters
    assert refused(STATEMENT | {"chain": ligatures}).pointer == "/chain/0/name"


def test_an_act_is_about_two_hundred_claims_at_most_and_about_each_once() -> None:
    claims = [f"c{n}" for n in range(201)]
    assert len(read(STATEMENT | {"claims": claims[:200], "possible_claims": claims[:200]}).claims) == 200
    assert_says(refused(STATEMENT | {"claims": claims}), "/claims", "<= 200")
    assert_says(refused(STATEMENT | {"possible_claims": claims}), "/possible_claims", "<= 200")
    assert_says(refused(STATEMENT | {"claims": ["x", "y", "x"]}), "/claims", "a claim stands twice; name it once")
    assert_says(refused(DENIAL | {"acts": ["a", "a"]}), "/acts", "an act stands twice; name it once")


# -- what an event must have beyond its schema -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "pointer", "said"),
    [
        ({"type": "denial", "chain": [ANN]}, "/claims", "give claims, acts (event ids), or both"),
        ({"type": "denial", "chain": [ANN], "possible_claims": ["x"]}, "/claims", "give claims, acts"),
        ({"type": "evidence_attached", "url": "https://example.org"}, "/claims", "give claims, an act, or both"),
        (ASSESSMENT, "", "give likelihood, verdict, or both"),
        (ASSESSMENT | {"confidence": "low"}, "", "give likelihood, verdict, or both"),
        (AMENDMENT | {"changes": {"type": "denial"}}, "/changes/type", "never changes its type"),
        (AMENDMENT | {"changes": {"note": "n", "type": "statement"}}, "/changes/type", "never changes its type"),
        (
            {"type": "correction", "act": "a", "chain": [ANN], "changes": {"type": "denial"}},
            "/changes/type",
            "never changes its type; retract it and append another",
        ),
        (STATEMENT | {"said_at": "yesterday"}, "/said_at", "'yesterday' is no time; write a date"),
        (STATEMENT | {"said_at": "2024-10-08T14:30:00"}, "/said_at", "has no zone; end it with Z"),
        (
            STATEMENT | {"chain": [ANN, ANN | {"published_at": "2024-13"}]},
            "/chain/1/published_at",
            "no time on the calendar",
        ),
        (
            {"type": "retraction", "act": "a", "chain": [ANN], "said_at": "2024-10-09/2024-10-08"},
            "/said_at",
            "ends before",
        ),
        (
            {"type": "ruling_recorded", "claim": "x", "ruling": "confirmed", "by": "b", "reasons": "r", "said_at": "x"},
            "/said_at",
            "is no time",
        ),
    ],
)
def test_what_the_schema_cannot_say_is_checked_too(fields: dict[str, Any], pointer: str, said: str) -> None:
    assert_says(refused(fields), pointer, said)


@pytest.mark.parametrize(
    "fields",
    [
        {"type": "denial", "chain": [ANN], "acts": ["a"]},
        DENIAL | {"acts": ["a", "b"]},
        {"type": "evidence_attached", "act": "a"},
        ASSESSMENT | {"verdict": "false"},
        ASSESSMENT
        | {"verdict": "other", "label": "Pants on fire", "likelihood": {"term": "remote", "scale": "icd203"}},
        AMENDMENT | {"changes": {"types": 1, "note": None}},
    ],
)
def test_and_its_near_misses_are_let_in(fields: dict[str, Any]) -> None:
    assert records.encode_event(read(fields))


# -- likelihood ------------------------------------------------------------------------------------------------------


def test_a_term_of_a_scale_gets_its_band() -> None:
    likelihood = read(weighed(term="Very  Likely", scale="icd203")).likelihood
    assert (likelihood.term, likelihood.low, likelihood.high) == ("Very  Likely", 0.80, 0.95)
    assert read(weighed(term="likely", scale="ipcc", low=0.66, high=1)).likelihood.high == 1.0


def test_a_term_of_no_scale_keeps_the_band_its_recorder_gives() -> None:
    for scale in ({}, {"scale": "inferred"}):
        likelihood = read(weighed(term="I would bet on it", low=0.6, high=0.9999, mapped_by="Bo", **scale)).likelihood
        assert likelihood == Likelihood(
            term="I would bet on it", scale="inferred", low=0.6, high=0.9999, mapped_by="Bo"
        )
    assert read(weighed(term="t", low=0, high=1)).likelihood.high == 1
    assert read(weighed(term="t", low=0.5, high=0.5)).likelihood.low == 0.5


@pytest.mark.parametrize(
    ("likelihood", "pointer", "said"),
    [
        ({"term": "maybe"}, "/likelihood/low", "stands in no named scale: give low and high, or name the scale"),
        ({"term": "maybe", "low": 0.1}, "/likelihood/high", "give low and high"),
        ({"term": "maybe", "high": 0.1}, "/likelihood/low", "give low and high"),
        ({"term": "maybe", "scale": "inferred"}, "/likelihood/low", "give low and high"),
        ({"term": "likely"}, "/likelihood/low", "name the scale (icd203, phia, kent, ipcc)"),
        ({"term": "likely", "scale": "icd203", "low": 0.5}, "/likelihood", "is 0.55–0.8; leave low and high out"),
        ({"term": "likely", "scale": "icd203", "high": 0.81}, "/likelihood", "leave low and high out"),
        ({"term": "likely", "scale": "mine"}, "/likelihood/scale", "invalid enum value 'mine'"),
        ({"term": "t", "low": 0.12345, "high": 0.5}, "/likelihood/low", "0.12345 has more than four decimals"),
        ({"term": "t", "low": 0.1, "high": 1e-05}, "/likelihood/high", "more than four decimals"),
        ({"term": "t", "low": 0.1, "high": 5e-324}, "/likelihood/high", "more than four decimals"),
        ({"term": "t", "low": 0.6, "high": 0.5}, "/likelihood/low", "low 0.6 is above high 0.5"),
        ({"term": "t", "low": -0.1, "high": 0.5}, "/likelihood/low", ">= 0"),
        ({"term": "t", "low": 0.1, "high": 1.0001}, "/likelihood/high", "<= 1"),
        ({"term": "", "low": 0.1, "high": 0.2}, "/likelihood/term", "length >= 1"),
    ],
)
def test_a_band_that_cannot_be_is_refused(likelihood: dict[str, Any], pointer: str, said: str) -> None:
    assert_says(refused(ASSESSMENT | {"likelihood": likelihood}), pointer, said)


@pytest.mark.parametrize("scale", list(scales.SCALES))
def test_an_unknown_term_is_answered_with_the_terms_there_are(scale: str) -> None:
    error = refused(weighed(term="perhaps", scale=scale))
    assert_says(
        error, "/likelihood/term", f"'perhaps' is no term of {scale}", 'scale "inferred"', *scales.SCALES[scale]
    )
