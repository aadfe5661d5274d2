"""Amazon reviews of 2014, 2018 and 2023: JSON lines, ratings-only CSV, and the descriptions of the products."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import polars as pl

from recsys.core.errors import DataError
from recsys.layouts.columns import event, first_of_each, milliseconds, seconds, value
from recsys.layouts.files import Files
from recsys.layouts.frames import Frames
from recsys.layouts.lines import Delimited, Schema, read_csv, read_delimited, read_json_lines

META_ROWS = 50_000
_REVIEWS: Schema = {"reviewerID": pl.String, "asin": pl.String, "overall": pl.Float64, "unixReviewTime": pl.Int64}
_REVIEWS_2023: Schema = {
    "user_id": pl.String,
    "parent_asin": pl.String,
    "asin": pl.String,
    "rating": pl.Float64,
    "timestamp": pl.Int64,
}
_RATINGS_2023: Schema = {"user_id": pl.String, "item_id": pl.String, "rating": pl.Float64, "timestamp": pl.Int64}
_ALIASES_2023 = {"userid": "user_id", "parentasin": "item_id"}
_BARE: Schema = {"first": pl.String, "second": pl.String, "rating": pl.Float64, "timestamp": pl.Int64}


def amazon(files: Files) -> dict[str, Frames]:
    """Return the tables of one or several categories: the files of reviews or ratings, and of ``meta_*``.

    The layouts of 2014 and 2018 name things alike, that of 2023 differs; each file tells by its name or its
    header which it is. An item is an ``asin``, in 2023 a ``parent_asin``.
    """
    reviews = [name for name in files.names if _is_table(name) and not _is_meta(name)]
    metas = [name for name in files.names if _is_table(name) and _is_meta(name)]
    if not reviews:
        what = f"{str(files.path)!r} has no reviews or ratings"
        expected = "files such as reviews_Books.json.gz, ratings_Books.csv or Books.jsonl.gz were expected"
        raise DataError(what, expected)
    tables = {"events": Frames(lambda: _chain(_events(files, name) for name in reviews))}
    if metas:
        tables["items"] = Frames(lambda: first_of_each(_chain(_items(files, name) for name in metas), "item_id"))
    return tables


def is_amazon_2023(files: Files) -> bool:
    """Return whether any file has the shape of 2023: ``.jsonl``, or a CSV whose header names ``parent_asin``."""
    return any(_is_lines_2023(name) or _has_header(files, name) for name in files.names if _is_table(name))


def _is_table(name: str) -> bool:
    return re.search(r"\.(json|jsonl|csv)(\.gz)?$", name, re.IGNORECASE) is not None


def _is_meta(name: str) -> bool:
    return PurePosixPath(name).name.lower().startswith(("meta_", "metadata"))


def _is_lines_2023(name: str) -> bool:
    return re.search(r"\.jsonl(\.gz)?$", name, re.IGNORECASE) is not None


def _is_csv(name: str) -> bool:
    return re.search(r"\.csv(\.gz)?$", name, re.IGNORECASE) is not None


def _has_header(files: Files, name: str) -> bool:
    if not _is_csv(name):
        return False
    with files.open(name) as stream:
        return b"parent_asin" in stream.readline(1000)


def _chain(tables: Iterator[Iterator[pl.DataFrame]]) -> Iterator[pl.DataFrame]:
    for table in tables:
        yield from table


def _events(files: Files, name: str) -> Iterator[pl.DataFrame]:
    if _is_lines_2023(name):
        return map(_reviews_2023, read_json_lines(files, name, _REVIEWS_2023))
    if not _is_csv(name):
        return map(_reviews, read_json_lines(files, name, _REVIEWS))
    if _has_header(files, name):
        return map(_ratings_2023, read_csv(files, name, _RATINGS_2023, _ALIASES_2023))
    return _bare_ratings(files, name)


def _reviews(frame: pl.DataFrame) -> pl.DataFrame:
    renamed = frame.rename({"reviewerID": "user_id", "asin": "item_id"})
    return renamed.select("user_id", "item_id", seconds("unixReviewTime"), event("rating"), value("overall"))


def _reviews_2023(frame: pl.DataFrame) -> pl.DataFrame:
    item = pl.coalesce("parent_asin", "asin").alias("item_id")
    return frame.select("user_id", item, milliseconds("timestamp"), event("rating"), value("rating"))


def _ratings_2023(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("user_id", "item_id", milliseconds("timestamp"), event("rating"), value("rating"))


def _bare_ratings(files: Files, name: str) -> Iterator[pl.DataFrame]:
    """Read four columns without a header: user first in 2014, item first in 2018.

    An item (asin) always has ten characters, a reviewer hardly ever: the first rows tell.
    """
    order: list[str] = []
    for frame in read_delimited(files, name, _BARE, Delimited()):
        if not order:
            tens = [(frame[column].str.len_chars() == 10).mean() for column in ("first", "second")]
            order = ["item_id", "user_id"] if float(str(tens[0])) > float(str(tens[1])) else ["user_id", "item_id"]
        renamed = frame.rename(dict(zip(("first", "second"), order, strict=True)))
        yield renamed.select("user_id", "item_id", seconds("timestamp"), event("rating"), value("rating"))


def _items(files: Files, name: str) -> Iterator[pl.DataFrame]:
    """Read the descriptions of products, object by object: their fields vary too much for one schema."""
    rows: list[dict[str, object]] = []
    with files.open(name) as stream:
        for number, line in enumerate(stream, start=1):
            if line.strip():
                rows.append(_item(_object(files, name, number, line.decode("utf-8", errors="replace"))))
            if len(rows) == META_ROWS:
                yield pl.DataFrame(rows, schema=_ITEM, orient="row")
                rows = []
    if rows:
        yield pl.DataFrame(rows, schema=_ITEM, orient="row")


_ITEM = {"item_id": pl.String, "title": pl.String, "genres": pl.String, "brand": pl.String, "price": pl.Float64}


def _object(files: Files, name: str, number: int, line: str) -> dict[str, object]:
    """Parse a line of JSON, or of the Python literals in which the descriptions of 2014 are written."""
    try:
        found = json.loads(line)
    except json.JSONDecodeError:
        try:
            found = ast.literal_eval(line.strip())
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found = None
    if not isinstance(found, dict) or not (found.get("parent_asin") or found.get("asin")):
        what = f"line {number} of {name!r} in {str(files.path)!r} is malformed ({line.strip()[:60]!r})"
        raise DataError(what, "an object with an 'asin' was expected")
    return found


def _item(found: dict[str, object]) -> dict[str, object]:
    categories = found.get("categories") or found.get("category") or []
    if isinstance(categories, list) and categories and isinstance(categories[0], list):
        categories = categories[0]
    names = [str(each) for each in categories] if isinstance(categories, list) else [str(categories)]
    price = re.search(r"\d+(?:\.\d+)?", str(found.get("price") or "").replace(",", ""))
    return {
        "item_id": str(found.get("parent_asin") or found["asin"]),
        "title": str(found["title"]) if found.get("title") else None,
        "genres": "|".join(names) or None,
        "brand": str(found.get("brand") or found.get("store") or "") or None,
        "price": float(price[0]) if price else None,
    }
