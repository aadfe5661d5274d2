"""The main job on simulated events: seconds and peak memory of every step, and store → CSR.

    python -m benchmarks store                     about 3.5 million events
    python -m benchmarks.store [users] [repeats]   174,000 users make about 20 million

Ingest, training (ALS, d = 64, one iteration) and lists for all users run in one process of their own; the memory shown
is that process's peak (resident set) by the end of the step. Store → CSR is timed in a second process, warm, against
what one would write without recsys: ids out of DuckDB, codes by polars, `scipy.sparse.coo_array.tocsr`. On a shared
machine the CPU seconds are the honest ones; wall seconds depend on how many cores were free.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from scipy.sparse import coo_array

from benchmarks._results import Outcome, keep
from benchmarks._timing import quartiles, quick
from recsys.core.memory import peak_rss_mb
from recsys.core.times import from_micros
from recsys.simulation import simulate
from recsys.store import DataRecipe, Store
from recsys.store.arrow import fetch_frame
from recsys.store.datasets import build_dataset, read_log

ITEMS, DAYS, START = 20_000, 60, 1_735_689_600_000_000


def main(users: int = 8_000 if quick() else 30_000, repeats: int = 7) -> None:
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        service = simulate(
            users, ITEMS, DAYS, start=from_micros(START), events_per_user_day=2.0, impressions=False, seed=7
        )
        service.write(folder / "data")
        found = {"job": _apart("job", folder, 1), "store to CSR": _apart("to_csr", folder, repeats)}
    keep("store", _outcomes(found), found)


def _outcomes(found: dict[str, Any]) -> list[Outcome]:
    steps = [
        Outcome(f"{step}, peak {cost['peak_rss_mb']:,.0f} MB", cost["cpu_s"], "CPU s")
        for step, cost in found["job"].items()
        if step != "start"
    ]
    ours, plain = (found["store to CSR"][who]["cpu_s"] for who in ("recsys", "plain"))
    low, ratio, high = quartiles([theirs / own for theirs, own in zip(plain, ours, strict=True)])
    verdict = "ahead" if low > 1 else "behind" if high < 1 else "even"
    peer = ("polars rank + scipy tocsr", statistics.median(plain), ratio, low, high, verdict)
    return [
        *steps,
        Outcome(f"store to CSR, {found['store to CSR']['rows']:,} events", statistics.median(ours), "CPU s", *peer),
    ]


def job(folder: Path, _: int) -> dict[str, Any]:
    store, found = Store(folder / "shop"), {}

    def step(name: str, work: Callable[[], object]) -> None:
        wall, cpu = timed(work)
        found[name] = {"wall_s": wall, "cpu_s": cpu, "peak_rss_mb": peak_rss_mb()}
        print(f"{name:28} wall {wall:7.2f} s   CPU {cpu:7.2f} s   peak {peak_rss_mb():7,.0f} MB", flush=True)

    step("start", lambda: None)
    step("ingest", lambda: store.ingest("events", str(folder / "data/events/*.parquet")))
    step("train als, one iteration", lambda: store.train("als", event="play", params={"factors": 64, "iterations": 1}))
    step("recommend to everybody", lambda: store.recommend("@latest", folder / "recs.parquet", k=10))
    step("train popularity", lambda: store.train("popularity", event="play", holdout="14d"))
    step("evaluate", lambda: store.evaluate("@latest"))
    return found


def to_csr(folder: Path, repeats: int) -> dict[str, Any]:
    store, recipe = Store(folder / "shop"), DataRecipe(event="play")
    taken: dict[str, list[tuple[float, float]]] = {"read": [], "log": [], "matrix": [], "recsys": [], "plain": []}
    rows = 0
    for _ in range(repeats):
        held: list[Any] = []
        parts = (
            timed(lambda held=held: held.append(_read(store, recipe))),
            timed(lambda held=held: held.append(build_dataset(held.pop(), recipe))),
            timed(lambda held=held: held[0].matrix()),
        )
        for name, part in zip(("read", "log", "matrix"), parts, strict=True):
            taken[name].append(part)
        taken["recsys"].append((sum(wall for wall, _ in parts), sum(cpu for _, cpu in parts)))
        rows = len(held.pop())
    for _ in range(repeats):  # afterwards: what it frees goes back to the system, and would have to be fetched again
        taken["plain"].append(timed(lambda: _plain(store)))
    for name, times in taken.items():
        walls, cpus = zip(*times, strict=True)
        print(
            f"{name:28} wall {statistics.median(walls):7.3f} s (best {min(walls):.3f})   CPU"
            f" {statistics.median(cpus):7.3f} s (best {min(cpus):.3f})   of {rows:,} events",
            flush=True,
        )
    seconds = {name: {"wall_s": [t[0] for t in times], "cpu_s": [t[1] for t in times]} for name, times in taken.items()}
    return {"rows": rows, **seconds}


def _read(store: Store, recipe: DataRecipe) -> Any:
    with store.read() as con:
        return read_log(con, recipe)


def _plain(store: Store) -> Any:
    """What one would write without recsys: no times, no order, no vocabulary that is the same tomorrow."""
    with store.read() as con:
        rows = fetch_frame(
            con, "SELECT user_id, item_id, coalesce(value, 1)::FLOAT AS value FROM events WHERE event = 'play'"
        )
    codes = [rows[name].rank("dense").cast(pl.Int32).to_numpy() - 1 for name in ("user_id", "item_id")]
    return coo_array((rows["value"].to_numpy(), tuple(codes))).tocsr()


def timed(work: Callable[[], object]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


def _apart(what: str, folder: Path, repeats: int) -> Any:
    """Run one of the functions above in a process of its own and return what it found."""
    words = [sys.executable, "-m", "benchmarks.store", what, str(folder), str(repeats)]
    subprocess.run(words, check=True)
    return json.loads((folder / f"{what}.json").read_text())


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in ("job", "to_csr"):
        place = Path(sys.argv[2])
        (place / f"{sys.argv[1]}.json").write_text(json.dumps(globals()[sys.argv[1]](place, int(sys.argv[3]))))
    else:
        main(*(int(word) for word in sys.argv[1:]))
