"""`compose`: a `Document` from results, runs, views or a store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from recsys.core.errors import ArgumentError
from recsys.display import View, Viewable
from recsys.reporting.document import Document, Section
from recsys.reporting.method import run_facts, version_facts
from recsys.store import Run
from recsys.store.versions import versions


def compose(results: object, *, title: str | None = None) -> Document:
    """Return the document that tells of one or several results.

    Parameters
    ----------
    results : result, Run, Recorded, View, Section, Document, or a sequence of them
        Whatever has a `view`; a `Recorded` pair tells how to repeat it, too.
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
    sections = tuple(_section(one) for one in _listed(results))
    if not sections:
        raise ArgumentError("there is nothing to report", "a result, a run or a view was expected")
    lead = sections[0].conclusion if len(sections) == 1 else f"{len(sections)} results."
    heading = title or (sections[0].title if len(sections) == 1 else "Report")
    return Document(heading, lead, sections, version_facts(versions()))


def kind_of(result: object) -> str:
    """Return what kind of thing a result is, in words.

    Examples
    --------
    >>> kind_of(View("x"))
    'View'
    """
    words = re.findall(r"[A-Z][a-z]*", type(result).__name__)
    return " ".join(words).capitalize()


def _listed(results: object) -> Iterable[object]:
    many = isinstance(results, Sequence) and not isinstance(results, str | bytes) and not hasattr(results, "_fields")
    return results if many else [results]  # type: ignore[return-value]


def _section(one: object) -> Section:
    match one:
        case Section():
            return one
        case View():
            return Section("Report", one)
        case Viewable():
            return Section(kind_of(one), one.view())
        case (Run() as run, Viewable() as result):
            return Section(kind_of(result), result.view(), run_facts(run))
    raise ArgumentError(f"a {type(one).__name__} cannot be reported", "a result, a run or a view was expected")
