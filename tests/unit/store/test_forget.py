from __future__ import annotations

from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from recsys.core.errors import NotFoundError
from recsys.display import Axis, Chart, Series, Table, View, to_text
from recsys.store import Store
from recsys.store.named import names
from recsys.store.runs import Run, add_run

NAME = "zoe-unmistakable-name"


@pytest.fixture
def full(store: Store) -> Store:
    """A store that knows one person in every table, in rows that are out of sight too."""
    users = pl.DataFrame({"user_id": [NAME, "bob", "cy"]})
    timed = users.with_columns(item_id=pl.Series([1, 2, 3]), ts=pl.lit("2026-01-01T10:00:00Z"))
    store.ingest("items", pl.DataFrame({"item_id": [1], "title": ["one"]}))
    store.ingest("events", timed)
    store.ingest("impressions", timed.with_columns(position=pl.lit(1)))
    store.ingest("users", users.with_columns(country=pl.lit("de")))
    store.ingest("users", users[:1].with_columns(country=pl.lit("fr")))
    store.ingest(
        "exposures",
        users.select(experiment=pl.lit("e"), unit_id="user_id", variant=pl.lit("a"), ts=pl.lit("2026-01-01T10:00:00Z")),
    )
    bad = timed.with_columns(ts=pl.lit("never"))
    store.ingest("events", bad, on_bad_rows="quarantine")
    (store.path.parent / "e.csv").write_text(f"user_id,item_id\nx,1\n{NAME},1,1\n")
    extra = store.ingest("events", store.path.parent / "e.csv", on_bad_rows="quarantine")
    store.revert(store.ingest("events", timed.with_columns(item_id=pl.lit(9))).ingest_ids[0])
    assert extra.rows_bad == 1
    return store


