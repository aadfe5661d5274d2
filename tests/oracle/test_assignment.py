"""Buckets against `hashlib`, on texts of every length around MD5's blocks; uniform, and independent across salts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from recsys.core.errors import ArgumentError, DataError
from recsys.kernels import Texts, hash_buckets

prefixes = st.sampled_from(["", "x:", "expérience 日本:", "p" * 54, "p" * 119]) | st.text(max_size=70)
numbers = st.integers(-(2**63), 2**63 - 1)


def packed(texts: Sequence[str]) -> Texts:
    pieces = [text.encode() for text in texts]
    offsets = np.array([0, *accumulate(map(len, pieces))], np.int64)
    return Texts(offsets, np.frombuffer(b"".join(pieces), np.uint8))


def plain(prefix: str, texts: Sequence[str], parts: int = 10_000) -> list[int]:
    return [int(hashlib.md5((prefix + text).encode()).hexdigest()[:13], 16) % parts for text in texts]


@given(prefixes, st.lists(st.text() | st.text(min_size=50, max_size=130), max_size=40), st.integers(1, 2**31 - 1))
def test_texts_have_the_bucket_of_their_digest(prefix: str, texts: list[str], parts: int) -> None:
    expected = plain(prefix, texts, parts)
    assert hash_buckets(prefix, packed(texts), parts=parts).tolist() == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECSYS_KERNELS", "reference")
        assert hash_buckets(prefix, packed(texts), parts=parts).tolist() == expected


@given(prefixes, st.lists(numbers, max_size=40))
def test_numbers_are_hashed_as_decimal_text(prefix: str, units: list[int]) -> None:
    expected = plain(prefix, [str(unit) for unit in units])
    assert hash_buckets(prefix, np.array(units, np.int64)).tolist() == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RECSYS_KERNELS", "reference")
        assert hash_buckets(prefix, np.array(units, np.int64)).tolist() == expected


def test_every_length_around_the_blocks() -> None:
    texts = ["a" * length for length in range(200)]
    assert hash_buckets("s:", packed(texts)).tolist() == plain("s:", texts)


def test_threads_and_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    units = np.arange(1000)
    one = hash_buckets("s:", units, n_threads=1)
    monkeypatch.setattr("recsys.kernels.assignment._UNITS_PER_CHUNK", 37)
    assert np.array_equal(hash_buckets("s:", units, n_threads=3), one)


@pytest.mark.parametrize("units", [np.arange(200_000), np.arange(200_000) * 4096 - 10**8], ids=["dense", "spread"])
def test_buckets_are_uniform_and_independent_across_salts(units: np.ndarray) -> None:
    """χ² of 60 salts and of 60 pairs of salts is within the central 99.9 % of what chance gives for their sum."""
    uniform = paired = 0.0
    before = hash_buckets("salt 0:", units)
    for salt in range(1, 61):
        buckets = hash_buckets(f"salt {salt}:", units)
        counts = np.bincount(buckets, minlength=10_000)
        uniform += float(((counts - 20.0) ** 2 / 20.0).sum())
        cells = np.bincount(buckets // 1000 * 10 + before // 1000, minlength=100)
        paired += float(((cells - 2000.0) ** 2 / 2000.0).sum())
        before = buckets
    for statistic, freedom in ((uniform, 60 * 9_999), (paired, 60 * 99)):
        low, high = chi2.ppf([0.0005, 0.9995], freedom)
        assert low < statistic < high


def test_neighbouring_units_have_nothing_in_common() -> None:
    buckets = hash_buckets("s:", np.arange(1_000_000)).astype(float)
    for lag in (1, 2, 10, 100):  # a correlation of independent numbers has the standard error .001
        assert abs(np.corrcoef(buckets[:-lag], buckets[lag:])[0, 1]) < 0.0035


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(ArgumentError, match="prefix is 5"):
        hash_buckets(5, np.arange(2))  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="units is float64"):
        hash_buckets("s", np.zeros(2))  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="parts is 2147483648"):
        hash_buckets("s", np.arange(2), parts=2**31)
    for offsets in ([0, 2, 1], [0, 5], [-1, 0], []):
        with pytest.raises(DataError, match="offsets"):
            hash_buckets("s", Texts(np.array(offsets, np.int64), np.zeros(3, np.uint8)))
