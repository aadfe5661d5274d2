"""The re-ranking and sampling kernels against their twins: the same bits, or the same error; and against naive code."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from recsys.core.errors import DataError, RecsysError
from recsys.kernels import calibrated_places, mmr_places, position_marginals

Array = np.ndarray[Any, Any]
seeds = st.integers(0, 2**32)
shares = st.sampled_from([0.0, 0.3, 0.7, 1.0])


def outcome(call: Callable[..., Array], *args: Any, **options: Any) -> tuple[Any, ...]:
    try:
        result = call(*args, **options)
    except RecsysError as error:
        return type(error), str(error)
    return result.dtype, result.shape, result.tobytes()


def assert_twins_agree(call: Callable[..., Array], *args: Any, **options: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECSYS_KERNELS", "reference")
        expected = outcome(call, *args, **options)
        patch.setenv("RECSYS_KERNELS", "compiled")
        assert outcome(call, *args, **options) == expected


def pools(rng: np.random.Generator, users: int, size: int, items: int) -> tuple[Array, Array]:
    """Pools of different lengths, relevance with ties."""
    pool = np.argsort(rng.random((users, max(items, size))), axis=1)[:, :size].astype(np.int32)
    pool[pool >= items] = -1
    lengths = rng.integers(0, size + 1, users)
    pool = np.where(np.arange(size) < lengths[:, None], pool, -1)
    pool = np.take_along_axis(pool, np.argsort(pool < 0, axis=1, kind="stable"), axis=1)
    return np.ascontiguousarray(pool, np.int32), -np.sort(-rng.integers(0, 6, (users, size)) / 5.0, axis=1)


@settings(max_examples=150)
@given(
    seeds,
    st.integers(0, 6),
    st.integers(1, 30),
    st.integers(0, 40),
    st.sampled_from([1, 3, 16, 17, 40]),
    st.sampled_from([1, 3, 50]),
    shares,
    st.sampled_from(["dense", "ties", "sparse", "nan"]),
    st.integers(1, 3),
)
def test_mmr_is_its_twin(
    seed: int, users: int, size: int, items: int, d: int, k: int, trade_off: float, kind: str, threads: int
) -> None:
    rng = np.random.default_rng(seed)
    pool, relevance = pools(rng, users, size, items)
    dense = rng.standard_normal((items, d)).astype(np.float32)
    vectors: Any = {
        "dense": dense,
        "ties": np.sign(dense),
        "sparse": csr_array(np.where(rng.random((items, d)) < 0.4, dense, np.float32(0))),
        "nan": np.where(rng.random((items, d)) < 0.05, np.float32(np.nan), dense),
    }[kind]
    assert_twins_agree(mmr_places, pool, relevance, vectors, k, trade_off=trade_off, n_threads=threads)


@settings(max_examples=150)
@given(
    seeds,
    st.integers(0, 6),
    st.integers(1, 30),
    st.integers(0, 40),
    st.sampled_from([1, 4, 14]),
    st.sampled_from([1, 3, 50]),
    shares,
    st.integers(1, 3),
)
def test_calibration_is_its_twin(
    seed: int, users: int, size: int, items: int, tags: int, k: int, weight: float, threads: int
) -> None:
    rng = np.random.default_rng(seed)
    pool, relevance = pools(rng, users, size, items)
    features = csr_array((rng.random((items, tags)) < rng.choice([0.1, 0.4, 1.0])).astype(np.float32))
    wanted = csr_array((rng.random((users, tags)) * (rng.random((users, tags)) < 0.7)).astype(np.float32))
    options = {"weight": weight, "smoothing": 0.01, "n_threads": threads}
    assert_twins_agree(calibrated_places, pool, relevance, features, wanted, k, **options)


@settings(max_examples=100)
@given(
    seeds, st.integers(0, 4), st.integers(0, 20), st.sampled_from([1, 2, 7, 25]), st.sampled_from([0, 1, 5, 30]),
    st.integers(1, 3),
)  # fmt: skip
def test_marginals_are_their_twin(seed: int, users: int, size: int, k: int, spread: float, threads: int) -> None:
    rng = np.random.default_rng(seed)
    weights = np.exp(rng.normal(0, spread, (users, size)))
    weights[np.arange(size) >= rng.integers(0, size + 1, users)[:, None]] = -1
    assert_twins_agree(position_marginals, weights, k, n_threads=threads)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pool": np.int32([[3, 9]])}, "code out of range"),
        ({"pool": np.int32([[-1, 0]])}, "after an empty slot"),
        ({"pool": np.int64([[0, 1]])}, "int32"),
        ({"relevance": np.array([[0.0, np.nan]])}, "NaN"),
        ({"relevance": np.array([[0.0]])}, "of shape"),
        ({"trade_off": 1.5}, "trade_off is 1.5"),
        ({"k": 0}, "k is 0"),
        ({"vectors": np.full((4, 2), 1e30, np.float32)}, "huge"),
        ({"vectors": "no"}, "vectors is of type str"),
    ],
)
def test_bad_arguments_are_named(change: dict[str, Any], message: str) -> None:
    good = {"pool": np.int32([[3, 1]]), "relevance": np.array([[1.0, 0.0]]), "vectors": np.eye(4, 2, dtype=np.float32)}
    options = {**good, "k": 2, "trade_off": 0.5, **change}
    with pytest.raises(RecsysError, match=message):
        mmr_places(
            options["pool"], options["relevance"], options["vectors"], options["k"], trade_off=options["trade_off"]
        )
    weights = np.array([[1.0, 1e-26]])
    with pytest.raises(DataError, match="too far apart"):
        position_marginals(weights, 1)
    with pytest.raises(DataError, match="after an empty slot"):
        position_marginals(np.array([[-1.0, 1.0]]), 1)


# ---- naive code, written from the formulas


def naive_mmr(items: list[int], relevance: Array, vectors: Array, k: int, trade_off: float) -> list[int]:
    picked: list[int] = []
    for _ in range(min(k, len(items))):
        best, highest = -1, -np.inf
        for place, item in enumerate(items):
            if place in picked:
                continue
            near = max((float(vectors[item] @ vectors[items[other]]) for other in picked), default=0.0)
            value = trade_off * relevance[place] - (1 - trade_off) * near
            if value > highest + 1e-9:
                best, highest = place, value
        picked.append(best)
    return picked


@settings(max_examples=60)
@given(seeds, st.floats(0.05, 1))
def test_mmr_is_what_the_paper_says(seed: int, trade_off: float) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((30, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    pool = rng.permutation(30)[:20].astype(np.int32)
    relevance = -np.sort(-rng.random(20))
    found = mmr_places(pool[None], relevance[None], vectors, 8, trade_off=trade_off)[0].tolist()
    assert found == naive_mmr(pool.tolist(), relevance, vectors.astype(np.float64), 8, trade_off)


def kl(wanted: Array, items: list[int], features: Array, smoothing: float) -> float:
    """Steck (2018), equations 2, 3, 5 and 6, with uniform weights in the list."""
    described = [item for item in items if features[item].sum() > 0]
    listed = sum((features[item] / features[item].sum() for item in described), np.zeros(features.shape[1]))
    listed = listed / max(len(described), 1)
    smoothed = (1 - smoothing) * listed + smoothing * wanted
    on = wanted > 0
    return float((wanted[on] * np.log(wanted[on] / smoothed[on])).sum())


@settings(max_examples=60)
@given(seeds, st.floats(0, 0.99))
def test_calibration_is_what_the_paper_says(seed: int, weight: float) -> None:
    rng = np.random.default_rng(seed)
    features = (rng.random((30, 5)) < 0.4).astype(np.float32)
    wanted = rng.random(5) * (rng.random(5) < 0.8) + np.array([0.01, 0, 0, 0, 0])
    wanted = wanted.astype(np.float32).astype(np.float64)
    pool, relevance = rng.permutation(30)[:20].astype(np.int32), -np.sort(-rng.random(20))
    row = csr_array(wanted[None].astype(np.float32))
    arguments = (pool[None], relevance[None], csr_array(features), row, 8)
    found = calibrated_places(*arguments, weight=weight, smoothing=0.01)[0].tolist()
    picked: list[int] = []
    for place in found:
        values = {
            other: (1 - weight) * relevance[other]
            - weight * kl(wanted / wanted.sum(), [int(pool[each]) for each in [*picked, other]], features, 0.01)
            for other in range(20)
            if other not in picked
        }
        # Rounding may settle a tie of two sets of genres either way.
        assert values[place] >= max(values.values()) - 1e-9
        picked.append(place)


def enumerated(weights: Array, k: int) -> Array:
    """The probability of every item at every position, by all ordered lists."""
    table = np.zeros((k, len(weights)))
    for listed in itertools.permutations(range(len(weights)), k):
        probability = 1.0
        for place, item in enumerate(listed):
            probability *= (
                weights[item] / weights[[other for other in range(len(weights)) if other not in listed[:place]]].sum()
            )
        table[np.arange(k), listed] += probability
    return table


@pytest.mark.parametrize("spread", [0.0, 1.0, 4.0, 10.0])
@pytest.mark.parametrize(("size", "k"), [(1, 1), (2, 2), (5, 3), (7, 4), (6, 6)])
def test_marginals_are_those_of_all_lists(spread: float, size: int, k: int) -> None:
    weights = np.exp(np.random.default_rng(size).normal(0, spread, size))
    table = enumerated(weights, k)
    circle = (np.arange(size)[:, None] + np.arange(size)) % size
    found = position_marginals(weights[circle], k)
    # 65 octaves of doubling lose some hundred units in the last place, relative to the probability itself.
    np.testing.assert_allclose(found, table[np.arange(k), circle[:, :k]], rtol=1e-10, atol=1e-14)


def test_marginals_of_a_large_pool_add_up() -> None:
    """Too large to enumerate: each item is somewhere, each position holds something, and all-equal weights are 1/n."""
    size, k = 150, 30
    weights = np.exp(np.random.default_rng(2).normal(0, 3, size))
    circle = (np.arange(size)[:, None] + np.arange(size)) % size
    found = position_marginals(weights[circle], k)
    np.testing.assert_allclose(found.sum(axis=0), 1, rtol=1e-11)
    np.testing.assert_allclose(position_marginals(np.ones((1, size)), k), 1 / size, rtol=1e-11)
