"""Five million events in any order to a canonical log, and the log to a matrix, on one thread.

    python -m benchmarks csr

Against numpy's `lexsort` and indexing (for which a user's events are sorted by one big sort), and scipy's `tocsr` with
`sum_duplicates`. The results are compared before anything is timed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from benchmarks._timing import Case
from recsys.kernels import aggregate_rows, build_csr

N_USERS, N_ITEMS = 138_000, 27_000
SIZES = {"n_users": N_USERS, "n_items": N_ITEMS}


def cases(n: int = 5_000_000) -> Iterator[Case]:
    users, items, values, times = make_events(n)
    for order, clock in {"as they happened": np.sort(times), "in any order": times}.items():
        yield log_case(order, users, items, values, clock)
    yield matrix_case(users, items, values, times)


def make_events(n: int) -> tuple[NDArray[Any], ...]:
    """A long tail of users and of items, half-star values, times over a year and a half."""
    rng = np.random.default_rng(1)
    users = ((rng.pareto(1.2, n) * 2000).astype(np.int64) % N_USERS).astype(np.int32)
    items = np.minimum(rng.geometric(1 / 3000, n) - 1, N_ITEMS - 1).astype(np.int32)
    return users, items, rng.integers(1, 11, n).astype(np.float32) / 2, rng.integers(0, 5 * 10**13, n)


def log_case(
    order: str,
    users: NDArray[np.int32],
    items: NDArray[np.int32],
    values: NDArray[np.float32],
    times: NDArray[np.int64],
) -> Case:
    def plain() -> tuple[NDArray[Any], ...]:
        places = np.lexsort((values, items, times, users))
        return items[places], values[places], times[places]

    log = build_csr(users, items, values, times, **SIZES)
    if not all(np.array_equal(ours, theirs) for ours, theirs in zip(log[1:4], plain(), strict=True)):
        raise SystemExit("build_csr disagrees with lexsort")
    ours = {"recsys": lambda: build_csr(users, items, values, times, **SIZES, n_threads=1)}
    return Case(f"log of events {order}", {**ours, "numpy lexsort": plain}, len(users), "events")


def matrix_case(
    users: NDArray[np.int32], items: NDArray[np.int32], values: NDArray[np.float32], times: NDArray[np.int64]
) -> Case:
    log = build_csr(users, items, values, times, **SIZES)
    rows = np.repeat(np.arange(N_USERS, dtype=np.int32), np.diff(log.indptr))

    def plain() -> csr_array:
        return coo_array((log.values, (rows, log.items)), shape=(N_USERS, N_ITEMS)).tocsr()

    def ours() -> Any:
        return aggregate_rows(log.indptr, log.items, log.values, n_items=N_ITEMS, how="sum", n_threads=1)

    if not np.array_equal(ours().data, plain().data):
        raise SystemExit("aggregate_rows disagrees with scipy")
    return Case("matrix of the log, repeats summed", {"recsys": ours, "scipy tocsr": plain}, len(rows), "events")
