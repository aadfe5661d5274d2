"""Models by name, loaded when they are wanted."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from recsys.core.checks import did_you_mean
from recsys.core.errors import ArgumentError, DataError
from recsys.core.parameters import typed_parameters
from recsys.models.artefacts import read_name
from recsys.models.base import Recommender
from recsys.models.names import MODELS


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
    model = kind(**typed_parameters(name, kind, params))
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
    return typed_parameters(kind.name, kind, {key: value})[key]


def load_model(folder: str | Path) -> Recommender:
    """Read a fitted model that `Recommender.save` wrote, of whatever kind it is.

    Raises
    ------
    NotFoundError
        There is no such folder.
    DataError
        The artefact is corrupted, incomplete, written by a newer version, or of a class of your own (use its
        ``load``).

    Examples
    --------
    >>> import tempfile
    >>> from recsys.dataset import Dataset
    >>> from recsys.models import Popularity
    >>> model = Popularity().fit(Dataset.from_frame({"user_id": [1, 1, 2], "item_id": ["a", "b", "a"]}))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     load_model(model.save(f"{folder}/model")).name
    'popularity'
    """
    name = read_name(Path(folder))
    if name not in MODELS:
        raise DataError(
            f"{folder} holds a model {name!r}", f"one of {', '.join(MODELS)} was expected", "use load of its own class"
        )
    return model_class(name).load(folder)
