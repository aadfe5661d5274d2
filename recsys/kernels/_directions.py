"""Directions in which the scan of the exact top-k looks first: a change of basis, and how many of its columns to take.

Any basis gives the same lists; a good one lets the scan drop most items after few columns.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.threads import single_threaded_blas
from recsys.kernels import _scan

Rows = NDArray[np.float32]
Square = NDArray[np.float64]

_SAMPLE = 4096  # rows that a Gram matrix is taken of
_LARGEST = 1024  # columns; beyond, rounding in the products would cost more than the basis saves
_SMALLEST = 17
_FLOOR = 1e-4  # of the mean variance, added to every direction so that no user or item blows up
_LOOK, _LOOK_CELL = 20000.0, 16.0  # cost of a closer look, and of a column of it, in columns of the head in 16-bit sums
_WIDE_CELL = 0.25  # cost of a column of the head in 32-bit sums
_LEAD = 16  # columns whose norm the scan bounds apart
_TRIED_USERS, _TRIED_ITEMS, _TRIED_K = 32, 1024, 50


class Directions(NamedTuple):
    """A user's vector u becomes ``u @ users``, an item's ``v @ items``; inner products stay the same.

    Attributes
    ----------
    users, items : (d, d) float32 or None
        None: the identity.
    head : int
        How many of the new columns the scan takes for all items.
    rate : float
        A bound: the scan's inner products are off by at most this share of (|u| + |u users|) (|v| + |v items|), and so
        are the final scores, both together.
    """

    users: Rows | None
    items: Rows | None
    head: int
    rate: float


def choose_directions(items: Rows, users: Rows, order: NDArray[np.int32], *, wide: bool = False) -> Directions:
    """Return a basis for these items and for users like those given; `order` lists the items by falling norm.

    `wide` says that the head is summed in 32 bits, which costs less a column and loses less to quantisation.

    With ``U = users``, ``V = items`` and both Gram matrices diagonal and equal in the new basis, the leading columns
    carry as much of the score matrix ``U Vᵀ`` as that many columns can (its singular vectors, taken from the Gram
    matrices).
    """
    with single_threaded_blas():
        left, right = _sample(users), _sample(items[order[:: max(1, len(order) // _SAMPLE)]])
        return _choose(left, right, len(order), wide)


def _choose(users: Rows, items: Rows, n_items: int, wide: bool) -> Directions:
    d, unit = items.shape[1], 2.0**-24
    rate = 4 * (d + 8) * unit + 1e-5
    basis = _balanced(_gram(users), _gram(items)) if _SMALLEST <= d <= _LARGEST else None
    users, items = users[:: max(1, len(users) // _TRIED_USERS)], items[:: max(1, len(items) // _TRIED_ITEMS)]
    if basis is None:
        return Directions(None, None, _head(users, items, n_items, wide), rate)
    head = _head(users @ basis[0], items @ basis[1], n_items, wide)
    to_users, to_items = (np.ascontiguousarray(_mix(side, head), np.float32) for side in basis)
    exact = to_users.astype(np.float64), to_items.astype(np.float64)
    loss = float(np.linalg.norm(exact[0] @ exact[1].T - np.eye(d))) * 1.001 + 1e-12
    size = max(float(np.linalg.norm(side)) for side in exact)
    return Directions(to_users, to_items, head, rate + loss + 8 * (d + 8) * unit * size)


def _mix(side: Square, head: int) -> Square:
    """Spread the leading columns, the others of the head, and the tail, each over themselves by an orthogonal matrix.

    A few columns with most of the length would waste the steps of the quantisation on the others.
    """
    parts = np.split(side, sorted({min(_LEAD, head), head}), axis=1)
    mixed: Square = np.hstack([part @ _cosines(part.shape[1]) for part in parts])
    return mixed


def _cosines(n: int) -> Square:
    """Return the orthogonal matrix of the discrete cosine transform (type II)."""
    matrix: Square = np.sqrt(2 / max(1, n)) * np.cos(np.pi / max(1, n) * np.outer(np.arange(n) + 0.5, np.arange(n)))
    matrix[:, :1] *= np.sqrt(0.5)
    return matrix


def _sample(rows: Rows) -> Rows:
    """Return some rows, evenly spaced, with the longest of norm 1."""
    some = rows[:: max(1, len(rows) // _SAMPLE)]
    longest = np.sqrt(np.einsum("ij,ij->i", some, some, dtype=np.float64).max(initial=0.0))  # may exceed float32
    return np.asarray(some / longest, np.float32) if longest > 0 else some


def _gram(rows: Rows) -> Square:
    """Return the mean of the rows' outer products; single precision is enough for a basis, whose error is bounded."""
    return np.asarray(rows.T @ rows, np.float64) / len(rows)


def _balanced(users: Square, items: Square) -> tuple[Square, Square] | None:
    d = len(users)
    floors = [_FLOOR * np.trace(gram) / d for gram in (users, items)]
    if min(floors) <= 0:
        return None
    try:
        root = np.linalg.cholesky(users + floors[0] * np.eye(d)).T
        squares, vectors = np.linalg.eigh(root @ (items + floors[1] * np.eye(d)) @ root.T)
    except np.linalg.LinAlgError:
        return None
    vectors = vectors[:, ::-1]
    roots = np.sqrt(np.sqrt(np.maximum(squares[::-1], squares[-1] * 1e-12)))
    left, right = np.linalg.solve(root, vectors) * roots, root.T @ vectors / roots
    balance = np.sqrt(np.linalg.norm(right) / np.linalg.norm(left))
    return left * balance, right / balance


def _head(users: Rows | Square, items: Rows | Square, n_items: int, wide: bool) -> int:
    """Return the number of leading columns that makes the scan cheapest for these users and items."""
    d = users.shape[1]
    tried: list[int] = sorted({min(p, d) for p in range(32, min(d, _scan.LONGEST_HEAD) + 16, 16)})
    if len(tried) == 1:
        return tried[-1]
    place = min(len(items), max(1, round(_TRIED_K * len(items) / n_items)))
    reach = -np.partition(-(users @ items.T), place - 1, axis=1)[:, place - 1 : place]
    scores, done = np.zeros((len(users), len(items))), 0
    best: tuple[float, int] = np.inf, d
    squares = [np.square(side).cumsum(axis=1) for side in (users, items)]
    for p in tried:
        scores += users[:, done:p] @ items[:, done:p].T
        done = p
        heads = [np.sqrt(side[:, p - 1]) for side in squares]
        tails = [np.sqrt(np.maximum(side[:, -1] - side[:, p - 1], 0)) for side in squares]
        rest, size = np.outer(*tails), np.outer(*heads)
        passed = (scores + rest + _lost(p, wide) * size >= reach).mean()
        best = min(best, (float(p * (_WIDE_CELL if wide else 1) + passed * (_LOOK + _LOOK_CELL * (d - p))), p))
    return best[1]


def _lost(p: int, wide: bool) -> float:
    """Return about what quantisation loses of a product of p columns, as a share of the norms.

    An error is uniform within a step of the quantisation. A step is 1/128 and 1/256 of the norm where sums have 16
    bits, else 1/127 of the largest of p mixed columns, which is about 3 times a typical one.
    """
    steps = 2 * 3 / 127 / np.sqrt(p) if wide else 1 / 128 + 1 / 256
    return float(steps * np.sqrt(p / 12))
