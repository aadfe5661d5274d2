"""`recommend`: whole files or none, the right users, no denied row."""

import io
import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from recsys import workflows
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.hashing import hash_file
from recsys.core.progress import Progress
from recsys.scoring import MMR, Eligibility, EpsilonGreedy, PlackettLuce
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
    assert shop.store.run(run.run_id).metrics == {
        "rows": 240,
        "users": 60,
        "fallback_users": 0,
        "skipped": 0,
        "explored": 0,
    }
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
    assert "1 user got nothing" in str(summary)
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


def _things_that_are_no_files(folder: Path) -> dict[str, Path]:
    """A pipe, a folder, links to them, a link to nothing, links in a circle."""
    os.mkfifo(folder / "pipe")
    (folder / "folder").mkdir()
    for name, target in {
        "to_pipe": "pipe",
        "to_folder": "folder",
        "astray": "none",
        "one": "two",
        "two": "one",
    }.items():
        (folder / name).symlink_to(target)
    return {name: folder / name for name in ("pipe", "folder", "to_pipe", "to_folder", "astray", "one")}


@pytest.mark.parametrize("suffix", ["", ".manifest.json"])
def test_only_regular_files_are_replaced(shop: Shop, tmp_path: Path, suffix: str) -> None:
    place = tmp_path / "place"
    place.mkdir()
    for thing in _things_that_are_no_files(place).values():
        before = thing.lstat().st_mode
        out = thing
        if suffix:  # what stands where the manifest would go
            out = thing.with_name(f"{thing.name}.csv")
            thing = thing.rename(f"{out}{suffix}") if not thing.is_symlink() else _linked(thing, Path(f"{out}{suffix}"))
        with pytest.raises(ArgumentError, match=r"--out -"):
            shop.store.recommend(shop.als, out, format="csv")
        assert thing.lstat().st_mode == before
        assert suffix == "" or not out.exists()
    assert not [path for path in place.iterdir() if ".part" in path.name]


def _linked(link: Path, name: Path) -> Path:
    name.symlink_to(link)
    return name


def test_a_link_keeps_pointing_at_the_file_that_is_written(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "real.csv").write_text("older")
    (tmp_path / "link.csv").symlink_to("deep/real.csv")
    shop.store.recommend(shop.als, tmp_path / "link.csv", k=1)
    assert (tmp_path / "link.csv").is_symlink()
    assert len(pl.read_csv(tmp_path / "deep" / "real.csv")) == 60
    manifest = json.loads((tmp_path / "deep" / "real.csv.manifest.json").read_text())
    assert manifest["file"] == "real.csv"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_rows_go_to_a_stream_as_they_come(
    shop: Shop, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recommending, "_USERS_PER_CHUNK", 7)
    stream = io.BytesIO()
    run, summary = shop.store.recommend(shop.als, stream, k=2, format=kind)
    shop.store.recommend(shop.als, tmp_path / f"recs.{kind}", k=2)
    assert stream.getvalue() == (tmp_path / f"recs.{kind}").read_bytes()
    assert summary.sha256 == hash_file(tmp_path / f"recs.{kind}")
    assert (summary.out, summary.manifest, run.recipe["out"]) == ("-", None, "-")
    assert str(summary) == "120 rows for 60 users"
    with pytest.raises(ArgumentError, match="format is 'parquet'"):
        shop.store.recommend(shop.als, stream, format="parquet")


@pytest.mark.parametrize("which", ["candidate", "refit"])
def test_history_now_gives_nothing_twice_and_keeps_the_quiet_served(shop: Shop, tmp_path: Path, which: str) -> None:
    """Active users get nothing that they had before or since; the others are still served by the model."""
    run = shop.store.train("itemknn", holdout="2d").run.run_id if which == "candidate" else shop.served
    fresh = {"u001": 120, "u004": 101}
    play(shop.store, *fresh.items())
    out = tmp_path / "recs.parquet"
    shop.store.recommend(run, out, k=24, history="now")
    now = pl.read_parquet(out)
    had = shop.store.events().select("user_id", "item_id").unique()
    trained = shop.store.load_model(run)
    through = shop.store.run(run).trained_through
    active = set(shop.store.events().filter(pl.col("ts") > through)["user_id"])
    quiet = set(trained.users_.ids) - active
    assert set(fresh) <= active
    mine = now.filter(pl.col("user_id").is_in(list(active)))
    assert mine.join(had, on=["user_id", "item_id"]).is_empty()
    assert set(mine["source"]) == {"model"}
    if which == "refit":
        assert active == set(fresh)
    assert quiet
    before = trained.recommend(sorted(quiet), k=24).to_polars()
    assert now.filter(pl.col("user_id").is_in(list(quiet))).equals(before)
    assert now.join(had, on=["user_id", "item_id"]).is_empty()


@pytest.fixture
def sparse(tmp_path: Path) -> tuple[Store, str, str]:
    """A store where ``cold`` came in the held-out days; a candidate and its refit."""
    from .conftest import taste_log

    store = Store(tmp_path / "sparse")
    store.ingest("events", taste_log())
    play(store, ("cold", 100), ts=datetime(2025, 2, 8))
    candidate = store.train("popularity", holdout="10d").run.run_id
    return store, candidate, store.refit(candidate).run.run_id


def test_everybody_is_everybody(sparse: tuple[Store, str, str], tmp_path: Path) -> None:
    store, candidate, _ = sparse
    out = tmp_path / "recs.parquet"
    _, summary = store.recommend(candidate, out, k=2)
    found = pl.read_parquet(out)
    assert summary.users == found["user_id"].n_unique() == 61
    assert found.filter(pl.col("user_id") == "cold")["source"].to_list() == ["fallback", "fallback"]
    assert (summary.fallback_users, summary.skipped) == (1, 0)
    _, summary = store.recommend(candidate, out, k=2, on_unknown="skip")
    assert (summary.users, summary.skipped) == (60, 1)


