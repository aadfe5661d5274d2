"""Texts that every drawing can hold: no control characters, nothing that XML or UTF-8 has no place for."""

from __future__ import annotations

import re
from typing import Any

# Controls (a terminal obeys them), halves of surrogate pairs, noncharacters, and what turns the direction of the
# text around it.
_ILLEGIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")


def legible(text: str) -> str:
    r"""Return a text with a space for each sign that nobody can read.

    Examples
    --------
    >>> legible("a\x1b[31m\tb")
    'a [31m b'
    """
    return _ILLEGIBLE.sub(" ", text)


def made_legible(part: object, *names: str) -> None:
    """Make attributes of a frozen dataclass legible while it is made: texts, and those in tuples."""
    vars(part).update((name, _legible(getattr(part, name))) for name in names)


def _legible(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(legible(one) if isinstance(one, str) else one for one in value)
    return legible(value) if isinstance(value, str) else value
