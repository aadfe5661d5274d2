"""The names of the models, and the classes behind them; nothing else is imported, as `recsys --help` lists them."""

from __future__ import annotations

MODELS = {
    "popularity": "Popularity",
    "itemknn": "ItemKNN",
    "rp3beta": "RP3Beta",
    "graphfilter": "GraphFilter",
    "ease": "EASE",
    "puresvd": "PureSVD",
    "als": "ALS",
    "bpr": "BPR",
    "logisticmf": "LogisticMF",
}
