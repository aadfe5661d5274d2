"""`evaluate`, `compare`, `backtest`: honest offline numbers."""

from recsys.evaluation.evaluating import DEFAULT_METRICS, evaluate
from recsys.evaluation.evaluation import Evaluation

__all__ = ["DEFAULT_METRICS", "Evaluation", "evaluate"]
