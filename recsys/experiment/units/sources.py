"""What a source of units is asked for, and what it must answer: the store and a set of frames both do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.experiment.units.maturity import FOREVER
from recsys.experiment.units.measures import Condition, Measure, Table


@dataclass(frozen=True)
class Exposed:
    """The units of an experiment: those with an exposure.

    Attributes
    ----------
    experiment : str
        Its name.
    arms : tuple of str
        The control first; rows of other variants are counted, not used.
    start, end : int
        Microseconds; a first exposure outside is left out. `end` None: no end.
    stages : tuple of int
        Starts of the ramp stages, ascending; empty: one stage. A unit's stage is that of its first exposure, unless
        `entry_prefix` is there.
    entry_prefix : str or None
        What stands before a unit's id in the hash of its entry (docs/assignment.md): then a unit's stage is the one
        that lets it in, whenever it is seen first.
    entry_ends : tuple of int
        Shares of the stages, in 1/10,000.
    decreed : tuple of str
        Ids (as text) of units that were put into an arm by decree; they are counted and left out.
    """

    experiment: str
    arms: tuple[str, ...]
    start: int
    end: int | None = None
    stages: tuple[int, ...] = ()
    decreed: tuple[str, ...] = ()
    entry_prefix: str | None = None
    entry_ends: tuple[int, ...] = ()


@dataclass(frozen=True)
class Active:
    """Units of the past, as if they had been exposed at their first event in a span: for plans and A/A checks.

    Attributes
    ----------
    since, until : int
        Microseconds, half-open. All units are in one arm, named ``all``.
    exclude : tuple of (int, int)
        Spans of time that do not count, half-open: rows in them are as if they were not there.
    """

    since: int
    until: int
    exclude: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class UnitRequest:
    """What a unit table shall hold.

    Attributes
    ----------
    population : Exposed or Active
        Which units.
    measures : mapping of str to Measure
        By column of the table.
    unit : str
        The unit of randomisation: ``user_id``, or a column of the table `users` that maps the data's users to it
        (``account_id`` of profiles).
    attributes : tuple of str
        Columns of `users` wanted for segments and covariates.
    through : int
        Rows of this time or later do not count, microseconds.
    """

    population: Exposed | Active
    measures: Mapping[str, Measure]
    unit: str = "user_id"
    attributes: tuple[str, ...] = ()
    through: int = FOREVER


class Exposures(NamedTuple):
    """Exposure rows of one experiment, in any order.

    Attributes
    ----------
    unit_ids : Series
        (n,) int64 or text; null where a row names no unit.
    variants : Series
        (n,) text.
    times : Series
        (n,) int64 microseconds; null where a row has no time.
    rows : (n,) int64 or None
        How many rows of the source each one stands for (a source may have grouped them by unit and variant, with the
        earliest time; rows without a time are then a group of their own); None: one each.
    """

    unit_ids: pl.Series
    variants: pl.Series
    times: pl.Series
    rows: NDArray[np.int64] | None = None


class Batch(NamedTuple):
    """Rows of a table, in the order in which the source keeps them.

    Attributes
    ----------
    units : (n,) int32
        Place in the ids that were asked for; −1: not one of them.
    times : (n,) int64
        Microseconds.
    passes : mapping of filter to (n,) bool or None
        For each distinct filter asked for, which rows pass it; None: all. Null and NaN are no values: they pass
        nothing.
    values : mapping of str to (n,) float64
        For each column of a ``sum`` or ``max``; NaN where there is no value.
    codes : mapping of str to (n,) int64
        For each column of a ``count_distinct``: equal values have equal codes, in all batches of one call, and −1 is no
        value. ``day`` is the UTC day of the row, unless the table has a column of that name.
    """

    units: NDArray[np.int32]
    times: NDArray[np.int64]
    passes: Mapping[tuple[Condition, ...], NDArray[np.bool_] | None]
    values: Mapping[str, NDArray[np.float64]]
    codes: Mapping[str, NDArray[np.int64]]


class UnitSource(Protocol):
    """Where units and their rows come from. `build_unit_table` asks; the store and `Frames` answer."""

    def exposures(self, experiment: str, *, through: int) -> Exposures:
        """Return the exposures of an experiment before `through`."""
        ...

    def active(self, population: Active, *, unit: str) -> Exposures:
        """Return the first event of every unit in a span, all with the variant ``all``."""
        ...

    def batches(
        self, table: Table, measures: Sequence[Measure], *, unit: str, unit_ids: pl.Series, since: int, until: int
    ) -> Iterator[Batch]:
        """Yield the rows of a table in a span of time, with what the measures need of them, always in one order.

        Parameters
        ----------
        table : {"events", "impressions"}
            The table.
        measures : sequence of Measure
            What is asked of the rows.
        unit : str
            The unit of randomisation.
        unit_ids : polars.Series
            (n_units,) ids; a batch names units by their places in it.
        since, until : int
            Microseconds, half-open.
        """
        ...

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
        """Return the number that an ``expr`` gives for each unit's rows in its window: NaN for NULL, 0 without rows.

        Parameters
        ----------
        measure : Measure
            With an ``expr``.
        unit : str
            The unit of randomisation.
        unit_ids : polars.Series
            (n_units,) ids.
        starts : (n_units,) int64
            First exposures, microseconds: the measure's window counts from them.
        until : int
            Rows of this time or later do not count, microseconds.
        exclude : sequence of (int, int)
            Spans of time that do not count, microseconds, half-open.
        """
        ...

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
        """
        ...

    def seen(self, *, unit: str, unit_ids: pl.Series) -> NDArray[np.bool_]:
        """Return which units occur in the events (or impressions) at any time."""
        ...

    def mapped(self, *, unit: str, unit_ids: pl.Series) -> NDArray[np.bool_]:
        """Return which units are known: of a coarser unit, those that some user belongs to."""
        ...

    def complete_through(self, table: Table) -> int | None:
        """Return how far a table is complete (microseconds); None when nothing is known of it."""
        ...
