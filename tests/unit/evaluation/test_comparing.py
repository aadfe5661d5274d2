"""Comparisons: paired, adjusted, the same population for all, and as often wrong as they say."""

import json
import math

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.display import cell_text, to_text
from recsys.evaluation import compare, compare_evaluations, evaluate
from recsys.models import Popularity

METRICS = ["ndcg@10", "recall@5", "coverage@5"]


@pytest.fixture(scope="module")
def split(random_log):
    return random_log(n_users=150, n_events=3000)


@pytest.fixture(scope="module")
def models(split, scored):
    """Popularity, which suits the log, and two random ones."""
    train = split.train
    return {
        "pop": Popularity().fit(train),
        "coin": scored(seed=1).fit(train),
        "dice": scored(seed=2).fit(train),
    }


@pytest.fixture(scope="module")
def found(models, split):
    return compare(models, split.test, METRICS, by=["country"])


def test_the_values_are_those_of_the_single_evaluations(found, models, split):
    for name, model in models.items():
        alone = evaluate(model, split.test, METRICS)
        assert found[name].users.equals(alone.users)
        for metric in ("ndcg@10", "recall@5"):
            np.testing.assert_array_equal(found[name].values[metric], alone.values[metric])
        assert found[name].catalogue == alone.catalogue


def test_differences_are_paired_and_adjusted_over_metrics_and_pairs(found):
    from scipy import stats

    frame = found.to_polars()
    assert len(frame) == 2 * 3
    row = found.difference("ndcg@10", "pop", "coin")
    ours, theirs = found["pop"].values["ndcg@10"], found["coin"].values["ndcg@10"]
    assert row.difference == pytest.approx((ours - theirs).mean())
    assert row.pvalues["t"] == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)
    assert row.relative == pytest.approx(ours.mean() / theirs.mean() - 1)
    assert (row.wins, row.losses) == ((ours > theirs).sum(), (ours < theirs).sum())
    raw = np.sort([one.pvalues["t"] for one in found.differences])
    adjusted = np.minimum(np.maximum.accumulate(raw * np.arange(6, 0, -1)), 1)
    np.testing.assert_allclose(np.sort([one.pvalue for one in found.differences]), adjusted)


def test_the_better_model_leads_and_the_sentence_says_so(found):
    assert found.ranking[0] == "pop"
    assert "pop is better than coin on ndcg@10: +" in found.conclusion
    assert "Holm p < .001" in found.conclusion
    text = to_text(found.view())
    assert max(map(len, text.splitlines())) <= 80
    assert text.startswith("pop is better than")


def test_with_a_baseline_only_pairs_with_it(models, split):
    found = compare(models, split.test, METRICS, baseline="pop")
    assert {(row.model, row.baseline) for row in found.differences} == {("coin", "pop"), ("dice", "pop")}
    assert "coin is worse than pop" in found.conclusion


def test_in_every_pair_the_model_ranked_higher_comes_first(models, split):
    """Headline, table, segments and frames say the same with the same sign and the same percentage."""
    found = compare(dict(reversed(models.items())), split.test, METRICS, by=["country"])
    first, second, third = found.ranking
    pairs = [(first, second), (first, third), (second, third)]
    rows = [row for row in found.differences if row.metric == "ndcg@10"]
    assert [(row.model, row.baseline) for row in rows] == pairs
    assert all(row.difference >= 0 and row.relative >= 0 for row in rows)
    assert [(row.model, row.baseline) for row in found.catalogue] == pairs
    for frame in (found.segments, found.interactions, pl.DataFrame(found.to_dict()["differences"])):
        assert list(dict.fromkeys(frame.select("model", "baseline").iter_rows())) == pairs
    shown = {row[0]: cell_text(row[3]) for row in found.view().tables[1].rows if row[1] == "ndcg@10"}
    for loser in (second, third):
        assert f"than {loser} on ndcg@10: {shown[f'{first} − {loser}']} [" in found.conclusion


