"""`Frames`: polars, pandas or Arrow frames as a source of units, without a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import SupportsIndex, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean, one_of
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.frames import as_polars
from recsys.core.times import instant_micros
from recsys.dataset.vocabulary import Vocabulary, id_series
from recsys.experiment.times import micros_or_null
from recsys.experiment.units import filtering
from recsys.experiment.units.measures import TABLES, Measure, Table
from recsys.experiment.units.sources import Active, Batch, Exposures

Instant = str | datetime | date | SupportsIndex
_REQUIRED = {
    "events": ("user_id", "ts"),
    "impressions": ("user_id", "ts"),
    "exposures": ("unit_id", "variant", "ts"),
    "users": ("user_id",),
}
_ID = ("user_id", "unit_id")
_ROWS_PER_BATCH = 1 << 22
_TIME = "__micros"
_CODE = "__unit"


class Frames:
    """Frames that answer what the analysis of an experiment asks; see `UnitSource`.

    Times are dates, or datetimes (naive ones mean UTC). Rows without a user or a time belong to nobody. Rows that lie
    beside each other in time are added in one order, so the result does not depend on the order of the frames' rows.

    Parameters
    ----------
    events : frame
        ``user_id``, ``ts``, and the columns that metrics speak of: ``event``, ``value``, ….
    exposures : frame
        ``unit_id``, ``variant``, ``ts``, and ``experiment`` unless all rows are of the one that is asked for.
    users : frame, optional
        ``user_id`` and attributes; with ``valid_from`` the rows of a user are versions (of equal ones the last row
        counts). A column such as ``account_id`` maps users to coarser units, by their newest version.
    impressions : frame, optional
        ``user_id``, ``ts``, ….
    complete_through : str, datetime or mapping of table to them, optional
        How far events and impressions are complete, not included; by default to the last row of each.

    Raises
    ------
    ArgumentError
        Something is not a frame.
    NotFoundError
        A column is missing.
    DataError
        A column has the wrong type.

    Examples
    --------
    >>> from datetime import datetime
    >>> Frames(events={"user_id": [1], "ts": [datetime(2026, 6, 1)]}).complete_through("events")
    1780272000000001
    """

    def __init__(
        self,
        *,
        events: object = None,
        exposures: object = None,
        users: object = None,
        impressions: object = None,
        complete_through: Instant | Mapping[str, Instant] | None = None,
    ) -> None:
        given = {"events": events, "exposures": exposures, "users": users, "impressions": impressions}
        self._tables = {name: _checked(name, frame) for name, frame in given.items() if frame is not None}
        if complete_through is None or isinstance(complete_through, Mapping):
            known = dict(complete_through or {})
        else:
            known = dict.fromkeys(TABLES, complete_through)
        self._complete = {
            one_of("a table in complete_through", table, TABLES): instant_micros("complete_through", instant)
            for table, instant in known.items()
        }

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(frame):,} {name}" for name, frame in self._tables.items())
        return f"<Frames of {sizes or 'nothing'}>"

    def exposures(self, experiment: str, *, through: int) -> Exposures:
        """Return the exposures of an experiment before `through`.

        Raises
        ------
        NotFoundError
            There is no frame of exposures, or it has rows and none is of this experiment.
        """
        rows = self._table("exposures")
        if "experiment" in rows.columns and len(rows):
            others = rows["experiment"].cast(pl.String)
            rows = rows.filter(others == experiment)
            if not len(rows):
                names = [str(name) for name in others.unique().drop_nulls().sort().head(20)]
                raise NotFoundError(
                    f"there are no exposures of {experiment!r}",
                    f"there are some of {', '.join(names) or 'nothing'}",
                    did_you_mean(experiment, names),
                )
        rows = rows.filter(pl.col(_TIME).is_null() | (pl.col(_TIME) < through))
        return Exposures(rows["unit_id"], rows["variant"], rows[_TIME])

    def active(self, population: Active, *, unit: str) -> Exposures:
        """Return the first event of every unit in a span, all with the variant ``all``."""
        time = pl.col(_TIME)
        inside = time.is_between(population.since, population.until, closed="left")
        for since, until in population.exclude:
            inside &= ~time.is_between(since, until, closed="left")
        rows = self._table("events").filter(inside).select("user_id", _TIME)
        units = self._with_units(rows, unit).drop_nulls().group_by("unit").agg(time.min()).sort("unit")
        return Exposures(units["unit"], pl.repeat("all", len(units), eager=True), units[_TIME])

    def batches(
        self, table: Table, measures: Sequence[Measure], *, unit: str, unit_ids: pl.Series, since: int, until: int
    ) -> Iterator[Batch]:
        """Yield the rows of a table in a span of time, with what the measures need of them, always in one order.

        Parameters
        ----------
        table : {"events", "impressions"}
            The frame.
        measures : sequence of Measure
            What is asked of the rows.
        unit : str
            The unit of randomisation.
        unit_ids : polars.Series
            (n_units,) ids; a batch names units by their places in it.
        since, until : int
            Microseconds, half-open.

        Raises
        ------
        NotFoundError
            The frame, or a column of it, is missing.
        ArgumentError, DataError
            A column does not have the type that a measure needs.
        """
        rows = self._table(table).filter(pl.col(_TIME).is_between(since, until, closed="left"))
        rows = rows.with_columns(pl.Series(_CODE, self._codes(rows["user_id"], unit, unit_ids)))
        rows = _in_order(rows.filter(pl.col(_CODE) >= 0), table, measures)
        times = rows[_TIME].to_numpy()
        aggregates = [one.aggregate for one in measures]
        filters = {where: filtering.passes(rows, table, where) for where in {one.where for one in measures}}
        summed = {cast("str", one.column) for one in aggregates if one.function in ("sum", "max")}
        values = {name: filtering.numbers(rows, table, name) for name in summed}
        counted = {cast("str", one.column) for one in aggregates if one.function == "count_distinct"}
        codes = {name: filtering.codes(rows, table, name, times) for name in counted}
        units = rows[_CODE].to_numpy()
        for at in range(0, len(rows), _ROWS_PER_BATCH):
            part = slice(at, at + _ROWS_PER_BATCH)
            yield Batch(
                units[part],
                times[part],
                {where: None if mask is None else mask[part] for where, mask in filters.items()},
                {name: column[part] for name, column in values.items()},
                {name: column[part] for name, column in codes.items()},
            )

    def expression(
        self,
        measure: Measure,
        *,
        unit: str,
        unit_ids: pl.Series,
        starts: NDArray[np.int64],
        until: int,
        exclude: Sequence[tuple[int, int]] = (),
    ) -> NDArray[np.float64]:
        """Raise ArgumentError: SQL is the store's.

        Parameters
        ----------
        measure : Measure
            With an ``expr``.
        unit : str
            The unit of randomisation.
        unit_ids : polars.Series
            (n_units,) ids.
        starts : (n_units,) int64
            Microseconds.
        until : int
            Microseconds.
        exclude : sequence of (int, int)
            Spans that do not count.
        """
        raise ArgumentError(
            f"a metric is expr={measure.aggregate.column!r}, and the source is {self!r}",
            "a store was expected",
            "compute a column of its own, and sum that",
        )

    def attributes(
        self, names: Sequence[str], *, unit: str, unit_ids: pl.Series, at: NDArray[np.int64]
    ) -> pl.DataFrame:
        """Return attributes of units as they were known at a time each, one row a unit; null where nothing is known.

        Of a unit of several users it is the value of the first of them, by id, of whom it is known.

        Parameters
        ----------
        names : sequence of str
            Columns of `users`.
        unit : str
            The unit of randomisation.
        unit_ids : polars.Series
            (n_units,) ids.
        at : (n_units,) int64
            Microseconds: when each unit is looked at.

        Raises
        ------
        NotFoundError
            There is no frame of users, or it has no such column.
        """
        if not names:
            return pl.DataFrame(height=len(unit_ids))
        users = self._table("users")
        for name in names:
            filtering.column(users, "users", name)
        codes = self._codes(users["user_id"], unit, unit_ids)
        rows = users.select("user_id", _TIME, *names).with_row_index("__row").filter(pl.Series(codes >= 0))
        codes = codes[codes >= 0]
        rows = rows.with_columns(pl.Series(_CODE, codes), pl.Series("__at", at[codes]))
        known = rows.filter(pl.col(_TIME).is_null() | (pl.col(_TIME) <= pl.col("__at")))
        newest = known.sort(_TIME, "__row", nulls_last=False).group_by("user_id", maintain_order=True).last()
        firsts = [pl.col(name).drop_nulls().first() for name in names]
        units = newest.sort(_CODE, "user_id").group_by(_CODE, maintain_order=True).agg(firsts)
        every = pl.DataFrame({_CODE: np.arange(len(unit_ids), dtype=np.int32)})
        return every.join(units, on=_CODE, how="left", maintain_order="left").select(names)

    def seen(self, *, unit: str, unit_ids: pl.Series) -> NDArray[np.bool_]:
        """Return which units occur in the events or impressions at any time."""
        found = np.zeros(len(unit_ids), dtype=bool)
        for table in TABLES:
            if table in self._tables:
                codes = self._codes(self._tables[table]["user_id"].unique(), unit, unit_ids)
                found[codes[codes >= 0]] = True
        return found

    def mapped(self, *, unit: str, unit_ids: pl.Series) -> NDArray[np.bool_]:
        """Return which units some user belongs to."""
        codes = self._codes(self._table("users")["user_id"].unique(), unit, unit_ids)
        found = np.zeros(len(unit_ids), dtype=bool)
        found[codes[codes >= 0]] = True
        return found

    def complete_through(self, table: Table) -> int | None:
        """Return how far a table is complete (microseconds): as declared, or to its last row; None without rows."""
        if table in self._complete:
            return self._complete[table]
        last = self._tables[table][_TIME].max() if table in self._tables else None
        return None if last is None else cast("int", last) + 1

    def _table(self, name: str) -> pl.DataFrame:
        if name not in self._tables:
            raise NotFoundError(
                f"there is no frame of {name}",
                f"one with {', '.join(_REQUIRED[name])} was expected",
                f"Frames({name}=…)",
            )
        return self._tables[name]

    def _with_units(self, rows: pl.DataFrame, unit: str) -> pl.DataFrame:
        """Return rows with the column ``unit``: the unit of each row's user, null where there is none."""
        if unit == "user_id":
            return rows.with_columns(pl.col("user_id").alias("unit"))
        users = self._table("users")
        filtering.column(users, "users", unit)
        versions = users.with_row_index("__row").sort(_TIME, "__row", nulls_last=False)
        newest = versions.group_by("user_id", maintain_order=True).last()
        mapping = newest.select("user_id", id_series(newest[unit], nulls=True, name=unit).alias("unit"))
        if mapping["user_id"].dtype != rows["user_id"].dtype:
            raise DataError(
                f"user_id is {mapping['user_id'].dtype} in users and {rows['user_id'].dtype} elsewhere",
                "one type of id was expected",
                "cast one of them",
            )
        return rows.join(mapping, on="user_id", how="left", maintain_order="left")

    def _codes(self, user_ids: pl.Series, unit: str, unit_ids: pl.Series) -> NDArray[np.int32]:
        """Return the place of each user's unit in `unit_ids`; −1 for the others."""
        return Vocabulary(unit_ids).encode(self._with_units(user_ids.to_frame("user_id"), unit)["unit"])


