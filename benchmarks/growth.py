"""What exact top-k costs as users, items, d and K grow, on one thread: ours against implicit, faiss, irspack and numpy.

    python -m benchmarks growth

One of the four grows, the others stay at 1,024 users, 40,000 items, d = 64, K = 10. Factors come from implicit's ALS on
the log; users are drawn from its users, and items from its items, each shaken by a tenth of the spread. The index of
faiss is built beforehand, as is ours in the second line; in the first, what it prepares is timed. irspack has no kernel
of its own for this: numpy makes the scores, it takes the best. Lists are compared with implicit's first. Draws
``docs/growth.svg``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix

from benchmarks._agreement import check_lists
from benchmarks._data import train_events
from benchmarks._plots import Point, growth_chart, picture
from benchmarks._results import machine
from benchmarks._timing import Case, Timing, quick, run_cases
from recsys.core.threads import single_threaded_blas
from recsys.kernels import topk
from recsys.scoring import TopKIndex

PICTURE = Path(__file__).parent.parent / "docs" / "growth.svg"
Factors = NDArray[np.float32]


class Size(NamedTuple):
    """How much one call does."""

    users: int = 1024
    items: int = 40_000
    d: int = 64
    k: int = 10

    def __str__(self) -> str:
        return f"{self.users:,} users, {self.items:,} items, d={self.d}, k={self.k}"


TITLES = {"users": "users", "items": "items", "d": "d (length of the vectors)", "k": "K (length of the lists)"}
GROWS: dict[str, tuple[int, ...]] = {
    "users": (1, 16, 64, 256, 1024, 4096),
    "items": (10_000, 40_000, 160_000) if quick() else (10_000, 40_000, 160_000, 640_000),
    "d": (16, 64, 128) if quick() else (16, 32, 64, 128, 256),
    "k": (10, 30, 100, 300),
}


def main() -> None:
    timings = run_cases("growth", _cases())
    panels = {
        TITLES[grows]: _curves(timings, {str(Size(**{grows: value})): value for value in values})
        for grows, values in GROWS.items()
    }
    if quick():
        return  # not the figures that anybody should look at
    note = f"CPU time, one thread, medians and quartiles; {machine()['processor']}; the others at {Size()}"
    picture(lambda: growth_chart(panels, "CPU µs per user", note), PICTURE)


def _curves(timings: list[Timing], values: dict[str, int]) -> dict[str, list[Point]]:
    curves: dict[str, list[Point]] = {}
    for row in timings:
        if row.case in values:
            each = 1e6 / (row.rate * row.seconds)  # µs a second of the call
            point = Point(values[row.case], row.seconds * each, row.seconds_low * each, row.seconds_high * each)
            curves.setdefault(row.contestant, []).append(point)
    return {name: sorted(points) for name, points in curves.items()}


def _cases() -> Iterator[Case]:
    events = train_events()
    trained = {d: _trained(events, d) for d in GROWS["d"]}
    sizes = dict.fromkeys(Size(**{grows: value}) for grows, values in GROWS.items() for value in values)
    for size in sizes:
        users, items = (_drawn(part, n) for part, n in zip(trained[size.d], size[:2], strict=True))
        yield Case(str(size), _contestants(str(size), users, items, size.k), size.users, "users")


def _contestants(name: str, users: Factors, items: Factors, k: int) -> dict[str, Callable[[], Any]]:
    from implicit.cpu.topk import topk as implicit_topk

    def implicit() -> Any:
        with single_threaded_blas():
            return implicit_topk(items, users, k, num_threads=1)[0]

    check_lists(name, users, items, topk(users, items, k).indices, implicit())
    index = TopKIndex(items)
    return {
        "recsys": lambda: topk(users, items, k, n_threads=1),
        "recsys, prepared": lambda: index.query(users, k, n_threads=1),
        "implicit": implicit,
        "faiss IndexFlatIP": _faiss(users, items, k),
        "irspack": _irspack(users, items, k),
        "numpy": lambda: _by_blocks(users, items, lambda scores: _best(scores, k)),
    }


def _faiss(users: Factors, items: Factors, k: int) -> Callable[[], Any]:
    index: list[Any] = []

    def search() -> Any:
        import faiss

        faiss.omp_set_num_threads(1)
        if not index:
            index.append(faiss.IndexFlatIP(items.shape[1]))
            index[0].add(items)
        with single_threaded_blas():
            return index[0].search(users, k)

    return search


def _irspack(users: Factors, items: Factors, k: int) -> Callable[[], Any]:
    def search() -> Any:
        from irspack.utils.id_mapping import retrieve_recommend_from_score

        return _by_blocks(users, items, lambda scores: retrieve_recommend_from_score(scores, [], k, 1))

    return search


def _by_blocks(users: Factors, items: Factors, choose: Callable[[Factors], Any]) -> list[Any]:
    with single_threaded_blas():
        return [choose(users[start : start + 256] @ items.T) for start in range(0, len(users), 256)]


def _best(scores: Factors, k: int) -> NDArray[np.int64]:
    best = np.argpartition(scores, -k, axis=1)[:, -k:]
    return np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, axis=1), axis=1), axis=1)


def _trained(events: csr_array, d: int) -> tuple[Factors, Factors]:
    from implicit.als import AlternatingLeastSquares

    model = AlternatingLeastSquares(
        factors=d, regularization=10, alpha=100, iterations=3, random_state=7, num_threads=1
    )
    with single_threaded_blas():
        model.fit(csr_matrix(events), show_progress=False)
    return model.user_factors, model.item_factors


def _drawn(factors: Factors, n: int) -> Factors:
    rng = np.random.default_rng(n)
    shaken = factors[rng.integers(0, len(factors), n)]
    shaken += factors.std() / 10 * rng.standard_normal(shaken.shape, np.float32)
    return shaken
