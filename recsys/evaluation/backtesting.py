"""`backtest`: train, test, advance — how models would have done at several times, with several seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from recsys.core.checks import did_you_mean, finite_float, positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.progress import Progress, ProgressCallback, silent
from recsys.core.times import duration_micros, from_micros
from recsys.dataset import Dataset
from recsys.evaluation.backtest_result import Backtest, WindowResult
from recsys.evaluation.evaluating import DEFAULT_METRICS, Options, make_plan, run_plan
from recsys.evaluation.leakage import attribute_leaks, check_fitted
from recsys.evaluation.population import OnCold
from recsys.metrics import MetricSpec, parse_metrics
from recsys.models.base import Recommender
from recsys.scoring import Eligibility

Factory = Callable[[int], Recommender]

_DAY = 86_400_000_000  # microseconds


class Window(NamedTuple):
    """One test window.

    Attributes
    ----------
    cut, end : int
        Microseconds since 1970: training takes what is before `cut`, the test part what is from `cut` to before `end`.
    """

    cut: int
    end: int

    def parts(self, data: Dataset) -> tuple[Dataset, Dataset]:
        """Return the training and the test part."""
        times = _times(data)
        return data.keep(times < self.cut), data.keep((times >= self.cut) & (times < self.end))


def backtest(
    models: Mapping[str, Recommender | Factory],
    data: Dataset,
    *,
    test: str = "14d",
    windows: int = 4,
    step: str | None = None,
    seeds: Sequence[int] = (0,),
    metrics: Sequence[str | MetricSpec] = DEFAULT_METRICS,
    min_train: str | None = None,
    baseline: str | None = None,
    on_cold: OnCold = "fallback",
    eligibility: Eligibility | None = None,
    exclude_seen: bool = True,
    confidence: float = 0.95,
    n_threads: int | None = None,
    progress: ProgressCallback = silent,
) -> Backtest:
    """Train and test every model in windows that advance over time, the last one ending with the data.

    In each window the models learn from everything before its cut and from nothing else (rolling origin, Tashman 2000).
    That is audited: a fitted model that knows later events or counts more of them than the training part has is
    refused; item attributes that tell of the time after the cut are warned of.

    Parameters
    ----------
    models : mapping of name to Recommender or factory
        Recommenders are cloned, never changed; each seed takes the place of their ``seed``, a model without one is
        trained once a window. A factory takes the seed and returns an unfitted Recommender.
    data : Dataset
        With times.
    test : str
        Length of a window, e.g. ``"14d"``.
    windows : int
        How many.
    step : str, optional
        From one cut to the next. Default: `test`, so that windows do not overlap.
    seeds : sequence of int
        Each model is trained with each.
    metrics : sequence of str
        As in `evaluate`.
    min_train : str, optional
        The shortest training part allowed, e.g. ``"60d"``. Default: one event is enough.
    baseline : str, optional
        Compare the others with this model only: candidate − baseline. Default: every pair, the one ranked higher first.
    on_cold, eligibility, exclude_seen, n_threads
        As in `evaluate`; time windows of the eligibility are looked up at the oldest test event of each window.
    confidence : float
        Of the intervals.
    progress : callable, optional
        Told of every model trained.

    Raises
    ------
    ArgumentError
        The data has no times, an argument is not usable, or there is less training than `min_train` before a window.
    DataError
        A window has no training or test events, or a model knows what happened after its cut.

    Examples
    --------
    >>> import polars as pl
    >>> from recsys.models import Popularity
    >>> days = pl.date_range(pl.date(2026, 1, 1), pl.date(2026, 1, 20), eager=True)
    >>> items = [0, 1, 1, 2, 2, 3, 3, 0, 0, 1, 2, 3, 1, 2, 4, 4, 0, 1, 3, 3]
    >>> data = Dataset.from_frame(pl.DataFrame({"user_id": [1, 2] * 10, "item_id": items, "ts": days}))
    >>> found = backtest({"pop": Popularity()}, data, test="4d", windows=2, metrics=["recall@2"], exclude_seen=False)
    >>> len(found.results)
    2
    """
    specs = parse_metrics(metrics)
    finite_float("confidence", confidence, above=0, below=1)
    _check_models(models, seeds, baseline)
    cuts = _windows(data, test, positive_int("windows", windows), step, min_train)
    jobs = [(name, model, seed) for name, model in models.items() for seed in _seeds_of(model, seeds)]
    options: Options = {
        "on_cold": on_cold,
        "eligibility": eligibility,
        "exclude_seen": exclude_seen,
        "n_threads": n_threads,
    }
    results: list[WindowResult] = []
    for window in cuts:
        train, held = window.parts(data)
        leaks = attribute_leaks(data, window.cut)
        plan = None
        for name, model, seed in jobs:
            with _window_named(window):
                fitted = _made(model, seed).fit(train)
                check_fitted(name, fitted, train, window.cut)
                # Seen items and cold users depend on the training part only: one plan serves all models.
                plan = plan or make_plan({name: fitted}, held, specs, confidence=confidence, **options)
                found = run_plan(name, fitted, replace(plan, warnings=tuple(dict.fromkeys([*plan.warnings, *leaks]))))
            results.append(WindowResult(window.cut, window.end, len(train), name, seed, found))
            progress(Progress("backtest", len(results), len(cuts) * len(jobs), "models"))
    return Backtest(tuple(results), specs, baseline, test, confidence)


@contextmanager
def _window_named(window: Window) -> Iterator[None]:
    """Say in which window the data fell short."""
    try:
        yield
    except DataError as error:
        when = f"window from {from_micros(window.cut):%Y-%m-%d %H:%M} on"
        raise DataError(f"{when}: {error.what}", error.expected, error.hint) from error


def _windows(data: Dataset, test: str, windows: int, step: str | None, min_train: str | None) -> list[Window]:
    times = _times(data)
    if not len(times):
        raise DataError("there are no events", "a log with events was expected")
    length = duration_micros("test", test)
    stride = length if step is None else duration_micros("step", step)
    least = 1 if min_train is None else duration_micros("min_train", min_train)
    first, end = int(times.min()), int(times.max()) + 1
    cuts = [end - length - place * stride for place in reversed(range(windows))]
    if cuts[0] < first + least:
        possible = max(0, (end - length - least - first) // stride + 1)
        raise ArgumentError(
            f"{windows} windows of {test} reach back {(end - cuts[0]) / _DAY:,.1f} days, the events "
            f"{(end - first) / _DAY:,.1f} days{f' and min_train is {min_train}' if min_train else ''}",
            "enough events before the first cut were expected",
            f"use windows={possible}, or a shorter test" if possible else "use a shorter test",
        )
    for cut in cuts:
        if not ((times >= cut) & (times < cut + length)).any():
            raise DataError(
                f"the window from {from_micros(cut):%Y-%m-%d %H:%M} on has no events",
                "test events in every window were expected",
                "use longer or fewer windows",
            )
    return [Window(cut, cut + length) for cut in cuts]


def _times(data: Dataset) -> np.ndarray[Any, np.dtype[np.int64]]:
    if data.times is None:
        raise ArgumentError("the events have no times", "a log with ts was expected", "use random_split and evaluate")
    return data.times


def _seeds_of(model: Recommender | Factory, seeds: Sequence[int]) -> Iterator[int]:
    """Yield the seeds that make a difference: a model without a seed is trained once."""
    yield from seeds if not isinstance(model, Recommender) or "seed" in model.params else seeds[:1]


def _made(model: Recommender | Factory, seed: int) -> Recommender:
    if not isinstance(model, Recommender):
        return model(seed)
    return model.clone(seed=seed) if "seed" in model.params else model.clone()


def _check_models(models: Mapping[str, Recommender | Factory], seeds: Sequence[int], baseline: str | None) -> None:
    if not models:
        raise ArgumentError("models is empty", "at least one named model was expected", "use {'als': ALS()}")
    for name, model in models.items():
        if not (isinstance(model, Recommender) or callable(model)):
            raise ArgumentError(
                f"model {name!r} is a {type(model).__name__}", "a Recommender or a factory of one was expected"
            )
    if not seeds or len(set(seeds)) < len(seeds):
        raise ArgumentError(f"seeds is {seeds!r}", "distinct whole numbers were expected", "use seeds=(0, 1, 2)")
    if baseline is not None and baseline not in models:
        raise ArgumentError(
            f"baseline is {baseline!r}", f"one of {', '.join(models)} was expected", did_you_mean(baseline, models)
        )
