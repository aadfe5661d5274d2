"""Open Bandit: impressions of a fashion shop with their propensities, by policy and campaign."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from recsys.core.errors import DataError
from recsys.layouts.files import Files
from recsys.layouts.frames import Frames
from recsys.layouts.lines import Schema, read_csv

_LOG = re.compile(r"(?:^|[/_])(random|bts)[/_](all|men|women)[/_](?:all|men|women)\.csv(?:\.gz)?$")
_CONTEXT = re.compile(r"(?:^|[/_])(random|bts)[/_](all|men|women)[/_]item_context\.csv(?:\.gz)?$")
_ALIASES = {
    "itemid": "item_id",
    "propensityscore": "propensity_position",
    "actionprob": "propensity_position",
    **{f"userfeature{number}": f"user_feature_{number}" for number in range(4)},
    **{f"itemfeature{number}": f"item_feature_{number}" for number in range(4)},
}
_ROWS: Schema = {
    "timestamp": pl.String,
    "item_id": pl.Int64,
    "position": pl.Int32,
    "click": pl.Int8,
    "propensity_position": pl.Float64,
    **{f"user_feature_{number}": pl.String for number in range(4)},
}
_ITEMS: Schema = {
    "item_id": pl.Int64,
    "item_feature_0": pl.Float64,
    **{f"item_feature_{number}": pl.String for number in range(1, 4)},
}


@dataclass(frozen=True, slots=True)
class _Log:
    name: str
    policy: str
    campaign: str


def open_bandit(files: Files) -> dict[str, Frames]:
    """Return the tables of every policy and campaign under the path.

    Item numbers begin anew in each campaign, so an item is called ``men-3``. The affinities between user and
    items (a column for each item) are not read. The log names no users and no requests: each row stands for
    itself.
    """
    logs = [_Log(name, *found.groups()) for name in files.names if (found := _LOG.search(name))]
    if not logs:
        what = f"{str(files.path)!r} has no log of the Open Bandit data set"
        raise DataError(what, "files such as random/men/men.csv were expected")
    tables = {"impressions": Frames(lambda: _impressions(files, logs))}
    items = open_bandit_items(files)
    return tables if items is None else {**tables, "items": items}


def open_bandit_items(files: Files) -> Frames | None:
    """Return the features of the items of every campaign under the path; None when no file holds them."""
    contexts = {found[2]: name for name in files.names if (found := _CONTEXT.search(name))}
    return Frames(lambda: _items(files, contexts)) if contexts else None


def has_open_bandit_log(files: Files) -> bool:
    """Return whether any file is a log of this layout."""
    return any(_LOG.search(name) for name in files.names)


def _impressions(files: Files, logs: list[_Log]) -> Iterator[pl.DataFrame]:
    for log in logs:
        for frame in read_csv(files, log.name, _ROWS, _ALIASES):
            ts = pl.col("timestamp").str.to_datetime(time_unit="us", time_zone="UTC").dt.replace_time_zone(None)
            yield frame.with_columns(
                ts.alias("ts"),
                _item_id(log.campaign),
                pl.lit(log.policy).alias("policy"),
                pl.lit("1").alias("policy_version"),
                pl.lit(log.campaign).alias("candidate_set"),
            ).drop("timestamp")


def _items(files: Files, contexts: dict[str, str]) -> Iterator[pl.DataFrame]:
    for campaign, name in sorted(contexts.items()):
        for frame in read_csv(files, name, _ITEMS, _ALIASES):
            yield frame.with_columns(_item_id(campaign), pl.lit(campaign).alias("campaign"))


def _item_id(campaign: str) -> pl.Expr:
    return pl.concat_str(pl.lit(f"{campaign}-"), pl.col("item_id").cast(pl.String)).alias("item_id")
