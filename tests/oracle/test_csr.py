"""The CSR kernels against plain sorting and dictionaries, and against their numpy twins."""

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recsys.core.errors import ArgumentError, DataError
from recsys.kernels import CsrArrays, EventLog, aggregate_rows, build_csr, count_codes

Events = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


@st.composite
def events(draw: st.DrawFn) -> Events:
    """Users, items, values, times and relevance values, few of them distinct so that ties abound; long rows."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, span = draw(st.integers(0, 400)), draw(st.sampled_from([1, 3, 10**4, 2**62]))
    items = rng.integers(0, draw(st.sampled_from([1, 9, 300])), n).astype(np.int32)
    values, relevance = rng.choice(np.array([-1.5, -0.0, 0.0, 2.0, 7.0], np.float32), (2, n))
    return rng.integers(0, 4, n).astype(np.int32), items, values, rng.integers(-span, span, n), relevance


def contents(arrays: EventLog | CsrArrays) -> list[tuple[str, bytes]]:
    return [(part.dtype.str, part.tobytes()) for part in arrays if part is not None]


def logged(case: Events, timed: bool = True, n_threads: int | None = None) -> EventLog:
    users, items, values, times, relevance = case
    clock = times if timed else None
    sizes = {"n_users": 4, "n_items": 300, "n_threads": n_threads}
    return build_csr(users, items, values, clock, relevance_values=relevance, **sizes)


def signed(values: np.ndarray) -> list[tuple[float, float]]:
    """Return values as keys in which −0 goes before 0."""
    return list(zip(values.tolist(), np.copysign(1, values).tolist(), strict=True))


@given(events(), st.booleans(), st.booleans())
def test_events_are_sorted_by_user_time_item_and_values(case: Events, timed: bool, rated: bool) -> None:
    users, items, values, times, relevance = case
    options = {"n_users": 4, "n_items": 300, "relevance_values": relevance if rated else None}
    log = build_csr(users, items, values, times if timed else None, **options)
    assert (log.times is None, log.relevance_values is None) == (not timed, not rated)
    none = np.zeros(len(users))
    clocks = [times, log.times] if timed else [none, none]
    second = [relevance, log.relevance_values] if rated else [none, none]
    rows = np.repeat(np.arange(4), np.diff(log.indptr))
    given, found = (
        list(zip(codes, clock, columns, signed(first), signed(last), strict=True))
        for codes, clock, columns, first, last in zip(
            (users, rows), clocks, (items, log.items), (values, log.values), second, strict=True
        )
    )
    assert found == sorted(given)


@given(events(), st.integers(0, 2**32), st.booleans())
def test_the_order_of_arrival_does_not_matter(case: Events, seed: int, timed: bool) -> None:
    shuffle = np.random.default_rng(seed).permutation(len(case[0]))
    first, second = logged(case, timed, 1), logged(tuple(array[shuffle] for array in case), timed, 2)
    assert contents(first) == contents(second)


@settings(deadline=None)
@given(events(), st.sampled_from(["sum", "max", "last", "count"]), st.booleans(), st.booleans())
def test_repeats_are_merged(case: Events, how: str, valued: bool, weighted: bool) -> None:
    log = logged(case)  # the relevance values serve as weights
    values, weights = (log.values if valued else None), (log.relevance_values if weighted else None)
    merged = aggregate_rows(log.indptr, log.items, values, n_items=300, how=how, weights=weights)
    expected: dict[tuple[int, int], list[float]] = defaultdict(list)
    for place, row in enumerate(np.repeat(np.arange(4), np.diff(log.indptr)).tolist()):
        amount = float(values[place]) if values is not None and how != "count" else 1.0
        weight = 1.0 if weights is None else float(weights[place])
        expected[row, int(log.items[place])].append(amount * weight)
    merge = {"sum": sum, "count": sum, "max": max, "last": lambda amounts: amounts[-1]}[how]
    rows = np.repeat(np.arange(4), np.diff(merged.indptr))
    found = dict(zip(zip(rows.tolist(), merged.indices.tolist(), strict=True), merged.data.tolist(), strict=True))
    assert list(found) == sorted(expected)
    assert found == {key: merge(amounts) for key, amounts in expected.items()}


@settings(deadline=None)
@given(events(), st.sampled_from(["sum", "max", "last", "count"]), st.booleans(), st.booleans())
def test_twins_give_the_same_bits(case: Events, how: str, timed: bool, rated: bool) -> None:
    users, items, values, times, relevance = case
    outcomes = []
    for choice in ("compiled", "reference"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("RECSYS_KERNELS", choice)
            options = {"n_users": 4, "n_items": 300, "relevance_values": relevance if rated else None}
            log = build_csr(users, items, values, times if timed else None, **options)
            merged = aggregate_rows(log.indptr, log.items, log.values, n_items=300, how=how)
        outcomes.append(contents(log) + contents(merged))
    assert outcomes[0] == outcomes[1]


def test_rows_crowded_at_one_time_are_sorted_too() -> None:
    rng = np.random.default_rng(1)
    n = 50_000
    times = np.where(rng.random(n) < 0.9, 10**15, rng.integers(-(2**63), 2**63 - 1, n))
    items = rng.integers(0, 2**31 - 1, n).astype(np.int32)
    log = build_csr(np.zeros(n, np.int32), items, None, times, n_users=1, n_items=2**31 - 1)
    assert log.items.tolist() == items[np.lexsort((items, times))].tolist()


def test_threads_change_nothing() -> None:
    rng = np.random.default_rng(2)
    n = 2_500_000
    users, items = rng.integers(0, 900, n).astype(np.int32), rng.integers(0, 500, n).astype(np.int32)
    values = rng.random(n).astype(np.float32)
    outcomes = []
    for threads in (1, 3):
        log = build_csr(users, items, values, n_users=900, n_items=500, n_threads=threads)
        merged = aggregate_rows(log.indptr, log.items, log.values, n_items=500, how="sum", n_threads=threads)
        outcomes.append(contents(log) + contents(merged))
    assert outcomes[0] == outcomes[1]


CODES = np.array([0, 2, 1], np.int32)


@pytest.mark.parametrize(("n_users", "n_items", "what"), [(2, 3, "user code 2"), (3, 2, "item code 2")])
def test_codes_out_of_range_are_refused(n_users: int, n_items: int, what: str) -> None:
    with pytest.raises(DataError, match=f"{what} at position 1"):
        build_csr(CODES, CODES, n_users=n_users, n_items=n_items)
    with pytest.raises(DataError, match="item code -1"):
        aggregate_rows(np.array([0, 1]), np.array([-1], np.int32), None, n_items=3, how="sum")


def test_arrays_of_another_kind_are_refused() -> None:
    with pytest.raises(ArgumentError, match="users is int64"):
        build_csr(CODES.astype(np.int64), CODES, n_users=3, n_items=3)
    with pytest.raises(ArgumentError, match="times has 2 entries"):
        build_csr(CODES, CODES, None, np.arange(2), n_users=3, n_items=3)
    with pytest.raises(ArgumentError, match="indptr"):
        aggregate_rows(np.array([0, 2]), CODES, None, n_items=3, how="sum")
    with pytest.raises(ArgumentError, match="did you mean 'max'"):
        aggregate_rows(np.array([0, 3]), CODES, None, n_items=3, how="mx")


@given(st.lists(st.integers(0, 9)))
def test_codes_are_counted(codes: list[int]) -> None:
    counts = count_codes(np.array(codes, np.int32), 10)
    assert counts.tolist() == [codes.count(code) for code in range(10)]
    assert counts.dtype == np.int64


def test_codes_are_counted_on_threads() -> None:
    codes = np.random.default_rng(3).integers(0, 700, 3_000_000).astype(np.int32)
    expected = np.bincount(codes, minlength=700).tolist()
    assert count_codes(codes, 700, n_threads=3).tolist() == expected
    assert count_codes(codes, 700, n_threads=1).tolist() == expected
    with pytest.raises(DataError, match="code 5 at position 0 is out of range"):
        count_codes(np.array([5], np.int32), 5)


@given(events(), st.booleans(), st.booleans())
def test_the_log_may_take_the_place_of_the_events(case: Events, timed: bool, rated: bool) -> None:
    users, items, values, times, relevance = (array.copy() for array in case)
    options = {"n_users": 4, "n_items": 300, "relevance_values": relevance if rated else None}
    clock = times if timed else None
    expected = build_csr(*case[:3], clock, **options)
    found = build_csr(users, items, values, clock, **options, in_place=True)
    for ours, theirs in zip(found, expected, strict=True):
        assert (ours is None) == (theirs is None)
        assert ours is None or ours.tobytes() == theirs.tobytes()
    if not rated:
        assert found.items is items
