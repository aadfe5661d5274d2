import itertools

import numpy as np
import polars as pl
import pytest

from recsys.simulation import simulate
from recsys.simulation.logging_policy import POLICIES, draw_slates, position_marginals, tier_ends


def naive_marginals(ends, weights, slots):
    """Enumerate every list."""
    tiers = np.repeat(np.arange(3), np.diff(ends, prepend=0))
    mass = np.asarray(weights)[tiers]
    marginals = np.zeros((slots, len(tiers)))
    for slate in itertools.permutations(range(len(tiers)), slots):
        probability, left = 1.0, mass.sum()
        for item in slate:
            probability *= mass[item] / left
            left -= mass[item]
        marginals[range(slots), slate] += probability
    return marginals


@pytest.mark.parametrize("ends", [(1, 3, 6), (2, 2, 5), (0, 3, 4), (1, 1, 4)])
@pytest.mark.parametrize("policy", POLICIES)
def test_position_marginals_equal_enumeration(ends, policy):
    tiers = np.repeat(np.arange(3), np.diff(ends, prepend=0))
    expected = naive_marginals(ends, policy.weights, 4)
    found = position_marginals(np.array(ends), policy.weights, 4)[:, tiers]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), 1)


@pytest.mark.parametrize("size", [1, 2, 6, 10, 33, 1000])
def test_tiers_cover_the_shelf(size):
    ends = tier_ends(size)
    assert 1 <= ends[0] <= ends[1] <= ends[2] == size


@pytest.mark.parametrize("number", range(len(POLICIES)))
def test_drawn_lists_have_the_recorded_probabilities(number):
    world = simulate(users=1, items=12, days=1, slots=3).world
    n = 40_000
    slates = draw_slates(
        np.random.default_rng(number), world.shelves, np.full(n, number), np.zeros(n, int), np.zeros(n, np.int32)
    )
    shelf = world.shelves.items[0, 0]
    shelf = shelf[shelf >= 0]
    for position in range(3):
        counts = np.bincount(slates.items[:, position], minlength=12)
        assert counts[np.setdiff1d(np.arange(12), shelf)].sum() == 0
        expected = np.zeros(12)
        expected[slates.items[:, position]] = slates.at_position[:, position]
        deviation = (counts / n - expected)[shelf] / np.sqrt(expected[shelf] / n)
        assert np.abs(deviation).max() < 4.5
        assert (deviation**2).sum() < 40  # chi-square with about 10 degrees of freedom; the 1e-5 quantile
    frame = pl.DataFrame(slates.items, schema=["a", "b", "c"]).with_columns(p=slates.given_above.prod(axis=1))
    lists = frame.group_by("a", "b", "c").agg(pl.len(), pl.col("p").first(), pl.col("p").n_unique().alias("ps"))
    assert lists["ps"].max() == 1  # one list, one probability
    z = (lists["len"] / n - lists["p"]) / (lists["p"] / n).sqrt()
    assert abs(z.max()) < 6
    assert 0.8 < (z**2).mean() < 1.2


def test_lists_never_repeat_an_item():
    world = simulate(users=1, items=20, days=1, slots=20).world
    n = 500
    slates = draw_slates(
        np.random.default_rng(1), world.shelves, np.zeros(n, int), np.zeros(n, int), np.zeros(n, np.int32)
    )
    assert (np.sort(slates.items, axis=1) == np.sort(slates.items[0])).all()
    np.testing.assert_allclose(slates.given_above[:, -1], 1)
