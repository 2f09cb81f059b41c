"""Does the kit that ships tell embedders what they should know of a ledger of theirs?"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from msgspec.structs import replace

from ledger import (
    Entry,
    Ledger,
    NotFound,
    Refused,
    Retraction,
    Statement,
    testing,
)
from ledger.store.port import PortStore, SQLiteRecorder
from ledger.store.sqlite import SQLiteStore, open_sqlite
from ledger.store.sqlite_file import Connections
from ledger.testing import CONTRACT, chain, check_ledger_contract, random_ledger
from projections import status

# -- the kit that ships ------------------------------------------------------------------------------------------------


def over_the_port():
    recorder = SQLiteRecorder(open_sqlite(":memory:"))
    return Ledger(PortStore(recorder, "a recorder"), recorded_by="the desk")


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__.strip("_"))
@pytest.mark.parametrize("store", ["memory", "file", "port"])
def test_a_ledger_keeps_its_promises_on_every_store(check, store, tmp_path):
    makers = {"memory": lambda: Ledger.open(":memory:"), "file": lambda: Ledger.open(tmp_path / "claims.db")}
    with makers.get(store, over_the_port)() as ledger:
        check(ledger)


class Forgetful(SQLiteStore):
    """A store that finds nothing by its tags."""

    def tagged(self, tags, **how):
        return iter(())


class Hasty(SQLiteStore):
    """A store that takes every id, and every condition, for met."""

    def append(self, drafts, *, unless, after, clock, committing):
        renamed = [replace(draft, id=f"{draft.id}-{after}") for draft in drafts]
        return super().append(renamed, unless=(), after=after, clock=clock)


class Piecemeal(SQLiteStore):
    """A store that writes a batch event by event."""

    def append(self, drafts, *, unless, after, clock, committing):
        for draft in drafts:
            done = super().append([draft], unless=(), after=after, clock=lambda last: max(last, clock(last)) + 1)
        return done


@pytest.mark.parametrize("broken", [Forgetful, Hasty, Piecemeal])
def test_a_store_that_breaks_a_promise_is_told_which(broken):
    with pytest.raises(AssertionError, match=r"^(a|an|one|rules|the|whatever)_\w+: "):
        check_ledger_contract(lambda: Ledger(broken(Connections("broken", None)), recorded_by="the desk"))


def test_a_scene_fails_where_it_should():
    said = Entry(event=Statement(claims=("x",), chain=chain("Ann", via="AFP")), id="said")
    stranger = Retraction(act="said", chain=chain("A stranger"))
    scene = testing.given(said).then(status, "x", lambda answer: not answer.ruling, status="asserted")
    with pytest.raises(AssertionError, match="status is 'asserted', not 'denied'"):
        scene.then(status, "x", status="denied")
    with pytest.raises(AssertionError, match="does not hold"):
        scene.then(status, "x", lambda answer: answer.ruling)
    with pytest.raises(AssertionError, match="but it was accepted"):
        testing.given(said).when(Retraction(act="said", chain=chain("Ann"))).refused()
    with pytest.raises(AssertionError, match="expected it to be accepted"):
        testing.given(said).when(stranger).then(status, "x", status="asserted")
    with pytest.raises(AssertionError, match="expected NotFound"):
        testing.given(said).when(stranger).refused(NotFound)
    with pytest.raises(AssertionError, match="expected Refused like 'never'"):
        testing.given(said).when(stranger).refused(Refused, "never")


def test_the_same_random_writes_the_same_ledger():
    assert random_ledger(Random(7), 40) == random_ledger(Random(7), 40) != random_ledger(Random(8), 40)


@settings(database=None, derandomize=True)
@given(testing.acts(), testing.chains(), testing.said_ats())
def test_what_strategies_write_may_be_appended(act, links, said_at):
    testing.given(act).when(Statement(claims=act.claims, chain=links, said_at=said_at)).then(status, act.claims[0])
