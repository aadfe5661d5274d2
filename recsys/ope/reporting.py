"""From a value and its interval to the `Estimate` that a user reads."""

from __future__ import annotations

from recsys.ope.results import Estimate
from recsys.ope.results import Status as Conclusion
from recsys.ope.valuing import Valued
from recsys.stats import Interval, Status

REASONS: dict[Status, str] = {
    "empty_arm": "the log has no rows",
    "too_few": "fewer than two independent rows carry any weight",
    "zero_denominator": "the log shows nothing that the policy would do",
    "zero_variance": "the terms do not vary: there is nothing to tell the uncertainty from",
}


def estimate_of(found: Valued, interval: Interval, *, policy: str, reward: str) -> Estimate:
    """Return the estimate of one policy and reward; what has no spread is flagged, what has no interval not estimable.

    Examples
    --------
    >>> from recsys.ope import estimators, intervals
    >>> found = estimators.snips([3.0, 1.0, 0.5], [0.0, 1.0, 0.0])
    >>> estimate_of(found, intervals.delta_interval(found), policy="als", reward="clicks").status
    'estimable'
    """
    status: Conclusion = "estimable"
    reasons = list(found.notes)
    if interval.status != "ok":
        status = "flagged" if interval.status == "zero_variance" else "not_estimable"
        reasons.append(REASONS.get(interval.status, interval.status))
    return Estimate(
        policy,
        reward,
        found.estimator,
        found.estimand,
        interval.estimate if status != "not_estimable" else float("nan"),
        interval.ci_low,
        interval.ci_high,
        interval.standard_error,
        interval.confidence,
        interval.method,
        found.n,
        found.effective_n,
        status,
        tuple(reasons),
        found.parameters,
    )
