"""The leakage audit: nothing that a model knows at a cut may come from after it."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import DataError
from recsys.core.times import from_micros
from recsys.dataset import Dataset
from recsys.evaluation.pairs import codes_in
from recsys.models.base import Recommender

Counts = NDArray[np.integer[Any]]
_COUNTED = 0.99  # of the items: a column that agrees so often with a count is that count


def check_fitted(name: str, model: Recommender, train: Dataset, cut: int) -> None:
    """Refuse a fitted model that knows more than its training part: later events, or other popularity counts.

    Raises
    ------
    DataError
        The model has learned from something else than the training part.
    """
    through = model.trained_through_
    if through is not None and through >= cut:
        raise DataError(
            f"leak: {name!r} has learned from events through {from_micros(through).isoformat(' ', 'seconds')}",
            f"nothing from {from_micros(cut).isoformat(' ', 'seconds')} on was expected",
            "fit the model on the data that it is given",
        )
    counts = np.zeros(len(model.items_), np.int64)
    codes = codes_in(train.items, model.items_)[train.item_codes]
    np.add.at(counts, codes[codes >= 0], 1)
    more = np.asarray(model.item_events_, np.int64) > counts
    if more.any():
        item = model.items_.ids[int(np.flatnonzero(more)[0])]
        raise DataError(
            f"leak: {name!r} counts more events than the training part has, of {int(more.sum()):,} items such as "
            f"{item!r}",
            "popularity counted before the cut was expected",
            "fit the model on the data that it is given",
        )


def attribute_leaks(data: Dataset, cut: int) -> tuple[str, ...]:
    """Return a warning for each item attribute of a whole log that tells of the time after a cut.

    A time is suspicious when it lies after the cut for an item that had events before; a number when it is the count of
    the item's events in the whole log, and not in the training part.
    """
    if data.item_attributes is None or data.times is None:
        return ()
    before = np.bincount(data.item_codes[data.times < cut], minlength=data.n_items)
    whole = np.bincount(data.item_codes, minlength=data.n_items)
    return _suspicious(data.item_attributes, before, whole, cut)


def leaks_of_test_part(model: Recommender, test: Dataset) -> tuple[str, ...]:
    """Return the same of a test part, which begins at the cut, and what a model had counted before."""
    times = test.times
    if test.item_attributes is None or times is None or not len(times):
        return ()
    codes = codes_in(test.items, model.items_)
    before = np.where(codes >= 0, model.item_events_[np.maximum(codes, 0)], 0)
    whole = before + np.bincount(test.item_codes, minlength=test.n_items)
    return _suspicious(test.item_attributes, before, whole, int(times.min()))


def _suspicious(frame: pl.DataFrame, before: Counts, whole: Counts, cut: int) -> tuple[str, ...]:
    known = before > 0
    told = []
    for column in frame.get_columns():
        if column.dtype.is_temporal() and column.dtype in (pl.Date, pl.Datetime):
            micros = column.cast(pl.Datetime("us")).to_physical()
            late = int(((micros >= cut).fill_null(False).to_numpy() & known).sum())
            if late:
                told.append(f"possible leak: {column.name} of {late:,} items with earlier events lies after the cut")
        elif column.dtype.is_numeric():
            values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
            moved = known & (whole != before)
            if moved.sum() >= 3 and (values[moved] == whole[moved]).mean() >= _COUNTED:
                told.append(f"possible leak: {column.name} counts the events of the whole log, those after the cut too")
    return tuple(told)
