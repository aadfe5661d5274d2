"""Intervals against references, coverage in synthetic bandits, and what each refuses."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from recsys.core.errors import ArgumentError
from recsys.ope.differences import difference, differences
from recsys.ope.estimators import clipped_ips, ips, rejection, snips
from recsys.ope.intervals import bootstrap, delta_interval, empirical_bernstein, exact_interval, interval
from recsys.ope.model_based import dm
from recsys.ope.units import Units
from recsys.stats import holm

LOGGING, TARGET = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
QUALITY = np.array([0.1, 0.3, 0.6])
TRUTH, BOUND = float(TARGET @ QUALITY), 2.5


def bandit(rng, n):
    shown = rng.choice(3, size=n, p=LOGGING)
    return (TARGET / LOGGING)[shown], (rng.random(n) < QUALITY[shown]).astype(float)


def clustered(rng, users):
    """Users differ in how much they click, and in how many impressions they have."""
    sizes = rng.integers(1, 12, users)
    codes = np.repeat(np.arange(users), sizes)
    taste = rng.beta(2, 2, users) * 2
    shown = rng.choice(3, size=len(codes), p=LOGGING)
    rewards = (rng.random(len(codes)) < np.minimum(QUALITY[shown] * taste[codes] * 0.8, 1)).astype(float)
    return (TARGET / LOGGING)[shown], rewards, codes


def covered(draw, repetitions, truth):
    rng = np.random.default_rng(5)
    found = [draw(rng) for _ in range(repetitions)]
    return np.mean([one.ci_low <= truth <= one.ci_high for one in found]), np.mean(
        [x.ci_high - x.ci_low for x in found]
    )


@pytest.mark.parametrize("estimate", [ips, snips])
def test_delta_covers(estimate):
    rate, _ = covered(lambda rng: delta_interval(estimate(*bandit(rng, 500))), 3000, TRUTH)
    assert 0.935 <= rate <= 0.965  # 4 standard errors of 3,000 repetitions: 0.016


def test_delta_covers_with_clusters_and_not_without():
    truth = float(np.mean([TARGET @ (QUALITY * t * 0.8) for t in np.random.default_rng(0).beta(2, 2, 200_000) * 2]))

    def draw(rng, use):
        w, r, codes = clustered(rng, 200)
        return delta_interval(snips(w, r, Units.of("impression", users=codes) if use else None))

    assert 0.93 <= covered(lambda rng: draw(rng, True), 1500, truth)[0] <= 0.97
    assert covered(lambda rng: draw(rng, False), 1500, truth)[0] < 0.93


def test_bootstrap_covers_with_clusters():
    truth = float(TARGET @ (QUALITY * 0.8))  # the mean taste is 1, and no share exceeds 1

    def draw(rng):
        w, r, codes = clustered(rng, 200)
        return bootstrap(
            snips(w, r, Units.of("impression", users=codes)), replicates=400, seed=int(rng.integers(2**31))
        )

    assert 0.925 <= covered(draw, 800, truth)[0] <= 0.975  # 3 standard errors: 0.023


def test_bootstrap_agrees_with_the_delta_method():
    w, r, codes = clustered(np.random.default_rng(4), 2000)
    for estimand in ("impression", "user"):
        for estimate in (ips, snips):
            found = estimate(w, r, Units.of(estimand, users=codes))
            drawn = bootstrap(found, replicates=2000, seed=3)
            assert drawn.standard_error == pytest.approx(found.standard_error, rel=0.07)  # 4 × 1 / √(2 × 2000)
    assert bootstrap(found, seed=3) == bootstrap(found, seed=3)


def test_a_constant_reward_has_no_width():
    w, _, codes = clustered(np.random.default_rng(4), 300)
    found = snips(w, np.ones(len(w)), Units.of("impression", users=codes))
    for method in ("delta", "bootstrap"):
        one = interval(found, method)
        assert (one.estimate, one.ci_low, one.ci_high, one.status) == (1.0, 1.0, 1.0, "zero_variance")


def test_guaranteed_intervals_cover_and_are_wider():
    def draws(method):
        return covered(lambda rng: interval(ips(*bandit(rng, 300)), method, bound=BOUND), 400, TRUTH)

    delta = covered(lambda rng: delta_interval(ips(*bandit(rng, 300))), 400, TRUTH)[1]
    for method, at_most in (("bernstein", 2.5), ("sequence", 2.0)):
        rate, width = draws(method)
        assert rate >= 0.95
        assert delta < width < at_most * delta  # guaranteed, and not by being trivial


def test_empirical_bernstein_by_hand():
    terms = np.random.default_rng(1).random(100)
    one = empirical_bernstein(ips(np.ones(100), terms), bound=1.0, confidence=0.9)
    logarithm = np.log(4 / 0.1)
    half = np.sqrt(2 * terms.var(ddof=1) * logarithm / 100) + 7 * logarithm / (3 * 99)
    assert one.ci_low == pytest.approx(terms.mean() - half, rel=1e-12)
    assert empirical_bernstein(ips(np.ones(100), np.zeros(100)), bound=1.0).ci_high > 0.05  # zeros prove little


@pytest.mark.parametrize(("hits", "kept"), [(0, 20), (3, 40), (40, 40), (17, 100)])
def test_exact_interval_equals_scipy(hits, kept):
    found = exact_interval(rejection(np.ones(kept), np.arange(kept) < hits, bound=1))
    reference = scipy_stats.binomtest(hits, kept).proportion_ci(0.95, method="exact")
    assert found.ci_low == pytest.approx(reference.low, rel=1e-9)
    assert found.ci_high == pytest.approx(reference.high, rel=1e-9)


def test_exact_interval_covers():
    rate, _ = covered(lambda rng: exact_interval(rejection(*bandit(rng, 150), bound=BOUND, seed=rng)), 1000, TRUTH)
    assert rate >= 0.95


def test_what_does_not_apply_is_refused():
    w, r, codes = clustered(np.random.default_rng(4), 50)
    by_user = Units.of("impression", users=codes)
    for refused in (
        lambda: empirical_bernstein(ips(w, r), bound=0.5),
        lambda: empirical_bernstein(snips(w, r), bound=BOUND),
        lambda: empirical_bernstein(ips(w, r, by_user), bound=BOUND),
        lambda: interval(ips(w, r), "bernstein"),
        lambda: exact_interval(ips(w, r)),
        lambda: exact_interval(rejection(w, r, by_user)),
        lambda: exact_interval(rejection(w, r * 0.5)),
        lambda: bootstrap(ips(w, r), replicates=10),
        lambda: difference(ips(w, r), ips(w, r, by_user)),
    ):
        with pytest.raises(ArgumentError):
            refused()


@pytest.mark.parametrize("method", ["bernstein", "sequence"])
@pytest.mark.parametrize("pull", [None, np.zeros(400)])
def test_what_a_model_expects_has_no_guaranteed_interval(method, pull):
    expected = np.random.default_rng(5).uniform(0.4, 0.5, 400)  # as near to each other as no rewards are
    with pytest.raises(ArgumentError, match="the terms of dm hang together") as caught:
        interval(dm(expected, pull=pull), method, bound=1.0)
    assert "interval='delta' or 'bootstrap'" in str(caught.value)
    cloaked = dm(expected, pull=np.ones(400)).named("mine")
    with pytest.raises(ArgumentError, match="the terms of mine hang together"):
        interval(cloaked, method, bound=1.0)


def test_degenerate_values_have_no_interval():
    for found, status in (
        (ips(np.zeros(5), np.ones(5)), "zero_denominator"),
        (ips([2.0], [1.0]), "too_few"),
        (snips([], []), "empty_arm"),
    ):
        for method in ("delta", "bootstrap", "bernstein", "sequence"):
            if found.estimator == "snips" and method in ("bernstein", "sequence"):
                continue
            one = interval(found, method, bound=2.0)
            assert one.status == status
            assert np.isnan(one.ci_low)


def test_paired_difference_covers_and_is_narrower_than_apart():
    other = np.array([0.3, 0.2, 0.5])
    truth = TRUTH - float(other @ QUALITY)
    rng, inside, ratio = np.random.default_rng(2), [], []
    for _ in range(2000):
        shown = rng.choice(3, size=400, p=LOGGING)
        r = (rng.random(400) < QUALITY[shown]).astype(float)
        one, two = snips((TARGET / LOGGING)[shown], r), snips((other / LOGGING)[shown], r)
        found = difference(one, two)
        inside.append(found.ci_low <= truth <= found.ci_high)
        ratio.append(found.standard_error / np.hypot(one.standard_error, two.standard_error))
    assert 0.93 <= np.mean(inside) <= 0.97
    assert np.mean(ratio) < 0.5


def test_paired_bootstrap_agrees_with_delta():
    w, r, codes = clustered(np.random.default_rng(4), 1500)
    units = Units.of("request", requests=codes, users=codes)
    one, two = snips(w, r, units), ips(np.ones(len(w)), r, units)
    delta, drawn = difference(one, two), difference(one, two, method="bootstrap", replicates=2000)
    assert drawn.standard_error == pytest.approx(delta.standard_error, rel=0.07)
    assert drawn.estimate == delta.estimate


def test_differences_are_adjusted_over_the_candidates():
    w, r, _ = clustered(np.random.default_rng(4), 300)
    base = ips(np.ones(len(w)), r)
    found = differences({"a": ips(w, r), "b": clipped_ips(w, r, clip=1), "same": base}, base)
    assert found["same"].status == "zero_variance"
    assert np.isnan(found["same"].adjusted_pvalue)
    adjusted = holm([one.pvalue for one in found.values()])
    np.testing.assert_array_equal([one.adjusted_pvalue for one in found.values()], adjusted)
    assert found["a"].adjusted_pvalue > found["a"].pvalue or found["b"].adjusted_pvalue > found["b"].pvalue
