"""Intervals of a value: delta method, clustered Poisson bootstrap, and three that are guaranteed."""

from __future__ import annotations

from math import log, nan, sqrt
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import finite_float, one_of, positive_int
from recsys.core.errors import ArgumentError
from recsys.kernels import poisson_sums
from recsys.ope.valuing import Valued
from recsys.stats import Interval, Status, bounded_mean_sequence

Float64 = NDArray[np.float64]
Method = Literal["delta", "bootstrap", "bernstein", "exact", "sequence"]
METHODS: tuple[Method, ...] = ("delta", "bootstrap", "bernstein", "exact", "sequence")
NO_INTERVAL: tuple[Status, ...] = ("empty_arm", "too_few", "zero_denominator")


def interval(
    found: Valued,
    method: Method = "delta",
    *,
    confidence: float = 0.95,
    bound: float | None = None,
    lowest: float = 0.0,
    rewards: tuple[float, float] = (0.0, 1.0),
    replicates: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return a value's interval by the method of this name.

    The guaranteed ones ask for what is known beforehand: `lowest` and `bound` of weight × reward for ``"bernstein"``
    and ``"sequence"``, the two values that `rewards` have for ``"exact"``. Terms outside are refused.

    Raises
    ------
    ArgumentError
        For a method that does not apply to this value.
    """
    one_of("interval", method, METHODS)
    if method == "delta":
        return delta_interval(found, confidence=confidence)
    if method == "bootstrap":
        return bootstrap(found, confidence=confidence, replicates=replicates, seed=seed)
    if method == "exact":
        return exact_interval(found, rewards=rewards, confidence=confidence)
    if bound is None:
        raise ArgumentError(
            f"the interval {method!r} has no bound", "the largest value of weight × reward was expected",
            "give a bound that is known beforehand, not the sample's maximum",
        )  # fmt: skip
    if method == "bernstein":
        return empirical_bernstein(found, bound=bound, lowest=lowest, confidence=confidence)
    return sequence_interval(found, bound=bound, lowest=lowest, confidence=confidence)


def delta_interval(found: Valued, *, confidence: float = 0.95) -> Interval:
    """Return value ± t × standard error, with clusters − 1 degrees of freedom.

    A value without any spread (status ``zero_variance``) has an interval of no width.

    Examples
    --------
    >>> from recsys.ope.estimators import snips
    >>> one = delta_interval(snips([3.0, 1.0, 0.5], [1.0, 1.0, 1.0]))
    >>> one.ci_low, one.ci_high, one.status
    (1.0, 1.0, 'zero_variance')
    """
    plain = _plain(found, confidence, f"delta method, clusters: {found.units.clustered_by}")
    if found.status != "ok":
        return plain
    from scipy.special import stdtrit

    half = float(-stdtrit(found.units.n_clusters - 1, (1 - confidence) / 2)) * found.standard_error
    return plain._replace(ci_low=found.value - half, ci_high=found.value + half)


def bootstrap(found: Valued, *, confidence: float = 0.95, replicates: int = 1000, seed: int = 0) -> Interval:
    """Return the percentile interval of the Poisson bootstrap, clusters resampled whole.

    Numerators and denominators are resampled together: a constant reward has an interval of no width under SNIPS. The
    same seed and data give the same bytes, whatever the threads.

    Raises
    ------
    ArgumentError
        For fewer than 100 replicates.
    """
    plain = _plain(found, confidence, f"Poisson bootstrap, clusters: {found.units.clustered_by}")
    replicates = positive_int("replicates", replicates, minimum=100)
    if found.status != "ok":
        return plain
    values = bootstrap_values(found, replicates=replicates, seed=seed)
    if not np.isfinite(values).all():  # a replicate in which no cluster with weight was drawn
        return plain._replace(ci_low=nan, ci_high=nan, standard_error=nan, status="zero_denominator")
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return plain._replace(ci_low=float(low), ci_high=float(high), standard_error=float(values.std(ddof=1)))


def bootstrap_values(found: Valued, *, replicates: int, seed: int = 0) -> Float64:
    """Return the value in every replicate, (replicates,); values on the same units share their resamples.

    Deviations are resampled and not totals, so that nothing cancels.
    """
    plain, normalised, rows = found.centred
    units = found.units.units
    columns = {"plain": plain, "normalised": normalised, "weights": found.weights, "rows": rows, "units": units}
    names = [name for name, column in columns.items() if column is not None]
    matrix = np.column_stack([column for column in columns.values() if column is not None])
    groups = np.zeros(len(matrix), np.int32)
    sums = poisson_sums(matrix, groups, 1, replicates=replicates, seed=seed)[0]
    drawn = {name: sums[place + 1] for place, name in enumerate(names)}
    size = drawn.get("units", sums[0])
    values = np.full(replicates, found.mean_of_plain)
    with np.errstate(invalid="ignore", divide="ignore"):
        if plain is not None:
            values += drawn["plain"] / size
        if normalised is not None:
            per_unit = found.units.n_rows / found.units.n + (drawn["rows"] / size if rows is not None else 0.0)
            values += (found.ratio + drawn["normalised"] / drawn["weights"]) * per_unit
    return values


def empirical_bernstein(found: Valued, *, bound: float, lowest: float = 0.0, confidence: float = 0.95) -> Interval:
    """Return the empirical Bernstein interval (Maurer & Pontil 2009, theorem 4), guaranteed at any number of units.

    Each unit's term lies within [lowest, bound], known beforehand and not taken from the sample: for weights of at most
    w and rewards of 0 to 1, a bound of w.

    Raises
    ------
    ArgumentError
        For an estimator that is no mean of independent terms (SNIPS, the direct method), clusters of several units, or
        a term outside the bounds.

    Examples
    --------
    >>> from recsys.ope.estimators import ips
    >>> one = empirical_bernstein(ips(np.tile([2.0, 0.0], 500), np.ones(1000)), bound=2.0)
    >>> one.estimate, round(one.ci_low, 3), round(one.ci_high, 3)
    (1.0, 0.886, 1.114)
    """
    terms = _terms(found, lowest, bound)
    plain = _plain(found, confidence, f"empirical Bernstein, terms within [{lowest:g}, {bound:g}]")
    if found.status in NO_INTERVAL:
        return plain
    n, logarithm = len(terms), log(4 / (1 - confidence))  # half of the error on either side
    half = sqrt(2 * float(terms.var(ddof=1)) * logarithm / n) + 7 * (bound - lowest) * logarithm / (3 * (n - 1))
    return plain._replace(ci_low=max(lowest, found.value - half), ci_high=min(bound, found.value + half), status="ok")


def sequence_interval(found: Valued, *, bound: float, lowest: float = 0.0, confidence: float = 0.95) -> Interval:
    """Return the last look of the betting confidence sequence (Waudby-Smith & Ramdas 2024): valid at every size.

    Terms are taken in the order of the units: for one look at a log, any order that does not depend on them will do.

    Raises
    ------
    ArgumentError
        As `empirical_bernstein`.
    """
    terms = _terms(found, lowest, bound)
    plain = _plain(found, confidence, f"confidence sequence (betting), terms within [{lowest:g}, {bound:g}]")
    if found.status in NO_INTERVAL:
        return plain
    look = bounded_mean_sequence(terms, low=lowest, high=bound, confidence=confidence)[0]
    return plain._replace(ci_low=look.ci_low, ci_high=look.ci_high, status="ok")


def exact_interval(found: Valued, *, rewards: tuple[float, float] = (0.0, 1.0), confidence: float = 0.95) -> Interval:
    """Return the Clopper–Pearson interval (1934) of the rows that rejection sampling kept.

    For rewards of two values, the lower one first, and independent rows: no cluster may have more than one of the rows
    kept.

    Raises
    ------
    ArgumentError
        For another estimator, other rewards, or several kept rows in one cluster.

    Examples
    --------
    >>> from recsys.ope.estimators import rejection
    >>> one = exact_interval(rejection(np.ones(20), np.zeros(20)))
    >>> one.estimate, one.ci_low, round(one.ci_high, 3)
    (0.0, 0.0, 0.168)
    """
    if found.estimator != "rejection" or found.normalised is None or found.weights is None:
        raise ArgumentError(
            f"the estimator is {found.estimator!r}",
            "'rejection' was expected for an exact interval",
            "give estimator='rejection'",
        )
    if found.estimand != "impression":
        raise ArgumentError(f"the value is per {found.estimand}", "one per impression was expected")
    if float(found.weights.max(initial=0)) > 1:
        hint = "use the bootstrap: rows of one user or request are not independent"
        raise ArgumentError("a cluster has several of the rows kept", "one at most was expected", hint)
    low_reward, high_reward = (finite_float("a reward", one) for one in rewards)
    if not low_reward < high_reward:
        raise ArgumentError(f"rewards is {rewards!r}", "two values, the lower one first, were expected")
    earned = found.normalised[found.weights > 0]
    if not np.isin(earned, (low_reward, high_reward)).all():
        raise ArgumentError(
            f"rewards are not all {low_reward:g} or {high_reward:g}",
            "two values were expected for an exact interval",
            "give reward_range=(the lower, the higher)",
        )
    plain = _plain(found, confidence, "Clopper-Pearson of the rows kept")
    kept, hits = float(len(earned)), float((earned == high_reward).sum())
    if not kept:
        return plain
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = float(betaincinv(hits, kept - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, kept - hits, 1 - tail)) if hits < kept else 1.0
    value, ci_low, ci_high = (low_reward + (high_reward - low_reward) * share for share in (hits / kept, low, high))
    return plain._replace(estimate=value, ci_low=ci_low, ci_high=ci_high, status="ok")


def _plain(found: Valued, confidence: float, method: str) -> Interval:
    confidence = finite_float("confidence", confidence, above=0, below=1)
    ends = (found.value, found.value) if found.status == "zero_variance" else (nan, nan)
    return Interval(found.value, *ends, found.standard_error, found.n, confidence, method, found.status)


def _terms(found: Valued, lowest: float, bound: float) -> Float64:
    finite_float("bound", bound, above=finite_float("lowest", lowest))
    if found.plain is None or found.normalised is not None:
        raise ArgumentError(
            f"{found.estimator} is no mean of independent terms", "an estimator such as ips or dr was expected"
        )
    if found.moved is not None or found.estimator == "dm":
        raise ArgumentError(
            f"the terms of {found.estimator} hang together: each is what a model expects that was fitted on the others",
            "independent terms, as of ips, were expected for a guaranteed interval",
            "give interval='delta' or 'bootstrap', which hold the error of the model, or estimator='ips'",
        )
    if not found.units.single:
        hint = f"give estimand={found.units.clustered_by!r}: the bound is then of its sum"
        raise ArgumentError(f"a {found.units.clustered_by} has several units", "independent units were expected", hint)
    if len(found.plain) and not (found.plain.min() >= lowest and found.plain.max() <= bound):
        raise ArgumentError(
            f"terms reach from {found.plain.min():g} to {found.plain.max():g}",
            f"values within [{lowest:g}, {bound:g}] were expected",
            "give lowest= and bound= that are known beforehand",
        )
    return found.plain
