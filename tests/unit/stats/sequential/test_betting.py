import numpy as np
import pytest
from scipy.special import betaln
from scipy.stats import binom

from recsys.core.errors import ArgumentError
from recsys.stats import (
    asymptotic_sequence,
    bounded_mean_sequence,
    proportion_difference_sequence,
    proportion_difference_sequences,
    proportion_sequence,
)
from recsys.stats.sequential import betting
from recsys.stats.sequential.betting import (
    log_capital,
    log_wealth,
    log_wealth_of_difference,
    plug_in_bets,
    prior_strength,
)


def three_errors(rows: int) -> float:
    return 0.05 + 3 * np.sqrt(0.05 * 0.95 / rows)


def test_the_wealth_is_the_beta_mixture_of_likelihood_ratios() -> None:
    s, n, p, strength = 37, 120, 0.27, 15.0
    marginal = betaln(strength * p + s, strength * (1 - p) + n - s) - betaln(strength * p, strength * (1 - p))
    expected = marginal - s * np.log(p) - (n - s) * np.log(1 - p)
    assert log_wealth(s, n, p, strength) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("p", [0.003, 0.2, 0.5])
def test_the_wealth_is_fair(p: float) -> None:
    """Its mean over all outcomes is 1 under p: the definition of an e-value, exactly."""
    n = 150
    s = np.arange(n + 1)
    assert np.exp(log_wealth(s, n, p, 12.0) + binom.logpmf(s, n, p)).sum() == pytest.approx(1, abs=1e-10)


@pytest.mark.parametrize("p", [0.02, 0.3])
def test_one_proportion_at_100_looks_at_once(p: float) -> None:
    rng, n = np.random.default_rng(1), np.arange(1, 101) * 30
    s = rng.binomial(30, p, size=(20_000, 100)).cumsum(axis=1)
    missed = (log_wealth(s, n, p, prior_strength(1500, 0.0025)) >= np.log(20)).any(axis=1).mean()
    assert 0.005 < missed < three_errors(20_000)


def test_interval_of_a_proportion_holds_what_the_wealth_says() -> None:
    found = proportion_sequence(19, 1000, optimal_at=1000)
    strength = prior_strength(1000, 0.0025)
    for end in (found.ci_low, found.ci_high):
        assert log_wealth(19, 1000, end, strength) == pytest.approx(np.log(20), abs=1e-6)
    assert (proportion_sequence(0, 50, optimal_at=50).ci_low, proportion_sequence(50, 50, optimal_at=50).ci_high) == (
        0,
        1,
    )


@pytest.mark.parametrize(("control", "treated"), [(0.01, 0.012), (0.3, 0.36)])
def test_difference_of_proportions_at_100_looks_at_once(control: float, treated: float) -> None:
    """Profiled over the nuisance: the difference is missed at any of 100 looks in at most 5 % of the runs."""
    rng, rows, n = np.random.default_rng(2), 1000, np.arange(1, 101) * 25
    s0 = rng.binomial(25, control, size=(rows, 100)).cumsum(axis=1)
    s1 = rng.binomial(25, treated, size=(rows, 100)).cumsum(axis=1)
    strength = prior_strength(1000, 0.05)
    true = np.full((rows, 100), treated - control)
    missed = (log_wealth_of_difference(s1, n, s0, n, true, (strength, strength)) >= np.log(20)).any(axis=1).mean()
    assert missed < three_errors(rows)


def test_interval_and_pvalue_of_a_difference_agree() -> None:
    for treated in (190, 215, 243, 247, 250, 300):
        found = proportion_difference_sequence(treated, 1000, 190, 1000, optimal_at=2000)
        assert (found.pvalue < 0.05) == (found.ci_low > 0 or found.ci_high < 0)
        assert found.ci_low < found.estimate < found.ci_high


def test_swapped_arms_swap_the_interval() -> None:
    one = proportion_difference_sequence(30, 400, 18, 350, optimal_at=600, share=0.6)
    two = proportion_difference_sequence(18, 350, 30, 400, optimal_at=600, share=0.4)
    assert (one.ci_low, one.ci_high) == pytest.approx((-two.ci_high, -two.ci_low), abs=1e-8)


def test_the_guarantee_costs_an_eighth_of_the_width() -> None:
    error = np.sqrt((0.26 * 0.74 + 0.19 * 0.81) / 10_000)
    found = proportion_difference_sequence(2600, 10_000, 1900, 10_000, optimal_at=20_000)
    other = asymptotic_sequence(0.07, error, 20_000, optimal_at=20_000)
    assert (found.ci_high - found.ci_low) / (other.ci_high - other.ci_low) == pytest.approx(1.12, abs=0.02)


