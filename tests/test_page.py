"""Do the pages say what the ledger says? Asked in this process, as a browser asks."""

from __future__ import annotations

import html
import json
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlencode

import pytest
from asker import Asker
from reader import Reader, Text

from ledger import Assessment, ClaimRegistered, Correction, Denial, Ledger, Link, RecordVoided, Retraction, Statement
from projections import board, status, words
from projections.flags import FLAGS


@pytest.fixture
def ledger(seeded):
    return seeded


# -- the board ---------------------------------------------------------------------------------------------------------


def test_the_board_shows_every_claim_as_the_board_has_it(reader, ledger):
    text = reader.text("/")
    for row in ledger.state(board).claims:
        assert f"{row.text} {row.claim} {words.headline(row.status, row.support, row.opposition, '')}" in text


def test_a_status_is_never_shown_without_what_was_assessed(reader):
    assert "disputed [1,1]/[1,1] assessed Kim Yong-hyun: probably correct" in reader.text("/")


def test_the_board_is_searched_filtered_and_ordered_by_its_address(reader):
    text = reader.text("/?search=missiles&status=disputed")
    assert "Russian forces fire North Korean missiles" in text
    assert "Missiles from North Korea are of poor quality" not in text
    assert 'value="missiles"' in reader.get("/?search=missiles").text


def test_counts_are_of_all_claims_whatever_is_asked_for(reader):
    assert "21 all 7 disputed" in reader.text("/?search=missiles")


def test_a_part_of_the_board_without_claims_says_so_and_leads_back(reader):
    assert "No claims like that. Show all 21" in reader.text("/?search=nothing+like+this")


def test_a_search_without_a_word_says_what_it_needs_and_an_empty_one_asks_for_nothing(reader):
    answer = reader.get("/?search=…")
    assert answer.status_code == 400
    assert "has no word to look for; give letters or digits" in answer.text
    assert "Claims that have the words “no such”" in reader.text("/claims/no-such")
    assert "Claims that have the words" not in reader.text("/claims/…")
    assert "21 all 7 disputed" in reader.text("/?search=+")


def test_an_empty_ledger_tells_how_to_begin(empty):
    assert "No claims here yet. claims register" in empty.text("/")


def test_the_board_goes_on_page_by_page(empty):
    empty.service.ledger.append_all([ClaimRegistered(claim=f"claim-{n:03}", text=f"Text {n}.") for n in range(60)])
    first = empty.get("/").text
    following = re.search(r'href="([^"]+)" rel="next"', first)[1].replace("&amp;", "&")
    rest = empty.text(following)
    assert "Text 49." in first
    assert "Text 50." not in first
    assert "Text 50." in rest
    assert "Text 49." not in rest
    empty.service.ledger.append(ClaimRegistered(claim="claim-999", text="Text 999."))
    assert empty.text(following) == rest, "it is of the same moment"


def test_the_board_leads_to_the_same_part_elsewhere(empty):
    empty.service.ledger.append_all([ClaimRegistered(claim=f"claim-{n:03}", text=f"Text {n}.") for n in range(60)])
    whole = empty.get("/?kind=factual")
    following = re.search(r'href="/([^"]+)" rel="next"', whole.text)[1].replace("&amp;", "&")
    cursor = parse_qs(following[1:])["cursor"][0]
    assert "claims status --kind factual --limit 50 · over HTTP" in Text(whole.text).whole
    assert f"claims status --kind factual --limit 50 --cursor {cursor} · over HTTP" in empty.text(f"/{following}")
    for url, ids in (("/?kind=factual", range(50)), (f"/{following}", range(50, 60))):
        there = re.search(r'href="(/v1/claims\?[^"]+)"', empty.get(url).text)[1].replace("&amp;", "&")
        assert [row["claim"] for row in empty.get(there).json()["claims"]] == [f"claim-{n:03}" for n in ids]


def test_the_board_knows_both_ends_of_when_claims_changed(reader, ledger):
    rows = ledger.state(board).claims
    end = min(row.changed_at for row in rows)
    page = reader.get("/?" + urlencode({"changed_until": end})).text
    shown = set(re.findall(r'scope="row"><a href="/claims/([^"]+)"', page))
    assert shown == {row.claim for row in rows if row.changed_at == end}
    assert len(shown) < len(rows)
    assert f"status=disputed&amp;changed_until={quote(end)}" in page, "by status, it is still asked for"
    assert f"claims status --changed-until {end}" in Text(page).whole


