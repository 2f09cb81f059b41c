"""Is what comes in from outside read strictly, normalised, and refused with what is wrong, where, and what to do?"""

from __future__ import annotations

import json
from typing import Any

import pytest
from incoming import (
    AMENDMENT,
    ANN,
    BIG,
    EVIDENCE,
    PEOPLE,
    STATEMENT,
    assert_says,
    line,
    read,
    refusal,
    refused,
)

from ledger import (
    Entry,
    InvalidEvent,
    Statement,
    intake,
    records,
)


def test_what_was_read_is_the_entry_that_it_is_also_where_it_is_looked_for() -> None:
    was_read = intake.entry(line(STATEMENT | {"id": "a"}))
    built = Entry(event=was_read.event, id="a")
    assert was_read == built
    assert was_read in {built} and built in {was_read}


# -- bytes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"type": "\xff"}', "byte 11 of the line is not UTF-8; convert"),
        (b'{"type": "\xed\xa0\x80"}', "byte 11 of the line is not UTF-8"),  # a surrogate, encoded as if it were text
        (b'{"type": "\xc0\xaf"}', "byte 11 of the line is not UTF-8"),  # an overlong form
        ('{"type": "statement"}'.encode("latin-1").replace(b"statement", b"st\xe4tement"), "is not UTF-8"),
        (json.dumps(STATEMENT).encode("utf-16"), "byte 1 of the line is not UTF-8"),
        (json.dumps(STATEMENT).encode("utf-16-le"), "not JSON"),
        (b"\xef\xbb\xbf" + line(STATEMENT), "BOM"),
        (b"", "not JSON: Expecting value at character 1"),
        (b"   ", "not JSON"),
        (b"{", "not JSON"),
        (line(STATEMENT) + b" {}", "not JSON: Extra data at character"),
        (b"{'type': 'statement'}", "not JSON"),
        (b'{"type": "statement",}', "not JSON"),
        (b"[]", "expected a JSON object, one event a line"),
        (b'"statement"', "expected a JSON object"),
        (b"null", "expected a JSON object"),
        (b"1", "expected a JSON object"),
        (b"true", "expected a JSON object"),
    ],
)
def test_a_line_is_one_json_object_in_utf_8(data: bytes, said: str) -> None:
    assert_says(refusal(data), "", said)


@pytest.mark.parametrize("opening", ["[", '{"a":', '{"changes":[', '[{"a":'])
def test_ten_thousand_levels_are_refused_and_break_nothing(opening: str) -> None:
    assert refusal(opening.encode() * 10_000).reason == "nested deeper than 64 levels"


@pytest.mark.parametrize(("levels", "fits"), [(62, True), (63, True), (64, False), (65, False), (200, False)])
def test_what_is_nested_in_changes_has_at_most_sixty_four_levels(levels: int, fits: bool) -> None:
    changes = AMENDMENT | {"changes": {"note": json.loads("[" * levels + "]" * levels)}}
    if fits:
        assert read(changes).target == "a"
    else:
        assert_says(refused(changes), "/changes/note" + "/0" * 63, "nested deeper than 64 levels")


def padded(size: int) -> bytes:
    data = line(STATEMENT)
    return data[:-1] + b" " * (size - len(data)) + b"}"


def test_a_line_has_at_most_256_kib() -> None:
    assert intake.entry(padded(256 * 1024)).event == read(STATEMENT)
    error = refusal(padded(256 * 1024 + 1))
    assert_says(error, "", "262,145 bytes, more than 262,144", "split the act or shorten its texts")


def heavy(characters: int) -> dict[str, Any]:
    return STATEMENT | dict.fromkeys(("quote", "original", "note"), "\U0001f600" * characters)


def test_an_event_is_small_enough_to_be_exported_and_imported_again() -> None:
    claims = [f"{n:0>110}" for n in range(200)]
    events = [heavy(20_000) | {"claims": claims[:count]} for count in range(150, 190)]
    accepted = 0
    for event in events:
        try:
            entry = intake.entry(line(event))
        except InvalidEvent as error:
            assert_says(error, "", "bytes, more than 260,096; shorten its texts")
            continue
        accepted += 1
        before, after = records.envelope('"' * 200, "\U0001f600" * 200, records.encode_event(entry.event))
        exported = records.line(10**15, before + b"2024-10-11T00:00:00.000000Z" + after)
        assert intake.record(exported)[0].event == entry.event
    assert 0 < accepted < len(events)


# -- text ------------------------------------------------------------------------------------------------------------

