"""From exposures to units: first exposure, several arms, before and after, by decree, grouped or not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import DataError
from recsys.experiment import Exposed, Exposures
from recsys.experiment.units.enrolling import Enrolled, enrol

Row = tuple[int | None, str | None, int | None]
POPULATION = Exposed("x", ("a", "b"), start=10, end=20, stages=(10, 15), decreed=("8",))


def exposures(rows: list[Row]) -> Exposures:
    frame = pl.DataFrame(rows, schema={"unit": pl.Int64, "variant": pl.String, "time": pl.Int64}, orient="row")
    return Exposures(frame["unit"], frame["variant"], frame["time"])


def units(rows: list[Row]) -> Enrolled:
    return enrol(exposures(rows), POPULATION)


def test_the_first_exposure_counts_and_gives_the_stage() -> None:
    found = units([(1, "a", 15), (1, "a", 14), (2, "b", 15), (3, "b", 19)])
    assert found.first_exposure.tolist() == [14, 15, 19]
    assert found.stage.tolist() == [0, 1, 1]
    assert found.enrolment.repeated == 1


def test_a_unit_of_several_arms_is_left_out_and_counted_in_each() -> None:
    found = units([(1, "a", 11), (1, "b", 12), (2, "b", 12)])
    assert found.unit_ids.to_list() == [2]
    assert found.enrolment.in_several_arms == 1
    assert found.enrolment.units.tolist() == [1, 2]


def test_what_comes_after_the_end_changes_nothing() -> None:
    """The winner is given to all: the control group must not be lost."""
    found = units([(1, "a", 11), (1, "b", 20), (2, "b", 12), (3, "b", 21)])
    assert found.unit_ids.to_list() == [1, 2]
    assert found.enrolment.in_several_arms == 0
    assert found.enrolment.after_end == 1


def test_a_unit_exposed_before_the_start_is_left_out() -> None:
    found = units([(1, "a", 9), (1, "a", 11), (2, "b", 10)])
    assert found.unit_ids.to_list() == [2]
    assert found.enrolment.before_start == 1
    assert found.enrolment.units.tolist() == [0, 1]


def test_units_by_decree_are_left_out_and_counted() -> None:
    found = units([(8, "a", 11), (8, "b", 12), (2, "b", 12)])
    assert found.unit_ids.to_list() == [2]
    assert found.enrolment.decreed == 1
    assert found.enrolment.units.tolist() == [0, 1]


def test_rows_that_say_too_little_are_counted() -> None:
    found = units([(None, "a", 11), (1, "a", None), (1, None, 12), (1, "c", 12), (1, "b", 13)])
    assert found.unit_ids.to_list() == [1]
    assert found.first_exposure.tolist() == [13]
    enrolment = found.enrolment
    assert (enrolment.rows, enrolment.without_unit, enrolment.without_time) == (5, 1, 1)
    assert enrolment.unknown_variant == {"": 1, "c": 1}


def test_a_source_may_group() -> None:
    rows: list[Row] = [(1, "a", 15), (1, "a", 14), (1, "a", 25), (2, "b", 15), (2, "b", None), (None, "b", 15)]
    grouped = exposures([(1, "a", 14), (2, "b", 15), (2, "b", None), (None, "b", 15)])
    one, other = units(rows), enrol(grouped._replace(rows=np.array([3, 1, 1, 1])), POPULATION)
    assert one.unit_ids.equals(other.unit_ids)
    assert str(one.enrolment) == str(other.enrolment)


def test_text_is_ordered_by_its_bytes() -> None:
    shown = Exposures(pl.Series(["é", "z", "10", "9"]), pl.Series(["a"] * 4), pl.Series([11] * 4))
    assert enrol(shown, POPULATION).unit_ids.to_list() == ["10", "9", "z", "é"]


def test_ids_that_are_no_ids() -> None:
    with pytest.raises(DataError, match=r"unit_id holds 1\.5"):
        enrol(Exposures(pl.Series([1.5]), pl.Series(["a"]), pl.Series([11])), POPULATION)
