"""What counts as a policy, and which users and items it speaks of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import DataError, NotFoundError


@runtime_checkable
class HasFrame(Protocol):
    """Anything that gives its rows as a polars frame, such as the recommendations of a model."""

    def to_polars(self) -> pl.DataFrame:
        """Return the rows."""
        ...


Policy = pl.DataFrame | HasFrame


def as_series(ids: Sequence[int | str] | pl.Series) -> pl.Series:
    """Return the ids as a series."""
    return ids if isinstance(ids, pl.Series) else pl.Series(ids)


def codes_of(what: str, ids: pl.Series, count: int, kind: str) -> NDArray[np.int64]:
    """Turn external ids (a number, or a letter and a zero-padded number) back into codes."""
    if kind == "int" and ids.dtype.is_integer():
        numbers = ids.cast(pl.Int64, strict=False)
    elif kind == "text" and ids.dtype == pl.String:
        numbers = ids.str.extract(rf"^{what[0]}(\d{{{len(str(count))}}})$").cast(pl.Int64)
    else:
        numbers = pl.repeat(None, len(ids), dtype=pl.Int64, eager=True)
    bad = (numbers.is_null() | (numbers < 1) | (numbers > count)).fill_null(True)
    if bad.any():
        example = ids.filter(bad)[0]
        raise NotFoundError(f"{what} {example!r} is not in this simulation", f"one of its {count} {what}s was expected")
    return numbers.to_numpy() - 1


def policy_rows(policy: Policy) -> pl.DataFrame:
    """Return the columns that count, with probability 1 for lists."""
    frame = policy if isinstance(policy, pl.DataFrame) else policy.to_polars()
    missing = [name for name in ("user_id", "item_id", "rank") if name not in frame.columns]
    if missing:
        raise DataError(f"the policy has no column {missing[0]!r}", "user_id, item_id and rank were expected")
    if not len(frame):
        raise DataError("the policy is empty", "at least one user with a list was expected")
    probability = (
        pl.col("probability").cast(pl.Float64) if "probability" in frame.columns else pl.lit(1.0).alias("probability")
    )
    return frame.select("user_id", "item_id", pl.col("rank").cast(pl.Int64), probability)


def check_policy(
    users: NDArray[np.int64], items: NDArray[np.int64], rank: NDArray[np.int64], probability: NDArray[np.float64]
) -> None:
    """Raise DataError unless ranks begin at 1 and no rank is taken, and no item shown to a user, more than once."""
    if rank.min() < 1:
        raise DataError(f"a rank of the policy is {rank.min()}", "ranks from 1 (the top) were expected")
    if not ((probability >= 0) & (probability <= 1)).all():
        raise DataError(
            "a probability of the policy is not between 0 and 1", "the probability of the item at the rank was expected"
        )
    for what, key, hint in (
        ("at a rank", rank, "one item a rank, or add the column probability"),
        ("for an item", items, "an item once a list, or add the column probability"),
    ):
        _, place = np.unique(np.stack([users, key]), axis=1, return_inverse=True)
        most = float(np.bincount(place, weights=probability).max())
        if most > 1 + 1e-9:
            raise DataError(f"the probabilities of a user {what} sum to {most:g}", "at most 1 was expected", hint)
