"""Two models on the same users: one row for each metric, with every test asked for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.seeds import Seed
from recsys.evaluation.evaluation import Evaluation
from recsys.evaluation.segments import segments_of
from recsys.stats import (
    cohens_dz,
    holm,
    paired_permutation,
    paired_t,
    relative_effect,
    segment_interaction,
    wilcoxon,
    win_tie_loss,
)

TESTS = ("t", "wilcoxon", "permutation")
NAN = math.nan


@dataclass(frozen=True)
class Difference:
    """One metric of two models on the same users: `model` minus `baseline`. What cannot be estimated is NaN.

    Parameters
    ----------
    metric, model, baseline : str
        What is compared.
    n : int
        Users with a value for both.
    mean, baseline_mean : float
        Over these users.
    difference, ci_low, ci_high : float
        The mean paired difference with its t interval.
    relative, relative_ci_low, relative_ci_high : float
        The ratio of the two means, minus 1, with its interval (delta method or Fieller).
    effect_size, effect_ci_low, effect_ci_high : float
        Cohen's d_z.
    wins, ties, losses : int
        Users for whom the model is above, level with, below the baseline.
    pvalues : mapping of test name to float
        Two-sided, of each test asked for; not adjusted.
    pvalue : float
        Of the first test asked for, adjusted by Holm over all metrics and pairs of the comparison.
    status : str
        ``ok``, or why there is no p-value.
    """

    metric: str
    model: str
    baseline: str
    n: int
    mean: float
    baseline_mean: float
    difference: float
    ci_low: float
    ci_high: float
    relative: float
    relative_ci_low: float
    relative_ci_high: float
    effect_size: float
    effect_ci_low: float
    effect_ci_high: float
    wins: int
    ties: int
    losses: int
    pvalues: Mapping[str, float]
    pvalue: float
    status: str

    def row(self) -> dict[str, Any]:
        """Return plain values, one a column; NaN becomes None."""
        flat = {name: value for name, value in vars(self).items() if name != "pvalues"}
        flat |= {f"pvalue_{name}": value for name, value in self.pvalues.items()}
        return {name: _known(value) for name, value in flat.items()}


@dataclass(frozen=True)
class CatalogueDifference:
    """A catalogue metric of two models: `model` minus `baseline`, interval by a jackknife over users, paired.

    Parameters
    ----------
    metric, model, baseline : str
        What is compared.
    value, baseline_value, difference : float
        NaN where there is nothing to measure.
    ci_low, ci_high : float
        Difference ± z × the standard error from the paired pseudo-values of the users; NaN where unknown.
    """

    metric: str
    model: str
    baseline: str
    value: float
    baseline_value: float
    difference: float
    ci_low: float
    ci_high: float

    def row(self) -> dict[str, Any]:
        """Return plain values; NaN becomes None."""
        return {name: _known(value) for name, value in vars(self).items()}


def differences(
    evaluations: Mapping[str, Evaluation], pairs: Sequence[tuple[str, str]], tests: Sequence[str], seed: Seed
) -> tuple[Difference, ...]:
    """Return every user metric of every pair, adjusted by Holm over all of them."""
    metrics = list(next(iter(evaluations.values())).values)
    found = [
        _difference(metric, evaluations[model], evaluations[baseline], tests, seed)
        for metric in metrics
        for model, baseline in pairs
    ]
    adjusted = holm([row.pvalues[tests[0]] for row in found]).tolist()
    return tuple(replace(row, pvalue=value) for row, value in zip(found, adjusted, strict=True))


def catalogue_differences(
    evaluations: Mapping[str, Evaluation], pairs: Sequence[tuple[str, str]], confidence: float
) -> tuple[CatalogueDifference, ...]:
    """Return every catalogue metric of every pair."""
    from statistics import NormalDist

    z = NormalDist().inv_cdf((1 + confidence) / 2)
    metrics = list(next(iter(evaluations.values())).catalogue)
    found = []
    for metric in metrics:
        for model, baseline in pairs:
            left, right = evaluations[model], evaluations[baseline]
            value, other = left.catalogue[metric].estimate, right.catalogue[metric].estimate
            ours, theirs = (side.pseudo_values.get(metric, np.empty(0)) for side in (left, right))
            same = len(ours) == len(theirs) >= 2 and left.catalogue[metric].n == right.catalogue[metric].n
            half = z * float(np.std(ours - theirs, ddof=1)) / len(ours) ** 0.5 if same else NAN
            change = value - other
            row = CatalogueDifference(metric, model, baseline, value, other, change, change - half, change + half)
            found.append(row)
    return tuple(found)


def segment_differences(
    evaluations: Mapping[str, Evaluation], pairs: Sequence[tuple[str, str]], confidence: float
) -> pl.DataFrame:
    """Return the paired difference of every user metric in every segment; p-values are not adjusted."""
    labels = next(iter(evaluations.values())).labels
    rows: list[tuple[object, ...]] = []
    for model, baseline in pairs:
        for metric in evaluations[model].values:
            left, right, known = _both(metric, evaluations[model], evaluations[baseline])
            for segment in segments_of(labels):
                members = segment.members[known]
                test = paired_t(left[members], right[members], confidence=confidence)
                mean, other = (float(side[members].mean()) if test.n else NAN for side in (left, right))
                found = (test.n, mean, other, test.estimate, test.ci_low, test.ci_high, test.pvalue)
                rows.append((metric, model, baseline, segment.by, segment.level, *found))
    names = ("n", "mean", "baseline_mean", "difference", "ci_low", "ci_high", "pvalue")
    return _frame(rows, ("metric", "model", "baseline", "by", "level"), names)


def interactions(evaluations: Mapping[str, Evaluation], pairs: Sequence[tuple[str, str]]) -> pl.DataFrame:
    """Return Welch's test that the difference is the same in all segments; p-values adjusted by Holm over all rows."""
    labels = next(iter(evaluations.values())).labels
    rows: list[tuple[object, ...]] = []
    for model, baseline in pairs:
        for metric in evaluations[model].values:
            left, right, known = _both(metric, evaluations[model], evaluations[baseline])
            for by in labels.columns:
                if labels[by].n_unique() > 1:
                    found = segment_interaction(left - right, labels[by].to_numpy()[known])
                    rows.append((metric, model, baseline, by, found.n, found.statistic, found.pvalue))
    frame = _frame(rows, ("metric", "model", "baseline", "by"), ("n", "statistic", "pvalue_unadjusted"))
    adjusted = holm(frame["pvalue_unadjusted"].fill_null(NAN).to_numpy())
    return frame.with_columns(pl.Series("pvalue", adjusted, dtype=pl.Float64).fill_nan(None))


