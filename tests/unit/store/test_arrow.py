from __future__ import annotations

import subprocess
import sys
import textwrap

import duckdb
import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from recsys.store.arrow import fetch_frame, offered

FRAME = pl.DataFrame(
    {
        "i": pl.Series([1, None, 3], dtype=pl.Int32),
        "f": pl.Series([0.5, float("nan"), None], dtype=pl.Float32),
        "t": pl.Series(["ä", None, ""], dtype=pl.String),
        "at": pl.Series([0, None, 10**15], dtype=pl.Datetime("us")),
        "l": pl.Series([[1, 2], [], None], dtype=pl.List(pl.Int64)),
        "b": pl.Series([True, None, False]),
    }
)


@pytest.mark.parametrize(
    "frame",
    [FRAME, FRAME[1:], FRAME[:0], pl.concat([FRAME, FRAME[1:2]], rechunk=False), FRAME.reverse()[::2]],
    ids=["whole", "sliced", "empty", "chunked", "strided"],
)
def test_a_frame_comes_back_as_it_went_in(frame: pl.DataFrame) -> None:
    con = duckdb.connect()
    with offered(con, "given", frame) as name:
        assert_frame_equal(fetch_frame(con, f"SELECT * FROM {name}"), frame)
    with pytest.raises(duckdb.CatalogException):
        con.execute("SELECT * FROM given")


def test_embeddings_keep_their_bits() -> None:
    vectors = np.random.default_rng(7).normal(size=(5, 64)).astype(np.float32)
    con = duckdb.connect()
    with offered(con, "given", pl.DataFrame({"v": vectors})) as name:
        back = fetch_frame(con, f"SELECT v::FLOAT[64] AS v FROM {name}")
    assert np.array_equal(back["v"].to_numpy(), vectors)


def test_parameters() -> None:
    assert fetch_frame(duckdb.connect(), "SELECT $a AS a", {"a": 3})["a"].to_list() == [3]


BODIES = {
    "quiet": "fetch_frame(con, 'SELECT 1 AS a')",
    "open connection at exit": "frame = fetch_frame(con, 'SELECT 1 AS a'); relation = con.sql('SELECT 2')",
    "failed query": """
        try:
            fetch_frame(con, "SELECT CASE WHEN range = 100000 THEN 'x' ELSE '1' END::INTEGER FROM range(200000)")
        except Exception:
            pass
    """,
    "frame left registered": "con.register('given', ArrowStream(pl.DataFrame({'a': [1]}))); con.execute('FROM given')",
    "threads": """
        import threading
        work = lambda: fetch_frame(con.cursor(), 'SELECT 1 AS a')
        threads = [threading.Thread(target=work) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    """,
    "exit in the middle": "fetch_frame(con, 'SELECT 1 AS a'); raise SystemExit(0)",
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_nothing_is_printed_on_stderr_at_exit(body: str) -> None:
    head = (
        "import duckdb, polars as pl\nfrom recsys.store.arrow import ArrowStream, fetch_frame\ncon = duckdb.connect()\n"
    )
    done = subprocess.run([sys.executable, "-c", head + textwrap.dedent(body)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
