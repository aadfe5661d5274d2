"""What the store knows of an experiment, as values: its declaration, its plan, in what they differ, what happened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from recsys.core.hashing import canonical_json
from recsys.display import Table, View, Viewable, counted
from recsys.experiment import Experiment

Status = Literal["draft", "running", "stopped"]


class Change(NamedTuple):
    """A change of a registered experiment: `action` is ``create``, ``replace``, ``amend``, ``override`` or ``stop``."""

    happened_at: datetime
    action: str
    detail: str | None


class Deviation(NamedTuple):
    """A field of the declaration that is not as it was planned; None: it is not there."""

    field: str
    planned: str | None
    now: str | None

    def __str__(self) -> str:
        return f"{self.field}: planned {self.planned or 'the default'}, now {self.now or 'the default'}"


@dataclass(frozen=True, repr=False)
class RegisteredExperiment(Viewable):
    """An experiment as the store knows it.

    Attributes
    ----------
    name : str
    status : {"draft", "running", "stopped"}
        A draft has neither begun nor has it exposures.
    declaration : mapping
        What is declared now, as plain values, without the overrides.
    plan : mapping
        What was declared when it began.
    plan_hash : str
        `Experiment.plan_hash` of the plan.
    created_at : datetime
    stopped_at : datetime or None
        UTC.
    exposed : int
        Units with an exposure in sight.
    overrides : mapping of str to str
        Units that were put into an arm by hand.
    changes : tuple of Change
        The oldest first.
    last_analysis : str or None
        The run of the latest look.
    """

    name: str
    status: Status
    declaration: Mapping[str, Any]
    plan: Mapping[str, Any]
    plan_hash: str
    created_at: datetime
    stopped_at: datetime | None
    exposed: int
    overrides: Mapping[str, str]
    changes: tuple[Change, ...]
    last_analysis: str | None = None

    @property
    def experiment(self) -> Experiment:
        """The declaration as it is now, with the overrides."""
        return Experiment.from_dict({**self.declaration, **({"overrides": self.overrides} if self.overrides else {})})

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """What is declared now and was not planned so."""
        return deviations(self.plan, self.declaration)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "name": self.name,
            "status": self.status,
            "plan_hash": self.plan_hash,
            "created_at": self.created_at.isoformat(),
            "stopped_at": None if self.stopped_at is None else self.stopped_at.isoformat(),
            "exposed": self.exposed,
            "declaration": dict(self.declaration),
            "deviations": [one._asdict() for one in self.deviations],
            "overrides": dict(self.overrides),
            "last_analysis": self.last_analysis,
            "changes": [{**one._asdict(), "happened_at": one.happened_at.isoformat()} for one in self.changes],
        }

    def view(self) -> View:
        """Return the declaration, the deviations from the plan, and what happened."""
        declared = Table(("field", "value"), tuple(_flat(self.declaration)), "declared")
        history = tuple((f"{one.happened_at:%Y-%m-%d %H:%M}", one.action, one.detail) for one in self.changes)
        tables = [declared, Table(("when (UTC)", "what", "detail"), history, "history")]
        if self.deviations:
            tables.insert(1, Table(("field", "planned", "now"), self.deviations, "deviations from the plan"))
        changed = counted(len(self.deviations), "deviation") if self.deviations else "no deviation"
        title = (
            f"experiment {self.name}: {self.status}, {counted(self.exposed, 'unit')} exposed, {changed} from its plan"
        )
        notes = [f"plan {self.plan_hash[:12]}"]
        if self.overrides:
            notes.append(f"{counted(len(self.overrides), 'unit')} put into an arm by hand")
        if self.last_analysis:
            notes.append(f"last analysis: recsys runs show {self.last_analysis}")
        return View(title, tuple(tables), tuple(notes))


def deviations(planned: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Deviation, ...]:
    """Return in which fields two declarations differ; parts of lists go by their names.

    Examples
    --------
    >>> [str(one) for one in deviations({"alpha": 0.05, "arms": {"a": 0.5}}, {"alpha": 0.1, "arms": {"a": 0.5}})]
    ['alpha: planned 0.05, now 0.1']
    """
    before, after = dict(_flat(planned)), dict(_flat(now))
    names = [name for name in dict.fromkeys([*before, *after]) if before.get(name) != after.get(name)]
    return tuple(Deviation(name, before.get(name), after.get(name)) for name in names)


def _flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield the leaves of plain values as text, under dotted names; parts of a list that have names go by them."""
    if isinstance(value, list) and value and all(isinstance(part, Mapping) and "name" in part for part in value):
        value = {part["name"]: {key: one for key, one in part.items() if key != "name"} for part in value}
    if isinstance(value, Mapping) and value:
        for key, part in value.items():
            yield from _flat(part, f"{name}.{key}" if name else str(key))
    elif value not in (None, {}, []):
        yield name, value if isinstance(value, str) else canonical_json(value)