def _difference(metric: str, left: Evaluation, right: Evaluation, tests: Sequence[str], seed: Seed) -> Difference:
    ours, theirs, _ = _both(metric, left, right)
    level = left.confidence
    student, ratio = paired_t(ours, theirs, confidence=level), relative_effect(ours, theirs, confidence=level)
    size, record = cohens_dz(ours, theirs, confidence=level), win_tie_loss(ours, theirs)
    pvalues = {name: _pvalue(name, ours, theirs, student.pvalue, seed) for name in tests}
    bounds = (ratio.ci_low, ratio.ci_high) if ratio.status == "ok" else (NAN, NAN)
    return Difference(
        metric,
        left.model,
        right.model,
        student.n,
        float(ours.mean()) if student.n else NAN,
        float(theirs.mean()) if student.n else NAN,
        student.estimate,
        student.ci_low,
        student.ci_high,
        ratio.estimate,
        *bounds,
        size.estimate,
        size.ci_low,
        size.ci_high,
        *record,
        pvalues,
        NAN,
        student.status,
    )


def _pvalue(test: str, ours: NDArray[np.float64], theirs: NDArray[np.float64], student: float, seed: Seed) -> float:
    if test == "t":
        return student
    if test == "wilcoxon":
        return wilcoxon(ours, theirs).pvalue
    return paired_permutation(ours, theirs, seed=seed).pvalue


def _both(
    metric: str, left: Evaluation, right: Evaluation
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    ours, theirs = left.values[metric], right.values[metric]
    known = ~(np.isnan(ours) | np.isnan(theirs))
    return ours[known], theirs[known], known


def _frame(rows: list[tuple[object, ...]], texts: tuple[str, ...], numbers: tuple[str, ...]) -> pl.DataFrame:
    schema = dict.fromkeys(texts, pl.String) | {name: pl.Int64 if name == "n" else pl.Float64 for name in numbers}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col(pl.Float64).fill_nan(None))


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