def test_letters_only_where_every_pair_was_tested(models, split):
    table = compare(models, split.test, METRICS).view().tables[0]
    assert table.columns[0] == ""
    assert cell_text(table.rows[0][2]).endswith("bc")
    starred = compare(models, split.test, METRICS, baseline="coin").view().tables[0]
    assert starred.columns[0] == "model"
    assert "*: significantly above coin, the only model tested against" in starred.caption
    marks = {row[0]: row[1].marks for row in starred.rows}
    assert marks == {"pop": "*", "coin": "", "dice": ""}


def test_the_view_is_short_and_the_record_is_full(found):
    notes = found.view().notes
    assert len(notes) == 3 + len(METRICS)
    assert all(len(note) <= 120 for note in notes)
    assert any("Järvelin" in note for note in found.to_dict()["conventions"])
    assert not any("Järvelin" in note for note in notes)
    assert any("p: how probable" in note for note in notes)
    assert any(note.startswith("ndcg@10: how well the first k hit") for note in notes)


def test_a_warning_is_given_once(events):
    train = events([("u", "a"), ("u", "b"), ("v", "a"), ("v", "c")])
    test = events([("u", "c"), ("w", "b"), ("x", "c")])
    found = compare({"x": Popularity().fit(train), "y": Popularity().fit(train)}, test, ["recall@4"])
    assert sum("2 of 3 users are cold" in warning for warning in found.warnings) == 1
    assert to_text(found.view(), 200).count("users are cold") == 1


def test_catalogue_metrics_are_kept_out_of_the_tests(found):
    assert {row.metric for row in found.differences} == {"ndcg@10", "recall@5"}
    row = next(row for row in found.catalogue if (row.model, row.baseline) == ("pop", "coin"))
    assert row.difference == found["pop"]["coverage@5"] - found["coin"]["coverage@5"]
    assert row.ci_low < row.difference < row.ci_high


def test_the_same_model_twice_differs_for_nobody(models, split):
    found = compare({"a": models["coin"], "b": models["coin"]}, split.test, METRICS)
    row = found.difference("ndcg@10", "a", "b")
    assert (row.difference, row.wins, row.losses, row.status) == (0.0, 0, 0, "zero_variance")
    assert math.isnan(row.pvalue)
    assert "do not differ on ndcg@10 for any of" in found.conclusion
    assert json.dumps(found.to_dict(), allow_nan=False)
    assert found.catalogue[0].difference == 0
    assert found.to_polars()["significant"].to_list() == [False, False]


def test_segments_and_their_interaction(found):
    part = found.segments.filter((pl.col("by") == "country") & (pl.col("metric") == "ndcg@10"))
    assert set(part["level"]) == {"SE", "DE"}
    total = part.filter(pl.col("model") == "pop", pl.col("baseline") == "coin")
    whole = found.difference("ndcg@10", "pop", "coin")
    assert (total["n"] * total["difference"]).sum() / whole.n == pytest.approx(whole.difference)
    tests = found.interactions.filter(pl.col("by") == "country")
    assert len(tests) == 2 * 3
    assert (tests["pvalue"] >= tests["pvalue_unadjusted"]).all()


