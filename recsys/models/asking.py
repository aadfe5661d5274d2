"""The work behind `Recommender.similar_items` and `Recommender.explain`: questions to a fitted model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl
from scipy.sparse import csr_array

from recsys.core.checks import one_of, positive_int
from recsys.core.errors import NotFoundError
from recsys.dataset import id_series
from recsys.models.results import Explanation, SimilarItems, explain_parts
from recsys.models.serving import read_history

if TYPE_CHECKING:
    from recsys.dataset.vocabulary import Ids
    from recsys.models.base import Recommender


def similar_items(
    model: Recommender, item_ids: Ids, k: int, on_unknown: Literal["raise", "skip"], n_threads: int | None
) -> SimilarItems:
    """Return the `k` nearest items of each item, itself left out; see `Recommender.similar_items`."""
    one_of("on_unknown", on_unknown, ("raise", "skip"))
    ids = id_series(item_ids, name="item_id")
    codes, candidates = model.items_.encode(ids), model.candidates()
    known = (codes >= 0) & candidates[codes]
    if on_unknown == "raise" and not known.all():
        raise NotFoundError(
            f"item {ids.filter(pl.Series(~known))[0]!r} is unknown or has no training event",
            "items that the model can recommend were expected",
            "use on_unknown='skip'",
        )
    codes, ids = codes[known], ids.filter(pl.Series(known))
    itself = csr_array(
        (np.ones(len(codes), np.float32), codes, np.arange(len(codes) + 1)), shape=(len(codes), len(model.items_))
    )
    found = model._similar(codes, positive_int("k", k), itself, candidates, n_threads)
    return SimilarItems(ids, model.items_, found.indices, found.scores)


def explain(model: Recommender, user_id: int | str, item_id: int | str, k: int, history: object | None) -> Explanation:
    """Return which items of the user's history make up the score of an item; see `Recommender.explain`."""
    positive_int("k", k)
    code = int(model.items_.encode(_one(item_id, "item_id"))[0])
    if code < 0 or not model.candidates()[code]:
        raise NotFoundError(
            f"item {item_id!r} is unknown or has no training event",
            "an item that the model can recommend was expected",
        )
    fresh = None if history is None else read_history(history, model.items_, model.label_)
    audience = model._audience(_one(user_id, "user_id"), fresh)
    block = audience.block()
    if not audience.weighted()[0]:
        popularity = float(model.popularity_[code])
        return explain_parts(user_id, item_id, block.weights, np.zeros(0), k, model.items_, popularity)
    parts = model._contributions(block, code)
    return explain_parts(user_id, item_id, block.weights, parts, k, model.items_, None)


def _one(external_id: int | str, name: str) -> pl.Series:
    return id_series(pl.Series(name, [external_id]), name=name)
