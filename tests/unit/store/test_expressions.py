from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from recsys.core.errors import ArgumentError, NotFoundError, RecsysError
from recsys.experiment import Count, Experiment, Frames, Mean, build_unit_table
from recsys.store import Store, expressions
from recsys.workflows import create_experiment

START = datetime(2026, 6, 8)


@pytest.fixture
def full(store: Store) -> Store:
    days = [1, 8, 9, 9, 10, 30]
    events = {
        "user_id": [1, 1, 1, 2, 1, 2],
        "item_id": ["a", "b", "b", "c", "d", "a"],
        "event": ["play", "play", "play", "play", "rating", "play"],
        "value": [1.0, 2.0, 4.0, None, 16.0, 32.0],
    }
    frame = pl.DataFrame(events).with_columns(ts=pl.Series([datetime(2026, 6, day, 12) for day in days]))
    store.ingest("events", frame)
    shown = pl.DataFrame({"unit_id": [1, 2, 3], "variant": ["a", "b", "b"], "ts": [START] * 3})
    store.ingest("exposures", shown, set={"experiment": "ab"})
    return store


def planned(*metrics: Mean | Count) -> Experiment:
    return Experiment("ab", {"a": 0.5, "b": 0.5}, control="a", start=START, metrics=metrics)


def column(store: Store, expr: str, **options: object) -> list[float]:
    metric = Mean("m", expr=expr, **options)  # type: ignore[arg-type]
    table = build_unit_table(store.units(), planned(metric, Count("n")).request("2026-07-01"))
    return table.columns["m"].tolist()


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("sum(value)", [22, 32, 0]),
        ("sum(value) -- of all", [22, 32, 0]),
        ("sum(value) / count(DISTINCT item_id)", [11, 16, 0]),
        ("count(*) FILTER (event = 'play' AND value > 3)", [1, 1, 0]),
        ("sum(CASE WHEN event IN ('play', ';') THEN 1 ELSE 0 END)", [2, 2, 0]),
        ("epoch(max(ts) - min(ts)) / 86400", [2, 21, 0]),
        ("max(user_id) * 10", [10, 20, 0]),
        ("regr_slope(value, epoch(ts)) * 0 + quantile_cont(value, 0.5)", [4, 0, 0]),
    ],
)
def test_an_expression_gives_a_number_of_the_rows_of_a_unit(full: Store, expr: str, expected: list[float]) -> None:
    assert column(full, expr) == expected


def test_windows_filters_and_pre_periods_are_those_of_the_metric(full: Store) -> None:
    metric = Mean("m", expr="sum(value)", event="play", window="14d", pre_period="28d")
    table = build_unit_table(full.units(), planned(metric).request("2026-07-01"))
    assert table.columns["m"].tolist() == [6, 0, 0]
    assert table.columns["m.pre"].tolist() == [1, 0, 0]
    assert table.left_out == {"m": 1, "m.pre": 0}  # unit 2 has a row, and its sum is NULL


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        ("1); DROP TABLE unit_rows; --", "it is no SQL expression"),
        ("1); ATTACH 'x.duckdb'; SELECT (1", "it is no SQL expression"),
        ("1; SELECT 2", "it is more than one expression"),
        ("1 FROM read_csv('/etc/passwd')", "it is more than one expression"),
        ("sum(value), 2", "it is more than one expression"),
        ("sum(value) LIMIT 1", "it is more than one expression"),
        ("sum(value) HAVING true", "it is more than one expression"),
        ("(SELECT count(*) FROM read_text('/etc/passwd'))", "it has a subquery"),
        ("EXISTS (FROM unit_rows)", "it has a subquery"),
        ("sum(sum(value)) OVER ()", "it has a window"),
        ("COLUMNS(*)", "it has a star"),
        ("?", "it has a parameter"),
        ("random()", "random does not give the same"),
        ("sum(value) + epoch(now())", "now does not give the same"),
        ("read_text('/etc/passwd')", "read_text does not give the same for the same rows, or is no function"),
        ("unit_rows.value", "unit_rows.value is no column"),
        ("value", "must appear in the GROUP BY clause"),
        ("max(event)", None),
        ("", None),
    ],
)
def test_what_is_no_expression_over_the_rows_of_a_unit_is_refused(full: Store, expr: str, message: str | None) -> None:
    with pytest.raises(ArgumentError, match=message):
        column(full, expr)


def test_a_column_that_does_not_exist_is_told_when_the_experiment_is_created(full: Store) -> None:
    with pytest.raises(NotFoundError, match="names 'valeu', which events does not have.*did you mean 'value'"):
        create_experiment(full, planned(Mean("m", expr="sum(valeu)")))
    with pytest.raises(NotFoundError, match="names 'user_key'"):
        create_experiment(full, planned(Mean("m", expr="max(user_key)")))


@pytest.mark.parametrize(
    ("query", "refused"),
    [("read_text('/etc/passwd')", True), ("'/etc/passwd.csv'", True), ("duckdb_settings()", False)],
)
def test_the_connection_reaches_no_file_even_if_the_look_is_left_out(query: str, refused: bool) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import sandbox;"
        " sandbox._columns = lambda con, expr: []; sandbox.main()"
    )
    request = {"expr": f"(SELECT count(*) FROM {query})", "columns": {}, "memory_limit": "1GiB"}
    command = [sys.executable, "-I", "-c", script, str(Path(expressions.__file__).parent)]
    done = subprocess.run(command, input=json.dumps(request), capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    told = answer.get("refused", "")
    assert ("disabled" in told or "does not exist" in told) == refused, answer


def test_an_expression_that_takes_too_long_is_ended(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions, "SECONDS", 0.01)
    with pytest.raises(RecsysError, match="took more than 0.01 s"):
        column(full, "sum(value)")


def test_the_number_does_not_depend_on_threads(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for threads in ("1", "3"):
        monkeypatch.setenv("RECSYS_THREADS", threads)
        found.append(column(full, "first(value)"))
    assert found[0] == found[1]


def test_frames_have_no_sql() -> None:
    shown = {"experiment": ["ab"], "unit_id": [1], "variant": ["a"], "ts": [START]}
    source = Frames(events={"user_id": [1], "ts": [START]}, exposures=shown)
    with pytest.raises(ArgumentError, match="expr='sum\\(value\\)'.*A store was expected"):
        build_unit_table(source, planned(Mean("m", expr="sum(value)")).request())
    with pytest.raises(ArgumentError, match="m has expr='1' and aggregate='count\\(\\)'"):
        Mean("m", expr="1", aggregate="count()")
