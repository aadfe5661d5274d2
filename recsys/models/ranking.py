"""Ranked lists for an audience: group by group, chunk by chunk; the model, or a fallback where it has nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from recsys.core.threads import row_chunks
from recsys.kernels import Csr
from recsys.models.results import RankedLists
from recsys.models.serving import Audience, Block
from recsys.scoring import SOURCES, ResolvedEligibility, Sample, top_k
from recsys.scoring.draws import Keys
from recsys.scoring.listing import Arranger

if TYPE_CHECKING:
    from recsys.kernels import TopK

FALLBACK = SOURCES.index("fallback")
_POOL_CELLS_PER_CHUNK = 1 << 22


class Filters(NamedTuple):
    """What a block of users may get.

    Attributes
    ----------
    exclude : (n, n_items) csr_array or None
        What each user has seen.
    allow : (n_items,) bool
        Open to all of them.
    deny : (n, n_items) csr_array or None
        Closed to single users.
    """

    exclude: Csr | None
    allow: NDArray[np.bool_]
    deny: Csr | None


class Ranker(Protocol):
    """Ranks items for a block of users."""

    def __call__(self, block: Block, k: int, filters: Filters, n_threads: int | None) -> TopK:
        """Return the k best items of each user."""


def popularity_ranker(popularity: NDArray[np.float32]) -> Ranker:
    """Return the fallback: the items that most users have used, whoever asks.

    Examples
    --------
    >>> from scipy.sparse import csr_array
    >>> rank = popularity_ranker(np.float32([2, 5]))
    >>> block = Block(np.int32([-1]), csr_array((1, 2), dtype=np.float32))
    >>> rank(block, 2, Filters(None, np.array([True, True]), None), 1).indices.tolist()
    [[1, 0]]
    """

    def rank(block: Block, k: int, filters: Filters, n_threads: int | None) -> TopK:
        everyone = np.ones((len(block.codes), 1), dtype=np.float32)
        return top_k(everyone, popularity[:, None], k, **filters._asdict(), n_threads=n_threads)

    return rank


def rank_audience(
    audience: Audience,
    k: int,
    *,
    model: Ranker,
    fallback: Ranker | None,
    candidates: NDArray[np.bool_],
    eligibility: ResolvedEligibility | None,
    exclude_seen: bool,
    users_per_chunk: int,
    n_threads: int | None,
    arranger: Arranger | None = None,
    keys: Keys | None = None,
) -> RankedLists:
    """Return the k best items of each user, or the lists that the `arranger` makes of a pool of the best.

    The fallback serves whoever the model leaves without any item: users without weights, and those whose weights lead
    to nothing that they may get. Without `fallback` their lists stay empty. Memory beyond the result is that of one
    chunk. With `keys`, one a user, lists are drawn.
    """
    n_users, weighted = len(audience.codes), audience.weighted()
    out = RankedLists(
        np.full((n_users, k), -1, dtype=np.int32),
        np.full((n_users, k), -np.inf, dtype=np.float32),
        np.where(weighted, 0, FALLBACK).astype(np.uint8),
        None if keys is None else _no_sample(n_users, k),
    )
    wanted = k if arranger is None else min(arranger.pool, max(k, len(candidates)))
    users_per_chunk = users_per_chunk if arranger is None else min(users_per_chunk, _POOL_CELLS_PER_CHUNK // wanted + 1)

    def fill(rows: NDArray[np.intp], rank: Ranker, allow: NDArray[np.bool_]) -> None:
        for start, stop in row_chunks(len(rows), users_per_chunk):
            chunk = rows[start:stop]
            part = audience.take(chunk)
            denied = None if eligibility is None else eligibility.take(chunk).denied
            filters = Filters(part.seen() if exclude_seen else None, allow, denied)
            block = part.block()
            best = rank(block, wanted, filters, n_threads)
            if arranger is None:
                out.items[chunk], out.scores[chunk] = best
                continue
            own = None if keys is None else keys[chunk]
            out.items[chunk], out.scores[chunk], sample = arranger.arrange(best, block.weights, own, n_threads)
            for whole, some in zip(out.sample or (), sample or (), strict=True):
                whole[chunk] = some

    for members, open_items in _groups(eligibility, n_users):
        allow = candidates if open_items is None else candidates & open_items
        fill(members[weighted[members]], model, allow)
        if fallback is not None:
            empty = members[out.items[members, 0] < 0]
            fill(empty, fallback, allow)
            out.sources[empty[out.items[empty, 0] >= 0]] = FALLBACK
    return out


def _no_sample(n_users: int, k: int) -> Sample:
    position, given_above = np.full((2, n_users, k), np.nan)
    return Sample(np.zeros((n_users, k), np.bool_), position, given_above, np.ones(n_users))


def _groups(
    eligibility: ResolvedEligibility | None, n_users: int
) -> Iterable[tuple[NDArray[np.intp], NDArray[np.bool_] | None]]:
    return [(np.arange(n_users), None)] if eligibility is None else eligibility.groups()
