"""Exact rank counts against sorting by hand, and against the numpy twin."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.sparse import csr_array

from recsys.core.errors import DataError, RecsysError
from recsys.kernels import rank_counts

N_ITEMS = 7
PATTERN = hnp.arrays(np.bool_, (4, N_ITEMS))
SCORES = hnp.arrays(np.float32, (4, N_ITEMS), elements=st.sampled_from([-np.inf, -1.5, 0.0, -0.0, 1.0, 2.0]))


@given(SCORES, PATTERN, PATTERN, PATTERN | hnp.arrays(np.bool_, N_ITEMS))
def test_counts_follow_their_definition(
    scores: np.ndarray, targets: np.ndarray, excluded: np.ndarray, allowed: np.ndarray
) -> None:
    allow = allowed if allowed.ndim == 1 else csr_array(allowed)
    found = rank_counts(scores, csr_array(targets), exclude=csr_array(excluded), allow=allow)
    candidate = (scores > -np.inf) & ~excluded & allowed
    place = 0
    for user in range(len(scores)):
        mine = scores[user][candidate[user]].tolist()
        assert found.candidates[user] == len(mine)
        for item in np.flatnonzero(targets[user]):
            score = scores[user, item]
            if candidate[user, item]:
                expected = sum(other > score for other in mine), mine.count(score) - 1
            else:
                expected = len(mine), 0
            assert (found.greater[place], found.equal[place]) == expected
            place += 1


@settings(deadline=None)
@given(SCORES | hnp.arrays(np.float32, (4, N_ITEMS)), PATTERN, PATTERN, PATTERN | hnp.arrays(np.bool_, N_ITEMS))
def test_twin_gives_the_same_counts_and_errors(
    scores: np.ndarray, targets: np.ndarray, excluded: np.ndarray, allowed: np.ndarray
) -> None:
    allow = allowed if allowed.ndim == 1 else csr_array(allowed)
    outcomes = []
    for choice in ("compiled", "reference"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RECSYS_KERNELS", choice)
            try:
                found = rank_counts(scores, csr_array(targets), exclude=csr_array(excluded), allow=allow)
                outcomes.append([part.tolist() for part in found])
            except RecsysError as error:
                outcomes.append([repr(error)])
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_scores_without_an_order_are_refused(bad: float) -> None:
    scores = np.zeros((3, 4), np.float32)
    scores[1, 2] = bad
    with pytest.raises(DataError, match="user 1"):
        rank_counts(scores, csr_array((3, 4), dtype=np.float32))


def test_threads_change_nothing() -> None:
    rng = np.random.default_rng(1)
    scores = rng.integers(0, 50, (3000, 4000)).astype(np.float32)
    targets = csr_array(rng.random((3000, 4000)) < 0.001)
    one, three = (rank_counts(scores, targets, n_threads=n) for n in (1, 3))
    assert all(left.tobytes() == right.tobytes() for left, right in zip(one, three, strict=True))
