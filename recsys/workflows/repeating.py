"""`repeat`: a run once more, from its snapshot; the same numbers must come out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from recsys.core.errors import ArgumentError, DataError, GateError
from recsys.core.progress import ProgressCallback, silent
from recsys.evaluation import DEFAULT_METRICS
from recsys.scoring.named import make_reranker
from recsys.store import Run
from recsys.store.runs import find_run
from recsys.store.versions import versions
from recsys.workflows.backtesting import backtest
from recsys.workflows.evaluating import Options, run_comparison, run_evaluation
from recsys.workflows.learning import replay_learning_like
from recsys.workflows.recording import Job, Recorded
from recsys.workflows.replaying import replay_like
from recsys.workflows.training import held_of, train_like

if TYPE_CHECKING:
    from recsys.models import Recommender
    from recsys.store import Store

_OF_LOGS = ("replay", "replay-learning")
_KINDS = ("train", "evaluate", "compare", "backtest", *_OF_LOGS)


def repeat(store: Store, run: str | Run, *, progress: ProgressCallback = silent) -> Recorded[Any]:
    """Do a run again from its snapshot, and check that its numbers come back.

    A training run must give the same bytes, or else the same metrics on its held-out part. An evaluation or comparison
    has its models trained again first; a replay is made on what the store had received then. The new runs are recorded,
    whatever the outcome.

    Parameters
    ----------
    store : Store
        The store.
    run : str
        A run of kind train, evaluate, compare, backtest, replay or replay-learning.
    progress : callable, optional
        Told of every epoch.

    Returns
    -------
    Recorded
        The new run and its result.

    Raises
    ------
    GateError
        The numbers are others.
    DataError
        The data of the run is gone, because a person was forgotten.
    ArgumentError
        The run cannot be repeated: of another kind, or with an eligibility, which is not kept.
    """
    with store.read() as con:
        old = find_run(con, run, kinds=_KINDS)
    _check(old)
    if old.kind == "train":
        return _repeat_training(store, old, progress)
    if old.kind == "backtest":
        again: Recorded[Any] = _repeat_backtest(store, old, progress)
    elif old.kind == "replay":
        again = replay_like(store, old, progress)
    elif old.kind == "replay-learning":
        again = replay_learning_like(store, old, progress)
    else:
        again = _repeat_measurement(store, old, progress)
    _same_numbers(old, again.run, _by_place(old), _by_place(again.run))
    return again


def _check(old: Run) -> None:
    if not old.repeatable:
        what = f"run {old.run_id} cannot be repeated: a person in its data was forgotten"
        raise DataError(what, "", f"replay again: recsys {old.kind}" if old.kind in _OF_LOGS else "train a new run")
    if old.snapshot_id is None and old.kind not in _OF_LOGS:
        raise ArgumentError(
            f"run {old.run_id} was measured on events outside a snapshot", "a run on a held-out part was expected"
        )
    if old.recipe.get("eligibility") is not None:
        raise ArgumentError(
            f"run {old.run_id} was measured with {old.recipe['eligibility']}", "rules are not kept in the store"
        )


def _repeat_training(store: Store, old: Run, progress: ProgressCallback) -> Recorded[Recommender]:
    again = train_like(store, old, progress)
    if again.run.artifact == old.artifact:
        return again
    if held_of(old) is None:
        raise _others(old, again.run, "the model has other bytes")
    options = Options(DEFAULT_METRICS)
    first, second = (
        run_evaluation(Job(store, "evaluate"), trained, options, progress=progress).run for trained in (old, again.run)
    )
    _same_numbers(old, again.run, first.metrics, second.metrics)
    return again


def _repeat_measurement(store: Store, old: Run, progress: ProgressCallback) -> Recorded[Any]:
    with store.read() as con:
        parents = [find_run(con, parent, kinds=("train",)) for parent in old.parents]
    trained = [train_like(store, parent, progress).run for parent in parents]
    recipe = old.recipe
    options = Options(
        metrics=tuple(recipe["metrics"]),
        by=tuple(recipe["by"]),
        on_cold=recipe["on_cold"],
        seen_data=recipe["seen_data"],
        exclude_seen=recipe["exclude_seen"],
        rerank=None if recipe.get("rerank") is None else make_reranker(**recipe["rerank"]),
    )
    job, mark = Job(store, old.kind), recipe["attributes_mark"]
    if old.kind == "evaluate":
        return run_evaluation(job, trained[0], options, mark=mark, progress=progress)
    return run_comparison(job, trained, options, mark=mark, progress=progress)


def _repeat_backtest(store: Store, old: Run, progress: ProgressCallback) -> Recorded[Any]:
    recipe = old.recipe
    return backtest(
        store,
        {name: (made["model"], made["params"]) for name, made in recipe["models"].items()},
        snapshot=old.snapshot_id,
        windows=recipe["windows"],
        test=recipe["test"],
        seeds=recipe["seeds"],
        metrics=recipe["metrics"],
        progress=progress,
    )


def _same_numbers(old: Run, new: Run, expected: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    wrong = [
        f"{name} {value!r} became {found.get(name)!r}" for name, value in expected.items() if value != found.get(name)
    ]
    if wrong or len(expected) != len(found):
        raise _others(old, new, "; ".join(wrong[:3]) or "other metrics came out")


def _by_place(run: Run) -> dict[str, Any]:
    """Return the metrics by the place of the model in a comparison: run ids may be part of the models' names."""
    if run.kind != "compare":
        return dict(run.metrics)
    places = {name: run.parents.index(parent) for name, parent in run.recipe["models"].items()}
    split = ((name.split(" ", 1), value) for name, value in run.metrics.items())
    return {f"model {places[model] + 1} {metric}": value for (model, metric), value in split}


def _others(old: Run, new: Run, what: str) -> GateError:
    now = versions()
    changed = [f"{name} {before} → {now.get(name)}" for name, before in old.versions.items() if now.get(name) != before]
    because = f" ({', '.join(changed)})" if changed else " (with the same versions)"
    return GateError(
        f"run {old.run_id} did not come back{because}: {what}",
        "identical numbers were expected",
        f"recsys runs diff {old.run_id} {new.run_id}",
    )
