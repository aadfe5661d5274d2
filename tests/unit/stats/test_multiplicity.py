from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from recsys.core.errors import ArgumentError
from recsys.stats import benjamini_hochberg, benjamini_yekutieli, hochberg, holm
from recsys.stats._samples import Float64

Adjustment = Callable[[list[float]], Float64]
ALL = {
    "holm": holm,
    "simes-hochberg": hochberg,
    "fdr_bh": benjamini_hochberg,
    "fdr_by": benjamini_yekutieli,
}


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=12, deadline=None)  # statsmodels takes .07 s a call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_it_is_that_of_statsmodels(name: str, pvalues: list[float]) -> None:
    np.testing.assert_allclose(ALL[name](pvalues), multipletests(pvalues, method=name)[1], rtol=1e-9)


@pytest.mark.parametrize("adjust", ALL.values())
def test_tests_that_were_not_made_do_not_count(adjust: Adjustment) -> None:
    found, without = adjust([0.01, np.nan, 0.04]), adjust([0.01, 0.04])
    assert found[[0, 2]].tolist() == without.tolist()
    assert np.isnan(found[1])
    assert len(adjust([])) == 0


@pytest.mark.parametrize("adjust", [holm, hochberg])
def test_family_wise_error_is_kept(adjust: Adjustment) -> None:
    drawn = np.random.default_rng(1).random((4000, 6))
    wrong = [adjust(row).min() <= 0.05 for row in drawn]
    assert np.mean(wrong) == pytest.approx(0.05, abs=0.012)


def test_the_share_of_false_discoveries_is_kept() -> None:
    """15 of 20 hypotheses are true: the rate of Benjamini and Hochberg is then 15 / 20 of the level, exactly."""
    from scipy.special import ndtr

    rng = np.random.default_rng(2)
    shifts = np.repeat([0.0, 3.0], [15, 5])
    pvalues = 2 * ndtr(-np.abs(rng.normal(size=(6000, 20)) + shifts))
    shares = {}
    for adjust in (benjamini_hochberg, benjamini_yekutieli):
        found = np.array([adjust(row) for row in pvalues]) <= 0.1
        shares[adjust] = (found[:, :15].sum(axis=1) / np.maximum(found.sum(axis=1), 1)).mean()
    assert shares[benjamini_hochberg] == pytest.approx(0.075, abs=0.007)  # 3 standard errors
    assert shares[benjamini_yekutieli] < 0.03


@pytest.mark.parametrize("adjust", ALL.values())
def test_a_pvalue_outside_its_range_is_refused(adjust: Adjustment) -> None:
    with pytest.raises(ArgumentError, match="p-value"):
        adjust([0.5, 1.5])
