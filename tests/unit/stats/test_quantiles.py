import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.stats import difference_in_quantiles, quantile_interval


def test_ranks_as_tabulated() -> None:
    # Around the median at 95 %, as in the tables of the sign test.
    for n, ranks in ((10, (2, 9)), (20, (6, 15)), (50, (18, 33))):
        found = quantile_interval(np.arange(1, n + 1), 0.5)
        assert (found.ci_low, found.ci_high) == ranks


def test_one_quantile_covers_at_least_as_promised() -> None:
    rng = np.random.default_rng(1)
    for draw, q, truth in ((rng.exponential, 0.9, np.log(10)), (lambda size: rng.poisson(0.3, size=size), 0.5, 0.0)):
        found = [quantile_interval(values, q) for values in draw(size=(1500, 80))]
        assert np.mean([one.ci_low <= truth <= one.ci_high for one in found]) > 0.945


def test_a_quantile_too_far_out_is_unbounded() -> None:
    found = quantile_interval(np.arange(20.0), 0.99)
    assert (found.status, found.ci_high) == ("unbounded", np.inf)
    assert difference_in_quantiles(np.arange(20.0), np.arange(20.0), 0.99).status == "unbounded"
    assert difference_in_quantiles(np.arange(20.0), np.arange(20.0), 0.99, relative=True).status == "unbounded"


@pytest.mark.parametrize(
    ("q", "n", "m", "lift"), [(0.5, 60, 60, 0.0), (0.5, 500, 200, 0.5), (0.9, 200, 200, 0.5), (0.99, 4000, 4000, 0.0)]
)
def test_differences_cover(q: float, n: int, m: int, lift: float) -> None:
    """95 to 96 % at the median, up to 97 % with few values beyond the quantile: never too narrow."""
    rng = np.random.default_rng(2)
    repeats = 1000 if n < 1000 else 500
    truth = -lift * np.log(1 - q)
    inside, relative = [], []
    for _ in range(repeats):
        treatment, control = (1 + lift) * rng.exponential(size=n), rng.exponential(size=m)
        found = difference_in_quantiles(treatment, control, q)
        inside.append(found.ci_low <= truth <= found.ci_high)
        ratio = difference_in_quantiles(treatment, control, q, relative=True)
        relative.append(ratio.ci_low <= lift <= ratio.ci_high)
        assert (ratio.ci_low <= 0 <= ratio.ci_high) == (found.ci_low <= 0 <= found.ci_high)
        assert (found.pvalue < 0.05) == (not found.ci_low <= 0 <= found.ci_high)
    margin = 3 * np.sqrt(0.95 * 0.05 / repeats)
    assert 0.95 - margin < np.mean(inside) < 0.97 + margin
    assert 0.95 - margin < np.mean(relative) < 0.97 + margin


def test_clustered_differences_cover_where_plain_ones_do_not() -> None:
    """Sixty users of each arm with their own level; many have ten times the events of others."""
    rng = np.random.default_rng(3)
    inside, plain = [], []
    for _ in range(700):
        arms = []
        for _ in range(2):
            users = np.repeat(np.arange(60), rng.geometric(0.1, size=60))
            arms.append((rng.gamma(2, size=60)[users] + rng.exponential(size=len(users)), users))
        (x, xu), (y, yu) = arms
        found = difference_in_quantiles(x, y, 0.75, treatment_clusters=xu, control_clusters=yu)
        inside.append(found.ci_low <= 0 <= found.ci_high)
        simple = difference_in_quantiles(x, y, 0.75)
        plain.append(simple.ci_low <= 0 <= simple.ci_high)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.025)  # three standard errors of 700 draws
    assert np.mean(plain) < 0.75


def test_singleton_clusters_are_nearly_no_clusters() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(2, 3001))
    plain = difference_in_quantiles(x, y, 0.5)
    found = difference_in_quantiles(x, y, 0.5, treatment_clusters=np.arange(3001), control_clusters=np.arange(3001))
    assert found.standard_error == pytest.approx(plain.standard_error, rel=0.05)


@pytest.mark.parametrize("zeros", [0.3, 0.48, 0.7])
def test_an_atom_at_0_is_covered(zeros: float) -> None:
    rng = np.random.default_rng(5)
    inside = []
    for _ in range(600):
        x, y = rng.exponential(size=(2, 300)) * (rng.random(size=(2, 300)) > zeros)
        found = difference_in_quantiles(x, y, 0.5)
        assert 0 <= found.pvalue <= 1
        inside.append(found.ci_low <= 0 <= found.ci_high)
    assert np.mean(inside) > 0.93


