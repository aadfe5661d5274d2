"""Triggered analysis: the units that could have noticed a difference, and what it means for all units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError
from recsys.core.jsonable import fit_for_json
from recsys.display import Interval, Percent, Table, Tabular, View, Viewable, drawn
from recsys.experiment.charts.spans import diluted_chart
from recsys.experiment.units import filtering
from recsys.experiment.units.measures import parse_where
from recsys.experiment.units.table import UnitTable

if TYPE_CHECKING:
    from recsys.experiment.analysis import Analysis
    from recsys.experiment.questions.answers import Answers


class Diluted(NamedTuple):
    """An effect on the triggered units as an effect on all units of the experiment.

    Attributes
    ----------
    metric, arm : str
    triggered : float
        Difference among the triggered units.
    share : float
        Part of the units (a ratio: of the control's denominator) that was triggered.
    difference, ci_low, ci_high : float
        Over all units: the difference times the share.
    relative : float
        Over the control's value of all units.
    """

    metric: str
    arm: str
    triggered: float
    share: float
    difference: float
    ci_low: float
    ci_high: float
    relative: float


@dataclass(frozen=True, eq=False, repr=False)
class Triggered(Viewable, Tabular):
    """The analysis of the triggered units, and its effects diluted to all units.

    Parameters
    ----------
    analysis : Analysis
        Of the triggered units alone, with its own integrity checks: whether a unit triggers must not depend on its arm.
    share : float
        Part of the units that triggered.
    diluted : tuple of Diluted
        Of metrics that are means, shares or ratios.
    """

    analysis: Analysis
    share: float
    diluted: tuple[Diluted, ...]

    def to_polars(self) -> pl.DataFrame:
        """Return the diluted effects, one row each."""
        return pl.DataFrame([one._asdict() for one in self.diluted], schema_overrides={"metric": pl.String})

    @fit_for_json
    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            "share": self.share,
            "triggered": self.analysis.to_dict(),
            "diluted": [one._asdict() for one in self.diluted],
        }

    def view(self) -> View:
        """Return the analysis of the triggered units with the diluted effects below."""
        view = self.analysis.view()
        rows = tuple(
            (f"{one.metric} · {one.arm}", Percent(one.share), one.difference, Interval(one.ci_low, one.ci_high),
             Percent(one.relative, signed=True))
            for one in self.diluted
        )  # fmt: skip
        columns = ("metric · arm", "share", "difference", "interval", "relative")
        title = f"triggered units ({100 * self.share:.1f} %): {view.title}"
        tables = (*view.tables, Table(columns, rows, "diluted to all units"))
        diluted = () if any(check.blocks for check in self.analysis.checks) else drawn(diluted_chart(self))
        return View(title, tables, view.notes, (*diluted, *view.charts))


def trigger_rows(table: UnitTable, where: Mapping[str, object] | NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which units are meant: by a filter on their attributes, or one truth value a unit.

    Raises
    ------
    ArgumentError
        The filter cannot be read, or there is not one truth value a unit.
    NotFoundError
        The units have no such attribute.
    """
    if isinstance(where, Mapping):
        rows = filtering.passes(table.attributes, "the table of units", parse_where(where))
        return np.ones(len(table), np.bool_) if rows is None else rows
    rows = np.asarray(where)
    if rows.shape != (len(table),) or rows.dtype != np.bool_:
        raise ArgumentError(
            f"the units are given as {rows.dtype} of shape {rows.shape}", f"{len(table)} truth values were expected"
        )
    return rows


def subset(table: UnitTable, rows: NDArray[np.bool_]) -> UnitTable:
    """Return the table of some of its units; how they were enrolled is told of these alone."""
    arm = table.arm[rows]
    sizes = np.bincount(arm, minlength=len(table.arms)).astype(np.int64)
    return replace(
        table,
        unit_ids=table.unit_ids.filter(pl.Series(rows)),
        arm=arm,
        first_exposure=table.first_exposure[rows],
        stage=table.stage[rows],
        columns={name: column[rows] for name, column in table.columns.items()},
        matured={name: column[rows] for name, column in table.matured.items()},
        attributes=table.attributes.filter(pl.Series(rows)) if table.attributes.width else table.attributes,
        seen=table.seen[rows],
        mapped=None if table.mapped is None else table.mapped[rows],
        enrolment=table.enrolment._replace(rows=int(sizes.sum()), repeated=0, units=sizes, in_several_arms=0),
    )


def dilute(part: Analysis, whole: Answers, rows: NDArray[np.bool_]) -> tuple[Diluted, ...]:
    """Return the effects of the triggered units as effects on all: the others are taken not to differ at all.

    A difference of means is diluted by the share of units that triggered; one of ratios by the share that the
    triggered units have of the control's denominator (Deng & Hu 2015).
    """
    table, found = whole.table, []
    control = table.arm == 0
    for effect in part.effects:
        if effect.form == "quantile" or effect.status != "ok":
            continue
        share = float(rows.mean())
        if effect.form == "ratio":
            weights = table.columns[f"{effect.metric}.denominator"][control]
            share = float(weights[rows[control]].sum() / weights.sum())
        base = whole.effect(effect.metric, effect.arm).control_value
        difference = effect.difference * share
        found.append(
            Diluted(
                effect.metric, effect.arm, effect.difference, share, difference, effect.ci_low * share,
                effect.ci_high * share, difference / abs(base) if base else np.nan,
            )
        )  # fmt: skip
    return tuple(found)
