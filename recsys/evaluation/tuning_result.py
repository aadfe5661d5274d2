"""`Tuning`: every trial of a search for hyper-parameters, and the best of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

import polars as pl

from recsys.core.errors import DataError
from recsys.display import Cell, Interval, Table, Tabular, View, Viewable, cell_text, counted, number_text
from recsys.evaluation.evaluation import notes_of
from recsys.evaluation.tuning_charts import not_told_apart, tuning_charts
from recsys.metrics import MetricSpec
from recsys.models.base import Recommender
from recsys.models.spaces import Value

TrialStatus = Literal["finished", "pruned", "failed"]
_SHOWN, _SHOWN_BROKEN = 10, 3


@dataclass(frozen=True, slots=True)
class Look:
    """One training of a trial, on some of the users or on all.

    Attributes
    ----------
    users : int
        Users trained on.
    value, ci_low, ci_high : float
        The metric on the validation part; NaN bounds where there is no interval.
    measured : int
        Users measured.
    epochs : int or None
        The best epoch, of a model that early stopping watched.
    """

    users: int
    value: float
    ci_low: float = math.nan
    ci_high: float = math.nan
    measured: int = 0
    epochs: int | None = None


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting that was tried.

    Attributes
    ----------
    number : int
        Its place in the sequence.
    model : str
        The model's name.
    chosen : mapping
        What the search chose; empty for the model as it came.
    params : mapping
        All hyper-parameters; ``iterations`` is the best epoch where early stopping found one.
    status : {"finished", "pruned", "failed"}
        Trained on all users and measured; stopped before that because others did better; broken.
    looks : tuple of Look
        Its trainings, the one on the most users last.
    seconds : float
        Of all its trainings and measurements.
    error : str
        Why it failed.
    """

    number: int
    model: str
    chosen: Mapping[str, Value]
    params: Mapping[str, Any]
    status: TrialStatus
    looks: tuple[Look, ...]
    seconds: float = 0.0
    error: str = ""

    @property
    def value(self) -> float:
        """The metric at the last look; NaN if there was none, or it failed."""
        return self.looks[-1].value if self.looks and self.status != "failed" else math.nan

    @property
    def bounds(self) -> tuple[float | None, float | None]:
        """The interval of a finished trial; None where there is none."""
        if self.status != "finished":
            return None, None
        return _known(self.looks[-1].ci_low), _known(self.looks[-1].ci_high)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON."""
        looks = [{name: _known(value) for name, value in asdict(look).items()} for look in self.looks]
        names = ("number", "model", "status", "seconds", "error")
        return {
            **{name: getattr(self, name) for name in names},
            "value": _known(self.value),
            "chosen": dict(self.chosen),
            "params": dict(self.params),
            "looks": looks,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> Self:
        """Return what `to_dict` wrote."""
        parts = {name: plain[name] for name in ("number", "model", "chosen", "params", "status", "seconds", "error")}
        return cls(**parts, looks=tuple(Look(**_with_nan(look)) for look in plain["looks"]))


@dataclass(frozen=True, eq=False, repr=False)
class Tuning(Viewable, Tabular):
    """The trials of a search, in their sequence. ``tuning.best`` is the best one that was trained on all users.

    Parameters
    ----------
    trials : tuple of Trial
        In the order of their numbers.
    metric : MetricSpec
        What was looked at.
    spaces : mapping of model to (mapping of parameter to text)
        Where the search looked.
    bases : mapping of model to Recommender
        The models as they came.
    sampler : str
        How settings were proposed.
    seed : int
        Of the proposals and of the models.
    validation : str
        What the trials were measured on.
    asked : int
        Trials asked for; fewer were made when the time was up.
    confidence : float
        Of the intervals.
    notes : tuple of str
        Conventions in short.
    warnings : tuple of str
        What puts the result into doubt.
    """

    trials: tuple[Trial, ...]
    metric: MetricSpec
    spaces: Mapping[str, Mapping[str, str]]
    bases: Mapping[str, Recommender]
    sampler: str
    seed: int
    validation: str
    asked: int
    confidence: float = 0.95
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = field(default=())

    @property
    def best(self) -> Trial:
        """The trial with the best value among the finished ones; of equal ones the first.

        Raises
        ------
        DataError
            None was finished.
        """
        found = self._best_first()
        if not found:
            raise nothing_finished(self.trials)
        return found[0]

    @property
    def best_params(self) -> dict[str, Any]:
        """All hyper-parameters of the best trial."""
        return dict(self.best.params)

    @property
    def conclusion(self) -> str:
        """Say which setting did best, how well, and out of how many."""
        ranked = self._best_first()
        if not ranked:
            return f"None of {counted(len(self.trials), 'trial')} was finished."
        best = ranked[0]
        low, high = best.bounds
        bounds = "" if low is None or high is None else f" {cell_text(Interval(low, high))}"
        setting = "as it came" if not best.chosen else f"with {settings_text(best.chosen)}"
        return (
            f"{best.model} {setting} did best of {counted(len(ranked), 'finished trial')}: "
            f"{self.metric.name} {number_text(best.value)}{bounds} on {self.validation}."
        )

    def best_model(self) -> Recommender:
        """Return a new, unfitted model with the best settings."""
        return self.bases[self.best.model].clone(**self.best.params)

    def to_polars(self) -> pl.DataFrame:
        """Return one row a trial.

        Columns: number, model, status, value, ci_low, ci_high (null unless finished), users (trained on at the last
        look), looks, seconds, chosen (text), error.
        """
        rows = [
            (
                trial.number,
                trial.model,
                trial.status,
                _known(trial.value),
                *trial.bounds,
                trial.looks[-1].users if trial.looks else None,
                len(trial.looks),
                trial.seconds,
                settings_text(trial.chosen),
                trial.error,
            )
            for trial in self.trials
        ]
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON."""
        return {
            "metric": self.metric.name,
            "best": self.best.to_dict(),
            "conclusion": self.conclusion,
            "trials": [trial.to_dict() for trial in self.trials],
            "asked": self.asked,
            "spaces": {name: dict(space) for name, space in self.spaces.items()},
            "sampler": self.sampler,
            "seed": self.seed,
            "validation": self.validation,
            "confidence": self.confidence,
            "conventions": list(self.notes),
            "warnings": list(self.warnings),
        }

    def view(self) -> View:
        """Return the best trials, the best first, and what became of the others."""
        ranked = self._best_first()
        header = ("trial", "model", "settings", self.metric.name, f"{100 * self.confidence:g} % interval", "time")
        rows = tuple(
            (
                trial.number,
                trial.model,
                settings_text(trial.chosen),
                trial.value,
                Interval(*trial.bounds),
                f"{trial.seconds:.1f} s",
            )
            for trial in ranked[:_SHOWN]
        )
        left = len(ranked) - len(rows)
        tables = [Table(header, rows, f"the best {len(rows)} of those finished" if left > 0 else "")]
        broken = [trial for trial in self.trials if trial.status == "failed"][:_SHOWN_BROKEN]
        if broken:
            told_of = tuple((one.number, one.model, settings_text(one.chosen), one.error) for one in broken)
            tables.append(Table(("trial", "model", "settings", "why it failed"), told_of))
        told = not_told_apart(ranked, self.confidence)
        notes = notes_of(self.warnings, (self._design(), *([told] if told else []), *self.notes))
        return View(self.conclusion, tuple(tables), notes, tuning_charts(self, ranked))

    def _design(self) -> str:
        counts = {status: sum(trial.status == status for trial in self.trials) for status in _STATUSES}
        told = ", ".join(f"{count:,} {status}" for status, count in counts.items() if count)
        return f"{counted(len(self.trials), 'trial')} ({told}), {self.metric.name} on {self.validation}"

    def _best_first(self) -> list[Trial]:
        sign = 1 if self.metric.metric.better == "lower" else -1
        finished = [trial for trial in self.trials if trial.status == "finished"]
        return sorted(finished, key=lambda trial: (sign * trial.value, trial.number))


