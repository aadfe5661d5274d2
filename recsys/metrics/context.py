"""What metrics must know beside the lists: popularity, attributes, histories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError
from recsys.kernels import Csr, RankCounts

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, eq=False)
class MetricContext:
    """What a metric may need; give what the wanted metrics ask for (`Metric.needs`).

    Attributes
    ----------
    item_events : (n_items,) int, optional
        Training events of each item.
    catalogue : (n_items,) bool, optional
        The items that could be recommended; by default those with a training event.
    item_features : csr_array (n_items, n_features), optional
        Attributes, not negative; see `item_features`.
    history : csr_array (n_users, n_items), optional
        What the evaluated users did in training; the pattern counts.
    rank_counts : RankCounts, optional
        Where the relevant items stand among all candidates (`recsys.kernels.rank_counts`).
    exposure : (n_items,) float, optional
        How often each item was looked at, up to a factor, where that is known; the debiased metrics use it in place of
        their model.

    Examples
    --------
    >>> MetricContext(item_events=np.array([3, 0])).candidates().tolist()
    [True, False]
    """

    item_events: NDArray[np.integer[Any]] | None = None
    catalogue: NDArray[np.bool_] | None = None
    item_features: Csr | None = None
    history: Csr | None = None
    rank_counts: RankCounts | None = None
    exposure: NDArray[np.floating[Any]] | None = None

    def need(self, field: str, metric: str) -> Any:
        """Return a field, or raise ArgumentError naming the metric that needs it."""
        value = getattr(self, field)
        if value is None:
            raise ArgumentError(f"{metric} needs {field}", f"a MetricContext with {field} was expected")
        return value

    def candidates(self) -> NDArray[np.bool_]:
        """Return which items could be recommended, (n_items,) bool."""
        if self.catalogue is not None:
            return self.catalogue
        events: NDArray[np.integer[Any]] = self.need("item_events", "the catalogue")
        return events > 0


def item_features(attributes: pl.DataFrame, columns: Sequence[str] | None = None, *, separator: str = "|") -> Csr:
    """Return attributes as a (n_items, n_features) float32 pattern: one feature for each value of each column.

    A text such as ``"Comedy|Drama"`` counts as several values, so does a list; null counts as none. Two items share a
    feature when they share a value.

    Parameters
    ----------
    attributes : polars.DataFrame
        One row an item.
    columns : sequence of str, optional
        By default all text, categorical, boolean and list columns but ``item_id`` and those in which (almost) every
        item differs, such as titles.
    separator : str
        What separates the values in one text.

    Raises
    ------
    ArgumentError
        For an unknown column, or when no column is left.

    Examples
    --------
    >>> import polars as pl
    >>> item_features(pl.DataFrame({"genre": ["Comedy|Drama", "Drama", None]})).toarray().tolist()
    [[1.0, 1.0], [0.0, 1.0], [0.0, 0.0]]
    """
    import polars as pl

    chosen = _telling_columns(attributes, separator) if columns is None else list(columns)
    for column in chosen:
        if column not in attributes.columns:
            known = f"one of {', '.join(attributes.columns)} was expected"
            raise ArgumentError(
                f"item attribute {column!r} is unknown", known, did_you_mean(column, attributes.columns)
            )
    if not chosen:
        raise ArgumentError("there is no item attribute to compare items by", "a column of genres or tags was expected")
    tags = pl.concat([_tags(attributes, column, separator) for column in chosen])
    names = tags["tag"].unique().sort()
    codes = tags["tag"].replace_strict(names, range(len(names)), return_dtype=pl.Int32).to_numpy()
    rows = tags["row"].to_numpy()
    shape = (len(attributes), max(len(names), 1))
    matrix: Csr = csr_array((np.ones(len(rows), np.float32), (rows, codes)), shape=shape)
    matrix.data[:] = 1
    return matrix


def _tags(attributes: pl.DataFrame, column: str, separator: str) -> pl.DataFrame:
    """Return (row, tag) of one column; tags of different columns never agree."""
    import polars as pl

    values = pl.col(column)
    if isinstance(attributes.schema[column], pl.List):
        values = values.list.eval(pl.element().cast(pl.String))
    else:
        values = values.cast(pl.String).str.split(separator)
    frame = attributes.select(values.alias("tag")).with_row_index("row").explode("tag").drop_nulls("tag")
    frame = frame.with_columns(pl.col("tag").str.strip_chars()).filter(pl.col("tag") != "")
    return frame.select("row", (pl.lit(f"{column}\0") + pl.col("tag")).alias("tag")).unique(maintain_order=True)


def _telling_columns(attributes: pl.DataFrame, separator: str) -> list[str]:
    import polars as pl

    kinds = (pl.String, pl.Categorical, pl.Enum, pl.Boolean, pl.List)
    columns = [name for name, kind in attributes.schema.items() if isinstance(kind, kinds) and name != "item_id"]
    tagged = {name: _tags(attributes, name, separator)["tag"] for name in columns}
    return [name for name, tags in tagged.items() if len(tags) and tags.n_unique() <= 0.9 * len(tags)]
