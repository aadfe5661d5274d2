"""Formulas become MathML while the site is built, so that a reader's browser draws them without a script.

`pymdownx.arithmatex` marks what stands between dollars; this hook translates the marked text. A formula that cannot be
translated stops the build.
"""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert

MARKED = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
OPERATOR = re.compile(r"(\\(?:sum|prod))(?=[_^])")  # in a line of its own, its bounds stand below and above


def on_page_content(content: str, **_: object) -> str:
    """Return the page with MathML in place of LaTeX."""
    return MARKED.sub(_mathml, content)


def _mathml(found: re.Match[str]) -> str:
    tag, opening, latex = found.groups()
    display = "block" if opening == "[" else "inline"
    source = html.unescape(latex).strip()
    if display == "block":
        source = OPERATOR.sub(r"\1\\limits", source)
    drawn = convert(source, display=display)
    if "\\" in drawn:  # a command that the translator does not know comes out as it went in
        raise ValueError(f"this formula cannot be translated: {latex}")
    focusable = ' tabindex="0"' if display == "block" else ""  # a wide one is scrolled from the keyboard
    return f'<{tag} class="formula"{focusable}>{drawn}</{tag}>'
