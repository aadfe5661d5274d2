"""Whatever a user gets can be looked at: in 80 columns, as well-formed and escaped HTML, and as strict JSON."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
from collections.abc import Iterator
from datetime import date, timedelta
from html.parser import HTMLParser
from typing import Any

import numpy as np
import polars as pl
import pytest

import recsys
import recsys as rs
from recsys import workflows
from recsys.display import Card, Tabular, View, Viewable, to_text
from recsys.display.text import line_width

NASTY = "<script>alert(1)</script>"
ENDED = {"input", "br", "img", "hr", "meta", "link"}


class _Html(HTMLParser):
    """Fails on a tag that is not closed, or closed by another one."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag not in ENDED:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _leaves(base: type) -> Iterator[type]:
    for kind in base.__subclasses__():
        if kind.__module__.startswith("recsys.") and not inspect.isabstract(kind):
            yield kind
        yield from _leaves(kind)


def _public() -> set[type]:
    for module in pkgutil.walk_packages(recsys.__path__, "recsys."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return {*_leaves(Viewable), *_leaves(Card)}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """One of each kind that a user can get."""
    service = rs.simulate(users=300, items=60, days=40, seed=3)
    store = rs.Store(tmp_path_factory.mktemp("shown") / "shop")
    frames = {name: getattr(service, name)() for name in ("events", "impressions", "items", "users")}
    frames["items"] = frames["items"].with_columns(title=pl.lit(NASTY) + pl.col("title"))
    ingested = [store.ingest(name, frame) for name, frame in frames.items()]
    found = [service, store, *ingested, store.describe(), *_offline(store), *_stored(store, frames)]
    found += [*_experiments(service, store), *_interleaved(frames)]
    # Last, because they take away what the others rest upon.
    return [*found, store.forget(frames["users"]["user_id"][0]), store.revert(2)]


def _offline(store: rs.Store) -> list[Any]:
    data = store.dataset(event="play")
    split = rs.temporal_split(data, test="10d")
    als = rs.ALS(factors=8, iterations=2, seed=7).fit(split.train)
    user, item = als.users_.decode(np.array([0]))[0], data.items.decode(np.array([1]))[0]
    metrics = ["ndcg@5", "recall@5"]
    models = (rs.BPR, rs.EASE, rs.GraphFilter, rs.ItemKNN, rs.LogisticMF, rs.Popularity, rs.PureSVD, rs.RP3Beta)
    return [
        data, split, als, als.recommend(split.test.active_users(), k=5, on_unknown="fallback"),
        als.similar_items([item], k=3), als.explain(user, item), *(model() for model in models),
        rs.evaluate(als, split.test, metrics, by=["country"]),
        rs.compare({"pop": rs.Popularity().fit(split.train), "als": als}, split.test, metrics),
        rs.backtest({"pop": rs.Popularity()}, data, windows=2, test="5d", metrics=metrics),
        rs.tune(["popularity", "itemknn"], split.train, trials=2, seed=1),
        rs.evaluation.choose(split.train, seed=1),
    ]  # fmt: skip


def _stored(store: rs.Store, frames: dict[str, pl.DataFrame]) -> list[Any]:
    recorded = store.train("als", params={"factors": 8, "iterations": 2}, event="play", until="2026-01-21")
    log = rs.LoggedFeedback.from_frame(frames["impressions"], reward="click")
    replayed = rs.replay({"uniform": rs.ope.UniformPolicy(frames["items"]["item_id"])}, log, estimator=["snips"])
    learned = rs.ope.replay_learning(rs.ope.BetaThompson(), log, position=1)
    run, user, item = recorded.run.run_id, frames["events"]["user_id"][0], frames["items"]["item_id"][0]
    return [
        recorded, recorded.run, log, replayed, learned, store.snapshot("january", event="play"), store.ledger(),
        workflows.look(store, run, users=[user], k=3), workflows.similar(store, run, [item], k=3),
        workflows.explain(store, run, user, item),
    ]  # fmt: skip


def _experiments(service: Any, store: rs.Store) -> list[Any]:
    trial = service.experiment({"pop": 0.0, NASTY: 0.1}, since="2026-01-21", name="test", seed=2)
    test = rs.Experiment(
        "test", {"pop": 0.5, NASTY: 0.5}, control="pop", start="2026-01-21", end="2026-01-28", segments=("country",),
        metrics=[rs.Count("plays", event="play", window="3d", pre_period="7d")],
    )  # fmt: skip
    source = rs.experiment.Frames(events=trial.events, exposures=trial.exposures, users=service.users())
    analysis = test.analyze(source)
    past = rs.experiment.plan(test, source, since="2026-01-10", until="2026-01-17", effect=0.2)
    validated = rs.experiment.validate(test, source, since="2026-01-08", until="2026-01-15", splits=20, seed=1)
    registered = workflows.create_experiment(store, test).experiment
    return [
        trial, test, analysis, analysis.table, test.decide(source), analysis.monitor("plays"),
        analysis.segments("plays", "country"), analysis.daily("plays"), analysis.cumulative("plays"),
        analysis.novelty("plays"), analysis.triggered({"country": analysis.table.attributes["country"][0]}),
        rs.experiment.since_exposure(test, source, "plays"), past, validated, registered,
    ]  # fmt: skip


def _interleaved(frames: dict[str, pl.DataFrame]) -> list[Any]:
    items = frames["items"]["item_id"].head(6).to_list()
    users = frames["users"]["user_id"].head(40).to_list()
    ranked = [
        pl.DataFrame(
            [{"user_id": user, "item_id": item, "rank": at} for user in users for at, item in enumerate(of, 1)]
        )
        for of in (items, items[::-1])
    ]
    lists = rs.experiment.interleave(*ranked, k=3, seed=1)
    clicks = lists.to_polars().filter(pl.col("rank") == 1).select("user_id", "item_id")
    return [lists, rs.experiment.analyze_interleaving(lists, clicks, resamples=20)]


NOT_MADE_HERE = {
    "Demo",  # takes the whole job: tests/e2e/test_demo.py
}


def _view(one: Any) -> View:
    return one.view() if isinstance(one, Viewable) else one.card()


def test_every_kind_that_a_user_can_get_is_looked_at(shown: list[Any]) -> None:
    # A new kind of result is made in `shown`, where all that follows looks at it.
    missing = {kind.__name__ for kind in _public()} - {type(one).__name__ for one in shown}
    assert missing == NOT_MADE_HERE


def test_text_fits_80_columns(shown: list[Any]) -> None:
    for one in shown:
        if isinstance(one, Viewable):
            assert max(map(line_width, repr(one).splitlines())) <= 80, type(one).__name__
        for width in (40, 80, 120):
            lines = to_text(_view(one), width).splitlines() if not isinstance(one, tuple) else []
            assert max(map(line_width, lines), default=0) <= width, (type(one).__name__, width)


def test_names_of_one_line_are_short(shown: list[Any]) -> None:
    for one in shown:
        if isinstance(one, Card) and not isinstance(one, rs.Recommender):
            assert "\n" not in repr(one)
            assert len(repr(one)) <= 120, repr(one)


def test_html_is_well_formed_and_escaped_and_fetches_nothing(shown: list[Any]) -> None:
    nasty = 0
    for one in shown:
        html = one._repr_html_()
        parser = _Html()
        parser.feed(html)
        assert not parser.open, type(one).__name__
        assert "script" not in parser.tags
        assert parser.addresses == []
        nasty += "&lt;script&gt;" in html
    assert nasty >= 8  # titles of lists, neighbours and reasons, the arm of every view of the experiment


def test_the_parser_would_see_a_script() -> None:
    parser = _Html()
    parser.feed(f"<td>{NASTY}</td>")
    assert "script" in parser.tags


def test_views_survive_strict_json(shown: list[Any]) -> None:
    for one in shown:
        if not isinstance(one, tuple):
            view = _view(one)
            assert view.title, type(one).__name__
            read = View.from_dict(json.loads(json.dumps(view.to_dict(), allow_nan=False)))
            assert read.to_dict() == view.to_dict()


def test_plain_values_of_results_are_strict_json(shown: list[Any]) -> None:
    told = 0
    for one in shown:
        if isinstance(one, Viewable) and hasattr(one, "to_dict"):
            json.dumps(one.to_dict(), allow_nan=False, default=_instant)
            told += 1
    assert told >= 20


def _instant(value: object) -> str:
    """Ids and times of frames are left to the writer of the file."""
    if isinstance(value, date | timedelta):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no plain value")


def test_every_table_is_a_pandas_frame_too(shown: list[Any]) -> None:
    told = 0
    for one in shown:
        if hasattr(one, "to_polars"):
            assert isinstance(one, Tabular), type(one).__name__
            frame, pandas = one.to_polars(), one.to_pandas()
            assert (list(pandas.columns), len(pandas)) == (frame.columns, len(frame))
            told += 1
    assert told >= 15


def test_every_chart_can_be_plotted(shown: list[Any]) -> None:
    drawn = 0
    for one in shown:
        if isinstance(one, Viewable) and (charts := one.view().charts):
            json.dumps(one.plot().to_dict(), allow_nan=False)
            drawn += len(charts)
    assert drawn >= 1
