"""`Card`: what a notebook shows of an object whose ``repr`` is one line."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from recsys.display.view import Cell, Table, View


class Card(ABC):
    """An object with a short ``repr`` of its own and a small view for notebooks.

    Examples
    --------
    >>> class Box(Card):
    ...     def __repr__(self):
    ...         return "Box(3)"
    ...     def card(self):
    ...         return facts("Box", {"things": 3})
    >>> Box(), Box().card().tables[0].rows
    (Box(3), (('things', 3),))
    """

    __slots__ = ()

    @abstractmethod
    def card(self) -> View:
        """Return what a notebook shows; cheap, whatever the object holds."""

    def _repr_html_(self) -> str:
        from recsys.display.html import to_html

        return to_html(self.card())


def facts(title: str, values: Mapping[str, Cell], tables: Sequence[Table] = (), notes: Sequence[str] = ()) -> View:
    """Return a view of named values, further tables and notes; values that are None are left out.

    Parameters
    ----------
    title : str
        The conclusion, or what it is.
    values : mapping of str to cell
        The first table: one row a name.
    tables : sequence of Table
        Further tables.
    notes : sequence of str
        Sentences below.

    Examples
    --------
    >>> facts("Dataset", {"users": 2, "since": None}).tables[0].rows
    (('users', 2),)
    """
    known = tuple((name, value) for name, value in values.items() if value is not None)
    first = [Table(("", ""), known)] if known else []
    return View(title, (*first, *tables), tuple(notes))


def settings_text(value: Any) -> str:
    """Return the fields of a dataclass that are not as they come.

    Examples
    --------
    >>> from recsys.display import Table
    >>> settings_text(Table(("a",), (), caption="seen")), settings_text(Table((), ()))
    ("columns=('a',), rows=(), caption='seen'", 'columns=(), rows=()')
    """
    told = [f"{one.name}={held!r}" for one in fields(value) if (held := getattr(value, one.name)) != one.default]
    return ", ".join(told) or "as it comes"
