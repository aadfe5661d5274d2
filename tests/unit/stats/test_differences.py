import numpy as np
import pytest
from scipy import stats as reference

from recsys.core.errors import ArgumentError
from recsys.stats import Moments, TwoSample, difference_in_means, difference_in_ratios


def of(values: object) -> Moments:
    return Moments.of(np.asarray(values, np.float64))


def skewed(seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.gamma(2, size=40) + 0.3, rng.gamma(1, 3, size=65)


def ends(found: TwoSample) -> tuple[float, float]:
    return found.ci_low, found.ci_high


def batch(rows: np.ndarray) -> list[Moments]:
    """Moments of many samples (samples, n, k), for simulations."""
    mean = rows.mean(axis=1)
    centred = rows - mean[:, None, :]
    comoments = np.einsum("snk,snl->skl", centred, centred)
    return [Moments(rows.shape[1], one, two) for one, two in zip(mean, comoments, strict=True)]


def coverage(found: list[TwoSample], truth: float) -> float:
    assert all(one.status in ("ok", "unbounded") for one in found)
    return float(np.mean([one.ci_low <= truth <= one.ci_high for one in found]))


def test_means_are_compared_as_by_scipy() -> None:
    treatment, control = skewed(1)
    expected = reference.ttest_ind(treatment, control, equal_var=False)
    found = difference_in_means(of(treatment), of(control), confidence=0.9)
    assert (found.statistic, found.pvalue, found.df) == pytest.approx(
        (expected.statistic, expected.pvalue, expected.df), rel=1e-11
    )
    interval = expected.confidence_interval(0.9)
    assert ends(found) == pytest.approx((interval.low, interval.high), rel=1e-11)
    assert (found.n_treatment, found.n_control, found.status) == (40, 65, "ok")


def test_means_are_compared_as_by_statsmodels() -> None:
    from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

    treatment, control = skewed(2)
    expected = CompareMeans(DescrStatsW(treatment), DescrStatsW(control)).tconfint_diff(usevar="unequal")
    assert ends(difference_in_means(of(treatment), of(control))) == pytest.approx(expected, rel=1e-10)


def test_stable_at_a_mean_of_1e8() -> None:
    rng = np.random.default_rng(3)
    treatment, control = rng.normal(size=200) + 0.13, rng.normal(size=200)
    plain, far = (difference_in_means(of(treatment + at), of(control + at)) for at in (0, 1e8))
    assert far.pvalue == pytest.approx(plain.pvalue, rel=1e-6)  # the samples themselves are rounded to 1.5e-8


def test_tiny_pvalues_are_told() -> None:
    moments = [Moments(200_000, np.array([mean]), np.array([[199_999.0]])) for mean in (0.0, 0.035, 0.117)]
    for shifted in moments[1:]:
        found = difference_in_means(shifted, moments[0])
        exact = 2 * reference.t.sf(found.statistic, found.df)
        assert found.pvalue == pytest.approx(exact, rel=1e-9)
    assert 1e-29 < difference_in_means(moments[1], moments[0]).pvalue < 1e-27
    assert 0 < difference_in_means(moments[2], moments[0]).pvalue < 1e-298


@pytest.mark.parametrize("shift", [0.0, 0.4, -3.0, 2.0])
def test_the_relative_interval_agrees_with_the_absolute_one(shift: float) -> None:
    rng = np.random.default_rng(4)
    for _ in range(300):
        treatment, control = of(rng.normal(0.3 + shift, 2, size=15)), of(rng.normal(shift, 2, size=12))
        absolute = difference_in_means(treatment, control)
        found = difference_in_means(treatment, control, relative=True)
        assert np.sign(found.estimate) == np.sign(absolute.estimate)
        assert found.pvalue == absolute.pvalue
        if found.status == "ok":
            assert (found.ci_low <= 0 <= found.ci_high) == (absolute.ci_low <= 0 <= absolute.ci_high)
            assert found.ci_low < found.estimate < found.ci_high
        else:
            assert (found.status, *ends(found)) == ("unbounded", -np.inf, np.inf)


def test_fieller_bounds_are_the_lifts_just_rejected() -> None:
    treatment, control = skewed(5)
    found = difference_in_means(of(treatment), of(control), relative=True)
    quantile = reference.t.ppf(0.975, found.df)
    for bound in ends(found):
        lifted = (1 + bound) * control
        spread = treatment.var(ddof=1) / len(treatment) + lifted.var(ddof=1) / len(lifted)
        assert abs(treatment.mean() - lifted.mean()) / np.sqrt(spread) == pytest.approx(quantile, rel=1e-9)


def test_fieller_in_closed_form() -> None:
    """Independent means 30 ± 2 over 20 ± 3: (600 ± sqrt(600² − (400 − 9 z²) (900 − 4 z²))) / (400 − 9 z²)."""
    treatment, control = (
        Moments(10**9, np.array([mean]), np.array([[square * 1e9 * (1e9 - 1)]])) for mean, square in ((30, 4), (20, 9))
    )
    found = difference_in_means(treatment, control, relative=True)
    z2 = 1.959963984540054**2
    root = np.sqrt(600**2 - (400 - 9 * z2) * (900 - 4 * z2))
    expected = ((600 - root) / (400 - 9 * z2) - 1, (600 + root) / (400 - 9 * z2) - 1)
    assert ends(found) == pytest.approx(expected, rel=1e-8)  # t with two billion degrees of freedom, not z


def test_the_sign_of_a_relative_difference_is_that_of_the_difference() -> None:
    better, worse = of([-1.0, -2.0, -3.0]), of([-4.0, -5.0, -6.5])
    assert difference_in_means(better, worse, relative=True).estimate == pytest.approx(3.1666666667 / 5.1666666667)


@pytest.mark.parametrize(("treatment", "control", "status"), [
    ([], [1, 2], "empty_arm"), ([1.0], [1, 2], "too_few"), ([1, 1], [2, 2], "zero_variance"),
    ([0.1] * 7, [0.1 + 2e-17] * 3, "zero_variance"),
])  # fmt: skip
def test_statuses(treatment: list[float], control: list[float], status: str) -> None:
    for relative in (False, True):
        found = difference_in_means(of(treatment), of(control), relative=relative)
        assert found.status == status
        assert np.isnan([found.pvalue, *ends(found)]).all()


def test_one_arm_that_does_not_vary_still_compares() -> None:
    found = difference_in_means(of([2.0, 2.0, 2.0]), of([1.0, 3.0, 0.0, 1.0]))
    assert (found.status, found.df) == ("ok", 3)


def test_a_control_mean_of_0_has_no_relative_difference() -> None:
    found = difference_in_means(of([1.0, 2.0]), of([-1.0, 1.0]), relative=True)
    assert (found.status, np.isnan(found.estimate)) == ("zero_denominator", True)


def test_strata_remove_simpsons_paradox() -> None:
    # Within both stages the treatment is better by 1; the better second stage had less treatment.
    rng = np.random.default_rng(6)
    treatment = [of(rng.normal(1, 1, size=9000)), of(rng.normal(11, 1, size=1000))]
    control = [of(rng.normal(0, 1, size=1000)), of(rng.normal(10, 1, size=9000))]
    mixed = difference_in_means(treatment[0].merge(treatment[1]), control[0].merge(control[1]))
    assert mixed.estimate < -5
    found = difference_in_means(treatment, control)
    assert found.ci_low < 1 < found.ci_high
    assert found.standard_error < 0.05
    assert found.method == "stratified Welch"


def test_strata_with_one_stratum_are_none_and_those_of_one_arm_are_counted() -> None:
    treatment, control = (of(one) for one in skewed(7))
    plain = difference_in_means(treatment, control)
    assert difference_in_means([treatment], [control]) == plain
    lonely = difference_in_means([treatment, of([5.0, 6.0])], [control, of([9.0])])
    assert lonely.left_out == 3
    assert lonely._replace(left_out=0) == plain
    assert difference_in_means([of([1.0]), of([])], [of([2.0]), of([2.0, 3.0])]).status == "too_few"


def test_stratified_difference_is_the_weighted_mean_with_its_variance() -> None:
    rng = np.random.default_rng(8)
    treatment, control = ([rng.normal(size=n) for n in sizes] for sizes in ((20, 50), (40, 30)))
    found = difference_in_means([of(one) for one in treatment], [of(one) for one in control])
    weights = np.array([60, 80]) / 140
    differences = [one.mean() - other.mean() for one, other in zip(treatment, control, strict=True)]
    errors = [one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other)
              for one, other in zip(treatment, control, strict=True)]  # fmt: skip
    assert found.estimate == pytest.approx(weights @ differences, rel=1e-12)
    assert found.standard_error == pytest.approx(np.sqrt(weights**2 @ errors), rel=1e-12)