def test_whoever_was_forgotten_gets_no_list(sparse: tuple[Store, str, str], tmp_path: Path) -> None:
    store, candidate, served = sparse
    store.forget("u003")
    out = tmp_path / "recs.parquet"
    for run in (candidate, served):
        done, summary = store.recommend(run, out, k=2)
        assert "u003" not in pl.read_parquet(out)["user_id"]
        assert summary.users == 60
        assert done.warnings[0].startswith(f"1 forgotten user left out: run {run}")
    _, summary = store.recommend(served, out, users=["u003", "u004", "ghost"], k=2)
    assert set(pl.read_parquet(out)["user_id"]) == {"u004", "ghost"}
    shown = workflows.look(store, served, ["u003"], k=2)
    assert len(shown.frame) == 0
    assert "forgotten" in shown.warnings[0]
    with pytest.raises(NotFoundError, match="'u003'.*forgotten"):
        workflows.explain(store, served, "u003", 100)


def test_a_look_at_those_who_changed_if_they_are_few(shop: Shop) -> None:
    play(shop.store, ("u001", 101), ("u002", 102))
    found = workflows.look(shop.store, shop.als, since=LATER, k=1)
    assert found.frame["user_id"].to_list() == ["u001", "u002"]
    assert found.view().title == "lists of 2 users"
    assert workflows.look(shop.store, shop.als, ["u001"], k=1).view().title == "list of user u001"
    with pytest.raises(ArgumentError, match=r"60 users were asked for.*--out"):
        workflows.look(shop.store, shop.als, k=1)


def with_genres(shop: Shop) -> None:
    items = pl.DataFrame({"item_id": range(100, 124)})
    genres = pl.col("item_id").map_elements(lambda item: f"g{item % 4}|h{item % 3}", pl.String)
    shop.store.ingest("items", items.with_columns(genres.alias("genres"), title=pl.lit("some title")))


def test_drawn_lists_carry_propensities_and_the_manifest_the_policy(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_genres(shop)
    out, rules = tmp_path / "recs.parquet", Eligibility().deny([100, 101, 115])
    policy = {"rerank": MMR(0.3, attribute="genres"), "explore": EpsilonGreedy(0.5, seed=7)}
    run, summary = shop.store.recommend(shop.als, out, k=5, eligibility=rules, **policy)
    found, manifest = pl.read_parquet(out), json.loads((tmp_path / "recs.parquet.manifest.json").read_text())
    drawn = ["propensity_position", "propensity_slate", "propensity_given_above"]
    assert found.columns == manifest["columns"] == COLUMNS + drawn
    assert not found["item_id"].is_in([100, 101, 115]).any()
    explored = int((found["source"] == "exploration").sum())
    assert summary.explored == explored > 0
    assert f"{explored:,} rows explored" in str(summary)
    assert manifest["policy"] == run.recipe["policy"]
    assert manifest["policy"]["explore"] == {"name": "epsilon-greedy", "epsilon": 0.5, "pool": 100, "seed": 7}
    assert manifest["policy"]["rerank"]["attribute"] == "genres"
    monkeypatch.setattr(recommending, "_USERS_PER_CHUNK", 7)
    shop.store.recommend(shop.als, tmp_path / "again.parquet", k=5, eligibility=rules, **policy)
    assert pl.read_parquet(tmp_path / "again.parquet").equals(found)


def test_drawn_lists_are_shown_in_one_table_of_80_columns(shop: Shop) -> None:
    with_genres(shop)
    found = workflows.look(shop.store, shop.als, ["u001", "u002"], k=3, explore=EpsilonGreedy(0.5, seed=7))
    text = repr(found)
    assert text.count("item_id") == 1
    assert max(map(len, text.splitlines())) <= 80
    (table,) = found.view().tables
    assert table.columns[-3:] == ("p_position", "p_slate", "p_given_above")
    assert any(note.startswith("p: propensity") for note in found.view().notes)
    assert "propensity_slate" in found.to_polars().columns


def test_a_seed_that_was_drawn_is_recorded(shop: Shop, tmp_path: Path) -> None:
    first = shop.store.recommend(shop.als, tmp_path / "a.csv", explore=PlackettLuce(3.0)).run
    seed = first.recipe["policy"]["explore"]["seed"]
    shop.store.recommend(shop.als, tmp_path / "b.csv", explore=PlackettLuce(3.0, seed=seed))
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()


def test_an_empty_file_has_the_columns_of_a_draw(shop: Shop, tmp_path: Path) -> None:
    shop.store.recommend(shop.als, tmp_path / "recs.csv", since="2030-01-01", explore=EpsilonGreedy(0.1))
    header = ",".join([*COLUMNS, "propensity_position", "propensity_slate", "propensity_given_above"])
    assert (tmp_path / "recs.csv").read_text() == header + "\n"


def test_a_look_at_drawn_lists(shop: Shop) -> None:
    lists = workflows.look(shop.store, shop.als, ["u001"], explore=EpsilonGreedy(1.0, seed=1))
    assert "another item than the best one left" in lists.view().notes[0]


def test_drawn_lists_that_were_shown_are_impressions(shop: Shop, tmp_path: Path) -> None:
    shop.store.recommend(shop.als, tmp_path / "recs.parquet", k=5, explore=EpsilonGreedy(0.5, seed=7))
    shown = pl.read_parquet(tmp_path / "recs.parquet").with_columns(ts=LATER, policy=pl.lit("als, epsilon 0.5"))
    taken = shop.store.ingest("impressions", shown, map={"position": "rank"})
    assert (taken.rows_ingested, taken.rows_bad) == (len(shown), 0)
