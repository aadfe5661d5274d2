"""`Dataset`: two vocabularies and one event log in CSR form, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError, DataError
from recsys.core.frames import as_polars
from recsys.core.hashing import canonical_json, hash_arrays
from recsys.core.times import duration_micros, from_micros
from recsys.dataset.columns import align_attributes, column_of, finite_numbers, known_codes, micros_of
from recsys.dataset.labels import Label, Relevance
from recsys.dataset.vocabulary import Vocabulary, id_series
from recsys.display import Card, Tabular, View
from recsys.kernels.csr import aggregate_rows, build_csr

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False, repr=False)
class Dataset(Card, Tabular):
    """Who did what, and when: the input of every model and every evaluation.

    The log is canonical — sorted by user code, time, item code, value — so the same events give the same Dataset in
    whatever order they arrived. Repeats stay repeats; `matrix` aggregates them.

    Parameters
    ----------
    users, items : Vocabulary
        External ids; a part of a split keeps the vocabularies of the whole.
    indptr : (n_users + 1,) int64
        The events of user ``u`` are ``indptr[u]:indptr[u + 1]``.
    item_codes : (n_events,) int32
        The item of each event.
    values : (n_events,) float32
        The label value of each event, 1 where none was given.
    times : (n_events,) int64, optional
        Microseconds since 1970-01-01 UTC; None when the log has no times.
    relevance_values : (n_events,) float32, optional
        What `relevance` looks at; None: `values`.
    label : Label
        What a model learns from.
    relevance : Relevance
        What counts as a hit.
    user_attributes, item_attributes : polars.DataFrame, optional
        Row ``c`` belongs to code ``c``.

    Examples
    --------
    >>> data = Dataset.from_frame(pl.DataFrame({"user_id": [1, 1, 2], "item_id": ["a", "b", "a"]}))
    >>> data.matrix().toarray().tolist()
    [[1.0, 1.0], [1.0, 0.0]]
    """

    users: Vocabulary
    items: Vocabulary
    indptr: NDArray[np.int64]
    item_codes: NDArray[np.int32]
    values: Float32
    times: NDArray[np.int64] | None = None
    relevance_values: Float32 | None = None
    label: Label = field(default_factory=Label)
    relevance: Relevance = field(default_factory=Relevance)
    user_attributes: pl.DataFrame | None = None
    item_attributes: pl.DataFrame | None = None

    @classmethod
    def from_frame(
        cls,
        frame: object,
        *,
        like: Dataset | None = None,
        label: Label | None = None,
        relevance: Relevance | None = None,
        relevance_column: str | None = None,
        user_attributes: object | None = None,
        item_attributes: object | None = None,
    ) -> Dataset:
        """Return the Dataset of a frame with `user_id`, `item_id` and, optionally, `ts` and `value`.

        Parameters
        ----------
        frame : polars, pandas or Arrow frame
            `ts` is a date or a time (UTC where it has no zone); `value` a finite number.
        like : Dataset, optional
            Shares its vocabularies, label, relevance and attributes; ids that it does not know are refused.
        label, relevance : optional
            Default: those of `like`, else ``Label()`` and ``Relevance()``.
        relevance_column : str, optional
            The column that `relevance` looks at; default ``value``.
        user_attributes, item_attributes : frame, optional
            One row an id, with `user_id` or `item_id`.

        Raises
        ------
        NotFoundError
            A column is missing, or an id is unknown to `like`.
        DataError
            Null ids or times, NaN or infinite values.
        """
        table = as_polars(frame, ids=("user_id", "item_id"))
        user_ids, item_ids = (id_series(column_of(table, name), name=name) for name in ("user_id", "item_id"))
        users = Vocabulary.from_ids(user_ids) if like is None else like.users
        items = Vocabulary.from_ids(item_ids) if like is None else like.items
        return cls.from_codes(
            users,
            items,
            known_codes(users, user_ids, "user_id"),
            known_codes(items, item_ids, "item_id"),
            values=finite_numbers(table, "value") if "value" in table.columns else None,
            times=micros_of(table["ts"]) if "ts" in table.columns else None,
            relevance_values=finite_numbers(table, relevance_column) if relevance_column else None,
            label=label or getattr(like, "label", None),
            relevance=relevance or getattr(like, "relevance", None),
            user_attributes=getattr(like, "user_attributes", None)
            if user_attributes is None
            else align_attributes(users, user_attributes, "user_id"),
            item_attributes=getattr(like, "item_attributes", None)
            if item_attributes is None
            else align_attributes(items, item_attributes, "item_id"),
        )

    @classmethod
    def from_codes(
        cls,
        users: Vocabulary,
        items: Vocabulary,
        user_codes: NDArray[np.int32],
        item_codes: NDArray[np.int32],
        *,
        values: Float32 | None = None,
        times: NDArray[np.int64] | None = None,
        relevance_values: Float32 | None = None,
        label: Label | None = None,
        relevance: Relevance | None = None,
        user_attributes: pl.DataFrame | None = None,
        item_attributes: pl.DataFrame | None = None,
        in_place: bool = False,
    ) -> Dataset:
        """Return the Dataset of events in any order, already encoded; `values` default to 1.

        With `in_place`, the arrays given may be overwritten: they become the Dataset's own, which saves memory.

        Parameters
        ----------
        users, items : Vocabulary
            The ids that the codes stand for.
        user_codes, item_codes : (n_events,) int32
            One event a place, in any order.
        values : (n_events,) float32, optional
            Weights of the events. Default: 1.
        times : (n_events,) int64, optional
            Microseconds since 1970 (UTC).
        relevance_values : (n_events,) float32, optional
            What a test event is worth to metrics that grade; see `Relevance`.
        label : Label, optional
            How values became weights; kept, to do the same to newer histories.
        relevance : Relevance, optional
            How relevance was made; kept as well.
        user_attributes, item_attributes : polars.DataFrame, optional
            Row ``c`` belongs to code ``c``, as `align_attributes` returns it.
        in_place : bool
            The arrays given may be overwritten.
        """
        amounts = np.ones(len(user_codes), dtype=np.float32) if values is None else values
        log = build_csr(
            user_codes,
            item_codes,
            amounts,
            times,
            n_users=len(users),
            n_items=len(items),
            relevance_values=relevance_values,
            in_place=in_place,
        )
        return cls(
            users,
            items,
            log.indptr,
            log.items,
            amounts if log.values is None else log.values,
            log.times,
            log.relevance_values,
            label or Label(),
            relevance or Relevance(),
            user_attributes,
            item_attributes,
        )

    def __len__(self) -> int:
        return len(self.item_codes)

    def __repr__(self) -> str:
        span = (
            "" if self.times is None or not len(self) else f", {self.first_time:%Y-%m-%d} to {self.last_time:%Y-%m-%d}"
        )
        return f"Dataset({len(self):,} events, {self.n_users:,} users, {self.n_items:,} items{span})"

    def card(self) -> View:
        """Return what a notebook shows: size, span, and what labels and attributes there are."""
        from recsys.dataset.cards import dataset_card

        return dataset_card(self)

    @property
    def n_users(self) -> int:
        """Return the number of users in the vocabulary, with or without events."""
        return len(self.users)

    @property
    def n_items(self) -> int:
        """Return the number of items in the vocabulary, with or without events."""
        return len(self.items)

    @property
    def first_time(self) -> datetime | None:
        """Return the time of the oldest event (UTC)."""
        return None if self.times is None or not len(self) else from_micros(self.times.min())

    @property
    def last_time(self) -> datetime | None:
        """Return the time of the newest event (UTC)."""
        return None if self.times is None or not len(self) else from_micros(self.times.max())

    @cached_property
    def user_codes(self) -> NDArray[np.int32]:
        """Return the (n_events,) int32 user of each event."""
        return np.repeat(np.arange(self.n_users, dtype=np.int32), np.diff(self.indptr))

    @cached_property
    def user_events(self) -> NDArray[np.int64]:
        """Return the (n_users,) int64 number of events of each user."""
        return np.diff(self.indptr)

    @cached_property
    def item_events(self) -> NDArray[np.int64]:
        """Return the (n_items,) int64 number of events of each item."""
        return np.bincount(self.item_codes, minlength=self.n_items).astype(np.int64, copy=False)

    @cached_property
    def content_hash(self) -> str:
        """Return the SHA-256 of ids, events, label and relevance (attributes do not count)."""
        arrays = [
            part
            for part in (self.indptr, self.item_codes, self.values, self.times, self.relevance_values)
            if part is not None
        ]
        recipe = canonical_json(
            {
                "label": self.label.to_dict(),
                "relevance": self.relevance.to_dict(),
                "arrays": len(arrays),
                "timed": self.times is not None,
            }
        )
        return hash_arrays(recipe, self.users.content_hash, self.items.content_hash, *arrays)

    def matrix(self) -> csr_array:
        """Return the (n_users, n_items) float32 CSR that a model learns from, by `label`; weights of 0 are left out.

        Raises
        ------
        ArgumentError
            The label decays with time or takes the last of repeats, and the log has no times.
        DataError
            An aggregated weight is beyond float32, or below −1 where the label takes its logarithm.
        """
        return self._matrix

    @cached_property
    def _matrix(self) -> csr_array:
        label = self.label
        decay = None if label.half_life is None else self._decay(label.half_life)
        weights = self._aggregate(self.values, label.aggregate, decay)
        if label.aggregate == "last" and self.times is None and weights.nnz < len(self):
            raise ArgumentError(
                "aggregate is 'last', there are repeats and no times",
                "a log with ts was expected",
                "use 'sum' or 'max'",
            )
        if label.cap is not None:
            np.minimum(weights.data, np.float32(label.cap), out=weights.data)
        if label.transform == "binary":
            weights.data = (weights.data > 0).astype(np.float32)
        elif label.transform == "log1p":
            if len(weights.data) and weights.data.min() <= -1:
                raise DataError(
                    f"a weight is {weights.data.min():g}",
                    "weights above -1 were expected by transform='log1p'",
                    "use transform=None",
                )
            np.log1p(weights.data, out=weights.data)
        weights.eliminate_zeros()
        return weights

    def pairs(self) -> csr_array:
        """Return the (n_users, n_items) float32 CSR with a 1 for every pair that has an event: what a user has seen."""
        return self._pairs

    @cached_property
    def _pairs(self) -> csr_array:
        return self._aggregate(None, "max")

    def relevant(self) -> csr_array:
        """Return the (n_users, n_items) float32 CSR of gains: the pairs that count as hits, by `relevance`.

        Raises
        ------
        DataError
            ``gain="value"`` and a relevant pair's value is not above 0.
        """
        return self._relevant

    @cached_property
    def _relevant(self) -> csr_array:
        rule = self.relevance
        looked_at = self.values if self.relevance_values is None else self.relevance_values
        part = self if rule.at_least is None else self.keep(looked_at >= rule.at_least)
        if rule.gain == "binary":
            return part.pairs()
        gains = part._aggregate(part.values if part.relevance_values is None else part.relevance_values, "max")
        if gains.nnz and gains.data.min() <= 0:
            raise DataError(
                f"a relevant pair has the gain {gains.data.min():g}",
                "gains above 0 were expected by gain='value'",
                "set at_least above 0",
            )
        return gains

    def keep(self, mask: NDArray[np.bool_]) -> Dataset:
        """Return the Dataset of the events where `mask` (n_events,) holds, with the same vocabularies."""
        kept = np.zeros(len(self) + 1, dtype=np.int64)
        np.cumsum(mask, out=kept[1:])
        return replace(
            self,
            indptr=kept[self.indptr],
            item_codes=self.item_codes[mask],
            values=self.values[mask],
            times=None if self.times is None else self.times[mask],
            relevance_values=None if self.relevance_values is None else self.relevance_values[mask],
        )

    def active_users(self) -> pl.Series:
        """Return the ids of the users with at least one event."""
        return self.users.decode(np.flatnonzero(self.user_events))

    def to_polars(self) -> pl.DataFrame:
        """Return the events as a frame: user_id, item_id, value and, where known, ts."""
        columns: dict[str, Any] = {
            "user_id": self.users.decode(self.user_codes),
            "item_id": self.items.decode(self.item_codes),
            "value": self.values,
        }
        if self.times is not None:
            columns["ts"] = pl.Series(self.times).cast(pl.Datetime("us"))
        return pl.DataFrame(columns)

    def _decay(self, half_life: str) -> Float32:
        if self.times is None:
            raise ArgumentError(
                f"half_life is {half_life!r} and the events have no times",
                "a log with ts was expected",
                "leave half_life out",
            )
        newest = self.times.max() if len(self) else 0
        return np.exp2((self.times - newest) / duration_micros("half_life", half_life)).astype(np.float32)

    def _aggregate(self, values: Float32 | None, how: str, weights: Float32 | None = None) -> csr_array:
        from scipy.sparse import csr_array

        merged = aggregate_rows(self.indptr, self.item_codes, values, n_items=self.n_items, how=how, weights=weights)
        if not np.isfinite(merged.data).all():
            raise DataError(
                "an aggregated weight is beyond float32", "weights below 3e38 were expected", "rescale values"
            )
        matrix = csr_array((merged.data, merged.indices, merged.indptr), shape=(self.n_users, self.n_items))
        matrix.has_canonical_format = True
        return matrix


def concat(first: Dataset, second: Dataset) -> Dataset:
    """Return the events of both; they must share their vocabularies.

    Raises
    ------
    ArgumentError
        The vocabularies differ, or only one of the two has times or relevance values.

    Examples
    --------
    >>> data = Dataset.from_frame({"user_id": [1], "item_id": [2]})
    >>> len(concat(data, data))
    2
    """
    if first.users != second.users or first.items != second.items:
        raise ArgumentError(
            "the two datasets have different ids",
            "shared vocabularies were expected",
            "use Dataset.from_frame(frame, like=first)",
        )
    if (first.times is None) != (second.times is None) or (first.relevance_values is None) != (
        second.relevance_values is None
    ):
        raise ArgumentError(
            "only one of the two datasets has times (or relevance values)", "both or neither were expected"
        )
    merged: Mapping[str, Any] = {
        name: None if getattr(first, name) is None else np.concatenate([getattr(first, name), getattr(second, name)])
        for name in ("values", "times", "relevance_values")
    }
    return Dataset.from_codes(
        first.users,
        first.items,
        np.concatenate([first.user_codes, second.user_codes]),
        np.concatenate([first.item_codes, second.item_codes]),
        **merged,
        label=first.label,
        relevance=first.relevance,
        user_attributes=first.user_attributes,
        item_attributes=first.item_attributes,
    )
