"""Probabilities of given lists against every list there is."""

from itertools import permutations

import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.scoring.closed_forms import given_lists, position_tables
from recsys.scoring.draws import user_keys
from recsys.scoring.exploring import EpsilonGreedy, PlackettLuce

SCORES = np.array([3.0, 2.5, 1.0, -1.0, -2.0])
EXPLORERS = [
    None,
    EpsilonGreedy(0.3),
    EpsilonGreedy(1.0),
    PlackettLuce(0.7),
    PlackettLuce(1.3, by="score"),
]


def chance_of(explorer, scores, order):
    """Multiply the choices of a list, one after the other, as the explorer is documented."""
    left, chances = list(range(len(scores))), []
    for place in order:
        if isinstance(explorer, PlackettLuce):
            weight = [(r + 1) ** (-1 / explorer.temperature) for r in range(len(scores))]
            if explorer.by == "score":
                weight = np.exp(scores / explorer.temperature)
            chances.append(weight[place] / sum(weight[each] for each in left))
        else:
            epsilon = explorer.epsilon if explorer else 0.0
            chances.append(epsilon / len(left) + (1 - epsilon) * (place == min(left)))
        left.remove(place)
    return chances


@pytest.mark.parametrize("explorer", EXPLORERS, ids=repr)
@pytest.mark.parametrize(("size", "k"), [(5, 3), (4, 4), (2, 3), (1, 1)])
def test_the_probabilities_are_those_of_all_lists(explorer, size, k):
    scores = np.append(SCORES[:size], [-np.inf, -np.inf])
    lists = np.array(list(permutations(range(size), min(k, size))), dtype=np.int32)
    padded = np.full((len(lists), k), -1, np.int32)
    padded[:, : lists.shape[1]] = lists
    chances = np.array([chance_of(explorer, SCORES[:size], order) for order in lists.tolist()])
    whole = chances.prod(axis=1)
    told = given_lists(explorer, np.tile(scores, (len(lists), 1)), padded)
    np.testing.assert_allclose(told.given_above[:, : lists.shape[1]], chances, rtol=1e-12, atol=1e-15)
    marginals = np.zeros((size, k))
    for order, chance in zip(lists.tolist(), whole, strict=True):
        marginals[order, np.arange(len(order))] += chance
    expected = np.where(padded >= 0, marginals[padded, np.arange(k)], 0.0)
    # The quadrature of Plackett–Luce is good to ten digits; the other two are sums of a few products.
    np.testing.assert_allclose(told.position, expected, rtol=1e-9, atol=1e-14)
    table = position_tables(explorer, scores[None, :], k)[0]
    np.testing.assert_allclose(table[:size], marginals, rtol=1e-9, atol=1e-14)
    assert not table[size:].any()


@pytest.mark.parametrize("explorer", EXPLORERS[1:], ids=repr)
def test_drawn_lists_are_as_probable_as_the_draw_says(explorer):
    rng = np.random.default_rng(5)
    scores = -np.sort(-rng.normal(size=(40, 9)), axis=1)
    scores[20:, 6:] = -np.inf
    scores[39:, 2:] = -np.inf
    places, sample = explorer.draw(scores, user_keys(pl_ids(40), 3), 4, None)
    told = given_lists(explorer, scores, places)
    there = places >= 0
    np.testing.assert_allclose(told.position[there], sample.position[there], rtol=1e-9)
    np.testing.assert_allclose(told.given_above[there], sample.given_above[there], rtol=1e-12)
    assert not told.position[~there].any()


def pl_ids(n):
    import polars as pl

    return pl.Series(range(n))


@pytest.mark.parametrize("explorer", EXPLORERS, ids=repr)
def test_what_is_no_candidate_or_stands_above_cannot_be_shown(explorer):
    scores = np.append(SCORES[:3], -np.inf)[None, :]
    told = given_lists(explorer, scores, np.int32([[-1, 0, 0, 2]]))
    assert told.position[0, [0, 3]].tolist() == [0.0, 0.0]  # three candidates: the fourth position is empty
    assert told.given_above[0, 2] == 0.0
    alone = given_lists(explorer, scores, np.int32([[-1, 0, -1, -1]]))
    assert told.position[0, 1] == pytest.approx(alone.position[0, 1], rel=1e-12)


def test_other_explorers_are_refused():
    with pytest.raises(ArgumentError, match="EpsilonGreedy, PlackettLuce or None"):
        given_lists("softmax", SCORES[None, :], np.int32([[0]]))
