"""The difference of two policies on one log, paired; many candidates against one baseline."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan, sqrt
from typing import Literal, NamedTuple

import numpy as np

from recsys.core.checks import finite_float, one_of
from recsys.core.errors import ArgumentError
from recsys.ope.intervals import NO_INTERVAL, bootstrap_values
from recsys.ope.valuing import Valued
from recsys.stats import Status, benjamini_hochberg, holm


class PairedDifference(NamedTuple):
    """Candidate − baseline on the same units.

    Attributes
    ----------
    estimate, ci_low, ci_high, standard_error, pvalue : float
        The p-value is two-sided; NaN when the status is not ``ok``.
    adjusted_pvalue : float
        Over all candidates that were compared.
    candidate, baseline : float
        The values.
    n, n_clusters : int
    confidence : float
    method : str
    status : Status
    """

    estimate: float
    ci_low: float
    ci_high: float
    standard_error: float
    pvalue: float
    adjusted_pvalue: float
    candidate: float
    baseline: float
    n: int
    n_clusters: int
    confidence: float
    method: str
    status: Status = "ok"


def difference(
    candidate: Valued,
    baseline: Valued,
    *,
    method: Literal["delta", "bootstrap"] = "delta",
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> PairedDifference:
    """Return candidate − baseline, both valued on the same units of one log.

    The delta method takes the variance of the differences of influence values; the bootstrap gives both the same
    resamples. Its p-value is at least 2 / (replicates + 1).

    Raises
    ------
    ArgumentError
        For values of different units.

    Examples
    --------
    >>> from recsys.ope.estimators import ips
    >>> rewards = np.tile([1.0, 0.0, 1.0], 100)
    >>> found = difference(ips(np.tile([2.0, 0.5, 0.5], 100), rewards), ips(np.ones(300), rewards))
    >>> round(found.estimate, 3), round(found.ci_low, 3), round(found.ci_high, 3)
    (0.167, 0.096, 0.238)
    """
    one_of("method", method, ("delta", "bootstrap"))
    confidence = finite_float("confidence", confidence, above=0, below=1)
    _same_units(candidate, baseline)
    clusters, words = candidate.units.n_clusters, {"delta": "delta method", "bootstrap": "Poisson bootstrap"}
    plain = PairedDifference(
        *(candidate.value - baseline.value, nan, nan, nan, nan, nan, candidate.value, baseline.value),
        n=candidate.n,
        n_clusters=clusters,
        confidence=confidence,
        method=f"paired, {words[method]}, clusters: {candidate.units.clustered_by}",
    )
    for one in (candidate, baseline):
        if one.status in NO_INTERVAL:
            return plain._replace(status=one.status)
    moved = candidate.influence - baseline.influence
    scale = max(float(np.abs(one.influence).max()) for one in (candidate, baseline))
    if float(np.abs(moved).max()) <= 64 * np.finfo(np.float64).eps * scale:
        return plain._replace(ci_low=plain.estimate, ci_high=plain.estimate, standard_error=0.0, status="zero_variance")
    if method == "bootstrap":
        return _by_bootstrap(plain, candidate, baseline, replicates, seed)
    from scipy.special import stdtr, stdtrit

    error = sqrt(float(moved @ moved) / (clusters - 1) / clusters)
    half = float(-stdtrit(clusters - 1, (1 - confidence) / 2)) * error
    pvalue = float(2 * stdtr(clusters - 1, -abs(plain.estimate) / error))
    return plain._replace(
        ci_low=plain.estimate - half,
        ci_high=plain.estimate + half,
        standard_error=error,
        pvalue=pvalue,
        adjusted_pvalue=pvalue,
    )


def differences(
    candidates: Mapping[str, Valued],
    baseline: Valued,
    *,
    correction: Literal["holm", "benjamini-hochberg", "none"] = "holm",
    method: Literal["delta", "bootstrap"] = "delta",
    confidence: float = 0.95,
    replicates: int = 1000,
    seed: int = 0,
) -> dict[str, PairedDifference]:
    """Return each candidate − baseline, p-values adjusted over all of them; intervals are for one at a time.

    Raises
    ------
    ArgumentError
        For values of different units, or an unknown correction.
    """
    one_of("correction", correction, ("holm", "benjamini-hochberg", "none"))
    found = {
        name: difference(one, baseline, method=method, confidence=confidence, replicates=replicates, seed=seed)
        for name, one in candidates.items()
    }
    if correction == "none" or not found:
        return found
    adjust = holm if correction == "holm" else benjamini_hochberg
    adjusted = adjust([one.pvalue for one in found.values()])
    return {
        name: one._replace(adjusted_pvalue=float(pvalue))
        for (name, one), pvalue in zip(found.items(), adjusted, strict=True)
    }


def _by_bootstrap(
    plain: PairedDifference, candidate: Valued, baseline: Valued, replicates: int, seed: int
) -> PairedDifference:
    drawn = bootstrap_values(candidate, replicates=replicates, seed=seed)
    drawn = drawn - bootstrap_values(baseline, replicates=replicates, seed=seed)
    if not np.isfinite(drawn).all():
        return plain._replace(status="zero_denominator")
    low, high = np.quantile(drawn, [(1 - plain.confidence) / 2, (1 + plain.confidence) / 2])
    beyond = int(min((drawn <= 0).sum(), (drawn >= 0).sum()))
    pvalue = min(1.0, 2 * (beyond + 1) / (len(drawn) + 1))
    return plain._replace(
        ci_low=float(low),
        ci_high=float(high),
        standard_error=float(drawn.std(ddof=1)),
        pvalue=pvalue,
        adjusted_pvalue=pvalue,
    )


def _same_units(candidate: Valued, baseline: Valued) -> None:
    left, right = candidate.units, baseline.units
    if left is right:
        return
    alike = left.estimand == right.estimand and left.n_rows == right.n_rows
    codes = (left.codes is None) == (right.codes is None)
    if alike and codes and left.codes is not None and right.codes is not None:
        codes = bool(np.array_equal(left.codes, right.codes))
    if not (alike and codes):
        raise ArgumentError(
            f"the candidate is valued per {left.estimand} on {left.n_rows} rows, the baseline per {right.estimand} on "
            f"{right.n_rows}",
            "the same units of one log were expected",
        )
