from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.sparse import csr_array

from recsys.core.errors import ArgumentError, DataError
from recsys.core.hashing import canonical_json, hash_arrays
from recsys.dataset import Label, Vocabulary
from recsys.models.artefacts import _read, read_artefact, read_name, write_artefact

STATE = {
    "array_": np.arange(6, dtype=np.int32).reshape(2, 3),
    "csr_": csr_array(np.float32([[0, 2], [0, 0]])),
    "numbers_": Vocabulary.from_ids([5, -3, 2**40]),
    "texts_": Vocabulary.from_ids(["ä", "b", "日本", ""]),
    "none_ids_": Vocabulary.from_ids([]),
    "frame_": pl.DataFrame({"country": ["SE", None], "age": [1, 2]}),
    "label_": Label(aggregate="max", cap=3.0),
    "through_": 1_700_000_000_000_000,
    "nothing_": None,
}


def test_every_kind_of_state_comes_back(tmp_path: Path) -> None:
    folder = write_artefact(tmp_path / "a" / "m", "toy", {"factors": 3, "alpha": None}, STATE)
    name, params, state = read_artefact(folder)
    assert (name, params, read_name(folder)) == ("toy", {"factors": 3, "alpha": None}, "toy")
    assert state["array_"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert state["csr_"].toarray().tolist() == [[0, 2], [0, 0]]
    assert state["frame_"].equals(STATE["frame_"])
    for key in ("numbers_", "texts_", "none_ids_", "label_", "through_", "nothing_"):
        assert state[key] == STATE[key]


def test_equal_frames_are_equal_files_however_they_came_about(tmp_path: Path) -> None:
    texts = [f"a title that is too long to be kept inline {place}" for place in range(200)]
    missing = pl.Series([place % 3 == 0 for place in range(200)])
    plain = pl.DataFrame(
        {
            "title": [None if gone else text for gone, text in zip(missing, texts, strict=True)],
            "year": [None if gone else year for gone, year in zip(missing, range(200), strict=True)],
        }
    )
    masked = pl.select(  # values stay in memory under the nulls
        title=pl.when(missing).then(None).otherwise(pl.Series(texts)),
        year=pl.when(missing).then(None).otherwise(pl.Series(range(200))),
    )
    pieces = pl.concat([plain[150:], masked[:150]], rechunk=False)[[*range(50, 200), *range(50)]]
    frames = (plain, masked, pieces)
    assert all(frame.equals(plain) for frame in frames)
    folders = [write_artefact(tmp_path / str(n), "toy", {}, {"frame_": one}) for n, one in enumerate(frames)]
    assert len({(folder / "manifest.json").read_bytes() for folder in folders}) == 1  # it holds all checksums


def test_frames_saved_as_arrow_are_read(tmp_path: Path) -> None:
    frame = STATE["frame_"]
    assert isinstance(frame, pl.DataFrame)
    frame.write_ipc(tmp_path / "frame_.arrow")
    assert _read(tmp_path, "frame_", {"kind": "frame"}).equals(frame)


def test_arrays_are_mapped_and_cannot_be_written(tmp_path: Path) -> None:
    state = read_artefact(write_artefact(tmp_path / "m", "toy", {}, STATE))[2]
    with pytest.raises(ValueError, match="read-only"):
        state["array_"][0, 0] = 9


def test_nothing_is_left_of_a_failed_write(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="odd_ is a set"):
        write_artefact(tmp_path / "m", "toy", {}, {"array_": np.zeros(2), "odd_": {1}})
    assert list(tmp_path.iterdir()) == []


def test_objects_are_not_pickled(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        write_artefact(tmp_path / "m", "toy", {}, {"array_": np.array([{}], dtype=object)})


def test_changed_parameters_are_noticed(tmp_path: Path) -> None:
    path = write_artefact(tmp_path / "m", "toy", {"factors": 3}, STATE) / "manifest.json"
    path.write_text(path.read_text().replace('"factors": 3', '"factors": 4'))
    with pytest.raises(DataError, match="checksum"):
        read_artefact(tmp_path / "m")


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"schema": 1}', '{"schema": "recsys/model/x"}', '{"schema": "other/1"}']
)
def test_a_foreign_manifest_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(DataError, match="damaged"):
        read_artefact(tmp_path)


def test_a_manifest_with_its_checksum_but_a_missing_part_is_refused(tmp_path: Path) -> None:
    folder = write_artefact(tmp_path / "m", "toy", {}, STATE)
    body = json.loads((folder / "manifest.json").read_text())
    del body["checksum"], body["files"]
    (folder / "manifest.json").write_text(json.dumps({**body, "checksum": hash_arrays(canonical_json(body))}))
    with pytest.raises(DataError, match="damaged"):
        read_artefact(folder)
