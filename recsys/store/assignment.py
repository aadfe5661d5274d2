"""The assignment of an experiment in SQL: the same hash as the kernel's, for databases that have MD5."""

from __future__ import annotations

from itertools import pairwise

from recsys.core.times import instant_micros
from recsys.experiment.assignment import Instant, entries, salts
from recsys.experiment.experiment import Experiment
from recsys.experiment.traffic import PARTS, ten_thousandths
from recsys.store import sql


def bucket_sql(prefix: str, unit: str) -> str:
    """Return the SQL expression of a unit's bucket from 0 to 9,999: `kernels.hash_buckets` in DuckDB.

    Parameters
    ----------
    prefix : str
        What stands before the id, see docs/assignment.md.
    unit : str
        An SQL expression of the id, integer or text.

    Examples
    --------
    >>> bucket_sql("arm:x:", "unit_id")
    "(('0x' || left(md5('arm:x:' || CAST(unit_id AS VARCHAR)), 13))::BIGINT % 10000)"
    """
    return f"(('0x' || left(md5({sql.text(prefix)} || CAST({unit} AS VARCHAR)), 13))::BIGINT % {PARTS})"


def variant_sql(experiment: Experiment, unit: str = "unit_id", *, at: Instant) -> str:
    """Return the SQL expression of a unit's arm at a time, NULL for one that is not in: `experiment.assign` in DuckDB.

    The targeting is left to a WHERE of the query.

    Parameters
    ----------
    experiment : Experiment
    unit : str
        An SQL expression of the id.
    at : str, datetime or int
        The time that counts for the ramp.

    Examples
    --------
    >>> from recsys.experiment import Count
    >>> test = Experiment("x", {"a": 0.5, "b": 0.5}, control="a", start="2026-06-01", metrics=[Count("n")])
    >>> variant_sql(test, at="2026-05-01")
    'CAST(NULL AS VARCHAR)'
    """
    cases = [
        (f"CAST({unit} AS VARCHAR) = {sql.text(key)}", sql.text(arm))
        for key, arm in (experiment.overrides or {}).items()
    ]
    now = instant_micros("at", at)
    if experiment.ends is None or now < experiment.ends:
        cases += _drawn(experiment, unit, now)
    return _case(cases)


def _drawn(experiment: Experiment, unit: str, now: int) -> list[tuple[str, str]]:
    prefixes = salts(experiment)
    cases = []
    if experiment.holdout is not None and prefixes.holdout is not None:
        held = ten_thousandths("share", experiment.holdout.share)
        cases.append((f"{bucket_sql(prefixes.holdout, unit)} < {held}", "NULL"))
    if experiment.layer is not None and prefixes.layer is not None:
        first, last = (ten_thousandths("layer", bound) for bound in (experiment.layer.begin, experiment.layer.end))
        cases.append((f"{bucket_sql(prefixes.layer, unit)} NOT BETWEEN {first} AND {last - 1}", "NULL"))
    stages = [stage for stage in entries(experiment) if stage.start <= now]
    for stage in stages:
        ends = (0, *stage.arm_ends)
        arms = [
            (f"{bucket_sql(prefixes.arm, unit)} < {end}", sql.text(arm))
            for arm, (begin, end) in zip(experiment.arm_names, pairwise(ends), strict=True)
            if end > begin
        ]
        all_in = stage.end == PARTS  # then nothing is hashed
        cases.append(("true" if all_in else f"{bucket_sql(prefixes.entry, unit)} < {stage.end}", _case(arms)))
    return cases if stages else []


def _case(cases: list[tuple[str, str]]) -> str:
    if not cases:
        return "CAST(NULL AS VARCHAR)"
    return f"CASE {' '.join(f'WHEN {condition} THEN {value}' for condition, value in cases)} END"
