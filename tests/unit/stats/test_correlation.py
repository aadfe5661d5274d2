from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from recsys.stats import rank_correlation


def test_scipy_agrees() -> None:
    rng = np.random.default_rng(1)
    x = rng.integers(0, 8, 30).astype(float)
    y = x + rng.normal(0, 3, 30)
    assert rank_correlation(x, y).estimate == pytest.approx(float(spearmanr(x, y).statistic), rel=1e-12)


def test_coverage() -> None:
    rng = np.random.default_rng(2)
    rho = 0.6
    truth = 6 / np.pi * np.arcsin(rho / 2)  # Spearman's of a normal pair
    held = 0
    for _ in range(2000):
        x = rng.normal(size=25)
        found = rank_correlation(x, rho * x + np.sqrt(1 - rho**2) * rng.normal(size=25))
        held += found.ci_low <= truth <= found.ci_high
    assert 0.935 <= held / 2000 <= 0.97


def test_perfect_order_still_has_an_interval() -> None:
    found = rank_correlation([1, 2, 3, 4, 5, 6], [2, 3, 5, 7, 11, 13])
    assert (found.estimate, found.ci_high) == (1, 1)
    assert found.ci_low < 1


def test_what_cannot_be_estimated() -> None:
    assert rank_correlation([1, 2, 3], [1, 2, 3]).status == "too_few"
    assert rank_correlation([1, 1, 1, 1], [1, 2, 3, 4]).status == "zero_variance"
