"""The table of units of an A/B experiment out of the store, against the plain aggregation of DuckDB per user.

    python -m benchmarks experiment_units                    5 million events of 100,000 users
    python -m benchmarks.experiment_units [events] [rounds]  50000000 is the size of a large experiment

Ten metrics with a pre-period each; 50 events a user over 60 days, in order of time. Both take the same rows in the
same process, in turn, and end with one row a user in memory. The plain aggregation is what one would write by hand: one
query, a FILTER for each metric and window; it knows no checks (units in two arms, values that are missing, windows that
have not ended). Then the further questions to the table of units, and the same question to tea-tasting where it is
installed. Peak memory (resident set) is that of a process that builds the table once and does nothing else. Both clocks
are shown: CPU seconds are the honest ones on a shared machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks._results import Outcome, keep
from benchmarks._timing import quartiles, quick
from recsys.core.memory import peak_rss_mb
from recsys.experiment import Count, Experiment, Mean, Metric, Proportion, Ratio, UnitTable, analyze, build_unit_table
from recsys.store import Store
from recsys.store.arrow import fetch_frame

START, DAYS, EVENTS_A_USER = datetime(2026, 6, 8), 60, 50
KINDS = {"play": 0.6, "rating": 0.1, "search": 0.2, "share": 0.1}
Seconds = dict[str, list[float]]


def metrics() -> list[Metric]:
    """Ten metrics of the usual kinds, each with the same number before the exposure."""
    usual: dict[str, Any] = {"window": "14d", "pre_period": "28d"}
    return [
        Mean("minutes", event="play", **usual),
        Mean("longest", event="play", aggregate="max(value)", **usual),
        Mean("rating_sum", event="rating", **usual),
        Mean("long_minutes", where={"event": "play", "value": {">": 60}}, **usual),
        Count("plays", event="play", **usual),
        Count("searches", event="search", **usual),
        Count("all_events", **usual),
        Proportion("rated", event="rating", **usual),
        Proportion("shared", event="share", **usual),
        Ratio("completion", numerator="sum(completion)", denominator="count()", event="play", **usual),
    ]


def plan() -> Experiment:
    return Experiment("ab", {"a": 0.5, "b": 0.5}, control="a", start=START, metrics=metrics())


def make_store(folder: Path, events: int) -> Store:
    """A log in order of time, written to the tables as an ingest writes them."""
    store, users, begin = Store(folder / "shop"), events // EVENTS_A_USER, START - timedelta(days=35)
    first: dict[str, Any] = {"user_id": 0, "item_id": 0, "ts": begin, "event": "play", "completion": 0.5}
    store.ingest("events", pl.DataFrame([first]))
    shares, kinds = 0.0, []
    for kind, share in KINDS.items():
        shares += share
        kinds.append(f"WHEN draw < {shares:.2f} THEN '{kind}'")
    step = DAYS * 86_400_000_000 // events
    with store.write() as con:
        con.execute(f"INSERT INTO user_keys SELECT i, i FROM range(1, {users}) t(i)")
        con.execute("INSERT INTO item_keys SELECT i, i FROM range(1, 20000) t(i)")
        con.execute(
            "INSERT INTO event_rows (user_key, item_key, ts, event, value, completion, ingest_id)"
            f" SELECT hash(i) % {users}, hash(i + 1) % 20000, TIMESTAMP '{begin}' + to_microseconds(i * {step}),"
            f" CASE {' '.join(kinds[:-1])} ELSE '{list(KINDS)[-1]}' END, (hash(i + 2) % 90000) / 1000,"
            " (hash(i + 3) % 1000) / 1000, 1 FROM (SELECT i, (hash(i + 4) % 10000) / 10000 AS draw"
            f" FROM range({events}) t(i))"
        )
        con.execute("UPDATE ingests SET last_ts = (SELECT max(ts) FROM event_rows)")
    store.ingest("exposures", pl.DataFrame([{"experiment": "ab", "unit_id": 0, "variant": "a", "ts": START}]))
    with store.write() as con:
        con.execute(
            f"INSERT INTO exposure_rows SELECT 'ab', i, CASE hash(i) % 2 WHEN 0 THEN 'a' ELSE 'b' END,"
            f" TIMESTAMP '{START}' + to_microseconds((hash(i + 5) % 864000000000)::BIGINT), 2"
            f" FROM range(1, {users}) t(i)"
        )
    return store


def recsys_table(store: Store) -> UnitTable:
    return build_unit_table(store.units(), plan().request(START + timedelta(days=25)))


def plain_parts() -> dict[str, str]:
    return {
        "minutes": "sum(r.value) FILTER (r.event = 'play' AND {})",
        "longest": "max(r.value) FILTER (r.event = 'play' AND {})",
        "rating_sum": "sum(r.value) FILTER (r.event = 'rating' AND {})",
        "long_minutes": "sum(r.value) FILTER (r.event = 'play' AND r.value > 60 AND {})",
        "plays": "count(*) FILTER (r.event = 'play' AND {})",
        "searches": "count(*) FILTER (r.event = 'search' AND {})",
        "all_events": "count(*) FILTER ({})",
        "rated": "(count(*) FILTER (r.event = 'rating' AND {}) > 0)::DOUBLE",
        "shared": "(count(*) FILTER (r.event = 'share' AND {}) > 0)::DOUBLE",
        "completion.numerator": "sum(r.completion) FILTER (r.event = 'play' AND {})",
        "completion.denominator": "count(*) FILTER (r.event = 'play' AND {})",
    }


def plain_table(store: Store) -> pl.DataFrame:
    """The same columns by one query, as one would write it."""
    windows = {
        "": "r.ts >= x.first AND r.ts < x.first + INTERVAL 14 DAY",
        ".pre": "r.ts >= x.first - INTERVAL 28 DAY AND r.ts < x.first",
    }
    picked = ", ".join(
        f'coalesce({part.format(window)}, 0)::DOUBLE AS "{name}{suffix}"'
        for name, part in plain_parts().items()
        for suffix, window in windows.items()
    )
    with store.read() as con:
        return fetch_frame(
            con,
            "WITH x AS (SELECT k.user_key, e.unit_id, any_value(e.variant) AS variant, min(e.ts) AS first"
            " FROM exposure_rows e JOIN user_keys k ON k.user_id = e.unit_id WHERE e.experiment = 'ab'"
            " GROUP BY k.user_key, e.unit_id)"
            f" SELECT x.unit_id, any_value(x.variant) AS variant, {picked}"
            f" FROM x LEFT JOIN event_rows r ON r.user_key = x.user_key"
            f" AND r.ts >= TIMESTAMP '{START - timedelta(days=28)}' AND r.ts < TIMESTAMP '{START + timedelta(days=25)}'"
            " GROUP BY x.unit_id",
        )


def main(events: int = 1_000_000 if quick() else 5_000_000, rounds: int = 3) -> None:
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        make_store(folder, events)
        found = {"peak_rss_mb": _apart("memory", folder, 0), **_apart("times", folder, rounds)}
    keep("experiment_units", _outcomes(events, found), found)


def memory(folder: Path, _: int) -> float:
    recsys_table(Store(folder / "shop"))
    print(f"peak {peak_rss_mb():,.0f} MB", flush=True)
    return peak_rss_mb()


def times(folder: Path, rounds: int) -> dict[str, Any]:
    store = Store(folder / "shop")
    table, frame = recsys_table(store), plain_table(store)
    _refuse_different(table, frame)
    through = START + timedelta(days=25)
    found = analyze(plan(), table, through=through)
    tables = {
        "recsys": lambda: recsys_table(store),
        "plain DuckDB": lambda: plain_table(store),
        "plain DuckDB, calendar windows": lambda: calendar_table(store),
    }
    further: dict[str, Callable[[], object]] = {
        "analysis": lambda: analyze(plan(), table, through=through),
        "one metric day by day": lambda: found.daily("minutes"),
    }
    try:
        theirs = tea_tasting(frame)
    except ImportError as error:
        print(f"tea-tasting is left out: {error}")
    else:
        _refuse_other_effects(found, theirs)
        further["tea-tasting, ten metrics"] = lambda: tea_tasting(frame)
    return _taken(tables, rounds) | {"further": _taken(further, max(rounds, 3))}


def calendar_table(store: Store) -> pl.DataFrame:
    """A lower bound, not the same question: windows by the calendar, one for all users, and no exposures."""
    window = "r.ts >= TIMESTAMP '{}' AND r.ts < TIMESTAMP '{}'"
    parts, windows = (
        plain_parts(),
        {".pre": (START - timedelta(days=28), START), "": (START, START + timedelta(days=14))},
    )
    picked = ", ".join(
        f'{part.format(window.format(since, until))} AS "{name}{suffix}"'
        for name, part in parts.items()
        for suffix, (since, until) in windows.items()
    )
    with store.read() as con:
        return fetch_frame(con, f"SELECT r.user_key, {picked} FROM event_rows r GROUP BY r.user_key")


def tea_tasting(frame: pl.DataFrame) -> Any:
    """The same question to tea-tasting: the effect on each metric, adjusted for its pre-period."""
    import tea_tasting as tt

    asked: dict[str, Any] = {
        metric.name: tt.RatioOfMeans(*(f"{metric.name}.{part}" for part in ("numerator", "denominator",
                                                                             "numerator.pre", "denominator.pre")))
        if isinstance(metric, Ratio)
        else tt.Mean(metric.name, f"{metric.name}.pre")
        for metric in metrics()
    }  # fmt: skip
    asked |= {f"{name} unadjusted": tt.Mean(name) for name in ("minutes", "plays")}
    return tt.Experiment(asked, variant="variant").analyze(frame)


def _refuse_other_effects(found: Any, theirs: Any) -> None:
    """Raise if Welch's test of the same columns is not the same."""
    for name in ("minutes", "plays"):
        mine, other = found[name].unadjusted, theirs[f"{name} unadjusted"]
        pairs = ((mine["difference"], other.effect_size), (mine["ci_low"], other.effect_size_ci_lower))
        for own, their in pairs:
            if abs(own - their) > 1e-9 * abs(their):
                raise RuntimeError(f"{name}: {own} and {their} of tea-tasting")


