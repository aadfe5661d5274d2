"""`Check`: one question about a log and a policy, its answer, and what an estimate may be called after it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, asdict, dataclass

from recsys.core import findings
from recsys.core.checks import finite_float, one_of
from recsys.core.findings import CheckStatus, Finding
from recsys.ope.results import Estimate, Status

SEVERITY: dict[Status, int] = {"estimable": 0, "flagged": 1, "not_estimable": 2}
GRADES: dict[CheckStatus, Status] = {"ok": "estimable", "warn": "flagged", "fail": "not_estimable"}


@dataclass(frozen=True)
class Check(Finding):
    """One check of a log and a policy: only one that fails downgrades estimates.

    Parameters
    ----------
    name : str
        What is checked.
    status : {"ok", "warn", "fail", "not_run"}
        How it came out.
    number : float, optional
        What was measured.
    threshold : float, optional
        What it was held against.
    consequence : str
        What it means for an estimate.
    detail : str
        The facts in words.
    downgrades : {"estimable", "flagged", "not_estimable"}
        The best that an estimate may still be called.
    policy, reward, weighting, estimator : str
        What it was asked of; empty: of the log itself, of every reward, of all kinds of weights, of all estimators.

    Examples
    --------
    >>> Check("effective-size", "fail", 2.1, 30, "too few rows carry the estimate", downgrades="not_estimable").reason
    'effective-size: too few rows carry the estimate'
    """

    downgrades: Status = "estimable"
    policy: str = ""
    reward: str = ""
    weighting: str = ""
    estimator: str = ""

    def concerns(self, policy: str, reward: str, weighting: str, estimator: str) -> bool:
        """Return whether it speaks of an estimate.

        Parameters
        ----------
        policy, reward : str
            Of the estimate.
        weighting : str
            The kind of its weights.
        estimator : str
            Its name.
        """
        asked = (
            (self.policy, policy),
            (self.reward, reward),
            (self.weighting, weighting),
            (self.estimator, estimator),
        )
        return all(own in ("", other) for own, other in asked)


@dataclass(frozen=True)
class Limits:
    """Where checks warn and fail.

    Parameters
    ----------
    level : float
        Tests of the mean weight, the calibration, the drift and the reading of slates speak below this p-value.
    mean_weight, flag_mean_weight : float
        A mean weight significantly off by more than this share makes estimates not estimable, and flagged; by less it
        is told only.
    calibration : float
        Mean distance of logged frequencies from the stated propensities, as a share, above which calibration fails.
    reading, flag_reading : float
        An estimator of slates significantly off from one that assumes less by more than this share of what the policy
        earns in absolute rewards, likewise.
    reading_rewarded : float
        Rewarded slates that the estimator which assumes less must be expected to rest on (its effective size × the
        share of slates that are rewarded) for the test to be made.
    least_size, good_size : float
        Effective sample size below which estimates are not estimable, and flagged.
    least_clusters, good_clusters : float
        Effective number of clusters (users, else requests) that carry the weights, likewise: of few, however many rows
        they have, the interval is too narrow.
    largest_weight, flag_weight : float
        Share of one weight in all, likewise.
    unsupported, flag_unsupported : float
        Mass of the policy on items that the log has never shown, likewise.
    rewarded, flag_rewarded : float
        Rows (or clusters) with a reward, counted as equal ones (`weights.even_n`), likewise: by simulation normal
        intervals of 95 % cover 87 to 91 % at 5, 93 % at 12, 94 % at 25.
    duplicates : float
        Share of repeated rows above which estimates are flagged.
    """

    _: KW_ONLY
    level: float = 0.001
    mean_weight: float = 0.1
    flag_mean_weight: float = 0.01
    calibration: float = 0.1
    reading: float = 0.1
    flag_reading: float = 0.01
    reading_rewarded: float = 30.0
    least_size: float = 30.0
    good_size: float = 100.0
    least_clusters: float = 5.0
    good_clusters: float = 30.0
    largest_weight: float = 0.2
    flag_weight: float = 0.05
    unsupported: float = 0.1
    flag_unsupported: float = 0.01
    rewarded: float = 3.0
    flag_rewarded: float = 15.0
    duplicates: float = 0.01

    def __post_init__(self) -> None:
        sizes = ("least_size", "good_size", "least_clusters", "good_clusters", "rewarded", "flag_rewarded",
                 "reading_rewarded")  # fmt: skip
        for name, value in asdict(self).items():
            finite_float(name, value, minimum=0, maximum=math.inf if name in sizes else 1)


def graded(number: float, *, fail: float, flag: float, low_is_bad: bool = True) -> Status:
    """Return what an estimate may be called, given a number and two thresholds.

    Examples
    --------
    >>> graded(2.1, fail=30, flag=100), graded(0.02, fail=0.1, flag=0.01, low_is_bad=False)
    ('not_estimable', 'flagged')
    """
    return GRADES[findings.graded(number, fail=fail, warn=flag, low_is_bad=low_is_bad)]


def result(name: str, verdict: Status, number: float, threshold: float, consequence: str, detail: str) -> Check:
    """Return a check that fails whenever it downgrades."""
    status: CheckStatus = "ok" if verdict == "estimable" else "fail"
    return Check(name, status, number, threshold, "" if status == "ok" else consequence, detail, verdict)


def tested(
    name: str, pvalue: float, off: float, told: str, detail: str, limits: Limits, *, fail: float, flag: float
) -> Check:
    """Return the check that a test makes: ok above the level, and below it what the distance `off` is worth.

    Examples
    --------
    >>> tested("mean-weight", 0.0, 0.002, "weights are off", "", Limits(), fail=0.1, flag=0.01).reason
    'mean-weight: weights are off, by little'
    """
    if pvalue >= limits.level:
        return Check(name, "ok", pvalue, limits.level, detail=detail)
    verdict = graded(off, fail=fail, flag=flag, low_is_bad=False)
    if verdict == "estimable":
        return Check(name, "warn", pvalue, limits.level, f"{told}, by little", detail)
    return Check(name, "fail", pvalue, limits.level, told, detail, verdict)


def downgraded(status: Status, checks: Iterable[Check]) -> tuple[Status, tuple[str, ...]]:
    """Return the status that the failed checks leave, and their reasons, the worst first."""
    failed = sorted((one for one in checks if one.status == "fail"), key=lambda one: -SEVERITY[one.downgrades])
    worst = max([status, *(one.downgrades for one in failed)], key=SEVERITY.__getitem__)
    return worst, tuple(one.reason for one in failed)


def left_of(estimate: Estimate, checks: Iterable[Check]) -> Estimate:
    """Return an estimate with the status that checks leave; what is not estimable has no number at all."""
    status, reasons = downgraded(estimate.status, checks)
    found = estimate._replace(status=status, reasons=tuple(dict.fromkeys((*reasons, *estimate.reasons))))
    if status != "not_estimable":
        return found
    return found._replace(value=math.nan, ci_low=math.nan, ci_high=math.nan, standard_error=math.nan)


def parse_statuses(words: Sequence[str]) -> tuple[Status, ...]:
    """Return the statuses that gates refuse: ``not-estimable``, or ``flagged`` and what is worse.

    Examples
    --------
    >>> parse_statuses(["not-estimable"]), parse_statuses(["flagged"])
    (('not_estimable',), ('flagged', 'not_estimable'))
    """
    known: dict[str, tuple[Status, ...]] = {
        "not-estimable": ("not_estimable",),
        "flagged": ("flagged", "not_estimable"),
    }
    refused = [status for word in words for status in known[one_of("a gate", word, known)]]
    return tuple(dict.fromkeys(refused))
