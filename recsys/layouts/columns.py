"""Expressions that bring public data into the columns of the store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl


def seconds(column: str) -> pl.Expr:
    """Return ``ts`` from a column of seconds since 1970."""
    return (pl.col(column).cast(pl.Int64) * 1_000_000).cast(pl.Datetime("us")).alias("ts")


def milliseconds(column: str) -> pl.Expr:
    """Return ``ts`` from a column of milliseconds since 1970."""
    return (pl.col(column).cast(pl.Int64) * 1_000).cast(pl.Datetime("us")).alias("ts")


def event(name: str) -> pl.Expr:
    """Return ``event``, the same word in every row."""
    return pl.lit(name).alias("event")


def value(column: str) -> pl.Expr:
    """Return ``value`` as a float."""
    return pl.col(column).cast(pl.Float64).alias("value")


def year_in_title(column: str = "title") -> pl.Expr:
    """Return ``year``, the number in parentheses that ends a title, null without one."""
    return pl.col(column).str.extract(r"\((\d{4})\)\s*$").cast(pl.Int32).alias("year")


def text_or_null(column: str, *absent: str) -> pl.Expr:
    """Return a text column in which the empty string, and the words that stand for nothing, are null."""
    trimmed = pl.col(column).str.strip_chars()
    return pl.when(~trimmed.is_in(["", *absent])).then(trimmed).alias(column)


def first_of_each(frames: Iterable[pl.DataFrame], key: str) -> Iterator[pl.DataFrame]:
    """Yield the rows whose key was not seen before; memory grows with the number of different keys only."""
    seen: pl.Series | None = None
    for frame in frames:
        fresh = frame.unique(key, keep="first", maintain_order=True)
        if seen is not None:
            fresh = fresh.join(seen.to_frame(), on=key, how="anti", maintain_order="left")
        seen = fresh[key] if seen is None else pl.concat([seen, fresh[key]])
        if len(fresh):
            yield fresh
