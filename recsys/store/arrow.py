"""Frames into and out of DuckDB through the Arrow C stream, without pyarrow and without a trace on stderr.

polars keeps the *type* of every object that it was ever asked to read in a cache for the life of the process. Handed a
DuckDB relation, it so keeps DuckDB's compiled module alive beyond the end of the interpreter, and the module complains
(``nanobind: leaked 27 instances!``) on stderr. So polars only ever sees `ArrowStream`; and because a cached class
holds its module's globals, this module must never import duckdb, nor keep a connection or a relation at module level.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import polars as pl

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


class ArrowStream:
    """An object that shows nothing but its Arrow C stream.

    Parameters
    ----------
    owner : object
        Anything with ``__arrow_c_stream__``: a DuckDB relation, a polars frame, a pyarrow table.

    Examples
    --------
    >>> pl.DataFrame(ArrowStream(pl.DataFrame({"a": [1, 2]})))["a"].to_list()
    [1, 2]
    """

    def __init__(self, owner: Any) -> None:
        self._owner = owner

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the owner's stream as a capsule."""
        return self._owner.__arrow_c_stream__(requested_schema)


def fetch_frame(
    con: DuckDBPyConnection, query: str, params: Sequence[Any] | Mapping[str, Any] | None = None
) -> pl.DataFrame:
    """Return all rows of a query as a polars frame.

    Parameters
    ----------
    con : DuckDBPyConnection
        An open connection or cursor.
    query : str
        One SELECT statement.
    params : sequence or mapping, optional
        Values for ``?`` or ``$name``.
    """
    return pl.DataFrame(ArrowStream(con.sql(query, params=params)))


@contextmanager
def offered(con: DuckDBPyConnection, name: str, frame: Any) -> Iterator[str]:
    """Show a frame to SQL under a name while the block runs.

    Parameters
    ----------
    con : DuckDBPyConnection
        The connection that shall see it.
    name : str
        The name of the view.
    frame : object
        Anything with ``__arrow_c_stream__``. It is scanned in place, not copied.

    Yields
    ------
    str
        The name, ready for a FROM clause.
    """
    con.register(name, ArrowStream(frame))
    try:
        yield name
    finally:
        con.unregister(name)
