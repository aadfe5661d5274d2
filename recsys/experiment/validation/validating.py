"""`validate`: the tests of an experiment tried on the past of its own units, where the truth is known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from math import nan, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys import stats
from recsys.core.checks import finite_float, positive_int
from recsys.core.errors import ArgumentError
from recsys.core.progress import Progress, ProgressCallback, silent
from recsys.core.seeds import derived_int, generator
from recsys.core.times import instant_micros
from recsys.experiment.comparing import UNITS_A_COVARIATE
from recsys.experiment.covariates import empty_pre_periods
from recsys.experiment.experiment import Experiment
from recsys.experiment.metrics import Metric
from recsys.experiment.outcomes import Outcome, outcome_of
from recsys.experiment.units.building import build_unit_table
from recsys.experiment.units.sources import Active, UnitRequest, UnitSource
from recsys.experiment.units.table import UnitTable
from recsys.experiment.validation.resplitting import split_moments
from recsys.experiment.validation.result import Validated, Validation

Instant = str | datetime | date
Float64 = NDArray[np.float64]
_FEWEST = 20  # units of the smaller arm; below, no test says much
_QUANTILE_SPLITS = 200  # each sorts all units anew
_FOUND = 0.8  # power for which the lift is chosen when none is named


def validate(
    test: Experiment,
    source: UnitSource | UnitTable,
    *,
    since: Instant | None = None,
    until: Instant | None = None,
    through: Instant | None = None,
    exclude: Sequence[tuple[Instant, Instant]] = (),
    splits: int = 2000,
    lift: float | None = None,
    share: float | None = None,
    alpha: float | None = None,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> Validation:
    """Return how often the tests of an experiment cry wolf on its own units, and how often they see a real wolf.

    The units of a past span are split at random into two arms, again and again, from one table of units. Without an
    effect, a test at alpha = 5 % must say "different" in 5 % of the splits, and its p-values must be uniform. With a
    lift injected into the treatment, its interval must hold the true effect in 95 %, and the share of splits that find
    it is the power. The tests are those of the analysis, plain and adjusted for the covariates. (Kohavi, Tang & Xu
    2020, chapter 19.)

    Parameters
    ----------
    test : Experiment
        Its metrics, unit, weights and confidence; its dates do not matter.
    source : UnitSource or UnitTable
        The past; a table that is already built is used whole, whatever its arms.
    since, until : str, datetime or date
        Units with an event in this span (UTC, half-open), as if exposed at their first one. Needed with a source.
    through : str, datetime or date, optional
        Rows before it count.
    exclude : sequence of (begin, end)
        Spans that do not count.
    splits : int
        Re-splits for each metric (of a quantile at most 200).
    lift : float, optional
        The relative effect to inject; by default one that the plain test finds in 80 % of the splits.
    share : float, optional
        Of the treatment; by default by the weights of the control and of the smallest other arm.
    alpha : float, optional
        By default 1 − the experiment's confidence.
    seed : int
        The same seed gives the same splits.
    progress : callable
        Told of every metric.

    Raises
    ------
    ArgumentError
        An argument is not usable, or `since` and `until` are missing.

    Examples
    --------
    >>> from recsys.experiment import Experiment, Frames, Mean
    >>> from recsys.simulation import simulate
    >>> past = Frames(events=simulate(users=400, items=50, days=40, impressions=False).events())
    >>> test = Experiment("x", {"a": 0.5, "b": 0.5}, control="a", start="2026-03-01",
    ...                   metrics=[Mean("minutes", event="play", window="7d", pre_period="14d")])
    >>> found = validate(test, past, since="2026-01-20", until="2026-01-27", splits=200)
    >>> [(row.method, row.status) for row in found.rows], found.failed
    ([('plain', 'ok'), ('adjusted', 'ok')], ())
    """
    splits, seed = positive_int("splits", splits, minimum=20, maximum=1_000_000), positive_int("seed", seed, minimum=0)
    share = _share(test) if share is None else finite_float("share", share, above=0, below=1)
    alpha = 1 - test.confidence if alpha is None else finite_float("alpha", alpha, above=0, below=0.5)
    if lift is not None:
        lift = finite_float("lift", lift, minimum=-1, maximum=1, hint="20 % is 0.2")
    table = source if isinstance(source, UnitTable) else _table(test, source, since, until, through, exclude)
    asked = _Asked(splits, lift, share, round(alpha, 12), seed)
    rows: list[Validated] = []
    for place, metric in enumerate(test.metrics):
        rows += _validated(metric, table, asked._replace(seed=derived_int(seed, place)))
        progress(Progress("validate", place + 1, len(test.metrics), "metrics"))
    return Validation(tuple(rows), len(table), splits, share, asked.alpha, seed, _warnings(test, table))


class _Asked(NamedTuple):
    splits: int
    lift: float | None
    share: float
    alpha: float
    seed: int


class _Found(NamedTuple):
    """The p-values, errors and interval hits of the splits of one method."""

    pvalues: list[float]
    reductions: list[float]
    found: list[bool]
    covered: list[bool]


def _table(
    test: Experiment,
    source: UnitSource,
    since: Instant | None,
    until: Instant | None,
    through: Instant | None,
    exclude: Sequence[tuple[Instant, Instant]],
) -> UnitTable:
    if since is None or until is None:
        raise ArgumentError("since or until is missing", "the past span whose units are split was expected")
    spans = tuple((instant_micros("exclude", begin), instant_micros("exclude", end)) for begin, end in exclude)
    begin, end = instant_micros("since", since), instant_micros("until", until)
    if end <= begin:
        raise ArgumentError(f"until is {until} and since is {since}", "an until after since was expected")
    request = test.request(through)
    past = UnitRequest(Active(begin, end, spans), request.measures, test.unit, request.attributes, request.through)
    return build_unit_table(source, past)


def _share(test: Experiment) -> float:
    control, *others = test.arms.values()
    return min(others) / (min(others) + control)


def _validated(metric: Metric, table: UnitTable, asked: _Asked) -> list[Validated]:
    """Return the rows of one metric: the plain test, and the adjusted one where there are covariates."""
    outcome = outcome_of(metric, table)
    values = outcome.values[outcome.used]
    methods = ("plain", "adjusted") if outcome.covariates else ("plain",)
    status = _status(outcome, values, asked)
    if status != "ok":
        return [_nothing(metric, method, len(values), status) for method in methods]
    lifted, lift, effect = _lifted(outcome, values, asked)
    if metric.form == "quantile":
        asked = asked._replace(splits=min(asked.splits, _QUANTILE_SPLITS))
        found = {"plain": _quantile_splits(outcome, values[:, 0], lifted, effect, asked)}
    else:
        found = _moment_splits(outcome, values, lifted, effect, asked)
    return [
        _row(metric, method, len(values), one, (lift, effect), asked) for method, one in found.items() if one.pvalues
    ]


def _status(outcome: Outcome, values: Float64, asked: _Asked) -> str:
    """Return ``ok``, or why splits of these units would say nothing."""
    if len(values) * min(asked.share, 1 - asked.share) < _FEWEST:
        return "too_few"
    if isinstance(outcome.outcome, tuple):
        top, bottom = (values[:, place] for place in outcome.outcome)
        if not bottom.any():
            return "zero_denominator"
        return "ok" if np.ptp(top * bottom.sum() - bottom * top.sum()) > 0 else "zero_variance"
    return "ok" if np.ptp(values[:, 0]) > 0 else "zero_variance"


def _lifted(outcome: Outcome, values: Float64, asked: _Asked) -> tuple[Float64, float, float]:
    """Return the outcome of every unit if it were treated, and the relative and absolute effect on these units.

    A mean, a quantile and the numerator of a ratio grow by the lift; of a share, so many more units (or fewer) have it.
    """
    first = values[:, 0]
    bottom = values[:, 1].mean() if isinstance(outcome.outcome, tuple) else 1.0
    value = _value(outcome, first) / bottom
    lift = asked.lift
    if lift is None:
        spread = _spread(outcome, values) / bottom
        wanted = _errors_apart(asked.alpha) * spread / sqrt(len(values) * asked.share * (1 - asked.share))
        lift = min(wanted / abs(value), 10.0) if value else 0.0
    if outcome.metric.form == "proportion":
        treated = _flipped(first, lift, generator(derived_int(asked.seed, 1)))
    else:
        treated = first * (1 + lift)
    effect = _value(outcome, treated) / bottom - value
    return treated, effect / abs(value) if value else nan, effect


def _value(outcome: Outcome, column: Float64) -> float:
    if outcome.metric.form == "quantile":
        return float(np.quantile(column, outcome.q))
    return float(column.mean())


def _spread(outcome: Outcome, values: Float64) -> float:
    """Return the standard deviation of one unit's part in the estimate, about right for a quantile."""
    first = values[:, 0]
    if isinstance(outcome.outcome, tuple):
        return float((first - first.sum() / values[:, 1].sum() * values[:, 1]).std())
    if outcome.metric.form == "quantile":
        interval = stats.quantile_interval(first, outcome.q, confidence=0.95)
        return float(interval.ci_high - interval.ci_low) / (2 * 1.96) * sqrt(len(first))
    return float(first.std())


