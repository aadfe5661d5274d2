"""User vectors for fixed item vectors by a sampled gradient, for models whose users have no closed form.

All randomness is in a table of negative items that is drawn once, at the end of training; the vector of a user then
depends on their own history alone: the same bits in any batch, on any number of threads.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from recsys.core.threads import row_chunks, run_chunks
from recsys.kernels import Csr

Float32 = NDArray[np.float32]
Pull = Callable[[Float32, Float32], tuple[Float32, Float32]]

STEPS = 200
_WARM_UP = STEPS // 4
_STEP_SIZE = np.float32(0.1)
# Which part of a history each step takes: evenly spread at any time and for any length (the golden ratio's multiples),
# so that a history of more items than there are steps is not judged by its smallest codes.
_TURNS = (np.arange(STEPS) + 0.5) * 0.6180339887498949 % 1
_USERS_PER_CHUNK = 1 << 12


def draw_negatives(popularity: NDArray[np.integer], seed: int) -> NDArray[np.int32]:
    """Return (STEPS,) int32 items drawn by their number of pairs.

    Examples
    --------
    >>> draw_negatives(np.array([0, 3]), 7)[:3].tolist()
    [1, 1, 1]
    """
    random = np.random.default_rng(seed)
    return random.choice(len(popularity), size=STEPS, p=popularity / popularity.sum()).astype(np.int32)


def descend_users(
    history: Csr,
    vectors: Float32,
    biases: Float32,
    negatives: NDArray[np.int32],
    pull: Pull,
    regularization: float,
) -> Float32:
    """Return user vectors by stochastic gradient steps over each user's items in turn, averaged after a warm-up.

    A step goes ``0.1 · (a · v_i − b · v_j − regularization · x)`` for the user's item i and the step's negative
    item j. Averaging the path (Polyak and Juditsky 1992) takes out the noise of the single steps.

    Parameters
    ----------
    history : (n, n_items) csr_array
        The pattern counts; rows without an entry give zeros.
    vectors : (n_items, d) float32
        The v, fixed.
    biases : (n_items,) float32
        Added to the scores ``x · v``.
    negatives : (STEPS,) int32
        The item that each step compares with, the same for everyone.
    pull : callable
        ``pull(scores of i, scores of j)``, both (m,) float32, returns a and b.
    regularization : float
        Of the squared length, in every step.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> always = lambda positive, negative: (np.ones_like(positive), np.ones_like(negative))
    >>> eye = np.eye(2, dtype=np.float32)
    >>> found = descend_users(csr_array(eye[:1]), eye, eye[0], np.ones(STEPS, np.int32), always, 0.1)
    >>> bool(found[0, 0] > 0 > found[0, 1])
    True
    """
    out = np.zeros((history.shape[0], vectors.shape[1]), dtype=np.float32)
    lengths = np.diff(history.indptr)
    active = np.flatnonzero(lengths)

    def descend(chunk: tuple[int, int]) -> None:
        rows = active[slice(*chunk)]
        users, total = np.zeros((2, len(rows), vectors.shape[1]), dtype=np.float32)
        starts, counts = history.indptr[rows], lengths[rows]
        for step in range(STEPS):
            items, other = history.indices[starts + (_TURNS[step] * counts).astype(np.int64)], negatives[step]
            liked, compared = vectors[items], vectors[other]
            a, b = pull((users * liked).sum(axis=1) + biases[items], (users * compared).sum(axis=1) + biases[other])
            users += _STEP_SIZE * (a[:, None] * liked - b[:, None] * compared - np.float32(regularization) * users)
            if step >= _WARM_UP:
                total += users
        out[rows] = total / np.float32(STEPS - _WARM_UP)

    run_chunks(descend, row_chunks(len(active), _USERS_PER_CHUNK))
    return out


def sigmoid(values: Float32) -> Float32:
    """Return ``1 / (1 + exp(-values))`` without overflow.

    Examples
    --------
    >>> sigmoid(np.float32([0, -200])).tolist()
    [0.5, 0.0]
    """
    return np.asarray(0.5 * (1 + np.tanh(0.5 * values)), dtype=np.float32)