def test_days_are_counted_from_the_first_day_of_the_calendar_to_the_last():
    for day, clock in (("0001-01-01", None), ("9999-12-31", lambda: datetime.max.replace(tzinfo=UTC))):
        with Ledger.open(":memory:", clock=clock) as ledger:
            ledger.append(Statement(claims=("x",), chain=(Link(name="Ann"),), said_at=day), register=True)
            reader = Reader(ledger)
            assert f"1 act said from {day} to {day}, by day" in reader.text("/")
            assert f"statement by Ann, said {day}" in reader.text("/claims/x")
            reader.service.close()


def test_the_board_of_the_past_says_so_and_leads_to_now(reader):
    text = reader.text("/?said_by=2024-10-08&as_of=62")
    assert "You look at the past." in text
    assert "what the ledger knew as of position 62" in text
    assert "Only what had been said by 2024-10-08 is counted." in text
    assert "claims status --as-of 62 --said-by 2024-10-08" in text
    assert "You look at the past." not in reader.text("/")


def test_every_link_of_a_page_of_the_past_stays_in_the_past(reader):
    page = reader.get("/?said_by=2024-10-08").text
    claims = re.findall(r'href="(/claims/[^"]+)"', page)
    assert claims
    assert all("said_by=2024-10-08" in claim for claim in claims)


def test_what_is_no_cut_is_a_page_that_says_so(reader):
    answer = reader.get("/?as_of=yesterday")
    assert answer.status_code == 400
    assert "text/html" in answer.headers["content-type"]
    assert "yesterday" in Text(answer.text).whole


# -- a claim -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cuts", ["", "?said_by=2024-10-09", "?as_of=60", "?as_of=62&said_by=2024-10-08"])
def test_a_claim_is_shown_as_its_status_has_it(reader, ledger, cuts):
    asked = dict(pair.split("=") for pair in cuts[1:].split("&") if pair)
    for row in ledger.state(board, as_of=asked.get("as_of")).claims:
        found = ledger.state(status, row.claim, **asked)
        text = reader.text(f"/claims/{row.claim}{cuts}")
        line = words.headline(found.status, found.support, found.opposition, words.assessed(found.assessments))
        assert f"{line} {found.status.capitalize()}: {found.why[0].text}." in text
        assert all(f"{flag} {FLAGS[flag][0].upper()}{FLAGS[flag][1:]}." in text for flag in found.flags)


def test_every_reason_leads_to_its_act(reader, ledger):
    page = reader.get("/claims/six-killed").text
    acts = [reason.act for reason in ledger.state(status, "six-killed").why if reason.act]
    assert acts
    assert all(f'href="/events/{act}"' in page for act in acts)
    assert "six-killed entails officer-casualties entails operating-in-occupied-areas, so it opposes" in page


def test_an_act_tells_by_way_of_whom_it_counts_for_its_root(reader):
    page = reader.get("/claims/six-killed").text
    assert "counted for Russia, by way of The Kremlin" in Text(page).whole
    assert 'by way of <a href="/sources/kremlin">The Kremlin</a>' in page
    assert "by way of <a" not in reader.get("/claims/missiles-in-use").text, "Moscow is the state itself"


def test_every_relation_that_a_reason_comes_through_leads_to_its_event(reader, ledger):
    page = reader.get("/claims/six-killed").text
    used = {link.event for reason in ledger.state(status, "six-killed").why for link in reason.through or ()}
    assert len(used) == 2, "one of them does not touch the claim"
    assert all(f'href="/events/{event}"' in page for event in used)


def test_an_assessment_is_drawn_as_a_band_beside_the_words_of_its_speaker(reader):
    page = reader.get("/claims/six-killed").text
    assert "probably correct .55–.80" in page
    assert 'id="band-0"' in page


def test_the_page_leads_to_the_same_answer_elsewhere(reader):
    text = reader.text("/claims/six-killed?said_by=2024-10-09")
    assert "claims status six-killed --why --said-by 2024-10-09" in text


def test_what_changed_is_told_over_http_too(reader):
    page = reader.get("/claims/six-killed/compare?clock=recorded&from=50&to=60&said_by=2024-10-09").text
    url = re.search(r'href="(/v1/claims/[^"]+)"', page)[1].replace("&amp;", "&")
    told = reader.get(url).json()
    assert told["claim"] == "six-killed"
    assert [told["before"]["as_of"]["position"], told["after"]["as_of"]["position"]] == [50, 60]


