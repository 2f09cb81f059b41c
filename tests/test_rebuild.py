"""Does a rebuild come to the same view, in whatever pieces, by however many processes, and whatever cut it off?"""

from __future__ import annotations

import gc
import os
import re
import signal
import subprocess
import sys
import textwrap
from contextlib import closing
from pathlib import Path
from random import Random

import apsw
import pytest
from msgspec.structs import replace

from ledger import (
    ClaimsRelated,
    Denial,
    Entry,
    Ledger,
    LedgerError,
    Link,
    RecordAmended,
    RelationWithdrawn,
    Retraction,
    SourceRelated,
    Statement,
)
from ledger.synthetic import synthetic
from ledger.testing import Story, by, opened, random_ledger
from projections import board
from projections.views import Views, rebuild
from projections.views.book import Book
from projections.views.clusters import plan
from projections.views.file import open_view
from projections.views.folding import records_about

ANN = (by("Ann"),)
BOB = (by("Bob"),)
ROBERT = (by("Robert"),)


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Three thousand records, in a file."""
    path = tmp_path_factory.mktemp("rebuilt") / "claims.db"
    with Ledger.open(path) as made:
        for _ in made.load(synthetic(3_000, seed=8)):
            pass
    with Ledger.open(path, read_only=True) as ledger:
        yield ledger


@pytest.fixture(scope="module")
def whole(large, tmp_path_factory):
    """The view of them, made in one piece."""
    with Views.open(large, tmp_path_factory.mktemp("whole") / "whole.views") as view:
        view.rebuild(chunk=10**9)
        yield view


def same(one, other):
    return one.difference(other) is None and all(
        getattr(one, hash_)(as_of=at) == getattr(other, hash_)(as_of=at)
        for hash_ in ("state_hash", "finds_hash")
        for at in (0, one.checkpoint.position // 2, one.checkpoint.position)
    )


def is_rebuilt_as_it_caught_up(ledger):
    with Views.open(ledger) as built, Views.open(ledger) as caught:
        built.rebuild(chunk=1)
        caught.catch_up()
        return same(built, caught) and built.page(limit=None).rows == ledger.state(board).claims


# In pieces


@pytest.mark.parametrize("seed", range(200, 230))
def test_each_cluster_by_itself_gives_what_all_together_give(seed):
    with opened(random_ledger(Random(seed), 60)) as ledger, Views.open(ledger) as one, Views.open(ledger) as other:
        one.rebuild(chunk=1)
        other.rebuild(chunk=10**9)
        assert same(one, other)
        for position in range(0, ledger.head + 1, 13):
            assert one.page(limit=None, as_of=position).rows == ledger.state(board, as_of=position).claims


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2_000, 2_030))
def test_and_so_it_is_on_longer_ledgers_against_a_view_that_caught_up(seed):
    with opened(random_ledger(Random(seed), 120)) as ledger, Views.open(ledger) as one, Views.open(ledger) as other:
        one.rebuild(chunk=1)
        other.catch_up()
        assert same(one, other)


@pytest.mark.parametrize(("chunk", "workers"), [(1, 1), (200, 1), (700, 2), (200, 3)])
def test_the_size_of_the_pieces_and_who_folds_them_does_not_matter(large, whole, tmp_path, chunk, workers):
    with Views.open(large, tmp_path / "pieces.views") as view:
        told = []
        view.rebuild(chunk=chunk, workers=workers, progress=told.append)
        assert same(view, whole)
        assert view.kept_hash(2_000) == whole.kept_hash(2_000) == whole.state_hash(as_of=2_000)
        assert view.counts(as_of=1_500) == whole.counts(as_of=1_500)
        assert sum(told) == large.head
    assert not list(tmp_path.glob("*.new*"))


def test_a_fold_leaves_nothing_that_only_a_collector_of_circles_finds():
    story = Story()
    for one, other in (("ann", "bob"), ("bob", "cy"), ("cy", "dee")):
        story.connects(one, "republishes", other)
    for who in ("Ann", "Bob", "Cy", "Dee"):
        story.states(by(who, "person"), "x")
    found = plan(story.ledger, story.ledger.head, 1)
    gc.collect()
    gc.disable()
    try:
        rebuild.fold_chunk(story.ledger, Book(found.desk), {"x": 1}, (), story.ledger.head, search=True)
        assert not gc.collect()
    finally:
        gc.enable()


def test_a_ledger_in_memory_is_rebuilt_by_its_own_process():
    with opened(random_ledger(Random(3), 40)) as ledger, Views.open(ledger) as view:
        view.rebuild(chunk=1, workers=2)
        assert view.page(limit=None).rows == ledger.state(board).claims


def test_a_void_that_is_moved_to_what_is_told_of_a_source_undoes_it_in_a_rebuild_too():
    story = Story()
    story.states("Ann", "x")
    told = story.knows("Ann", kind="office")
    story.amends(story.voids(story.states("Bob", "y")), target=told)
    story.states("Ann", "y")
    assert is_rebuilt_as_it_caught_up(story.ledger)


def test_whoever_a_correction_had_speak_may_turn_out_to_speak_for_who_took_it_back():
    story = Story()
    said = story.states("Bob", "x", at="2024-10-02")
    story.retracts("Bob", said, at="2024-10-03")
    story.corrects("Bob", said, at="2024-10-06", chain=[{"name": "Gov", "kind": "state"}])
    story.connects("gov", "speaks_for", "bob")
    assert is_rebuilt_as_it_caught_up(story.ledger)
    assert story.ledger.state(board).claims[0].status == "withdrawn"


def test_bodies_that_are_members_of_each_other_are_not_known_to_be_distinct_in_a_rebuild_either():
    story = Story()
    for one, other in (("ann", "bob"), ("bob", "ann")):
        story.connects(one, "member_of", other)
    for who in ("Ann", "Bob"):
        story.states(who, "x")
    assert is_rebuilt_as_it_caught_up(story.ledger)
    [row] = story.ledger.state(board).claims
    assert (row.support.provable, row.support.possible) == (1, 2)


def test_a_denial_that_a_correction_turned_on_a_retraction_undoes_that_in_a_rebuild_too():
    story = Story()
    said, other = story.states("Ann", "x"), story.states("Ann", "y")
    back = story.retracts("Ann", said)
    story.corrects("Ann", story.denies("Ann", acts=(other,)), acts=[back])
    assert is_rebuilt_as_it_caught_up(story.ledger)
    assert [row.status for row in story.ledger.state(board).claims] == ["asserted", "asserted"]


def test_a_wording_that_was_amended_and_then_moved_to_another_claim_is_amended_there_in_a_rebuild_too():
    story = Story()
    for claim in "xy":
        story.registers(claim)
    worded = story.rewords("x", "two")
    story.amends(worded, text="three")
    story.amends(worded, claim="y")
    assert is_rebuilt_as_it_caught_up(story.ledger)
    assert [row.text for row in story.ledger.state(board).claims] == ["x", "three"]


def test_a_retraction_that_was_moved_and_then_voided_takes_nothing_back_in_a_rebuild_either():
    story = Story()
    said, other = story.states("Ann", "x"), story.states("Ann", "y")
    back = story.retracts("Ann", said)
    story.amends(back, act=other)
    story.voids(back)
    assert is_rebuilt_as_it_caught_up(story.ledger)
    assert [row.status for row in story.ledger.state(board).claims] == ["asserted", "asserted"]


def test_a_speaker_of_whom_only_a_broader_claim_told_is_unknown_once_that_is_related_no_more_in_a_rebuild_too():
    story = Story()
    story.denies(Link(name="Ann"), "x")
    story.connects("ann", "speaks_for", "bob")
    story.registers("y")
    related = story.relates("x", "entails", "y")
    story.states(by("Cy"), "y", via=Link(name="Ann", kind="office"))
    story.tell(RelationWithdrawn(target=related, why="not so"))
    assert is_rebuilt_as_it_caught_up(story.ledger)
    assert "denial-unnamed-only" in story.ledger.state(board).claims[0].flags


def test_what_a_void_struck_by_an_amendment_of_an_amendment_is_back_when_it_is_moved_again():
    story = Story()
    first, second, third = (story.registers(claim) for claim in "xyz")
    other = story.voids(first)
    void = story.voids(second)
    moving = story.amends(void, target=other)
    story.amends(moving, changes={"target": third})
    assert [row.claim for row in story.ledger.state(board).claims] == ["y"]
    story.amends(void, target=other)
    assert is_rebuilt_as_it_caught_up(story.ledger)
    assert [row.claim for row in story.ledger.state(board).claims] == ["x", "y", "z"]


def test_a_relation_that_was_undone_before_its_sources_were_quoted_ties_none_of_them_in_a_rebuild():
    story = Story()
    related = story.connects("dee", "same_as", "cy")
    story.amends(story.voids(story.states("Bob", "y")), target=related)
    for speaker in ("Cy", "Dee"):
        story.states(speaker, "y")
    assert is_rebuilt_as_it_caught_up(story.ledger)


@pytest.mark.parametrize("between", [True, False])
def test_a_withdrawal_that_is_moved_from_a_relation_of_claims_to_one_of_sources_comes_in_once(between):
    story = Story()
    related = story.relates("x", "entails", "y")
    tied = story.connects("ann", "speaks_for", "gov")
    withdrawn = story.withdraws(related)
    if between:  # what is told of her comes in when she is first quoted, and some of it later than that
        story.states("Ann", "y")
    story.amends(withdrawn, target=tied)
    story.states("Ann", "x")
    assert is_rebuilt_as_it_caught_up(story.ledger)
    found, head = plan(story.ledger, story.ledger.head, 1), story.ledger.head
    read = [record.position for record in records_about(story.ledger, Book(found.desk), {"x", "y"}, (), head)]
    assert len(read) == len(set(read))


# Cut off


def test_a_rebuild_that_was_killed_goes_on_where_it_was(large, whole, tmp_path, monkeypatch):
    path = tmp_path / "killed.views"
    with subprocess.Popen(
        [sys.executable, "-c", STOPS_IN_THE_MIDDLE, large.name, path], env=environment(), stdout=subprocess.PIPE
    ) as running:
        assert running.stdout.readline() == b"in the middle\n"
        running.send_signal(signal.SIGKILL)
    there = len(chunks(f"{path}.new"))
    assert there == 3
    folded = []
    fold = rebuild.fold_chunk
    monkeypatch.setattr(rebuild, "fold_chunk", lambda *args, **how: folded.append(1) or fold(*args, **how))
    with Views.open(large, path) as view:
        assert view.checkpoint.position == 0  # half a view is none
        view.rebuild(chunk=150)
        assert same(view, whole)
    assert len(folded) == len(plan(large, large.head, 150).chunks) - there


def test_who_helped_a_rebuild_that_was_killed_ends_without_a_word(large, tmp_path):
    code = """
        import sys, time
        from ledger import Ledger
        from projections.views import Views
        with Ledger.open(sys.argv[1], read_only=True) as ledger, Views.open(ledger, sys.argv[2]) as view:
            view.rebuild(chunk=20, workers=2, progress=lambda _: print("on", flush=True))
    """
    command = [sys.executable, "-c", textwrap.dedent(code), large.name, tmp_path / "killed.views"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout.readline() == b"on\n"
        running.send_signal(signal.SIGTERM)
        assert running.stderr.read() == b""  # to which those who help write, too: they have ended


def test_who_helps_a_rebuild_that_has_gone_before_it_began_ends_without_a_word():
    code = f"""
        import os, subprocess, sys
        command = [sys.executable, "-c", {rebuild._HELP!r}, str(os.getpid())]
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os._exit(0)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE) as running:
        assert running.stderr.read() == b""


