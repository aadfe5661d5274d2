"""What a comparison found, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from recsys.display import Interval, Percent, PValue, cell_text, number_text
from recsys.evaluation.pairing import Difference
from recsys.metrics import parse_metric

_WORDS = {"higher": ("better", "worse"), "lower": ("worse", "better"), "neither": ("higher", "lower")}


def conclude(
    ranking: Sequence[str], metric: str, differences: Sequence[Difference], baseline: str | None, alpha: float
) -> str:
    """Return one sentence a pair: each model against the baseline, or the best model against each of the others."""
    found = [row for row in differences if row.metric == metric]
    if baseline is not None:
        chosen = [row for name in ranking for row in found if row.model == name]
    else:
        best = ranking[0]
        chosen = [row for name in ranking[1:] for row in found if {row.model, row.baseline} == {best, name}]
        chosen = [row if row.model == best else turned(row) for row in chosen]
    return " ".join(sentence(row, alpha) for row in chosen)


def sentence(row: Difference, alpha: float) -> str:
    """Return what one pair shows, e.g. "als is better than pop on ndcg@10: +12.0 % [8.0, 16.0] %, Holm p <.001."."""
    if row.ties and row.wins == row.losses == 0:
        return f"{row.model} and {row.baseline} do not differ on {row.metric} for any of {row.n:,} users."
    if row.status != "ok":
        return f"{row.model} and {row.baseline} cannot be compared on {row.metric} ({row.n:,} users: {row.status})."
    size = f"{_size(row)}, Holm p {cell_text(PValue(row.pvalue))}".replace("p <", "p < ")
    if row.pvalue < alpha:
        above, below = _WORDS[parse_metric(row.metric).metric.better]
        word = above if row.difference > 0 else below
        return f"{row.model} is {word} than {row.baseline} on {row.metric}: {size}."
    return f"No significant difference between {row.model} and {row.baseline} on {row.metric}: {size}."


def turned(row: Difference) -> Difference:
    """Return the same pair the other way round: baseline minus model."""
    ratio, low, high = (_inverse(value) for value in (row.relative, row.relative_ci_high, row.relative_ci_low))
    return Difference(
        row.metric,
        row.baseline,
        row.model,
        row.n,
        row.baseline_mean,
        row.mean,
        -row.difference,
        -row.ci_high,
        -row.ci_low,
        ratio,
        low,
        high,
        -row.effect_size,
        -row.effect_ci_high,
        -row.effect_ci_low,
        row.losses,
        row.ties,
        row.wins,
        row.pvalues,
        row.pvalue,
        row.status,
    )


def _inverse(relative: float) -> float:
    """Return 1 / (1 + r) − 1: what +25 % is, seen from the other side (−20 %).

    Examples
    --------
    >>> round(_inverse(0.25), 3)
    -0.2
    """
    return 1 / (1 + relative) - 1 if relative > -1 else float("nan")


def _size(row: Difference) -> str:
    relative = cell_text(Percent(row.relative, signed=True))
    bounds = cell_text(Interval(row.relative_ci_low, row.relative_ci_high, percent=True))
    if "–" in (relative, bounds):
        relative = f"{'+' if row.difference > 0 else ''}{number_text(row.difference)}"
        bounds = cell_text(Interval(row.ci_low, row.ci_high))
    return f"{relative} {bounds}"
