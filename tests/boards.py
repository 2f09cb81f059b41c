"""The board as the records give it, to hold what a view says against."""

from __future__ import annotations

from ledger.testing import by
from projections import board

ANN = (by("Ann"),)
BOB = (by("Bob"),)


def folded(ledger, as_of=None):
    """The board as a fold of all records gives it."""
    return ledger.state(board, as_of=as_of).claims


def rows(view, **how):
    return view.page(limit=None, **how).rows
