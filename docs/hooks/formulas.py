"""Formulas become MathML while the site is built, so that a reader's browser draws them without a script.

`pymdownx.arithmatex` marks what stands between dollars; this hook translates the marked text. A formula that cannot be
translated stops the build.
"""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert

MARKED = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(content: str, **_: object) -> str:
    """Return the page with MathML in place of LaTeX."""
    return MARKED.sub(_mathml, content)


def _mathml(found: re.Match[str]) -> str:
    tag, opening, latex = found.groups()
    display = "block" if opening == "[" else "inline"
    drawn = convert(html.unescape(latex).strip(), display=display)
    return f'<{tag} class="formula">{drawn}</{tag}>'
