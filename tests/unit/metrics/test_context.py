import polars as pl
import pytest

from recsys.core.errors import ArgumentError
from recsys.metrics import item_features


def shared(attributes: pl.DataFrame, columns: list[str] | None = None) -> list[list[float]]:
    features = item_features(attributes, columns)
    return (features @ features.T).toarray().tolist()


def test_items_share_a_feature_when_they_share_a_value() -> None:
    frame = pl.DataFrame({"genres": ["Comedy| Drama", "Drama|Comedy", "Drama", None]})
    assert shared(frame) == [[2, 2, 1, 0], [2, 2, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]]


def test_lists_numbers_and_text_of_several_columns() -> None:
    frame = pl.DataFrame({"tags": [["a", "b"], ["a", "a"], []], "year": [1999, 1999, 2000]})
    assert shared(frame, ["tags", "year"]) == [[3, 2, 0], [2, 2, 0], [0, 0, 1]]


def test_equal_values_of_different_columns_are_different() -> None:
    assert shared(pl.DataFrame({"a": ["x", None], "b": [None, "x"]}), ["a", "b"]) == [[1, 0], [0, 1]]


def test_titles_and_ids_are_not_compared() -> None:
    frame = pl.DataFrame(
        {"item_id": list("aaab"), "title": ["one", "two", "three", "four"], "genre": ["x", "x", "y", "y"]}
    )
    assert item_features(frame).shape == (4, 2)


def test_mistakes_are_answered() -> None:
    frame = pl.DataFrame({"genre": ["x", "x"], "title": ["one", "two"]})
    with pytest.raises(ArgumentError, match="did you mean 'genre'"):
        item_features(frame, ["genres"])
    with pytest.raises(ArgumentError, match="no item attribute"):
        item_features(frame.select("title"))
