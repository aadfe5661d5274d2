"""User metrics and catalogue metrics, and the grammar ``"ndcg@10"``."""

from recsys.metrics.catalogue import CatalogueValue, catalogue_metrics, catalogue_pseudo_values, gini
from recsys.metrics.concentration import Concentration, concentration
from recsys.metrics.context import MetricContext, item_features
from recsys.metrics.spec import METRICS, Metric, MetricSpec, parse_metric, parse_metrics
from recsys.metrics.users import auc, user_metrics

__all__ = [
    "METRICS",
    "CatalogueValue",
    "Concentration",
    "Metric",
    "MetricContext",
    "MetricSpec",
    "auc",
    "catalogue_metrics",
    "catalogue_pseudo_values",
    "concentration",
    "gini",
    "item_features",
    "parse_metric",
    "parse_metrics",
    "user_metrics",
]
