"""Early stopping: ndcg@10 on held-out events after every epoch, and the best epoch kept."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from recsys.core.errors import DataError
from recsys.dataset import Dataset
from recsys.kernels.ranking import RankMetric, ranking_metrics
from recsys.models.serving import take_rows
from recsys.scoring import top_k

_MAX_USERS = 5000
_K = 10


class EarlyStopping:
    """Judges the factors of every epoch.

    Parameters
    ----------
    data, validation : Dataset
        Training and held-out events with the same vocabularies. At most 5,000 users, evenly spaced, are looked at.
    patience : int
        Epochs without a rise after which to stop.

    Raises
    ------
    DataError
        No user has both a training event and a relevant held-out one.

    Examples
    --------
    >>> train = Dataset.from_frame({"user_id": [1, 2], "item_id": [1, 2]})
    >>> held = Dataset.from_frame({"user_id": [1], "item_id": [2]}, like=train)
    >>> EarlyStopping(train, held, 3).observe(np.ones((2, 1), np.float32), np.ones((2, 1), np.float32))
    1.0
    """

    def __init__(self, data: Dataset, validation: Dataset, patience: int) -> None:
        # What was seen in training is never listed, so it cannot be hit, as in `evaluate`.
        relevant = validation.relevant() - validation.relevant().multiply(data.pairs())
        relevant.eliminate_zeros()
        users = np.flatnonzero((data.user_events > 0) & (np.diff(relevant.indptr) > 0)).astype(np.int32)
        if not len(users):
            raise DataError(
                "no user with training events has a relevant item in the validation part that is not seen in training",
                "users in both parts were expected",
                "use another split",
            )
        self._users = users[:: -(-len(users) // _MAX_USERS)]
        self._relevant, self._seen = take_rows(relevant, self._users), take_rows(data.pairs(), self._users)
        self._candidates = data.item_events > 0
        self._patience, self._waited, self._best = patience, 0, -np.inf
        self._kept: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    def observe(self, user_factors: NDArray[np.float32], item_factors: NDArray[np.float32]) -> float:
        """Return the mean ndcg@10 of these factors, and keep a copy where they are the best so far."""
        found = top_k(user_factors[self._users], item_factors, _K, exclude=self._seen, allow=self._candidates)
        value = float(ranking_metrics(found.indices, self._relevant, [RankMetric("ndcg", _K)]).mean())
        if value > self._best:
            self._best, self._waited = value, 0
            self._kept = user_factors.copy(), item_factors.copy()
        else:
            self._waited += 1
        return value

    @property
    def exhausted(self) -> bool:
        """Whether the patience is at an end."""
        return self._waited >= self._patience

    @property
    def best(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the user and item factors of the best epoch."""
        if self._kept is None:
            raise DataError("no epoch was observed", "at least one epoch was expected")
        return self._kept
