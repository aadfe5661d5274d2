"""When people watch: more at weekends, mostly in the evening, never across midnight (each day has its catalogue)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from recsys.simulation.settings import DAY, Settings

WEEKEND = 1.3  # a Saturday or Sunday has this many times the sessions of a weekday
# Relative activity by hour of the day; sessions start between 05:00 and 22:00, and last less than two hours.
HOURS = (0, 0, 0, 0, 0, 1, 2, 3, 3, 2, 2, 3, 4, 4, 3, 3, 4, 6, 9, 12, 14, 12, 0, 0)


@dataclass(frozen=True, slots=True)
class Clock:
    """Cumulated day weights ``(days + 1,) float64`` and the cumulated share of each hour ``(25,) float64``."""

    start: int
    cumulated_days: NDArray[np.float64]
    cumulated_hours: NDArray[np.float64]

    def weight_since(self, day: NDArray[np.int32]) -> NDArray[np.float64]:
        """Return the total weight of the days from `day` to the end; days before 0 count as 0, after the end give 0."""
        last = len(self.cumulated_days) - 1
        return np.asarray(self.cumulated_days[-1] - self.cumulated_days[np.clip(day, 0, last)])

    def draw(self, rng: np.random.Generator, first_day: NDArray[np.int32]) -> NDArray[np.int64]:
        """Draw one session start (µs UTC) for each entry, on or after its first day."""
        floor = self.cumulated_days[np.maximum(first_day, 0)]
        target = floor + rng.random(len(first_day)) * (self.cumulated_days[-1] - floor)
        day = np.minimum(np.searchsorted(self.cumulated_days, target, side="right") - 1, len(self.cumulated_days) - 2)
        hour = np.interp(rng.random(len(first_day)), self.cumulated_hours, np.arange(25.0))
        micros = np.minimum((hour * 3.6e9).astype(np.int64), 22 * 3_600_000_000 - 1)
        return np.asarray(self.start + day.astype(np.int64) * DAY + micros)

    def day_of(self, ts: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the day number (0 = the first day) of each time."""
        return ((ts - self.start) // DAY).astype(np.int32)


def build_clock(settings: Settings) -> Clock:
    """Return the clock of a world."""
    weekday = (settings.start // DAY + 3 + np.arange(settings.days)) % 7  # 1970-01-01 was a Thursday; 0 = Monday
    days = np.where(weekday >= 5, WEEKEND, 1.0)
    hours = np.asarray(HOURS, dtype=np.float64)
    return Clock(
        start=settings.start,
        cumulated_days=np.concatenate([[0.0], np.cumsum(days)]),
        cumulated_hours=np.concatenate([[0.0], np.cumsum(hours) / hours.sum()]),
    )
