from __future__ import annotations

from typing import Literal

import pytest

from recsys.core.errors import ArgumentError
from recsys.core.parameters import typed_parameters


class Thing:
    def __init__(
        self,
        size: int = 1,
        share: float = 0.5,
        kind: Literal["a", "b"] = "a",
        name: str | None = None,
        on: bool = True,
        frame: object | None = None,
    ) -> None: ...


def test_text_is_read_as_the_type() -> None:
    words = {"size": "3", "share": "1e-2", "kind": "b", "name": "none", "on": "false"}
    assert typed_parameters("thing", Thing, words) == {"size": 3, "share": 0.01, "kind": "b", "name": None, "on": False}
    assert typed_parameters("thing", Thing, {"size": 3, "on": True}) == {"size": 3, "on": True}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("size", "3.5", "A whole number was expected"),
        ("size", True, "A whole number was expected"),
        ("kind", "c", "One of a, b"),
        ("frame", "x", "thing has no parameter 'frame'"),
        ("siz", "3", "did you mean 'size'"),
    ],
)
def test_what_does_not_fit_is_named(key: str, value: object, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        typed_parameters("thing", Thing, {key: value})
