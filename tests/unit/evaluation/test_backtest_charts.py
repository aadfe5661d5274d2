"""The charts and the title of a backtest show its own numbers."""

import polars as pl
import pytest

from recsys.dataset import Dataset
from recsys.evaluation import backtest
from recsys.evaluation.comparing import compare_evaluations
from recsys.evaluation.conclusions import few_users
from recsys.models import Popularity

METRICS = ["ndcg@5", "coverage@5", "novelty@5"]


@pytest.fixture(scope="module")
def data(random_log):
    split = random_log()
    return Dataset.from_frame(pl.concat([split.train.to_polars(), split.test.to_polars()]))


@pytest.fixture(scope="module")
def models(scored):
    return {"pop": Popularity(), "coin": scored(seed=5)}


@pytest.fixture(scope="module")
def found(data, models):
    return backtest(models, data, test="10d", windows=3, metrics=METRICS)


def named(chart, name, mark):
    (series,) = [one for one in chart.series if (one.name, one.mark) == (name, mark)]
    return series


def test_each_model_is_a_line_over_the_cuts(found):
    chart = found.view().charts[0]
    part = found.to_polars().filter((pl.col("metric") == "ndcg@5") & (pl.col("model") == "pop"))
    line = named(chart, "pop", "line")
    assert line.x == tuple(part["cut"])
    assert line.y == tuple(part["estimate"])
    assert [series.mark for series in chart.series] == ["line", "line"]
    assert (chart.x.text(), chart.y.text()) == ("cut (UTC)", "ndcg@5 (0 to 1, mean over users)")


def test_differences_stand_cut_by_cut_and_in_the_mean(found):
    by_cut, mean, bits = found.view().charts[1:]
    band, line = by_cut.series
    windows = found.windows.filter(pl.col("metric") == "ndcg@5").pivot(on="model", index="cut", values="estimate")
    assert line.name == "pop − coin"
    assert line.y == pytest.approx((windows["pop"] - windows["coin"]).to_list())
    assert by_cut.rules[0].at == 0
    one = {row.model: row.evaluation for row in found.results if row.cut == min(row.cut for row in found.results)}
    within = compare_evaluations(one, baseline="coin").difference("ndcg@5", "pop", "coin")
    assert (line.y[0], band.low[0], band.high[0]) == pytest.approx((within.difference, within.ci_low, within.ci_high))
    row = found.differences.row(by_predicate=pl.col("metric") == "ndcg@5", named=True)
    (series,) = mean.series
    place = series.y.index("ndcg@5: pop − coin")
    assert (series.x[place], series.low[place], series.high[place]) == (
        row["difference"],
        row["ci_low"],
        row["ci_high"],
    )
    assert sum(line.y) / 3 == pytest.approx(row["difference"])
    assert (mean.x.unit, bits.x.unit) == ("0 to 1", "bits per item")


def test_the_title_says_who_was_ahead_and_how_often(found):
    row = found.differences.row(by_predicate=pl.col("metric") == "ndcg@5", named=True)
    assert (
        found.view().title
        == found.to_dict()["conclusion"]
        == (
            f"pop was above coin on ndcg@5 in {row['wins']} of 3 windows, by +{row['difference']:.4f} "
            f"[{row['ci_low']:.4f}, {row['ci_high']:.4f}] on average. "
            "Only 31 to 43 users in every window: too few to rank models by."
        )
    )
    assert found.view().notes[1].startswith("3 windows of 10d, cuts from ")


def test_one_model_has_no_difference(data):
    found = backtest({"pop": Popularity()}, data, test="10d", windows=2, metrics=["ndcg@5"])
    (chart,) = found.view().charts
    assert chart.title == "ndcg@5 of each model, cut by cut"
    band = named(chart, "pop", "band")
    assert (band.low, band.high) == tuple(tuple(found.to_polars()[name]) for name in ("ci_low", "ci_high"))
    assert found.view().title.startswith("pop reaches ndcg@5 0.")
    assert "on average over 2 windows, from 0." in found.view().title


def test_one_window_is_a_row_a_model_and_seed(data, models):
    found = backtest(models, data, test="10d", windows=1, seeds=(1, 2), metrics=["ndcg@5"])
    (chart,) = found.view().charts
    (series,) = chart.series
    assert set(series.y) == {"pop, seed 1", "coin, seed 1", "coin, seed 2"}  # popularity knows no chance
    assert "how much windows differ is not known" in chart.note
    assert "in 1 of 1 window, by +" in found.view().title


def test_several_seeds_are_lines_of_means_without_bands(data, scored):
    found = backtest(
        {"coin": lambda seed: scored(seed=seed)}, data, test="10d", windows=2, seeds=(1, 2), metrics=["ndcg@5"]
    )
    chart = found.view().charts[0]
    (line,) = chart.series
    assert line.mark == "line"
    assert line.y == tuple(found.windows["estimate"])
    assert "Means over seeds." in chart.note


def test_a_window_without_a_value_is_named_not_drawn(events):
    """In the first window everything was seen, and a list without items has no novelty."""
    seen = [(user, item, day) for user in (1, 2) for item in (1, 2) for day in (0, 1)]
    data = events([*seen, (1, 3, 12), (2, 4, 13), (2, 3, 22), (1, 4, 23), (2, 3, 29)])
    found = backtest({"pop": Popularity()}, data, test="10d", windows=2, metrics=["novelty@2"])
    assert found.windows["estimate"].null_count() == 1
    chart = found.view().charts[0]
    line = named(chart, "pop", "line")
    assert len(line.x) == 1
    assert f"Not estimable, so not drawn: pop at {found.windows['cut'][0]:%Y-%m-%d}." in chart.note
    assert "on average over 1 window." in found.view().title


def test_many_models_over_many_cuts_stay_small(data, scored):
    models = {f"m{seed}": scored(seed=seed) for seed in range(8)}
    found = backtest(models, data, test="10d", step="1d", windows=30, metrics=["ndcg@5", "recall@5", "coverage@5"])
    charts = found.view().charts
    assert sum(len(series.x) for chart in charts for series in chart.series) <= 500
    assert "The 6 best of 8 models are drawn." in charts[0].note
    assert "2 further metrics in the tables." not in charts[2].note  # 7 pairs × 3 metrics fit
    title = found.view().title
    assert title.startswith(f"{found.ranking[0]} has the highest mean ndcg@5 of 8 models over 30 windows, ")
    assert f"the next is {found.ranking[1]}, " in title


def test_few_users_are_told_in_the_title_and_the_warnings(found):
    sizes = [row.evaluation.counts.users for row in found.results]
    assert max(sizes) < 100
    view = found.view()
    assert f"Only {min(sizes)} to {max(sizes)} users in every window: too few to rank models by." in view.title
    assert any(note.startswith(f"warning: only {min(sizes)} to {max(sizes)} users measured") for note in view.notes)


def test_a_hundred_users_are_not_few():
    assert few_users([100, 250]) == few_users([100, 250], short=True) == ""
    assert few_users([99, 250]).startswith("only 99 users measured in some windows, fewer than 100: ")
