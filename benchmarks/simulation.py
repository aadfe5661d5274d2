"""How fast the simulator writes a log, and in how much memory: wall time, CPU time and peak RSS of several worlds.

    python benchmarks/simulation.py [users] [repeats]

200,000 users (the default) make about 25 million events without a home page. Each world runs in a process of its own,
so that the peak memory is its own; the second line shows that memory does not grow with the log. No peer is known that
simulates this; the yardstick is the CPU time that polars takes to write the same rows once they are in its memory.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

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
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
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


def main(users: int = 200_000, repeats: int = 3) -> None:
    headings = ("rows", "wall s", "CPU s", "M rows/CPU s", "CPU / rewrite", "peak MB")
    print(f"{'world':34} " + " ".join(f"{heading:>13}" for heading in headings))
    for name, world in WORLDS.items():
        command = [sys.executable, __file__, "--one", json.dumps(world), str(users)]
        runs = [json.loads(subprocess.run(command, check=True, capture_output=True).stdout) for _ in range(repeats)]
        rows, wall, cpu, peak, yardstick = (
            statistics.median(run[key] for run in runs) for key in ("rows", "wall", "cpu", "peak", "yardstick")
        )
        rate, ratio = rows / cpu / 1e6, cpu / yardstick
        timing = f"{wall:13.1f} {cpu:13.1f} {rate:13.2f} {ratio:13.1f}"
        timing = f"{wall:13.1f} {cpu:13.1f} {rate:13.2f} {ratio:13.1f}"
        print(f"{name:34} {rows:13,.0f} {timing} {peak:13.0f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(run_one(json.loads(sys.argv[2]), int(sys.argv[3]))))
    else:
        main(*(int(argument) for argument in sys.argv[1:3]))
