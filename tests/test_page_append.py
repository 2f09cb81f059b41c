"""Does the form append what was filled in, once, and only for who may?"""

from __future__ import annotations

import re

import pytest
from reader import Text

from ledger import Assessment, Denial, Link, Statement
from ledger.intake import Entry
from ledger.service.page import drafted, form
from ledger.service.page.form import Filled
from projections import status


@pytest.fixture
def ledger(seeded):
    return seeded


def fields(reader, **more):
    told = {"type": "statement", "claims": "six-killed", "link-0-name": "Maria Example", "link-0-kind": "person"}
    return {**told, "seal": reader.seal(), "id": "from-the-form", "do": "append", **more}


def test_an_act_is_appended_and_its_page_shown(reader, ledger):
    answer = reader.post("/append", fields(reader, said_at="2024-10-12", quote="So it was."))
    assert (answer.status_code, answer.headers["location"]) == (303, "/events/from-the-form")
    event = ledger.record("from-the-form").event
    assert (event.claims, event.quote, event.said_at) == (("six-killed",), "So it was.", "2024-10-12")
    assert event.chain == (Link(name="Maria Example", kind="person"),)


def test_the_same_form_sent_twice_appends_once(reader, ledger):
    told = fields(reader)
    for _ in range(2):
        assert reader.post("/append", told).status_code == 303
    assert ledger.head == 64


def test_a_preview_appends_nothing_and_tells_what_would_change(reader, ledger):
    answer = reader.post("/append", fields(reader, do="preview"))
    text = Text(answer.text).whole
    assert answer.status_code == 200
    assert "Now disputed [1,1]/[1,1]" in text
    assert "Then disputed [1,2]/[1,1]" in text
    assert "officer-casualties by relation" in text
    assert ledger.head == 63


@pytest.mark.parametrize(
    ("told", "at", "why"),
    [
        ({"claims": ""}, "claims", "required"),
        ({"claims": "no-such-claim"}, "claims", "no-such-claim"),
        ({"type": "denial", "claims": "", "acts": "no-such-act"}, "acts", "there is no event"),
        ({"type": "denial", "claims": "six-killed", "acts": "A3 it's"}, "acts", "there is no event"),
        ({"link-0-name": ""}, "link-0-name", "required"),
        ({"link-1-role": "editor"}, "link-1-name", "required"),
        ({"said_at": "yesterday"}, "said_at", "is no time"),
        ({"language": "!!"}, "language", "regex"),
        ({"type": "assessment"}, "term", "how likely"),
        ({"type": "assessment", "term": "maybe"}, "low", "stands in no named scale"),
        ({"type": "assessment", "term": "maybe", "low": "much", "high": "1"}, "low", "expected `float"),
        ({"type": "denial", "claims": ""}, "claims", "a denial denies something"),
        ({"link-0-kind": "wizard"}, "link-0-kind", "wizard"),
    ],
)
def test_what_is_wrong_is_told_at_its_field(reader, ledger, told, at, why):
    answer = reader.post("/append", fields(reader, **told))
    assert answer.status_code == 422
    error = re.search(rf'id="{at}-error">([^<]*)<', answer.text)
    assert error, re.findall(r'id="([\w-]+)-error"', answer.text)
    assert why in error[1]
    assert re.search(rf'id="{at}"[^>]*aria-invalid="true"', answer.text)
    assert ledger.head == 63


def test_what_is_wrong_is_told_above_the_form_by_the_names_of_its_fields(reader):
    told = fields(reader, **{"link-0-name": "", "link-0-kind": "", "said_at": "now"})
    text = Text(reader.post("/append", told).text).whole
    assert "It cannot be appended so" in text
    assert "Said at : 'now' is no time" in text
    assert "Who said it: Name, as printed : required" in text


def test_claims_and_acts_that_are_not_there_are_told_at_once(reader):
    told = fields(reader, type="denial", claims="no-such-claim", acts="no-such-act")
    for register, named in (({}, ["claims", "acts"]), ({"register": "yes"}, ["acts"])):
        page = reader.post("/append", told | register).text
        assert re.findall(r'id="([\w-]+)-error"', page) == named


def test_everything_that_is_wrong_is_told_at_once():
    told = {"type": "denial", "claims": "Not A Slug", "said_at": "yesterday", "link-0-kind": "wizard", "language": "!!"}
    assert Filled.of(told).errors().keys() == {"claims", "said_at", "link-0-kind", "link-0-name", "language"}


