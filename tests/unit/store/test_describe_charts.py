"""A profile's charts and title show its own numbers."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from recsys.display import Spark
from recsys.store import Store


def log(days: list[int], users: list[int] | None = None) -> pl.DataFrame:
    first = datetime(2026, 1, 1, 12)
    times = [first + timedelta(days=day) for day in days]
    return pl.DataFrame({"user_id": users or list(range(len(days))), "item_id": [1] * len(days), "ts": times})


def test_events_by_day_with_the_days_that_have_none(store: Store) -> None:
    store.ingest("events", log([0, 0, 3, 1]))
    found = store.describe()
    assert found.over_time is not None
    assert found.over_time.stretch == "by day"
    assert found.over_time.counts == (2, 1, 0, 1)
    chart = found.view().charts[0]
    assert (chart.title, chart.x.text(), chart.y.text()) == ("Events by day", "begin (UTC)", "events (per day)")
    assert chart.series[0].x == (*(datetime(2026, 1, day) for day in (1, 2, 3, 4)), datetime(2026, 1, 4, 12))
    assert [(rule.axis, rule.at) for rule in chart.rules] == [("y", 0.0)]  # counts are drawn from 0 on
    assert chart.series[0].y == (2, 1, 0, 1, 1)  # the last step ends where the log does
    assert found.view().tables[1].rows == ((Spark((2, 1, 0, 1)),),)
    assert json.loads(json.dumps(found.to_dict()))["over_time"]["counts"] == [2, 1, 0, 1]


@pytest.mark.parametrize(("last", "stretch"), [(117, "day"), (118, "week"), (4000, "year"), (120 * 366, "year")])
def test_long_logs_have_longer_stretches_never_more_than_120(store: Store, last: int, stretch: str) -> None:
    store.ingest("events", log([0, last]))
    over = store.describe().over_time
    assert over is not None
    assert over.stretch == f"by {stretch}"
    assert len(over.starts) <= 120
    assert over.counts[-1] == 1


def test_users_by_activity_and_the_curves_of_both(store: Store) -> None:
    users = [1] * 5 + [2] * 3 + [3, 4]
    store.ingest("events", log(list(range(10)), users))
    found = store.describe()
    assert found.user_sizes == ((1, 2), (2, 1), (4, 1))
    assert found.user_curve is not None
    assert found.user_curve.held_by(0.25) == 0.5
    assert found.activity == {"min": 1, "p10": 1, "p25": 1, "p50": 1, "p75": 3, "p90": 5, "p99": 5, "max": 5}
    sizes, curves = found.view().charts[2], found.view().charts[1]
    bars = {series.name: dict(zip(series.x, series.y, strict=True)) for series in sizes.series}
    assert bars == {
        "users": {"1": 0.5, "2–3": 0.25, "4–7": 0.25},
        "items": {"1": 0, "2–3": 0, "4–7": 0, "8–15": 1},
    }
    assert {series.name: (series.x[0], series.y[0]) for series in curves.series} == {
        "items": (1, 1.0),
        "users": (1, 0.5),
    }
    assert found.view().title == (f"{found.name} holds 10 events of 4 users on 1 item, 2026-01-01 to 2026-01-10.")


def test_without_events_or_times_there_is_nothing_to_draw(store: Store) -> None:
    empty = store.describe()
    assert empty.view().charts == ()
    assert empty.view().title == f"{empty.name} holds no events yet."
    store.ingest("events", log([0, 1]).drop("ts"))
    timeless = store.describe()
    assert timeless.over_time is None
    assert len(timeless.view().charts) == 2


def test_a_report_does_not_tell_where_the_store_lies(tmp_path: Path) -> None:
    store = Store(tmp_path / "shop")
    assert str(tmp_path) not in json.dumps(store.describe().view().to_dict())
