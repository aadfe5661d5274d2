"""Search spaces as a user says them, such as ``factors=32,64``, laid over what a model declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args, get_type_hints

from recsys.core.errors import ArgumentError
from recsys.models.base import Recommender
from recsys.models.registry import typed_param
from recsys.models.spaces import Choice, Dimension, Integer, Real

Wish = Dimension | Sequence[Any] | str | int | float | bool | None


def space_of(model: Recommender, wishes: Mapping[str, Wish], *, has_times: bool = True) -> dict[str, Dimension]:
    """Return what a model declares, with the wishes of the user in its place; every end of these is tried out.

    Parameters
    ----------
    model : Recommender
        Unfitted; its other hyper-parameters stay as they are.
    wishes : mapping
        By parameter: a `Dimension`, a list of values, one value, or a text of these: ``"32,64"``, ``"0.01..1:log"``.
    has_times : bool
        Whether the log has times; choices that need them are left out otherwise.

    Raises
    ------
    ArgumentError
        The model has no such parameter, or cannot take such a value.

    Examples
    --------
    >>> from recsys.models import ALS
    >>> found = space_of(ALS(), {"factors": "32,64"})
    >>> found["factors"], found["regularization"] == ALS.search_space["regularization"]
    (Choice(values=(32, 64), needs_times=False), True)
    """
    kind = type(model)
    asked = {name: dimension_of(kind, name, wish) for name, wish in wishes.items()}
    for name, dimension in asked.items():
        for corner in dimension.corners:
            model.clone(**{name: corner}).check_params()
    declared = {name: one for name, one in kind.search_space.items() if has_times or not _needs_times(one)}
    return {**declared, **asked}


def dimension_of(kind: type[Recommender], name: str, wish: Wish) -> Dimension:
    """Return one wish as a dimension of the parameter's type.

    Raises
    ------
    ArgumentError
        There is no such parameter, or the wish cannot be read.

    Examples
    --------
    >>> from recsys.models import ALS
    >>> dimension_of(ALS, "factors", "16..256:log")
    Integer(low=16, high=256, log=True)
    """
    if isinstance(wish, Real | Integer | Choice):
        for corner in wish.corners:
            typed_param(kind, name, corner)
        return wish
    if isinstance(wish, str) and ".." in wish:
        return _range(kind, name, wish)
    if isinstance(wish, str):
        values: list[Any] = [part.strip() for part in wish.split(",")]
    else:
        values = list(wish) if isinstance(wish, Sequence) else [wish]
    typed: tuple[Any, ...] = tuple(typed_param(kind, name, value) for value in values)
    return Choice(typed)


def _range(kind: type[Recommender], name: str, words: str) -> Dimension:
    bounds, _, scale = words.partition(":")
    if scale.strip() not in ("", "log", "linear"):
        raise ArgumentError(
            f"the scale of {name} is {scale!r}", "log or linear was expected", f"write {name}={bounds}:log"
        )
    low, high = (_bound(kind, name, word.strip()) for word in bounds.split("..", 1))
    hint = get_type_hints(kind.__init__)[name]
    log = scale.strip() == "log"
    try:
        return Real(low, high, log) if float in (hint, *get_args(hint)) else Integer(int(low), int(high), log)
    except ArgumentError as error:
        raise ArgumentError(f"the space of {name} is {words!r}: {error.what}", error.expected, error.hint) from None


def _bound(kind: type[Recommender], name: str, word: str) -> float:
    value = typed_param(kind, name, word)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ArgumentError(
            f"a bound of {name} is {word!r}", "a number was expected", f"list the values, such as {name}=a,b"
        )
    return value


def _needs_times(dimension: Dimension) -> bool:
    return isinstance(dimension, Choice) and dimension.needs_times
