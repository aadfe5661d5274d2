"""`attribute`: to which impression an event belongs, by request or by last touch."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import polars as pl

from recsys.core.checks import one_of
from recsys.core.errors import ArgumentError, DataError
from recsys.core.frames import as_polars
from recsys.core.times import duration_micros
from recsys.dataset.vocabulary import id_series
from recsys.experiment.times import micros_or_null
from recsys.experiment.units import filtering

_IDS = ("user_id", "item_id", "request_id")
_KEYS = {"request_id": ["request_id", "item_id"], "last_touch": ["user_id", "item_id"]}
_ROW, _TIME, _SHOWN = "__row", "__micros", "__shown"


def attribute(
    events: object,
    impressions: object,
    *,
    by: Literal["request_id", "last_touch"] = "last_touch",
    within: str | timedelta | None = None,
) -> pl.DataFrame:
    """Return the events with the impression that each one belongs to, at most one.

    Metrics can then speak of it: ``where={"attributed": True}``, ``where={"impression_policy": "als"}``.

    Parameters
    ----------
    events, impressions : frame
        With ``item_id``, ``ts``, and ``request_id`` or ``user_id``.
    by : {"request_id", "last_touch"}
        The impression of the same item in the same request, or the last one of the same item for the same user that
        is not later than the event. Of several in a request it is the last one that is not later.
    within : str or timedelta, optional
        An event belongs to an impression in [impression, impression + within). ``last_touch`` needs it; a request
        without it is believed, whatever the clocks say.

    Returns
    -------
    DataFrame
        The rows and columns of `events` in their order, then ``attributed`` (bool), and the other columns of
        `impressions` with ``impression_`` before their names, null where there is none.

    Raises
    ------
    ArgumentError
        `by` or `within` is not usable.
    NotFoundError
        A column is missing.
    DataError
        A column has the wrong type, or not the same type in both frames.

    Examples
    --------
    >>> from datetime import datetime
    >>> shown = {"user_id": [1], "item_id": [7], "ts": [datetime(2026, 6, 8, 12)], "policy": ["als"]}
    >>> plays = {"user_id": [1, 1], "item_id": [7, 7], "ts": [datetime(2026, 6, 8, 12, 5), datetime(2026, 6, 8, 13)]}
    >>> attribute(plays, shown, within="30m")["impression_policy"].to_list()
    ['als', None]
    """
    keys = _KEYS[one_of("by", by, _KEYS)]
    if within is None and by == "last_touch":
        raise ArgumentError("within is None", "how long an impression may lie back was expected", "within='30m'")
    length = None if within is None else duration_micros("within", within)
    rows, shown = _prepared(events, "events", keys), _prepared(impressions, "impressions", keys)
    for key in keys:
        if rows[key].dtype != shown[key].dtype:
            raise DataError(
                f"{key} is {rows[key].dtype} in events and {shown[key].dtype} in impressions",
                "one type was expected",
                "cast one of them",
            )
    details = [name for name in shown.columns if name not in (*keys, _ROW, _TIME)]
    shown = shown.drop_nulls([*keys, _TIME]).sort(_TIME, *(name for name in ("position",) if name in details), _ROW)
    renamed = [pl.col(name).alias(f"impression_{name}") for name in details]
    shown = shown.select(*keys, pl.col(_TIME), pl.col(_TIME).alias(_SHOWN), *renamed)
    found = _last_touch(rows.select(_ROW, _TIME, *keys).drop_nulls(), shown, keys, length, believed=by == "request_id")
    joined = rows.join(found, on=_ROW, how="left", maintain_order="left")
    return joined.with_columns(attributed=pl.col(_SHOWN).is_not_null()).select(
        *(name for name in rows.columns if name not in (_ROW, _TIME)),
        "attributed",
        *(f"impression_{name}" for name in details),
    )


def _last_touch(
    rows: pl.DataFrame, shown: pl.DataFrame, keys: list[str], length: int | None, *, believed: bool
) -> pl.DataFrame:
    """Return the rows that belong to an impression, with its columns."""
    details = [name for name in shown.columns if name not in (*keys, _TIME)]
    last = rows.sort(_TIME).join_asof(shown, on=_TIME, by=keys, strategy="backward", check_sortedness=False)
    found = last.filter(pl.col(_SHOWN).is_not_null()).select(_ROW, _TIME, *details)
    if length is not None:
        return found.filter(pl.col(_TIME) - pl.col(_SHOWN) < length).drop(_TIME)
    if believed:  # events that are older than their impression by their clock: the first one of the request
        older = rows.join(found, on=_ROW, how="anti")
        firsts = shown.unique(keys, keep="first", maintain_order=True)
        found = pl.concat([found, older.join(firsts.drop(_TIME), on=keys).select(_ROW, _TIME, *details)])
    return found.drop(_TIME)


def _prepared(frame: object, name: str, keys: list[str]) -> pl.DataFrame:
    table = as_polars(frame, name, ids=_IDS)
    for needed in (*keys, "ts"):
        filtering.column(table, name, needed)
    ids = [id_series(table[key], nulls=True, name=f"{name}.{key}").alias(key) for key in keys]
    return table.with_columns(*ids, micros_or_null(table["ts"], f"{name}.ts").alias(_TIME)).with_row_index(_ROW)
