"""Who is served with which history: external ids and newer histories turned into rows of CSR matrices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys.core.errors import DataError, NotFoundError
from recsys.core.frames import as_polars
from recsys.dataset import Dataset, Label, Vocabulary
from recsys.kernels import Csr
from recsys.scoring.columns import required, text_column

Codes = NDArray[np.int32]


class Block(NamedTuple):
    """Users to score in one go.

    Attributes
    ----------
    codes : (n,) int32
        The training code of each user, or −1: fold in from `weights`.
    weights : (n, n_items) csr_array float32
        The history that each user is served with.
    """

    codes: Codes
    weights: Csr


@dataclass(frozen=True, eq=False)
class History:
    """Histories of users over the items of a model.

    Parameters
    ----------
    users : Vocabulary
        Row ``r`` belongs to code ``r``.
    weights, seen : (n_users, n_items) csr_array
        Label weights; every pair with an event.
    attributes : polars.DataFrame or None
        Row ``r`` belongs to code ``r``.
    ignored : int
        Events left out because the model does not know their item.
    """

    users: Vocabulary
    weights: Csr
    seen: Csr
    attributes: pl.DataFrame | None
    ignored: int = 0

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return what a reader of lists that rest on these histories should know."""
        if not self.ignored:
            return ()
        return (f"{self.ignored:,} events of the history have items unknown to the model and were ignored",)


def read_history(history: object, items: Vocabulary, label: Label) -> History:
    """Return a Dataset or frame (user_id, item_id, optionally ts and value) as histories over the items of a model.

    The label is the model's, so that a history weighs what it weighed in training. Items that the model does not
    know are counted and left out, and so are users without an event, whom a Dataset with shared vocabularies has: they
    keep their training history. A `History` is returned as it is: who serves users in chunks reads it once.

    Examples
    --------
    >>> frame = pl.DataFrame({"user_id": [1, 1], "item_id": ["b", "new"]})
    >>> read = read_history(frame, Vocabulary.from_ids(["a", "b"]), Label())
    >>> read.weights.toarray().tolist(), read.ignored
    ([[0.0, 1.0]], 1)
    """
    if isinstance(history, History):
        return history
    data = replace(history, label=label) if isinstance(history, Dataset) else Dataset.from_frame(history, label=label)
    users, attributes, weights, seen, ignored = data.users, data.user_attributes, data.matrix(), data.pairs(), 0
    if data.items != items:
        codes = items.encode(data.items.ids)
        ignored = int((codes[data.item_codes] < 0).sum())
        weights, seen = (recoded(matrix, codes, len(items)) for matrix in (weights, seen))
    active = data.user_events > 0
    if not active.all():
        users = Vocabulary(users.ids.filter(pl.Series(active)))
        attributes = None if attributes is None else attributes.filter(pl.Series(active))
        weights, seen = (take_rows(matrix, np.flatnonzero(active).astype(np.int32)) for matrix in (weights, seen))
    return History(users, weights, seen, attributes, ignored)


@dataclass(frozen=True, eq=False)
class Audience:
    """Users to serve: their training codes, and their rows in newer histories where there are any.

    Parameters
    ----------
    codes : (n,) int32
        Rows of `stored`; −1 = none.
    rows : (n,) int32
        Rows of `fresh`; −1 = none, so the stored history serves.
    stored, fresh : History
        The training histories; newer ones, which take their place.
    """

    codes: Codes
    rows: Codes
    stored: History
    fresh: History | None = None

    def take(self, places: NDArray[np.intp]) -> Audience:
        """Return some of the users, in that order."""
        return replace(self, codes=self.codes[places], rows=self.rows[places])

    def block(self) -> Block:
        """Return the users as the models take them."""
        return Block(np.where(self.rows < 0, self.codes, np.int32(-1)), self._rows_of("weights"))

    def seen(self) -> Csr:
        """Return the (n, n_items) pattern of what each user has seen."""
        return self._rows_of("seen")

    def warm(self) -> NDArray[np.bool_]:
        """Return (n,) bool: whether the serving history holds any event."""
        return self._filled("seen")

    def weighted(self) -> NDArray[np.bool_]:
        """Return (n,) bool: whether the serving history weighs anything. Decay may leave a warm user without weight."""
        return self._filled("weights")

    def attributes(self, names: Sequence[str]) -> pl.DataFrame | None:
        """Return the named attributes, one row a user: the newer value where there is one."""
        frames = [
            history.attributes.select(
                pl.col(name).gather(_nullable(rows)) for name in names if name in history.attributes.columns
            )
            for history, rows in ((self.fresh, self.rows), (self.stored, self.codes))
            if history is not None and history.attributes is not None
        ]
        if not frames:
            return None
        newest, *older = frames
        for frame in older:
            shared = [name for name in frame.columns if name in newest.columns]
            kept = newest.with_columns(newest[name].fill_null(frame[name]) for name in shared)
            newest = kept.with_columns(frame[name] for name in frame.columns if name not in shared)
        return newest

    def _filled(self, name: str) -> NDArray[np.bool_]:
        stored = _lengths(getattr(self.stored, name), self.codes) > 0
        if self.fresh is None:
            return stored
        return np.where(self.rows < 0, stored, _lengths(getattr(self.fresh, name), self.rows) > 0)

    def _rows_of(self, name: str) -> Csr:
        if self.fresh is None:
            return take_rows(getattr(self.stored, name), self.codes)
        stored = take_rows(getattr(self.stored, name), np.where(self.rows < 0, self.codes, np.int32(-1)))
        fresh = take_rows(getattr(self.fresh, name), self.rows)
        return csr_array(stored + fresh)


