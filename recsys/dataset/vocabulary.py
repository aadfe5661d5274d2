"""External ids and their codes: a code is the rank of an id among the ids present."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from recsys.core.errors import ArgumentError, DataError
from recsys.core.hashing import hash_arrays

Ids = Iterable[int] | Iterable[str] | pl.Series | NDArray[np.generic]
MAX_IDS = 2**31 - 1


@dataclass(frozen=True, eq=False, repr=False)
class Vocabulary:
    """The sorted, distinct external ids of users or items; the place of an id is its code.

    Integers are ordered by value, text by UTF-8 bytes, so the same ids give the same codes in whatever order they
    arrived.

    Parameters
    ----------
    ids : polars.Series
        Int64 or String, sorted, distinct, without nulls. Use `from_ids` for ids in any order.

    Examples
    --------
    >>> vocabulary = Vocabulary.from_ids([30, 10, 20, 10])
    >>> vocabulary.encode([10, 99]).tolist()
    [0, -1]
    >>> vocabulary.decode([2]).to_list()
    [30]
    """

    ids: pl.Series

    def __post_init__(self) -> None:
        if self.ids.dtype not in (pl.Int64, pl.String):
            raise ArgumentError(
                f"ids have type {self.ids.dtype}", "Int64 or String ids were expected", "use Vocabulary.from_ids"
            )
        if len(self.ids) > MAX_IDS:
            raise DataError(f"there are {len(self.ids):,} ids", f"at most {MAX_IDS:,} were expected")
        if self.ids.null_count() or not bool((self.ids.slice(1) > self.ids.head(max(len(self.ids) - 1, 0))).all()):
            raise ArgumentError(
                "ids are not sorted and distinct", "sorted, distinct ids were expected", "use Vocabulary.from_ids"
            )

    @classmethod
    def from_ids(cls, *parts: Ids) -> Vocabulary:
        """Return the vocabulary of all ids in `parts`, in any order, with repeats.

        Raises
        ------
        DataError
            An id is null, fractional, out of the range of int64, or text and integers are mixed.
        """
        series = [id_series(part) for part in parts]
        kinds = {part.dtype for part in series if len(part)}
        if len(kinds) > 1:
            raise DataError("integer and text ids are mixed", "one type of id was expected", "cast the ids to text")
        wanted = [part for part in series if part.dtype in kinds] or [pl.Series("id", [], dtype=pl.Int64)]
        return cls(pl.concat(wanted).unique().sort())

    @property
    def kind(self) -> Literal["int", "text"]:
        """Return the type of the ids: ``"int"`` or ``"text"``."""
        return "int" if self.ids.dtype == pl.Int64 else "text"

    def __len__(self) -> int:
        return len(self.ids)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self):,} {self.kind} ids, {self.content_hash[:12]})"

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Vocabulary) and self.content_hash == other.content_hash)

    def __hash__(self) -> int:
        return hash(self.content_hash)

    @cached_property
    def content_hash(self) -> str:
        """Return the SHA-256 of the ids."""
        if self.kind == "int":
            return hash_arrays("int", self.ids.to_numpy())
        lengths = self.ids.str.len_bytes().to_numpy()
        return hash_arrays("text", lengths, "".join(self.ids.to_list()))

    def encode(self, ids: Ids) -> NDArray[np.int32]:
        """Return the int32 code of every id, −1 for an unknown one.

        An integer given as text is understood where the ids are integers (``"42"``), and the other way round.
        """
        wanted = self._of_my_kind(id_series(ids, nulls=True))
        table = self._dense_table
        if table is not None:
            return _look_up(table, int(self.ids[0]), wanted)
        codes = wanted.to_frame("id").join(self._codes, on="id", how="left", maintain_order="left")["code"]
        return codes.fill_null(-1).to_numpy().astype(np.int32, copy=False)

    def decode(self, codes: Iterable[int] | NDArray[np.integer]) -> pl.Series:
        """Return the ids of codes; a code outside 0 … len − 1 raises ArgumentError."""
        places = np.asarray(codes if isinstance(codes, np.ndarray) else list(codes), dtype=np.int64)
        if places.size and (places.min() < 0 or places.max() >= len(self)):
            raise ArgumentError(
                f"code {int(places.min() if places.min() < 0 else places.max())} has no id",
                f"codes from 0 to {len(self) - 1} were expected",
            )
        return self.ids.gather(pl.Series(places))

    def _of_my_kind(self, ids: pl.Series) -> pl.Series:
        if ids.dtype == self.ids.dtype:
            return ids
        if self.kind == "text":
            return ids.cast(pl.String)
        numbers = ids.cast(pl.Int64, strict=False)
        return numbers.set(numbers.cast(pl.String).ne_missing(ids), None)

    @cached_property
    def _codes(self) -> pl.DataFrame:
        return pl.DataFrame({"id": self.ids, "code": np.arange(len(self), dtype=np.int32)})

    @cached_property
    def _dense_table(self) -> NDArray[np.int32] | None:
        """Where integer ids are nearly dense, a table indexed by id − first id is several times faster than a hash."""
        if self.kind == "text" or not len(self):
            return None
        first, last = int(self.ids[0]), int(self.ids[-1])
        if last - first >= 8 * len(self) + 1024:
            return None
        table = np.full(last - first + 1, -1, dtype=np.int32)
        table[self.ids.to_numpy() - first] = np.arange(len(self), dtype=np.int32)
        return table


def _look_up(table: NDArray[np.int32], first: int, wanted: pl.Series) -> NDArray[np.int32]:
    known = wanted.is_between(first, first + len(table) - 1).fill_null(False)
    if bool(known.all()):
        dense: NDArray[np.int32] = table[wanted.to_numpy() - first]
        return dense
    codes = np.full(len(wanted), -1, dtype=np.int32)
    codes[known.to_numpy()] = table[wanted.filter(known).to_numpy() - first]
    return codes


def id_series(ids: Ids, *, nulls: bool = False, name: str = "id") -> pl.Series:
    """Return ids as an Int64 or String series.

    Parameters
    ----------
    name : str
        The name of the series, and the word for an id in messages.
    ids : iterable of int or str, numpy array or polars.Series
        The ids; other integer types, whole floats, categoricals and enums are cast.
    nulls : bool
        Whether null ids are let through.

    Raises
    ------
    DataError
        Null, fractional or too large ids, or a type that is no id.

    Examples
    --------
    >>> id_series(["b", "a"]).dtype
    String
    """
    try:
        plain = isinstance(ids, np.ndarray) and ids.dtype != object
        series = ids if isinstance(ids, pl.Series) else pl.Series(name, ids if plain else list(ids))
    except (TypeError, OverflowError, pl.exceptions.PolarsError):
        raise DataError(
            f"{name} holds a mixture of types or a number beyond int64", "integers of 64 bits or text were expected"
        ) from None
    if not nulls and series.null_count():
        raise DataError(
            f"{name} is null in {series.null_count():,} of {len(series):,} rows",
            "an id in every row was expected",
            "drop these rows first",
        )
    if series.dtype in (pl.Int64, pl.String):
        return series
    if series.dtype == pl.Null:
        return series.cast(pl.Int64)
    if series.dtype in (pl.Categorical, pl.Enum):
        return series.cast(pl.String)
    if series.dtype.is_integer() or series.dtype.is_float():
        return _whole(series, name)
    raise DataError(f"{name} has type {series.dtype}", "integer or text ids were expected", "cast the column first")


def _whole(series: pl.Series, name: str) -> pl.Series:
    whole = series.cast(pl.Int64, strict=False)
    wrong = (whole.is_null() & series.is_not_null()) | (whole.cast(series.dtype, strict=False) != series)
    if bool(wrong.any()):
        raise DataError(
            f"{name} holds {series.filter(wrong)[0]!r}",
            "whole numbers of 64 bits were expected",
            "cast the column to text or integers first",
        )
    return whole
