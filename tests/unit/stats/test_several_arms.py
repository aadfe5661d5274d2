import numpy as np
import pytest
from scipy import stats as reference

from recsys.core.errors import ArgumentError
from recsys.stats import dunnett
from recsys.stats.several_arms import critical_value, exceedance

EQUAL = 0.5**0.5


@pytest.mark.parametrize(
    ("arms", "df", "published"),
    [  # Dunnett (1964), two-sided .05, equal sizes
        (2, np.inf, 2.21),
        (3, np.inf, 2.35),
        (5, np.inf, 2.51),
        (2, 10, 2.57),
        (3, 10, 2.76),
        (9, 20, 2.95),
    ],
)
def test_published_critical_values(arms: int, df: float, published: float) -> None:
    assert critical_value(0.95, np.full(arms, EQUAL), df) == pytest.approx(published, abs=0.0051)


def test_it_is_that_of_scipy() -> None:
    """scipy integrates by randomised quasi-Monte Carlo: three or four digits."""
    rng = np.random.default_rng(1)
    control, arms = rng.normal(0, 1, 20), [rng.normal(shift, 1, n) for shift, n in [(0.4, 12), (0.8, 25)]]
    expected = reference.dunnett(*arms, control=control, random_state=1)
    df = len(control) + sum(map(len, arms)) - 3
    pooled = sum(((group - group.mean()) ** 2).sum() for group in [control, *arms]) / df
    errors = [np.sqrt(pooled * (1 / len(arm) + 1 / len(control))) for arm in arms]
    found = dunnett([arm.mean() - control.mean() for arm in arms], errors, np.sqrt(pooled / len(control)), df=df)
    np.testing.assert_allclose(found.pvalues, expected.pvalue, atol=5e-4)
    interval = expected.confidence_interval()
    np.testing.assert_allclose(found.ci_low, interval.low, atol=5e-3)
    np.testing.assert_allclose(found.ci_high, interval.high, atol=5e-3)


@pytest.mark.parametrize("df", [5.0, 30.0, np.inf])
@pytest.mark.parametrize("statistic", [0.3, 2.0, 4.0, 12.0])
def test_one_arm_is_students_test_also_in_the_far_tail(df: float, statistic: float) -> None:
    assert exceedance(statistic, np.array([0.6]), df) == pytest.approx(2 * reference.t.sf(statistic, df), rel=1e-6)


def test_without_a_shared_control_the_arms_are_independent() -> None:
    assert exceedance(2.5, np.zeros(3)) == pytest.approx(1 - (1 - 2 * reference.norm.sf(2.5)) ** 3, rel=1e-9)


def test_false_alarms_and_simultaneous_coverage() -> None:
    rng, rows, n = np.random.default_rng(2), 20_000, np.array([0.4, 0.3, 0.2, 0.1])
    means = rng.normal(size=(rows, 4)) / np.sqrt(n)
    errors = np.sqrt(1 / n[0] + 1 / n[1:])
    z = (means[:, 1:] - means[:, :1]) / errors
    critical = dunnett(np.zeros(3), errors, 1 / np.sqrt(n[0])).critical
    assert (np.abs(z).max(axis=1) >= critical).mean() == pytest.approx(0.05, abs=0.0047)  # 3 standard errors


def test_what_was_not_compared_does_not_count() -> None:
    found, two = dunnett([0.5, np.nan, 0.2], [0.2, 0.2, 0.2], 0.14), dunnett([0.5, 0.2], [0.2, 0.2], 0.14)
    assert found.pvalues[[0, 2]].tolist() == two.pvalues.tolist()
    assert np.isnan(found.pvalues[1])
    assert np.isnan(found.ci_low[1])
    assert dunnett([0.5], [0.0], 0.1).status == "too_few"


def test_numbers_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ArgumentError, match="shapes"):
        dunnett([0.5], [0.1, 0.1], 0.05)
    with pytest.raises(ArgumentError, match="control_error"):
        dunnett([0.5], [0.1], 0.2)
