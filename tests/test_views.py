"""Does the board beside the ledger say what the records say, at every position, whichever way it came about?"""

from __future__ import annotations

import os
import queue
import threading
from datetime import datetime
from itertools import islice
from pathlib import Path
from random import Random

import apsw
import pytest
from boards import ANN, BOB, folded, rows

from ledger import (
    ClaimRegistered,
    Denial,
    Ledger,
    LedgerError,
    NotFound,
    Statement,
    UsageError,
    intake,
)
from ledger.synthetic import synthetic
from projections import status
from projections.tracking.rows import COUNTS
from projections.views import ORDERS, STATUSES, Views, pages
from projections.views import view as verbs
from projections.views.file import empty


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "claims.db") as made:
        yield made


@pytest.fixture
def view(ledger):
    with Views.open(ledger) as made:
        yield made


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Two thousand records, and the view of them."""
    with Ledger.open(tmp_path_factory.mktemp("large") / "claims.db") as made:
        for _ in made.load(islice(synthetic(2_500, seed=5), 2_500)):
            pass
        with Views.open(made) as view:
            view.catch_up()
            yield made, view


def test_a_view_says_what_the_board_and_the_single_status_say(large):
    ledger, view = large
    for position in (500, 1_700, ledger.head):
        assert rows(view, as_of=position) == folded(ledger, position)
    picked = Random(1).sample([row.claim for row in rows(view)], 60)
    for claim in picked:
        single, row = ledger.state(status, claim), view.row(claim)
        assert (row.text, row.status, row.own_words, row.flags) == (
            single.text, single.status, single.own_words, single.flags,
        )  # fmt: skip
        for side in ("support", "opposition"):
            one, other = getattr(single, side), getattr(row, side)
            assert (one.provable, one.possible) == (other.provable, other.possible)


def test_it_does_not_matter_in_how_many_steps_a_view_came_about(large, tmp_path):
    _, view = large
    with Ledger.open(tmp_path / "copy.db") as copy, Views.open(copy) as stepwise:
        exported = iter(list(synthetic(2_500, seed=5))[:2_500])
        for size in (700, 1, 550, 1_249):
            for _ in copy.load(islice(exported, size)):
                pass
            stepwise.catch_up()
        assert stepwise.difference(view) is None
        assert stepwise.state_hash() == view.state_hash()
        for position in (1_000, 2_000):
            assert stepwise.kept_hash(position) == view.kept_hash(position) == view.state_hash(as_of=position)


# Orders, filters, pages


def test_pages_follow_each_other_in_every_order_and_skip_nothing(large):
    ledger, view = large
    for order in ORDERS:
        for as_of in (None, 1_200):
            whole = rows(view, order=order, as_of=as_of)
            assert sorted(row.claim for row in whole) == sorted(row.claim for row in folded(ledger, as_of))
            paged, cursor = [], None
            while True:
                page = view.page(order=order, as_of=as_of, limit=37, cursor=cursor)
                paged += page.rows
                cursor = page.cursor
                if cursor is None:
                    break
            assert paged == whole


def test_orders_are_by_id_by_change_and_by_acts(large):
    _, view = large
    assert [row.claim for row in rows(view)] == sorted(row.claim for row in rows(view))
    changes = [row.changed_at for row in rows(view, order="newest")]
    assert changes == sorted(changes, reverse=True)
    assert [row.changed_at for row in rows(view, order="oldest")] == sorted(changes)
    acts = [row.acts.statement + row.acts.denial + row.acts.assessment for row in rows(view, order="acts")]
    assert acts == sorted(acts, reverse=True)


def test_claims_are_found_by_status_and_by_flag(large):
    _, view = large
    whole = rows(view, as_of=2_000)
    assert rows(view, as_of=2_000, status=["disputed", "denied"]) == [
        row for row in whole if row.status in ("disputed", "denied")
    ]
    flagged = rows(view, as_of=2_000, flags=["unnamed-only", "independence-unproven"])
    assert flagged == [row for row in whole if {"unnamed-only", "independence-unproven"} <= set(row.flags)]
    assert flagged


def test_claims_are_counted_by_status_as_of_any_position(large):
    ledger, view = large
    for position in (0, 1, 999, 1_750, ledger.head):
        found = [row.status for row in folded(ledger, position)]
        assert view.counts(as_of=position) == {status: found.count(status) for status in STATUSES}


@pytest.mark.parametrize("what", ["page", "row", "counts", "sources", "state_hash", "finds_hash", "boards"])
def test_a_view_is_read_at_whatever_cut_a_ledger_is(ledger, view, what):
    ledger.append(ClaimRegistered(claim="dam", text="It leaks."))
    receipt = ledger.append(Statement(claims=("dam",), chain=ANN), id="said")
    ledger.append(Denial(claims=("dam",), chain=BOB))
    view.catch_up()
    record = ledger.record("said")

    def at(cut):
        if what == "boards":
            view.keep_board(as_of=cut, said_by="2024")
            return view.has_board(as_of=2, said_by="2024")
        return getattr(view, what)(*["dam"] if what == "row" else [], as_of=cut)

    for cut in ("said", "2", receipt, record):
        assert at(cut) == at(2)
    for cut in (record.recorded_at, "2999-01"):
        assert at(cut) == at(ledger.question(as_of=cut).as_of.position)
    for cut in (True, 2.0, "never said"):
        with pytest.raises(UsageError):
            at(cut)


def test_a_moment_up_to_which_the_view_has_not_come_is_told(ledger, view):
    ledger.append(ClaimRegistered(claim="dam", text="It leaks."))
    with pytest.raises(UsageError, match="catch up first"):
        view.counts(as_of="2999-01")


@pytest.mark.parametrize("what", ["3", 2.0, True, object()])
def test_what_is_no_position_is_not_waited_for(ledger, view, what):
    with pytest.raises(UsageError, match="is no position"):
        view.catch_up(wait_for=what)


def test_a_record_of_another_history_is_neither_waited_for_nor_followed(ledger, view):
    with Ledger.open(":memory:") as before:
        lost = before.append(ClaimRegistered(claim="dam", text="It leaks."), id="lost")
    ledger.append(ClaimRegistered(claim="dam", text="It leaks."), id="found")
    for ask in (lambda: view.catch_up(wait_for=lost), lambda: next(view.follow(after=lost))):
        with pytest.raises(UsageError, match="'lost' does not stand at position 1"):
            ask()


@pytest.mark.parametrize("name", ["changed_since", "changed_until"])
def test_what_is_no_time_of_a_change_is_told(view, name):
    with pytest.raises(UsageError, match="3 is no time"):
        view.page(**{name: 3})


@pytest.mark.parametrize(
    "how",
    [
        {"order": "loudest"},
        {"status": ["true"]},
        {"status": "disputed"},
        {"cursor": "x:y", "order": "acts"},
        {"as_of": 99_999},
        {"limit": 0},
        {"limit": -1},
        {"changed_since": datetime(2024, 10, 9)},
        {"changed_until": datetime(2024, 10, 9)},
        {"changed_since": "soon"},
    ],
)
def test_what_is_no_order_status_cursor_or_position_is_told(large, how):
    with pytest.raises(UsageError):
        large[1].page(**how)


# Keeping up


def test_who_has_appended_sees_it(ledger):
    with Views.open(ledger) as view:
        said = ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
        assert view.lag == 2
        assert view.catch_up(wait_for=said) == 2
        assert view.lag == 0
        assert view.row("dam").status == "asserted"
        assert view.row("dam", as_of=1).status == "raised"
        with pytest.raises(NotFound):
            view.row("dam", as_of=0)
        with pytest.raises(UsageError, match="position 3 is not in this ledger, which ends at 2; ask again once"):
            view.catch_up(wait_for=3)


def test_a_view_follows_its_ledger_until_it_is_stopped(tmp_path):
    stop, heard = threading.Event(), queue.SimpleQueue()
    path = tmp_path / "claims.db"

    def follow():
        with Ledger.open(path, read_only=True, create=False) as ledger, Views.open(ledger) as view:
            for position in view.follow(stop=stop, poll_s=0.05):
                heard.put((position, view.page().rows))

    with Ledger.open(path) as ledger:
        ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
        following = threading.Thread(target=follow)
        following.start()
        assert heard.get(timeout=10) == (2, folded(ledger))
        ledger.append_all([Denial(claims=("dam",), chain=BOB), Statement(claims=("dam",), chain=BOB)])
        assert heard.get(timeout=10) == (4, folded(ledger))  # what came together is taken in together
        stop.set()
        following.join(timeout=10)
        assert not following.is_alive()
        ledger.append(Denial(claims=("dam",), chain=ANN))
    assert heard.empty()


def test_who_follows_a_view_is_told_of_what_somebody_else_has_taken_in_meanwhile(ledger):
    stop = threading.Event()
    lost = threading.Timer(10, stop.set)  # who is not told waits no longer
    lost.start()
    ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
    with Views.open(ledger) as view, Views.open(ledger) as other:
        following = view.follow(stop=stop, poll_s=0.05)
        assert next(following) == 2
        seen = ledger.append(Denial(claims=("dam",), chain=BOB))
        other.catch_up()
        assert next(following) == 3
        last = ledger.append(Statement(claims=("dam",), chain=BOB))
        other.catch_up()
        stop.set()
        assert list(following) == []
        stop.clear()
        assert next(view.follow(after=seen, stop=stop)) == last.position
    lost.cancel()


def test_a_view_that_was_set_back_is_brought_on_by_who_follows_it(ledger, monkeypatch):
    stop = threading.Event()
    ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
    with Views.open(ledger) as view:
        told = []
        following = view.follow(after=0, poll_s=0.01, stop=stop)
        told.append(next(following))
        with view._connection:
            empty(view._connection)
        assert view.lag == 2
        waited = threading.Timer(0.1, lambda: ledger.append(Denial(claims=("dam",), chain=BOB)))
        catch_up, lags = view.catch_up, []
        monkeypatch.setattr(view, "catch_up", lambda **how: lags.append(view.lag) or catch_up(**how))
        waited.start()
        told.append(next(following))
        waited.join()
        assert told == [2, 3] and lags == [2, 1]  # before anything more came


def test_what_is_appended_while_a_view_is_made_anew_is_in_it(tmp_path):
    with Ledger.open(tmp_path / "claims.db") as ledger:
        ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
        with Views.open(ledger) as view, Views.open(ledger) as other:

            def meanwhile(_):
                ledger.append(Denial(claims=("dam",), chain=BOB))
                other.catch_up()

            view.rebuild(progress=meanwhile)
            assert ledger.head > 2 and view.lag == 0
            assert rows(view) == folded(ledger)


@pytest.mark.parametrize("limit", [None, 3])
def test_a_page_is_of_one_moment_whoever_brings_the_view_on_while_it_is_read(tmp_path, monkeypatch, limit):
    with Ledger.open(tmp_path / "claims.db") as ledger:
        for claim in ("dam", "dyke", "weir"):
            ledger.append(Statement(claims=(claim,), chain=ANN), register=True)
        with Views.open(ledger) as view, Views.open(ledger) as other:
            view.catch_up()
            before = rows(view, order="newest")
            first = pages.first

            def slowly(*args, **how):
                ledger.append(Denial(claims=("dam", "weir"), chain=BOB))
                other.catch_up()
                return first(*args, **how)

            monkeypatch.setattr(pages, "first", slowly)
            page = view.page(order="newest", limit=limit)
            assert page.rows == before and page.as_of.position == 6


def test_a_view_that_is_far_behind_is_made_anew_and_one_that_is_not_catches_up(ledger, monkeypatch):
    made = []
    monkeypatch.setattr(Views, "_rebuild", lambda view, *_, **__: made.append(view))
    monkeypatch.setattr(verbs, "GRID", 4)
    monkeypatch.setattr(verbs, "COSTS", 2)
    with Views.open(ledger) as view:
        ledger.append_all([Statement(claims=(f"dam-{n}",), chain=ANN) for n in range(2)], register=True)
        view.catch_up()
        assert not made  # a few records are never worth it
        ledger.append_all([Statement(claims=("dam-0",), chain=ANN) for _ in range(6)])
        view.catch_up()
        assert made == [view]
        ledger.append_all([Statement(claims=("dam-0",), chain=ANN) for _ in range(4)])
        view.catch_up()
        assert made == [view]


def test_a_view_is_taken_up_where_it_was_left(ledger):
    ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
    with Views.open(ledger) as view:
        view.catch_up()
    ledger.append(Denial(claims=("dam",), chain=BOB))
    with Views.open(ledger) as view:
        assert view.checkpoint.position == 2
        view.catch_up()
        assert rows(view) == folded(ledger)
        assert view.row("dam", as_of=2).status == "asserted"


@pytest.mark.parametrize("harm", ["deleted", "no database", "of another version"])
def test_a_view_that_is_lost_costs_a_replay_and_no_more(ledger, harm):
    ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
    with Views.open(ledger) as view:
        view.catch_up()
        path = Path(view.path)
    if harm == "of another version":
        connection = apsw.Connection(str(path))
        connection.execute("UPDATE meta SET value = 'older' WHERE key = 'version'; UPDATE row SET status = 3")
        connection.close()
    else:
        path.unlink() if harm == "deleted" else path.write_bytes(b"no database at all, but long enough to be one" * 99)
    with Views.open(ledger) as view:
        assert view.checkpoint.position == 0
        view.catch_up()
        assert rows(view) == folded(ledger)


def test_a_view_that_meets_another_ledger_begins_anew(ledger, tmp_path):
    ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
    with Ledger.open(tmp_path / "other.db") as other:
        other.append(Denial(claims=("dam",), chain=BOB), register=True)
        with Views.open(ledger, tmp_path / "shared.views") as view:
            view.catch_up()
        with Views.open(other, tmp_path / "shared.views") as view:
            assert view.checkpoint.position == 0
            view.catch_up()
            assert rows(view) == folded(other)


def test_a_view_that_knows_more_than_a_restored_ledger_begins_anew(ledger, tmp_path):
    ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
    exported = [stored for _, stored in ledger.stored()]
    ledger.append(Denial(claims=("dam",), chain=BOB))
    with Views.open(ledger, tmp_path / "shared.views") as view:
        view.catch_up()
    with Ledger.open(tmp_path / "restored.db") as restored:
        for _ in restored.load(map(intake.record, exported)):
            pass
        with Views.open(restored, tmp_path / "shared.views") as view:
            view.catch_up()
            assert view.row("dam").status == "asserted"
        restored.append(Statement(claims=("dam",), chain=BOB))  # at the position where the other ledger had a denial
        with Views.open(ledger, tmp_path / "elsewhere.views") as view:
            view.catch_up()
        with Views.open(restored, tmp_path / "elsewhere.views") as view:
            view.catch_up()
            assert view.row("dam").status == "corroborated"


@pytest.mark.parametrize("content", ["a text that somebody needs", "a ledger"])
def test_what_is_no_view_is_left_alone(ledger, tmp_path, content):
    path = tmp_path / "needed"
    if content == "a ledger":
        with Ledger.open(path) as other:
            other.append(Statement(claims=("dam",), chain=ANN), register=True)
    else:
        path.write_text(content * 99)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="is no view"):
        Views.open(ledger, path)
    assert path.read_bytes() == before


def test_a_view_is_read_on_while_it_is_rebuilt(ledger):
    ledger.append(Statement(claims=("dam",), chain=ANN), register=True)
    with Views.open(ledger) as reader, Views.open(ledger) as builder:
        reader.catch_up()
        ledger.append(Denial(claims=("dam",), chain=BOB))
        seen = []
        builder.rebuild(progress=lambda _: seen.append(reader.row("dam").status))
        assert seen == ["asserted"]
        assert builder.row("dam").status == reader.row("dam").status == "disputed"


def test_a_difference_is_told_with_position_claim_and_both_rows(large, tmp_path):
    ledger, view = large
    with Views.open(ledger, tmp_path / "other.views") as other:
        other.rebuild()
        assert view.difference(other) is None
    connection = apsw.Connection(str(tmp_path / "other.views"))
    since, claim = connection.execute(
        "SELECT from_position, name FROM row JOIN claim USING (claim_no) WHERE from_position > 1500"
        " ORDER BY from_position, name LIMIT 1"
    ).fetchall()[0]
    of_it = "WHERE from_position = ? AND claim_no = (SELECT claim_no FROM claim WHERE name = ?)"
    [(counts,)] = connection.execute(f"SELECT counts FROM row {of_it}", (since, claim)).fetchall()
    numbers = [*COUNTS.unpack(counts)]
    numbers[2] = 99  # how many may support it
    connection.execute(f"UPDATE row SET counts = ? {of_it}", (COUNTS.pack(*numbers), since, claim))
    connection.close()
    with Views.open(ledger, tmp_path / "other.views") as other:
        found = view.difference(other)
        assert (found.position, found.claim) == (since, claim)
        assert (found.one.support.possible, found.other.support.possible) == (
            view.row(claim, as_of=since).support.possible,
            99,
        )


def test_a_ledger_has_one_view_by_whatever_path_it_is_opened(tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "claims.db")
    monkeypatch.chdir(tmp_path / "real")
    with Ledger.open("claims.db") as ledger:
        ledger.append(ClaimRegistered(claim="dam", text="It broke."))
        monkeypatch.chdir(tmp_path)
        with Views.open(ledger) as view:
            view.catch_up()
            assert view.path == str(tmp_path / "real" / "claims.db.views")
    with Ledger.open("link.db") as ledger, Views.to_read(ledger) as view:
        assert view.made == 1
    assert not list(tmp_path.glob("*.views"))


def test_a_view_beside_a_ledger_on_read_only_media_is_made_in_memory(tmp_path, monkeypatch):
    with Ledger.open(tmp_path / "claims.db") as ledger:
        ledger.append(ClaimRegistered(claim="dam", text="It broke."))

    def refused(path):
        if path != ":memory:":
            raise apsw.CantOpenError("unable to open database file")
        return open_view(path)

    open_view = verbs.open_view
    monkeypatch.setattr(verbs, "open_view", refused)
    with Ledger.open(tmp_path / "claims.db", read_only=True) as ledger:
        with pytest.raises(LedgerError, match="see that there is room"):
            Views.open(ledger, or_in_memory=True)
        monkeypatch.setattr(os, "access", lambda path, mode: False)
        with pytest.raises(LedgerError, match="see that there is room"):
            Views.open(ledger)
        with Views.open(ledger, or_in_memory=True) as view:
            view.catch_up()
            assert [row.claim for row in rows(view)] == ["dam"]
    assert [path.name for path in tmp_path.iterdir()] == ["claims.db"]
