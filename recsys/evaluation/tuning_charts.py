"""The charts of a `Tuning`: the best so far, the value against each parameter and against its cost."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from recsys.display import Axis, Chart, Series, counted, drawn
from recsys.metrics import MetricSpec

if TYPE_CHECKING:
    from recsys.evaluation.tuning_result import Trial, Tuning

MOST_TRIALS = 60
MOST_PARAMETERS = 4
_MANY_TIMES = 30.0  # a parameter whose values differ more than so many times stands on a log axis


def tuning_charts(found: Tuning, ranked: Sequence[Trial]) -> tuple[Chart, ...]:
    """Return the charts of a search.

    Parameters
    ----------
    found : Tuning
        The search.
    ranked : sequence of Trial
        Its finished trials, the best first.
    """
    if not ranked:
        return ()
    y = Axis(found.metric.name, f"{found.metric.metric.unit}, on the validation part")
    shown = ranked[:MOST_TRIALS]
    note = f" The {len(shown)} best of {len(ranked)} finished trials are drawn." if len(ranked) > len(shown) else ""
    return drawn(
        _progress(found, shown, y, f"{_whiskers(found.confidence, ranked)}{note}"),
        _cost(found.metric, shown, y, note),
        *_parameters([trial for trial in shown if trial.model == ranked[0].model], found.metric, y, note),
    )


def _progress(found: Tuning, shown: Sequence[Trial], y: Axis, note: str) -> Chart:
    """Draw the finished trials, and the best so far at (the last 60) trials that were better than all before."""
    sign = -1 if found.metric.metric.better == "lower" else 1
    best: list[Trial] = []
    for trial in found.trials:
        if trial.status == "finished" and (not best or sign * trial.value > sign * best[-1].value):
            best.append(trial)
    best = best[-MOST_TRIALS:]
    ends = (*(trial.number for trial in best), found.trials[-1].number)
    left_out = sum(trial.status != "finished" for trial in found.trials)
    told = f" Stopped early or failed, so not drawn: {counted(left_out, 'trial')}." if left_out else ""
    return Chart(
        f"Best {found.metric.name} so far, trial by trial",
        Axis("trial", "number"),
        y,
        (
            Series("best so far", "step", ends, (*(trial.value for trial in best), best[-1].value)),
            *_by_model(shown, lambda trial: trial.number),
        ),
        note=f"A step is a better setting; a long flat end says that more trials would hardly help.{told}{note}",
    )


def _cost(metric: MetricSpec, shown: Sequence[Trial], y: Axis, note: str) -> Chart | None:
    timed = [trial for trial in shown if trial.seconds > 0]
    if len(timed) < 2:
        return None
    return Chart(
        f"{metric.name} against what a trial took",
        Axis("training and measuring", "wall-clock seconds", "log"),
        y,
        _by_model(timed, lambda trial: trial.seconds),
        note=f"A point is a finished trial; left is cheaper.{note}",
    )


def _parameters(shown: Sequence[Trial], metric: MetricSpec, y: Axis, note: str) -> list[Chart]:
    """Draw each parameter that took several values, of the model of the best trial."""
    names = dict.fromkeys(name for trial in shown for name in trial.chosen)
    varied = [name for name in names if len({_text(trial.chosen.get(name)) for trial in shown}) > 1]
    more = len(varied) - MOST_PARAMETERS
    if more > 0:
        note += f" {', '.join(varied[MOST_PARAMETERS:])}: in the result's trials."
    return [_parameter(name, shown, metric, y, note) for name in varied[:MOST_PARAMETERS]]


def _parameter(name: str, shown: Sequence[Trial], metric: MetricSpec, y: Axis, note: str) -> Chart:
    known = [trial for trial in shown if name in trial.chosen]
    values: list[Any] = [trial.chosen[name] for trial in known]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    log = numbers and min(values) > 0 and max(values) > _MANY_TIMES * min(values)
    kind = "log" if log else "linear" if numbers else "category"
    places = values if numbers else [_text(value) for value in values]
    return Chart(
        f"{metric.name} against {name} of {known[0].model}",
        Axis(name, "value of the parameter", kind),  # type: ignore[arg-type]
        y,
        (
            _trials("finished trial", places[1:], known[1:]),
            _trials("best trial", places[:1], known[:1]),
        ),
        note=f"The other parameters vary too: a wide scatter says that this one alone decides little.{note}",
    )


def _by_model(trials: Sequence[Trial], place: Any) -> tuple[Series, ...]:
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        groups.setdefault(trial.model, []).append(trial)
    return tuple(_trials(name, [place(trial) for trial in group], group) for name, group in groups.items())


def _trials(name: str, places: Sequence[Any], trials: Sequence[Trial]) -> Series:
    """Return trials with their intervals: without them, the axis would blow noise up to a finding."""
    values = tuple(trial.value for trial in trials)
    ends = [trial.bounds for trial in trials]
    if not any(low is not None for low, _ in ends):
        return Series(name, "point", tuple(places), values)
    return Series(
        name, "interval", tuple(places), values, tuple(low for low, _ in ends), tuple(high for _, high in ends)
    )


def _whiskers(confidence: float, ranked: Sequence[Trial]) -> str:
    """Say what the whiskers are, where there are some."""
    known = any(trial.bounds[0] is not None for trial in ranked)
    return f" Whiskers: the {100 * confidence:g} % interval of each trial over the users measured." if known else ""


def not_told_apart(ranked: Sequence[Trial], confidence: float) -> str:
    """Say how many trials lie within the interval of the best; nothing where it has none, or none lies there.

    All trials are measured on the same users, so a comparison paired by user can tell more of them apart.

    Parameters
    ----------
    ranked : sequence of Trial
        The finished ones, the best first.
    confidence : float
        Of the interval.
    """
    low, high = ranked[0].bounds if ranked else (None, None)
    if low is None or high is None:
        return ""
    within = sum(low <= trial.value <= high for trial in ranked[1:])
    if not within:
        return ""
    which = f"{within:,} of {counted(len(ranked) - 1, 'other finished trial')} {'lies' if within == 1 else 'lie'}"
    return (
        f"{which} within the {100 * confidence:g} % interval of the best: the search does not tell them apart from it; "
        "a comparison paired by user on later data may"
    )


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}" if math.isfinite(value) else str(value)
    return "none" if value is None else str(value)
