"""Pairs coded in different vocabularies meet correctly."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from recsys.dataset import Vocabulary
from recsys.evaluation.pairs import codes_in, extended_codes, kept_pairs, shared_pairs
from recsys.models.serving import recoded

CELLS = st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=6)


def _matrix(cells):
    return csr_array(np.array(cells, dtype=np.float32))


@given(CELLS, st.randoms(use_true_random=False))
def test_shared_pairs_are_those_stored_in_both(cells, random):
    left, right = _matrix(cells), _matrix([[random.random() < 0.5 for _ in row] for row in cells])
    mask = shared_pairs(left, right)
    assert (kept_pairs(left, mask).toarray() == left.toarray() * right.toarray()).all()


@given(CELLS, st.permutations([-1, 0, 2, 3, 5]))
def test_recoded_moves_columns_and_drops_those_without_a_code(cells, codes):
    moved = recoded(_matrix(cells), np.array(codes, np.int32), 6).toarray()
    for column, code in enumerate(codes):
        if code >= 0:
            assert (moved[:, code] == np.array(cells)[:, column]).all()
    assert moved.sum() == sum(row[column] for row in cells for column, code in enumerate(codes) if code >= 0)


def test_unknown_ids_get_codes_after_the_last():
    mine, theirs = Vocabulary.from_ids(["a", "b", "c", "d"]), Vocabulary.from_ids(["b", "d"])
    codes, n_codes = extended_codes(mine, theirs)
    assert codes.tolist() == [2, 0, 3, 1]
    assert n_codes == 4
    assert codes_in(mine, theirs).tolist() == [-1, 0, -1, 1]
    assert codes_in(mine, mine).tolist() == [0, 1, 2, 3]
