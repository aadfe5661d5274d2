"""MovieLens in its three layouts: 100K (tabs and pipes), 1M and 10M (``::``), 20M and later (CSV with headers)."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from recsys.layouts.columns import event, seconds, text_or_null, value, year_in_title
from recsys.layouts.files import Files
from recsys.layouts.frames import Frames
from recsys.layouts.lines import Delimited, Schema, read_csv, read_delimited

Tables = dict[str, Frames]

_RATINGS: Schema = {"user_id": pl.Int64, "item_id": pl.Int64, "rating": pl.Float64, "timestamp": pl.Int64}
_ALIASES = {"userid": "user_id", "movieid": "item_id", "itemid": "item_id"}
_TABS = Delimited("\t", quoted=False)
_PIPES = Delimited("|", quoted=False)
_COLONS = Delimited("::", quoted=False)

# The order of the flags in u.item; the file u.genre says so.
_GENRES_100K = (
    "unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy",
    "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western",
)  # fmt: skip

# The meanings of the numbers in users.dat; the README of the 1M set says so.
_AGES_1M = {1: "under 18", 18: "18-24", 25: "25-34", 35: "35-44", 45: "45-49", 50: "50-55", 56: "56+"}
_OCCUPATIONS_1M = (
    "other", "academic/educator", "artist", "clerical/admin", "college/grad student", "customer service",
    "doctor/health care", "executive/managerial", "farmer", "homemaker", "K-12 student", "lawyer", "programmer",
    "retired", "sales/marketing", "scientist", "self-employed", "technician/engineer", "tradesman/craftsman",
    "unemployed", "writer",
)  # fmt: skip


def movielens_100k(files: Files) -> Tables:
    """Return the tables of MovieLens 100K."""
    ratings, titles, people = files.need("u.data"), files.need("u.item"), files.need("u.user")
    return {
        "events": Frames(lambda: map(_events, read_delimited(files, ratings, _RATINGS, _TABS))),
        "items": Frames(lambda: map(_items_100k, read_delimited(files, titles, _items_schema_100k(), _PIPES))),
        "users": Frames(lambda: read_delimited(files, people, _USERS_100K, _PIPES)),
    }


def movielens_dat(files: Files) -> Tables:
    """Return the tables of MovieLens 1M or 10M (which has no users)."""
    ratings, titles, people = files.need("ratings.dat"), files.need("movies.dat"), files.find("users.dat")
    tables = {
        "events": Frames(lambda: map(_events, read_delimited(files, ratings, _RATINGS, _COLONS))),
        "items": Frames(lambda: map(_items, read_delimited(files, titles, _MOVIES, _COLONS))),
    }
    if people is not None:
        name = people
        tables["users"] = Frames(lambda: map(_users_1m, read_delimited(files, name, _USERS_1M, _COLONS)))
    return tables


def movielens_csv(files: Files) -> Tables:
    """Return the tables of MovieLens 20M, 25M, 32M, latest or latest-small; tags, links and genomes are not read."""
    ratings, titles = files.need("ratings.csv"), files.need("movies.csv")
    return {
        "events": Frames(lambda: map(_events, read_csv(files, ratings, _RATINGS, _ALIASES))),
        "items": Frames(lambda: map(_items, _read_movies(files, titles))),
    }


_MOVIES: Schema = {"item_id": pl.Int64, "title": pl.String, "genres": pl.String}
_USERS_1M: Schema = {
    "user_id": pl.Int64,
    "gender": pl.String,
    "age": pl.Int64,
    "occupation": pl.Int64,
    "zip_code": pl.String,
}
_USERS_100K: Schema = {
    "user_id": pl.Int64,
    "age": pl.Int64,
    "gender": pl.String,
    "occupation": pl.String,
    "zip_code": pl.String,
}


def _read_movies(files: Files, name: str) -> Iterator[pl.DataFrame]:
    return read_csv(files, name, _MOVIES, _ALIASES)


def _events(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("user_id", "item_id", seconds("timestamp"), event("rating"), value("rating"))


def _items(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("item_id", "title", text_or_null("genres", "(no genres listed)"), year_in_title())


def _items_schema_100k() -> Schema:
    fields: dict[str, type[pl.DataType]] = {"item_id": pl.Int64, "title": pl.String, "released": pl.String}
    return {**fields, "video": pl.String, "url": pl.String, **dict.fromkeys(_GENRES_100K, pl.Int64)}


def _items_100k(frame: pl.DataFrame) -> pl.DataFrame:
    flags = [pl.when(pl.col(genre) == 1).then(pl.lit(genre)) for genre in _GENRES_100K[1:]]
    genres = pl.concat_str(flags, separator="|", ignore_nulls=True).alias("genres")
    return frame.with_columns(genres).select("item_id", "title", text_or_null("genres"), year_in_title())


def _users_1m(frame: pl.DataFrame) -> pl.DataFrame:
    jobs = dict(enumerate(_OCCUPATIONS_1M))
    return frame.with_columns(
        pl.col("age").replace_strict(_AGES_1M, default=None, return_dtype=pl.String).alias("age_group"),
        pl.col("occupation").replace_strict(jobs, default=None, return_dtype=pl.String),
    ).drop("age")
