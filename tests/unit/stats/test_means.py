import numpy as np
import pytest
from scipy import stats as reference

from recsys.core.errors import ArgumentError
from recsys.stats import bootstrap_interval, mean_interval


def test_mean_interval_is_that_of_student() -> None:
    values = np.random.default_rng(1).gamma(2, size=23)
    found = mean_interval(values, confidence=0.9)
    expected = reference.t.interval(0.9, 22, loc=values.mean(), scale=reference.sem(values))
    assert (found.ci_low, found.ci_high) == pytest.approx(expected, rel=1e-12)
    assert (found.n, found.status) == (23, "ok")


def test_a_mean_of_1e8_keeps_its_variance() -> None:
    values = np.random.default_rng(2).normal(size=500)
    assert mean_interval(values + 1e8).standard_error == pytest.approx(mean_interval(values).standard_error, rel=1e-6)


def test_mean_interval_covers() -> None:
    rng = np.random.default_rng(3)
    found = [mean_interval(sample) for sample in rng.normal(0.5, 2, size=(2000, 8))]
    assert np.mean([one.ci_low <= 0.5 <= one.ci_high for one in found]) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(("values", "status"), [([], "too_few"), ([3.0], "too_few"), ([0.1] * 9, "zero_variance")])
def test_what_cannot_be_estimated_says_so(values: list[float], status: str) -> None:
    for found in (mean_interval(values), bootstrap_interval(values)):
        assert found.status == status
        assert np.isnan(found.ci_low)


@pytest.mark.parametrize("values", [[1.0, np.nan], [np.inf, 1.0], [[1.0], [2.0]], ["a"]])
def test_values_that_are_no_sample_are_refused(values: list[float]) -> None:
    with pytest.raises(ArgumentError, match="values"):
        mean_interval(values)


def test_bootstrap_covers_a_median_and_repeats_itself() -> None:
    rng = np.random.default_rng(4)
    found = [bootstrap_interval(sample, np.median, resamples=200, seed=1) for sample in rng.normal(size=(300, 40))]
    assert np.mean([one.ci_low <= 0 <= one.ci_high for one in found]) == pytest.approx(0.95, abs=0.04)
    assert bootstrap_interval(range(9), seed=5) == bootstrap_interval(range(9), seed=5)


def test_bootstrap_of_a_mean_agrees_with_student() -> None:
    values = np.random.default_rng(5).normal(size=400)
    student, found = mean_interval(values), bootstrap_interval(values)
    assert found.standard_error == pytest.approx(student.standard_error, rel=0.06)
    assert (found.ci_low, found.ci_high) == pytest.approx((student.ci_low, student.ci_high), abs=0.02)
