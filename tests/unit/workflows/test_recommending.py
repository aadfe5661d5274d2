"""`recommend`: whole files or none, the right users, no denied row."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from recsys import workflows
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.hashing import hash_file
from recsys.core.progress import Progress
from recsys.scoring import Eligibility
from recsys.store import Store
from recsys.workflows import recommending

from .conftest import Shop

COLUMNS = ["user_id", "item_id", "rank", "score", "source"]
LATER = datetime(2025, 2, 20)


def play(store: Store, *pairs: tuple[str, int], ts: datetime = LATER) -> None:
    users, items = zip(*pairs, strict=True)
    frame = pl.DataFrame({"user_id": users, "item_id": items, "ts": ts, "event": "play", "value": 1.0})
    store.ingest("events", frame.with_columns(pl.col("ts") + pl.duration(seconds=pl.int_range(len(frame)))))


def test_everybody_gets_what_the_model_recommends(shop: Shop, tmp_path: Path) -> None:
    run, summary = shop.store.recommend(shop.als, tmp_path / "recs.parquet", k=4)
    found = pl.read_parquet(tmp_path / "recs.parquet")
    assert found.columns == COLUMNS
    assert found.equals(shop.store.load_model(shop.als).recommend(k=4).to_polars())
    assert summary.rows == len(found) == 240
    assert summary.users == 60
    assert shop.store.run(run.run_id).metrics == {"rows": 240, "users": 60, "fallback_users": 0, "skipped": 0}
    assert "240 rows for 60 users" in str(summary)


@pytest.mark.parametrize("users_per_chunk", [1, 7, 60])
@pytest.mark.parametrize("name", ["recs.parquet", "recs.csv", "recs.jsonl"])
def test_chunks_and_formats_change_nothing(
    shop: Shop, tmp_path: Path, name: str, users_per_chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recommending, "_USERS_PER_CHUNK", users_per_chunk)
    heard: list[Progress] = []
    play(shop.store, ("new", 101), ("u001", 102))
    shop.store.recommend(shop.als, tmp_path / name, k=3, history="now", progress=heard.append)
    read = {"parquet": pl.read_parquet, "csv": pl.read_csv, "jsonl": pl.read_ndjson}[name.split(".")[1]]
    monkeypatch.undo()
    shop.store.recommend(shop.als, tmp_path / "whole.parquet", k=3, history="now")
    whole = pl.read_parquet(tmp_path / "whole.parquet")
    found = read(tmp_path / name).cast(dict(whole.schema))
    assert found.drop("score").equals(whole.drop("score"))
    assert (found["score"] - whole["score"]).abs().max() < 1e-6
    assert (heard[-1].done, heard[-1].total) == (61, 61)


def test_the_manifest_stands_beside_it(shop: Shop, tmp_path: Path) -> None:
    run, summary = shop.store.recommend(shop.als, tmp_path / "recs.csv", k=2)
    manifest = json.loads((tmp_path / "recs.csv.manifest.json").read_text())
    assert manifest["sha256"] == summary.sha256 == hash_file(tmp_path / "recs.csv")
    assert (manifest["run"], manifest["model_run"]) == (run.run_id, shop.als)
    assert (manifest["rows"], manifest["users"], manifest["k"]) == (120, 60, 2)
    assert manifest["columns"] == COLUMNS
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["recs.csv", "recs.csv.manifest.json"]


def test_a_failure_leaves_the_older_file(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "recs.parquet"
    out.write_text("older")
    monkeypatch.setattr(recommending, "_USERS_PER_CHUNK", 20)

    def stop(step: Progress) -> None:
        if step.done == 40:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.store.recommend(shop.als, out, progress=stop)
    assert out.read_text() == "older"
    assert {path.name for path in tmp_path.iterdir()} == {"recs.parquet", "shop"}
    assert len(shop.store.runs(kind="recommend")) == 0


def test_some_users_in_the_order_asked_for(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "recs.parquet"
    _, summary = shop.store.recommend(shop.als, out, k=1, users=["u009", "ghost", "u002", "u009"])
    found = pl.read_parquet(out)
    assert found["user_id"].to_list() == ["u009", "ghost", "u002"]
    assert found["source"].to_list() == ["model", "fallback", "model"]
    assert summary.fallback_users == 1
    _, summary = shop.store.recommend(shop.als, out, k=1, users=["u009", "ghost"], on_unknown="skip")
    assert (summary.users, summary.skipped) == (1, 1)
    assert "1 users got nothing" in str(summary)
    with pytest.raises(NotFoundError, match="'ghost'"):
        shop.store.recommend(shop.als, out, users=["ghost"], on_unknown="raise")


def test_changed_users_and_their_new_histories(shop: Shop, tmp_path: Path) -> None:
    out = tmp_path / "recs.parquet"
    before = shop.store.load_model(shop.served).recommend(["u001"], 24).to_polars()
    target = int(before["item_id"][0])
    play(shop.store, ("u001", target), ("new", 100), ("new", 103))
    _, summary = shop.store.recommend(shop.served, out, k=24, since=LATER, history="now")
    found = pl.read_parquet(out)
    assert set(found["user_id"]) == {"u001", "new"}
    assert set(found["source"]) == {"model"}
    assert target not in found.filter(pl.col("user_id") == "u001")["item_id"]
    assert not {100, 103} & set(found.filter(pl.col("user_id") == "new")["item_id"])
    assert summary.users == 2
    shop.store.recommend(shop.served, out, since=LATER)
    assert pl.read_parquet(out).filter(pl.col("user_id") == "new")["source"].unique().to_list() == ["fallback"]


def test_rows_that_arrive_late_count_as_new(shop: Shop, tmp_path: Path) -> None:
    play(shop.store, ("late", 104), ts=datetime(2025, 1, 2))
    shop.store.recommend(shop.served, tmp_path / "recs.parquet", k=2, history="now")
    found = pl.read_parquet(tmp_path / "recs.parquet").filter(pl.col("user_id") == "late")
    assert found["source"].to_list() == ["model", "model"]


def test_nobody_is_an_empty_file(shop: Shop, tmp_path: Path) -> None:
    for name in ("recs.parquet", "recs.csv"):
        run, summary = shop.store.recommend(shop.als, tmp_path / name, since="2030-01-01")
        assert summary.rows == 0
        assert "nobody was asked for" in run.warnings[0]
    assert pl.read_parquet(tmp_path / "recs.parquet").columns == COLUMNS
    assert (tmp_path / "recs.csv").read_text() == ",".join(COLUMNS) + "\n"


def test_no_denied_row_is_written(shop: Shop, tmp_path: Path) -> None:
    rules = Eligibility().deny_group(range(100, 112), by="country", values=["SE"])
    play(shop.store, ("new", 113))
    shop.store.ingest("users", pl.DataFrame({"user_id": ["new", "u001"], "country": ["SE", "SE"]}))
    out = tmp_path / "recs.parquet"
    shop.store.recommend(shop.als, out, k=24, history="now", users=["u000", "u001", "new"], eligibility=rules)
    found = pl.read_parquet(out)
    assert found["user_id"].n_unique() == 3
    assert found["item_id"].min() >= 112
    assert found.filter(pl.col("user_id") == "new")["source"][0] == "model"


def test_the_second_check_is_independent(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = shop.store.load_model(shop.als)
    monkeypatch.setattr(type(model), "recommend", _careless(type(model).recommend))
    runs = len(shop.store.runs())
    with pytest.raises(DataError, match="rows break the eligibility"):
        shop.store.recommend(shop.als, tmp_path / "recs.parquet", eligibility=Eligibility().deny([100, 101]))
    assert not (tmp_path / "recs.parquet").exists()
    assert len(shop.store.runs()) == runs


def _careless(recommend):  # type: ignore[no-untyped-def]  # wraps whatever the method is
    def without_rules(self, *args, **options):  # type: ignore[no-untyped-def]
        return recommend(self, *args, **{**options, "eligibility": None})

    return without_rules


def test_rules_with_time_windows_ask_the_clock(shop: Shop, tmp_path: Path) -> None:
    now = datetime.now(UTC).replace(tzinfo=None)
    windows = pl.DataFrame(
        {"item_id": [100, 101], "from": [now - timedelta(1), now + timedelta(1)], "until": [None, None]},
        schema_overrides={"until": pl.Datetime("us")},
    )
    rules = Eligibility().available(windows)
    out = tmp_path / "recs.parquet"
    shop.store.recommend(shop.als, out, users=["ghost"], eligibility=rules)
    assert pl.read_parquet(out)["item_id"].to_list() == [100]
    shop.store.recommend(shop.als, out, users=["ghost"], eligibility=rules, at=now + timedelta(2))
    assert set(pl.read_parquet(out)["item_id"]) == {100, 101}


def test_mistakes_are_answered(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"recs.xlsx.*\.parquet, \.csv"):
        shop.store.recommend(shop.als, tmp_path / "recs.xlsx")
    with pytest.raises(ArgumentError, match="format is 'xml'"):
        shop.store.recommend(shop.als, tmp_path / "recs", format="xml")
    with pytest.raises(NotFoundError, match="there is no folder"):
        shop.store.recommend(shop.als, tmp_path / "nowhere" / "recs.csv")
    with pytest.raises(ArgumentError, match="a folder"):
        shop.store.recommend(shop.als, tmp_path, format="csv")
    with pytest.raises(ArgumentError, match="k is 0"):
        shop.store.recommend(shop.als, tmp_path / "recs.csv", k=0)
    with pytest.raises(ArgumentError, match="users is 'u001'|user_id is 'u001'"):
        shop.store.recommend(shop.als, tmp_path / "recs.csv", users="u001")
    with pytest.raises(ArgumentError, match="history is 'all'"):
        shop.store.recommend(shop.als, tmp_path / "recs.csv", history="all")


def test_a_look_shows_titles_and_says_fallback(shop: Shop) -> None:
    found = workflows.look(shop.store, shop.als, ["u001", "ghost"], k=2)
    assert found.to_polars().columns == ["user_id", "item_id", "title", "rank", "score", "source"]
    assert found.frame["title"][0] == f"Title {found.frame['item_id'][0]}"
    assert "fallback: 1 without training events" in repr(found)
    assert len(shop.store.runs(kind="recommend")) == 0
