"""Categories of items, for MIPS."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import DataError, NotFoundError
from recsys.core.frames import as_polars
from recsys.dataset import id_series
from recsys.dataset.columns import column_of
from recsys.ope.entry_checks import refuse
from recsys.ope.feedback import LoggedFeedback


def categories_of(frame: object, feedback: LoggedFeedback, column: str | None = None) -> NDArray[np.int64]:
    """Return the category of each item of a log, (n_items,) int64.

    Parameters
    ----------
    frame : polars, pandas or Arrow frame
        item_id and a category, one row an item.
    feedback : LoggedFeedback
    column : str, optional
        Where the category stands. Default: ``category``, else the one column beside item_id.

    Raises
    ------
    NotFoundError
        There is no such column, or several may be the category.
    DataError
        An item is listed twice, or an item of the log is missing or has no category.

    Examples
    --------
    >>> log = LoggedFeedback.from_frame({"item_id": ["a", "b", "c"], "click": [1, 0, 0]})
    >>> categories_of({"item_id": ["c", "a", "b"], "category": ["x", "y", "x"]}, log).tolist()
    [1, 0, 0]
    """
    table = as_polars(frame, "categories", ids=("item_id",))
    ids = id_series(column_of(table, "item_id"), name="item_id")
    name = _column(table, column)
    category = table[name]
    refuse(table, ids.is_duplicated().to_numpy(), "item_id is listed twice", "one row an item was expected")
    refuse(table, category.is_null().to_numpy(), f"{name} is null", "a category of every item was expected")
    codes = feedback.items.encode(ids)
    found = np.full(len(feedback.items), -1, np.int64)
    found[codes[codes >= 0]] = category.rank("dense").to_numpy()[codes >= 0].astype(np.int64) - 1
    missing = int((found < 0).sum())
    if missing:
        first = feedback.items.decode(np.array([np.argmin(found)], np.int32))[0]
        raise DataError(
            f"{missing:,} of {len(found):,} items of the log have no category (such as {first!r})",
            "a category of every item was expected",
        )
    return found


def _column(table: pl.DataFrame, asked: str | None) -> str:
    """Return the column that holds the categories."""
    if asked is not None:
        column_of(table, asked)
        return asked
    known = [name for name in table.columns if name not in ("", "item_id")]  # "": row numbers, as pandas writes them
    if "category" in known or len(known) == 1:
        return "category" if "category" in known else known[0]
    told = ", ".join(known) or "item_id alone"
    raise NotFoundError(
        f"categories have no column 'category' (found: {told})",
        "one column with the category of each item was expected",
        f"name it: category={known[-1]!r}" if known else "",
    )
