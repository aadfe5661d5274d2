from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from scipy.sparse import csr_array, csr_matrix

from recsys.core.progress import Progress, silent
from recsys.core.threads import single_threaded_blas
from recsys.kernels import gram_basis
from recsys.kernels.als import Update
from recsys.models.als_objective import Objective, default_unobserved
from recsys.models.als_training import Side, both_sides, first_items, half_step, solve_exactly, train_items

RNG = np.random.default_rng(8)
OBJECTIVE = Objective(weight_scale=0.5, unobserved=0.2, strength=0.02, exponent=0.7)


def labels(n_users: int = 80, n_items: int = 60) -> csr_array:
    """Two tastes, counts as weights, one user and one item without an event."""
    chance = np.where(np.arange(n_users)[:, None] % 2 == np.arange(n_items) % 2, 0.4, 0.05)
    counts = RNG.poisson(chance)
    counts[7], counts[:, 11] = 0, 0
    return csr_array(counts.astype(np.float32))


def loss(users: np.ndarray, items: np.ndarray, weights: csr_array, objective: Objective) -> float:
    """Written out over all pairs, in float64."""
    wide, scores = weights.toarray().astype(np.float64), users.astype(np.float64) @ items.T.astype(np.float64)
    ridges = [side.ridge for side in both_sides(weights, objective)]
    lengths = [(vectors.astype(np.float64) ** 2).sum(axis=1) for vectors in (users, items)]
    observed = (wide * scores**2 - 2 * (wide + objective.target_offset * (wide > 0)) * scores).sum()
    shrinkage = sum(ridge @ length for ridge, length in zip(ridges, lengths, strict=True))
    return float(observed + objective.unobserved * (scores**2).sum() + shrinkage)


def solved(side: Side, fixed: np.ndarray, objective: Objective) -> np.ndarray:
    """Return the minimum; `fixed` is turned into its basis."""
    vectors = np.full((len(side.ridge), fixed.shape[1]), np.nan, np.float32)
    half_step(side, vectors, fixed, objective)
    return vectors


@pytest.mark.parametrize("offset", [0.0, 0.2])
def test_a_half_step_is_the_minimum(offset: float) -> None:
    objective = OBJECTIVE._replace(target_offset=offset)
    weights = objective.weights(labels())
    users, items = both_sides(weights, objective)
    held = first_items(items, 9, 1.0, RNG)
    found = solved(users, held, objective)
    wide, fixed = weights.toarray().astype(np.float64), held.astype(np.float64)
    scores = found.astype(np.float64) @ fixed.T
    target = wide + offset * (wide > 0)
    gradient = (wide * scores - target + objective.unobserved * scores) @ fixed + users.ridge[:, None] * found
    # Float32 sums of some dozens of products: relative errors of 1e-6.
    assert np.abs(gradient).max() < 5e-6 * np.abs(target @ fixed).max()


SOLVERS: dict[str, Callable[[np.ndarray], Update | None]] = {
    "exact": solve_exactly,
    "cg": lambda vectors: Update(vectors, steps=1),
    "subspace": lambda vectors: Update(vectors, block=5),
}


@pytest.mark.parametrize("solver", sorted(SOLVERS))
def test_the_loss_never_rises(solver: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Update, "exact_below", lambda update, d: 3)  # all but the shortest rows are updated
    weights = OBJECTIVE.weights(labels())
    sides, losses = both_sides(weights, OBJECTIVE), []
    items = first_items(sides[1], 12, 0.1, RNG)
    users = solved(sides[0], items, OBJECTIVE)
    for _ in range(15):
        half_step(sides[1], items, users, OBJECTIVE, SOLVERS[solver])
        losses.append(loss(users, items, weights, OBJECTIVE))
        half_step(sides[0], users, items, OBJECTIVE, SOLVERS[solver])
        losses.append(loss(users, items, weights, OBJECTIVE))
    scale = abs(losses[-1])
    # Where nothing is left to gain, rounding may add its own 1e-6.
    assert (np.diff(losses) <= 1e-6 * scale).all()
    assert losses[-1] < losses[0] - 0.05 * scale


