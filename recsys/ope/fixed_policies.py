"""Policies that need no model: the logger itself, uniform, by popularity, a frame of probabilities, a callable."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.frames import as_polars
from recsys.core.times import to_micros
from recsys.dataset import Dataset, Vocabulary, id_series
from recsys.dataset.columns import column_of
from recsys.ope.entry_checks import finite_column, refuse
from recsys.ope.feedback import LoggedFeedback, Propensities
from recsys.ope.policies import Actions
from recsys.ope.pools import (
    NEVER_SHOWN,
    Pool,
    Sink,
    pooled_actions,
    pooled_propensities,
    sequential_actions,
    slots_of,
    surveyed,
    whole_lists,
)
from recsys.scoring.exploring import Explorer

MOST_ENTRIES = 1 << 25  # of `Actions`: 400 MB


@dataclass(frozen=True)
class LoggingPolicy:
    """The policy that wrote the log: every weight is 1.

    Its value is the mean of the log, the truth that the other estimates of a log are held against.

    Parameters
    ----------
    name : str
        What it is called in results.
    trained_through : None
        It has learned from nothing that is known.

    Examples
    --------
    >>> log = LoggedFeedback.from_frame({"item_id": ["a", "b"], "propensity_position": [0.3, 0.7], "click": [1, 0]})
    >>> LoggingPolicy().propensities(log).position.tolist()
    [0.3, 0.7]
    """

    name: str = "logging policy"
    trained_through: None = None

    def propensities(self, feedback: LoggedFeedback) -> Propensities:
        """Return the propensities of the log."""
        return feedback.propensities

    def actions(self, feedback: LoggedFeedback) -> None:
        """Return None: what else it might have shown is not in the log."""


@dataclass(frozen=True, eq=False)
class UniformPolicy:
    """Any item, all alike, none twice in a list.

    Parameters
    ----------
    name : str
        What it is called in results.
    items : ids, optional
        Default: all items of the log.
    trained_through : None
        It has learned from nothing.

    Examples
    --------
    >>> log = LoggedFeedback.from_frame({"item_id": ["a", "b"], "click": [1, 0]})
    >>> UniformPolicy().propensities(log).position.tolist()
    [0.5, 0.5]
    """

    items: Iterable[int] | Iterable[str] | pl.Series | None = None
    name: str = "uniform"
    trained_through: None = None

    def propensities(self, feedback: LoggedFeedback) -> Propensities:
        """Return 1/n at every position, and 1/(n − the items above) given those above."""
        codes, n = self._codes(feedback)
        open_item = np.zeros(len(feedback.items), np.bool_)
        open_item[codes] = True
        slots_of(feedback, None)
        left = n - (feedback.positions.astype(np.float64) - 1)
        shown = open_item[feedback.actions] & (left >= 1)
        above = np.where(shown, 1 / np.maximum(left, 1), 0.0)
        return whole_lists(feedback, np.where(shown, 1 / max(n, 1), 0.0), above)

    def actions(self, feedback: LoggedFeedback) -> Actions | None:
        """Return every item in every row; None where that would be too much (2^25 entries)."""
        codes, n = self._codes(feedback)
        unseen = n - len(codes)
        row = np.append(np.full(min(unseen, 1), -1, np.int32), codes)
        if len(row) * len(feedback) > MOST_ENTRIES:
            return None
        chance = np.where(row < 0, unseen, 1) / n
        indptr = np.arange(len(feedback) + 1, dtype=np.int64) * len(row)
        return Actions(indptr, np.tile(row, len(feedback)), np.tile(chance, len(feedback)))

    def actions_given_above(self, feedback: LoggedFeedback) -> Actions | None:
        """Return every item that does not stand above, all alike; None where that would be too much."""
        codes, n = self._codes(feedback)
        if (len(codes) + 1) * len(feedback) > MOST_ENTRIES:
            return None
        column = np.full(len(feedback.items), -1)
        column[codes] = np.arange(len(codes)) + 1
        open_there = np.ones((len(feedback), len(codes) + 1), np.bool_)
        depth = np.arange(len(feedback)) - feedback.offsets[:-1][feedback.slates]
        for back in range(1, int(depth.max(initial=0)) + 1):
            rows = np.flatnonzero(depth >= back)
            above = column[feedback.actions[rows - back]]
            open_there[rows[above >= 0], above[above >= 0]] = False
        chance = open_there.astype(np.float64)
        chance[:, 0] = n - len(codes)  # what the log has never shown
        chance /= np.maximum(chance.sum(axis=1, keepdims=True), 1)
        kept = chance > 0
        indptr = np.append(0, np.cumsum(kept.sum(axis=1))).astype(np.int64)
        every = np.append(np.int32(-1), codes).astype(np.int32)
        return Actions(indptr, np.broadcast_to(every, kept.shape)[kept], chance[kept])

    def _codes(self, feedback: LoggedFeedback) -> tuple[NDArray[np.int32], int]:
        """Return the codes of its items that the log has shown, and how many it has in all."""
        if self.items is None:
            return np.arange(len(feedback.items), dtype=np.int32), len(feedback.items)
        own = Vocabulary.from_ids(self.items)
        if not len(own):
            raise ArgumentError("items is empty", "at least one item was expected")
        codes = feedback.items.encode(own.ids)
        return np.sort(codes[codes >= 0]), len(own)


@dataclass(frozen=True, eq=False)
class PopularityPolicy:
    """The same list for everyone, by popularity: the best in their order, or lists drawn from them.

    Parameters
    ----------
    popularity : Dataset or frame (item_id, popularity)
        Of a Dataset: events of each item. From before the log: popularity that it made itself would be a leak.
    explore : EpsilonGreedy or PlackettLuce, optional
        How lists are drawn.
    k : int, optional
        Slots. Default: the positions of the log.
    name : str
        What it is called in results.

    Examples
    --------
    >>> log = LoggedFeedback.from_frame({"item_id": ["a", "b"], "propensity_position": [0.3, 0.7], "click": [1, 0]})
    >>> PopularityPolicy({"item_id": ["a", "b"], "popularity": [5, 9]}).propensities(log).position.tolist()
    [0.0, 1.0]
    """

    popularity: object = field(repr=False)
    explore: Explorer | None = None
    k: int | None = None
    name: str = "popularity"

    def __post_init__(self) -> None:
        if self.k is not None:
            positive_int("k", self.k)

    @property
    def trained_through(self) -> int | None:
        """The newest event of a Dataset, in microseconds."""
        last = self.popularity.last_time if isinstance(self.popularity, Dataset) else None
        return None if last is None else to_micros(last)

    def propensities(self, feedback: LoggedFeedback) -> Propensities:
        """Return how probable it makes the logged rows."""
        k = slots_of(feedback, self.k)
        return pooled_propensities(feedback, self._pool(feedback, k), self.explore, k)

    def actions(self, feedback: LoggedFeedback) -> Actions:
        """Return what it may show in each row."""
        k = slots_of(feedback, self.k)
        return pooled_actions(feedback, self._pool(feedback, k), self.explore, k)

    def survey(self, feedback: LoggedFeedback, *sinks: Sink) -> Propensities:
        """Return the propensities, and put what it may show into sinks; the list is made once."""
        k = slots_of(feedback, self.k)
        return surveyed(feedback, self._pool(feedback, k), self.explore, k, *sinks)

    def actions_given_above(self, feedback: LoggedFeedback) -> Actions:
        """Return what it may show in each row, given what stands above it."""
        k = slots_of(feedback, self.k)
        return sequential_actions(feedback, self._pool(feedback, k), self.explore, k)

    def _pool(self, feedback: LoggedFeedback, k: int) -> Iterator[Pool]:
        if isinstance(self.popularity, Dataset):
            ids, counts = self.popularity.items.ids, self.popularity.item_events.astype(np.float64)
        else:
            table = as_polars(self.popularity, "popularity", ids=("item_id",))
            ids = id_series(column_of(table, "item_id"), name="item_id")
            column_of(table, "popularity")
            counts = finite_column(table, "popularity", "a number to rank by")
            refuse(table, ids.is_duplicated().to_numpy(), "item_id is listed twice", "one row an item was expected")
        order = ids.to_frame("id").with_columns(pl.Series("count", counts)).with_row_index("row")
        order = order.sort("count", "id", descending=[True, False])
        rows = order["row"].to_numpy()[: max(k, self.explore.pool if self.explore else k)].astype(np.int64)
        codes = feedback.items.encode(ids.gather(pl.Series(rows)))
        items = np.where(codes < 0, np.int32(NEVER_SHOWN), codes)[None, :]
        slates = np.arange(feedback.n_slates, dtype=np.int64)
        yield Pool(slates, np.zeros_like(slates), items, counts[rows][None, :])


@dataclass(frozen=True, eq=False)
class FramePolicy:
    """Action probabilities from a frame.

    Parameters
    ----------
    frame : polars, pandas or Arrow frame
        ``item_id``, ``probability`` and any of the log's columns that it depends on: ``request_id, user_id,
        position``, or context. For each combination of these the probabilities are at least 0 and sum to 1.
    name : str
        What it is called in results.
    trained_through : int, optional
        Microseconds up to which the policy has learned.

    Examples
    --------
    >>> log = LoggedFeedback.from_frame({"item_id": ["a", "b"], "country": ["SE", "DE"], "click": [1, 0]})
    >>> by_country = {"country": ["SE", "SE", "DE"], "item_id": ["a", "b", "a"], "probability": [0.7, 0.3, 1.0]}
    >>> FramePolicy(by_country).propensities(log).position.tolist()
    [0.7, 0.0]
    """

    frame: object = field(repr=False)
    name: str = "frame"
    trained_through: int | None = None

    def propensities(self, feedback: LoggedFeedback) -> Propensities:
        """Return the probability of each logged row's item; those of lists only where every list is one row.

        Raises
        ------
        DataError
            The frame holds no probabilities, or has none for a row of the log.
        """
        table, group_of_row = self._for(feedback)
        width = len(feedback.items) + 1
        key = table["group"].to_numpy() * width + table["code"].to_numpy()
        asked = group_of_row * width + feedback.actions
        place = np.minimum(np.searchsorted(key, asked), max(len(key) - 1, 0))
        chance = table["probability"].to_numpy()
        position = np.where(key[place] == asked, chance[place], 0.0) if len(key) else np.zeros(len(feedback))
        alone = bool((feedback.positions == 1).all())
        return whole_lists(feedback, position, position if alone else None)

    def actions(self, feedback: LoggedFeedback) -> Actions | None:
        """Return the frame's items for each row; None where that would be too much (2^25 entries)."""
        table, group_of_row = self._for(feedback)
        table = table.filter(pl.col("probability") > 0)
        ends = np.cumsum(np.bincount(table["group"].to_numpy(), minlength=int(group_of_row.max(initial=-1)) + 1))
        lengths = np.diff(ends, prepend=0)[group_of_row]
        indptr = np.append(0, np.cumsum(lengths)).astype(np.int64)
        if indptr[-1] > MOST_ENTRIES:
            return None
        places = np.repeat(ends[group_of_row] - lengths - indptr[:-1], lengths) + np.arange(indptr[-1])
        return Actions(
            indptr, table["code"].to_numpy()[places].astype(np.int32), table["probability"].to_numpy()[places]
        )

    def _for(self, feedback: LoggedFeedback) -> tuple[pl.DataFrame, NDArray[np.int64]]:
        """Return group, code and probability, sorted, and the group of each row of the log."""
        table = as_polars(self.frame, "the frame of probabilities", ids=("item_id", "user_id", "request_id"))
        ids = id_series(column_of(table, "item_id"), name="item_id")
        column_of(table, "probability")
        chance = finite_column(table, "probability", "of an action")
        refuse(table, chance < 0, "probability is negative", "probabilities of at least 0 were expected")
        keys = [name for name in table.columns if name not in ("item_id", "probability")]
        refuse(
            table,
            table.select(*keys, ids.alias("item_id")).is_duplicated().to_numpy(),
            "an item is listed twice",
            f"one row for each item{' and ' + ', '.join(keys) if keys else ''} was expected",
        )
        log = _key_columns(feedback, keys)
        group = _groups(table, keys)
        sums = np.bincount(group, weights=chance).astype(np.float64)
        refuse(
            table,
            np.abs(sums - 1)[group] > 1e-6,
            f"the probabilities sum to {_farthest(sums):g}",
            "a sum of 1 for each combination of the other columns was expected",
        )
        own = pl.DataFrame({"group": group, "code": feedback.items.encode(ids), "probability": chance})
        own = own.group_by("group", "code").agg(pl.col("probability").sum()).sort("group", "code")
        if not keys:
            return own, np.zeros(len(feedback), np.int64)
        named = table.select(keys).with_columns(pl.Series("__group", group)).unique("__group")
        named = named.with_columns(pl.col(name).cast(log.schema[name]) for name in keys)
        found = log.join(named, on=keys, how="left", nulls_equal=True, maintain_order="left")["__group"]
        if found.null_count():
            place = found.is_null().arg_true()[0]
            raise DataError(
                f"the frame has no probabilities for {found.null_count():,} of {len(log):,} rows of the log"
                f" (such as {log.row(place, named=True)})",
                "probabilities for every row were expected",
            )
        return own, found.to_numpy().astype(np.int64)


