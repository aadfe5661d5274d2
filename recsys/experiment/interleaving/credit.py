"""Credit: what each click on an interleaved list says about the two rankers, added up per user."""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from recsys.core.checks import one_of
from recsys.core.errors import DataError
from recsys.core.frames import as_polars
from recsys.dataset.vocabulary import id_series
from recsys.experiment.interleaving.merging import Interleaving
from recsys.experiment.interleaving.methods import METHODS

_LIST_COLUMNS = ("user_id", "item_id", "rank", "team", "rank_a", "rank_b", "method")


class Clicks(NamedTuple):
    """How the rows of clicks were used.

    Attributes
    ----------
    rows : int
        All rows.
    counted : int
        Clicks that give credit, each (user, request, item) once.
    repeated : int
        Further clicks on the same item in the same request; with a value they add up, else they do not count.
    not_shown : int
        Clicks of users with a list on items that are not in it.
    without_list : int
        Clicks of other users.
    shared : int
        Clicks on items of team-draft that both brought, which say nothing.
    nobodys : int
        Clicks on items that nobody brought.
    without_value : int
        Clicks whose value is null, NaN, infinite or below 0.
    """

    rows: int
    counted: int
    repeated: int
    not_shown: int
    without_list: int
    shared: int
    nobodys: int
    without_value: int


class Credit(NamedTuple):
    """Credit per user.

    Attributes
    ----------
    per_user : DataFrame
        One row a user with credit, in order: user_id, credit_a, credit_b.
    clicks : Clicks
    users : int
        Users with a list.
    method : str
    """

    per_user: pl.DataFrame
    clicks: Clicks
    users: int
    method: str


def credit(lists: object, clicks: object, *, value: str | None = None) -> Credit:
    """Return the credit of both rankers per user.

    Team-draft: the team that brought the item gets the click; one on an item that both brought says nothing. Balanced
    (Radlinski et al. 2008): of a request, let k be the better of the two ranks of the lowest clicked item; each ranker
    gets the clicks on its own best k items. Probabilistic (Hofmann et al. 2011): a click is shared in proportion to how
    probable each ranker was to put the item there, which is the expectation over all assignments that could have made
    the list.

    Parameters
    ----------
    lists : Interleaving or frame
        As `Interleaving.to_polars` gives it.
    clicks : frame
        Columns user_id and item_id, and request_id if a user was shown the list several times: requests are credited
        one by one. Without it all clicks of a user are one request.
    value : str, optional
        A column of the clicks that counts instead of 1, such as minutes watched.

    Raises
    ------
    DataError
        A column is missing, or the lists are not what `interleave` made.
    """
    shown, method = _shown(lists)
    rows = _clicks(clicks, value, shown.schema)
    joined = rows.join(shown.with_columns(shown=True), on=["user_id", "item_id"], how="left")
    have = shown.select(pl.col("user_id").unique())
    with_list = joined.join(have, on="user_id", how="semi")
    found = with_list.filter(pl.col("shown"))
    ours = found.filter(pl.col("team").is_in(["a", "b"]))
    shared = found.filter(pl.col("team") == "both")
    usable = ours.filter(pl.col("weight").is_finite() & (pl.col("weight") >= 0))
    keys: list[str] = [name for name in ("user_id", "request_id", "item_id") if name in usable.columns]
    once = usable.group_by(keys).agg(
        pl.col("weight").sum() if value is not None else pl.col("weight").first(),
        pl.exclude(["weight", "shown"]).first(),
    )
    per_user = (
        _share(once, method, keys[:-1])
        .group_by("user_id")
        .agg(pl.col("credit_a", "credit_b").sort_by("order").sum())
        .filter(pl.col("credit_a") + pl.col("credit_b") > 0)
        .sort("user_id")
    )
    told = Clicks(
        rows=len(rows),
        counted=len(once),
        repeated=len(usable) - len(once),
        not_shown=len(with_list) - len(found),
        without_list=len(rows) - len(with_list),
        shared=len(shared),
        nobodys=len(found) - len(ours) - len(shared),
        without_value=len(ours) - len(usable),
    )
    return Credit(per_user, told, len(have), method)


