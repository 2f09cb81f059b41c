"""Does a page of the board have the claims that were asked for, as of then, in order, whatever came in between?"""

from __future__ import annotations

from itertools import islice, product
from random import Random

import oracle
import pytest
from msgspec.structs import replace
from test_oracle import plain

from ledger import (
    Assessment,
    ClaimRegistered,
    ClaimReworded,
    Correction,
    Denial,
    Ledger,
    Link,
    RecordAmended,
    RecordVoided,
    SourceRegistered,
    Statement,
    UsageError,
    when,
)
from ledger.records import ACTS, targets
from ledger.synthetic import synthetic
from ledger.testing import Story, by, opened, random_ledger
from projections import board, part
from projections.views import ORDERS, STATUSES, Views, bothcuts
from projections.views.bothcuts import KEPT

ANN, BOB = (by("Ann"),), (by("Bob"),)


def claims(view, **how):
    return [row.claim for row in view.page(limit=None, **how).rows]


@pytest.fixture
def ledger():
    with Ledger.open(":memory:") as made:
        yield made


@pytest.fixture
def view(ledger):
    with Views.open(ledger) as made:
        yield made


@pytest.fixture(scope="module")
def large():
    """Three thousand records, and the view of them."""
    with Ledger.open(":memory:") as made, Views.open(made) as view:
        for _ in made.load(islice(synthetic(3_000, seed=8), 3_000)):
            pass
        view.catch_up()
        yield made, view


# What is searched


@pytest.mark.parametrize(
    ("text", "typed"),
    [
        ("大坝漏水了", "漏水"),
        ("Дамба протікає", "ДАМБА"),
        ("السد يتسرّب", "يتسرب"),
        ("Το φράγμα διαρρέει", "φραγμα"),
        ("La presa gotea mañana", "manana"),
    ],
)
def test_claims_are_found_by_their_text_and_by_what_is_quoted_in_any_script(ledger, view, text, typed):
    ledger.append(ClaimRegistered(claim="dam", text=text))
    ledger.append(ClaimRegistered(claim="dyke", text="The dyke holds"))
    ledger.append(ClaimRegistered(claim="sluice", text="The sluice is shut"))
    ledger.append(Statement(claims=("dyke",), chain=ANN, quote=f"“{text}”, she said"))
    view.catch_up()
    assert claims(view, search=typed) == ["dam", "dyke"]
    assert claims(view, search=typed, as_of=3) == ["dam"]
    assert claims(view, search=f"{typed} sluice") == []


def test_each_word_may_stand_in_the_text_in_a_quote_or_in_the_name_of_a_source(ledger, view):
    ledger.append(ClaimRegistered(claim="dam", text="The dam leaks"))
    ledger.append(Statement(claims=("dam",), chain=(by("Олена Коваль"), by("Radio Norte")), quote="water everywhere"))
    ledger.append(Statement(claims=("dyke",), chain=ANN, quote="water"), register=True)
    view.catch_up()
    assert claims(view, search="leaks коваль EVERYWHERE") == ["dam"]
    assert claims(view, search='"water everywhere" norte') == ["dam"]
    assert claims(view, search="wat") == ["dam", "dyke"]


def test_the_original_of_a_quote_is_searched_with_it(ledger, view):
    said = Statement(claims=("dam",), chain=ANN, quote="It leaks", language="en", original="Она течёт")
    ledger.append(said, register=True)
    view.catch_up()
    assert claims(view, search="течет") == claims(view, search="leaks") == ["dam"]


def test_a_source_is_found_by_its_name_in_the_register_while_it_has_it(ledger, view):
    ledger.append(Statement(claims=("dam",), chain=(Link(name="the minister", source="kim"),)), register=True)
    ledger.append(SourceRegistered(source="kim", name="Kim Yong-hyun"))
    ledger.append(SourceRegistered(source="kim", name="Kim Y."), id="again")
    ledger.append(RecordVoided(target="again", why="typing error"))
    view.catch_up()
    found = [claims(view, search="yong hyun", as_of=position) for position in (2, 3, 4, 5)]
    assert found == [[], ["dam"], [], ["dam"]]
    assert claims(view, search="minister") == ["dam"]


