"""Last.fm 360K (plays counted by artist) and 1K (every play with its time). An item is an artist."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from recsys.layouts.columns import event, first_of_each, text_or_null, value
from recsys.layouts.files import Files
from recsys.layouts.frames import Frames
from recsys.layouts.lines import Delimited, Schema, read_delimited

_TABS = Delimited("\t", quoted=False)
_COUNTS: Schema = {"user_id": pl.String, "artist_id": pl.String, "artist": pl.String, "plays": pl.Float64}
_PLAYS: Schema = {
    "user_id": pl.String,
    "time": pl.String,
    "artist_id": pl.String,
    "artist": pl.String,
    "track_id": pl.String,
    "track": pl.String,
}
_PROFILES: Schema = {
    "user_id": pl.String,
    "gender": pl.String,
    "age": pl.String,
    "country": pl.String,
    "signup": pl.String,
}


def lastfm_360k(files: Files) -> dict[str, Frames]:
    """Return the tables of Last.fm 360K; its events have no time."""
    counts, profiles = files.need("usersha1-artmbid-artname-plays.tsv"), files.need("usersha1-profile.tsv")
    return {
        "events": Frames(lambda: map(_counted, read_delimited(files, counts, _COUNTS, _TABS))),
        "items": Frames(lambda: first_of_each(map(_artists, read_delimited(files, counts, _COUNTS, _TABS)), "item_id")),
        "users": Frames(lambda: map(_users, read_delimited(files, profiles, _PROFILES, _TABS))),
    }


def lastfm_1k(files: Files) -> dict[str, Frames]:
    """Return the tables of Last.fm 1K."""
    plays = files.need("userid-timestamp-artid-artname-traid-traname.tsv")
    profiles = files.need("userid-profile.tsv")
    return {
        "events": Frames(lambda: map(_played, read_delimited(files, plays, _PLAYS, _TABS))),
        "items": Frames(lambda: first_of_each(map(_artists, read_delimited(files, plays, _PLAYS, _TABS)), "item_id")),
        "users": Frames(lambda: map(_users, _without_header(read_delimited(files, profiles, _PROFILES, _TABS)))),
    }


def _artist() -> pl.Expr:
    """Return the artist's MusicBrainz id, or the name of one who has none."""
    return pl.coalesce(text_or_null("artist_id"), text_or_null("artist")).alias("item_id")


def _artists(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(_artist(), text_or_null("artist").alias("title")).drop_nulls("item_id")


def _counted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select("user_id", _artist(), event("play"), value("plays")).drop_nulls("item_id")


def _played(frame: pl.DataFrame) -> pl.DataFrame:
    time = pl.col("time").str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us").alias("ts")
    one = pl.lit(1.0).alias("value")
    rows = frame.select("user_id", _artist(), time, event("play"), one, text_or_null("track_id"), text_or_null("track"))
    return rows.drop_nulls("item_id")


def _users(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(
        "user_id",
        text_or_null("gender"),
        pl.col("age").cast(pl.Int64, strict=False),
        text_or_null("country"),
        pl.col("signup").str.to_date("%b %e, %Y", strict=False).alias("signup_at"),
    )


def _without_header(frames: Iterator[pl.DataFrame]) -> Iterator[pl.DataFrame]:
    return (frame.filter(pl.col("user_id") != "#id") for frame in frames)
