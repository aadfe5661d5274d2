"""Ingest of events against a plain CREATE TABLE AS of the same Parquet file into a DuckDB file.

    python -m benchmarks ingest                  4 million rows
    python -m benchmarks.ingest [rows] [repeats]

Prints medians of wall time and of CPU time (all threads): on a shared machine the second is the honest one.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from benchmarks._results import Outcome, keep
from benchmarks._timing import quartiles, quick
from recsys.store import Store
from recsys.store.broker import MEMORY_LIMIT

EVENTS = """
    SELECT (10 * floor(138000 * pow(random(), 1.5)))::BIGINT + 7 AS user_id,
           (3 * floor(27000 * pow(random(), 3)))::BIGINT + 1 AS item_id,
           TIMESTAMP '2026-01-01' + to_microseconds(range * 400000) AS ts,
           CASE WHEN random() < 0.9 THEN 'play' ELSE 'like' END AS event,
           round(random() * 60, 1)::DOUBLE AS value
    FROM range({rows})
"""


def write_files(folder: Path, rows: int) -> dict[str, Path]:
    files = {"integer ids": folder / "integers.parquet", "text ids": folder / "texts.parquet"}
    con = duckdb.connect()
    con.execute("SELECT setseed(0.5)")
    con.execute(f"COPY ({EVENTS.format(rows=rows)}) TO '{files['integer ids']}' (FORMAT parquet, COMPRESSION zstd)")
    con.execute(
        f"COPY (SELECT 'user_' || user_id AS user_id, 'item_' || item_id AS item_id, ts, event, value"
        f" FROM '{files['integer ids']}') TO '{files['text ids']}' (FORMAT parquet, COMPRESSION zstd)"
    )
    con.close()
    return files


def timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def create_table_as(file: Path, folder: Path) -> None:
    con = duckdb.connect(str(folder / "plain.duckdb"), config={"memory_limit": MEMORY_LIMIT})
    con.execute(f"CREATE TABLE events AS FROM '{file}'")
    con.close()


def main(rows: int = 1_000_000 if quick() else 4_000_000, repeats: int = 5) -> None:
    outcomes, details = [], []
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        for kind, file in write_files(folder, rows).items():
            taken = [_pair(file, folder / f"{kind[0]}{repeat}") for repeat in range(repeats)]
            details.append({"rows": rows, "ids": kind, "plain_then_ours_wall_cpu": taken})
            for unit, column in (("wall s", 0), ("CPU s", 1)):
                plain, ours = ([one[who][column] for one in taken] for who in (0, 1))
                base, mine = statistics.median(plain), statistics.median(ours)
                low, ratio, high = quartiles([one / own for one, own in zip(plain, ours, strict=True)])
                print(
                    f"{rows:,} rows, {kind}: plain {base:.2f} {unit}, ingest {mine:.2f} {unit}, {ratio:.2f}x",
                    flush=True,
                )
                outcome = Outcome(f"{rows:,} rows, {kind}", mine, unit, "", base, ratio, low, high)
                outcomes.append(outcome._replace(peer="a bare CREATE TABLE", verdict="yardstick"))
    keep("ingest", outcomes, details)


def _pair(file: Path, folder: Path) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return wall and CPU seconds of the plain way and of ours, one after the other."""
    folder.mkdir()
    plain = timed(lambda: create_table_as(file, folder))
    store = Store(folder / "store")
    ours = timed(lambda: store.ingest("events", file))
    for path in folder.rglob("*.duckdb"):
        path.unlink()
    return plain, ours


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
