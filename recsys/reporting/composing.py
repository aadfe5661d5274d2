"""`compose`: a `Document` from results, runs, views or a store."""

from __future__ import annotations

import re
from collections.abc import Sequence

from recsys.core.errors import ArgumentError
from recsys.display import View, Viewable
from recsys.reporting.document import Document, Section, assembled
from recsys.reporting.index import index
from recsys.reporting.runs import run_section
from recsys.store import Run, Store


def compose(results: object, *, title: str | None = None) -> Document:
    """Return the document that tells of one or several results.

    Parameters
    ----------
    results : result, Run, Recorded, View, Section, Store, or a sequence of them
        Whatever has a `view`; a run, or the pair of a run and its result, tells how to repeat it, too. Of a store: an
        index of what it holds.
    title : str, optional
        The heading; by default what kind of result it is.

    Raises
    ------
    ArgumentError
        There is nothing in it, or something that cannot be looked at.

    Examples
    --------
    >>> compose(View("als beats pop"), title="Spring").lead
    'als beats pop'
    """
    if isinstance(results, Document):
        return results
    if isinstance(results, Store):
        return index(results, title)
    sections = tuple(_section(one) for one in _listed(results))
    return assembled(sections, title)


def kind_of(result: object) -> str:
    """Return what kind of thing a result is, in words.

    Examples
    --------
    >>> class SegmentEffects: ...
    >>> kind_of(SegmentEffects())
    'Segment effects'
    """
    words = re.findall(r"[A-Z][a-z]*", type(result).__name__)
    return " ".join(words).capitalize()


def _listed(results: object) -> Sequence[object]:
    recorded = isinstance(results, tuple) and hasattr(results, "_fields")
    return results if isinstance(results, list | tuple) and not recorded else [results]


def _section(one: object) -> Section:
    match one:
        case Section():
            return one
        case View():
            return Section("Report", one)
        case Run():
            return run_section(one)
        case (Run() as run, result):
            return run_section(run, result.view() if isinstance(result, Viewable) else None)
        case Viewable():
            return Section(kind_of(one), one.view())
    raise ArgumentError(
        f"a {type(one).__name__} cannot be reported",
        "a result, a run, a view or a store was expected",
        "anything with a method view() that returns a View",
    )