def test_what_was_reworded_amended_or_voided_is_found_as_it_was_then(ledger, view):
    ledger.append(ClaimRegistered(claim="dam", text="The dam leaks"))
    ledger.append(Statement(claims=("dam",), chain=ANN, quote="It drips"), id="s")
    ledger.append(ClaimReworded(claim="dam", text="The dam breaks", why="clearer"))
    ledger.append(RecordAmended(target="s", changes={"quote": "It gushes"}, why="misheard"))
    ledger.append(Correction(act="s", chain=ANN, changes={"quote": "It pours"}))
    ledger.append(RecordVoided(target="s", why="entered twice"))
    view.catch_up()
    held = {
        word: [position for position in range(1, 7) if claims(view, search=word, as_of=position)]
        for word in ("leaks", "breaks", "drips", "gushes", "pours", "ann")
    }
    assert held == {
        "leaks": [1, 2], "breaks": [3, 4, 5, 6], "drips": [2, 3], "gushes": [4], "pours": [5], "ann": [2, 3, 4, 5],
    }  # fmt: skip
    assert [position for position in range(7) if claims(view, source="ann", as_of=position)] == [2, 3, 4, 5]


def quoting(seed, events=60):
    """A random ledger whose acts quote something, which is amended and corrected at times."""
    rnd, acts = Random(seed), set()
    for number, (entry, at) in enumerate(random_ledger(rnd, events)):
        event = entry.event
        if isinstance(event, ACTS):
            acts.add(entry.id)
            event = replace(event, quote=f"say{number} word{number % 5}")
        elif isinstance(event, (RecordAmended, Correction)) and targets(event)[0] in acts and rnd.random() < 0.5:
            event = replace(event, changes=event.changes | {"quote": f"say{number} word{number % 5}"})
        yield replace(entry, event=event), at


def found_naively(records, position):
    """What claims are found by as of a position, told by the oracle: (claim, quote), (claim, source)."""
    entries = oracle.as_recorded(records, position)
    acts, _ = oracle.at_the_cut(entries, oracle.read_register(entries), None, set())
    acts = [act for act in acts if act["type"] != "retraction"]
    quotes = {(claim, act["event"]["quote"]) for act in acts for claim in act["claims"] if act["event"].get("quote")}
    return quotes, {(claim, source) for act in acts for claim in act["claims"] for source in act["sources"]}


@pytest.mark.parametrize("way", ["catch_up", "rebuild"])
@pytest.mark.parametrize("seed", range(8))
def test_what_is_found_is_what_the_oracle_finds(seed, way):
    with opened(quoting(seed)) as ledger, Views.open(ledger) as view:
        getattr(view, way)()
        records = plain(ledger)
        for position in range(5, ledger.head + 1, 8):
            there = {row.claim for row in ledger.state(board, as_of=position).claims}
            quotes, sources = found_naively(records, position)
            for quote in {quote for _, quote in quotes}:
                expected = sorted({claim for claim, other in quotes if other == quote} & there)
                assert claims(view, search=f'"{quote}"', as_of=position) == expected
            for source in {source for _, source in sources}:
                expected = sorted({claim for claim, other in sources if other == source} & there)
                assert claims(view, source=source, as_of=position) == expected


@pytest.mark.parametrize("seed", range(400, 408))
def test_what_is_found_is_the_same_whichever_way_and_in_what_steps_a_view_came_about(seed):
    exported = list(quoting(seed))
    with opened(exported[:30]) as ledger, Views.open(ledger) as built, Views.open(ledger) as caught:
        caught.catch_up()
        for _ in ledger.load(exported[30:]):
            caught.catch_up()
        built.rebuild()
        assert built.difference(caught) is None
        for position in range(0, ledger.head + 1, 7):
            assert built.finds_hash(as_of=position) == caught.finds_hash(as_of=position)


# Filters


FILTERS = {
    "status": [["disputed"], ["denied", "raised"]],
    "flags": [["unnamed-only"], ["kind-unstated", "independence-unproven"]],
    "kind": [["factual"], ["predictive", "normative"]],
    "changed_since": ["2022-02", "2022-08-01T00:00:00Z"],
    "changed_until": ["2023-02", "2022-08-01"],
}


