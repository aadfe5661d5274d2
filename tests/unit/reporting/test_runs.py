"""Runs as sections: what is said of one whose view was not kept, every kind has a name, nothing is told twice."""

from datetime import datetime

import pytest

from recsys.reporting.runs import KINDS, kept_view, run_facts
from recsys.store import Run
from recsys.store.runs import KINDS as RECORDED

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


def test_every_kind_of_run_has_a_name_and_so_a_place_in_the_index():
    assert set(KINDS) == set(RECORDED)


def test_parents_that_the_recipe_names_are_not_told_again():
    told, alone = "0000000000aa", "0000000000bb"
    named = Run("0000000000cc", "compare", datetime(2026, 1, 1), {"runs": [told]}, parents=(told,))
    assert [fact.value for fact in run_facts(named) if told in fact.value] == [told]
    silent = Run("0000000000cc", "compare", datetime(2026, 1, 1), {}, parents=(alone,))
    assert [fact.value for fact in run_facts(silent) if alone in fact.value] == [f"run {alone}"]
