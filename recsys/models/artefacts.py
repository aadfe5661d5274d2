"""Fitted models on disk: ``.npy`` arrays, Arrow frames, a ``manifest.json`` with all their checksums; no pickle."""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from recsys._version import __version__
from recsys.core.errors import ArgumentError, DataError, NotFoundError
from recsys.core.files import flush
from recsys.core.hashing import canonical_json, hash_arrays, hash_file
from recsys.dataset import Label, Vocabulary

FAMILY, VERSION = "recsys/model", 1
MANIFEST = "manifest.json"


def write_artefact(folder: Path, name: str, params: Mapping[str, Any], state: Mapping[str, object]) -> Path:
    """Write a model's parameters and state to a new folder, which appears whole or not at all.

    Raises
    ------
    ArgumentError
        The folder exists, or something in the state cannot be kept.
    """
    if folder.exists():
        raise ArgumentError(f"{folder} exists already", "a new folder was expected", "choose another name or delete it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}")
    draft.mkdir()
    try:
        body = {
            "schema": f"{FAMILY}/{VERSION}",
            "model": name,
            "params": dict(params),
            "state": {key: _write(draft, key, value) for key, value in sorted(state.items())},
            "versions": {"recsys": __version__, "numpy": np.__version__},
            "files": {path.name: hash_file(path) for path in sorted(draft.iterdir())},
        }
        manifest = json.dumps({**body, "checksum": hash_arrays(canonical_json(body))}, indent=1, ensure_ascii=False)
        (draft / MANIFEST).write_text(manifest, encoding="utf-8")
        for path in (*draft.iterdir(), draft):
            flush(path)
        draft.rename(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    flush(folder.parent)
    return folder


def read_artefact(folder: Path) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Return the name, parameters and state of a model; every file is checked first, arrays are memory-mapped.

    Raises
    ------
    NotFoundError
        There is no such folder.
    DataError
        Something is missing, added, changed, or written by a newer version.
    """
    manifest = _manifest(folder)
    found = {path.name for path in folder.iterdir()} - {MANIFEST}
    named = manifest["files"]
    for problem, names in (("is missing", set(named) - found), ("is not in the manifest", found - set(named))):
        if names:
            raise _damaged(folder, f"{min(names)} {problem}")
    for name, checksum in named.items():
        if hash_file(folder / name) != checksum:
            raise _damaged(folder, f"{name} has other bytes than the manifest says")
    state = {key: _read(folder, key, entry) for key, entry in manifest["state"].items()}
    return manifest["model"], manifest["params"], state


def read_name(folder: Path) -> str:
    """Return the name of the model in a folder; raises as `read_artefact` does."""
    return str(_manifest(folder)["model"])


def _manifest(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise NotFoundError(f"{folder} does not exist", "the folder of a saved model was expected")
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        family, _, version = manifest["schema"].rpartition("/")
        newer = family == FAMILY and int(version) > VERSION
    except FileNotFoundError:
        raise DataError(f"{folder} has no {MANIFEST}", "the folder of a saved model was expected") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _damaged(folder, f"{MANIFEST} cannot be read") from None
    if newer:
        raise DataError(
            f"{folder} has the schema {manifest['schema']}", f"{FAMILY}/{VERSION} was expected", "update recsys"
        )
    checksum = manifest.pop("checksum", None)
    if family != FAMILY or checksum != hash_arrays(canonical_json(manifest)):
        raise _damaged(folder, f"{MANIFEST} does not have its own checksum")
    if not {"model", "params", "state", "files"} <= set(manifest):
        raise _damaged(folder, f"{MANIFEST} is not complete")
    return dict(manifest)


def _damaged(folder: Path, what: str) -> DataError:
    return DataError(
        f"the model in {folder} is damaged: {what}", "the files as they were saved were expected", "train it again"
    )


def _write(folder: Path, key: str, value: object) -> dict[str, Any]:
    """Write one value of the state; what is returned is enough to read it again."""
    if isinstance(value, np.ndarray):
        _write_array(folder, key, value)
        return {"kind": "array"}
    if isinstance(value, csr_array):
        for part in ("data", "indices", "indptr"):
            _write_array(folder, f"{key}.{part}", getattr(value, part))
        return {"kind": "csr", "shape": list(value.shape)}
    if isinstance(value, Vocabulary):
        if value.kind == "int":
            _write_array(folder, key, value.ids.to_numpy())
            return {"kind": "int ids"}
        texts = [text.encode() for text in value.ids]
        _write_array(folder, f"{key}.lengths", np.array([len(text) for text in texts], dtype=np.int64))
        _write_array(folder, f"{key}.bytes", np.frombuffer(b"".join(texts), dtype=np.uint8))
        return {"kind": "text ids"}
    if isinstance(value, pl.DataFrame):
        # Parquet tells values alone: the bytes of Arrow differ with chunks, buffers, and what lies under a null.
        value.write_parquet(folder / f"{key}.parquet")
        return {"kind": "parquet"}
    if isinstance(value, Label):
        return {"kind": "label", "value": value.to_dict()}
    if value is None or isinstance(value, bool | int | float | str):
        return {"kind": "value", "value": value}
    raise ArgumentError(
        f"{key} is a {type(value).__name__}", "arrays, CSR matrices, frames or plain values were expected"
    )


def _read(folder: Path, key: str, entry: Mapping[str, Any]) -> object:
    kind = entry["kind"]
    if kind == "array":
        return _read_array(folder, key)
    if kind == "csr":
        parts = tuple(_read_array(folder, f"{key}.{part}") for part in ("data", "indices", "indptr"))
        return csr_array(parts, shape=tuple(entry["shape"]))
    if kind == "int ids":
        return Vocabulary(pl.Series(_read_array(folder, key)))
    if kind == "text ids":
        ends = np.cumsum(_read_array(folder, f"{key}.lengths")).tolist()
        text = _read_array(folder, f"{key}.bytes").tobytes()
        starts = [0, *ends[:-1]]
        return Vocabulary(pl.Series([text[a:b].decode() for a, b in zip(starts, ends, strict=False)], dtype=pl.String))
    if kind == "parquet":
        return pl.read_parquet(folder / f"{key}.parquet")
    if kind == "frame":  # of models saved earlier
        return pl.read_ipc(folder / f"{key}.arrow")
    return Label(**entry["value"]) if kind == "label" else entry["value"]


def _write_array(folder: Path, key: str, array: NDArray[Any]) -> None:
    np.save(folder / f"{key}.npy", array, allow_pickle=False)


def _read_array(folder: Path, key: str) -> NDArray[Any]:
    return np.asarray(np.load(folder / f"{key}.npy", mmap_mode="r", allow_pickle=False))
