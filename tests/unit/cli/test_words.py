from __future__ import annotations

from pathlib import Path

import pytest

from recsys.cli.words import file_lines, joined, pairs
from recsys.core.errors import ArgumentError, NotFoundError


def test_pairs() -> None:
    assert pairs("--map", ["user_id=a=b", " item_id = c "]) == {"user_id": "a=b", "item_id": "c"}
    assert pairs("--map", None) == {}
    with pytest.raises(ArgumentError, match="name=value"):
        pairs("--map", ["user_id"])
    with pytest.raises(ArgumentError, match="twice"):
        pairs("--map", ["a=1", "a=2"])


def test_joined() -> None:
    assert joined(["a, b", "c"]) == ["a", "b", "c"]
    assert joined(None) == []


def test_file_lines(tmp_path: Path) -> None:
    (tmp_path / "users.txt").write_text("1\n\n 2 \n")
    assert file_lines("--users", tmp_path / "users.txt") == ["1", "2"]
    with pytest.raises(NotFoundError, match=r"--users: .*none\.txt is not a file"):
        file_lines("--users", tmp_path / "none.txt")