def test_the_loss_of_implicit_is_reached_on_its_objective() -> None:
    """With an equal ridge and the target weighted by 1 + w, ours is what implicit minimises: sweep for sweep."""
    from implicit.cpu.als import AlternatingLeastSquares

    objective = Objective(weight_scale=1.0, unobserved=1.0, strength=3.0, exponent=0.0, target_offset=1.0)
    weights = objective.weights(labels())
    sides = both_sides(weights, objective)
    whole = csr_matrix((1 + weights.data, weights.indices, weights.indptr), shape=weights.shape)
    turned = csr_matrix(whole.T)
    items = first_items(sides[1], 6, 0.1, RNG)
    native_users, native_items = np.zeros((80, 6), np.float32), items.copy()
    users = solved(sides[0], items, objective)
    with single_threaded_blas(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about threads
        solver = AlternatingLeastSquares(factors=6, use_cg=False, num_threads=1).solver
        solver(whole, native_users, native_items, 3.0, num_threads=1)
        for _ in range(12):
            solver(turned, native_items, native_users, 3.0, num_threads=1)
            solver(whole, native_users, native_items, 3.0, num_threads=1)
            half_step(sides[1], items, users, objective)
            half_step(sides[0], users, items, objective)
            theirs = loss(native_users, native_items, weights, objective)
            assert loss(users, items, weights, objective) == pytest.approx(theirs, rel=1e-5)


def test_rows_without_entries_count_for_nothing_and_stay_zero() -> None:
    weights = OBJECTIVE.weights(labels())
    users, items = both_sides(weights, OBJECTIVE)
    drawn = first_items(items, 5, 0.1, RNG)
    assert not drawn[11].any()
    assert not solved(users, drawn, OBJECTIVE)[7].any()
    expected = 0.02 * (weights.sum(axis=1) + 0.2 * 59) ** 0.7
    assert users.ridge == pytest.approx(expected, rel=1e-6)
    assert items.ridge == pytest.approx(0.02 * (weights.sum(axis=0) + 0.2 * 79) ** 0.7, rel=1e-6)


def test_training_again_from_the_result_goes_on_where_it_stopped() -> None:
    weights = OBJECTIVE.weights(labels())
    sides = both_sides(weights, OBJECTIVE)
    first = first_items(sides[1], 7, 0.1, RNG)
    told: list[Progress] = []
    whole = train_items(sides, first.copy(), OBJECTIVE, epochs=6, progress=told.append, judge=None)
    half = train_items(sides, first, OBJECTIVE, epochs=4, progress=silent, judge=None)
    rest = train_items(sides, half, OBJECTIVE, epochs=2, progress=silent, judge=None)
    assert rest.tobytes() == whole.tobytes()
    assert [step.done for step in told] == [1, 2, 3, 4, 5, 6]


def test_the_first_vectors_have_the_expected_length() -> None:
    drawn = first_items(both_sides(OBJECTIVE.weights(labels(50, 4000)), OBJECTIVE)[1], 64, 0.1, RNG)
    lengths = np.linalg.norm(drawn, axis=1)
    assert np.sqrt((lengths[lengths > 0] ** 2).mean()) == pytest.approx(0.1, rel=0.02)


def test_the_default_weight_of_a_pair_follows_the_density() -> None:
    assert default_unobserved(100, 100, 1000) == pytest.approx(0.025)
    assert default_unobserved(400, 20, 20) == 1.0


def test_the_basis_of_the_fixed_side_is_its_own() -> None:
    weights = OBJECTIVE.weights(labels())
    users, items = both_sides(weights, OBJECTIVE)
    drawn = first_items(items, 5, 0.1, RNG)
    expected = gram_basis(drawn).vectors
    solved(users, drawn, OBJECTIVE)
    assert drawn.tobytes() == expected.tobytes()
