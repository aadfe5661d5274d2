"""`Viewable`: what gives every result its text in a terminal and its table in a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from recsys.display.html import to_html
from recsys.display.text import to_text
from recsys.display.view import View

if TYPE_CHECKING:
    from altair import LayerChart, VConcatChart


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

    def plot(self, which: int | str | None = None) -> LayerChart | VConcatChart:
        """Return the charts of the view, below one another, as an altair chart for a notebook (extra `notebook`).

        Parameters
        ----------
        which : int or str, optional
            One of them only: its place, from 0, or its title.

        Returns
        -------
        altair.LayerChart or altair.VConcatChart
            With tooltips; texts have the colour of the notebook's.

        Raises
        ------
        NotEstimableError
            There is no chart.
        NotFoundError
            There is not this one.
        RecsysError
            altair is not installed.
        """
        return self.view().plot(which)

    def __repr__(self) -> str:
        return to_text(self.view())

    def _repr_html_(self) -> str:
        return to_html(self.view())
