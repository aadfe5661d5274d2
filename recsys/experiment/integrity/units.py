"""Checks of how exposures became units: repeats, several arms, assignments, overrides, units nowhere in the data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import did_you_mean
from recsys.core.findings import CheckStatus, graded
from recsys.display import counted
from recsys.experiment.integrity.checks import Check, Thresholds
from recsys.experiment.integrity.outcomes import differing_shares
from recsys.experiment.metrics import PRE
from recsys.experiment.units.table import UnitTable


def exposure_checks(table: UnitTable, limits: Thresholds) -> list[Check]:
    """Return the checks of the exposure rows: repeated ones, units in several arms, rows that could not be used."""
    seen = table.enrolment
    units = int(seen.units.sum()) - seen.in_several_arms  # those of two arms stand in both; of more, nearly so
    share = seen.in_several_arms / units if units > 0 else 0.0
    repeated = seen.repeated / seen.rows if seen.rows else 0.0
    status = graded(share, fail=limits.several_arms, warn=0.0, low_is_bad=False)
    said = {
        "fail": "too many units saw several arms: the decision is blocked",
        "warn": "they are left out of the estimates, and counted for the sample ratio",
    }
    bad = sum(seen.unknown_variant.values()) + seen.without_unit + seen.without_time
    return [
        Check(
            "duplicates", "ok", repeated, None, "the first exposure of a unit counts" if seen.repeated else "",
            f"{seen.repeated:,} of {counted(seen.rows, 'row')} repeat a unit",
        ),
        Check(
            "several-arms", status, share, limits.several_arms, said.get(status, ""),
            f"{counted(seen.in_several_arms, 'unit')} of {units:,}",
        ),
        Check(
            "unusable", "warn" if bad else "ok", bad / seen.rows if seen.rows else 0.0, 0.0,
            "these rows were not used" if bad else "", _unusable(table),
        ),
    ]  # fmt: skip


def _unusable(table: UnitTable) -> str:
    seen = table.enrolment
    unknown = ", ".join(
        " ".join(filter(None, (f"{name!r} {rows:,}", f"({hint})" if (hint := did_you_mean(name, table.arms)) else "")))
        for name, rows in sorted(seen.unknown_variant.items())
    )
    parts = [
        f"variants that are no arms: {unknown}" if unknown else "",
        f"{counted(seen.without_unit, 'row')} without a unit" if seen.without_unit else "",
        f"{counted(seen.without_time, 'row')} without a time" if seen.without_time else "",
        f"{counted(seen.before_start, 'unit')} before the start" if seen.before_start else "",
        f"{counted(seen.after_end, 'unit')} after the end" if seen.after_end else "",
    ]
    return "; ".join(filter(None, parts))


def assignment_checks(table: UnitTable, assigned: NDArray[np.int16] | None, limits: Thresholds) -> list[Check]:
    """Return whether units were shown the arm that they are assigned to, and how many were put there by decree.

    Parameters
    ----------
    table : UnitTable
    assigned : (n,) int16 or None
        Arm that the assignment gives each unit, −1: none; None: it is not known.
    limits : Thresholds
    """
    n, decreed = len(table), table.enrolment.decreed
    placed = Check(
        "overrides", "ok", decreed / (n + decreed) if n + decreed else 0.0, None,
        "they were not drawn: they are left out" if decreed else "", f"{counted(decreed, 'unit')} by decree",
    )  # fmt: skip
    if assigned is None:
        elsewhere = "arms are assigned elsewhere; assignment='hash' says that the experiment assigns"
        return [Check("assignment", "not_run", None, limits.mismatch, elsewhere), placed]
    wrong = int(np.count_nonzero(assigned != table.arm))
    share = wrong / n if n else 0.0
    status = graded(share, fail=limits.mismatch, warn=0.0, low_is_bad=False)
    said = {
        "fail": "units saw another arm than their own: the decision is blocked",
        "warn": "a few units saw another arm than their own",
    }
    told = f"{counted(wrong, 'unit')} of {n:,} in another arm than the assignment gives"
    return [Check("assignment", status, share, limits.mismatch, said.get(status, ""), told), placed]


def seen_check(table: UnitTable, limits: Thresholds) -> Check:
    """Return which share of each arm's units occurs in the data at all: what does not join must not read as zeros.

    Rows that one arm lost read as an effect. Where metrics have a pre-period, arms that differ (χ² within stages) in
    who occurs there block. Who occurs at any time may be an effect: that warns, and the decision's reasons say so.
    """
    enrolled, joined = table.sizes, table.joined
    if (enrolled == 0).all():
        return Check("seen", "fail", 0.0, limits.seen, "there is nothing to decide", table.nobody)
    shares = np.divide(joined, enrolled, out=np.full(len(enrolled), np.nan), where=enrolled > 0)
    told = ", ".join(f"{arm} {100 * share:.1f} %" for arm, share in zip(table.arms, shares, strict=True))
    lowest = float(np.nanmin(shares))
    status: CheckStatus = graded(lowest, fail=limits.seen, warn=limits.seen)
    if status == "fail":
        return Check(
            "seen", status, lowest, limits.seen,
            "exposed units hardly occur in the data: their ids may not match; zeros would be no effects, "
            "the decision is blocked", told,
        )  # fmt: skip
    before = _before(table)
    if before is not None and (lost := differing_shares(before, table)) < limits.balance:
        own = ", ".join(
            f"{arm} {100 * before[table.arm == place].mean():.1f} %" for place, arm in enumerate(table.arms)
        )
        return Check(
            "seen", "fail", lowest, limits.seen,
            "the arms differ in who occurs in the data before exposure, which no effect explains: rows are lost, the "
            "decision is blocked", f"before exposure {own}; p = {lost:.3g}",
        )  # fmt: skip
    differing = differing_shares(table.seen, table)
    if differing < limits.balance:
        return Check(
            "seen", "warn", lowest, limits.seen,
            "the arms differ in who occurs in the data: an effect, or rows lost in one arm, which would make one up",
            f"{told}; p = {differing:.3g}",
        )  # fmt: skip
    if lowest < limits.seen_warn:
        return Check(
            "seen", "warn", lowest, limits.seen,
            "many exposed units never occur in the data, and count as zeros: see that the ids match", told,
        )  # fmt: skip
    return Check("seen", "ok", lowest, limits.seen, "", told)


def _before(table: UnitTable) -> NDArray[np.bool_] | None:
    """Return which units have values in a pre-period; None when no metric has one."""
    early = [values != 0 for name, values in table.columns.items() if name.endswith(PRE)]
    return np.logical_or.reduce(early) if early else None


def mapping_checks(table: UnitTable, limits: Thresholds) -> list[Check]:
    """Return which share of coarser units no user belongs to: whatever anybody does, their values are 0."""
    if table.mapped is None or not len(table):
        return []
    unknown = len(table) - int(np.count_nonzero(table.mapped))
    share = unknown / len(table)
    status = graded(share, fail=limits.unmapped, warn=0.0, low_is_bad=False)
    said = {
        "fail": "exposures name units that no user belongs to (ids of users?): their zeros would be no effects, "
        "the decision is blocked",
        "warn": "no user belongs to these units, so that they count as zeros",
    }
    told = f"{counted(unknown, 'unit')} of {len(table):,} ({100 * share:.1f} %) that no user belongs to"
    return [Check("mapping", status, share, limits.unmapped, said.get(status, ""), told)]


def arms_check(table: UnitTable) -> Check:
    """Return whether every arm has units."""
    sizes = table.sizes
    empty = [arm for arm, size in zip(table.arms, sizes, strict=True) if size == 0]
    told = ", ".join(f"{arm} {size:,}" for arm, size in zip(table.arms, sizes, strict=True))
    if empty:
        return Check("arms", "fail", 0.0, 2.0, f"no units in {', '.join(empty)}: nothing can be compared", told)
    alone = [arm for arm, size in zip(table.arms, sizes, strict=True) if size == 1]
    said = f"one unit in {', '.join(alone)}: nothing can be compared" if alone else ""
    return Check("arms", "fail" if alone else "ok", float(sizes.min()), 2.0, said, told)