def test_an_act_that_decides_from_another_claim_stands_on_the_timeline(reader):
    assert "Dmitry Peskov (inferred)" in reader.get("/claims/six-killed").text


def test_what_was_taken_back_is_told(empty):
    ann = Link(name="Ann", kind="person")
    said = empty.service.ledger.append(Statement(claims=("c",), chain=(ann,)), register=True)
    empty.service.ledger.append(Retraction(act=said.id, chain=(ann,)))
    text = empty.text("/claims/c")
    assert "withdrawn" in text
    assert "Taken back" in text
    assert "retracted by its speaker" in text
    assert "Ann takes back" in text


def test_what_an_act_says_by_a_correction_is_told_with_it(empty):
    ann, wire = Link(name="Ann", kind="person"), Link(name="Wire", kind="outlet")
    ledger = empty.service.ledger
    ledger.append(Statement(claims=("c",), chain=(ann, wire), quote="at noon"), register=True, id="s1")
    ledger.append(Assessment(claims=("c",), chain=(ann,), verdict="true"), id="a1")
    ledger.append(Correction(act="s1", chain=(wire,), changes={"quote": "at <b>one"}), id="k1")
    ledger.append(Correction(act="a1", chain=(ann,), changes={"label": "so"}), id="k2")
    text = empty.text("/claims/c")
    assert "As corrected by Wire, said at a time untold: quote (k1)" in text
    assert "As corrected by Ann, said at a time untold: label (k2)" in text
    assert "as corrected by k1" in text


@pytest.mark.parametrize(
    "url",
    [
        *("/claims/no-such-claim", "/claims/six-killed?as_of=1", "/sources/nobody", "/events/none", "/events/64"),
        f"/events/{'0' * 19}1{'9' * 5_000}",
    ],
)
def test_what_is_not_there_is_a_page_that_helps(reader, url):
    answer = reader.get(url)
    text = Text(answer.text).whole
    assert answer.status_code == 404
    assert "There is no such thing" in text
    assert "To the board of all claims" in text


def test_where_nothing_is_people_see_a_page_and_programs_a_problem(reader):
    asked = {"accept": "text/html,application/xhtml+xml"}
    for url in ("/claims", "/<script>", "/sources"):
        page = reader.get(url, **asked)
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "<h1" in page.text
        assert "<script>" not in page.text
        assert reader.get(url).headers["content-type"] == "application/problem+json"
    assert reader.get("/v1/nothing", **asked).headers["content-type"] == "application/problem+json"


def test_a_claim_that_was_not_there_yet_leads_to_now(reader):
    assert "The same page as of now" in reader.text("/claims/six-killed?as_of=1")


# -- looking back ------------------------------------------------------------------------------------------------------


def test_a_stop_of_the_slider_goes_to_an_address_that_carries_the_cut(reader):
    answer = reader.get("/claims/six-killed?clock=said&stop=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/claims/six-killed?said_by=2024-10-08")
    last = reader.get("/claims/six-killed?clock=said&stop=2&said_by=2024-10-08")
    assert last.headers["location"] == "/claims/six-killed"


def test_the_two_clocks_keep_each_other_s_cut(reader):
    answer = reader.get("/claims/six-killed?clock=recorded&stop=1&said_by=2024-10-08")
    assert answer.headers["location"] == "/claims/six-killed?as_of=3&said_by=2024-10-08"


def test_a_clock_does_not_say_today_of_what_was_known_then(reader):
    for url in ("/claims/six-killed", "/claims/six-killed/compare"):
        assert "what had been said by then, as known today" in reader.text(url)
        then = reader.text(f"{url}?as_of=60")
        assert "what had been said by then, as known at position 60" in then
        assert "today" not in then
    assert "2024-10-10 (now)" in reader.text("/claims/six-killed")
    assert "2024-10-10 (the last known then)" in reader.text("/claims/six-killed?as_of=60")


def test_every_record_that_names_a_claim_is_a_stop_and_so_is_what_else_changed_it(reader):
    page = reader.get("/claims/officer-casualties").text
    positions = {int(found) for found in re.findall(r"officer-casualties\?as_of=(\d+)", page)}
    assert {5, 52} <= positions, "registered, assessed"
    assert 47 in positions, "A1 is about another claim, and changed this one"


