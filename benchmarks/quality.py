"""What accuracy costs: every model fitted and served on one thread, each in a process of its own.

    python -m benchmarks quality --train FILE --test FILE

Accuracy is recall@20 and ndcg@20 of all users with something in the test part, over the whole catalogue without what
they have in the training part. The cost is the CPU seconds of `fit` and of the lists for all of those users (imports
apart), and the peak memory of the whole process, Python and data included. With a log of one's own ``docs/quality.svg``
is drawn again; a made-up log says little about accuracy.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import csr_array

from benchmarks import _peers
from benchmarks._data import train_and_test
from benchmarks._plots import Spot, picture, spots_chart
from benchmarks._process import run_apart, spend
from benchmarks._results import Outcome, keep, machine
from benchmarks.settings import SETTINGS
from recsys.core.errors import RecsysError
from recsys.core.threads import single_threaded_blas, thread_limit
from recsys.dataset import Dataset, Vocabulary
from recsys.kernels import RankMetric, ranking_metrics, topk
from recsys.models import make_model, model_names
from recsys.models.serving import take_rows

PICTURE = Path(__file__).parent.parent / "docs" / "quality.svg"
K = 20
DENSE_ITEMS, NEIGHBORS = 20_000, 200


class Quality(NamedTuple):
    """One row of the table."""

    model: str
    recall: float
    ndcg: float
    fit_cpu_s: float
    serve_cpu_s: float
    peak_mb: float


def main() -> None:
    found = []
    print(f"{'model':34} recall@{K}   ndcg@{K}  fit CPU s  serve CPU s  peak MB")
    for name, (work, *arguments) in _contestants().items():
        try:
            row = Quality(name, *run_apart(work, *arguments).value)
        except (ImportError, RecsysError, MemoryError) as error:
            print(f"{name} is left out: {error}")
            continue
        found.append(row)
        accuracy = f"{name:34} {row.recall:9.4f} {row.ndcg:9.4f}"
        print(f"{accuracy} {row.fit_cpu_s:10.2f} {row.serve_cpu_s:12.2f} {row.peak_mb:8,.0f}", flush=True)
    keep("quality", _outcomes(found), [row._asdict() for row in found])
    if os.environ.get("RECSYS_BENCH_EVENTS"):
        draw(found)


def draw(found: list[Quality]) -> None:
    spots = [Spot(row.model, row.fit_cpu_s, row.ndcg, row.peak_mb, row.model in _peers.FITS) for row in found]
    note = f"every user of the test part, full catalogue; one thread, {machine()['processor']}"
    picture(lambda: spots_chart(spots, "fit, CPU seconds", f"ndcg@{K}", "peak memory, MB", note), PICTURE)


def _outcomes(found: list[Quality]) -> list[Outcome]:
    """Hold every model of ours against the most accurate peer; more is better."""
    peers = [row for row in found if row.model in _peers.FITS]
    best = max(peers, key=lambda row: row.ndcg, default=None)
    outcomes = []
    for row in found:
        if row in peers:
            continue
        case = f"{row.model}: fit {row.fit_cpu_s:.2f} CPU s, {row.peak_mb:,.0f} MB"
        against = (best.model, best.ndcg, row.ndcg / best.ndcg) if best else ("", None, None)
        outcomes.append(Outcome(case, row.ndcg, f"ndcg@{K}", *against))
    return outcomes


def _contestants() -> dict[str, tuple[Any, ...]]:
    """Return label → function and arguments: our models by default, as they were searched, and the peers."""
    ours: dict[str, tuple[Any, ...]] = {name: (_our_model, name, {}) for name in model_names()}
    if train_and_test()[0].shape[1] > DENSE_ITEMS:  # the cube of it would take a quarter of an hour or more
        ours[f"ease, {NEIGHBORS} neighbors"] = (_our_model, "ease", {"neighbors": NEIGHBORS})
        del ours["ease"]
    searched = {label: (_our_model, setting.model, setting.params) for label, setting in SETTINGS.items()}
    return {**ours, **searched, **{name: (_peer, name) for name in _peers.FITS}}


def _our_model(name: str, params: dict[str, Any]) -> tuple[float, ...]:
    train, test = train_and_test()
    users, items = (Vocabulary.from_ids(np.arange(n)) for n in train.shape)
    rows = np.repeat(np.arange(train.shape[0], dtype=np.int32), np.diff(train.indptr))
    data = Dataset.from_codes(users, items, rows, train.indices.astype(np.int32))
    who = _tested(test)
    with thread_limit(1):
        _warm_up(name, params)
        fit = spend(make_model(name, **params).fit, data)
        serve = spend(fit.value.recommend_codes, who, K)
    return (*_accuracy(serve.value.items, test, who), fit.cpu, serve.cpu, serve.peak_mb)


def _peer(name: str) -> tuple[float, ...]:
    train, test = train_and_test()
    who, prepare = _tested(test), _peers.FITS[name]
    with single_threaded_blas():
        work = prepare(train)  # imports what it needs
        fit = spend(work)
        users, items = fit.value
        seen = take_rows(train, who)
        serve = spend(lambda: topk(users[who], items, K, exclude=seen, n_threads=1))
    return (*_accuracy(serve.value.indices, test, who), fit.cpu, serve.cpu, serve.peak_mb)


def _warm_up(name: str, params: dict[str, Any]) -> None:
    """Fit a log of a few pairs, so that what is imported or chosen on first use is not timed."""
    tiny = Dataset.from_frame({"user_id": [0, 0, 1, 1, 2], "item_id": [0, 1, 0, 1, 0]})
    try:
        make_model(name, **params).fit(tiny).recommend_codes(np.zeros(1, np.int32), 1)
    except RecsysError:  # too small for these settings, but imported
        return


def _tested(test: csr_array) -> np.ndarray:
    return np.flatnonzero(np.diff(test.indptr)).astype(np.int32)


def _accuracy(lists: np.ndarray, test: csr_array, who: np.ndarray) -> tuple[float, float]:
    metrics = [RankMetric("recall", K), RankMetric("ndcg", K)]
    recall, ndcg = ranking_metrics(lists, take_rows(test, who), metrics).mean(axis=0)
    return float(recall), float(ndcg)
