"""Choose the settings of a model on a validation part of a log; the test part is another step, and chooses nothing.

    python -m benchmarks.search graphfilter --train FILE --trials 30
    python -m benchmarks.search graphfilter --train FILE --test FILE          # what was found, measured once

A fifth of the pairs is held out at random, and some of the users are measured on it. All trials and the best settings
are kept in ``benchmarks/results/search/``; whoever wants them in the picture of `quality` copies them to
``benchmarks/settings.py``.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array

from benchmarks._data import read_events
from benchmarks._results import RESULTS
from recsys.core.threads import thread_limit
from recsys.dataset import Dataset, Split, Vocabulary, random_split
from recsys.evaluation import evaluate, tune
from recsys.evaluation.tuning_result import Trial
from recsys.models import make_model, model_names

METRICS = ["recall@20", "ndcg@20"]


def main() -> None:
    wanted = _arguments()
    name = wanted.name or wanted.model
    kept = RESULTS / "search" / f"{name}.json"
    train = read_events(wanted.train)
    with thread_limit(wanted.threads):
        if wanted.test:
            _measure(json.loads(kept.read_text())["best"], train, read_events(wanted.test))
        else:
            _search(wanted, train, kept)


def _search(wanted: argparse.Namespace, train: csr_array, kept: Path) -> None:
    split = _part(dataset_of(train), wanted.users, wanted.seed)
    fixed = dict(pair.split("=", 1) for pair in wanted.set)
    space: dict[str, Any] = {**fixed, **dict(pair.split("=", 1) for pair in wanted.space)}
    found = tune(
        make_model(wanted.model, **fixed),
        split.train,
        metric=wanted.metric,
        trials=wanted.trials,
        seed=wanted.seed,
        space=space,
        validation=split,
        rung_users=None,
        on_trial=_tell,
    )
    best = {"model": wanted.model, "params": dict(found.best.params), "validation": {wanted.metric: found.best.value}}
    kept.parent.mkdir(parents=True, exist_ok=True)
    trials = [trial.to_dict() for trial in found.trials]
    kept.write_text(json.dumps({"best": best, "trials": trials}, indent=1) + "\n")
    print(f"\n{json.dumps(best)}\nkept in {kept}")


def _measure(best: dict[str, Any], train: csr_array, test: csr_array) -> None:
    shape = tuple(np.maximum(train.shape, test.shape))
    train.resize(shape)
    test.resize(shape)
    model = make_model(best["model"], **best["params"])
    started = time.process_time()
    model.fit(dataset_of(train))
    fitted = time.process_time()
    found = evaluate(model, dataset_of(test), METRICS, seen_data="disjoint")
    values = ", ".join(f"{name} {found[name]:.4f}" for name in METRICS)
    print(f"{model!r}\n{values}; fit {fitted - started:.1f} CPU s, lists {time.process_time() - fitted:.1f} CPU s")


def _tell(trial: Trial) -> None:
    chosen = ", ".join(f"{name}={_short(value)}" for name, value in trial.chosen.items()) or "as it comes"
    print(f"{trial.number:4} {trial.value:.4f} {trial.seconds:6.1f} s  {chosen} {trial.error}".rstrip(), flush=True)


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _part(data: Dataset, users: int, seed: int) -> Split:
    """Return a random split with some of the test users only: training takes as long as ever, scoring less."""
    split = random_split(data, 0.2, seed=seed)
    tested = np.flatnonzero(split.test.user_events)
    chosen = np.random.default_rng(seed).choice(tested, min(users, len(tested)), replace=False)
    return Split(split.train, split.test.keep(np.isin(split.test.user_codes, chosen)), kind="random")


def dataset_of(events: csr_array) -> Dataset:
    """Return a log of pairs without times; its ids are the codes."""
    users, items = (Vocabulary.from_ids(np.arange(n)) for n in events.shape)
    rows = np.repeat(np.arange(events.shape[0], dtype=np.int32), np.diff(events.indptr))
    return Dataset.from_codes(users, items, rows, events.indices.astype(np.int32))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__.splitlines()[0])
    parser.add_argument("model", choices=model_names())
    parser.add_argument("--train", required=True, metavar="FILE", help="Parquet (user and item codes first) or .npz")
    parser.add_argument("--test", metavar="FILE", help="measure what the search chose on this, and search nothing")
    parser.add_argument("--name", help="under which to keep what is found; the model's by default")
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--users", type=int, default=5000, help="how many are measured; 5,000 by default")
    parser.add_argument("--metric", default="ndcg@20")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter that stays")
    parser.add_argument("--space", action="append", default=[], metavar="NAME=LOW..HIGH", help="where to look instead")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
