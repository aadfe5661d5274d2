"""`backtest`: models trained and tested over advancing time, recorded as one run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recsys import evaluation
from recsys.core.errors import ArgumentError
from recsys.core.progress import ProgressCallback, silent
from recsys.evaluation import DEFAULT_METRICS, Backtest
from recsys.models import Recommender
from recsys.store import DataRecipe
from recsys.workflows.recording import Job, Recorded
from recsys.workflows.training import make, prepare

if TYPE_CHECKING:
    from recsys.store import Store

Chosen = Recommender | str | tuple[str, Mapping[str, object]]


def backtest(
    store: Store,
    models: Mapping[str, Chosen],
    *,
    recipe: DataRecipe | None = None,
    snapshot: str | None = None,
    windows: int = 4,
    test: str = "14d",
    seeds: Sequence[int] = (0,),
    metrics: Sequence[str] = DEFAULT_METRICS,
    progress: ProgressCallback = silent,
) -> Recorded[Backtest]:
    """Train and test models in windows that advance over time.

    Parameters
    ----------
    store : Store
        The store.
    models : mapping of str to model
        By the name to show: a model's name, the pair of its name and its parameters, or an unfitted Recommender.
    recipe : DataRecipe, optional
        Which rows. Default: all events of the only type.
    snapshot : str, optional
        A snapshot (name or id) instead of a recipe.
    windows : int
        How many test windows, one after the other; the last one ends with the data.
    test : str
        The length of a window, e.g. ``"14d"``.
    seeds : sequence of int
        Each model is trained with each of them; models without chance once.
    metrics : sequence of str
        Such as ``"ndcg@10"``.
    progress : callable, optional
        Told of every model trained.

    Raises
    ------
    ArgumentError
        A model or argument is not usable, or the events have no times.
    DataError
        A window has no training or test events.
    """
    job = Job(store, "backtest")
    if snapshot is not None and recipe is not None:
        raise ArgumentError("snapshot and recipe were both given", "one of them was expected")
    fresh = {name: _made(chosen) for name, chosen in models.items()}
    material = prepare(store, recipe or DataRecipe(), snapshot, None)
    found = evaluation.backtest(
        fresh,
        material.train,
        test=test,
        windows=windows,
        seeds=list(seeds),
        metrics=list(metrics),
        progress=progress,
    )
    run = job.record(
        recipe={
            "models": {name: {"model": model.name, "params": model.params} for name, model in fresh.items()},
            "data": material.recipe.to_dict(),
            "windows": windows,
            "test": test,
            "seeds": list(seeds),
            "metrics": [str(metric) for metric in metrics],
        },
        seed=seeds[0] if len(seeds) == 1 else None,
        snapshot=material.snapshot,
        metrics=_means(found),
        result=found.to_dict(),
        view=found.view(),
        warnings=(*material.warnings, *found.warnings),
    )
    return Recorded(run, found)


def _made(chosen: Chosen) -> Recommender:
    name, params = chosen if isinstance(chosen, tuple) else (chosen, None)
    return make(name, params, None)


def _means(found: Backtest) -> dict[str, float | None]:
    rows: list[dict[str, Any]] = found.summary.to_dicts()
    return {f"{row['model']} {row['metric']}": row["mean"] for row in rows}