_STATUSES: tuple[TrialStatus, ...] = ("finished", "pruned", "failed")
_SCHEMA: dict[str, Any] = {
    "number": pl.Int64,
    "model": pl.String,
    "status": pl.String,
    "value": pl.Float64,
    "ci_low": pl.Float64,
    "ci_high": pl.Float64,
    "users": pl.Int64,
    "looks": pl.Int64,
    "seconds": pl.Float64,
    "chosen": pl.String,
    "error": pl.String,
}


def settings_text(chosen: Mapping[str, Cell]) -> str:
    """Return settings as a reader takes them in.

    Examples
    --------
    >>> settings_text({"factors": 64, "regularization": 0.0123456})
    'factors=64 regularization=0.01235'
    """
    if not chosen:
        return "as it came"
    return " ".join(f"{name}={_short(value)}" for name, value in chosen.items())


def nothing_finished(trials: Sequence[Trial]) -> DataError:
    """Return the error of a search without a finished trial, with the reason of the first one that failed."""
    broken = next((trial.error for trial in trials if trial.status == "failed"), "")
    what = f"none of {counted(len(trials), 'trial')} was finished" if trials else "no trial was finished"
    return DataError(f"{what}{broken and f': {broken}'}", "", "" if broken else "give it more time")


def _short(value: object) -> str:
    return "none" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _with_nan(look: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: math.nan if value is None and name in ("ci_low", "ci_high") else value for name, value in look.items()
    }


def _known(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
