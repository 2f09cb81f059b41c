"""The board at all positions, kept in a file beside the ledger: pages, search, catching up, rebuilding, and proof.

`view` has the verbs. A view is kept in `file`; it is made anew by `rebuild` (from `clusters` of claims, folded by
`folding`), and kept up record by record by `catching`, with what is busy in memory (`live`). It is read by `pages`,
`roster` and `changes`, at both cuts by `bothcuts`, and held against another by `proof`.
"""

from ..tracking.rows import STATUSES
from .changes import Change
from .file import GRID, Checkpoint
from .pages import ORDERS, Order
from .proof import Difference
from .reached import REACH, OutOfReach
from .view import Page, Views, beside

__all__ = [
    "GRID",
    "ORDERS",
    "REACH",
    "STATUSES",
    "Change",
    "Checkpoint",
    "Difference",
    "Order",
    "OutOfReach",
    "Page",
    "Views",
    "beside",
]
