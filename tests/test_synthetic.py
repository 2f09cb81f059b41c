"""Made-up ledgers: every event is accepted, the same seed tells the same ledger, and it looks like a real one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from itertools import islice, pairwise
from pathlib import Path
from uuid import UUID

import pytest

import ledger
from ledger import Assessment, ClaimRegistered, ClaimsRelated, Denial, Ledger, Statement, when
from ledger.events import TYPES, tag_of
from ledger.records import encode_event
from ledger.synthetic import LARGE_STORY, LASTS, synthetic

ACTS = (Statement, Denial, Assessment)
DAY_US = 86_400 * 1_000_000


def digest(events: int, seed: int) -> str:
    found = sha256()
    for entry, at in synthetic(events, seed=seed):
        found.update(f"{at} {entry.id} {entry.recorded_by} ".encode() + encode_event(entry.event))
    return found.hexdigest()


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_rules_accept_every_event(seed: int) -> None:
    with Ledger.open(":memory:") as book:
        receipts = list(book.load(synthetic(5_000, seed=seed)))
        assert [receipt.position for receipt in receipts] == list(range(1, 5_001))
        assert not any(receipt.replayed for receipt in receipts)


def test_they_can_be_appended_now_as_well() -> None:
    with Ledger.open(":memory:") as book:
        receipts = book.append_all(entry for entry, _ in synthetic(1_000))
        assert receipts[-1].position == 1_000


@pytest.mark.parametrize("events", [0, 1, 2, 7, 100])
def test_the_smallest_ledgers_are_told_too(events: int) -> None:
    with Ledger.open(":memory:") as book:
        assert len(list(book.load(synthetic(events)))) == events


def test_the_same_seed_tells_the_same_bytes() -> None:
    assert digest(2_000, seed=1) == digest(2_000, seed=1)


def test_another_seed_tells_other_bytes() -> None:
    assert digest(200, seed=1) != digest(200, seed=2)


def test_hash_seed_and_time_zone_do_not_matter() -> None:
    code = "import test_synthetic; print(test_synthetic.digest(500, 3))"
    path = os.pathsep.join([str(Path(__file__).parent), str(Path(ledger.__file__).parents[1])])
    told = set()
    for hash_seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": hash_seed, "TZ": zone}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
        told.add(done.stdout.decode().strip())
    assert told == {digest(500, seed=3)}


def test_ids_and_times_increase_over_about_two_years() -> None:
    told = [(entry.id or "", at) for entry, at in synthetic(5_000)]
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(told))
    assert all(UUID(event_id).version == 7 for event_id, _ in told)
    assert 0.95 * LASTS < told[-1][1] - told[0][1] < 1.05 * LASTS


def test_it_has_as_many_claims_as_asked_for() -> None:
    for events, claims in ((1_000, None), (1_000, 10), (1_000, 1_000), (50, 49)):
        told = sum(isinstance(entry.event, ClaimRegistered) for entry, _ in synthetic(events, claims))
        assert told == (200 if claims is None else claims)


@pytest.mark.parametrize(("events", "claims"), [(10, 11), (10, 0), (-1, None)])
def test_more_claims_than_events_are_refused(events: int, claims: int | None) -> None:
    with pytest.raises(ValueError, match="claims do not fit"):
        synthetic(events, claims)


def test_the_beginning_of_the_largest_ledger_is_told_at_once() -> None:
    assert len(list(islice(synthetic(10**12), 100))) == 100


def test_everything_happens() -> None:
    told = [(entry.event, at) for entry, at in synthetic(30_000)]
    acts = [(event, at) for event, at in told if isinstance(event, ACTS)]
    assert {tag_of(event) for event, _ in told} == set(TYPES)
    assert {len(event.chain) for event, _ in acts} == {1, 2, 3, 4}
    for name, number in (("mode", 4), ("form", 6), ("scope", 3), ("verdict", 6), ("capacity", 4), ("relation", 7)):
        assert len({getattr(event, name) for event, _ in told if getattr(event, name, None)}) == number, name
    assert {event.kind for event, _ in told if isinstance(event, ClaimRegistered)} == {
        "factual", "predictive", "normative"
    }  # fmt: skip
    said = [(when.parse(event.said_at), at) for event, at in acts if event.said_at]
    assert 0.05 < 1 - len(said) / len(acts) < 0.12  # undated
    assert any(span.earliest is None for span, _ in said)
    assert any(span.marked for span, _ in said)
    assert 0.02 < sum(span.latest is not None and span.latest < at - 29 * DAY_US for span, at in said) / len(said) < 0.1
    quotes = "".join(event.quote or "" for event, _ in acts)
    assert all(letter in quotes for letter in ("a", "é", "і", "ы", "ص", "我", "ह", "ν"))


def test_few_are_in_every_mouth_and_most_in_hardly_any() -> None:
    acts = [entry.event for entry, _ in synthetic(30_000) if isinstance(entry.event, ACTS)]
    speakers = Counter(act.chain[0].name for act in acts).most_common()
    claims = Counter(claim for act in acts for claim in act.claims).most_common()
    assert speakers[0][1] > 20 * speakers[len(speakers) // 2][1]
    assert claims[0][1] > 20 * claims[len(claims) // 2][1]


def test_claims_hang_together_in_stories_and_one_of_them_is_large() -> None:
    parent: dict[str, str] = {}

    def root(claim: str) -> str:
        while (above := parent.setdefault(claim, claim)) != claim:
            claim = above
        return claim

    for entry, _ in synthetic(30_000, claims=6_000):
        if isinstance(entry.event, ClaimsRelated):
            parent[root(entry.event.from_)] = root(entry.event.to)
    sizes = sorted(Counter(map(root, list(parent))).values(), reverse=True)
    assert sizes[0] == LARGE_STORY
    assert 2 <= sizes[-1] <= sizes[1] <= 20
