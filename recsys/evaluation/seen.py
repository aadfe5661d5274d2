"""What users had seen before they were tested: in training, or in the histories that are folded in."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys.core.threads import row_chunks
from recsys.dataset import Dataset, Vocabulary
from recsys.evaluation.pairs import codes_in, shared_pairs
from recsys.kernels import Csr
from recsys.models.base import Recommender
from recsys.models.serving import Codes, recoded, take_rows

_USERS_PER_CHUNK = 1 << 16


def seen_rows(model: Recommender, rows: Codes, history: Dataset | None = None) -> Csr:
    """Return the (n, n_items) pattern, in the model's codes, of what the users had seen.

    Parameters
    ----------
    model : fitted model
        Its training pairs count.
    rows : (n,) int32
        Codes of ``model.users_``; −1 = unknown, nothing seen.
    history : Dataset, optional
        With the model's users: whoever has events in it is served from it alone.
    """
    if history is None:
        return take_rows(model.seen_, rows)
    folded = (rows >= 0) & (history.user_events[rows] > 0)
    pairs = take_rows(history.pairs(), np.where(folded, rows, np.int32(-1)))
    if history.items != model.items_:
        pairs = recoded(pairs, codes_in(history.items, model.items_), len(model.items_))
    return csr_array(pairs + take_rows(model.seen_, np.where(folded, np.int32(-1), rows)))


def already_seen(
    pairs: Csr, items: Vocabulary, model: Recommender, rows: Codes, history: Dataset | None = None
) -> NDArray[np.bool_]:
    """Return (nnz,) bool: whether the users had seen the items of `pairs` (n, len(items)); row ``r`` is ``rows[r]``."""
    same = items == model.items_
    columns = None if same else codes_in(model.items_, items)
    found = []
    for start, stop in row_chunks(len(rows), _USERS_PER_CHUNK):
        seen = seen_rows(model, rows[start:stop], history)
        theirs = seen if columns is None else recoded(seen, columns, len(items))
        found.append(shared_pairs(pairs[start:stop], theirs))
    return np.concatenate(found) if found else np.zeros(0, dtype=np.bool_)