def mentions(store: Store, text: str) -> list[str]:
    return [str(path) for path in store.path.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


def test_nothing_of_the_person_is_left_in_a_table_or_in_the_bytes(full: Store) -> None:
    assert mentions(full, NAME)
    forgotten = full.forget(NAME)
    assert forgotten.rows == {
        "events": 2,
        "exposures": 1,
        "impressions": 1,
        "quarantine": 2,
        "user_keys": 1,
        "users": 2,
    }
    assert mentions(full, NAME) == []
    with full.read() as con:
        tables = [name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        assert all(NAME not in str(con.execute(f"FROM {table}").fetchall()) for table in tables)
    assert sorted(full.events()["user_id"].to_list()) == ["bob", "cy", "x"]
    assert full.users()["user_id"].to_list() == ["bob", "cy"]
    assert sorted(path.name for path in full.path.iterdir()) == ["artifacts", "store.duckdb"]


def test_the_store_lives_on(full: Store) -> None:
    high = full.ingests().height
    full.forget(NAME)
    assert full.ingests()["kind"][0] == "forget"
    assert full.ingests().height == high + 1
    again = full.ingest("events", pl.DataFrame({"user_id": ["dan"], "item_id": [1]}))
    assert again.rows_ingested == 1
    with full.read() as con:
        assert con.execute("SELECT action, subject FROM audit").fetchall() == [("revert", "9"), ("forget", None)]
        assert con.execute("SELECT count(DISTINCT user_key), count(*) FROM user_keys").fetchall() == [(4, 4)]


def test_what_showed_the_person_does_not_survive(full: Store) -> None:
    views = {
        "title": View(f"list of user {NAME}"),
        "cell": View("lists", (Table(("user_id", "n"), ((NAME, 1),)),)),
        "chart": View(
            "days", charts=(Chart("c", Axis("user", kind="category"), Axis("n"), (Series("", "bar", (NAME,), (1,)),)),)
        ),
        "longer": View(f"{NAME}x beats pop"),
        "nobody": View("als beats pop"),
    }
    with full.write() as con:
        for name, view in views.items():
            add_run(con, Run(name, "evaluate", datetime(2026, 1, 1), {}, view=view.to_dict()))
    full.forget(NAME)
    kept = {name for name in views if full.run(name).view is not None}
    assert kept == {"longer", "nobody"}
    assert mentions(full, f'{NAME}"') == []


@pytest.mark.parametrize(
    ("view", "named"),
    [
        (View("ndcg@10 is 10 for 10 users"), False),
        (View("lists", (Table(("user", "n"), ((10, 1),)),)), True),
        (View("lists", (Table(("users", "n"), ((3, 10),)),)), False),
        (View("lists", (Table(("run", "width"), ((10, 10),)),)), False),
        (View("x", notes=("units 9, 10 have two arms",)), True),
        (View("x", notes=("10 units have two arms",)), False),
        (View("list of user 10"), True),
        (View("list of user 100"), False),
    ],
)
def test_a_number_is_an_id_only_where_something_says_so(view: View, named: bool) -> None:
    assert names(view.to_dict(), "10") is named


def test_what_knew_the_person_is_marked(full: Store) -> None:
    now = datetime(2026, 1, 1)
    with full.write() as con:
        for name, mark in (("before", 1), ("after", 4)):
            con.execute("INSERT INTO snapshots (snapshot_id, high_water, repeatable) VALUES (?, ?, true)", [name, mark])
            con.execute(
                "INSERT INTO runs (run_id, created_at, snapshot_id, artifact, repeatable) VALUES (?, ?, ?, ?, true)",
                [f"run-{name}", now, name, f"model-{name}"],
            )
        con.execute("INSERT INTO user_metrics SELECT 'run-after', user_key, 'ndcg@10', 0.5 FROM user_keys")
    forgotten = full.forget(NAME)
    assert (forgotten.snapshots, forgotten.runs, forgotten.artifacts) == (("after",), ("run-after",), ("model-after",))
    assert forgotten.to_dict()["artifacts"] == ["model-after"]
    with full.read() as con:
        assert con.execute("SELECT snapshot_id FROM snapshots WHERE repeatable").fetchall() == [("before",)]
        assert con.execute("SELECT run_id FROM runs WHERE repeatable").fetchall() == [("run-before",)]
    assert forgotten.rows["user_metrics"] == 1


def test_a_run_without_a_snapshot_is_marked_by_the_change_it_looked_at(full: Store) -> None:
    kept: list[tuple[str, dict[str, object]]] = [
        ("replay", {"log": None, "high_water": 1}),
        ("replay-learning", {"log": None, "high_water": 1}),
        ("replay-learning", {"log": "/log.csv", "high_water": None}),
        ("analysis", {"high_water": 1}),
        ("tune", {"high_water": 2}),  # says nothing by this word
    ]
    gone: list[tuple[str, dict[str, object]]] = [
        ("replay", {"log": None, "high_water": 2}),
        ("replay", {"log": "/log.csv", "high_water": 2}),  # its histories are the store's
        ("replay", {"log": None}),
        ("replay-learning", {"log": None, "high_water": 2}),
        ("replay-learning", {"log": None}),
        ("analysis", {"high_water": None}),
    ]
    with full.write() as con:
        for name, runs in (("kept", kept), ("gone", gone)):
            for number, (kind, recipe) in enumerate(runs):
                add_run(con, Run(f"{name}{number}", kind, datetime(2026, 1, 1), recipe))
    assert full.forget(NAME).runs == tuple(f"gone{number}" for number in range(len(gone)))
    with full.read() as con:
        left = con.execute("SELECT run_id FROM runs WHERE repeatable ORDER BY run_id").fetchall()
    assert left == [(f"kept{number}",) for number in range(len(kept))]


def test_backups_are_named(full: Store) -> None:
    backup = full.path / "store.v1.backup.duckdb"
    backup.write_bytes(full.database.read_bytes())
    assert full.forget(NAME).backups == (str(backup),)


def test_an_integer_id(store: Store) -> None:
    store.ingest("events", pl.DataFrame({"user_id": [1, 11], "item_id": [1, 1]}))
    store.forget(1)
    assert store.events()["user_id"].to_list() == [11]


def test_quarantined_rows_of_others_stay(store: Store, tmp_path: Path) -> None:
    """Where the person's id is an item, a value or part of another id, the row is somebody else's."""
    lines = [
        *("7,1,never", "8,7,never", "9,1,7 o'clock", "x7,7,1700000000", "seven,1,1700000000"),
        *("7,1,1700000000,more", "8,7,1700000000,more"),
    ]
    good = [f"{user},1,1700000000" for user in (7, *range(100, 900))]
    (tmp_path / "e.csv").write_text("\n".join(["user_id,item_id,ts", *good, *lines]))
    (tmp_path / "e.jsonl").write_text('{"user_id":7,"item_id":1}\n{"user_id":7,"item\n{"user_id":77,"item\n')
    store.ingest("events", tmp_path / "e.csv", on_bad_rows="quarantine")
    store.ingest("events", tmp_path / "e.jsonl", on_bad_rows="quarantine")
    forgotten = store.forget(7)
    assert forgotten.rows["quarantine"] == 2
    assert forgotten.unsure == 1
    left = " ".join(store.quarantine()["row"].to_list())
    for text in ("8", "7 o'clock", "x7", "seven", "8,7,1700000000,more"):
        assert text in left
    assert "7,1,1700000000,more" not in left.replace("8,7", "")
    text = to_text(forgotten.view())
    assert "1 quarantined line that names the id" in " ".join(text.split())


def test_an_id_that_is_none_is_forgotten_as_text(store: Store, tmp_path: Path) -> None:
    good = [f"{user},1" for user in range(500)]
    (tmp_path / "e.csv").write_text("\n".join(["member,item_id", *good, "x7,1", "x8,1"]))
    store.ingest("events", tmp_path / "e.csv", map={"user_id": "member"}, on_bad_rows="quarantine")
    assert store.forget("x7").rows == {"quarantine": 1}
    assert "x8" in store.quarantine()["row"][0]


def test_an_unknown_user(full: Store) -> None:
    with pytest.raises(NotFoundError, match="no user 'nobody'"):
        full.forget("nobody")
    assert full.ingests()["kind"][0] == "revert"


def test_a_killed_compaction_is_swept(full: Store, tmp_path: Path) -> None:
    (full.path / "store.compact.duckdb").write_bytes(b"half")
    full.forget(NAME)
    assert not (full.path / "store.compact.duckdb").exists()


def test_an_id_with_signs_that_no_view_writes_is_found_all_the_same() -> None:
    assert names(View("the list of an\x1bna").to_dict(), "an\x1bna")
    assert not names(View("the list of an ne").to_dict(), "an\x1bna")
