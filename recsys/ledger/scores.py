"""How well one kind of offline estimate predicted one kind of effect."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, isinf, isnan, nan, sqrt
from statistics import NormalDist
from typing import Any, Literal, NamedTuple

import numpy as np

from recsys.ledger.entries import Estimand, Outcome, Prediction
from recsys.stats import Interval, Line, SignTest, Status, line_with_errors, rank_correlation, sign_test

Matched = tuple[Prediction, Outcome]
FEW = 10  # pairs below which every interval here is too wide to choose a metric by


class Calibration(NamedTuple):
    """The line of measured on predicted effects; see `recsys.stats.Line`.

    Attributes
    ----------
    slope, ci_low, ci_high, intercept, scatter : float
    n : int
    status : str
        ``ok``, ``too_few``, ``zero_variance``, ``unbounded``, or ``unlike``: the two are not estimates of one thing.
    """

    slope: float
    ci_low: float
    ci_high: float
    intercept: float
    scatter: float
    n: int
    status: Status | Literal["unlike"]


class Score(NamedTuple):
    """A source of predictions against one metric of A/B tests, over the pairs of policies that have both.

    Attributes
    ----------
    source : str
        What predicted.
    predicted, measured : Estimand
        What is held against what.
    n : int
        Pairs.
    agreement : SignTest
        Share of pairs with the sign of the measured effect; effects of exactly 0 are ties and left out.
    decided : SignTest
        The same, where the interval of the measured effect leaves 0 out.
    calibration : Calibration
        Measured on predicted effects, errors in both; a slope below 1: the predictions promise too much. Its status is
        ``unlike`` when the two are not estimates of the same thing.
    held : SignTest
        Share of the offline intervals that hold the measured effect, which has an error of its own: below their
        confidence even when they are right.
    consistent : SignTest
        Share of pairs whose difference, predicted − measured, lies within the interval of that difference: the
        confidence when the offline intervals are right.
    correlation : Interval
        Rank correlation of predicted and measured effects.
    without_interval : int
        Pairs that could not enter calibration and coverage.
    """

    source: str
    predicted: Estimand
    measured: Estimand
    n: int
    agreement: SignTest
    decided: SignTest
    calibration: Calibration
    held: SignTest
    consistent: SignTest
    correlation: Interval
    without_interval: int

    @property
    def alike(self) -> bool:
        """Whether both are estimates of the same thing."""
        return self.predicted == self.measured

    def row(self) -> dict[str, Any]:
        """Return plain values, one a column; NaN becomes None."""
        flat: dict[str, Any] = {
            "source": self.source, "predicted": str(self.predicted), "measured": str(self.measured), "n": self.n
        }  # fmt: skip
        for name in ("agreement", "decided", "held", "consistent"):
            flat |= _named(name, getattr(self, name), ("share", "ci_low", "ci_high", "wins", "losses", "status"))
        flat |= _named("slope", self.calibration, ("slope", "ci_low", "ci_high", "intercept", "scatter", "n", "status"))
        flat |= _named("correlation", self.correlation, ("estimate", "ci_low", "ci_high", "status"))
        flat["without_interval"] = self.without_interval
        return {
            key: None if isinstance(value, float) and (isnan(value) or isinf(value)) else value
            for key, value in flat.items()
        }


def score(matched: Sequence[Matched], confidence: float) -> Score:
    """Return the score of predictions of one source and estimand against outcomes of one estimand."""
    first, other = matched[0]
    predicted, measured = np.array([(said.estimate, found.estimate) for said, found in matched]).T
    decided = [isfinite(found.ci_low) and (found.ci_low > 0 or found.ci_high < 0) for _, found in matched]
    alike = first.estimand == other.estimand
    certain = [(said, found) for said, found in matched if _errors(said, found) is not None]
    return Score(
        first.source,
        first.estimand,
        other.estimand,
        len(matched),
        _signs(predicted, measured, confidence),
        _signs(predicted[decided], measured[decided], confidence),
        _calibration(certain, confidence) if alike else Calibration(nan, nan, nan, nan, nan, 0, "unlike"),
        _share([said.ci_low <= found.estimate <= said.ci_high for said, found in certain if alike], confidence),
        _share([_consistent(said, found, confidence) for said, found in certain if alike], confidence),
        rank_correlation(predicted, measured, confidence=confidence),
        len(matched) - len(certain),
    )


def _errors(said: Prediction, found: Outcome) -> tuple[float, float] | None:
    """Return both standard errors, or None where one is unknown or both are 0."""
    errors = said.standard_error, found.standard_error
    return errors if all(map(isfinite, errors)) and any(errors) else None


def _signs(predicted: np.ndarray[Any, Any], measured: np.ndarray[Any, Any], confidence: float) -> SignTest:
    product = np.sign(predicted) * np.sign(measured)
    right, wrong = int((product > 0).sum()), int((product < 0).sum())
    return sign_test(right, wrong, len(product) - right - wrong, confidence=confidence)


def _share(held: Sequence[bool], confidence: float) -> SignTest:
    return sign_test(sum(held), len(held) - sum(held), confidence=confidence)


def _consistent(said: Prediction, found: Outcome, confidence: float) -> bool:
    error = sqrt(said.standard_error**2 + found.standard_error**2)
    return abs(said.estimate - found.estimate) <= NormalDist().inv_cdf((1 + confidence) / 2) * error


def _calibration(certain: Sequence[Matched], confidence: float) -> Calibration:
    line: Line = line_with_errors(
        [said.estimate for said, _ in certain],
        [found.estimate for _, found in certain],
        [said.standard_error for said, _ in certain],
        [found.standard_error for _, found in certain],
        confidence=confidence,
    )
    return Calibration(line.slope, line.ci_low, line.ci_high, line.intercept, line.scatter, line.n, line.status)


def _named(name: str, part: Any, fields: Sequence[str]) -> dict[str, Any]:
    plain = part._asdict()
    return {name if field in ("share", "slope", "estimate") else f"{name}_{field}": plain[field] for field in fields}
