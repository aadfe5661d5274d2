"""`choose` takes what does best of what suits the data, and says why."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import polars as pl
import pytest

from recsys.core.errors import ArgumentError, DataError
from recsys.dataset import Dataset, temporal_split
from recsys.evaluation import choose, choosing
from recsys.evaluation.choosing import Shape
from recsys.models import ALS
from recsys.models.registry import model_names


def tastes(n_groups: int, n_events: int = 6000, n_users: int = 300, n_items: int = 120) -> Dataset:
    """Users of a group use the items of that group only; one group: all that differs is popularity."""
    rng = np.random.default_rng(2)
    users = rng.integers(0, n_users, n_events)
    within = (rng.random(n_events) ** 2 * (n_items // n_groups)).astype(int)
    times = pl.from_epoch(pl.Series(rng.integers(0, 50 * 86_400, n_events)), time_unit="s")
    return Dataset.from_frame(
        pl.DataFrame({"user_id": users, "item_id": within * n_groups + users % n_groups, "ts": times})
    )


def test_where_tastes_differ_a_model_of_tastes_is_chosen() -> None:
    found = choose(tastes(6))
    assert found.name != "popularity"
    values = {trial.model: trial.value for trial in found.tuning.trials}
    assert values[found.name] == max(values.values()) > 2 * values["popularity"]
    assert {"popularity", "itemknn", "als"} <= set(values)
    assert isinstance(found.model(), type(found.tuning.bases[found.name]))


def test_where_they_do_not_popularity_is_chosen() -> None:
    found = choose(tastes(1))
    assert found.name == "popularity"
    best = found.tuning.best
    if best.model != "popularity":  # ahead by chance
        assert f"popularity was chosen: it lies within the interval of {best.model}, and is simpler" in found.reasons
    assert found.model().name == "popularity"


def test_the_reasons_are_plain_words() -> None:
    data = tastes(6)
    found = choose(data)
    told = "\n".join(found.reasons)
    assert f"the data: 300 users, 120 items, {data.pairs().nnz:,} pairs" in told
    assert "50.0 events an item, with times" in told
    assert f"{found.name} did best, each as it comes: ndcg@10 on what happened from 1970-02-" in told
    assert "popularity 0." in told
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.name in repr(found)


def test_no_model_picks_its_epochs_on_the_part_that_ranks_it() -> None:
    found = choose(tastes(6))
    (als,) = (trial for trial in found.tuning.trials if trial.model == "als")
    assert als.params["iterations"] == found.tuning.bases["als"].params["iterations"] == ALS().iterations
    assert als.looks[-1].epochs is None
    assert not any("stopped early" in note for note in found.tuning.notes)


def test_few_pairs_leave_popularity_alone() -> None:
    found = choose(tastes(2, n_events=250))
    assert found.name == "popularity"
    assert [trial.model for trial in found.tuning.trials] == ["popularity"]
    assert "are too few to learn tastes from (fewer than 300)" in found.left_out["als"]


def test_large_catalogues_leave_out_what_compares_items_with_items() -> None:
    shape = Shape(users=10**6, items=200_000, pairs=10**8, events=2 * 10**8, products=10**11, has_times=True)
    objections = {name: why(shape) for name, why in choosing._OBJECTIONS.items()}
    assert [name for name, why in objections.items() if not why] == ["popularity", "als"]
    assert "160.0 GB" in objections["ease"]
    assert "100,000,000,000 products" in objections["itemknn"]


def test_families_are_registered_names_or_not_tried() -> None:
    assert {"popularity", "itemknn", "als"} <= set(choosing._OBJECTIONS) & set(model_names())
    tried = {trial.model for trial in choose(tastes(6)).tuning.trials}
    assert tried <= set(model_names())


def test_products_are_counted() -> None:
    data = Dataset.from_frame({"user_id": [1, 1, 1, 2, 2, 3], "item_id": [1, 2, 2, 1, 3, 4]})
    assert Shape.of(data) == Shape(users=3, items=4, pairs=5, events=6, products=4 + 4 + 1, has_times=False)


def test_the_lead_is_called_close_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    from recsys.models import ItemKNN

    class Twin(ItemKNN):
        name = "twin"

    real: Any = choosing.tune
    monkeypatch.setattr(
        choosing, "tune", lambda _, train, **options: real([ItemKNN(), Twin()], train, **{**options, "trials": 2})
    )
    assert any("twin within the interval of itemknn" in reason for reason in choose(tastes(6)).reasons)


def test_nothing_to_choose_on() -> None:
    data = tastes(6)
    with pytest.raises(DataError, match="auto cannot choose: the test part of the split is empty|auto cannot choose"):
        choose(data.keep(np.arange(len(data)) < 1))
    with pytest.raises(ArgumentError, match="validation is 'soon'"):
        choose(data, validation="soon")


def test_what_is_held_out_is_not_looked_at() -> None:
    train, test = temporal_split(tastes(6), "10d")
    held = temporal_split(train, "10d").test
    assert f"({len(held):,} events)" in choose(train, validation="10d").tuning.validation
    assert len(test)