def is_meant(row, kinds, how):
    changed = when.instant(row.changed_at)
    since, until = how.get("changed_since"), how.get("changed_until")
    return (
        row.status in how.get("status", STATUSES)
        and set(how.get("flags", ())) <= set(row.flags)
        and kinds[row.claim] in how.get("kind", ("factual", "predictive", "normative"))
        and (since is None or when.parse(since).earliest <= changed)
        and (until is None or changed <= when.cut(until))
    )


@pytest.mark.parametrize("names", [*((name,) for name in FILTERS), ("status", "kind"), tuple(FILTERS)])
def test_filters_keep_what_is_meant_and_nothing_else_as_of_any_position(large, names):
    ledger, view = large
    kinds = {record.event.claim: record.event.kind for record in ledger.events(types=["claim_registered"])}
    for position in (900, 1_800, ledger.head):
        whole = view.page(limit=None, as_of=position).rows
        for values in product(*(FILTERS[name] for name in names)):
            how = dict(zip(names, values, strict=True))
            expected = [row.claim for row in whole if is_meant(row, kinds, how)]
            assert claims(view, as_of=position, **how) == expected
            assert sorted(claims(view, as_of=position, order="acts", **how)) == expected


def test_search_goes_with_filters_and_orders(large):
    _, view = large
    found = set(claims(view, search="the"))
    disputed = claims(view, status=["disputed"], order="newest")
    assert claims(view, search="the", status=["disputed"], order="newest") == [c for c in disputed if c in found]
    assert 0 < len(found & set(disputed)) < len(disputed)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"search": "!!!"}, "search: '!!!' has no word to look for; give letters or digits, of any script"),
        ({"search": ""}, "search: '' has no word to look for"),
        ({"search": "…", "status": ["disputed"]}, "has no word to look for"),
        ({"kind": ["true"]}, "'true' is no kind of claim"),
        ({"flags": ["loud"]}, "'loud' is no flag"),
        ({"changed_since": "lately"}, "'lately' is no moment"),
        ({"changed_until": "2024~"}, "'2024~' is no moment"),
        ({"cursor": "9:id:x", "as_of": 8}, "goes on at position 9, not at 8"),
        ({"cursor": "9:newest:12:dam", "order": "acts"}, "is no cursor by acts"),
        ({"cursor": "9:acts:12:nowhere", "order": "acts"}, "a claim that is not there"),
        ({"cursor": "nowhere"}, "'nowhere' goes on after a claim that is not there; begin with the first page"),
        ({"cursor": "no claim has such an id!!"}, "a claim that is not there"),
        ({"cursor": ""}, "a claim that is not there"),
        ({"cursor": "9:id:nowhere"}, "a claim that is not there"),
        ({"cursor": "9:acts:many:dam", "order": "acts"}, "is no cursor by acts"),
    ],
)
def test_what_cannot_be_meant_is_told(large, how, said):
    with pytest.raises(UsageError, match=said):
        large[1].page(**how)


def test_a_view_without_search_says_so_and_keeps_up(ledger, view):
    ledger.append(Statement(claims=("dam",), chain=ANN, quote="It leaks"), register=True)
    view.rebuild(search=False)
    ledger.append(Denial(claims=("dam",), chain=BOB, quote="It holds"))
    view.catch_up()
    assert claims(view, status=["disputed"]) == ["dam"]
    for how in ({"search": "holds"}, {"source": "bob"}):
        with pytest.raises(UsageError, match="was made without search"):
            view.page(**how)


# Cursors


@pytest.mark.parametrize("order", ORDERS)
def test_a_page_follows_the_one_before_whatever_was_recorded_since(order, tmp_path):
    with Ledger.open(tmp_path / "claims.db") as ledger, Views.open(ledger) as view:
        for claim in ("c", "a", "d", "b"):
            ledger.append(Statement(claims=(claim,), chain=ANN), register=True)
        ledger.append(Denial(claims=("d",), chain=BOB))
        view.catch_up()
        whole = claims(view, order=order)
        first = view.page(order=order, limit=2)
        for claim in ("a", "aa", "b", "c", "d"):
            ledger.append(Assessment(claims=(claim,), chain=BOB, verdict="false"), register=True)
        view.catch_up()
        second = view.page(order=order, limit=2, cursor=first.cursor)
        assert [row.claim for row in (*first.rows, *second.rows)] == whole
        assert second.as_of == first.as_of
        assert second.cursor is None


