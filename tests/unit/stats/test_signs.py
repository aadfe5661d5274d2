"""The sign test against scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.stats import sign_test


@pytest.mark.parametrize(("wins", "losses"), [(9, 1), (0, 5), (5, 0), (50, 50), (700, 580), (1, 0)])
def test_equals_scipy_and_statsmodels(wins, losses):
    from scipy.stats import binomtest
    from statsmodels.stats.proportion import proportion_confint

    found, wanted = sign_test(wins, losses, 3), binomtest(wins, wins + losses)
    assert found.pvalue == pytest.approx(wanted.pvalue, rel=1e-9)
    low, high = proportion_confint(wins, wins + losses, method="beta")
    assert (found.ci_low, found.ci_high) == pytest.approx((low, high), rel=1e-9, nan_ok=False)


def test_far_tail_is_not_zero():
    assert 0 < sign_test(1000, 0).pvalue == pytest.approx(2.0**-999, rel=1e-9)


def test_error_rate_and_coverage_are_guaranteed():
    rng = np.random.default_rng(5)
    wins = rng.binomial(25, 0.5, 4000)
    table = [sign_test(w, 25 - w) for w in range(26)]
    assert np.mean([table[w].pvalue <= 0.05 for w in wins]) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)
    skewed = rng.binomial(25, 0.8, 4000)
    covered = np.mean([table[w].ci_low <= 0.8 <= table[w].ci_high for w in skewed])
    assert covered >= 0.95 - 3 * np.sqrt(0.05 * 0.95 / 4000)


def test_nobody_and_nonsense():
    assert sign_test(0, 0, 4).status == "too_few"
    with pytest.raises(ArgumentError):
        sign_test(-1, 2)
