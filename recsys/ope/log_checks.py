"""Checks of a log by itself, whatever the policy: duplicates, a deterministic logger, calibration, drift."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.ope.checks import Check, Limits
from recsys.ope.diagnostics import clustered_error, clusters_of
from recsys.ope.feedback import LoggedFeedback
from recsys.stats import holm

Rows = NDArray[np.float64]
CANDIDATES = "candidate_set"
_TINIEST = 1e-100  # of a propensity: its inverse has a square
_LEAST_DISTINCT = 10  # that all of them occur an even number of times by chance has a probability of 1 in 1,000
_LEAST_EXPECTED = 20.0  # rows of an item at a position: below it, frequencies say little, and χ² is none


def log_checks(feedback: LoggedFeedback, limits: Limits = Limits()) -> tuple[Check, ...]:  # noqa: B008
    """Return the checks of a log."""
    return (
        _duplicates(feedback, limits),
        _randomness(feedback),
        _identities(feedback),
        _estimated(feedback),
        calibration_check(feedback, limits),
    )


def _duplicates(feedback: LoggedFeedback, limits: Limits) -> Check:
    if not (feedback.has_requests or feedback.times is not None):
        distinct = len(feedback) - feedback.duplicates
        if feedback.copies > 1 and distinct >= _LEAST_DISTINCT:
            told = f"every row is there {feedback.copies} times over: the log was read more than once"
            return Check("duplicates", "fail", float(feedback.copies), 1.0, told,
                         f"{distinct:,} different rows of {len(feedback):,}", "flagged")  # fmt: skip
        told = "rows name no request and no time: equal ones may well be two"
        return Check("duplicates", "not_run", consequence=told)
    share = feedback.duplicates / max(len(feedback), 1)
    detail = f"{feedback.duplicates:,} of {len(feedback):,} rows"
    told = "rows repeat others in all columns: intervals are narrower than the log allows"
    if share > limits.duplicates:
        return Check("duplicates", "fail", share, limits.duplicates, told, detail, "flagged")
    if share:
        return Check("duplicates", "warn", share, limits.duplicates, consequence=told, detail=detail)
    return Check("duplicates", "ok", share, limits.duplicates)


def _randomness(feedback: LoggedFeedback) -> Check:
    """Return whether the logger has left anything to chance."""
    name, known = "randomness", feedback.propensities
    kinds = [kind for kind in (known.position, known.given_above, known.slate) if kind is not None and len(kind)]
    if not kinds:
        told = "the log has no propensities: weighting cannot be used, nor is it known that chance had a part"
        return Check(name, "fail", None, None, told, downgrades="flagged")
    certain = min(float((kind >= 1).mean()) for kind in kinds)
    detail = f"{100 * certain:.3g} % of the rows were certain to be shown"
    if certain == 1:
        told = "the logging policy is deterministic: the log cannot say what other items would have earned"
        return Check(name, "fail", certain, 1.0, told, detail, "not_estimable")
    told = "for these rows the log knows nothing of other items" if certain > 0.5 else ""
    return Check(name, "warn" if told else "ok", certain, 0.5, consequence=told, detail=detail)


def _identities(feedback: LoggedFeedback) -> Check:
    """Return whether the log names requests and users, on which intervals and slates depend."""
    missing = [] if feedback.has_requests else ["requests"]
    nameless = 1.0 if feedback.user_codes is None else float((feedback.user_codes < 0).mean()) if len(feedback) else 0.0
    missing += ["users"] if nameless else []
    if not missing:
        return Check("identities", "ok", 0.0, 0.0)
    told = f"rows name no {' and no '.join(missing)}: intervals take what is not named as independent"
    return Check("identities", "warn", nameless, 0.0, consequence=told)


def _estimated(feedback: LoggedFeedback) -> Check:
    if not feedback.estimated:
        return Check("propensities", "ok", detail="as logged")
    told = "propensities were estimated from the log itself: intervals do not know of their error"
    return Check("propensities", "fail", None, None, told, downgrades="flagged")


class Cells(NamedTuple):
    """How often items stood at positions, and how often they should have, one number a cell."""

    seen: Rows
    expected: Rows
    variance: Rows


def calibration_check(feedback: LoggedFeedback, limits: Limits = Limits()) -> Check:  # noqa: B008
    """Hold logged frequencies against the stated propensities, for each item at each position (Pearson's χ²).

    Only the propensity of what was shown is known, so an item's expected number is the number of rows times the
    harmonic mean of its propensities (the Horvitz–Thompson estimator, read backwards). The rows are those of the
    candidate sets (column ``candidate_set``) in which the item occurs, strictly between its first and last request when
    the log has times: it may have come later, or left earlier. Without candidate sets an item may have been closed to
    some requests, and only an excess is held against the log.
    """
    name, propensity = "calibration", feedback.propensities.position
    if propensity is None or not len(feedback):
        return Check(name, "not_run", consequence="the log has no propensities of positions")
    cells = _cells(feedback, propensity)
    usable = (cells.expected >= _LEAST_EXPECTED) & (cells.variance > 0)
    if not usable.any():
        return Check(name, "not_run", consequence=f"no item was to be expected {_LEAST_EXPECTED:g} times at a position")
    from scipy.special import chdtrc, pdtrc

    seen, expected, variance = (column[usable] for column in cells)
    surplus = seen - expected
    if CANDIDATES in feedback.context.columns:
        pvalue = float(chdtrc(len(seen), (surplus**2 / variance).sum()))
        distance = float(np.abs(surplus).sum() / expected.sum())
        chance = float(np.sqrt(2 / np.pi * variance).sum() / expected.sum())  # E|N(0, v)| = √(2v/π)
    else:
        pvalue = float(holm(pdtrc(seen - 1, expected)).min())
        distance, chance = float(np.maximum(surplus, 0).sum() / expected.sum()), 0.0
    detail = f"{len(seen):,} cells, off by {100 * distance:.3g} % on average ({100 * chance:.3g} % by chance)"
    if pvalue >= limits.level:
        return Check(name, "ok", pvalue, limits.level, detail=detail)
    told = "items were not shown as often as the stated propensities say"
    if distance - chance > limits.calibration:
        return Check(name, "fail", pvalue, limits.level, told, detail, "flagged")
    return Check(name, "warn", pvalue, limits.level, consequence=f"{told}, by little", detail=detail)


def _cells(feedback: LoggedFeedback, propensity: Rows) -> Cells:
    """Return the cells (position, item), each over the candidate sets in which the item occurs."""
    slates, positions = feedback.slates, feedback.positions.astype(np.int64)
    sets = np.zeros(len(slates), np.int64)
    if CANDIDATES in feedback.context.columns:
        sets = feedback.context[CANDIDATES].cast(str).fill_null("").rank("dense").to_numpy().astype(np.int64) - 1
    if feedback.times is not None:  # requests by time
        slates = np.unique(feedback.times, return_inverse=True)[1] * np.int64(feedback.n_slates) + slates
        slates = np.unique(slates, return_inverse=True)[1]
    of_row, first, last, pair_sets, pair_items = _windows(sets, feedback.actions, slates, feedback.times is not None)
    inside = (slates > first[of_row]) & (slates < last[of_row])
    places, place = np.unique(positions, return_inverse=True)
    width, end = len(places), int(slates.max()) + 2
    rows = np.sort((sets * width + place) * (end + 1) + slates + 1)
    groups = (pair_sets[:, None] * width + np.arange(width)) * (end + 1)
    possible = np.searchsorted(rows, groups + last[:, None] + 1, side="left")
    possible -= np.searchsorted(rows, groups + first[:, None] + 1, side="right")
    n_cells = len(feedback.items) * width
    span = np.bincount(
        (pair_items[:, None] * width + np.arange(width)).ravel(), weights=possible.ravel(), minlength=n_cells
    )
    cell, inverse = (
        (feedback.actions.astype(np.int64) * width + place)[inside],
        1 / np.maximum(propensity[inside], _TINIEST),
    )
    seen = np.bincount(cell, minlength=n_cells).astype(np.float64)
    used = (seen > 0) & (span > 0)
    sums = np.bincount(cell, weights=inverse, minlength=n_cells)[used]
    spread = np.bincount(cell, weights=inverse * (inverse - 1), minlength=n_cells)[used]
    seen, span = seen[used], span[used]
    share = seen / sums
    expected = span * share
    return Cells(seen, expected, share**2 * spread * expected / seen)


def _windows(
    sets: NDArray[np.int64], actions: NDArray[np.int32], slates: NDArray[np.int64], windowed: bool
) -> tuple[NDArray[np.int64], ...]:
    """Return the pair (set, item) of each row; the first and last request, the set and the item of each pair.

    What lies strictly between the two is evidence: they open and close the window. Without times all requests are.
    """
    items = int(actions.max()) + 1
    pairs, of_row = np.unique(sets * items + actions, return_inverse=True)
    first, last = np.full(len(pairs), -1, np.int64), np.full(len(pairs), int(slates.max()) + 1, np.int64)
    if windowed:
        first[:], last[:] = last, first
        np.minimum.at(first, of_row, slates)
        np.maximum.at(last, of_row, slates)
    return of_row, first, last, pairs // items, pairs % items


def drift_checks(
    feedback: LoggedFeedback,
    columns: dict[str, Rows],
    limits: Limits = Limits(),  # noqa: B008
) -> tuple[Check, ...]:
    """Return whether rewards or weights differ between log versions and between the halves of time; they only warn.

    Parameters
    ----------
    feedback : LoggedFeedback
    columns : mapping of str to (n,) float64
        What is compared, by name.
    limits : Limits
    """
    parts = dict(_parts(feedback))
    return tuple(_drift(name, values, parts, feedback, limits) for name, values in columns.items())


def _parts(feedback: LoggedFeedback) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    if len(feedback.versions) > 1:
        for code, name in enumerate(feedback.versions):
            yield name, feedback.version_codes == code
    if feedback.times is not None and len(feedback):
        later = feedback.times > np.median(feedback.times)
        yield "the later half", later


def _drift(
    name: str, values: Rows, parts: dict[str, NDArray[np.bool_]], feedback: LoggedFeedback, limits: Limits
) -> Check:
    found = {part: _part_test(values, inside, clusters_of(feedback)) for part, inside in parts.items()}
    tests = {part: test for part, test in found.items() if not math.isnan(test[0])}
    label = f"drift:{name}"
    if not tests:
        return Check(label, "not_run", None, limits.level, consequence="one version, and no times to halve")
    adjusted = holm(np.array([pvalue for pvalue, _ in tests.values()]))
    worst = int(np.argmin(adjusted))
    part, (_, difference) = list(tests.items())[worst]
    detail = f"{part} − the rest: {difference:+.3g}"
    pvalue = float(adjusted[worst])
    if pvalue >= limits.level:
        return Check(label, "ok", pvalue, limits.level, detail=detail)
    told = "parts of the log differ: the estimate is a mean over both"
    return Check(label, "warn", pvalue, limits.level, consequence=told, detail=detail)


def _part_test(values: Rows, inside: NDArray[np.bool_], clusters: NDArray[np.int64] | None) -> tuple[float, float]:
    """Return the p-value and the difference of a part's mean from the rest's (normal, clustered)."""
    n, share = len(values), float(inside.mean())
    if not 0 < share < 1:
        return math.nan, math.nan
    part, rest = float(values[inside].mean()), float(values[~inside].mean())
    influence = np.where(inside, (values - part) / share, -(values - rest) / (1 - share))
    error = clustered_error(influence, clusters)
    difference = part - rest
    if math.isnan(error) or n < 2:
        return math.nan, difference
    from scipy.special import ndtr

    if error == 0:
        return (1.0 if difference == 0 else 0.0), difference
    return float(2 * ndtr(-abs(difference) / error)), difference
