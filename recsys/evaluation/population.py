"""The one population that all compared models are measured on: which users, with which relevant items, warm or cold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.checks import one_of
from recsys.core.errors import DataError
from recsys.dataset import Dataset, id_series
from recsys.dataset.vocabulary import Ids
from recsys.evaluation.pairs import codes_in, kept_pairs
from recsys.evaluation.seen import already_seen
from recsys.kernels import Csr
from recsys.models.base import Recommender
from recsys.models.serving import Codes

OnCold = Literal["fallback", "skip"]


@dataclass(frozen=True)
class Counts:
    """Who and what is measured, and who and what is not.

    Parameters
    ----------
    test_users : int
        Users with a test event, among the users asked for.
    without_relevant : int
        Test users without a relevant test item: left out, no metric is defined for them.
    only_repeats : int
        Test users whose relevant items had all been seen before: left out.
    cold_skipped : int
        Cold users left out by ``on_cold="skip"``.
    users, warm, cold : int
        Users measured; cold = no training (or folded-in) event that a model can use.
    relevant : int
        Relevant test pairs of the users measured: what recall divides by.
    repeats : int
        Relevant test pairs that the user had seen before. Seen items are not recommended, so no system can hit them:
        they are not counted as relevant.
    not_in_test : int
        Users asked for by `users` that have no test event.
    """

    test_users: int
    without_relevant: int
    only_repeats: int
    cold_skipped: int
    users: int
    warm: int
    cold: int
    relevant: int
    repeats: int
    not_in_test: int = 0

    @property
    def mostly_cold(self) -> bool:
        """Whether more than half of the users measured are cold."""
        return 2 * self.cold > self.users

    def to_dict(self) -> dict[str, int]:
        """Return the counts as plain values."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Population:
    """The users measured.

    Parameters
    ----------
    test : Dataset
        Where they come from.
    codes : (n,) int32
        Their codes in ``test.users``, rising.
    relevant : (n, n_items) csr_array float32
        The gains of their relevant items, in codes of ``test.items``.
    cold : (n,) bool
        Whether some model serves the user by its fallback.
    counts : Counts
        What was measured and what was not.
    """

    test: Dataset
    codes: Codes
    relevant: Csr
    cold: NDArray[np.bool_]
    counts: Counts

    @property
    def users(self) -> pl.Series:
        """Return the external ids."""
        return self.test.users.decode(self.codes).rename("user_id")


def build_population(
    models: Mapping[str, Recommender],
    test: Dataset,
    *,
    users: Ids | None = None,
    history: Dataset | None = None,
    exclude_seen: bool = True,
    on_cold: OnCold = "fallback",
) -> Population:
    """Return the users with at least one relevant test item that a system could hit.

    Parameters
    ----------
    models : mapping of name to fitted model
        All models that will be measured on this population: an item seen in the training of one counts as seen.
    test : Dataset
        The test part.
    users : ids, optional
        Only these.
    history : Dataset, optional
        Histories that are folded in.
    exclude_seen : bool
        Whether seen items are kept out of the lists; if so they are no hits either.
    on_cold : {"fallback", "skip"}
        Whether cold users are measured.

    Raises
    ------
    DataError
        Nobody is left.
    """
    one_of("on_cold", on_cold, ("fallback", "skip"))
    present = test.user_events > 0
    absent = 0
    if users is not None:
        wanted = id_series(users, name="users").unique()
        present &= _among(test, wanted)
        absent = len(wanted) - int(present.sum())
    relevant = test.relevant()
    codes = np.flatnonzero(present & (np.diff(relevant.indptr) > 0)).astype(np.int32)
    mine = relevant[codes]
    repeated = np.zeros(mine.nnz, dtype=np.bool_)
    cold = np.zeros(len(codes), dtype=np.bool_)
    for model in models.values():
        rows = codes_in(test.users, model.users_)[codes]
        if exclude_seen:
            repeated |= already_seen(mine, test.items, model, rows, history)
        cold |= ~model.is_warm(rows, history=history)
    fresh = kept_pairs(mine, ~repeated)
    kept = np.diff(fresh.indptr) > 0
    only_repeats = int((~kept).sum())
    skipped = kept & cold if on_cold == "skip" else np.zeros_like(kept)
    kept &= ~skipped
    counts = Counts(
        test_users=int(present.sum()),
        without_relevant=int(present.sum()) - len(codes),
        only_repeats=only_repeats,
        cold_skipped=int(skipped.sum()),
        users=int(kept.sum()),
        warm=int((kept & ~cold).sum()),
        cold=int((kept & cold).sum()),
        relevant=int(np.diff(fresh.indptr)[kept].sum()),
        repeats=int(repeated.sum()),
        not_in_test=absent,
    )
    if not counts.users:
        raise DataError(
            _nobody(counts), "users with a relevant test item that they had not seen were expected", _hint(counts)
        )
    return Population(test, codes[kept], fresh[np.flatnonzero(kept)], cold[kept], counts)


def _among(test: Dataset, users: pl.Series) -> NDArray[np.bool_]:
    codes = test.users.encode(users)
    wanted = np.zeros(test.n_users, dtype=np.bool_)
    wanted[codes[codes >= 0]] = True
    return wanted


def _nobody(counts: Counts) -> str:
    return (
        f"nobody can be measured: of {counts.test_users:,} test users {counts.without_relevant:,} have no relevant item"
        f", {counts.only_repeats:,} only items they had seen, {counts.cold_skipped:,} are cold"
    )


def _hint(counts: Counts) -> str:
    if counts.cold_skipped:
        return "use on_cold='fallback'"
    return "use exclude_seen=False" if counts.only_repeats else "lower Relevance(at_least=…), or test on a longer part"
