import numpy as np
import pytest

from recsys.stats import relative_effect


def arms(rng: np.random.Generator, n: int, control_mean: float, lift: float) -> tuple[np.ndarray, np.ndarray]:
    shared, left, right = rng.normal(size=(3, n))
    return control_mean * (1 + lift) + shared + left, control_mean + shared + right


@pytest.mark.parametrize(("control_mean", "method"), [(3.0, "delta"), (0.7, "Fieller")])
def test_interval_covers(control_mean: float, method: str) -> None:
    rng = np.random.default_rng(1)
    found = [relative_effect(*arms(rng, 100, control_mean, 0.1)) for _ in range(2000)]
    assert np.mean([one.method == method for one in found]) > 0.9
    assert np.mean([one.ci_low <= 0.1 <= one.ci_high for one in found]) == pytest.approx(0.95, abs=0.015)


def test_delta_standard_error_is_that_of_the_bootstrap() -> None:
    treatment, control = arms(np.random.default_rng(2), 400, 5.0, 0.2)
    rng = np.random.default_rng(3)
    places = rng.integers(400, size=(4000, 400))
    ratios = treatment[places].mean(axis=1) / control[places].mean(axis=1)
    assert relative_effect(treatment, control).standard_error == pytest.approx(ratios.std(), rel=0.05)


def test_fieller_bounds_are_the_ratios_just_rejected() -> None:
    treatment, control = arms(np.random.default_rng(4), 60, 0.8, 0.3)
    found = relative_effect(treatment, control)
    assert found.method == "Fieller"
    from scipy import stats

    for bound in (found.ci_low, found.ci_high):
        assert stats.ttest_rel(treatment, (1 + bound) * control).pvalue == pytest.approx(0.05, rel=1e-6)


def test_a_scale_changes_nothing() -> None:
    treatment, control = arms(np.random.default_rng(5), 50, 4.0, 0.1)
    one, other = relative_effect(treatment, control), relative_effect(treatment * 1e-9, control * 1e-9)
    assert (one.estimate, one.ci_low) == pytest.approx((other.estimate, other.ci_low), rel=1e-9)


def test_statuses() -> None:
    assert relative_effect([1], [1]).status == "too_few"
    assert relative_effect([1, 2], [1, -1]).status == "zero_denominator"
    assert relative_effect([0, 0, 0], [0, 0, 0]).status == "zero_denominator"
    assert relative_effect([1, 2, 3], [1, 2, 3]).status == "zero_variance"
    found = relative_effect([1.0, 2.0, 3.0], [3.0, -3.0, 0.3])
    assert (found.status, found.ci_low, found.ci_high) == ("unbounded", -np.inf, np.inf)
