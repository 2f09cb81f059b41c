"""What a person sees: nothing that steers a terminal, columns that align in every script, lines within bounds."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from ledger.cli import render
from ledger.cli.render import Column, Screen, blocks, fit, pad, table, width, wrap
from ledger.visible import visible, visible_json

TERMINAL = Screen(40, True)
PIPE = Screen(40, False)
#: Numbers signs of Arabic and Kaithi: format characters that are seen.
SEEN = {0x600, 0x601, 0x602, 0x603, 0x604, 0x605, 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred", "\\u{1b}[31mred"),
        ("\x00", "\\u{0}"),
        ("tab\tstop", "tab\\u{9}stop"),
        ("\r", "\\u{d}"),
        ("\x7f", "\\u{7f}"),
        ("\x85\x9b", "\\u{85}\\u{9b}"),
        ("\u061c\u200e\u200f", "\\u{61c}\\u{200e}\\u{200f}"),
        ("\u202a\u202b\u202c\u202d\u202e", "\\u{202a}\\u{202b}\\u{202c}\\u{202d}\\u{202e}"),
        ("\u2066\u2067\u2068\u2069", "\\u{2066}\\u{2067}\\u{2068}\\u{2069}"),
        ("\u200b\u200c\u200d\u2060\ufeff", "\\u{200b}\\u{200c}\\u{200d}\\u{2060}\\u{feff}"),
        ("\u2028\u2029", "\\u{2028}\\u{2029}"),
        ("\xad\u034f\u3164", "\\u{ad}\\u{34f}\\u{3164}"),
        ("\ud800", "\\u{d800}"),
        ("\U000e0041", "\\u{e0041}"),
        ("one\ntwo", "one⏎two"),
        ("Київ 평양 بغداد दिल्ली", "Київ 평양 بغداد दिल्ली"),
        ("“quoted” – ½ é", "“quoted” – ½ é"),
    ],
)
def test_what_others_wrote_is_shown_and_never_obeyed(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_no_character_that_is_not_seen_gets_through() -> None:
    for code in range(sys.maxunicode + 1):
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp") and code not in SEEN and code != 0x0A:
            assert visible(chr(code)) == f"\\u{{{code:x}}}"


def test_json_for_a_terminal_is_the_same_value() -> None:
    import msgspec

    value = {"a\u202e": ["\x7f\x9b", "\U000e0041", "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16")]}
    data = visible_json(msgspec.json.encode(value))
    assert msgspec.json.decode(data) == value
    assert all(visible(char) == char for char in data.decode())


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("北韓", 4), ("평양", 4), ("e\u0301", 1), ("ﾊﾝｶｸ", 4), ("Київ", 4), ("", 0)]
)
def test_a_wide_character_takes_two_columns_and_a_combining_one_none(text: str, columns: int) -> None:
    assert width(text) == columns


def test_what_is_cut_ends_in_an_ellipsis_and_never_in_half_a_character() -> None:
    assert fit("abcdef", 6) == "abcdef"
    assert fit("abcdef", 5) == "abcd…"
    assert fit("北韓士兵", 6) == "北韓…"
    assert fit("北韓士兵", 5) == "北韓…"
    assert width(pad(fit("北韓士兵", 6), 6)) == 6


def test_columns_align_whatever_the_script() -> None:
    rows = [["北韓", "a"], ["Пхеньян", "b"], ["e\u0301", "c"]]
    lines = list(table([Column("name"), Column("x")], rows, PIPE))[1:]
    assert {width(line) for line in lines} == {width("Пхеньян") + 3}


def test_a_narrow_terminal_cuts_what_may_shrink_and_nothing_else() -> None:
    rows = [["the-very-long-id-of-a-claim", "w" * 60]]
    columns = [Column("id"), Column("text", shrink=True)]
    _, line = table(columns, rows, TERMINAL)
    assert line == "the-very-long-id-of-a-claim  wwwwwwwwww…"
    assert list(table(columns, rows, PIPE))[1] == f"the-very-long-id-of-a-claim  {'w' * 60}"


def test_a_table_that_wraps_goes_on_below() -> None:
    columns = [Column("act"), Column("claims", shrink=True)]
    lines = list(table(columns, [["A1", "one two three four five six seven eight nine ten"]], TERMINAL, wraps=True))
    assert lines[1:] == ["A1   one two three four five six seven", "     eight nine ten"]


def test_a_long_table_is_lazy() -> None:
    endless = iter(lambda: ["x", "y"], None)
    lines = table([Column("a"), Column("b")], endless, PIPE, sample=2)
    assert [next(lines) for _ in range(5)][1:] == ["x  y"] * 4


def test_cells_are_escaped_after_the_sample_too() -> None:
    assert list(table([Column("a")], [["x"], ["\x1b"]], PIPE, sample=1))[1:] == ["x", "\\u{1b}"]


def test_prose_keeps_within_its_columns() -> None:
    text = "Many words, one-of-them-so-long-that-it-does-not-fit-on-any-line; 북한군 병사들이 우크라이나에 있다."
    lines = list(wrap(text, 30, "claim  "))
    assert all(width(line) <= 30 for line in lines)
    assert "".join(lines).replace(" ", "") == ("claim" + text).replace(" ", "")
    assert all(line.startswith("       ") for line in lines[1:])


def test_a_newline_in_prose_begins_a_line() -> None:
    assert list(wrap("one\ntwo", 30, "  ")) == ["  one", "  two"]


def test_blocks_stand_a_blank_line_apart_and_empty_ones_leave_none() -> None:
    assert list(blocks(["a"], [], ["b", "c"], [])) == ["a", "", "b", "c"]


def test_a_word_of_thousands_of_characters_is_measured_once_and_not_for_every_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured, of_char = 0, render._char_width

    def counted(char: str) -> int:
        nonlocal measured
        measured += 1
        return of_char(char)

    monkeypatch.setattr(render, "_char_width", counted)
    lines = list(wrap("大" * 3_000, 60, "  "))
    assert "".join(line.strip() for line in lines) == "大" * 3_000
    assert measured < 10 * 3_000
