"""Words of a command line that carry structure: ``name=value`` pairs and ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from recsys.core.errors import ArgumentError, NotFoundError


def pairs(option: str, words: Iterable[str] | None) -> dict[str, str]:
    """Return ``["a=b"]`` as ``{"a": "b"}``.

    Raises
    ------
    ArgumentError
        A word has no ``=``, or a name stands twice.

    Examples
    --------
    >>> pairs("--map", ["user_id=member"])
    {'user_id': 'member'}
    """
    found: dict[str, str] = {}
    for word in words or ():
        name, sign, value = word.partition("=")
        if not sign or not name.strip():
            raise ArgumentError(f"{option} is {word!r}", "name=value was expected", f"write {option} name=value")
        if name.strip() in found:
            raise ArgumentError(f"{option} names {name.strip()!r} twice", "each name was expected once")
        found[name.strip()] = value.strip()
    return found


def number(option: str, text: str) -> float:
    """Return a number.

    Raises
    ------
    ArgumentError
        The text is none.

    Examples
    --------
    >>> number("--set clip", "1e2")
    100.0
    """
    try:
        return float(text)
    except ValueError:
        raise ArgumentError(f"{option} is {text!r}", "a number was expected") from None


def file_lines(option: str, path: Path) -> list[str]:
    """Return the lines of a text file that are not blank.

    Raises
    ------
    NotFoundError
        There is no such file.
    """
    if not path.is_file():
        raise NotFoundError(f"{option}: {path} is not a file", "a file was expected")
    return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]


def joined(words: Sequence[str] | None) -> list[str]:
    """Return words that may be repeated or separated by commas, as one list.

    Examples
    --------
    >>> joined(["ndcg@10,recall@50", "mrr"])
    ['ndcg@10', 'recall@50', 'mrr']
    """
    return [part.strip() for word in words or () for part in word.split(",") if part.strip()]
