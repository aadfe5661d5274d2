"""`report`: a document under a name whose ending says how it is drawn."""

from __future__ import annotations

import json
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import BinaryIO

from recsys.core.checks import one_of
from recsys.core.errors import ArgumentError
from recsys.core.files import writable, write_whole
from recsys.reporting.composing import compose
from recsys.reporting.document import Document
from recsys.reporting.markdown import to_markdown
from recsys.reporting.page import to_page


def to_json(document: Document) -> str:
    """Return the document as JSON, the same bytes for the same content."""
    return json.dumps(document.to_dict(), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


FORMATS: dict[str, Callable[[Document], str]] = {"html": to_page, "md": to_markdown, "json": to_json}
SUFFIXES = {".html": "html", ".htm": "html", ".md": "md", ".markdown": "md", ".json": "json"}


def report(results: object, path: str | PathLike[str], *, title: str | None = None) -> Path:
    """Write results as one file to send around: the conclusion first, then the evidence, then how to repeat it.

    Parameters
    ----------
    results : result, Run, Recorded, View, Store, or a list of them
        What the report tells. Of a store: an index of what it holds.
    path : str or path
        Ends in ``.html`` (one file of at most 1 MB that needs neither network nor JavaScript), ``.md`` or ``.json``.
        The file appears whole or not at all; an older one gives way.
    title : str, optional
        The heading; by default what kind of result it is.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ArgumentError
        The ending is another, the name is taken by a folder or a device, or there is nothing to report.
    NotFoundError
        There is no such folder.
    RecsysError
        The extra ``report`` is not installed (HTML).

    Examples
    --------
    >>> import tempfile
    >>> from recsys.display import Table, View
    >>> shown = View("als beats pop by 12 %", (Table(("model", "ndcg@10"), (("als", 0.12), ("pop", 0.107))),))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     text = report(shown, Path(folder) / "als.md", title="Spring models").read_text()
    >>> text.splitlines()[:7:2]
    ['# Spring models', '**als beats pop by 12 %**', '| model | ndcg@10 |', '| als | 0.1200 |']
    """
    if not isinstance(path, str | PathLike):
        raise ArgumentError(
            f"path is a {type(path).__name__}", "the name of a file was expected", 'rs.report(result, "report.html")'
        )
    out = Path(path)
    kind = format_of(out)
    writable(out)  # a slip is told before the work
    write(compose(results, title=title), out, kind)
    return out


def write(document: Document, sink: Path | BinaryIO, kind: str) -> int:
    """Write a document to a file, whole or not at all, or to an open stream; return how many bytes it has.

    Parameters
    ----------
    document : Document
        What is written.
    sink : Path or binary stream
        Where to.
    kind : {"html", "md", "json"}
        The format.

    Examples
    --------
    >>> import io
    >>> from recsys.display import facts
    >>> from recsys.reporting import compose
    >>> sink = io.BytesIO()
    >>> write(compose(facts("Two users", {"users": 2})), sink, "md") == len(sink.getvalue())
    True
    """
    content = FORMATS[kind](document).encode()
    if isinstance(sink, Path):
        write_whole(sink, content)
    else:
        sink.write(content)
        sink.flush()
    return len(content)


def format_of(path: Path, wanted: str | None = None) -> str:
    """Return ``"html"``, ``"md"`` or ``"json"``: what the ending of a name says, or what was asked for.

    Raises
    ------
    ArgumentError
        Neither says one of them, they say different ones, or there is no name.

    Examples
    --------
    >>> format_of(Path("als.HTML"))
    'html'
    """
    if not path.name:
        raise ArgumentError(
            "the name of the report is empty or that of a folder",
            "a name that ends in .html, .md or .json was expected",
        )
    kind = SUFFIXES.get(path.suffix.lower())
    if wanted is not None:
        one_of("format", wanted, tuple(FORMATS))
        if kind not in (None, wanted):
            raise ArgumentError(
                f"path is {str(path)!r} and format is {wanted!r}", f"a name that ends in .{wanted} was expected"
            )
        return wanted
    if kind is None:
        raise ArgumentError(f"path is {str(path)!r}", "a name that ends in .html, .md or .json was expected")
    return kind
