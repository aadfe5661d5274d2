"""The canonical order of a log, whatever the order in which its rows arrived, and its slates."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.dataset import Vocabulary, id_series
from recsys.ope.entry_checks import refuse

Rows = NDArray[np.int64]


class Keys(NamedTuple):
    """What rows are sorted by; None where the log does not tell."""

    times: NDArray[np.int64] | None
    users: NDArray[np.int32] | None
    items: NDArray[np.int32]
    positions: NDArray[np.int32] | None


class Order(NamedTuple):
    """The canonical order.

    Attributes
    ----------
    rows : (n,) int64
        Places in the frame.
    offsets : (n_slates + 1,) int64
        Where slates begin.
    duplicates : int
        Rows equal to an earlier one in all columns.
    copies : int
        The largest number that divides how often each row occurs: 2 when the whole log stands there twice.
    """

    rows: Rows
    offsets: Rows
    duplicates: int
    copies: int = 1


def order_of(table: pl.DataFrame, keys: Keys) -> Order:
    """Sort by request (the earliest first) and position, or without requests by time; ties by all other columns.

    Raises
    ------
    DataError
        Two rows of a request share a position, or a request is null.
    """
    if "request_id" in table.columns:
        return _by_request(table, keys)
    own = pl.DataFrame({f"__{name}": key for name, key in keys._asdict().items() if key is not None})
    if keys.times is None:  # nearly all rows tie
        return _by_everything(table, own)
    rows = own.select(pl.arg_sort_by(own.columns).cast(pl.Int64)).to_series()
    tied = _like_the_one_before(own.select(pl.all().gather(rows)))
    order, duplicates, copies = _break_ties(table, rows.to_numpy(), tied)
    return Order(order, np.arange(len(table) + 1, dtype=np.int64), duplicates, copies)


def _by_everything(table: pl.DataFrame, own: pl.DataFrame) -> Order:
    both = own.hstack(table)
    rows = both.select(pl.arg_sort_by(both.columns).cast(pl.Int64)).to_series()
    same = _like_the_one_before(table.select(pl.all().gather(rows)))
    offsets = np.arange(len(table) + 1, dtype=np.int64)
    return Order(rows.to_numpy(), offsets, int(same.sum()), _copies(same))


def _copies(same: NDArray[np.bool_]) -> int:
    """Return the largest number that divides the lengths of all runs of equal rows."""
    alone = ~same & ~np.append(same[1:], False)
    if not len(same) or alone.any():
        return 1
    return int(np.gcd.reduce(np.diff(np.append(np.flatnonzero(~same), len(same)))))


def _by_request(table: pl.DataFrame, keys: Keys) -> Order:
    request = table["request_id"]
    nulls = request.is_null().to_numpy()
    refuse(table, nulls, "request_id is null", "a request in every row, or in none, was expected")
    ids = id_series(request, name="request_id")
    codes = Vocabulary.from_ids(ids).encode(ids).astype(np.int64)
    place = keys.items if keys.positions is None else keys.positions
    joint = (codes << 31) + place
    rows = np.argsort(joint, kind="stable").astype(np.int64)
    tied = np.append(False, np.diff(joint[rows]) == 0)[: len(rows)]
    if keys.positions is not None and tied.any():
        twice = np.zeros(len(rows), np.bool_)
        twice[rows[tied]] = True
        hint = "was an item logged twice? drop repeated rows with frame.unique()"
        refuse(table, twice, "a position of a request is taken twice", "one item a position was expected", hint)
    rows, duplicates, copies = _break_ties(table, rows, tied)
    starts = np.flatnonzero(np.append(True, np.diff(codes[rows]) != 0)[: len(rows)])
    lengths = np.diff(np.append(starts, len(rows)))
    if keys.times is not None and len(rows):
        slates = np.argsort(np.minimum.reduceat(keys.times[rows], starts), kind="stable")
        starts, lengths = starts[slates], lengths[slates]
        rows = rows[np.repeat(starts - np.append(0, np.cumsum(lengths)[:-1]), lengths) + np.arange(len(rows))]
    return Order(rows, np.append(0, np.cumsum(lengths)).astype(np.int64), duplicates, copies)


def _like_the_one_before(table: pl.DataFrame) -> NDArray[np.bool_]:
    if len(table) < 2:
        return np.zeros(len(table), np.bool_)
    same = table.select(pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in table.columns))
    return np.append(False, same.to_series().to_numpy()[1:])


def _break_ties(table: pl.DataFrame, rows: Rows, tied: NDArray[np.bool_]) -> tuple[Rows, int, int]:
    """Sort runs of rows with equal keys by everything else; return the order, how many rows are repeats, and copies."""
    if not tied.any():
        return rows, 0, 1
    run = np.cumsum(~tied)
    among = np.flatnonzero(tied | np.append(tied[1:], False))
    whole = table.select(pl.all().gather(pl.Series(rows[among]))).with_columns(pl.Series("__run", run[among]))
    inner = whole.select(pl.arg_sort_by(["__run", *table.columns]).cast(pl.Int64)).to_series()
    same = _like_the_one_before(whole.select(pl.all().gather(inner)))
    order = rows.copy()
    order[among] = rows[among][inner.to_numpy()]
    return order, int(same.sum()), _copies(same) if len(among) == len(rows) else 1