TEXTS: list[tuple[dict[str, Any], str]] = [
    (STATEMENT | {"quote": "%s"}, "/quote"),
    (STATEMENT | {"note": "%s"}, "/note"),
    (STATEMENT | {"claims": ["x", "%s"]}, "/claims/1"),
    (STATEMENT | {"chain": [ANN, ANN | {"role": "%s"}]}, "/chain/1/role"),
    (STATEMENT | {"said_at": "%s"}, "/said_at"),
    (STATEMENT | {"in_reply_to": "%s"}, "/in_reply_to"),
    (AMENDMENT | {"changes": {"chain": [{"name": "%s"}]}}, "/changes/chain/0/name"),
    (AMENDMENT | {"changes": {"note": "b"}, "target": "%s"}, "/target"),
    ({"type": "claim_registered", "claim": "x", "text": "%s"}, "/text"),
    ({"type": "%s"}, "/type"),
]


def filled(fields: Any, text: str) -> Any:
    if isinstance(fields, dict):
        return {key: filled(value, text) for key, value in fields.items()}
    if isinstance(fields, list):
        return [filled(value, text) for value in fields]
    return fields % text if isinstance(fields, str) and "%s" in fields else fields


@pytest.mark.parametrize(
    "char", ["\0", "\x01", "\b", "\v", "\f", "\x1b", "\x1f", "\x7f", "\x80", "\x85", "\x9b", "\x9f"]
)
@pytest.mark.parametrize(("fields", "pointer"), TEXTS)
def test_control_characters_are_refused_wherever_they_stand(fields: dict[str, Any], pointer: str, char: str) -> None:
    for data in (line(filled(fields, f"ab{char}c")), json.dumps(filled(fields, f"ab{char}c")).encode()):
        assert_says(refusal(data), pointer, f"U+{ord(char):04X} at character 3 is no text; take it out")


@pytest.mark.parametrize("code", [0xD800, 0xDBFF, 0xDC00, 0xDFFF])
@pytest.mark.parametrize(("fields", "pointer"), TEXTS)
def test_a_lone_surrogate_is_refused_wherever_it_stands(fields: dict[str, Any], pointer: str, code: int) -> None:
    error = refusal(json.dumps(filled(fields, f"a{chr(code)}")).encode())
    assert_says(error, pointer, f"U+{code:04X} at character 2 is no text")
    str(error).encode()


@pytest.mark.parametrize("key", ["\0", "a\x1bb", "\ud800", "\x85"])
def test_a_field_name_is_text_too(key: str) -> None:
    for fields in (STATEMENT | {key: 1}, AMENDMENT | {"changes": {key: 1}}, STATEMENT | {"chain": [ANN | {key: 1}]}):
        error = refusal(json.dumps(fields).encode())
        assert "is no text; take it out" in str(error)
        str(error).encode()


@pytest.mark.parametrize(
    "kept",
    [
        "a\tb\nc",
        "\u202eright to left\u202c",
        "\u2066isolate\u2069",
        "zero\u200bwidth\u200d\u200c\ufeff",
        "\U0001f469\u200d\U0001f4bb",
        "\u00ad\u2028\u2029",
        "\ufffd\uffff",
        "\ue000",
        "\U0001f600",
        "  spaces stay  ",
        "<script>alert(1)</script>\\ \" ' ${x} %s {y}",
    ],
)
def test_all_other_text_is_kept_to_the_letter(kept: str) -> None:
    for event in (
        read(STATEMENT | {"quote": kept}),
        intake.normalise(Statement(claims=("x",), chain=PEOPLE, quote=kept)),
    ):
        assert event.quote == kept


def test_a_surrogate_pair_is_one_character() -> None:
    assert (
        intake.entry(b'{"type":"statement","claims":["x"],"chain":[{"name":"\\ud83d\\ude00 a"}]}').event.chain[0].name
        == "\U0001f600 a"
    )


@pytest.mark.parametrize(
    ("given_text", "stored"),
    [
        ("e\u0301", "\u00e9"),
        ("\u1112\u1161\u11ab", "\ud55c"),
        ("\u212b", "\u00c5"),
        ("\u0958", "\u0915\u093c"),
        ("a\u0323\u0307", "\u1ea1\u0307"),
        ("\ufb01", "\ufb01"),  # a compatibility character stays: NFC, not NFKC
        ("one\r\ntwo\rthree\n", "one\ntwo\nthree\n"),
        ("\r\n\r\n", "\n\n"),
        ("\r\r\n", "\n\n"),
    ],
)
def test_text_becomes_nfc_with_newlines(given_text: str, stored: str) -> None:
    assert read(STATEMENT | {"quote": given_text}).quote == stored
    assert intake.normalise(Statement(claims=("x",), chain=PEOPLE, quote=given_text)).quote == stored
    assert read(AMENDMENT | {"changes": {"quote": given_text}}).changes == {"quote": stored}


