"""Runs: rows that are whole, ids that never meet, references, differences."""

from dataclasses import replace
from datetime import datetime

import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.times import utc_now
from recsys.store import Run, Store
from recsys.store.runs import add_run, diff, new_run_id, refuse_forgotten

RUN = Run(
    run_id="aaa1",
    kind="train",
    created_at=datetime(2026, 1, 1),
    recipe={"model": "als", "params": {"factors": 32, "alpha": None}, "cut": "2025-12-01T00:00:00"},
    seed=7,
    parents=("zzz9",),
    trained_through=datetime(2025, 12, 1),
    versions={"numpy": "2.4"},
    metrics={"ndcg@10": 0.25, "auc": None},
    result={"segments": [{"level": "warm", "estimate": float("nan")}]},
    wall_s=1.5,
    peak_rss_mb=100.25,
    artifact="f" * 64,
    warnings=("mind the gap",),
)


def put(store: Store, *runs: Run) -> None:
    with store.write() as con:
        for run in runs:
            add_run(con, run)


def test_a_run_comes_back_as_it_was(store: Store) -> None:
    put(store, RUN)
    assert store.run("aaa1") == replace(RUN, result={"segments": [{"level": "warm", "estimate": None}]})


def test_references(store: Store) -> None:
    with pytest.raises(NotFoundError, match="no run yet"):
        store.run("@latest")
    later = replace(RUN, run_id="aab2", kind="evaluate", created_at=datetime(2026, 1, 2))
    put(store, later, RUN)
    assert store.run("@latest").run_id == "aab2"
    assert store.run("@latest:train").run_id == "aaa1"
    assert store.run("aab").run_id == "aab2"
    with pytest.raises(ArgumentError, match=r"ambiguous \(aab2, aaa1\)"):
        store.run("aa")
    with pytest.raises(NotFoundError, match="no run 'b'"):
        store.run("b")
    with pytest.raises(NotFoundError, match="no run ''"):
        store.run("")
    with pytest.raises(NotFoundError, match="no compare run yet"):
        store.run("@latest:compare")
    with pytest.raises(ArgumentError, match="did you mean 'train'"):
        store.run("@latest:tran")
    with pytest.raises(NotFoundError, match="no reference '@champion'"):
        store.run("@champion")
    with pytest.raises(ArgumentError, match="run aab2 is of kind 'evaluate'"):
        store.load_model("aab2")


def test_the_list_is_newest_first(store: Store) -> None:
    both = {"models": {"als": "aaa1", "pop": "aaa0"}}
    put(store, RUN, replace(RUN, run_id="aab2", kind="compare", recipe=both, created_at=datetime(2026, 1, 2)))
    assert store.runs()["model"].to_list() == ["als, pop", "als"]
    assert store.runs(kind="train")["run_id"].to_list() == ["aaa1"]
    assert len(store.runs(limit=1)) == 1
    with pytest.raises(ArgumentError, match="kind is 'tain'"):
        store.runs(kind="tain")


def test_user_metrics_are_kept_by_key(store: Store) -> None:
    ids = ["ann", "bob"]
    store.ingest("events", pl.DataFrame({"user_id": ids, "item_id": ["a", "b"]}))
    values = pl.DataFrame({"user_id": ["bob", "ann", "eve"], "metric": "ndcg@10", "value": [0.5, float("nan"), 1.0]})
    with store.write() as con:
        add_run(con, RUN, values)
    assert store.user_metrics("aaa1").rows() == [("bob", "ndcg@10", 0.5)]


def test_a_failed_transaction_leaves_no_half_row(store: Store) -> None:
    with pytest.raises(pl.exceptions.ColumnNotFoundError), store.write() as con:
        add_run(con, RUN, pl.DataFrame({"user_id": [1]}))
    assert len(store.runs()) == 0


def test_ids_sort_by_time_and_never_meet() -> None:
    ids = [new_run_id(1_800_000_000.0 + place / 4) for place in range(200)]
    assert ids == sorted(ids)
    assert len({*ids, *(new_run_id(1_800_000_000.0) for _ in range(20))}) == 220
    assert {len(name) for name in ids} == {12}


def test_differences_are_named(store: Store) -> None:
    other = replace(RUN, run_id="aab2", recipe={**RUN.recipe, "params": {"factors": 64, "alpha": None}}, seed=None)
    put(store, RUN, other)
    assert store.diff_runs("aaa1", "aab2").rows() == [
        ("run_id", "aaa1", "aab2"),
        ("recipe.params.factors", "32", "64"),
        ("seed", "7", "null"),
    ]
    assert len(diff(RUN, RUN)) == 0


def test_a_person_forgotten_meanwhile_stops_a_job(store: Store) -> None:
    store.ingest("events", pl.DataFrame({"user_id": [1, 2], "item_id": [1, 2]}))
    began = utc_now()
    with store.read() as con:
        refuse_forgotten(con, began)
    store.forget(1)
    with store.read() as con, pytest.raises(DataError, match="a person was forgotten"):
        refuse_forgotten(con, began)
