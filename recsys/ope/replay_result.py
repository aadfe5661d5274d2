"""`Replay`: what policies would have earned on a log, how they differ, and whether the log can say so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from recsys.core.errors import ArgumentError, NotFoundError
from recsys.display import Tabular, View, Viewable
from recsys.ope.checks import Check
from recsys.ope.diagnostics import WeightBin
from recsys.ope.feedback import LoggedFeedback
from recsys.ope.gated import Gated
from recsys.ope.results import Estimand, Estimate, Status

LOGGED = "logged"
ON_POLICY = "on_policy"


class ReplayDifference(NamedTuple):
    """Candidate − baseline on the same rows.

    Attributes
    ----------
    policy, baseline, reward, estimator : str
        What is compared: policy − baseline.
    estimand : {"impression", "request", "user"}
        What the values are means over.
    estimate, ci_low, ci_high, standard_error : float
        NaN when it is not estimable. The interval is for this difference alone.
    pvalue, adjusted_pvalue : float
        Two-sided; adjusted over all differences of the same estimator.
    baseline_value : float
        The estimate of the baseline; NaN when it is not estimable.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    method : str
        How it was made, in words.
    n : int
        Impressions, requests or users, as the estimand says.
    status : {"estimable", "flagged", "not_estimable"}
        The worse of the two policies'.
    reasons : tuple of str
        Why it is flagged or has no number.
    """

    policy: str
    baseline: str
    reward: str
    estimator: str
    estimand: Estimand
    estimate: float
    ci_low: float
    ci_high: float
    standard_error: float
    pvalue: float
    adjusted_pvalue: float
    baseline_value: float
    confidence: float
    method: str
    n: int
    status: Status
    reasons: tuple[str, ...] = ()


class LogFacts(NamedTuple):
    """What was replayed on.

    Attributes
    ----------
    impressions : int
        Rows.
    requests : int or None
        None where rows name no request.
    items : int
        Distinct items shown.
    users : int or None
        Distinct users; None where rows name no user.
    versions : tuple of str
        The policies that wrote it.
    since, until : int or None
        First and last time, µs UTC.
    """

    impressions: int
    requests: int | None
    items: int
    users: int | None
    versions: tuple[str, ...]
    since: int | None
    until: int | None

    @classmethod
    def of(cls, feedback: LoggedFeedback) -> LogFacts:
        """Return the facts of a log."""
        times = feedback.times if len(feedback) else None
        users = feedback.user_codes
        return cls(
            len(feedback),
            feedback.n_slates if feedback.has_requests else None,
            len(np.unique(feedback.actions)),
            None if users is None else len(np.unique(users[users >= 0])),
            tuple(feedback.versions[code] for code in np.unique(feedback.version_codes)),
            None if times is None else int(times.min()),
            None if times is None else int(times.max()),
        )


@dataclass(frozen=True, eq=False, repr=False)
class Replay(Gated, Viewable, Tabular):
    """Policies valued on one log. ``found["als", "snips"]`` is an estimate.

    Parameters
    ----------
    log : LogFacts
        What was replayed on.
    logged : tuple of Estimate
        What the policies that wrote the log have earned: the mean, by reward.
    estimates : tuple of Estimate
        Policies × rewards × estimators.
    differences : tuple of ReplayDifference
        Each policy − the baseline.
    checks : tuple of Check
        Of the log, then of each policy.
    histograms : mapping of str to tuple of WeightBin
        Of each policy's weights.
    baseline : str
        A policy, or ``"logged"``.
    correction : str
        How p-values are adjusted.
    notes : tuple of str
        What was noticed about the log.
    """

    log: LogFacts
    logged: tuple[Estimate, ...]
    estimates: tuple[Estimate, ...]
    differences: tuple[ReplayDifference, ...]
    checks: tuple[Check, ...]
    histograms: Mapping[str, tuple[WeightBin, ...]]
    baseline: str
    correction: str
    notes: tuple[str, ...] = ()

    def __getitem__(self, words: str | tuple[str, ...]) -> Estimate:
        """Return the one estimate that policy, reward and estimator, as far as they are named, leave.

        Raises
        ------
        NotFoundError
            There is none.
        ArgumentError
            There are several.
        """
        wanted = (words,) if isinstance(words, str) else tuple(words)
        found = [one for one in (*self.estimates, *self.logged) if set(wanted) <= set(one[:3])]
        named = "; ".join(f"{one.policy}, {one.reward}, {one.estimator}" for one in found or self.estimates)
        if not found:
            raise NotFoundError(f"there is no estimate of {', '.join(map(str, wanted))}", f"there are: {named}")
        if len(found) > 1:
            raise ArgumentError(f"{', '.join(wanted)} leaves several estimates ({named})", "one was expected")
        return found[0]

    @property
    def conclusion(self) -> str:
        """One sentence: what may be concluded, or why the log cannot answer."""
        from recsys.ope.concluding import conclude

        return conclude(self)

    def failed(self, statuses: tuple[Status, ...]) -> tuple[str, ...]:
        """Return a line for each estimate with one of these statuses: what a gate says."""
        return tuple(
            f"{one.policy} {one.reward} ({one.estimator}) is {one.status.replace('_', ' ')}"
            + (f": {one.reasons[0]}" if one.reasons else "")
            for one in self.estimates
            if one.status in statuses
        )

    def difference(self, policy: str, *, reward: str | None = None, estimator: str | None = None) -> ReplayDifference:
        """Return policy − baseline, of the first reward and estimator where none is named.

        Parameters
        ----------
        policy : str
            A policy other than the baseline.
        reward, estimator : str, optional
            As in the differences.

        Raises
        ------
        NotFoundError
            There is no such difference.
        """
        for one in self.differences:
            if one.policy == policy and reward in (None, one.reward) and estimator in (None, one.estimator):
                return one
        wanted = ", ".join(word for word in (policy, reward, estimator) if word is not None)
        known = "; ".join(f"{one.policy}, {one.reward}, {one.estimator}" for one in self.differences) or "none"
        raise NotFoundError(f"there is no difference of {wanted} from {self.baseline}", f"there are: {known}")

    def differences_to_polars(self) -> pl.DataFrame:
        """Return one row a difference; see `ReplayDifference` for the columns; null where there is no number."""
        return differences_frame(self.differences)

    def to_polars(self) -> pl.DataFrame:
        """Return one row an estimate, those of the log itself first; null where there is no number."""
        return frame_of((*self.logged, *self.estimates))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON; None where there is no number."""
        return {
            "conclusion": self.conclusion,
            "status": self.status,
            "baseline": self.baseline,
            "correction": self.correction,
            "log": self.log._asdict() | {"versions": list(self.log.versions)},
            "logged": [plain(one) for one in self.logged],
            "estimates": [plain(one) for one in self.estimates],
            "differences": [plain(one) for one in self.differences],
            "checks": [check.to_dict() for check in self.checks],
            "weights": {name: [plain(one) for one in bins] for name, bins in self.histograms.items()},
            "notes": list(self.notes),
        }

    def view(self) -> View:
        """Return what a reader should see, the conclusion first."""
        from recsys.ope.replay_view import replay_view

        return replay_view(self)


