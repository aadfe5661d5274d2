"""A `Document` as one HTML file: no network, no script, every text escaped, at most 1 MB."""

from __future__ import annotations

import re
from importlib import resources
from itertools import chain, zip_longest
from typing import Any, NamedTuple

from recsys._version import __version__
from recsys.core.errors import RecsysError
from recsys.display import Cell, Chart, Plot, Table, View, cell_text
from recsys.reporting.charted import chart_table
from recsys.reporting.document import Document, Fact, Section
from recsys.reporting.figure import draw, legend
from recsys.reporting.figure.drawing import missing
from recsys.reporting.figure.legend import Key

LIMIT = 1_000_000
WIDE, NARROW = 720, 360
_BROKEN = re.compile(r"(?<=[\d\]]) (?=%)|(?<=[\d∞],) (?=[-−+]?[\d.∞]+\])|(?<=\bp) (?=[<=.\d])|(?<=\bp <) (?=\.)")
_HASH = re.compile(r"[0-9a-f]{64}")


class Fold(NamedTuple):
    """How many rows of a table, and of the table behind a figure, a page shows."""

    rows: int
    marks: int


FOLDS = (Fold(500, 500), Fold(200, 100), Fold(50, 25), Fold(20, 0))


class Column(NamedTuple):
    """A column's name, and whether it holds numbers."""

    name: str
    number: bool


class Drawn(NamedTuple):
    """A cell: its text, its tag and that tag's attributes (no text of a user's)."""

    text: str
    tag: str
    attributes: str


class Grid(NamedTuple):
    """A table as the template draws it; `folded` says what is left out."""

    key: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Drawn, ...], ...]
    folded: str


class Picture(NamedTuple):
    """A chart as the template draws it; `drawings` are SVG, safe as they are."""

    key: str
    title: str
    note: str
    legend: tuple[Key, ...]
    drawings: tuple[str, ...]
    table: Grid


class Part(NamedTuple):
    """A section as the template draws it."""

    key: str
    title: str
    conclusion: str
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    shown: tuple[Grid | Picture, ...]
    method: tuple[Fact, ...]


def to_page(document: Document) -> str:
    """Return the document as HTML of at most 1 MB; rows that do not fit are left out, and the page says so.

    Raises
    ------
    RecsysError
        jinja2 or matplotlib is not installed, or the figures alone are too large.
    """
    template = _template()
    drawings = {
        (place, at): _drawings(chart, f"s{place + 1}f{at + 1}")
        for place, section in enumerate(document.sections)
        for at, chart in enumerate(section.view.charts)
    }
    style = resources.files(__package__).joinpath("templates/report.css").read_text(encoding="utf-8")
    for fold in FOLDS:
        parts = [_part(section, place, fold, drawings) for place, section in enumerate(document.sections)]
        page = {"title": document.title, "lead": document.lead, "sections": parts, "method": document.method}
        text: str = template.render(page={**page, "version": __version__}, style=style)
        if len(text.encode()) <= LIMIT:
            return text
    raise RecsysError(
        f"the report takes {len(text.encode()) / 1e6:.1f} MB",
        "at most 1 MB was expected",
        "report fewer results at a time, or as .json",
    )


def together(text: str) -> str:
    r"""Return a sentence in which no line ends within a number: between it and its %, in an interval, after p.

    Examples
    --------
    >>> together("better: +1.0 % [0.5, 1.5] %, p < .001").split(" ")
    ['better:', '+1.0\xa0%', '[0.5,\xa01.5]\xa0%,', 'p\xa0<\xa0.001']
    """
    return _BROKEN.sub("\N{NO-BREAK SPACE}", text)


def _template() -> Any:
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError:
        raise missing("HTML reports are written by jinja2") from None
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["together"] = together
    environment.tests["hash"] = lambda text: _HASH.fullmatch(text) is not None
    source = resources.files(__package__).joinpath("templates/report.html").read_text(encoding="utf-8")
    return environment.from_string(source)


def _drawings(chart: Chart, key: str) -> tuple[str, ...]:
    """Return the chart for a desk and for a phone; the style sheet shows one of them."""
    sizes = {"wide": WIDE, "narrow": NARROW}
    return tuple(
        draw(chart, f"{key}{name[0]}", width).replace("<svg ", f'<svg class="{name}" ', 1)
        for name, width in sizes.items()
    )


def _part(section: Section, place: int, fold: Fold, drawings: dict[tuple[int, int], tuple[str, ...]]) -> Part:
    key = f"s{place + 1}"
    return Part(
        key,
        section.title,
        section.conclusion,
        section.warnings,
        section.notes,
        tuple(_shown(section.view, place, fold, drawings)),
        section.method,
    )


def _shown(
    view: View, place: int, fold: Fold, drawings: dict[tuple[int, int], tuple[str, ...]]
) -> list[Grid | Picture]:
    """Return figures and tables by turns: each list begins with what is most important."""
    pictures = [
        Picture(
            f"{place + 1}.{at + 1}",
            chart.title,
            chart.note,
            legend(chart),
            drawings[place, at],
            _grid(chart_table(chart), f"of figure {place + 1}.{at + 1}", fold.marks),
        )
        for at, chart in enumerate(view.charts)
    ]
    grids = [_grid(table, f"{place + 1}.{at + 1}", fold.rows) for at, table in enumerate(view.tables)]
    return [part for part in chain.from_iterable(zip_longest(pictures, grids)) if part is not None]


def _grid(table: Table, key: str, most: int) -> Grid:
    numbers = table.right_aligned()
    columns = tuple(Column(name, number) for name, number in zip(table.columns, numbers, strict=True))
    rows = tuple(
        tuple(_cell(cell, at, number) for at, (cell, number) in enumerate(zip(row, numbers, strict=True)))
        for row in table.rows[:most]
    )
    left = len(table.rows) - most
    folded = f"The first {most:,} of {len(table.rows):,} rows; all are in the report as JSON." if left > 0 else ""
    return Grid(key, table.caption, columns, rows, folded)


def _cell(cell: Cell, at: int, number: bool) -> Drawn:
    if isinstance(cell, Plot):
        return Drawn(cell_text(cell), "td", ' class="drawn"')
    if number:
        return Drawn(cell_text(cell), "td", ' class="number"')
    text = cell_text(cell)
    heads = at == 0 and text != ""
    return Drawn(text, "th" if heads else "td", ' scope="row"' if heads else ' class="text"')
