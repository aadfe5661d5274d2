"""What a search is made of, from what the user said: candidates, proposer, validation part, conventions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from recsys.core.checks import did_you_mean, finite_float, one_of
from recsys.core.errors import ArgumentError
from recsys.core.times import duration_micros, from_micros
from recsys.dataset import Dataset, Split, random_split, temporal_split
from recsys.display import counted
from recsys.evaluation.optuna_proposer import ParzenTree, is_installed, version
from recsys.evaluation.proposing import Candidate, Chance, Proposer
from recsys.evaluation.rungs import GROWTH, STOPPING_METRIC, Rung
from recsys.metrics import MetricSpec
from recsys.models.base import Recommender
from recsys.models.registry import make_model
from recsys.models.space_words import Wish, space_of

SamplerName = Literal["tpe", "random"]
Model = str | Recommender
Models = Model | Sequence[Model] | Mapping[str, Mapping[str, Wish] | None]


def candidates_of(models: Models, space: Mapping[str, Wish], seed: int, *, has_times: bool) -> list[Candidate]:
    """Return the models with the spaces to search, all with one seed.

    Raises
    ------
    ArgumentError
        A model or a parameter does not exist, or cannot take a value.
    """
    if isinstance(models, str | Recommender):
        models = [models]
    spaces = models if isinstance(models, Mapping) else {}
    bases = [_base(model, seed) for model in models]
    names = [base.name for base in bases]
    if not names or len(set(names)) < len(names):
        raise ArgumentError(
            f"models is {models!r}", "distinct models, at least one, were expected", "use tune('als', …)"
        )
    wishes: dict[str, dict[str, Wish]] = {name: dict(spaces.get(name) or {}) for name in names}
    for path, wish in space.items():
        for name, parameter in _owners(path, bases):
            wishes[name][parameter] = wish
    return [_candidate(base, wishes[base.name], has_times) for base in bases]


def _base(model: Model, seed: int) -> Recommender:
    base = make_model(model) if isinstance(model, str) else model
    if not isinstance(base, Recommender):
        raise ArgumentError(f"a model is a {type(model).__name__}", "a model's name or a Recommender was expected")
    return base.clone(seed=seed) if "seed" in base.params else base.clone()


def _owners(path: str, bases: Sequence[Recommender]) -> list[tuple[str, str]]:
    """Return (model, parameter) of each model that a path of the space means."""
    model, dot, parameter = path.rpartition(".")
    asked = [base for base in bases if base.name == model] if dot else list(bases)
    if not asked:
        names = [base.name for base in bases]
        raise ArgumentError(
            f"the space names the model {model!r}",
            f"one of {', '.join(names)} was expected",
            did_you_mean(model, names),
        )
    found = [(base.name, parameter) for base in asked if parameter in base.params]
    if not found:
        known = list(dict.fromkeys(name for base in asked for name in base.params))
        raise ArgumentError(
            f"{' and '.join(base.name for base in asked)} have no parameter {parameter!r}"
            if len(asked) > 1
            else f"{asked[0].name} has no parameter {parameter!r}",
            f"one of {', '.join(known)} was expected" if known else "",
            did_you_mean(parameter, known),
        )
    return found


def _candidate(base: Recommender, wishes: Mapping[str, Wish], has_times: bool) -> Candidate:
    # In the order of the names: draws must not depend on the order in which a space was written down.
    space = dict(sorted(space_of(base, wishes, has_times=has_times).items()))
    start = {name: space[name].at(0.5) for name in sorted(wishes) if not space[name].contains(base.params[name])}
    return Candidate(base.name, base, space, start, {name: space[name] for name in sorted(wishes)})


def proposers_of(sampler: str | None, seed: int, metric: MetricSpec) -> tuple[Callable[[Candidate], Proposer], str]:
    """Return what makes the proposer of a candidate, and its name with its version.

    Raises
    ------
    ArgumentError
        There is no such sampler, or it is not installed.
    """
    chosen = default_sampler() if sampler is None else sampler
    if one_of("sampler", chosen, ("tpe", "random")) == "random":
        return lambda candidate: Chance(candidate, seed), "random"
    return lambda candidate: ParzenTree(candidate, seed, metric.metric.better), f"tpe (optuna {version()})"


def default_sampler() -> SamplerName:
    """Return ``"tpe"`` where optuna is installed, else ``"random"``."""
    return "tpe" if is_installed() else "random"


def validation_of(train: Dataset, validation: str | float | Split) -> tuple[Split, str, tuple[str, ...]]:
    """Return the split of the training period, how to call its validation part, and what a reader should know.

    Raises
    ------
    ArgumentError
        It needs times, and the log has none.
    DataError
        One of the two parts would be empty.
    """
    if isinstance(validation, Split):
        split = validation
        if split.history is not None:
            raise ArgumentError("validation is a user_split", "a split of events was expected", "use temporal_split")
    elif isinstance(validation, str):
        duration_micros("validation", validation)
        split = temporal_split(train, validation)
    else:
        share = finite_float("validation", validation, above=0, below=1)
        split = random_split(train, share, seed=0) if train.times is None else temporal_split(train, share)
    size = counted(len(split.test), "event")
    if split.cut is not None:
        return split, f"what happened from {from_micros(split.cut):%Y-%m-%d %H:%M} on ({size})", split.warnings
    kind = {"random": "random pairs", "leave_last_out": "each user's newest items"}.get(split.kind, split.kind)
    doubt = "the validation part is not later than the rest: it does not ask how well the past predicts the future"
    return split, f"{kind} ({size})", (*split.warnings, doubt)


def conventions_of(rungs: Sequence[Rung], metric: MetricSpec, candidates: Sequence[Candidate]) -> tuple[str, ...]:
    """Return what a reader should know of the trials."""
    best = f"the best {metric.name} of many is a little too good: measure it on events that no trial has seen"
    sizes = " → ".join(f"{rung.users:,}" for rung in rungs)
    climbed = f"learned from {sizes} users; of the trials at a rung, the best 1 in {GROWTH} go on"
    early = [one.name for one in candidates if one.base.learns_in_epochs and "iterations" not in one.space]
    stopped = f"{', '.join(early)}: stopped early by {STOPPING_METRIC}; iterations is the best epoch"
    return (best, *([climbed] if len(rungs) > 1 else []), *([stopped] if early else []))
