"""The item side of the exact top-k, prepared once: sorted by norm, turned, quantised, in panels."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.threads import row_chunks, run_chunks
from recsys.kernels import _scan
from recsys.kernels._choice import simd_path
from recsys.kernels._directions import Directions, choose_directions

_PANEL_COLUMNS = 32
_TAIL_STEP = 16
_LINE = 64
_BLOCKS_PER_CHUNK = 8
_SAME_SCALE = 2.0**20  # how much longer than all others an added item may be


class Segment(NamedTuple):
    """Items that were prepared together; the layout is that of ``ext/scan.h``."""

    items: NDArray[np.float32]
    rows: NDArray[np.int32]
    heads: NDArray[np.int8]
    tails: NDArray[np.int8]
    starts: NDArray[np.int8]
    panels: NDArray[np.float32]
    blocks: NDArray[np.float32]


class Prepared(NamedTuple):
    """Items ready to be scanned.

    Attributes
    ----------
    segments : tuple of Segment
    directions : Directions
    path : int
        The SIMD path that the layout is meant for.
    scale : float
        A power of two that makes the longest item about 1 long.
    plan : Plan
        The same for the compiled code.
    """

    segments: tuple[Segment, ...]
    directions: Directions
    path: int
    scale: float
    plan: _scan.Plan

    @property
    def nbytes(self) -> int:
        """Return the memory that preparing takes, without the items themselves."""
        return sum(part.nbytes for segment in self.segments for part in segment[1:])


def prepare(
    items: NDArray[np.float32],
    norms: NDArray[np.float64],
    codes: NDArray[np.int32],
    users: NDArray[np.float32],
    n_threads: int,
) -> Prepared:
    """Prepare the rows `codes` of the items for users like the given ones; there is at least one."""
    order = codes[np.argsort(-norms[codes], kind="stable")]
    scale = 2.0 ** -int(np.frexp(norms[order[0]])[1])
    path = _scan.PATH_CODES[simd_path()]
    directions = choose_directions(items, users, order, wide=_scan.sums_in_32_bits(path))
    segment = _pack(items, norms, order, directions, path, scale, n_threads)
    return _assemble((segment,), directions, path, scale)


def extend(
    prepared: Prepared, items: NDArray[np.float32], norms: NDArray[np.float64], n_threads: int
) -> Prepared | None:
    """Return the same with another segment; None if the new items are so long that all should be prepared anew."""
    if norms.max() * prepared.scale > _SAME_SCALE:
        return None
    order = np.argsort(-norms, kind="stable").astype(np.int32)
    segment = _pack(items, norms, order, prepared.directions, prepared.path, prepared.scale, n_threads)
    return _assemble((*prepared.segments, segment), prepared.directions, prepared.path, prepared.scale)


def _assemble(segments: tuple[Segment, ...], directions: Directions, path: int, scale: float) -> Prepared:
    plan = _plan(directions.users, segments[0].items.shape[1], directions, path, scale)
    plan.attach(segments)
    return Prepared(segments, directions, path, scale, plan)


def _plan(basis: NDArray[np.float32] | None, d: int, directions: Directions, path: int, scale: float) -> _scan.Plan:
    panels = None if basis is None else _column_panels(basis)
    return _scan.Plan(path, panels, d, directions.head, _tail_width(d, directions), scale, directions.rate)


def _pack(
    items: NDArray[np.float32],
    norms: NDArray[np.float64],
    order: NDArray[np.int32],
    directions: Directions,
    path: int,
    scale: float,
    n_threads: int,
) -> Segment:
    n, d = len(order), items.shape[1]
    n_panels, n_blocks = -(-n // _scan.PANEL_ITEMS), -(-n // _scan.BLOCK_SIZE)
    step, tail_width = _scan.columns_a_step(path), _tail_width(d, directions)
    segment = Segment(
        items,
        order.copy(),
        _aligned(n_panels * _scan.PANEL_ITEMS * -(-directions.head // step) * step),
        _aligned(n * tail_width + _LINE),
        _aligned(n_panels * _scan.PANEL_ITEMS * step),
        np.zeros((n_panels, _scan.EXTREMES), np.float32),
        np.zeros((n_blocks, _scan.EXTREMES), np.float32),
    )
    plan = _plan(directions.items, d, directions, path, scale)
    run_chunks(
        lambda part: plan.pack(items, norms, segment.rows, *part, *segment[2:5], *segment[5:]),
        row_chunks(n_blocks, _BLOCKS_PER_CHUNK),
        n_threads,
    )
    return segment


def _tail_width(d: int, directions: Directions) -> int:
    return -(-(d - directions.head) // _TAIL_STEP) * _TAIL_STEP


def _column_panels(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the columns in panels of 32, each panel row by row."""
    d = len(matrix)
    padded = np.pad(matrix, ((0, 0), (0, -d % _PANEL_COLUMNS)))
    return np.ascontiguousarray(padded.reshape(d, -1, _PANEL_COLUMNS).swapaxes(0, 1)).reshape(-1)


def _aligned(size: int) -> NDArray[np.int8]:
    """Return zero bytes that start on a cache line, so that no vector load straddles two."""
    room = np.zeros(size + _LINE, np.int8)
    return room[-room.ctypes.data % _LINE :][:size]
