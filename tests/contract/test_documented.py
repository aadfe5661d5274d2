"""Whatever a user may call says what it takes, and shows how: the docstrings of all public names, read as numpydoc."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import recsys

ROOMS = ("", *(f".{room.name}" for room in pkgutil.iter_modules(recsys.__path__) if room.ispkg), ".core.errors")
TAKES = ("Parameters", "Other Parameters", "Attributes")
HEADING = re.compile(r"^(\w[\w ]*)\n-{3,} *$", re.MULTILINE)
BRIEF = 2  # so many parameters may be explained in the sentence that names them, where there is no list
NO_EXAMPLE = {
    "FactorModel": "a base class: its models have examples",
    "ItemModel": "a base class: its models have examples",
    "fetch": "it downloads",
}


def sections(text: str) -> dict[str, str]:
    """Return the text of each section of a docstring by its heading."""
    found = list(HEADING.finditer(text))
    ends = [*(each.start() for each in found), len(text)][1:]
    return {each[1]: text[each.end() : end].strip("\n") for each, end in zip(found, ends, strict=True)}


def described(text: str) -> dict[str, str]:
    """Return what the lists of a docstring say of each name; nothing of a name that is only listed."""
    said: dict[str, str] = {}
    parts = sections(text)
    for line in "\n".join(parts.get(heading, "") for heading in TAKES).split("\n"):
        if line and not line[0].isspace():
            names = [name.strip().lstrip("*") for name in line.split(" : ")[0].split(",")]
            said |= {name: said.get(name, "") for name in names}
        elif line.strip():
            said |= {name: said[name] + line for name in names}
    return said


def wanted(called: Callable[..., Any]) -> list[str]:
    """Return the parameters that a caller gives by name."""
    every = inspect.signature(called).parameters.values()
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return [each.name for each in every if each.name not in ("self", "cls") and each.kind not in kinds]


def faults(name: str, called: Callable[..., Any]) -> list[str]:
    """Return what a docstring leaves out: every name that is listed is described, and a list is complete."""
    text = inspect.getdoc(called) or ""
    if not text.strip():
        return [f"{name}: no docstring"]
    said, names = described(text), wanted(called)
    bare = [f"{name}: {each} is listed without a description" for each in said if not said[each].strip()]
    brief = inspect.isfunction(called) and "Parameters" not in sections(text) and len(names) <= BRIEF
    return bare + ([] if brief else [f"{name}: {each} is not documented" for each in names if each not in said])


def public() -> dict[str, Any]:
    """Return the functions and classes of all ``__all__``, each once, by the name a user writes first."""
    found: dict[str, Any] = {}
    for room in ROOMS:
        module = importlib.import_module(f"recsys{room}")
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            if (inspect.isfunction(value) or inspect.isclass(value)) and value not in found.values():
                found[f"recsys{room}.{name}"] = value
    return found


def methods(name: str, kind: type) -> Iterator[tuple[str, Callable[..., Any]]]:
    for own, value in vars(kind).items():
        plain = value.__func__ if isinstance(value, classmethod | staticmethod) else value
        if not own.startswith("_") and inspect.isfunction(plain):
            yield f"{name}.{own}", plain


def is_plain(value: Any) -> bool:
    """Whether it is data: a result, an exception, a protocol. What a user constructs and calls is not."""
    data = dataclasses.is_dataclass(value) or (inspect.isclass(value) and issubclass(value, tuple | BaseException))
    return data or getattr(value, "_is_protocol", False)


PUBLIC = public()


def test_every_parameter_is_documented() -> None:
    left, seen = [], 0
    for name, value in PUBLIC.items():
        own = [] if inspect.isclass(value) and issubclass(value, BaseException) else [(name, value)]
        for label, called in [*own, *(methods(name, value) if inspect.isclass(value) else ())]:
            left += faults(label, called)
            seen += len(wanted(called))
    assert left == []
    assert len(PUBLIC) > 300  # of 366: the names were found
    assert seen > 2000  # of 2,458: so were their parameters


def test_what_a_user_calls_has_an_example() -> None:
    """Of `workflows`, the verbs of the command line, the executed pages of the guide are the examples."""
    asked = {
        name: value
        for name, value in PUBLIC.items()
        if not is_plain(value) and not name.startswith("recsys.workflows") and name.split(".")[-1] not in NO_EXAMPLE
    }
    assert [name for name, value in asked.items() if ">>> " not in (inspect.getdoc(value) or "")] == []
    assert len(asked) > 140  # of 168
    facade = [getattr(recsys, name) for name in recsys.__all__]
    called = [one for one in facade if inspect.isfunction(one) or inspect.isclass(one)]
    without = {one.__name__ for one in called if ">>> " not in (inspect.getdoc(one) or "")}
    assert without <= {"RecsysError"}


def undescribed(first: int, second: int, third: int) -> None:
    """Do something.

    Parameters
    ----------
    first, second : int
    """


def brief(first: int) -> None:
    """Do something to `first`."""


@pytest.mark.parametrize(
    ("called", "left"),
    [
        (
            undescribed,
            [
                "x: first is listed without a description",
                "x: second is listed without a description",
                "x: third is not documented",
            ],
        ),
        (brief, []),
        (lambda first: first, ["x: no docstring"]),
    ],
)
def test_faults_are_found(called: Callable[..., Any], left: list[str]) -> None:
    assert faults("x", called) == left
