import threading

import pytest

from recsys.core.errors import ArgumentError
from recsys.core.threads import row_chunks, run_chunks, single_threaded_blas, thread_count


@pytest.mark.parametrize("n_threads", [1, 2, 5])
def test_every_chunk_runs_once(n_threads):
    counts = [0] * 50
    run_chunks(lambda place: counts.__setitem__(place, counts[place] + 1), range(50), n_threads)
    assert counts == [1] * 50


@pytest.mark.parametrize("n_threads", [1, 3])
def test_the_first_failure_is_raised_and_stops_the_rest(n_threads):
    done = []

    def work(place):
        if place == 2:
            raise RuntimeError("chunk 2")
        done.append(place)

    with pytest.raises(RuntimeError, match="chunk 2"):
        run_chunks(work, range(10_000), n_threads)
    assert len(done) < 10_000


def test_chunks_really_run_side_by_side():
    barrier = threading.Barrier(2, timeout=10)
    run_chunks(lambda _: barrier.wait() and None, [0, 1], 2)
    assert not barrier.broken


@pytest.mark.parametrize("n_threads", [1, 3])
def test_the_caller_is_told_on_its_own_thread_how_many_chunks_are_done(n_threads):
    told = []
    run_chunks(lambda _: None, range(40), n_threads, on_done=lambda done: told.append((done, threading.get_ident())))
    assert told == [(done, threading.get_ident()) for done in range(1, 41)]


@pytest.mark.parametrize("n_threads", [1, 3])
def test_a_listener_that_raises_ends_the_work(n_threads):
    counts = []

    def refuse(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_chunks(counts.append, range(1_000_000), n_threads, on_done=refuse)
    assert len(counts) < 1_000_000


def test_thread_count_from_argument_environment_and_machine(monkeypatch):
    assert thread_count(3) == 3
    monkeypatch.setenv("RECSYS_THREADS", "5")
    assert thread_count() == 5
    monkeypatch.setenv("RECSYS_THREADS", "many")
    with pytest.raises(ArgumentError, match="RECSYS_THREADS is 'many'"):
        thread_count()
    monkeypatch.delenv("RECSYS_THREADS")
    assert thread_count() >= 1
    with pytest.raises(ArgumentError, match="n_threads is 0"):
        thread_count(0)


def test_row_chunks_cover_all_rows():
    assert row_chunks(0, 4) == []
    assert row_chunks(9, 4) == [(0, 4), (4, 8), (8, 9)]


def test_blas_is_held_to_one_thread_inside():
    import numpy as np  # noqa: F401  (loads a BLAS to hold)
    from threadpoolctl import threadpool_info

    with single_threaded_blas():
        assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} <= {1}


def test_blas_is_free_again_only_when_the_last_of_overlapping_blocks_ends():
    from threadpoolctl import ThreadpoolController

    def blas_threads():
        return [one["num_threads"] for one in ThreadpoolController().info() if one["user_api"] == "blas"]

    with ThreadpoolController().limit(limits=2, user_api="blas"):
        free = blas_threads()
        first, second = single_threaded_blas(), single_threaded_blas()
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)
        assert set(blas_threads()) == {1}
        second.__exit__(None, None, None)
        assert blas_threads() == free
        assert 2 in free
