"""`PerUnit`: a ready-made frame with one row a unit, for data that somebody else has added up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean, one_of
from recsys.core.errors import DataError, NotFoundError
from recsys.core.frames import as_polars
from recsys.dataset.vocabulary import id_series
from recsys.experiment.times import micros_or_null
from recsys.experiment.units import filtering
from recsys.experiment.units.enrolling import Enrolled, enrol
from recsys.experiment.units.maturity import FOREVER, matured
from recsys.experiment.units.measures import Measure
from recsys.experiment.units.sources import Active, Exposed, Exposures, UnitRequest
from recsys.experiment.units.table import UnitTable

_UNIT, _VARIANT, _TIME, _METRIC = "__unit", "__variant", "__time", "__metric."
Missing = Literal["raise", "zero", "exclude"]


class PerUnit:
    """A frame with one row a unit: its variant, and for each metric a column of that name.

    A ratio has the columns ``name.numerator`` and ``name.denominator``; a metric with a pre-period has the same columns
    with ``.pre`` behind them; segments and covariates are columns of their own names. What metrics say of events,
    filters and windows was for those who made the frame.

    Equal rows are counted as repeated exposures, and one of them is used. A unit with different rows of one variant is
    an error; a unit of several variants is left out, as everywhere. What was first exposed after the end of the
    experiment does not count.

    Parameters
    ----------
    frame : frame
        polars, pandas or Arrow.
    unit : str
        The column of unit ids.
    variant : str
        The column of variants.
    first_exposure : str, optional
        The column of the times of the first exposure; None: all at the start, and all windows have ended.
    columns : mapping of str to str, optional
        Columns of the frame by what the metrics call them: ``{"completion.numerator": "minutes"}``.
    missing : {"raise", "zero", "exclude"}
        What a null, NaN or infinite value of a metric means: an error, 0, or that the unit does not count for this
        metric. The last two are counted in `UnitTable.left_out`.

    Examples
    --------
    >>> from recsys.experiment import Experiment, Mean, build_unit_table
    >>> games = PerUnit({"userid": [1, 2, 3], "version": ["a", "b", "b"], "rounds": [3, 5, 4]},
    ...                 unit="userid", variant="version")
    >>> test = Experiment("gate", {"a": 0.5, "b": 0.5}, control="a", start="2026-06-08", metrics=[Mean("rounds")])
    >>> build_unit_table(games, test.request()).columns["rounds"].tolist()
    [3.0, 5.0, 4.0]
    """

    def __init__(
        self,
        frame: object,
        *,
        unit: str = "unit_id",
        variant: str = "variant",
        first_exposure: str | None = None,
        columns: Mapping[str, str] | None = None,
        missing: Missing = "raise",
    ) -> None:
        one_of("missing", missing, ("raise", "zero", "exclude"))
        self._frame = as_polars(frame, ids=(unit,))
        self._names, self._missing = dict(columns or {}), missing
        self._units = id_series(filtering.column(self._frame, "frame", unit), nulls=True, name=unit)
        self._variants = filtering.column(self._frame, "frame", variant).cast(pl.String)
        self._times = None
        if first_exposure is not None:
            times = filtering.column(self._frame, "frame", first_exposure)
            self._times = micros_or_null(times, first_exposure)

    def __repr__(self) -> str:
        return f"<PerUnit of {len(self._frame):,} rows>"

    def unit_table(self, request: UnitRequest) -> UnitTable:
        """Return the table of units.

        Raises
        ------
        NotFoundError
            A column is missing.
        DataError
            A unit has different rows of one variant, or a value is missing or has the wrong type.
        """
        population, start = request.population, _start(request)
        arms = population.arms if isinstance(population, Exposed) else ("all",)
        rows = self._rows(request, start)
        units = enrol(Exposures(rows[_UNIT], rows[_VARIANT], rows[_TIME]), population)
        rows = _one_a_unit(rows, units, arms, _end(request))
        through = self._through(request, units, start)
        values = {name: self._values(rows, name, measure) for name, measure in request.measures.items()}
        known = {name: np.isfinite(column) for name, column in values.items()}
        return UnitTable(
            arms=arms,
            unit_ids=units.unit_ids,
            arm=units.arm,
            first_exposure=units.first_exposure,
            stage=units.stage,
            columns={name: np.where(known[name], column, 0.0) for name, column in values.items()},
            matured={
                name: self._ended(measure, units, request.through) & (known[name] | (self._missing == "zero"))
                for name, measure in request.measures.items()
            },
            attributes=rows.select(request.attributes),
            seen=np.ones(len(rows), dtype=bool),
            enrolment=units.enrolment,
            through=through,
            complete_through={measure.table: through for measure in request.measures.values()},
            left_out={name: int(np.count_nonzero(~one)) for name, one in known.items()},
        )

    def _rows(self, request: UnitRequest, start: int) -> pl.DataFrame:
        """Return the rows with what the request asks for, as far as they were exposed before its end."""
        attributes = [filtering.column(self._frame, "frame", name) for name in request.attributes]
        asked = [self._column(name).alias(_METRIC + name) for name in request.measures]
        times = pl.repeat(start, len(self._frame), dtype=pl.Int64, eager=True) if self._times is None else self._times
        variants = self._variants
        if isinstance(request.population, Active):
            variants = pl.repeat("all", len(self._frame), eager=True)
        rows = pl.DataFrame(
            [self._units.alias(_UNIT), variants.alias(_VARIANT), times.alias(_TIME), *attributes, *asked]
        )
        return rows.filter(pl.col(_TIME).is_null() | (pl.col(_TIME) < request.through))

    def _column(self, name: str) -> pl.Series:
        given = self._names.get(name, name)
        if given not in self._frame.columns:
            raise NotFoundError(
                f"frame has no column {given!r}",
                f"it has {', '.join(self._frame.columns)}",
                did_you_mean(given, self._frame.columns) or f"columns={{{name!r}: …}} says what it is called",
            )
        return filtering.column(self._frame, "frame", given)

    def _values(self, rows: pl.DataFrame, name: str, measure: Measure) -> NDArray[np.float64]:
        """Return the values of the units, NaN where there is none."""
        given = self._names.get(name, name)
        values = filtering.numbers(rows.select(pl.col(_METRIC + name).alias(given)), "frame", given)
        finite = np.isfinite(values)
        if self._missing == "raise" and not finite.all():
            raise DataError(
                f"{given} is null, NaN or infinite for {np.count_nonzero(~finite):,} of {len(values):,} units",
                "a number for each unit was expected",
                "missing='zero' or missing='exclude' says what that means",
            )
        if measure.aggregate.function == "any" and not np.isin(values[finite], (0.0, 1.0)).all():
            raise DataError(f"{given} is a share of units and holds other values", "only 0 and 1 were expected")
        return np.where(finite, values, np.nan)

    def _through(self, request: UnitRequest, units: Enrolled, start: int) -> int:
        """Return the end of the data: without times it is that of the last window, for all have ended."""
        if request.through < FOREVER:
            return request.through
        last = int(units.first_exposure.max(initial=start)) + 1
        end = _end(request)
        if self._times is not None or end is None:
            return last
        return max(last, end + max((one.end or 0 for one in request.measures.values()), default=0))

    def _ended(self, measure: Measure, units: Enrolled, through: int) -> NDArray[np.bool_]:
        if self._times is None or through == FOREVER:
            return np.ones(len(units.arm), dtype=bool)
        return matured(measure, units.first_exposure, through)


def _start(request: UnitRequest) -> int:
    population = request.population
    return population.since if isinstance(population, Active) else population.start


def _end(request: UnitRequest) -> int | None:
    population = request.population
    return population.until if isinstance(population, Active) else population.end


def _one_a_unit(rows: pl.DataFrame, units: Enrolled, arms: tuple[str, ...], end: int | None) -> pl.DataFrame:
    """Return the row of each unit, in their order; equal rows are one, and those after the end are none."""
    kept = rows.filter(
        pl.col(_UNIT).is_in(units.unit_ids.implode()),
        pl.col(_VARIANT).is_in(list(arms)),
        pl.col(_TIME) < (FOREVER if end is None else end),
    )
    distinct = kept.unique().sort(_UNIT)
    if len(distinct) > len(units.unit_ids):
        twice = distinct[_UNIT].filter(distinct[_UNIT].is_duplicated())
        raise DataError(
            f"unit {twice[0]!r} and {twice.n_unique() - 1:,} others have several different rows of one variant",
            "one row a unit was expected",
            "add them up first",
        )
    return distinct
