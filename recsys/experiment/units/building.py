"""`build_unit_table`: exposures and rows become one row a unit, in one pass over the rows of each table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import DataError
from recsys.experiment.units.enrolling import Enrolled, enrol
from recsys.experiment.units.maturity import FOREVER, matured
from recsys.experiment.units.measures import TABLES, Condition, Measure, Table
from recsys.experiment.units.per_unit import PerUnit
from recsys.experiment.units.sources import Active, Batch, Exposed, UnitRequest, UnitSource
from recsys.experiment.units.table import UnitTable
from recsys.kernels import DistinctCounts, WindowTotal, WindowTotals


def build_unit_table(source: UnitSource | PerUnit, request: UnitRequest, *, n_threads: int | None = None) -> UnitTable:
    """Return one row for each unit of the request.

    Counts, maxima and distinct counts are exact. Sums are added row by row in the order of the source, so the bytes
    depend neither on threads nor on the source's batches; `Frames` puts its rows into one order first, so that they do
    not depend on the order of its frames either.

    Parameters
    ----------
    source : UnitSource or PerUnit
        Where units and rows come from.
    request : UnitRequest
        What the table shall hold.
    n_threads : int, optional
        Threads; by default all cores.

    Raises
    ------
    NotFoundError
        A table or a column is missing.
    DataError
        The answers of the source do not fit together, or a column has the wrong type.

    Examples
    --------
    >>> from recsys.experiment import Count, Experiment, Frames
    >>> times = pl.from_epoch(pl.Series([0, 0, 3600]), time_unit="s")
    >>> source = Frames(
    ...     exposures={"experiment": ["x"] * 3, "unit_id": [1, 2, 2], "variant": ["a", "b", "b"], "ts": times},
    ...     events={"user_id": [1, 1, 1], "ts": times, "event": ["play", "rate", "play"]},
    ... )
    >>> plays = Count("plays", event="play", window="1h")
    >>> test = Experiment("x", {"a": 0.5, "b": 0.5}, control="a", start="1970-01-01", metrics=[plays])
    >>> table = build_unit_table(source, test.request())
    >>> table, table.columns["plays"].tolist()
    (<UnitTable of 2 units in 2 arms, 1 columns>, [1.0, 0.0])
    """
    if isinstance(source, PerUnit):
        return source.unit_table(request)
    population = request.population
    if isinstance(population, Active):
        exposures = source.active(population, unit=request.unit)
    else:
        exposures = source.exposures(population.experiment, through=request.through)
    units = enrol(exposures, population)
    tables: list[Table] = [table for table in TABLES if any(one.table == table for one in request.measures.values())]
    complete = {table: _complete(source, table, request.through, units) for table in tables}
    through = request.through if request.through < FOREVER else max(complete.values(), default=0)
    columns: dict[str, NDArray[np.float64]] = {}
    left_out: dict[str, int] = {}
    for table in tables:
        measures = {name: one for name, one in request.measures.items() if one.table == table and _is_added_up(one)}
        totals = _Totals(measures, units.first_exposure)
        _add_rows(totals, source, table, request, units, n_threads)
        columns |= totals.columns()
        left_out |= totals.left_out()
    for name, one in request.measures.items():
        if one.aggregate.function == "expr":
            columns[name], left_out[name] = _expression(source, one, request, units)
    return UnitTable(
        arms=population.arms if isinstance(population, Exposed) else ("all",),
        unit_ids=units.unit_ids,
        arm=units.arm,
        first_exposure=units.first_exposure,
        stage=units.stage,
        columns={name: columns[name] for name in request.measures},
        matured={
            name: matured(one, units.first_exposure, complete[one.table]) for name, one in request.measures.items()
        },
        attributes=_attributes(source, request, units),
        seen=source.seen(unit=request.unit, unit_ids=units.unit_ids),
        mapped=None if request.unit == "user_id" else source.mapped(unit=request.unit, unit_ids=units.unit_ids),
        enrolment=units.enrolment,
        through=through,
        complete_through={str(table): instant for table, instant in complete.items()},
        left_out={name: left_out[name] for name in request.measures},
    )


def _complete(source: UnitSource, table: Table, through: int, units: Enrolled) -> int:
    """Return how far a table is complete; where nothing tells, to `through`, or to the last first exposure."""
    known = source.complete_through(table)
    if known is None:
        known = through if through < FOREVER else int(units.first_exposure.max(initial=0))
    return min(known, through)


def _add_rows(
    totals: _Totals, source: UnitSource, table: Table, request: UnitRequest, units: Enrolled, n_threads: int | None
) -> None:
    measures = [one for one in request.measures.values() if one.table == table and _is_added_up(one)]
    if not len(units.unit_ids) or not measures:
        return
    first, last = int(units.first_exposure.min()), int(units.first_exposure.max())
    ends = [request.through if one.end is None else last + one.end for one in measures]
    excluded = request.population.exclude if isinstance(request.population, Active) else ()
    for batch in source.batches(
        table,
        measures,
        unit=request.unit,
        unit_ids=units.unit_ids,
        since=first + min(one.begin for one in measures),
        until=min(request.through, max(ends)),
    ):
        totals.add(_without(batch, excluded), n_threads)


def _is_added_up(measure: Measure) -> bool:
    return measure.aggregate.function != "expr"


def _expression(
    source: UnitSource, measure: Measure, request: UnitRequest, units: Enrolled
) -> tuple[NDArray[np.float64], int]:
    """Return what an expression gives for each unit, and for how many it gives no number: they have 0."""
    if not len(units.unit_ids):
        return np.zeros(0), 0
    values = source.expression(
        measure,
        unit=request.unit,
        unit_ids=units.unit_ids,
        starts=units.first_exposure,
        until=request.through,
        exclude=request.population.exclude if isinstance(request.population, Active) else (),
    )
    known = np.isfinite(values)
    return np.where(known, values, 0.0), int((~known).sum())


def _without(batch: Batch, spans: Sequence[tuple[int, int]]) -> Batch:
    """Return the batch with the rows of some spans belonging to nobody."""
    if not spans:
        return batch
    inside = np.zeros(len(batch.times), dtype=bool)
    for since, until in spans:
        inside |= (batch.times >= since) & (batch.times < until)
    return batch._replace(units=np.where(inside, np.int32(-1), batch.units))


def _attributes(source: UnitSource, request: UnitRequest, units: Enrolled) -> pl.DataFrame:
    found = source.attributes(request.attributes, unit=request.unit, unit_ids=units.unit_ids, at=units.first_exposure)
    if request.attributes and (tuple(found.columns) != request.attributes or len(found) != len(units.unit_ids)):
        raise DataError(
            f"the source gave attributes {found.columns} of {len(found):,} units",
            f"{list(request.attributes)} of {len(units.unit_ids):,} units were expected",
        )
    return found


class _Totals:
    """The columns of one table while they are added up; equal measures share one total."""

    def __init__(self, measures: Mapping[str, Measure], starts: NDArray[np.int64]) -> None:
        self._measures = measures
        distinct = dict.fromkeys(measures.values())
        self._filters = list(dict.fromkeys(one.where for one in distinct if one.where))
        self._names = list(dict.fromkeys(_column(one) for one in distinct if one.aggregate.function in ("sum", "max")))
        self._summed = [one for one in distinct if one.aggregate.function != "count_distinct"]
        self._totals = WindowTotals(starts, [self._total(one) for one in self._summed])
        self._distinct = {
            one: DistinctCounts(starts, one.begin, one.end) for one in distinct if one not in self._summed
        }

    def _total(self, one: Measure) -> WindowTotal:
        return WindowTotal(
            one.aggregate.function,
            one.begin,
            one.end,
            self._filters.index(one.where) if one.where else None,
            self._names.index(_column(one)) if one.aggregate.function in ("sum", "max") else None,
        )

    def add(self, batch: Batch, n_threads: int | None) -> None:
        masks = [_mask(batch, where) for where in self._filters]
        self._totals.add(
            batch.units,
            batch.times,
            masks=masks,
            columns=[batch.values[name] for name in self._names],
            n_threads=n_threads,
        )
        for one, counts in self._distinct.items():
            mask = masks[self._filters.index(one.where)] if one.where else None
            counts.add(batch.units, batch.times, batch.codes[_column(one)], mask, n_threads=n_threads)

    def columns(self) -> dict[str, NDArray[np.float64]]:
        found = dict(zip(self._summed, self._totals.values(), strict=True))
        found |= {one: counts.values() for one, counts in self._distinct.items()}
        return {name: found[one] for name, one in self._measures.items()}

    def left_out(self) -> dict[str, int]:
        found = dict(zip(self._summed, self._totals.left_out.tolist(), strict=True))
        found |= {one: counts.left_out for one, counts in self._distinct.items()}
        return {name: found[one] for name, one in self._measures.items()}


def _column(measure: Measure) -> str:
    return cast("str", measure.aggregate.column)


def _mask(batch: Batch, where: tuple[Condition, ...]) -> NDArray[np.bool_]:
    mask = batch.passes[where]
    return np.ones(len(batch.units), dtype=bool) if mask is None else mask
