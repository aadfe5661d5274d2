"""The charts of a `Description`: events over time, how unevenly they fall on items and users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recsys.display import Axis, Chart, Rule, Series, drawn

if TYPE_CHECKING:
    from recsys.store.describe import Description


def describe_charts(found: Description) -> tuple[Chart, ...]:
    """Return the charts of a profile; none without events."""
    return drawn(_over_time(found), _curves(found), _sizes(found))


def _over_time(found: Description) -> Chart | None:
    over = found.over_time
    if over is None:
        return None
    end = max(over.starts[-1], found.last or over.starts[-1])
    return Chart(
        f"Events {over.stretch}",
        Axis("begin", "UTC", "time"),
        Axis("events", over.stretch.replace("by", "per")),
        (Series("events", "step", (*over.starts, end), (*over.counts, over.counts[-1])),),
        (Rule("y", 0.0),),  # counts from 0 on: else a quiet week looks like a dead one
        note="Gaps and steps are worth a look before a split in time; the first and the last stretch may be cut short.",
    )


def _curves(found: Description) -> Chart | None:
    curves = (("items", found.items, found.item_curve), ("users", found.users, found.user_curve))
    series = tuple(
        Series(name, "line", tuple(round(share * count) for share in curve.parts[1:]), curve.total[1:])
        for name, count, curve in curves
        if curve is not None
    )
    if not series:
        return None
    return Chart(
        "How many items and users hold the events",
        Axis("most popular items, most active users", "count", "log"),
        Axis("cumulative share of the events", percent=True),
        series,
        note="The further left a curve rises, the fewer items (users) hold the most events.",
    )


def _sizes(found: Description) -> Chart | None:
    if not found.user_sizes:
        return None
    longest = max(found.user_sizes, found.item_sizes, key=len)
    labels = [_label(least) for least, _ in longest]
    return Chart(
        "Users and items by their number of events",
        Axis("events", "of one user or item", "category"),
        Axis("users or items", percent=True),
        tuple(
            Series(name, "bar", tuple(labels[: len(sizes)]), tuple(count / total for _, count in sizes))
            for name, total, sizes in (
                ("users", found.users, found.user_sizes),
                ("items", found.items, found.item_sizes),
            )
        ),
        note="Each bar is twice as wide as the one before. Who has one event teaches a model little.",
    )


def _label(least: int) -> str:
    return "1" if least == 1 else f"{least:,}–{2 * least - 1:,}"
