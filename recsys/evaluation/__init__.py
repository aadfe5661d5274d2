"""`evaluate`, `compare`, `backtest`, `tune`, `gate`: honest offline numbers."""

from recsys.evaluation.backtest_result import Backtest, WindowResult
from recsys.evaluation.backtesting import backtest
from recsys.evaluation.choosing import Choosing, choose
from recsys.evaluation.comparing import compare, compare_evaluations
from recsys.evaluation.comparison import Comparison
from recsys.evaluation.evaluating import DEFAULT_METRICS, evaluate
from recsys.evaluation.evaluation import Evaluation
from recsys.evaluation.gates import Gate, GateOutcome, gate, parse_gate
from recsys.evaluation.pairing import CatalogueDifference, Difference
from recsys.evaluation.tuning import tune
from recsys.evaluation.tuning_result import Look, Trial, Tuning

__all__ = [
    "DEFAULT_METRICS",
    "Backtest",
    "CatalogueDifference",
    "Choosing",
    "Comparison",
    "Difference",
    "Evaluation",
    "Gate",
    "GateOutcome",
    "Look",
    "Trial",
    "Tuning",
    "WindowResult",
    "backtest",
    "choose",
    "compare",
    "compare_evaluations",
    "evaluate",
    "gate",
    "parse_gate",
    "tune",
]
