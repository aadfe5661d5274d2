"""Logs of impressions, and policies, as files: Open Bandit as it is downloaded, CSV, Parquet, JSON lines."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from recsys.core.errors import DataError
from recsys.dataset import id_series
from recsys.layouts import load_layout
from recsys.layouts.files import files_of
from recsys.layouts.openbandit import has_open_bandit_log, open_bandit_items
from recsys.ope import FramePolicy, LoggedFeedback, Policy, PopularityPolicy
from recsys.scoring.exploring import Explorer
from recsys.workflows.tables import TABLES, read_table

_OPEN_BANDIT = {"timestamp", "item_id", "position"}
_PROPENSITIES = ("propensity_score", "action_prob")
_OF_IMPRESSIONS = {
    "request_id", "user_id", "ts", "timestamp", "position", "policy", "viewed", *_PROPENSITIES, "propensity_position",
    "propensity_given_above", "propensity_slate", "probability", "pscore", "propensity", "p", "prob",
}  # fmt: skip


def read_log(path: str | Path) -> pl.DataFrame:
    """Return the impressions of a file, or of a download of the Open Bandit data (folder, archive or file).

    A table with the columns of Open Bandit is read as one, whatever its name: ``propensity_score`` or ``action_prob``
    is the propensity of the item at its position.

    Raises
    ------
    NotFoundError
        There is no such file.
    DataError
        It is no log, or cannot be read.
    """
    frame = _read_rows(path)
    if _tells_of_items(frame):
        raise DataError(
            f"{path} has one row for each of {len(frame):,} items, and not to whom, when or where they were shown",
            "a log with a row for each impression was expected, and this is a table of items",
        )
    return frame


def _tells_of_items(frame: pl.DataFrame) -> bool:
    """Return whether a table has each item once, and nothing that a log tells of its impressions."""
    if "item_id" not in frame.columns or len(frame) < 2 or _OF_IMPRESSIONS & set(frame.columns):
        return False
    return frame["item_id"].n_unique() == len(frame)


def _read_rows(path: str | Path) -> pl.DataFrame:
    """Return the rows of a log, or of the table of a policy."""
    place = Path(path)
    files = files_of(place)
    if has_open_bandit_log(files):
        return load_layout("open-bandit", place)["impressions"].collect()
    if place.suffix not in TABLES:
        raise DataError(
            f"{place} is no log that is known here",
            f"a file {', '.join(TABLES)} or the Open Bandit data was expected",
        )
    frame = read_table(place)
    if frame.is_empty():
        raise DataError(f"{place} has no rows", "a row for each impression was expected")
    found = next((name for name in _PROPENSITIES if name in frame.columns), None)
    if found is None or not set(frame.columns) >= _OPEN_BANDIT:
        return frame
    kept = [name for name in frame.columns if name and not name.startswith("user-item_affinity")]
    return frame.select(kept).rename({"timestamp": "ts", found: "propensity_position"})


def read_items(path: str | Path) -> pl.DataFrame:
    """Return a table of items; of a download of the Open Bandit data that of its items, called as in its log.

    Raises
    ------
    NotFoundError
        There is no such file.
    DataError
        It cannot be read.
    """
    items = open_bandit_items(files_of(Path(path)))
    return read_table(Path(path)) if items is None else items.collect().drop("campaign")


def policy_of_file(
    path: str | Path, feedback: LoggedFeedback, *, explore: Explorer | None = None, k: int | None = None
) -> tuple[Policy, str]:
    """Return the policy that a file describes, and a note on what it is.

    A table with a column ``probability`` tells it itself, one with ``popularity`` ranks by it; a log is the policy that
    shows items as often as they stand at each position there.

    Raises
    ------
    NotFoundError
        There is no such file.
    DataError
        It is none of these.
    """
    place = Path(path)
    frame = _read_rows(place)
    if "item_id" not in frame.columns:
        raise DataError(
            f"{place} has no column 'item_id' (found: {', '.join(frame.columns)})",
            "item_id with probability, or with popularity, or a log of another policy was expected",
        )
    ids = id_series(frame["item_id"], name="item_id")
    if len(ids) and len(feedback) and not (feedback.items.encode(ids) >= 0).any():
        raise DataError(
            f"no item of {place} is in the log: {ids[0]!r} here, {feedback.items.ids[0]!r} there",
            "ids as the log has them were expected",
        )
    if "probability" in frame.columns:
        return FramePolicy(frame, name=place.stem), ""
    if "popularity" in frame.columns:
        own = frame.select("item_id", "popularity")
        return PopularityPolicy(own, explore, k, name=place.stem), ""
    return _as_often(frame, feedback, place)


def _as_often(frame: pl.DataFrame, feedback: LoggedFeedback, place: Path) -> tuple[Policy, str]:
    if frame.is_empty():
        raise DataError(f"{place} has no rows", "a log of another policy was expected")
    writers = frame["policy"].unique().sort().to_list() if "policy" in frame.columns else []
    if len(writers) > 1:
        told = ", ".join(map(str, writers))
        raise DataError(f"{place} was written by several policies: {told}", "the log of one was expected")
    keys = ["position"] if feedback.has_positions and "position" in frame.columns else []
    counts = frame.group_by(*keys, "item_id").len()
    total = pl.col("len").sum().over(keys) if keys else pl.col("len").sum()
    shares = counts.with_columns((pl.col("len") / total).alias("probability")).drop("len")
    where = " at each position" if keys else ""
    note = (
        f"{place.stem} shows items as often as the {len(frame):,} rows of its log did{where}, whatever the context;"
        " intervals do not know of the error of these frequencies"
    )
    return FramePolicy(shares.sort(*keys, "item_id"), name=place.stem), note
