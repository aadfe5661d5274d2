import numpy as np
import pytest
from scipy import stats as reference
from statsmodels.stats.power import NormalIndPower, TTestIndPower
from statsmodels.stats.proportion import power_proportions_2indep

from recsys.core.errors import ArgumentError, NotEstimableError
from recsys.stats import GroupSequential
from recsys.stats.power import Baseline, PowerDesign, achieved_power, detectable_effect, sample_size

MEAN = Baseline.of_mean(10, 4)
LOOKS = (0.25, 0.5, 0.75, 1.0)


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize(("n", "ratio"), [(30, 1.0), (200, 1.0), (90, 3.0)])
def test_means_are_those_of_statsmodels(n: int, ratio: float, sides: int) -> None:
    alternative, weights = ("larger" if sides == 1 else "two-sided"), (1.0, ratio)
    for test, solver in (("t", TTestIndPower()), ("z", NormalIndPower())):
        design = PowerDesign(weights, sides=sides, test=test)
        expected = solver.power(0.6 / 4, n, 0.05, ratio=ratio, alternative=alternative)
        assert achieved_power(MEAN, 0.6, n * (1 + ratio), design=design) == pytest.approx(expected, rel=1e-6)


def test_sample_size_and_detectable_effect_are_those_of_statsmodels() -> None:
    expected = 2 * TTestIndPower().solve_power(0.125, None, 0.05, 0.9)
    assert sample_size(MEAN, 0.5, power=0.9, design=PowerDesign(test="t")) == np.ceil(expected)
    effect = NormalIndPower().solve_power(None, 500, 0.05, 0.8)
    assert detectable_effect(MEAN, 1000) == pytest.approx(effect * 4, rel=1e-6)


def test_proportions_are_those_of_statsmodels_but_for_the_variance_of_the_null() -> None:
    """Theirs takes the pooled variance under the null: the same to the third digit when the shares are near."""
    expected = power_proportions_2indep(0.02, 0.2, 6000, alternative="two-sided").power
    assert achieved_power(Baseline.of_proportion(0.2), 0.02, 12_000) == pytest.approx(expected, abs=1e-3)


def test_the_answers_agree_with_each_other() -> None:
    for baseline, effect in (
        (MEAN, 0.4),
        (Baseline.of_proportion(0.1), 0.01),
        (Baseline.of_proportion(0.9, rho=0.3), 0.02),
    ):
        for design in (PowerDesign(), PowerDesign((0.6, 0.2, 0.2)), PowerDesign(fractions=LOOKS)):
            n = sample_size(baseline, effect, design=design)
            assert (
                achieved_power(baseline, effect, n, design=design)
                >= 0.8
                > achieved_power(baseline, effect, n - 1, design=design)
            )
            assert detectable_effect(baseline, n, design=design) == pytest.approx(effect, rel=1e-3)


def test_cuped_takes_rho_squared_off() -> None:
    assert sample_size(Baseline.of_mean(10, 4, rho=0.8), 0.1) / sample_size(MEAN, 0.1) == pytest.approx(0.36, rel=1e-4)


def test_group_sequential_designs_take_their_inflation_factor() -> None:
    design = PowerDesign(fractions=LOOKS, rule="pocock")
    found = sample_size(MEAN, 0.05, power=0.9, design=design) / sample_size(MEAN, 0.05, power=0.9)
    assert found == pytest.approx(GroupSequential(LOOKS, rule="pocock").inflation(0.9), rel=1e-5)


def test_power_of_means_in_a_simulation() -> None:
    rng, n = np.random.default_rng(1), 60
    expected = achieved_power(Baseline.of_mean(0, 1), 0.5, 2 * n, design=PowerDesign(test="t"))
    control, treated = rng.normal(size=(20_000, n)), rng.normal(0.5, size=(20_000, n))
    assert (reference.ttest_ind(treated, control, axis=1).pvalue <= 0.05).mean() == pytest.approx(expected, abs=0.01)


def test_power_of_proportions_in_a_simulation() -> None:
    rng, n = np.random.default_rng(2), sample_size(Baseline.of_proportion(0.1), 0.02) // 2
    low, high = rng.binomial(n, 0.1, 40_000) / n, rng.binomial(n, 0.12, 40_000) / n
    z = (high - low) / np.sqrt((low * (1 - low) + high * (1 - high)) / n)
    assert (np.abs(z) >= 1.96).mean() == pytest.approx(0.8, abs=0.01)


def test_power_of_ratios_in_a_simulation() -> None:
    """Clicks an impression, users with 1 to some 20 impressions and a rate of their own."""
    rng, rows, n = np.random.default_rng(3), 1500, 800

    def arm(lift: float) -> tuple[np.ndarray, np.ndarray]:
        shown = 1 + rng.poisson(rng.gamma(2, 3, size=(rows, n)))
        return rng.binomial(shown, rng.beta(2, 8, size=(rows, n))) + lift * shown, shown

    (top, bottom), (clicks, shown) = arm(0.025), arm(0.0)
    spread = np.cov(clicks.ravel(), shown.ravel())
    baseline = Baseline.of_ratio(clicks.mean(), shown.mean(), (spread[0, 0], spread[1, 1]), spread[0, 1])
    expected = achieved_power(baseline, 0.025, 2 * n)
    ratios, errors = [], []
    for x, y in ((top, bottom), (clicks, shown)):
        ratios.append(x.mean(axis=1) / y.mean(axis=1))
        errors.append((x - ratios[-1][:, None] * y).var(axis=1, ddof=1) / n / y.mean(axis=1) ** 2)
    found = (np.abs(ratios[0] - ratios[1]) / np.sqrt(errors[0] + errors[1]) >= 1.96).mean()
    assert 0.6 < expected < 0.95
    assert found == pytest.approx(expected, abs=0.04)  # 3 standard errors


