"""The store and a set of frames answer what an experiment asks with the same table of units."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from recsys.experiment import (
    Active,
    Count,
    Experiment,
    Frames,
    Mean,
    Proportion,
    Quantile,
    Ratio,
    Retention,
    UnitRequest,
    UnitTable,
    build_unit_table,
)
from recsys.store import Store
from recsys.store import units as store_units

START = datetime(2026, 6, 8)
METRICS = [
    Mean("minutes", event="play", window="7d", pre_period="14d"),
    Mean("longest", event="play", aggregate="max(value)", window="7d"),
    Mean("items", aggregate="count_distinct(item_id)", window="7d", pre_period="14d"),
    Mean("days", aggregate="count_distinct(day)", where={"device": ["tv", "web"]}),
    Mean("tags", aggregate="count_distinct(tag)"),
    Mean("score", value="score", where={"score": {">": 0.2, "<=": 0.9}}),
    Count("plays", event="play", window="3d", pre_period="14d"),
    Proportion("rated", event="rating", window="7d"),
    Quantile("heavy", value="value", q=0.9, where={"item_id": ["i1", "i2", "i3"]}),
    Ratio("completion", numerator="sum(score)", denominator="count()", where={"event": {"!=": "rating"}}),
    Retention("day_three", day=3),
    Mean("shown", table="impressions", aggregate="count()", window="7d", covariates=("country",)),
    Mean("high", table="impressions", aggregate="max(position)", where={"policy": "als"}),
    Ratio("clicks", table="impressions", numerator="sum(reward)", denominator="count_distinct(item_id)"),
]
PLAN = Experiment(
    "als-vs-pop",
    {"pop": 0.5, "als": 0.5},
    control="pop",
    start=START,
    end=START + timedelta(days=10),
    metrics=METRICS,
    segments=("country", "age"),
    overrides={"7": "als"},
)


class World(NamedTuple):
    """A log as frames, and the same in a store."""

    frames: dict[str, pl.DataFrame]
    store: Store

    def tables(self, request: UnitRequest) -> tuple[UnitTable, UnitTable]:
        through = {table: datetime(2026, 7, 1) for table in ("events", "impressions")}
        frames = Frames(**self.frames, complete_through=through)
        return build_unit_table(frames, request), build_unit_table(self.store.units(), request)


def log(rng: np.random.Generator, n: int, **columns: pl.Series) -> pl.DataFrame:
    seconds = rng.integers(0, 45 * 86_400, n)
    times = pl.Series([datetime(2026, 5, 20)]) + pl.Series(seconds * 1_000_000).cast(pl.Duration("us"))
    return pl.DataFrame({"ts": times, **columns})


def holes(rng: np.random.Generator, values: Any, share: float = 0.1) -> pl.Series:
    return pl.Series(
        [None if gap else value for value, gap in zip(values, rng.random(len(values)) < share, strict=True)]
    )


def frames(rng: np.random.Generator, ids: Any) -> dict[str, pl.DataFrame]:
    n_users, n = 200, 6_000

    def users(size: int) -> pl.Series:
        return pl.Series([ids(user) for user in rng.integers(0, n_users, size)])

    def items(size: int) -> pl.Series:
        return pl.Series([f"i{item}" for item in rng.integers(0, 30, size)])

    events = log(
        rng,
        n,
        user_id=users(n),
        item_id=items(n),
        event=pl.Series(rng.choice(["play", "rating", "stop"], n)),
        value=holes(rng, rng.integers(0, 90, n).astype(float)),
        score=holes(rng, rng.random(n)),
        device=holes(rng, rng.choice(["tv", "web", "app"], n)),
        tag=holes(rng, rng.integers(-5, 5, n)),
    )
    impressions = log(
        rng,
        n,
        user_id=holes(rng, users(n)),
        item_id=items(n),
        position=pl.Series(rng.integers(1, 20, n)),
        policy=holes(rng, rng.choice(["als", "pop"], n)),
        reward=holes(rng, rng.integers(0, 2, n).astype(float)),
    )
    seconds = pl.Series(rng.integers(-86_400, 12 * 86_400, 400) * 1_000_000).cast(pl.Duration("us"))
    units = rng.integers(0, 230, 400)  # some in both arms, some never seen in the data
    exposures = pl.DataFrame(
        {
            "experiment": rng.choice(["als-vs-pop", "another"], 400, p=[0.9, 0.1]),
            "unit_id": [ids(unit) for unit in units],
            "variant": np.where(
                rng.random(400) < 0.03, "odd", np.where(units % 2 ^ (rng.random(400) < 0.02), "als", "pop")
            ),
            "ts": pl.Series([START]) + seconds,
        }
    )
    attributes = pl.DataFrame(
        {
            "user_id": [ids(user) for user in range(n_users)],
            "account": holes(rng, [f"a{user // 3}" for user in range(n_users)], 0.05),
            "country": holes(rng, rng.choice(["de", "fr"], n_users)),
            "age": holes(rng, rng.integers(15, 80, n_users)),
            "valid_from": pl.Series([None] * n_users, dtype=pl.Datetime("us")),
        }
    )
    later = attributes[:80].with_columns(country=pl.lit("ch"), valid_from=pl.lit(START + timedelta(days=2)))
    return {
        "events": events,
        "impressions": impressions,
        "exposures": exposures,
        "users": pl.concat([attributes, later.cast(attributes.schema)]),
    }


@pytest.fixture(scope="module", params=["whole numbers", "text"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    ids = int if request.param == "whole numbers" else "user-{}".format
    made = frames(np.random.default_rng(5), ids)
    store = Store(tmp_path_factory.mktemp("world") / "shop")
    # What was taken back or replaced must not count: the same rows with other values, and a day that comes again.
    store.revert(store.ingest("events", made["events"].with_columns(value=pl.lit(1e6))).ingest_ids[0])
    for table, frame in made.items():
        store.ingest(table, frame)
    day = pl.col("ts").dt.date() == datetime(2026, 6, 10).date()
    store.ingest("events", made["events"].filter(day), replace_partition="2026-06-10")
    for table in ("events", "impressions"):
        store.set_watermark(table, "2026-07-01")
    return World(made, store)


def assert_same(mine: UnitTable, theirs: UnitTable) -> None:
    assert mine.unit_ids.equals(theirs.unit_ids)
    for name in ("arm", "first_exposure", "stage", "seen"):
        np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name), err_msg=name)
    assert mine.attributes.equals(theirs.attributes)
    assert (mine.arms, mine.through, mine.left_out) == (theirs.arms, theirs.through, theirs.left_out)
    assert mine.complete_through == theirs.complete_through
    assert mine.enrolment.units.tolist() == theirs.enrolment.units.tolist()
    assert mine.enrolment._replace(units=None) == theirs.enrolment._replace(units=None)  # type: ignore[arg-type]
    assert list(mine.columns) == list(theirs.columns)
    for name, values in mine.columns.items():
        if "score" in name or name.startswith("completion"):
            # Fractions: the store adds a unit's rows in its own order, and rounds in the last places otherwise.
            np.testing.assert_allclose(values, theirs.columns[name], rtol=1e-12, atol=0, err_msg=name)
        else:
            assert values.tobytes() == theirs.columns[name].tobytes(), name
        np.testing.assert_array_equal(mine.matured[name], theirs.matured[name], err_msg=name)


@pytest.mark.parametrize("through", ["2026-06-25", "2026-08-01"])
def test_the_units_of_an_experiment(world: World, through: str) -> None:
    mine, theirs = world.tables(PLAN.request(through))
    assert len(mine) > 100
    assert all(mine.columns[name].any() for name in mine.columns)
    assert mine.enrolment.in_several_arms
    assert not mine.seen.all()
    assert_same(mine, theirs)


def test_units_that_are_coarser_than_users(world: World) -> None:
    accounts = world.frames["exposures"].with_columns(unit_id="a" + (pl.arange(pl.len()) % 80).cast(pl.String))
    mapped = World({**world.frames, "exposures": accounts}, Store(world.store.path.parent / "mapped"))
    for table, frame in mapped.frames.items():
        mapped.store.ingest(table, frame)
    for table in ("events", "impressions"):
        mapped.store.set_watermark(table, "2026-07-01")
    plan = {**PLAN.to_dict(), "unit": "account", "name": "als-vs-pop"}
    mine, theirs = mapped.tables(Experiment.from_dict(plan).request("2026-06-25"))
    assert_same(mine, theirs)


@pytest.mark.parametrize("unit", ["user_id", "account"])
def test_units_of_the_past(world: World, unit: str) -> None:
    request = PLAN.request("2026-07-01")
    span = [int(datetime(2026, *day).timestamp()) * 1_000_000 for day in ((6, 1), (6, 20), (6, 5), (6, 6))]
    past = Active(span[0], span[1], ((span[2], span[3]),))
    mine, theirs = world.tables(UnitRequest(past, request.measures, unit, request.attributes, request.through))
    assert len(mine) > 50
    assert_same(mine, theirs)


def test_ranges_and_threads_do_not_change_a_byte(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    request = PLAN.request("2026-06-25")
    whole = build_unit_table(world.store.units(), request)
    monkeypatch.setattr(store_units, "_ROWS_PER_RANGE", 500)
    for threads in ("1", "3"):
        monkeypatch.setenv("RECSYS_THREADS", threads)
        cut = build_unit_table(world.store.units(), request)
        assert all(cut.columns[name].tobytes() == values.tobytes() for name, values in whole.columns.items())
