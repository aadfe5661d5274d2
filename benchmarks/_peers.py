"""Peers that train factors, with the settings that are known to serve them well; all on one thread."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix

Factors = NDArray[np.float32]
Fit = Callable[[], tuple[Factors, Factors]]


def implicit_als(events: csr_array, **settings: Any) -> Fit:
    """Return implicit's ALS, by default with implicit's own defaults."""
    from implicit.cpu.als import AlternatingLeastSquares

    return _implicit(AlternatingLeastSquares(num_threads=1, random_state=7, **settings), events)


def implicit_bpr(events: csr_array, **settings: Any) -> Fit:
    """Return implicit's BPR, by default with implicit's own defaults."""
    from implicit.cpu.bpr import BayesianPersonalizedRanking

    return _implicit(BayesianPersonalizedRanking(num_threads=1, random_state=7, **settings), events)


def _implicit(model: Any, events: csr_array) -> Fit:
    native = csr_matrix(events)

    def work() -> tuple[Factors, Factors]:
        model.fit(native, show_progress=False)
        return model.user_factors, model.item_factors

    return work


def irspack_ials(events: csr_array, **settings: Any) -> Fit:
    """Return irspack's iALS (frequency-scaled regularisation, three steps of conjugate gradient)."""
    from irspack import IALSRecommender

    model = IALSRecommender(csr_matrix(events), n_threads=1, **settings)

    def work() -> tuple[Factors, Factors]:
        with redirect_stdout(StringIO()):  # its progress bar
            model.learn()
        return model.get_user_embedding(), model.get_item_embedding()

    return work


IALS = {"alpha0": 0.01, "reg": 0.003, "nu": 1.0, "train_epochs": 12}
FITS: dict[str, Callable[[csr_array], Fit]] = {
    "implicit ALS, its defaults": implicit_als,
    "implicit ALS d=128, set well": lambda events: implicit_als(events, factors=128, alpha=100, regularization=10),
    "implicit BPR, its defaults": implicit_bpr,
    "irspack iALS d=128": lambda events: irspack_ials(events, n_components=128, **IALS),
    "irspack iALS d=256": lambda events: irspack_ials(events, n_components=256, **IALS),
}
