"""Group-sequential experiments: power and size of a design, and what may be said at each of its looks."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from recsys.core.checks import finite_float, one_of
from recsys.core.errors import ArgumentError
from recsys.stats._quadrature import root
from recsys.stats._samples import Float64
from recsys.stats.results import Status
from recsys.stats.sequential.crossing import START, Going, crossing_probabilities, looks
from recsys.stats.sequential.spending import RULES, Rule, alpha_spent, group_sequential_bounds

_DRIFTS = 40.0  # effects further from 0, in standard errors of the planned end, are not looked for


class GroupSequentialLook(NamedTuple):
    """What a group-sequential design says at one look.

    Attributes
    ----------
    look : int
        From 1.
    fraction : float
        Information so far over the planned information.
    statistic, bound : float
        The standardised estimate, and what its absolute value (two-sided) must reach to stop; infinite: no test yet.
    crossed : bool
        At this look or one before.
    estimate, standard_error : float
        Of the effect, from all data so far.
    ci_low, ci_high : float
        Repeated confidence interval (Jennison & Turnbull 1989): all looks' intervals hold at once; infinite where the
        bound is.
    alpha_spent : float
        So far, both sides together.
    """

    look: int
    fraction: float
    statistic: float
    bound: float
    crossed: bool
    estimate: float
    standard_error: float
    ci_low: float
    ci_high: float
    alpha_spent: float


class StageWise(NamedTuple):
    """The final inference of a group-sequential experiment that has stopped, by the stage-wise ordering.

    Attributes
    ----------
    estimate : float
        Median unbiased.
    ci_low, ci_high : float
        The interval.
    pvalue : float
        Two-sided (one-sided for one-sided designs).
    look : int
        At which it stopped, from 1.
    naive_estimate : float
        As observed; biased away from 0 by the stopping.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    method : str
        How it was made, in words.
    status : Status
        ``ok``, or why a number is missing.
    """

    estimate: float
    ci_low: float
    ci_high: float
    pvalue: float
    look: int
    naive_estimate: float
    confidence: float
    method: str
    status: Status = "ok"


@dataclass(frozen=True)
class GroupSequential:
    """A group-sequential design: when one looks, and by which rule alpha is spent.

    Parameters
    ----------
    fractions : tuple of float
        Planned information (matured units) at each look as a share of that at the end; rising, the last is 1.
    alpha : float
        Overall.
    sides : {1, 2}
        One side: larger is better.
    rule : str
        See `Rule`. The Lan–DeMets rules allow looks at other times than planned.

    Raises
    ------
    ArgumentError
        Fractions that do not rise to 1, alpha outside 0…1/2, an unknown rule.

    Examples
    --------
    >>> design = GroupSequential.of_looks(5, rule="obrien-fleming")
    >>> design.bounds.round(3).tolist()
    [4.562, 3.226, 2.634, 2.281, 2.04]
    >>> round(design.inflation(power=0.9), 3)
    1.026
    """

    fractions: tuple[float, ...]
    alpha: float = 0.05
    sides: Literal[1, 2] = 2
    rule: Rule = "lan-demets-obrien-fleming"

    def __post_init__(self) -> None:
        times, _ = looks(self.fractions)
        if abs(times[-1] - 1) > 1e-12:
            raise ArgumentError(f"the last fraction is {times[-1]:g}", "1, the end of the experiment, was expected")
        object.__setattr__(self, "fractions", tuple(times.tolist()))
        finite_float("alpha", self.alpha, above=0, below=0.5)
        one_of("rule", self.rule, RULES)

    @classmethod
    def of_looks(
        cls,
        n: int,
        *,
        alpha: float = 0.05,
        sides: Literal[1, 2] = 2,
        rule: Rule = "lan-demets-obrien-fleming",
    ) -> GroupSequential:
        """Return the design with n equally spaced looks.

        Parameters
        ----------
        n : int
            How many looks.
        alpha : float
            Level of the whole test.
        sides : {1, 2}
            Of the test.
        rule : str
            A spending function or boundary: see `group_sequential_bounds`.
        """
        return cls(tuple((place + 1) / n for place in range(n)), alpha, sides, rule)

    @cached_property
    def bounds(self) -> Float64:
        """Critical values of the standardised statistic at the planned looks, (n_looks,)."""
        return group_sequential_bounds(self.fractions, alpha=self.alpha, sides=self.sides, rule=self.rule)

    def stopping(self, drift: float) -> tuple[Float64, Float64]:
        """Return the probability of stopping at each look below and above; drift is the mean of Z at the planned end.

        Examples
        --------
        >>> GroupSequential.of_looks(2).stopping(2.8)[1].round(3).tolist()
        [0.163, 0.635]
        """
        return crossing_probabilities(self.fractions, self._low(self.bounds), self.bounds, drift=drift)

    def power(self, drift: float) -> float:
        """Return the probability of ever crossing; drift is the mean of Z at the planned end."""
        below, above = self.stopping(drift)
        return float(below.sum() + above.sum())

    def expected_fraction(self, drift: float) -> float:
        """Return the expected information at the stop, as a share of the planned end."""
        stops = np.add(*self.stopping(drift))
        stops[-1] = 1 - stops[:-1].sum()
        return float(stops @ np.asarray(self.fractions))

    def drift(self, power: float) -> float:
        """Return the mean of Z at the planned end that gives this power.

        Raises
        ------
        ArgumentError
            A power not between alpha and 1.
        """
        power = finite_float("power", power, above=self.alpha, below=1)
        return root(lambda drift: self.power(drift) - power, 0.0, _DRIFTS)

    def inflation(self, power: float) -> float:
        """Return the largest sample size over that of the design with one look of the same power."""
        one = GroupSequential((1.0,), self.alpha, self.sides, self.rule)
        return (self.drift(power) / one.drift(power)) ** 2

    def futility_bounds(self, power: float, *, rule: Rule = "lan-demets-pocock") -> Float64:
        """Return non-binding futility bounds of a one-sided design: below them, stopping costs no more than planned.

        They spend 1 − power by a spending function under the drift at which the last futility bound meets the last
        efficacy bound (Pampallona & Tsiatis 1994; Lan–DeMets type). The efficacy bounds stay as they are: ignoring
        the futility bounds keeps alpha.

        Raises
        ------
        ArgumentError
            The design has two sides, or the power is not between alpha and 1.

        Examples
        --------
        >>> GroupSequential.of_looks(3, alpha=0.025, sides=1).futility_bounds(0.9).round(2).tolist()
        [0.38, 1.28, 1.99]
        """
        if self.sides != 1:
            raise ArgumentError("the design has two sides", "futility bounds of a one-sided design were expected")
        power = finite_float("power", power, above=self.alpha, below=1)
        spent = alpha_spent(self.fractions, alpha=1 - power, rule=rule)
        drift = root(lambda drift: self._futility(drift, spent)[-1] - self.bounds[-1], 0.5, _DRIFTS / 2)
        return self._futility(drift, spent)

    def look(
        self,
        estimates: ArrayLike,
        standard_errors: ArrayLike,
        fractions: ArrayLike | None = None,
        *,
        last: bool | None = None,
    ) -> tuple[GroupSequentialLook, ...]:
        """Return what the design says at each look so far.

        Parameters
        ----------
        estimates, standard_errors : (n_looks,) array_like
            Of the matured units at each look, oldest first.
        fractions : (n_looks,) array_like, optional
            Their information over the planned information; as planned when left out.
        last : bool, optional
            Whether the newest look ends the experiment and spends what is left; by default when it reaches 1.

        Raises
        ------
        ArgumentError
            Vectors of different lengths, or times that a classical rule has not planned.

        Examples
        --------
        >>> design = GroupSequential.of_looks(4)
        >>> [look.crossed for look in design.look([0.8, 0.9, 0.7], [0.4, 0.28, 0.23])]
        [False, True, True]
        """
        times, values, errors, bounds, spent = self._observed(estimates, standard_errors, fractions, last)
        statistics = values / errors
        reached = np.abs(statistics) if self.sides == 2 else statistics
        crossed = np.logical_or.accumulate(reached >= bounds)
        half = bounds * errors
        top = values + half if self.sides == 2 else np.full(len(values), np.inf)
        rows = zip(times, statistics, bounds, crossed, values, errors, values - half, top, spent, strict=True)
        return tuple(
            GroupSequentialLook(place + 1, float(t), float(z), float(b), bool(c), *map(float, rest))
            for place, (t, z, b, c, *rest) in enumerate(rows)
        )

    def stage_wise(
        self,
        estimates: ArrayLike,
        standard_errors: ArrayLike,
        fractions: ArrayLike | None = None,
        *,
        last: bool | None = None,
    ) -> StageWise:
        """Return the median unbiased estimate, interval and p-value after the first crossing, or at the last look.

        The stage-wise ordering (Armitage 1957; Tsiatis, Rosner & Mehta 1984): earlier crossings are more extreme, and
        at the same look larger statistics. The interval holds whatever the rule of stopping was, as long as the looks
        were at the bounds.

        Parameters
        ----------
        estimates, standard_errors, fractions, last
            As of `look`.

        Examples
        --------
        >>> found = GroupSequential.of_looks(4).stage_wise([0.8, 0.9], [0.4, 0.28])
        >>> round(found.estimate, 2), round(found.ci_low, 2), round(found.ci_high, 2), round(found.pvalue, 4)
        (0.9, 0.35, 1.45, 0.0013)
        """
        times, values, errors, bounds, _ = self._observed(estimates, standard_errors, fractions, last)
        statistics = values / errors
        reached = np.abs(statistics) if self.sides == 2 else statistics
        stop = int(np.argmax(reached >= bounds)) if (reached >= bounds).any() else len(values) - 1
        times, bounds, z = times[: stop + 1], bounds[: stop + 1], float(statistics[stop])

        def at_least(drift: float) -> float:
            return self._more_extreme(times, bounds, z, drift, upper=True)

        unit = float(errors[stop] * np.sqrt(times[stop]))  # of an effect with drift 1
        each, confidence = self.alpha / self.sides, 1 - self.alpha
        reach = (abs(z) + 12) / float(np.sqrt(times[0]))

        def effect(share: float) -> float:
            return unit * root(lambda drift: at_least(drift) - share, -reach, reach)

        low, middle, high = effect(each), effect(0.5), effect(1 - each) if self.sides == 2 else np.inf
        upper = at_least(0.0)
        pvalue = upper if self.sides == 1 else 2 * min(upper, self._more_extreme(times, bounds, z, 0.0, upper=False))
        return StageWise(
            middle, low, high, min(pvalue, 1.0), stop + 1, float(values[stop]), confidence, "stage-wise ordering"
        )

    def _low(self, bounds: Float64) -> Float64:
        return -bounds if self.sides == 2 else np.full(len(bounds), -np.inf)

    def _more_extreme(self, times: Float64, bounds: Float64, z: float, drift: float, *, upper: bool) -> float:
        """Return the probability of an outcome at least as large (or as small) as a stop at the last time with z."""
        low, high = self._low(bounds).copy(), bounds.copy()
        low[-1] = high[-1] = z
        below, above = crossing_probabilities(times, low, high, drift=drift)
        return float(above.sum() if upper else below.sum())

    def _futility(self, drift: float, spent: Float64) -> Float64:
        times, steps = looks(self.fractions)
        bounds, going = np.full(len(times), -np.inf), START
        for place, (time, share) in enumerate(zip(times.tolist(), np.diff(spent, prepend=0.0).tolist(), strict=True)):
            reach = drift * np.sqrt(time) + 9
            if going.below(time, reach, drift) <= share:  # all who are left: the bound has no upper end
                return np.full(len(times), reach)
            bounds[place] = root(partial(_spent_below, going, time, share, drift), -12.0, reach)
            going = going.advance(time, bounds[place], self.bounds[place], steps[place], drift)
        return bounds

    def _observed(
        self, estimates: ArrayLike, standard_errors: ArrayLike, fractions: ArrayLike | None, last: bool | None
    ) -> tuple[Float64, Float64, Float64, Float64, Float64]:
        """Return fractions, estimates, errors, bounds and alpha spent of the looks so far."""
        values, errors = np.asarray(estimates, np.float64), np.asarray(standard_errors, np.float64)
        given = np.asarray(self.fractions[: len(values)] if fractions is None else fractions, np.float64)
        if values.ndim != 1 or not len(values) or not values.shape == errors.shape == given.shape:
            shapes = f"{values.shape}, {errors.shape} and {given.shape}"
            raise ArgumentError(
                f"estimates, errors and fractions have the shapes {shapes}", "equal vectors were expected"
            )
        if not (np.isfinite(values).all() and np.isfinite(errors).all() and (errors > 0).all()):
            raise ArgumentError("an estimate or standard error is missing or 0", "finite numbers were expected")
        done = bool(given[-1] >= 1 - 1e-12) if last is None else last
        if self.rule in ("obrien-fleming", "pocock"):
            if len(given) > len(self.fractions) or not np.allclose(given, self.fractions[: len(given)], atol=1e-9):
                raise ArgumentError(
                    f"there was a look at {given[-1]:g} of the information",
                    f"looks at {', '.join(f'{one:g}' for one in self.fractions)} were expected",
                    "a lan-demets rule allows looks at any time",
                )
            bounds = self.bounds[: len(given)]
        else:
            bounds = group_sequential_bounds(given, alpha=self.alpha, sides=self.sides, rule=self.rule, last=done)
        spent = crossing_probabilities(given, self._low(bounds), bounds)
        return given, values, errors, bounds, np.cumsum(spent[0] + spent[1])


def _spent_below(going: Going, time: float, share: float, drift: float, bound: float) -> float:
    return going.below(time, bound, drift) - share