@dataclass(frozen=True, eq=False)
class CallablePolicy:
    """A Python callable that tells how probable the logged rows are.

    Parameters
    ----------
    function : callable
        ``function(feedback)`` returns (n,) probabilities of the items at their positions, or `Propensities`.
    name : str
        What it is called in results.
    trained_through : int, optional
        Microseconds up to which the policy has learned.

    Examples
    --------
    >>> log = LoggedFeedback.from_frame({"item_id": ["a", "b"], "click": [1, 0]})
    >>> CallablePolicy(lambda log: np.where(log.actions == 0, 0.9, 0.1)).propensities(log).position.tolist()
    [0.9, 0.1]
    """

    function: Callable[[LoggedFeedback], NDArray[np.float64] | Propensities] = field(repr=False)
    name: str = "callable"
    trained_through: int | None = None

    def propensities(self, feedback: LoggedFeedback) -> Propensities:
        """Return what the callable says, checked: numbers from 0 to 1, of the right shapes."""
        told = self.function(feedback)
        given = told if isinstance(told, Propensities) else Propensities(self._numbers(told))
        for kind, numbers in given._asdict().items():
            expected = feedback.n_slates if kind == "slate" else len(feedback)
            if numbers is None:
                continue
            if np.shape(numbers) != (expected,):
                raise ArgumentError(
                    f"{self.name} gave {kind} of shape {np.shape(numbers)}", f"({expected},) was expected"
                )
            bad = ~((numbers >= 0) & (numbers <= 1))
            if bad.any():
                raise DataError(
                    f"{self.name} gave {kind} {numbers[np.argmax(bad)]:g} in {int(bad.sum()):,} of {expected:,} rows"
                    f" (first in row {int(np.argmax(bad))})",
                    "probabilities from 0 to 1 were expected",
                )
        return given

    def actions(self, feedback: LoggedFeedback) -> None:
        """Return None: a callable tells of logged rows only."""

    def _numbers(self, told: object) -> NDArray[np.float64]:
        try:
            return np.asarray(told, dtype=np.float64)
        except (TypeError, ValueError):
            raise ArgumentError(
                f"{self.name} gave a {type(told).__name__} that is no array of numbers",
                "the probability of each row of the log was expected",
            ) from None


