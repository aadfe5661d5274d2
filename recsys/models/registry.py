"""Models by name, loaded when they are wanted."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from recsys.core.checks import did_you_mean, one_of
from recsys.core.errors import ArgumentError, DataError
from recsys.models.artefacts import read_name
from recsys.models.base import Recommender

MODELS = {
    "popularity": "Popularity",
    "itemknn": "ItemKNN",
    "als": "ALS",
    "bpr": "BPR",
    "logisticmf": "LogisticMF",
}
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", type(None): "none"}


def model_names() -> list[str]:
    """Return the names that `make_model` knows.

    Examples
    --------
    >>> model_names()[0]
    'popularity'
    """
    return list(MODELS)


def model_class(name: str) -> type[Recommender]:
    """Return the class of a model name.

    Raises
    ------
    ArgumentError
        No model has that name.

    Examples
    --------
    >>> model_class("popularity").__name__
    'Popularity'
    """
    if name not in MODELS:
        raise ArgumentError(
            f"there is no model {name!r}", f"one of {', '.join(MODELS)} was expected", did_you_mean(name, MODELS)
        )
    found: type[Recommender] = getattr(import_module(f"recsys.models.{name}"), MODELS[name])
    return found


def make_model(name: str, **params: object) -> Recommender:
    """Return an unfitted model; text values are read as the type that the parameter has.

    Raises
    ------
    ArgumentError
        No model or parameter has that name, or a value does not have the parameter's type.

    Examples
    --------
    >>> make_model("itemknn", neighbors="50")
    ItemKNN(neighbors=50, weighting='tfidf', shrink=20.0)
    """
    kind = model_class(name)
    model = kind(**{key: typed_param(kind, key, value) for key, value in params.items()})
    model.check_params()
    return model


def typed_param(kind: type[Recommender], key: str, value: object) -> object:
    """Return a value as the type that a parameter of a model's class has; text is read.

    Raises
    ------
    ArgumentError
        The model has no such parameter, or the value does not have its type.

    Examples
    --------
    >>> typed_param(model_class("itemknn"), "shrink", "1e2")
    100.0
    """
    known = list(inspect.signature(kind).parameters)
    if key not in known:
        raise ArgumentError(
            f"{kind.name} has no parameter {key!r}",
            f"one of {', '.join(known)} was expected",
            did_you_mean(key, known),
        )
    return _typed(key, value, get_type_hints(kind.__init__)[key])


def load_model(folder: str | Path) -> Recommender:
    """Read a fitted model that `Recommender.save` wrote, of whatever kind it is.

    Raises
    ------
    NotFoundError
        There is no such folder.
    DataError
        The artefact is corrupted, incomplete, written by a newer version, or of a class of your own (use its
        ``load``).
    """
    name = read_name(Path(folder))
    if name not in MODELS:
        raise DataError(
            f"{folder} holds a model {name!r}", f"one of {', '.join(MODELS)} was expected", "use load of its own class"
        )
    return model_class(name).load(folder)


def _typed(key: str, value: object, hint: Any) -> object:
    """Return the value if it has the type of the hint, or the text read as that type."""
    if get_origin(hint) is Literal:
        return one_of(key, value, get_args(hint))
    kinds = get_args(hint) or (hint,)
    if type(None) in kinds and value in (None, "none"):
        return None
    for kind, read in ((bool, _truth), (int, _whole), (float, _number), (str, _text)):
        found = read(value) if kind in kinds and isinstance(value, bool) <= (kind is bool) else None
        if found is not None:
            return found
    expected = " or ".join(_WORDS[kind] for kind in kinds)
    raise ArgumentError(f"{key} is {value!r}", f"{expected} was expected")


def _truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())


def _whole(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if re.fullmatch(r"\s*[+-]?\d+\s*", value) else None
    return int(value) if isinstance(value, Integral) else None


def _number(value: object) -> float | None:
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, Real) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
