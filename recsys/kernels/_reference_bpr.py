"""Numpy twins of the BPR kernels: one step after the other, to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

LANES, TRIES = 8, 8
_WORD = (1 << 64) - 1


def bpr_epoch(
    rows: Any,
    vectors: Any,
    pools: list[NDArray[np.int32]],
    cuts: NDArray[np.int64],
    shuffling: int,
    slopes: NDArray[np.float32],
    rate: np.float32,
    keep: np.float32,
    negatives: int,
    drawing: int,
) -> None:
    """Take one step for every pair, in place: block m of users meets block m + t of items in turn t."""
    blocks = {item: block for block, pool in enumerate(pools) for item in pool.tolist()}
    cells = [_shuffled_cells(rows, blocks, len(pools), *cut, shuffling) for cut in pairwise(cuts)]
    for turn in range(len(pools)):
        for block, line in enumerate(cells):
            other = (block + turn) % len(pools)
            for place, user, item in line[other]:
                drawn = list(_drawn(rows, user, pools[other], negatives, drawing, place))
                _step(vectors, user, item, drawn, slopes, rate, keep, fixed=False)


def bpr_users(
    rows: Any,
    vectors: Any,
    pool: NDArray[np.int32],
    slopes: NDArray[np.float32],
    rates: NDArray[np.float32],
    keeps: NDArray[np.float32],
    negatives: int,
    seed: int,
) -> None:
    """Fill the users' vectors, in place: at each rate in turn one step for each item of the history."""
    for user, (start, stop) in enumerate(pairwise(rows.indptr)):
        for turn, (rate, keep) in enumerate(zip(rates, keeps, strict=True)):
            for place, item in enumerate(rows.indices[start:stop]):
                drawn = list(_drawn(rows, user, pool, negatives, seed, (turn << 32) + place))
                _step(vectors, user, item, drawn, slopes, rate, keep, fixed=True)


def _shuffled_cells(
    rows: Any, blocks: dict[int, int], n_blocks: int, start: int, stop: int, seed: int
) -> list[list[tuple[int, int, int]]]:
    """Return, for each block of items, (place, user, item) of the pairs, shuffled after Fisher and Yates."""
    found: list[list[tuple[int, int]]] = [[] for _ in range(n_blocks)]
    for user in range(start, stop):
        for item in rows.indices[rows.indptr[user] : rows.indptr[user + 1]].tolist():
            found[blocks[item]].append((user, item))
    cells, first = [], int(rows.indptr[start])
    for cell in found:
        for place in range(len(cell) - 1, 0, -1):
            other = _below(_nth_random(seed, first + place), place + 1)
            cell[place], cell[other] = cell[other], cell[place]
        cells.append([(first + place, *pair) for place, pair in enumerate(cell)])
        first += len(cell)
    return cells


def _drawn(rows: Any, user: int, pool: NDArray[np.int32], negatives: int, seed: int, place: int) -> Iterator[int]:
    """Yield the items drawn that the user does not have."""
    owned = set(rows.indices[rows.indptr[user] : rows.indptr[user + 1]].tolist())
    bits = _nth_random(seed, place)
    for _ in range(negatives):
        for _ in range(TRIES):
            bits = _scrambled(bits)
            item = int(pool[_below(bits, len(pool))])
            if item not in owned:
                yield item
                break


def _step(
    vectors: Any,
    user: int,
    item: int,
    drawn: list[int],
    slopes: NDArray[np.float32],
    rate: np.float32,
    keep: np.float32,
    *,
    fixed: bool,
) -> None:
    users, items, biases = vectors
    if not drawn:
        return
    u = users[user].copy()
    scores = [_inner(u, items[other]) + biases[other] for other in drawn]
    highest = 0
    for place, score in enumerate(scores):
        if score > scores[highest]:
            highest = place
    other = drawn[highest]
    gain = rate * _slope(slopes, _inner(u, items[item]) + biases[item] - scores[highest])
    i, j = items[item].copy(), items[other].copy()
    users[user] = u * keep + (i - j) * gain
    if not fixed:
        items[item], items[other] = i * keep + u * gain, j * keep - u * gain
        biases[item], biases[other] = biases[item] * keep + gain, biases[other] * keep - gain


def _inner(left: NDArray[np.float32], right: NDArray[np.float32]) -> np.float32:
    """Return the inner product, summed in 8 lanes and one tree."""
    lanes = np.zeros(LANES, np.float32)
    for start in range(0, len(left), LANES):
        lanes += left[start : start + LANES] * right[start : start + LANES]
    halves = lanes[:4] + lanes[4:]
    total: np.float32 = (halves[0] + halves[2]) + (halves[1] + halves[3])
    return total


def _slope(slopes: NDArray[np.float32], margin: np.float32) -> np.float32:
    place, last = (margin + np.float32(16)) * np.float32(64), len(slopes) - 1
    if not place > 0:
        first: np.float32 = slopes[0]
        return first
    if place >= last:
        final: np.float32 = slopes[last]
        return final
    whole = int(place)
    found: np.float32 = slopes[whole] + (place - np.float32(whole)) * (slopes[whole + 1] - slopes[whole])
    return found


def _scrambled(state: int) -> int:
    state = (state + 0x9E3779B97F4A7C15) & _WORD
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _WORD
    return state ^ (state >> 31)


def _nth_random(seed: int, place: int) -> int:
    return _scrambled((seed + place * 0xD1342543DE82EF95) & _WORD)


def _below(bits: int, n: int) -> int:
    return ((bits >> 32) * n) >> 32
