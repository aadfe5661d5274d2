"""`train` and `refit`: a snapshot in, a model and its run out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from recsys.core.errors import ArgumentError
from recsys.core.progress import ProgressCallback, silent
from recsys.core.seeds import derived_int
from recsys.core.threads import thread_limit
from recsys.core.times import from_micros
from recsys.dataset import Dataset
from recsys.display import View, counted
from recsys.evaluation import choose
from recsys.models import Recommender, make_model
from recsys.store import DataRecipe, Run
from recsys.store.artifacts import save_artifact
from recsys.store.runs import find_run
from recsys.store.snapshots import Snapshot, find_snapshot, freeze, rebuild
from recsys.workflows.holding import Held, SplitKind, held_dict
from recsys.workflows.recording import Job, Recorded

if TYPE_CHECKING:
    from recsys.store import Store


AUTO = "auto"


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
    held : Held or None
        How it was chosen.
    warnings : tuple of str
        What a reader should know.
    """

    recipe: DataRecipe
    snapshot: Snapshot | str
    train: Dataset
    test: Dataset | None
    held: Held | None
    warnings: tuple[str, ...]


def train(
    store: Store,
    model: str | Recommender,
    *,
    params: Mapping[str, object] | None = None,
    seed: int | None = None,
    recipe: DataRecipe | None = None,
    snapshot: str | None = None,
    holdout: str | float | None = None,
    split: SplitKind | None = None,
    n_threads: int | None = None,
    progress: ProgressCallback = silent,
) -> Recorded[Recommender]:
    """Train a model on a snapshot of the store and keep both.

    Parameters
    ----------
    store : Store
        Where the data is and the run goes.
    model : str or Recommender
        A model's name, or an unfitted model (a copy of it is trained). ``"auto"``: the family that does best on a part
        of the training period, as it comes; the run's result says why.
    params : mapping, optional
        Hyper-parameters of a model given by name.
    seed : int, optional
        Replaces the model's seed; models without chance take no notice.
    recipe : DataRecipe, optional
        Which rows. Default: all events of the only type.
    snapshot : str, optional
        A snapshot (name or id) instead of a recipe.
    holdout : str or float, optional
        How much to keep apart: `evaluate` and `compare` test on it. ``"14d"`` is the newest part; with another `split`,
        a share of the user–item pairs (0.2), or a number of items a user (1). Default: learn from all.
    split : {"temporal", "random", "leave-last-out"}, optional
        What is kept apart: the newest part (default), random pairs, or each user's newest items. The last two do not
        ask how well the past predicts the future, and their results say so.
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
    if model == AUTO and params:
        raise ArgumentError("params were given with 'auto'", "a model's name was expected", "use tune to search them")
    fresh = None if model == AUTO else make(model, params, seed)
    held = Held.parse(split, holdout)
    if snapshot is not None and recipe is not None:
        raise ArgumentError("snapshot and recipe were both given", "one of them was expected")
    with thread_limit(n_threads):
        material = prepare(store, recipe or DataRecipe(), snapshot, held)
        if fresh is not None:
            return fit(job, fresh, material, progress=progress)
        chosen = choose(
            material.train,
            validation=0.2 if held is None else held.split(material.train)[0],
            seed=0 if seed is None else seed,
            progress=progress,
        )
        material = material._replace(warnings=(*material.warnings, *chosen.warnings))
        return fit(
            job, chosen.model(), material, result={"auto": chosen.to_dict()}, view=chosen.view(), progress=progress
        )


def refit(
    store: Store,
    run: str | Run,
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
        A training run, a trial of a tuning, or a tuning (its best trial).
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
    candidate = settings_run(store, run)
    with thread_limit(n_threads):
        recipe = replace(recipe_of(candidate), until=until, as_of=None)
        material = prepare(store, recipe, None, None)
        return fit(job, model_of(candidate), material, parents=(candidate.run_id,), progress=progress)


def retrain(
    store: Store, run: str | Run, *, n_threads: int | None = None, progress: ProgressCallback = silent
) -> Recorded[Recommender]:
    """Train with the settings of a run on its own snapshot, with the same part held out.

    After a tuning this gives the candidate to test: trained with the best settings on the whole training period.

    Parameters
    ----------
    store : Store
        The store.
    run : str
        A training run, a trial of a tuning, or a tuning (its best trial).
    n_threads : int, optional
        At most so many threads.
    progress : callable, optional
        Told of every epoch.

    Raises
    ------
    NotFoundError
        There is no such run.
    DataError
        The data of the run is gone, because a person was forgotten.
    """
    like = settings_run(store, run)
    with thread_limit(n_threads):
        return train_like(store, like, progress)


def train_like(store: Store, like: Run, progress: ProgressCallback = silent) -> Recorded[Recommender]:
    """Train as a run was, on its own snapshot, split in the same way."""
    job = Job(store, "train")
    material = prepare(store, recipe_of(like), like.snapshot_id, held_of(like))._replace(recipe=recipe_of(like))
    return fit(job, model_of(like), material, parents=(like.run_id,), progress=progress)


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
    return fresh.clone(seed=seed) if "seed" in fresh.params else fresh


def prepare(store: Store, recipe: DataRecipe, snapshot: str | None, held: Held | None) -> Material:
    """Return the data of a recipe or of a kept snapshot, split if something is held out."""
    if snapshot is None:
        fresh, data, warnings = freeze(store, recipe)
        whole = Material(recipe, fresh, data, None, None, warnings)
    else:
        with store.read() as con:
            kept = find_snapshot(con, snapshot)
        whole = Material(kept.recipe, kept.snapshot_id, rebuild(store, kept), None, None, ())
    if held is None:
        return whole
    split, made = held.split(whole.train)
    warnings = (*whole.warnings, *split.warnings, *_looked_ahead(whole.recipe))
    return whole._replace(train=split.train, test=split.test, held=made, warnings=warnings)


def _looked_ahead(recipe: DataRecipe) -> tuple[str, ...]:
    if recipe.min_user_events == recipe.min_item_events == 1:
        return ()
    return (
        "the minimum counts looked at the held-out events too: these helped to choose the users and items, "
        "so the figures are a little too good",
    )


def fit(
    job: Job,
    model: Recommender,
    material: Material,
    *,
    parents: tuple[str, ...] = (),
    result: Mapping[str, Any] | None = None,
    view: View | None = None,
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
            **held_dict(material.held),
        },
        seed=model.params.get("seed"),
        snapshot=material.snapshot,
        parents=parents,
        trained_through=None if through is None else from_micros(through),
        metrics=_sizes(material),
        result=result,
        view=_view(model, material) if view is None else view,
        artifact=artifact,
        warnings=material.warnings,
    )
    return Recorded(run, model)


def training_run(store: Store, ref: str | Run) -> Run:
    """Return a training run; ``@latest`` is the latest training run."""
    with store.read() as con:
        return find_run(con, ref, kinds=("train",))


def settings_run(store: Store, ref: str | Run) -> Run:
    """Return a run with a model and its settings: a training, a trial, or the best trial of a tuning."""
    kinds = ("train",) if ref in ("@latest", "@latest:train") else ("train", "trial", "tune")
    with store.read() as con:
        found = find_run(con, ref, kinds=kinds)
        return find_run(con, found.result["best_run"]) if found.kind == "tune" else found


def recipe_of(run: Run) -> DataRecipe:
    """Return the data recipe of a training run."""
    return DataRecipe.from_dict(run.recipe["data"])


def model_of(run: Run) -> Recommender:
    """Return the unfitted model of a training run."""
    return make_model(str(run.recipe["model"]), **run.recipe["params"])


def held_of(run: Run) -> Held | None:
    """Return what a training run kept apart; None: it was trained on everything."""
    return Held.of(run.recipe)


def _view(model: Recommender, material: Material) -> View:
    sizes = _sizes(material)
    events, users, items, held = (int(sizes[name] or 0) for name in sizes)
    learned = f"{counted(events, 'event')} of {counted(users, 'user')} and {counted(items, 'item')}"
    return View(f"{model.name} trained on {learned}; {counted(held, 'event') if held else 'nothing'} held out")


def _sizes(material: Material) -> dict[str, float | None]:
    train = material.train
    return {
        "train_events": len(train),
        "train_users": int((train.user_events > 0).sum()),
        "train_items": int((train.item_events > 0).sum()),
        "test_events": 0 if material.test is None else len(material.test),
    }
