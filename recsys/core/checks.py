"""Argument checks that say what is wrong, what was expected and what to do."""

from __future__ import annotations

import difflib
import math
import numbers
import re
from collections.abc import Iterable

from recsys.core.errors import ArgumentError


def positive_int(name: str, value: object, *, minimum: int = 1, maximum: int | None = None, hint: str = "") -> int:
    """Return `value` as an int of at least `minimum` (and at most `maximum`), or raise.

    Examples
    --------
    >>> positive_int("k", 10)
    10
    """
    whole = not isinstance(value, bool) and isinstance(value, numbers.Integral)
    if not whole or int(value) < minimum or (maximum is not None and int(value) > maximum):  # type: ignore[call-overload]
        shown, most = repr(value), "" if maximum is None else f" and at most {maximum:,}"
        shown = shown if len(shown) <= 60 else f"{shown[:40]}…"
        raise ArgumentError(f"{name} is {shown}", f"a whole number of at least {minimum}{most} was expected", hint)
    return int(value)  # type: ignore[call-overload,no-any-return]


def finite_float(
    name: str,
    value: object,
    *,
    minimum: float = -math.inf,
    maximum: float = math.inf,
    above: float = -math.inf,
    below: float = math.inf,
    hint: str = "",
) -> float:
    """Return `value` as a finite float within the (closed, or with `above`/`below` open) bounds, or raise.

    Examples
    --------
    >>> finite_float("share", 0.2, above=0, below=1)
    0.2
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise ArgumentError(f"{name} is {value!r}", "a finite number was expected", hint)
    number = float(value)
    if not (minimum <= number <= maximum and above < number < below):
        low = f"above {above:g}" if above > -math.inf else f"at least {minimum:g}" if minimum > -math.inf else ""
        high = f"below {below:g}" if below < math.inf else f"at most {maximum:g}" if maximum < math.inf else ""
        raise ArgumentError(
            f"{name} is {value!r}", f"a number {' and '.join(filter(None, (low, high)))} was expected", hint
        )
    return number


def one_of(name: str, value: object, allowed: Iterable[str]) -> str:
    """Return `value` if it is one of the `allowed` words, or raise with the nearest of them.

    Examples
    --------
    >>> one_of("aggregate", "sum", ["sum", "max"])
    'sum'
    """
    choices = list(allowed)
    if isinstance(value, str) and value in choices:
        return value
    raise ArgumentError(
        f"{name} is {value!r}", f"one of {', '.join(choices)} was expected", did_you_mean(str(value), choices)
    )


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Return ``did you mean 'x'?`` for the nearest of the choices, or an empty string.

    Examples
    --------
    >>> did_you_mean("ndgc", ["ndcg", "recall"])
    "did you mean 'ndcg'?"
    >>> did_you_mean("movielens-small", ["movielens-1m", "movielens-latest-small"])
    "did you mean 'movielens-latest-small'?"
    """
    exact = {choice.lower(): choice for choice in choices}
    # Some of the words of a name in several words mean that name, however many letters are missing.
    parts = set(re.split(r"[\W_]+", word.lower()))
    near = [choice for choice in exact if len(parts) > 1 and parts <= set(re.split(r"[\W_]+", choice))]
    near = near or difflib.get_close_matches(word.lower(), exact, n=1, cutoff=0.6)
    return f"did you mean {exact[near[0]]!r}?" if near else ""