def test_whoever_looks_before_the_first_stop_may_stay_there(reader):
    answer = reader.get("/claims/six-killed?clock=said&stop=0&said_by=2020-01-01")
    assert (answer.status_code, answer.headers["location"]) == (303, "/claims/six-killed?said_by=2020-01-01")
    assert reader.get("/claims/six-killed?clock=said&stop=0").status_code == 400


def test_a_stop_that_is_none_is_told(reader):
    for stop in ("many", "99", "0000000019999", "9" * 5_000):
        answer = reader.get(f"/claims/six-killed?stop={stop}")
        assert (answer.status_code, "none of the" in answer.text) == (400, True)


def test_of_very_many_acts_what_changed_when_is_told_only_where_it_is_asked_for(empty, monkeypatch):
    monkeypatch.setattr("ledger.service.page.stops.FEW", 2)
    for day in range(1, 5):
        said = Statement(claims=("c",), chain=(Link(name=f"Speaker {day}", kind="person"),), said_at=f"2024-10-0{day}")
        empty.service.ledger.append(said, register=True)
    text = empty.text("/claims/c")
    assert "what changed when is told only where it is asked for" in text
    assert "corroborated [2,2]" not in text
    assert empty.get("/claims/c?clock=said&stop=2").headers["location"] == "/claims/c?said_by=2024-10-02"
    assert "corroborated [2,2]" in empty.text("/claims/c?history=told")


def test_a_page_shows_so_much_and_says_where_the_rest_is(empty, monkeypatch):
    module = sys.modules["ledger.service.page.claim"]
    monkeypatch.setattr(module, "FEW", 2)
    monkeypatch.setattr(module, "MOST", 3)
    acts = [Statement(claims=("c",), chain=(Link(name=f"Speaker {n}", kind="person"),)) for n in range(5)]
    empty.service.ledger.append_all(acts, register=True)
    text = empty.text("/claims/c")
    assert "corroborated [5,5]" in text
    assert "3 more" in text
    assert "The first 3; all stand in the answer as JSON" in text
    assert "3 of them, those that decide first; all stand in the answer as JSON" in text


def test_two_moments_are_compared_on_either_clock(reader):
    text = reader.text("/claims/engineers-deployed/compare?clock=said&from=2024-10-09&to=2024-10-10")
    assert "status raised disputed" in text
    assert "claims diff engineers-deployed 2024-10-09 2024-10-10 --axis said" in text
    text = reader.text("/claims/engineers-deployed/compare?clock=recorded&from=A16&to=A10-dated&said_by=2024-10-09")
    assert "flag time-uncertain" in text
    assert "--axis recorded --said-by 2024-10-09" in text


def test_moments_that_are_none_are_told_beside_the_form(reader):
    answer = reader.get("/claims/six-killed/compare?from=whenever")
    assert answer.status_code == 200
    assert "whenever" in Text(answer.text).whole
    assert 'role="alert"' in answer.text


# -- sources and events ------------------------------------------------------------------------------------------------


def test_a_source_shows_all_it_said_and_whom_it_speaks_for(reader):
    page = reader.get("/sources/kim-yong-hyun").text
    assert "Speaks for Ministry of National Defence of South Korea → South Korea" in Text(page).whole
    assert 'href="/sources/south-korea"' in page
    assert all(f'href="/events/A{number}"' in page for number in (6, 7, 8, 9))


def test_a_source_shows_what_was_reversed_and_taken_back(empty):
    ann = Link(name="Ann", kind="person")
    ledger = empty.service.ledger
    ledger.append(Statement(claims=("c",), chain=(ann,), said_at="2024-10-01"), id="yes", register=True)
    ledger.append(Denial(claims=("c",), chain=(ann,), said_at="2024-10-02"), id="no")
    ledger.append(Statement(claims=("d",), chain=(ann,)), id="gone", register=True)
    ledger.append(Retraction(act="gone", chain=(ann,)), id="back")
    text = empty.text("/sources/ann")
    assert "reversed by no" in text
    assert "back retraction of gone" in text


