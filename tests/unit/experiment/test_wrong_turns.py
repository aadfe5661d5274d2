"""Slips of whoever calls the library: one error that says what was expected."""

from __future__ import annotations

from datetime import date
from typing import Any

import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError
from recsys.core.frames import as_polars
from recsys.experiment.integrity_period import dates_of

from .made_up import experiment, unit_table


def table() -> Any:
    return unit_table([0, 1] * 50, {"minutes": list(range(100))})


def test_a_plain_frame_is_no_source() -> None:
    frame = pl.DataFrame({"unit_id": [1], "arm": ["pop"]})
    for plain in (frame, frame.lazy(), {"unit_id": [1]}, None):
        with pytest.raises(ArgumentError, match="store, Frames, PerUnit or a table of units was expected") as caught:
            experiment().analyze(plain)  # type: ignore[arg-type]
        assert "PerUnit(frame, …)" in caught.value.hint


def test_limits_and_attributes_of_the_wrong_kind() -> None:
    with pytest.raises(ArgumentError, match="Thresholds were expected"):
        experiment().analyze(table(), limits={"srm": 0.001})
    with pytest.raises(ArgumentError, match="list of names was expected"):
        experiment().analyze(table(), by="country")
    with pytest.raises(ArgumentError, match="list was expected"):
        experiment().analyze(table(), holidays="2026-12-24")


@pytest.mark.parametrize("units", ["abc", 7])
def test_one_unit_is_no_list_of_units(units: Any) -> None:
    with pytest.raises(ArgumentError, match="list of ids was expected"):
        experiment().assign(units)


def test_a_pandas_frame_with_a_column_twice() -> None:
    frame = pytest.importorskip("pandas").DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.raises(DataError, match="several columns 'a'"):
        as_polars(frame)


def test_days_and_spans() -> None:
    assert dates_of(["2026-12-24/2026-12-25", date(2027, 1, 1)]) == (
        date(2026, 12, 24), date(2026, 12, 25), date(2027, 1, 1),
    )  # fmt: skip
