"""Distinct counts over batches: exact, however the rows are cut and whenever pairs are compressed."""

from __future__ import annotations

import numpy as np
import pytest

from recsys.experiment.distinct import DistinctCounts


@pytest.mark.parametrize("compress_at", [1, 50, 1 << 22])
def test_counts_are_those_of_sets(monkeypatch: pytest.MonkeyPatch, compress_at: int) -> None:
    monkeypatch.setattr("recsys.experiment.distinct._COMPRESS_AT", compress_at)
    rng = np.random.default_rng(1)
    n_units, n = 20, 2_000
    starts = rng.integers(0, 50, n_units)
    units, times = rng.integers(-1, n_units, n).astype(np.int32), rng.integers(0, 100, n)
    codes, mask = rng.integers(-1, 8, n), rng.random(n) < 0.8
    for begin, end in ((0, 20), (-30, 0), (5, None)):
        whole, cut = DistinctCounts(starts, begin, end), DistinctCounts(starts, begin, end)
        whole.add(units, times, codes, mask)
        for at in range(0, n, 77):
            part = slice(at, at + 77)
            cut.add(units[part], times[part], codes[part], mask[part])
        found: list[set[int]] = [set() for _ in range(n_units)]
        lost = 0
        for unit, time, code, passes in zip(units, times, codes, mask, strict=True):
            if unit < 0 or not passes or not begin <= time - starts[unit] < (np.inf if end is None else end):
                continue
            lost += code < 0
            found[unit] |= {int(code)} - {-1}
        assert whole.values().tolist() == cut.values().tolist() == [len(one) for one in found]
        assert whole.left_out == cut.left_out == lost


def test_no_rows_are_zeros() -> None:
    assert DistinctCounts(np.array([1, 2]), 0, None).values().tolist() == [0, 0]