def test_both_medians_in_the_atom_differ_by_nothing() -> None:
    x = np.r_[np.zeros(80), np.ones(20)]
    found = difference_in_quantiles(x, x, 0.5)
    assert (found.status, found.estimate, found.ci_low, found.ci_high, found.pvalue) == ("ok", 0, 0, 0, 1)
    assert difference_in_quantiles(x, x, 0.5, relative=True).status == "zero_denominator"


def test_the_power_of_a_sample_bounds_its_pvalue() -> None:
    """All of one arm above all of the other: no more can be said than that the ranks ran out."""
    found = difference_in_quantiles(np.arange(30.0) + 100, np.arange(30.0), 0.5)
    assert 1e-9 < found.pvalue < 1e-4


def test_negative_values_keep_the_sign() -> None:
    rng = np.random.default_rng(6)
    x, y = rng.exponential(size=(2, 400))
    found, mirrored = (
        difference_in_quantiles(*pair, 0.5, relative=True) for pair in ((x + 1, y + 1), (-x - 1, -y - 1))
    )
    assert mirrored.estimate == pytest.approx(-found.estimate)
    # Ranks are rounded up from both sides, so that mirrored bounds may lie one value further.
    assert (mirrored.ci_low, mirrored.ci_high) == pytest.approx((-found.ci_high, -found.ci_low), abs=0.02)


def test_statuses_and_refusals() -> None:
    assert difference_in_quantiles([], [1, 2], 0.5).status == "empty_arm"
    assert difference_in_quantiles([1], [1, 2], 0.5).status == "too_few"
    assert difference_in_quantiles([1, 1], [2, 2], 0.5).status == "zero_variance"
    one_cluster = difference_in_quantiles([1, 2], [1, 2], 0.5, treatment_clusters=[0, 0], control_clusters=[0, 1])
    assert one_cluster.status == "too_few"
    assert quantile_interval([1], 0.5).status == "too_few"
    with pytest.raises(ArgumentError, match="NaN"):
        difference_in_quantiles([1, np.nan], [1, 2], 0.5)
    with pytest.raises(ArgumentError, match="q is"):
        difference_in_quantiles([1, 2], [1, 2], 1.0)
    with pytest.raises(ArgumentError, match="clusters"):
        difference_in_quantiles([1, 2], [1, 2], 0.5, treatment_clusters=[1, 2])
    with pytest.raises(ArgumentError, match="clusters"):
        difference_in_quantiles([1, 2], [1, 2], 0.5, treatment_clusters=[1], control_clusters=[1, 2])


def test_strata_remove_simpsons_paradox() -> None:
    """The treatment is better by 1 in both stages; in the better second stage there was less of it."""
    rng = np.random.default_rng(7)
    treatment = rng.normal(1, 1, size=4000), rng.normal(11, 1, size=500)
    control = rng.normal(0, 1, size=500), rng.normal(10, 1, size=4000)
    assert difference_in_quantiles(np.concatenate(treatment), np.concatenate(control), 0.3).estimate < -5
    found = difference_in_quantiles(treatment, control, 0.3)
    assert found.ci_low < 1 < found.ci_high
    assert found.standard_error < 0.2


def test_one_stratum_is_none_and_strata_of_one_arm_are_counted() -> None:
    x, y = np.random.default_rng(8).exponential(size=(2, 90))
    plain = difference_in_quantiles(x, y, 0.5)
    assert difference_in_quantiles((x,), (y,), 0.5) == plain
    lonely = difference_in_quantiles((x, [1.0, 2.0]), (y, [3.0]), 0.5)
    assert lonely == plain._replace(left_out=3)
    assert difference_in_quantiles(([1.0], []), ([1.0], [2.0, 3.0]), 0.5).status == "too_few"


@pytest.mark.parametrize("clustered", [False, True])
def test_stratified_intervals_cover(clustered: bool) -> None:
    rng = np.random.default_rng(9)
    sizes, inside = ((150, 60), (50, 200)), []
    for _ in range(700):
        arms, labels = [], []
        for arm in sizes:
            codes = tuple(np.repeat(np.arange(n), 1 + clustered * rng.integers(4, size=n)) for n in arm)
            labels.append(codes)
            arms.append(tuple(
                at + rng.exponential(size=n)[code] + clustered * rng.exponential(size=len(code))
                for at, (n, code) in enumerate(zip(arm, codes, strict=True))
            ))  # fmt: skip
        more = {"treatment_clusters": labels[0], "control_clusters": labels[1]} if clustered else {}
        found = difference_in_quantiles(*arms, 0.7, **more)
        inside.append(found.ci_low <= 0 <= found.ci_high)
    assert np.mean(inside) == pytest.approx(0.95, abs=0.025)  # three standard errors of 700 draws
