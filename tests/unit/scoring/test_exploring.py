"""Draws and their propensities: against enumeration, against frequencies, and in an estimate that rests on them."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from recsys.core.errors import ArgumentError
from recsys.scoring import EpsilonGreedy, PlackettLuce
from recsys.scoring.draws import user_keys
from recsys.scoring.exploring import Drawn, Explorer, epsilon_marginals

Array = np.ndarray[Any, Any]
EXPLORERS: dict[str, Any] = {
    "epsilon": EpsilonGreedy(0.4, seed=1),
    "epsilon 0": EpsilonGreedy(0.0, seed=1),
    "epsilon 1": EpsilonGreedy(1.0, seed=1),
    "rank": PlackettLuce(0.8, seed=1),
    "score": PlackettLuce(1.0, by="score", seed=1),
    "sharp": PlackettLuce(0.001, by="score", seed=1),
}
SCORES = np.array([2.0, 1.5, 1.5, 0.2, -1.0])


def draw(explorer: Explorer, scores: Array, users: int, k: int, start: int = 0) -> Drawn:
    keys = user_keys(pl.Series(np.arange(start, start + users)), explorer.seed or 0)
    return explorer.draw(np.tile(scores, (users, 1)), keys, k, 1)


def all_lists(explorer: Any, scores: Array, k: int) -> dict[tuple[int, ...], float]:
    """The probability of every ordered list, from the definition of the policy."""
    size = len(scores)

    def step(left: list[int]) -> list[float]:
        if isinstance(explorer, EpsilonGreedy):
            return [explorer.epsilon / len(left) + (1 - explorer.epsilon) * (place == min(left)) for place in left]
        best = min(range(size), key=lambda place: -scores[place])
        of = {place: -math.log(place + 1) if explorer.by == "rank" else scores[place] - scores[best] for place in left}
        weights = [math.exp(max(of[place] / explorer.temperature, -50)) for place in left]
        return [weight / sum(weights) for weight in weights]

    found = {}
    for listed in itertools.permutations(range(size), min(k, size)):
        left, probability = list(range(size)), 1.0
        for place in listed:
            probability *= step(left)[left.index(place)]
            left.remove(place)
        found[listed] = probability
    return found


@pytest.mark.parametrize("k", [1, 3, 5, 7])
@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("name", EXPLORERS)
def test_the_propensities_are_those_of_the_policy(name: str, size: int, k: int) -> None:
    explorer, scores = EXPLORERS[name], SCORES[:size]
    lists = all_lists(explorer, scores, k)
    assert sum(lists.values()) == pytest.approx(1)
    places, sample = draw(explorer, scores, 300, k)
    width = min(k, size)
    assert (places[:, width:] == -1).all()
    assert np.isnan(sample.position[:, width:]).all()
    assert np.isnan(sample.given_above[:, width:]).all()
    for row, listed in enumerate(places[:, :width]):
        slate = lists[tuple(listed.tolist())]
        assert sample.slate[row] == pytest.approx(slate, rel=1e-9)
        assert np.prod(sample.given_above[row, :width]) == pytest.approx(slate, rel=1e-9)
        for slot in range(width):
            marginal = sum(value for other, value in lists.items() if other[slot] == listed[slot])
            assert sample.position[row, slot] == pytest.approx(marginal, rel=1e-9, abs=1e-30)
            best = min(set(range(size)) - set(listed[:slot].tolist()))
            assert sample.explored[row, slot] == (listed[slot] != best)


@pytest.mark.parametrize("name", ["epsilon", "epsilon 1", "rank", "score"])
def test_lists_come_as_often_as_stated(name: str) -> None:
    """Chi-square over all 60 ordered lists; the seeds are fixed, so the level of 1e-3 is passed or failed for good."""
    explorer, users, k = EXPLORERS[name], 60_000, 3
    places, _ = draw(explorer, SCORES, users, k)
    lists = all_lists(explorer, SCORES, k)
    counts = dict.fromkeys(lists, 0)
    for listed, times in zip(*np.unique(places, axis=0, return_counts=True), strict=True):
        counts[tuple(listed.tolist())] = int(times)
    expected = np.array(list(lists.values())) * users
    assert expected.min() > 5
    assert stats.chisquare(list(counts.values()), expected).pvalue > 1e-3
    wrong = np.roll(expected, 1)  # the test can fail
    assert stats.chisquare(list(counts.values()), wrong).pvalue < 1e-3 or name == "epsilon 1"


@pytest.mark.parametrize(
    "explorer",
    [PlackettLuce(0.7, seed=5), PlackettLuce(0.3, by="score", seed=5), EpsilonGreedy(0.5, seed=5)],
    ids=["rank", "score", "epsilon"],
)
def test_marginals_of_a_large_pool_are_those_of_many_draws(explorer: Explorer) -> None:
    """Too large to enumerate: the stated marginals against the frequencies of other draws, within their error."""
    scores, users, k = -np.sort(-np.random.default_rng(1).normal(size=40)), 20_000, 5
    stated = np.full((40, k), np.nan)
    places, sample = draw(explorer, scores, users, k)
    stated[places, np.arange(k)] = sample.position
    others = draw(explorer, scores, users, k, start=users).places
    frequency = np.stack([np.bincount(others[:, slot], minlength=40) for slot in range(k)], axis=1) / users
    known = np.isfinite(stated) & (stated * users > 20)
    error = np.sqrt(stated * (1 - stated) / users)
    gaps = ((frequency - stated) / error)[known]
    # At most 200 nearly normal gaps: one beyond 4.5 comes one time in 700; a variance near 1.
    assert known.sum() > 50
    assert np.abs(gaps).max() < 4.5
    assert 0.6 < gaps.var() < 1.5


def test_epsilon_marginals_sum_to_one() -> None:
    for size, k, epsilon in itertools.product((1, 3, 10, 200), (1, 4, 10), (0.0, 0.2, 1.0)):
        table = epsilon_marginals(size, k, epsilon)
        width = min(size, k)
        total = table[:-1].sum(axis=0) + max(size - width, 0) * table[-1]
        assert total[:width] == pytest.approx(1)
        assert (total[width:] == 0).all()


@pytest.mark.parametrize("name", EXPLORERS)
def test_a_user_has_one_draw_whoever_else_is_served(name: str) -> None:
    explorer = EXPLORERS[name]
    together = draw(explorer, SCORES, 50, 4)
    for user in (0, 17, 49):
        alone = draw(explorer, SCORES, 1, 4, start=user)
        assert alone.places.tolist() == together.places[[user]].tolist()
        for one, many in zip(alone.sample, together.sample, strict=True):
            np.testing.assert_array_equal(one[0], many[user])


@given(st.sampled_from(sorted(EXPLORERS)), st.lists(st.integers(0, 6), min_size=1, max_size=8), st.integers(1, 8))
def test_pools_of_all_lengths(name: str, sizes: list[int], k: int) -> None:
    """Nothing comes from an empty slot, nothing twice, nothing is left out while a slot is free."""
    scores = np.where(np.arange(6) < np.array(sizes)[:, None], -np.arange(6.0), -np.inf)
    keys = user_keys(pl.Series(range(len(sizes))), 3)
    places, sample = EXPLORERS[name].draw(scores, keys, k, 1)
    for size, listed, slate in zip(sizes, places.tolist(), sample.slate, strict=True):
        real = listed[: min(k, size)]
        assert len(set(real)) == len(real)
        assert all(0 <= place < size for place in real)
        assert set(listed[min(k, size) :]) <= {-1}
        assert 0 < slate <= 1
    filled = places >= 0
    assert ((sample.position[filled] > 0) & (sample.position[filled] <= 1)).all()
    assert np.isnan(sample.position[~filled]).all()


def test_inverse_propensities_estimate_another_policy() -> None:
    """Logged by a draw, a target policy that always shows item 2 first, and clicks of known probability."""
    users, clicks = 20_000, np.array([0.1, 0.3, 0.6, 0.2, 0.05])
    for explorer in (EpsilonGreedy(0.5, seed=2), PlackettLuce(1.0, seed=2)):
        places, sample = draw(explorer, SCORES, users, 3)
        clicked = np.random.default_rng(8).random((users, 3)) < clicks[places]
        # Value of slot 2 under "item 2 in slot 2", by position propensities.
        weights = (places[:, 1] == 2) / sample.position[:, 1]
        terms = weights * clicked[:, 1]
        error = terms.std() / math.sqrt(users)
        assert abs(weights.mean() - 1) < 4 * weights.std() / math.sqrt(users)
        assert abs(terms.mean() - clicks[2]) < 4 * error
        # A whole list, by slate propensities.
        listed = (places == [1, 0, 3]).all(axis=1) / sample.slate
        value = listed * clicked.sum(axis=1)
        assert abs(value.mean() - clicks[[1, 0, 3]].sum()) < 4 * value.std() / math.sqrt(users)


def test_a_probability_too_small_for_a_float_is_unknown_not_zero() -> None:
    places, sample = draw(EpsilonGreedy(1.0, seed=1), -np.arange(400.0), 3, 200)
    assert np.isnan(sample.slate).all()
    assert (places >= 0).all()
    assert np.allclose(sample.position, 1 / 400)


def test_seeds_and_parameters() -> None:
    assert EpsilonGreedy(0.1).seeded().seed is not None
    assert EpsilonGreedy(0.1, seed=3).seeded() == EpsilonGreedy(0.1, seed=3)
    assert PlackettLuce().seeded().seed is not None
    told = PlackettLuce(np.float32(0.5), pool=np.int64(9), seed=np.int64(3)).to_dict()  # type: ignore[arg-type]
    assert json.loads(json.dumps(told)) == told
    for make in (
        lambda: EpsilonGreedy(1.5),
        lambda: EpsilonGreedy(0.1, pool=0),
        lambda: EpsilonGreedy(0.1, seed=-1),
        lambda: PlackettLuce(0.0),
        lambda: PlackettLuce(by="clicks"),  # type: ignore[arg-type]
    ):
        with pytest.raises(ArgumentError):
            make()
