"""`Viewable`: what gives every result its text in a terminal and its table in a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod

from recsys.display.html import to_html
from recsys.display.text import to_text
from recsys.display.view import View


class Viewable(ABC):
    """A result that can be looked at: it says what it shows (`view`), and gets ``repr`` and ``_repr_html_`` for it.

    Examples
    --------
    >>> class Count(Viewable):
    ...     def view(self):
    ...         return View("3 users")
    >>> Count()
    3 users
    """

    __slots__ = ()

    @abstractmethod
    def view(self) -> View:
        """Return what the result shows."""

    def __repr__(self) -> str:
        return to_text(self.view())

    def _repr_html_(self) -> str:
        return to_html(self.view())
