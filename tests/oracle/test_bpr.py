"""BPR kernels against their twins, to the bit; threads and SIMD paths change nothing; the gradient is the gradient."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError, DataError
from recsys.kernels.bpr import bpr_epoch, bpr_users

SHAPES = st.tuples(st.integers(1, 200), st.integers(1, 200))


def made(shape, density, d, seed):
    """Pairs, vectors of users and items, biases."""
    rng = np.random.default_rng(seed)
    pairs = csr_array((rng.random(shape) < density).astype(np.float32))
    vectors = (rng.normal(0, 0.5, (n, d)).astype(np.float32) for n in shape)
    return pairs, *vectors, rng.normal(0, 0.5, shape[1]).astype(np.float32)


def epoch(world, kernels="compiled", simd="", **settings):
    pairs, *vectors = world
    vectors = [part.copy() for part in vectors]
    before = {name: os.environ.get(name) for name in ("RECSYS_KERNELS", "RECSYS_SIMD")}
    try:
        os.environ.update({"RECSYS_KERNELS": kernels, "RECSYS_SIMD": simd})
        bpr_epoch(pairs, *vectors, **{"learning_rate": 0.1, "regularization": 0.01, **settings})
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})
    return vectors


def same(left, right):
    return all(np.array_equal(a.view(np.uint32), b.view(np.uint32)) for a, b in zip(left, right, strict=True))


@settings(max_examples=30)
@given(SHAPES, st.floats(0, 1), st.sampled_from([8, 24]), st.integers(1, 5), st.integers(0, 2**31))
def test_an_epoch_equals_its_twin_to_the_bit(shape, density, d, negatives, seed):
    world = made(shape, density**3, d, seed)
    options = {"negatives": negatives, "seed": seed}
    compiled = epoch(world, **options)
    assert same(compiled, epoch(world, kernels="reference", **options))
    assert same(compiled, epoch(world, simd="baseline", **options))


@settings(max_examples=30)
@given(SHAPES, st.floats(0, 1), st.integers(1, 5), st.integers(0, 2**31))
def test_user_vectors_equal_their_twin_to_the_bit(shape, density, negatives, seed):
    pairs, _, items, biases = made(shape, density**3, 16, seed)
    pool, rates = np.arange(0, shape[1], 2, dtype=np.int32), np.array([0.2, 0.1], np.float32)
    options = {"learning_rates": rates, "regularization": 0.01, "negatives": negatives, "seed": seed}
    compiled = bpr_users(pairs, items, biases, pool, **options)
    os.environ["RECSYS_KERNELS"] = "reference"
    try:
        assert same([compiled], [bpr_users(pairs, items, biases, pool, **options)])
    finally:
        del os.environ["RECSYS_KERNELS"]


@pytest.mark.parametrize("negatives", [1, 4])
def test_threads_change_nothing(negatives):
    world = made((3000, 2500), 0.01, 16, 7)  # 32 blocks of each
    one = epoch(world, negatives=negatives, seed=3, n_threads=1)
    assert same(one, epoch(world, negatives=negatives, seed=3, n_threads=2))
    assert same(one, epoch(world, negatives=negatives, seed=3, n_threads=5))
    assert not same(one, epoch(world, negatives=negatives, seed=4))


def test_one_step_is_the_gradient():
    _, users, items, biases = made((2, 2), 1, 8, 5)
    pairs = csr_array(np.array([[1, 0], [1, 1]], np.float32))  # the second user has everything: no step
    rate, regularization = 1e-3, 0.3
    moved = epoch((pairs, users, items, biases), learning_rate=rate, regularization=regularization)

    def objective(x, y, b):
        margin = x[0] @ (y[0] - y[1]) + b[0] - b[1]
        return -np.log1p(np.exp(-margin)) - regularization / 2 * sum((part**2).sum() for part in (x[0], y, b))

    exact = [part.astype(np.float64) for part in (users, items, biases)]
    for place, part in enumerate(exact):
        for index in np.ndindex(part.shape):
            shift = np.zeros_like(part)
            shift[index] = 1e-5
            up, down = (objective(*exact[:place], part + sign * shift, *exact[place + 1 :]) for sign in (1, -1))
            found = (float(moved[place][index]) - part[index]) / rate
            # A float32 of size 1 holds a step of 1e-3 to 6e-5 of itself.
            assert found == pytest.approx((up - down) / 2e-5, abs=3e-4)


def test_the_hardest_of_the_drawn_items_is_compared_with():
    items = np.zeros((4, 8), np.float32)
    items[1, 0] = 1  # scores highest of the three that 32 draws find
    pairs = csr_array(np.array([[0, 0, 0, 1], [1, 1, 1, 1]], np.float32))
    _, _, biases = epoch((pairs, np.eye(2, 8, dtype=np.float32), items, np.zeros(4, np.float32)), negatives=32)
    assert biases[3] > 0 > biases[1]
    assert np.flatnonzero(biases).tolist() == [1, 3]


def test_what_a_user_has_is_never_a_negative():
    owned = np.ones((2, 9), np.float32)
    owned[0, 4] = 0
    _, _, biases = epoch((csr_array(owned), *made((2, 9), 1, 8, 2)[1:3], np.zeros(9, np.float32)), regularization=0)
    assert (np.delete(biases, 4) >= 0).all()
    assert biases[4] < 0


def test_what_nobody_has_is_never_a_negative():
    pairs, users, items, biases = made((80, 60), 0.1, 8, 3)
    pairs = csr_array(pairs.toarray() * (np.arange(60) % 2))
    moved = epoch((pairs, users, items, biases), negatives=5)
    assert same([moved[1][::2]], [items[::2]])


def test_a_user_who_has_everything_is_let_alone():
    world = made((3, 5), 2, 8, 1)
    assert same(epoch(world), world[1:])


def test_training_lifts_the_liked_above_the_others():
    world = made((90, 60), 0.1, 16, 1)
    pairs = world[0].toarray() > 0
    vectors = world[1:]
    for seed in range(60):
        vectors = epoch((world[0], *vectors), seed=seed)
    users, items, biases = vectors
    scores = users @ items.T + biases
    right = np.mean(
        [(row[own][:, None] > row[~own]).mean() for row, own in zip(scores, pairs, strict=True) if own.any()]
    )
    assert right > 0.95  # .5 by chance


def test_a_users_vector_depends_on_their_history_alone():
    pairs, _, items, biases = made((500, 300), 0.05, 16, 3)
    pool = np.arange(300, dtype=np.int32)
    options = {"learning_rates": np.full(5, 0.1, np.float32), "regularization": 0.01, "negatives": 3, "seed": 1}
    together = bpr_users(pairs, items, biases, pool, n_threads=2, **options)
    alone = bpr_users(pairs[[321]], items, biases, pool, n_threads=1, **options)
    assert same([together[321]], [alone[0]])


@pytest.mark.parametrize("kernels", ["compiled", "reference"])
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"users": np.zeros((2, 8))}, ArgumentError),
        ({"users": np.zeros((2, 7), np.float32)}, ArgumentError),
        ({"users": np.zeros((3, 8), np.float32)}, ArgumentError),
        ({"items": np.zeros((2, 16), np.float32)}, ArgumentError),
        ({"biases": np.zeros(3, np.float32)}, ArgumentError),
        ({"pairs": csr_array((np.ones(1), np.array([5]), np.array([0, 1, 1])), shape=(2, 2))}, DataError),
        ({"learning_rate": 0}, ArgumentError),
        ({"regularization": -1}, ArgumentError),
        ({"negatives": 33}, ArgumentError),
        ({"seed": -1}, ArgumentError),
    ],
)
def test_what_does_not_fit_is_refused_alike(kernels, change, error, monkeypatch):
    monkeypatch.setenv("RECSYS_KERNELS", kernels)
    given = {"pairs": csr_array(np.eye(2, dtype=np.float32)), "users": np.zeros((2, 8), np.float32)}
    given |= {"items": np.zeros((2, 8), np.float32), "biases": np.zeros(2, np.float32), **change}
    arrays = [given.pop(name) for name in ("pairs", "users", "items", "biases")]
    with pytest.raises(error):
        bpr_epoch(*arrays, **{"learning_rate": 0.1, "regularization": 0.1, **given})


@pytest.mark.parametrize("kernels", ["compiled", "reference"])
@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"learning_rates": np.zeros(0, np.float32)}, "learning_rates"),
        ({"learning_rates": np.ones(2)}, "learning_rates"),
        ({"learning_rates": [0.1]}, "learning_rates"),
        ({"learning_rates": np.ones((1, 1), np.float32)}, "learning_rates"),
        ({"learning_rates": np.float32([0.1, np.nan])}, "learning_rate"),
        ({"pool": np.zeros(0, np.int32)}, "pool"),
        ({"pool": [0, 1]}, "pool"),
        ({"pool": np.array([2], np.int32)}, "pool"),
    ],
)
def test_what_does_not_fit_users_is_refused_alike(kernels, change, what, monkeypatch):
    monkeypatch.setenv("RECSYS_KERNELS", kernels)
    pairs, items = csr_array(np.eye(2, dtype=np.float32)), np.zeros((2, 8), np.float32)
    given = {"pool": np.arange(2, dtype=np.int32), "learning_rates": np.ones(2, np.float32), **change}
    with pytest.raises(ArgumentError, match=what):
        bpr_users(pairs, items, np.zeros(2, np.float32), given.pop("pool"), regularization=0.1, **given)
