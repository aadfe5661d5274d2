"""What the ledger holds: predictions, outcomes, and what each is an estimate of."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from math import isfinite, isnan, nan
from statistics import NormalDist
from typing import Any, Literal, NamedTuple

from recsys.core.checks import finite_float, one_of
from recsys.core.errors import ArgumentError

Scale = Literal["relative", "absolute"]
"""``candidate / baseline − 1``, or ``candidate − baseline``."""
SCALES = ("relative", "absolute")


class Estimand(NamedTuple):
    """What a difference of two policies is a difference of.

    Attributes
    ----------
    quantity : str
        ``"clicks"``, ``"ndcg@10"``.
    per : str
        What it is a mean over: ``"impression"``, ``"request"``, ``"user"``, ….
    scale : {"relative", "absolute"}
        ``candidate / baseline − 1``, or ``candidate − baseline``.
    """

    quantity: str
    per: str
    scale: Scale

    def __str__(self) -> str:
        return f"{self.quantity} per {self.per}, {self.scale}"


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """What predictions and outcomes share."""

    candidate: str
    baseline: str
    quantity: str
    per: str
    scale: Scale
    estimate: float
    ci_low: float = nan
    ci_high: float = nan
    confidence: float = 0.95
    at: datetime | None = None
    run: str | None = None

    def __post_init__(self) -> None:
        what = f"the estimate of {self.candidate} − {self.baseline}"
        if not self.candidate or not self.baseline or self.candidate == self.baseline:
            raise ArgumentError(f"the pair is {self.candidate!r} − {self.baseline!r}", "two policies were expected")
        if not self.quantity or not self.per:
            raise ArgumentError(f"{what} is of {self.quantity!r} per {self.per!r}", "both were expected")
        one_of("scale", self.scale, SCALES)
        finite_float(what, self.estimate)
        finite_float("confidence", self.confidence, above=0, below=1)
        if isnan(self.ci_low) != isnan(self.ci_high) or self.ci_low > self.estimate or self.ci_high < self.estimate:
            raise ArgumentError(
                f"{what} is {self.estimate:g} and its interval [{self.ci_low:g}, {self.ci_high:g}]",
                "an interval around the estimate, or none, was expected",
            )

    @property
    def estimand(self) -> Estimand:
        """What this is an estimate of."""
        return Estimand(self.quantity, self.per, self.scale)

    @property
    def pair(self) -> tuple[str, str]:
        """Candidate and baseline."""
        return self.candidate, self.baseline

    @property
    def standard_error(self) -> float:
        """Half the width of the interval over the normal quantile of its confidence; NaN without a finite interval."""
        width = self.ci_high - self.ci_low
        return width / (2 * NormalDist().inv_cdf((1 + self.confidence) / 2)) if isfinite(width) else nan

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON: what is not known is None."""
        plain = asdict(self)
        plain["at"] = None if self.at is None else self.at.isoformat()
        return {
            key: None if isinstance(value, float) and not isfinite(value) else value for key, value in plain.items()
        }


@dataclass(frozen=True, kw_only=True)
class Prediction(_Entry):
    """An offline estimate of a candidate against a baseline.

    Parameters
    ----------
    source : str
        The metric or the estimator: ``"ndcg@10"``, ``"snips"``.
    candidate, baseline : str
        Policies, models or runs; an outcome of the same two is what was predicted.
    quantity, per, scale : str
        Its `Estimand`.
    estimate, ci_low, ci_high : float
        candidate − baseline; no interval is NaN twice.
    confidence : float
        Of the interval.
    at : datetime, optional
        When it was made (UTC).
    run : str, optional
        The run that made it.
    experiment : str, optional
        The test that it was for, where names of policies mean something in that test only. Default: any of the pair.

    Raises
    ------
    ArgumentError
        A name is missing, a number is not finite, or the interval does not hold the estimate.

    Examples
    --------
    >>> said = Prediction(source="snips", candidate="als", baseline="pop", quantity="clicks", per="request",
    ...                   scale="relative", estimate=0.04, ci_low=0.01, ci_high=0.07)
    >>> str(said.estimand), round(said.standard_error, 4)
    ('clicks per request, relative', 0.0153)
    """

    source: str
    experiment: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.source:
            raise ArgumentError("source is empty", "a metric or an estimator was expected")


@dataclass(frozen=True, kw_only=True)
class Outcome(_Entry):
    """What an A/B test found of the same pair.

    Parameters
    ----------
    experiment : str
        Its name.
    candidate, baseline, quantity, per, scale, estimate, ci_low, ci_high, confidence, at, run
        As in `Prediction`; the quantity is the metric of the experiment, `per` its unit.
    """

    experiment: str
