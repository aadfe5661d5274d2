"""Content hashes and canonical JSON: equal content, equal bytes, on every machine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np


def canonical_json(value: Any) -> str:
    """Return JSON with sorted keys and no spaces; NaN and infinity are refused.

    Examples
    --------
    >>> canonical_json({"b": 1, "a": [1.5]})
    '{"a":[1.5],"b":1}'
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def hash_arrays(*parts: np.ndarray[Any, Any] | str) -> str:
    """Return the SHA-256 (hex) of arrays and strings; dtype, shape and little-endian bytes all count.

    Examples
    --------
    >>> hash_arrays(np.arange(3)) == hash_arrays(np.arange(3))
    True
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, str):
            digest.update(f"text {len(part.encode())}\n".encode())
            digest.update(part.encode())
            continue
        array = np.ascontiguousarray(part)
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)
        digest.update(f"array {little.dtype.str} {little.shape}\n".encode())
        digest.update(little.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def hash_file(path: Path) -> str:
    """Return the SHA-256 (hex) of a file's bytes, read in blocks.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "a").write_bytes(b"")
    ...     hash_file(Path(folder) / "a")[:8]
    'e3b0c442'
    """
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
