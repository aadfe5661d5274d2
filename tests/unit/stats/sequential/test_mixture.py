import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from recsys.core.errors import ArgumentError
from recsys.stats import asymptotic_sequence, msprt, running_intersection, running_pvalues
from recsys.stats.sequential.mixture import boundary, optimal_rho2


def test_the_evalue_is_the_mixture_of_likelihood_ratios() -> None:
    """Johari et al. 2022, equation (4): the likelihood ratio integrated over N(0, tau²)."""
    estimate, error, tau = 0.31, 0.14, 0.4

    def weighed(theta: float) -> float:
        return float(norm.pdf(estimate, theta, error) / norm.pdf(estimate, 0, error) * norm.pdf(theta, 0, tau))

    expected = 1 / quad(weighed, -4, 4, epsabs=1e-13, points=[0, 0.3])[0]
    assert msprt(estimate, error, 50, tau=tau).pvalue == pytest.approx(expected, rel=1e-9)


def test_the_formula_of_the_paper() -> None:
    """Waudby-Smith et al. 2024, theorem 2.2, as printed."""
    n, alpha, error, optimal_at = 3000, 0.1, 0.02, 1000
    rho2 = optimal_rho2(0.9, optimal_at)
    sigma = error * np.sqrt(n)
    half = sigma * np.sqrt(2 * (n * rho2 + 1) / (n**2 * rho2) * np.log(np.sqrt(n * rho2 + 1) / alpha))
    found = asymptotic_sequence(0.3, error, n, optimal_at=optimal_at, confidence=0.9)
    assert (found.ci_low, found.ci_high) == pytest.approx((0.3 - half, 0.3 + half), rel=1e-12)


def test_it_is_narrowest_where_it_was_told_to() -> None:
    best = minimize_scalar(lambda rho2: float(boundary(500 * rho2, 0.95)), bounds=(1e-4, 1), options={"xatol": 1e-9})
    assert optimal_rho2(0.95, 500) == pytest.approx(best.x, rel=1e-4)


@pytest.mark.parametrize("estimate", [-0.4, 0.0, 0.29, 0.31, 0.5])
def test_pvalue_and_interval_agree(estimate: float) -> None:
    for found in (msprt(estimate, 0.1, 900, tau=0.3), asymptotic_sequence(estimate, 0.1, 900, optimal_at=900)):
        assert (found.pvalue < 0.05) == (found.ci_low > 0 or found.ci_high < 0)


def test_what_cannot_be_estimated_says_so() -> None:
    assert asymptotic_sequence(0.5, 0.0, 900, optimal_at=900).status == "zero_variance"
    assert msprt(np.nan, np.nan, 0, tau=1).status == "too_few"
    early = asymptotic_sequence(0.5, 0.1, 150, optimal_at=900)
    assert (early.status, early.pvalue, early.ci_high) == ("burn_in", 1.0, np.inf)


def test_a_far_tail_is_no_zero() -> None:
    assert 0 < msprt(2.0, 0.1, 900, tau=0.3).pvalue < 1e-70


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(ArgumentError, match="tau"):
        msprt(0.5, 0.1, 900, tau=0)
    with pytest.raises(ArgumentError, match="finite"):
        msprt(0.5, -0.1, 900, tau=1)
    with pytest.raises(ArgumentError, match="vectors"):
        running_intersection([1.0], [1.0, 2.0])


def test_running_values() -> None:
    assert running_pvalues([np.nan, 0.5, 0.7]).tolist()[1:] == [0.5, 0.5]
    low, high = running_intersection([-np.inf, 0.0, 0.5], [np.inf, 0.4, 1.0])
    assert low[-1] > high[-1]  # empty: the effect has moved


def looks_of(rng: np.random.Generator, rows: int, effect: float, skew: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return estimates and standard errors (rows, 100): a look after every 20 units of each arm, from 200 in all on."""
    n = np.arange(1, 101) * 20.0

    def arm(shift: float) -> tuple[np.ndarray, np.ndarray]:
        values = rng.exponential(size=(rows, 2000)) if skew else rng.normal(size=(rows, 2000))
        values += shift
        total, squares = values.cumsum(axis=1)[:, 19::20], np.square(values).cumsum(axis=1)[:, 19::20]
        return total / n, (squares - total**2 / n) / (n - 1) / n

    (treated, treated_error), (control, control_error) = arm(effect), arm(0.0)
    return treated - control, np.sqrt(treated_error + control_error)


@pytest.mark.parametrize("skew", [False, True])
def test_coverage_at_all_looks_at_once(skew: bool) -> None:
    """At least 95 % less three standard errors over all looks from the burn-in on; the t interval misses far more."""
    rng, n, effect, missed, naive = np.random.default_rng(5), np.arange(1, 101) * 40.0, 0.2, 0, 0
    rows = 500
    for _ in range(4):
        estimate, error = looks_of(rng, rows, effect, skew)
        away = np.abs(estimate - effect) / error
        late = n >= 200
        missed += int((away > boundary(n * optimal_rho2(0.95, 2000), 0.95))[:, late].any(axis=1).sum())
        naive += int((away > 1.96)[:, late].any(axis=1).sum())
    assert missed / 2000 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)
    assert naive / 2000 > 0.2


def test_msprt_holds_from_the_first_look() -> None:
    rng = np.random.default_rng(6)
    error = np.sqrt(2 / np.arange(1, 101))
    z = rng.normal(size=(10_000, 100)).cumsum(axis=1) / np.sqrt(np.arange(1, 101))
    missed = (np.abs(z) > boundary((0.5 / error) ** 2, 0.95)).any(axis=1).mean()
    assert 0.005 < missed < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 10_000)
