"""Do the drawings show what is so? Read back as what they are made of: marks, bars, lines and their places."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from ledger import ClaimRegistered, Denial, Ledger, Link, SourceRelated, Statement, when
from ledger.service.page import drawings, lanes, svg, urls, ways
from projections import provenance
from projections.board import ActCounts
from projections.status import RULE_TEXTS
from projections.timeline import Spoken


def read(markup):
    return ElementTree.fromstring(str(markup))


def all_of(markup, tag, **attributes):
    """The elements of a tag with these classes or attributes."""
    wanted = {name.rstrip("_"): value for name, value in attributes.items()}
    return [one for one in read(markup).iter(tag) if wanted.items() <= one.attrib.items()]


def said(act, lane="statement", earliest="2024-10-05", latest="2024-10-05", **more):
    """An act on a lane, said between two days."""
    days = [None if day is None else when.parse(day) for day in (earliest, latest)]
    told = {
        "act": act,
        "lane": lane,
        "by": f"speaker of {act}",
        "said_at": f"{earliest}/{latest}",
        "earliest": None if days[0] is None else when.stamp(days[0].earliest),
        "latest": when.stamp(days[1].latest),
        "recorded_at": when.stamp(days[1].latest),
        "live": True,
        "claims": ["c"],
    }
    return Spoken(**{**told, **more})


# -- what all drawings share -------------------------------------------------------------------------------------------


def test_text_in_a_drawing_is_escaped_and_nothing_in_it_hides():
    drawn = svg.drawing("it", (10, 10), '</title><script>"&', "\u202egnp", [svg.element("text", text="\u200b<b>", x=1)])
    assert "<script" not in drawn
    assert "\u202e" not in drawn
    title, desc, text = read(drawn)
    assert (title.text, desc.text, text.text) == ('</title><script>"&', "\\u{202e}gnp", "\\u{200b}<b>")


def test_an_attribute_cannot_be_left():
    drawn = svg.written(svg.link('"><script>alert(1)</script>'))
    assert read(drawn).attrib == {"href": '"><script>alert(1)</script>'}


def test_a_drawing_says_what_it_shows_and_is_styled_by_class_alone():
    drawn = lanes.timeline([said("a"), said("b", earliest=None)], when.cut("2024-10-05"))
    root = read(drawn)
    names = {one.get("id"): one.tag for one in root.iter() if one.get("id")}
    assert names[root.get("aria-labelledby")] == "title"
    assert names[root.get("aria-describedby")] == "desc"
    assert not [one for one in root.iter() if "style" in one.attrib or "fill" in one.attrib]


# -- small ones --------------------------------------------------------------------------------------------------------


def test_every_status_has_a_sign_of_its_own():
    signs = {str(drawings.sign(status)) for status in RULE_TEXTS}
    assert len(signs) == len(RULE_TEXTS)


def test_sides_are_told_apart_by_form_as_well_as_by_colour():
    assert [one.tag for one in drawings.mark("for", 0, 0)] != [one.tag for one in drawings.mark("against", 0, 0)]
    assert [one.tag for one in drawings.mark("for", 0, 0)] != [one.tag for one in drawings.mark("weighed", 0, 0)]


@pytest.mark.parametrize(("low", "high", "x", "width"), [(0.55, 0.8, 220, 100), (0, 1, 0, 400), (0.5, 0.5, 200, 3)])
def test_a_band_lies_where_its_likelihood_is(low, high, x, width):
    (bar,) = all_of(drawings.band("b", low, high, "likely"), "rect", class_="weighed")
    assert (float(bar.get("x")), float(bar.get("width"))) == (x, width)


def test_a_band_that_no_longer_counts_looks_otherwise():
    drawn = drawings.band("b", 0.1, 0.2, "unlikely", counts=False)
    assert not all_of(drawn, "rect", class_="weighed")
    assert all_of(drawn, "rect", class_="gone")


def test_a_sparkline_is_as_high_as_there_were_many():
    drawn = drawings.sparkline("s", [("2024-10-05", 1), ("2024-10-06", 0), ("2024-10-07", 2)], "acts")
    low, high = (float(bar.get("height")) for bar in all_of(drawn, "rect", class_="bar"))
    assert high == 2 * low
    assert "2024-10-05: 1; 2024-10-07: 2" in drawn


def test_a_sparkline_of_nothing_says_so():
    assert "none" in [one.text for one in read(drawings.sparkline("s", [], "acts")).iter("desc")]


def test_acts_are_marked_one_by_one_and_told_in_words():
    drawn = drawings.acts(ActCounts(statement=2, denial=1, assessment=0))
    assert drawn.count('class="for"') == 2
    assert "2 statements,\n1 denial" in drawn
    assert "no acts" in drawings.acts(ActCounts(statement=0, denial=0, assessment=0))


# -- the timeline ------------------------------------------------------------------------------------------------------


def test_an_uncertain_date_is_a_span_and_a_day_is_a_mark():
    drawn = lanes.timeline([said("day"), said("span", earliest="2024-10-01", latest="2024-10-09")], None)
    assert len(all_of(drawn, "rect", class_="span for")) == 1
    assert len(all_of(drawn, "circle", class_="for")) == 1


def test_a_span_is_as_long_as_it_may_be():
    acts = [
        said("a", earliest="2024-10-01", latest="2024-10-11"),
        said("b", earliest="2024-10-01", latest="2024-10-06"),
    ]
    axis = lanes.axis_of(acts)
    longer, shorter = (mark.right - mark.left for act in acts for mark in lanes.laid([act], axis))
    assert longer / shorter == pytest.approx(11 / 6, rel=0.01)


def test_what_nothing_bounds_begins_at_the_edge_and_is_open_there():
    acts = [said("open", earliest=None, latest="2024-10-09"), said("a", earliest="2024-10-01", latest="2024-10-01")]
    (mark,) = lanes.laid(acts[:1], lanes.axis_of(acts))
    assert mark.left < lanes.axis_of(acts).x(when.instant(acts[1].earliest))
    assert len(all_of(lanes.timeline(acts, None), "path", class_="open for")) == 1


def test_every_act_stands_in_its_lane_and_leads_to_its_page():
    acts = [said("s"), said("d/1", "denial"), said("a", "assessment")]
    drawn = lanes.timeline(acts, None, urls.Cuts(as_of="3"))
    assert [one.get("href") for one in all_of(drawn, "a")] == [
        "/events/s?as_of=3",
        "/events/d%2F1?as_of=3",
        "/events/a?as_of=3",
    ]
    heights = [float(one.get("y")) for one in all_of(drawn, "rect", class_="lane")]
    assert heights == sorted(heights)
    assert len(heights) == 3


def test_acts_of_one_day_do_not_lie_on_each_other():
    marks = lanes.laid([said(f"a{number}") for number in range(9)], lanes.axis_of([said("a")]))
    assert len({mark.row for mark in marks}) == 9


def test_what_had_not_been_said_by_the_cut_is_faint_and_the_cut_is_a_line():
    acts = [said("early"), said("late", earliest="2024-10-09", latest="2024-10-09")]
    drawn = lanes.timeline(acts, when.cut("2024-10-07"))
    faint = [one.get("href") for one in all_of(drawn, "a") if "later" in one.get("class").split()]
    assert faint == ["/events/late"]
    assert len(all_of(drawn, "g", class_="cut")) == 1
    assert not all_of(lanes.timeline(acts, None), "g", class_="cut")


def test_what_no_longer_stands_is_drawn_so():
    drawn = lanes.timeline([replace(said("a"), live=False)], None)
    assert "it no longer stands" in drawn
    assert not all_of(drawn, "circle", class_="for")


def test_what_bears_on_the_claim_from_another_says_so():
    assert "speaker of a (inferred)" in lanes.timeline([said("a")], None, inferred={"a"})


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("2024-10-01", "2024-10-05", "2024-10-03"),
        ("2024-01-15", "2024-12-15", "2024-03"),
        ("1990-01-01", "2024-01-01", "1990"),
    ],
)
def test_an_axis_is_named_by_days_months_or_years_and_not_too_often(first, last, name):
    axis = lanes.axis_of([said("a", earliest=first, latest=last)])
    names = [name for _, name in lanes.ticks(axis)]
    assert name in names
    assert 3 <= len(names) <= 14


@pytest.mark.parametrize(
    ("first", "last", "name"),
    [
        ("0001-01-01", "0001-01-01", "0001-01-01"),
        ("0001-01-01", "0001-09-01", "0001-03"),
        ("0001-01-01", "2024-01-01", "1000"),
        ("9999-12-31", "9999-12-31", "9999-12-31"),
        ("9999-03-01", "9999-12-31", "9999-11"),
        ("9990-01-01", "9999-12-31", "9998"),
    ],
)
def test_an_axis_ends_where_the_calendar_does(first, last, name):
    acts = [said("a", earliest=first, latest=first), said("b", earliest=last, latest=last)]
    assert name in [one.text for one in all_of(lanes.timeline(acts, None), "text", class_="tick-name")]


def test_a_timeline_of_nothing_is_nothing():
    assert lanes.timeline([], None) == ""


# -- the way of the words ----------------------------------------------------------------------------------------------


def person(name):
    return Link(name=name, kind="person")


def outlet(name):
    return Link(name=name, kind="outlet")


@pytest.fixture
def told():
    """Draws where the words about `c` come from, after some events."""

    def draw(*events):
        with Ledger.open(":memory:") as ledger:
            ledger.append_all([ClaimRegistered(claim="c", text="C."), *events])
            return ledger.state(provenance, "c")

    return draw


def boxes(drawn):
    """The names on the boxes."""
    return [one.text for one in all_of(drawn, "text", class_="name")]


def test_five_outlets_that_carry_one_person_are_seen_to_have_one_origin(told):
    acts = [Statement(claims=("c",), chain=(person("Ann"), outlet(f"Paper {n}"), outlet("the file"))) for n in range(5)]
    drawn = ways.ways(told(*acts))
    assert len(all_of(drawn, "g", class_="frame")) == 1
    assert boxes(drawn).count("Ann") == 1
    assert boxes(drawn).count("the file") == 1
    assert sum(name.startswith("Paper") for name in boxes(drawn)) == 5


def test_speakers_of_one_root_stand_in_one_frame(told):
    speaks = SourceRelated(from_="ann", to="ministry", relation="speaks_for")
    acts = [Statement(claims=("c",), chain=(person(name), outlet("the file"))) for name in ("Ann", "Ministry", "Bob")]
    frames = ways.layout(ways.chosen(told(speaks, *acts))).frames
    assert sorted(len(frame.origin.acts) for frame in frames) == [1, 2]


def test_nothing_lies_over_anything_else(told):
    acts = [
        Statement(claims=("c",), chain=(person(f"P{n}"), *(outlet(f"O{m}") for m in range(n % 4)), outlet("the file")))
        for n in range(12)
    ]
    laid = ways.layout(ways.chosen(told(*acts)))
    by_column = {}
    for (column, _), box in laid.boxes.items():
        by_column.setdefault(column, []).append(box)
    for column in by_column.values():
        shown = sorted(box.y for box in column if not box.passing)
        assert all(after - before >= 46 for before, after in itertools.pairwise(shown))
    assert all(box.y < laid.height for box in laid.boxes.values())


def test_sides_are_drawn_as_lines_of_their_own(told):
    chain = (outlet("Paper"), outlet("the file"))
    drawn = ways.ways(
        told(
            Statement(claims=("c",), chain=(person("Ann"), *chain)),
            Denial(claims=("c",), chain=(person("Bob"), *chain)),
            Denial(claims=("c",), form="no_comment", chain=(person("Cid"), *chain)),
        )
    )
    for kind in ("for", "against", "none"):
        assert len(all_of(drawn, "path", class_=f"way {kind}")) == 2, kind


def test_the_utterer_stands_first_and_the_document_last():
    act = next(iter(_acts_of(person("Ann"), outlet("Paper"), outlet("the file"))))
    assert ways.path_of(act, 2) == [(0, "ann"), (1, "paper"), (2, "the-file")]
    (short,) = _acts_of(person("Ann"), outlet("the file"))
    assert [place[0] for place in ways.path_of(short, 2)] == [0, 1, 2]
    assert ways.path_of(short, 2)[-1] == (2, "the-file")
    (own,) = _acts_of(outlet("Paper"))
    assert ways.path_of(own, 2) == [(0, "paper")]


def _acts_of(*chain):
    with Ledger.open(":memory:") as ledger:
        ledger.append(Statement(claims=("c",), chain=chain), register=True)
        return [act for origin in ledger.state(provenance, "c").origins for act in origin.acts]


# -- where pages stand -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event_id", "url"),
    [
        ("A10", "/events/A10"),
        ("a/b?c#d", "/events/a%2Fb%3Fc%23d"),
        ("..", "/events?id=.."),
        ("a/../b", "/events?id=a%2F..%2Fb"),
    ],
)
def test_an_event_has_an_address_that_no_browser_bends(event_id, url):
    assert urls.event_url(event_id) == url


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "//example.org",
        "HTTPS://e.org/a b",
        "https://e.org/\u202e",
        'http://e/"',
        " https://e.org",
    ],
)
def test_what_is_no_plain_address_of_the_web_is_no_link(url):
    assert urls.web(url) is None


def test_an_address_of_the_web_is_a_link():
    assert urls.web("https://example.org/a?b=c#d") == "https://example.org/a?b=c#d"
