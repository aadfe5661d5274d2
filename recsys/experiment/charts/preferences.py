"""Which of two interleaved rankers users prefer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recsys.display import Axis, Chart, Estimated, Series, drawn, forest
from recsys.experiment.charts.axes import zero

if TYPE_CHECKING:
    from recsys.experiment.interleaving.result import InterleavingResult


def preference_charts(found: InterleavingResult) -> tuple[Chart, ...]:
    """Return the estimates of the preference, and how many users prefer whom."""
    first, second = found.names
    name = f"{100 * found.confidence:g} % interval"
    rows = [
        Estimated(row["estimand"], row["estimate"], row["ci_low"], row["ci_high"], name)
        for row in found.to_polars().to_dicts()
    ]
    estimates = forest(
        f"Preference for {second} over {first}",
        Axis(f"preference, {second} − {first}", "−1 to 1"),
        Axis("estimate"),
        rows,
        rules=(zero("x"),),
        note=f"Right of the line users prefer {second}, left of it {first}. The first row decides; the others look at"
        " the same clicks in other ways.",
    )
    return drawn(estimates, _users_chart(found) if len(found.per_user) else None)


def _users_chart(found: InterleavingResult) -> Chart:
    signs, (first, second) = found.signs, found.names
    return Chart(
        f"Users who prefer {second}: {signs.wins:,}, {first}: {signs.losses:,}",
        Axis("users", "with credit"),
        Axis("preferred ranker", kind="category"),
        (Series("users", "bar", (signs.losses, signs.ties, signs.wins), (first, "neither", second)),),
        note=f"{found.users - len(found.per_user):,} of {found.users:,} users gave no credit to either.",
    )
