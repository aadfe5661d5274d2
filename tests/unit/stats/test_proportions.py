import numpy as np
import pytest
from statsmodels.stats import proportion as reference

from recsys.core.errors import ArgumentError
from recsys.stats import difference_in_proportions, proportion_interval


def test_cookie_cats_as_published() -> None:
    week = difference_in_proportions(8279, 45489, 8502, 44700)
    day = difference_in_proportions(20119, 45489, 20034, 44700)
    assert (round(week.statistic, 3), round(week.pvalue, 5)) == (-3.164, 0.00155)
    assert (round(day.statistic, 3), round(day.pvalue, 4)) == (-1.784, 0.0744)


@pytest.mark.parametrize("counts", [(8279, 45489, 8502, 44700), (3, 12, 9, 15), (0, 30, 4, 25), (20, 20, 19, 22)])
def test_two_shares_are_compared_as_by_statsmodels(counts: tuple[int, int, int, int]) -> None:
    found = difference_in_proportions(*counts)
    expected = reference.proportions_ztest([counts[0], counts[2]], [counts[1], counts[3]])
    assert (found.statistic, found.pvalue) == pytest.approx(expected, rel=1e-11)
    interval = reference.confint_proportions_2indep(*counts, method="newcomb", compare="diff")
    assert (found.ci_low, found.ci_high) == pytest.approx(interval, rel=1e-9, abs=1e-15)


@pytest.mark.parametrize(("successes", "n"), [(0, 20), (7, 20), (20, 20), (81, 263)])
def test_one_share_as_by_wilson(successes: int, n: int) -> None:
    found = proportion_interval(successes, n)
    expected = reference.proportion_confint(successes, n, method="wilson")
    assert (found.ci_low, found.ci_high) == pytest.approx(expected, rel=1e-11, abs=1e-15)


def test_intervals_as_published_by_newcombe() -> None:
    # Newcombe (1998), table II: method 10 for 56/70 − 48/80, 9/10 − 3/10, 10/10 − 0/20
    for counts, expected in [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((10, 10, 0, 20), (0.6791, 1.0)),
    ]:
        found = difference_in_proportions(*counts)
        assert (round(found.ci_low, 4), round(found.ci_high, 4)) == expected


def test_a_tiny_pvalue_is_told() -> None:
    found = difference_in_proportions(600_000, 1_000_000, 500_000, 1_000_000)
    assert found.pvalue == 0 or found.pvalue < 1e-300
    assert 0 < difference_in_proportions(518_000, 1_000_000, 500_000, 1_000_000).pvalue < 1e-130


def test_the_relative_interval_agrees_with_the_absolute_one() -> None:
    rng = np.random.default_rng(1)
    for _ in range(500):
        nt, nc = rng.integers(5, 60, size=2)
        st, sc = int(rng.binomial(nt, 0.35)), int(rng.binomial(nc, 0.2))
        absolute = difference_in_proportions(st, int(nt), sc, int(nc))
        found = difference_in_proportions(st, int(nt), sc, int(nc), relative=True)
        if sc == 0:
            assert found.status == "zero_denominator"
            continue
        assert -1 <= found.ci_low <= found.estimate <= found.ci_high < np.inf
        assert (found.ci_low <= 0 <= found.ci_high) == (absolute.ci_low <= 0 <= absolute.ci_high)
        assert found.pvalue == pytest.approx(absolute.pvalue, nan_ok=True)


def exact_coverage(p: float, q: float, n: int, m: int, relative: bool) -> float:
    """Sum the probabilities of all tables whose interval holds the truth."""
    from scipy.stats import binom

    truth = p / q - 1 if relative else p - q
    covered = 0.0
    for s in range(n + 1):
        for r in range(int(relative), m + 1):  # no successes in control: no relative interval
            found = difference_in_proportions(s, n, r, m, relative=relative)
            if found.ci_low <= truth <= found.ci_high:
                covered += binom.pmf(s, n, p) * binom.pmf(r, m, q)
    return covered / (1 - binom.pmf(0, m, q) if relative else 1)


@pytest.mark.parametrize("relative", [False, True])
@pytest.mark.parametrize(("p", "q", "n", "m"), [(0.1, 0.1, 30, 30), (0.3, 0.2, 20, 40), (0.5, 0.5, 15, 15)])
def test_small_samples_cover(p: float, q: float, n: int, m: int, relative: bool) -> None:
    """Exactly, by enumeration. Discrete counts cannot give 95 % everywhere; Newcombe (1998) has 93.5 to 98 % here."""
    assert 0.935 < exact_coverage(p, q, n, m, relative) < 0.985


def test_the_score_test_keeps_its_error_rate() -> None:
    rng = np.random.default_rng(2)
    pairs = [tuple(pair) for pair in rng.binomial(400, 0.1, size=(6000, 2)).tolist()]
    table = {pair: difference_in_proportions(pair[0], 400, pair[1], 400).pvalue for pair in set(pairs)}
    rejected = np.mean([table[pair] < 0.05 for pair in pairs])
    assert rejected == pytest.approx(0.05, abs=0.0085)  # three standard errors of 6000 draws


def test_strata() -> None:
    # Within both strata the treatment is worse by a little; merged it looks much better.
    found = difference_in_proportions([80, 9], [1000, 100], [9, 100], [100, 1000])
    assert found.estimate == pytest.approx(-0.01, abs=1e-9)
    assert (found.n_treatment, found.n_control) == (1100, 1100)
    one = difference_in_proportions(80, 1000, 90, 1000)
    assert difference_in_proportions([80], [1000], [90], [1000]) == one
    partial = difference_in_proportions([80, 5], [1000, 9], [90, 0], [1000, 0])
    assert partial.left_out == 9
    assert partial._replace(left_out=0, method=one.method) == one


def test_stratified_intervals_and_test_cover() -> None:
    rng = np.random.default_rng(3)
    shares, n, m = [0.1, 0.4], [60, 20], [30, 50]
    st, sc = rng.binomial(n, shares, size=(4000, 2)), rng.binomial(m, shares, size=(4000, 2))
    found = [difference_in_proportions(s, n, r, m) for s, r in zip(st, sc, strict=True)]
    assert np.mean([one.ci_low <= 0 <= one.ci_high for one in found]) == pytest.approx(0.95, abs=0.011)
    assert np.mean([one.pvalue < 0.05 for one in found]) == pytest.approx(0.05, abs=0.011)


def test_statuses() -> None:
    none = difference_in_proportions(0, 100, 0, 100)
    assert (none.status, np.isnan(none.pvalue)) == ("zero_variance", True)
    assert -0.04 < none.ci_low < 0 < none.ci_high < 0.04
    assert difference_in_proportions(0, 0, 1, 10).status == "empty_arm"
    assert difference_in_proportions([1, 0], [2, 0], [0, 1], [0, 2]).status == "too_few"
    assert proportion_interval(0, 0).status == "too_few"


@pytest.mark.parametrize(
    "counts", [(5, 4, 1, 10), (-1, 4, 1, 10), (1.5, 4, 1, 10), ([1, 2], [3, 4], 1, 10), ([1], [1, 2], 1, 1)]
)
def test_wrong_counts_are_refused(counts: tuple[object, ...]) -> None:
    with pytest.raises(ArgumentError):
        difference_in_proportions(*counts)  # type: ignore[arg-type]
