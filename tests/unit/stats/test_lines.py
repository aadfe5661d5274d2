from __future__ import annotations

import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.stats import line_with_errors

# Pearson's data with York's weights (York 1966, table II).
X = [0.0, 0.9, 1.8, 2.6, 3.3, 4.4, 5.2, 6.1, 6.5, 7.4]
Y = [5.9, 5.4, 4.4, 4.6, 3.5, 3.7, 2.8, 2.8, 2.4, 1.5]
WX = np.array([1000.0, 1000, 500, 800, 200, 80, 60, 20, 1.8, 1])
WY = np.array([1.0, 1.8, 4, 8, 20, 20, 70, 70, 100, 500])


def test_the_published_line() -> None:
    found = line_with_errors(X, Y, WX**-0.5, WY**-0.5)
    # York et al. 2004: slope −0.480533407, intercept 5.47991022, S / (n − 2) = 1.4833. A minimum is found to the root
    # of the precision of what is minimised.
    assert found.slope == pytest.approx(-0.480533407, abs=2e-8)
    assert found.intercept == pytest.approx(5.47991022, abs=1e-7)
    assert found.scatter == pytest.approx(1.4833, abs=5e-5)
    # Their standard error is 0.058 before the scatter: t × error × √scatter is near the profile interval.
    assert found.ci_high - found.ci_low == pytest.approx(2 * 2.306 * 0.0579 * np.sqrt(1.4833), rel=0.03)


def test_units_do_not_matter() -> None:
    plain = line_with_errors(X, Y, WX**-0.5, WY**-0.5)
    scaled = line_with_errors(np.array(X) * 1e-6, np.array(Y) * 1e3, WX**-0.5 * 1e-6, WY**-0.5 * 1e3)
    assert scaled.slope == pytest.approx(plain.slope * 1e9, rel=1e-6)
    assert scaled.ci_low == pytest.approx(plain.ci_low * 1e9, rel=1e-6)


def test_without_errors_of_x_it_is_weighted_least_squares() -> None:
    found = line_with_errors(X, Y, np.zeros(10), WY**-0.5)
    slope, intercept = np.polyfit(X, Y, 1, w=WY**0.5)
    assert (found.slope, found.intercept) == pytest.approx((slope, intercept), rel=1e-6)


def test_coverage_where_plain_regression_fails() -> None:
    rng = np.random.default_rng(5)
    held, slopes, plain = 0, [], []
    for _ in range(1000):
        truth = rng.normal(0, 0.1, 20)
        sx, sy = rng.uniform(0.02, 0.06, 20), rng.uniform(0.01, 0.03, 20)
        x, y = truth + sx * rng.normal(size=20), truth + sy * rng.normal(size=20)
        found = line_with_errors(x, y, sx, sy)
        held += found.ci_low <= 1 <= found.ci_high
        slopes.append(found.slope)
        plain.append(np.polyfit(x, y, 1)[0])
    # max(1, scatter) and t rather than z err on the wide side; three standard errors of 1,000 trials are 0.02.
    assert 0.935 <= held / 1000 <= 0.99
    assert np.median(slopes) == pytest.approx(1, abs=0.02)
    assert np.median(plain) < 0.9


def test_coverage_where_errors_are_as_large_as_the_spread() -> None:
    rng = np.random.default_rng(6)
    held = 0
    for _ in range(400):
        truth, errors = rng.normal(0, 1, 60), rng.uniform(0.35, 1.05, (2, 60))
        x, y = truth + errors[0] * rng.normal(size=60), errors[1] * rng.normal(size=60)
        found = line_with_errors(x, y, *errors)
        held += found.ci_low <= 0 <= found.ci_high
    assert held / 400 > 0.91  # .865 by the likelihood alone; .95 less three standard errors is .917


def test_a_slope_that_the_points_leave_open() -> None:
    found = line_with_errors([0.0, 0.01, 0.02], [1.0, -1.0, 0.5], [1.0] * 3, [1.0] * 3)
    assert (found.status, found.ci_low, found.ci_high) == ("unbounded", -np.inf, np.inf)


def test_what_cannot_be_estimated() -> None:
    assert line_with_errors([1.0, 2.0], [1.0, 2.0], [1.0, 1.0], [1.0, 1.0]).status == "too_few"
    assert line_with_errors([1.0] * 3, [1.0, 2.0, 3.0], [1.0] * 3, [1.0] * 3).status == "zero_variance"
    with pytest.raises(ArgumentError, match="both 0"):
        line_with_errors([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [0.0] * 3, [0.0] * 3)
    with pytest.raises(ArgumentError, match="lengths"):
        line_with_errors([1.0, 2.0, 3.0], [1.0, 2.0], [1.0] * 3, [1.0] * 3)
