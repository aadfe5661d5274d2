"""A ready-made frame with one row a unit."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, NotFoundError, RecsysError
from recsys.experiment import (
    Active,
    Experiment,
    Mean,
    PerUnit,
    Proportion,
    Ratio,
    UnitRequest,
    UnitTable,
    build_unit_table,
)
from recsys.experiment.analyzing import analyze

T0 = dt.datetime(2026, 6, 8)
GAMES: dict[str, Any] = {
    "userid": [4, 1, 3, 2, 5],
    "version": ["gate_30", "gate_30", "gate_40", "gate_40", "gate_50"],
    "sum_gamerounds": [3, 38, 165, 1, 7],
    "retention_7": [False, True, False, True, True],
}


def build(
    metrics: list[Any], frame: Any = None, *, request: dict[str, Any] | None = None, **settings: Any
) -> UnitTable:
    source = PerUnit(GAMES if frame is None else frame, **{"unit": "userid", "variant": "version", **settings})
    arms = {"gate_30": 0.5, "gate_40": 0.5}
    test = Experiment("gate", arms, control="gate_30", start=T0, metrics=metrics, **(request or {}))
    return build_unit_table(source, test.request())


def test_columns_are_named_by_the_metrics() -> None:
    table = build([Mean("sum_gamerounds"), Proportion("retention_7")])
    assert table.unit_ids.to_list() == [1, 2, 3, 4]
    assert table.arm.tolist() == [0, 1, 1, 0]
    assert table.columns["sum_gamerounds"].tolist() == [38, 1, 165, 3]
    assert table.columns["retention_7"].tolist() == [1, 1, 0, 0]
    assert table.seen.all()
    assert all(mask.all() for mask in table.matured.values())
    assert table.enrolment.unknown_variant == {"gate_50": 1}
    assert table.enrolment.units.tolist() == [2, 2]


def test_ratios_pre_periods_and_attributes() -> None:
    frame = pl.DataFrame(GAMES).with_columns(
        pl.col("userid").alias("rate.denominator"),
        pl.lit(2.0).alias("minutes"),
        pl.lit(1.5).alias("sum_gamerounds.pre"),
        pl.lit("SE").alias("country"),
    )
    metrics = [Ratio("rate"), Mean("sum_gamerounds", pre_period="7d")]
    table = build(metrics, frame, request={"segments": ["country"]}, columns={"rate.numerator": "minutes"})
    assert table.columns["rate.numerator"].tolist() == [2.0] * 4
    assert table.columns["rate.denominator"].tolist() == [1, 2, 3, 4]
    assert table.columns["sum_gamerounds.pre"].tolist() == [1.5] * 4
    assert table.attributes["country"].to_list() == ["SE"] * 4


def test_equal_rows_count_once_and_different_rows_are_refused() -> None:
    frame = pl.DataFrame(GAMES)
    doubled = pl.concat([frame, frame])
    table = build([Mean("sum_gamerounds")], doubled)
    assert (
        table.columns["sum_gamerounds"].tolist() == build([Mean("sum_gamerounds")]).columns["sum_gamerounds"].tolist()
    )
    assert table.enrolment.repeated == 4
    changed = pl.concat([frame, frame.head(1).with_columns(pl.col("sum_gamerounds") + 1)])
    with pytest.raises(DataError, match="unit 4 and 0 others have several different rows"):
        build([Mean("sum_gamerounds")], changed)
    crossed = pl.concat([frame, frame.head(1).with_columns(version=pl.lit("gate_40"))])
    table = build([Mean("sum_gamerounds")], crossed)
    assert table.unit_ids.to_list() == [1, 2, 3]
    assert table.enrolment.in_several_arms == 1
    assert table.enrolment.units.tolist() == [2, 3]


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_a_missing_value_is_never_silent(value: float | None) -> None:
    frame = {**GAMES, "sum_gamerounds": [3.0, 38.0, value, 1.0, 7.0]}
    with pytest.raises(DataError, match="sum_gamerounds is null, NaN or infinite for 1 of 4 units"):
        build([Mean("sum_gamerounds")], frame)
    zero = build([Mean("sum_gamerounds"), Proportion("retention_7")], frame, missing="zero")
    assert zero.columns["sum_gamerounds"].tolist() == [38, 1, 0, 3]
    assert zero.matured["sum_gamerounds"].all()
    without = build([Mean("sum_gamerounds"), Proportion("retention_7")], frame, missing="exclude")
    assert without.matured["sum_gamerounds"].tolist() == [True, True, False, True]
    assert without.matured["retention_7"].all()
    assert zero.left_out == without.left_out == {"sum_gamerounds": 1, "retention_7": 0}


def test_a_missing_value_of_an_unused_row_does_not_matter() -> None:
    frame = {**GAMES, "sum_gamerounds": [3.0, 38.0, 165.0, 1.0, None]}
    assert build([Mean("sum_gamerounds")], frame).left_out == {"sum_gamerounds": 0}


def test_first_exposures_bring_maturity_and_the_span() -> None:
    days = [T0 + dt.timedelta(days=day) for day in (0, 5, -1, 9, 0)]
    frame = {**GAMES, "seen_at": days}
    metrics = [Mean("sum_gamerounds", window="7d")]
    table = build(metrics, frame, first_exposure="seen_at")
    assert table.unit_ids.to_list() == [1, 2, 4]
    assert table.enrolment.before_start == 1
    assert table.matured["sum_gamerounds"].all()  # nothing says where the data ends
    source = PerUnit(frame, unit="userid", variant="version", first_exposure="seen_at")
    test = Experiment("gate", {"gate_30": 0.5, "gate_40": 0.5}, control="gate_30", start=T0, metrics=metrics)
    table = build_unit_table(source, test.request(T0 + dt.timedelta(days=8)))
    assert table.unit_ids.to_list() == [1, 4]
    assert table.matured["sum_gamerounds"].tolist() == [False, True]


def test_an_exposure_at_the_end_of_the_data_does_not_count() -> None:
    frame = {**GAMES, "seen_at": [T0, T0, T0, T0 + dt.timedelta(days=1), T0]}
    source = PerUnit(frame, unit="userid", variant="version", first_exposure="seen_at")
    arms = {"gate_30": 0.5, "gate_40": 0.5}
    test = Experiment("gate", arms, control="gate_30", start=T0, metrics=[Mean("sum_gamerounds")])
    assert build_unit_table(source, test.request(T0 + dt.timedelta(days=1))).unit_ids.to_list() == [1, 3, 4]


def test_as_history_all_units_are_in_one_arm() -> None:
    source = PerUnit(GAMES, unit="userid", variant="version")
    table = build_unit_table(source, UnitRequest(Active(0, 1), Mean("sum_gamerounds").measures()))
    assert table.arms == ("all",)
    assert table.columns["sum_gamerounds"].tolist() == [38, 1, 165, 3, 7]


@pytest.mark.parametrize(
    ("metrics", "settings", "error", "message"),
    [
        ([Mean("rounds")], {}, NotFoundError, "frame has no column 'rounds'"),
        ([Mean("sum_gameround")], {}, NotFoundError, "did you mean 'sum_gamerounds'"),
        ([Mean("version")], {}, DataError, "version is String"),
        ([Proportion("sum_gamerounds")], {}, DataError, "Only 0 and 1 were expected"),
        ([Mean("sum_gamerounds")], {"unit": "user"}, NotFoundError, "no column 'user'"),
        ([Mean("sum_gamerounds")], {"first_exposure": "userid"}, DataError, "userid has type Int64"),
        ([Mean("sum_gamerounds")], {"missing": "drop"}, ArgumentError, "missing is 'drop'"),
    ],
)
def test_what_is_wrong_is_said(
    metrics: list[Any], settings: dict[str, Any], error: type[RecsysError], message: str
) -> None:
    with pytest.raises(error, match=message):
        build(metrics, **settings)


def test_without_times_the_period_of_the_experiment_is_over() -> None:
    metrics = [Mean("sum_gamerounds", window="7d")]
    arms = {"gate_30": 0.5, "gate_40": 0.5}
    test = Experiment("gate", arms, control="gate_30", start=T0, end=T0 + dt.timedelta(days=14), metrics=metrics)
    source = PerUnit(GAMES, unit="userid", variant="version")
    found = analyze(test, source)
    assert found.reached == {"sum_gamerounds": True}
    assert found["sum_gamerounds"].verdict != "too early"
    assert found.through == T0 + dt.timedelta(days=21)
    early = analyze(test, source, through=T0 + dt.timedelta(days=7))
    assert early.reached == {"sum_gamerounds": False}


def test_what_comes_after_the_end_of_the_experiment_does_not_count() -> None:
    late = T0 + dt.timedelta(days=20)
    frame = {
        "userid": [1, 1, 2, 2, 3],
        "version": ["gate_30", "gate_40", "gate_40", "gate_40", "gate_30"],
        "seen_at": [T0, late, T0, late, late],
        "sum_gamerounds": [38, 3, 165, 1, 7],
    }
    table = build(
        [Mean("sum_gamerounds")], frame, first_exposure="seen_at", request={"end": T0 + dt.timedelta(days=14)}
    )
    assert table.unit_ids.to_list() == [1, 2]
    assert table.columns["sum_gamerounds"].tolist() == [38, 165]
    assert table.enrolment.after_end == 1
