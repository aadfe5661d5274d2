"""Grouped sums and products against the numpy twin, to the bit, and against exact sums."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.core.errors import ArgumentError, DataError
from recsys.kernels import group_bases, sums_and_products

Array = np.ndarray[Any, Any]


@st.composite
def requests(draw: st.DrawFn) -> tuple[list[Array], Array, int]:
    """Columns of several strides, groups beyond a block of rows, some of them empty."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, k = draw(st.sampled_from([0, 1, 300, 9000])), draw(st.sampled_from([1, 2, 3, 4, 5, 9]))
    n_groups = draw(st.sampled_from([1, 3, 40]))
    together = rng.gamma(0.5, size=(n, k)) * rng.choice([1.0, 1e8], k) + rng.choice([0.0, 1e9], k)
    columns = [together[:, j] if j % 2 else together[::-1, j].copy() for j in range(k)]
    return columns, rng.integers(-1, n_groups, n).astype(np.int32), n_groups + draw(st.sampled_from([0, 2]))


@given(requests())
@settings(max_examples=60, deadline=None)
def test_the_twin_gives_the_same_bits(request_: tuple[list[Array], Array, int]) -> None:
    columns, groups, n_groups = request_
    bases = group_bases(columns, groups, n_groups)
    found = sums_and_products(columns, groups, bases)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECSYS_KERNELS", "reference")
        np.testing.assert_array_equal(group_bases(columns, groups, n_groups), bases)
        for mine, theirs in zip(found, sums_and_products(columns, groups, bases), strict=True):
            np.testing.assert_array_equal(mine, theirs)


@given(requests())
@settings(max_examples=30, deadline=None)
def test_sums_are_those_of_the_rows_of_a_group(request_: tuple[list[Array], Array, int]) -> None:
    columns, groups, n_groups = request_
    bases = group_bases(columns, groups, n_groups)
    counts, sums, products = sums_and_products(columns, groups, bases)
    for group in range(n_groups):
        rest = [column[groups == group] - base for column, base in zip(columns, bases[group], strict=True)]
        assert counts[group] == len(rest[0])
        for i, one in enumerate(rest):
            # Rounding of blocks of 4096 additions, of terms as large as the sum of their sizes.
            assert sums[group, i] == pytest.approx(math.fsum(one), rel=0, abs=1e-12 * (np.abs(one).sum() + 1e-300))
            for j, other in enumerate(rest):
                terms = one * other
                size = np.abs(terms).sum() + 1e-300
                assert products[group, i, j] == pytest.approx(math.fsum(terms), rel=0, abs=1e-12 * size)


def test_a_base_is_the_mean_of_the_first_rows() -> None:
    values, groups = np.arange(10.0), np.array([0, 1] * 5, np.int32)
    assert group_bases([values], groups, 3, most=2).tolist() == [[1.0], [2.0], [0.0]]
    assert group_bases([np.full(1000, 0.1)], np.zeros(1000, np.int32), 1).tolist() == [[0.1]]


def test_wrong_input_is_refused() -> None:
    values, groups = np.zeros(3), np.zeros(3, np.int32)
    for columns, codes in (([], groups), ([values[:2]], groups), ([groups], groups), ([values], groups.astype(float))):
        with pytest.raises(ArgumentError):
            group_bases(columns, codes, 1)
    with pytest.raises(ArgumentError, match="bases"):
        sums_and_products([values], groups, np.zeros((1, 2)))
    with pytest.raises(DataError, match="a group is 1"):
        group_bases([values], groups + np.int32(1), 1)