def _checked(name: str, frame: object) -> pl.DataFrame:
    """Return a frame with its ids and times checked, and its times in microseconds beside them."""
    table = as_polars(frame, name, ids=_ID)
    for needed in _REQUIRED[name]:
        filtering.column(table, name, needed)
    ids = [id_series(table[one], nulls=True, name=f"{name}.{one}").alias(one) for one in _ID if one in table.columns]
    time = "valid_from" if name == "users" else "ts"
    if time in table.columns:
        micros = micros_or_null(table[time], f"{name}.{time}")
    else:
        micros = pl.repeat(None, len(table), dtype=pl.Int64, eager=True)
    table = table.with_columns(*ids, micros.alias(_TIME))
    if name == "users":
        return table.filter(pl.col("user_id").is_not_null())
    return table if name == "exposures" else table.drop_nulls(["user_id", _TIME])


def _in_order(rows: pl.DataFrame, table: Table, measures: Sequence[Measure]) -> pl.DataFrame:
    """Return the rows in an order that is theirs alone, where the order of a sum can matter.

    Whole numbers add up to the same in any order (to 2^53).
    """
    names = {cast("str", one.aggregate.column) for one in measures if one.aggregate.function == "sum"}
    fractional = [name for name in sorted(names) if _has_fractions(filtering.numbers(rows, table, name))]
    if not fractional:
        return rows
    # Rows of equal time and equal values may change places: they add the same numbers.
    return rows.sort(_TIME, *fractional)


def _has_fractions(values: NDArray[np.float64]) -> bool:
    finite = values[np.isfinite(values)]
    return bool((finite != np.floor(finite)).any())
