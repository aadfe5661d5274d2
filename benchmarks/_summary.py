"""One table of all that the benchmarks found."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks._results import Outcome, kept

HEADINGS = ("topic", "case", "ours", "best peer", "ratio", "quartiles", "verdict")


def summarise(names: Iterable[str]) -> str:
    """Return the table: what ours takes, what the best peer takes, how many times as good ours is, and the verdict."""
    rows = [HEADINGS, *(_cells(name, outcome) for name in names for outcome in kept(name))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _cells(name: str, outcome: Outcome) -> tuple[str, ...]:
    theirs = f"{outcome.peer} {_figure(outcome.theirs, outcome.unit)}".strip()
    ratio, spread = "", ""
    if outcome.ratio is not None:
        ratio = f"{outcome.ratio:.2f}x"
    if outcome.ratio_low is not None and outcome.ratio_high is not None:
        spread = f"{outcome.ratio_low:.2f}–{outcome.ratio_high:.2f}"
    return name, outcome.case, _figure(outcome.ours, outcome.unit), theirs, ratio, spread, outcome.verdict


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    return f"{value:,.0f} {unit}" if value >= 1000 else f"{value:.3g} {unit}"