def test_pages_follow_each_other_through_filters_and_search(large):
    _, view = large
    for order in ORDERS:
        for how in ({"search": "the", "as_of": 2_000}, {"kind": ["factual"], "status": ["disputed"], "as_of": 2_500}):
            whole, paged, cursor = claims(view, order=order, **how), [], None
            while True:
                page = view.page(order=order, limit=7, cursor=cursor, **how)
                paged += [row.claim for row in page.rows]
                if (cursor := page.cursor) is None:
                    break
            assert paged == whole
            assert len(whole) > 14


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({"said_by": "2022-06"}, {}, "with said_by;"),
        ({}, {"said_by": "2022-06"}, "without said_by;"),
        ({"said_by": "2022-06"}, {"said_by": "2022-07"}, "with another said_by;"),
        ({"status": ["disputed"]}, {}, "with status;"),
        ({"status": ["disputed"]}, {"status": ["disputed", "denied"]}, "with another status;"),
        ({"search": "the"}, {"search": "a"}, "with another search;"),
        ({"kind": ["factual"]}, {"kind": ["factual"], "flags": ["repeated"]}, "without flag;"),
        ({"changed_since": "2024"}, {}, "with another changed_since;"),
    ],
)
@pytest.mark.parametrize("order", ORDERS)
def test_a_cursor_goes_with_what_the_page_before_was_asked_with(large, order, first, second, said):
    _, view = large
    cursor = view.page(order=order, limit=1, **{"changed_since": "1970"} | first).cursor
    assert view.page(order=order, limit=5, cursor=cursor, **{"changed_since": "1970"} | first).rows
    with pytest.raises(UsageError, match=f"asked for {said}"):
        view.page(order=order, limit=1, cursor=cursor, **{"changed_since": "1970"} | second)


def test_a_cursor_says_what_it_is_of(large):
    _, view = large
    head, page = view.checkpoint.position, view.page(limit=1, said_by="2022-06", status=["asserted", "raised"])
    place, *asked = page.cursor.split(",")
    assert place == f"{head}:id:{page.rows[0].claim}"
    assert [part.partition("=")[0] for part in asked] == ["status", "said_by"]
    assert asked[1] == "said_by=2022-06"
    assert view.page(limit=1, status={"raised", "asserted"}, said_by="2022-06").cursor == page.cursor


def test_ties_go_the_same_way_however_a_view_came_about(large):
    ledger, view = large
    with Views.open(ledger) as other:
        other.rebuild()
        for order in ORDERS:
            for as_of in (None, 1_111):
                assert claims(view, order=order, as_of=as_of) == claims(other, order=order, as_of=as_of)


# Both cuts


def test_the_board_at_both_cuts_is_what_a_fold_gives_in_every_order_and_filter(large):
    ledger, view = large
    for position, cut in ((None, "2022-06"), (1_500, "2022-04"), (None, "2022-06")):
        folded = ledger.state(board, as_of=position, said_by=cut).claims
        assert view.page(limit=None, as_of=position, said_by=cut).rows == folded
        how = {"as_of": position, "said_by": cut}
        assert sorted(claims(view, order="newest", **how)) == [row.claim for row in folded]
        acts = [sum((row.acts.statement, row.acts.denial, row.acts.assessment)) for row in folded]
        found = view.page(order="acts", limit=5, **how)
        assert [sum((r.acts.statement, r.acts.denial, r.acts.assessment)) for r in found.rows] == sorted(acts)[:-6:-1]
        assert claims(view, status=["denied"], **how) == [row.claim for row in folded if row.status == "denied"]
        statuses = [row.status for row in folded]
        assert view.counts(**how) == {status: statuses.count(status) for status in STATUSES}


