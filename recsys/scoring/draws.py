"""Random numbers that belong to a user: they depend on the seed and the user's id, not on who else is served."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

_GOLDEN, _FIRST, _SECOND = (np.uint64(n) for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))

Keys = NDArray[np.uint64]


class Sample(NamedTuple):
    """What is known of lists that were drawn at random.

    In empty slots the probabilities are NaN; an empty list has the slate probability 1.

    Attributes
    ----------
    explored : (n_users, k) bool
        Whether the draw put another item into the slot than the best one left.
    position : (n_users, k) float64
        Probability that the policy puts this item at this position, whatever stands above it.
    given_above : (n_users, k) float64
        The same, given the items above.
    slate : (n_users,) float64
        Probability of the whole list in its order: the product of `given_above`; NaN where it is below 1e-308, as it is
        for long lists.
    """

    explored: NDArray[np.bool_]
    position: NDArray[np.float64]
    given_above: NDArray[np.float64]
    slate: NDArray[np.float64]


def user_keys(ids: pl.Series, seed: int) -> Keys:
    """Return a (n,) uint64 key for each user, by id and seed.

    Examples
    --------
    >>> first, second = user_keys(pl.Series([7, 8]), 1), user_keys(pl.Series([8]), 1)
    >>> bool(first[1] == second[0]), bool(first[0] == first[1])
    (True, False)
    """
    numbers = ids.cast(pl.Int64, strict=False)
    plain = numbers.fill_null(0).to_numpy().view(np.uint64)
    if ids.dtype == pl.String:  # "7" and 7 are one user to a vocabulary, so they are here
        texts = np.flatnonzero((numbers.cast(pl.String) != ids).fill_null(True).to_numpy())
        digests = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in ids.gather(texts))
        plain = plain.copy()
        plain[texts] = np.frombuffer(b"".join(digests), dtype="<u8")
    start = _mixed(np.array([seed & (2**64 - 1)], dtype=np.uint64))
    return _mixed(_mixed(plain) ^ start)


def uniforms(keys: Keys, columns: int) -> NDArray[np.float64]:
    """Return (n, columns) numbers between 0 and 1, neither included: each row is the SplitMix64 stream of its key.

    Examples
    --------
    >>> uniforms(np.uint64([1, 2]), 3).shape
    (2, 3)
    """
    steps = np.arange(1, columns + 1, dtype=np.uint64) * _GOLDEN
    bits = _mixed(keys[:, None] + steps) >> np.uint64(12)
    return (bits.astype(np.float64) + 0.5) * 2.0**-52


def drawn(n: int, seed: int) -> Keys:
    """Return (n,) uint64 numbers that put n things into a random order: a function of the seed and the place.

    Examples
    --------
    >>> drawn(3, 1).argsort().tolist()
    [1, 2, 0]
    """
    start = _mixed(np.array([seed & (2**64 - 1)], dtype=np.uint64))
    return _mixed(_mixed(np.arange(n, dtype=np.uint64)) ^ start)


def _mixed(words: Keys) -> Keys:
    """Return the words through the finaliser of SplitMix64 (Steele, Lea & Flood 2014), modulo 2^64."""
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return words ^ (words >> np.uint64(31))
