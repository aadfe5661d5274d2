"""Whether a log contradicts what an estimator of slates assumes of how users read them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import inf
from typing import NamedTuple

from recsys.core.findings import CheckStatus
from recsys.ope.case import Case
from recsys.ope.checks import Check, Limits, graded
from recsys.ope.diagnostics import unskewed
from recsys.ope.differences import difference
from recsys.ope.named import ESTIMATORS
from recsys.ope.valuing import Valued


class _Assumed(NamedTuple):
    """What an estimator assumes, and the estimators that hold wherever it does, the one that varies least first."""

    consequence: str
    weaker: tuple[str, ...]


_ABOVE = "what a position earns seems to depend on the items below it"
_ASSUMED = {
    "iips": _Assumed("what a position earns seems to depend on the items above it", ("rips", "sips")),
    "rips": _Assumed(_ABOVE, ("sips",)),
    "cascade_dr": _Assumed(_ABOVE, ("sips",)),
    "pseudo_inverse": _Assumed("what a slate earns seems to be no sum of what its items add", ("sips",)),
}


def reading_checks(name: str, case: Case, how: str, value: Valued, reward: str, limits: Limits) -> Iterator[Check]:
    """Yield the check of what an estimator of slates assumes, by one that assumes less on the same slates.

    Where the assumption holds both are unbiased, and differ by chance alone; where it does not, only the weaker one is
    right (the idea of Hausman 1978). The test is as sharp as the weaker estimator is exact.

    Parameters
    ----------
    name : str
        Of the policy.
    case : Case
    how : str
        The estimator; of those that assume nothing there is no check.
    value : Valued
        By it.
    reward : str
    limits : Limits
    """
    if how not in _ASSUMED:
        return
    consequence, weaker = _ASSUMED[how]
    why = {other: case.missing(ESTIMATORS[other]) for other in weaker}
    able = next((other for other in weaker if not why[other]), None)
    if able is None:
        found = Check("reading", "not_run", consequence=why[weaker[0]])
    else:
        found = contradicted(value, case.value(able, reward), consequence, limits)
    yield replace(found, policy=name, reward=reward, estimator=how)


def contradicted(value: Valued, weaker: Valued, consequence: str, limits: Limits = Limits()) -> Check:  # noqa: B008
    """Test that an estimator and one that assumes less agree: a normal test of paired slates, corrected for skewness.

    Parameters
    ----------
    value, weaker : Valued
        On the same units.
    consequence : str
        What it means that they do not.
    limits : Limits
        `level`, `reading`, `flag_reading`; `least_size` for the weaker one, which else cannot know its own variance.
    """
    if weaker.effective_n < limits.least_size:
        told = f"{weaker.estimator}, which assumes less, rests on too few slates to tell ({weaker.effective_n:.0f})"
        return Check("reading", "not_run", consequence=told)
    found = difference(value, weaker)
    if found.status != "ok":
        told = f"{weaker.estimator}, which assumes less, does not differ in a way that could be tested"
        return Check("reading", "not_run", consequence=told)
    from scipy.special import ndtr

    z = unskewed(found.estimate / found.standard_error, value.influence - weaker.influence)
    pvalue = float(2 * ndtr(-abs(z)))
    detail = f"{value.value:.4g}, by {weaker.estimator}, which assumes less, {weaker.value:.4g}; z = {z:.3g}"
    if pvalue >= limits.level:
        return Check("reading", "ok", pvalue, limits.level, detail=detail)
    share = abs(found.estimate / weaker.value) if weaker.value else inf
    verdict = graded(share, fail=limits.reading, flag=limits.flag_reading, low_is_bad=False)
    status: CheckStatus = "warn" if verdict == "estimable" else "fail"
    return Check("reading", status, pvalue, limits.level, consequence, detail, verdict)
