"""Interleaved lists of two trained models into files, and what the store's events say of them."""

from __future__ import annotations

import io
import json

import polars as pl
import pytest

from recsys import experiment
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.scoring import Eligibility
from recsys.store import Store


def test_the_file_holds_what_the_library_makes_of_both_models_lists(shop, tmp_path):
    run, summary = shop.store.interleave(shop.pop, shop.als, tmp_path / "lists.parquet", k=4, seed=5)
    rows = pl.read_parquet(tmp_path / "lists.parquet")
    lists = [shop.store.load_model(each).recommend(None, 4, on_unknown="fallback") for each in (shop.pop, shop.als)]
    wanted = experiment.interleave(*lists, k=4, seed=5)
    assert rows.equals(wanted.to_polars())
    assert (summary.rows, summary.users, summary.left_out) == (len(rows), len(wanted), 0)
    assert str(summary).startswith(f"{len(rows):,} rows for {len(wanted):,} users in ")
    manifest = json.loads((tmp_path / "lists.parquet.manifest.json").read_text())
    assert manifest["model_runs"] == [shop.pop, shop.als]
    assert manifest["names"] == ["popularity", "als"]
    assert (manifest["seed"], manifest["method"], manifest["run"]) == (5, "team-draft", run.run_id)
    assert shop.store.run(run.run_id).parents == (shop.pop, shop.als)


def test_chunks_and_formats_change_nothing(shop, tmp_path, monkeypatch):
    asked = {"k": 3, "seed": 1, "method": "probabilistic"}
    shop.store.interleave(shop.pop, shop.als, tmp_path / "whole.parquet", **asked)
    monkeypatch.setattr("recsys.workflows.recommending._USERS_PER_CHUNK", 7)
    told = []
    shop.store.interleave(shop.pop, shop.als, tmp_path / "parts.csv", **asked, progress=told.append)
    stream = io.BytesIO()
    shop.store.interleave(shop.pop, shop.als, stream, **asked)
    whole = pl.read_parquet(tmp_path / "whole.parquet")
    assert len(told) > 5
    assert pl.read_csv(tmp_path / "parts.csv").cast(dict(whole.schema)).equals(whole)
    assert stream.getvalue() == (tmp_path / "parts.csv").read_bytes()


def test_no_row_breaks_the_rules(shop, tmp_path):
    shop.store.interleave(
        shop.pop, shop.als, tmp_path / "l.csv", k=5, seed=1, eligibility=Eligibility().deny([100, 112])
    )
    assert not set(pl.read_csv(tmp_path / "l.csv")["item_id"]) & {100, 112}


def test_without_a_seed_the_drawn_one_is_recorded(shop, tmp_path):
    first = shop.store.interleave(shop.pop, shop.als, tmp_path / "a.csv", k=3)
    again = shop.store.interleave(shop.pop, shop.als, tmp_path / "b.csv", k=3, seed=first.result.seed)
    other = shop.store.interleave(shop.pop, shop.als, tmp_path / "c.csv", k=3)
    assert first.result.sha256 == again.result.sha256 != other.result.sha256


@pytest.mark.parametrize("suffix", ["parquet", "csv", "jsonl"])
def test_the_analysis_reads_the_stores_events_and_is_recorded(shop, tmp_path, suffix):
    out, whole = tmp_path / f"lists.{suffix}", tmp_path / "whole.parquet"
    for path in (whole, out):
        shop.store.interleave(shop.pop, shop.als, path, k=6, seed=5)
    run, result = shop.store.analyze_interleaving(out, event="play", since="2025-02-01")
    clicks = shop.store.events(event="play", since="2025-02-01")
    wanted = experiment.analyze_interleaving(pl.read_parquet(whole), clicks)
    assert result.names == ("popularity", "als")
    assert result.per_user.equals(wanted.per_user)
    assert result.clicks.counted > 0
    kept = shop.store.run(run.run_id)
    assert kept.kind == "interleave-analysis"
    assert kept.parents == (shop.pop, shop.als)
    assert kept.result["summary"] == result.summary


def test_clicks_from_a_text_file_meet_ids_that_are_numbers(tmp_path):
    store = Store(tmp_path / "shop")
    a = pl.DataFrame({"user_id": [1, 2], "item_id": [10, 10], "rank": [1, 1]})
    lists = experiment.interleave(a, a.with_columns(item_id=pl.lit(20)), k=2, seed=1).to_polars()
    clicks = pl.DataFrame({"user_id": ["1", "2"], "item_id": ["10", "20"], "minutes": ["3.5", "x"]})
    found = store.analyze_interleaving(lists, clicks=clicks, value="minutes").result
    assert found.clicks.counted + found.clicks.nobodys == 1 or found.clicks.without_value == 1
    assert found.clicks.not_shown == 0
    assert found.clicks.without_list == 0


def test_what_is_refused(shop, tmp_path):
    out = tmp_path / "lists.csv"
    with pytest.raises(ArgumentError):
        shop.store.interleave(shop.als, shop.als, out)
    with pytest.raises(ArgumentError):
        shop.store.interleave(shop.pop, shop.als, out, method="x")
    assert not list(tmp_path.glob("*.csv*"))
    with pytest.raises(NotFoundError):
        shop.store.analyze_interleaving(out, since="2025-01-01")
    shop.store.interleave(shop.pop, shop.als, out, k=2)
    with pytest.raises(ArgumentError, match="since"):
        shop.store.analyze_interleaving(out)
    with pytest.raises(ArgumentError, match="clicks"):
        shop.store.analyze_interleaving(out, clicks={"user_id": ["u001"], "item_id": [101]}, since="2025-01-01")
    with pytest.raises(ArgumentError, match="n until after since"):
        shop.store.analyze_interleaving(out, since="2025-02-01", until="2025-01-01")
    with pytest.raises(DataError, match=r"no events of the kind 'plya'.*did you mean 'play'"):
        shop.store.analyze_interleaving(out, since="2025-01-01", event="plya")
    with pytest.raises(DataError, match="umbers were expected"):
        shop.store.analyze_interleaving(out, since="2025-01-01", value="event")
    out.write_text(out.read_text() + "u999,101,1,a,1,,team-draft\n")
    with pytest.raises(DataError, match="manifest"):
        shop.store.analyze_interleaving(out, since="2025-01-01")