def test_a_source_is_found_by_a_name_with_a_stroke_in_it(empty):
    empty.service.ledger.append(Statement(claims=("x",), chain=(Link(name="AP/Reuters"),)), register=True)
    for name in ("ap-reuters", "AP%2FReuters"):
        assert "statement" in empty.text(f"/sources/{name}")


def test_a_source_is_found_by_its_name_too(reader):
    assert reader.get("/sources/Kim%20Yong-hyun").status_code == 200


def test_an_event_is_shown_as_it_was_recorded_with_what_amended_it(reader, ledger):
    text = reader.text("/events/A10")
    assert "A10-dated record amended" in text
    assert "As it now stands said at 2024-10-10" in text
    assert "said at ../2024-10-10" in text


def test_an_event_shows_its_very_bytes_and_their_digest(reader, ledger):
    from hashlib import sha256

    [(_, stored)] = ledger.stored(after=55, as_of=56)
    text = reader.text("/events/A10")
    assert sha256(stored).hexdigest() in text
    assert stored.decode() in text


def test_an_event_that_was_voided_says_so(empty):
    ledger = empty.service.ledger
    ledger.append(Statement(claims=("c",), chain=(Link(name="Ann"),)), id="a", register=True)
    ledger.append(RecordVoided(target="a", why="twice"))
    assert "It was voided: it counts as never appended." in empty.text("/events/a")


@pytest.mark.parametrize("event_id", ["a/b", "..", "a b", "%2e", "ä?#"])
def test_an_event_is_found_by_any_id_it_may_have(empty, event_id):
    from ledger.service.page.urls import event_url

    empty.service.ledger.append(ClaimRegistered(claim="c", text="C."), id=event_id)
    assert "claim registered" in empty.text(event_url(event_id))


def test_an_event_is_found_by_its_position(reader):
    assert "Dmitry Peskov" in reader.text("/events/56")


@pytest.mark.parametrize("event_id", [".", "..", "a/../b?c#d%2f\"'"])
def test_an_event_has_a_page_and_an_answer_whatever_its_id_is(reader, ledger, event_id):
    ledger.append(Statement(claims=("six-killed",), chain=(Link(name="Ann"),)), id=event_id)
    page = reader.get(f"/claims/six-killed?as_of={ledger.head}").text
    links = [html.unescape(link) for link in re.findall(r'href="(/events[^"]*)"', page)]
    told = [link for link in links if event_id in unquote(link)]
    assert told
    for link in told:
        assert link.count("?") == 1
        assert f"as_of={ledger.head}" in link
        found = reader.get(link)
        assert found.status_code == 200
        raw = html.unescape(re.search(r'over HTTP: <a href="([^"]*)"', found.text)[1])
        answer = reader.get(raw)
        assert answer.status_code == 200
        assert json.dumps(event_id) in answer.text


# -- what all pages share ----------------------------------------------------------------------------------------------

PAGES = (
    "/",
    "/claims/six-killed",
    "/claims/six-killed/compare",
    "/sources/afp",
    "/events/A10",
    "/append",
    "/claims/none",
)


@pytest.mark.parametrize("url", PAGES)
def test_a_page_runs_and_styles_nothing_but_files_of_this_service(reader, url):
    answer = reader.get(url)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"\sstyle=|\son\w+=|<style|javascript:", answer.text)
    assert re.findall(r"<script[^>]*>", answer.text) == re.findall(
        r'<script type="module" src="/static/[^"]+">', answer.text
    )


@pytest.mark.parametrize("url", PAGES)
def test_no_name_on_a_page_is_given_twice_and_whatever_is_named_is_there(reader, url):
    page = reader.get(url).text
    names = re.findall(r'\sid="([^"]+)"', page)
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
    named = re.findall(r'(?:aria-labelledby|aria-describedby|\sfor|\slist)="([^"]+)"', page)
    assert {name for several in named for name in several.split()} <= set(names)


@pytest.mark.parametrize("url", ["/", "/claims/six-killed", "/events/A10", "/claims/no-such-claim", "/append"])
def test_a_page_names_the_ledger_and_not_where_it_lies(reader, ledger, url):
    page = reader.get(url).text
    assert "<p>seed.db</p>" in page
    assert str(Path(ledger.name).parent) not in page


