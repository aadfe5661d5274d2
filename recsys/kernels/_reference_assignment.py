"""Twin of the buckets: MD5 by `hashlib`, one unit after the other."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


def hash_buckets(prefix: bytes, texts: Iterable[bytes], parts: int) -> NDArray[np.int32]:
    """Return the bucket of each prefix + text."""
    digests = (hashlib.md5(prefix + text, usedforsecurity=False).hexdigest() for text in texts)
    return np.array([int(digest[:13], 16) % parts for digest in digests], np.int32)
