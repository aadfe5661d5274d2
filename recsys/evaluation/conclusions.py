"""What a comparison found, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from recsys.display import Interval, Percent, PValue, cell_text, counted, number_text
from recsys.evaluation.pairing import Difference
from recsys.metrics import parse_metric

_WORDS = {"higher": ("better", "worse"), "lower": ("worse", "better"), "neither": ("higher", "lower")}


def conclude(
    ranking: Sequence[str], metric: str, differences: Sequence[Difference], baseline: str | None, alpha: float
) -> str:
    """Return one sentence a pair: each model against the baseline, or the best model against each of the others."""
    found = [row for row in differences if row.metric == metric]
    chosen = [row for name in ranking for row in found if name == (row.model if baseline is not None else row.baseline)]
    if baseline is None:
        chosen = [row for row in chosen if row.model == ranking[0]]
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


def _size(row: Difference) -> str:
    relative = cell_text(Percent(row.relative, signed=True))
    bounds = cell_text(Interval(row.relative_ci_low, row.relative_ci_high, percent=True))
    if "–" in (relative, bounds):
        relative = f"{'+' if row.difference > 0 else ''}{number_text(row.difference)}"
        bounds = cell_text(Interval(row.ci_low, row.ci_high))
    return f"{relative} {bounds}"
