"""What a notebook shows of datasets and their parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recsys.core.times import from_micros
from recsys.display import Cell, Table, View, counted, facts, settings_text

if TYPE_CHECKING:
    import polars as pl

    from recsys.dataset.dataset import Dataset
    from recsys.dataset.splitting import Split


def dataset_card(data: Dataset) -> View:
    """Return the size and span of a dataset, its label, what counts as a hit, and the names of its attributes."""
    per_user = data.user_events
    shared = {
        "events": len(data),
        "users": data.n_users,
        "items": data.n_items,
        "span": _span(data),
        "events per user": f"median {np.median(per_user):,.0f}, most {per_user.max():,}" if len(data) else None,
        "label": settings_text(data.label),
        "relevance": settings_text(data.relevance),
        "user attributes": _names(data.user_attributes),
        "item attributes": _names(data.item_attributes),
    }
    events = counted(len(data), "event")
    title = f"Dataset: {events} of {counted(data.n_users, 'user')} with {counted(data.n_items, 'item')}"
    return facts(title, shared)


def split_card(split: Split) -> View:
    """Return the parts of a split as rows."""
    parts = {"train": split.train, "history": split.history, "test": split.test}
    rows: list[tuple[Cell, ...]] = [
        (name, len(data), len(data.active_users()), int((data.item_events > 0).sum()), _span(data))
        for name, data in parts.items()
        if data is not None
    ]
    cut = "" if split.cut is None else f", cut at {from_micros(split.cut):%Y-%m-%d %H:%M:%S} UTC"
    title = f"Split ({split.kind.replace('_', ' ')}{cut})" if split.kind else "Split"
    table = Table(("part", "events", "users with events", "items with events", "span"), tuple(rows))
    return View(title, (table,), split.warnings)


def _span(data: Dataset) -> str | None:
    if data.times is None:
        return "no times"
    return None if not len(data) else f"{data.first_time:%Y-%m-%d} to {data.last_time:%Y-%m-%d}"


def _names(attributes: pl.DataFrame | None) -> str | None:
    return None if attributes is None else ", ".join(attributes.columns)
