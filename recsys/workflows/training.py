"""`train` and `refit`: a snapshot in, a model and its run out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys.core.errors import ArgumentError, DataError
from recsys.core.progress import ProgressCallback, silent
from recsys.core.seeds import derived_int
from recsys.core.threads import thread_limit
from recsys.core.times import duration_micros, from_micros
from recsys.dataset import Dataset, temporal_split
from recsys.models import Recommender, make_model
from recsys.store import DataRecipe, Run
from recsys.store.artifacts import save_artifact
from recsys.store.runs import find_run
from recsys.store.snapshots import Snapshot, find_snapshot, freeze, rebuild
from recsys.workflows.recording import Job, Recorded

if TYPE_CHECKING:
    from recsys.store import Store


class Material(NamedTuple):
    """What a model is trained on.

    Attributes
    ----------
    recipe : DataRecipe
        Which rows.
    snapshot : Snapshot or str
        The frozen data; a text is the id of a snapshot that is kept already.
    train : Dataset
        The part before the cut, or all of it.
    test : Dataset or None
        The part held out.
    cut : datetime or None
        The instant between them (UTC).
    warnings : tuple of str
        What a reader should know.
    """

    recipe: DataRecipe
    snapshot: Snapshot | str
    train: Dataset
    test: Dataset | None
    cut: datetime | None
    warnings: tuple[str, ...]


def train(
    store: Store,
    model: str | Recommender,
    *,
    params: Mapping[str, object] | None = None,
    seed: int | None = None,
    recipe: DataRecipe | None = None,
    snapshot: str | None = None,
    holdout: str | None = None,
    n_threads: int | None = None,
    progress: ProgressCallback = silent,
) -> Recorded[Recommender]:
    """Train a model on a snapshot of the store and keep both.

    Parameters
    ----------
    store : Store
        Where the data is and the run goes.
    model : str or Recommender
        A model's name, or an unfitted model (a copy of it is trained).
    params : mapping, optional
        Hyper-parameters of a model given by name.
    seed : int, optional
        Replaces the model's seed; models without chance take no notice.
    recipe : DataRecipe, optional
        Which rows. Default: all events of the only type.
    snapshot : str, optional
        A snapshot (name or id) instead of a recipe.
    holdout : str, optional
        Keep the newest part apart, e.g. ``"14d"``: `evaluate` and `compare` test on it. Default: learn from all.
    n_threads : int, optional
        At most so many threads.
    progress : callable, optional
        Told of every epoch.

    Returns
    -------
    Recorded
        The run and the fitted model.

    Raises
    ------
    ArgumentError
        The model or an argument is not usable.
    NotFoundError
        There is no such snapshot, event type or column.
    DataError
        There is nothing to learn from.
    """
    job = Job(store, "train")
    fresh = make(model, params, seed)
    if holdout is not None:
        duration_micros("holdout", holdout)
    if snapshot is not None and recipe is not None:
        raise ArgumentError("snapshot and recipe were both given", "one of them was expected")
    with thread_limit(n_threads):
        material = prepare(store, recipe or DataRecipe(), snapshot, holdout)
        return fit(job, fresh, material, holdout=holdout, progress=progress)


def refit(
    store: Store,
    run: str,
    *,
    until: str | datetime | None = None,
    n_threads: int | None = None,
    progress: ProgressCallback = silent,
) -> Recorded[Recommender]:
    """Train the model of a run once more with the same recipe, on everything that the store holds now.

    Parameters
    ----------
    store : Store
        The store.
    run : str
        A training run.
    until : str or datetime, optional
        Only events before this instant.
    n_threads : int, optional
        At most so many threads.
    progress : callable, optional
        Told of every epoch.

    Raises
    ------
    NotFoundError
        There is no such run.
    DataError
        There is nothing to learn from.
    """
    job = Job(store, "train")
    candidate = training_run(store, run)
    with thread_limit(n_threads):
        recipe = replace(recipe_of(candidate), until=until, as_of=None)
        material = prepare(store, recipe, None, None)
        return fit(job, model_of(candidate), material, parents=(candidate.run_id,), progress=progress)


def make(model: str | Recommender, params: Mapping[str, object] | None, seed: int | None) -> Recommender:
    """Return an unfitted model with its parameters checked."""
    if isinstance(model, str):
        fresh = make_model(model, **dict(params or {}))
    elif isinstance(model, Recommender):
        if params:
            raise ArgumentError("params were given with a model that has its own", "a model's name was expected")
        fresh = model.clone()
    else:
        raise ArgumentError(f"model is a {type(model).__name__}", "a model's name or a Recommender was expected")
    if seed is None:
        return fresh
    derived_int(seed)
    return type(fresh)(**{**fresh.params, "seed": seed}) if "seed" in fresh.params else fresh


def prepare(store: Store, recipe: DataRecipe, snapshot: str | None, holdout: str | None) -> Material:
    """Return the data of a recipe or of a kept snapshot, split in time if something is held out."""
    if snapshot is None:
        fresh, data, warnings = freeze(store, recipe)
        whole = Material(recipe, fresh, data, None, None, warnings)
    else:
        with store.read() as con:
            kept = find_snapshot(con, snapshot)
        whole = Material(kept.recipe, kept.snapshot_id, rebuild(store, kept), None, None, ())
    if holdout is None:
        return whole
    split = temporal_split(whole.train, holdout)
    if split.cut is None:
        raise DataError("the split has no cut", "a split in time was expected")
    warnings = (*whole.warnings, *split.warnings)
    return whole._replace(train=split.train, test=split.test, cut=from_micros(split.cut), warnings=warnings)


def fit(
    job: Job,
    model: Recommender,
    material: Material,
    *,
    holdout: str | None = None,
    parents: tuple[str, ...] = (),
    progress: ProgressCallback = silent,
) -> Recorded[Recommender]:
    """Fit a model, keep its artefact, then record the run."""
    model.fit(material.train, progress=progress)
    artifact = save_artifact(job.store.artifacts, model)
    through = model.trained_through_
    run = job.record(
        recipe={
            "model": model.name,
            "params": model.params,
            "data": material.recipe.to_dict(),
            "holdout": holdout,
            "cut": None if material.cut is None else material.cut.isoformat(),
        },
        seed=model.params.get("seed"),
        snapshot=material.snapshot,
        parents=parents,
        trained_through=None if through is None else from_micros(through),
        metrics=_sizes(material),
        artifact=artifact,
        warnings=material.warnings,
    )
    return Recorded(run, model)


def training_run(store: Store, ref: str) -> Run:
    """Return a training run; ``@latest`` is the latest training run."""
    with store.read() as con:
        return find_run(con, ref, kinds=("train",))


def recipe_of(run: Run) -> DataRecipe:
    """Return the data recipe of a training run."""
    return DataRecipe.from_dict(run.recipe["data"])


def model_of(run: Run) -> Recommender:
    """Return the unfitted model of a training run."""
    return make_model(str(run.recipe["model"]), **run.recipe["params"])


def cut_of(run: Run) -> datetime | None:
    """Return the instant at which a training run's data was cut; None: it was trained on everything."""
    cut: Any = run.recipe["cut"]
    return None if cut is None else datetime.fromisoformat(cut)


def _sizes(material: Material) -> dict[str, float | None]:
    train = material.train
    return {
        "train_events": len(train),
        "train_users": int((train.user_events > 0).sum()),
        "train_items": int((train.item_events > 0).sum()),
        "test_events": 0 if material.test is None else len(material.test),
    }
