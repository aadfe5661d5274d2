"""Outcomes that go on accruing: a unit's value changes between looks until its window has ended."""

import numpy as np
import pytest

from recsys.stats import group_sequential_bounds
from recsys.stats.sequential.mixture import boundary, optimal_rho2

DAYS, WINDOW, A_DAY, ROWS = 100, 7, 20, 500


@pytest.fixture(scope="module")
def daily() -> tuple[np.ndarray, np.ndarray]:
    """Return what the units of two arms have done, as (sums or squares, rows, day of entry, day of age).

    The treated do 8 more on the first day and as much less over the other six: over the window there is no effect.
    A unit's own level makes its days alike. What is kept are sums and sums of squares of what the
    units of a day have done by each age.
    """
    rng = np.random.default_rng(1)
    shape = (ROWS, DAYS, A_DAY)
    sums = []
    for turn in (np.zeros(WINDOW), np.array([8.0, *[-8 / 6] * 6])):
        level = rng.gamma(2, size=(*shape, 1)).astype(np.float32)
        so_far = (rng.poisson(level.repeat(WINDOW, axis=-1)) + turn).cumsum(axis=-1)
        sums.append(np.stack([so_far.sum(axis=2), np.square(so_far).sum(axis=2)]))
    return sums[0], sums[1]


def looks(arms: tuple[np.ndarray, np.ndarray], days: range, matured: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return z (rows, looks) of the units of two arms and how many they are, at the ends of days."""
    z, n = [], []
    for day in days:
        entered = day + 1 - WINDOW if matured else day
        ages = np.minimum(day - 1 - np.arange(entered), WINDOW - 1)
        size, error, means = entered * A_DAY, 0.0, []
        for arm in arms:
            total, squares = arm[:, :, np.arange(entered), ages].sum(axis=-1)
            means.append(total / size)
            error = error + (squares / size - means[-1] ** 2) / (size - 1)
        z.append((means[1] - means[0]) / np.sqrt(error))
        n.append(2 * size)
    return np.transpose(z), np.asarray(n)


def test_a_sequence_over_matured_units_keeps_its_guarantee_and_one_over_all_units_does_not(
    daily: tuple[np.ndarray, np.ndarray],
) -> None:
    """Looks on every day from 200 units on; no effect over the window, so that every alarm is false."""
    rho2, alarms = optimal_rho2(0.95, 2000), {}
    for matured in (True, False):
        z, n = looks(daily, range(15, DAYS + 1), matured)
        alarms[matured] = (np.abs(z) > boundary(n * rho2, 0.95)).any(axis=1).mean()
    assert alarms[True] < 0.05 + 3 * np.sqrt(0.05 * 0.95 / ROWS)
    assert alarms[False] > 0.15


def test_information_of_a_group_sequential_design_counts_matured_units(daily: tuple[np.ndarray, np.ndarray]) -> None:
    z, n = looks(daily, range(25, DAYS + 1, 25), matured=True)
    rejected = (np.abs(z) >= group_sequential_bounds(n / n[-1], rule="lan-demets-pocock")).any(axis=1).mean()
    assert rejected == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / ROWS))
