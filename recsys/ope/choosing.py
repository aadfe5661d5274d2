"""Which clip, threshold or shrinkage to take: SLOPE, or the least estimated mean squared error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recsys.core.checks import finite_float
from recsys.core.errors import ArgumentError
from recsys.ope.intervals import NO_INTERVAL
from recsys.ope.valuing import Valued

CAVEAT = "chosen on the same log: its interval does not know of the choice, nor of the bias that the choice accepts"


def slope(candidates: Sequence[Valued], *, widths: float = 2.0) -> Valued:
    """Return the candidate that SLOPE chooses (Su, Srinath & Krishnamurthy 2020).

    Candidates are taken from the least biased on while all their intervals, value ± 2 × `widths` standard errors,
    still have a point in common; the last of them is chosen. Needs no estimate of a bias.

    Parameters
    ----------
    candidates : sequence of Valued
        By falling bias is not known, so by order: the least biased (largest clip, threshold or shrinkage) first.
    widths : float
        Standard errors of a deviation that hardly any value exceeds.

    Returns
    -------
    Valued
        The one chosen, with a caveat, and how many there were.

    Raises
    ------
    ArgumentError
        Without a candidate that has a standard error.

    Examples
    --------
    >>> from recsys.ope.estimators import clipped_ips
    >>> rng = np.random.default_rng(1)
    >>> w, r = rng.pareto(2.0, 2000), rng.random(2000)
    >>> dict(slope([clipped_ips(w, r, clip=clip) for clip in (1000.0, 10.0, 0.5)]).parameters)["clip"]
    10.0
    """
    usable = _usable(candidates)
    times = 2 * finite_float("widths", widths, above=0)
    low, high, chosen = -np.inf, np.inf, usable[0]
    for one in usable:
        low = max(low, one.value - times * one.standard_error)
        high = min(high, one.value + times * one.standard_error)
        if low > high:
            break
        chosen = one
    return chosen.named(chosen.estimator, f"SLOPE: {CAVEAT}", candidates=float(len(candidates)))


def least_error(candidates: Sequence[Valued]) -> Valued:
    """Return the candidate of the least estimated mean squared error, bias² + variance.

    The bias is taken to be the difference from the first candidate, less what that difference varies by itself
    (squared, not below 0); the first must be the unbiased one.

    Raises
    ------
    ArgumentError
        Without a candidate that has a standard error.
    """
    usable = _usable(candidates)
    unbiased, errors = usable[0], []
    for one in usable:
        moved, clusters = one.influence - unbiased.influence, one.units.n_clusters
        noise = float(moved @ moved) / (clusters - 1) / clusters
        errors.append(max((one.value - unbiased.value) ** 2 - noise, 0.0) + one.standard_error**2)
    chosen = usable[int(np.argmin(errors))]
    return chosen.named(chosen.estimator, f"least estimated error: {CAVEAT}", candidates=float(len(candidates)))


def _usable(candidates: Sequence[Valued]) -> list[Valued]:
    usable = [one for one in candidates if one.status not in NO_INTERVAL]
    if not usable:
        raise ArgumentError(f"none of {len(candidates)} candidates is estimable", "one at least was expected")
    return usable
