"""Time callables interleaved in one process: noise hits all of them alike, medians and quartiles shrug off the rest.

CPU time of all threads is taken, not wall time: on a shared machine it is the honest one. A case about threads asks
for ``clock="wall"``.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

from benchmarks._results import Goal, Outcome, keep, reached

ROUNDS, FEWEST, BUDGET = 9, 3, 25.0  # seconds: what a case may take before its later rounds are left out
CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}


class Case(NamedTuple):
    """One job that several contestants do; the first is ours, the others are what it is measured against.

    A contestant that raises ImportError when it is first called is left out. A name that starts like ours ("recsys, two
    threads") is another way of ours; `yardsticks` are no peers either: a bound, or the part that nobody can avoid.
    """

    name: str
    contestants: dict[str, Callable[[], object]]
    work: float  # how many units one call does
    unit: str
    yardsticks: tuple[str, ...] = ()
    clock: Literal["cpu", "wall"] = "cpu"


class Timing(NamedTuple):
    """What one contestant took; each `low` and `high` is the first and the third quartile over the rounds."""

    case: str
    contestant: str
    kind: Literal["ours", "peer", "yardstick"]
    seconds: float  # median
    seconds_low: float
    seconds_high: float
    rate: float  # units of work a second
    ratio: float  # how many times as fast ours is; the median over rounds
    ratio_low: float
    ratio_high: float
    rounds: int


def quick() -> bool:
    """Whether this run is a short one."""
    return os.environ.get("RECSYS_BENCH_QUICK", "") not in ("", "0")


def time_case(case: Case, rounds: int | None = None) -> list[Timing]:
    """Call every contestant once to warm up, then in turn, the last of a round first in the next."""
    calls = _warmed(case)
    taken: dict[str, list[float]] = {name: [] for name in calls}
    now, began, order = CLOCKS[case.clock], time.process_time(), list(calls)
    for done in range(rounds or (FEWEST if quick() else ROUNDS)):
        if rounds is None and done >= FEWEST and time.process_time() - began > BUDGET:
            break
        for name in order:
            start = now()
            calls[name]()
            taken[name].append(now() - start)
        order.reverse()
    ours = next(iter(taken))
    return [_timing(case, name, seconds, taken[ours], ours) for name, seconds in taken.items()]


def _warmed(case: Case) -> dict[str, Callable[[], object]]:
    calls = {}
    for name, call in case.contestants.items():
        try:
            call()
        except ImportError as error:
            print(f"{name} is left out: {error}")
        else:
            calls[name] = call
    return calls


def _timing(case: Case, name: str, seconds: list[float], mine: list[float], ours: str) -> Timing:
    low, middle, high = quartiles(seconds)
    ratios = quartiles([theirs / own for theirs, own in zip(seconds, mine, strict=True)])
    kind: Literal["ours", "peer", "yardstick"] = "yardstick" if name in case.yardsticks else "peer"
    if name.partition(",")[0].split()[0] == ours.partition(",")[0].split()[0]:
        kind = "ours"
    return Timing(
        case.name, name, kind, middle, low, high, case.work / middle, ratios[1], ratios[0], ratios[2], len(seconds)
    )


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the quartiles, by linear interpolation between the values in order."""
    if len(values) == 1:
        return (values[0],) * 3
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, middle, high


def run_cases(name: str, cases: Iterable[Case], goals: Iterable[Goal] = ()) -> list[Timing]:
    """Time the cases, print a table, keep it in ``benchmarks/results/NAME.json``."""
    timings: list[Timing] = []
    outcomes: list[Outcome] = []
    print(f"{'case':44} {'contestant':28} {'seconds':>9} {'quartiles':>17} {'units/s':>12} {'ours is':>9} quartiles")
    for case in cases:
        rows = time_case(case)
        timings += rows
        for row in rows:
            ratio = "" if row is rows[0] else f"{row.ratio:8.2f}x {row.ratio_low:.2f}–{row.ratio_high:.2f}"
            spread = f"{row.seconds_low:.4f}–{row.seconds_high:.4f}"
            print(
                f"{row.case:44} {row.contestant:28} {row.seconds:9.4f} {spread:>17} {row.rate:12,.0f} {ratio}",
                flush=True,
            )
        outcomes.append(_outcome(case, rows))
    met = [reached(goal, timings) for goal in goals]
    keep(name, [*outcomes, *(outcome for outcome in met if outcome)], [row._asdict() for row in timings])
    return timings


def _outcome(case: Case, rows: list[Timing]) -> Outcome:
    """Hold ours against the fastest peer."""
    unit = "CPU s" if case.clock == "cpu" else "s"
    peers = [row for row in rows if row.kind == "peer"]
    if not peers:
        return Outcome(case.name, rows[0].seconds, unit)
    best = min(peers, key=lambda row: row.seconds)
    verdict = "ahead" if best.ratio_low > 1 else "behind" if best.ratio_high < 1 else "even"
    return Outcome(
        case.name,
        rows[0].seconds,
        unit,
        best.contestant,
        best.seconds,
        best.ratio,
        best.ratio_low,
        best.ratio_high,
        verdict,
    )
