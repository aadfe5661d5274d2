from math import inf

import numpy as np
import pytest

from recsys.stats._fieller import Quotient


def test_interval_is_fiellers_formula() -> None:
    """As he wrote it (1954): ((R − g v12/v22) ± t/b sqrt(v11 − 2 R v12 + R² v22 − g (v11 − v12²/v22))) / (1 − g)."""
    rng = np.random.default_rng(1)
    for _ in range(50):
        a, b = rng.normal(3, 2), rng.normal(5, 1)
        (v11, v12), (_, v22) = np.cov(rng.normal(size=(2, 8)))
        t, ratio = 1.96, a / b
        g = t * t * v22 / b**2
        root = t / b * np.sqrt(v11 - 2 * ratio * v12 + ratio**2 * v22 - g * (v11 - v12**2 / v22))
        expected = [(ratio - g * v12 / v22 + side * root) / (1 - g) for side in (-1, 1)]
        found = Quotient(a, b, v11, v22, v12)
        assert found.uncertainty(t) == pytest.approx(g, rel=1e-12)
        if g < 1:
            assert found.interval(t) == pytest.approx(expected, rel=1e-9)
        else:
            assert found.interval(t) == (-inf, inf)


def test_a_certain_denominator_leaves_the_delta_method() -> None:
    found = Quotient(3.0, 2.0, 0.25, 0.0, 0.0)
    assert found.standard_error == 0.25
    assert found.interval(2.0) == pytest.approx((1.0, 2.0), rel=1e-12)


def test_a_negative_denominator_turns_nothing_around() -> None:
    one, other = Quotient(3.0, 2.0, 0.3, 0.1, 0.05), Quotient(-3.0, -2.0, 0.3, 0.1, 0.05)
    assert one.interval(1.5) == pytest.approx(other.interval(1.5), rel=1e-12)
