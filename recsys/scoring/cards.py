"""What a notebook shows of recommendations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from recsys.display import Cell, Table, View, counted

if TYPE_CHECKING:
    from recsys.scoring.recommendations import Recommendations

SHOWN_LISTS, SHOWN_ITEMS = 5, 10


def lists_card(found: Recommendations) -> View:
    """Return the first items of the first lists, one row an item."""
    from recsys.scoring.recommendations import SOURCES

    users, k = len(found), found.k
    shown = found.lists[:SHOWN_LISTS, :SHOWN_ITEMS]
    places, slots = np.nonzero(shown >= 0)
    codes = shown[places, slots]
    # Ids are names: a number among them is shown as it is, without a comma for thousands.
    columns: dict[str, list[Cell]] = {
        "user_id": [str(user) for user in found.users.gather(places)],
        "rank": [int(slot) + 1 for slot in slots],
        "item_id": [str(item) for item in found.items.decode(codes)],
        **({} if found.titles is None else {"title": list(found.titles.gather(codes))}),
        "score": [float(score) for score in found.scores[places, slots]],
        "source": [SOURCES[source] for source in found.slot_sources[places, slots]],
    }
    notes = [f"{counted(len(found.skipped), 'id')} left out: unknown"] if found.skipped else []
    if users > SHOWN_LISTS or k > SHOWN_ITEMS:
        notes.append(f"the first {min(k, SHOWN_ITEMS)} of {counted(min(users, SHOWN_LISTS), 'list')}; all: to_polars()")
    title = f"Recommendations: {k} items for each of {counted(users, 'user')}"
    table = Table(tuple(columns), tuple(zip(*columns.values(), strict=True)))
    return View(title, (table,), (*notes, *found.warnings))
