"""Ids as people type them, and titles as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recsys.core.errors import ArgumentError
from recsys.dataset import Vocabulary, id_series
from recsys.display import Table
from recsys.store.activity import known_users
from recsys.store.datasets import attributes

if TYPE_CHECKING:
    from recsys.dataset.vocabulary import Ids
    from recsys.models import Recommender
    from recsys.store import Run, Store


def ids_like(ids: Ids, vocabulary: Vocabulary, name: str) -> pl.Series:
    """Return ids in the type of a vocabulary: ``"42"`` typed for 42 is 42.

    Raises
    ------
    ArgumentError
        An id is no whole number where the ids are whole numbers.

    Examples
    --------
    >>> ids_like(["42"], Vocabulary.from_ids([1]), "user_id").to_list()
    [42]
    """
    if isinstance(ids, str | int):
        raise ArgumentError(f"{name} is {ids!r}", "a list of ids was expected", f"use [{ids!r}]")
    given = id_series(ids, name=name).rename(name)
    if vocabulary.kind == "text" or given.dtype == pl.Int64:
        return given.cast(pl.String if vocabulary.kind == "text" else pl.Int64)
    numbers = given.cast(pl.Int64, strict=False)
    if numbers.null_count():
        wrong = given.filter(numbers.is_null())[0]
        raise ArgumentError(f"{name} {wrong!r} is no whole number", "ids like those in the store were expected")
    return numbers


def forgotten(store: Store, run: Run, model: Recommender, users: pl.Series) -> pl.Series:
    """Return those of the users whom the model knows and the store was told to forget.

    Parameters
    ----------
    store : Store
        The store.
    run : Run
        The model's run: forgetting one of its users has marked it.
    model : Recommender
        What was trained before.
    users : polars.Series
        Ids in the type of the model's.
    """
    if run.repeatable:
        return users.clear()
    with store.read() as con:
        known = known_users(con).cast(users.dtype)
    return users.filter(pl.Series(model.users_.encode(users) >= 0, dtype=pl.Boolean) & ~users.is_in(known.implode()))


def with_titles(store: Store, frame: pl.DataFrame, key: str, name: str) -> pl.DataFrame:
    """Return the frame with the items' titles in a column after their id, if the store knows titles.

    Parameters
    ----------
    store : Store
        Where titles are.
    frame : polars.DataFrame
        With a column of item ids.
    key, name : str
        That column, and the new one.
    """
    with store.read() as con:
        items = attributes(con, "items")
    if items is None or "title" not in items.columns or name in frame.columns:
        return frame
    titles = items.select(pl.col("item_id").cast(frame[key].dtype).alias(key), pl.col("title").alias(name))
    place = frame.columns.index(key) + 1
    joined = frame.join(titles, on=key, how="left", maintain_order="left")
    return joined.select(*frame.columns[:place], name, *frame.columns[place:])


def table_of(frame: pl.DataFrame, caption: str = "") -> Table:
    """Return a frame as a table; ids are names, so they get no thousands separators.

    Examples
    --------
    >>> table_of(pl.DataFrame({"user_id": [1000], "rank": [1]})).rows
    (('1000', 1),)
    """
    shown = frame.with_columns(pl.col(name).cast(pl.String) for name in frame.columns if name.endswith("_id"))
    return Table(tuple(frame.columns), tuple(shown.rows()), caption)
