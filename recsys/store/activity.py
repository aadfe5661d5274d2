"""Who did something lately: the users of an update."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import polars as pl

from recsys.store.arrow import fetch_frame
from recsys.store.datasets import not_in_the_future
from recsys.store.schema import high_water, live_rows

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

    from recsys.store.recipes import DataRecipe


def active_users(
    con: DuckDBPyConnection,
    recipe: DataRecipe,
    *,
    since: datetime | None = None,
    after: datetime | None = None,
    mark: int | None = None,
) -> pl.Series:
    """Return the ids, sorted, of the users with an event that is new by any of the rules given.

    Parameters
    ----------
    con : DuckDBPyConnection
        A cursor of the store.
    recipe : DataRecipe
        Which type of event counts; its `until` and `as_of` are not looked at.
    since, after : datetime, optional
        New: at or after `since`; later than `after` (UTC).
    mark : int, optional
        New: arrived after this change.
    """
    limit = high_water(con)
    alive = live_rows(con, "events", as_of=limit)
    in_time, _ = not_in_the_future(con, recipe, alive, limit)
    params: dict[str, object] = {"since": since, "after": after, "mark": mark}
    rules = {"since": "r.ts >= $since", "after": "r.ts > $after", "mark": "r.ingest_id > $mark"}
    given = {name: value for name, value in params.items() if value is not None}
    fresh = " OR ".join(rules[name] for name in given) or "true"
    of_type = "true"
    if recipe.event is not None:
        of_type, given["event"] = "r.event = $event", recipe.event
    return fetch_frame(
        con,
        "SELECT k.user_id FROM user_keys k WHERE k.user_key IN (SELECT r.user_key FROM event_rows r"
        f" WHERE {alive} AND {in_time} AND {of_type} AND ({fresh})) ORDER BY k.user_id",
        given,
    )["user_id"]


def known_users(con: DuckDBPyConnection) -> pl.Series:
    """Return the ids of all users that the store knows; one who was forgotten is not among them."""
    return fetch_frame(con, "SELECT user_id FROM user_keys")["user_id"]
