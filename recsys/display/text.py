"""A `View` as plain text: aligned columns, wrapped cells, tables too wide for the line split into blocks."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from recsys.display.view import Table, View

GAP = "  "
NARROWEST = 8


def to_text(view: View, width: int = 80) -> str:
    """Return the view as text of lines of at most `width` characters (words longer than that are elided).

    Examples
    --------
    >>> print(to_text(View("Evaluation", (Table(("model", "ndcg@10"), (("als", 0.12),)),), ("ties: by item code",))))
    Evaluation
    <BLANKLINE>
    model  ndcg@10
    ─────  ───────
    als     0.1200
    <BLANKLINE>
    · ties: by item code
    """
    parts = ["\n".join(wrap(view.title, width))] if view.title else []
    parts += [table_text(table, width) for table in view.tables]
    if view.notes:
        parts.append("\n".join(line for note in view.notes for line in _bullet(note, width)))
    return "\n\n".join(parts)


def table_text(table: Table, width: int = 80) -> str:
    """Return one table as text; where it is too wide, further columns follow in blocks that repeat the first one.

    Examples
    --------
    >>> print(table_text(Table(("item", "n"), (("a", 1), ("b", 20)))))
    item   n
    ────  ──
    a      1
    b     20
    """
    texts, right = table.texts(), table.right_aligned()
    natural = [
        max(line_width(word) for word in (name, *(row[place] for row in texts)))
        for place, name in enumerate(table.columns)
    ]
    blocks = ["\n".join(wrap(table.caption, width))] if table.caption else []
    drawn = []
    for places in _blocks(natural, [not at_right for at_right in right], width):
        widths = _shrunk([natural[place] for place in places], [not right[place] for place in places], width)
        columns = [table.columns[place] for place in places]
        rows = [[row[place] for place in places] for row in texts]
        drawn.append(_block(columns, rows, widths, [right[place] for place in places]))
    return "\n".join([*blocks, "\n\n".join(drawn)])


def line_width(text: str) -> int:
    """Return how many terminal cells a text takes: wide characters two, combining ones none.

    Examples
    --------
    >>> line_width("映画"), line_width("e\u0301")
    (4, 1)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text
    )


def wrap(text: str, width: int) -> list[str]:
    """Return the text in lines of at most `width` cells, broken at spaces; longer words are elided with an ellipsis.

    Examples
    --------
    >>> wrap("one two incomprehensibilities", 8)
    ['one two', 'incompr…']
    """
    lines: list[str] = []
    for word in text.split():
        if lines and line_width(lines[-1]) + 1 + line_width(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(_elided(word, width))
    return lines or [""]


def _elided(word: str, width: int) -> str:
    if line_width(word) <= width:
        return word
    while word and line_width(word) > width - 1:
        word = word[:-1]
    return f"{word}…"


def _bullet(note: str, width: int) -> list[str]:
    first, *rest = wrap(note, width - 2)
    return [f"· {first}", *(f"  {line}" for line in rest)]


def _blocks(natural: Sequence[int], flexible: Sequence[bool], width: int) -> list[list[int]]:
    """Return the columns of each block: as many as fit at their narrowest, the first column in every block."""
    least = [min(size, NARROWEST) if soft else size for size, soft in zip(natural, flexible, strict=True)]
    blocks: list[list[int]] = []
    for place in range(len(natural)):
        if blocks and sum(least[at] + len(GAP) for at in blocks[-1]) + least[place] <= width:
            blocks[-1].append(place)
        else:
            blocks.append([0, place] if blocks else [place])
    return blocks


def _shrunk(widths: list[int], flexible: Sequence[bool], width: int) -> list[int]:
    """Take cells from the widest text column, one at a time, until the line fits."""
    fitted = list(widths)
    while sum(fitted) + len(GAP) * (len(fitted) - 1) > width:
        soft = [place for place, free in enumerate(flexible) if free and fitted[place] > NARROWEST]
        if not soft:
            return fitted
        fitted[max(soft, key=lambda place: fitted[place])] -= 1
    return fitted


def _block(columns: Sequence[str], rows: list[list[str]], widths: Sequence[int], right: Sequence[bool]) -> str:
    rule = GAP.join("─" * size for size in widths)
    lines = [*_row(columns, widths, right), rule]
    for row in rows:
        lines += _row(row, widths, right)
    return "\n".join(lines)


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    wrapped = [
        [cell] if line_width(cell) <= size else wrap(cell, size) for cell, size in zip(cells, widths, strict=True)
    ]
    lines = []
    for place in range(max(map(len, wrapped))):
        parts = [cell[place] if place < len(cell) else "" for cell in wrapped]
        padded = [_padded(*part) for part in zip(parts, widths, right, strict=True)]
        lines.append(GAP.join(padded).rstrip())
    return lines


def _padded(text: str, width: int, at_right: bool) -> str:
    blank = " " * (width - line_width(text))
    return blank + text if at_right else text + blank