def attributes_of(ids: pl.Series, frame: object, names: Sequence[str]) -> pl.DataFrame:
    """Return the named attributes of a frame with `user_id`, one row for each of the ids; nulls where it has none.

    Examples
    --------
    >>> attributes_of(pl.Series([7, 8]), {"user_id": [8], "country": ["SE"]}, ["country"])["country"].to_list()
    [None, 'SE']
    """
    table = as_polars(frame, "user_attributes")
    keys = text_column(required(table, "user_id"), "user_id")
    if keys.is_duplicated().any():
        twice = keys.filter(keys.is_duplicated())[0]
        raise DataError(f"user {twice!r} has more than one row of attributes", "one row a user was expected")
    known = table.select(name for name in names if name in table.columns).with_columns(keys)
    asked = ids.cast(pl.String).rename("user_id").to_frame()
    return asked.join(known, on="user_id", how="left", maintain_order="left").drop("user_id")


def unknown_users(ids: pl.Series) -> NotFoundError:
    """Return the error that names some of the users whom a model cannot serve.

    Examples
    --------
    >>> unknown_users(pl.Series([7, 8, 9, 10])).what
    'the model knows no history of user 7, 8, 9 and 1 other'
    """
    named = ", ".join(repr(user) for user in ids.head(3))
    rest = len(ids) - 3
    more = f" and {rest:,} other{'s' * (rest > 1)}" if rest > 0 else ""
    return NotFoundError(
        f"the model knows no history of user {named}{more}",
        "users with training events were expected",
        "use on_unknown='fallback' or 'skip', or give history=",
    )


def take_rows(matrix: Csr, rows: Codes) -> Csr:
    """Return the rows of a CSR matrix in the given order; −1 gives an empty row.

    Examples
    --------
    >>> take_rows(csr_array(np.eye(2, dtype=np.float32)), np.array([1, -1], np.int32)).toarray().tolist()
    [[0.0, 1.0], [0.0, 0.0]]
    """
    lengths = _lengths(matrix, rows)
    indptr = np.zeros(len(rows) + 1, dtype=np.int64)
    np.cumsum(lengths, out=indptr[1:])
    places = np.repeat(matrix.indptr[rows] - indptr[:-1], lengths) + np.arange(indptr[-1])
    return csr_array((matrix.data[places], matrix.indices[places], indptr), shape=(len(rows), matrix.shape[1]))


def recoded(matrix: Csr, codes: Codes, n_columns: int) -> Csr:
    """Return the matrix with column ``c`` moved to ``codes[c]``; a column whose code is −1 is left out.

    Examples
    --------
    >>> recoded(csr_array(np.array([[1.0, 2.0]])), np.array([2, -1], np.int32), 3).toarray().tolist()
    [[0.0, 0.0, 1.0]]
    """
    columns = codes[matrix.indices]
    kept = columns >= 0
    ends = np.zeros(len(columns) + 1, dtype=np.int64)
    np.cumsum(kept, out=ends[1:])
    parts = (matrix.data[kept], columns[kept], ends[matrix.indptr])
    moved = csr_array(parts, shape=(matrix.shape[0], n_columns))
    moved.sort_indices()
    return moved


def _lengths(matrix: Csr, rows: Codes) -> NDArray[np.int64]:
    return np.where(rows < 0, 0, matrix.indptr[rows + 1].astype(np.int64) - matrix.indptr[rows])


def _nullable(rows: Codes) -> pl.Series:
    places = pl.Series(rows.astype(np.int64))
    return places.set(places < 0, None)
