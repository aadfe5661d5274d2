"""Goodbooks-10k: ratings of books and books people want to read; its events have no time."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from recsys.layouts.columns import event, value
from recsys.layouts.files import Files
from recsys.layouts.frames import Frames
from recsys.layouts.lines import Schema, read_csv

_ALIASES = {
    "userid": "user_id",
    "bookid": "item_id",
    "originalpublicationyear": "year",
    "languagecode": "language",
}
_RATINGS: Schema = {"user_id": pl.Int64, "item_id": pl.Int64, "rating": pl.Float64}
_PAIRS: Schema = {"user_id": pl.Int64, "item_id": pl.Int64}
_BOOKS: Schema = {
    "item_id": pl.Int64,
    "title": pl.String,
    "authors": pl.String,
    "year": pl.String,
    "language": pl.String,
}


def goodbooks(files: Files) -> dict[str, Frames]:
    """Return the tables of Goodbooks-10k."""
    ratings, books, wishes = files.need("ratings.csv"), files.need("books.csv"), files.find("to_read.csv")
    return {
        "events": Frames(lambda: _events(files, ratings, wishes)),
        "items": Frames(lambda: map(_items, read_csv(files, books, _BOOKS, _ALIASES))),
    }


def _events(files: Files, ratings: str, wishes: str | None) -> Iterator[pl.DataFrame]:
    for frame in read_csv(files, ratings, _RATINGS, _ALIASES):
        yield frame.select("user_id", "item_id", event("rating"), value("rating"))
    if wishes is not None:
        for frame in read_csv(files, wishes, _PAIRS, _ALIASES):
            yield frame.select("user_id", "item_id", event("to_read"), pl.lit(1.0).alias("value"))


def _items(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("year").cast(pl.Float64, strict=False).cast(pl.Int32))
