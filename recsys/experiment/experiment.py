"""`Experiment`: an A/B experiment, declared and frozen before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from recsys.core.checks import did_you_mean, finite_float, one_of, positive_int
from recsys.core.errors import ArgumentError, NotFoundError
from recsys.core.hashing import canonical_json, hash_arrays
from recsys.core.times import instant_micros, parse_instant, to_micros
from recsys.dataset.vocabulary import Ids
from recsys.display import Card, View, counted
from recsys.experiment.declared import as_list, names
from recsys.experiment.looks import ConfidenceSequence, GroupSequential, Monitoring
from recsys.experiment.metrics import Metric
from recsys.experiment.traffic import Holdout, Layer, Stage, check_ramp, checked_weights
from recsys.experiment.units.columns import check_columns
from recsys.experiment.units.measures import Condition, Measure, parse_where, plain_where
from recsys.experiment.units.sources import Exposed, UnitRequest, UnitSource

if TYPE_CHECKING:
    import polars as pl

    from recsys.experiment.analysis import Analysis
    from recsys.experiment.analyzing import HasUnits
    from recsys.experiment.deciding import Decision
    from recsys.experiment.monitoring import Monitor
    from recsys.experiment.units.per_unit import PerUnit
    from recsys.experiment.units.table import UnitTable

CORRECTIONS = ("none", "bonferroni", "holm", "hochberg", "bh", "by", "dunnett")


@dataclass(frozen=True)
class Experiment(Card):
    """An experiment: its arms, who comes in, what is measured and how it will be decided.

    Everything is checked here, and everything is frozen when the experiment starts: `plan_hash` tells a changed plan.

    Parameters
    ----------
    name : str
        Also what exposures call it.
    arms : mapping of str to float
        Weights by arm, whole 1/10,000 that sum to 1. Kept with the control first and the others by name, so that
        their order means nothing.
    control : str
        The arm that the others are compared with.
    start, end : str or datetime
        UTC; first exposures in [start, end) count. `end` None: no end.
    metrics : sequence of Metric
        Goals, guardrails and diagnostics; at least one goal.
    unit : str
        The unit of randomisation and of the analysis: ``user_id``, or a column of `users` such as ``account_id``.
    salt : str, optional
        Of the assignment; by default the name.
    layer : Layer, optional
        Experiments of one layer share no unit.
    holdout : Holdout, optional
        A share of the units that comes into no experiment.
    targeting : mapping, optional
        A filter on the attributes of units, as `parse_where` reads it: only these units come in.
    ramp : sequence of Stage
        Dated stages; the first one starts with the experiment. Empty: all units from the start.
    overrides : mapping of id to arm
        Units that get an arm by decree. They were not drawn, so they are left out of the analysis.
    assignment : {"hash", "elsewhere"}, optional
        Who gives units their arms: the hash of `assign` (exposures are then checked against it), or another system
        that draws a unit's arm when it first comes, with the weights of that time. A ramp whose weights change must
        say so, because a unit's stage, which effects are compared within, depends on it.
    segments : tuple of str
        Attributes of units for effects by group.
    confidence : float
        Of all intervals, .95 for 95 %.
    correction : {"none", "bonferroni", "holm", "hochberg", "bh", "by", "dunnett"}
        For several goals and arms; ``dunnett`` is for several arms (and Bonferroni over goals).
    monitoring : ConfidenceSequence or GroupSequential, optional
        How looks before the end are paid for; None: one analysis, at the planned size.
    planned_units : int, optional
        Units of all arms together that the plan asks for. Group-sequential looks need it.

    Raises
    ------
    ArgumentError
        A part is not usable, or the parts contradict each other.

    Examples
    --------
    >>> from recsys.experiment import Mean
    >>> test = Experiment("als-vs-pop", {"pop": 0.5, "als": 0.5}, control="pop", start="2026-06-08",
    ...                   metrics=[Mean("minutes", event="play", window="14d", pre_period="28d")])
    >>> test.arm_names
    ('pop', 'als')
    >>> Experiment.from_dict(test.to_dict()) == test
    True
    """

    name: str
    arms: Mapping[str, float]
    _: KW_ONLY
    control: str
    start: str | datetime | date
    metrics: Sequence[Metric]
    end: str | datetime | date | None = None
    unit: str = "user_id"
    salt: str | None = None
    layer: Layer | None = None
    holdout: Holdout | None = None
    targeting: Mapping[str, object] | None = None
    ramp: Sequence[Stage] = ()
    overrides: Mapping[str, str] | None = None
    assignment: Literal["hash", "elsewhere"] | None = None
    segments: tuple[str, ...] = ()
    confidence: float = 0.95
    correction: str = "holm"
    monitoring: Monitoring | None = None
    planned_units: int | None = None

    def __post_init__(self) -> None:
        for field in ("name", "unit") if self.salt is None else ("name", "unit", "salt"):
            _text(field, getattr(self, field))
        self._check_arms()
        self._check_time()
        self._check_traffic()
        self._keep("segments", names("segments", self.segments))
        self._check_metrics()
        finite_float("confidence", self.confidence, minimum=0.5, below=1, hint="95 % is confidence=0.95")
        one_of("correction", self.correction, CORRECTIONS)
        if self.planned_units is not None:
            positive_int("planned_units", self.planned_units, minimum=2, maximum=10**12)
        _instance("monitoring", self.monitoring, (ConfidenceSequence, GroupSequential))
        if isinstance(self.monitoring, GroupSequential) and self.planned_units is None:
            raise ArgumentError(
                "the looks are group-sequential and planned_units is None",
                "the planned number of units was expected: looks are shares of it",
                "rs.experiment.plan says how many are needed",
            )

    def _check_arms(self) -> None:
        weights = checked_weights("arms", self.arms)
        if len(weights) < 2:
            raise ArgumentError(f"arms are {', '.join(weights)}", "a control and at least one other arm were expected")
        one_of("control", self.control, weights)
        others = sorted(set(weights) - {self.control}, key=lambda arm: arm.encode())
        self._keep("arms", {arm: weights[arm] for arm in (self.control, *others)})

    def _check_time(self) -> None:
        self._keep("start", parse_instant("start", self.start))
        if self.end is not None:
            self._keep("end", parse_instant("end", self.end))
            if self.ends is not None and self.ends <= self.starts:
                raise ArgumentError(
                    f"end is {self.end} and start is {self.start}", "an end after the start was expected"
                )

    def _check_traffic(self) -> None:
        _instance("layer", self.layer, (Layer,))
        _instance("holdout", self.holdout, (Holdout,))
        if self.targeting is not None:
            self._keep("targeting", plain_where(parse_where(self.targeting)))
        if self.overrides is not None:
            if not isinstance(self.overrides, Mapping):
                raise ArgumentError(f"overrides are {self.overrides!r}", "arms by unit were expected")
            for unit, arm in self.overrides.items():
                one_of(f"the arm of unit {unit}", arm, self.arms)
            self._keep("overrides", {str(unit): self.overrides[unit] for unit in sorted(self.overrides, key=str)})
        stages = tuple(as_list(self.ramp, "ramp"))
        for stage in stages:
            _instance("a stage of the ramp", stage, (Stage,), optional=False)
            if stage.weights is not None and set(stage.weights) != set(self.arms):
                raise ArgumentError(
                    f"a stage has weights of {', '.join(stage.weights)}",
                    f"weights of {', '.join(self.arms)} were expected",
                )
        self._keep("ramp", stages)
        check_ramp(stages, cast("datetime", self.start))
        if self.assignment is not None:
            one_of("assignment", self.assignment, ("hash", "elsewhere"))
        elif any(stage.weights != self.stages[0].weights for stage in self.stages):
            raise ArgumentError(
                "the weights of the ramp change and assignment is None",
                "'hash' or 'elsewhere' was expected: who gives units their arms",
                "assignment='hash' if rs.experiment.assign does",
            )

    def _check_metrics(self) -> None:
        metrics = tuple(as_list(self.metrics, "metrics"))
        for metric in metrics:
            _instance("a metric", metric, (Metric,), optional=False)
        check_columns(metrics, self.segments)
        self._keep("metrics", metrics)

    def _keep(self, field: str, value: object) -> None:
        object.__setattr__(self, field, value)

    @property
    def arm_names(self) -> tuple[str, ...]:
        """The control, then the other arms by name (UTF-8 bytes)."""
        return tuple(self.arms)

    @property
    def starts(self) -> int:
        """The start in microseconds since 1970 UTC."""
        return to_micros(cast("datetime", self.start))

    @property
    def ends(self) -> int | None:
        """The end in microseconds since 1970 UTC, or None."""
        return None if self.end is None else to_micros(cast("datetime", self.end))

    @property
    def assignment_salt(self) -> str:
        """The salt of the assignment."""
        return self.name if self.salt is None else self.salt

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The ramp with the weights of every stage filled in; without a ramp one stage of all units."""
        ramp = tuple(self.ramp) or (Stage(self.start),)
        return tuple(Stage(stage.start, stage.share, stage.weights or self.arms) for stage in ramp)

    @property
    def targets(self) -> tuple[Condition, ...]:
        """The targeting as conditions on attributes of units."""
        return parse_where(self.targeting)

    def __repr__(self) -> str:
        return f"Experiment({self.name!r}, {counted(len(self.arms), 'arm')}, {counted(len(self.metrics), 'metric')})"

    def card(self) -> View:
        """Return what a notebook shows: arms, times, metrics and how it will be decided."""
        from recsys.experiment.cards import experiment_card

        return experiment_card(self)

    def metric(self, name: str) -> Metric:
        """Return a metric by name, or raise NotFoundError."""
        found = {metric.name: metric for metric in self.metrics}
        if name not in found:
            raise NotFoundError(
                f"{self.name} has no metric {name!r}",
                f"one of {', '.join(found)} was expected",
                did_you_mean(name, found),
            )
        return found[name]

    def analyze(self, source: UnitSource | PerUnit | UnitTable | HasUnits, **settings: Any) -> Analysis:
        """Return the analysis of the experiment's data; see `recsys.experiment.analyze` for the settings."""
        from recsys.experiment.analyzing import analyze

        return analyze(self, source, **settings)

    def monitor(self, source: UnitSource | PerUnit | UnitTable | HasUnits, **settings: Any) -> tuple[Monitor, ...]:
        """Return the looks so far at every goal and guardrail of every arm; settings as of `analyze`."""
        found = self.analyze(source, **settings)
        return tuple(found.monitor(one.metric, one.arm) for one in found.effects if one.role != "diagnostic")

    def decide(self, source: UnitSource | PerUnit | UnitTable | HasUnits, **settings: Any) -> Decision:
        """Return ship, stop, continue or blocked, with the reasons; settings as of `analyze`."""
        return self.analyze(source, **settings).decide()

    @property
    def plan_hash(self) -> str:
        """SHA-256 (hex) of the canonical JSON of the declaration."""
        return hash_arrays(canonical_json(self.to_dict()))

    def assign(
        self, units: Ids, *, attributes: object = None, at: str | datetime | date | int | None = None
    ) -> pl.DataFrame:
        """Return the arm of each unit: see `recsys.experiment.assign`.

        Parameters
        ----------
        units : ids
            External ids of units, such as users.
        attributes : frame, optional
            One row a unit, with what the targeting asks for.
        at : str, datetime, date or int64 µs, optional
            The instant of assignment (UTC).

        Examples
        --------
        >>> from recsys.experiment import Count
        >>> test = Experiment("x", {"a": 0.5, "b": 0.5}, control="a", start="2026-06-01",
        ...                   metrics=[Count("plays", event="play")])
        >>> test.assign([1, 2], at="2026-05-31")["reason"].to_list()
        ['not_started', 'not_started']
        """
        from recsys.experiment.assignment import assign  # which reads this module's class

        return assign(self, units, attributes=attributes, at=at)

    def request(self, through: str | datetime | date | int | None = None) -> UnitRequest:
        """Return what a table of units must hold for the analysis of the data before `through`."""
        measures: dict[str, Measure] = {}
        for metric in self.metrics:
            measures |= metric.measures()
        wanted = [*self.segments, *(name for metric in self.metrics for name in metric.attributes)]
        population = Exposed(
            self.name,
            self.arm_names,
            self.starts,
            self.ends,
            tuple(to_micros(cast("datetime", stage.start)) for stage in self.ramp),
            tuple(self.overrides or ()),
            *self._entry(),
        )
        request = UnitRequest(population, measures, self.unit, tuple(dict.fromkeys(wanted)))
        if through is None:
            return request
        return UnitRequest(population, measures, self.unit, request.attributes, instant_micros("through", through))

    def _entry(self) -> tuple[str | None, tuple[int, ...]]:
        """Return what draws the stage in which a unit enters; None where the time of its first exposure says it."""
        if self.assignment != "hash" or not self.ramp:
            return None, ()
        from recsys.experiment.assignment import entries, salts

        return salts(self).entry, tuple(entry.end for entry in entries(self))

    def to_dict(self) -> dict[str, Any]:
        """Return the declaration as plain values for JSON; what has its default is left out."""
        from recsys.experiment.reading import plain_experiment  # which reads this module's class

        return plain_experiment(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Experiment:
        """Return the experiment of plain values, as `to_dict` gives them or a TOML file has them.

        Raises
        ------
        ArgumentError
            A key is unknown or missing, or a value is refused.
        """
        from recsys.experiment.reading import experiment_of

        return experiment_of(values)

    @classmethod
    def from_toml(cls, path: str | Path) -> Experiment:
        """Return the experiment of a TOML file.

        Raises
        ------
        NotFoundError
            There is no such file.
        ArgumentError
            It is not TOML, or not an experiment.
        """
        from recsys.experiment.reading import toml_table

        return cls.from_dict(toml_table(Path(path)))


def _text(field: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ArgumentError(f"{field} is {value!r}", "text was expected")


def _instance(what: str, value: object, kinds: tuple[type, ...], *, optional: bool = True) -> None:
    if not isinstance(value, kinds) and not (optional and value is None):
        words = " or ".join(kind.__name__ for kind in kinds)
        raise ArgumentError(f"{what} is {value!r}", f"a {words} was expected")
