"""How many users an interleaving experiment takes."""

from __future__ import annotations

from math import ceil, sqrt

from recsys.core.checks import finite_float, positive_int
from recsys.core.errors import ArgumentError


def interleaving_power(
    users: int, preference: float, *, spread: float = 1.0, active: float = 1.0, alpha: float = 0.05
) -> float:
    """Return the probability that the two-sided test of no preference rejects.

    The mean of the active users' preferences is taken as normal: with δ = preference √(users × active) / spread the
    power is Φ(δ − z) + Φ(−δ − z), z the quantile of 1 − alpha/2.

    Parameters
    ----------
    users : int
        Users with an interleaved list.
    preference : float
        The true mean preference, −1 to 1.
    spread : float
        Standard deviation of the users' preferences: at most 1 for a small preference (every user prefers one wholly).
    active : float
        Share of the users who click at all.
    alpha : float
        Level of the test.

    Raises
    ------
    ArgumentError
        A number is out of its range.

    Examples
    --------
    >>> round(interleaving_power(1300, 0.1), 3)
    0.95
    """
    from scipy.special import ndtr, ndtri

    users = positive_int("users", users)
    preference, spread, active, alpha = _checked(preference, spread, active, alpha)
    shift, z = abs(preference) * sqrt(users * active) / spread, float(ndtri(1 - alpha / 2))
    return float(ndtr(shift - z) + ndtr(-shift - z))


def interleaving_sample_size(
    preference: float, *, spread: float = 1.0, active: float = 1.0, power: float = 0.8, alpha: float = 0.05
) -> int:
    """Return the smallest number of users with a list that reaches the power; see `interleaving_power`.

    Parameters
    ----------
    preference : float
        The true mean preference, −1 to 1.
    spread : float
        Standard deviation of the users' preferences, at most 1.
    active : float
        Share of the users who click at all.
    power : float
        Probability of finding the preference.
    alpha : float
        Two-sided level of the test.

    Raises
    ------
    ArgumentError
        The preference is 0, or a number is out of its range.

    Examples
    --------
    >>> interleaving_sample_size(0.1, power=0.95), interleaving_sample_size(0.1, power=0.95, active=0.5)
    (1300, 2599)
    """
    from scipy.special import ndtri

    preference, spread, active, alpha = _checked(preference, spread, active, alpha)
    power = finite_float("power", power, above=alpha, below=1)
    if preference == 0:
        raise ArgumentError("the preference is 0", "a preference other than 0 was expected", "no sample shows none")
    wanted = float(ndtri(1 - alpha / 2) + ndtri(power)) * spread / preference
    users = max(1, ceil(wanted * wanted / active))
    # the closed form leaves out the far tail, which can only lower the number
    while users > 1 and interleaving_power(users - 1, preference, spread=spread, active=active, alpha=alpha) >= power:
        users -= 1
    return users


def _checked(preference: float, spread: float, active: float, alpha: float) -> tuple[float, float, float, float]:
    return (
        finite_float("preference", preference, minimum=-1, maximum=1),
        finite_float("spread", spread, above=0),
        finite_float("active", active, above=0, maximum=1),
        finite_float("alpha", alpha, above=0, below=1),
    )
