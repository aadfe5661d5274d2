from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.experiment import Count, Experiment, Mean
from recsys.store import Store
from recsys.workflows import assign, create_experiment, expose

START = datetime(2026, 6, 8)
PLAN = Experiment(
    "als-vs-pop",
    {"pop": 0.5, "als": 0.5},
    control="pop",
    start=START,
    metrics=[Mean("minutes", event="play", covariates=("age",)), Count("rated", where={"event": ["rating", "play"]})],
    segments=("country",),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "shop")
    users = {"user_id": [1, 2, 3], "account": ["A", "A", None], "country": ["de"] * 3, "age": [20, 30, 40]}
    users |= {"score": [0.5, 1.5, 2.5]}
    store.ingest("users", pl.DataFrame(users))
    events = {"user_id": [1, 2, 3], "item_id": ["a"] * 3, "event": ["play", "play", "rating"], "value": [1.0, 2.0, 3.0]}
    store.ingest("events", pl.DataFrame(events).with_columns(ts=pl.lit("2026-06-01T00:00:00Z")))
    return store


@pytest.fixture
def running(store: Store) -> Store:
    create_experiment(store, PLAN)
    return store


def test_an_experiment_that_the_data_can_answer_is_registered_without_a_word(store: Store) -> None:
    created = create_experiment(store, PLAN)
    assert created.warnings == ()
    assert created.experiment == store.experiment("als-vs-pop")
    assert created.experiment.experiment == PLAN


def test_another_metric_before_exposure_is_no_column_of_users(store: Store) -> None:
    metrics = [Count("plays", event="play", pre_period="7d"), Mean("minutes", event="play", covariates=("plays.pre",))]
    assert create_experiment(store, replace(PLAN, metrics=metrics)).warnings == ()


def test_a_declaration_may_come_from_a_file(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "ab.toml"
    path.write_text(
        'name = "ab"\ncontrol = "a"\nstart = 2026-06-08\narms = {a = 0.5, b = 0.5}\n'
        '[[metrics]]\ntype = "mean"\nname = "minutes"\nevent = "play"\n'
    )
    assert create_experiment(store, path).experiment.experiment == Experiment.from_toml(path)
    with pytest.raises(NotFoundError, match="nix.toml"):
        create_experiment(store, tmp_path / "nix.toml")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"metrics": [Mean("m", value="valeu")]}, NotFoundError, "events has no column 'valeu'.*did you mean 'value'"),
        ({"metrics": [Mean("m", value="event")]}, DataError, "vents.event is VARCHAR. A column of numbers"),
        ({"metrics": [Count("m", where={"event": 3})]}, ArgumentError, "the filter on event compares with 3"),
        ({"metrics": [Count("m", covariates=("agge",))]}, NotFoundError, "users has no column 'agge'.*'age'"),
        ({"segments": ("contry",)}, NotFoundError, "users has no column 'contry'.*did you mean 'country'"),
        ({"targeting": {"age": "old"}}, ArgumentError, "the filter on age compares with 'old'"),
        ({"unit": "score"}, DataError, "users.score is DOUBLE. Whole numbers or text were expected"),
        (
            {"unit": "acount"},
            NotFoundError,
            "the unit is 'acount'.*account, country, age, score.*did you mean 'account'",
        ),
    ],
)
def test_what_the_data_cannot_answer_is_refused(
    store: Store, changes: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        create_experiment(store, replace(PLAN, **changes))
    assert store.experiments() == []


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"metrics": [Count("m", event="xyz")]}, "m counts events of the kind 'xyz', and none has occurred: there are"),
        ({"metrics": [Count("m", table="impressions")]}, "the store holds no impressions yet"),
        ({"unit": "account"}, "1 of 3 users with events have no account: what they do counts for no unit"),
    ],
)
def test_what_looks_wrong_is_a_warning(store: Store, changes: dict[str, Any], warning: str) -> None:
    (found,) = create_experiment(store, replace(PLAN, **changes)).warnings
    assert found.startswith(warning)


def test_a_misspelled_event_is_refused_unless_it_is_meant(store: Store) -> None:
    slip = replace(PLAN, metrics=[Count("m", event="plya")])
    with pytest.raises(ArgumentError, match="m counts events of the kind 'plya'"):
        create_experiment(store, slip)
    (told,) = create_experiment(store, slip, allow_unseen=True).warnings
    assert told.endswith("did you mean 'play'?")


def test_exposures_of_other_variants_are_a_warning(store: Store) -> None:
    frame = pl.DataFrame({"experiment": ["als-vs-pop"] * 2, "unit_id": [1, 2], "variant": ["als", "ALS"]})
    store.ingest("exposures", frame.with_columns(ts=pl.lit("2026-06-08T00:00:00Z")))
    assert create_experiment(store, PLAN).warnings == ("exposures name variants that are no arms: ALS (1)",)


def test_ids_of_two_kinds_are_a_warning(store: Store) -> None:
    frame = pl.DataFrame({"experiment": ["als-vs-pop"], "unit_id": ["u1"], "variant": ["als"]})
    store.ingest("exposures", frame.with_columns(ts=pl.lit("2026-06-08T00:00:00Z")))
    (warning,) = create_experiment(store, PLAN).warnings
    assert warning == "unit_id of exposures is VARCHAR, and user_id is BIGINT: they are compared as text"


