"""Do view, single read and oracle agree on what was made up at random, at both cuts? (`agreement.py`)"""

from __future__ import annotations

from pathlib import Path

import pytest
from agreement import compared
from msgspec.structs import replace

from ledger import Ledger
from ledger.synthetic import synthetic
from projections.views import Views


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_view_single_read_and_oracle_agree_on_claims_and_cuts_picked_at_random(tmp_path: Path, seed: int) -> None:
    with Ledger.open(tmp_path / "claims.db") as ledger, Views.open(ledger) as view:
        for _ in ledger.load(synthetic(5_000, seed=seed)):
            pass
        view.catch_up()
        found = list(compared(ledger, view, 300, seed))
    assert [one for one in found if one.difference] == []
    asked = [one.triple for one in found]
    assert {triple.said_by is None for triple in asked} == {True, False}
    assert sum(one.three_ways for one in found) == 300


def test_a_row_that_is_not_what_the_records_say_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Ledger.open(tmp_path / "claims.db") as ledger, Views.open(ledger) as view:
        for _ in ledger.load(synthetic(300)):
            pass
        view.catch_up()
        assert not any(one.difference for one in compared(ledger, view, 20))
        right = view.row
        monkeypatch.setattr(view, "row", lambda claim, **cut: replace(right(claim, **cut), status="withdrawn"))
        assert any(one.difference for one in compared(ledger, view, 20))
