"""Do two implementations of the rules agree? The projection `status` against `oracle.py`, which shares no code with it.

On random ledgers, the same on every run; and on the hard cases, whose outcome was also worked out by hand.
"""

from __future__ import annotations

import json
from collections import Counter
from itertools import product
from random import Random

import oracle
import pytest
from agreement import facts

from ledger import ClaimRegistered, Ledger, NotFound, intake
from ledger.testing import CLAIMS, opened, random_ledger
from projections import status
from projections.flags import FLAGS

CUTS = ("2024-09", "2024-10-03", "2024-10-05", "2024-10-05T10:00:00Z", "2024-10-07", "2024-10-12", "2024-10-31")


def plain(ledger):
    """The records as plain data, which is all the oracle reads."""
    return [{"position": position, **json.loads(data)} for position, data in ledger.stored()]


def both(ledger, records, claim, as_of=None, said_by=None):
    """The two answers; None where the claim is not there at the cut."""
    try:
        ours = facts(ledger.state(status, claim, as_of=as_of, said_by=said_by))
    except NotFound:
        ours = None
    return ours, oracle.answer(records, claim, as_of=as_of, said_by=said_by)


def registered_twice(written, claim):
    """Whether a claim has two registrations: one was voided, another made, the voiding voided. No rule tells which."""
    return sum(isinstance(e.event, ClaimRegistered) and e.event.claim == claim for e, _ in written) > 1


def differences(seed):
    """Where the two disagree on a random ledger, and how often each status and flag came up."""
    rnd = Random(seed)
    written = random_ledger(rnd, rnd.choice((8, 15, 30, 60, 90)))
    differ, met = [], Counter()
    with opened(written) as ledger:
        records = plain(ledger)
        positions = (None, rnd.randint(len(CLAIMS), len(written)))
        for claim, as_of, said_by in product(rnd.sample(CLAIMS, 2), positions, (None, rnd.choice(CUTS))):
            if registered_twice(written, claim):
                continue
            ours, theirs = both(ledger, records, claim, as_of, said_by)
            met.update([theirs["status"], *theirs["flags"]] if theirs else ["not found"])
            if ours is None or theirs is None:
                differ += [] if ours is theirs else [(seed, claim, as_of, said_by, "not found")]
            elif ours != theirs:
                fields = {field: (ours[field], theirs[field]) for field in ours if ours[field] != theirs[field]}
                differ.append((seed, claim, as_of, said_by, fields))
    return differ, met


def test_two_implementations_agree_on_random_ledgers():
    for seed in range(80):
        assert differences(seed)[0] == []


@pytest.mark.slow
@pytest.mark.parametrize("start", range(1_000, 5_000, 1_000))
def test_two_implementations_agree_on_thousands_of_random_ledgers(start):
    for seed in range(start, start + 1_000):
        assert differences(seed)[0] == []


@pytest.mark.slow
def test_random_ledgers_come_to_every_status_and_every_flag():
    met = sum((differences(seed)[1] for seed in range(400)), Counter())
    seen_in_hard_cases_only = {"provable-floor"}
    assert {*status.RULE_TEXTS, *FLAGS, "not found"} - seen_in_hard_cases_only <= met.keys()


# -- the hard cases ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def hard(seeds):
    return seeds / "hard"


@pytest.fixture(scope="module")
def expected(hard):
    return json.loads((hard / "expected.json").read_text(encoding="utf-8"))


def load(*files):
    """A ledger of seed files, appended line by line."""
    ledger = Ledger.open(":memory:", recorded_by="the desk")
    for file in files:
        ledger.append_all([intake.entry(line) for line in file.read_bytes().splitlines()])
    return ledger


def outcome(answer):
    """An answer as the hard cases were worked out."""
    sides = {name: list(map(answer[name].get, ("provable", "possible"))) for name in ("support", "opposition")}
    return {"status": answer["status"], **sides, "flags": answer["flags"]}


def test_every_hard_case_is_expected_and_every_expectation_has_its_case(hard, expected):
    assert {file.name for file in hard.glob("*.ndjson")} == expected.keys()


def test_both_come_to_what_was_worked_out_by_hand(hard, expected):
    for name, claims in expected.items():
        with load(hard / name) as ledger:
            records = plain(ledger)
            assert {r["event"]["claim"] for r in records if r["event"]["type"] == "claim_registered"} == claims.keys()
            for claim, by_hand in claims.items():
                ours, theirs = both(ledger, records, claim)
                assert ours == theirs, f"{claim} of {name}"
                assert outcome(ours) == by_hand, f"{claim} of {name}"


def test_the_hard_cases_do_not_disturb_each_other(hard, expected):
    with load(*(hard / name for name in expected)) as ledger:
        for claims in expected.values():
            for claim, by_hand in claims.items():
                assert outcome(facts(ledger.state(status, claim))) == by_hand


def test_both_agree_on_the_hard_cases_at_earlier_cuts(hard, expected):
    for name, claims in expected.items():
        with load(hard / name) as ledger:
            records = plain(ledger)
            days = sorted({r["event"]["said_at"] for r in records if len(r["event"].get("said_at") or "") == 10})
            for claim in claims:
                for cuts in ({"as_of": len(records) * 2 // 3}, {"said_by": days[len(days) // 2]} if days else {}):
                    ours, theirs = both(ledger, records, claim, **cuts)
                    assert ours == theirs, f"{claim} of {name} at {cuts}"