def test_an_interrupt_at_the_terminal_is_not_for_who_helps(large, tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(rebuild, "_HELP", "import os, sys; sys.exit(f'group {os.getpgrp()}')")
    with Views.open(large, tmp_path / "helped.views") as view, pytest.raises(LedgerError, match="ended early"):
        view.rebuild(chunk=300, workers=2)
    groups = set(re.findall(r"group (\d+)", capfd.readouterr().err))
    assert groups and str(os.getpgrp()) not in groups


def cut_off(monkeypatch, view, *, after, **how):
    """Rebuilds a view claim by claim, and is interrupted after some of them."""
    fold, left = rebuild.fold_chunk, iter(range(after))

    def interrupted(*args, **told):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return fold(*args, **told)

    with monkeypatch.context() as patched:
        patched.setattr(rebuild, "fold_chunk", interrupted)
        with pytest.raises(KeyboardInterrupt):
            view.rebuild(chunk=1, **how)


def test_a_rebuild_that_was_begun_for_fewer_records_is_begun_anew(tmp_path, monkeypatch):
    with Ledger.open(tmp_path / "claims.db") as ledger:
        for claim in ("dam", "dyke"):
            ledger.append(Statement(claims=(claim,), chain=ANN), register=True)
        with Views.open(ledger) as view:
            cut_off(monkeypatch, view, after=1)
            assert len(chunks(f"{view.path}.new")) == 1
            ledger.append(Denial(claims=("dam",), chain=BOB))
            view.rebuild(chunk=1)
            assert view.page(limit=None).rows == ledger.state(board).claims


def test_a_rebuild_that_was_begun_without_search_is_begun_anew_with_it(tmp_path, monkeypatch):
    with Ledger.open(tmp_path / "claims.db") as ledger:
        for claim in ("dam", "dyke"):
            ledger.append(Statement(claims=(claim,), chain=ANN, quote="It leaks"), register=True)
        with Views.open(ledger) as view:
            cut_off(monkeypatch, view, after=1, search=False)
            view.rebuild(chunk=1)
            assert [row.claim for row in view.page(search="leaks").rows] == ["dam", "dyke"]


@pytest.mark.parametrize("left", [b"x" * 5_000, b"SQLite format 3\0" + b"x" * 5_000])
def test_what_a_rebuild_left_behind_and_is_damaged_is_no_hindrance(tmp_path, left):
    with Ledger.open(tmp_path / "claims.db") as ledger:
        ledger.append(Statement(claims=("dam",), chain=(by("Ann"),)), register=True)
        with Views.open(ledger) as view:
            Path(f"{view.path}.new").write_bytes(left)
            view.rebuild()
            assert view.row("dam").status == "asserted"


def test_a_rebuild_whose_beginning_is_damaged_is_begun_anew_and_the_view_is_not_blamed(tmp_path, monkeypatch):
    with Ledger.open(tmp_path / "claims.db") as ledger:
        for claim in ("dam", "dyke", "weir"):
            ledger.append(Statement(claims=(claim,), chain=ANN), register=True)
        with Views.open(ledger) as view:
            cut_off(monkeypatch, view, after=2)
            fresh = Path(f"{view.path}.new")
            with closing(open_view(str(fresh))) as begun:
                begun.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
                [(page,)] = begun.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'wording'").fetchall()
            with fresh.open("r+b") as file:
                file.seek((page - 1) * 4096)
                file.write(b"\xff" * 4096)
            view.rebuild(chunk=1)
            assert view.page(limit=None).rows == ledger.state(board).claims


def test_a_helper_that_ends_early_is_told_of_and_the_view_stays_as_it_was(large, tmp_path, monkeypatch, capfd):
    with Views.open(large, tmp_path / "helped.views") as view:
        monkeypatch.setattr(rebuild, "_HELP", "import sys; sys.exit('no such luck')")
        with pytest.raises(LedgerError, match="ended early"):
            view.rebuild(chunk=300, workers=2)
        assert view.checkpoint.position == 0
        assert "no such luck" in capfd.readouterr().err
        monkeypatch.undo()
        view.rebuild(chunk=300, workers=2)
        assert view.checkpoint.position == large.head


def test_a_piece_that_a_helper_of_a_killed_rebuild_has_put_in_is_not_put_in_again(large, whole, tmp_path, monkeypatch):
    path = tmp_path / "twice.views"
    fold = rebuild.fold_chunk

    def folded(ledger, book, numbers, *args, **how):
        found = fold(ledger, book, numbers, *args, **how)
        if numbers.keys() & first:
            first.clear()
            with closing(open_view(f"{path}.new")) as orphan:
                rebuild._Folder(*jobs, orphan).fold(1)
        return found

    init = rebuild._Folder.__init__
    jobs = []
    monkeypatch.setattr(rebuild._Folder, "__init__", lambda self, *a: jobs.extend(a[:2]) or init(self, *a))
    found = plan(large, large.head, 300)
    first = {found.claims[place] for place in found.chunks[1]}
    monkeypatch.setattr(rebuild, "fold_chunk", folded)
    with Views.open(large, path) as view:
        view.rebuild(chunk=300)
        assert not first and same(view, whole)


def test_what_a_rebuild_left_behind_is_no_hindrance_to_a_ledger_that_is_empty_now(tmp_path):
    with Ledger.open(tmp_path / "claims.db") as ledger, Views.open(ledger) as view:
        open_view(f"{view.path}.new").close()
        view.rebuild()
        assert view.checkpoint.position == 0


def test_a_ledger_is_rebuilt_by_many_from_whatever_folder_its_process_is_in_by_now(large, whole, tmp_path, monkeypatch):
    monkeypatch.chdir(Path(large.name).parent)
    with Ledger.open(Path(large.name).name, read_only=True) as ledger:
        monkeypatch.chdir(tmp_path)
        with Views.open(ledger, tmp_path / "moved.views") as view:
            view.rebuild(chunk=1_000, workers=2)
            assert same(view, whole)


def test_two_that_rebuild_one_view_do_so_one_after_the_other(large, whole, tmp_path):
    path = tmp_path / "both.views"
    code = REBUILDS.format(chunk=200)
    running = [subprocess.Popen([sys.executable, "-c", code, large.name, path], env=environment()) for _ in range(3)]
    assert [one.wait() for one in running] == [0, 0, 0]
    with Views.open(large, path) as view:
        assert same(view, whole)
    assert not list(tmp_path.glob("*.new*"))


# What hangs together


def clusters(*events):
    with Ledger.open(":memory:") as ledger:
        for claim in "abcd":
            ledger.append(Statement(claims=(claim,), chain=ANN), id=f"on-{claim}", register=True)
        for event in events:
            ledger.append_all([event])
        found = plan(ledger, ledger.head, 1)
        return sorted("".join(found.claims[number] for number in sorted(chunk)) for chunk in found.chunks)


def test_claims_that_nothing_ties_are_folded_apart():
    assert clusters(Statement(claims=("a", "b"), chain=ANN)) == ["a", "b", "c", "d"]


def test_what_is_related_hangs_together():
    related = [
        ClaimsRelated(from_="a", to="b", relation="entails"),
        ClaimsRelated(from_="b", to="d", relation="negates"),
    ]
    assert clusters(*related) == ["abd", "c"]


PERHAPS = Denial(claims=("a",), possible_claims=("c",), chain=BOB)
EARLIER = Entry(event=Denial(claims=("a",), chain=BOB), id="earlier")
TAKEN_BACK = Retraction(act="earlier", chain=BOB)


def test_a_claim_that_is_perhaps_meant_is_folded_apart_from_what_is_denied():
    assert clusters(PERHAPS) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "events",
    [
        [EARLIER, TAKEN_BACK, PERHAPS],
        [PERHAPS, EARLIER, TAKEN_BACK],
        [Entry(event=PERHAPS, id="perhaps"), Retraction(act="perhaps", chain=BOB)],
        [EARLIER, Denial(acts=("earlier",), chain=BOB), PERHAPS],
        # on what is the same, by who is the same
        [
            ClaimsRelated(from_="a", to="b", relation="negates"),
            Entry(event=Statement(claims=("b",), chain=ROBERT), id="earlier"),
            SourceRelated(from_="robert", to="bob", relation="same_as"),
            Retraction(act="earlier", chain=ROBERT),
            PERHAPS,
        ],
        # of what became this speaker's
        [
            Entry(event=Denial(claims=("a",), chain=ANN), id="earlier"),
            RecordAmended(target="earlier", changes={"chain": [{"name": "Bob"}]}, why="it was he"),
            TAKEN_BACK,
            PERHAPS,
        ],
        [
            Entry(event=replace(PERHAPS, chain=ANN), id="perhaps"),
            RecordAmended(target="perhaps", changes={"chain": [{"name": "Bob"}]}, why="it was he"),
            EARLIER,
            TAKEN_BACK,
        ],
        # by who became the same
        [
            Entry(event=SourceRelated(from_="robert", to="eve", relation="same_as"), id="same"),
            RecordAmended(target="same", changes={"to": "bob"}, why="another"),
            Entry(event=Denial(claims=("a",), chain=ROBERT), id="earlier"),
            Retraction(act="earlier", chain=ROBERT),
            PERHAPS,
        ],
        # by what became a retraction of it
        [
            EARLIER,
            Entry(event=Statement(claims=("d",), chain=BOB), id="other"),
            Entry(event=Retraction(act="other", chain=BOB), id="back"),
            RecordAmended(target="back", changes={"act": "earlier"}, why="the other one"),
            PERHAPS,
        ],
    ],
)
def test_but_not_where_anything_that_its_speaker_said_there_was_taken_back(events):
    assert any({"a", "c"} <= set(cluster) for cluster in clusters(*events))