def test_the_hedged_capital_by_the_letter() -> None:
    values, confidence, mean = np.array([0.2, 0.9, 0.4, 1.0, 0.1]), 0.9, 0.3
    bets, capital, total, squares = [], 1.0, 0.5, 0.25
    variance = 0.25
    for t, value in enumerate(values, 1):
        bets.append(np.sqrt(2 * np.log(2 / 0.1) / (variance * t * np.log(t + 1))))
        capital *= 1 + min(bets[-1], 0.5 / mean) * (value - mean)
        total += value
        squares += (value - total / (t + 1)) ** 2
        variance = squares / (t + 1)
    np.testing.assert_allclose(plug_in_bets(values, confidence), bets, rtol=1e-12)
    assert log_capital(values, np.asarray(bets), mean, 1).sum() == pytest.approx(np.log(capital), rel=1e-12)


def test_bounded_means_at_100_looks_at_once() -> None:
    """Values of 0 nearly always and 1 rarely, where normal intervals fail most."""
    rng, rows, mean = np.random.default_rng(3), 4000, 0.02
    values = (rng.random((rows, 1000)) < mean).astype(np.float64)
    bets = plug_in_bets(values, 0.95)
    capital = [log_capital(values, bets, mean, side).cumsum(axis=1)[:, 9::10] for side in (1, -1)]
    missed = (np.maximum(*capital) >= np.log(40)).any(axis=1).mean()
    assert missed < three_errors(rows)


def test_bounded_interval_in_other_units_and_at_several_looks() -> None:
    values = np.random.default_rng(4).beta(2, 5, size=800)
    found = bounded_mean_sequence(values, looks=[0, 1, 200, 800])
    other = bounded_mean_sequence(10 * values - 5, low=-5, high=5, looks=[800])[0]
    assert [one.status for one in found] == ["too_few", "ok", "ok", "ok"]
    assert (found[1].ci_low, found[1].ci_high) == (0, 1)  # one value says nothing
    assert (other.ci_low, other.ci_high) == pytest.approx((10 * found[-1].ci_low - 5, 10 * found[-1].ci_high - 5))
    assert found[-1].ci_low < values.mean() < found[-1].ci_high


def test_impossible_numbers_are_refused() -> None:
    with pytest.raises(ArgumentError, match="successes is 5 of 4"):
        proportion_sequence(5, 4, optimal_at=10)
    with pytest.raises(ArgumentError, match="outside the bounds"):
        bounded_mean_sequence([0.5, 1.5])
    with pytest.raises(ArgumentError, match="look"):
        bounded_mean_sequence([0.5], looks=[2])
    assert proportion_difference_sequence(0, 0, 1, 2, optimal_at=9).status == "too_few"


def test_looks_at_once_are_the_bounds_against_which_the_wealth_is_at_its_limit() -> None:
    rng, n = np.random.default_rng(5), np.array([3, 40, 700, 9000, 9000])
    treated, control = rng.binomial(n, 0.3), rng.binomial(n, 0.2)
    treated[-1], control[-1] = n[-1], 0  # the largest difference there is
    found = proportion_difference_sequences(treated, n, control, n, optimal_at=2000, share=0.4)
    strengths = (prior_strength(800, 0.05), prior_strength(1200, 0.05))
    for look, *counts in zip(found, treated, n, control, n, strict=True):
        for bound in (look.ci_low, look.ci_high):
            if -0.999 < bound < 0.999:
                wealth = log_wealth_of_difference(*counts, np.array([bound]), strengths)[0]
                assert wealth == pytest.approx(np.log(20), abs=1e-5)  # the bound is exact to 1e-10, times the slope
    assert found[-1].ci_high == 1
    assert found[2] == proportion_difference_sequence(
        int(treated[2]), 700, int(control[2]), 700, optimal_at=2000, share=0.4
    )


def test_many_looks_at_once_share_their_evaluations(monkeypatch: pytest.MonkeyPatch) -> None:
    """90 looks cost about as many evaluations of the wealth as one: one by one they took 90 ms each."""
    calls = []

    def counted(*arguments):
        calls.append(1)
        return log_wealth_of_difference(*arguments)

    monkeypatch.setattr(betting, "log_wealth_of_difference", counted)
    n = np.arange(1, 91) * 200
    proportion_difference_sequences(n * 26 // 100, n, n // 5, n, optimal_at=18_000)
    assert len(calls) < 60
