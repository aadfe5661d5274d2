"""Slate estimators: their expectation over all lists, exactly, under the assumption that each makes."""

from itertools import permutations

import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.ope.policies import Actions
from recsys.ope.slates import (
    cascade_dr,
    iips,
    pseudo_inverse,
    rips,
    running_products,
    sips,
    slate_units,
    uniform_slate_weights,
)

M, K = 5, 3
LISTS = np.array(list(permutations(range(M), K)))
OFFSETS = np.arange(0, LISTS.size + 1, K)


class Drawn:
    """A policy that draws lists from the top down without replacement, and all its propensities by enumeration."""

    def __init__(self, worth):
        self.above = np.empty(LISTS.shape)
        for place, shown in enumerate(LISTS):
            left = np.array(worth, float)
            for k, item in enumerate(shown):
                self.above[place, k] = left[item] / left.sum()
                left[item] = 0
        self.slate = self.above.prod(axis=1)
        self.marginal = np.zeros((K, M))
        for shown, p in zip(LISTS, self.slate, strict=True):
            self.marginal[np.arange(K), shown] += p
        self.position = self.marginal[np.arange(K), LISTS]

    def actions(self):
        n = LISTS.size
        probabilities = np.tile(self.marginal, (len(LISTS), 1)).ravel()
        return Actions(np.arange(0, n * M + 1, M), np.tile(np.arange(M, dtype=np.int32), n), probabilities)


LOGGER, TARGET = Drawn([5, 3, 2, 2, 1]), Drawn([1, 1, 3, 2, 6])
RNG = np.random.default_rng(6)
OWN, PAIR, ANY = RNG.random((K, M)), RNG.random((M, M)), RNG.random(LISTS.shape)
BY_OWN = OWN[np.arange(K), LISTS]
BY_ABOVE = BY_OWN + np.cumsum(PAIR[LISTS, LISTS[:, :1]], axis=1)


def expectation(found, logger=LOGGER):
    """Every list stands in the log once: weighted with its probability, terms give the exact expectation."""
    return float(logger.slate @ found.plain)


def truth(rewards):
    return float(TARGET.slate @ rewards.sum(axis=1))


def test_sips_is_unbiased_whatever_the_reward():
    found = sips(TARGET.slate / LOGGER.slate, ANY.ravel(), OFFSETS)
    assert expectation(found) == pytest.approx(truth(ANY), rel=1e-12)
    assert found.n == len(LISTS)


def test_iips_is_unbiased_when_positions_earn_by_themselves():
    weights = (TARGET.position / LOGGER.position).ravel()
    assert expectation(iips(weights, BY_OWN.ravel(), OFFSETS)) == pytest.approx(truth(BY_OWN), rel=1e-12)
    assert abs(expectation(iips(weights, ANY.ravel(), OFFSETS)) - truth(ANY)) > 1e-3


def test_rips_is_unbiased_when_rewards_depend_on_what_is_above():
    weights = (TARGET.above / LOGGER.above).ravel()
    assert expectation(rips(weights, BY_ABOVE.ravel(), OFFSETS)) == pytest.approx(truth(BY_ABOVE), rel=1e-12)


def test_cascade_dr_is_unbiased_with_any_model_and_varies_less_with_a_good_one():
    weights = (TARGET.above / LOGGER.above).ravel()

    def model(q):  # q: (lists, K), a function of the items through its position
        expected = np.zeros_like(q)
        for i, shown in enumerate(LISTS):
            for k in range(K):
                same = (LISTS[:, :k] == shown[:k]).all(axis=1)
                expected[i, k] = TARGET.slate[same] @ q[same, k] / TARGET.slate[same].sum()
        return cascade_dr(weights, BY_ABOVE.ravel(), q.ravel(), expected.ravel(), OFFSETS)

    def variance(found):
        return LOGGER.slate @ (found.plain - truth(BY_ABOVE)) ** 2

    wild = RNG.random((K, M))[np.arange(K), LISTS]
    assert expectation(model(wild)) == pytest.approx(truth(BY_ABOVE), rel=1e-12)
    good = model(BY_ABOVE)
    assert expectation(good) == pytest.approx(truth(BY_ABOVE), rel=1e-12)
    assert variance(good) < variance(rips(weights, BY_ABOVE.ravel(), OFFSETS))


