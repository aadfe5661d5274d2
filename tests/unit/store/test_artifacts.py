"""Artefacts: named by content, whole or absent, swept when no run names them."""

import os
import time
from datetime import datetime

import pytest

from recsys.core.errors import DataError, NotFoundError
from recsys.dataset import Dataset
from recsys.models import Popularity
from recsys.store import Run, Store
from recsys.store.artifacts import find_orphans, load_artifact, save_artifact, sweep_orphans
from recsys.store.runs import add_run

DATA = Dataset.from_frame({"user_id": [1, 1, 2], "item_id": ["a", "b", "a"]})


@pytest.fixture
def name(store: Store) -> str:
    return save_artifact(store.artifacts, Popularity().fit(DATA))


def age(store: Store, name: str, hours: float) -> None:
    then = time.time() - hours * 3600
    os.utime(store.artifacts / name, (then, then))


def test_a_model_comes_back(store: Store, name: str) -> None:
    assert [path.name for path in store.artifacts.iterdir()] == [name]
    assert load_artifact(store.artifacts, name).recommend([2], 1).to_polars()["item_id"].to_list() == ["b"]


def test_equal_models_are_kept_once_and_grow_young(store: Store, name: str) -> None:
    age(store, name, 5)
    assert save_artifact(store.artifacts, Popularity().fit(DATA)) == name
    assert find_orphans(store) == []
    assert len(list(store.artifacts.iterdir())) == 1


def test_another_model_has_another_name(store: Store, name: str) -> None:
    assert save_artifact(store.artifacts, Popularity(half_life=None).fit(DATA.keep(DATA.item_codes == 0))) != name


def test_a_failed_save_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    model = Popularity().fit(DATA)
    model.odd_ = object()  # type: ignore[attr-defined]  # nothing that an artefact can hold
    with pytest.raises(Exception, match="odd_"):
        save_artifact(store.artifacts, model)
    assert list(store.artifacts.iterdir()) == []


def test_changed_or_missing_files_are_refused(store: Store, name: str) -> None:
    with pytest.raises(NotFoundError, match="artefact 000000000000 is not in"):
        load_artifact(store.artifacts, "0" * 64)
    array = store.artifacts / name / "item_factors_.npy"
    array.write_bytes(array.read_bytes()[:-1] + b"\x01")
    with pytest.raises(DataError, match="item_factors_.npy"):
        load_artifact(store.artifacts, name)
    manifest = store.artifacts / name / "manifest.json"
    manifest.write_text(manifest.read_text() + " ")
    with pytest.raises(DataError, match="manifest of artefact"):
        load_artifact(store.artifacts, name)


def test_only_old_and_unnamed_artefacts_are_swept(store: Store, name: str) -> None:
    assert find_orphans(store) == []  # a job may still be about to write its row
    age(store, name, 2)
    (store.artifacts / ".draft-1").mkdir()
    age(store, ".draft-1", 2)
    assert {orphan.path.name for orphan in find_orphans(store)} == {name, ".draft-1"}
    with store.write() as con:
        add_run(con, Run("r1", "train", datetime(2026, 1, 1), {}, artifact=name))
    swept = sweep_orphans(store)
    assert [orphan.path.name for orphan in swept] == [".draft-1"]
    assert [path.name for path in store.artifacts.iterdir()] == [name]
