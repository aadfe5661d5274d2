"""The rungs of a search: the same training and validation parts with some of the users, with more, with all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from recsys.core.errors import DataError
from recsys.core.progress import Progress, ProgressCallback
from recsys.core.seeds import generator
from recsys.dataset import Dataset, Split
from recsys.evaluation.evaluating import Options, Plan, make_plan, run_plan
from recsys.evaluation.tuning_result import Look
from recsys.metrics import MetricSpec
from recsys.models.base import Recommender
from recsys.models.popularity import Popularity

GROWTH = 3
STOPPING_METRIC = "ndcg@10"  # what `early_stopping` tells after every epoch
_MOST_RUNGS = 3  # of four, all but the model as it came would end below the last in a search of 30 trials
_LEAST_MEASURED = 100


class Rung(NamedTuple):
    """One size of a search.

    Attributes
    ----------
    users : int
        Users with training events.
    train, validation : Dataset
        What is learned from and measured on, of these users.
    plan : Plan
        How to measure: the same for all trials.
    """

    users: int
    train: Dataset
    validation: Dataset
    plan: Plan


def make_rungs(
    split: Split, metric: MetricSpec, *, rung_users: int | None, seed: int, confidence: float, options: Options
) -> tuple[Rung, ...]:
    """Return up to three rungs, the smallest first; each has three times the users of the one before, the last all.

    The users of a rung are drawn by chance, and are among those of the next one. Rungs that measure fewer than 100
    users are left out.

    Parameters
    ----------
    split : Split
        Training and validation part.
    metric : MetricSpec
        What will be measured.
    rung_users : int or None
        The fewest users of a rung; None: one rung, with all.
    seed : int
        Of the draw.
    confidence : float
        Of the intervals.
    options
        As in `evaluate`.

    Raises
    ------
    DataError
        Nobody can be measured.
    """
    active = np.flatnonzero(split.train.user_events)
    sizes = [len(active)]
    while rung_users is not None and len(sizes) < _MOST_RUNGS and sizes[-1] // GROWTH >= rung_users:
        sizes.append(sizes[-1] // GROWTH)
    order = generator([seed, 0]).permutation(active)
    rungs = []
    for size in reversed(sizes[1:]):
        train, validation = (_of_users(part, order[:size]) for part in split)
        try:
            plan = _plan(train, validation, split, metric, confidence, options)
        except DataError:  # nobody to measure
            continue
        if plan.population.counts.users >= _LEAST_MEASURED:
            rungs.append(Rung(size, train, validation, plan))
    whole = _plan(split.train, split.test, split, metric, confidence, options)
    return (*rungs, Rung(len(active), split.train, split.test, whole))


def take_look(
    model: Recommender, rung: Rung, metric: MetricSpec, *, watch_epochs: bool, progress: ProgressCallback
) -> Look:
    """Train a model on a rung and measure it.

    Parameters
    ----------
    model : Recommender
        Unfitted.
    rung : Rung
    metric : MetricSpec
    watch_epochs : bool
        Stop early, by the validation part, and tell the best epoch.
    progress : callable
        May raise to end the training.
    """
    epochs: list[float] = []

    def watch(step: Progress) -> None:
        progress(step)
        epochs.extend(value for name, value in step.values.items() if name == STOPPING_METRIC)

    model.fit(rung.train, validation=rung.validation if watch_epochs else None, progress=watch)
    found = run_plan(model.name, model, rung.plan, progress).interval(metric.name)
    best = 1 + int(np.argmax(epochs)) if watch_epochs and epochs else None
    return Look(rung.users, found.estimate, found.ci_low, found.ci_high, found.n, best)


def _of_users(data: Dataset, users: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]]) -> Dataset:
    chosen = np.zeros(data.n_users, dtype=np.bool_)
    chosen[users] = True
    return data.keep(chosen[data.user_codes])


def _plan(
    train: Dataset, validation: Dataset, split: Split, metric: MetricSpec, confidence: float, options: Options
) -> Plan:
    """Return the plan of all models: what was seen and who is cold depends on the training part alone."""
    rule: Options = {**options, "seen_data": "refuse" if split.kind == "temporal" else "disjoint"}
    return make_plan({"popularity": Popularity().fit(train)}, validation, [metric], confidence=confidence, **rule)
