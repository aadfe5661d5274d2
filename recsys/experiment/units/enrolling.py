"""From exposures to units: the first exposure counts, one arm each, and everything left out is counted."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.dataset.vocabulary import Vocabulary, id_series
from recsys.experiment.assignment import entry_stages
from recsys.experiment.units.sources import Active, Exposed, Exposures
from recsys.experiment.units.table import Enrolment

_NEVER = np.iinfo(np.int64).max


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
    drawn = whole
    if population.decreed:
        drawn = whole.filter(~pl.col("unit").cast(pl.String).is_in(list(population.decreed)))
    known = drawn.filter(pl.col("variant").is_in(list(population.arms)))
    units = Vocabulary.from_ids(known["unit"])
    shown = _first_shown(known, units, population.arms)
    exposed = shown < _NEVER
    early = exposed if population.end is None else shown < population.end
    first = shown.min(axis=0)
    inside = early.any(axis=0) & (first >= population.start)
    alone = inside & (early.sum(axis=0) == 1)
    enrolment = Enrolment(
        rows=int(rows["rows"].sum()),
        repeated=int(known["rows"].sum()) - int(exposed.sum()),
        units=(early & inside).sum(axis=1),
        in_several_arms=int(inside.sum()) - int(alone.sum()),
        before_start=int((first < population.start).sum()),
        after_end=int((~early.any(axis=0)).sum()),
        decreed=whole["unit"].n_unique() - drawn["unit"].n_unique() if population.decreed else 0,
        unknown_variant=_unknown(drawn, population.arms),
        without_unit=int(rows.filter(pl.col("unit").is_null())["rows"].sum()),
        without_time=int(rows.filter(pl.col("unit").is_not_null() & pl.col("time").is_null())["rows"].sum()),
    )
    ids = units.ids.filter(pl.Series(alone))
    arm = early.argmax(axis=0)[alone].astype(np.int16)
    return Enrolled(ids, arm, first[alone], _stages(ids, first[alone], population), enrolment)


def _first_shown(known: pl.DataFrame, units: Vocabulary, arms: tuple[str, ...]) -> NDArray[np.int64]:
    """Return when each unit was first shown each arm, (n_arms, n_units); `_NEVER` where it was not.

    Rows that a source has grouped give the same as the rows themselves.
    """
    places = {arm: place for place, arm in enumerate(arms)}
    arm = known["variant"].replace_strict(places, return_dtype=pl.Int64).to_numpy()
    shown = np.full((len(arms), len(units)), _NEVER)
    np.minimum.at(shown, (arm, units.encode(known["unit"])), known["time"].to_numpy())
    return shown


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


def _unknown(rows: pl.DataFrame, arms: tuple[str, ...]) -> dict[str, int]:
    unknown = rows.filter(~pl.col("variant").is_in(list(arms)).fill_null(False))
    counted = unknown.group_by(pl.col("variant").fill_null("")).agg(pl.col("rows").sum()).sort("variant")
    return {str(variant): int(n) for variant, n in counted.iter_rows()}
