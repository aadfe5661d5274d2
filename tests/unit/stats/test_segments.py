import numpy as np
import pytest
from statsmodels.stats.oneway import anova_oneway

from recsys.core.errors import ArgumentError
from recsys.stats import segment_interaction


def test_it_is_welchs_anova() -> None:
    rng = np.random.default_rng(1)
    groups = [rng.normal(mean, spread, size) for mean, spread, size in [(0, 1, 20), (0.5, 3, 35), (0.2, 0.5, 9)]]
    found = segment_interaction(np.concatenate(groups), np.repeat(["x", "y", "z"], [20, 35, 9]))
    expected = anova_oneway(groups, use_var="unequal", welch_correction=True)
    assert (found.statistic, found.pvalue) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)


def test_error_rate_with_unequal_variances() -> None:
    rng = np.random.default_rng(2)
    spread, labels = np.repeat([1.0, 4.0, 0.3], [10, 25, 40]), np.repeat([0, 1, 2], [10, 25, 40])
    rejected = [segment_interaction(rng.normal(0.3, spread), labels).pvalue <= 0.05 for _ in range(1500)]
    assert np.mean(rejected) == pytest.approx(0.05, abs=0.018)


def test_segments_that_tell_nothing_are_named() -> None:
    found = segment_interaction([1.0, 2.0, 4.0, 5.0, 7.0, 3.0, 3.0], ["a", "a", "b", "b", "c", "d", "d"])
    assert (found.segments, found.left_out, found.n, found.status) == (("a", "b"), ("c", "d"), 4, "ok")
    assert segment_interaction([1.0, 2.0], ["a", "a"]).status == "too_few"


def test_every_unit_needs_a_segment() -> None:
    with pytest.raises(ArgumentError, match="1 segments for 2"):
        segment_interaction([1.0, 2.0], ["a"])
