"""The compiled top-k kernels against their numpy twins: the same bits, or the same error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from recsys.core.errors import RecsysError
from recsys.kernels import TopKIndex, _compiled_topk, select_topk, sparse_topk, topk

Array = np.ndarray[Any, Any]
FACTORS: dict[str, Callable[[np.random.Generator, int, int], Array]] = {
    "normal": lambda rng, n, d: rng.standard_normal((n, d)),
    "ties": lambda rng, n, d: rng.integers(-1, 2, (n, d)),
    "zero": lambda rng, n, d: np.zeros((n, d)),
    "some zero": lambda rng, n, d: rng.standard_normal((n, d)) * (rng.random((n, 1)) < 0.5),
    "one direction": lambda rng, n, d: 1 + rng.integers(0, 3, (n, d)) * 2.0**-23,
    "negative": lambda rng, n, d: np.abs(rng.standard_normal((n, d))) * (-1.0) ** (n % 2),
    "huge": lambda rng, n, d: rng.standard_normal((n, d)) * 1e17,
    "too huge": lambda rng, n, d: rng.standard_normal((n, d)) * 1e25,
    "tiny": lambda rng, n, d: rng.standard_normal((n, d)) * 1e-22,
    "subnormal": lambda rng, n, d: rng.standard_normal((n, d)) * 1e-41,
    "equal norms": lambda rng, n, d: rng.choice([-1.0, 1.0], (n, d)),
    "one giant coordinate": lambda rng, n, d: (
        rng.standard_normal((n, d)) * 10.0 ** (4 * (rng.integers(0, d, (n, 1)) == np.arange(d)))
    ),
    "low rank": lambda rng, n, d: rng.standard_normal((n, 2)) @ rng.standard_normal((2, d)),
    "decaying": lambda rng, n, d: rng.standard_normal((n, d)) * 0.8 ** np.arange(d),
    "mixed magnitudes": lambda rng, n, d: rng.standard_normal((n, d)) * 10.0 ** rng.integers(-40, 18, (n, 1)),
    "1e30": lambda rng, n, d: rng.standard_normal((n, d)) * 1e30,
    "skewed": lambda rng, n, d: rng.standard_normal((n, d)) * rng.lognormal(0, 4, (n, 1)),
    "nan": lambda rng, n, d: np.where(rng.random((n, d)) < 0.02, np.nan, 1.0),
    "infinite": lambda rng, n, d: np.where(rng.random((n, d)) < 0.02, -np.inf, 1.0),
}
kinds = st.sampled_from(sorted(FACTORS))
seeds = st.integers(0, 2**32)
sizes = st.one_of(st.integers(0, 12), st.integers(0, 1300), st.integers(2000, 5000))
n_users = st.one_of(st.integers(0, 12), st.integers(0, 60))
columns = st.sampled_from([1, 2, 3, 7, 15, 16, 17, 31, 33, 48, 65, 129, 530])
ks = st.sampled_from([1, 2, 3, 10, 50, 1500])


def outcome(call: Callable[..., Any], *args: Any, **options: Any) -> tuple[Any, ...]:
    """The bytes of a result, or the kind and words of an error."""
    try:
        result = call(*args, **options)
    except RecsysError as error:
        return type(error), str(error)
    return (
        result.indices.dtype,
        result.indices.shape,
        result.indices.tobytes(),
        result.scores.dtype,
        result.scores.tobytes(),
    )


SWEPT, SCANNED = 1 << 60, 1  # so many users are not few any more


def assert_twins_agree(
    call: Callable[..., Any], *args: Any, simd: str = "", few: int = SCANNED, alone: int = 0, **options: Any
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_compiled_topk, "_FEW_USERS", few)
        patch.setattr(_compiled_topk, "_ALONE", alone)
        patch.setattr(_compiled_topk, "_ALONE_BESIDE_SWEEPS", alone)
        patch.setenv("RECSYS_KERNELS", "reference")
        expected = outcome(call, *args, **options)
        patch.setenv("RECSYS_KERNELS", "compiled")
        patch.setenv("RECSYS_SIMD", simd)
        assert outcome(call, *args, **options) == expected


def random_pattern(rng: np.random.Generator, shape: tuple[int, int]) -> csr_array[Any, tuple[int, int]]:
    density = rng.choice([0.0, 0.02, 0.3, 0.97, 1.0])
    return csr_array((rng.random(shape) < density).astype(np.int8))


@st.composite
def filters(draw: st.DrawFn) -> Callable[[np.random.Generator, tuple[int, int]], dict[str, Any]]:
    """How to make exclude, allow and deny for a shape: absent, for everyone, or per user."""
    wanted = {name: draw(st.sampled_from(["", "all", "rows"])) for name in ("exclude", "allow", "deny")}

    def build(rng: np.random.Generator, shape: tuple[int, int]) -> dict[str, Any]:
        options: dict[str, Any] = {}
        for name, form in wanted.items():
            if form == "rows" or (form and name == "exclude"):
                options[name] = random_pattern(rng, shape)
            elif form:
                options[name] = rng.random(shape[1]) < rng.choice([0.0, 0.1, 0.9])
        return options

    return build


@settings(max_examples=400, deadline=None)
@given(
    kinds,
    kinds,
    n_users,
    sizes,
    columns,
    ks,
    filters(),
    seeds,
    st.sampled_from(["", "avx2", "baseline", "avx512", "emulated avx512", "emulated avx512vnni"]),
    st.sampled_from([SWEPT, SCANNED]),
    st.sampled_from([0, 0, 0, 31]),
    st.integers(1, 3),
)
def test_topk_is_its_twin(
    user_kind: str,
    item_kind: str,
    users: int,
    items: int,
    d: int,
    k: int,
    options: Any,
    seed: int,
    simd: str,
    few: int,
    alone: int,
    threads: int,
) -> None:
    from recsys.kernels._scan import PATHS

    rng = np.random.default_rng(seed)
    left = FACTORS[user_kind](rng, users, d).astype(np.float32)
    right = FACTORS[item_kind](rng, items, d).astype(np.float32)
    chosen = options(rng, (users, items))
    assert_twins_agree(
        topk,
        left,
        right,
        k,
        **chosen,
        n_threads=threads,
        few=few,
        alone=alone,
        simd=simd if simd in PATHS or simd.startswith("emulated") else "",
    )


@settings(max_examples=100, deadline=None)
@given(kinds, kinds, n_users, st.lists(st.integers(0, 2500), min_size=1, max_size=3), columns, ks, filters(), seeds)
def test_an_index_is_its_twin_whatever_was_added(
    user_kind: str, item_kind: str, users: int, sizes: list[int], d: int, k: int, options: Any, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    left = FACTORS[user_kind](rng, users, d).astype(np.float32)
    parts = [FACTORS[item_kind](rng, size, d).astype(np.float32) for size in sizes]

    def ask(**filters: Any) -> Any:
        index = TopKIndex(parts[0])
        for part in parts[1:]:
            index = index.add(part)
        return index.query(left, k, **filters)

    assert_twins_agree(ask, **options(rng, (users, sum(sizes))))


@settings(max_examples=150, deadline=None)
@given(n_users, st.integers(0, 200), ks, filters(), seeds, st.sampled_from([1.0, 1e19, 1e25]), st.booleans())
def test_sparse_topk_is_its_twin(
    users: int, items: int, k: int, options: Any, seed: int, scale: float, integral: bool
) -> None:
    rng = np.random.default_rng(seed)
    shape = users, items

    def matrix(rows: int) -> csr_array[Any, tuple[int, int]]:
        values = rng.standard_normal((rows, items)) * scale
        kept = csr_array(
            np.where(rng.random((rows, items)) < rng.choice([0.01, 0.1, 0.5]), values, 0).astype(np.float32)
        )
        if integral:
            kept.data = np.round(np.sign(kept.data))
        return kept

    assert_twins_agree(sparse_topk, matrix(users), matrix(items), k, **options(rng, shape))


@settings(max_examples=150, deadline=None)
@given(n_users, sizes, ks, filters(), seeds, st.sampled_from([0.0, 0.0, 0.0, 0.01]), st.sampled_from([np.nan, np.inf]))
def test_select_topk_is_its_twin(
    users: int, items: int, k: int, options: Any, seed: int, share: float, poison: float
) -> None:
    rng = np.random.default_rng(seed)
    scores = np.round(rng.standard_normal((users, items)), rng.integers(0, 6)).astype(np.float32)
    scores[rng.random(scores.shape) < rng.choice([0.0, 0.2, 1.0])] = -np.inf
    scores[rng.random(scores.shape) < share] = poison
    assert_twins_agree(select_topk, scores, k, **options(rng, (users, items)))


@pytest.mark.parametrize("few", [SWEPT, SCANNED])
def test_scores_closer_than_the_rounding_error_are_still_ranked_by_the_fixed_sum(few: int) -> None:
    rng = np.random.default_rng(5)
    users = (1 + rng.random((40, 100)) * 2.0**-20).astype(np.float32)
    items = (1 + rng.random((3000, 100)) * 2.0**-20).astype(np.float32)
    assert_twins_agree(topk, users, items, 25, few=few)


@pytest.mark.parametrize("few", [SWEPT, SCANNED])
def test_scores_that_underflow_are_still_ranked_by_the_fixed_sum(few: int) -> None:
    rng = np.random.default_rng(8)
    users, items = rng.standard_normal((2, 40, 90)).astype(np.float32) * np.float32(3e-23)
    assert_twins_agree(topk, users, np.tile(items, (30, 1)) * rng.random((1200, 1)).astype(np.float32), 10, few=few)


def test_the_twin_agrees_with_float64_where_nothing_is_close() -> None:
    rng = np.random.default_rng(6)
    users, items = rng.standard_normal((40, 50)).astype(np.float32), rng.standard_normal((700, 50)).astype(np.float32)
    exact = users.astype(np.float64) @ items.T.astype(np.float64)
    result = topk(users, items, 15)
    np.testing.assert_array_equal(result.indices, np.argsort(-exact, axis=1)[:, :15])
    np.testing.assert_allclose(result.scores, -np.sort(-exact, axis=1)[:, :15], rtol=1e-4)


def test_sparse_topk_agrees_with_the_matrix_product() -> None:
    rng = np.random.default_rng(7)
    history = csr_array(rng.random((30, 80)) * (rng.random((30, 80)) < 0.1), dtype=np.float32)
    weights = csr_array(rng.random((80, 80)) * (rng.random((80, 80)) < 0.2), dtype=np.float32)
    product = (history @ weights).toarray()
    result = sparse_topk(history, weights, 5, exclude=history)
    product[history.toarray() != 0] = 0
    for row, items in zip(product, result.indices, strict=True):
        expected = np.argsort(-row, kind="stable")[: np.count_nonzero(row)][:5]
        np.testing.assert_array_equal(items[items >= 0], expected)
