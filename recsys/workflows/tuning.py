"""`tune`: a search for hyper-parameters; every trial is a run, committed by the one process that coordinates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys import evaluation
from recsys.core.errors import ArgumentError, DataError
from recsys.core.progress import ProgressCallback, silent
from recsys.core.threads import thread_limit
from recsys.evaluation import Trial, Tuning
from recsys.evaluation.tuning_parts import Models, SamplerName, candidates_of, default_sampler, proposers_of
from recsys.metrics import parse_metric
from recsys.models import make_model
from recsys.models.space_words import Wish
from recsys.store import DataRecipe, Run
from recsys.store.runs import find_trials
from recsys.workflows.holding import Held, SplitKind, held_dict
from recsys.workflows.recording import Job, Recorded
from recsys.workflows.training import Material, prepare

if TYPE_CHECKING:
    from recsys.store import Store

_SHARE = 0.2  # of the training period, where nothing is said


class Search(NamedTuple):
    """All that makes the sequence of trials, as a recipe keeps it.

    Attributes
    ----------
    models : list of (name, params, space)
        In their order; the spaces as texts, of what the user asked for.
    metric : str
    sampler : {"tpe", "random"}
    seed, trials : int
    validation : mapping or None
        As `Held` writes it; None: a fifth of the training period.
    rung_users : int or None
    """

    models: Sequence[tuple[str, Mapping[str, Any], Mapping[str, str]]]
    metric: str
    sampler: SamplerName
    seed: int
    trials: int
    validation: Mapping[str, str | None] | None
    rung_users: int | None


def tune(
    store: Store,
    models: Models,
    *,
    space: Mapping[str, Wish] | None = None,
    trials: int = 30,
    metric: str = "ndcg@10",
    seed: int = 0,
    recipe: DataRecipe | None = None,
    snapshot: str | None = None,
    holdout: str | float | None = None,
    split: SplitKind | None = None,
    validation: str | float | None = None,
    sampler: SamplerName | None = None,
    rung_users: int | None = 1000,
    jobs: int = 1,
    timeout: str | None = None,
    n_threads: int | None = None,
    progress: ProgressCallback = silent,
) -> Recorded[Tuning]:
    """Search for the hyper-parameters that do best on a part of the training period; keep every trial as a run.

    What is held out for the test stays out of the search. A search that was killed goes on with `resume`.

    Parameters
    ----------
    store : Store
        Where the data is and the runs go.
    models, space, trials, metric, seed, sampler, rung_users, jobs, timeout
        As in `recsys.evaluation.tune`.
    recipe, snapshot, holdout, split
        Which data, and which part of it no trial may see: as in `train`.
    validation : str or float, optional
        How much of the rest to measure the trials on, split in the same way as the test part. Default: as much as
        `holdout`; a fifth where nothing is held out.
    n_threads : int, optional
        At most so many threads, for all jobs together.
    progress : callable, optional
        Told of every trial.

    Returns
    -------
    Recorded
        The run, whose result names the runs of the trials, and the `Tuning`.

    Raises
    ------
    ArgumentError
        A model, a parameter or an option is not usable.
    NotFoundError
        There is no such snapshot, event type or column.
    DataError
        Nobody can be measured, or no trial was finished.
    """
    job = Job(store, "tune")
    if snapshot is not None and recipe is not None:
        raise ArgumentError("snapshot and recipe were both given", "one of them was expected")
    held = Held.parse(split, holdout)
    looked_at = _validation(held, split, validation)
    candidates = candidates_of(models, space or {}, seed, has_times=True)
    proposers_of(sampler, seed, parse_metric(metric))  # raises before any data is read
    asked = [(one.name, one.base.params, {name: str(where) for name, where in one.asked.items()}) for one in candidates]
    search = Search(
        asked,
        metric,
        sampler or default_sampler(),
        seed,
        trials,
        None if looked_at is None else held_dict(looked_at),
        rung_users,
    )
    with thread_limit(n_threads):
        material = prepare(store, recipe or DataRecipe(), snapshot, held)
        return _run(job, job.run_id, search, material, (), jobs, timeout, progress)


def resume(
    store: Store,
    tuning: str | Run,
    *,
    trials: int | None = None,
    jobs: int = 1,
    timeout: str | None = None,
    n_threads: int | None = None,
    progress: ProgressCallback = silent,
) -> Recorded[Tuning]:
    """Go on with a search that was interrupted, or make it longer; trials that are over are not repeated.

    A search that was interrupted ends as if it had not been.

    Parameters
    ----------
    store : Store
        The store.
    tuning : str
        The id of the tuning or of one of its trials, or ``@latest``.
    trials : int, optional
        How many in all. Default: as many as were asked for.
    jobs, timeout, n_threads, progress
        As in `tune`.

    Raises
    ------
    NotFoundError
        There is no such tuning.
    DataError
        Its data is gone, or this version would make other trials.
    """
    job = Job(store, "tune")
    with store.read() as con:
        runs = find_trials(con, tuning)
    if not all(run.repeatable for run in runs):
        raise DataError(
            f"tuning {runs[0].recipe['tuning']} cannot go on: a person in its data was forgotten",
            "",
            "start a new search",
        )
    recipe = runs[0].recipe
    asked = max(run.recipe["search"]["trials"] for run in runs)
    search = Search(**recipe["search"])._replace(trials=asked if trials is None else trials)
    with thread_limit(n_threads):
        data = DataRecipe.from_dict(recipe["data"])
        material = prepare(store, data, runs[0].snapshot_id, Held.of(recipe))._replace(recipe=data)
        return _run(job, str(recipe["tuning"]), search, material, runs, jobs, timeout, progress)


def _validation(held: Held | None, split: SplitKind | None, validation: str | float | None) -> Held | None:
    if validation is None:
        return None if held is None else held._replace(cut=None)
    return Held.parse(split if held is None else held.kind, validation)


def _run(
    job: Job,
    tuning: str | Run,
    search: Search,
    material: Material,
    runs: Sequence[Run],
    jobs: int,
    timeout: str | None,
    progress: ProgressCallback,
) -> Recorded[Tuning]:
    """Search, recording every trial as soon as it is over, and the whole in the end."""
    run_ids = {run.result["number"]: run.run_id for run in runs}
    shared = {"data": material.recipe.to_dict(), **held_dict(material.held), "tuning": tuning}

    def keep(trial: Trial) -> None:
        run_ids[trial.number] = _keep(job, trial, search, material, shared)

    looked_at = None if search.validation is None else Held.of(search.validation)
    found = evaluation.tune(
        [make_model(name, **params) for name, params, _ in search.models],
        material.train,
        metric=search.metric,
        trials=search.trials,
        seed=search.seed,
        space={f"{name}.{parameter}": text for name, _, space in search.models for parameter, text in space.items()},
        validation=_SHARE if looked_at is None else looked_at.split(material.train)[0],
        sampler=search.sampler,
        rung_users=search.rung_users,
        jobs=jobs,
        timeout=timeout,
        known=[Trial.from_dict(run.result) for run in runs],
        on_trial=keep,
        progress=progress,
    )
    made = {trial.number: run_ids[trial.number] for trial in found.trials}
    run = job.record(
        recipe={
            "models": {name: {"model": name, "params": params} for name, params, _ in search.models},
            **shared,
            "search": search._asdict(),
        },
        seed=search.seed,
        snapshot=material.snapshot,
        parents=tuple(made.values()),
        metrics={search.metric: found.best.value},
        result={
            **found.to_dict(),
            "best_run": made[found.best.number],
            "runs": {str(n): one for n, one in made.items()},
        },
        view=found.view(),
        warnings=(*material.warnings, *found.warnings),
    )
    return Recorded(run, found)


def _keep(job: Job, trial: Trial, search: Search, material: Material, shared: Mapping[str, Any]) -> str:
    run = job.part("trial").record(
        recipe={"model": trial.model, "params": trial.params, **shared, "search": search._asdict()},
        seed=trial.params.get("seed"),
        snapshot=material.snapshot,
        metrics={search.metric: trial.value},
        result=trial.to_dict(),
        warnings=material.warnings,
        status=trial.status,
        wall_s=trial.seconds,
    )
    return run.run_id
