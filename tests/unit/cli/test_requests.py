from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from recsys.cli.requests import (
    eligibility_from,
    explorer_from,
    measuring_from,
    read_ids,
    recipe_from,
    reranker_from,
)
from recsys.core.errors import ArgumentError, DataError, NotFoundError


def test_no_option_is_no_recipe() -> None:
    assert recipe_from({"store": "shop", "json": True}) is None


def test_a_recipe() -> None:
    recipe = recipe_from({"event": "play", "label_cap": 3.0, "relevance_gain": "value", "until": "2026-06-01"})
    assert recipe is not None
    assert (recipe.event, recipe.label.cap, recipe.relevance.gain) == ("play", 3.0, "value")


def test_measuring() -> None:
    asked = measuring_from({"metrics": ["ndcg@10,mrr"], "by": ["country"], "on_cold": "skip"})
    assert asked == {"metrics": ["ndcg@10", "mrr"], "by": ["country"], "on_cold": "skip", "eligibility": None}


def test_deny_items_or_pairs(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id\n1\n2\n")
    (tmp_path / "pairs.csv").write_text("user_id,item_id\n7,1\n")
    items = eligibility_from({"deny": str(tmp_path / "items.csv")})
    pairs = eligibility_from({"deny": str(tmp_path / "pairs.csv")})
    assert items is not None
    assert pairs is not None
    assert items.forbids([7, 8], [1, 1]).tolist() == [True, True]
    assert pairs.forbids([7, 8], [1, 1]).tolist() == [True, False]


def test_allow_and_rights(tmp_path: Path) -> None:
    (tmp_path / "allow.jsonl").write_text('{"item_id": 1}\n{"item_id": 3}\n')
    (tmp_path / "rights.tsv").write_text("item_id\tcountry\n1\tSE\n3\tDE\n")
    options = {
        "allow": str(tmp_path / "allow.jsonl"),
        "available": str(tmp_path / "rights.tsv"),
        "available_by": "country",
    }
    rules = eligibility_from(options)
    assert rules is not None
    users = {"user_id": [7, 8], "country": ["SE", "DE"]}
    assert rules.forbids([7, 7, 8, 8], [1, 2, 3, 1], user_attributes=users).tolist() == [False, True, False, True]


def test_wrong_files(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="--deny: .* is not a file"):
        eligibility_from({"deny": str(tmp_path / "none.csv")})
    (tmp_path / "titles.csv").write_text("title\nx\n")
    with pytest.raises(DataError, match="no column 'item_id' \\(found: title\\)"):
        eligibility_from({"deny": str(tmp_path / "titles.csv")})
    with pytest.raises(ArgumentError, match="--available FILE"):
        eligibility_from({"available_by": "country"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ids.txt", "7\n\n 9 \n"),
        ("ids.csv", "7\n9\n"),
        ("table.csv", "item_id,title\n7,x\n9,y\n"),
        ("table.tsv", "title\titem_id\nx\t7\ny\t9\n"),
        ("table.jsonl", '{"item_id": 7}\n{"item_id": 9}\n'),
    ],
)
def test_ids_are_a_table_or_one_a_line(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    assert read_ids("--deny", tmp_path / name, "item_id") == ["7", "9"]
    rules = eligibility_from({"deny": str(tmp_path / name)})
    assert rules is not None
    assert rules.forbids([1, 1], [7, 8]).tolist() == [True, False]


@pytest.mark.parametrize(
    ("name", "text"), [("ids.txt", "\n"), ("ids.csv", "user_id\n"), ("ids.jsonl", '{"user_id":null}')]
)
def test_a_file_without_ids(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match="--users names .* holds no ids"):
        read_ids("--users", tmp_path / name, "user_id")


def test_rerankers_and_explorers() -> None:
    assert reranker_from(None, None) is None
    assert explorer_from(None, None) is None
    reranker = reranker_from("mmr", ["trade_off=0.5", "attribute=genres", "pool=20"])
    assert reranker is not None
    assert reranker.to_dict() == {"name": "mmr", "trade_off": 0.5, "pool": 20, "attribute": "genres"}
    explorer = explorer_from(["temperature=2,by=score", "pool=30"], 7)
    assert explorer is not None
    assert explorer.to_dict() == {"name": "plackett-luce", "temperature": 2.0, "pool": 30, "by": "score", "seed": 7}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: reranker_from("mrr", None), "did you mean 'mmr'"),
        (lambda: reranker_from("mmr", ["tradeoff=1"]), "did you mean 'trade_off'"),
        (lambda: reranker_from("mmr", ["item_attributes=x"]), "no parameter 'item_attributes'"),
        (lambda: reranker_from("mmr", ["pool=many"]), "A whole number was expected"),
        (lambda: reranker_from("calibrated", None), "use attribute=genres"),
        (lambda: reranker_from(None, ["pool=3"]), "--set-rerank stands alone"),
        (lambda: explorer_from(None, 7), "--seed stands alone"),
        (lambda: explorer_from(["pool=7"], None), "Either epsilon"),
        (lambda: explorer_from(["epsilon=0.1", "temperature=1"], None), "epsilon and temperature"),
        (lambda: explorer_from(["epsilon=2"], None), "epsilon is 2.0"),
    ],
)
def test_wrong_rerankers_and_explorers(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        call()
