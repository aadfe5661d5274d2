"""recsys: an embedded, single-node engine for recommendation experiments.

``import recsys as rs`` loads nothing heavy; a public name is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recsys._version import __version__

if TYPE_CHECKING:
    from recsys import (
        core,
        dataset,
        display,
        evaluation,
        experiment,
        kernels,
        layouts,
        metrics,
        models,
        ope,
        reporting,
        scoring,
        simulation,
        stats,
        store,
        workflows,
    )
    from recsys.core.errors import RecsysError
    from recsys.dataset import (
        Dataset,
        Label,
        Relevance,
        Split,
        leave_last_out,
        random_split,
        temporal_split,
        user_split,
    )
    from recsys.evaluation import backtest, compare, evaluate, tune
    from recsys.experiment import Count, Experiment, Mean, Proportion, Quantile, Ratio, Retention, assign, plan
    from recsys.models import (
        ALS,
        BPR,
        EASE,
        GraphFilter,
        ItemKNN,
        LogisticMF,
        Popularity,
        PureSVD,
        Recommender,
        RP3Beta,
        load_model,
    )
    from recsys.ope import LoggedFeedback, replay, replay_learning
    from recsys.reporting import report
    from recsys.scoring import Eligibility, Recommendations, TopKIndex, top_k
    from recsys.simulation import simulate
    from recsys.store import Store

_HOMES = {
    "store": ("Store",),
    "dataset": (
        "Dataset",
        "Label",
        "Relevance",
        "Split",
        "leave_last_out",
        "random_split",
        "temporal_split",
        "user_split",
    ),
    "models": (
        "ALS",
        "BPR",
        "EASE",
        "GraphFilter",
        "ItemKNN",
        "LogisticMF",
        "Popularity",
        "PureSVD",
        "RP3Beta",
        "Recommender",
        "load_model",
    ),
    "ope": ("LoggedFeedback", "replay", "replay_learning"),
    "reporting": ("report",),
    "scoring": ("Eligibility", "Recommendations", "TopKIndex", "top_k"),
    "evaluation": ("backtest", "compare", "evaluate", "tune"),
    "experiment": ("Count", "Experiment", "Mean", "Proportion", "Quantile", "Ratio", "Retention", "assign", "plan"),
    "simulation": ("simulate",),
    "core.errors": ("RecsysError",),
}
_ROOMS = (
    "core",
    "dataset",
    "display",
    "evaluation",
    "experiment",
    "kernels",
    "layouts",
    "metrics",
    "models",
    "ope",
    "reporting",
    "scoring",
    "simulation",
    "stats",
    "store",
    "workflows",
)
_HOME_OF = {name: f"recsys.{home}" for home, names in _HOMES.items() for name in names}

__all__ = [
    "ALS",
    "BPR",
    "EASE",
    "Count",
    "Dataset",
    "Eligibility",
    "Experiment",
    "GraphFilter",
    "ItemKNN",
    "Label",
    "LoggedFeedback",
    "LogisticMF",
    "Mean",
    "Popularity",
    "Proportion",
    "PureSVD",
    "Quantile",
    "RP3Beta",
    "Ratio",
    "Recommendations",
    "Recommender",
    "RecsysError",
    "Relevance",
    "Retention",
    "Split",
    "Store",
    "TopKIndex",
    "__version__",
    "assign",
    "backtest",
    "compare",
    "core",
    "dataset",
    "display",
    "evaluate",
    "evaluation",
    "experiment",
    "kernels",
    "layouts",
    "leave_last_out",
    "load_model",
    "metrics",
    "models",
    "ope",
    "plan",
    "random_split",
    "replay",
    "replay_learning",
    "report",
    "reporting",
    "scoring",
    "simulate",
    "simulation",
    "stats",
    "store",
    "temporal_split",
    "top_k",
    "tune",
    "user_split",
    "workflows",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name in _ROOMS:
        return import_module(f"recsys.{name}")
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'recsys' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
