"""Is every form of said_at read as the moments it stands for, and all else answered with what to write instead?"""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ledger import when
from ledger.when import Span

DAY_US = 24 * 3600 * 1_000_000


def at(text: str) -> int:
    """The moment of a full RFC 3339 text, by the standard library alone."""
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def start(day: str) -> int:
    return at(f"{day}T00:00:00+00:00")


def end(day: str) -> int:
    return at(f"{day}T23:59:59.999999+00:00")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024-10-08", "2024-10-08", "2024-10-08"),
        ("2024-10", "2024-10-01", "2024-10-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2023-02", "2023-02-01", "2023-02-28"),
        ("2000-02", "2000-02-01", "2000-02-29"),
        ("2100-02", "2100-02-01", "2100-02-28"),
        ("2024-12", "2024-12-01", "2024-12-31"),
        ("2024", "2024-01-01", "2024-12-31"),
        ("1914-07", "1914-07-01", "1914-07-31"),
        ("0001", "0001-01-01", "0001-12-31"),
        ("0001-01-01", "0001-01-01", "0001-01-01"),
        ("9999", "9999-01-01", "9999-12-31"),
        ("9999-12", "9999-12-01", "9999-12-31"),
        ("9999-12-31", "9999-12-31", "9999-12-31"),
        ("2024-10-08/2024-10-10", "2024-10-08", "2024-10-10"),
        ("2024-10-08/2024-10-08", "2024-10-08", "2024-10-08"),
        ("2024-10-10/2024-10", "2024-10-10", "2024-10-31"),
        ("2024-10/2024-10-01", "2024-10-01", "2024-10-01"),
        ("2024/2025", "2024-01-01", "2025-12-31"),
    ],
)
def test_days_months_years_and_intervals_of_them_are_whole_utc_days(text: str, first: str, last: str) -> None:
    assert when.parse(text) == Span(start(first), end(last))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-10-08T14:30Z", "2024-10-08T14:30:00+00:00"),
        ("2024-10-08T14:30:15Z", "2024-10-08T14:30:15+00:00"),
        ("2024-10-08T14:30:15.5Z", "2024-10-08T14:30:15.500000+00:00"),
        ("2024-10-08T14:30:15.123456Z", "2024-10-08T14:30:15.123456+00:00"),
        ("2024-10-08T14:30:15+09:00", "2024-10-08T05:30:15+00:00"),
        ("2024-10-08T14:30-09:30", "2024-10-09T00:00:00+00:00"),
        ("2024-10-08T00:00+14:00", "2024-10-07T10:00:00+00:00"),
        ("2024-10-08T14:30-00:00", "2024-10-08T14:30:00+00:00"),
        ("2024-10-08T23:59:59.999999Z", "2024-10-08T23:59:59.999999+00:00"),
        ("0001-01-01T00:00Z", "0001-01-01T00:00:00+00:00"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999+00:00"),
    ],
)
def test_a_zoned_date_time_is_one_moment(text: str, moment: str) -> None:
    assert when.parse(text) == Span(at(moment), at(moment))
    assert when.cut(text) == at(moment)


@pytest.mark.parametrize(
    ("text", "earliest", "latest"),
    [
        ("../2024-10-10", None, end("2024-10-10")),
        ("../2024", None, end("2024-12-31")),
        ("2024-10-10/..", start("2024-10-10"), None),
        ("2024-10/..", start("2024-10-01"), None),
        ("../2024-10-08T14:30Z", None, at("2024-10-08T14:30:00+00:00")),
        ("2024-10-08T14:30+02:00/2024-10-08", at("2024-10-08T12:30:00+00:00"), end("2024-10-08")),
    ],
)
def test_an_interval_may_be_open_at_one_end(text: str, earliest: int | None, latest: int | None) -> None:
    assert when.parse(text) == Span(earliest, latest)


@pytest.mark.parametrize("mark", ["~", "?", "%"])
@pytest.mark.parametrize(
    "form",
    [
        "2024{}",
        "2024-10{}",
        "2024-10-08{}",
        "2024-10-08T14:30Z{}",
        "2024-10-08T14:30+02:00{}",
        "../2024-10-10{}",
        "2024-10-10{}/..",
        "2024-10-08{}/2024-10-10",
        "2024-10-08/2024-10-10{}",
        "2024-10-08{0}/2024-10-10{0}",
    ],
)
def test_a_mark_is_kept_and_moves_nothing(form: str, mark: str) -> None:
    plain = when.parse(form.format(""))
    assert not plain.marked
    assert when.parse(form.format(mark)) == plain._replace(marked=True)