def _taken(jobs: dict[str, Callable[[], object]], rounds: int) -> dict[str, Any]:
    """Time the jobs in turn, the last of a round first in the next."""
    walls: Seconds = {name: [] for name in jobs}
    cpus: Seconds = {name: [] for name in jobs}
    for turn in range(rounds):
        for name in jobs if turn % 2 == 0 else reversed(jobs):
            wall, cpu = timed(jobs[name])
            walls[name].append(wall)
            cpus[name].append(cpu)
            print(f"{name:32} wall {wall:8.3f} s   CPU {cpu:8.3f} s", flush=True)
    return {"wall_s": walls, "cpu_s": cpus}


def _refuse_different(table: UnitTable, frame: pl.DataFrame) -> None:
    """Raise if the two do not hold the same numbers: then their times mean nothing."""
    frame = frame.sort("unit_id")
    for name, values in table.columns.items():
        gap = abs(values - frame[name].to_numpy()).max()
        if gap > 1e-9 * abs(values).max():
            raise RuntimeError(f"{name} differs by {gap}")


def _outcomes(events: int, found: dict[str, Any]) -> list[Outcome]:
    rows = []
    for clock, unit in (("wall_s", "s"), ("cpu_s", "CPU s")):
        ours, plain = found[clock]["recsys"], found[clock]["plain DuckDB"]
        low, ratio, high = quartiles([theirs / own for theirs, own in zip(plain, ours, strict=True)])
        verdict = "ahead" if low > 1 else "behind" if high < 1 else "even"
        name = f"table of units, {events:,} events, peak {found['peak_rss_mb']:,.0f} MB"
        peer = ("plain DuckDB", quartiles(plain)[1], ratio, low, high, verdict)
        rows.append(Outcome(name, quartiles(ours)[1], unit, *peer))
    further = found["further"]["cpu_s"]
    return rows + [Outcome(f"further: {name}", quartiles(taken)[1], "CPU s") for name, taken in further.items()]


def timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def _apart(job: str, folder: Path, rounds: int) -> Any:
    """Run a part in a process of its own; its last line is the result."""
    command = [sys.executable, "-m", "benchmarks.experiment_units", job, str(folder), str(rounds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = []
        for line in process.stdout or ():
            lines.append(line)
            if not line.startswith("result "):
                print(line, end="", flush=True)
    if process.returncode:
        raise RuntimeError(f"{job} ended with {process.returncode}")
    return json.loads(lines[-1].removeprefix("result "))


if __name__ == "__main__":
    if sys.argv[1:2] in (["memory"], ["times"]):
        made = {"memory": memory, "times": times}[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
        print(f"result {json.dumps(made)}", flush=True)
    else:
        main(*(int(number) for number in sys.argv[1:]))
