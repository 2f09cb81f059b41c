"""What does a view say when its file is locked, full, damaged or closed? What it is, and what to do next."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import apsw
import pytest
from boards import ANN, BOB, rows

from ledger import Denial, IntegrityError, Ledger, LedgerError, Statement, Unavailable, UsageError
from projections.views import Views, pages
from projections.views import file as viewfile

READ = {
    "checkpoint": lambda view: view.checkpoint,
    "lag": lambda view: view.lag,
    "made": lambda view: view.made,
    "page": lambda view: view.page(),
    "page said by": lambda view: view.page(said_by="2024"),
    "search": lambda view: view.page(search="dam"),
    "row": lambda view: view.row("dam"),
    "counts": lambda view: view.counts(),
    "changes": lambda view: list(view.changes(0)),
    "sources": lambda view: view.sources(),
    "has_board": lambda view: view.has_board(as_of=2, said_by="2024"),
    "state_hash": lambda view: view.state_hash(),
    "finds_hash": lambda view: view.finds_hash(),
    "kept_hash": lambda view: view.kept_hash(1_000),
    "difference": lambda view: view.difference(view),
    "still": lambda view: view.still().__enter__(),
}
WRITE = {
    "catch_up": lambda view: view.catch_up(),
    "follow": lambda view: next(view.follow()),
    "keep_board": lambda view: view.keep_board(as_of=2, said_by="2024"),
    "rebuild": lambda view: view.rebuild(),
}
VERBS = READ | WRITE


@pytest.fixture
def ledger(tmp_path):
    with Ledger.open(tmp_path / "claims.db") as made:
        made.append(Statement(claims=("dam",), chain=ANN, quote="The dam leaks"), register=True)
        yield made


@pytest.fixture
def view(ledger):
    with Views.open(ledger) as made:
        made.catch_up()
        yield made


@pytest.fixture
def locked(ledger, view):
    """A view that another connection is writing to, and that does not wait for it; behind its ledger."""
    ledger.append(Denial(claims=("dam",), chain=BOB))
    view._connection.set_busy_timeout(1)
    other = apsw.Connection(view.path)
    other.execute("BEGIN IMMEDIATE")
    yield view
    other.close(force=True)


def test_every_verb_is_asked_here():
    told = {name for name in vars(Views) if not name.startswith("_")} - {"open", "to_read", "close"}
    assert told == {verb.split()[0] for verb in VERBS} - {"search"}


@pytest.mark.parametrize("verb", VERBS)
def test_a_closed_view_says_so_whatever_is_asked_of_it(view, verb):
    view.close()
    view.close()
    with pytest.raises(UsageError, match=r"claims\.db\.views is closed; open it again"):
        VERBS[verb](view)


@pytest.mark.parametrize("verb", ["catch_up", "follow", "keep_board", "page said by", "rebuild"])
def test_a_view_that_somebody_else_writes_to_is_had_again_later(locked, verb):
    with pytest.raises(Unavailable, match=r"claims\.db\.views is locked by another process; repeat"):
        VERBS[verb](locked)
    assert [row.status for row in rows(locked)] == ["asserted"]


def test_a_view_that_is_locked_when_it_is_opened_is_not_said_to_be_deleted(ledger, view, monkeypatch):
    monkeypatch.setattr(viewfile, "PATIENCE_MS", 1)
    other = apsw.Connection(view.path)
    other.execute("BEGIN EXCLUSIVE")
    with pytest.raises(Unavailable, match="is locked by another process; repeat") as told:
        Views.open(ledger)
    assert "delete" not in str(told.value)
    other.close(force=True)
    with Views.open(ledger) as opened:
        assert opened.row("dam").status == "asserted"


def harmed(path: Path) -> None:
    """Every page but the first is lost."""
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))


@pytest.mark.parametrize(
    "way", [harmed, lambda path: os.truncate(path, 5_000), lambda path: path.write_bytes(b"?" * 9_000)]
)
def test_a_view_that_is_seen_to_be_damaged_when_it_is_opened_is_made_anew(ledger, view, way):
    view.close()
    way(Path(view.path))
    with Views.open(ledger) as anew:
        anew.catch_up()
        assert anew.row("dam").status == "asserted"


def test_a_damaged_view_that_may_not_be_removed_is_told_of(ledger, view, monkeypatch):
    def refused(path):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    view.close()
    harmed(Path(view.path))
    monkeypatch.setattr(os, "unlink", refused)
    with pytest.raises(LedgerError, match=r"cannot be removed \(Permission denied\)"):
        Views.open(ledger)


def test_only_the_view_that_was_damaged_is_removed(view):
    made = viewfile.identity(view.path)
    view.close()
    viewfile.discard(view.path, (0, 0))
    assert viewfile.identity(view.path) == made
    viewfile.discard(view.path, made)
    assert viewfile.identity(view.path) is None


def test_a_damaged_file_that_was_named_is_left_alone(ledger, view, tmp_path):
    path = tmp_path / "named"
    path.write_bytes(b"?" * 9_000)
    with pytest.raises(LedgerError, match="named is no view; delete it, or give another path"):
        Views.open(ledger, path)
    assert path.read_bytes() == b"?" * 9_000


@pytest.mark.parametrize("lost", ["row", "words"])
def test_pages_that_are_damaged_under_an_open_view_are_told_of(ledger, view, lost):
    table = {"row": "row", "words": "words_data"}[lost]
    [(page,)] = view._connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)).fetchall()
    path = Path(view.path)
    view.close()
    content = bytearray(path.read_bytes())
    content[(page - 1) * 4096 : page * 4096] = b"\xff" * 4096
    path.write_bytes(content)
    with Views.open(ledger) as damaged, pytest.raises(IntegrityError, match="it is derived: delete"):
        VERBS["page" if lost == "row" else "search"](damaged)


def test_a_view_whose_tables_somebody_dropped_is_damaged(ledger, view):
    other = apsw.Connection(view.path)
    other.execute("DROP TABLE tally")
    other.close()
    with pytest.raises(IntegrityError, match="no such table"):
        view.counts()


def test_rows_that_stand_where_none_can_are_damage(ledger, view):
    ledger.append(Denial(claims=("dam",), chain=BOB))
    other = apsw.Connection(view.path)
    other.execute("INSERT INTO tally SELECT DISTINCT value, 3, 1 FROM json_each('[0, 1, 2, 3, 4, 5, 6, 7]')")
    other.close()
    with pytest.raises(IntegrityError, match="it is derived: delete"):
        view.catch_up()


def test_whatever_else_fails_is_not_said_to_be_a_file_to_delete(view, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(pages, "counts", lambda connection, _: connection.execute("what is no SQL"))
        with pytest.raises(LedgerError, match="views failed: ") as told:
            view.counts()
    assert type(told.value) is LedgerError
    assert "delete" not in str(told.value)
    assert view.counts()["asserted"] == 1


def test_a_disk_that_takes_no_more_makes_a_view_unavailable(ledger, view):
    ledger.append_all([Statement(claims=("dam",), chain=ANN, quote=f"{n} " * 2_000) for n in range(200)])
    script = """