def test_a_board_at_both_cuts_is_folded_once_and_the_last_few_are_kept(large, monkeypatch):
    _, view = large
    cuts = [f"2023-0{month}" for month in range(1, KEPT + 2)]
    pages = [view.page(said_by=cut).rows for cut in cuts]
    folds = []
    fold = bothcuts.fold
    monkeypatch.setattr(bothcuts, "fold", lambda *asked: folds.append(asked[1].said_by_text) or fold(*asked))
    assert [view.page(said_by=cut).rows for cut in cuts[1:]] == pages[1:]
    assert not folds
    assert view.page(said_by=cuts[0]).rows == pages[0]
    assert folds == [cuts[0]]
    kept = "SELECT count(DISTINCT node) FROM cut_row"
    assert view._connection.execute(kept).fetchall() == [(KEPT,)], "no row of those that were let go is left"


@pytest.mark.parametrize("held", [1, 8])
@pytest.mark.parametrize("seed", range(12))
def test_a_board_at_both_cuts_does_not_hang_on_the_pieces_it_is_folded_in(seed, held, monkeypatch):
    monkeypatch.setattr(bothcuts, "HELD", held)
    with opened(random_ledger(Random(seed), 60)) as ledger, Views.open(ledger) as view:
        view.catch_up()
        for position in (ledger.head // 2, ledger.head):
            for cut in ("2024-10-04", "2024-10-08", "2024-10-12"):
                folded = ledger.state(board, as_of=position, said_by=cut)
                assert view.page(limit=None, as_of=position, said_by=cut).rows == folded.claims
                assert part.folded(ledger, part.Wanted(), as_of=position, said_by=cut).board == folded


def test_claims_are_not_parted_whose_speakers_are_the_same_by_a_relation_of_claims_that_was_moved(monkeypatch):
    story = Story()
    for claim in ("x", "y", "bob", "p", "q"):
        story.registers(claim)
    first = story.denies("Bob", "y", at="2024-10-04")
    story.denies("Ann", "y", at="2024-10-05", possible_claims=("x",))
    story.retracts("Bob", first, at="2024-10-06")
    related = story.connects("ann", "member_of", "cy")
    story.amends(story.amends(story.relates("p", "entails", "q"), to="bob", relation="same_as"), target=related)
    monkeypatch.setattr(bothcuts, "HELD", 1)
    [row] = (row for row in bothcuts.rows(story.ledger, story.ledger.question()) if row.claim == "x")
    assert row in story.ledger.state(board).claims
    assert row.flags == []


def test_a_board_at_both_cuts_holds_a_part_of_a_story_at_a_time_however_long_it_is(monkeypatch):
    story = Story()
    for place in range(40):
        for number in range(20):
            story.states(f"source {number}", f"c{place}", at=f"2024-10-{1 + number % 10:02}")
    for place in range(1, 40):  # each bears on the next or the last, none on any beyond
        story.relates(f"c{place - place % 2}", "entails", f"c{place - 1 + place % 2}")
    folded = story.ledger.state(board, said_by="2024-10-05").claims
    monkeypatch.setattr(bothcuts, "HELD", 60)
    held = []
    whole = bothcuts.fold

    def counted(projection, question, read):
        held.append(0)

        def counting(tags):
            for record in read(tags):
                held[-1] += 1
                yield record

        return whole(projection, question, counting)

    monkeypatch.setattr(bothcuts, "fold", counted)
    with Views.open(story.ledger) as view:
        view.catch_up()
        assert view.page(limit=None, said_by="2024-10-05").rows == folded
    assert sum(held) > story.ledger.head
    assert max(held) < story.ledger.head / 5


def test_a_void_that_was_moved_to_an_act_counts_on_a_board_at_both_cuts_as_well():
    story = Story()
    said = story.states("Ann", "x", at="2024-10-04")
    told = story.knows("Bob")
    void = story.voids(told)
    with Views.open(story.ledger) as view:
        story.amends(void, target=said)
        view.catch_up()
        [row] = view.page(limit=None, said_by="2024-10-06").rows
        assert row == story.ledger.state(board, said_by="2024-10-06").claims[0]
        assert row.status == "raised"


def test_a_page_at_both_cuts_follows_the_one_before(large):
    _, view = large
    whole = claims(view, order="oldest", said_by="2022-06")
    first = view.page(order="oldest", said_by="2022-06", limit=20)
    second = view.page(order="oldest", said_by="2022-06", limit=20, cursor=first.cursor)
    assert [row.claim for row in (*first.rows, *second.rows)] == whole[:40]
