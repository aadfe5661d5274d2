"""From the paths of learning policies to estimates and differences from the log, with their intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.ope.differences import difference
from recsys.ope.intervals import interval as interval_of
from recsys.ope.learning.asking import Settings
from recsys.ope.learning.curves import CurvePoint, curve_of_expansions
from recsys.ope.learning.events import Events
from recsys.ope.learning.running import Path
from recsys.ope.replay_result import LOGGED, ON_POLICY, ReplayDifference
from recsys.ope.reporting import estimate_of
from recsys.ope.results import Estimate
from recsys.ope.units import Units, units_of
from recsys.ope.valuing import Valued, valued

Float64 = NDArray[np.float64]
REJECTION, EXPANDED = "rejection", "bootstrap"


class Value(NamedTuple):
    """A mean over events, with what is independent being clusters, and being rows."""

    clusters: Valued
    rows: Valued

    def variance_added(self, other: Value | None = None) -> float:
        """Return what clusters add to the variance of the mean, or of its difference from another's."""
        if self.clusters.units.rows is None:
            return 0.0
        with_clusters, without = (
            mine.influence - (0.0 if theirs is None else theirs.influence)
            for mine, theirs in zip(self, (None, None) if other is None else other, strict=True)
        )
        both = [float(one @ one) / len(one) / max(len(one) - 1, 1) for one in (with_clusters, without)]
        return max(both[0] - both[1], 0.0)


class Redrawn(NamedTuple):
    """Replays of the log drawn anew: what the policy and the log earned in each, (replicates,) float64."""

    values: Float64
    logged: Float64


def logged_value(events: Events, reward: str) -> Value:
    """Return what the log itself has earned, a mean over its events."""
    rewards, ones = events.feedback.rewards[reward], np.ones(len(events))
    return Value(*(valued(ON_POLICY, units, plain=rewards, importance=ones) for units in _both(events)))


def path_value(path: Path, events: Events, reward: str) -> Value:
    """Return the mean reward of the accepted events."""
    kept = np.zeros(len(events))
    kept[path.rows] = events.weights[path.rows]
    earned = kept * events.feedback.rewards[reward]
    return Value(
        *(valued(REJECTION, units, normalised=earned, weights=kept, importance=kept) for units in _both(events))
    )


def _both(events: Events) -> tuple[Units, Units]:
    return units_of(events.feedback, "impression"), Units.impressions(len(events))


def logged_estimate(value: Value, settings: Settings) -> Estimate:
    """Return the estimate of the log's own mean, by the delta method."""
    found = interval_of(value.clusters, "delta", confidence=settings.confidence)
    return estimate_of(value.clusters, found, policy=LOGGED, reward=settings.reward)


def path_estimate(name: str, value: Value, redrawn: Redrawn | None, settings: Settings) -> Estimate:
    """Return the estimate of a policy; its variance is that of replays of the log drawn anew.

    One replay does not show how different another would have been: a policy that settles early settles on one item or
    on another. The replays do; they take rows as independent, so what clusters add to the variance of the mean of the
    accepted events is added.
    """
    found = interval_of(value.clusters, "delta", confidence=settings.confidence)
    made = estimate_of(value.clusters, found, policy=name, reward=settings.reward)
    if redrawn is None or made.status == "not_estimable":
        return made
    error = math.sqrt(_variance(redrawn.values) + value.variance_added())
    half = _quantile(settings.confidence, len(redrawn.values)) * error
    return made._replace(
        ci_low=made.value - half, ci_high=made.value + half, standard_error=error,
        interval=f"{len(redrawn.values):,} replays of the log drawn anew",
    )  # fmt: skip


def path_difference(
    final: Estimate, value: Value, own: Value, redrawn: Redrawn | None, settings: Settings
) -> ReplayDifference:
    """Return policy − log on the same events, paired; as estimable as the policy."""
    nothing = ReplayDifference(
        final.policy, LOGGED, final.reward, REJECTION, "impression", *(math.nan,) * 6, own.clusters.value,
        settings.confidence, "none", final.n, final.status, final.reasons,
    )  # fmt: skip
    if final.status == "not_estimable":
        return nothing
    found = difference(value.clusters, own.clusters, confidence=settings.confidence)
    if found.status not in ("ok", "zero_variance"):
        return nothing._replace(status="not_estimable")
    numbers = found.ci_low, found.ci_high, found.standard_error, found.pvalue
    method = found.method
    if redrawn is not None and found.status == "ok":
        error = math.sqrt(_variance(redrawn.values - redrawn.logged) + value.variance_added(own))
        numbers = _normal(found.estimate, error, settings.confidence, len(redrawn.values))
        method = f"paired, {len(redrawn.values):,} replays of the log drawn anew"
    low, high, error, pvalue = numbers
    return nothing._replace(
        estimate=found.estimate, ci_low=low, ci_high=high, standard_error=error, pvalue=pvalue,
        adjusted_pvalue=pvalue, method=method,
    )  # fmt: skip


def expanded_estimate(
    name: str, paths: Sequence[Path], redrawn: Sequence[Path], events: Events, settings: Settings
) -> tuple[Estimate, tuple[CurvePoint, ...]]:
    """Return the mean over expansions, with the variance of expansions of redrawn logs, and the mean curve."""
    rewards = events.feedback.rewards[settings.reward]
    whole = min(len(path.rows) for path in paths)
    nothing = Estimate(name, settings.reward, EXPANDED, "impression", *(math.nan,) * 4, settings.confidence, "none",
                       whole, float(whole), "not_estimable", ("no event was accepted",))  # fmt: skip
    if not whole:
        return nothing, ()
    rows = [path.rows[:whole] for path in paths]
    values, others = (
        np.array([np.average(rewards[one], weights=events.weights[one]) for one in many if len(one)])
        for many in (rows, [path.rows for path in redrawn])
    )
    if len(others) < 2:
        return nothing, ()
    value, error = float(values.mean()), math.sqrt(_variance(others))
    half = _quantile(settings.confidence, len(others)) * error
    made = nothing._replace(
        value=value, ci_low=value - half, ci_high=value + half, standard_error=error,
        interval=f"{len(others):,} expansions of the log drawn anew", status="estimable", reasons=(),
    )  # fmt: skip
    return made, curve_of_expansions(rows, rewards, events.weights, settings.confidence)


def _variance(values: Float64) -> float:
    return float(values.var(ddof=1))


def _quantile(confidence: float, replicates: int) -> float:
    from scipy.special import stdtrit

    return float(-stdtrit(replicates - 1, (1 - confidence) / 2))


def _normal(estimate: float, error: float, confidence: float, replicates: int) -> tuple[float, float, float, float]:
    from scipy.special import stdtr

    half = _quantile(confidence, replicates) * error
    pvalue = float(2 * stdtr(replicates - 1, -abs(estimate) / error)) if error > 0 else float(estimate == 0)
    return estimate - half, estimate + half, error, pvalue