@pytest.mark.parametrize("k", [1, 2, 3])
def test_pseudo_inverse_of_uniform_lists_equals_linear_algebra(k):
    lists = np.array(list(permutations(range(4), k)))
    n = len(lists)
    ones = np.zeros((n, k * 4))
    np.put_along_axis(ones.reshape(n, k, 4), lists[..., None], 1, axis=2)
    gamma = ones.T @ ones / n
    p = np.random.default_rng(k).dirichlet(np.ones(n))
    q = p @ ones
    marginal = np.tile(q.reshape(k, 4), (n, 1)).ravel()
    rows = n * k
    policy = Actions(np.arange(0, rows * 4 + 1, 4), np.tile(np.arange(4, dtype=np.int32), rows), marginal)
    found = uniform_slate_weights(policy, lists.ravel(), np.arange(0, rows + 1, k), 4)
    np.testing.assert_allclose(found, ones @ np.linalg.pinv(gamma) @ q, atol=1e-10)  # pinv of entries of order 1


def test_pseudo_inverse_of_whole_permutations_equals_linear_algebra():
    lists = np.array(list(permutations(range(3))))
    ones = np.eye(3)[lists].reshape(6, 9)
    p = np.random.default_rng(1).dirichlet(np.ones(6))
    q = p @ ones
    policy = Actions(
        np.arange(0, 18 * 3 + 1, 3), np.tile(np.arange(3, dtype=np.int32), 18), np.tile(q.reshape(3, 3), (6, 1)).ravel()
    )
    found = uniform_slate_weights(policy, lists.ravel(), np.arange(0, 19, 3), 3)
    np.testing.assert_allclose(found, ones @ np.linalg.pinv(ones.T @ ones / 6) @ q, atol=1e-10)


def test_pseudo_inverse_of_independent_positions_is_unbiased_for_sums():
    logger, target, worth = np.array([[0.7, 0.3], [0.4, 0.6]]), np.array([[0.2, 0.8], [0.5, 0.5]]), np.array([1.0, 3.0])
    lists = np.array([(a, b) for a in (0, 1) for b in (0, 1)])
    weights = target[[0, 1], lists] / logger[[0, 1], lists]
    total = worth[lists].sum(axis=1)
    rewards = np.column_stack([total, np.zeros(4)])  # only the sum is observed
    found = pseudo_inverse(weights.ravel(), rewards.ravel(), np.arange(0, 9, 2))
    chance = logger[[0, 1], lists].prod(axis=1)
    assert chance @ found.plain == pytest.approx((target @ worth).sum(), rel=1e-12)


def test_variance_falls_with_the_strength_of_the_assumption():
    def variance(found):
        return LOGGER.slate @ (found.plain - truth(BY_OWN)) ** 2

    r = BY_OWN.ravel()
    whole = variance(sips(TARGET.slate / LOGGER.slate, r, OFFSETS))
    above = variance(rips((TARGET.above / LOGGER.above).ravel(), r, OFFSETS))
    alone = variance(iips((TARGET.position / LOGGER.position).ravel(), r, OFFSETS))
    assert alone < above < whole


def test_running_products_of_ragged_slates():
    through, above = running_products(np.array([2.0, 3.0, 5.0, 7.0, 0.0, 2.0]), np.array([0, 1, 3, 6]))
    assert through.tolist() == [2, 3, 15, 7, 0, 0]
    assert above.tolist() == [1, 1, 3, 1, 7, 0]


def test_no_requests_no_slates():
    class Log:
        has_requests = False

    with pytest.raises(ArgumentError, match="names no requests"):
        slate_units(Log())


@pytest.mark.parametrize("offsets", [[0, 2], [1, 3], [0, 2, 2, 3], []])
def test_offsets_must_fit(offsets):
    with pytest.raises(ArgumentError):
        rips(np.ones(3), np.ones(3), offsets)


def test_no_list_in_common_is_typed():
    assert sips([0.0, 0.0], np.ones(4), [0, 2, 4]).status == "zero_denominator"
    assert sips([3.0, 0.0], np.ones(4), [0, 2, 4]).status == "too_few"
