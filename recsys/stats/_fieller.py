"""Intervals of a quotient whose denominator is uncertain (Fieller 1954)."""

from __future__ import annotations

from math import inf, sqrt
from typing import NamedTuple


class Quotient(NamedTuple):
    """A top over a bottom that is not 0, with the variances of both and their covariance."""

    top: float
    bottom: float
    top_variance: float
    bottom_variance: float
    covariance: float

    @property
    def standard_error(self) -> float:
        """By the delta method."""
        ratio = self.top / self.bottom
        spread = self.top_variance - 2 * ratio * self.covariance + ratio * ratio * self.bottom_variance
        return sqrt(max(spread, 0.0)) / abs(self.bottom)

    def uncertainty(self, quantile: float) -> float:
        """Return Fieller's g: below 0.05 the delta method is as good, from 1 on there is no finite interval."""
        return quantile * quantile * self.bottom_variance / (self.bottom * self.bottom)

    def interval(self, quantile: float) -> tuple[float, float]:
        """Return the r for which top − r bottom lies within so many standard errors of 0; infinite if unbounded."""
        square = quantile * quantile
        leading = self.bottom * self.bottom - square * self.bottom_variance
        if leading <= 0:
            return -inf, inf
        middle = self.top * self.bottom - square * self.covariance
        inside = (
            self.bottom * self.bottom * self.top_variance
            - 2 * self.top * self.bottom * self.covariance
            + self.top * self.top * self.bottom_variance
            - square * (self.bottom_variance * self.top_variance - self.covariance * self.covariance)
        )
        half = quantile * sqrt(max(inside, 0.0))
        return (middle - half) / leading, (middle + half) / leading
