"""The errors that recsys raises for a user's mistake; each knows its exit code. Standard library only."""

from __future__ import annotations


class RecsysError(Exception):
    """A problem that the user can understand and mend.

    The message reads ``<what>. <expected>. Hint: <hint>.`` on one line.

    Parameters
    ----------
    what : str
        What is wrong, with the offending value.
    expected : str, optional
        What was expected instead.
    hint : str, optional
        What to do about it.

    Attributes
    ----------
    exit_code : int
        The process exit code that the command line gives for this error.

    Examples
    --------
    >>> str(RecsysError("k is 0", "a whole number of at least 1 was expected", "use k=10"))
    'k is 0. A whole number of at least 1 was expected. Hint: use k=10.'
    """

    exit_code = 1

    def __init__(self, what: str, expected: str = "", hint: str = "") -> None:
        self.what, self.expected, self.hint = what, expected, hint
        super().__init__(_sentences(what, expected, hint))

    def __reduce__(self) -> tuple[type[RecsysError], tuple[str, str, str]]:
        return type(self), (self.what, self.expected, self.hint)


class ArgumentError(RecsysError, ValueError):
    """An argument, option or configuration value is not usable, by itself or with this data (exit code 2)."""

    exit_code = 2


class NotFoundError(RecsysError, LookupError):
    """A store, run, file, user, item or column that was asked for by name does not exist (exit code 3)."""

    exit_code = 3


class LockedError(RecsysError):
    """Another process holds the store (exit code 4)."""

    exit_code = 4


class DataError(RecsysError, ValueError):
    """The data itself is bad: unparsable rows, a file without its columns, a leak into training (exit code 5)."""

    exit_code = 5


class GateError(RecsysError):
    """A gate that the user asked for did not hold (exit code 6)."""

    exit_code = 6


class NotFittedError(RecsysError):
    """A model is used before ``fit`` (exit code 1)."""


class NotEstimableError(RecsysError):
    """A number was asked for that the data cannot give (exit code 1)."""


def _sentences(what: str, expected: str, hint: str) -> str:
    parts = [part.strip().rstrip(".") for part in (what, expected) if part.strip()]
    text = ". ".join(_capital(part) if place else part for place, part in enumerate(parts)) + "."
    advice = hint.strip().rstrip(".")
    return f"{text} Hint: {advice}{'' if advice.endswith('?') else '.'}" if advice else text


def _capital(part: str) -> str:
    """Return a sentence with a capital letter, unless it begins with a name of code: those are told as they are."""
    first = part.split(maxsplit=1)[0].rstrip(",;:")
    return part if any(letter in "_()=./" or letter.isdigit() for letter in first) else part[:1].upper() + part[1:]
