"""`replay`: what trained models would have earned on the impressions of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from recsys import ope
from recsys.core.errors import ArgumentError, DataError
from recsys.core.progress import ProgressCallback, silent
from recsys.core.times import parse_instant
from recsys.dataset import Dataset
from recsys.ope import LoggedFeedback, Replay
from recsys.ope.recommending import RecommenderPolicy
from recsys.store import Run
from recsys.store.artifacts import load_artifact
from recsys.store.datasets import attributes
from recsys.store.schema import high_water
from recsys.store.snapshots import extract
from recsys.workflows.evaluating import name_runs
from recsys.workflows.recording import Job, Recorded
from recsys.workflows.training import recipe_of, training_run

if TYPE_CHECKING:
    import polars as pl

    from recsys.scoring import Eligibility
    from recsys.scoring.exploring import Explorer
    from recsys.store import DataRecipe, Store

Instant = str | datetime | date


class Serving(NamedTuple):
    """How models would have made their lists; see `replay`."""

    k: int | None
    explore: Explorer | None
    eligibility: Eligibility | None
    exclude_seen: bool


def replay(
    store: Store,
    models: str | Sequence[str],
    *,
    since: Instant | None = None,
    until: Instant | None = None,
    reward: str | Sequence[str] | None = None,
    versions: Sequence[str] = (),
    compare: bool = False,
    k: int | None = None,
    explore: Explorer | None = None,
    eligibility: Eligibility | None = None,
    exclude_seen: bool = True,
    progress: ProgressCallback = silent,
    **options: Any,
) -> Recorded[Replay]:
    """Value trained models on the store's impressions, each user served with the history as of the request.

    Parameters
    ----------
    store : Store
        The store.
    models : str or sequence of str
        Training runs.
    since, until : str, datetime or date, optional
        Which impressions, half-open (UTC). Default: all that are later than what any of the models has learned from.
    reward : str or sequence of str, optional
        Columns of the impressions; the first one decides. Default: all that are numbers.
    versions : sequence of str
        Only what these policies (``policy`` or ``policy/policy_version``) have shown.
    compare : bool
        Hold the models against the first one, and not against what the log has earned.
    k : int, optional
        Slots of a list. Default: the positions of the log.
    explore : EpsilonGreedy or PlackettLuce, optional
        How lists are drawn. Default: as the model does, else its best items.
    eligibility : Eligibility, optional
        What may be shown to whom, as of the request.
    exclude_seen : bool
        Leave out what a user had before the request.
    progress : callable, optional
        Told of every model.
    **options
        estimator, estimand, interval, confidence, correction, parameters, bound, reward_range, replicates, seed,
        limits: see `recsys.ope.replay`.

    Raises
    ------
    NotFoundError
        There is no such run or reward.
    DataError
        There are no impressions in that time, they break a demand, or a model has learned from them.
    """
    job = Job(store, "replay")
    trained = [training_run(store, ref) for ref in ([models] if isinstance(models, str) else models)]
    if not trained or len({run.run_id for run in trained}) < len(trained):
        named_runs = ", ".join(run.run_id for run in trained) or "none"
        raise ArgumentError(f"the runs are {named_runs}", "different runs were expected")
    if compare and len(trained) < 2:
        raise ArgumentError("compare has one model", "two or more were expected", "leave compare out")
    begin = _begin(trained, since)
    rows, mark = _impressions(store, begin, until)
    feedback = LoggedFeedback.from_frame(rows, reward=reward)
    if versions:
        feedback = feedback.of_versions(*versions)
    named = name_runs(trained)
    serving = Serving(k, explore, eligibility, exclude_seen)
    policies, warnings = _policies(store, named, feedback, serving, mark)
    baseline = next(iter(named)) if compare else "logged"
    found = ope.replay(policies, feedback, reward=reward, baseline=baseline, progress=progress, **options)
    throughs = [run.trained_through for run in trained if run.trained_through is not None]
    run = job.record(
        recipe={
            "runs": [run.run_id for run in trained],
            "models": {name: run.run_id for name, run in named.items()},
            "since": None if begin is None else begin.isoformat(),
            "until": None if until is None else parse_instant("until", until).isoformat(),
            "versions": list(versions),
            "rewards": [one.reward for one in found.logged],
            "compare": compare,
            "k": k,
            "explore": None if explore is None else explore.to_dict(),
            "eligibility": None if eligibility is None else repr(eligibility),
            "exclude_seen": exclude_seen,
            "high_water": mark,
            **{name: _plain(value) for name, value in options.items()},
        },
        parents=[run.run_id for run in trained],
        seed=options.get("seed", 0),
        trained_through=max(throughs, default=None),
        metrics=_numbers(found),
        result=found.to_dict(),
        warnings=(*warnings, *found.warnings),
    )
    return Recorded(run, found)


def _begin(trained: Sequence[Run], since: Instant | None) -> datetime | None:
    """Return when the impressions begin: from where no model has learned; None when the data of none has times."""
    throughs = [run.trained_through for run in trained if run.trained_through is not None]
    earliest = max(throughs) + timedelta(microseconds=1) if throughs else None
    if since is None:
        return earliest
    asked = parse_instant("since", since)
    if earliest is not None and asked < earliest:
        raise DataError(
            f"since is {asked:%Y-%m-%d %H:%M}, and the models have learned from events up to {max(throughs)}",
            "impressions later than all training were expected",
            "leave since out, or train on less: recsys train MODEL --until DATE",
        )
    return asked


def _impressions(store: Store, since: datetime | None, until: Instant | None) -> tuple[pl.DataFrame, int]:
    with store.read() as con:
        mark = high_water(con)
    rows = store.impressions(since=since, until=until)
    if rows.is_empty():
        span = " ".join([*([f"since {since:%Y-%m-%d %H:%M}"] if since else []), *([f"until {until}"] if until else [])])
        raise DataError(
            f"the store has no impressions {span}".rstrip(),
            "impressions later than the training were expected",
            "train on less (recsys train MODEL --until DATE), or ingest newer impressions",
        )
    return rows, mark


def _policies(
    store: Store, named: Mapping[str, Run], feedback: LoggedFeedback, serving: Serving, mark: int
) -> tuple[dict[str, RecommenderPolicy], tuple[str, ...]]:
    """Return the models as policies, with the histories of the log's users, and warnings."""
    users = None
    if serving.eligibility is not None and serving.eligibility.attributes:
        with store.read() as con:
            users = attributes(con, "users", mark=mark)
    policies: dict[str, RecommenderPolicy] = {}
    told: list[str] = []
    histories: dict[DataRecipe, Dataset | None] = {}
    for name, run in named.items():
        model = load_artifact(store.artifacts, str(run.artifact))
        recipe = replace(recipe_of(run), until=None, as_of=None, min_user_events=1, min_item_events=1)
        if recipe not in histories:
            data, _, warnings = extract(store, recipe, mark)
            histories[recipe] = _of_users(data, feedback)
            told += warnings
            if data.times is None:
                told.append(f"the events of {name} have no times: users are served with their training history")
        policies[name] = RecommenderPolicy(
            model,
            explore=serving.explore,
            k=serving.k,
            history=histories[recipe],
            eligibility=serving.eligibility,
            exclude_seen=serving.exclude_seen,
            user_attributes=users,
            label=name,
        )
    return policies, tuple(told)


def _of_users(data: Dataset, feedback: LoggedFeedback) -> Dataset | None:
    """Return the events of the users that the log names; None when there is no history as of a request."""
    if data.times is None or feedback.times is None or feedback.users is None:
        return None
    theirs = np.zeros(data.n_users, np.bool_)
    codes = data.users.encode(feedback.users.ids)
    theirs[codes[codes >= 0]] = True
    return data.keep(theirs[data.user_codes])


def _numbers(found: Replay) -> dict[str, float | None]:
    return {
        f"{one.policy} {one.reward} {one.estimator}": one.value if one.value == one.value else None
        for one in (*found.logged, *found.estimates)
    }


def _plain(value: object) -> object:
    return value if value is None or isinstance(value, bool | int | float | str) else _words(value)


def _words(value: object) -> object:
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else repr(value)