@pytest.mark.parametrize(
    "text",
    [
        "2024-10-08T14:30:00",
        "2024-10-08T14:30",
        "2024-10-08 14:30:00",
        "../2024-10-08T14:30",
        "2024-10-08T14:30:00.5/..",
    ],
)
def test_a_time_without_a_zone_is_told_to_give_one(text: str) -> None:
    with pytest.raises(ValueError, match="has no zone; end it with Z or an offset such as"):
        when.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "2024-10-08T14:30:60Z",  # a leap second
        "2024-10-08T24:00Z",
        "2024-10-08T24:01Z",
        "2024-10-08T14:60Z",
        "2024-10-08T14:30+24:00",
        "2024-10-08T14:30+99:99",
        "2024-00",
        "2024-13",
        "2024-13-01",
        "2024-02-30",
        "2023-02-29",
        "2024-10-00",
        "2024-10-32",
        "0000",
        "0000-01-01",
        "9999-12-31T23:59:59-01:00",  # past the last year in UTC
        "0001-01-01T00:00:00+01:00",  # before the first
        "../0000",
        "2024-02-30/..",
    ],
)
def test_what_is_on_no_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time on the calendar .* write a date"):
        when.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "/",
        "..",
        "../",
        "/..",
        "2024/",
        "/2024",
        "2024/2025/2026",
        "../../..",
        "yesterday",
        "8 October 2024",
        "08.10.2024",
        "20241008",
        "2024-1-8",
        "24-10-08",
        "12024",
        "+12024",
        "Y12024",
        "-0044-03-15",
        "2024-W41",
        "2024-282",
        "2024-10-08Z",
        "2024-10-08T14:30:15+01:00:30",
        "2024-10-08T14:30:15+010030",
        "2024-10-08x14:30Z",
        "0001-01-01T00:00+0100",
        "2024-10-08T14:30[Europe/Kyiv]",
        "2024-10-08~?",
        "~2024-10-08",
        "2024~-10",
        "~",
        "..~/2024",
        "2024-XX",
        "201u",
        "1728604800",
        "now",
        " 2024",
        "2024 ",
        "2024\n",
        "2024-10-08\n",
        "２０２４",
        "٢٠٢٤",
        "2024–2025",
        "2024-10-08--2024-10-10",
        "\0",
        "\ud800",
    ],
)
def test_what_is_no_time_is_answered_with_the_forms_there_are(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no time; write a date, .* A/B, \.\./B or A/\.\."):
        when.parse(text)


@pytest.mark.parametrize(
    ("text", "rather"),
    [
        ("2024-10-08T14:30:00.123456789+01:00", "2024-10-08T14:30:00.123456+01:00"),
        ("2024-10-08T14:30:00.999999999Z", "2024-10-08T14:30:00.999999Z"),
        ("2024-10-08T14:30:15,5Z", "2024-10-08T14:30:15.500000Z"),
        ("2024-10-08T14:30+0100", "2024-10-08T14:30:00+01:00"),
        ("2024-10-08T14:30-02", "2024-10-08T14:30:00-02:00"),
        ("2024-10-08t14:30:15z", "2024-10-08T14:30:15Z"),
        ("2024-10-08 14:30:15Z", "2024-10-08T14:30:15Z"),
        ("2024-10-08 14:30:15.1234567+0530", "2024-10-08T14:30:15.123456+05:30"),
        ("2024-10-08T14Z", "2024-10-08T14:00:00Z"),
        ("2024-10-08T14:30 Z", "2024-10-08T14:30:00Z"),
        ("2024-10-08 14:30:15 +0100", "2024-10-08T14:30:15+01:00"),
    ],
)
def test_a_time_that_is_nearly_right_is_answered_with_what_to_write(text: str, rather: str) -> None:
    for whole in (text, f"../{text}", f"{text}/2025"):
        with pytest.raises(ValueError, match=re.escape(f"{text!r} is no time; write {rather!r}")):
            when.parse(whole)
    with pytest.raises(ValueError, match=re.escape(f"{text!r} is no moment; write {rather!r}")):
        when.cut(text)
    assert when.parse(rather).earliest == when.cut(rather)


def test_an_interval_open_at_both_ends_says_nothing() -> None:
    with pytest.raises(ValueError, match="says nothing; leave said_at out"):
        when.parse("../..")


@pytest.mark.parametrize(
    "text",
    [
        "2024-10-10/2024-10-09",
        "2024-11/2024-10",
        "2025/2024",
        "2024-10-08T14:30Z/2024-10-08T14:29Z",
        "2024-10-08T14:30Z/2024-10-08T14:30+00:01",
        "2024-10-09/2024-10-08T23:59:59Z",
        "2024-10-10~/2024-10-09~",
    ],
)
def test_an_interval_does_not_end_before_it_begins(text: str) -> None:
    with pytest.raises(ValueError, match="ends before it begins; write the earlier end first"):
        when.parse(text)


NOW = start("2024-10-08") + DAY_US // 2


@pytest.mark.parametrize(
    ("text", "earliest", "latest"),
    [
        ("2024-10-07", start("2024-10-07"), end("2024-10-07")),
        ("2024-10-08", start("2024-10-08"), NOW),
        ("2024", start("2024-01-01"), NOW),
        ("2024-10-09", NOW, NOW),
        ("2024-10-01/..", start("2024-10-01"), NOW),
        ("2025/..", NOW, NOW),
        ("../2024-10-07", None, end("2024-10-07")),
        ("../2025", None, NOW),
        ("9999-12-31T23:59:59Z", NOW, NOW),
    ],
)
def test_nothing_was_said_after_it_was_recorded(text: str, earliest: int | None, latest: int) -> None:
    assert when.parse(f"{text}").known_at(NOW) == Span(earliest, latest)


def test_what_was_said_at_an_unknown_time_was_said_by_the_time_it_was_recorded() -> None:
    assert when.UNKNOWN.known_at(NOW) == Span(None, NOW)
    assert when.parse("2024~").known_at(NOW).marked


@pytest.mark.parametrize(
    ("text", "last"),
    [
        ("2024", "2024-12-31T23:59:59.999999+00:00"),
        ("2024-10", "2024-10-31T23:59:59.999999+00:00"),
        ("2024-02", "2024-02-29T23:59:59.999999+00:00"),
        ("2024-12", "2024-12-31T23:59:59.999999+00:00"),
        ("2024-10-08", "2024-10-08T23:59:59.999999+00:00"),
        ("2024-10-08T14:30Z", "2024-10-08T14:30:00+00:00"),
        ("2024-10-08T14:30:00.000001+02:00", "2024-10-08T12:30:00.000001+00:00"),
        ("9999", "9999-12-31T23:59:59.999999+00:00"),
        ("0001-01-01", "0001-01-01T23:59:59.999999+00:00"),
    ],
)
def test_a_cut_means_its_last_microsecond(text: str, last: str) -> None:
    assert when.cut(text) == at(last)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024~",
        "2024-10-08?",
        "2024/2025",
        "../2024",
        "2024/..",
        "now",
        "2024-10-08T14:30",
        "2024\n",
        "\ud800",
        "٢٠٢٤",
    ],
)
def test_what_is_no_moment_is_no_cut(text: str) -> None:
    with pytest.raises(ValueError, match="is no moment; write 2024, 2024-10, 2024-10-08 or 2024-10-08T14:30:00Z"):
        when.cut(text)


