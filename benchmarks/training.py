"""Training ALS: ours against irspack and implicit.

    python -m benchmarks training [--train FILE]

1. Sweeps over all users and items from the same data, on one thread and on two: exact ones, and cheaper ones.
2. Time to equal quality: the CPU seconds, on one thread, until the ndcg@20 on held-out pairs (a fifth) reaches what a
   converged implicit ALS has, set by the balance of observed and other pairs that ours has by default.
3. The peak memory of two sweeps, each contestant in a process of its own.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from scipy.sparse import csr_array, csr_matrix

from benchmarks._data import hold_out, train_events
from benchmarks._process import run_apart
from benchmarks._results import Goal, Outcome, held, keep_also
from benchmarks._timing import Case, quick, run_cases
from recsys.core.threads import single_threaded_blas, thread_limit
from recsys.kernels.als import Update
from recsys.kernels.ranking import RankMetric, ranking_metrics
from recsys.models.als_objective import Objective, default_unobserved
from recsys.models.als_training import both_sides, first_items, half_step
from recsys.models.serving import take_rows
from recsys.scoring import top_k

K, EPOCHS, REGULARIZATION = 20, 12, 0.005
GOALS = (
    Goal("irspack, Cholesky", 2.0, "exact*"),
    Goal("implicit, Cholesky", 5.0, "exact*"),
)
Factors = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]
Sweep = Callable[[], Factors]


def main() -> None:
    events = train_events()
    run_cases("training", _cases(events), GOALS)
    outcomes = [*_time_to_quality(events), _peak_memory()]
    keep_also("training", [outcome for outcome in outcomes if outcome])


def _cases(events: csr_array) -> Iterator[Case]:
    for d in (64,) if quick() else (64, 128, 256):
        for threads in (1, 2):
            if threads > len(os.sched_getaffinity(0)):
                continue
            for kind, ours in (("exact", "recsys, exact"), ("cheaper", "recsys, cg")):
                names = [name for name in CONTESTANTS if not name.startswith("recsys") or name == ours]
                exact = {name for name in names if "Cholesky" in name or "exact" in name}
                chosen = sorted(exact if kind == "exact" else set(names) - exact, key=lambda name: name != ours)
                sweeps = {name: _lazily(name, events, d, threads) for name in chosen}
                label = f"{kind} sweep d={d}, {threads} thread{'s' * (threads > 1)}"
                yield Case(label, sweeps, events.nnz, "pairs", clock="cpu" if threads == 1 else "wall")


def _lazily(name: str, events: csr_array, d: int, threads: int) -> Callable[[], object]:
    """Prepare a contestant when it is first called, and time only its sweeps."""
    made: list[Sweep] = []

    def call() -> object:
        if not made:
            made.append(CONTESTANTS[name](events, d, threads))
        return made[0]()

    return call


def _objective(events: csr_array) -> Objective:
    users, items = np.count_nonzero(np.diff(events.indptr)), len(np.unique(events.indices))
    return Objective(1.0, default_unobserved(events.nnz, users, items), REGULARIZATION, 1.0)


def _ours(improve: Callable[[Any], Update | None]) -> Callable[[csr_array, int, int], Sweep]:
    def prepare(events: csr_array, d: int, threads: int) -> Sweep:
        objective = _objective(events)
        sides = both_sides(events, objective)
        items = first_items(sides[1], d, 0.1, np.random.default_rng(0))
        users = np.empty((events.shape[0], d), np.float32)
        half_step(sides[0], users, items, objective)

        def sweep() -> Factors:
            with thread_limit(threads):
                half_step(sides[1], items, users, objective, improve)
                half_step(sides[0], users, items, objective, improve)
            return users, items

        return sweep

    return prepare


def _irspack(solver: str) -> Callable[[csr_array, int, int], Sweep]:
    def prepare(events: csr_array, d: int, threads: int) -> Sweep:
        from irspack.recommenders._ials_core import LossType, SolverType
        from irspack.recommenders.ials import IALSTrainer

        objective, kind = _objective(events), SolverType[solver]
        settings = (d, objective.unobserved, REGULARIZATION, 1.0, 0.1, kind, 3, 64, LossType.IALSPP, 0, threads, 5, 7)
        trainer = IALSTrainer(csr_matrix(events), *settings)

        def sweep() -> Factors:
            trainer.run_epoch()
            return trainer.core_trainer.user, trainer.core_trainer.item

        return sweep

    return prepare


def _implicit(use_cg: bool) -> Callable[[csr_array, int, int], Sweep]:
    def prepare(events: csr_array, d: int, threads: int) -> Sweep:
        from implicit.cpu.als import AlternatingLeastSquares

        objective = _objective(events)
        ridge = float(np.mean([side.ridge.mean() for side in both_sides(events, objective)])) / objective.unobserved
        confidences = (1 + events.data / objective.unobserved).astype(np.float32)
        whole = csr_matrix((confidences, events.indices, events.indptr), shape=events.shape)
        turned, rng = whole.T.tocsr(), np.random.default_rng(0)
        users, items = (rng.random((n, d), dtype=np.float32) * np.float32(0.01) for n in whole.shape)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about threads
            solver = AlternatingLeastSquares(factors=d, use_cg=use_cg, num_threads=threads).solver

        def sweep() -> Factors:
            with single_threaded_blas():
                solver(whole, users, items, ridge, num_threads=threads)
                solver(turned, items, users, ridge, num_threads=threads)
            return users, items

        return sweep

    return prepare


CONTESTANTS: dict[str, Callable[[csr_array, int, int], Sweep]] = {
    "recsys, exact": _ours(lambda vectors: None),
    "recsys, cg": _ours(Update),
    "irspack, Cholesky": _irspack("CHOLESKY"),
    "irspack, cg": _irspack("CG"),
    "irspack, iALS++": _irspack("IALSPP"),
    "implicit, Cholesky": _implicit(False),
    "implicit, cg": _implicit(True),
}


def _time_to_quality(events: csr_array) -> Iterator[Outcome | None]:
    train, test = hold_out(events)
    for d in (64,) if quick() else (64, 128):
        target, spent = _ndcg_by_time("implicit, cg", train, test, d)[-1]
        print(f"\nCPU s to ndcg@{K} {target:.4f}, that of implicit after {EPOCHS} sweeps ({spent:.1f} s), d={d}")
        reached: dict[str, float] = {}
        for name in CONTESTANTS:
            if "Cholesky" in name:
                continue
            try:
                path = _ndcg_by_time(name, train, test, d)
            except ImportError as error:
                print(f"{name} is left out: {error}")
                continue
            at, (best, when) = next((taken for value, taken in path if value >= target), None), max(path)
            if at is not None:
                reached[name] = at
            print(f"{name:20} {'never' if at is None else f'{at:.2f}':>8}   best {best:.4f} at {when:.2f}", flush=True)
        yield held(f"time to ndcg@{K} {target:.4f} (implicit converged), d={d}", reached, "CPU s")


def _ndcg_by_time(name: str, train: csr_array, test: csr_array, d: int) -> list[tuple[float, float]]:
    """Return (ndcg, CPU seconds so far) after every sweep; measuring is not timed."""
    users = np.flatnonzero(np.diff(test.indptr)).astype(np.int32)[:: max(1, test.shape[0] // 10_000)]
    seen, relevant = take_rows(train, users), take_rows(test, users)
    warm = np.bincount(train.indices, minlength=train.shape[1]) > 0
    began = time.process_time()
    sweep = CONTESTANTS[name](train, d, 1)
    path, spent = [], time.process_time() - began
    for _ in range(EPOCHS):
        began = time.process_time()
        user_factors, item_factors = sweep()
        spent += time.process_time() - began
        found = top_k(np.ascontiguousarray(user_factors[users]), item_factors, K, exclude=seen, allow=warm)
        path.append((float(ranking_metrics(found.indices, relevant, [RankMetric("ndcg", K)]).mean()), spent))
    return path


def _peak_memory() -> Outcome | None:
    print("\npeak memory of two sweeps at d=128, MB")
    found: dict[str, float] = {}
    for name in CONTESTANTS:
        try:
            found[name] = run_apart(_two_sweeps, name, 128).peak_mb
        except ImportError as error:
            print(f"{name} is left out: {error}")
        else:
            print(f"{name:20} {found[name]:8,.0f}", flush=True)
    return held("peak memory of two sweeps, d=128", found, "MB")


def _two_sweeps(name: str, d: int) -> None:
    sweep = CONTESTANTS[name](train_events(), d, 1)
    sweep()
    sweep()
