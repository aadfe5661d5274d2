"""Time callables interleaved in one process: noise hits all of them alike, medians shrug off the rest.

CPU time of all threads is taken, not wall time: on a shared machine it is the honest one.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).parent / "results"


class Case(NamedTuple):
    """One job that several contestants do; the first is ours, the others are what it is measured against."""

    name: str
    contestants: dict[str, Callable[[], object]]
    work: float  # how many units one call does
    unit: str


class Timing(NamedTuple):
    case: str
    contestant: str
    seconds: float  # of CPU, median
    rate: float  # units of work a second
    ratio: float  # how many times as fast ours is; the median over rounds


def time_case(case: Case, rounds: int = 7) -> list[Timing]:
    """Call every contestant once to warm up, then `rounds` times in turn."""
    for call in case.contestants.values():
        call()
    taken: dict[str, list[float]] = {name: [] for name in case.contestants}
    for _ in range(rounds):
        for name, call in case.contestants.items():
            start = time.process_time()
            call()
            taken[name].append(time.process_time() - start)
    ours = next(iter(taken.values()))
    return [
        Timing(
            case.name,
            name,
            statistics.median(seconds),
            case.work / statistics.median(seconds),
            statistics.median(theirs / mine for theirs, mine in zip(seconds, ours, strict=True)),
        )
        for name, seconds in taken.items()
    ]


def run_cases(name: str, cases: Iterable[Case]) -> None:
    """Time the cases, print a table, keep it in ``benchmarks/results/NAME.json``."""
    timings, worst = [], []
    print(f"{'case':34} {'contestant':28} {'CPU s':>9} {'units/CPU s':>12} {'ours is':>9}")
    for case in cases:
        rows = time_case(case)
        timings += rows
        for row in rows:
            ratio = "" if row is rows[0] else f"{row.ratio:8.2f}x"
            print(f"{row.case:34} {row.contestant:28} {row.seconds:9.4f} {row.rate:12,.0f} {ratio:>9}", flush=True)
        worst += [row.ratio for row in rows[1:2]]
    if worst:
        print(f"geometric mean of ours against the first peer: {statistics.geometric_mean(worst):.2f}x")
    RESULTS.mkdir(exist_ok=True)
    found = {"machine": machine(), "timings": [row._asdict() for row in timings]}
    (RESULTS / f"{name}.json").write_text(json.dumps(found, indent=1) + "\n")


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    packages = {}
    for package in ("numpy", "scipy", "implicit"):
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            continue
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "processor": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": packages,
    }
