import numpy as np
import pytest

from recsys.core.checks import did_you_mean, finite_float, one_of, positive_int
from recsys.core.errors import ArgumentError


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True, None])
def test_positive_int_refuses(value):
    with pytest.raises(ArgumentError, match="k is .*A whole number of at least 1"):
        positive_int("k", value)


def test_numbers_of_numpy_are_numbers():
    assert positive_int("k", np.int32(3)) == 3
    assert finite_float("share", np.float32(0.5)) == 0.5


@pytest.mark.parametrize("value", [0, 1, float("nan"), float("inf"), "x", True])
def test_finite_float_refuses_open_bounds_and_no_numbers(value):
    with pytest.raises(ArgumentError, match="share is"):
        finite_float("share", value, above=0, below=1)


def test_closed_bounds_are_allowed():
    assert finite_float("share", 0, minimum=0) == 0.0
    with pytest.raises(ArgumentError, match="at least 0 and at most 1"):
        finite_float("share", 2, minimum=0, maximum=1)


def test_one_of_suggests_the_nearest():
    with pytest.raises(ArgumentError, match="did you mean 'sum'"):
        one_of("aggregate", "sums", ["sum", "max"])
    assert did_you_mean("ALS", ["als", "bpr"]) == "did you mean 'als'?"
    assert did_you_mean("zzz", ["als"]) == ""
