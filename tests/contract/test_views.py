"""What every result's view keeps to: its title concludes, its charts are named, explained, small and survive JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import recsys as rs
from recsys.display import Chart, View, Viewable
from recsys.evaluation import choose
from recsys.ledger import Outcome, Prediction, ledger
from recsys.models import ItemKNN, Popularity
from recsys.store import Store

MOST_MARKS = 500
METRICS = ["ndcg@5", "coverage@5", "novelty@5"]


def log() -> pl.DataFrame:
    rng = np.random.default_rng(5)
    n = 1500
    return pl.DataFrame(
        {
            "user_id": rng.integers(0, 60, n),
            "item_id": (rng.random(n) ** 2 * 40).astype(int),
            "ts": pl.from_epoch(pl.Series(rng.integers(0, 90 * 86_400, n)), time_unit="s"),
        }
    )


def parts() -> tuple[rs.Dataset, rs.Dataset]:
    split = rs.temporal_split(rs.Dataset.from_frame(log()), 0.3)
    return split.train, split.test


def evaluation(_: Path) -> Viewable:
    train, test = parts()
    return rs.evaluate(Popularity().fit(train), test, METRICS)


def comparison(_: Path) -> Viewable:
    train, test = parts()
    return rs.compare({"pop": Popularity().fit(train), "knn": ItemKNN().fit(train)}, test, METRICS)


def backtest(_: Path) -> Viewable:
    models = {"pop": Popularity(), "knn": ItemKNN()}
    return rs.backtest(models, rs.Dataset.from_frame(log()), test="10d", windows=3, metrics=METRICS)


def tuning(_: Path) -> Viewable:
    return rs.tune([ItemKNN()], parts()[0], metric="ndcg@5", trials=4, sampler="random", validation=0.2)


def choosing(_: Path) -> Viewable:
    return choose(parts()[0])


def described(folder: Path) -> Viewable:
    store = Store(folder / "shop")
    store.ingest("events", log())
    return store.describe()


def replayed(_: Path) -> Viewable:
    rng = np.random.default_rng(3)
    items = rng.integers(0, 4, 2000)
    clicks = (rng.random(2000) < 0.1 + 0.1 * items).astype(float)
    frame = pl.DataFrame({"item_id": items, "propensity_position": np.full(2000, 0.25), "reward": clicks})
    return rs.replay({"good": {"item_id": [2, 3], "probability": [0.5, 0.5]}}, frame)


def booked(_: Path) -> Viewable:
    shared = {"baseline": "pop", "quantity": "clicks", "per": "request", "scale": "relative"}
    effects = {"a": 0.02, "b": -0.01, "c": 0.03, "d": 0.01}
    said = [Prediction(source="snips", candidate=name, estimate=x, **shared) for name, x in effects.items()]  # type: ignore[arg-type]
    found = [
        Outcome(experiment=f"e{name}", candidate=name, estimate=x + 0.01, **shared)  # type: ignore[arg-type]
        for name, x in effects.items()
    ]
    return ledger(said, found)


RESULTS = (evaluation, comparison, backtest, tuning, choosing, described, replayed, booked)


@pytest.fixture(scope="module", params=RESULTS, ids=lambda make: make.__name__)
def view(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> View:
    make: Callable[[Path], Viewable] = request.param
    return make(tmp_path_factory.mktemp("views")).view()


def test_the_title_is_a_sentence_with_a_number(view: View) -> None:
    assert len(view.title.split()) >= 6
    assert any(sign.isdigit() for sign in view.title)
    assert not view.title.endswith(":")


def test_every_chart_says_what_it_shows_in_which_unit_and_how_to_read_it(view: View) -> None:
    assert view.charts
    for chart in view.charts:
        assert chart.title
        assert len(chart.note.split()) >= 5, chart.title
        for axis in (chart.x, chart.y):
            assert axis.label
            assert axis.unit or axis.percent or axis.kind == "category", (chart.title, axis)


def test_nothing_drawn_is_not_a_number(view: View) -> None:
    for chart in view.charts:
        for place in places(chart):
            assert place is None or not isinstance(place, float) or np.isfinite(place), chart.title


def test_charts_are_small_and_survive_json(view: View) -> None:
    assert sum(len(series.x) for chart in view.charts for series in chart.series) <= MOST_MARKS
    plain = json.loads(json.dumps(view.to_dict(), allow_nan=False))
    assert View.from_dict(plain).charts == view.charts


def places(chart: Chart) -> Iterator[object]:
    for series in chart.series:
        yield from series.x
        yield from series.y
