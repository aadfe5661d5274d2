"""IPS, clipped IPS, SNIPS and rejection: their formulas, their truth, their degenerate inputs."""

import numpy as np
import pytest

from recsys.core.errors import ArgumentError, DataError
from recsys.ope.estimators import clipped_ips, ips, rejection, snips
from recsys.ope.feedback import Propensities
from recsys.ope.units import Units
from recsys.ope.weights import effective_n, importance_weights


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(3)
    users = np.sort(rng.integers(0, 200, 3000))
    requests = users * 100 + rng.integers(0, 6, 3000)
    return rng.gamma(1, size=3000), rng.binomial(1, 0.1, 3000).astype(float), users, requests


def test_plain_weighting_equals_numpy(log):
    w, r, users, requests = log
    n_users, n_requests = len(np.unique(users)), len(np.unique(requests))
    for estimand, n in (("impression", 3000), ("request", n_requests), ("user", n_users)):
        units = Units.of(estimand, requests=requests, users=users)
        assert units.n == n
        assert units.n_clusters == n_users
        assert ips(w, r, units).value == pytest.approx(np.dot(w, r) / n, rel=1e-12)
        assert clipped_ips(w, r, units, clip=1.5).value == pytest.approx(np.dot(np.clip(w, 0, 1.5), r) / n, rel=1e-12)
        assert snips(w, r, units).value == pytest.approx(np.average(r, weights=w) * 3000 / n, rel=1e-12)


def test_standard_errors_equal_textbook_formulas(log):
    w, r, _, _ = log
    assert ips(w, r).standard_error == pytest.approx((w * r).std(ddof=1) / np.sqrt(3000), rel=1e-12)
    v = np.average(r, weights=w)
    se = np.sqrt(np.sum(w**2 * (r - v) ** 2)) / w.sum()
    assert snips(w, r).standard_error == pytest.approx(se * np.sqrt(3000 / 2999), rel=1e-12)


def test_influence_is_the_jackknife_in_the_limit(log):
    w, r, users, requests = log
    for estimand in ("impression", "request", "user"):
        units = Units.of(estimand, requests=requests, users=users)
        full = snips(w, r, units)
        left = []
        for user in np.unique(users)[:20]:
            keep = users != user
            part = Units.of(estimand, requests=requests[keep], users=users[keep])
            left.append((full.value - snips(w[keep], r[keep], part).value) * (units.n_clusters - 1))
        # pseudo-values differ from the derivative by a relative O(1 / clusters), 200 here
        np.testing.assert_allclose(full.influence[:20], left, rtol=0.1, atol=0.02 * np.abs(full.influence).max())
        assert abs(full.influence.mean()) < 1e-12


def test_order_of_rows_does_not_matter(log):
    w, r, users, requests = log
    order = np.random.default_rng(1).permutation(3000)
    one = snips(w, r, Units.of("request", requests=requests, users=users))
    other = snips(w[order], r[order], Units.of("request", requests=requests[order], users=users[order]))
    assert other.value == pytest.approx(one.value, rel=1e-13)
    assert other.standard_error == pytest.approx(one.standard_error, rel=1e-12)


def test_a_constant_reward_comes_out_exactly(log):
    w, _, users, requests = log
    for units in (None, Units.of("impression", requests=requests, users=users)):
        found = snips(w, np.ones(3000), units)
        assert (found.value, found.standard_error, found.status) == (1.0, 0.0, "zero_variance")


def test_rejection_under_uniform_logging_is_the_replay_of_the_paper():
    rng = np.random.default_rng(8)
    shown, wanted, r = rng.integers(0, 10, 5000), rng.integers(0, 10, 5000), rng.random(5000)
    match = shown == wanted
    found = rejection(np.where(match, 10.0, 0.0), r, bound=10)
    assert found.value == pytest.approx(r[match].mean(), rel=1e-12)
    assert found.effective_n == pytest.approx(match.sum())


def test_rejection_corrects_for_the_logger_and_is_seeded():
    rng = np.random.default_rng(9)
    logging, target, quality = np.array([0.7, 0.2, 0.1]), np.array([0.2, 0.3, 0.5]), np.array([0.1, 0.4, 0.8])
    shown = rng.choice(3, size=60_000, p=logging)
    r = (rng.random(60_000) < quality[shown]).astype(float)
    found = rejection((target / logging)[shown], r, bound=5, seed=1)
    assert abs(found.value - target @ quality) < 4 * found.standard_error
    assert found.value == rejection((target / logging)[shown], r, bound=5, seed=1).value
    assert found.value != rejection((target / logging)[shown], r, bound=5, seed=2).value


def test_nothing_in_common_is_not_a_zero():
    for estimate in (ips, snips, rejection):
        found = estimate(np.zeros(50), np.ones(50))
        assert found.status == "zero_denominator"
        assert np.isnan(found.value)
        assert np.isnan(found.standard_error)


def test_too_little_is_typed():
    assert ips([], []).status == "empty_arm"
    assert ips([2.0], [1.0]).status == "too_few"
    assert snips([2.0, 0.0, 0.0], [1.0, 0.0, 0.0]).status == "too_few"
    assert ips([2.0, 0.5], [0.0, 0.0]).status == "zero_variance"
    one_user = Units.of("impression", users=[4, 4, 4])
    assert ips([1.0, 2.0, 1.0], [1.0, 0.0, 0.0], one_user).status == "too_few"


@pytest.mark.parametrize(
    ("weights", "rewards"), [([1.0, np.nan], [1, 1]), ([1.0, -1.0], [1, 1]), ([1.0], [1, 1]), ([1, 1], [1, np.inf])]
)
def test_what_is_no_weight_or_reward_is_refused(weights, rewards):
    with pytest.raises(ArgumentError):
        ips(weights, rewards)


def test_a_propensity_of_another_kind_is_refused():
    position, slate = Propensities(position=np.ones(2)), Propensities(slate=np.ones(2))
    with pytest.raises(ArgumentError, match="the target policy does not tell"):
        importance_weights(slate, position, "position")
    with pytest.raises(ArgumentError, match="the logging policy does not tell"):
        importance_weights(slate, position, "slate")


@pytest.mark.parametrize(
    ("target", "logging"), [([0.5], [0.0]), ([0.5], [1.2]), ([0.5], [np.nan]), ([-0.1], [0.5]), ([20.0], [0.5])]
)
def test_what_is_no_probability_is_refused(target, logging):
    with pytest.raises(DataError):
        importance_weights(Propensities(position=np.array(target)), Propensities(position=np.array(logging)))


def test_effective_n_does_not_overflow():
    assert effective_n([1e200, 1e200]) == 2.0
    assert effective_n([0.0]) == 0.0


def test_units_of_rows_without_a_user():
    users = np.array([-1, -1, 7, 7])
    assert Units.of("impression", users=users).codes.tolist() == [1, 2, 0, 0]
    with pytest.raises(DataError, match="2 rows name no user"):
        Units.of("user", users=users)
    with pytest.raises(ArgumentError, match="no requests"):
        Units.of("request", users=users)
    with pytest.raises(DataError, match="two users"):
        Units.of("request", requests=[0, 0], users=[1, 2])
