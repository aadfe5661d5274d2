import threading
import tracemalloc

import numpy as np
import polars as pl
import pytest
import scipy.sparse as sp

from recsys.core.errors import ArgumentError
from recsys.scoring import Eligibility
from recsys.simulation import simulate
from recsys.simulation import simulation as module


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def small_parts(monkeypatch):
    monkeypatch.setattr(module, "PART_ROWS", 1000)


def test_the_same_seed_writes_the_same_bytes_whatever_the_threads(tmp_path, small_parts):
    service = simulate(users=2500, items=40, days=6)
    first = service.write(tmp_path / "one", n_threads=1)
    second = simulate(users=2500, items=40, days=6).write(tmp_path / "two", n_threads=3)
    assert contents(first.folder) == contents(second.folder)
    assert first[1:] == second[1:]
    assert len(list((first.folder / "events").iterdir())) == 3


def test_files_batches_and_frames_hold_the_same_rows(tmp_path, small_parts):
    service = simulate(users=2500, items=40, days=6)
    written = service.write(tmp_path / "out")
    blocks = pl.concat(service.iter_events())
    assert pl.read_parquet(written.folder / "events" / "*.parquet").equals(blocks)
    assert pl.concat(service.iter_events(batch_rows=777)).equals(blocks)
    assert {len(batch) for batch in service.iter_events(batch_rows=777)} == {777, len(blocks) % 777}
    assert service.events().equals(blocks.sort("ts", maintain_order=True))
    shown = pl.read_parquet(written.folder / "impressions" / "*.parquet")
    assert shown.equals(pl.concat(service.iter_impressions(batch_rows=10_000)))
    assert (written.events, written.impressions) == (len(blocks), len(shown))
    assert pl.read_parquet(written.folder / "items.parquet").equals(service.items())
    assert pl.read_parquet(written.folder / "users.parquet").equals(service.users())
    assert not list(written.folder.rglob("*.part"))


def test_memory_does_not_grow_with_the_log(tmp_path, small_parts):
    def peak(users, name):
        service = simulate(users=users, items=40, days=6)
        tracemalloc.start()
        service.write(tmp_path / name)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(1024, "warm")
    assert peak(12 * 1024, "long") < 1.3 * peak(2 * 1024, "short")


def test_progress_is_told_on_the_callers_thread(tmp_path, small_parts):
    told, threads = [], set()

    def listen(step):
        told.append(step)
        threads.add(threading.get_ident())

    written = simulate(users=2500, items=40, days=6).write(tmp_path / "out", n_threads=3, progress=listen)
    assert threads == {threading.get_ident()}
    assert [step.done for step in told] == [1, 2, 3]
    assert told[-1].total == 3
    assert told[-1].values["events"] == written.events


def test_a_folder_in_use_is_refused(tmp_path):
    (tmp_path / "precious").write_text("x")
    with pytest.raises(ArgumentError, match="not empty"):
        simulate(users=10, items=20, days=2).write(tmp_path)


def test_without_impressions(tmp_path):
    service = simulate(users=50, items=20, days=10, impressions=False)
    assert service.events()["request_id"].is_null().all()
    assert not (service.write(tmp_path / "out").folder / "impressions").exists()
    with pytest.raises(ArgumentError, match="impressions=True"):
        service.impressions()
    with pytest.raises(ArgumentError, match="impressions=True"):
        service.truth.logging_value()
    assert service.truth.policy_value(service.truth.ideal_policy()) > 0


def test_there_are_cold_users_and_cold_items():
    service = simulate(users=800, items=200, days=40)
    events = service.events()
    cut = events["ts"].min() + (events["ts"].max() - events["ts"].min()) * 0.75
    before, after = events.filter(pl.col("ts") < cut), events.filter(pl.col("ts") >= cut)
    for column in ("user_id", "item_id"):
        cold = set(after[column]) - set(before[column])
        assert len(cold) > 0.01 * before[column].n_unique()


def test_personal_recommendations_beat_popularity_by_a_wide_margin():
    service = simulate(users=1500, items=300, days=60)
    plays = service.events().filter(pl.col("event") == "play")
    cut = plays["ts"].max() - pl.duration(days=14)
    train, test = (
        as_matrix(plays.filter(condition), 1500, 300) for condition in (pl.col("ts") < cut, pl.col("ts") >= cut)
    )
    test = (test - test.multiply(train)).tocsr()
    popular = np.tile(np.asarray(train.sum(axis=0)).ravel(), (1500, 1))
    left, values, right = sp.linalg.svds(train, k=20, random_state=1)
    personal = (left * values) @ right
    assert recall(personal, train, test) > 1.6 * recall(popular, train, test)
    lift = service.truth.lift(lists(personal, train), lists(popular, train))
    assert 0.2 < lift.relative < 3


def as_matrix(frame, n_users, n_items):
    places = (frame["user_id"].to_numpy() - 1, frame["item_id"].to_numpy() - 1)
    matrix = sp.csr_array((np.ones(len(frame)), places), (n_users, n_items))
    return (matrix > 0).astype(float).tocsr()


def top_ten(scores, train):
    return np.argsort(-np.where(train.toarray() > 0, -np.inf, scores), axis=1, kind="stable")[:, :10]


def recall(scores, train, test):
    hits = np.take_along_axis(test.toarray() > 0, top_ten(scores, train), axis=1).sum(axis=1)
    relevant = (test > 0).sum(axis=1)
    users = (relevant > 0) & ((train > 0).sum(axis=1) > 0)
    return (hits[users] / relevant[users]).mean()


def lists(scores, train):
    top = top_ten(scores, train)
    n = len(top)
    return pl.DataFrame(
        {
            "user_id": np.repeat(np.arange(1, n + 1), 10),
            "item_id": top.ravel() + 1,
            "rank": np.tile(np.arange(1, 11), n),
        }
    )


def test_availability_is_what_eligibility_takes():
    service = simulate(users=40, items=60, days=20)
    rules = Eligibility().available(service.availability(), by="country")
    shown = service.impressions().sample(500, seed=1).join(service.users(), on="user_id")
    people = service.users()
    for row in shown.head(50).iter_rows(named=True):
        forbidden = rules.forbids([row["user_id"]], [row["item_id"]], user_attributes=people, at=row["ts"])
        assert not forbidden.any()
    hidden = service.items().filter(~pl.col("countries").str.contains("US"))["item_id"]
    american = people.filter(pl.col("country") == "US")["user_id"][0]
    assert rules.forbids([american] * len(hidden), hidden, user_attributes=people, at="2026-01-20").all()
