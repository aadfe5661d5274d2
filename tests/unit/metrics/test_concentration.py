"""The concentration curve: exact at its points, and the Gini index is its area."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recsys.metrics import concentration, gini

counts_of = st.lists(st.integers(0, 1000), min_size=1, max_size=40).map(np.array)


@given(counts_of)
def test_its_area_is_the_gini_index(counts):
    curve = concentration(counts, points=400)  # fine enough to hold every one of 40 parts
    if counts.sum() == 0:
        assert curve is None
        return
    area = np.trapezoid(curve.total, curve.parts)
    assert 2 * area - 1 == pytest.approx(gini(counts), abs=1e-12)  # sums of 40 terms


@given(counts_of, st.integers(2, 31))
def test_every_point_is_what_the_largest_parts_hold(counts, points):
    curve = concentration(counts, points)
    if curve is None:
        return
    falling = np.sort(counts)[::-1]
    for share, total in zip(curve.parts, curve.total, strict=True):
        assert total == pytest.approx(falling[: round(share * len(counts))].sum() / counts.sum(), abs=1e-12)
    assert len(curve.parts) <= points + 2
    assert (curve.parts[0], curve.total[0], curve.parts[-1], curve.total[-1]) == (0, 0, 1, 1)
    assert np.all(np.diff(curve.parts) > 0)
    assert np.all(np.diff(curve.total) >= 0)


def test_it_reaches_one_where_the_last_part_is_used():
    curve = concentration(np.array([5, 0, 3, 0, 0, 0, 0, 2, 0, 0]), points=3)
    assert curve.total[curve.parts.index(0.3)] == 1
    assert curve.held_by(0.2) < 1


def test_equal_parts_are_the_diagonal():
    curve = concentration(np.ones(1000, int))
    assert curve.total == pytest.approx(curve.parts)


@pytest.mark.parametrize("counts", [[], [0, 0]])
def test_nothing_has_no_curve(counts):
    assert concentration(np.array(counts, dtype=np.int64)) is None