def test_standard_error_of_quantiles_in_a_simulation() -> None:
    rng, n = np.random.default_rng(4), 400
    for q in (0.5, 0.9):
        baseline = Baseline.of_quantile(rng.exponential(size=40_000), q)
        assert baseline.variance == pytest.approx(q / (1 - q), rel=0.1)  # the density at the quantile is 1 − q
        spread = np.quantile(rng.exponential(size=(4000, n)), q, axis=1).var() * n
        assert baseline.variance == pytest.approx(spread, rel=0.15)


def test_noninferiority() -> None:
    """No true difference, margin .3: the one-sided test rejects "worse by the margin" as often as planned."""
    design = PowerDesign(sides=1, alpha=0.025)
    n = sample_size(MEAN, 0.0, margin=0.3, power=0.9, design=design)
    assert n == pytest.approx(2 * ((1.959964 + 1.281552) * np.sqrt(2) * 4 / 0.3) ** 2, rel=1e-3)
    assert detectable_effect(MEAN, n, margin=0.3, power=0.9, design=design) == pytest.approx(0, abs=1e-3)
    error = 4 * np.sqrt(4 / n)
    shown = np.random.default_rng(5).normal(0, error, 40_000) - design.critical * error > -0.3
    assert shown.mean() == pytest.approx(0.9, abs=0.006)


def test_several_arms_in_a_simulation() -> None:
    design = PowerDesign((0.4, 0.3, 0.3))
    n = sample_size(Baseline.of_mean(0, 1), 0.2, design=design)
    sizes = n * np.asarray(design.weights)
    means = np.random.default_rng(6).normal([0, 0.2, 0], 1 / np.sqrt(sizes), size=(40_000, 3))
    z = (means[:, 1:] - means[:, :1]) / np.sqrt(1 / sizes[0] + 1 / sizes[1:])
    assert (np.abs(z[:, 0]) >= design.critical).mean() == pytest.approx(0.8, abs=0.007)
    assert (np.abs(z[:, 1]) >= design.critical).mean() < 0.05


def test_bounds_of_several_arms_are_ordered() -> None:
    found = [PowerDesign((1, 1, 1, 1), correction=name).critical for name in ("none", "dunnett", "bonferroni")]
    assert found == sorted(found)
    assert found[2] == pytest.approx(reference.norm.isf(0.025 / 3))


@pytest.mark.parametrize("rule", ["lan-demets-obrien-fleming", "lan-demets-pocock", "confidence-sequence"])
def test_sequential_power_in_a_simulation(rule: str) -> None:
    fractions = tuple(np.arange(1, 29) / 28)
    design = PowerDesign(fractions=fractions, rule=rule)
    n = sample_size(Baseline.of_mean(0, 1), 0.1, design=design)
    drift = 0.1 / np.sqrt(4 / n)
    paths = np.random.default_rng(7).normal(drift / 28, np.sqrt(1 / 28), size=(20_000, 28)).cumsum(axis=1)
    crossed = (np.abs(paths / np.sqrt(fractions)) >= design.bounds).any(axis=1).mean()
    assert crossed == pytest.approx(0.8, abs=0.0085)  # 3 standard errors


def test_a_tiny_effect_and_a_sure_one() -> None:
    assert achieved_power(MEAN, 0.0, 1000) == pytest.approx(0.05, abs=1e-12)
    assert achieved_power(MEAN, 4.0, 10_000, design=PowerDesign(fractions=LOOKS)) == 1.0
    assert achieved_power(MEAN, -4.0, 10_000, design=PowerDesign(fractions=LOOKS, sides=1)) == 0.0
    assert sample_size(MEAN, 100.0) == 4


def test_what_does_not_vary_has_no_plan() -> None:
    with pytest.raises(NotEstimableError, match="do not vary"):
        Baseline.of_mean(3, 0)
    with pytest.raises(NotEstimableError, match="do not vary"):
        Baseline.of_quantile(np.repeat([0.0, 1.0], [90, 10]), 0.5)
    with pytest.raises(NotEstimableError, match="20"):
        Baseline.of_quantile([1.0, 2.0], 0.5)
    with pytest.raises(NotEstimableError, match="denominator"):
        Baseline.of_ratio(1, 0, (1, 1), 0)
    with pytest.raises(NotEstimableError, match="any effect"):
        detectable_effect(Baseline.of_proportion(0.5), 5)


def test_numbers_out_of_their_range_are_refused() -> None:
    for wrong in (
        lambda: achieved_power(Baseline.of_proportion(0.9), 0.2, 100),
        lambda: achieved_power(MEAN, 0.1, 100, margin=0.1),
        lambda: sample_size(MEAN, 0.0),
        lambda: sample_size(MEAN, -0.2, design=PowerDesign(sides=1)),
        lambda: Baseline.of_mean(1, 1, rho=1.0),
        lambda: PowerDesign((1.0,)),
        lambda: PowerDesign(fractions=(0.5,)),
        lambda: PowerDesign(correction="holm"),
    ):
        with pytest.raises(ArgumentError):
            wrong()


def test_the_noncentral_t_of_a_small_sample() -> None:
    """By its definition: a normal over an independent chi."""
    rng = np.random.default_rng(8)
    t = (rng.normal(1.2, 1, 200_000)) / np.sqrt(rng.chisquare(8, 200_000) / 8)
    expected = (np.abs(t) >= reference.t.isf(0.025, 8)).mean()
    found = achieved_power(Baseline.of_mean(0, 1), 1.2 * np.sqrt(2 / 5), 10, design=PowerDesign(test="t"))
    assert found == pytest.approx(expected, abs=0.004)