def test_what_was_filled_in_is_still_there(reader):
    told = fields(reader, said_at="yesterday", quote="<b>\u200d", type="denial", form="no_comment")
    page = reader.post("/append", told).text
    assert "&lt;b&gt;\u200d</textarea>" in page
    assert '<option value="no_comment" selected>' in page
    assert 'value="Maria Example"' in page


def test_one_more_carrier_is_one_more_and_keeps_what_was_filled_in(reader):
    page = reader.post("/append", fields(reader, more="yes")).text
    assert 'name="link-2-name"' in page
    assert 'name="link-2-name"' not in reader.get("/append").text
    assert 'value="Maria Example"' in page


def test_claims_that_are_not_there_are_registered_where_that_is_asked(reader, ledger):
    assert reader.post("/append", fields(reader, claims="new-one", register="yes")).status_code == 303
    assert ledger.state(status, "new-one").status == "asserted"


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://elsewhere.example"}, {"origin": "null"}, {"origin": "", "sec-fetch-site": "cross-site"}],
)
def test_a_form_of_another_site_appends_nothing(reader, ledger, headers):
    assert reader.post("/append", fields(reader), **headers).status_code == 403
    assert ledger.head == 63


@pytest.mark.parametrize("seal", ["", "0" * 64, "é"])
def test_a_form_that_this_service_did_not_give_out_appends_nothing(reader, ledger, seal):
    answer = reader.post("/append", fields(reader, seal=seal))
    assert answer.status_code == 422
    assert "Send it again" in answer.text
    assert ledger.head == 63


@pytest.mark.parametrize(
    ("body", "media"),
    [
        (b"{}", "application/json"),
        (b"a=%ff", "application/x-www-form-urlencoded"),
        (b"a=" + b"x" * 600_000, "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(999)), "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_form_is_refused(reader, body, media):
    answer = reader.post("/append", body, **{"content-type": media})
    assert answer.status_code in (400, 413, 415)


def test_a_token_is_kept_where_no_script_reads_it_and_no_other_site_has_it_sent(reader):
    answer = reader.post("/session", {"token": "claims_abc", "next": "/claims/six-killed?as_of=40"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/claims/six-killed?as_of=40")
    assert answer.headers["set-cookie"] == "claims-token=claims_abc; HttpOnly; Path=/; SameSite=strict"
    gone = reader.post("/session/end", {}).headers["set-cookie"]
    assert 'claims-token=""' in gone
    assert "Max-Age=0" in gone


@pytest.mark.parametrize(
    "wanted", ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "/a\r\nb: c"]
)
def test_signing_in_leads_nowhere_else(reader, wanted):
    assert reader.post("/session", {"token": "claims_abc", "next": wanted}).headers["location"] == "/"


def test_nobody_is_signed_in_from_another_site(reader):
    answer = reader.post("/session", {"token": "claims_abc"}, origin="https://elsewhere.example")
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_the_form_has_every_field_an_act_may_have():
    named = {field.name for field in (*form.ABOUT, *form.OWN, *form.WORDS)} | {"chain", "likelihood"}
    for act in (Statement, Denial, Assessment):
        assert set(act.__struct_fields__) <= named
    assert {field.name for field in form.LINK} == set(Link.__struct_fields__)


def test_a_draft_changes_what_appending_it_changes(reader, ledger):
    event = Denial(claims=("missiles-in-use",), chain=(Link(name="Ann", kind="person"),), said_at="2024-10-09")
    drafts = drafted.changes(ledger, Entry(event=event), 1_800_000_000_000_000)
    ledger.append(event)
    for change in drafts:
        now = ledger.state(status, change.after.claim)
        assert (now.status, now.flags) == (change.after.status, change.after.flags)
        assert (now.support, len(now.opposition.roots)) == (change.after.support, len(change.after.opposition.roots))
    assert [change.after.claim for change in drafts if change.named] == ["missiles-in-use"]


def test_a_draft_is_told_from_every_event_there_is(reader, ledger):
    ledger.append(Statement(claims=("six-killed",), chain=(Link(name="Bob", kind="person"),)), id="draft")
    text = Text(reader.post("/append", fields(reader, do="preview")).text).whole
    assert "Now disputed [1,2]/[1,1]" in text
    assert "Then disputed [2,3]/[1,1]" in text


def test_a_draft_that_denies_an_utterance_is_previewed_on_the_claims_of_that(ledger):
    event = Denial(acts=("A3",), chain=(Link(name="Andriy Kovalenko", kind="person"),))
    (change, *_) = drafted.changes(ledger, Entry(event=event), 1_800_000_000_000_000)
    assert change.after.claim == "donetsk-engineers"
    assert "attribution-denied" in change.after.flags
