"""What is said of a run whose view was not kept: what it was, and the primary metric of every model."""

from datetime import datetime

import pytest

from recsys.reporting.runs import kept_view
from recsys.store import Run

METRICS = {"metrics": ["coverage@10", "ndcg@10"]}
TWO = {"models": {"als": "1", "pop": "2"}}
NUMBERS = {"als coverage@10": 0.8615, "als ndcg@10": 0.12, "pop coverage@10": 0.1, "pop ndcg@10": 0.0812}


@pytest.mark.parametrize(
    ("kind", "recipe", "metrics", "title"),
    [
        ("train", {"model": "als"}, {"test_events": 0, "train_events": 1200}, "Training of als on 1,200 events."),
        (
            "train",
            {"model": "als"},
            {"test_events": 300, "train_events": 1200},
            "Training of als on 1,200 events; 300 events held out.",
        ),
        (
            "evaluate",
            {"model": "als"} | METRICS,
            {"coverage@10": 0.8615, "ndcg@10": 0.12},
            "Evaluation of als: ndcg@10 0.1200.",
        ),
        ("evaluate", {"model": "als"} | METRICS, {"ndcg@10": None}, "Evaluation of als: ndcg@10 is not known."),
        ("compare", TWO | METRICS, NUMBERS, "Comparison of als, pop: ndcg@10 of als 0.1200, pop 0.0812."),
        ("backtest", TWO | METRICS, NUMBERS, "Backtest of als, pop: ndcg@10 of als 0.1200, pop 0.0812."),
        ("recommend", {"model": "als"}, {"rows": 2000.0}, "Recommendations of als: rows 2,000."),
        ("analysis", {"experiment": "rows"}, {}, "Analysis of experiment rows."),
    ],
)
def test_a_run_without_a_view_is_told_plainly(kind, recipe, metrics, title):
    assert kept_view(Run("0000000000aa", kind, datetime(2026, 1, 1), recipe, metrics=metrics)).title == title
