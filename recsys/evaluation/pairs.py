"""User–item pairs of test parts and models brought together, whatever the vocabularies they are coded in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys.dataset import Vocabulary
from recsys.kernels import Csr
from recsys.models.serving import Codes


def codes_in(items: Vocabulary, wanted: Vocabulary) -> Codes:
    """Return the code in `wanted` of every id of `items`, −1 where it has none.

    Examples
    --------
    >>> codes_in(Vocabulary.from_ids([1, 2]), Vocabulary.from_ids([2, 3])).tolist()
    [-1, 0]
    """
    return np.arange(len(items), dtype=np.int32) if items == wanted else wanted.encode(items.ids)


def extended_codes(items: Vocabulary, wanted: Vocabulary) -> tuple[Codes, int]:
    """Return the code in `wanted` of every id of `items` and the number of codes; unknown ids get codes after the last.

    Examples
    --------
    >>> extended_codes(Vocabulary.from_ids([1, 2]), Vocabulary.from_ids([2, 3]))
    (array([2, 0], dtype=int32), 3)
    """
    codes = codes_in(items, wanted)
    unknown = codes < 0
    codes = np.where(unknown, len(wanted) - 1 + np.cumsum(unknown), codes).astype(np.int32)
    return codes, len(wanted) + int(unknown.sum())


def shared_pairs(pairs: Csr, other: Csr) -> NDArray[np.bool_]:
    """Return (nnz,) bool: whether each stored pair of `pairs` is stored in `other`, of the same shape, too.

    Examples
    --------
    >>> pairs = csr_array(np.array([[1, 1, 0]], np.float32))
    >>> shared_pairs(pairs, csr_array(np.array([[0, 1, 1]], np.float32))).tolist()
    [False, True]
    """
    shared = np.zeros(pairs.nnz, dtype=np.bool_)
    places = csr_array((np.arange(1.0, pairs.nnz + 1), pairs.indices, pairs.indptr), shape=pairs.shape)
    ones = csr_array((np.ones(other.nnz), other.indices, other.indptr), shape=other.shape)
    shared[places.multiply(ones).data.astype(np.int64) - 1] = True
    return shared


def kept_pairs(pairs: Csr, mask: NDArray[np.bool_]) -> Csr:
    """Return the stored pairs where `mask` (nnz,) holds.

    Examples
    --------
    >>> kept_pairs(csr_array(np.array([[1, 1]], np.float32)), np.array([False, True])).toarray().tolist()
    [[0.0, 1.0]]
    """
    ends = np.zeros(len(mask) + 1, dtype=np.int64)
    np.cumsum(mask, out=ends[1:])
    return csr_array((pairs.data[mask], pairs.indices[mask], ends[pairs.indptr]), shape=pairs.shape)
