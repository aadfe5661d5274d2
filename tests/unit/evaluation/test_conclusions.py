"""Sentences say what the numbers say, from whichever side."""

import math

import pytest

from recsys.evaluation import Difference
from recsys.evaluation.conclusions import conclude, sentence


def row(**changes):
    base = {
        "metric": "ndcg@10",
        "model": "als",
        "baseline": "pop",
        "n": 1000,
        "mean": 0.25,
        "baseline_mean": 0.2,
        "difference": 0.05,
        "ci_low": 0.04,
        "ci_high": 0.06,
        "relative": 0.25,
        "relative_ci_low": 0.2,
        "relative_ci_high": 0.3,
        "effect_size": 0.4,
        "effect_ci_low": 0.3,
        "effect_ci_high": 0.5,
        "wins": 500,
        "ties": 300,
        "losses": 200,
        "pvalues": {"t": 1e-9},
        "pvalue": 2e-9,
        "status": "ok",
    }
    return Difference(**(base | changes))


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "als is better than pop on ndcg@10: +25.0 % [20.0, 30.0] %, Holm p < .001."),
        (
            {"pvalue": 0.2, "relative_ci_low": -0.1},
            "No significant difference between als and pop on ndcg@10: +25.0 % [-10.0, 30.0] %, Holm p .20.",
        ),
        (
            {"difference": -0.05, "relative": -0.2, "relative_ci_low": -0.3, "relative_ci_high": -0.1, "pvalue": 0.01},
            "als is worse than pop on ndcg@10: -20.0 % [-30.0, -10.0] %, Holm p .010.",
        ),
        (
            {"relative": math.nan},
            "als is better than pop on ndcg@10: +0.0500 [0.0400, 0.0600], Holm p < .001.",
        ),
        ({"wins": 0, "losses": 0}, "als and pop do not differ on ndcg@10 for any of 1,000 users."),
        (
            {"n": 1, "wins": 1, "losses": 0, "status": "too_few"},
            "als and pop cannot be compared on ndcg@10 (1 user: too_few).",
        ),
        (
            {"n": 0, "wins": 0, "ties": 0, "losses": 0, "status": "too_few"},
            "als and pop cannot be compared on ndcg@10 (0 users: too_few).",
        ),
        (
            {"metric": "novelty@10"},
            "als is higher than pop on novelty@10: +25.0 % [20.0, 30.0] %, Holm p < .001.",
        ),
    ],
)
def test_a_sentence(changes, text):
    assert sentence(row(**changes), alpha=0.05) == text


def test_the_best_model_is_told_against_each_other_one():
    rows = [
        row(),
        row(baseline="knn", difference=0.01, relative=0.042, pvalue=0.6),
        row(model="knn"),
        row(metric="mrr@5"),
    ]
    told = conclude(["als", "knn", "pop"], "ndcg@10", rows, None, 0.05)
    assert told.startswith("No significant difference between als and knn on ndcg@10: +4.2 %")
    assert "als is better than pop on ndcg@10" in told
    assert "knn is" not in told
    assert "mrr" not in told


def test_with_a_baseline_the_best_candidate_is_told_first():
    rows = [row(model="bpr"), row(model="als")]
    told = conclude(["als", "pop", "bpr"], "ndcg@10", rows, "pop", 0.05)
    assert told.index("als is better than pop") < told.index("bpr is better than pop")


def test_more_than_four_pairs_are_told_in_one_sentence_by_their_verdict():
    ranking = ["als", "ease", "knn", "bpr", "lmf", "pop"]
    signs = {"ease": 0.9, "knn": 0.2, "bpr": 0.001, "lmf": 0.001, "pop": 0.001}
    best = [row(baseline=name, pvalue=pvalue) for name, pvalue in signs.items()]
    assert conclude(ranking, "ndcg@10", best, None, 0.05) == (
        "als is better than bpr, lmf and pop, not distinguishable from ease and knn on ndcg@10 "
        "(of 5 others, Holm, alpha = 0.05)."
    )
    against = [row(model=name, baseline="knn", pvalue=0.001, difference=0.05) for name in ("als", "ease")]
    against += [row(model=name, baseline="knn", pvalue=0.001, difference=-0.05) for name in ("lmf", "pop")]
    against += [row(model="bpr", baseline="knn", pvalue=math.nan)]
    assert conclude(ranking, "ndcg@10", against, "knn", 0.05) == (
        "Beside knn, on ndcg@10: als and ease are better; lmf and pop are worse; bpr is not distinguishable from it "
        "(Holm over all tests, alpha = 0.05)."
    )
