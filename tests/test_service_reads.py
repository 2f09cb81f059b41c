"""Is a read over HTTP what was asked for, may it be kept for as long as it says, and is it told what makes no sense?"""

from __future__ import annotations

import gzip
import inspect
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from asker import Asker
from test_seed import NOW, load

from ledger import Assessment, ClaimRegistered, ClaimsRelated, Ledger, Link, RecordVoided, Statement, records
from ledger.events import TYPES
from ledger.service import Settings, answers, logged
from ledger.service.asking import takes_gzip
from ledger.service.readers import Readers
from projections.views import Views

LINES = "application/x-ndjson"
HUGE = "9" * 5_000
"""No number that a position, a key or anything else here may be."""


@pytest.fixture(scope="module")
def article() -> Iterator[Ledger]:
    with load() as ledger:
        yield ledger


@pytest.fixture(scope="module")
def get(article: Ledger) -> Iterator[Callable[..., httpx.Response]]:
    with Asker(article, Settings(wait_s=0.05)) as asker:
        yield asker.get


@pytest.fixture
def growing() -> Iterator[tuple[Ledger, Asker]]:
    """A ledger of its own, to be appended to."""
    with load() as ledger, Asker(ledger, Settings(wait_s=0.05)) as asker:
        yield ledger, asker


