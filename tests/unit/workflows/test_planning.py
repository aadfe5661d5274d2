from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from recsys import stats
from recsys.cli import main
from recsys.core.errors import DataError, NotFoundError
from recsys.experiment import Experiment, Frames, Mean, Plan, plan
from recsys.store import Store
from recsys.workflows import create_experiment
from recsys.workflows import plan as plan_in_store

MINUTES = Mean("minutes", event="play", window="7d", pre_period="7d")
DECLARED = """
name = "als-vs-pop"
control = "pop"
start = 2026-06-08
arms = {pop = 0.5, als = 0.5}
monitoring = {type = "group_sequential", looks = 4}

[[metrics]]
type = "mean"
name = "minutes"
event = "play"
window = "7d"
pre_period = "7d"
"""


def log() -> pl.DataFrame:
    rng, n, begin = np.random.default_rng(1), 6000, datetime(2026, 3, 1)
    users = rng.integers(0, 400, n)
    seconds = rng.integers(0, 42 * 86_400, n)
    value = rng.gamma(2, 10 + users / 40)
    ts = [begin + timedelta(seconds=int(one)) for one in seconds]
    return pl.DataFrame({"user_id": users, "item_id": "a", "ts": ts, "event": "play", "value": value})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("plans") / "shop")
    store.ingest("events", log())
    return store


def test_the_store_plans_as_frames_do(store: Store) -> None:
    period = {"since": "2026-03-10", "until": "2026-03-31"}
    found = plan_in_store(store, [MINUTES], effect=0.1, **period)
    frames = Frames(events=log(), complete_through=store.units().complete_through("events"))
    expected = plan([MINUTES], frames, effect=0.1, **period)
    assert_frame_equal(found.to_polars(), expected.to_polars(), rel_tol=1e-9)  # sums of rows in another order
    assert_frame_equal(found.curve_to_polars(), expected.curve_to_polars(), rel_tol=1e-9)
    assert_frame_equal(found.to_polars(), plan([MINUTES], store, effect=0.1, **period).to_polars(), check_exact=True)
    assert_frame_equal(found.to_polars(), store.plan([MINUTES], effect=0.1, **period).to_polars(), check_exact=True)


def test_the_last_four_weeks_are_looked_at_by_default(store: Store) -> None:
    found = plan_in_store(store, [MINUTES], effect=0.1)
    assert found.to_dict()["until"] == "2026-04-11T00:00:00"
    assert found.to_dict()["since"] == "2026-03-14T00:00:00"


def test_a_file_needs_no_planned_units_yet(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "ab.toml"
    path.write_text(DECLARED)
    found = plan_in_store(store, path, effect=0.1)
    one = plan_in_store(store, [MINUTES], effect=0.1)
    assert found.units is not None
    assert one.units is not None
    assert found.units / one.units == pytest.approx(stats.GroupSequential.of_looks(4).inflation(0.8), abs=2 / one.units)


def test_a_registered_experiment_by_name(store: Store) -> None:
    test = Experiment("known", {"a": 0.5, "b": 0.5}, control="a", start="2026-06-08", metrics=[MINUTES])
    create_experiment(store, test)
    assert isinstance(plan_in_store(store, "known", weeks=2), Plan)
    with pytest.raises(NotFoundError, match="unknown"):
        plan_in_store(store, "unknown", weeks=2)


def test_what_the_store_does_not_hold_is_said(store: Store, tmp_path: Path) -> None:
    test = Experiment("x", {"a": 0.5, "b": 0.5}, control="a", start="2026-06-08", metrics=[Mean("m", value="minuts")])
    with pytest.raises(NotFoundError, match="minuts"):
        plan_in_store(store, test)
    with pytest.raises(DataError, match="no events"):
        plan_in_store(Store(tmp_path / "empty"), [MINUTES])


def test_the_verb(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "ab.toml"
    path.write_text(DECLARED)
    words = ["experiment", "plan", str(path), "--store", str(store.path), "--effect", "minutes=0.1"]
    assert main([*words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["schema"] == "recsys/experiment-plan/1"
    expected = plan_in_store(store, path, effect=0.1)
    assert printed["data"]["units"] == expected.units
    assert printed["data"]["metrics"][0]["detectable"] == expected["minutes"].detectable
    assert main(words) == 0
    told = f"{expected.units:,} units in 2 arms; which such traffic never brings"  # there are 400 users
    assert told in capsys.readouterr().out
    assert main([*words[:-1], "much"]) == 2
    assert "--effect is 'much'" in capsys.readouterr().err
