"""`Tabular`: what gives every result that is a polars frame its pandas frame too."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl


class Tabular(ABC):
    """A result that is a table: it says which (`to_polars`), and gets `to_pandas` for it.

    Examples
    --------
    >>> import polars as pl
    >>> class Counts(Tabular):
    ...     def to_polars(self):
    ...         return pl.DataFrame({"user": ["ann", "bob"], "n": [3, None]})
    >>> Counts().to_pandas()["n"].tolist()
    [3, <NA>]
    """

    __slots__ = ()

    @abstractmethod
    def to_polars(self) -> pl.DataFrame:
        """Return the result as a table."""

    def to_pandas(self) -> pd.DataFrame:
        """Return `to_polars` as a pandas frame, made through numpy: pyarrow is not needed.

        Whole numbers and truth values with gaps have pandas' nullable types, lists and structs are Python objects.
        """
        from recsys.core.frames import as_pandas

        return as_pandas(self.to_polars())
