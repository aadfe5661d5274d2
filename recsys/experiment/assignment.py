"""Which unit gets which arm: a salted hash of the unit's id, specified to the byte in docs/assignment.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, NamedTuple, SupportsIndex

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError, DataError
from recsys.core.frames import as_polars
from recsys.core.times import instant_micros
from recsys.dataset.vocabulary import Ids, id_series
from recsys.experiment.traffic import PARTS, ten_thousandths
from recsys.experiment.units import filtering
from recsys.kernels import Texts, hash_buckets

if TYPE_CHECKING:
    from recsys.experiment.experiment import Experiment

Instant = str | datetime | date | SupportsIndex
REASONS = ("assigned", "override", "not_started", "ended", "not_targeted", "holdout", "outside_layer", "later_stage")
_ASSIGNED, _OVERRIDE, _NOT_STARTED, _ENDED, _NOT_TARGETED, _HOLDOUT, _OUTSIDE_LAYER, _LATER_STAGE = range(8)
_UNITS_PER_BLOCK = 1 << 20


class Entry(NamedTuple):
    """The units that enter in one stage of a ramp; all bounds are in 1/10,000.

    Attributes
    ----------
    end : int
        Units with an entry bucket below it are in; the first such stage is the unit's own.
    start : int
        When the stage begins, microseconds.
    arm_ends : tuple of int
        The first arm whose end is above the unit's arm bucket is its arm.
    """

    end: int
    start: int
    arm_ends: tuple[int, ...]


class Salts(NamedTuple):
    """What stands before the id of a unit in the texts that are hashed."""

    arm: str
    entry: str
    layer: str | None
    holdout: str | None


def salts(experiment: Experiment) -> Salts:
    """Return the prefixes of an experiment's hashes.

    Each question has its own, so that their answers are independent: who is in a layer says nothing of the arm.
    """
    own = experiment.assignment_salt
    return Salts(
        f"arm:{own}:",
        f"entry:{own}:",
        None if experiment.layer is None else f"layer:{experiment.layer.name}:",
        None if experiment.holdout is None else f"holdout:{experiment.holdout.name}:",
    )


def entries(experiment: Experiment) -> tuple[Entry, ...]:
    """Return the stages in whole numbers."""
    found = []
    for stage in experiment.stages:
        weights = stage.weights or experiment.arms
        parts = [ten_thousandths(f"the weight of {arm}", weights[arm]) for arm in experiment.arm_names]
        ends = tuple(np.cumsum(parts).tolist())
        found.append(Entry(ten_thousandths("share", stage.share), instant_micros("start", stage.start), ends))
    return tuple(found)


def assign(
    experiment: Experiment,
    units: Ids,
    *,
    attributes: object = None,
    at: Instant | None = None,
    n_threads: int | None = None,
) -> pl.DataFrame:
    """Return the arm of each unit, by nothing but its id, the declaration and the time.

    A unit keeps its arm when the ramp goes on. Units in the holdout, or in another part of the layer, never come in.

    Parameters
    ----------
    experiment : Experiment
        The declaration.
    units : iterable of int or str, array or Series
        Ids of the unit of randomisation. 7 and ``"7"`` are one unit.
    attributes : frame, optional
        Needed when the experiment has a `targeting`: one row a unit, with its id in a column named as the
        experiment's unit (or ``unit_id``). A unit that is not in it is not targeted.
    at : str, datetime or int, optional
        The time that counts for the ramp, UTC; None: now.
    n_threads : int, optional
        Threads; by default all cores. The result does not depend on it.

    Returns
    -------
    DataFrame
        ``unit_id``; ``variant``, null for a unit that is not in; ``reason``: ``assigned``, ``override`` (by decree, so
        left out of the analysis), or why it is not in: ``not_started``, ``ended``, ``not_targeted``, ``holdout``,
        ``outside_layer``, ``later_stage``.

    Raises
    ------
    ArgumentError
        The experiment has a targeting and there are no attributes, or its units are assigned elsewhere.
    DataError
        An id is null or no id, or a unit has several rows of attributes.

    Examples
    --------
    >>> from recsys.experiment import Count, Experiment
    >>> plays = Count("plays", event="play")
    >>> test = Experiment("x", {"a": 0.5, "b": 0.5}, control="a", start="2026-06-01", metrics=[plays])
    >>> assign(test, [1, 2, -3], at="2026-06-02")["variant"].to_list()
    ['a', 'a', 'a']
    """
    if isinstance(units, str | bytes | int):
        raise ArgumentError(f"units is {units!r}", "a list of ids was expected", f"use [{units!r}]")
    ids = id_series(units, name="unit_id")
    arms, reasons = assigned_arms(experiment, ids, attributes=attributes, at=at, n_threads=n_threads)
    return pl.DataFrame(
        {
            "unit_id": ids,
            "variant": _words((*experiment.arm_names, None), np.where(arms < 0, len(experiment.arms), arms)),
            "reason": _words(REASONS, reasons),
        }
    )


def assigned_arms(
    experiment: Experiment,
    units: Ids,
    *,
    attributes: object = None,
    at: Instant | None = None,
    n_threads: int | None = None,
) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
    """Return what `assign` says as numbers.

    Returns
    -------
    arms : (n,) int16
        Place in `Experiment.arm_names`, −1 for a unit that is not in.
    reasons : (n,) int8
        Place in `REASONS`.

    Examples
    --------
    >>> from recsys.experiment import Count, Experiment
    >>> plays = Count("plays", event="play")
    >>> test = Experiment("x", {"a": 0.5, "b": 0.5}, control="a", start="2026-06-01", metrics=[plays])
    >>> assigned_arms(test, [1, 2], at="2026-05-01")[0].tolist()
    [-1, -1]
    """
    if experiment.assignment == "elsewhere":
        raise ArgumentError(
            f"{experiment.name} says that its units get their arms elsewhere",
            "an experiment that assigns by the hash was expected",
            "assignment='hash'",
        )
    ids = id_series(units, name="unit_id")
    now = instant_micros("at", datetime.now(UTC) if at is None else at)
    arms = np.empty(len(ids), np.int16)
    reasons = np.empty(len(ids), np.int8)
    for begin in range(0, len(ids), _UNITS_PER_BLOCK):
        block = ids.slice(begin, _UNITS_PER_BLOCK)
        part = slice(begin, begin + len(block))
        arms[part], reasons[part] = _drawn(experiment, _hashable(block), now, n_threads)
    if experiment.targets:
        targeted = _targeted(experiment, ids, attributes)
        reasons[~targeted & (reasons != _NOT_STARTED) & (reasons != _ENDED)] = _NOT_TARGETED
    _decree(experiment, ids, arms, reasons)
    arms[reasons > _OVERRIDE] = -1
    return arms, reasons


def entry_stages(
    units: pl.Series, prefix: str, ends: Sequence[int], *, n_threads: int | None = None
) -> NDArray[np.int16]:
    """Return in which stage of a ramp units enter, (n,) int16; the last one for units that none lets in.

    Parameters
    ----------
    units : Series
        Int64 or String ids.
    prefix : str
        Of the hash of the entry.
    ends : sequence of int
        Shares of the stages, in 1/10,000.
    """
    buckets = hash_buckets(prefix, _hashable(units), n_threads=n_threads)
    places = np.searchsorted(np.array(ends), buckets, side="right")
    return np.minimum(places, len(ends) - 1).astype(np.int16)


def arms_by_hash(experiment: Experiment, units: pl.Series, *, n_threads: int | None = None) -> NDArray[np.int16]:
    """Return the arm that the hash gives each unit, (n,) int16, −1: never in; whatever the time and the targeting.

    Examples
    --------
    >>> from recsys.experiment import Count, Experiment
    >>> plays = Count("plays", event="play")
    >>> test = Experiment("x", {"a": 0.5, "b": 0.5}, control="a", start="2026-06-01", metrics=[plays])
    >>> arms_by_hash(test, pl.Series([1, 2, -3])).tolist()
    [0, 0, 0]
    """
    last = max(stage.start for stage in entries(experiment))
    whole = replace(experiment, targeting=None, end=None)
    return assigned_arms(whole, units, at=last, n_threads=n_threads)[0]


def _drawn(
    experiment: Experiment, units: NDArray[np.int64] | Texts, now: int, n_threads: int | None
) -> tuple[NDArray[np.int16], NDArray[np.int8]]:
    """Return the arm and the reason of each unit, overrides and targeting aside."""
    prefixes, stages = salts(experiment), entries(experiment)
    n = len(units.offsets) - 1 if isinstance(units, Texts) else len(units)
    arms, reasons = np.zeros(n, np.int16), np.zeros(n, np.int8)
    begun = [stage for stage in stages if stage.start <= now]
    if not begun or (experiment.ends is not None and now >= experiment.ends):
        reasons[:] = _ENDED if begun else _NOT_STARTED
        return arms, reasons

    def buckets(prefix: str) -> NDArray[np.int32]:
        """Return the buckets of all units; of numbers only where nothing is decided yet, else 0."""
        open_ = np.flatnonzero(reasons == _ASSIGNED)
        if isinstance(units, Texts) or len(open_) == n:
            return hash_buckets(prefix, units, n_threads=n_threads)
        found = np.zeros(n, np.int32)
        found[open_] = hash_buckets(prefix, units[open_], n_threads=n_threads)
        return found

    def refuse(which: NDArray[np.bool_], reason: int) -> None:
        reasons[which & (reasons == _ASSIGNED)] = reason

    if experiment.holdout is not None and prefixes.holdout is not None:
        refuse(buckets(prefixes.holdout) < ten_thousandths("share", experiment.holdout.share), _HOLDOUT)
    if experiment.layer is not None and prefixes.layer is not None:
        part = [ten_thousandths("layer", bound) for bound in (experiment.layer.begin, experiment.layer.end)]
        refuse(_ranges(part)[buckets(prefixes.layer)] != 1, _OUTSIDE_LAYER)
    own = np.zeros(n, np.int16)
    if stages[0].end < PARTS:  # else all enter at once
        own = _ranges([stage.end for stage in stages])[buckets(prefixes.entry)]
        refuse(own >= len(begun), _LATER_STAGE)
    arm_buckets = buckets(prefixes.arm)
    for place, stage in enumerate(begun):
        np.copyto(arms, _ranges(stage.arm_ends)[arm_buckets], where=own == place)
    return arms, reasons


def _ranges(ends: Sequence[int]) -> NDArray[np.int16]:
    """Return for each bucket the first range whose end lies above it."""
    return np.searchsorted(np.array(ends), np.arange(PARTS), side="right").astype(np.int16)


def _targeted(experiment: Experiment, ids: pl.Series, attributes: object) -> NDArray[np.bool_]:
    if attributes is None:
        names = ", ".join(sorted({one.column for one in experiment.targets}))
        raise ArgumentError(
            f"{experiment.name} has a targeting and attributes is None",
            f"a frame with {experiment.unit} and {names} was expected",
        )
    frame = as_polars(attributes, "attributes", ids=(experiment.unit, "unit_id"))
    key = experiment.unit if experiment.unit in frame.columns else "unit_id"
    known = id_series(filtering.column(frame, "attributes", key), nulls=True, name=key).cast(pl.String)
    passes = filtering.passes(frame, "attributes", experiment.targets)
    if known.drop_nulls().is_duplicated().any():
        raise DataError("a unit has several rows of attributes", "one row a unit was expected")
    inside = known.filter(pl.Series(passes))
    return ids.cast(pl.String).is_in(inside.implode()).to_numpy()


def _decree(experiment: Experiment, ids: pl.Series, arms: NDArray[np.int16], reasons: NDArray[np.int8]) -> None:
    """Give the overridden units their arm, whatever the draw said."""
    if not experiment.overrides:
        return
    texts = ids.cast(pl.String)
    places = np.flatnonzero(texts.is_in(list(experiment.overrides)).to_numpy())
    for place in places.tolist():
        arms[place] = experiment.arm_names.index(experiment.overrides[texts[place]])
        reasons[place] = _OVERRIDE


def _hashable(ids: pl.Series) -> NDArray[np.int64] | Texts:
    if ids.dtype == pl.Int64:
        return np.ascontiguousarray(ids.to_numpy())
    offsets = np.zeros(len(ids) + 1, np.int64)
    np.cumsum(ids.str.len_bytes().to_numpy(), out=offsets[1:])
    return Texts(offsets, np.frombuffer(ids.str.join("").item().encode(), np.uint8))


def _words(words: Sequence[str | None], places: NDArray[np.integer]) -> pl.Series:
    return pl.Series(words, dtype=pl.String).gather(pl.Series(places.astype(np.uint32)))
