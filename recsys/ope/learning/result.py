"""`LearningReplay`: what policies that learn while they serve would have earned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import polars as pl

from recsys.core.errors import NotFoundError
from recsys.display import Tabular, View, Viewable
from recsys.ope.checks import Check
from recsys.ope.gated import Gated
from recsys.ope.learning.curves import CurvePoint
from recsys.ope.replay_result import LogFacts, ReplayDifference, differences_frame, frame_of, plain
from recsys.ope.results import Estimate, Status


class Learned(NamedTuple):
    """How a policy came through the log.

    Attributes
    ----------
    events : int
        Of the log.
    accepted : int
        Events that the policy would have caused; of expansions, in each.
    learned : int
        Rewards that it had learned from by the end; of expansions, the mean.
    batches : int
        Times at which it learned; likewise.
    """

    events: int
    accepted: int
    learned: int
    batches: int


@dataclass(frozen=True, eq=False, repr=False)
class LearningReplay(Gated, Viewable, Tabular):
    """Learning policies replayed on one log. ``found["linucb"]`` is an estimate.

    Parameters
    ----------
    log : LogFacts
        What was replayed on.
    reward : str
        What was earned.
    logged : Estimate
        What the log itself has earned.
    estimates : tuple of Estimate
        One a policy; `effective_n` is the number of accepted events.
    differences : tuple of ReplayDifference
        Each policy − the log, on the same events; none for expanded logs.
    learned : mapping of str to Learned
        By policy: how many events it went through, accepted and learned from.
    curves : mapping of str to tuple of CurvePoint
        By policy: the mean reward as events come.
    checks : tuple of Check
        Of the log and of every policy.
    method : str
        ``"rejection"`` or ``"bootstrap"``.
    floor : float
        The share of the log that is accepted, whatever the policy does.
    notes : tuple of str
        What a reader must know.
    """

    log: LogFacts
    reward: str
    logged: Estimate
    estimates: tuple[Estimate, ...]
    differences: tuple[ReplayDifference, ...]
    learned: Mapping[str, Learned]
    curves: Mapping[str, tuple[CurvePoint, ...]]
    checks: tuple[Check, ...]
    method: str
    floor: float
    notes: tuple[str, ...] = ()

    def __getitem__(self, policy: str) -> Estimate:
        """Return the estimate of a policy.

        Raises
        ------
        NotFoundError
            It was not replayed.
        """
        for one in (*self.estimates, self.logged):
            if one.policy == policy:
                return one
        raise NotFoundError(f"there is no policy {policy!r}", f"there are: {', '.join(self.policies)}")

    @property
    def conclusion(self) -> str:
        """One sentence: what may be concluded, or why the log cannot answer."""
        from recsys.ope.learning.view import conclude

        return conclude(self)

    def failed(self, statuses: tuple[Status, ...]) -> tuple[str, ...]:
        """Return a line for each estimate with one of these statuses: what a gate says."""
        return tuple(
            f"{one.policy} {one.reward} is {one.status.replace('_', ' ')}"
            + (f": {one.reasons[0]}" if one.reasons else "")
            for one in self.estimates
            if one.status in statuses
        )

    def to_polars(self) -> pl.DataFrame:
        """Return one row an estimate, that of the log first; null where there is no number."""
        return frame_of((self.logged, *self.estimates))

    def differences_to_polars(self) -> pl.DataFrame:
        """Return one row a difference; see `recsys.ope.ReplayDifference` for the columns; null without a number."""
        return differences_frame(self.differences)

    def curves_to_polars(self) -> pl.DataFrame:
        """Return the learning curves: a row for each policy and block."""
        return pl.DataFrame(
            [{"policy": name, **plain(point)} for name, points in self.curves.items() for point in points],
            schema={"policy": pl.String, "events": pl.Int64, **dict.fromkeys(CurvePoint._fields[1:], pl.Float64)},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON; None where there is no number."""
        return {
            "conclusion": self.conclusion,
            "status": self.status,
            "method": self.method,
            "reward": self.reward,
            "floor": self.floor,
            "log": self.log._asdict() | {"versions": list(self.log.versions)},
            "logged": plain(self.logged),
            "estimates": [plain(one) for one in self.estimates],
            "differences": [plain(one) for one in self.differences],
            "learned": {name: one._asdict() for name, one in self.learned.items()},
            "curves": {name: [plain(point) for point in points] for name, points in self.curves.items()},
            "checks": [check.to_dict() for check in self.checks],
            "notes": list(self.notes),
        }

    def view(self) -> View:
        """Return what a reader should see, the conclusion first."""
        from recsys.ope.learning.view import learning_view

        return learning_view(self)
