"""The table of units against a builder in plain Python that goes through the rows of one unit at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.experiment import Exposed, Frames, UnitRequest, UnitTable, build_unit_table
from recsys.experiment.units.measures import Measure, parse_aggregate, parse_where

ARMS = ("a", "b")
START, END, THROUGH = 100, 160, 200
DAY = 86_400_000_000

MEASURES = {
    "count": Measure(parse_aggregate("count()"), begin=0, end=30),
    "any late": Measure(parse_aggregate("any()"), begin=20, end=40),
    "plays": Measure(parse_aggregate("count()"), where=parse_where({"event": "play", "value": {">=": 1}})),
    "sum": Measure(parse_aggregate("sum(value)"), begin=0, end=30),
    "sum.pre": Measure(parse_aggregate("sum(value)"), begin=-30, end=0),
    "max": Measure(parse_aggregate("max(value)"), where=parse_where({"event": ["play", "rate"]})),
    "items": Measure(parse_aggregate("count_distinct(item)"), begin=-5, end=50),
    "days": Measure(parse_aggregate("count_distinct(day)")),
    "shown": Measure(parse_aggregate("count()"), table="impressions", begin=0, end=30),
}

VALUES = st.sampled_from([None, 0.0, 1.0, 2.5, -3.25, 0.1, math.nan, math.inf])
EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "user_id": st.one_of(st.none(), st.integers(-1, 5)),
            "ts": st.integers(60, 210),
            "event": st.sampled_from(["play", "rate", "stop", None]),
            "value": VALUES,
            "item": st.sampled_from(["x", "y", "z", None]),
        }
    ),
    max_size=40,
)
IMPRESSIONS = st.lists(st.fixed_dictionaries({"user_id": st.integers(-1, 5), "ts": st.integers(60, 210)}), max_size=15)
EXPOSURES = st.lists(
    st.fixed_dictionaries(
        {
            "experiment": st.sampled_from(["x", "x", "x", "y"]),
            "unit_id": st.one_of(st.none(), st.integers(-1, 6)),
            "variant": st.sampled_from(["a", "a", "b", "b", "c", None]),
            "ts": st.one_of(st.none(), st.integers(90, 205)),
        }
    ),
    max_size=20,
).map(lambda rows: [*rows, {"experiment": "x", "unit_id": None, "variant": "a", "ts": 100}])
SCHEMAS: dict[str, dict[str, Any]] = {
    "events": {"user_id": pl.Int64, "ts": pl.Int64, "event": pl.String, "value": pl.Float64, "item": pl.String},
    "impressions": {"user_id": pl.Int64, "ts": pl.Int64},
    "exposures": {"experiment": pl.String, "unit_id": pl.Int64, "variant": pl.String, "ts": pl.Int64},
}


def frame(name: str, rows: list[dict[str, Any]], *, text: bool = False) -> pl.DataFrame:
    table = pl.DataFrame(rows, schema=SCHEMAS[name]).with_columns(pl.col("ts").cast(pl.Datetime("us")))
    return table.with_columns(pl.col("^(user|unit)_id$").cast(pl.String)) if text else table


def passes(row: dict[str, Any], measure: Measure) -> bool:
    for one in measure.where:
        value = row[one.column]
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return False
        if not (value >= one.values[0] if one.operator == ">=" else value in one.values):
            return False
    return True


def naive_total(rows: list[dict[str, Any]], measure: Measure, first: int) -> tuple[float, int]:
    """Return a unit's number, and how many of its rows had no value."""
    end = THROUGH if measure.end is None else min(THROUGH, first + measure.end)
    inside = [row for row in rows if first + measure.begin <= row["ts"] < end and passes(row, measure)]
    function, column = measure.aggregate.function, measure.aggregate.column
    if function in ("count", "any"):
        return float(len(inside) if function == "count" else len(inside) > 0), 0
    if column == "day":
        return float(len({row["ts"] // DAY for row in inside})), 0
    values = [row[str(column)] for row in inside]
    known = [one for one in values if one is not None and (isinstance(one, str) or math.isfinite(one))]
    lost = len(values) - len(known)
    if function == "count_distinct":
        return float(len(set(known))), lost
    return (max(known) if function == "max" else math.fsum(known)) if known else 0.0, lost


def naive_units(exposures: list[dict[str, Any]]) -> tuple[dict[int, tuple[int, int]], dict[str, Any]]:
    """Return arm and first exposure by unit, and what was counted."""
    rows = [row for row in exposures if row["experiment"] == "x" and (row["ts"] is None or row["ts"] < THROUGH)]
    whole = [row for row in rows if row["unit_id"] is not None and row["ts"] is not None]
    known = [row for row in whole if row["variant"] in ARMS]
    counted: dict[str, Any] = {
        "rows": len(rows),
        "without_unit": sum(row["unit_id"] is None for row in rows),
        "without_time": sum(row["unit_id"] is not None and row["ts"] is None for row in rows),
        "unknown_variant": {},
        "units": [0, 0],
        "in_several_arms": 0,
        "before_start": 0,
        "after_end": 0,
        "repeated": len(known) - len({(row["unit_id"], row["variant"]) for row in known}),
    }
    for row in whole:
        if row["variant"] not in ARMS:
            name = row["variant"] or ""
            counted["unknown_variant"][name] = counted["unknown_variant"].get(name, 0) + 1
    units = {}
    for unit in sorted({row["unit_id"] for row in known}):
        own = [row for row in known if row["unit_id"] == unit]
        first = min(row["ts"] for row in own)
        arms = sorted({row["variant"] for row in own if row["ts"] < END})
        if first < START:
            counted["before_start"] += 1
        elif first >= END:
            counted["after_end"] += 1
        else:
            for arm in arms:
                counted["units"][ARMS.index(arm)] += 1
            if len(arms) > 1:
                counted["in_several_arms"] += 1
            else:
                units[unit] = (ARMS.index(arms[0]), first)
    return units, counted


def request(**changed: Any) -> UnitRequest:
    return UnitRequest(Exposed("x", ARMS, START, END, (START, 130)), MEASURES, **{"through": THROUGH, **changed})


def build(events: Any, impressions: Any, exposures: Any, *, text: bool = False, **changed: Any) -> UnitTable:
    source = Frames(
        events=frame("events", events, text=text),
        impressions=frame("impressions", impressions, text=text),
        exposures=frame("exposures", exposures, text=text),
        complete_through=180,
    )
    return build_unit_table(source, request(**changed))


@given(EVENTS, IMPRESSIONS, EXPOSURES)
@settings(max_examples=150, deadline=None)
def test_the_table_is_the_naive_one(events: list[Any], impressions: list[Any], exposures: list[Any]) -> None:
    table = build(events, impressions, exposures)
    units, counted = naive_units(exposures)
    assert table.unit_ids.to_list() == list(units)
    assert list(zip(table.arm.tolist(), table.first_exposure.tolist(), strict=True)) == list(units.values())
    assert table.stage.tolist() == [int(first >= 130) for _, first in units.values()]
    found = table.enrolment._asdict()
    assert {name: found[name].tolist() if name == "units" else found[name] for name in counted} == counted
    for name, measure in MEASURES.items():
        rows = events if measure.table == "events" else impressions
        firsts = [first for _, first in units.values()]
        own = [[row for row in rows if row["user_id"] == unit] for unit in units]
        naive = [naive_total(one, measure, first) for one, first in zip(own, firsts, strict=True)]
        # fsum is exact; ours rounds once a row, and there are at most 40.
        np.testing.assert_allclose(table.columns[name], [value for value, _ in naive], rtol=1e-13, atol=1e-13)
        assert table.left_out[name] == sum(lost for _, lost in naive), name
        ended = [first + measure.begin < 180 if measure.end is None else first + measure.end <= 180 for first in firsts]
        assert table.matured[name].tolist() == ended
    everywhere = {row["user_id"] for row in [*events, *impressions]}
    assert table.seen.tolist() == [unit in everywhere for unit in units]


def bytes_of(table: UnitTable) -> list[Any]:
    units = [table.arm, table.first_exposure, table.stage, table.seen]
    numbers = [array.tobytes() for array in (*units, *table.columns.values(), *table.matured.values())]
    return [table.unit_ids.to_list(), table.left_out, *numbers]


def shown(units: int) -> list[dict[str, Any]]:
    return [
        {"experiment": "x", "unit_id": unit, "variant": ARMS[unit % 2], "ts": 100 + unit % 60} for unit in range(units)
    ]


def played(n: int, units: int) -> list[dict[str, Any]]:
    rng = np.random.default_rng(3)
    return [
        {"user_id": user, "ts": ts, "event": "play" if play else "rate", "value": value, "item": "xy"[user % 2]}
        for user, ts, play, value in zip(
            rng.integers(0, units, n).tolist(),
            rng.integers(80, 200, n).tolist(),
            rng.random(n) < 0.7,
            rng.normal(size=n).tolist(),
            strict=True,
        )
    ]


@given(EVENTS, IMPRESSIONS, EXPOSURES, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_rows_changes_no_byte(
    events: list[Any], impressions: list[Any], exposures: list[Any], chance: Any
) -> None:
    before = bytes_of(build(events, impressions, exposures))
    for rows in (events, impressions, exposures):
        chance.shuffle(rows)
    assert bytes_of(build(events, impressions, exposures)) == before


def test_text_ids_give_the_same_numbers_in_the_order_of_text() -> None:
    events, exposures = played(300, 30), shown(30)
    whole, text = build(events, [], exposures), build(events, [], exposures, text=True)
    assert text.unit_ids.to_list() == sorted(map(str, range(30)))
    order = [whole.unit_ids.to_list().index(int(unit)) for unit in text.unit_ids]
    for name in MEASURES:
        assert whole.columns[name][order].tobytes() == text.columns[name].tobytes()


def test_batches_and_threads_change_no_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Frames(
        events=frame("events", played(20_000, 6_000)),  # units enough for several threads
        impressions=frame("impressions", []),
        exposures=frame("exposures", shown(6_000)),
    )
    one = bytes_of(build_unit_table(source, request(), n_threads=1))
    assert bytes_of(build_unit_table(source, request(), n_threads=2)) == one
    monkeypatch.setattr("recsys.experiment.units.frames._ROWS_PER_BATCH", 333)
    assert bytes_of(build_unit_table(source, request(), n_threads=2)) == one
