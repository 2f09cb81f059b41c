"""The board as the records give it, to hold what a view says against."""

from __future__ import annotations

from ledger.testing import by
from projections import board
from projections.views import Views

ANN = (by("Ann"),)
BOB = (by("Bob"),)


def folded(ledger, as_of=None):
    """The board as a fold of all records gives it."""
    return ledger.state(board, as_of=as_of).claims


def rows(view, **how):
    return view.page(limit=None, **how).rows


def keeps_up(ledger):
    """Whether a view that catches up record by record says at every position what the records say."""
    with Views.open(ledger) as view:
        view.catch_up()
        return all(rows(view, as_of=position) == folded(ledger, position) for position in range(1, ledger.head + 1))