@pytest.mark.parametrize(
    ("field", "limit"),
    [("quote", 20_000), ("original", 20_000), ("note", 20_000), ("url", 4_000), ("in_reply_to", 200)],
)
def test_a_text_has_its_limit_after_it_was_normalised(field: str, limit: int) -> None:
    assert len(getattr(read(STATEMENT | {field: "a" * limit}), field)) == limit
    assert len(getattr(read(STATEMENT | {field: "e\u0301" * limit}), field)) == limit
    assert_says(refused(STATEMENT | {field: "a" * (limit + 1)}), f"/{field}", f"<= {limit}", "claims schema statement")
    assert_says(refused(STATEMENT | {field: "\u0958" * limit}), f"/{field}", f"<= {limit}")
    assert_says(refused(STATEMENT | {field: ""}), f"/{field}", ">= 1")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        (STATEMENT | {"language": "en\n"}, "/language"),
        (STATEMENT | {"language": "en\r\n"}, "/language"),
        ({"type": "claim_registered", "claim": "x", "text": "t", "language": "en\n"}, "/language"),
        (EVIDENCE | {"sha256": "a" * 64 + "\n"}, "/sha256"),
        (EVIDENCE | {"media_type": "text/plain\n"}, "/media_type"),
    ],
)
def test_a_last_newline_slips_through_no_pattern(fields: dict[str, Any], pointer: str) -> None:
    assert_says(refused(fields), pointer, "newline; take it out")


@pytest.mark.parametrize("language", ["en", "uk", "zh-Hant", "de-CH-1996", "x-klingon"])
def test_a_language_is_a_bcp_47_tag(language: str) -> None:
    assert read(STATEMENT | {"language": language}).language == language


@pytest.mark.parametrize("language", ["", "e n", "en_GB", "English language", "-en", "en-", "deutschlandisch", "12"])
def test_what_is_no_bcp_47_tag_is_refused(language: str) -> None:
    assert refused(STATEMENT | {"language": language}).pointer == "/language"


# -- JSON ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (b'{"type":"statement","type":"denial"}', "'type'"),
        (b'{"type":"statement","type":"statement"}', "'type'"),
        (b'{"id":"a","id":"b","type":"statement"}', "'id'"),
        (b'{"chain":[{"name":"a","name":"b"}]}', "'name'"),
        (b'{"type":"record_amended","changes":{"a":{"b":[{"c":1,"c":2}]}}}', "'c'"),
        (b'{"\\u0061":1,"a":2}', "'a'"),
        (b'{"a":1,"b":2,"\\ud800":1,"\\ud800":2}', "'\\ud800'"),
    ],
)
def test_a_key_stands_once_in_an_object_at_any_depth(data: bytes, key: str) -> None:
    error = refusal(data)
    assert_says(error, "", f"the key {key} stands twice in one object; keep one of them")
    str(error).encode()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_what_is_a_number_in_python_only_is_not_json(number: str) -> None:
    assert_says(refusal(b'{"type":"act_graded","act":"a","grade":%b}' % number.encode()), "", f"{number} is not JSON")


@pytest.mark.parametrize("number", ["1e400", "-1e400", BIG, f"-{BIG}", str(2**63), str(-(2**63) - 1), "1e19"])
@pytest.mark.parametrize(
    ("template", "pointer"),
    [
        ('{"type":"act_graded","act":"a","grade":%s}', "/grade"),
        ('{"type":"record_amended","target":"a","why":"w","changes":{"note":%s}}', "/changes/note"),
        ('{"type":"record_amended","target":"a","why":"w","changes":{"n":[0,{"x/y~":%s}]}}', "/changes/n/1/x~1y~0"),
        (
            '{"type":"assessment","claims":["x"],"chain":[{"name":"A"}],"likelihood":{"term":"t","low":%s}}',
            "/likelihood/low",
        ),
        ('{"type":%s}', "/type"),
    ],
)
def test_a_number_that_nothing_holds_is_refused_where_it_stands(template: str, pointer: str, number: str) -> None:
    assert_says(refusal((template % number).encode()), pointer, "the number is too large, or none")


@pytest.mark.parametrize("data", [b'{"id":%b}', b'{"recorded_by":%b}'])
def test_a_huge_number_is_no_name_either(data: bytes) -> None:
    assert "text of 1 to 200 printable characters" in str(refusal(data % BIG.encode()))
