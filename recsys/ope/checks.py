"""`Check`: one question about a log and a policy, its answer, and what an estimate may be called after it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, asdict, dataclass
from typing import Any, Literal

from recsys.core.checks import finite_float, one_of
from recsys.ope.results import Status

CheckStatus = Literal["ok", "warn", "fail", "not_run"]
SEVERITY: dict[Status, int] = {"estimable": 0, "flagged": 1, "not_estimable": 2}


@dataclass(frozen=True)
class Check:
    """One check with its number and its consequence.

    Parameters
    ----------
    name : str
        ``mean-weight``, ``effective-size``, ….
    status : {"ok", "warn", "fail", "not_run"}
        Only a check that fails downgrades estimates; one that warns is told beside them.
    number, threshold : float or None
        What was looked at, and where it fails (or warns, if it cannot fail).
    downgrades : {"estimable", "flagged", "not_estimable"}
        The best that an estimate may still be called.
    consequence : str
        What follows, in plain words.
    detail : str
        The numbers behind it.
    policy, reward, weighting, estimator : str
        What it was asked of; empty: of the log itself, of every reward, of all kinds of weights, of all estimators.

    Examples
    --------
    >>> Check("effective-size", "fail", 2.1, 30, "not_estimable", "too few rows carry the estimate").reason
    'effective-size: too few rows carry the estimate'
    """

    name: str
    status: CheckStatus
    number: float | None = None
    threshold: float | None = None
    downgrades: Status = "estimable"
    consequence: str = ""
    detail: str = ""
    policy: str = ""
    reward: str = ""
    weighting: str = ""
    estimator: str = ""

    @property
    def reason(self) -> str:
        """The consequence with its numbers, as estimates repeat it."""
        return f"{self.name}: {self.consequence}" + (f" ({self.detail})" if self.detail else "")

    def concerns(self, policy: str, reward: str, weighting: str, estimator: str) -> bool:
        """Return whether it speaks of an estimate."""
        asked = (
            (self.policy, policy),
            (self.reward, reward),
            (self.weighting, weighting),
            (self.estimator, estimator),
        )
        return all(own in ("", other) for own, other in asked)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Limits:
    """Where checks warn and fail.

    Parameters
    ----------
    level : float
        Tests of the mean weight, the calibration and the drift speak below this p-value.
    mean_weight, flag_mean_weight : float
        A mean weight significantly off by more than this share makes estimates not estimable, and flagged; by less it
        is told only.
    calibration : float
        Mean distance of logged frequencies from the stated propensities, as a share, above which calibration fails.
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
        Effective number of rows (or clusters) with a reward, likewise: below it the interval of a mean is not to be
        trusted.
    duplicates : float
        Share of repeated rows above which estimates are flagged.
    """

    _: KW_ONLY
    level: float = 0.001
    mean_weight: float = 0.1
    flag_mean_weight: float = 0.01
    calibration: float = 0.1
    least_size: float = 30.0
    good_size: float = 100.0
    least_clusters: float = 5.0
    good_clusters: float = 30.0
    largest_weight: float = 0.2
    flag_weight: float = 0.05
    unsupported: float = 0.1
    flag_unsupported: float = 0.01
    rewarded: float = 3.0
    flag_rewarded: float = 10.0
    duplicates: float = 0.01

    def __post_init__(self) -> None:
        sizes = ("least_size", "good_size", "least_clusters", "good_clusters", "rewarded", "flag_rewarded")
        for name, value in asdict(self).items():
            finite_float(name, value, minimum=0, maximum=math.inf if name in sizes else 1)


def graded(number: float, *, fail: float, flag: float, low_is_bad: bool = True) -> Status:
    """Return what an estimate may be called, given a number and two thresholds.

    Examples
    --------
    >>> graded(2.1, fail=30, flag=100), graded(0.02, fail=0.1, flag=0.01, low_is_bad=False)
    ('not_estimable', 'flagged')
    """
    sign = 1 if low_is_bad else -1
    if sign * number < sign * fail:
        return "not_estimable"
    return "flagged" if sign * number < sign * flag else "estimable"


def result(name: str, verdict: Status, number: float, threshold: float, consequence: str, detail: str) -> Check:
    """Return a check that fails whenever it downgrades."""
    status: CheckStatus = "ok" if verdict == "estimable" else "fail"
    return Check(name, status, number, threshold, verdict, "" if status == "ok" else consequence, detail)


def downgraded(status: Status, checks: Iterable[Check]) -> tuple[Status, tuple[str, ...]]:
    """Return the status that the failed checks leave, and their reasons, the worst first."""
    failed = sorted((one for one in checks if one.status == "fail"), key=lambda one: -SEVERITY[one.downgrades])
    worst = max([status, *(one.downgrades for one in failed)], key=SEVERITY.__getitem__)
    return worst, tuple(one.reason for one in failed)


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
