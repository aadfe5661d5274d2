"""`evaluate`: full ranking, one population, every user's value kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict

import polars as pl

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError
from recsys.core.progress import ProgressCallback, silent
from recsys.core.times import instant_micros
from recsys.dataset import Dataset, align_attributes
from recsys.dataset.vocabulary import Ids
from recsys.evaluation.conventions import full_conventions, short_conventions
from recsys.evaluation.evaluation import Evaluation
from recsys.evaluation.leakage import leaks_of_test_part
from recsys.evaluation.measuring import Serving, measure
from recsys.evaluation.population import OnCold, Population, build_population
from recsys.evaluation.seen_data import SeenData, check_seen_data
from recsys.evaluation.segments import segment_labels
from recsys.metrics import MetricSpec, catalogue_metrics, catalogue_pseudo_values, parse_metrics
from recsys.models.base import Recommender
from recsys.scoring import Eligibility
from recsys.scoring.eligibility import Instant

DEFAULT_METRICS = ("ndcg@10", "recall@20", "coverage@10")


class Options(TypedDict, total=False):
    """The options that `evaluate`, `compare` and `backtest` share; see `evaluate`."""

    by: Sequence[str]
    on_cold: OnCold
    users: Ids | None
    eligibility: Eligibility | None
    exclude_seen: bool
    history: Dataset | None
    seen_data: SeenData
    at: Instant | None
    user_attributes: object | None
    n_threads: int | None


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything about a measurement but the models: the same for all of them."""

    population: Population
    labels: pl.DataFrame
    specs: tuple[MetricSpec, ...]
    serving: Serving
    confidence: float
    conventions: tuple[str, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


def evaluate(
    model: Recommender,
    test: Dataset,
    metrics: Sequence[str | MetricSpec] = DEFAULT_METRICS,
    *,
    by: Sequence[str] = (),
    on_cold: OnCold = "fallback",
    users: Ids | None = None,
    eligibility: Eligibility | None = None,
    exclude_seen: bool = True,
    history: Dataset | None = None,
    seen_data: SeenData = "refuse",
    at: Instant | None = None,
    user_attributes: object | None = None,
    confidence: float = 0.95,
    n_threads: int | None = None,
    progress: ProgressCallback = silent,
) -> Evaluation:
    """Measure a fitted model on a test part, by full ranking of all candidate items.

    Measured are the users with a relevant test item that they had not seen; all weigh the same. Relevant items that the
    model could not recommend (no training event, not eligible) count as misses, and their share is shown. Warm and cold
    users are always shown apart.

    Parameters
    ----------
    model : fitted Recommender
        What is measured.
    test : Dataset
        Its ``relevance`` says what counts as a hit.
    metrics : sequence of str
        User metrics such as ``"ndcg@10"``, ``"recall@20"``, ``"auc"``; catalogue metrics such as ``"coverage@10"``.
    by : sequence of str
        User attributes to divide the users by.
    on_cold : {"fallback", "skip"}
        Users without training event: measured with the fallback's lists, or left out and counted.
    users : ids, optional
        Measure these only.
    eligibility : Eligibility, optional
        What may be shown to whom.
    exclude_seen : bool
        Keep seen items out of the lists. They are no hits then: repeats in the test part are left out and counted.
    history : Dataset, optional
        Histories to fold in, with the model's users (``Split.history`` of `user_split`).
    seen_data : {"refuse", "disjoint", "allow"}
        ``"refuse"``: test events must be later than all training events (without times: no test pair in training).
        ``"disjoint"``: it is enough that no test pair is in training, as in random and leave-last-out splits.
        ``"allow"``: no check. The last two mark the result.
    at : datetime, date, ISO text or int64 µs, optional
        The instant of serving, for rules with time windows. Default: the oldest test event.
    user_attributes : frame, optional
        One row a user with ``user_id``, for `by` and for rules of the eligibility. Its columns take the place of those
        of the test part.
    confidence : float
        Of the intervals.
    n_threads : int, optional
        Default: all cores. The result does not depend on it.
    progress : callable, optional
        Told of every chunk of users.

    Raises
    ------
    ArgumentError
        A metric or option is not usable.
    DataError
        The model has seen the test part, or nobody can be measured.
    NotFoundError
        An attribute is missing.

    Examples
    --------
    >>> from recsys.models import Popularity
    >>> train = Dataset.from_frame({"user_id": [1, 1, 2, 3], "item_id": ["a", "b", "b", "c"]})
    >>> test = Dataset.from_frame({"user_id": [2, 3], "item_id": ["a", "b"]}, like=train)
    >>> evaluate(Popularity().fit(train), test, ["recall@1"])["recall@1"]
    1.0
    """
    models = {model.name: model}
    plan = make_plan(
        models,
        test,
        metrics,
        by=by,
        on_cold=on_cold,
        users=users,
        eligibility=eligibility,
        exclude_seen=exclude_seen,
        history=history,
        seen_data=seen_data,
        at=at,
        user_attributes=user_attributes,
        confidence=confidence,
        n_threads=n_threads,
    )
    return run_plan(model.name, model, plan, progress)


def make_plan(
    models: Mapping[str, Recommender],
    test: Dataset,
    metrics: Sequence[str | MetricSpec],
    *,
    by: Sequence[str] = (),
    on_cold: OnCold = "fallback",
    users: Ids | None = None,
    eligibility: Eligibility | None = None,
    exclude_seen: bool = True,
    history: Dataset | None = None,
    seen_data: SeenData = "refuse",
    at: Instant | None = None,
    user_attributes: object | None = None,
    confidence: float = 0.95,
    n_threads: int | None = None,
) -> Plan:
    """Check everything, and fix the population for all models."""
    specs = parse_metrics(metrics)
    if not specs:
        raise ArgumentError("metrics is empty", "at least one metric was expected", "use metrics=['ndcg@10']")
    finite_float("confidence", confidence, above=0, below=1)
    if user_attributes is not None:
        test = _with_attributes(test, user_attributes)
    seen = check_seen_data(models, test, seen_data, history)
    leaks = [note for model in models.values() for note in leaks_of_test_part(model, test)]
    population = build_population(
        models, test, users=users, history=history, exclude_seen=exclude_seen, on_cold=on_cold
    )
    serving = Serving(history, exclude_seen, eligibility, _instant(at, test, eligibility), n_threads)
    return Plan(
        population,
        segment_labels(population, by),
        specs,
        serving,
        confidence,
        full_conventions(population, specs, serving, on_cold),
        short_conventions(population, specs, serving, on_cold),
        tuple(dict.fromkeys([*seen, *leaks])),
    )


def run_plan(
    name: str, model: Recommender, plan: Plan, progress: ProgressCallback = silent, *, paired: bool = False
) -> Evaluation:
    """Return the evaluation of one model; `paired` keeps the pseudo-values of its catalogue metrics."""
    measured = measure(model, plan.population, plan.specs, plan.serving, stage=f"evaluate {name}", progress=progress)
    whole = [spec for spec in plan.specs if spec.kind == "catalogue"]
    return Evaluation(
        name,
        plan.specs,
        plan.population.users,
        measured.values,
        catalogue_metrics(measured.lists, whole, measured.context, confidence=plan.confidence),
        catalogue_pseudo_values(measured.lists, whole, measured.context) if paired else {},
        plan.labels,
        plan.population.counts,
        measured.reach,
        plan.confidence,
        plan.conventions,
        plan.notes,
        (*plan.warnings, *measured.warnings),
        measured.exposure,
    )


def _with_attributes(test: Dataset, frame: object) -> Dataset:
    given, known = align_attributes(test.users, frame, "user_id"), test.user_attributes
    others = [] if known is None else [column for column in known.get_columns() if column.name not in given.columns]
    return replace(test, user_attributes=given.with_columns(others))


def _instant(at: Instant | None, test: Dataset, eligibility: Eligibility | None) -> int | None:
    if at is None:
        timed = eligibility is not None and eligibility.timed and test.times is not None
        return int(test.times.min()) if timed and test.times is not None else None
    return instant_micros("at", at)
