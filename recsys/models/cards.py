"""What a notebook shows of a model, of similar items and of an explanation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recsys.core.times import from_micros
from recsys.display import Cell, Table, View, counted, facts

if TYPE_CHECKING:
    import polars as pl

    from recsys.models.base import Recommender

SHOWN = 20


def model_card(model: Recommender) -> View:
    """Return the hyper-parameters of a model, and what it was fitted on."""
    name = type(model).__name__
    params = tuple((key, _value(value)) for key, value in model.params.items())
    settings = [Table(("hyper-parameter", "value"), params)] if params else []
    lists = model.list_policy
    policy = {"lists re-ranked by": lists.rerank, "lists drawn by": lists.explore}
    told = {key: None if value is None else repr(value) for key, value in policy.items()}
    if not hasattr(model, "users_"):
        return facts(f"{name}, not fitted", told, settings)
    through = None if model.trained_through_ is None else f"{from_micros(model.trained_through_):%Y-%m-%d %H:%M:%S} UTC"
    learned: dict[str, Cell] = {
        "users": len(model.users_),
        "items": len(model.items_),
        "pairs learned from": int(model.history_.nnz),
        "items without training events": int((model.item_events_ == 0).sum()),
        "trained through": through or "no times in the log",
    }
    title = f"{name}, fitted on {counted(len(model.users_), 'user')} and {counted(len(model.items_), 'item')}"
    return facts(title, learned | told, settings)


def frame_card(title: str, frame: pl.DataFrame, names: tuple[str, ...]) -> View:
    """Return the first rows of a frame; columns named by `names` are ids, shown as they are."""
    rows = tuple(
        tuple(str(value) if key in names else value for key, value in row.items())
        for row in frame.head(SHOWN).to_dicts()
    )
    notes = (f"the first {SHOWN} of {len(frame):,} rows; all: to_polars()",) if len(frame) > SHOWN else ()
    return View(title, (Table(tuple(frame.columns), rows),), notes)


def _value(value: object) -> Cell:
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)
