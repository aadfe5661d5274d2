"""An epoch of BPR, one step a pair: ours against implicit's, on one thread and on two.

    python -m benchmarks bpr

One negative a step is the same work as implicit's; the hardest of eight is the default of `BPR`. implicit draws
negatives by popularity, and its result on two threads depends on chance; ours does not depend on
threads. Two threads are held against wall time. What the epochs are worth is the business of ``quality``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from scipy.sparse import csr_array, csr_matrix

from benchmarks._data import train_events
from benchmarks._results import Goal
from benchmarks._timing import Case
from recsys.core.threads import single_threaded_blas, thread_count
from recsys.kernels import bpr_epoch

EPOCHS = 2
GOALS = (Goal("implicit", 2.0),)


def cases() -> Iterator[Case]:
    events = train_events()
    for d in (64, 128):
        contestants = {"recsys": ours(events, d, 1, 1), "recsys, hardest of 8": ours(events, d, 8, 1)}
        yield Case(
            f"d={d}, one thread", {**contestants, "implicit": theirs(events, d, 1)}, EPOCHS * events.nnz, "steps"
        )
    if thread_count() > 1:
        yield Case(
            "d=128, two threads",
            {"recsys": ours(events, 128, 1, 2), "implicit": theirs(events, 128, 2)},
            EPOCHS * events.nnz,
            "steps",
            clock="wall",
        )


def ours(events: csr_array, d: int, negatives: int, n_threads: int) -> Callable[[], object]:
    def work() -> object:
        rng = np.random.default_rng(1)
        users, items = (rng.standard_normal((n, d), np.float32) / 10 for n in events.shape)
        biases = np.zeros(len(items), np.float32)
        steps = {"learning_rate": 0.05, "regularization": 0.01, "negatives": negatives, "n_threads": n_threads}
        for seed in range(EPOCHS):
            bpr_epoch(events, users, items, biases, seed=seed, **steps)
        return items

    return work


def theirs(events: csr_array, d: int, n_threads: int) -> Callable[[], object]:
    native = csr_matrix(events)

    def work() -> object:
        from implicit.cpu.bpr import BayesianPersonalizedRanking

        model = BayesianPersonalizedRanking(
            factors=d, learning_rate=0.05, iterations=EPOCHS, num_threads=n_threads, random_state=1
        )
        with single_threaded_blas():
            model.fit(native, show_progress=False)
        return model

    return work
