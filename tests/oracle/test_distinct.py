"""Distinct codes of units in windows against sets, whatever the threads, the batches and the twin."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.core.errors import ArgumentError, DataError
from recsys.kernels import DistinctCounts

Array = np.ndarray[Any, Any]
Rows = tuple[Array, Array, Array, Array]


@st.composite
def batches(draw: st.DrawFn) -> tuple[Array, Rows]:
    """Codes that repeat, that are huge, and that differ in their high bits alone; some are no value."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, n_units = draw(st.sampled_from([0, 1, 60, 3000])), draw(st.sampled_from([1, 3, 40]))
    codes = rng.integers(-2, draw(st.sampled_from([1, 8, 2000])), n)
    if draw(st.booleans()):
        codes = np.where(codes < 0, codes, codes << 51)
    rows = rng.integers(-1, n_units, n).astype(np.int32), rng.integers(-60, 160, n), codes, rng.random(n) < 0.8
    return rng.integers(0, 100, n_units), rows


def counted(starts: Array, parts: list[Rows], n_threads: int | None = None) -> tuple[bytes, int]:
    state = DistinctCounts(starts, -20, 40)
    for units, times, codes, mask in parts:
        state.add(units, times, codes, mask, n_threads=n_threads)
    return state.values().tobytes(), state.left_out


@settings(max_examples=60, deadline=None)
@given(batches(), st.integers(0, 3000))
def test_counts_are_the_sizes_of_sets(case: tuple[Array, Rows], cut: int) -> None:
    starts, rows = case
    units, times, codes, mask = rows
    found: list[set[int]] = [set() for _ in starts]
    left_out = 0
    for unit, time, code, passes in zip(units.tolist(), times.tolist(), codes.tolist(), mask.tolist(), strict=True):
        if unit >= 0 and passes and -20 <= time - starts[unit] < 40:
            left_out += code < 0
            found[unit] |= {code} - {-1, -2}
    expected = np.array([len(one) for one in found], float).tobytes(), left_out
    cuts = [tuple(column[:cut] for column in rows), tuple(column[cut:] for column in rows)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recsys.kernels.distinct._FIRST_SLOTS", 256)  # so that tables grow
        patch.setattr("recsys.kernels.distinct._ROWS_PER_CHUNK", 500)
        assert counted(starts, [rows], 1) == counted(starts, cuts, 3) == expected
        patch.setenv("RECSYS_KERNELS", "reference")
        assert counted(starts, cuts) == expected


def test_a_window_without_an_end_and_without_a_mask() -> None:
    state = DistinctCounts(np.array([0]), 5, None)
    state.add(np.zeros(4, np.int32), np.array([4, 5, 2**61, 9]), np.array([1, 1, 2, -1]))
    assert (state.values().tolist(), state.left_out) == ([2.0], 1)


def test_bad_rows_are_refused_and_nothing_is_added() -> None:
    state = DistinctCounts(np.zeros(2, np.int64), 0, None)
    unit, zero = np.zeros(1, np.int32), np.zeros(1, np.int64)
    with pytest.raises(DataError, match="the unit 2"):
        state.add(unit + 2, zero, zero)
    with pytest.raises(DataError, match="times has"):
        state.add(unit, zero - 2**62, zero)
    with pytest.raises(ArgumentError, match="codes is int32"):
        state.add(unit, zero, unit)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="mask has 2"):
        state.add(unit, zero, zero, np.ones(2, bool))
    with pytest.raises(ArgumentError, match="bound of a window"):
        DistinctCounts(np.zeros(2, np.int64), 0, 2**62)
    assert state.values().tolist() == [0, 0]
    assert DistinctCounts(np.zeros(0, np.int64), 0, 1).values().shape == (0,)