def _groups(table: pl.DataFrame, keys: list[str]) -> NDArray[np.int64]:
    """Return a number for each combination of the keys."""
    if not keys:
        return np.zeros(len(table), np.int64)
    distinct = table.select(keys).unique(maintain_order=True).with_row_index("__group")
    joined = table.select(keys).join(distinct, on=keys, how="left", nulls_equal=True, maintain_order="left")
    return joined["__group"].to_numpy().astype(np.int64)


def _key_columns(feedback: LoggedFeedback, keys: list[str]) -> pl.DataFrame:
    """Return the columns of the log that a frame of probabilities goes by."""
    columns = []
    for name in keys:
        if name in feedback.context.columns:
            columns.append(feedback.context[name])
        elif name == "position":
            columns.append(pl.Series(name, feedback.positions))
        elif name == "user_id" and feedback.users is not None and feedback.user_codes is not None:
            places = pl.Series(feedback.user_codes.astype(np.int64))
            columns.append(feedback.users.ids.gather(places.set(places < 0, None)).alias(name))
        else:
            known = ", ".join(["position", "user_id", *feedback.context.columns])
            raise DataError(f"the log has no column {name!r}", f"item_id, probability and any of {known} were expected")
    return pl.DataFrame(columns)


def _farthest(sums: NDArray[np.float64]) -> float:
    return float(sums[np.argmax(np.abs(sums - 1))]) if len(sums) else 0.0
