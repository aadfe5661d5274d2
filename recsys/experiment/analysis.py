"""`Analysis`: an experiment at one look — its checks, its effects, what they amount to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean
from recsys.core.errors import NotFoundError
from recsys.core.jsonable import fit_for_json
from recsys.core.times import from_micros
from recsys.display import Tabular, View, Viewable
from recsys.experiment.deciding import Decision, decide
from recsys.experiment.effects import Effect
from recsys.experiment.experiment import Experiment
from recsys.experiment.integrity.checks import GUARDRAIL, Check, Thresholds, failed_gates, parse_gates
from recsys.experiment.monitoring import Monitor
from recsys.experiment.outcomes import Outcome
from recsys.experiment.questions.answers import Answers, LookKind
from recsys.experiment.units.table import UnitTable


@dataclass(frozen=True, eq=False, repr=False)
class Analysis(Answers, Viewable, Tabular):
    """An experiment at one look. ``analysis["minutes"]`` is the effect on a metric.

    It keeps the table of units, and answers every further question from it (see `Answers`).

    Parameters
    ----------
    experiment : Experiment
        The declaration.
    table : UnitTable
        What it was made of.
    outcomes : mapping of metric to Outcome
        The metrics on the units, with moments by day, stage and arm: what a question of time merges.
    look : {"planned", "final"}
        ``final``: p-values of a single look were asked for by name, whatever the plan says.
    checks : tuple of Check
        Of the data, before any effect.
    effects : tuple of Effect
        Metrics × arms, in the order in which they are declared.
    reached : mapping of metric to bool
        Whether the planned size (or the end of the period) is reached.
    matured : mapping of metric to int
        Units of all arms whose window has ended.
    monitors : mapping of (metric, arm) to Monitor
        Empty unless the experiment declares monitoring.
    deviations : tuple of str
        In what this is not what was planned.
    by : tuple of str
        Attributes by which effects are shown.
    limits : Thresholds or None
        Where the checks warn and fail; None: where they do by default.
    holidays : tuple of date
        Days that were told apart.
    assigned : (n,) int16 or None
        As they were given to `analyze`; the parts that `triggered` looks at are checked in the same way.
    """

    experiment: Experiment
    table: UnitTable
    outcomes: Mapping[str, Outcome]
    look: LookKind
    checks: tuple[Check, ...]
    effects: tuple[Effect, ...]
    reached: Mapping[str, bool]
    matured: Mapping[str, int]
    monitors: Mapping[tuple[str, str], Monitor] = field(default_factory=dict)
    deviations: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    limits: Thresholds | None = None
    holidays: tuple[date, ...] = ()
    assigned: NDArray[np.int16] | None = None

    def __getitem__(self, metric: str) -> Effect:
        """Return the effect of the only arm on a metric, or of the first one beside the control."""
        return self.effect(metric)

    @property
    def control(self) -> str:
        """The arm that the others are compared with."""
        return self.table.arms[0]

    @property
    def units(self) -> dict[str, int]:
        """Enrolled units by arm."""
        return {arm: int(n) for arm, n in zip(self.arms, self.table.sizes, strict=True)}

    @property
    def through(self) -> datetime:
        """End of the data that was looked at."""
        return from_micros(self.table.through)

    @property
    def decision(self) -> Decision:
        """What it amounts to."""
        return decide(self)

    def decide(self) -> Decision:
        """Return what it amounts to: ship, stop, continue or blocked, and why."""
        return decide(self)

    @property
    def summary(self) -> str:
        """The decision and its reasons in a paragraph."""
        return f"{self.experiment.name}: {self.decision.summary}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """What puts the result into doubt: failed checks and warnings, deviations from the plan."""
        told = [
            f"{check.name}: {check.consequence}" for check in self.checks if check.status in ("warn", "fail")
        ]  # fmt: skip
        return (*told, *(f"not as planned: {one}" for one in self.deviations))

    def check(self, name: str) -> Check:
        """Return one check, or raise NotFoundError."""
        found = {check.name: check for check in self.checks}
        if name not in found:
            raise NotFoundError(
                f"there is no check {name!r}", f"one of {', '.join(found)} was expected", did_you_mean(name, found)
            )
        return found[name]

    def failed(self, gates: Sequence[str]) -> tuple[str, ...]:
        """Return, in words, which of the named gates do not hold; what could not be checked does not.

        Parameters
        ----------
        gates : sequence of str
            Names of checks or of families of checks (``srm``), and ``guardrail``: one that is broken, or that is
            not shown to be safe although its planned size is reached.

        Raises
        ------
        ArgumentError
            There is no such gate.
        """
        gates = parse_gates(gates)
        found = [
            f"{check.name}: {'not checked, ' if check.status == 'not_run' else ''}{check.consequence}"
            for check in failed_gates(self.checks, gates)
        ]
        if GUARDRAIL in gates:
            bad = ("broken", "not shown safe", "not estimable")
            found += [
                f"{one.metric} of {one.arm} is {one.verdict}"
                for one in self.effects
                if one.role == "guardrail" and one.verdict in bad
            ]
        return tuple(found)

    def to_polars(self) -> pl.DataFrame:
        """Return one row for each metric and arm; see `Effect` for the columns."""
        return pl.DataFrame([effect.row() for effect in self.effects], infer_schema_length=None)

    @fit_for_json
    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON."""
        return {
            "experiment": self.experiment.name,
            "plan_hash": self.experiment.plan_hash,
            "through": self.through.isoformat(),
            "look": self.look,
            "arms": list(self.arms),
            "control": self.control,
            "units": self.units,
            "decision": self.decision.to_dict(),
            "checks": [check.to_dict() for check in self.checks],
            "effects": [effect.to_dict() for effect in self.effects],
            "reached": dict(self.reached),
            "matured": dict(self.matured),
            "deviations": list(self.deviations),
            "warnings": list(self.warnings),
        }

    def view(self) -> View:
        """Return the decision, the checks that matter, and the effects with their intervals drawn."""
        from recsys.experiment.analysis_view import analysis_view

        return analysis_view(self)
