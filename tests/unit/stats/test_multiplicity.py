import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from recsys.core.errors import ArgumentError
from recsys.stats import holm


@settings(max_examples=20, deadline=None)  # statsmodels takes .07 s a call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_that_of_statsmodels(pvalues: list[float]) -> None:
    np.testing.assert_allclose(holm(pvalues), multipletests(pvalues, method="holm")[1], rtol=1e-9)


def test_tests_that_were_not_made_do_not_count() -> None:
    assert holm([0.01, np.nan, 0.04]).tolist()[::2] == [0.02, 0.04]
    assert np.isnan(holm([0.01, np.nan])[1])


def test_family_wise_error_is_kept() -> None:
    rng = np.random.default_rng(1)
    wrong = [holm(rng.random(6)).min() <= 0.05 for _ in range(4000)]
    assert np.mean(wrong) == pytest.approx(0.05, abs=0.012)


def test_a_pvalue_outside_its_range_is_refused() -> None:
    with pytest.raises(ArgumentError, match="p-value"):
        holm([0.5, 1.5])