def test_what_others_took_back_there_ties_nothing():
    back = [Entry(event=Statement(claims=("a",), chain=ANN), id="hers"), Retraction(act="hers", chain=ANN)]
    assert clusters(*back, PERHAPS) == ["a", "b", "c", "d"]


MOVED = RecordAmended(target="on-a", changes={"claims": ["d"]}, why="wrong claim")


def test_an_act_that_was_moved_is_folded_with_each_claim_apart():
    assert clusters(MOVED) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "events",
    [
        [RecordAmended(target="on-a", changes={"claims": ["d"], "possible_claims": ["b"]}, why="perhaps the other")],
        [
            Entry(event=MOVED, id="moved"),
            RecordAmended(target="moved", changes={"changes": {"claims": ["b"]}}, why="no"),
        ],
        [
            Entry(event=ClaimsRelated(from_="a", to="b", relation="entails"), id="related"),
            RecordAmended(target="related", changes={"to": "d"}, why="wrong claim"),
        ],
        [Entry(event=PERHAPS, id="perhaps"), RecordAmended(target="perhaps", changes={"claims": ["d"]}, why="wrong")],
    ],
)
def test_but_whatever_else_is_moved_ties_where_it_was_to_where_it_is(events):
    assert any({"a", "d"} <= set(cluster) for cluster in clusters(*events))