def plain(row: Any) -> dict[str, Any]:
    """Return a named tuple as plain values: no NaN, no infinity, no tuples."""
    values: dict[str, Any] = row._asdict()
    for name, value in values.items():
        if isinstance(value, float) and not abs(value) < float("inf"):
            values[name] = None
        elif isinstance(value, tuple):
            pairs = bool(value) and not isinstance(value[0], str)
            values[name] = dict(value) if pairs or name == "parameters" else list(value)
    return values


def differences_frame(differences: tuple[ReplayDifference, ...]) -> pl.DataFrame:
    """Return differences as a frame; reasons joined by semicolons."""
    words = ("policy", "baseline", "reward", "estimator", "estimand", "method", "status", "reasons")
    kinds: dict[str, Any] = {"n": pl.Int64} | dict.fromkeys(words, pl.String)
    rows = [plain(one) | {"reasons": "; ".join(one.reasons)} for one in differences]
    return pl.DataFrame(rows, schema={name: kinds.get(name, pl.Float64) for name in ReplayDifference._fields})


def frame_of(estimates: tuple[Estimate, ...]) -> pl.DataFrame:
    """Return estimates as a frame; reasons joined by semicolons, parameters as text."""
    kinds: dict[str, Any] = {"n": pl.Int64}
    words = ("policy", "reward", "estimator", "estimand", "interval", "status", "reasons", "parameters")
    kinds |= dict.fromkeys(words, pl.String)
    rows = [
        plain(one) | {"reasons": "; ".join(one.reasons),
                      "parameters": ", ".join(f"{name} = {value:g}" for name, value in one.parameters)}
        for one in estimates
    ]  # fmt: skip
    return pl.DataFrame(rows, schema={name: kinds.get(name, pl.Float64) for name in Estimate._fields})
