"""What off-policy evaluation returns."""

from __future__ import annotations

from typing import Literal, NamedTuple

Status = Literal["estimable", "flagged", "not_estimable"]
Estimand = Literal["impression", "request", "user"]


class Estimate(NamedTuple):
    """The value of a policy on a log.

    Attributes
    ----------
    policy, reward, estimator : str
        What is estimated, and how.
    estimand : {"impression", "request", "user"}
        What the value is the mean over.
    value : float
        NaN when it is not estimable; `reasons` say why.
    ci_low, ci_high : float
        The interval.
    standard_error : float
        Of the estimate.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    interval : str
        How the interval was made.
    n : int
        Impressions, requests or users, as the estimand says.
    effective_n : float
        (Σw)² / Σw² (Kish 1965); n for estimators without weights.
    status : {"estimable", "flagged", "not_estimable"}
        What the gate says of it.
    reasons : tuple of str
        Why it is flagged or has no number.
    parameters : tuple of (str, float)
        Such as the clip, and how it was chosen.
    """

    policy: str
    reward: str
    estimator: str
    estimand: Estimand
    value: float
    ci_low: float
    ci_high: float
    standard_error: float
    confidence: float
    interval: str
    n: int
    effective_n: float
    status: Status
    reasons: tuple[str, ...] = ()
    parameters: tuple[tuple[str, float], ...] = ()
