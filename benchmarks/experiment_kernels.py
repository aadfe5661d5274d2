"""Kernels of experiments on one thread: assignment, the Poisson bootstrap, totals in windows, moments by group.

    python -m benchmarks experiment_kernels

Buckets against DuckDB's MD5 and `hashlib`; bootstrap replicates against numpy's Poisson numbers; totals in windows
against one GROUP BY of DuckDB over the same columns in memory. The results are compared before anything is timed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

import recsys as rs
from benchmarks._results import Goal
from benchmarks._timing import Case, quick
from recsys.kernels import Texts, WindowTotal, WindowTotals, hash_buckets, poisson_sums
from recsys.stats import column_moments
from recsys.store.assignment import bucket_sql

Array = NDArray[Any]
SCALE = 10 if quick() else 1
DAY = 86_400_000_000
GOALS = (Goal("numpy", 23.6), Goal("DuckDB GROUP BY", 0.5))


def cases() -> Iterator[Case]:
    yield from bucket_cases(2_000_000 // SCALE)
    yield assign_case(2_000_000 // SCALE)
    yield bootstrap_case(1_000_000 // SCALE)
    yield moments_case(1_000_000 // SCALE)
    yield totals_case(4_000_000 // SCALE, 1_000_000 // SCALE)


def connection() -> Any:
    import duckdb

    con = duckdb.connect()
    con.execute("SET threads = 1; SET TimeZone = 'UTC'")
    return con


def bucket_cases(n: int) -> Iterator[Case]:
    numbers = np.random.default_rng(1).integers(0, 10**9, n)
    texts = [f"user-{number:09d}" for number in numbers.tolist()]
    joined = Texts(np.arange(n + 1) * len(texts[0]), np.frombuffer("".join(texts).encode(), np.uint8))
    con = connection()
    con.execute(
        "CREATE TABLE ids AS SELECT unnest($1::BIGINT[]) AS number, unnest($2::VARCHAR[]) AS text",
        [numbers.tolist(), texts],
    )
    for column, units, plain in (("number", numbers, numbers.tolist()), ("text", joined, texts)):
        query = f"SELECT {bucket_sql('arm:als-vs-pop:', column)}::INTEGER AS bucket FROM ids"

        def in_sql(query: str = query) -> Array:
            return con.execute(query).fetchnumpy()["bucket"]

        def by_hashlib(plain: list[Any] = plain) -> Array:
            md5 = hashlib.md5
            return np.array(
                [int(md5(b"arm:als-vs-pop:%s" % str(one).encode()).hexdigest()[:13], 16) % 10_000 for one in plain]
            )

        def ours(units: Any = units) -> Array:
            return hash_buckets("arm:als-vs-pop:", units, n_threads=1)

        if not (np.array_equal(ours(), in_sql()) and np.array_equal(ours()[:1000], by_hashlib(plain[:1000]))):
            raise SystemExit("hash_buckets disagrees")
        contestants = {"recsys": ours, "DuckDB md5": in_sql, "hashlib": by_hashlib}
        yield Case(f"buckets of {column} ids", contestants, n, "units")


def assign_case(n: int) -> Case:
    """All that a declaration can ask of a unit, to a frame with reasons."""
    from recsys.experiment import Count, Experiment, Holdout, Layer, Stage

    ramp = [Stage("2026-06-01", 0.1), Stage("2026-06-05", 0.5)]
    base = {"control": "pop", "start": "2026-06-01", "metrics": [Count("plays")]}
    plain = Experiment("plain", {"pop": 0.5, "als": 0.5}, **base)
    full = Experiment(
        "full", {"pop": 0.5, "als": 0.5}, layer=Layer("home", end=0.5), holdout=Holdout("h", 0.05), ramp=ramp, **base
    )
    units = np.arange(n)
    contestants = {
        "recsys": lambda: rs.assign(plain, units, at="2026-06-10", n_threads=1),
        "recsys, layer, holdout and ramp": lambda: rs.assign(full, units, at="2026-06-10", n_threads=1),
    }
    return Case("assign to a frame", contestants, n, "units")


def bootstrap_case(n: int, replicates: int = 128) -> Case:
    """Sums of weights and of weighted values in two arms; the rate is the same for any number of replicates."""
    rng = np.random.default_rng(2)
    values, arms = rng.normal(size=(n, 1)), rng.integers(0, 2, n).astype(np.int32)
    inside = [arms == arm for arm in (0, 1)]

    def plain() -> Array:
        out = np.empty((2, 2, replicates))
        for replicate in range(replicates):
            weights = rng.poisson(1.0, n).astype(np.float64)
            for arm in (0, 1):
                kept = weights[inside[arm]]
                out[arm, :, replicate] = kept.sum(), kept @ values[inside[arm], 0]
        return out

    def ours() -> Array:
        return poisson_sums(values, arms, 2, replicates=replicates, seed=7, n_threads=1)

    spreads = [sums[:, 1].std(axis=-1) for sums in (ours(), plain())]
    if not np.allclose(*spreads, rtol=0.4):  # 128 replicates tell a spread to 6 %
        raise SystemExit("the replicates of both spread differently")
    return Case("Poisson bootstrap of two arms", {"recsys": ours, "numpy": plain}, n * replicates, "weights")


def moments_case(n: int) -> Case:
    """A metric and its pre-period by 14 days and two arms, as an analysis takes them."""
    rng = np.random.default_rng(4)
    columns, groups = [rng.gamma(2, 10, n), rng.gamma(2, 10, n)], rng.integers(0, 28, n).astype(np.int32)

    def ours() -> Array:
        return np.array([part.comoments for part in column_moments(columns, groups, 28)])

    def plain() -> Array:
        parts = ([column[groups == group] for column in columns] for group in range(28))
        return np.array([np.cov(part) * (len(part[0]) - 1) for part in parts])

    if not np.allclose(ours(), plain(), rtol=1e-10):
        raise SystemExit("the moments are not those of numpy")
    return Case("moments of two columns by group", {"recsys": ours, "numpy": plain}, n, "rows")


def totals_case(n: int, n_units: int) -> Case:
    """Ten metrics in 14 days after exposure, each with the 28 days before it."""
    rng = np.random.default_rng(3)
    starts = rng.integers(28 * DAY, 42 * DAY, n_units)
    units, times = rng.integers(0, n_units, n).astype(np.int32), np.sort(rng.integers(0, 56 * DAY, n))
    events, minutes, share = rng.integers(0, 3, n).astype(np.int32), rng.gamma(2, 10, n), rng.random(n)
    masks = [events == event for event in range(3)]
    totals, aggregates = [], []
    for metric in range(10):
        function, event, column = ("sum", "count", "any", "sum")[metric % 4], metric % 3, metric % 2
        for begin, end in ((0, 14 * DAY), (-28 * DAY, 0)):
            summed = function == "sum"
            totals.append(WindowTotal(function, begin, end, event, column if summed else None))
            what = {"sum": f"sum({('minutes', 'share')[column]})", "count": "count(*)", "any": "count(*)"}[function]
            aggregates.append(
                f"{what} FILTER (event = {event} AND age >= {begin} AND age < {end}) AS t{len(aggregates)}"
            )
    con = connection()
    con.register("rows", {"unit": units, "time": times, "event": events, "minutes": minutes, "share": share})
    con.register("started", {"unit": np.arange(n_units, dtype=np.int32), "start": starts})
    con.execute("CREATE TABLE r AS SELECT * FROM rows; CREATE TABLE s AS SELECT * FROM started")
    aged = "SELECT r.*, time - start AS age FROM r JOIN s USING (unit)"
    query = f"SELECT unit, {', '.join(aggregates)} FROM ({aged}) GROUP BY unit"

    def plain() -> dict[str, Array]:
        return con.execute(query).fetchnumpy()

    def ours() -> Array:
        state = WindowTotals(starts, totals)
        for at in range(0, n, 2_000_000):
            part = slice(at, at + 2_000_000)
            columns = [minutes[part], share[part]]
            state.add(units[part], times[part], masks=[mask[part] for mask in masks], columns=columns, n_threads=1)
        return state.values()

    theirs, mine = plain(), ours()
    first = np.ma.filled(theirs["t0"], 0.0)[np.argsort(theirs["unit"])]
    if not np.allclose(first, mine[0][np.sort(theirs["unit"])], rtol=1e-12):
        raise SystemExit("WindowTotals disagrees with DuckDB")
    return Case("20 totals of each unit in its windows", {"recsys": ours, "DuckDB GROUP BY": plain}, n, "rows")
