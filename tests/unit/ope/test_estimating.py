"""Estimated propensities against the policy that wrote a log."""

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.ope import LoggedFeedback, estimate_propensities


def logged(n, seed=0):
    """Write a log whose policy looks at the country and the position, by additive logits."""
    rng = np.random.default_rng(seed)
    of_country, of_position = rng.normal(size=(3, 6)), rng.normal(size=(2, 6))
    country, position = rng.integers(0, 3, n), rng.integers(0, 2, n)
    chances = np.exp(of_country[country] + of_position[position])
    chances /= chances.sum(axis=1, keepdims=True)
    items = (rng.random((n, 1)) > np.cumsum(chances, axis=1)).sum(axis=1)
    frame = pl.DataFrame(
        {
            "event_id": np.arange(n),
            "item_id": items,
            "position": position + 1,
            "country": np.array(["DE", "FR", "SE"])[country],
            "truth": chances[np.arange(n), items],
            "click": rng.random(n) < 0.2 + 0.1 * items,
        }
    )
    return LoggedFeedback.from_frame(frame, reward="click")


def test_a_policy_that_chose_by_these_columns_is_found():
    log = logged(40_000)
    told = estimate_propensities(log, ["country"])
    truth = log.context["truth"].to_numpy()
    # 40,000 rows over 6 × 6 cells: about 1,100 a cell, so a relative standard error of √((1 − p) / (p · 6,700)),
    # 4 % where p is .1 and at most 11 % where it is .01; the mean over rows is far below the largest.
    relative = told.propensities.position / truth - 1
    assert np.abs(relative).mean() < 0.03
    assert np.abs(relative).max() < 0.25
    assert told.estimated
    assert not log.estimated
    assert told.propensities.slate is None
    assert any("estimated" in note for note in told.notes)
    assert not any("has no propensities" in note for note in told.notes)
    # Weights to the uniform policy have the mean 1, as right propensities have.
    weights = 1 / 6 / told.propensities.position
    assert weights.mean() == pytest.approx(1, abs=4 * weights.std() / np.sqrt(len(log)))


def test_without_the_column_that_mattered_it_is_the_mean_over_it():
    log = logged(20_000)
    told = estimate_propensities(log, ridge=0)
    for position in (1, 2):
        at = log.positions == position
        shares = np.bincount(log.actions[at], minlength=6) / at.sum()
        # one temperature fits both halves: about 1, and the shares to its sampling error
        np.testing.assert_allclose(told.propensities.position[at], shares[log.actions[at]], rtol=0.02)


def test_a_small_log_is_shrunk_towards_the_shares_of_items():
    rng = np.random.default_rng(1)
    frame = {"item_id": rng.integers(0, 3, 60), "site": rng.integers(0, 30, 60).astype(str), "click": np.ones(60)}
    log = LoggedFeedback.from_frame(frame)
    loose, tight = (estimate_propensities(log, "site", ridge=ridge).propensities.position for ridge in (0.1, 1e4))
    shares = np.bincount(log.actions) / 60
    assert np.abs(tight - shares[log.actions]).max() < 0.12  # the temperature may flatten them
    assert np.abs(loose - shares[log.actions]).max() < 0.7


def test_small_ones_are_raised_and_counted():
    log = LoggedFeedback.from_frame({"item_id": [0] * 999 + [1], "click": [0] * 1000})
    told = estimate_propensities(log, clip=0.05)
    assert told.propensities.position.min() == 0.05
    assert any("1 rows raised to 0.05" in note for note in told.notes)


def test_the_same_log_gives_the_same_bytes_in_any_order():
    rng = np.random.default_rng(3)
    frame = pl.DataFrame(
        {
            "item_id": rng.integers(0, 4, 200),
            "event_id": np.arange(200),
            "shop": rng.choice(["a", "b"], 200),
            "click": 1.0,
        }
    )
    first = estimate_propensities(LoggedFeedback.from_frame(frame), ["shop"])
    second = estimate_propensities(
        LoggedFeedback.from_frame(frame.sample(fraction=1.0, shuffle=True, seed=2)), ["shop"]
    )
    assert first.propensities.position.tobytes() == second.propensities.position.tobytes()


def test_wrong_turns_are_refused():
    log = logged(50)
    with pytest.raises(NotFoundError, match="did you mean 'country'"):
        estimate_propensities(log, ["countri"])
    with pytest.raises(DataError, match="empty"):
        estimate_propensities(log.keep(np.zeros(50, np.bool_)))
    with pytest.raises(ArgumentError, match="clip is 1"):
        estimate_propensities(log, clip=1)
    with pytest.raises(ArgumentError, match="has propensities"):
        estimate_propensities(estimate_propensities(log))
    numbers = {"item_id": [1] * 1001, "age": np.arange(1001.0), "click": [1] * 1001}
    with pytest.raises(ArgumentError, match="age has 1,001 different values"):
        estimate_propensities(LoggedFeedback.from_frame(numbers, reward="click"), ["age"])
    one = LoggedFeedback.from_frame({"item_id": [1], "click": [1]})
    assert estimate_propensities(one).propensities.position.tolist() == [1.0]
