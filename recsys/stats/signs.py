"""The sign test: how many units are better, how many worse."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from recsys.core.checks import positive_int
from recsys.stats._samples import level
from recsys.stats.results import Status


class SignTest(NamedTuple):
    """An exact sign test.

    Attributes
    ----------
    share : float
        Wins among the units that are not ties; NaN when there are none.
    ci_low, ci_high : float
        Clopper–Pearson interval of the share; NaN when the status is not ``ok``.
    pvalue : float
        Two-sided, exact; NaN when the status is not ``ok``.
    wins, ties, losses : int
        Units on which the treatment did better, the same, worse.
    confidence : float
        Of the intervals: 0.95 is 95 %.
    status : Status
        ``ok``, or why a number is missing.
    """

    share: float
    ci_low: float
    ci_high: float
    pvalue: float
    wins: int
    ties: int
    losses: int
    confidence: float
    status: Status = "ok"


def sign_test(wins: int, losses: int, ties: int = 0, *, confidence: float = 0.95) -> SignTest:
    """Return the exact test that a unit is as likely to win as to lose; ties are left out.

    Under that hypothesis the wins are binomial(wins + losses, 1/2); the p-value is twice the smaller tail, at most 1.
    The interval is that of Clopper & Pearson (1934): it covers at least as often as it says.

    Parameters
    ----------
    wins, losses, ties : int
        Units.
    confidence : float
        Of the intervals: 0.95 is 95 %.

    Raises
    ------
    ArgumentError
        A count is below 0.

    Examples
    --------
    >>> found = sign_test(9, 1)
    >>> round(found.pvalue, 4), round(found.ci_low, 3), round(found.ci_high, 3)
    (0.0215, 0.555, 0.997)
    """
    wins, losses, ties = (
        positive_int(name, count, minimum=0) for name, count in (("wins", wins), ("losses", losses), ("ties", ties))
    )
    confidence, n = level(confidence), wins + losses
    if n == 0:
        return SignTest(np.nan, np.nan, np.nan, np.nan, wins, ties, losses, confidence, "too_few")
    from scipy.special import bdtr, betaincinv

    tail = (1 - confidence) / 2
    low = float(betaincinv(wins, losses + 1, tail)) if wins else 0.0
    high = float(betaincinv(wins + 1, losses, 1 - tail)) if losses else 1.0
    pvalue = min(1.0, 2.0 * float(bdtr(min(wins, losses), n, 0.5)))
    return SignTest(wins / n, low, high, pvalue, wins, ties, losses, confidence)
