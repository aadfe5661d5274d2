"""Totals in windows against plain loops and the numpy twin, whatever the threads and the batches."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.core.errors import ArgumentError, DataError
from recsys.kernels import WindowTotal, WindowTotals
from recsys.kernels.windows import LARGEST_TIME

Array = np.ndarray[Any, Any]


class Rows(NamedTuple):
    units: Array
    times: Array
    masks: list[Array]
    columns: list[Array]

    def part(self, start: int, stop: int) -> Rows:
        cut = [column[start:stop] for column in self.columns]
        return Rows(self.units[start:stop], self.times[start:stop], [mask[start:stop] for mask in self.masks], cut)


@st.composite
def requests(draw: st.DrawFn) -> tuple[Array, list[WindowTotal], Rows]:
    """Few units and long windows, so that many rows meet; values without a number among them; more than 64 totals."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, n_units = draw(st.sampled_from([0, 1, 50, 700])), draw(st.sampled_from([1, 3, 40]))
    rows = Rows(
        rng.integers(-1, n_units, n).astype(np.int32),
        rng.integers(-60, 160, n),
        [rng.random(n) < 0.5, rng.random(n) < 0.9],
        [rng.choice([0.1, -3.7, 1e9, -0.0, 0.0, math.nan, -math.inf], n), rng.normal(size=n)],
    )
    totals = []
    for _ in range(draw(st.sampled_from([1, 2, 9, 70]))):
        function = str(rng.choice(["count", "sum", "any", "max"]))
        column = int(rng.integers(2)) if function in ("sum", "max") else None
        begin, length, mask = int(rng.integers(-50, 50)), int(rng.integers(-5, 80)), int(rng.integers(-1, 2))
        end = None if rng.random() < 0.2 else begin + length
        totals.append(WindowTotal(function, begin, end, None if mask < 0 else mask, column))
    return rng.integers(0, 100, n_units), totals, rows


def added(
    starts: Array, totals: list[WindowTotal], batches: list[Rows], n_threads: int | None = None
) -> tuple[Array, Array]:
    state = WindowTotals(starts, totals)
    for units, times, masks, columns in batches:
        state.add(units, times, masks=masks, columns=columns, n_threads=n_threads)
    return state.values(), state.left_out


def plain(total: WindowTotal, unit: int, start: int, rows: Rows) -> tuple[float, int]:
    """One total of one unit, row by row."""
    values: list[float] = []
    left_out = 0
    for row in range(len(rows.units)):
        offset = int(rows.times[row]) - start
        if rows.units[row] != unit or offset < total.begin or (total.end is not None and offset >= total.end):
            continue
        if total.mask is not None and not rows.masks[total.mask][row]:
            continue
        value = 1.0 if total.column is None else float(rows.columns[total.column][row])
        if math.isfinite(value):
            values.append(value)
        else:
            left_out += 1
    if total.function == "max":
        return max(values, default=0.0), left_out
    if total.function == "any":
        return float(bool(values)), left_out
    result = 0.0
    for value in values:  # not sum(), which compensates
        result += value
    return result, left_out


@settings(max_examples=50, deadline=None)
@given(requests())
def test_totals_are_what_a_plain_loop_adds_up(request_: tuple[Array, list[WindowTotal], Rows]) -> None:
    starts, totals, rows = request_
    values, left_out = added(starts, totals, [rows])
    for place, total in enumerate(totals[:10]):
        expected = [plain(total, unit, int(start), rows) for unit, start in enumerate(starts)]
        assert values[place].tolist() == [value for value, _ in expected]
        assert left_out[place] == sum(left for _, left in expected)


@settings(max_examples=50, deadline=None)
@given(requests(), st.integers(0, 700))
def test_twins_threads_and_batches_give_the_same_bits(
    request_: tuple[Array, list[WindowTotal], Rows], cut: int
) -> None:
    starts, totals, rows = request_
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recsys.kernels.windows._FEWEST_UNITS", 1)
        outcomes = {
            tuple(array.tobytes() for array in added(starts, totals, batches, n_threads))
            for n_threads in (1, 3)
            for batches in ([rows], [rows.part(0, cut), rows.part(cut, 700)])
        }
        patch.setattr("recsys.kernels.windows._ROWS_PER_CHUNK", 100)
        outcomes.add(tuple(array.tobytes() for array in added(starts, totals, [rows])))
        patch.setenv("RECSYS_KERNELS", "reference")
        outcomes.add(tuple(array.tobytes() for array in added(starts, totals, [rows])))
    assert len(outcomes) == 1


def test_windows_are_half_open_and_a_unit_without_rows_has_zero() -> None:
    state = WindowTotals(np.array([10, 10]), [WindowTotal("count", 0, 5), WindowTotal("max", -5, 0, column=0)])
    times = np.array([4, 5, 9, 10, 14, 15])
    state.add(np.zeros(6, np.int32), times, columns=[-np.arange(6.0)])
    assert state.values().tolist() == [[2, 0], [-1, 0]]


def test_extreme_times_do_not_wrap() -> None:
    state = WindowTotals(np.array([-LARGEST_TIME]), [WindowTotal("count"), WindowTotal("count", -LARGEST_TIME, 0)])
    state.add(np.zeros(2, np.int32), np.array([LARGEST_TIME, -LARGEST_TIME]))
    assert state.values().tolist() == [[2], [0]]


def test_no_totals_and_no_units() -> None:
    nothing = WindowTotals(np.zeros(0, np.int64), [WindowTotal("count")])
    nothing.add(np.full(2, -1, np.int32), np.zeros(2, np.int64))
    assert nothing.values().shape == (1, 0)
    assert WindowTotals(np.zeros(2, np.int64), []).values().shape == (0, 2)


@pytest.mark.parametrize(
    ("total", "message"),
    [
        (WindowTotal("mean"), "function of a total"),
        (WindowTotal("sum"), "A column for sum and max"),
        (WindowTotal("count", column=0), "A column for sum and max"),
        (WindowTotal("count", end=2**62), "the bound of a window"),
        (WindowTotal("count", mask=-1), "mask is -1"),
    ],
)
def test_totals_that_contradict_themselves_are_refused(total: WindowTotal, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        WindowTotals(np.zeros(1, np.int64), [total])


def test_bad_rows_are_refused_and_nothing_is_added() -> None:
    state = WindowTotals(np.zeros(2, np.int64), [WindowTotal("count", mask=0)])
    one, zero, passes = np.array([1], np.int32), np.zeros(1, np.int64), [np.ones(1, bool)]
    with pytest.raises(DataError, match="the unit 2"):
        state.add(one + 1, zero, masks=passes)
    with pytest.raises(DataError, match="the unit -2"):
        state.add(one - 3, zero, masks=passes)
    with pytest.raises(DataError, match="times has"):
        state.add(one, zero + LARGEST_TIME + 1, masks=passes)
    with pytest.raises(ArgumentError, match="mask 0 and the batch has 0"):
        state.add(one, zero)
    with pytest.raises(ArgumentError, match="masks.0. has 2"):
        state.add(one, zero, masks=[np.ones(2, bool)])
    assert state.values().tolist() == [[0, 0]]
