import numpy as np
import pytest
from scipy.stats import norm

from recsys.core.errors import ArgumentError
from recsys.stats import GroupSequential, crossing_probabilities, group_sequential_bounds
from recsys.stats._quadrature import root


@pytest.mark.parametrize(
    ("rule", "n", "power", "published"),
    [  # Jennison & Turnbull (2000), tables 2.2 and 2.4, two-sided .05
        ("pocock", 2, 0.8, 1.110),
        ("pocock", 2, 0.9, 1.100),
        ("pocock", 5, 0.8, 1.228),
        ("pocock", 5, 0.9, 1.206),
        ("obrien-fleming", 2, 0.9, 1.007),
        ("obrien-fleming", 5, 0.8, 1.028),
        ("obrien-fleming", 5, 0.9, 1.026),
        ("obrien-fleming", 10, 0.8, 1.040),
    ],
)
def test_published_inflation_factors(rule: str, n: int, power: float, published: float) -> None:
    assert GroupSequential.of_looks(n, rule=rule).inflation(power) == pytest.approx(published, abs=0.0011)


def test_power_and_expected_information() -> None:
    design = GroupSequential.of_looks(4)
    drift = design.drift(0.8)
    assert design.power(drift) == pytest.approx(0.8, abs=1e-8)
    assert design.power(0.0) == pytest.approx(0.05, abs=1e-9)
    paths = np.random.default_rng(1).normal(drift / 4, 0.5, size=(40_000, 4)).cumsum(axis=1)
    crossed = np.abs(paths / np.sqrt(design.fractions)) >= design.bounds
    stop = np.where(crossed.any(axis=1), crossed.argmax(axis=1), 3)
    assert crossed.any(axis=1).mean() == pytest.approx(0.8, abs=0.006)  # 3 standard errors
    assert np.mean((stop + 1) / 4) == pytest.approx(design.expected_fraction(drift), abs=0.004)


def test_overall_alpha_with_estimated_variances_and_looks_at_other_times_than_planned() -> None:
    """Welch statistics of skewed values of 10 to 14 weekly batches of random size: 5 % ± .7 % are rejected."""
    rng, rows, times = np.random.default_rng(2), 6000, np.array([0.13, 0.42, 0.61, 0.8, 1.0])
    sizes = (times * 400).astype(int)
    z = []
    arms = [rng.exponential(size=(rows, 400)) for _ in range(2)]
    for n in sizes:
        means, variances = zip(
            *((arm[:, :n].mean(axis=1), arm[:, :n].var(axis=1, ddof=1)) for arm in arms), strict=True
        )
        z.append((means[1] - means[0]) / np.sqrt((variances[0] + variances[1]) / n))
    for rule in ("lan-demets-obrien-fleming", "lan-demets-pocock"):
        rejected = (np.abs(np.transpose(z)) >= group_sequential_bounds(times, rule=rule)).any(axis=1).mean()
        assert rejected == pytest.approx(0.05, abs=0.007)
    assert (np.abs(np.transpose(z)) >= 1.96).any(axis=1).mean() > 0.1  # what peeking does without bounds


def test_repeated_and_stage_wise_intervals_cover() -> None:
    """The truth lies in all repeated intervals at once and in the last one; the estimate is median unbiased."""
    design, truth, rows = GroupSequential.of_looks(3, rule="pocock"), 2.0, 400
    times = np.asarray(design.fractions)
    paths = np.random.default_rng(3).normal(truth / 3, np.sqrt(1 / 3), size=(rows, 3)).cumsum(axis=1)
    estimates, errors = paths / times, 1 / np.sqrt(times)
    repeated, after, above = 0, 0, 0
    for row in estimates:
        repeated += all(look.ci_low <= truth <= look.ci_high for look in design.look(row, errors))
        found = design.stage_wise(row, errors)
        after += found.ci_low <= truth <= found.ci_high
        above += found.estimate > truth
    assert repeated / rows > 0.95 - 0.033  # 3 standard errors
    assert after / rows == pytest.approx(0.95, abs=0.033)
    assert above / rows == pytest.approx(0.5, abs=0.075)


def test_after_one_look_all_is_as_usual() -> None:
    design = GroupSequential((1.0,))
    found, look = design.stage_wise([1.3], [0.5]), design.look([1.3], [0.5])[0]
    expected = pytest.approx((1.3 - norm.isf(0.025) * 0.5, 1.3 + norm.isf(0.025) * 0.5), abs=1e-8)
    assert (found.ci_low, found.ci_high) == expected
    assert (look.ci_low, look.ci_high) == expected
    assert found.estimate == pytest.approx(1.3, abs=1e-8)
    assert found.pvalue == pytest.approx(2 * norm.sf(2.6), rel=1e-9)


def test_interval_and_pvalue_after_the_stop_agree_and_are_symmetric() -> None:
    design = GroupSequential.of_looks(4)
    for estimates in ([0.2, 0.9], [0.2, 0.5, 0.3, 0.44], [0.2, 0.5, 0.3, 0.46], [9.0]):
        errors = 0.45 / np.sqrt(np.arange(1, len(estimates) + 1))
        up, down = design.stage_wise(estimates, errors), design.stage_wise(-np.asarray(estimates), errors)
        assert (up.pvalue < 0.05) == (up.ci_low > 0)
        assert (down.ci_low, down.estimate) == pytest.approx((-up.ci_high, -up.estimate), abs=1e-7)
        assert down.pvalue == pytest.approx(up.pvalue, rel=1e-6)
        assert abs(up.estimate) <= abs(up.naive_estimate) + 1e-8 or up.look > 2


def test_looks_say_when_they_cross() -> None:
    design = GroupSequential.of_looks(4)
    looks = design.look([0.8, 0.9, 0.7], [0.4, 0.28, 0.23])
    assert [look.crossed for look in looks] == [False, True, True]
    assert looks[1].bound == pytest.approx(design.bounds[1], abs=1e-8)
    one = GroupSequential.of_looks(4, sides=1).look([-3.0], [0.4])[0]
    assert (one.crossed, one.ci_high) == (False, np.inf)


def test_futility_bounds_spend_one_minus_power() -> None:
    design = GroupSequential.of_looks(4, alpha=0.025, sides=1)
    low = design.futility_bounds(0.9)
    assert low[-1] == pytest.approx(design.bounds[-1], abs=1e-6)
    assert (np.diff(low) > 0).all()
    drift = root(
        lambda d: crossing_probabilities(design.fractions, low, design.bounds, drift=d)[1].sum() - 0.9, 2.5, 5.0
    )
    below = crossing_probabilities(design.fractions, low, design.bounds, drift=drift)[0].cumsum()
    np.testing.assert_allclose(below, 0.1 * np.log1p((np.e - 1) * np.asarray(design.fractions)), atol=1e-6)


def test_what_is_no_design_is_refused() -> None:
    with pytest.raises(ArgumentError, match="last fraction"):
        GroupSequential((0.5, 0.9))
    with pytest.raises(ArgumentError, match="two sides"):
        GroupSequential.of_looks(2).futility_bounds(0.8)
    with pytest.raises(ArgumentError, match="lan-demets"):
        GroupSequential.of_looks(2, rule="pocock").look([1.0], [1.0], [0.4])
    with pytest.raises(ArgumentError, match="Equal vectors"):
        GroupSequential.of_looks(2).look([1.0], [1.0, 2.0])
    with pytest.raises(ArgumentError, match="missing or 0"):
        GroupSequential.of_looks(2).look([1.0], [0.0])
    with pytest.raises(ArgumentError, match="power"):
        GroupSequential.of_looks(2).drift(1.0)