def told(answer: httpx.Response, status: int) -> str:
    """What a problem says."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])


def lines(ledger: Ledger, **filters: Any) -> list[bytes]:
    return [records.line(*pair) for pair in ledger.stored(**filters)]


def paged(get: Callable[..., httpx.Response], path: str, what: str, after: str | None = None) -> list[Any]:
    """All that the pages have, one after the other; those that follow a cursor, where one is given."""
    found, sign, following = [], "&" if "?" in path else "?", after
    while True:
        page = get(path if following is None else f"{path}{sign}cursor={quote(following)}").json()
        found += page[what]
        following = page.get("next")
        if following is None:
            return found
        assert page[what], "a page that is followed by another has something on it"


# -- what makes no sense -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/v1/claims?colour=red", "'colour'"),
        ("/v1/claims/six-killed?limit=3", "'limit'"),
        ("/v1/claims?order=id&order=acts", "order: it may be given once"),
        ("/v1/claims/six-killed?as_of=3&as_of=4", "as_of: it may be given once"),
        ("/v1/claims?limit=0", "limit: '0'"),
        ("/v1/claims?limit=1001", "from 1 to 1,000"),
        ("/v1/claims?limit=%D9%A3", "limit"),
        ("/v1/claims?status=lost", "'lost' is no status"),
        ("/v1/claims?search=!!!", "search: '!!!' has no word to look for; give letters or digits"),
        ("/v1/claims?search=", "search: '' has no word to look for"),
        ("/v1/sources?search=...", "search: '...' has no word to look for"),
        ("/v1/claims?flag=lost", "'lost' is no flag"),
        ("/v1/claims?order=size", "'size' is no order"),
        ("/v1/claims?cursor=1:newest:x", "is no cursor"),
        ("/v1/claims?cursor=garbage", "'garbage' goes on after a claim that is not there"),
        ("/v1/claims?cursor=1:id:six-killed", "goes on after a claim that is not there"),
        (f"/v1/claims?cursor={HUGE}:id:six-killed", "is no cursor by id"),
        ("/v1/claims?order=newest&cursor=1:newest:9999999999999999999:six-killed", "is no cursor by newest"),
        (f"/v1/claims?order=acts&cursor=1:acts:{HUGE}:six-killed", "is no cursor by acts"),
        (f"/v1/claims?as_of={HUGE}", "is not in this ledger, which ends at 63"),
        (f"/v1/claims?limit={HUGE}", "is no number from 1 to 1,000"),
        ("/v1/claims?as_of=64", "position 64 is not in this ledger"),
        ("/v1/claims/six-killed?as_of=", "is no position"),
        ("/v1/claims/six-killed?said_by=40", "said_by"),
        ("/v1/claims/six-killed/history?axis=time", "'time' is no axis"),
        ("/v1/claims/six-killed/diff?from=2024", "from, to: give both"),
        ("/v1/claims/six-killed/diff?from=2023&to=2024&said_by=2024", "leave said_by out"),
        ("/v1/claims/six-killed/diff?from=2024&to=3", "to: '3' is no moment"),
        ("/v1/claims/six-killed/diff?from=1&to=3", "are moments of the world; axis=recorded compares positions"),
        ("/v1/claims/six-killed/diff?from=1&to=2&axis=recorded&as_of=3", "leave as_of out"),
        ("/v1/changes", "after: say since when"),
        ("/v1/changes?after=64", "position 64 is not in this ledger"),
        ("/v1/changes?after=60&as_of=59", "after: position 60 comes after position 59"),
        ("/v1/changes?after=60&limit=1001", "from 1 to 1,000"),
        ("/v1/changes?after=60&cursor=60:x", "is no cursor of changes"),
        (f"/v1/changes?after=60&cursor={HUGE}:63:x", "is no cursor of changes"),
        ("/v1/changes?after=61&cursor=60:63:x", "goes on between positions 60 and 63, not 61 and 63"),
        ("/v1/changes?after=60&as_of=62&cursor=60:63:x", "goes on between positions 60 and 63, not 60 and 62"),
        ("/v1/events?type=rumour", "'rumour' is no event type"),
        ("/v1/events?tag=claim:x&claim=x", "tag, claim"),
        ("/v1/events?about=A1&source=x", "about, source"),
        ("/v1/claims?said_by=2024-10-09&cursor=63:id:dam", "asked for without said_by"),
        ("/v1/claims?cursor=63:id:dam,said_by=2024-10-09", "asked for with said_by"),
        ("/v1/events?claim=six-killed&cursor=60:1", "asked for without claim"),
        ("/v1/sources?search=peskov&cursor=63:afp", "asked for without search"),
        ("/v1/events?cursor=x", "is no cursor"),
        ("/v1/events?cursor=60:1&as_of=61", "goes on at position 60"),
        (f"/v1/events?cursor={HUGE}:1", "is no cursor of records"),
        ("/v1/sources?cursor=x", "is no cursor"),
        (f"/v1/sources?cursor={HUGE}:x", "is no cursor of sources"),
        ("/v1/sources/%2F", "/"),
        (f"/v1/sources/{'a' * 2_001}", "2,000 characters at most"),
        (f"/v1/claims?source={'a' * 2_001}", "2,000 characters at most"),
        ("/v1/head?wait_for=x", "wait_for: 'x' is no number"),
    ],
)
def test_what_makes_no_sense_is_told_by_its_name(get: Callable[..., httpx.Response], path: str, says: str) -> None:
    assert says in told(get(path), 400)


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/claims/nobody-said-so", "/v1/claims/six-killed?as_of=1", "/v1/claims/nobody-said-so/history"),
        *("/v1/claims/nobody-said-so/diff?from=2023&to=2024", "/v1/sources/nobody", "/v1/events/nothing"),
        *("/v1/events/A1?as_of=2", "/v1/events/64", f"/v1/events/{HUGE}", "/v1/events?about=nothing"),
    ],
)
def test_what_is_not_there_is_not_found_and_what_there_is_is_told(
    get: Callable[..., httpx.Response], path: str
) -> None:
    assert re.search("; `claims (status|log|source list)[^`]*`.* lists? ", told(get(path), 404))


# -- pages -------------------------------------------------------------------------------------------------------------


def test_a_record_that_changes_too_much_of_the_board_has_it_made_anew(
    growing: tuple[Ledger, Asker], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, asker = growing
    assert asker.get("/v1/claims").status_code == 200
    ledger.append(ClaimsRelated(from_="six-killed", to="kn23-teams", relation="entails", why="w", by="Ann"))
    monkeypatch.setitem(inspect.unwrap(Views.catch_up).__kwdefaults__, "reach", 1)
    assert asker.get("/v1/claims").json()["as_of"]["position"] == ledger.head


def test_the_pages_of_the_board_stay_at_their_moment(growing: tuple[Ledger, Asker]) -> None:
    ledger, asker = growing
    first = asker.get("/v1/claims?limit=8&order=newest").json()
    ledger.append(ClaimRegistered(claim="aa-came-in-between", text="It came in between."))
    rest = paged(asker.get, "/v1/claims?limit=8&order=newest", "claims", after=first["next"])
    assert sorted(row["claim"] for row in (*first["claims"], *rest)) == sorted(NOW)
    assert "aa-came-in-between" in [row["claim"] for row in asker.get("/v1/claims").json()["claims"]]


def test_a_board_that_fits_on_no_page_has_a_next_one_and_not_a_word_more(article: Ledger) -> None:
    with Asker(article, Settings(page=20)) as asker:
        page = asker.get("/v1/claims").json()
        assert [*page] == ["as_of", "said_by", "rules", "claims", "next"]
        assert len(paged(asker.get, "/v1/claims", "claims")) == len(NOW)
    with Asker(article, Settings(page=len(NOW))) as asker:
        assert [*asker.get("/v1/claims").json()] == ["as_of", "said_by", "rules", "claims"]


def test_sources_are_listed_with_their_names(get: Callable[..., httpx.Response], article: Ledger) -> None:
    found = {one["source"]: one for one in paged(get, "/v1/sources?limit=7", "sources")}
    quoted = {source for line in lines(article) for source in _sources_in(line)}
    assert found.keys() == quoted
    assert list(found) == sorted(found)
    assert found["dmitry-peskov"] == {
        "source": "dmitry-peskov",
        "name": "Dmitry Peskov",
        "kind": "person",
        "registered": True,
    }


def test_sources_are_found_by_words_and_as_of_their_time(growing: tuple[Ledger, Asker]) -> None:
    ledger, asker = growing
    assert [one["source"] for one in asker.get("/v1/sources?search=dmitry+pes").json()["sources"]] == ["dmitry-peskov"]
    assert asker.get("/v1/sources?search=nobody").json()["sources"] == []
    assert asker.get("/v1/sources?as_of=1").json()["sources"] == []
    link = Link(name="Радіо Свобода", kind="outlet")
    ledger.append(Statement(claims=("six-killed",), chain=(link,)))
    found = asker.get("/v1/sources?search=свобода").json()["sources"]
    assert found == [{"source": "радіо-свобода", "name": "Радіо Свобода", "kind": None, "registered": False}]
    assert asker.get("/v1/sources?search=свобода&as_of=63").json()["sources"] == []


def test_a_source_that_is_one_of_its_carriers_own_is_asked_for_by_its_id(get: Callable[..., httpx.Response]) -> None:
    for path in ("a-source-in-ukraine@the-guardian", "a-source-in-ukraine%40the-guardian"):
        assert get(f"/v1/sources/{path}").json()["source"] == "a-source-in-ukraine@the-guardian"


def _sources_in(line: bytes) -> set[str]:
    from ledger import events as ev
    from ledger.records import tags

    event = records.event_from(json.dumps(json.loads(line)["event"]).encode())
    named = {tag.removeprefix("source:") for tag in tags(event) if tag.startswith("source:")}
    return named if isinstance(event, (Statement, ev.Denial, Assessment, ev.SourceRegistered)) else set()


# -- records -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ("", {}),
        ("claim=six-killed", {"claim": "six-killed"}),
        ("source=Dmitry+Peskov", {"source": "dmitry-peskov"}),
        ("claim=kn23-teams&source=dmitry-peskov", {"claim": "kn23-teams", "source": "dmitry-peskov"}),
        ("type=denial&type=assessment", {"types": ("denial", "assessment")}),
        ("claim=kn23-teams&type=denial", {"claim": "kn23-teams", "types": ("denial",)}),
        ("after=40&as_of=50", {"after": 40, "as_of": 50}),
        ("after=70", {"after": 63}),
        ("claim=nobody-said-so", {"claim": "nobody-said-so"}),
    ],
)
def test_the_records_are_those_of_the_log_in_their_very_bytes(
    get: Callable[..., httpx.Response], article: Ledger, query: str, filters: dict[str, Any]
) -> None:
    expected = lines(article, **filters)
    whole = get(f"/v1/events?limit=1000&{query}")
    assert whole.json().get("next") is None
    assert b'"events":[%b]}' % b",".join(expected) in whole.content
    in_lines = get(f"/v1/events?{query}", accept=LINES)
    assert in_lines.headers["content-type"].startswith(LINES)
    assert in_lines.content == b"".join(line + b"\n" for line in expected)
    assert get(f"/v1/events?limit=2&{query}", accept=LINES).content.splitlines() == expected[:2]
    by_page = paged(get, f"/v1/events?limit=4&{query}", "events")
    assert by_page == [json.loads(line) for line in expected]


@pytest.mark.parametrize(
    "query", ["type=denial", "type=assessment&type=denial", "claim=six-killed", "source=russia", ""]
)
def test_the_next_page_of_records_is_asked_for_with_the_same_filters(
    get: Callable[..., httpx.Response], query: str
) -> None:
    following = get("/v1/events?type=denial&type=denial&limit=1").json()["next"]
    assert get(f"/v1/events?type=denial&cursor={following}").status_code == 200
    if query != "type=denial":
        assert "asked for with" in told(get(f"/v1/events?{query}&cursor={following}"), 400)


def test_a_page_of_another_board_is_refused_before_it_is_folded(
    get: Callable[..., httpx.Response], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Readers, "keep_board", lambda *_, **__: pytest.fail("it was folded"))
    assert "asked for with said_by" in told(get("/v1/claims?cursor=63:id:dam,said_by=2024-10-07"), 400)
    url = "/v1/claims?said_by=2024-10-06&cursor=63:id:dam,said_by=2024-10-07"
    assert "asked for with another said_by" in told(get(url), 400)


def test_records_are_found_by_the_tags_that_projections_want(
    get: Callable[..., httpx.Response], article: Ledger
) -> None:
    tags = ("claim:six-killed", "relation:claim:six-killed", "id:A1")
    query = "&".join(f"tag={tag}" for tag in tags)
    expected = [records.line(*pair) for pair in article.tagged(tags, as_of=62)]
    assert get(f"/v1/events?{query}&as_of=62", accept=LINES).content.splitlines() == expected
    some = [line for line in expected if json.loads(line)["position"] > 50]
    assert 0 < len(some) < len(expected)
    assert get(f"/v1/events?{query}&as_of=62&after=50", accept=LINES).content.splitlines() == some


def test_what_became_of_a_record_is_asked_for_by_its_id(growing: tuple[Ledger, Asker]) -> None:
    ledger, asker = growing
    from ledger import RecordVoided

    ledger.append(RecordVoided(target="A10-dated", why="it was not so"), id="undated")
    assert [one["id"] for one in asker.get("/v1/events?about=A10").json()["events"]] == ["A10-dated", "undated"]
    assert asker.get("/v1/events?about=A10&as_of=62").json()["events"] == []


@pytest.mark.parametrize("name", ["a/b", "/", "a%2Fb", "a b?c#d", "ї&=+", "x" * 200, "../../head", "5"])
def test_an_event_has_an_address_whatever_its_id(growing: tuple[Ledger, Asker], name: str) -> None:
    ledger, asker = growing
    ledger.append(ClaimRegistered(claim="with-such-an-id", text="It has such an id."), id=name)
    found = asker.get(f"/v1/events/{quote(name, safe='')}")
    assert found.content == lines(ledger, after=63)[0].removesuffix(b"}") + b',"about":[]}'


def test_a_record_is_told_with_what_became_of_it_and_kept_until_more_may_have(growing: tuple[Ledger, Asker]) -> None:
    ledger, asker = growing
    before = asker.get("/v1/events/A10")
    assert "immutable" not in before.headers["cache-control"]
    assert "immutable" in asker.get("/v1/events/A10?as_of=62").headers["cache-control"]
    ledger.append(RecordVoided(target="A10-dated", why="it was not so"), id="undated")
    now = asker.get("/v1/events/A10", if_none_match=before.headers["etag"])
    assert now.status_code == 200
    assert [one["id"] for one in now.json()["about"]] == ["A10-dated", "undated"]
    assert asker.get("/v1/events/56").content == now.content
    assert [asker.get(f"/v1/events/A10?as_of={at}").json()["about"] for at in (62, 63)] == [[], before.json()["about"]]
    assert told(asker.get("/v1/events/A10?as_of=3"), 404)


def test_a_page_that_looks_through_much_and_finds_little_ends_early_and_goes_on(
    growing: tuple[Ledger, Asker], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, asker = growing
    monkeypatch.setattr(logged, "_STRETCH", 5)
    monkeypatch.setattr(logged, "_LOOKED", 10)
    first = asker.get("/v1/events?type=denial").json()
    assert first["events"] == []
    assert first["next"].startswith("63:10,type=")
    found, page = [], first
    while "next" in page:
        page = asker.get(f"/v1/events?type=denial&cursor={page['next']}").json()
        found += [one["id"] for one in page["events"]]
    assert found == ["A10", "A12", "A13"]


def test_a_page_of_long_records_ends_before_it_is_too_long(
    growing: tuple[Ledger, Asker], monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, asker = growing
    monkeypatch.setattr(logged, "_PAGE_BYTES", 2_000)
    page = asker.get("/v1/events?limit=1000").json()
    assert 1 < len(page["events"]) < 63
    assert paged(asker.get, "/v1/events?limit=1000", "events") == [json.loads(line) for line in lines(ledger)]


@pytest.mark.parametrize("wanted", [{}, {"types": ("statement",)}, {"claim": "kn23-teams"}])
@pytest.mark.parametrize("most", [1, 700, 2_000])
def test_however_long_records_are_no_more_of_them_are_held_than_may_be(
    article: Ledger, monkeypatch: pytest.MonkeyPatch, wanted: dict[str, Any], most: int
) -> None:
    monkeypatch.setattr(logged, "_STRETCH_BYTES", most)
    chunks = list(logged.InLog(as_of=article.head, **wanted).lines(article))
    expected = [records.line(*pair) + b"\n" for pair in article.stored(**wanted)]
    assert b"".join(chunks) == b"".join(expected)
    assert max(map(len, chunks)) < most + 2 * max(map(len, expected))


# -- what may be kept, and for how long --------------------------------------------------------------------------------


def test_who_has_the_answer_is_not_sent_it_again(growing: tuple[Ledger, Asker]) -> None:
    ledger, asker = growing
    paths = ["/v1/claims/six-killed", "/v1/claims", "/v1/events", "/v1/sources", "/v1/events/A1"]
    tags = [asker.get(path).headers["etag"] for path in paths]
    for path, tag in zip(paths, tags, strict=True):
        for known in (tag, f'"other", {tag}', tag.removeprefix("W/"), "*"):
            again = asker.get(path, if_none_match=known)
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    ledger.append(ClaimRegistered(claim="newer", text="It is newer."))
    changed = [asker.get(path, if_none_match=tag).status_code for path, tag in zip(paths, tags, strict=True)]
    assert changed == [200] * len(paths)


def test_any_answer_at_all_is_known_only_where_there_is_one(get: Callable[..., httpx.Response]) -> None:
    assert get("/v1/claims/nobody-said-so", if_none_match="*").status_code == 404


def test_lines_and_a_page_are_not_taken_for_each_other(get: Callable[..., httpx.Response]) -> None:
    page, in_lines = get("/v1/events"), get("/v1/events", accept=LINES)
    assert page.headers["etag"] != in_lines.headers["etag"]
    assert get("/v1/events", accept=LINES, if_none_match=page.headers["etag"]).status_code == 200
    assert get("/v1/events", accept=LINES, if_none_match=in_lines.headers["etag"]).status_code == 304
    assert "accept" in page.headers["vary"].lower().split(", ")


def test_another_ledger_at_the_same_position_has_another_tag(get: Callable[..., httpx.Response]) -> None:
    with Ledger.open(":memory:") as other, Asker(other) as asker:
        other.append_all([ClaimRegistered(claim=f"c{n}", text="It is so.") for n in range(63)])
        assert asker.get("/v1/claims").headers["etag"] != get("/v1/claims").headers["etag"]


@pytest.mark.parametrize(
    ("cut", "for_ever"),
    [
        ("", False),
        ("as_of=63", True),
        ("as_of=62", True),
        ("as_of=A10-dated", True),
        ("as_of=A16", True),
        ("as_of=2024-10-13", True),
        ("as_of=2024-10-14T00:00:00Z", False),
        ("as_of=2024-10-14", False),
        ("as_of=2100-01", False),
        ("said_by=2024-10-09", False),
        ("as_of=40&said_by=2024-10-09", True),
    ],
)
def test_an_answer_that_nothing_can_change_is_kept_for_ever(
    get: Callable[..., httpx.Response], cut: str, for_ever: bool
) -> None:
    for path in ("/v1/claims/engineers-deployed", "/v1/claims", "/v1/claims/engineers-deployed/history"):
        found = get(f"{path}?{cut}")
        assert found.status_code == 200
        assert ("immutable" in found.headers["cache-control"]) == for_ever
        assert "private" in found.headers["cache-control"]


def test_the_next_page_is_kept_for_ever_too(get: Callable[..., httpx.Response]) -> None:
    following = get("/v1/claims?limit=3").json()["next"]
    assert "immutable" in get(f"/v1/claims?limit=3&cursor={following}").headers["cache-control"]
    assert "immutable" not in get("/v1/claims?limit=3&cursor=kn23-teams").headers["cache-control"]


def test_a_problem_is_never_kept(get: Callable[..., httpx.Response]) -> None:
    assert "immutable" not in get("/v1/claims/nobody-said-so?as_of=63").headers.get("cache-control", "")


def test_what_is_worth_it_is_compressed_for_those_who_can_read_it(get: Callable[..., httpx.Response]) -> None:
    plain, packed = get("/v1/claims", accept_encoding="identity"), get("/v1/claims", accept_encoding="br, gzip;q=0.5")
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    assert packed.headers["etag"] == plain.headers["etag"]
    assert packed.headers["etag"].startswith("W/"), "they are the same, but not byte by byte"
    assert "accept-encoding" in packed.headers["vary"].lower()
    assert "content-encoding" not in get("/v1/head", accept_encoding="gzip").headers
    assert "content-encoding" not in get("/v1/events", accept_encoding="gzip", accept=LINES).headers


@pytest.mark.parametrize(
    ("accepted", "takes"),
    [
        (b"", False),
        (b"gzip", True),
        (b"GZIP", True),
        (b"gzip;q=0", False),
        (b"*", True),
        (b"*;q=0", False),
        (b"gzip;q=0, *", False),
        (b"br;q=1.0, gzip;q=0.8", True),
        (b"identity", False),
        (b"gzip;q=much", False),
    ],
)
def test_who_takes_gzip_says_so(accepted: bytes, takes: bool) -> None:
    assert takes_gzip(accepted) == takes


def test_the_same_answer_is_compressed_to_the_same_bytes() -> None:
    one, other = answers.Answer(b"so it is " * 1_000), answers.Answer(b"so it is " * 1_000)
    one.zip()
    other.zip()
    assert one.zipped == other.zipped
    assert gzip.decompress(one.zipped) == one.body


def test_answers_that_are_kept_take_no_more_room_than_they_may() -> None:
    kept = answers.Answers(most=3, most_bytes=100)
    for name in "abcd":
        kept.keep(name, b"1234567890")
    assert [kept.get(name) is not None for name in "abcd"] == [False, True, True, True]
    kept.get("b")
    kept.keep("e", b"." * 85)
    assert [kept.get(name) is not None for name in "bcde"] == [True, False, False, True]


# -- waiting -----------------------------------------------------------------------------------------------------------


def test_who_has_appended_waits_until_it_is_there(growing: tuple[Ledger, Asker]) -> None:
    ledger, asker = growing
    receipt = ledger.append(ClaimRegistered(claim="newer", text="It is newer."))
    for path in ("/v1/claims", "/v1/claims/newer", "/v1/events", "/v1/sources", "/v1/head"):
        assert asker.get(f"{path}?wait_for={receipt.position}").status_code == 200


def test_what_the_ledger_does_not_hold_is_waited_for_in_vain(get: Callable[..., httpx.Response]) -> None:
    for path in ("/v1/claims", "/v1/claims/six-killed", "/v1/events"):
        assert "position 64 is not in this ledger, which ends at 63; ask again once" in told(
            get(f"{path}?wait_for=64"), 400
        )


def test_the_head_tells_how_far_ledger_and_board_have_come(growing: tuple[Ledger, Asker]) -> None:
    ledger, asker = growing
    assert asker.get("/v1/head").json() == {
        "ledger": "claim-engineers-deployed",
        "position": 63,
        "recorded_at": "2024-10-14T00:00:00.000000Z",
        "view": 63,
        "rules": "status/1",
    }
    ledger.append(ClaimRegistered(claim="newer", text="It is newer."))
    assert asker.get("/v1/head").json()["position"] == 64
    assert asker.get("/v1/head?as_of=2024-10-12").json()["position"] == 62


def test_an_empty_ledger_has_answers_too() -> None:
    with Ledger.open(":memory:") as ledger, Asker(ledger) as asker:
        assert asker.get("/v1/claims").json()["claims"] == []
        assert asker.get("/v1/sources").json()["sources"] == []
        assert asker.get("/v1/events").json() == {"as_of": {"position": 0, "recorded_at": None}, "events": []}
        assert asker.get("/v1/head").json()["ledger"] == ""
        tag = asker.get("/v1/claims").headers["etag"]
        ledger.append(ClaimRegistered(claim="first", text="It is the first."))
        assert asker.get("/v1/claims", if_none_match=tag).status_code == 200


def test_every_read_is_in_the_table_and_says_what_it_is(get: Callable[..., httpx.Response]) -> None:
    from ledger.service.app import OPERATIONS

    reads = [one for one in OPERATIONS if one.method == "GET" and one.path.startswith("/v1/")]
    assert len(reads) >= 10
    for one in reads:
        assert one.about
        assert {f"{{{p.name}}}" for p in one.parameters if p.place == "path"} == {
            f"{{{part.strip('{}').partition(':')[0]}}}" for part in one.path.split("/") if part.startswith("{")
        }
    schemas = [p.schema for one in reads for p in one.parameters if p.name == "type"]
    assert schemas and all(TYPES.keys() <= set(schema["enum"]) for schema in schemas)


def test_a_view_may_lie_on_disk_without_a_keeper(tmp_path: Path) -> None:
    with Ledger.open(tmp_path / "a.db") as ledger, Asker(ledger) as asker:
        ledger.append(ClaimRegistered(claim="first", text="It is the first."))
        assert [row["claim"] for row in asker.get("/v1/claims").json()["claims"]] == ["first"]
    assert (tmp_path / "a.db.views").exists()