@pytest.mark.parametrize("text", ["2024-02-30", "2024-13", "0000", "9999-12-31T23:59:59-01:00"])
def test_nor_is_a_day_that_never_was(text: str) -> None:
    with pytest.raises(ValueError, match="on the calendar"):
        when.cut(text)


FIRST_US, LAST_US = start("0001-01-01"), end("9999-12-31")
moments = st.integers(FIRST_US, LAST_US)


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (1_728_604_800_000_001, "2024-10-11T00:00:00.000001Z"),
        (FIRST_US, "0001-01-01T00:00:00.000000Z"),
        (LAST_US, "9999-12-31T23:59:59.999999Z"),
        (start("0999-12-31"), "0999-12-31T00:00:00.000000Z"),
    ],
)
def test_a_stamp_is_a_moment_written_in_full(micros: int, text: str) -> None:
    assert when.stamp(micros) == text
    assert when.micros(when.moment(micros)) == micros


@given(moments, moments)
@example(FIRST_US, start("1000-01-01"))
@example(0, 1)
@example(999_999, 1_000_000)
def test_stamps_sort_as_moments_do(one: int, other: int) -> None:
    assert (when.stamp(one) < when.stamp(other)) == (one < other)


@given(moments)
def test_a_stamp_is_read_back_as_its_moment(micros: int) -> None:
    assert when.parse(when.stamp(micros)) == Span(micros, micros)
    assert when.cut(when.stamp(micros)) == micros


@given(moments, st.integers(-(23 * 60 + 59), 23 * 60 + 59))
def test_a_moment_is_the_same_in_every_zone(micros: int, offset_min: int) -> None:
    try:
        there = when.moment(micros).astimezone(timezone(timedelta(minutes=offset_min)))
    except OverflowError:  # a year that no datetime has
        return
    assert when.parse(there.isoformat()) == Span(micros, micros)


pieces = st.sampled_from(
    [*"0123456789-/:.TZ+~?% \n", "..", "2024", "-10", "-08", "T14:30", ":60", "+09:00", "9999", "0000"]
)
nearly_times = st.lists(pieces, max_size=9).map("".join)


@given(st.text() | nearly_times | st.builds("{}/{}".format, nearly_times, nearly_times))
@example("9999-12-31T23:59:59.999999-23:59")
@example("0001-01-01T00:00+23:59/..")
def test_any_text_is_a_time_or_a_value_error(text: str) -> None:
    try:
        span = when.parse(text)
    except ValueError:
        pass
    else:
        assert span.earliest is None or span.latest is None or FIRST_US <= span.earliest <= span.latest <= LAST_US
        assert span.marked == (not set(text).isdisjoint("~?%"))
    with suppress(ValueError):
        assert FIRST_US <= when.cut(text) <= LAST_US
