"""The charts of evaluations and comparisons show the results' own numbers."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from recsys.evaluation import compare, evaluate
from recsys.evaluation.comparing import compare_evaluations
from recsys.models import ItemKNN, Popularity

METRICS = ["ndcg@10", "recall@5", "coverage@5", "novelty@5"]


@pytest.fixture(scope="module")
def split(random_log):
    return random_log()


@pytest.fixture(scope="module")
def found(split):
    return evaluate(Popularity().fit(split.train), split.test, METRICS, by=["country"])


@pytest.fixture(scope="module")
def compared(split, scored):
    models = {"pop": Popularity(), "knn": ItemKNN(), "coin": scored()}
    return compare({name: one.fit(split.train) for name, one in models.items()}, split.test, METRICS, by=["country"])


def one_that_begins(result, title):
    (chart,) = [chart for chart in result.view().charts if chart.title.startswith(title)]
    return chart


def rows_of(chart):
    return {label: row for one in chart.series for label, *row in zip(one.y, one.x, one.low, one.high, strict=True)}


def test_metrics_stand_with_their_own_intervals_one_chart_a_unit(found):
    shares, bits = found.view().charts[:2]
    assert (shares.x.text(), bits.x.text()) == ("value (0 to 1)", "value (bits per item)")
    drawn = rows_of(shares) | rows_of(bits)
    assert list(drawn) == ["ndcg@10", "recall@5", "coverage@5", "novelty@5"]
    for name, row in drawn.items():
        own = found.interval(name)
        assert row == [own.estimate, own.ci_low, own.ci_high]


def test_segments_are_those_of_the_frame_beside_all_users(found):
    chart = one_that_begins(found, "ndcg@10 by segment")
    drawn = rows_of(chart)
    own = found.interval("ndcg@10")
    assert drawn.pop("all users") == [own.estimate, own.ci_low, own.ci_high]
    assert chart.rules[0].at == own.estimate
    part = found.segments.filter((pl.col("metric") == "ndcg@10") & (pl.col("by") == "country"))
    countries = {name.removeprefix("country: "): row for name, row in drawn.items() if name.startswith("country")}
    assert countries == {row["level"]: [row["estimate"], row["ci_low"], row["ci_high"]] for row in part.to_dicts()}


def test_the_curve_of_the_lists_reaches_one_at_the_coverage(found, split):
    chart = one_that_begins(found, "How many")
    lists, events = chart.series
    counts = np.sort(split.train.item_events[split.train.item_events > 0])[::-1]
    assert lists.x[lists.y.index(1.0)] == round(found["coverage@5"] * len(counts))
    assert (lists.x[-1], lists.y[-1]) == (len(counts), 1.0)
    for place, share in zip(events.x, events.y, strict=True):
        assert share == pytest.approx(counts[:place].sum() / counts.sum())
    assert "first 5 of each list" in chart.title
    assert found.to_dict()["exposure"]["recommendations"]["total"] == [0.0, *lists.y]


def test_metrics_without_lists_have_no_curve(split):
    assert evaluate(ItemKNN().fit(split.train), split.test, ["auc"]).exposure is None


def test_the_title_is_the_conclusion(found):
    own = found.interval("ndcg@10")
    title = found.view().title
    assert title == found.conclusion
    assert title.startswith(f"popularity reaches ndcg@10 {own.estimate:.4f} [{own.ci_low:.4f}, {own.ci_high:.4f}] on ")
    assert title.endswith(".")


def test_one_user_is_a_point_without_interval_and_says_so(events):
    train = events([(1, 1), (2, 2), (2, 3)])
    found = evaluate(Popularity().fit(train), events([(1, 2)], like=train), ["recall@1"])
    assert found.view().title == "popularity reaches recall@1 1.0000 without an interval (too few users) on 1 user."
    chart = found.view().charts[0]
    assert rows_of(chart) == {"recall@1": [1.0, None, None]}
    assert "No interval is known for: recall@1." in chart.note


def test_a_metric_without_value_is_named_not_drawn(events):
    train = events([(1, 1), (1, 2), (2, 1), (2, 2)])
    found = evaluate(Popularity().fit(train), events([(1, 9), (2, 9)]), ["novelty@2", "recall@2", "ndcg@2"])
    assert found.exposure is None
    assert [chart.title for chart in found.view().charts] == ["Metrics of all users (0 to 1)"]
    only = evaluate(Popularity().fit(train), events([(1, 9), (2, 9)]), ["novelty@2"])
    assert only.view().charts == ()
    assert only.view().title == "popularity has no value of novelty@2 for any of 2 users."


def test_differences_are_relative_where_all_are_known(compared):
    chart = compared.view().charts[0]
    assert (chart.x.text(), chart.rules[0].at) == ("relative difference (%)", 0.0)
    best = compared.ranking[0]
    for label, row in rows_of(chart).items():
        metric, _, pair = label.removesuffix(" *").partition(": ")
        model, baseline = pair.split(" − ")
        own = compared.difference(metric, model, baseline)
        assert model == best
        assert row == [own.relative, own.relative_ci_low, own.relative_ci_high]
        assert label.endswith(" *") == (own.pvalue < compared.alpha)
    assert len(rows_of(chart)) == 3 * 2  # user metrics × pairs of the best model


def test_without_relative_bounds_differences_are_absolute_one_chart_a_unit(compared):
    rows = tuple(replace(row, relative_ci_low=np.nan, relative_ci_high=np.nan) for row in compared.differences)
    charts = replace(compared, differences=rows).view().charts[:2]
    assert [chart.x.text() for chart in charts] == ["difference (0 to 1)", "difference (bits per item)"]
    label, row = next(iter(rows_of(charts[0]).items()))
    metric, _, pair = label.removesuffix(" *").partition(": ")
    own = compared.difference(metric, *pair.split(" − "))
    assert row == [own.difference, own.ci_low, own.ci_high]


def test_means_are_those_of_the_models_and_segments_those_of_the_first_pair(compared):
    means = rows_of(one_that_begins(compared, "ndcg@10 of each model"))
    assert list(means) == list(compared.ranking)
    assert all(row[0] == compared[name]["ndcg@10"] for name, row in means.items())
    chart = one_that_begins(compared, "Difference on ndcg@10 by segment")
    first, second = compared.ranking[:2]
    assert chart.title.endswith(f"{first} − {second}")
    part = compared.segments.filter(
        (pl.col("metric") == "ndcg@10") & (pl.col("model") == first) & (pl.col("baseline") == second)
    )
    drawn = rows_of(chart)
    for row in part.filter(pl.col("by") == "country").to_dicts():
        assert drawn[f"country: {row['level']}"] == [row["difference"], row["ci_low"], row["ci_high"]]
    assert "1 further pair" in chart.note


def test_cost_is_drawn_where_it_is_known(compared):
    assert not any("training took" in chart.title for chart in compared.view().charts)
    priced = replace(compared, train_seconds={"pop": 0.1, "knn": 2.0, "coin": 0.0})
    chart = one_that_begins(priced, "ndcg@10 against what the training took")
    assert chart.x.text() == "training (wall-clock seconds)"
    assert {series.name: (series.x, series.y) for series in chart.series} == {
        name: ((seconds,), (compared[name]["ndcg@10"],)) for name, seconds in (("pop", 0.1), ("knn", 2.0))
    }
    assert priced.to_dict() == compared.to_dict()  # what the clock said differs between equal runs


def test_ties_everywhere_are_a_point_at_zero_without_an_interval(split):
    model = Popularity().fit(split.train)
    found = compare({"a": model, "b": model}, split.test, ["ndcg@10"])
    chart = found.view().charts[0]
    assert rows_of(chart) == {"a − b": [0.0, None, None]}
    assert "No interval is known for: a − b." in chart.note
    assert found.view().title.startswith("a and b do not differ on ndcg@10 for any of ")


def test_many_models_and_metrics_stay_small_and_are_told_together(split):
    metrics = [f"{name}@{k}" for name in ("ndcg", "recall", "map", "mrr") for k in (5, 10, 20)]
    one = evaluate(Popularity().fit(split.train), split.test, metrics)
    rng = np.random.default_rng(1)
    crowd = {
        f"model{place:02}": replace(one, values={name: own * rng.random() for name, own in one.values.items()})
        for place in range(26)
    }
    for baseline in (None, "model03"):
        view = compare_evaluations(crowd, baseline=baseline, tests=["t"]).view()
        marks = [len(series.x) for chart in view.charts for series in chart.series]
        assert sum(marks) <= 500
        assert max(marks) <= 32
        assert "11 further metrics in the tables." in view.charts[0].note
        assert len(view.title) < 400
        assert view.title.count(".") <= 2  # one sentence; alpha = 0.05
