"""Replays of learning policies against the same policies online, in a world whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.ope import BetaThompson, GreedyLearner, LinearThompson, LinUCB, replay_learning
from tests.unit.ope.learning.worlds import World

LEARNERS = {
    "linucb": LinUCB(["group"], alpha=0.5),
    "thompson": LinearThompson(["group"], scale=0.5),
    "beta": BetaThompson(),
    "greedy": GreedyLearner(),
}


@pytest.mark.parametrize("even", [True, False])
def test_replays_are_unbiased(even: bool) -> None:
    """The mean over many logs is what the policy earns online on the average, learning curve and all."""
    world, rng = World.of(1.0), np.random.default_rng(11)
    n, logs = (800, 120) if even else (2000, 120)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in LEARNERS}
    for number in range(logs):
        replayed = replay_learning(LEARNERS, world.logged(rng, n, even=even), reward="click", seed=number, replicates=0)
        for name in LEARNERS:
            curve = replayed.curves[name]
            found[name].append((replayed[name].value, curve[0].value))
    for name, values in found.items():
        online = world.online(rng, 1500, 200, name)
        whole, first = np.array(values).T
        truth = np.array([online.mean(), online[:, :50].mean()])
        run_error = online.mean(axis=1).std() / np.sqrt(len(online))
        for estimate, expected in ((whole, truth[0]), (first, truth[1])):
            error = np.hypot(estimate.std() / np.sqrt(logs), run_error)
            assert abs(estimate.mean() - expected) < 4 * error, (name, estimate.mean(), expected, error)


def test_intervals_cover_what_a_policy_earns_on_the_average() -> None:
    """Of 100 intervals of 95 % at least 88 do (one time in 400 they would not), for one that settles on an item too.

    The interval of one replay alone covers 75 % here: it does not know that another replay would settle elsewhere.
    """
    world, rng = World.of(1.0), np.random.default_rng(21)
    learners = {name: LEARNERS[name] for name in ("linucb", "beta")}
    covered = dict.fromkeys(learners, 0)
    truth = {name: world.online(rng, 2000, 100, name).mean() for name in learners}
    for number in range(100):
        found = replay_learning(learners, world.logged(rng, 400, even=True), reward="click", seed=number, replicates=30)
        for name in learners:
            covered[name] += found[name].ci_low <= truth[name] <= found[name].ci_high
    assert min(covered.values()) >= 88, covered
