"""Work in chunks on Python threads: no OpenMP, Ctrl-C is seen between chunks, BLAS stays on one thread inside."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from queue import SimpleQueue
from typing import TypeVar

from recsys.core.checks import positive_int

Chunk = TypeVar("Chunk")
THREADS_VARIABLE = "RECSYS_THREADS"
_limit: ContextVar[int | None] = ContextVar("recsys_thread_limit", default=None)


def thread_count(n_threads: int | None = None) -> int:
    """Return how many threads to use: the argument, else `thread_limit`, ``RECSYS_THREADS``, the cores at hand.

    Examples
    --------
    >>> thread_count(2)
    2
    """
    if n_threads is not None:
        return positive_int("n_threads", n_threads)
    limit = _limit.get()
    if limit is not None:
        return limit
    wanted = os.environ.get(THREADS_VARIABLE, "")
    if wanted:
        return positive_int(THREADS_VARIABLE, int(wanted) if wanted.isdecimal() else wanted)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_chunks(
    work: Callable[[Chunk], None],
    chunks: Sequence[Chunk],
    n_threads: int | None = None,
    *,
    on_done: Callable[[int], None] | None = None,
) -> None:
    """Call ``work(chunk)`` once for every chunk, on at most `n_threads` threads.

    The first exception of a chunk is raised and no further chunk is started; so is `KeyboardInterrupt`. `work` must
    write only to its own part of the output, so that the result does not depend on the number of threads.

    Parameters
    ----------
    work : callable
        Runs on any thread.
    chunks : sequence
    n_threads : int, optional
        As in `thread_count`.
    on_done : callable, optional
        Told after every chunk how many are done: one call at a time, on the caller's thread. What it raises ends the
        work as an exception of a chunk does.

    Examples
    --------
    >>> out = [0, 0]
    >>> run_chunks(lambda place: out.__setitem__(place, place + 1), [0, 1], n_threads=2, on_done=print)
    1
    2
    >>> out
    [1, 2]
    """
    workers = min(thread_count(n_threads), len(chunks))
    if workers <= 1:
        for place, chunk in enumerate(chunks):
            work(chunk)
            if on_done is not None:
                on_done(place + 1)
        return
    stop = threading.Event()
    queue = iter(chunks)
    lock = threading.Lock()
    told: SimpleQueue[bool] = SimpleQueue()  # True: a chunk is done; False: a worker ends

    def drain() -> None:
        try:
            while not stop.is_set():
                with lock:
                    chunk = next(queue, None)
                if chunk is None:
                    return
                work(chunk)
                if on_done is not None:
                    told.put(True)
        except BaseException:
            stop.set()
            raise
        finally:
            told.put(False)

    with ThreadPoolExecutor(workers, thread_name_prefix="recsys") as pool:
        futures = [pool.submit(drain) for _ in range(workers)]
        try:
            _listen(told, workers, on_done)
        finally:
            stop.set()
    for future in futures:
        future.result()


def _listen(told: SimpleQueue[bool], workers: int, on_done: Callable[[int], None] | None) -> None:
    """Pass on what the workers tell, until all of them have ended."""
    done = 0
    while workers:
        if told.get():
            done += 1
            if on_done is not None:
                on_done(done)
        else:
            workers -= 1


def row_chunks(n_rows: int, size: int) -> list[tuple[int, int]]:
    """Return ``[(0, size), (size, 2 size), …]`` up to `n_rows`.

    Examples
    --------
    >>> row_chunks(5, 2)
    [(0, 2), (2, 4), (4, 5)]
    """
    return [(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


@contextmanager
def thread_limit(n_threads: int | None) -> Iterator[None]:
    """Use at most so many threads while the block runs, in whatever it calls; None changes nothing.

    Examples
    --------
    >>> with thread_limit(1):
    ...     thread_count()
    1
    """
    token = _limit.set(_limit.get() if n_threads is None else positive_int("n_threads", n_threads))
    try:
        yield
    finally:
        _limit.reset(token)


@contextmanager
def single_threaded_blas() -> Iterator[None]:
    """Hold BLAS to one thread while the block runs. The limit is process-wide for that time.

    Blocks of several threads may overlap: the limit ends with the last of them.

    Examples
    --------
    >>> with single_threaded_blas():
    ...     pass
    """
    _blas.enter()
    try:
        yield
    finally:
        _blas.leave()


class _BlasLimit:
    """Counts the blocks that hold BLAS to one thread, because what they set is one for the whole process.

    If each set and restored it for itself, the first of two overlapping blocks to end would free the other one's
    BLAS, and the second would leave it at one thread for good.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = 0
        self._limits = ExitStack()

    def enter(self) -> None:
        from threadpoolctl import ThreadpoolController

        with self._lock:
            # Looked up every time: a library that was loaded meanwhile brings a BLAS of its own.
            controller = ThreadpoolController()
            if any(one["user_api"] == "blas" and one["num_threads"] > 1 for one in controller.info()):
                self._limits.enter_context(controller.limit(limits=1, user_api="blas"))
            self._blocks += 1

    def leave(self) -> None:
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                self._limits.close()


_blas = _BlasLimit()
