"""`similar` and `explain`."""

import pytest

from recsys import workflows
from recsys.core.errors import ArgumentError, NotEstimableError, NotFoundError

from .conftest import Shop


def test_similar_items_with_titles(shop: Shop) -> None:
    found = workflows.similar(shop.store, shop.als, ["100", "113"], k=3)
    assert found.frame.columns == ["item_id", "title", "similar_item_id", "similar_title", "rank", "score"]
    assert found.frame["item_id"].to_list() == [100] * 3 + [113] * 3
    own = found.frame.filter(found.frame["item_id"] == 100)
    assert all(item < 112 for item in own["similar_item_id"])
    assert "Title 100" in repr(found)


def test_an_explanation_adds_up(shop: Shop) -> None:
    item = workflows.look(shop.store, shop.als, ["u001"], k=1).frame["item_id"][0]
    found = workflows.explain(shop.store, shop.als, "u001", str(item))
    assert found.explanation.source == "model"
    total = found.frame["contribution"].sum() + found.explanation.rest
    assert total == pytest.approx(found.explanation.score, abs=1e-5)
    assert found.title == f"Title {item}"
    assert found.to_dict()["contributions"][0]["title"].startswith("Title")


def test_a_fallback_says_so(shop: Shop) -> None:
    found = workflows.explain(shop.store, shop.als, "ghost", 100)
    assert found.explanation.source == "fallback"
    assert "a fallback: the model knows no history" in repr(found)


def test_unknown_items_and_silent_models(shop: Shop) -> None:
    with pytest.raises(NotFoundError, match="item 999"):
        workflows.similar(shop.store, shop.als, [999])
    with pytest.raises(ArgumentError, match="'abc' is no whole number"):
        workflows.similar(shop.store, shop.als, ["abc"])
    with pytest.raises(NotEstimableError, match="Popularity"):
        workflows.similar(shop.store, shop.pop, [100])


def test_without_titles_there_are_none(shop: Shop) -> None:
    with shop.store.write() as con:
        con.execute("DELETE FROM item_rows")
    found = workflows.similar(shop.store, shop.als, [100], k=1)
    assert found.frame.columns == ["item_id", "similar_item_id", "rank", "score"]