def _errors_apart(alpha: float) -> float:
    """Return z of the two-sided level plus z of the power: how many standard errors an effect must have."""
    from scipy.special import ndtri

    return float(ndtri(1 - alpha / 2) + ndtri(_FOUND))


def _flipped(hits: Float64, lift: float, rng: np.random.Generator) -> Float64:
    """Return zeros and ones whose share is that of `hits` times 1 + lift, rounded to whole units (at most 1)."""
    treated, change = hits.copy(), round(lift * float(hits.sum()))
    chosen = rng.permutation(np.flatnonzero(hits == 0 if change > 0 else hits > 0))[: abs(change)]
    treated[chosen] = 1.0 if change > 0 else 0.0
    return treated


def _moment_splits(
    outcome: Outcome, values: Float64, lifted: Float64, effect: float, asked: _Asked
) -> dict[str, _Found]:
    """Return what the tests say of every split, without and with the lift, from the moments of both arms."""
    k = values.shape[1]
    same, treated = list(range(k)), [k, *range(1, k)]
    found = {method: _Found([], [], [], []) for method in ("plain", "adjusted")}
    rng = generator(asked.seed)
    for left, right in split_moments(np.column_stack([values, lifted]), asked.share, asked.splits, rng):
        control = right.take(same)
        null = _tests(outcome, left.take(same), control, asked.alpha)
        with_lift = _tests(outcome, left.take(treated), control, asked.alpha)
        for method, (one, reduction) in null.items():
            _note(found[method], one, with_lift.get(method, (one, 0.0))[0], reduction, effect, asked.alpha)
    return found


