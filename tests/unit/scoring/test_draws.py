from __future__ import annotations

import numpy as np
import polars as pl
from scipy import stats

from recsys.scoring.draws import uniforms, user_keys


def test_a_key_belongs_to_the_id_and_the_seed() -> None:
    for ids in (pl.Series([5, 3, -9, 2**60]), pl.Series(["ann", "bob", "", "é"])):
        keys = user_keys(ids, 7)
        assert len(set(keys.tolist())) == 4
        assert user_keys(ids.reverse(), 7)[::-1].tolist() == keys.tolist()
        assert not set(keys.tolist()) & set(user_keys(ids, 8).tolist())
    assert user_keys(pl.Series([], dtype=pl.String), 7).shape == (0,)
    assert user_keys(pl.Series(["7", "x", "-12"]), 1)[[0, 2]].tolist() == user_keys(pl.Series([7, -12]), 1).tolist()
    assert len(set(user_keys(pl.Series(["7", "07", "+7", "7.0", " 7"]), 1).tolist())) == 5


def test_the_first_draws_are_these() -> None:
    """Recorded propensities are worth nothing if another version draws otherwise."""
    assert uniforms(user_keys(pl.Series([1, 2]), 0), 2).round(6).tolist() == [
        [0.255885, 0.088324],
        [0.396455, 0.270757],
    ]
    assert uniforms(user_keys(pl.Series(["ann"]), 2**40), 2).round(6).tolist() == [[0.093664, 0.870327]]


def test_the_draws_are_uniform_and_independent() -> None:
    """Neighbouring ids and seeds must not lead to draws that resemble each other."""
    numbers = uniforms(user_keys(pl.Series(np.arange(20_000)), 3), 8)
    assert numbers.min() > 0
    assert numbers.max() < 1
    for column in numbers.T:
        assert stats.kstest(column, "uniform").pvalue > 1e-4
    others = uniforms(user_keys(pl.Series(np.arange(20_000)), 4), 8)
    everything = np.concatenate([numbers, others], axis=1)
    correlations = np.corrcoef(everything.T)[np.triu_indices(16, 1)]
    # 120 correlations of 20,000 pairs: a standard deviation of 0.007, five of them.
    assert np.abs(correlations).max() < 0.036
    neighbours = np.corrcoef(numbers[:-1, 0], numbers[1:, 0])[0, 1]
    assert abs(neighbours) < 0.036
