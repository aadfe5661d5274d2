"""`train` and `refit`: what is recorded, what is kept, what is refused."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.models import ALS, Recommender
from recsys.store import DataRecipe

from .conftest import Shop


def test_a_candidate_is_trained_before_the_cut(shop: Shop) -> None:
    run = shop.store.run(shop.als)
    cut = datetime.fromisoformat(run.recipe["cut"])
    last = shop.store.dataset().last_time
    assert last is not None
    assert cut == last + timedelta(microseconds=1) - timedelta(days=10)
    assert run.trained_through is not None
    assert run.trained_through < cut
    assert run.metrics["train_events"] + run.metrics["test_events"] == 1500


def test_the_run_is_complete(shop: Shop) -> None:
    run = shop.store.run(shop.als)
    assert run.kind == "train"
    assert run.status == "finished"
    assert run.repeatable
    assert run.seed == 3
    assert run.recipe["model"] == "als"
    assert run.recipe["params"] == {**ALS(factors=8, iterations=5, seed=3).params}
    assert run.recipe["holdout"] == "10d"
    assert DataRecipe.from_dict(run.recipe["data"]) == DataRecipe(event="play")
    assert {"recsys", "python", "numpy", "scipy", "polars", "duckdb", "implicit", "cpu"} == set(run.versions)
    assert run.wall_s > 0
    assert run.peak_rss_mb > 10
    assert run.snapshot_id == shop.store.snapshots()[0].snapshot_id == shop.store.run(shop.pop).snapshot_id


def test_the_model_is_kept(shop: Shop) -> None:
    model = shop.store.load_model(shop.als)
    assert isinstance(model, ALS)
    assert len(model.recommend(["u001"], 3).to_polars()) == 3


def test_a_model_of_ones_own_is_not_changed(shop: Shop) -> None:
    mine = ALS(factors=4, iterations=2)
    run, fitted = shop.store.train(mine, seed=5)
    assert not hasattr(mine, "users_")
    assert fitted.params["seed"] == run.seed == 5
    assert run.recipe["cut"] is None


def test_models_without_chance_take_no_seed(shop: Shop) -> None:
    assert shop.store.train("popularity", seed=5).run.seed is None


def test_threads_change_nothing(shop: Shop) -> None:
    params = {"factors": 8, "iterations": 5}
    again = shop.store.train("als", params=params, seed=3, event="play", holdout="10d", n_threads=1)
    assert again.run.artifact == shop.store.run(shop.als).artifact


def test_refit_learns_from_everything(shop: Shop) -> None:
    served, candidate = shop.store.run(shop.served), shop.store.run(shop.als)
    assert served.parents == (shop.als,)
    assert served.recipe["params"] == candidate.recipe["params"]
    assert served.recipe["cut"] is None
    assert served.metrics["train_events"] == 1500
    until = datetime(2025, 1, 20)
    early = shop.store.refit(shop.als, until=until).run
    assert early.trained_through is not None
    assert early.trained_through < until


def test_a_snapshot_can_be_named(shop: Shop) -> None:
    shop.store.snapshot("june", event="play", until="2025-02-01")
    run, _ = shop.store.train("popularity", snapshot="june")
    assert run.snapshot_id == shop.store.snapshots()[0].snapshot_id
    with pytest.raises(ArgumentError, match="event and snapshot were both given"):
        shop.store.train("popularity", snapshot="june", event="play")
    with pytest.raises(NotFoundError, match="no snapshot 'july'"):
        shop.store.train("popularity", snapshot="july")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "alz"}, "did you mean 'als'"),
        ({"model": 7}, "model is a int"),
        ({"model": "als", "params": {"factor": 3}}, "did you mean 'factors'"),
        ({"model": "als", "seed": -1}, "seed is -1"),
        ({"model": "als", "holdout": "a week"}, "holdout is 'a week'"),
        ({"model": ALS(), "params": {"factors": 3}}, "params were given"),
        ({"model": "als", "recipe": DataRecipe(), "event": "play"}, "event and recipe were both given"),
    ],
)
def test_mistakes_are_answered_before_work_begins(shop: Shop, arguments: dict[str, object], message: str) -> None:
    before = len(shop.store.runs())
    with pytest.raises(ArgumentError, match=message):
        shop.store.train(**arguments)
    assert len(shop.store.runs()) == before


def test_a_holdout_longer_than_the_data(shop: Shop) -> None:
    with pytest.raises(ArgumentError, match="train part of the split is empty"):
        shop.store.train("als", holdout="400d")


class Failing(ALS):
    """Breaks down in the middle."""

    def _fit(self, *args: object, **options: object) -> None:
        raise KeyboardInterrupt


def test_an_interrupted_job_leaves_nothing(shop: Shop) -> None:
    runs, artefacts = len(shop.store.runs()), set(shop.store.artifacts.iterdir())
    snapshots = len(shop.store.snapshots())
    with pytest.raises(KeyboardInterrupt):
        shop.store.train(Failing(), until="2025-01-15")
    assert len(shop.store.runs()) == runs
    assert len(shop.store.snapshots()) == snapshots
    assert set(shop.store.artifacts.iterdir()) == artefacts


class Forgetful(ALS):
    """A person is forgotten while it learns."""

    forget = staticmethod(lambda: None)

    def _fit(self, *args: object, **options: object) -> None:
        self.forget()
        super()._fit(*args, **options)  # type: ignore[arg-type]  # whatever the base takes


def test_a_person_forgotten_meanwhile_is_not_kept(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Forgetful, "forget", staticmethod(lambda: shop.store.forget("u001")))
    runs = len(shop.store.runs())
    with pytest.raises(DataError, match="a person was forgotten while the job ran"):
        shop.store.train(Forgetful(factors=4, iterations=1))
    assert len(shop.store.runs()) == runs


def test_future_events_are_recorded_as_a_warning(shop: Shop) -> None:
    ahead = pl.DataFrame({"user_id": ["u001"], "item_id": [100], "ts": [datetime(2038, 1, 1)], "event": ["play"]})
    shop.store.ingest("events", ahead)
    run, model = shop.store.train("popularity")
    assert "1 event lies later than its arrival" in shop.store.run(run.run_id).warnings[0]
    assert isinstance(model, Recommender)
    assert np.isfinite(model.popularity_).all()


def test_minimum_counts_with_a_holdout_are_told(shop: Shop) -> None:
    chosen = DataRecipe(event="play", min_user_events=2)
    assert any(
        "minimum counts" in note for note in shop.store.train("popularity", recipe=chosen, holdout="10d").run.warnings
    )
    assert not shop.store.train("popularity", recipe=chosen).run.warnings
