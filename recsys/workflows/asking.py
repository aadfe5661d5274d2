"""`similar` and `explain`: questions to a trained model; nothing is recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from recsys.core.checks import positive_int
from recsys.core.errors import NotFoundError
from recsys.display import Tabular, View, Viewable
from recsys.store.artifacts import load_artifact
from recsys.workflows.identities import forgotten, ids_like, table_of, with_titles
from recsys.workflows.training import training_run

if TYPE_CHECKING:
    from recsys.dataset.vocabulary import Ids
    from recsys.models import Explanation
    from recsys.store import Run, Store


@dataclass(frozen=True, eq=False, repr=False)
class Neighbours(Viewable, Tabular):
    """The most similar items, with titles where the store has them.

    Parameters
    ----------
    model : str
        The model's name.
    frame : polars.DataFrame
        item_id, [title], similar_item_id, [similar_title], rank, score.
    """

    model: str
    frame: pl.DataFrame

    def to_polars(self) -> pl.DataFrame:
        """Return the frame."""
        return self.frame

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {"model": self.model, "similar": self.frame.to_dicts()}

    def view(self) -> View:
        """Return the table."""
        asked = [name for name in ("item_id", "title") if name in self.frame.columns]
        if self.frame.is_empty() or self.frame["item_id"].n_unique() > 1:
            return View(f"similar items, by {self.model}", (table_of(self.frame),))
        item, *title = (str(value) for value in self.frame.select(asked).row(0) if value is not None)
        named = f"item {item}" + (f" ({title[0]})" if title else "")
        return View(f"items similar to {named}, by {self.model}", (table_of(self.frame.drop(asked)),))


@dataclass(frozen=True, eq=False, repr=False)
class Reasons(Viewable, Tabular):
    """Why a user gets an item, with titles where the store has them.

    Parameters
    ----------
    model : str
        The model's name.
    explanation : Explanation
        What the model says.
    title : str or None
        The item's title.
    frame : polars.DataFrame
        The user's items that contributed most: item_id, [title], weight, contribution.
    """

    model: str
    explanation: Explanation
    title: str | None
    frame: pl.DataFrame

    def to_polars(self) -> pl.DataFrame:
        """Return the contributions."""
        return self.frame

    def to_dict(self) -> dict[str, Any]:
        """Return plain values."""
        return {
            **self.explanation.to_dict(),
            "model": self.model,
            "title": self.title,
            "contributions": self.frame.to_dicts(),
        }

    def view(self) -> View:
        """Return the score and what it is made of, or that it is a fallback."""
        told = self.explanation
        item = f"{told.item_id}" + (f" ({self.title})" if self.title else "")
        title = f"user {told.user_id}, item {item}: score {told.score:.4g} by {self.model}"
        if told.source == "fallback":
            note = "a fallback: the model knows no history of this user, and the score is the item's popularity"
            return View(title, (), (note,))
        table = table_of(self.frame, "what the score is made of")
        weight = "weight: what the user's events with the item count in training; contribution: its part of the score"
        return View(title, (table,), (f"all other items of the history: {told.rest:.4g}", weight))


def similar(store: Store, run: str | Run, item_ids: Ids, k: int = 10) -> Neighbours:
    """Return the items that a trained model takes for the most similar ones.

    Parameters
    ----------
    store : Store
        The store.
    run : str
        A training run.
    item_ids : ids
        The items.
    k : int
        Neighbours of each.

    Raises
    ------
    NotFoundError
        There is no such run, or an item has no training event.
    NotEstimableError
        The model has no notion of similarity.
    """
    positive_int("k", k)
    trained = training_run(store, run)
    model = load_artifact(store.artifacts, str(trained.artifact))
    frame = model.similar_items(ids_like(item_ids, model.items_, "item_id"), k).to_polars()
    frame = with_titles(store, frame, "item_id", "title")
    return Neighbours(model.name, with_titles(store, frame, "similar_item_id", "similar_title"))


def explain(store: Store, run: str | Run, user_id: int | str, item_id: int | str, k: int = 10) -> Reasons:
    """Return which items of a user's history make up the score of an item.

    Parameters
    ----------
    store : Store
        The store.
    run : str
        A training run.
    user_id, item_id : int or str
        The pair.
    k : int
        How many contributions.

    Raises
    ------
    NotFoundError
        There is no such run, the item has no training event, or the user was forgotten.
    NotEstimableError
        The model's scores do not split into contributions.
    """
    trained = training_run(store, run)
    model = load_artifact(store.artifacts, str(trained.artifact))
    user = ids_like([str(user_id)], model.users_, "user_id")[0]
    item = ids_like([str(item_id)], model.items_, "item_id")[0]
    if len(forgotten(store, trained, model, pl.Series([user]))):
        raise NotFoundError(
            f"user {user!r} was forgotten", "a user whom the store knows was expected", "train the model again"
        )
    told = model.explain(user, item, k)
    frame = with_titles(store, told.contributions, "item_id", "title")
    titles = with_titles(store, pl.DataFrame({"item_id": [item]}), "item_id", "title")
    title = titles["title"][0] if "title" in titles.columns else None
    return Reasons(model.name, told, title, frame)
