"""Jobs on a store: read (short transaction), compute (no connection open), record the run (short transaction)."""

from recsys.workflows.analyzing import analyze, decide, monitor
from recsys.workflows.asking import Neighbours, Reasons, explain, similar
from recsys.workflows.assigning import Assigned, assign
from recsys.workflows.backtesting import backtest
from recsys.workflows.evaluating import compare, evaluate
from recsys.workflows.experimenting import Created, ExposedUnits, create_experiment, expose
from recsys.workflows.interleaving import InterleaveSummary, analyze_interleaving, interleave
from recsys.workflows.learning import replay_learning, replay_learning_file
from recsys.workflows.listed import Lists, RecommendSummary
from recsys.workflows.planning import plan
from recsys.workflows.recommending import look, recommend
from recsys.workflows.recording import Recorded
from recsys.workflows.repeating import repeat
from recsys.workflows.replaying import replay, replay_file
from recsys.workflows.training import refit, retrain, train
from recsys.workflows.tuning import resume, tune
from recsys.workflows.validating import validate

__all__ = [
    "Assigned",
    "Created",
    "ExposedUnits",
    "InterleaveSummary",
    "Lists",
    "Neighbours",
    "Reasons",
    "RecommendSummary",
    "Recorded",
    "analyze",
    "analyze_interleaving",
    "assign",
    "backtest",
    "compare",
    "create_experiment",
    "decide",
    "evaluate",
    "explain",
    "expose",
    "interleave",
    "look",
    "monitor",
    "plan",
    "recommend",
    "refit",
    "repeat",
    "replay",
    "replay_file",
    "replay_learning",
    "replay_learning_file",
    "resume",
    "retrain",
    "similar",
    "train",
    "tune",
    "validate",
]
