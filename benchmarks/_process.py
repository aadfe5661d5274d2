"""A contestant in a process of its own, so that its peak memory is its own."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple


class Cost(NamedTuple):
    """What one piece of work took, and the largest resident set of its process by its end."""

    value: Any
    cpu: float
    wall: float
    peak_mb: float


def run_apart(work: Callable[..., Any], *args: object) -> Cost:
    """Call a function of a module in a fresh interpreter: its result, its seconds (imports apart) and its peak memory.

    Raises what the function raises.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(spend, work, *args).result()


def spend(work: Callable[..., Any], *args: object) -> Cost:
    """Call a function here and say what it cost; the peak is the whole process's so far."""
    wall, cpu = time.perf_counter(), time.process_time()
    value = work(*args)
    return Cost(value, time.process_time() - cpu, time.perf_counter() - wall, peak_mb())


def peak_mb() -> float:
    """Return the largest resident set of this process in MB (2^20 bytes).

    Where there is /proc its high-water mark is read: `getrusage` also counts the process that it was forked from.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1024)