def test_a_page_is_known_again_until_something_is_appended(reader, ledger):
    first = reader.get("/claims/six-killed")
    tag = first.headers["etag"]
    again = reader.get("/claims/six-killed", **{"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert len(first.headers.get_list("content-security-policy")) == 1
    assert "content-security-policy" not in again.headers  # a browser goes on with that of the page it kept
    assert again.headers.get_list("referrer-policy") == first.headers.get_list("referrer-policy") == ["same-origin"]
    ledger.append(Denial(claims=("six-killed",), chain=(Link(name="Ann", kind="person"),)))
    after = reader.get("/claims/six-killed", **{"if-none-match": tag})
    assert after.status_code == 200
    assert after.headers["etag"] != tag
    assert "Ann" in after.text
    assert "Ann" not in first.text


def test_the_form_is_never_kept(reader):
    assert "etag" not in reader.get("/append").headers


def test_files_are_named_by_what_is_in_them_and_kept_for_ever(reader):
    page = reader.get("/").text
    names = set(re.findall(r'"(/static/[^"]+)"', page))
    assert len(names) == 3
    for name in names:
        answer = reader.get(name)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert re.fullmatch(r"/static/\w+\.[0-9a-f]{16}\.(css|js|svg)", name)
    assert reader.get("/static/page.css").status_code == 404
    assert reader.get("/static/..%2f__init__.py").status_code == 404


def test_whatever_comes_from_outside_is_escaped_and_nothing_in_it_hides(empty):
    text = "</script>\"'><img src=x onerror=alert(1)>\u202egnp\u200b"
    link = Link(name=text, role=text, kind="person", url="javascript:alert(1)")
    ledger = empty.service.ledger
    ledger.append(ClaimRegistered(claim="c", text=text))
    ledger.append(Statement(claims=("c",), chain=(link, link), quote=text, note=text), id="s")
    ledger.append(Assessment(claims=("c",), chain=(link,), verdict="other", label=text))
    source = re.search(r'"(/sources/[^"]+)"', empty.get("/claims/c").text)[1]
    for url in ("/", "/claims/c", "/claims/c/compare", "/events/s", source, f"/?search={text}", f"/?source={text}"):
        page = empty.get(url).text
        assert "<img" not in page, url
        assert "javascript:" not in re.sub(r"<(pre|span class=\"outside\")[^>]*>.*?</", "", page, flags=re.DOTALL), url
        shown = re.sub(r'value="[^"]*"', "", page)  # a field of a form holds what was typed into it
        assert not re.search("[\u202e\u200b]", shown), url
    assert "\\u{202e}gnp\\u{200b}" in empty.get("/claims/c").text


# -- where much is asked -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    """A ledger with a claim of so many acts that other processes see to its page."""
    path = tmp_path_factory.mktemp("busy") / "busy.db"
    with Ledger.open(str(path)) as ledger:
        acts = [Statement(claims=("c",), chain=(Link(name=f"Speaker {n}", kind="person"),)) for n in range(400)]
        ledger.append_all(acts, register=True)
        yield ledger


@pytest.mark.parametrize("url", ["/", "/claims/c", "/claims/c/compare", "/claims/c?history=told", "/sources/speaker-1"])
def test_a_page_is_the_same_whoever_makes_it(busy, url):
    alone = Reader(busy)
    try:
        with Asker(busy, started=True) as asker:
            asker.get("/v1/claims")  # so that there is a view
            made = asker.get(url)
        assert made.status_code == 200
        assert made.text == alone.get(url).text
    finally:
        alone.service.close()


def test_what_another_process_finds_elsewhere_or_nowhere_is_told_as_here(busy):
    with Asker(busy, started=True) as asker:
        assert asker.get("/claims/c").status_code == 200  # from now on its pages are known to take long
        answer = asker.get("/claims/c?clock=recorded&stop=1")
        assert (answer.status_code, answer.headers["location"]) == (303, "/claims/c?as_of=202")
        answer = asker.get("/claims/c?as_of=0")
        assert answer.status_code == 404
        assert "The same page as of now" in answer.text


def test_a_page_is_compressed_for_who_can_read_that(reader):
    plain, packed = (reader.get("/", **{"accept-encoding": coding}) for coding in ("identity", "gzip"))
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.text == plain.text


def test_a_page_waits_for_what_was_just_appended(reader, ledger):
    receipt = ledger.append(ClaimRegistered(claim="new", text="Just now."))
    assert "Just now." in reader.text(f"/?wait_for={receipt.position}")
    assert reader.get("/?wait_for=soon").status_code == 400