def test_exposures_with_a_time_are_recorded_as_they_are_and_once(running: Store) -> None:
    rows = pl.DataFrame({"unit_id": ["1", "2"], "variant": ["als", "pop"], "ts": ["2026-06-08T10:00:00Z"] * 2})
    done = expose(running, "als-vs-pop", rows)
    assert (done.recorded, done.known, done.in_several_arms) == ({"als": 1, "pop": 1}, 0, 0)
    again = expose(running, "als-vs-pop", rows)
    assert (again.recorded, again.known, again.ingest_id) == ({}, 2, None)
    assert sorted(running.exposures().rows()) == [
        ("als-vs-pop", 1, "als", datetime(2026, 6, 8, 10)),
        ("als-vs-pop", 2, "pop", datetime(2026, 6, 8, 10)),
    ]
    assert done.ingest_id is not None
    running.revert(done.ingest_id)
    assert running.exposures().is_empty()


def test_exposures_without_a_time_enter_once_in_an_arm(running: Store) -> None:
    rows = pl.DataFrame({"unit_id": [1, 2, 1], "variant": ["als", "pop", "als"]})
    assert expose(running, "als-vs-pop", rows, at="2026-06-09").recorded == {"als": 1, "pop": 1}
    later = expose(running, "als-vs-pop", pl.DataFrame({"unit_id": [1, 3], "variant": ["als", "als"]}))
    assert (later.recorded, later.known) == ({"als": 1}, 1)
    assert running.experiment("als-vs-pop").exposed == 3
    crossed = expose(running, "als-vs-pop", pl.DataFrame({"unit_id": [1], "variant": ["pop"]}))
    assert (crossed.recorded, crossed.in_several_arms) == ({"pop": 1}, 1)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ({"unit_id": [1], "variant": ["ALS"]}, "1 rows have a variant that is no arm, such as 'ALS'.*pop, als"),
        ({"unit_id": [1, None], "variant": ["als", "als"]}, "1 of 2 rows have no unit_id"),
        ({"unit_id": [1], "variant": [None]}, "1 rows have no variant"),
        ({"unit_id": ["x"], "variant": ["als"]}, "unit_id 'x' is no whole number"),
        ({"user_id": [1]}, "no column unit_id"),
    ],
)
def test_exposures_that_mean_nothing_are_refused(running: Store, rows: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        expose(running, "als-vs-pop", pl.DataFrame(rows))
    assert running.exposures().is_empty()


def test_one_that_was_stopped_takes_nobody_in(running: Store) -> None:
    running.stop_experiment("als-vs-pop")
    with pytest.raises(ArgumentError, match="'als-vs-pop' was stopped at"):
        expose(running, "als-vs-pop", pl.DataFrame({"unit_id": [1], "variant": ["als"]}))


def test_the_arms_of_all_units_are_written(running: Store, tmp_path: Path) -> None:
    done = assign(running, "als-vs-pop", tmp_path / "arms.csv", at="2026-06-09")
    written = pl.read_csv(tmp_path / "arms.csv")
    expected = PLAN.assign([1, 2, 3], at="2026-06-09").select("unit_id", "variant")
    assert written.equals(expected)
    assert done.arms == {arm: expected["variant"].to_list().count(arm) for arm in ("pop", "als")}
    assert (done.left_out, list(done.arms)) == ({}, ["pop", "als"])
    assert running.exposures().is_empty()
    exposed = expose(running, "als-vs-pop", written, at="2026-06-09")
    assert sum(exposed.recorded.values()) == 3
    assert expose(running, "als-vs-pop", pl.DataFrame({"unit_id": ["1", "2", "3"]}), at="2026-06-10").known == 3


def test_units_that_do_not_come_in_are_counted_by_reason(store: Store, tmp_path: Path) -> None:
    create_experiment(store, replace(PLAN, targeting={"age": {">=": 25}}, overrides={"3": "als"}))
    out = tmp_path / "arms.parquet"
    done = assign(store, "als-vs-pop", out, units=["1", "3", "9", "3"], at="2026-06-09")
    assert (done.arms, done.left_out) == ({"pop": 0, "als": 1}, {"not_targeted": 2})
    assert pl.read_parquet(out).rows() == [(3, "als")]
    early = assign(store, "als-vs-pop", out, units=["1"], at="2026-06-01")
    assert (early.left_out, pl.read_parquet(out).rows()) == ({"not_started": 1}, [])


def test_coarser_units_are_assigned(store: Store, tmp_path: Path) -> None:
    create_experiment(store, replace(PLAN, unit="account"))
    assign(store, "als-vs-pop", tmp_path / "arms.jsonl", at="2026-06-09")
    assert pl.read_ndjson(tmp_path / "arms.jsonl")["unit_id"].to_list() == ["A"]


def test_a_file_appears_whole_or_not_at_all(running: Store, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unit_id 'x' is no whole number"):
        assign(running, "als-vs-pop", tmp_path / "arms.csv", units=["1", "x"])
    with pytest.raises(ArgumentError, match="name that ends in"):
        assign(running, "als-vs-pop", tmp_path / "arms.xyz")
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]
