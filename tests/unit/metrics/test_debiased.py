from __future__ import annotations

from math import log2

import numpy as np
import pytest
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError
from recsys.metrics import MetricContext, user_metrics
from recsys.simulation import simulate
from recsys.simulation.exposure import logged_exposure


def value(lists: list[list[int]], relevant: list[list[int]], metric: str, **known: object) -> list[float]:
    found = user_metrics(
        np.array(lists, np.int32),
        csr_array(np.array(relevant, np.float32)),
        [metric],
        context=MetricContext(**known),  # type: ignore[arg-type]
    )
    return list(found[metric].tolist())


EVENTS = np.array([100, 25, 4, 0])


def test_weights_by_hand() -> None:
    # Square roots 10, 5, 2, 1 of the events: weights 1, 2, 5, 10.
    lists, relevant = [[0, 2, -1], [3, 1, 0], [0, 1, 2]], [[1, 1, 1, 0], [0, 1, 0, 1], [0, 0, 0, 0]]
    assert value(lists, relevant, "debiased_recall@2", item_events=EVENTS)[:2] == pytest.approx([6 / 8, 1])
    ndcg = value(lists, relevant, "debiased_ndcg@2", item_events=EVENTS)
    assert ndcg[0] == pytest.approx((1 + 5 / log2(3)) / (5 + 2 / log2(3)))
    assert ndcg[1] == 1
    assert np.isnan(ndcg[2])


def test_clip_and_power() -> None:
    lists, relevant = [[3]], [[1, 0, 0, 1]]
    # 1 / 100 of the largest propensity exactly, at power 1: a weight of 100 beside one of 1.
    assert value(lists, relevant, "debiased_recall(power=1)@1", item_events=EVENTS) == pytest.approx([100 / 101])
    assert value(lists, relevant, "debiased_recall(power=1.5)@1", item_events=EVENTS) == pytest.approx([100 / 101])


def test_equal_exposure_is_the_plain_metric() -> None:
    rng = np.random.default_rng(1)
    lists = np.argsort(rng.random((50, 30)), axis=1)[:, :10].astype(np.int32)
    relevant = csr_array((rng.random((50, 30)) < 0.2).astype(np.float32))
    names = ["recall@10", "debiased_recall@10", "ndcg@10", "debiased_ndcg@10"]
    found = user_metrics(lists, relevant, names, context=MetricContext(item_events=np.full(30, 7)))
    np.testing.assert_allclose(found["debiased_recall@10"], found["recall@10"], rtol=1e-12)
    np.testing.assert_allclose(found["debiased_ndcg@10"], found["ndcg@10"], rtol=1e-12)


def test_an_item_twice_counts_once() -> None:
    assert value([[0, 0]], [[1, 1, 0, 0]], "debiased_recall@2", item_events=np.ones(4)) == [0.5]


@pytest.mark.parametrize("exposure", [np.zeros(4), np.array([1.0, np.nan, 1.0, 1.0]), np.ones(3)])
def test_what_is_no_exposure(exposure: object) -> None:
    with pytest.raises(ArgumentError):
        value([[0]], [[1, 0, 0, 0]], "debiased_recall@1", item_events=EVENTS, exposure=exposure)


def test_known_exposure_gives_back_the_recall_of_everything_liked() -> None:
    service = simulate(users=400, items=60, days=10, seed=3)
    world = service.truth.world
    exposure = logged_exposure(world, 0)[0]
    shown = np.flatnonzero(exposure > 0)
    exposure = exposure[shown] / exposure[shown].max()
    rng = np.random.default_rng(4)
    users = np.arange(1, 401)
    liking = service.truth.preference(np.repeat(users, len(shown)), np.tile(shown + 1, 400)).reshape(400, -1)
    liked = rng.random(liking.shape) < 3 * liking / liking.max()
    seen = liked & (rng.random(liked.shape) < exposure)
    both = seen.any(axis=1) & liked.any(axis=1)
    lists = np.tile(np.argsort(-exposure, kind="stable")[:10].astype(np.int32), (int(both.sum()), 1))
    known = MetricContext(item_events=np.ones(len(shown)), exposure=exposure)

    def mean(pairs: np.ndarray, metric: str) -> float:
        relevance = csr_array(pairs[both].astype(np.float32))
        return float(user_metrics(lists, relevance, [metric], context=known)[metric].mean())

    truth, plain, debiased = mean(liked, "recall@10"), mean(seen, "recall@10"), mean(seen, "debiased_recall@10")
    assert plain > truth + 0.05  # the most exposed items look better than they are
    assert abs(debiased - truth) < abs(plain - truth) / 3
