"""What every comparison of two arms keeps: symmetry, scale, nested intervals, refusal of NaN, statuses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from recsys import stats
from recsys.core.errors import ArgumentError
from recsys.stats import Moments, TwoSample

Compare = Callable[..., TwoSample]


def means(x: np.ndarray, y: np.ndarray, **more: object) -> TwoSample:
    return stats.difference_in_means(Moments.of(x[:, 0]), Moments.of(y[:, 0]), **more)


def strata(x: np.ndarray, y: np.ndarray, **more: object) -> TwoSample:
    halves = ([Moments.of(part[:, 0]) for part in np.array_split(one, 2)] for one in (x, y))
    return stats.difference_in_means(*halves, **more)


def ratios(x: np.ndarray, y: np.ndarray, **more: object) -> TwoSample:
    return stats.difference_in_ratios(Moments.of(x[:, :2]), Moments.of(y[:, :2]), **more)


def cuped(x: np.ndarray, y: np.ndarray, **more: object) -> TwoSample:
    return stats.adjusted_difference(Moments.of(x), Moments.of(y), outcome=0, covariates=[2], **more).effect


def cuped_ratio(x: np.ndarray, y: np.ndarray, **more: object) -> TwoSample:
    return stats.adjusted_difference(Moments.of(x), Moments.of(y), outcome=(0, 1), covariates=[2], **more).effect


def clusters(x: np.ndarray, y: np.ndarray, **more: object) -> TwoSample:
    treated = np.repeat([True, False], [len(x), len(y)])
    return stats.cluster_difference(np.r_[x[:, 0], y[:, 0]], treated, np.r_[x[:, 3], -1 - y[:, 3]], **more)


def regression(x: np.ndarray, y: np.ndarray, **more: object) -> TwoSample:
    treated = np.repeat([True, False], [len(x), len(y)])
    return stats.regression_adjusted(np.r_[x[:, 0], y[:, 0]], treated, np.r_[x[:, 2], y[:, 2]], **more).effect


def regression_cr2(x: np.ndarray, y: np.ndarray, **more: object) -> TwoSample:
    treated, labels = np.repeat([True, False], [len(x), len(y)]), np.r_[x[:, 3], y[:, 3]]
    return stats.regression_adjusted(
        np.r_[x[:, 0], y[:, 0]], treated, np.r_[x[:, 2], y[:, 2]], clusters=labels, **more
    ).effect


def quantiles(x: np.ndarray, y: np.ndarray, **more: object) -> TwoSample:
    return stats.difference_in_quantiles(x[:, 0], y[:, 0], 0.6, **more)


EVERY = [means, strata, ratios, cuped, cuped_ratio, clusters, regression, regression_cr2, quantiles]
every = pytest.mark.parametrize("compare", EVERY, ids=lambda one: one.__name__)


def samples(seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Columns: outcome, denominator, covariate, cluster."""
    rng = np.random.default_rng(seed)
    found = []
    for n, at in ((90, 3.0), (70, 2.5)):
        before = rng.gamma(2, size=n)
        columns = [at + before + rng.normal(size=n), 4 + rng.gamma(2, size=n), before, np.arange(n) % 12]
        found.append(np.column_stack(columns))
    return found[0], found[1]


@every
def test_arms_exchanged_turn_the_sign(compare: Compare) -> None:
    x, y = samples()
    one, other = compare(x, y), compare(y, x)
    assert one.status == other.status == "ok"
    assert (one.estimate, one.ci_low, one.ci_high) == pytest.approx((-other.estimate, -other.ci_high, -other.ci_low))
    assert (one.pvalue, one.standard_error) == pytest.approx((other.pvalue, other.standard_error))
    assert (one.treatment, one.n_treatment) == (pytest.approx(other.control), other.n_control)


@every
def test_a_scale_of_the_outcome_is_the_scale_of_the_difference(compare: Compare) -> None:
    x, y = samples(2)
    scale = np.array([1e-6, 1, 1, 1])
    one, other = compare(x, y), compare(x * scale, y * scale)
    assert (other.estimate, other.ci_low) == pytest.approx((one.estimate * 1e-6, one.ci_low * 1e-6))
    assert other.pvalue == pytest.approx(one.pvalue)
    relative = compare(x, y, relative=True), compare(x * scale, y * scale, relative=True)
    assert relative[0].ci_high == pytest.approx(relative[1].ci_high)


@every
def test_more_confidence_is_a_wider_interval_around_the_same_estimate(compare: Compare) -> None:
    x, y = samples(3)
    for relative in (False, True):
        narrow, wide = (compare(x, y, relative=relative, confidence=level) for level in (0.8, 0.99))
        assert narrow.estimate == wide.estimate
        assert wide.ci_low < narrow.ci_low <= narrow.estimate <= narrow.ci_high < wide.ci_high


@every
def test_absolute_and_relative_agree_with_the_test(compare: Compare) -> None:
    for seed in range(4, 24):
        x, y = samples(seed)
        absolute, relative = compare(x, y), compare(x, y, relative=True)
        assert relative.estimate == pytest.approx(absolute.estimate / absolute.control)
        assert relative.pvalue == absolute.pvalue
        rejected = [not one.ci_low <= 0 <= one.ci_high for one in (absolute, relative)]
        assert rejected == [absolute.pvalue < 0.05] * 2


@pytest.mark.parametrize("compare", [one for one in EVERY if one is not strata])  # these are made of the order here
def test_the_order_of_rows_changes_nothing_but_rounding(compare: Compare) -> None:
    x, y = samples(25)
    rng = np.random.default_rng(1)
    one, other = compare(x, y), compare(rng.permutation(x), rng.permutation(y))
    assert one[:9] == pytest.approx(other[:9], rel=1e-10)


@every
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_refused(compare: Compare, bad: float) -> None:
    x, y = samples(26)
    x[3, 0] = bad
    with pytest.raises(ArgumentError, match="NaN or infinite"):
        compare(x, y)


@every
def test_an_arm_without_units_or_with_one_says_so(compare: Compare) -> None:
    x, y = samples(27)
    for relative in (False, True):
        for few, status in ((0, "empty_arm"), (1, "too_few")):
            for found in (compare(x[:few], y, relative=relative), compare(x, y[:few], relative=relative)):
                assert found.status == status
                assert np.isnan([found.pvalue, found.ci_low, found.ci_high, found.standard_error]).all()