import resource, signal, sys
from ledger import Ledger, Unavailable
from projections.views import Views
with Ledger.open(sys.argv[1], read_only=True) as ledger, Views.open(ledger) as view:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    try:
        view.catch_up()
    except Unavailable as error:
        print(error)
"""
    ran = subprocess.run([sys.executable, "-c", script, ledger.name], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith(f"the view {view.path} cannot be read or written (")
    assert ran.stdout.endswith("; see to its disk, then repeat\n")
    view.catch_up()
    assert view.lag == 0


def test_a_view_that_another_thread_uses_says_to_open_one_for_each(view):
    inside, done, told = threading.Event(), threading.Event(), []

    def hold(*_: object) -> int:
        inside.set()
        done.wait(10)
        return 0

    view._connection.create_scalar_function("hold", hold)
    holding = threading.Thread(target=lambda: view._connection.execute("SELECT hold()").fetchall())
    holding.start()
    inside.wait(10)
    try:
        with pytest.raises(UsageError) as told:
            view.counts()
    finally:
        done.set()
        holding.join()
    assert "is used by another thread at this moment; open one for each thread" in str(told.value)
    assert view.counts()["asserted"] == 1


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda view: view.page(source="\ud800"), "is not UTF-8 text"),
        (lambda view: view.page(cursor="\ud800"), "is not UTF-8 text"),
        (lambda view: view.row("\ud800"), "is not UTF-8 text"),
        (lambda view: view.sources(after="\ud800"), "is not UTF-8 text"),
        (lambda view: list(view.changes(0, beyond="\ud800")), "is not UTF-8 text"),
        (lambda view: view.page(limit=2**70), "is larger than any view holds"),
        (lambda view: view.kept_hash(2**70), "is larger than any view holds"),
        (lambda view: view.page(limit=0), "a page has one row at least, not 0"),
        (lambda view: view.page(limit=1.5), "a page has one row at least, not 1.5"),
        (lambda view: view.sources(limit=-1), "a page has one row at least, not -1"),
    ],
)
def test_what_no_view_can_be_asked_is_told(view, ask, said):
    with pytest.raises(UsageError, match=said):
        ask(view)
