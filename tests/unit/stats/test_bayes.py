from math import exp, inf, log

import numpy as np
import pytest
from scipy import stats as reference
from scipy.special import betaln

from recsys.core.errors import ArgumentError
from recsys.stats import Moments, bayesian_effect, bayesian_means, bayesian_proportions, difference_in_means


def beats(a: int, b: float, c: float, d: float) -> float:
    """P(Beta(a, b) > Beta(c, d)) as Miller's (2014) finite sum over a whole number a."""
    return sum(exp(betaln(c + i, b + d) - log(b + i) - betaln(1 + i, b) - betaln(c, d)) for i in range(a))


@pytest.mark.parametrize("counts", [(3, 12, 9, 15), (120, 1000, 100, 1000), (40, 50, 300, 500), (0, 30, 0, 10)])
def test_probability_and_losses_are_the_finite_sums(counts: tuple[int, int, int, int]) -> None:
    s, n, r, m = counts
    a, b, c, d = 1 + s, 1 + n - s, 1 + r, 1 + m - r
    found = bayesian_proportions(*counts)
    assert found.probability_to_beat == pytest.approx(beats(a, b, c, d), rel=1e-9)
    # E max(p_c − p_t, 0) = E p_c · P(p_c' > p_t) − E p_t · P(p_c > p_t'), a success more in the one with the prime.
    lost = c / (c + d) * beats(c + 1, d, a, b) - a / (a + b) * beats(c, d, a + 1, b)
    won = a / (a + b) * beats(a + 1, b, c, d) - c / (c + d) * beats(a, b, c + 1, d)
    assert (found.loss_treatment, found.loss_control) == pytest.approx((lost, won), rel=1e-6, abs=1e-14)
    assert found.loss_control - found.loss_treatment == pytest.approx(found.estimate, rel=1e-9, abs=1e-15)


def test_the_credible_interval_is_that_of_draws() -> None:
    rng = np.random.default_rng(1)
    draws = rng.beta(13, 89, size=400_000) - rng.beta(8, 94, size=400_000)
    found = bayesian_proportions(12, 100, 7, 100)
    # Quantiles of 400,000 draws are good to about 0.0002.
    assert (found.ci_low, found.ci_high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=6e-4)
    assert (found.estimate, found.standard_deviation) == pytest.approx((draws.mean(), draws.std()), rel=0.01)


def test_jeffreys_prior_without_successes() -> None:
    from scipy.integrate import quad

    found = bayesian_proportions(0, 20, 0, 45, prior=(0.5, 0.5))
    left, right = reference.beta(0.5, 20.5), reference.beta(0.5, 45.5)
    expected = quad(lambda u: right.cdf(left.ppf(u)), 0, 1, limit=400)[0]
    assert found.probability_to_beat == pytest.approx(expected, rel=1e-6)


def test_large_counts_agree_with_the_normal_posterior() -> None:
    counts = (8279, 45489, 8502, 44700)
    exact = bayesian_proportions(*counts)
    shares = [counts[0] / counts[1], counts[2] / counts[3]]
    error = np.sqrt(sum(p * (1 - p) / n for p, n in zip(shares, counts[1::2], strict=True)))
    normal = bayesian_effect(shares[0] - shares[1], error)
    assert exact.ci_low == pytest.approx(normal.ci_low, rel=1e-3)
    assert exact.probability_to_beat == pytest.approx(normal.probability_to_beat, rel=0.02)


def test_credible_intervals_cover_averaged_over_the_prior() -> None:
    """That is what a credible interval promises."""
    rng = np.random.default_rng(2)
    inside = []
    for _ in range(400):
        p, q = rng.random(2)
        found = bayesian_proportions(int(rng.binomial(25, p)), 25, int(rng.binomial(40, q)), 40)
        inside.append(found.ci_low <= p - q <= found.ci_high)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.033)  # three standard errors of 400 draws
    truth = rng.normal(0.1, 0.5, size=4000)
    normal = [bayesian_effect(rng.normal(one, 0.8), 0.8, prior_mean=0.1, prior_deviation=0.5) for one in truth]
    covered = [one.ci_low <= t <= one.ci_high for one, t in zip(normal, truth, strict=True)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.0104)


def test_a_flat_prior_is_the_z_interval_and_a_prior_is_an_observation() -> None:
    found = bayesian_effect(0.3, 0.2)
    assert (found.ci_low, found.ci_high) == pytest.approx(reference.norm.interval(0.95, 0.3, 0.2), rel=1e-12)
    informed = bayesian_effect(0.3, 0.2, prior_mean=0.1, prior_deviation=0.1)
    assert informed.estimate == pytest.approx((0.3 / 0.04 + 0.1 / 0.01) / (1 / 0.04 + 1 / 0.01), rel=1e-12)
    x = np.linspace(-3, 3, 200_001)
    density = reference.norm.pdf(x, informed.estimate, informed.standard_deviation)
    assert informed.loss_treatment == pytest.approx(np.trapezoid(np.maximum(-x, 0) * density, x), rel=1e-6)
    assert informed.loss_control == pytest.approx(np.trapezoid(np.maximum(x, 0) * density, x), rel=1e-6)


def test_means_are_their_difference() -> None:
    rng = np.random.default_rng(3)
    treatment, control = Moments.of(rng.normal(size=90)), Moments.of(rng.normal(size=70))
    plain = difference_in_means(treatment, control)
    found = bayesian_means(treatment, control)
    assert (found.estimate, found.standard_deviation) == pytest.approx(
        (plain.estimate, plain.standard_error), rel=1e-12
    )
    assert bayesian_means(Moments.empty(1), control).status == "empty_arm"
    assert bayesian_effect(1.0, 0.0).status == "zero_variance"


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ArgumentError, match="successes"):
        bayesian_proportions(5, 4, 1, 2)
    with pytest.raises(ArgumentError, match="prior"):
        bayesian_proportions(1, 4, 1, 2, prior=(0.0, 1.0))
    for deviation in (0.0, -1.0, np.nan):
        with pytest.raises(ArgumentError, match="prior_deviation"):
            bayesian_effect(1.0, 1.0, prior_deviation=deviation)
    assert bayesian_effect(1.0, 1.0, prior_deviation=inf).status == "ok"
