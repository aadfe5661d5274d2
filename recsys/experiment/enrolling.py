"""From exposures to units: the first exposure counts, one arm each, and everything left out is counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.dataset.vocabulary import id_series
from recsys.experiment.assignment import entry_stages
from recsys.experiment.sources import Active, Exposed, Exposures
from recsys.experiment.unit_table import Enrolment


class Enrolled(NamedTuple):
    """Units in exactly one arm, ordered by id.

    Attributes
    ----------
    unit_ids : Series
        (n,) int64 or text.
    arm : (n,) int16
    first_exposure : (n,) int64
        Microseconds.
    stage : (n,) int16
    enrolment : Enrolment
    """

    unit_ids: pl.Series
    arm: NDArray[np.int16]
    first_exposure: NDArray[np.int64]
    stage: NDArray[np.int16]
    enrolment: Enrolment


def enrol(exposures: Exposures, population: Exposed | Active) -> Enrolled:
    """Return the units of a population.

    Raises
    ------
    DataError
        Unit ids are neither whole numbers nor text.

    Examples
    --------
    >>> shown = Exposures(pl.Series([7, 7, 5]), pl.Series(["b", "b", "a"]), pl.Series([12, 11, 15]))
    >>> units = enrol(shown, Exposed("test", ("a", "b"), start=10))
    >>> units.unit_ids.to_list(), units.arm.tolist(), units.first_exposure.tolist(), units.enrolment.repeated
    ([5, 7], [0, 1], [15, 11], 1)
    """
    if isinstance(population, Active):
        population = Exposed("", ("all",), population.since, population.until)
    rows = _rows(exposures)
    whole = rows.filter(pl.col("unit").is_not_null() & pl.col("time").is_not_null())
    drawn = whole.filter(~pl.col("unit").cast(pl.String).is_in(list(population.decreed)))
    known = drawn.filter(pl.col("variant").is_in(list(population.arms)))
    # Grouped here, whether the source has grouped or not: both give the same counts.
    pairs = known.group_by("unit", "variant").agg(pl.col("time").min(), pl.col("rows").sum())
    units, inside, after = _units(pairs, population)
    alone = units.filter(pl.col("arms") == 1).sort("unit")
    first = alone["time"].to_numpy()
    in_arm = dict(inside.group_by("variant").len().iter_rows())
    enrolment = Enrolment(
        rows=int(rows["rows"].sum()),
        repeated=int(pairs["rows"].sum()) - len(pairs),
        units=np.array([in_arm.get(arm, 0) for arm in population.arms], dtype=np.int64),
        in_several_arms=len(units) - len(alone),
        before_start=_units_before(pairs, population.start),
        after_end=after,
        decreed=whole["unit"].n_unique() - drawn["unit"].n_unique(),
        unknown_variant=_unknown(drawn, population.arms),
        without_unit=int(rows.filter(pl.col("unit").is_null())["rows"].sum()),
        without_time=int(rows.filter(pl.col("unit").is_not_null() & pl.col("time").is_null())["rows"].sum()),
    )
    places_of = {arm: place for place, arm in enumerate(population.arms)}
    arm = alone["variant"].replace_strict(places_of, return_dtype=pl.Int16)
    return Enrolled(alone["unit"], arm.to_numpy(), first, _stages(alone["unit"], first, population), enrolment)


def _stages(units: pl.Series, first: NDArray[np.int64], population: Exposed) -> NDArray[np.int16]:
    """Return the ramp stage of each unit: that of its entry by the hash, or of its first exposure."""
    if population.entry_prefix is not None:
        return entry_stages(units, population.entry_prefix, population.entry_ends)
    places = np.searchsorted(np.array(population.stages, dtype=np.int64), first, side="right")
    return np.maximum(places - 1, 0).astype(np.int16)


def _rows(exposures: Exposures) -> pl.DataFrame:
    n = len(exposures.unit_ids)
    counts = np.ones(n, dtype=np.int64) if exposures.rows is None else exposures.rows
    return pl.DataFrame(
        {
            "unit": id_series(exposures.unit_ids, nulls=True, name="unit_id"),
            "variant": exposures.variants.cast(pl.String),
            "time": exposures.times.cast(pl.Int64),
            "rows": pl.Series(counts, dtype=pl.Int64),
        }
    )


def _units(pairs: pl.DataFrame, population: Exposed) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Return the units that start inside, their pairs of unit and arm, and how many units start after the end."""
    early = pairs if population.end is None else pairs.filter(pl.col("time") < population.end)
    after = pairs["unit"].n_unique() - early["unit"].n_unique()
    firsts = early.group_by("unit").agg(
        pl.col("time").min(), pl.len().alias("arms"), pl.col("variant").sort_by("time", "variant").first()
    )
    units = firsts.filter(pl.col("time") >= population.start)
    return units, early.join(units, on="unit", how="semi"), after


def _units_before(pairs: pl.DataFrame, start: int) -> int:
    """Return how many units have an exposure before the start."""
    return pairs.filter(pl.col("time") < start)["unit"].n_unique()


def _unknown(rows: pl.DataFrame, arms: tuple[str, ...]) -> dict[str, int]:
    unknown = rows.filter(~pl.col("variant").is_in(list(arms)).fill_null(False))
    counted = unknown.group_by(pl.col("variant").fill_null("")).agg(pl.col("rows").sum()).sort("variant")
    return {str(variant): int(n) for variant, n in counted.iter_rows()}