@pytest.mark.parametrize(
    "changes",
    [
        ({"possible_claims": ["x"]}, None, {"claims": ["y"]}),
        ({"possible_claims": ["x"]}, {"claims": ["y"]}, None),
        ({"claims": ["y"]}, {"possible_claims": ["x"]}, None),
    ],
)
def test_a_denial_that_was_moved_and_perhaps_means_another_claim_by_two_changes_is_judged_with_both(changes):
    story = Story()
    for claim in "xyz":
        story.registers(claim)
    denied = story.denies("Dee", "z")
    for change in changes:
        if change is None:
            story.retracts("Dee", denied if change is changes[1] else story.denies("Dee", "y"))
        else:
            story.amends(denied, **change)
    assert is_rebuilt_as_it_caught_up(story.ledger)


def test_what_was_about_an_act_before_it_was_moved_is_about_it_where_it_is_in_a_rebuild_too():
    story = Story()
    said = story.states("Ann", "x")
    story.states("Ann", "y")
    story.retracts("Ann", said)
    story.corrects("Ann", said, claims=["y"])
    assert is_rebuilt_as_it_caught_up(story.ledger)
    [x, y] = story.ledger.state(board).claims
    assert (x.status, y.status) == ("raised", "withdrawn")


# A hand

REBUILDS = """
import sys
from ledger import Ledger
from projections.views import Views
with Ledger.open(sys.argv[1], read_only=True) as ledger, Views.open(ledger, sys.argv[2]) as view:
    view.rebuild(chunk={chunk})
"""
STOPS_IN_THE_MIDDLE = """
import sys, time
from itertools import count
from ledger import Ledger
from projections.views import rebuild
from projections.views import Views
fold, folded = rebuild.fold_chunk, count()
def stopping(*args, **how):
    if next(folded) == 3:
        print("in the middle", flush=True)
        time.sleep(600)
    return fold(*args, **how)
rebuild.fold_chunk = stopping
with Ledger.open(sys.argv[1], read_only=True) as ledger, Views.open(ledger, sys.argv[2]) as view:
    view.rebuild(chunk=150)
"""


def environment():
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def chunks(path):
    if not Path(path).exists():
        return []
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        return connection.execute("SELECT chunk_no FROM chunk").fetchall()
    except apsw.SQLError:  # not made yet
        return []
    finally:
        connection.close()


def test_a_void_that_was_moved_to_a_void_and_on_to_what_that_strikes_is_taken_in_by_a_rebuild():
    story = Story()
    registered = story.registers("y")
    void = story.voids(story.knows("Gov"))
    other = story.voids(registered)
    moved = story.amends(other, target=void)
    story.amends(moved, changes={"target": registered})
    with Views.open(story.ledger) as built, Views.open(story.ledger) as caught:
        built.rebuild()
        caught.catch_up()
        assert built.difference(caught) is None


def test_a_void_that_was_moved_to_what_is_told_of_a_source_and_then_voided_undoes_nothing_in_a_rebuild_either():
    story = Story()
    weighed = story.assesses("Cy", "x", verdict="false")
    known = story.knows("Dee", "unnamed")
    story.states("Dee", "y")
    void = story.voids(weighed)
    story.amends(void, target=known)
    story.voids(void)
    with Views.open(story.ledger) as view:
        view.rebuild(chunk=1)
        assert view.page(limit=None).rows == story.ledger.state(board).claims
