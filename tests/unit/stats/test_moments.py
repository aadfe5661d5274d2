import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.core.threads import single_threaded_blas, thread_limit
from recsys.stats import Moments, grouped_moments


def rows(seed: int, n: int = 5000, k: int = 4) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.gamma(2.0, size=(n, k)) @ rng.normal(size=(k, k)) + rng.normal(size=k) * 10


def assert_equal(found: Moments, expected: Moments, rel: float = 1e-12) -> None:
    assert found.n == expected.n
    np.testing.assert_allclose(found.mean, expected.mean, rtol=rel)
    np.testing.assert_allclose(found.comoments, expected.comoments, rtol=rel, atol=rel * np.abs(found.comoments).max())


def test_moments_are_those_of_numpy() -> None:
    values = rows(1, n=9001)
    found = Moments.of(values)
    np.testing.assert_allclose(found.mean, values.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(found.covariance(), np.cov(values.T), rtol=1e-11)
    np.testing.assert_allclose(found.variance, values.var(axis=0, ddof=1), rtol=1e-11)


def test_merged_parts_are_the_whole_and_empty_parts_change_nothing() -> None:
    values = rows(2)
    parts = [Moments.of(part) for part in np.split(values, [1, 1, 2000, 4999])]
    assert_equal(parts[0].merge(*parts[1:]), Moments.of(values))
    whole = Moments.of(values)
    for found in (whole.merge(Moments.empty(4)), Moments.empty(4).merge(whole, Moments.empty(4))):
        assert found.mean.tobytes() == whole.mean.tobytes()
        assert found.comoments.tobytes() == whole.comoments.tobytes()


@pytest.mark.parametrize("shift", [1e8, -3e10])
def test_a_large_mean_costs_the_variance_nothing(shift: float) -> None:
    values = np.round(np.random.default_rng(3).normal(size=(20_000, 2)) * 2**16) / 2**16  # exact after the shift
    found, plain = Moments.of(values + shift), Moments.of(values)
    np.testing.assert_allclose(found.comoments, plain.comoments, rtol=1e-12)
    merged = Moments.of(values[:7000] + shift).merge(Moments.of(values[7000:] + shift))
    # The distance of two stored means of this size, about 0.01, is off by their last place.
    np.testing.assert_allclose(np.diagonal(merged.comoments), np.diagonal(plain.comoments), rtol=abs(shift) * 2.3e-16)


def test_a_first_value_far_away_costs_nothing() -> None:
    values = np.random.default_rng(4).normal(size=5000)
    values[0] = 1e8
    assert Moments.of(values).variance[0] == pytest.approx(values.var(ddof=1), rel=1e-12)


def test_a_drift_within_the_rows_costs_nothing() -> None:
    noise = np.random.default_rng(14).normal(size=20_000)
    drift = np.repeat([0.0, 1e7, 3e7, 3e7, 3e7], 4000)
    found = Moments.of((noise + drift)[drift == 3e7])
    late = grouped_moments(noise + drift, (drift == 3e7).astype(int), 2)[1]
    exact = ((noise + drift)[drift == 3e7] - 3e7).var(ddof=1)
    assert found.variance[0] == pytest.approx(exact, rel=1e-12)
    assert late.variance[0] == pytest.approx(exact, rel=1e-12)
    jump = np.concatenate([np.zeros(4096), 1e7 + noise[:4096]])
    assert Moments.of(jump).comoments[0, 0] == pytest.approx(jump.var() * 8192, rel=1e-12)


def test_equal_values_have_no_variance_at_all() -> None:
    constant = np.full((10_000, 1), 0.1)
    assert Moments.of(constant).comoments[0, 0] == 0
    assert Moments.of(constant[:3]).merge(Moments.of(constant[:700])).comoments[0, 0] == 0


def test_take_keeps_the_order_asked_for() -> None:
    values = rows(5, n=50)
    assert_equal(Moments.of(values).take([2, 0]), Moments.of(values[:, [2, 0]]))


def test_groups_are_the_moments_of_their_rows() -> None:
    values, groups = rows(6, n=30_000), np.random.default_rng(6).integers(-1, 5, size=30_000)
    groups[groups == 3] = 2
    found = grouped_moments(values, groups, 5)
    assert found[3].n == 0
    for group, part in enumerate(found):
        expected = Moments.of(values[groups == group])
        assert part.n == expected.n
        assert part.comoments.tobytes() == expected.comoments.tobytes()


def test_bytes_do_not_depend_on_threads_or_the_layout() -> None:
    values, groups = rows(7, n=40_000, k=12), np.random.default_rng(7).integers(3, size=40_000)
    with thread_limit(3):
        first = grouped_moments(values, groups, 3)
    with single_threaded_blas(), thread_limit(1):
        second = grouped_moments(np.asfortranarray(values), groups.astype(np.uint8), 3)
    for one, other in zip(first, second, strict=True):
        assert one.mean.tobytes() == other.mean.tobytes()
        assert one.comoments.tobytes() == other.comoments.tobytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(bad: float) -> None:
    values = rows(8, n=100)
    values[17, 1] = bad
    with pytest.raises(ArgumentError, match="1 entries that are NaN or infinite"):
        Moments.of(values)
    with pytest.raises(ArgumentError, match="1 entries"):
        grouped_moments(values, np.zeros(100, np.int64), 1)


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ArgumentError, match="too large"):
        Moments.of([1e200, -1e200])
    with pytest.raises(ArgumentError, match="not numeric"):
        Moments.of(["a"])
    with pytest.raises(ArgumentError, match="shape"):
        Moments.of(np.zeros((2, 2, 2)))
    with pytest.raises(ArgumentError, match="1 columns meet"):
        Moments.empty(2).merge(Moments.empty(1))
    for groups in ([0, 1, 2], [0, -2, 1], [0.0, 1.0, 0.0], [0, 1]):
        with pytest.raises(ArgumentError, match="groups"):
            grouped_moments([1.0, 2.0, 3.0], groups, 2)


def test_no_rows() -> None:
    found = Moments.of(np.zeros((0, 3)))
    assert (found.n, found.mean.tolist()) == (0, [0, 0, 0])
    assert np.isnan(found.variance).all()
    assert [part.n for part in grouped_moments([], np.zeros(0, np.int64), 2)] == [0, 0]
