"""Group-sequential bounds: how much of alpha each look may spend, and the critical values that spend it."""

from __future__ import annotations

from functools import partial
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from recsys.core.checks import finite_float, one_of
from recsys.core.errors import ArgumentError
from recsys.stats._quadrature import root
from recsys.stats._samples import Float64
from recsys.stats.sequential.crossing import START, Going, crossing_probabilities, looks

Rule = Literal["obrien-fleming", "pocock", "lan-demets-obrien-fleming", "lan-demets-pocock"]
"""The classical bounds of O'Brien & Fleming (1979) and Pocock (1977), for looks at times fixed beforehand, and Lan &
DeMets' (1983) spending functions of both shapes, for looks at any time."""

RULES: tuple[Rule, ...] = get_args(Rule)
_EXPONENTS = {"obrien-fleming": -0.5, "pocock": 0.0}  # Wang & Tsiatis (1987): c × t^(Δ − 1/2)
_NOTHING = 1e-16  # spending less than this at a look means not looking


def alpha_spent(fractions: ArrayLike, *, alpha: float, rule: Rule = "lan-demets-obrien-fleming") -> Float64:
    """Return how much of a one-sided alpha a spending function has spent at each information fraction.

    ``lan-demets-obrien-fleming``: 2 − 2 Φ(z / sqrt(t)) with z the upper alpha / 2 quantile. ``lan-demets-pocock``:
    alpha × log(1 + (e − 1) t). A two-sided test spends alpha / 2 on each side. Beyond 1 nothing is left to spend.

    Parameters
    ----------
    fractions : (n_looks,) array_like
        Information at each look, 1 at the planned end.
    alpha : float
        Of one side.
    rule : str
        ``"lan-demets-obrien-fleming"`` or ``"lan-demets-pocock"``.

    Raises
    ------
    ArgumentError
        A rule that has no spending function.

    Examples
    --------
    >>> alpha_spent([0.5, 1.0], alpha=0.025).round(5).tolist()
    [0.00153, 0.025]
    """
    from scipy.special import ndtr, ndtri

    times = np.minimum(np.asarray(fractions, np.float64), 1.0)
    one_of("rule", rule, [name for name in RULES if name not in _EXPONENTS])
    if rule == "lan-demets-pocock":
        return np.asarray(alpha * np.log1p((np.e - 1) * times))
    with np.errstate(divide="ignore"):
        return np.asarray(2 * ndtr(ndtri(alpha / 2) / np.sqrt(times)))


def group_sequential_bounds(
    fractions: ArrayLike,
    *,
    alpha: float = 0.05,
    sides: Literal[1, 2] = 2,
    rule: Rule = "lan-demets-obrien-fleming",
    last: bool = True,
) -> Float64:
    """Return the critical value of the standardised statistic at each look; two-sided bounds are symmetric.

    Parameters
    ----------
    fractions : (n_looks,) array_like
        Information (matured units) at each look as a share of what was planned, rising.
    alpha : float
        Overall.
    sides : {1, 2}
        Of the test.
    rule : str
        See `Rule`.
    last : bool
        Whether the last of these looks is the end of the experiment: it then spends all that is left, whatever its
        fraction. The classical rules know all their looks beforehand, so it is always the end.

    Returns
    -------
    (n_looks,) float64
        Infinite at a look that may spend next to nothing.

    Raises
    ------
    ArgumentError
        Fractions that do not rise, alpha outside 0…1/2, an unknown rule.

    Examples
    --------
    >>> group_sequential_bounds([0.2, 0.4, 0.6, 0.8, 1.0]).round(3).tolist()
    [4.877, 3.357, 2.68, 2.29, 2.031]
    >>> group_sequential_bounds([0.2, 0.4, 0.6, 0.8, 1.0], rule="pocock").round(3).tolist()
    [2.413, 2.413, 2.413, 2.413, 2.413]
    """
    each = finite_float("alpha", alpha, above=0, below=0.5) / _sides(sides)
    one_of("rule", rule, RULES)
    if rule in _EXPONENTS:
        return _classical(fractions, each, sides, _EXPONENTS[rule])
    spent = alpha_spent(fractions, alpha=each, rule=rule)
    if last:
        spent[-1] = each
    return _spending(fractions, spent, sides)


def _spending(fractions: ArrayLike, spent: Float64, sides: int) -> Float64:
    """Return bounds whose first crossings have the increments of `spent` as their probabilities, on each side."""
    times, steps = looks(fractions)
    bounds, going = np.full(len(times), np.inf), START
    for place, (time, share) in enumerate(zip(times.tolist(), np.diff(spent, prepend=0.0).tolist(), strict=True)):
        if share > _NOTHING:
            bounds[place] = root(partial(_spent_above, going, time, share), -2.0, 9.0)
        low = -bounds[place] if sides == 2 else -np.inf
        going = going.advance(time, low, bounds[place], steps[place])
    return bounds


def _spent_above(going: Going, time: float, share: float, bound: float) -> float:
    return going.above(time, bound) - share


def _classical(fractions: ArrayLike, each: float, sides: int, exponent: float) -> Float64:
    times, _ = looks(fractions)
    shape = (times / times[-1]) ** exponent

    def excess(constant: float) -> float:
        high = constant * shape
        low = -high if sides == 2 else np.full(len(high), -np.inf)
        return float(crossing_probabilities(times, low, high)[1].sum()) - each

    from scipy.special import ndtri

    if len(times) == 1:
        return np.asarray([-ndtri(each)])
    constant = root(excess, -float(ndtri(each)), -float(ndtri(each / len(times))))  # Bonferroni's is too high
    return np.asarray(constant * shape)


def _sides(sides: int) -> int:
    if sides not in (1, 2):
        raise ArgumentError(f"sides is {sides!r}", "1 or 2 was expected")
    return sides
