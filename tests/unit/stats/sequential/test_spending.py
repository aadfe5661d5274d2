import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import multivariate_normal, norm

from recsys.core.errors import ArgumentError
from recsys.stats import alpha_spent, crossing_probabilities, group_sequential_bounds
from recsys.stats.sequential.crossing import START

EQUAL = np.arange(1, 6) / 5


@pytest.mark.parametrize(
    ("rule", "n", "constant"),
    [  # Jennison & Turnbull (2000), tables 2.1 and 2.3, two-sided .05
        ("pocock", 2, 2.178),
        ("pocock", 3, 2.289),
        ("pocock", 4, 2.361),
        ("pocock", 5, 2.413),
        ("pocock", 10, 2.555),
        ("obrien-fleming", 2, 1.977),
        ("obrien-fleming", 3, 2.004),
        ("obrien-fleming", 4, 2.024),
        ("obrien-fleming", 5, 2.0401),
        ("obrien-fleming", 10, 2.087),
    ],
)
def test_published_constants(rule: str, n: int, constant: float) -> None:
    digits = len(str(constant).split(".")[1])
    bounds = group_sequential_bounds(np.arange(1, n + 1) / n, rule=rule)
    assert bounds[-1] == pytest.approx(constant, abs=0.6 * 10**-digits)
    slope = 0.5 if rule == "obrien-fleming" else 0.0
    np.testing.assert_allclose(bounds, bounds[-1] * (n / np.arange(1, n + 1)) ** slope, rtol=1e-12)


def test_published_bounds_of_the_spending_functions() -> None:
    """Five equal looks at two-sided .05 as ldbounds prints them; its own integration is good to 1e-4."""
    np.testing.assert_allclose(group_sequential_bounds(EQUAL), [4.8769, 3.3569, 2.6803, 2.2898, 2.0310], atol=1.5e-4)
    np.testing.assert_allclose(
        group_sequential_bounds(EQUAL, rule="lan-demets-pocock"), [2.4380, 2.4268, 2.4101, 2.3966, 2.3859], atol=1.5e-4
    )


def test_two_looks_by_an_integral_of_one_dimension() -> None:
    first, bound, high, drift = 0.3, 2.1, 2.4, 1.3

    def late(z: float) -> float:
        beyond = (high - drift * 0.7 - z * np.sqrt(first)) / np.sqrt(0.7)
        return float(norm.pdf(z, drift * np.sqrt(first)) * norm.sf(beyond))

    expected = quad(late, -bound, bound, epsabs=1e-13)[0]
    found = crossing_probabilities([first, 1.0], [-bound, -high], [bound, high], drift=drift)[1]
    assert found[0] == pytest.approx(norm.sf(bound - drift * np.sqrt(first)), abs=1e-12)
    assert found[1] == pytest.approx(expected, abs=1e-9)


def test_four_uneven_looks_by_the_multivariate_normal() -> None:
    times, low, high = np.array([0.1, 0.35, 0.8, 1.0]), -np.array([2.9, 2.5, 2.2, 2.1]), np.array([3.1, 2.4, 2.3, 2.0])
    correlation = np.sqrt(np.minimum.outer(times, times) / np.maximum.outer(times, times))
    inside = multivariate_normal(cov=correlation, seed=1, maxpts=4_000_000, abseps=1e-8).cdf(high, lower_limit=low)
    below, above = crossing_probabilities(times, low, high)
    assert below.sum() + above.sum() == pytest.approx(1 - inside, abs=1e-6)


def test_steps_of_very_different_lengths() -> None:
    """Finer nodes everywhere change nothing."""
    times, high = [0.05, 0.0502, 0.4, 0.9, 0.9001, 1.0], np.array([3.0, 2.9, 2.4, 2.2, 2.1, 2.0])
    going, found = START, []
    for time, bound in zip(times, high.tolist(), strict=True):
        found.append(going.above(time, bound, 1.0))
        going = going.advance(time, -bound, bound, 5e-5, 1.0)
    np.testing.assert_allclose(crossing_probabilities(times, -high, high, drift=1.0)[1], found, atol=1e-9)


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("rule", ["lan-demets-obrien-fleming", "lan-demets-pocock"])
def test_each_look_spends_its_share(rule: str, sides: int) -> None:
    times = np.array([0.08, 0.21, 0.5, 0.53, 0.97])
    bounds = group_sequential_bounds(times, rule=rule, sides=sides, last=False)
    low = -bounds if sides == 2 else np.full(5, -np.inf)
    below, above = crossing_probabilities(times, low, bounds)
    np.testing.assert_allclose(above.cumsum(), alpha_spent(times, alpha=0.05 / sides, rule=rule), atol=1e-9)
    np.testing.assert_allclose(below, above if sides == 2 else 0, atol=1e-12)


def test_the_last_look_spends_what_is_left_wherever_it_falls() -> None:
    for times in ([0.3, 0.6, 0.8], [0.3, 0.6, 1.2]):
        bounds = group_sequential_bounds(times)
        below, above = crossing_probabilities(times, -bounds, bounds)
        assert below.sum() + above.sum() == pytest.approx(0.05, abs=1e-9)


def test_a_hundred_looks() -> None:
    times = np.arange(1, 101) / 100
    bounds = group_sequential_bounds(times)
    assert np.isinf(bounds[0])  # 1e-100 may be spent
    below, above = crossing_probabilities(times, -bounds, bounds)
    assert below.sum() + above.sum() == pytest.approx(0.05, abs=1e-9)


def test_one_look_is_the_normal_quantile() -> None:
    for rule in ("pocock", "lan-demets-obrien-fleming"):
        assert group_sequential_bounds([1.0], rule=rule) == pytest.approx([norm.isf(0.025)], abs=1e-9)


@pytest.mark.parametrize("times", [[], [0.5, 0.5], [0.5, 0.2], [0.0, 1.0], [0.5, np.nan], [[1.0]]])
def test_times_that_do_not_rise_are_refused(times: list[float]) -> None:
    with pytest.raises(ArgumentError, match="fractions"):
        group_sequential_bounds(times, rule="pocock")


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ArgumentError, match="sides"):
        group_sequential_bounds([1.0], sides=3)
    with pytest.raises(ArgumentError, match="did you mean"):
        group_sequential_bounds([1.0], rule="pococks")
    with pytest.raises(ArgumentError, match="rule"):
        alpha_spent([1.0], alpha=0.05, rule="pocock")
