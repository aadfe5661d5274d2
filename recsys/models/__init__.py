"""The Recommender contract and every recommender, loaded when they are wanted."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recsys.models.als import ALS
    from recsys.models.base import Recommender
    from recsys.models.bpr import BPR
    from recsys.models.ease import EASE
    from recsys.models.factor_model import FactorModel
    from recsys.models.graphfilter import GraphFilter
    from recsys.models.item_model import ItemModel
    from recsys.models.itemknn import ItemKNN
    from recsys.models.logisticmf import LogisticMF
    from recsys.models.popularity import Popularity
    from recsys.models.puresvd import PureSVD
    from recsys.models.registry import load_model, make_model, model_names
    from recsys.models.results import Explanation, RankedLists, SimilarItems
    from recsys.models.rp3beta import RP3Beta
    from recsys.models.spaces import Choice, Dimension, Integer, Real

_HOMES = {
    "ALS": "als",
    "BPR": "bpr",
    "Choice": "spaces",
    "Dimension": "spaces",
    "EASE": "ease",
    "Explanation": "results",
    "FactorModel": "factor_model",
    "GraphFilter": "graphfilter",
    "Integer": "spaces",
    "ItemKNN": "itemknn",
    "ItemModel": "item_model",
    "LogisticMF": "logisticmf",
    "Popularity": "popularity",
    "PureSVD": "puresvd",
    "RP3Beta": "rp3beta",
    "RankedLists": "results",
    "Real": "spaces",
    "Recommender": "base",
    "SimilarItems": "results",
    "load_model": "registry",
    "make_model": "registry",
    "model_names": "registry",
}

__all__ = [
    "ALS",
    "BPR",
    "EASE",
    "Choice",
    "Dimension",
    "Explanation",
    "FactorModel",
    "GraphFilter",
    "Integer",
    "ItemKNN",
    "ItemModel",
    "LogisticMF",
    "Popularity",
    "PureSVD",
    "RP3Beta",
    "RankedLists",
    "Real",
    "Recommender",
    "SimilarItems",
    "load_model",
    "make_model",
    "model_names",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
