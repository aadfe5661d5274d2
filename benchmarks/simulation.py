"""How fast the simulator writes a log, and in how much memory: wall time, CPU time and peak RSS of several worlds.

    python -m benchmarks simulation              40,000 users
    python -m benchmarks.simulation [users] [repeats]

200,000 users make about 25 million events without a home page. Each world runs in a process of its own,
so that the peak memory is its own; the second line shows that memory does not grow with the log. No peer is known that
simulates this; the yardstick is the CPU time that polars takes to write the same rows once they are in its memory.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks._process import peak_mb, run_apart
from benchmarks._results import Outcome, keep
from benchmarks._timing import quick
from recsys.simulation import simulate

WORLDS: dict[str, dict[str, Any]] = {
    "events only, integer ids": {"share": 1.0, "items": 20_000, "events_per_user_day": 2.0, "impressions": False},
    "the same, a quarter of the users": {
        "share": 0.25,
        "items": 20_000,
        "events_per_user_day": 2.0,
        "impressions": False,
    },
    "events only, text ids": {
        "share": 1.0,
        "items": 20_000,
        "events_per_user_day": 2.0,
        "impressions": False,
        "ids": "text",
    },
    "events and impressions": {"share": 0.25, "items": 5_000},
}


def run_one(world: dict[str, Any], users: int) -> dict[str, float]:
    parameters = {name: value for name, value in world.items() if name != "share"}
    with tempfile.TemporaryDirectory(dir=".") as folder:
        wall, cpu = time.perf_counter(), time.process_time()
        written = simulate(users=round(users * world["share"]), **parameters).write(Path(folder) / "log")
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        peak = peak_mb()
        return {
            "rows": written.events + written.impressions,
            "wall": wall,
            "cpu": cpu,
            "peak": peak,
            "yardstick": rewrite(folder),
        }


def rewrite(folder: str) -> float:
    """Seconds of CPU that polars takes to write the files again."""
    taken = 0.0
    for path in sorted((Path(folder) / "log").rglob("part-*.parquet")):
        frame = pl.read_parquet(path)
        start = time.process_time()
        frame.write_parquet(Path(folder) / "again.parquet", compression="zstd", compression_level=1)
        taken += time.process_time() - start
    return taken


def main(users: int = 10_000 if quick() else 40_000, repeats: int = 3) -> None:
    headings = ("rows", "wall s", "CPU s", "M rows/CPU s", "CPU / rewrite", "peak MB")
    print(f"{'world':34} " + " ".join(f"{heading:>13}" for heading in headings))
    outcomes, details = [], []
    for name, world in WORLDS.items():
        runs = [run_apart(run_one, world, users).value for _ in range(repeats)]
        rows, wall, cpu, peak, yardstick = (
            statistics.median(run[key] for run in runs) for key in ("rows", "wall", "cpu", "peak", "yardstick")
        )
        rate, ratio = rows / cpu / 1e6, cpu / yardstick
        timing = f"{wall:13.1f} {cpu:13.1f} {rate:13.2f} {ratio:13.1f}"
        print(f"{name:34} {rows:13,.0f} {timing} {peak:13.0f}", flush=True)
        outcomes.append(Outcome(f"{name}, {rows:,.0f} rows, {peak:,.0f} MB", cpu, "CPU s"))
        details.append({"world": name, "users": users, "runs": runs})
    keep("simulation", outcomes, details)


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
