from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array

from recsys.core.errors import RecsysError
from recsys.scoring import top_k

RNG = np.random.default_rng(5)
USERS, ITEMS = RNG.normal(size=(6, 3)), RNG.normal(size=(9, 3))


def test_equals_a_plain_sort() -> None:
    found = top_k(USERS, ITEMS, 4)
    scores = USERS.astype(np.float32) @ ITEMS.astype(np.float32).T
    assert found.indices.dtype == np.int32
    assert found.indices.tolist() == np.argsort(-scores, axis=1, kind="stable")[:, :4].tolist()


def test_filters_of_every_kind() -> None:
    seen = coo_array(([1.0, 1.0], ([0, 5], [3, 4])), shape=(6, 9))
    only = csr_array(np.tile(np.arange(9) < 6, (6, 1)).astype(float))
    found = top_k(USERS, ITEMS, 9, exclude=seen, allow=only, deny=[True] + [False] * 8)
    assert [sorted(set(row.tolist()) - {-1}) for row in found.indices] == [
        [code for code in range(1, 6) if (user, code) not in ((0, 3), (5, 4))] for user in range(6)
    ]


def test_the_callers_matrix_is_left_alone() -> None:
    unsorted = csr_array((np.ones(2, np.float32), np.array([4, 1]), np.array([0, 2])), shape=(1, 9))
    top_k(USERS[:1], ITEMS, 3, exclude=unsorted)
    assert unsorted.indices.tolist() == [4, 1]


@pytest.mark.parametrize("k", [0, -1, 2.5])
def test_bad_k_is_refused(k: object) -> None:
    with pytest.raises(RecsysError, match="k is"):
        top_k(USERS, ITEMS, k)  # type: ignore[arg-type]  # that is the test
