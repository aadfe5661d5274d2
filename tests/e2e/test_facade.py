"""`import recsys as rs`: every public name is there, at its home, for people, for IDEs and for type checkers."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import recsys as rs


@pytest.mark.parametrize("name", rs.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(rs, name) is not None
    assert name in dir(rs)


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Sore'"):
        rs.Sore  # noqa: B018


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse(Path(rs.__file__).read_text("utf-8"))
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {alias.name for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen | {"__version__"} == set(rs.__all__)


def test_star_import() -> None:
    names: dict[str, object] = {}
    exec("from recsys import *", names)
    assert names["ALS"] is rs.ALS