def _quantile_splits(outcome: Outcome, values: Float64, lifted: Float64, effect: float, asked: _Asked) -> _Found:
    """Return the same for a quantile, from the values themselves."""
    found, rng, q = _Found([], [], [], []), generator(asked.seed), outcome.q
    for _ in range(asked.splits):
        mine = rng.random(len(values)) < asked.share
        null, with_lift = (
            stats.difference_in_quantiles(column[mine], values[~mine], q, confidence=1 - asked.alpha)
            for column in (values, lifted)
        )
        _note(found, null, with_lift, 0.0, effect, asked.alpha)
    return found


def _note(
    found: _Found, null: stats.TwoSample, lifted: stats.TwoSample, reduction: float, effect: float, alpha: float
) -> None:
    """Add a split that could be tested."""
    if null.status != "ok" or lifted.status != "ok":
        return
    found.pvalues.append(null.pvalue)
    found.reductions.append(reduction)
    found.found.append(lifted.pvalue < alpha and lifted.estimate * effect > 0)
    found.covered.append(lifted.ci_low <= effect <= lifted.ci_high)


def _tests(
    outcome: Outcome, treated: stats.Moments, control: stats.Moments, alpha: float
) -> dict[str, tuple[stats.TwoSample, float]]:
    """Return the tests of the analysis, by method, with the variance that the covariates save."""
    confidence, found = 1 - alpha, {}
    if isinstance(outcome.outcome, tuple):
        plain = stats.difference_in_ratios(treated, control, confidence=confidence)
    elif outcome.metric.form == "proportion":
        hits = [round(float(part.mean[0]) * part.n) for part in (treated, control)]
        plain = stats.difference_in_proportions(hits[0], treated.n, hits[1], control.n, confidence=confidence)
    else:
        plain = stats.difference_in_means(treated, control, confidence=confidence)
    found["plain"] = (plain, 0.0)
    if outcome.covariates and min(treated.n, control.n) >= UNITS_A_COVARIATE * len(outcome.covariates):
        one = stats.adjusted_difference(
            treated, control, outcome=outcome.outcome, covariates=outcome.covariates, confidence=confidence
        )
        found["adjusted"] = (one.effect, one.variance_reduction)
    return found


def _row(metric: Metric, method: str, units: int, found: _Found, lift: tuple[float, float], asked: _Asked) -> Validated:
    pvalues, n = np.array(found.pvalues), len(found.pvalues)
    alarms = stats.proportion_interval(int((pvalues < asked.alpha).sum()), n)
    covered = stats.proportion_interval(sum(found.covered), n)
    return Validated(
        metric.name, method, units, n, alarms.estimate, alarms.ci_low, alarms.ci_high, _uniformity(pvalues),
        float(np.mean(found.reductions)), *lift, float(np.mean(found.found)),
        covered.estimate, covered.ci_low, covered.ci_high, "ok",
    )  # fmt: skip


def _nothing(metric: Metric, method: str, units: int, status: str) -> Validated:
    numbers = dict.fromkeys(Validated._fields[4:-1], nan)
    return Validated(metric=metric.name, method=method, units=units, splits=0, status=status, **numbers)


def _uniformity(pvalues: Float64) -> float:
    """Return the p-value of Kolmogorov's test of uniformity, by its limit, with Stephens' (1970) correction for n."""
    from scipy.special import kolmogorov

    rising, n = np.sort(pvalues), len(pvalues)
    steps = np.arange(n + 1) / n
    distance = max(float((steps[1:] - rising).max()), float((rising - steps[:-1]).max()))
    return float(kolmogorov(distance * (sqrt(n) + 0.12 + 0.11 / sqrt(n))))


def _warnings(test: Experiment, table: UnitTable) -> tuple[str, ...]:
    """Return what a reader must know before the numbers."""
    if len(table) and not table.seen.any():
        return ("no unit occurs in the data: all values are 0",)
    return empty_pre_periods(test.metrics, table)
