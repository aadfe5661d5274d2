"""Buckets of units by a salted hash that every language and database has: MD5 of the text ``salt + unit``."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from recsys.core.checks import positive_int
from recsys.core.errors import ArgumentError, DataError
from recsys.core.threads import row_chunks, run_chunks
from recsys.kernels import _assignment
from recsys.kernels import _reference_assignment as reference
from recsys.kernels._choice import reference_wanted
from recsys.kernels.csr import vector

_UNITS_PER_CHUNK = 1 << 17


class Texts(NamedTuple):
    """Texts one after the other.

    Attributes
    ----------
    offsets : (n + 1,) int64
        Text i is ``data[offsets[i]:offsets[i + 1]]``.
    data : (n_bytes,) uint8
        UTF-8.
    """

    offsets: NDArray[np.int64]
    data: NDArray[np.uint8]


def hash_buckets(
    prefix: str, units: NDArray[np.int64] | Texts, *, parts: int = 10_000, n_threads: int | None = None
) -> NDArray[np.int32]:
    """Return the bucket of each unit: the number that the MD5 of prefix + unit begins with, modulo `parts`.

    The number is the digest's first 13 hexadecimal digits: 52 bits, which a double holds exactly. The first buckets are
    more probable than the last by less than the part parts / 2^52.

    Parameters
    ----------
    prefix : str
        The salt with whatever separates it from the unit; hashed as UTF-8.
    units : (n,) int64 or Texts
        Numbers are hashed as decimal text (``-7``), texts as their bytes.
    parts : int
        Number of buckets, at most 2^31 − 1.
    n_threads : int, optional
        Threads; by default all cores. The result does not depend on it.

    Returns
    -------
    (n,) int32
        0 to parts − 1.

    Raises
    ------
    ArgumentError
        For another dtype or shape, or a prefix that is no text.
    DataError
        For offsets that fall or do not fit the data.

    Examples
    --------
    >>> hash_buckets("arm:x:", np.array([1, 2, -3])).tolist()
    [4248, 3572, 154]
    """
    if not isinstance(prefix, str):
        raise ArgumentError(f"prefix is {prefix!r}", "text was expected")
    parts = positive_int("parts", parts)
    if parts >= 2**31:
        raise ArgumentError(f"parts is {parts}", "fewer than 2**31 were expected")
    salt = prefix.encode()
    if isinstance(units, Texts):
        offsets, data = _checked(units)
        if reference_wanted():
            pieces = (data[begin:end].tobytes() for begin, end in pairwise(offsets.tolist()))
            return reference.hash_buckets(salt, pieces, parts)
        return _in_chunks(
            len(offsets) - 1,
            lambda chunk, out: _assignment.hash_texts(_bytes(salt), offsets, _padded(data), *chunk, parts, out),
            n_threads,
        )
    numbers = vector("units", units, np.int64)
    if reference_wanted():
        return reference.hash_buckets(salt, (b"%d" % number for number in numbers.tolist()), parts)
    return _in_chunks(
        len(numbers),
        lambda chunk, out: _assignment.hash_numbers(_bytes(salt), numbers, *chunk, parts, out),
        n_threads,
    )


def _in_chunks(
    n: int, work: Callable[[tuple[int, int], NDArray[np.int32]], None], n_threads: int | None
) -> NDArray[np.int32]:
    out = np.empty(n, np.int32)
    run_chunks(lambda chunk: work(chunk, out), row_chunks(n, _UNITS_PER_CHUNK), n_threads)
    return out


def _bytes(text: bytes) -> NDArray[np.uint8]:
    return _padded(np.frombuffer(text, np.uint8))


def _padded(data: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the bytes in an array that has an address even if there are none."""
    return data if len(data) else np.zeros(1, np.uint8)[:0]


def _checked(texts: Texts) -> Texts:
    offsets, data = vector("offsets", texts.offsets, np.int64), vector("data", texts.data, np.uint8)
    if not len(offsets) or offsets[0] < 0 or offsets[-1] > len(data) or (np.diff(offsets) < 0).any():
        raise DataError(
            "the offsets of the texts do not fit their bytes", "rising offsets within the data were expected"
        )
    return Texts(offsets, data)
