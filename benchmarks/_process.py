"""A contestant in a process of its own, so that its peak memory is its own."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, NamedTuple

from recsys.core.memory import peak_rss_mb


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
    """Return the largest resident set of this process in MB (2^20 bytes)."""
    return peak_rss_mb() * 1e6 / (1 << 20)
