"""`choose`: which family of models suits a data set, by its shape and by a validation of the few that fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from recsys.core.errors import DataError
from recsys.core.memory import spelled
from recsys.core.progress import ProgressCallback, silent
from recsys.dataset import Dataset, Split
from recsys.display import Axis, Chart, Estimated, Table, View, Viewable, counted, drawn, forest, number_text
from recsys.evaluation.evaluation import notes_of
from recsys.evaluation.ranking import best_first
from recsys.evaluation.tuning import tune
from recsys.evaluation.tuning_result import Trial, Tuning
from recsys.models.base import Recommender
from recsys.models.registry import make_model, model_names
from recsys.models.space_words import Wish

_FLOOR = "popularity"
_FEW_PAIRS = 300
_DENSE_ITEMS = 10_000  # EASE: 400 MB of weights, and 10¹² multiplications to invert them
_MOST_PRODUCTS = 2_000_000_000


class Shape(NamedTuple):
    """What of a data set decides which models suit it.

    Attributes
    ----------
    users, items : int
        With an event.
    pairs : int
        Distinct user–item pairs.
    events : int
    products : int
        Pairs of items that a user has in common, over all users: the work of comparing items with items.
    has_times : bool
    """

    users: int
    items: int
    pairs: int
    events: int
    products: int
    has_times: bool

    @classmethod
    def of(cls, data: Dataset) -> Shape:
        """Return the shape of a data set."""
        pairs = data.pairs()
        lengths = np.diff(pairs.indptr).astype(np.int64)
        return cls(
            int((data.user_events > 0).sum()),
            int((data.item_events > 0).sum()),
            int(pairs.nnz),
            len(data),
            int((lengths**2).sum()),
            data.times is not None,
        )

    def __str__(self) -> str:
        density = 100 * self.pairs / max(self.users * self.items, 1)
        return (
            f"{counted(self.users, 'user')}, {counted(self.items, 'item')}, {self.pairs:,} pairs"
            f" ({density:.3g} % of all), {self.events / max(self.items, 1):,.1f} events an item,"
            f" {'with' if self.has_times else 'no'} times"
        )


# For each family that may be tried: why not, given the shape; "" where it suits. The others have to be named by a user.
_OBJECTIONS: Mapping[str, Callable[[Shape], str]] = {
    "popularity": lambda shape: "",
    "itemknn": lambda shape: _too_few(shape) or _too_many_products(shape),
    "rp3beta": lambda shape: _too_few(shape) or _too_many_products(shape),
    "graphfilter": lambda shape: _too_few(shape) or _too_many_products(shape),
    "ease": lambda shape: _too_few(shape) or _too_many_items(shape),
    "als": lambda shape: _too_few(shape),
}


@dataclass(frozen=True, eq=False, repr=False)
class Choosing(Viewable):
    """The family that was chosen, and why.

    Parameters
    ----------
    shape : Shape
        Of the training part.
    tuning : Tuning
        The families that were tried, each as it comes.
    left_out : mapping of str to str
        Families that were not tried, and why not.
    """

    shape: Shape
    tuning: Tuning
    left_out: Mapping[str, str]

    @property
    def best(self) -> Trial:
        """The trial that was chosen: the best, or the popular items where these lie within its interval."""
        best = self.tuning.best
        floor = next((one for one in self._finished if one.model == _FLOOR), None)
        return best if floor is None or not _within(floor, best, self.tuning) else floor

    @property
    def name(self) -> str:
        """The model's name."""
        return self.best.model

    def model(self) -> Recommender:
        """Return a new, unfitted model of that family, as it comes."""
        return self.tuning.bases[self.name].clone(**self.best.params)

    @property
    def conclusion(self) -> str:
        """Say which family was chosen, and how it did."""
        metric, best = self.tuning.metric, self.best
        return (
            f"{self.name} is chosen of {counted(len(self._finished), 'model')} tried: "
            f"{metric.name} {number_text(best.value)} on {self.tuning.validation}."
        )

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, in plain words."""
        metric, ahead = self.tuning.metric, self.tuning.best
        values = {trial.model: trial.value for trial in self._finished}
        ranked = best_first(values, metric)
        told = ", ".join(f"{name} {number_text(values[name])}" for name in ranked)
        near = [one.model for one in self._finished if one is not ahead and _within(one, ahead, self.tuning)]
        return (
            f"the data: {self.shape}",
            f"{ahead.model} did best, each as it comes: {metric.name} on {self.tuning.validation}: {told}",
            *self._doubts(ahead, near),
            *(f"{name} was not tried: {why}" for name, why in self.left_out.items()),
            *(f"{one.model} failed: {one.error}" for one in self.tuning.trials if one.status == "failed"),
        )

    @property
    def _finished(self) -> list[Trial]:
        return [trial for trial in self.tuning.trials if trial.status == "finished"]

    def _doubts(self, ahead: Trial, near: list[str]) -> tuple[str, ...]:
        if self.name != ahead.model:
            return (f"{self.name} was chosen: it lies within the interval of {ahead.model}, and is simpler",)
        if near:
            return (f"{' and '.join(near)} within the interval of {ahead.model}: with other data it may turn",)
        return ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What puts the choice into doubt."""
        return self.tuning.warnings

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, fit for JSON."""
        return {
            "model": self.name,
            "params": dict(self.best.params),
            "conclusion": self.conclusion,
            "reasons": list(self.reasons),
            "shape": self.shape._asdict(),
            "left_out": dict(self.left_out),
            "tuning": self.tuning.to_dict(),
        }

    def view(self) -> View:
        """Return the choice and its reasons."""
        rows = tuple((trial.model, trial.value, f"{trial.seconds:.1f} s") for trial in self.tuning.trials)
        table = Table(("model", self.tuning.metric.name, "time"), rows)
        return View(self.conclusion, (table,), notes_of(self.warnings, self.reasons), self._charts())

    def _charts(self) -> tuple[Chart, ...]:
        metric, level = self.tuning.metric, f"estimate with {100 * self.tuning.confidence:g} % interval"
        rows = [
            Estimated(one.model, one.value, one.looks[-1].ci_low, one.looks[-1].ci_high, level)
            if one.status == "finished"
            else Estimated(one.model, None)
            for one in sorted(self.tuning.trials, key=lambda one: (one is not self.best, one.number))
        ]
        note = "The chosen family first; the simpler popular items are chosen where they lie within the best interval."
        axis = Axis(metric.name, f"{metric.metric.unit}, on the validation part")
        return drawn(forest(f"{metric.name} of each family, as it comes", axis, Axis("family"), rows, note=note))


def choose(
    train: Dataset,
    *,
    metric: str = "ndcg@10",
    validation: str | float | Split = 0.2,
    seed: int = 0,
    progress: ProgressCallback = silent,
) -> Choosing:
    """Choose a family of models: leave out what does not suit the data's shape, try the others as they come.

    Parameters
    ----------
    train : Dataset
        Training events.
    metric : str
        What decides.
    validation : str, float or Split
        As in `tune`.
    seed : int
        Of the models.
    progress : callable, optional
        Told of every model that was tried.

    Raises
    ------
    DataError
        Nobody can be measured, or nothing can be learned.

    Examples
    --------
    >>> draw = np.random.default_rng(1)
    >>> train = Dataset.from_frame({"user_id": draw.integers(40, size=600), "item_id": draw.integers(20, size=600)})
    >>> choose(train).name
    'popularity'
    """
    shape = Shape.of(train)
    objections = {name: _OBJECTIONS[name](shape) for name in model_names() if name in _OBJECTIONS}
    tried = [name for name, why in objections.items() if not why]
    try:
        tuning = tune(
            {name: _as_it_comes(name) for name in tried},
            train,
            metric=metric,
            trials=len(tried),
            seed=seed,
            validation=validation,
            sampler="random",
            rung_users=None,
            progress=progress,
        )
    except DataError as error:
        raise DataError(
            f"auto cannot choose: {error.what}", error.expected, "name a model, such as popularity"
        ) from error
    return Choosing(shape, tuning, {name: why for name, why in objections.items() if why})


def _as_it_comes(name: str) -> Mapping[str, Wish]:
    """Return the space of a model that learns in epochs: the number that it comes with.

    Stopped early, it would pick its epochs on the part that ranks it against models that pick nothing there.
    """
    base = make_model(name)
    return {"iterations": base.params["iterations"]} if base.learns_in_epochs else {}


def _too_few(shape: Shape) -> str:
    if shape.pairs >= _FEW_PAIRS:
        return ""
    return f"{counted(shape.pairs, 'pair')} are too few to learn tastes from (fewer than {_FEW_PAIRS:,})"


def _too_many_items(shape: Shape) -> str:
    if shape.items <= _DENSE_ITEMS:
        return ""
    return f"its weights among {shape.items:,} items would take {spelled(4 * shape.items**2)} and long to invert"


def _too_many_products(shape: Shape) -> str:
    if shape.products <= _MOST_PRODUCTS:
        return ""
    return f"it would add up {shape.products:,} products of items, more than {_MOST_PRODUCTS:,}"


def _within(one: Trial, best: Trial, tuning: Tuning) -> bool:
    """Return whether a trial's value lies within the interval of the best one."""
    look = best.looks[-1]
    return one.value <= look.ci_high if tuning.metric.metric.better == "lower" else one.value >= look.ci_low
