"""Poisson weights: the published vectors of Philox, the law of the weights, twins to the bit, sums and quantiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from recsys.core.errors import ArgumentError, DataError
from recsys.kernels import poisson_places, poisson_sums
from recsys.kernels._reference_bootstrap import AT_LEAST, _philox, poisson_weights

Array = np.ndarray[Any, Any]


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # known answers of Random123 for philox4x32, 10 rounds
        ([0] * 4, 0, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ([0xFFFFFFFF] * 4, 2**64 - 1, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            0x299F31D0A4093822,
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_has_its_published_answers(counter: list[int], key: int, expected: str) -> None:
    words = _philox([np.array([word], np.uint64) for word in counter], key)
    assert " ".join(f"{int(word[0]):08x}" for word in words) == expected


def test_weights_are_poisson_with_mean_and_variance_one() -> None:
    at_least = np.array([65536, *AT_LEAST, 0]) / 65536
    law = at_least[:-1] - at_least[1:]
    k = np.arange(len(law))
    assert (law * k).sum() == 1
    assert (law * (k - 1) ** 2).sum() == 1
    assert np.abs(law - poisson.pmf(k, 1)).max() < 1.9e-5
    assert poisson.sf(8, 1) < 1.2e-6


def test_drawn_weights_follow_their_law_and_know_nothing_of_each_other() -> None:
    weights = poisson_weights(np.arange(2000), 500, seed=3).astype(float)
    counts = np.bincount(weights.astype(int).ravel(), minlength=9)
    expected = -np.diff([65536, *AT_LEAST, 0]) / 65536 * weights.size
    kept = expected > 5
    assert (((counts - expected) ** 2 / expected)[kept]).sum() < 24.3  # χ², 7 degrees of freedom, .999
    by_unit, by_replicate = np.corrcoef(weights), np.corrcoef(weights.T)
    for matrix, n in ((by_unit, 500), (by_replicate, 2000)):
        others = matrix[~np.eye(len(matrix), dtype=bool)]
        assert abs(others.mean()) < 4 / np.sqrt(n * len(others) / 2)
        assert others.var() * n == pytest.approx(1, rel=0.05)


@st.composite
def samples(draw: st.DrawFn) -> tuple[Array, Array, Array, int, int]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, columns = draw(st.sampled_from([0, 1, 7, 60])), draw(st.integers(0, 3))
    keys = rng.integers(-(2**63), 2**63 - 1, n) if draw(st.booleans()) else rng.integers(0, 9, n)
    groups = rng.integers(0, 3, n).astype(np.int32)
    seed = draw(st.sampled_from([0, 1, 2**64 - 1]))
    return rng.normal(size=(n, columns)), groups, keys, seed, draw(st.sampled_from([1, 127, 128, 129, 300]))


@settings(max_examples=40, deadline=None)
@given(samples())
def test_twins_threads_and_registers_give_the_same_bits(case: tuple[Array, Array, Array, int, int]) -> None:
    values, groups, keys, seed, replicates = case
    options = {"replicates": replicates, "seed": seed, "keys": keys}
    found, places = set(), set()
    for environment in ({"RECSYS_KERNELS": "reference"}, {"RECSYS_SIMD": "baseline"}, {}):
        for n_threads in (1, 3):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("recsys.kernels.bootstrap._UNITS_PER_CHUNK", 13 * n_threads)
                for name, value in environment.items():
                    patch.setenv(name, value)
                found.add(poisson_sums(values, groups, 3, n_threads=n_threads, **options).tobytes())
                if len(keys):
                    shares = [0.1, 0.5, 0.99]
                    places.add(poisson_places(len(keys), shares, n_threads=n_threads, **options).tobytes())
    assert len(found) == 1
    assert len(places) == (len(keys) > 0)


def test_sums_are_those_of_the_weights() -> None:
    rng = np.random.default_rng(1)
    values, groups = rng.normal(size=(300, 2)), rng.integers(0, 2, 300).astype(np.int32)
    weights = poisson_weights(np.arange(300), 200, seed=9)
    sums = poisson_sums(values, groups, 2, replicates=200, seed=9)
    for group in (0, 1):
        rows = groups == group
        assert sums[group, 0].tolist() == weights[rows].sum(axis=0).tolist()
        # both add some 150 numbers of size 1, in another order
        np.testing.assert_allclose(sums[group, 1:], values[rows].T @ weights[rows], atol=1e-12)


def test_more_replicates_do_not_change_the_first_ones() -> None:
    values, groups = np.ones((50, 1)), np.zeros(50, np.int32)
    few, many = (poisson_sums(values, groups, 1, replicates=n, seed=4) for n in (100, 1000))
    assert np.array_equal(few, many[..., :100])


def test_rows_of_one_key_have_one_weight() -> None:
    keys = np.repeat(np.arange(20), 3)
    rows = poisson_sums(np.ones((60, 0)), np.zeros(60, np.int32), 1, replicates=50, keys=keys)
    units = poisson_sums(np.ones((20, 0)), np.zeros(20, np.int32), 1, replicates=50)
    assert np.array_equal(rows, 3 * units)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_quantiles_are_those_of_the_repeated_values(share: float) -> None:
    values = np.sort(np.random.default_rng(2).normal(size=101))
    weights = poisson_weights(np.arange(101), 60, seed=5)
    places = poisson_places(101, [share], replicates=60, seed=5)[0]
    for replicate in range(60):
        repeated = np.repeat(values, weights[:, replicate])
        assert values[places[replicate]] == np.quantile(repeated, share, method="inverted_cdf")


def test_no_weight_at_all_gives_the_place_after_the_last() -> None:
    weights = poisson_weights(np.arange(1), 64, seed=0)[0]
    places = poisson_places(1, [0.5], replicates=64, seed=0)[0]
    assert places.tolist() == (weights == 0).astype(int).tolist()
    assert 0 < places.sum() < 64


def test_bad_arguments_are_refused() -> None:
    values, groups = np.ones((3, 1)), np.zeros(3, np.int32)
    with pytest.raises(ArgumentError, match="values is a float64 array of shape .3,."):
        poisson_sums(values[:, 0], groups, 1, replicates=5)
    with pytest.raises(DataError, match="NaN"):
        poisson_sums(values * np.nan, groups, 1, replicates=5)
    with pytest.raises(DataError, match="groups are from 1 to 1"):
        poisson_sums(values, groups + 1, 1, replicates=5)
    with pytest.raises(ArgumentError, match="seed is 18446744073709551616"):
        poisson_sums(values, groups, 1, replicates=5, seed=2**64)
    with pytest.raises(ArgumentError, match="keys has 2"):
        poisson_sums(values, groups, 1, replicates=5, keys=np.arange(2))
    with pytest.raises(ArgumentError, match="a share is 1"):
        poisson_places(3, [1.0], replicates=5)
    with pytest.raises(ArgumentError, match="n is 268435456"):
        poisson_places(2**28, [0.5], replicates=5)
