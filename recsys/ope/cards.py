"""What a notebook shows of logged feedback."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recsys.core.times import from_micros
from recsys.display import Cell, Percent, Table, View, counted, facts

if TYPE_CHECKING:
    from recsys.ope.feedback import LoggedFeedback


def feedback_card(log: LoggedFeedback) -> View:
    """Return what the log holds and what it does not know."""
    rows, slates = len(log), log.n_slates
    span = None
    if log.times is not None and rows:
        span = " to ".join(f"{from_micros(int(end)):%Y-%m-%d}" for end in (log.times.min(), log.times.max()))
    known: dict[str, Cell] = {
        "impressions": rows,
        "requests": slates if log.has_requests else "not known",
        "users": len(log.users) if log.users is not None else "not known",
        "items": len(log.items),
        "positions": "known" if log.has_positions else "not known",
        "span": span or "not known",
        "policies": ", ".join(log.versions) or "not known",
        "propensities": ", ".join(_propensities(log)) or "not known",
        "rows equal to an earlier one": log.duplicates,
    }
    rewards: tuple[tuple[Cell, ...], ...] = tuple(
        (name, float(values.mean()) if rows else None, Percent(float((values != 0).mean()) if rows else None))
        for name, values in log.rewards.items()
    )
    table = Table(("reward", "mean per impression", "other than 0"), rewards)
    title = f"LoggedFeedback: {counted(rows, 'impression')} of {counted(len(log.items), 'item')}"
    return facts(title, known, (table,), log.notes)


def _propensities(log: LoggedFeedback) -> list[str]:
    names = {"position": "at a position", "given_above": "given those above", "slate": "of the whole slate"}
    found = [text for name, text in names.items() if getattr(log.propensities, name) is not None]
    return [f"{text} (estimated)" if log.estimated else text for text in found]
