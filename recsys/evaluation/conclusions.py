"""What an evaluation and a comparison found, in plain sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from recsys.display import Interval, Percent, PValue, cell_text, counted, number_text
from recsys.evaluation.population import Counts
from recsys.evaluation.seen_data import DISHONEST
from recsys.metrics import CatalogueValue, MetricSpec, parse_metric
from recsys.stats import Interval as MeanInterval

if TYPE_CHECKING:
    from recsys.evaluation.pairing import Difference

Estimate = MeanInterval | CatalogueValue
MOST_SENTENCES = 4
FEW_USERS = 100  # as many as a rung of a tuning must measure
_WORDS = {"higher": ("better", "worse"), "lower": ("worse", "better"), "neither": ("higher", "lower")}


def honest(said: str, warnings: Sequence[str]) -> str:
    """Return a conclusion, marked where a model has seen what it is measured on.

    Examples
    --------
    >>> honest("als is better.", [f"als: {DISHONEST}: …"])
    'NOT AN HONEST TEST, see the warnings. als is better.'
    """
    return f"{DISHONEST}, see the warnings. {said}" if any(DISHONEST in note for note in warnings) else said


def conclude_one(model: str, found: Estimate, metric: MetricSpec, counts: Counts) -> str:
    """Return what one model reached, e.g. "als reaches ndcg@10 0.1234 [0.1190, 0.1278] on 90 users."."""
    whom = counted(counts.users, "user")
    whom += f", {counts.cold:,} of them cold" if counts.cold else ""
    if math.isnan(found.estimate):
        return f"{model} has no value of {metric.name} for any of {whom}."
    bounds = cell_text(Interval(found.ci_low, found.ci_high))
    bounds = "without an interval (too few users)" if bounds == "–" else bounds
    return f"{model} reaches {metric.name} {number_text(found.estimate)} {bounds} on {whom}."


def conclude(
    ranking: Sequence[str], metric: str, differences: Sequence[Difference], baseline: str | None, alpha: float
) -> str:
    """Return one sentence a pair: each model against the baseline, or the best model against each of the others.

    More than 4 pairs are told together.
    """
    found = [row for row in differences if row.metric == metric]
    chosen = [row for name in ranking for row in found if name == (row.model if baseline is not None else row.baseline)]
    if baseline is None:
        chosen = [row for row in chosen if row.model == ranking[0]]
    if len(chosen) > MOST_SENTENCES:
        return _together(chosen, metric, baseline, alpha)
    return " ".join(sentence(row, alpha) for row in chosen)


def sentence(row: Difference, alpha: float) -> str:
    """Return what one pair shows, e.g. "als is better than pop on ndcg@10: +12.0 % [8.0, 16.0] %, Holm p <.001."."""
    users = counted(row.n, "user")
    if row.ties and row.wins == row.losses == 0:
        return f"{row.model} and {row.baseline} do not differ on {row.metric} for any of {users}."
    if row.status != "ok":
        return f"{row.model} and {row.baseline} cannot be compared on {row.metric} ({users}: {row.status})."
    size = f"{_size(row)}, Holm p {cell_text(PValue(row.pvalue))}".replace("p <", "p < ")
    if row.pvalue < alpha:
        above, below = _WORDS[parse_metric(row.metric).metric.better]
        word = above if row.difference > 0 else below
        return f"{row.model} is {word} than {row.baseline} on {row.metric}: {size}."
    return f"No significant difference between {row.model} and {row.baseline} on {row.metric}: {size}."


def few_users(measured: Sequence[int], *, short: bool = False) -> str:
    """Warn of windows with fewer users than tell models apart, 100; nothing where all have as many.

    The mean of n values between 0 and 1 is known to 1.96 · 0.5/√n at worst (95 %): with 100 users to 0.1, with 10 to
    0.31. Models rarely differ by more.

    Examples
    --------
    >>> few_users([12, 7, 9], short=True)
    'Only 7 to 12 users in every window: too few to rank models by.'
    """
    few = sorted(users for users in measured if users < FEW_USERS)
    if not few:
        return ""
    sizes = f"{few[0]:,}" if few[0] == few[-1] else f"{few[0]:,} to {few[-1]:,}"
    where = "in every window" if len(few) == len(measured) else "in some windows"
    if short:
        return f"Only {sizes} {'user' if few[-1] == 1 else 'users'} {where}: too few to rank models by."
    worst = 1.96 * 0.5 / math.sqrt(few[0])
    return (
        f"only {sizes} {'user' if few[-1] == 1 else 'users'} measured {where}, fewer than {FEW_USERS}: "
        f"a mean between 0 and 1 over {few[0]:,} is known to ±{worst:.2f} at worst, "
        "so who is ahead may be chance; use longer windows"
    )


def conclude_windows(
    metric: str, ranking: Sequence[str], summary: Sequence[Mapping[str, Any]], pairs: Sequence[Mapping[str, Any]]
) -> str:
    """Return who was ahead over the windows of a backtest; no word of significance, which it cannot test.

    Parameters
    ----------
    metric : str
        The primary one.
    ranking : sequence of str
        The models, best first.
    summary, pairs : sequence of mapping
        The rows of ``Backtest.summary`` and ``Backtest.differences`` of that metric.
    """
    means = {row["model"]: row for row in summary}
    best = means[ranking[0]]
    if best["mean"] is None:
        return f"No model has a value of {metric} in any window."
    windows = counted(best["windows"], "window")
    if not pairs:
        spread = f", from {number_text(best['min'])} to {number_text(best['max'])}" if best["windows"] > 1 else ""
        return f"{ranking[0]} reaches {metric} {number_text(best['mean'])} on average over {windows}{spread}."
    baselines = {row["baseline"] for row in pairs}
    chosen = [row for row in pairs if len(baselines) == 1 or row["model"] == ranking[0]]
    if len(chosen) > MOST_SENTENCES:
        first, second = ranking[:2]
        return (
            f"{first} has the highest mean {metric} of {len(ranking)} models over {windows}, "
            f"{number_text(best['mean'])}; the next is {second}, {number_text(means[second]['mean'])}."
        )
    return " ".join(_window_sentence(row, metric) for row in chosen)


def _window_sentence(row: Mapping[str, Any], metric: str) -> str:
    if row["difference"] is None:
        return f"{row['model']} and {row['baseline']} cannot be compared on {metric} in any window."
    size = f"{'+' if row['difference'] > 0 else ''}{number_text(row['difference'])}"
    bounds = cell_text(Interval(row["ci_low"], row["ci_high"]))
    size += "" if bounds == "–" else f" {bounds}"
    return (
        f"{row['model']} was above {row['baseline']} on {metric} in {row['wins']} of "
        f"{counted(row['windows'], 'window')}, by {size} on average."
    )


def _together(rows: Sequence[Difference], metric: str, baseline: str | None, alpha: float) -> str:
    """Return one sentence for many pairs that share a side, by the verdict of the test."""
    above, below = _WORDS[parse_metric(metric).metric.better]
    parts: dict[str, list[str]] = {above: [], below: [], "": []}
    for row in rows:
        word = "" if not row.pvalue < alpha else above if row.difference > 0 else below
        parts[word].append(row.model if baseline is not None else row.baseline)
    if baseline is None:
        told = [f"{word} than {_names(names)}" for word, names in parts.items() if word and names]
        told += [f"not distinguishable from {_names(parts[''])}"] if parts[""] else []
        return f"{rows[0].model} is {', '.join(told)} on {metric} (of {len(rows)} others, Holm, alpha = {alpha:g})."
    told = [f"{_names(names)} {_are(names)} {word}" for word, names in parts.items() if word and names]
    told += [f"{_names(parts[''])} {_are(parts[''])} not distinguishable from it"] if parts[""] else []
    return f"Beside {baseline}, on {metric}: {'; '.join(told)} (Holm over all tests, alpha = {alpha:g})."


def _names(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _size(row: Difference) -> str:
    relative = cell_text(Percent(row.relative, signed=True))
    bounds = cell_text(Interval(row.relative_ci_low, row.relative_ci_high, percent=True))
    if "–" in (relative, bounds):
        relative = f"{'+' if row.difference > 0 else ''}{number_text(row.difference)}"
        bounds = cell_text(Interval(row.ci_low, row.ci_high))
    return f"{relative} {bounds}"
