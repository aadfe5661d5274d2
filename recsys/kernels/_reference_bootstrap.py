"""Numpy twin of the Poisson bootstrap: the whole matrix of weights at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BLOCKS, BATCH, ROUNDS = 16, 128, 10
AT_LEAST = (41427, 17317, 5262, 1245, 240, 39, 5, 1)  # how many of 65536 weights are at least 1, 2, …
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ROUNDING = 1 - 2.0**-40  # .1 of 30 is 3, not what the next double asks for


def poisson_weights(keys: NDArray[np.int64], replicates: int, seed: int) -> NDArray[np.int16]:
    """Return the (n, replicates) weights.

    Replicate r is in batch r // 128, at the place i = r % 128 there: it takes half i % 2 (the low one first) of word
    i // 32 of the Philox4x32-10 output for the counter (unit's low word, unit's high word, 16 batch + i % 32 // 2, 0)
    and the key (seed's low word, seed's high word).
    """
    place = np.arange(replicates) % BATCH
    counter = np.arange(replicates) // BATCH * BLOCKS + place % 32 // 2
    shape = (len(keys), replicates)
    unit = keys.view(np.uint64)[:, None]
    words = [
        np.broadcast_to(part, shape) for part in (unit & _LOW, unit >> _HALF, counter.astype(np.uint64), np.uint64(0))
    ]
    chosen = np.choose(place // 32, _philox(words, seed))
    bits = (chosen >> (place % 2 * 16).astype(np.uint64)).astype(np.uint16).view(np.int16)
    return sum(((bits >= 32768 - count).astype(np.int16) for count in AT_LEAST), np.zeros(shape, np.int16))


def _philox(words: list[NDArray[np.uint64]], seed: int) -> list[NDArray[np.uint64]]:
    keys = [seed & 0xFFFFFFFF, seed >> 32]
    for _ in range(ROUNDS):
        first, second = words[0] * np.uint64(0xD2511F53), words[2] * np.uint64(0xCD9E8D57)
        words = [
            (second >> _HALF) ^ words[1] ^ np.uint64(keys[0]),
            second & _LOW,
            (first >> _HALF) ^ words[3] ^ np.uint64(keys[1]),
            first & _LOW,
        ]
        keys = [(key + step) & 0xFFFFFFFF for key, step in zip(keys, (0x9E3779B9, 0xBB67AE85), strict=True)]
    return words


def poisson_sums(
    values: NDArray[np.float64],
    groups: NDArray[np.int32],
    n_groups: int,
    keys: NDArray[np.int64],
    replicates: int,
    seed: int,
) -> NDArray[np.float64]:
    """Return (n_groups, n_columns + 1, replicates): the sums of weights, then of weight × value, added row by row."""
    weights = poisson_weights(keys, replicates, seed).astype(np.float64)
    sums = np.zeros((n_groups, values.shape[1] + 1, replicates))
    for row, group in enumerate(groups.tolist()):
        sums[group, 0] += weights[row]
        sums[group, 1:] += values[row][:, None] * weights[row]
    return sums


def poisson_places(
    keys: NDArray[np.int64], shares: NDArray[np.float64], replicates: int, seed: int
) -> NDArray[np.int32]:
    """Return (n_shares, replicates): how many units come before the running total reaches each share of the whole."""
    running = np.cumsum(poisson_weights(keys, replicates, seed), axis=0, dtype=np.int32)
    targets = targets_of(shares, running[-1])
    places: NDArray[np.int32] = (running[None] < targets[:, None]).sum(axis=1, dtype=np.int32)
    return places


def targets_of(shares: NDArray[np.float64], totals: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the (n_shares, replicates) running total that each share of a whole asks for, at least 1."""
    targets: NDArray[np.int32] = np.maximum(np.ceil(shares[:, None] * totals * _ROUNDING), 1).astype(np.int32)
    return targets
