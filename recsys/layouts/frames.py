"""A table that is read in frames of bounded size, as often as one likes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Frames:
    """A table of a public data set; every iteration reads it anew, one frame of some hundred thousand rows at a time.

    Parameters
    ----------
    read : callable
        Returns a fresh iterator over frames of one schema.

    Examples
    --------
    >>> table = Frames(lambda: iter([pl.DataFrame({"user_id": [1]}), pl.DataFrame({"user_id": [2]})]))
    >>> [len(frame) for frame in table], table.collect()["user_id"].to_list()
    ([1, 1], [1, 2])
    """

    read: Callable[[], Iterator[pl.DataFrame]]

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """Read the table from its beginning."""
        return self.read()

    def collect(self) -> pl.DataFrame:
        """Return the whole table in memory."""
        return pl.concat(list(self))
