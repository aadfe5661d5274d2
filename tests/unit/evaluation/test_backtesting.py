"""Windows advance, seeds vary, summaries add up."""

import json
from datetime import datetime
from itertools import pairwise

import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError
from recsys.dataset import Dataset
from recsys.display import to_text
from recsys.evaluation import backtest
from recsys.models import Popularity

METRICS = ["ndcg@5", "coverage@5"]


@pytest.fixture(scope="module")
def data(random_log):
    from recsys.dataset import concat

    split = random_log(n_users=80, n_events=2500)
    return concat(split.train, split.test)


@pytest.fixture(scope="module")
def found(data, scored):
    models = {"pop": Popularity(), "coin": scored(seed=99)}
    return backtest(models, data, test="10d", windows=3, seeds=(0, 1), metrics=METRICS)


def test_windows_end_with_the_data_and_do_not_overlap(found, data):
    windows = sorted({(row.cut, row.end) for row in found.results})
    assert windows[-1][1] == int(data.times.max()) + 1
    assert all(first[1] == second[0] for first, second in pairwise(windows))
    for row in found.results:
        assert row.train_events == int((data.times < row.cut).sum())


def test_a_model_without_a_seed_is_trained_once_a_window(found):
    runs = [(row.model, row.seed) for row in found.results]
    assert runs.count(("pop", 0)) == 3
    assert ("pop", 1) not in runs
    assert runs.count(("coin", 0)) == runs.count(("coin", 1)) == 3


def test_summaries_add_up(found):
    frame = found.to_polars()
    for row in found.summary.to_dicts():
        part = frame.filter(pl.col("model") == row["model"], pl.col("metric") == row["metric"])
        by_window = part.group_by("cut").agg(pl.col("estimate").mean())["estimate"]
        assert row["windows"] == 3
        assert row["mean"] == pytest.approx(by_window.mean())
        assert row["sd_windows"] == pytest.approx(by_window.std())
        assert (row["sd_seeds"] is None) == (row["model"] == "pop")


def test_the_better_model_is_ahead_in_every_window(found):
    row = found.differences.row(by_predicate=pl.col("metric") == "ndcg@5", named=True)
    assert (row["model"], row["baseline"], row["wins"], row["windows"]) == ("pop", "coin", 3, 3)
    assert row["ci_low"] < row["difference"] < row["ci_high"]


def test_in_every_pair_the_model_ranked_higher_comes_first(data, scored):
    models = {"coin": scored(seed=99), "pop": Popularity()}
    found = backtest(models, data, test="10d", windows=2, metrics=["coverage@5", "ndcg@5"])
    assert found.ranking == ("pop", "coin")
    assert found.pairs == (("pop", "coin"),)
    told = found.to_dict()
    assert (told["ranking"], told["baseline"]) == (["pop", "coin"], None)
    assert found.view().tables[-1].caption == "ndcg@5"
    held = backtest(models, data, test="10d", windows=2, metrics=METRICS, baseline="pop")
    assert held.pairs == (("coin", "pop"),)


def test_a_warning_names_the_windows_and_is_given_once(events):
    old = [(user, item, day) for user in range(4) for item in range(4) for day in (0, 1)]
    warm = [(user, 4, 10) for user in range(4)] + [(0, item, 2) for item in (4, 5)]
    cold = [(user, 4, 21) for user in range(10, 16)] + [(user, 5, 16) for user in range(4)]
    found = backtest({"pop": Popularity(), "too": Popularity()}, events(old + warm + cold), test="6d", windows=2)
    few, warning = found.warnings
    assert few.startswith("only 3 to 9 users measured in every window, fewer than 100")
    assert warning.startswith("most users are cold and served by the fallback in 1 of 2 windows: cut 1970-01-16")
    assert "at most 6 of 9" in warning


def test_models_given_are_not_touched_and_factories_get_the_seed(data, scored):
    prototype, seeds = scored(seed=5), []

    def factory(seed):
        seeds.append(seed)
        return scored(seed=seed)

    backtest({"a": prototype, "b": factory}, data, test="10d", windows=2, seeds=(3, 4), metrics=METRICS)
    assert not hasattr(prototype, "users_")
    assert prototype.seed == 5
    assert seeds == [3, 4, 3, 4]


def test_steps_may_be_shorter_than_windows(data):
    found = backtest({"pop": Popularity()}, data, test="20d", step="5d", windows=3, metrics=METRICS)
    cuts = sorted({row.cut for row in found.results})
    assert {later - earlier for earlier, later in pairwise(cuts)} == {5 * 86_400_000_000}


def test_progress_is_told(data):
    told = []
    backtest({"pop": Popularity()}, data, test="10d", windows=2, metrics=METRICS, progress=told.append)
    assert [(one.done, one.total) for one in told] == [(1, 2), (2, 2)]


def test_forms(found):
    assert json.dumps(found.to_dict(), allow_nan=False)
    text = to_text(found.view())
    assert max(map(len, text.splitlines())) <= 80
    for part in ("3 windows of 10d", "sd of windows", "windows above", "it is no test"):
        assert part in " ".join(text.split())
    assert "<table>" in found._repr_html_()


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"windows": 50}, ArgumentError, "use windows=9"),
        ({"windows": 4, "min_train": "80d"}, ArgumentError, "min_train is 80d"),
        ({"windows": 0}, ArgumentError, "windows is 0"),
        ({"test": "ten"}, ArgumentError, "duration such as"),
        ({"seeds": (1, 1)}, ArgumentError, "istinct whole numbers"),
        ({"baseline": "pup"}, ArgumentError, "did you mean 'pop'"),
    ],
)
def test_wrong_turns(data, options, error, message):
    with pytest.raises(error, match=message):
        backtest({"pop": Popularity()}, data, **({"test": "10d", "metrics": METRICS} | options))


def test_wrong_models_and_data(data, events):
    with pytest.raises(ArgumentError, match="models is empty"):
        backtest({}, data)
    with pytest.raises(ArgumentError, match="model 'a' is a str"):
        backtest({"a": "als"}, data)
    with pytest.raises(ArgumentError, match="no times"):
        backtest({"pop": Popularity()}, events([(1, 2), (2, 1)]))


def test_a_window_in_which_nobody_can_be_measured_is_named(events):
    rows = [(1, item, day) for day in range(10) for item in (1, 2)] + [(1, 3, 19)]
    with pytest.raises(DataError, match="window from 1970-01-05 00:00 on: nobody can be measured"):
        backtest({"pop": Popularity()}, events([*rows, (2, 1, 2)]), test="5d", step="10d", windows=2, metrics=METRICS)


def test_windows_longer_than_all_time_are_refused_in_one_line():
    data = Dataset.from_frame(
        {"user_id": [1, 1], "item_id": [1, 2], "ts": [datetime(2026, 1, 1), datetime(2026, 1, 3)]}
    )
    with pytest.raises(ArgumentError, match="reach back 3,200,000.0 days, the events 2.0 days"):
        backtest({"pop": Popularity()}, data, test="800000d")
