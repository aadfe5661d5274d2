"""`UnitTable`: one row for each unit of an experiment, from which every later question is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.display import Card, Table, Tabular, View, facts
from recsys.experiment.metrics import DAY

UNIT_COLUMNS = ("unit_id", "variant", "first_exposure", "stage", "seen")  # of `UnitTable.to_polars`


class Enrolment(NamedTuple):
    """How exposures became units; counts by arm are in the order of `UnitTable.arms`.

    Attributes
    ----------
    rows : int
        Exposure rows of the experiment by the end of the analysis.
    repeated : int
        Rows beyond a unit's first in an arm: the first one counts.
    units : (n_arms,) int64
        Units whose first exposure lies in the experiment, by arm, those of several arms in each; what the sample ratio
        is tested on.
    in_several_arms : int
        Units exposed in more than one arm: they are left out of the estimates.
    before_start, after_end : int
        Units left out because their first exposure lies outside the experiment. What a unit sees after the end (the
        winner, when all get it) does not put it into several arms.
    decreed : int
        Units left out because they got their arm by decree (`overrides`); they are not in `units` either.
    unknown_variant : mapping of str to int
        Rows with a variant that is none of the arms; ``""`` counts those without one.
    without_unit, without_time : int
        Rows that name no unit or no time.
    """

    rows: int
    repeated: int
    units: NDArray[np.int64]
    in_several_arms: int = 0
    before_start: int = 0
    after_end: int = 0
    decreed: int = 0
    unknown_variant: Mapping[str, int] = {}
    without_unit: int = 0
    without_time: int = 0


class Days(NamedTuple):
    """When units came, UTC.

    Attributes
    ----------
    first : int
        The first day on which any came, since 1970.
    n : int
        Days from that to the last one.
    day : (n_units,) int32
        Of each unit, from 0.
    time : (n_units,) int64
        Of that day, microseconds.
    """

    first: int
    n: int
    day: NDArray[np.int32]
    time: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class UnitTable(Card, Tabular):
    """One row for each unit in exactly one arm, ordered by unit id (integers by value, text by UTF-8 bytes).

    Attributes
    ----------
    arms : tuple of str
        The control first.
    unit_ids : Series
        (n,) int64 or text.
    arm : (n,) int16
        Place in `arms`.
    first_exposure : (n,) int64
        Microseconds since 1970 UTC; windows count from here.
    stage : (n,) int16
        Ramp stage, from 0: the one that lets the unit in, if the experiment's own hash assigns; else that of its first
        exposure. Within a stage every unit has the same chances of the arms.
    columns : mapping of str to (n,) float64
        By the names that `Metric.measures` gives; 0 for a unit without rows, NaN never (see `left_out`).
    matured : mapping of str to (n,) bool
        By column: whether the whole window lies before the end of the data of its table.
    attributes : DataFrame
        n rows: segments and covariates of the unit as of its first exposure; null where nothing is known.
    seen : (n,) bool
        Whether the unit occurs in the data at all, at any time: nothing that joins must not read as zeros.
    mapped : (n,) bool, optional
        Of a unit coarser than users: whether any user belongs to it. None: units are users, or it is not known.
    enrolment : Enrolment
        How units came in, and which were left out.
    through : int
        End of the data that was looked at, microseconds.
    complete_through : mapping of str to int
        By table: how far it is complete, at most `through`.
    left_out : mapping of str to int
        By column: rows in a window whose value was null, NaN or infinite; they count as not there.
    """

    arms: tuple[str, ...]
    unit_ids: pl.Series
    arm: NDArray[np.int16]
    first_exposure: NDArray[np.int64]
    stage: NDArray[np.int16]
    columns: Mapping[str, NDArray[np.float64]]
    matured: Mapping[str, NDArray[np.bool_]]
    attributes: pl.DataFrame
    seen: NDArray[np.bool_]
    enrolment: Enrolment
    through: int
    complete_through: Mapping[str, int]
    left_out: Mapping[str, int]
    mapped: NDArray[np.bool_] | None = None

    @property
    def nobody(self) -> str:
        """Why there are no units, in words."""
        early = self.enrolment.before_start
        return f"nobody was exposed{f' after the start, and {early:,} before it' if early else ''}"

    @cached_property
    def days(self) -> Days:
        """The days of first exposure."""
        day = self.first_exposure // DAY
        first, last = (int(day.min()), int(day.max())) if len(day) else (0, -1)
        return Days(first, last - first + 1, (day - first).astype(np.int32), self.first_exposure - day * DAY)

    @property
    def n_stages(self) -> int:
        """Ramp stages in which units came."""
        return int(self.stage.max()) + 1 if len(self.stage) else 1

    @cached_property
    def strata(self) -> NDArray[np.int32]:
        """Stage of each unit times the number of arms, plus its arm."""
        return self.stage.astype(np.int32) * np.int32(len(self.arms)) + self.arm

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Units by arm."""
        return np.bincount(self.arm, minlength=len(self.arms)).astype(np.int64)

    @cached_property
    def joined(self) -> NDArray[np.int64]:
        """Units by arm that occur in the data."""
        if self.seen.all():
            return self.sizes
        return np.bincount(self.arm[self.seen], minlength=len(self.arms)).astype(np.int64)

    def to_polars(self) -> pl.DataFrame:
        """Return one row a unit: ids, variant, first exposure, stage, seen, attributes, and the columns.

        A value whose window has not ended is null.
        """
        columns = [
            pl.Series(name, values).set(pl.Series(~self.matured[name]), None) for name, values in self.columns.items()
        ]
        own = (
            self.unit_ids,
            pl.Series(self.arms, dtype=pl.String).gather(pl.Series(self.arm.astype(np.uint32))),
            pl.Series(self.first_exposure).cast(pl.Datetime("us")),
            pl.Series(self.stage),
            pl.Series(self.seen),
        )
        units = [values.alias(name) for name, values in zip(UNIT_COLUMNS, own, strict=True)]
        return pl.DataFrame([*units, *self.attributes.get_columns(), *columns])

    def __len__(self) -> int:
        return len(self.arm)

    def card(self) -> View:
        """Return what a notebook shows: units by arm, and the columns."""
        counts = tuple(zip(self.arms, self.sizes.tolist(), self.joined.tolist(), strict=True))
        return facts(
            repr(self)[1:-1], {"columns": ", ".join(self.columns)}, (Table(("arm", "units", "in the data"), counts),)
        )

    def __repr__(self) -> str:
        return f"<UnitTable of {len(self):,} units in {len(self.arms)} arms, {len(self.columns)} columns>"
