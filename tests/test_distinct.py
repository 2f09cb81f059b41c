"""Is the largest set of distinct roots found, however many there are; and is it told where the search gave up?"""

from __future__ import annotations

from itertools import combinations
from random import Random

import pytest

from ledger.testing import Story
from projections import distinct, status
from projections.distinct import _Clique


def random_masks(rnd, vertices, share):
    masks = [0] * vertices
    for a, b in combinations(range(vertices), 2):
        if rnd.random() < share:
            masks[a] |= 1 << b
            masks[b] |= 1 << a
    return masks


def by_trying_all(masks):
    """The size of the largest set any two of which are next to each other."""
    return max(
        len(some)
        for size in range(len(masks) + 1)
        for some in combinations(range(len(masks)), size)
        if all(masks[a] >> b & 1 for a, b in combinations(some, 2))
    )


@pytest.mark.parametrize("seed", range(40))
def test_the_search_finds_what_trying_all_finds(seed):
    rnd = Random(seed)
    masks = random_masks(rnd, rnd.randrange(1, 11), rnd.random())
    found = _Clique(masks)
    assert (found.largest, found.gave_up) == (by_trying_all(masks), False)


def test_the_search_goes_as_deep_as_there_are_roots():
    vertices = 1_500  # more than Python lets functions call each other
    everybody = (1 << vertices) - 1
    assert _Clique([everybody & ~(1 << vertex) for vertex in range(vertices)]).largest == vertices


@pytest.mark.parametrize("seed", range(20))
def test_a_search_that_gives_up_has_found_no_more_than_there_is(seed, monkeypatch):
    masks = random_masks(Random(seed), 10, 0.6)
    whole = by_trying_all(masks)
    gave_up = set()
    for budget in (1, 2, 3, 5, 8, 200):
        monkeypatch.setattr(distinct, "BUDGET", budget)
        found = _Clique(masks)
        assert found.largest == whole or (found.gave_up and 1 <= found.largest < whole)
        gave_up.add(found.gave_up)
    assert gave_up == {True, False}


def test_roots_that_share_bodies_in_a_row_are_counted_exactly_and_where_that_takes_too_long_as_a_floor(monkeypatch):
    story = Story()
    for number in range(12):
        for body in (number, number + 1):
            story.connects(f"s{number}", "member_of", f"body{body}")
        story.states(f"s{number}", "x")
    found = story.ask(status, "x")
    assert (found.support.provable, found.support.possible) == (6, 12)
    assert "provable-floor" not in found.flags
    monkeypatch.setattr(distinct, "BUDGET", 3)
    floor = story.ask(status, "x")
    assert 1 <= floor.support.provable <= 6
    assert "provable-floor" in floor.flags
