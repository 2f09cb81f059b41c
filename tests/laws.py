"""Laws that hold for every ledger, tried on random ledgers that Hypothesis writes, and what they compare.

Answers are compared as bytes; where they are compared but for something, the law says for what.
"""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger import NotFound, testing
from ledger.testing import CLAIMS
from projections import status

DAYS = ("2024-10-03", "2024-10-05", "2024-10-07", "2024-10-12")


class Laws:
    """The laws of a file; each is marked as one of them."""

    def __init__(self):
        self.all = []

    def __call__(self, test):
        """A law about a random ledger and a `Random` for its choices: on the same examples in every plain run."""
        self.all.append(pytest.param(test, id=test.__name__))
        return tried(test, 40, derandomize=True)


def tried(test, examples, **how):
    health = [HealthCheck.too_slow, HealthCheck.data_too_large]
    setting = settings(max_examples=examples, deadline=None, database=None, suppress_health_check=health, **how)
    return setting(given(testing.ledgers(40), st.randoms(use_true_random=False))(test))


def answer(ledger, claim, projection=status, **cuts):
    """An answer as plain data; None where there is no such claim at the cut."""
    try:
        return msgspec.to_builtins(ledger.state(projection, claim, **cuts))
    except NotFound:
        return None


def answers(ledger, projection=status, **cuts):
    """The bytes of all answers, with no world cut and with one."""
    found = [answer(ledger, claim, projection, **cuts, said_by=day) for claim in CLAIMS for day in (None, "2024-10-05")]
    return [msgspec.json.encode(one) for one in found]


def but_for(answer, *fields):
    return answer and {name: value for name, value in answer.items() if name not in fields}
