"""Ranking metrics of every user's list in one pass over CSR rows, and exact rank counts (for AUC)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import one_of, positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.threads import row_chunks, run_chunks
from recsys.kernels import _ranking
from recsys.kernels import _reference_ranking as reference
from recsys.kernels._checks import Csr, dense_rows, describe, pattern_rows, weighted_rows
from recsys.kernels._choice import reference_wanted
from recsys.kernels._filters import Filter, merge_filters

KINDS = ("recall", "precision", "hit_rate", "mrr", "map", "ndcg", "graded_ndcg")
GAINS = ("value", "exp")
_USERS_PER_CHUNK = 1 << 14
_SCORES_PER_CHUNK = 1 << 22
_FAULTS = {
    1: ("an item code out of range", "codes from 0 to {last}, or −1 for an empty slot, were expected"),
    2: ("an item after an empty slot", "the −1 slots at the end of the list were expected"),
}


class RankMetric(NamedTuple):
    """What to measure on every user's list.

    Attributes
    ----------
    kind : {"recall", "precision", "hit_rate", "mrr", "map", "ndcg", "graded_ndcg"}
        The formula.
    k : int
        Length of the part of the list that counts.
    gain : {"value", "exp"}
        For ``graded_ndcg``: the relevance value g itself, or 2^g − 1.
    """

    kind: str
    k: int
    gain: str = "value"


class RankCounts(NamedTuple):
    """Where target items stand among the candidates, with ties counted apart.

    Attributes
    ----------
    greater : (nnz,) int64
        Candidates with a greater score than the target; all of them when the target itself is no candidate.
    equal : (nnz,) int64
        Other candidates with the same score.
    candidates : (n_users,) int64
        Candidates of the user, targets included.
    """

    greater: NDArray[np.int64]
    equal: NDArray[np.int64]
    candidates: NDArray[np.int64]


def ranking_metrics(
    lists: NDArray[np.int32], relevance: Csr, specs: Sequence[RankMetric], *, n_threads: int | None = None
) -> NDArray[np.float64]:
    """Return the value of every metric for every user, in one pass.

    Let h_r be 1 if the item at rank r is relevant and else 0, n the number of relevant items of the user, and
    H(k) the sum of h_r over r ≤ k. Then

    - recall = H(k) / n, precision = H(k) / k, hit_rate = 1 if H(k) > 0 and else 0, mrr = 1 / (rank of the first hit);
    - map = sum over r ≤ k of h_r H(r) / r, over min(k, n);
    - ndcg = sum over r ≤ k of h_r / log2(r + 1), over the same sum for min(k, n) hits at the top;
    - graded_ndcg = ndcg with the item's gain in place of h_r, over the best order of the user's gains.

    Parameters
    ----------
    lists : (n_users, width) int32
        Item codes, best first; −1 for the empty slots at the end. A repeated item counts once, at its first rank.
    relevance : csr_array (n_users, n_items) float32
        The relevant items of each user with their gains, which are above 0.
    specs : sequence of RankMetric
        What to measure; no k beyond the width of the lists.
    n_threads : int, optional
        Threads; by default all cores.

    Returns
    -------
    (n_users, len(specs)) float64
        NaN for a user without relevant items.

    Raises
    ------
    ArgumentError
        For another type, dtype, shape, kind or k.
    DataError
        For codes out of range, an item after an empty slot, and gains that are not above 0 or too large for 2^g.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> relevance = csr_array(np.array([[1, 0, 0, 1]], np.float32))
    >>> ranking_metrics(np.array([[2, 3, -1]], np.int32), relevance, [RankMetric("recall", 2), RankMetric("mrr", 3)])
    array([[0.5, 0.5]])
    """
    if not isinstance(lists, np.ndarray) or lists.ndim != 2 or lists.dtype != np.int32:
        raise ArgumentError(f"lists is {describe(lists)}", "a two-dimensional int32 array was expected")
    lists = np.ascontiguousarray(lists)
    specs = [_checked(spec, lists.shape[1]) for spec in specs]
    n_items = relevance.shape[1] if hasattr(relevance, "shape") else 0
    relevant = weighted_rows("relevance", relevance, (len(lists), n_items))
    if len(relevant.data) and relevant.data.min() <= 0:
        raise DataError(f"a relevant item has the gain {relevant.data.min():g}", "gains above 0 were expected")
    gains = _gains(relevant.data, specs)
    discounts = 1.0 / np.log2(np.arange(2, lists.shape[1] + 3))
    ideals = np.concatenate(([0.0], np.cumsum(discounts)))
    if reference_wanted():
        out, fault = reference.ranking_metrics(lists, relevant, gains, specs, discounts, ideals, n_items)
        _refuse_fault(*fault, n_items)
        return out
    out = np.empty((len(lists), len(specs)))
    kinds = np.array([KINDS.index(spec.kind) for spec in specs], np.int32)
    ks = np.array([spec.k for spec in specs], np.int32)
    rows = np.array([GAINS.index(spec.gain) if spec.kind == "graded_ndcg" else -1 for spec in specs], np.int32)

    def measure(chunk: tuple[int, int]) -> None:
        tables = (kinds, ks, rows, discounts, ideals)
        fault = _ranking.ranking_metrics(lists, relevant.indptr, relevant.indices, gains, *tables, n_items, *chunk, out)
        _refuse_fault(*fault, n_items)

    run_chunks(measure, row_chunks(len(lists), _USERS_PER_CHUNK), n_threads)
    return out


def rank_counts(
    scores: NDArray[np.float32],
    targets: Csr,
    *,
    exclude: Csr | None = None,
    allow: Filter | None = None,
    n_threads: int | None = None,
) -> RankCounts:
    """Return how many candidates score above, and how many level with, each target item.

    Parameters
    ----------
    scores : (n_users, n_items) float32
        Finite, or −inf for an item that is not a candidate.
    targets : csr_array (n_users, n_items)
        The items to place; the pattern counts, rows in rising order.
    exclude : csr_array (n_users, n_items), optional
        Items that are not candidates of a user, e.g. seen ones.
    allow : (n_items,) bool or csr_array (n_users, n_items), optional
        The only candidates, for everyone or per user.
    n_threads : int, optional
        Threads; by default all cores.

    Raises
    ------
    ArgumentError
        For an argument of another type, dtype or shape.
    DataError
        For NaN or +inf scores, or a CSR matrix that is not valid.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> scores = np.array([[3, 1, 2, 2]], np.float32)
    >>> counts = rank_counts(scores, csr_array(np.array([[0, 1, 1, 0]])))
    >>> counts.greater.tolist(), counts.equal.tolist(), counts.candidates.tolist()
    ([3, 1], [0, 1], [4])
    """
    block = dense_rows("scores", scores)
    shape = (block.shape[0], block.shape[1])
    wanted, filters = pattern_rows("targets", targets, shape), merge_filters(shape, exclude, allow, None)
    if reference_wanted():
        counts, bad = reference.rank_counts(block, wanted, filters)
        _refuse_scores(bad)
        return RankCounts(*counts)
    counts = RankCounts(
        np.empty(len(wanted.indices), np.int64), np.empty(len(wanted.indices), np.int64), np.empty(len(block), np.int64)
    )
    eligible = None if filters.eligible is None else filters.eligible.view(np.uint8)
    allowed_indptr, allowed = filters.allowed or (None, None)

    def count(chunk: tuple[int, int]) -> None:
        rows = (*filters.blocked, allowed_indptr, allowed, *wanted)
        _refuse_scores(_ranking.rank_counts(block, eligible, *rows, *chunk, *counts))

    run_chunks(count, row_chunks(len(block), max(1, _SCORES_PER_CHUNK // max(block.shape[1], 1))), n_threads)
    return counts


def _checked(spec: RankMetric, width: int) -> RankMetric:
    kind, gain = one_of("kind", spec.kind, KINDS), one_of("gain", spec.gain, GAINS)
    k = positive_int("k", spec.k)
    if k > width:
        raise ArgumentError(
            f"{kind} at k = {k} was asked of lists with {width} slots", "lists of at least k slots were expected"
        )
    return RankMetric(kind, k, gain)


def _gains(values: NDArray[np.float32], specs: Sequence[RankMetric]) -> NDArray[np.float64]:
    """Return the gains of each relevant item as rows of `GAINS`; rows that nobody asks for stay empty."""
    wanted = {spec.gain for spec in specs if spec.kind == "graded_ndcg"}
    if not wanted:
        return np.empty((len(GAINS), 1))
    gains = np.empty((len(GAINS), max(len(values), 1)))
    gains[0, : len(values)] = values
    if "exp" in wanted:
        if len(values) and values.max() > 1000:
            raise DataError(
                f"the gain {values.max():g} is too large for 2^gain", "gains up to 1000 were expected", "use gain=value"
            )
        gains[1, : len(values)] = np.exp2(values.astype(np.float64)) - 1
    return gains


def _refuse_fault(state: int, user: int, n_items: int) -> None:
    if state:
        what, expected = _FAULTS[state]
        raise DataError(f"the list of user {user} has {what}", expected.format(last=n_items - 1))


def _refuse_scores(bad: int) -> None:
    if bad >= 0:
        raise DataError(
            f"the scores of user {bad} hold NaN or +inf", "finite scores, or −inf for no candidate, were expected"
        )
