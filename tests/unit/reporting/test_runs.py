"""Runs as sections: what is said of one whose view was not kept, every kind has a name, nothing is told twice."""

from datetime import datetime

import pytest

from recsys.reporting.runs import KINDS, QUESTIONS, kept_view, run_facts, run_section
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
        ("analysis", {"experiment": "rows", "asked_for": "decide"}, {}, "Decision on experiment rows."),
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


@pytest.mark.parametrize(
    ("asked", "title"), [(asked, f"{words} experiment rows") for asked, words in QUESTIONS.items()]
)
def test_a_run_of_an_experiment_says_which_question_was_asked(asked, title):
    run = Run("0000000000aa", "analysis", datetime(2026, 1, 1), {"experiment": "rows", "asked_for": asked})
    assert run_section(run).title == title


def test_settings_are_told_in_words():
    recipe = {
        "data": {"min_user_events": 2, "until": None},
        "attributes_mark": 7,
        "exclude_seen": True,
        "models": {"my_als": {"model": "als", "params": {"factors": 8}}},
        "metrics": ["ndcg@10", "recall@10"],
    }
    facts = run_facts(Run("0000000000aa", "backtest", datetime(2026, 1, 1), recipe))
    told = {fact.name: fact.value for fact in facts}
    assert told["data: fewest events of a user"] == "2"
    assert told["attributes up to change number"] == "7"
    assert (told["seen items left out"], told["metrics"]) == ("yes", "ndcg@10, recall@10")
    assert (told["my_als: model"], told["my_als: factors"]) == ("als", "8")
    assert not any("." in fact.name or "_" in fact.name.replace("my_als", "") for fact in facts)


def test_a_model_named_by_its_run_is_told_so():
    recipe = {"models": {"als": "0000000000bb"}}
    facts = run_facts(Run("0000000000aa", "compare", datetime(2026, 1, 1), recipe))
    assert ("als: run", "0000000000bb", False) in facts
