"""Reward models: against dense linear algebra, by their gradient, and never fitted on their own rows."""

import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.ope import rewards
from recsys.ope.model_based import dm
from recsys.ope.policies import Actions
from recsys.ope.regression import Features
from recsys.ope.rewards import cross_fitted


@pytest.fixture(scope="module")
def log():
    rng = np.random.default_rng(10)
    n, n_items = 400, 15
    codes = rng.integers(0, n_items, n)
    counts = rng.integers(0, 4, n)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    shown = rng.integers(-1, n_items, indptr[-1]).astype(np.int32)
    policy = Actions(indptr, shown, rng.random(indptr[-1]) / 4)
    features = Features(
        n_items,
        positions=rng.integers(1, 4, n),
        context=rng.normal(size=(n, 2)),
        items=rng.normal(size=(n_items, 2)),
        scores=(rng.normal(size=n), rng.normal(size=indptr[-1])),
    )
    return codes, policy, features, rng.binomial(1, 0.3, n).astype(float), rng.integers(0, 60, n)


def dense(codes, positions, context, items, scores, n_items):
    z = np.eye(n_items + 1)[codes][:, :n_items]
    f = np.vstack([items, np.zeros(items.shape[1])])[codes]
    places = np.column_stack([np.ones(len(codes)), positions == 2, positions == 3])
    return np.hstack([places, context, f, scores[:, None], z]).astype(float)


@pytest.mark.parametrize("family", ["ridge", "logistic"])
def test_equals_dense_regression(log, family):
    codes, policy, features, y, groups = log
    found = cross_fitted(
        y, codes, policy, features, groups=groups, family=family, folds=3, seed=4, penalty=2.0, pull=True
    )
    context = (features.context - features.context.mean(axis=0)) / features.context.std(axis=0)
    items = (features.items - features.items.mean(axis=0)) / features.items.std(axis=0)
    own, entries = features.scores
    entries, own = (entries - own.mean()) / own.std(), (own - own.mean()) / own.std()
    rows = np.repeat(np.arange(len(y)), np.diff(policy.indptr))
    x = dense(codes, features.positions, context, items, own, 15)
    x_entries = dense(policy.codes, features.positions[rows], context[rows], items, entries, 15)
    fold, pull = rewards._folds(len(y), groups, 3, 4), np.zeros(len(y))
    link = (lambda v: v) if family == "ridge" else (lambda v: 1 / (1 + np.exp(-v)))
    for one in range(3):
        train = fold != one
        a, b = x[train], y[train]
        base = b.mean() if family == "ridge" else np.log((b.sum() + 0.5) / (len(b) - b.sum() + 0.5))
        beta = np.zeros(a.shape[1])
        for _ in range(50):
            mean = link(base + a @ beta)
            weight = np.ones(len(b)) if family == "ridge" else mean * (1 - mean)
            hessian = a.T @ (a * weight[:, None]) + 2 * np.eye(len(beta))
            beta = beta + np.linalg.solve(hessian, a.T @ (b - mean) - 2 * beta)
        np.testing.assert_allclose(found.logged[~train], link(base + x[~train] @ beta), rtol=1e-8, atol=1e-9)
        predicted = link(base + x_entries @ beta)
        expected = np.bincount(rows, policy.probabilities * predicted, len(y))
        np.testing.assert_allclose(found.target[~train], expected[~train], rtol=1e-8, atol=1e-9)
        slope = np.ones(len(rows)) if family == "ridge" else predicted * (1 - predicted)
        rising = x_entries.T @ (policy.probabilities * slope * ~train[rows])
        pull[train] += a @ np.linalg.solve(hessian, rising) * (b - found.logged[train])
    np.testing.assert_allclose(found.pull, pull, rtol=1e-7, atol=1e-9)


def test_no_row_knows_the_rewards_of_its_own_user(log):
    codes, policy, features, y, groups = log
    mine = groups == groups[0]
    changed = np.where(mine, 1 - y, y)
    one, other = (cross_fitted(r, codes, policy, features, groups=groups) for r in (y, changed))
    np.testing.assert_array_equal(one.logged[mine], other.logged[mine])
    np.testing.assert_array_equal(one.target[mine], other.target[mine])
    assert not np.array_equal(one.logged[~mine], other.logged[~mine])


def test_chunks_do_not_show(log, monkeypatch):
    codes, policy, features, y, _ = log
    whole = cross_fitted(y, codes, policy, features, family="logistic")
    monkeypatch.setattr(rewards, "_ENTRIES", 7)
    parts = cross_fitted(y, codes, policy, features, family="logistic")
    np.testing.assert_allclose(parts.target, whole.target, rtol=1e-13)


def test_scores_alone_are_calibrated():
    rng = np.random.default_rng(3)
    score = rng.normal(size=5000)
    y = (rng.random(5000) < 1 / (1 + np.exp(2 - score))).astype(float)
    policy = Actions(np.arange(5001), np.zeros(5000, np.int32), np.ones(5000))
    found = cross_fitted(y, np.zeros(5000, int), policy, Features(scores=(score, score)), family="logistic")
    np.testing.assert_allclose(found.logged, found.target, rtol=1e-13)
    for low in (-2, -1, 0, 1):
        part = (score >= low) & (score < low + 1)
        error = np.sqrt(y[part].var() / part.sum())
        assert abs(found.logged[part].mean() - y[part].mean()) < 4 * error


def test_the_error_of_a_model_of_few_rows_an_item_is_told():
    """Residuals of fits that saw the row make the error over a quarter too small at four rows an item."""
    rng, found, told = np.random.default_rng(5), [], []
    policy = Actions(np.arange(0, 4001, 10), np.tile(np.arange(10, dtype=np.int32), 400), np.full(4000, 0.1))
    for _ in range(200):
        shown = rng.integers(0, 100, 400)
        y = 0.3 + rng.normal(size=400)
        one = cross_fitted(y, shown, policy, Features(100), pull=True, seed=rng)
        value = dm(one.target, pull=one.pull)
        found.append(value.value)
        told.append(value.standard_error)
    ratio = float(np.mean(told) / np.std(found, ddof=1))  # 200 repetitions know a deviation to 5 %
    assert 0.9 < ratio < 1.25


def test_all_zero_rewards_stay_finite(log):
    codes, policy, features, y, _ = log
    for family in ("ridge", "logistic"):
        found = cross_fitted(np.zeros_like(y), codes, policy, features, family=family)
        assert np.isfinite(found.target).all()
        assert np.abs(found.logged).max() < 0.02


def test_refused(log):
    codes, policy, features, y, _ = log
    for bad in (
        lambda: cross_fitted(y * 5, codes, policy, features, family="logistic"),
        lambda: cross_fitted(y[:-1], codes, policy, features),
        lambda: cross_fitted(y, codes, policy, features._replace(n_items=3)),
        lambda: cross_fitted(y, codes, policy, features._replace(context=np.full((400, 1), np.nan))),
        lambda: cross_fitted(y, codes, policy, features, groups=np.zeros(400, int)),
        lambda: cross_fitted(y, codes, policy, features, penalty=0),
    ):
        with pytest.raises(ArgumentError):
            bad()
