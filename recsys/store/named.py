"""Whether what a run showed names a person, so that it does not survive when the person is forgotten."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from recsys.display.legible import legible

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_OF_PEOPLE = re.compile(r"user|unit|person|member|account|\bids?\b|_id", re.IGNORECASE)
_WORD = "[0-9A-Za-z_]"


def erase_views(con: DuckDBPyConnection, ids: Collection[str]) -> int:
    """Take away the views of runs that name one of these users or units; return how many there were.

    The run itself stays, with its recipe and its numbers.
    """
    views = con.execute("SELECT run_id, view FROM runs WHERE view IS NOT NULL").fetchall()
    named = [run_id for run_id, view in views if any(names(json.loads(view), one) for one in ids)]
    con.execute("UPDATE runs SET view = NULL WHERE list_contains(?, run_id)", [named])
    return len(named)


def names(view: Mapping[str, Any], identity: str) -> bool:
    """Return whether a view, as plain values, names a user or unit.

    An id with a letter is looked for as a word in every text. A number is an id only where something says so: in a
    column or on an axis of users, units or ids, or behind such a word; else user 10 would be found in ``ndcg@10``.

    Examples
    --------
    >>> table = {"caption": "", "columns": ["user_id", "n"], "rows": [[7, 42]]}
    >>> view = {"title": "user 3 got ann's list", "tables": [table], "notes": ["ndcg@10"], "charts": []}
    >>> [names(view, identity) for identity in ("7", "3", "ann", "42", "10", "an")]
    [True, True, True, False, False, False]
    """
    escaped = f"(?:{re.escape(identity)}|{re.escape(legible(identity))})"  # as it is, or as views write it
    if identity.isdecimal():
        spoken = rf"(?:users?|units?|ids?|members?|accounts?)\W{{1,3}}(?:{_WORD}+, )*{escaped}(?!{_WORD})"
        pattern = re.compile(spoken, re.IGNORECASE)
        if identity in map(str, _places(view)):
            return True
    else:
        pattern = re.compile(rf"(?<!{_WORD}){escaped}(?!{_WORD})")
    return any(pattern.search(text) for text in _texts(view))


def _places(view: Mapping[str, Any]) -> Iterator[Any]:
    """Yield the cells of columns, and the places on axes, that may hold ids."""
    for table in view["tables"]:
        columns = [at for at, name in enumerate(table["columns"]) if _OF_PEOPLE.search(name)]
        yield from (row[at] for row in table["rows"] for at in columns)
    for chart in view["charts"]:
        for side in ("x", "y"):
            if chart[side]["kind"] == "category" and _OF_PEOPLE.search(chart[side]["label"]):
                yield from (place for series in chart["series"] for place in series.get(side, ()))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