def test_an_effect_in_one_segment_only_is_found(events, scored):
    """Model "new" puts the relevant item first for the users of one country and last for the others."""
    n = 80
    rng = np.random.default_rng(0)
    users = pl.DataFrame({"user_id": np.arange(n), "country": ["SE", "DE"] * (n // 2)})
    train = events([(user, user % 7) for user in range(n)], users=users)
    test = events([(user, (user + 1 + int(rng.integers(3))) % 7) for user in range(n)], like=train, users=users)
    relevant = test.relevant().toarray()
    noise = rng.random((2, n, 7))
    helped = np.where(np.arange(n) % 2 == 0, 1, -1)[:, None] * relevant
    old, new = (scored(table).fit(train) for table in (noise[0], noise[1] + helped))
    found = compare({"new": new, "old": old}, test, ["mrr@7"], by=["country"])
    (row,) = found.interactions.filter(pl.col("by") == "country").to_dicts()
    assert row["pvalue"] < 0.001
    assert "does the difference vary between segments?" in to_text(found.view()).replace("\n", " ")


def test_one_population_for_all_models(events, scored):
    """An item seen in the training of one model counts as seen for both; who is cold for one is cold for both."""
    first = events([("u", "a"), ("u", "b"), ("v", "a"), ("v", "c")])
    second = events([("u", "a"), ("u", "c"), ("w", "b"), ("w", "d")])
    test = events([("u", "d"), ("v", "b"), ("w", "c"), ("v", "d")])
    found = compare({"x": Popularity().fit(first), "y": Popularity().fit(second)}, test, ["recall@4"])
    assert found["x"].users.equals(found["y"].users)
    assert found["x"].labels["warmth"].to_list() == ["warm", "cold", "cold"]
    assert found["x"].counts == found["y"].counts
    assert found["x"].reach != found["y"].reach
    assert "out of reach for" in to_text(found.view())


def test_all_tests_or_one(models, split):
    found = compare(models, split.test, ["ndcg@10"], tests=["permutation", "t"])
    assert set(found.differences[0].pvalues) == {"permutation", "t"}
    assert found.differences[0].pvalues["permutation"] > 0
    assert "decided by the sign-flip permutation test" in found.conventions[0]


def test_evaluations_made_earlier(models, split):
    made = {name: evaluate(model, split.test, METRICS) for name, model in models.items()}
    found = compare_evaluations(made, baseline="pop")
    direct = compare(models, split.test, METRICS, baseline="pop")
    assert found.differences == direct.differences
    assert all(math.isnan(row.ci_low) for row in found.catalogue)
    fewer = evaluate(models["coin"], split.test, METRICS, users=made["pop"].users[:50])
    with pytest.raises(DataError, match="different users"):
        compare_evaluations({"pop": made["pop"], "coin": fewer})


def test_forms(found):
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["ranking"][0] == "pop"
    assert {"metric", "model", "baseline", "relative_ci_low", "pvalue_t", "pvalue", "significant"} <= set(
        found.to_polars().columns
    )
    assert "<table>" in found._repr_html_()
    with pytest.raises(NotFoundError, match="did you mean 'coin'"):
        found["coins"]
    with pytest.raises(NotFoundError, match="ne of the pairs"):
        found.difference("ndcg@10", "coin", "pop")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"baseline": "pap"}, "did you mean 'pop'"),
        ({"tests": "t"}, r"use tests=\['t'\]"),
        ({"tests": []}, "tests is empty"),
        ({"tests": ["z"]}, "tests is 'z'"),
        ({"alpha": 0}, "alpha is 0"),
        ({"metrics": ["coverage@5"]}, "no user metric"),
    ],
)
def test_wrong_turns(models, split, options, message):
    with pytest.raises(ArgumentError, match=message):
        compare(models, split.test, **options)


def test_one_model_is_not_a_comparison(models, split):
    with pytest.raises(ArgumentError, match="there are 1 models"):
        compare({"pop": models["pop"]}, split.test)


def test_two_equally_good_models_differ_significantly_one_time_in_twenty(random_log, scored):
    """The type I error of the whole pipeline, for two random recommenders on one fixed test part."""
    train, test = random_log(n_users=80, n_items=30, n_events=1500, seed=5)
    draws = 400
    wrong = 0
    for draw in range(draws):
        pair = {"a": scored(seed=2 * draw).fit(train), "b": scored(seed=2 * draw + 1).fit(train)}
        found = compare(pair, test, ["ndcg@20"], tests=["t"], n_threads=1)
        wrong += found.differences[0].pvalue < 0.05
    assert 0.025 <= wrong / draws <= 0.085
