"""Ingest of events against a plain CREATE TABLE AS of the same Parquet file into a DuckDB file.

    python benchmarks/ingest.py [rows] [repeats]

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


def main(rows: int = 20_000_000, repeats: int = 3) -> None:
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        for kind, file in write_files(folder, rows).items():
            plain, ours = [], []
            for repeat in range(repeats):
                for label, times in (("plain", plain), ("ours", ours)):
                    place = folder / f"{label}-{kind[0]}{repeat}"
                    place.mkdir()
                    if label == "plain":
                        times.append(timed(lambda file=file, place=place: create_table_as(file, place)))
                    else:
                        store = Store(place / "store")
                        times.append(timed(lambda store=store, file=file: store.ingest("events", file)))
                    for path in place.rglob("*.duckdb"):
                        path.unlink()
            for unit, column in (("wall", 0), ("cpu", 1)):
                base, mine = (statistics.median(time[column] for time in times) for times in (plain, ours))
                figures = f"plain {base:.2f} s, ingest {mine:.2f} s, ratio {mine / base:.2f}"
                print(f"{rows:,} rows, {kind}, {unit}: {figures}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