def _share(once: pl.DataFrame, method: str, request: list[str]) -> pl.DataFrame:
    """Add the columns credit_a and credit_b, and the order in which they are added up."""
    weight = pl.col("weight")
    if method == "team-draft":
        parts = {side: weight * (pl.col("team") == side) for side in "ab"}
    elif method == "probabilistic":
        total = pl.col("chance_a") + pl.col("chance_b")
        parts = {side: weight * pl.col(f"chance_{side}") / total for side in "ab"}
    else:
        best = pl.min_horizontal("rank_a", "rank_b").sort_by("rank").last().over(request)
        once = once.with_columns(depth=best)
        parts = {side: weight * (pl.col(f"rank_{side}") <= pl.col("depth")).fill_null(False) for side in "ab"}
    # the sum of floats depends on their order: by request, then slot
    order = pl.struct([*(name for name in request if name != "user_id"), "rank"]).rank("dense").alias("order")
    return once.with_columns(order, credit_a=parts["a"], credit_b=parts["b"])


def _shown(lists: object) -> tuple[pl.DataFrame, str]:
    """Return the recorded lists and how they were made."""
    frame = lists.to_polars() if isinstance(lists, Interleaving) else as_polars(lists, "lists")
    missing = [name for name in _LIST_COLUMNS if name not in frame.columns]
    if missing:
        raise DataError(f"the lists have no column {missing[0]!r}", "the frame that interleave made was expected")
    methods = frame["method"].unique().to_list()
    if len(methods) > 1:
        raise DataError(f"the lists were made by {len(methods)} methods", "one method was expected")
    method = methods[0] if methods else "team-draft"
    one_of("the method of the lists", method, METHODS)
    wanted = [*_LIST_COLUMNS[:-1], *(("chance_a", "chance_b") if method == "probabilistic" else ())]
    if any(name not in frame.columns for name in wanted):
        raise DataError("the lists have no column 'chance_a'", "probabilistic lists record both chances")
    frame = frame.select(wanted).with_columns(
        id_series(frame["user_id"], name="user_id").alias("user_id"),
        id_series(frame["item_id"], name="item_id").alias("item_id"),
    )
    strange = frame["team"].drop_nulls().unique().to_list()
    if set(strange) - {"a", "b", "both"}:
        raise DataError(
            f"a team of the lists is {min(set(strange) - {'a', 'b', 'both'})!r}", "a, b, both or null was expected"
        )
    twice = len(frame) - frame.select(pl.struct("user_id", "item_id").n_unique()).item()
    if twice:
        raise DataError(f"{twice:,} rows of the lists show a user an item again", "an item once a list was expected")
    return frame, method


def _clicks(clicks: object, value: str | None, schema: pl.Schema) -> pl.DataFrame:
    """Return user_id, item_id, [request_id], weight of every click; ids of the type that the lists have."""
    frame = as_polars(clicks, "clicks")
    for name in ("user_id", "item_id", *((value,) if value is not None else ())):
        if name not in frame.columns:
            raise DataError(f"the clicks have no column {name!r}", "user_id and item_id were expected")
    weight = pl.lit(1.0)
    if value is not None:
        if not frame[value].dtype.is_numeric():
            raise DataError(f"the column {value} has the type {frame[value].dtype}", "numbers were expected")
        weight = pl.col(value).cast(pl.Float64).fill_null(float("nan"))
    ids = []
    for name in ("user_id", "item_id"):
        column = id_series(frame[name], nulls=True, name=name).alias(name)
        if len(column) and column.dtype != schema[name]:
            raise DataError(
                f"{name} is {column.dtype} in the clicks and {schema[name]} in the lists", "one type was expected"
            )
        ids.append(column.cast(schema[name]))
    extra = ["request_id"] if "request_id" in frame.columns else []
    return frame.select(*ids, *extra, weight.alias("weight"))