def test_stratified_intervals_cover() -> None:
    rng = np.random.default_rng(9)
    shape, strata = 4000, ((12, 6), (5, 20))
    arms = [[batch(rng.normal(at, 1 + at, size=(shape, n, 1))) for at, n in enumerate(sizes)] for sizes in strata]
    found = [difference_in_means([arms[0][0][i], arms[0][1][i]], [arms[1][0][i], arms[1][1][i]]) for i in range(shape)]
    assert coverage(found, 0) == pytest.approx(0.95, abs=0.011)  # three standard errors of 4000 draws


@pytest.mark.parametrize(("n", "sigma"), [(10, 0.0), (1000, 1.0), (5000, 1.5)])
def test_intervals_of_means_cover(n: int, sigma: float) -> None:
    """Normal at n = 10; lognormal at n = 1000 (skewness 6) and 5000 (33), in arms of 2:1."""
    rng = np.random.default_rng(10)
    repeats = 2000 if n == 5000 else 4000
    draw = (lambda size: rng.lognormal(0, sigma, size=size)) if sigma else (lambda size: rng.normal(3, 1, size=size))
    treatment, control = [], []
    for _ in range(0, repeats, 500):
        treatment += batch(draw((500, n // 2, 1)))
        control += batch(draw((500, n, 1)))
    pairs = list(zip(treatment, control, strict=True))
    tolerance = 3 * np.sqrt(0.95 * 0.05 / repeats)
    for relative in (False, True):
        found = [difference_in_means(*pair, relative=relative) for pair in pairs]
        assert coverage(found, 0) == pytest.approx(0.95, abs=tolerance)


def test_relative_intervals_cover_when_the_control_mean_is_near_0() -> None:
    rng = np.random.default_rng(11)
    treatment, control = batch(rng.normal(0.6, 1, size=(4000, 30, 1))), batch(rng.normal(0.4, 1, size=(4000, 30, 1)))
    found = [difference_in_means(*pair, relative=True) for pair in zip(treatment, control, strict=True)]
    assert {one.status for one in found} == {"ok", "unbounded"}
    # An unbounded set is told as the whole line, which holds the truth more often than Fieller's does.
    assert 0.94 < coverage(found, 0.5) < 0.99


def ratios(rng: np.random.Generator, repeats: int, n: int, rate: float, sessions: float = 3.0) -> list[Moments]:
    """Units with their own rate and number of sessions, which go together: minutes over sessions."""
    taste = rng.gamma(4, 0.25, size=(repeats, n))
    count = rng.poisson(sessions * taste)
    total = rng.gamma(np.maximum(count, 1e-9) * 2, rate * (1 + taste) / 2)
    return batch(np.stack([total, count.astype(np.float64)], axis=2))


def test_ratio_is_the_delta_method() -> None:
    rng = np.random.default_rng(12)
    rows = [rng.gamma(3, size=(200, 2)) for _ in range(2)]
    found = difference_in_ratios(of(rows[0]), of(rows[1]))
    ratio = [arm[:, 0].sum() / arm[:, 1].sum() for arm in rows]
    linear = [(arm[:, 0] - r * arm[:, 1]) / arm[:, 1].mean() for arm, r in zip(rows, ratio, strict=True)]
    expected = reference.ttest_ind(linear[0] + ratio[0], linear[1] + ratio[1], equal_var=False)
    assert (found.estimate, found.pvalue) == pytest.approx((ratio[0] - ratio[1], expected.pvalue), rel=1e-10)
    assert found.method == "delta"


@pytest.mark.parametrize("n", [80, 400])
def test_ratio_intervals_cover(n: int) -> None:
    rng = np.random.default_rng(13)
    pairs = list(zip(ratios(rng, 4000, n, 2.2), ratios(rng, 4000, n, 2.0), strict=True))
    truth = 2.25  # E[total] / E[count] = rate E[taste (1 + taste)] / E[taste], and E[taste²] = 1.25
    absolute = [difference_in_ratios(*pair) for pair in pairs]
    assert coverage(absolute, 0.2 * truth) == pytest.approx(0.95, abs=0.011)
    relative = [difference_in_ratios(*pair, relative=True) for pair in pairs]
    assert coverage(relative, 0.1) == pytest.approx(0.95, abs=0.011)
    assert all(a.pvalue == r.pvalue for a, r in zip(absolute, relative, strict=True))


def test_a_rare_denominator_is_taken_by_fieller_and_covers() -> None:
    rng = np.random.default_rng(14)
    pairs = list(zip(ratios(rng, 3000, 60, 2.0, 0.15), ratios(rng, 3000, 60, 2.0, 0.15), strict=True))
    found = [difference_in_ratios(*pair) for pair in pairs]
    found = [one for one in found if one.status in ("ok", "unbounded")]
    assert len(found) > 2950
    assert np.mean([one.method == "square-and-add of Fieller" for one in found]) > 0.95
    assert coverage(found, 0) > 0.94


def test_absolute_and_relative_agree_when_a_denominator_is_uncertain() -> None:
    rng = np.random.default_rng(15)
    inside = []
    for pair in zip(ratios(rng, 600, 60, 2.0, 0.15), ratios(rng, 600, 60, 3.0, 0.15), strict=True):
        absolute, relative = (difference_in_ratios(*pair, relative=one) for one in (False, True))
        if relative.status == "ok":
            assert relative.method == absolute.method
            assert (relative.ci_low <= 0 <= relative.ci_high) == (absolute.ci_low <= 0 <= absolute.ci_high)
        inside.append(relative.ci_low <= -1 / 3 <= relative.ci_high)
    assert np.mean(inside) > 0.94


def test_ratio_statuses() -> None:
    assert difference_in_ratios(of([[1, 0], [2, 0]]), of([[1, 1], [2, 1]])).status == "zero_denominator"
    steady = of([[3, 1], [6, 2], [0.3, 0.1]])
    assert difference_in_ratios(steady, steady).status == "zero_variance"
    assert difference_in_ratios(of(np.zeros((0, 2))), steady).status == "empty_arm"
    near = difference_in_ratios(of([[1, 1], [2, -0.9], [4, 2]]), of([[1, 1], [2, 1.5], [2, 0.5]]))
    assert (near.status, *ends(near)) == ("unbounded", -np.inf, np.inf)


def test_wrong_input_is_refused() -> None:
    one = of([[1.0, 2.0], [2.0, 3.0]])
    with pytest.raises(ArgumentError, match="2 strata and control 1"):
        difference_in_means([one, one], one)
    with pytest.raises(ArgumentError, match="column 2"):
        difference_in_means(one, one, column=2)
    with pytest.raises(ArgumentError, match="different columns"):
        difference_in_means(one, one.take([0]))
    with pytest.raises(ArgumentError, match="no moments"):
        difference_in_means([], [])
    with pytest.raises(ArgumentError, match="confidence"):
        difference_in_means(one, one, confidence=1.0)
