import numpy as np
import pytest

from recsys.stats._mover import difference_bounds, quotient_bounds, relative_bounds


@pytest.mark.parametrize("x", [5.0, 0.5, 0.0, -0.5, -5.0])
def test_quotient_bounds_are_where_the_difference_touches_0(x: float) -> None:
    left, right, y = (1.0, 1.5), (0.5, 2.5), 2.0
    for bound, place in zip(quotient_bounds(x, y, left, right), (0, 1), strict=True):
        scaled = (bound * right[0], bound * right[1]) if bound >= 0 else (-bound * right[1], -bound * right[0])
        touching = difference_bounds(x, bound * y, left, scaled)
        assert touching[place] == pytest.approx(0, abs=1e-12)


def test_a_denominator_that_reaches_0_has_no_bounds() -> None:
    assert quotient_bounds(1.0, 2.0, (1.0, 1.0), (2.0, 1.0)) == (-np.inf, np.inf)


def test_relative_bounds_hold_0_when_those_of_the_difference_do_and_mirror() -> None:
    rng = np.random.default_rng(1)
    for _ in range(500):
        x, y = rng.normal(2, 3, size=2)
        left, right = tuple(rng.exponential(size=2)), tuple(rng.exponential(size=2))
        low, high = relative_bounds(x, y, left, right)
        if np.isfinite(low):
            below, above = difference_bounds(x, y, left, right)
            assert (low <= 0 <= high) == (below <= 0 <= above)
            assert low <= (x - y) / abs(y) <= high
        assert relative_bounds(-x, -y, left[::-1], right[::-1]) == (-high, -low)
    assert relative_bounds(1.0, 2.0, (np.inf, 1.0), (0.1, 0.1)) == (-np.inf, np.inf)
