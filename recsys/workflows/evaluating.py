"""`evaluate` and `compare`: runs measured on the part that was held out from them, rebuilt from their snapshot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import polars as pl

from recsys import evaluation
from recsys.core.errors import ArgumentError, DataError
from recsys.core.progress import ProgressCallback, silent
from recsys.core.times import to_micros
from recsys.dataset import Dataset, align_attributes
from recsys.evaluation import DEFAULT_METRICS, Comparison, Evaluation
from recsys.models import Recommender
from recsys.scoring import Eligibility
from recsys.store import Run
from recsys.store.artifacts import load_artifact
from recsys.store.datasets import attributes
from recsys.store.runs import find_run
from recsys.store.schema import high_water
from recsys.store.snapshots import extract, find_snapshot, rebuild
from recsys.workflows.recording import Job, Recorded
from recsys.workflows.training import held_of, recipe_of, training_run

if TYPE_CHECKING:
    from recsys.scoring.reranking import Reranker
    from recsys.store import Store

OnCold = Literal["fallback", "skip"]
SeenData = Literal["refuse", "disjoint", "allow"]


class Options(NamedTuple):
    """How runs are measured; see `evaluate`."""

    metrics: tuple[str, ...]
    by: tuple[str, ...] = ()
    on_cold: OnCold = "fallback"
    eligibility: Eligibility | None = None
    seen_data: SeenData = "refuse"
    exclude_seen: bool = True
    rerank: Reranker | None = None


class Exam(NamedTuple):
    """What runs are measured on.

    Attributes
    ----------
    test : Dataset
        The test part, with the attributes of users and items as they are now.
    snapshot_id : str or None
        Where it comes from; None: events that arrived after all training.
    cut : datetime or None
        Of a split in time: every test event is at or after it (UTC).
    attributes_mark : int
        The change up to which attributes were read.
    """

    test: Dataset
    snapshot_id: str | None
    cut: datetime | None
    attributes_mark: int

    def rule(self, seen_data: SeenData) -> SeenData:
        """Return what may be asked of the test part: a split that is not in time proves disjoint pairs, no more."""
        return "disjoint" if self.cut is None and seen_data == "refuse" else seen_data


def evaluate(
    store: Store,
    run: str | Run,
    metrics: Sequence[str] = DEFAULT_METRICS,
    *,
    by: Sequence[str] = (),
    on_cold: OnCold = "fallback",
    eligibility: Eligibility | None = None,
    seen_data: SeenData = "refuse",
    exclude_seen: bool = True,
    rerank: Reranker | None = None,
    progress: ProgressCallback = silent,
) -> Recorded[Evaluation]:
    """Measure the model of a training run on the part that was held out from it.

    A run trained on everything is measured on what happened after its training, if anything did.

    Parameters
    ----------
    store : Store
        The store.
    run : str or Run
        A training run.
    metrics : sequence of str
        Such as ``"ndcg@10"``.
    by : sequence of str
        User attributes to divide the users by.
    on_cold : {"fallback", "skip"}
        What becomes of users without training events.
    eligibility : Eligibility, optional
        What may be shown to whom.
    seen_data : {"refuse", "disjoint", "allow"}
        What may be tested on: only what is later than the training; any pair that is not in training, which is the rule
        for a run whose split is not in time; or anything. The result is marked.
    exclude_seen : bool
        Keep items out of a user's list that the user had in training; they are no hits then.
    rerank : Reranker, optional
        Measure re-ranked lists: ``MMR(…)`` or ``Calibrated(…)``. Item attributes are those of the store.
    progress : callable, optional
        Told of every chunk of users.

    Raises
    ------
    NotFoundError
        There is no such run or attribute.
    DataError
        The model has seen the test part, or there is none.
    """
    job = Job(store, "evaluate")
    options = Options(tuple(map(str, metrics)), tuple(by), on_cold, eligibility, seen_data, exclude_seen, rerank)
    return run_evaluation(job, training_run(store, run), options, progress=progress)


def compare(
    store: Store,
    runs: Sequence[str | Run],
    metrics: Sequence[str] = DEFAULT_METRICS,
    *,
    baseline: str | Run | None = None,
    by: Sequence[str] = (),
    on_cold: OnCold = "fallback",
    eligibility: Eligibility | None = None,
    seen_data: SeenData = "refuse",
    exclude_seen: bool = True,
    progress: ProgressCallback = silent,
) -> Recorded[Comparison]:
    """Compare the models of training runs on one test part, user by user.

    Parameters
    ----------
    store : Store
        The store.
    runs : sequence of str or Run
        Two training runs or more, with the same snapshot and cut.
    baseline : str or Run, optional
        What the others are compared with: one of the runs, or a further one. Default: the first run.
    metrics, by, on_cold, eligibility, seen_data, exclude_seen, progress
        As in `evaluate`.

    Raises
    ------
    ArgumentError
        Fewer than two runs.
    DataError
        The runs do not share their test part, or a model has seen it.
    """
    job = Job(store, "compare")
    trained = [training_run(store, run) for run in ([runs] if isinstance(runs, str | Run) else runs)]
    if baseline is not None:
        first = training_run(store, baseline)
        trained = [first, *(run for run in trained if run.run_id != first.run_id)]
    options = Options(tuple(map(str, metrics)), tuple(by), on_cold, eligibility, seen_data, exclude_seen)
    return run_comparison(job, trained, options, progress=progress)


def run_evaluation(
    job: Job, trained: Run, options: Options, *, mark: int | None = None, progress: ProgressCallback = silent
) -> Recorded[Evaluation]:
    """Measure one run and record it; `mark` is the change up to which attributes are read."""
    model = _load(job.store, trained)
    exam = set_exam(job.store, [trained], mark)
    model = model if options.rerank is None else model.with_policy(_with_items(options.rerank, exam.test))
    found = evaluation.evaluate(
        model,
        exam.test,
        list(options.metrics),
        by=list(options.by),
        on_cold=options.on_cold,
        eligibility=options.eligibility,
        seen_data=exam.rule(options.seen_data),
        exclude_seen=options.exclude_seen,
        progress=progress,
    )
    recorded = job.record(
        recipe=_recipe([trained], exam, options) | {"model": trained.recipe["model"]},
        snapshot=exam.snapshot_id,
        parents=(trained.run_id,),
        trained_through=trained.trained_through,
        metrics=_numbers(found),
        result=found.to_dict(),
        view=found.view(),
        per_user=_per_user({"": found}),
        warnings=found.warnings,
    )
    return Recorded(recorded, found)


def run_comparison(
    job: Job, trained: Sequence[Run], options: Options, *, mark: int | None = None, progress: ProgressCallback = silent
) -> Recorded[Comparison]:
    """Compare runs and record it; `mark` is the change up to which attributes are read."""
    if len({run.run_id for run in trained}) < max(len(trained), 2):
        named = ", ".join(run.run_id for run in trained) or "none"
        raise ArgumentError(f"the runs are {named}", "two different runs or more were expected")
    exam = set_exam(job.store, trained, mark)
    names = name_runs(trained)
    found = evaluation.compare(
        {name: _load(job.store, run) for name, run in names.items()},
        exam.test,
        list(options.metrics),
        baseline=next(iter(names)),
        by=list(options.by),
        on_cold=options.on_cold,
        eligibility=options.eligibility,
        seen_data=exam.rule(options.seen_data),
        exclude_seen=options.exclude_seen,
        progress=progress,
    )
    found = replace(found, train_seconds={name: run.wall_s for name, run in names.items()})
    throughs = [run.trained_through for run in trained if run.trained_through is not None]
    recorded = job.record(
        recipe=_recipe(trained, exam, options) | {"models": {name: run.run_id for name, run in names.items()}},
        snapshot=exam.snapshot_id,
        parents=[run.run_id for run in trained],
        trained_through=max(throughs, default=None),
        metrics={f"{name} {metric}": value for name in names for metric, value in _numbers(found[name]).items()},
        result=found.to_dict(),
        view=found.view(),
        per_user=_per_user({name: found[name] for name in names}),
        warnings=found.warnings,
    )
    return Recorded(recorded, found)


def set_exam(store: Store, runs: Sequence[Run], mark: int | None = None) -> Exam:
    """Return the one test part of all runs: held out from them, or, if nothing was, what happened after all training.

    Raises
    ------
    DataError
        The runs do not share their snapshot and cut, or nothing happened after the training.
    """
    kept_apart = ((run, held_of(run)) for run in runs)
    held = {(str(run.snapshot_id), part.part): (run, part) for run, part in kept_apart if part is not None}
    if len(held) > 1:
        parts = "; ".join(
            f"{run.run_id}: snapshot {snapshot}, {kind} {size}" for (snapshot, (kind, size)), (run, _) in held.items()
        )
        raise DataError(
            f"the runs have different test parts ({parts})",
            "runs with the same snapshot and holdout were expected",
            f"train them on one snapshot: recsys train MODEL --snapshot {next(iter(held))[0]} --holdout 14d",
        )
    if not held:
        return _later(store, runs, mark)
    (((snapshot_id, _), (_, part)),) = held.items()
    with store.read() as con:
        snapshot = find_snapshot(con, snapshot_id)
    test = part.split(rebuild(store, snapshot))[0].test
    return _with_attributes(store, test, snapshot.snapshot_id, part.cut, mark)


def name_runs(runs: Sequence[Run]) -> dict[str, Run]:
    """Return the runs by the name of their model; where two models have one name, the end of the run id follows it."""
    counts = Counter(run.recipe["model"] for run in runs)
    return {
        run.recipe["model"] if counts[run.recipe["model"]] == 1 else f"{run.recipe['model']}-{run.run_id[-4:]}": run
        for run in runs
    }


def _later(store: Store, runs: Sequence[Run], mark: int | None) -> Exam:
    throughs = [run.trained_through for run in runs]
    through = max((time for time in throughs if time is not None), default=None)
    if through is None or None in throughs:
        raise _nothing_held_out(store, runs[0], "its data has no times", "train als --split random --holdout 0.2")
    first, *others = (replace(recipe_of(run), until=None, as_of=None) for run in runs)
    if any(recipe != first for recipe in others):
        raise DataError(
            "the runs were trained on everything, by different recipes (event, label, relevance or minimum counts)",
            "one recipe was expected, so that one test part is fair to all",
            "train them on one snapshot",
        )
    data, _, _ = extract(store, first)
    times = data.times
    later = None if times is None else times > to_micros(through)
    if later is None or not later.any():
        raise _nothing_held_out(
            store, runs[0], f"nothing happened after {through:%Y-%m-%d %H:%M}", "train als --holdout 14d"
        )
    return _with_attributes(store, data.keep(later), None, through, mark)


def _nothing_held_out(store: Store, run: Run, why: str, instead: str) -> DataError:
    with store.read() as con:
        parents = [find_run(con, parent) for parent in run.parents]
    tested = next((parent.run_id for parent in parents if held_of(parent) is not None), None)
    candidate = instead if tested is None else f"evaluate {tested}, the candidate with the same recipe"
    return DataError(
        f"run {run.run_id} was trained on everything, and {why}: there is nothing to test it on",
        "a run with a held-out part was expected, whatever seen_data says",
        f"recsys {candidate}",
    )


def _with_attributes(
    store: Store, test: Dataset, snapshot_id: str | None, cut: datetime | None, mark: int | None
) -> Exam:
    """Attach attributes as they are now: segments and rights may be known later than the events."""
    with store.read() as con:
        mark = high_water(con) if mark is None else mark
        users, items = (attributes(con, table, mark=mark) for table in ("users", "items"))
    test = replace(
        test,
        user_attributes=None if users is None else align_attributes(test.users, users, "user_id"),
        item_attributes=None if items is None else align_attributes(test.items, items, "item_id"),
    )
    return Exam(test, snapshot_id, cut, mark)


def _with_items(rerank: Reranker, test: Dataset) -> Reranker:
    known = test.item_attributes
    return rerank if known is None else rerank.with_items(known.with_columns(test.items.ids.rename("item_id")))


def _load(store: Store, run: Run) -> Recommender:
    if run.artifact is None:
        raise DataError(f"run {run.run_id} keeps no model", "a training run with a model was expected")
    return load_artifact(store.artifacts, run.artifact)


def _recipe(runs: Sequence[Run], exam: Exam, options: Options) -> dict[str, Any]:
    return {
        "runs": [run.run_id for run in runs],
        "data": recipe_of(runs[0]).to_dict(),
        "cut": None if exam.cut is None else exam.cut.isoformat(),
        "metrics": list(options.metrics),
        "by": list(options.by),
        "on_cold": options.on_cold,
        "eligibility": None if options.eligibility is None else repr(options.eligibility),
        "seen_data": options.seen_data,
        "exclude_seen": options.exclude_seen,
        "rerank": None if options.rerank is None else options.rerank.to_dict(),
        "attributes_mark": exam.attributes_mark,
    }


def _numbers(found: Evaluation) -> dict[str, float | None]:
    estimates = {spec.name: found.interval(spec.name).estimate for spec in found.metrics}
    return {name: value if value == value else None for name, value in estimates.items()}


def _per_user(evaluations: Mapping[str, Evaluation]) -> pl.DataFrame:
    """Return user_id, metric, value; the metric of a comparison is ``"als ndcg@10"``."""
    parts = [
        pl.DataFrame({"user_id": found.users, "metric": f"{name} {metric}".strip(), "value": values})
        for name, found in evaluations.items()
        for metric, values in found.values.items()
    ]
    return pl.concat(parts) if parts else pl.DataFrame({"user_id": [], "metric": [], "value": []})
