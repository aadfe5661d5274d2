"""A `Document` as Markdown: GitHub's tables, charts as tables of what they show, every text escaped."""

from __future__ import annotations

import re
from dataclasses import replace

from recsys.display import Chart, Table
from recsys.reporting.charted import chart_table
from recsys.reporting.document import Document, Fact, Section

_SIGNS = re.compile(r"([\\`*_\[\]<>|&~$])")
# What GitHub makes a link of without being asked.
_ADDRESS = re.compile(r"://|\bwww\.", re.IGNORECASE)
# What would begin a heading, a list or a rule.
_OPENING = re.compile(r"^(#{1,6}|[+-]|\d+[.)]|[=-]+)(?=\s|$)")


def to_markdown(document: Document) -> str:
    r"""Return the document as Markdown; nothing in it can become HTML or a link.

    Examples
    --------
    >>> from recsys.display import View
    >>> print(to_markdown(Document("Comparison", "als *beats* pop", (Section("Comparison", View("")),))))
    # Comparison
    <BLANKLINE>
    **als \*beats\* pop**
    <BLANKLINE>
    """
    alone = len(document.sections) == 1
    parts = [f"# {escaped(document.title)}", _strong(document.lead)]
    for section in document.sections:
        parts += _section(section, alone=alone)
    if document.method:
        parts += ["## Versions" if not alone else "", _facts(document.method)]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    r"""Return a text that Markdown shows as it is.

    Examples
    --------
    >>> escaped("<b> a|b"), escaped("1. one")
    ('\\<b\\> a\\|b', '1\\. one')
    """
    plain = " ".join(text.split())
    marked = _ADDRESS.sub(lambda found: found[0].replace(":", "\\:").replace(".", "\\."), _SIGNS.sub(r"\\\1", plain))
    return _OPENING.sub(lambda found: f"{found[1][:-1]}\\{found[1][-1]}", marked)


def _strong(text: str) -> str:
    plain = escaped(text)
    return f"**{plain}**" if plain else ""


def table_text(table: Table) -> str:
    """Return a table as GitHub draws it, its caption above."""
    rules = ["---:" if at_right else "---" for at_right in table.right_aligned()]
    rows = [map(escaped, table.columns), rules, *(map(escaped, row) for row in table.texts())]
    caption = f"{escaped(table.caption)}\n\n" if table.caption else ""
    return caption + "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _section(section: Section, *, alone: bool) -> list[str]:
    level = "##" if alone else "###"
    parts = [] if alone else [f"## {escaped(section.title)}", _strong(section.conclusion)]
    parts += [f"> **Warning:** {escaped(warning)}" for warning in section.warnings]
    parts += [_chart(chart, level) for chart in section.view.charts]
    parts += [table_text(table) for table in section.view.tables if table.columns]
    if section.notes:
        parts += [f"{level} Notes", "\n".join(f"- {escaped(note)}" for note in section.notes)]
    if section.method:
        parts += [f"{level} Method", _facts(section.method)]
    return parts


def _chart(chart: Chart, level: str) -> str:
    note = f"\n\n{escaped(chart.note)}" if chart.note else ""
    table = replace(chart_table(chart), caption="")  # the heading says it
    return f"{level} {escaped(chart.title)}{note}\n\n{table_text(table)}"


def _facts(facts: tuple[Fact, ...]) -> str:
    return "\n".join(f"- {escaped(fact.name)}: {_value(fact)}" for fact in facts)


def _value(fact: Fact) -> str:
    if not fact.code:
        return escaped(fact.value)
    value = " ".join(fact.value.split())
    fence = "`" * (max((len(run) for run in re.findall("`+", value)), default=0) + 1)
    apart = " " if value.startswith("`") or value.endswith("`") else ""
    return f"{fence}{apart}{value}{apart}{fence}"
