import numpy as np
import pytest

from recsys.core.errors import ArgumentError
from recsys.stats import winsorise


def test_the_threshold_is_an_observed_value_that_enough_lie_below() -> None:
    values = np.random.default_rng(1).lognormal(size=1001)
    found = winsorise(values, quantile=0.99)
    assert found.threshold in values
    assert np.mean(values <= found.threshold) >= 0.99 > np.mean(values < found.threshold)
    assert found.n_capped == (values > found.threshold).sum() == 10
    assert found.values.max() == found.threshold
    assert (found.values[values <= found.threshold] == values[values <= found.threshold]).all()


def test_a_given_threshold_and_empty_samples() -> None:
    assert winsorise([1, 5, 7], at=5)[1:] == (5.0, 1)
    assert np.isnan(winsorise([], quantile=0.9).threshold)


@pytest.mark.parametrize("arguments", [{}, {"quantile": 0.9, "at": 1}, {"quantile": 1.0}, {"at": np.inf}])
def test_wrong_arguments_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(ArgumentError):
        winsorise([1.0, 2.0], **arguments)
    with pytest.raises(ArgumentError, match="NaN"):
        winsorise([1.0, np.nan], at=1.0)
